package review

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// Facts is what a check knows besides the content: the world, which is the same for every kind of request, and what the request
// is about.
type Facts struct {
	World
	Reports []report // what service accounts say of the checks of just this content
	subject subject
}

// World is who is there and by which rules requests are judged.
type World struct {
	Now          time.Time
	Requester    access.Actor
	Authors      []Author // and who may be behind them (record.wrote)
	Policies     policy.Force
	People       []string // e-mail addresses, to name near ones
	Groups       []string // likewise
	Approvers    []access.Group
	Agents       []access.PersonID // people who are agents
	Environments []registry.Environment
	Rules        lifecycle.Rules
	documents    *importer.Reader
	Offline      bool // people, groups, apps and flags are not known, so that nothing is said about them
}

// Files is what files alone tell about a request, for `souk check`.
type Files struct {
	Templates map[string]template.Document // by id
	Segments  []registry.Segment
}

// Offline makes the facts that files alone give of a content; nothing is read.
func Offline(c Content, w World, files Files) Facts {
	w.Offline = true
	s := c.Kind.subject()
	if made, ok := s.(interface{ fromFiles(c Content, files Files) }); ok {
		made.fromFiles(c, files)
	}
	return Facts{World: w, subject: s}
}

// electors reads the part of the world that decisions need: who may decide, and about which environment.
func electors(ctx context.Context, tx *store.Tx) (w World, err error) {
	if w.Approvers, err = access.ApproverGroups(ctx, tx); err != nil {
		return World{}, err
	}
	if w.Agents, err = access.Agents(ctx, tx); err != nil {
		return World{}, err
	}
	w.Environments, err = registry.Environments(ctx, tx)
	return w, err
}

// facts reads what the checks of r's content need to know, as this transaction sees it. by is who submits, edits or asks;
// a stored request is checked for its requester.
func (d *Desk) facts(ctx context.Context, tx *store.Tx, r record, by access.Actor) (f Facts, err error) {
	if f.World, err = electors(ctx, tx); err != nil {
		return Facts{}, err
	}
	if f.Policies, err = d.Policies.InForce(ctx, tx); err != nil {
		return Facts{}, err
	}
	if f.Rules, err = lifecycle.DefaultRules(ctx, tx); err != nil {
		return Facts{}, err
	}
	if len(r.authors) == 0 {
		r.authors, r.makers = []Author{authorOf(by)}, by.Makers
	}
	f.documents = &d.documents
	f.Now, f.Authors = d.Now(), r.wrote(f.Agents)
	if f.Requester, err = r.actor(ctx, tx, by); err != nil {
		return Facts{}, err
	}
	if f.People, f.Groups, err = access.Names(ctx, tx); err != nil {
		return Facts{}, err
	}
	if f.subject, err = r.subject(ctx, tx, f.World); err != nil {
		return Facts{}, err
	}
	f.Reports, err = r.reports(ctx, tx, f.subject, f.Now)
	return f, err
}

// readAhead reads the document of an import while no transaction is open, so that nobody waits for a connection, or to write, because of it. What is
// wrong with it is found where it is judged.
func (d *Desk) readAhead(ctx context.Context, c Content) {
	if c.Kind == ImportFlags && !c.Draft {
		_, _ = d.documents.Read(ctx, c.source())
	}
}

// subjects is the world that subjects are read by.
func (d *Desk) subjects(requester access.Actor) World {
	return World{Now: d.Now(), Requester: requester, documents: &d.documents}
}

// subject reads what the request is about, by Desk.subjects.
func (r record) subject(ctx context.Context, tx *store.Tx, w World) (subject, error) {
	s := r.content.Kind.subject()
	return s, s.load(ctx, tx, r, w)
}

// actor is who asked, as they are now; by who asks for a new one. Somebody who may not sign in any more may do nothing.
func (r record) actor(ctx context.Context, tx *store.Tx, by access.Actor) (access.Actor, error) {
	if files, local := strings.CutPrefix(r.requester.Email, "local:"); local {
		return access.Local(files), nil
	}
	if r.requester.Email == "" || r.requester.Is(by.Identity()) {
		return by, nil
	}
	requester, err := access.ActorOf(ctx, tx, r.requester.ID, by.Credential, access.ScopeAll)
	if fault.Is(err, fault.Unauthenticated) {
		err = nil
	}
	return requester, err
}

func (w World) environment(name string) (registry.Environment, bool) {
	i := slices.IndexFunc(w.Environments, func(e registry.Environment) bool { return e.Name == name })
	if i < 0 {
		return registry.Environment{}, false
	}
	return w.Environments[i], true
}

// unknownEnvironment is the finding for an environment that does not exist, or is not named.
func (w World) unknownEnvironment(name string) fault.Finding {
	names := make([]string, len(w.Environments))
	for i, e := range w.Environments {
		names[i] = e.Name
	}
	return wrong("environment", "unknown_environment", fault.Meant(name, names, "choose "+strings.Join(names, ", ")),
		"there is no environment %q", fault.Clip(name, maxWords/2))
}

// governed names the first governed environment, the one that approvals are about.
func (w World) governed() string {
	for _, e := range w.Environments {
		if e.Governed {
			return e.Name
		}
	}
	return ""
}
