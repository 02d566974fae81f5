package review

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// subject is what one kind of request is about. It reads its own facts, and all its other methods work over these: they are
// pure, except load, reserve, release and effect, which are steps. What a kind does not have it takes from bare.
type subject interface {
	// title names the request in a few plain words; like takes it needs no facts.
	title(c Content) string
	// takes are the members of a content that belong to the kind, besides kind, reason and draft.
	takes() []string
	// load reads the facts. In a write transaction it locks what an effect would change.
	load(ctx context.Context, tx *store.Tx, r record, w World) error
	// about is what is there of the app, the flag and the template that the request is about.
	about() *target
	// ask decides whether the actor may ask for it at all: nil, or a fault that says who may.
	ask(by access.Actor, c Content) error
	// conflict is what forbids it for now, whatever it says: a base that is not the present one, a rollout that runs. It is a
	// finding of schema in a dry run and refuses submit, edit and approval.
	conflict(c Content, w World) *fault.Error
	// check judges the content.
	check(c Content, w World) checked
	// base names the state of what changes, so that approvals are given to it. It encodes to JSON. For a kind that changes
	// nothing which is there it is nil, also before load.
	base(c Content) any
	// reserve takes what the request needs, once it is known to be good.
	reserve(ctx context.Context, m move, a Assessed) error
	// release frees what reserve took, for a request that is not to be.
	release(ctx context.Context, m move, reason string) error
	// effect does what an approved request asks for, and returns the revisions that SDKs are to see, by environment.
	effect(ctx context.Context, m move, a Assessed) (map[string]int64, error)
	// audiences are the segments that flags are for in a governed environment by the effect, by the key of the flag; an empty key is
	// the flag of the request.
	audiences(a Assessed, w World) map[string][]string
}

// kinds is the table of all kinds: each makes a subject whose facts are still to be read.
var kinds = []struct {
	kind Kind
	make func() subject
}{
	{PublishApp, func() subject { return &publishing{} }},
	{CreateFlag, func() subject { return &creating{} }},
	{ChangeApp, func() subject { return &changingApp{} }},
	{ChangeFlag, func() subject { return &changingFlag{} }},
	{ExtendTTL, func() subject { return &extending{} }},
	{Deprecate, func() subject { return &retiring{} }},
	{Remove, func() subject { return &removing{} }},
	{RestoreFlag, func() subject { return &restoring{} }},
	{ImportFlags, func() subject { return &importing{} }},
	{ChangeSegment, func() subject { return &changingSegment{} }},
}

// subject makes the subject of a request of this kind, without facts; of a kind that does not exist, one that only says so.
func (k Kind) subject() subject {
	for _, row := range kinds {
		if row.kind == k {
			return row.make()
		}
	}
	return &unknown{}
}

// known reports whether the kind exists.
func (k Kind) known() bool {
	_, not := k.subject().(*unknown)
	return !not
}

func unknownKind(k Kind) *fault.Error {
	names := make([]string, len(kinds))
	for i, row := range kinds {
		names[i] = string(row.kind)
	}
	last := len(names) - 1
	return fault.New(fault.Invalid, "unknown_kind", "%q is not something that can be asked for", k).At("kind").
		Fix("use %s or %s", strings.Join(names[:last], ", "), names[last])
}

// bare is a subject that forbids, reserves and changes nothing of what is there.
type bare struct{}

func (bare) conflict(Content, World) *fault.Error          { return nil }
func (bare) base(Content) any                              { return nil }
func (bare) reserve(context.Context, move, Assessed) error { return nil }
func (bare) release(context.Context, move, string) error   { return nil }
func (bare) audiences(Assessed, World) map[string][]string { return nil }

// unknown is the subject of a content whose kind does not exist: all that can be said is that.
type unknown struct {
	bare
	target
}

func (*unknown) title(c Content) string { return string(c.Kind) }

func (*unknown) takes() []string { return memberNames() }

func (*unknown) load(context.Context, *store.Tx, record, World) error { return nil }

func (*unknown) ask(_ access.Actor, c Content) error { return unknownKind(c.Kind) }

func (*unknown) check(c Content, _ World) checked {
	return checked{content: c, schema: []fault.Finding{findingOf(unknownKind(c.Kind))}, blind: true}
}

func (*unknown) effect(_ context.Context, m move, _ Assessed) (map[string]int64, error) {
	return nil, unknownKind(m.r.content.Kind)
}

// move is a step of a request: who moves which one, when, inside whose transaction.
type move struct {
	desk *Desk
	tx   *store.Tx
	by   access.Actor
	at   time.Time
	w    World // as the facts have it; empty where a request is closed
	r    *record
}

// change begins a change of the flag that the request is about.
func (m move) change(cause registry.Cause) registry.Change {
	return registry.Change{By: m.by, At: m.at, RequestID: m.r.id, Reason: m.reason(), Cause: cause}
}

// reason is why what was asked for is done.
func (m move) reason() string { return orElse(m.r.content.Reason, "request approved") }

// ident names the flag that the request is about.
func (m move) ident() lifecycle.Ident {
	return lifecycle.Ident{Key: m.r.flag.Key, FlagID: m.r.flag.FlagID, App: m.r.app}
}

// checked is what a subject makes of a content.
type checked struct {
	content  Content                // with defaults filled in
	app      App                    // that it is about, as it is now
	judged   App                    // as policies are to see it
	fields   map[string]any         // of the template, as policies are to see them
	schema   []fault.Finding        // of the check schema
	results  map[string]CheckResult // of the other checks, except policy
	plan     []rollout.Step
	diff     []Change
	impact   Impact
	audience *audience              // whom a new flag is for; nil: the request brings none
	was      catalog.Classification // of the data that the app showed so far, where the request says another
	says     map[string]any         // members of input.request that only this kind has
	exposes  bool                   // it lets more people see more than now
	lenient  bool                   // what policy refuses is a warning: it was approved before, or makes things safer
	free     bool                   // nobody needs to approve it
	blind    bool                   // what policy judges is not there yet
	each     []perspective          // how it looks from each flag that it reaches; policies judge by each, and the strictest counts
	atLeast  Risk                   // whatever policy says; empty: policy alone decides
	findings map[string]string      // where a finding of policy at a field belongs, since this kind has other members
}

// perspective is a request as it looks from one of several flags that it is about.
type perspective struct {
	about *target
	seen  checked
}

// findingOf puts a refusal among the findings.
func findingOf(e *fault.Error) fault.Finding {
	return fault.Finding{
		Severity: fault.SeverityError, Field: e.Field, Code: e.Code, Message: e.Message, Remediation: e.Remediation,
	}
}

// wrong is a finding of schema that fails it.
func wrong(field, code, remediation, format string, args ...any) fault.Finding {
	return fault.Finding{
		Severity: fault.SeverityError, Field: field, Code: code, Message: fmt.Sprintf(format, args...), Remediation: remediation,
	}
}
