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

// Noun is a kind of thing that live updates tell of.
type Noun string

// The nouns.
const (
	nounRequest     Noun = "request"
	nounFlag        Noun = "flag"
	nounKill        Noun = "kill"
	nounRollout     Noun = "rollout"
	nounApp         Noun = "app"
	nounPerson      Noun = "person"
	nounGroup       Noun = "group"
	nounTemplate    Noun = "template"
	nounPolicy      Noun = "policy"
	nounEnvironment Noun = "environment"
	nounSegment     Noun = "segment"
	nounLifecycle   Noun = "lifecycle"
	nounAudit       Noun = "audit"
	nounToken       Noun = "token"
	nounSDKKey      Noun = "sdk_key"
	nounSession     Noun = "session"
	nounProposal    Noun = "proposal"
)

// nouns says for which action somebody is told of a noun. What is somebody's own is narrowed further below.
var nouns = map[Noun]access.Action{
	nounRequest: access.Read, nounFlag: access.Read, nounKill: access.Read, nounRollout: access.Read, nounApp: access.Read, nounPerson: access.Read,
	nounGroup: access.Read, nounTemplate: access.Read, nounPolicy: access.Read, nounEnvironment: access.Read,
	nounSegment: access.Read, nounLifecycle: access.Read, nounAudit: access.AuditRead, nounToken: access.TokenMake,
	nounSDKKey: access.KeyRead, nounSession: access.TokenMake, nounProposal: access.GovernWrite,
}

// Change is the data of an event named change: something changed, and whoever shows it fetches it again.
type Change struct {
	Noun     Noun   `json:"noun" enum:"request,flag,kill,rollout,app,person,group,template,policy,environment,segment,lifecycle,audit,token,sdk_key,session,proposal"`
	ID       string `json:"id" doc:"As in the path of the thing: an id, a key, a slug, a name or an e-mail address"`
	Revision int64  `json:"revision,omitempty" doc:"Its revision after the change, where it has one that is known"`
}

// told is a change and who is told of it.
type told struct {
	leaf   int64 // of the event that it was made of
	change Change
	on     access.Scope
	only   []string // e-mail addresses; nil is everybody who may
	text   []byte   // as it is sent
}

// may reports whether somebody is told.
func (t *told) may(by access.Actor) bool {
	return (t.only == nil || slices.Contains(t.only, by.Email)) && access.Can(by, nouns[t.change.Noun], t.on) == nil
}

// changesOf derives from one event of the audit log what changed: what the event is about, and what else it names, since
// that looks different too. Every change appends an event, so that nothing changes untold.
func changesOf(e audit.Event) []Change {
	var all []Change
	add := func(noun Noun, id string) {
		c := Change{Noun: noun, ID: id}
		if id != "" && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	kind, id, _ := strings.Cut(e.Subject, ":")
	switch noun := Noun(kind); {
	case strings.HasPrefix(e.Event, "person.signed_"): // seen by that person alone, and no change of the person
		add(nounSession, id)
	case noun == nounLifecycle:
		add(nounLifecycle, "default")
	case noun != nounAudit && nouns[noun] != "":
		add(noun, id)
	}
	add(nounRequest, e.RequestID)
	add(nounFlag, e.FlagKey)
	add(nounRollout, e.RolloutID)
	if prefix, _, _ := strings.Cut(e.Event, "."); prefix != string(nounSDKKey) {
		add(nounApp, e.App)
	}
	add(nounAudit, e.ID)
	return all
}

// tellOf makes what streams are sent of events, in their order. Of several changes of the same thing the last is told.
func tellOf(ctx context.Context, tx *store.Tx, entries []audit.Entry) ([]told, error) {
	last := map[Change]int{} // by change, the entry that tells it
	var requests []string
	for i, e := range entries {
		for _, change := range changesOf(e.Event) {
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
		for _, change := range changesOf(e.Event) {
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
	case nounRequest:
		t.change.Revision = request.Revision
	case nounFlag:
		flag, _, err := registry.Get(ctx, tx, t.change.ID)
		if err != nil {
			return err
		}
		t.change.Revision = flag.Revision
	case nounApp, nounSDKKey:
		app, _, err := catalog.Load(ctx, tx, e.App)
		if err != nil {
			return err
		}
		if t.on.OwnerGroup = app.Owner; t.change.Noun == nounApp {
			t.change.Revision = app.Revision
		}
	case nounToken:
		t.on.Person, _ = after["as"].(string)
	case nounSession:
		t.on.Person = t.change.ID
	default: // nothing more is known, and everybody who may read is told
	}
	if request.Draft && t.change.Noun != nounAudit {
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
	kind, id, _ := strings.Cut(e.Subject, ":")
	switch {
	case strings.HasPrefix(e.Event, "person.signed_"):
		return nil, false
	case Noun(kind) == nounPerson:
		return []string{id}, false
	case Noun(kind) != nounGroup:
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
