package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/template"
)

// Target is the installation that documents are applied to. It is safe for concurrent use.
type Target struct {
	DB        *store.DB
	Directory *access.Directory
	Registry  *registry.Registry
	Library   *template.Library
	Engine    *policy.Engine
	Lifecycle *lifecycle.Lifecycles
	Desk      *review.Desk
	Now       func() time.Time
}

// Apply plans what makes the installation what the documents say and, unless it is a dry run, carries it out, each step
// through its own verb. All documents are judged before the first step; a step that fails all the same stops the rest, and
// the plan that comes with the error says what was done. Applying again goes on from there. Apps and flags are asked for, as
// requests of the actor.
func (t *Target) Apply(ctx context.Context, by access.Actor, documents []Document, o Options) (Plan, error) {
	for _, action := range []access.Action{access.GovernWrite, access.PeopleWrite} {
		if err := access.Can(by, action, access.Scope{}); err != nil {
			return Plan{}, err
		}
	}
	if len(documents) == 0 || len(documents) > maxDocuments {
		return Plan{}, fault.New(fault.Invalid, "no_documents", "there are %d documents; 1 to %d are taken", len(documents), maxDocuments).
			Fix("name a directory with documents")
	}
	wishes, findings := decode(documents)
	var now state
	var unheard, unstaged []fault.Finding
	err := t.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if now, err = t.look(ctx, tx, by, wishes); err != nil {
			return err
		}
		var unfit []fault.Finding
		if unfit, unheard, err = t.fit(ctx, tx, wishes); err != nil {
			return err
		}
		findings = append(findings, unfit...)
		unstaged, err = plans(ctx, tx, wishes)
		return err
	})
	if err != nil {
		return Plan{}, err
	}
	plan, unknown := diff(now, wishes)
	plan.Warnings = slices.Concat(plan.Warnings, unheard, unstaged)
	plan.prune(now.applied, wishes, o.Prune)
	if err := refuse(append(findings, unknown...)); err != nil {
		return Plan{}, err
	}
	if o.DryRun {
		return plan, nil
	}
	// What was done is remembered even where a later step stopped.
	err = t.carryOut(ctx, by, now, wishes, plan)
	return plan, errors.Join(err, t.remember(ctx, by, now.applied, plan))
}

// fit says what keeps the policies from being used together with those in force, so that nothing is begun that has to stop
// there, and what nobody will hear of them. Where those in force do not fit one another already, it says nothing of the first.
func (t *Target) fit(ctx context.Context, tx *store.Tx, wishes []wish) (unfit, unheard []fault.Finding, err error) {
	wanted := map[string]policy.Module{}
	for _, w := range wishes {
		if w.Kind == Policy {
			wanted[w.Name] = w.module
		}
	}
	if len(wanted) == 0 {
		return nil, nil, nil
	}
	set, err := t.Engine.At(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	together := slices.Collect(maps.Values(wanted))
	for _, m := range set.Modules() {
		if _, replaced := wanted[m.Name]; !replaced {
			together = append(together, m)
		}
	}
	if _, wrong := policy.Compile(together); wrong != nil {
		if _, already := policy.Compile(set.Modules()); already == nil {
			return findingsOf(wrong), nil, nil
		}
	}
	fields, err := template.FieldNames(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range wishes {
		if w.Kind == Template {
			fields = append(fields, w.template.Fields.Names()...)
		}
	}
	for _, w := range wishes {
		if w.Kind != Policy {
			continue
		}
		for _, f := range policy.Lint(w.module, together, fields) {
			if w.module.File == "" { // the line is one of the text within the document
				f.File = w.Source
			}
			f.Message = fmt.Sprintf("%s %s: %s", w.Kind, w.Name, f.Message)
			unheard = append(unheard, f)
		}
	}
	return nil, unheard, nil
}

// plans says what the plans of templates say and no rollout does.
func plans(ctx context.Context, tx *store.Tx, wishes []wish) (found []fault.Finding, err error) {
	for _, w := range wishes {
		if w.Kind != Template {
			continue
		}
		said, err := rollout.UnstagedIn(ctx, tx, w.template)
		if err != nil {
			return nil, err
		}
		for _, f := range said {
			f.File = w.Source
			f.Message = fmt.Sprintf("%s %s: %s", w.Kind, w.Name, f.Message)
			found = append(found, f)
		}
	}
	return found, nil
}

// look reads what the wishes are compared with.
func (t *Target) look(ctx context.Context, tx *store.Tx, by access.Actor, wishes []wish) (now state, err error) {
	now = state{
		people: map[string]access.Person{}, groups: map[string]access.Group{}, environments: map[string]registry.Environment{},
		segments: map[string]registry.Segment{}, templates: map[string]template.Document{}, policies: map[string]string{},
		asked: map[thing]asked{},
	}
	if now.applied, err = applied(ctx, tx); err != nil {
		return state{}, err
	}
	if now.peopleNames, now.groupNames, err = access.Names(ctx, tx); err != nil {
		return state{}, err
	}
	places, err := registry.Environments(ctx, tx)
	if err != nil {
		return state{}, err
	}
	for _, e := range places {
		now.allPlaces = append(now.allPlaces, e.Name)
	}
	for _, w := range wishes {
		if err := t.lookAt(ctx, tx, by, w, &now); err != nil {
			return state{}, fmt.Errorf("read %s %s: %w", w.Kind, w.Name, err)
		}
	}
	return now, nil
}

func (t *Target) lookAt(ctx context.Context, tx *store.Tx, by access.Actor, w wish, now *state) (err error) {
	switch w.Kind {
	case Person:
		for _, name := range w.person.Groups {
			if err := keep(now.groups, name)(access.GroupByName(ctx, tx, name)); err != nil {
				return err
			}
		}
		return keep(now.people, w.Name)(access.PersonByEmail(ctx, tx, w.Name))
	case Group:
		return keep(now.groups, w.Name)(access.GroupByName(ctx, tx, w.Name))
	case Environment:
		return keep(now.environments, w.Name)(registry.EnvironmentNamed(ctx, tx, w.Name))
	case Segment:
		return keep(now.segments, w.Name)(registry.SegmentNamed(ctx, tx, w.Name))
	case Template:
		found, ok, err := template.Load(ctx, tx, w.Name, 0)
		return keep(now.templates, w.Name)(found.Document, ok, err)
	case Policy:
		set, err := t.Engine.At(ctx, tx)
		if err != nil {
			return err
		}
		for _, module := range set.Modules() {
			if module.Name == w.Name {
				now.policies[w.Name] = module.Source
			}
		}
		return nil
	case Lifecycle:
		now.lifecycle, err = lifecycle.DefaultRules(ctx, tx)
		return err
	case App, Flag:
		found, err := t.lookAsked(ctx, tx, by, w)
		now.asked[thing{w.Kind, w.Name}] = found
		if found.appFound {
			now.apps = append(now.apps, found.app.Slug)
		}
		return err
	}
	return nil
}

// keep puts what was found, if it was found, into the map.
func keep[T any](into map[string]T, name string) func(found T, ok bool, err error) error {
	return func(found T, ok bool, err error) error {
		if ok {
			into[name] = found
		}
		return err
	}
}

func (t *Target) carryOut(ctx context.Context, by access.Actor, now state, wishes []wish, plan Plan) error {
	// People and groups name each other: people first without groups, then the groups, then people with theirs.
	documents := groupsOf(wishes)
	joining := func(from int) error {
		for i := range from {
			if wishes[i].Kind == Person && plan.Steps[i].Action != Keep && len(wishes[i].person.Groups) > 0 {
				person := wishes[i].person
				person.Groups = slices.DeleteFunc(slices.Clone(person.Groups), func(name string) bool { // as the plan warns
					_, lists := now.listed(documents, name)
					return lists
				})
				_, _, err := t.Directory.PutPerson(ctx, by, wishes[i].Name, person, 0)
				if err := plan.Steps[i].end(err); err != nil {
					return stopped(wishes[i], err)
				}
			}
		}
		return nil
	}
	joined := false
	for i, w := range wishes {
		if !joined && w.Kind.order() > Group.order() {
			if err := joining(i); err != nil {
				return err
			}
			joined = true
		}
		if plan.Steps[i].Action == Keep {
			continue
		}
		if err := plan.Steps[i].end(t.put(ctx, by, now, w, &plan.Steps[i], plan.Revealed)); err != nil {
			return stopped(w, err)
		}
		plan.Steps[i].Done = plan.Steps[i].Done && (w.Kind != Person || len(w.person.Groups) == 0)
	}
	if !joined {
		if err := joining(len(wishes)); err != nil {
			return err
		}
	}
	for i := len(wishes); i < len(plan.Steps); i++ {
		if err := plan.Steps[i].end(t.remove(ctx, by, plan.Steps[i])); err != nil {
			return stopped(wish{Document: Document{Kind: plan.Steps[i].Kind, Name: plan.Steps[i].Name}}, err)
		}
	}
	return nil
}

// end notes how a step went. One that a second administrator or a request has to decide waits, and the others go on.
func (s *Step) end(err error) error {
	if waiting, ok := errors.AsType[*access.Pending](err); ok {
		s.Waiting = join(s.Waiting, fmt.Sprintf("a second administrator has to confirm it (proposal %s)", waiting.Proposal.ID))
		return nil
	}
	if r, ok := errors.AsType[*requested](err); ok {
		s.Waiting = join(s.Waiting, r.Error())
		return nil
	}
	s.Done = err == nil
	return err
}

// requested says that a step waits for a request.
type requested struct {
	id    string
	state review.State
}

func (r *requested) Error() string { return fmt.Sprintf("the request %s waits (%s)", r.id, r.state) }

func (t *Target) put(ctx context.Context, by access.Actor, now state, w wish, step *Step, revealed map[string]int64) (err error) {
	switch w.Kind {
	case Person:
		w.person.Groups = nil
		_, _, err = t.Directory.PutPerson(ctx, by, w.Name, w.person, now.people[w.Name].Revision)
	case Group:
		// No revision: people that were put before may have moved it.
		_, _, err = t.Directory.PutGroup(ctx, by, w.Name, w.group, 0)
	case Environment:
		_, err = t.Registry.PutEnvironment(ctx, by, registry.Environment{
			Name: w.Name, Position: w.environment.Order, Tier: w.environment.Tier, Governed: w.environment.Governed, Version: now.environments[w.Name].Version,
		})
	case Segment:
		segment := w.segment.of(w.Name)
		segment.Revision = now.segments[w.Name].Revision
		var out review.SegmentOutcome
		if out, err = t.Desk.PutSegment(ctx, by, segment, defaultReason); err == nil && out.Request != nil {
			step.Requests = append(step.Requests, out.Request.ID)
			if out.Request.State != review.Approved {
				return &requested{out.Request.ID, out.Request.State}
			}
		}
	case Template:
		_, _, err = t.Library.Put(ctx, by, w.Spec)
	case Policy:
		_, _, err = t.Engine.Put(ctx, by, policy.Draft{Source: w.policy.Rego, File: w.Source})
	case Lifecycle:
		_, err = t.Lifecycle.SetRules(ctx, by, w.lifecycle, defaultReason)
	case App, Flag:
		err = t.ask(ctx, by, step, revealed)
	}
	return err
}

// stopped says at which document an apply stopped; what a person can mend stays a fault.
func stopped(w wish, err error) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return fmt.Errorf("apply %s %s: %w", w.Kind, w.Name, err)
	}
	told := *f
	told.Message = fmt.Sprintf("%s %s: %s", w.Kind, w.Name, f.Message)
	told.Findings = slices.Clone(f.Findings)
	for i := range told.Findings {
		told.Findings[i].File = w.Source
	}
	if len(told.Findings) == 0 {
		told = *told.With(fault.Finding{
			Severity: fault.SeverityError, File: w.Source, Field: f.Field, Code: f.Code, Message: told.Message, Remediation: f.Remediation,
		})
	}
	return &told
}
