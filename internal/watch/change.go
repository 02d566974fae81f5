package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// rights says for which action somebody is told of a noun. What is somebody's own is narrowed further below.
var rights = map[audit.Noun]access.Action{
	audit.NounRequest:     access.Read,
	audit.NounFlag:        access.Read,
	audit.NounKill:        access.Read,
	audit.NounRollout:     access.Read,
	audit.NounApp:         access.Read,
	audit.NounPerson:      access.Read,
	audit.NounGroup:       access.Read,
	audit.NounTemplate:    access.Read,
	audit.NounPolicy:      access.Read,
	audit.NounEnvironment: access.Read,
	audit.NounSegment:     access.Read,
	audit.NounLifecycle:   access.Read,
	audit.NounAudit:       access.AuditRead,
	audit.NounToken:       access.TokenMake,
	audit.NounSDKKey:      access.KeyRead,
	audit.NounSession:     access.TokenMake,
	audit.NounProposal:    access.ProposalRead,
}

// Change is the data of an event named change: something changed, and whoever shows it fetches it again.
type Change struct {
	Noun     audit.Noun `json:"noun" enum:"request,flag,kill,rollout,app,person,group,template,policy,environment,segment,lifecycle,audit,token,sdk_key,session,proposal"`
	ID       string     `json:"id" doc:"As in the path of the thing: an id, a key, a slug, a name or an e-mail address"`
	Revision int64      `json:"revision,omitempty" doc:"Its revision after the change, where it has one that is known"`
}

// told is a change and who is told of it.
type told struct {
	leaf   int64 // of the event that it was made of
	change Change
	on     access.Scope
	only   []access.Identity // nil is everybody who may
	text   []byte            // as it is sent
}

// may reports whether somebody is told.
func (t *told) may(by access.Actor) bool {
	return (t.only == nil || slices.ContainsFunc(t.only, by.Identity().Is)) && access.Can(by, rights[t.change.Noun], t.on) == nil
}

// changesOf derives from one event of the audit log what changed: what the event is about, and what else it names, since
// that looks different too. Every change appends an event, so that nothing changes untold.
func changesOf(e audit.Event) []Change {
	var all []Change
	add := func(noun audit.Noun, id string) {
		c := Change{Noun: noun, ID: id}
		if id != "" && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	kind, _ := audit.KindOf(e.Event)
	switch kind.Noun {
	case audit.NounRequest, audit.NounFlag, audit.NounRollout, audit.NounApp, audit.NounAudit, "": // by their own members, below
	case audit.NounLifecycle:
		add(audit.NounLifecycle, "default")
	default:
		_, id, _ := strings.Cut(e.Subject, ":")
		add(kind.Noun, id)
	}
	add(audit.NounRequest, e.RequestID)
	add(audit.NounFlag, e.FlagKey)
	add(audit.NounRollout, e.RolloutID)
	if kind.Noun != audit.NounSDKKey {
		add(audit.NounApp, e.App)
	}
	add(audit.NounAudit, e.ID)
	return all
}

// reachedBy returns the flags that look different since others are members of a group: the audience that they are for is another.
func reachedBy(ctx context.Context, tx *store.Tx, e audit.Event) (all []Change, err error) {
	if !slices.Contains(audit.Membership, e.Event) {
		return nil, nil
	}
	_, group, _ := strings.Cut(e.Subject, ":")
	keys, err := registry.ForMembers(ctx, tx, group)
	for _, key := range keys {
		all = append(all, Change{Noun: audit.NounFlag, ID: key})
	}
	return all, err
}

// tellOf makes what streams are sent of events, in their order. Of several changes of the same thing the last is told.
func tellOf(ctx context.Context, tx *store.Tx, entries []audit.Entry) ([]told, error) {
	changes := make([][]Change, len(entries))
	last := map[Change]int{} // by change, the entry that tells it
	var requests []string
	for i, e := range entries {
		reached, err := reachedBy(ctx, tx, e.Event)
		if err != nil {
			return nil, err
		}
		changes[i] = append(changesOf(e.Event), reached...)
		for _, change := range changes[i] {
			last[change] = i
		}
		if e.RequestID != "" {
			requests = append(requests, e.RequestID)
		}
	}
	slices.Sort(requests)
	seen, err := review.SeenBy(ctx, tx, slices.Compact(requests))
	if err != nil {
		return nil, err
	}
	var all []told
	for i, e := range entries {
		for _, change := range changes[i] {
			if last[change] != i {
				continue
			}
			t := told{leaf: *e.Leaf, change: change}
			if err := t.fill(ctx, tx, e.Event, seen[e.RequestID]); err != nil {
				return nil, err
			}
			all = append(all, t)
		}
	}
	return all, nil
}

// fill adds the revision and who is told, and puts the change in the form in which it is sent.
func (t *told) fill(ctx context.Context, tx *store.Tx, e audit.Event, request review.Seen) error {
	after, _ := e.Details["after"].(map[string]any)
	if revision, ok := after["revision"].(float64); ok && strings.HasPrefix(e.Subject, string(t.change.Noun)+":") {
		t.change.Revision = int64(revision)
	}
	switch t.change.Noun {
	case audit.NounRequest:
		t.change.Revision = request.Revision
	case audit.NounFlag:
		if e.FlagKey == "" { // one of the flags for the members of a group, which may be many; none of them is at another revision
			break
		}
		flag, _, err := registry.Get(ctx, tx, t.change.ID)
		if err != nil {
			return err
		}
		t.change.Revision = flag.Revision
	case audit.NounApp, audit.NounSDKKey:
		app, _, err := catalog.Load(ctx, tx, e.App)
		if err != nil {
			return err
		}
		if t.on.OwnerGroup = app.Owner; t.change.Noun == audit.NounApp {
			t.change.Revision = app.Revision
		}
	case audit.NounToken:
		as, _ := after["as_id"].(string)
		t.on.Person.ID = access.PersonID(as)
	case audit.NounSession:
		p, _, err := access.PersonByEmail(ctx, tx, t.change.ID)
		if err != nil {
			return err
		}
		t.on.Person = p.Identity()
	default: // nothing more is known, and everybody who may read is told
	}
	if request.Draft && t.change.Noun != audit.NounAudit {
		t.only = request.Editors
	}
	text, err := json.Marshal(t.change)
	if err != nil {
		return fmt.Errorf("encode change: %w", err)
	}
	t.text = slices.Concat([]byte("event: change\ndata: "), text, []byte("\n\n"))
	return nil
}

// actorsOf returns whose rights an event may have changed: people by their e-mail addresses, or everybody.
func actorsOf(e audit.Event) (people []string, everybody bool) {
	kind, known := audit.KindOf(e.Event)
	if !known { // a newer server wrote it
		return nil, true
	}
	if kind.Noun == audit.NounPerson {
		_, email, _ := strings.Cut(e.Subject, ":")
		return []string{email}, false
	}
	if kind.Noun != audit.NounGroup {
		return nil, false
	}
	after, known := e.Details["after"].(map[string]any)
	if !known {
		return nil, true
	}
	before, _ := e.Details["before"].(map[string]any)
	for _, group := range []map[string]any{before, after} {
		members, _ := group["members"].([]any)
		for _, member := range members {
			if email, ok := member.(string); ok {
				people = append(people, email)
			}
		}
	}
	return people, false
}
