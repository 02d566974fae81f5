package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/store"
)

// Desk is where requests are made and decided.
type Desk struct {
	DB       *store.DB
	Now      func() time.Time
	Log      *slog.Logger
	Policies *policy.Engine
}

// Judgement is what an approver says: to which digest, for which domain (needed only with several), and why.
type Judgement struct {
	Digest string
	Domain access.Domain
	Reason string
}

// Outcome is a request after an act, and the revisions that SDKs are to see because of it.
type Outcome struct {
	Request  Request
	Revealed map[string]int64 // environment → revision
}

// Check runs the checks on any part of a request, as a dry run: nothing is written. editing is the id of the request that the
// content is meant for, whose own slug and key are not taken by others; empty for a new one.
func (d *Desk) Check(ctx context.Context, by access.Actor, c Content, editing string) (Assessment, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Assessment{}, err
	}
	var assessed Assessed
	err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		var r record
		var err error
		if editing != "" {
			if r, err = read(ctx, tx, editing, ""); err != nil {
				return err
			}
		}
		r.content = c
		facts, err := d.facts(ctx, tx, r, by)
		if err != nil {
			return err
		}
		assessed, err = Check(ctx, c, facts)
		return err
	})
	return assessed.Assessment, err
}

// Submit makes a request. What is missing or wrong does not refuse it: it is found by the checks, and the request can be
// edited until they pass. It is refused only for a team that the actor does not belong to.
func (d *Desk) Submit(ctx context.Context, by access.Actor, c Content) (Request, error) {
	var view Request
	err := d.write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := d.submit(ctx, tx, by, c)
		if err != nil {
			return err
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}

// write runs fn again when another transaction took the slug or key that fn had found free: then its check finds it taken,
// which is a finding and no refusal.
func (d *Desk) write(ctx context.Context, fn func(ctx context.Context, tx *store.Tx) error) error {
	err := d.DB.Write(ctx, fn)
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Kind == fault.Conflict && (e.Field == "app.slug" || e.Field == "fields.name") {
		err = d.DB.Write(ctx, fn)
	}
	return err
}

func (d *Desk) submit(ctx context.Context, tx *store.Tx, by access.Actor, c Content) (record, error) {
	r := record{id: store.NewID(), content: c, requester: by.Email, authors: []Author{{Email: by.Email, Agent: by.Agent}}}
	if c.Kind != PublishApp && c.Kind != RestoreFlag { // it could never be mended, since an edit keeps the kind
		return record{}, fault.New(fault.Invalid, "invalid", "%q is not something that can be asked for", c.Kind).At("kind").
			Fix("use publish_app or restore_flag")
	}
	facts, err := d.facts(ctx, tx, r, by)
	if err != nil {
		return record{}, err
	}
	if err := mayAsk(by, c, facts); err != nil {
		return record{}, err
	}
	e := by.Event("request.submitted", d.Now())
	e.Reason = c.Reason
	if err := d.assess(ctx, tx, by, &r, facts, e); err != nil {
		return record{}, err
	}
	err = r.save(ctx, tx, d.Now())
	return r, err
}

// mayAsk decides whether the actor may make the request at all. A team that does not exist is a finding, not a refusal.
func mayAsk(by access.Actor, c Content, f Facts) error {
	if c.Kind == RestoreFlag {
		if f.Flag == nil {
			return fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", c.FlagKey).At("flag_key").
				Fix("look its key up in the list of flags")
		}
		return access.Can(by, access.Kill, access.Scope{OwnerGroup: f.Flag.OwnerGroup, OwnerPerson: f.Flag.Owner})
	}
	if f.Owner == nil {
		return access.Can(by, access.SignIn, access.Scope{})
	}
	return access.Can(by, access.RequestMake, access.Scope{OwnerGroup: f.Owner.Name})
}

// assess runs the checks on the content of r, reserves slug and key once they are known to be good, and settles. e is the
// event that tells of the act.
func (d *Desk) assess(ctx context.Context, tx *store.Tx, by access.Actor, r *record, f Facts, e audit.Event) error {
	assessed, err := Check(ctx, r.content, f)
	if err != nil {
		return err
	}
	if f.Template != nil {
		r.templateID, r.templateVersion = f.Template.TemplateID, f.Template.Version
	}
	r.assessment, r.quorum = assessed.Assessment, assessed.Quorum
	if r.digest, err = digestOf(r.content, r.templateVersion, baseOf(f, r.content)); err != nil {
		return err
	}
	if r.content.Kind == RestoreFlag {
		r.flag = FlagRef{Key: f.Flag.Key, FlagID: f.Flag.FlagID}
	}
	for i := range r.decisions {
		r.decisions[i].Void = r.decisions[i].Digest != r.digest
	}
	r.state, _ = Settle(r.assessment.Checks, d.electorate(r, f), r.decisions)
	if err := appendEvent(ctx, tx, r, e); err != nil {
		return err
	}
	return d.reserve(ctx, tx, by, r, assessed, f)
}

// baseOf names what a request changes, so that approvals are given to it: the kill that is to be undone, by its time.
func baseOf(f Facts, c Content) int64 {
	if f.Flag == nil {
		return 0
	}
	killed := kill(*f.Flag, c.Environment)
	if killed == nil {
		return 0
	}
	return store.Micros(killed.At)
}

// current tells whether what the request changes is still as it was when its digest was taken.
func (r record) current(f Facts) (bool, error) {
	digest, err := digestOf(r.content, r.templateVersion, baseOf(f, r.content))
	return digest == r.digest, err
}

func (d *Desk) electorate(r *record, f Facts) Electorate {
	return Elect(r.quorum, r.assessment.Risk, f.Approvers, f.place(r.content), r.authors, f.Agents)
}

// Edit applies an RFC 7396 merge patch to the content of a request that is not decided yet. It voids the approvals given.
// revision is the one that the editor read.
func (d *Desk) Edit(ctx context.Context, by access.Actor, id string, revision int64, patch json.RawMessage) (Request, error) {
	var view Request
	err := d.write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := access.Can(by, access.RequestEdit, r.scope()); err != nil {
			return err
		}
		if r.revision != revision {
			view, err := d.view(ctx, tx, by, r)
			if err != nil {
				return err
			}
			return fault.New(fault.Stale, "stale", "the request was changed since you read it: you read version %d, it is version %d now", revision, r.revision).
				Fix("look at what changed and make your change again").Showing(view)
		}
		if err := r.open("edited"); err != nil {
			return err
		}
		before := r.content
		if r.content, err = merge(before, patch); err != nil {
			return err
		}
		if r.content.Kind != before.Kind {
			return fault.New(fault.Unprocessable, "kind_is_fixed", "the kind of a request cannot be changed").At("kind").
				Fix("withdraw this request and make another")
		}
		if !slices.ContainsFunc(r.authors, func(a Author) bool { return a.Email == by.Email }) {
			r.authors = append(r.authors, Author{Email: by.Email, Agent: by.Agent})
		}
		facts, err := d.facts(ctx, tx, r, by)
		if err != nil {
			return err
		}
		if err := mayAsk(by, r.content, facts); err != nil {
			return err
		}
		e := by.Event("request.edited", d.Now())
		e.Details = map[string]any{"changes": changed(before, r.content, facts.document())}
		if err := d.assess(ctx, tx, by, &r, facts, e); err != nil {
			return err
		}
		if err := r.save(ctx, tx, d.Now()); err != nil {
			return err
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}

// open refuses an act on a request that is decided.
func (r record) open(act string) error {
	switch r.state {
	case NeedsFixes, NeedsApproval:
		return nil
	case Approved, Denied, Withdrawn:
	}
	return fault.New(fault.Conflict, "request_"+string(r.state), "the request is %s and can no longer be %s", r.state, act).
		Fix("make a new request").Showing(map[string]any{"state": r.state})
}

func (r record) scope() access.Scope {
	return access.Scope{OwnerGroup: appOf(r.content).Owner, Requester: r.requester}
}

// Withdraw takes a request back: what it reserved is free again for the same team.
func (d *Desk) Withdraw(ctx context.Context, by access.Actor, id, reason string) (Request, error) {
	if err := checkReason(reason); err != nil {
		return Request{}, err
	}
	var view Request
	err := d.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := load(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := access.Can(by, access.RequestEdit, r.scope()); err != nil {
			return err
		}
		if r.state != Withdrawn {
			if err := r.open("withdrawn"); err != nil {
				return err
			}
			r.state = Withdrawn
			if err := d.close(ctx, tx, by, &r, "request.withdrawn", orElse(reason, "withdrawn by "+by.Email)); err != nil {
				return err
			}
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}

// close ends a request that is not to be: it frees what was reserved and records why.
func (d *Desk) close(ctx context.Context, tx *store.Tx, by access.Actor, r *record, event, reason string) error {
	e := by.Event(event, d.Now())
	e.Reason = reason
	if err := appendEvent(ctx, tx, r, e); err != nil {
		return err
	}
	if r.content.Kind == PublishApp && r.flag.Key != "" {
		if err := d.release(ctx, tx, by, r, reason); err != nil {
			return err
		}
	}
	return r.save(ctx, tx, d.Now())
}

// Get gives one request with everything that is known of it.
func (d *Desk) Get(ctx context.Context, by access.Actor, id string) (Request, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Request{}, err
	}
	var view Request
	err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := read(ctx, tx, id, "")
		if err != nil {
			return err
		}
		view, err = d.view(ctx, tx, by, r)
		return err
	})
	return view, err
}

// Query narrows a list of requests; empty members do not.
type Query struct {
	State        State
	WaitingForMe bool // those that the actor may decide and has not
	Mine         bool // those that the actor made
	App          string
	FlagKey      string
}

// List gives requests, newest first, without diff and timeline.
func (d *Desk) List(ctx context.Context, by access.Actor, q Query, p store.Page) (store.Listing[Request], error) {
	var list store.Listing[Request]
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return list, err
	}
	after, err := p.After()
	if err != nil {
		return list, err
	}
	err = d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		world, err := d.electors(ctx, tx)
		if err != nil {
			return err
		}
		var before string
		if len(after) > 0 {
			before = after[0]
		}
		var views []Request
		for len(views) <= p.Size() {
			records, err := page(ctx, tx, by, q, before, p.Size()+1)
			if err != nil {
				return err
			}
			for _, r := range records {
				view := d.summary(by, r, world)
				if !q.WaitingForMe || slices.Contains(view.Can, "approve") {
					views = append(views, view)
				}
			}
			if len(records) <= p.Size() {
				break
			}
			before = records[len(records)-1].id
		}
		list = store.Cut(p, views[:min(len(views), p.Size()+1)], func(r Request) []string { return []string{r.ID} })
		return nil
	})
	return list, err
}

// page reads up to limit requests older than the id before, with their decisions.
func page(ctx context.Context, tx *store.Tx, by access.Actor, q Query, before string, limit int) ([]record, error) {
	var where []string
	var args []any
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if before != "" {
		add("id < $%d", before)
	}
	if q.WaitingForMe {
		add("state = $%d", NeedsApproval)
		add("requester <> $%d", by.Email)
	}
	for _, filter := range []struct {
		column, value string
	}{{"state", string(q.State)}, {"app", q.App}, {"flag_key", q.FlagKey}} {
		if filter.value != "" {
			add(filter.column+" = $%d", filter.value)
		}
	}
	if q.Mine {
		add("requester = $%d", by.Email)
	}
	query := `SELECT ` + columns + ` FROM request`
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	args = append(args, limit)
	query += fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args))
	records, err := store.List(ctx, tx, scanRecord, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	return records, withDecisions(ctx, tx, records)
}

func withDecisions(ctx context.Context, tx *store.Tx, records []record) error {
	if len(records) == 0 {
		return nil
	}
	at := map[string]int{}
	ids := make([]any, 0, len(records))
	for i, r := range records {
		at[r.id] = i
		ids = append(ids, r.id)
	}
	type owned struct {
		request string
		Decision
	}
	all, err := store.List(ctx, tx, func(row store.Row) (o owned, err error) {
		var micros int64
		err = row.Scan(&o.request, &o.ID, &o.Digest, &o.Domain, &o.By, &o.Verdict, &o.Reason, &o.ForeignToken, &micros)
		o.At = store.Time(micros)
		return o, err
	}, `SELECT request_id, id, digest, domain, person, verdict, reason, foreign_token, at FROM decision
		WHERE request_id IN (`+store.In(1, len(ids))+`) ORDER BY id`, ids...)
	if err != nil {
		return fmt.Errorf("list decisions: %w", err)
	}
	for _, o := range all {
		r := &records[at[o.request]]
		o.Void = o.Digest != r.digest
		r.decisions = append(r.decisions, o.Decision)
	}
	return nil
}

func orElse(text, otherwise string) string {
	if strings.TrimSpace(text) == "" {
		return otherwise
	}
	return text
}
