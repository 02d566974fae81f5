package review

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// trait is all that sets one kind of request apart from the others. Its functions are pure, save about, reserve, release and
// effect, which are steps. Where one of reserve, release, base and conflict is absent, there is nothing of its sort to do.
type trait struct {
	// title names the request in a few plain words.
	title func(c Content) string
	// takes are the members of a content that belong to the kind, besides kind, reason and draft.
	takes []string
	// about reads into the facts what the request is about. In a write transaction it locks what an effect would change.
	about func(ctx context.Context, tx *store.Tx, at time.Time, r record, f *Facts) error
	// ask decides whether the actor may ask for it at all; nil, or a fault that says who may.
	ask func(by access.Actor, c Content, f Facts) error
	// conflict tells what forbids it for now, whatever it says: a base that is not the present one, a rollout that runs. It is
	// a finding of schema in a dry run and refuses submit, edit and approval.
	conflict func(c Content, f Facts) *fault.Error
	// check judges the content.
	check func(c Content, f Facts) checked
	// base names the state of what changes, so that approvals are given to it. It encodes to JSON.
	base func(c Content, f Facts) any
	// reserve takes what the request needs, once it is known to be good.
	reserve func(ctx context.Context, m move, a Assessed, f Facts) error
	// release frees what reserve took, for a request that is not to be.
	release func(ctx context.Context, m move, reason string) error
	// effect does what an approved request asks for, and gives the revisions that SDKs are to see, by environment.
	effect func(ctx context.Context, m move, a Assessed, f Facts) (map[string]int64, error)
}

// trait gives what sets the kind apart; ok is false for one that does not exist.
func (k Kind) trait() (t trait, ok bool) {
	switch k {
	case PublishApp:
		return publishing(), true
	case CreateFlag:
		return creating(), true
	case ChangeApp:
		return changingApp(), true
	case ChangeFlag:
		return changingFlag(), true
	case ExtendTTL:
		return extending(), true
	case Deprecate:
		return retiring(), true
	case Remove:
		return removing(), true
	case RestoreFlag:
		return restoring(), true
	case ImportFlags:
		return importing(), true
	}
	return trait{}, false
}

// kindNames are for those who ask for a kind that does not exist.
const kindNames = "publish_app, create_flag, change_app, change_flag, extend_ttl, deprecate, remove, restore_flag or import_flags"

func unknownKind(k Kind) *fault.Error {
	return fault.New(fault.Invalid, "unknown_kind", "%q is not something that can be asked for", k).At("kind").Fix("use " + kindNames)
}

// unknown is the trait of a content whose kind does not exist: all that can be said is that.
func unknown() trait {
	return trait{
		takes: memberNames(),
		check: func(c Content, _ Facts) checked {
			return checked{content: c, schema: []fault.Finding{findingOf(unknownKind(c.Kind))}, blind: true}
		},
	}
}

// move is a step of a request: who moves which one, when, inside whose transaction.
type move struct {
	desk *Desk
	tx   *store.Tx
	by   access.Actor
	at   time.Time
	r    *record
}

// change begins a change of the flag that the request is about.
func (m move) change(cause registry.Cause) registry.Change {
	return registry.Change{By: m.by, At: m.at, RequestID: m.r.id, Reason: orElse(m.r.content.Reason, "request approved"), Cause: cause}
}

// ident names the flag that the request is about.
func (m move) ident() lifecycle.Ident {
	return lifecycle.Ident{Key: m.r.flag.Key, FlagID: m.r.flag.FlagID, App: m.r.app}
}

// checked is what a kind makes of a content.
type checked struct {
	content  Content                // with defaults filled in
	app      App                    // that it is about, as it is now
	judged   App                    // as policies are to see it
	fields   map[string]any         // of the template, as policies are to see them
	schema   []fault.Finding        // of the check schema
	results  map[string]CheckResult // of the other checks, save policy
	plan     []rollout.Step
	diff     []Change
	impact   Impact
	says     map[string]any    // members of input.request that only this kind has
	exposes  bool              // it lets more people see more than now
	lenient  bool              // what policy refuses is a warning: it was approved before, or makes things safer
	free     bool              // nobody needs to approve it
	blind    bool              // what policy judges is not there yet
	findings map[string]string // where a finding of policy at a field belongs, since this kind has other members
}

// members are those of a content that belong to some kinds only.
var members = []struct {
	name  string
	given func(c Content) bool
}{
	{"template_id", func(c Content) bool { return c.TemplateID != "" }},
	{"app", func(c Content) bool { return c.App != nil }},
	{"fields", func(c Content) bool { return c.Fields != nil }},
	{"attachments", func(c Content) bool { return len(c.Attachments) > 0 }},
	{"removal_plan", func(c Content) bool { return c.RemovalPlan != "" }},
	{"flag_key", func(c Content) bool { return c.FlagKey != "" }},
	{"environment", func(c Content) bool { return c.Environment != "" }},
	{"base_revision", func(c Content) bool { return c.BaseRevision != 0 }},
	{"change", func(c Content) bool { return c.Change != nil }},
	{"until", func(c Content) bool { return c.Until != "" }},
	{"format", func(c Content) bool { return c.Format != "" }},
	{"document", func(c Content) bool { return c.Document != "" }},
}

func memberNames() []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.name
	}
	return names
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

// unknownEnvironment is the finding for an environment that does not exist, or is not named.
func (f Facts) unknownEnvironment(name string) fault.Finding {
	names := make([]string, len(f.Environments))
	for i, e := range f.Environments {
		names[i] = e.Name
	}
	return wrong("environment", "unknown_environment", fault.Meant(name, names, "choose "+strings.Join(names, ", ")),
		"there is no environment %q", fault.Clip(name, maxWords/2))
}

// quoted is a text for a title.
func quoted(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return fault.Clip(text, 80)
}
