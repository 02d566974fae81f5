package policy

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// proposed is what a proposal keeps of an edit.
type proposed struct {
	Name   string `json:"name"`
	Source string `json:"source,omitempty"`
	File   string `json:"file,omitempty"`
	Active bool   `json:"active,omitempty"`
}

// edit is a change of one policy, as its verb decides on it.
type edit struct {
	event audit.Name
	next  *row // what is stored; nil deletes
	verb  access.Verb[[]Policy]
	ask   proposed
}

// Put stores a policy under the name of its package, in the place of what has that name, and it is in force at once. The
// same source again changes nothing. A policy that does not parse, or does not fit the others, is refused; one that
// loosens what is in force waits for a second administrator.
func (e *Engine) Put(ctx context.Context, by access.Actor, d Draft) (p Policy, changed bool, err error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Policy{}, false, err
	}
	m, err := Read(d.File, d.Source)
	if err != nil {
		return Policy{}, false, err
	}
	m.Origin, m.Owner = Custom, by.Email
	return e.change(ctx, by, m.Name, d.Revision, func(was Policy, exists bool) (*edit, error) {
		if exists && was.Active && was.Source == m.Source {
			return nil, nil //nolint:nilnil // nothing changes
		}
		out := &edit{
			event: audit.PolicyCreated, next: &row{module: m, active: true, revision: was.Revision + 1},
			verb: putPolicy, ask: proposed{Name: m.Name, Source: m.Source, File: m.File},
		}
		if exists {
			out.event = audit.PolicyUpdated
		}
		return out, nil
	})
}

// SetActive switches a policy off or on again. Switching off one that stands in the place of a standard policy brings that
// one back. Switching off waits for a second administrator.
func (e *Engine) SetActive(ctx context.Context, by access.Actor, name string, active bool, revision *int64) (Policy, error) {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return Policy{}, err
	}
	p, _, err := e.change(ctx, by, name, revision, func(was Policy, exists bool) (*edit, error) {
		if !exists {
			return nil, errUnknown
		}
		if was.Active == active {
			return nil, nil //nolint:nilnil // it holds already
		}
		out := &edit{
			event: audit.PolicyActivated, next: &row{module: was.Module, active: active, revision: was.Revision + 1},
			verb: setActive, ask: proposed{Name: name, Active: active},
		}
		if was.Replaces {
			out.next.module, out.next.active = Module{Name: name, Origin: Standard}, true
		}
		if !active {
			out.event = audit.PolicyDeactivated
		}
		return out, nil
	})
	return p, err
}

// Delete removes a policy that somebody put. Where it stood in the place of a standard one, that one is back. A standard
// policy cannot be deleted, only switched off. Deleting one waits for a second administrator.
func (e *Engine) Delete(ctx context.Context, by access.Actor, name string, revision int64) error {
	if err := access.Can(by, access.GovernWrite, access.Scope{}); err != nil {
		return err
	}
	_, _, err := e.change(ctx, by, name, &revision, func(was Policy, exists bool) (*edit, error) {
		switch {
		case !exists:
			return nil, errUnknown
		case was.Origin == Standard:
			return nil, fault.New(fault.Conflict, "standard_policy", "%s is a standard policy, which cannot be deleted", name).
				Fix("switch it off instead")
		}
		return &edit{event: audit.PolicyDeleted, verb: deletePolicy, ask: proposed{Name: name}}, nil
	})
	return err
}

// errUnknown says that there is no policy of the name; change tells which there are.
var errUnknown = fault.New(fault.NotFound, "no_policy", "there is no such policy")

// change makes an edit. It refuses what would leave policies unfit, which is found out with no transaction open, and keeps what
// loosens the rules as a proposal where there is another administrator to ask.
func (e *Engine) change(
	ctx context.Context, by access.Actor, name string, revision *int64, decide func(was Policy, exists bool) (*edit, error),
) (p Policy, changed bool, err error) {
	var token string // of the state of the policies that was prepared for
	var was Policy
	var change *edit
	var were, are []Policy // all, before the edit and after it
	prepare := func(ctx context.Context) error {
		var before []row
		if err := e.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			token, before, was, change, err = e.consider(ctx, tx, name, revision, decide)
			return err
		}); err != nil || change == nil {
			return err
		}
		after := change.apply(before, name)
		if were, err = everything(before); err != nil {
			return err
		}
		if are, err = everything(after); err != nil {
			return err
		}
		return e.Evaluate(ctx, func(context.Context) error { return fits(before, after, name) })
	}
	var waiting *access.Proposal
	err = store.Prepared(ctx, e.DB.Write, prepare, func(ctx context.Context, tx *store.Tx) error {
		p, changed, waiting = was, false, nil
		if change == nil {
			return nil
		}
		// The update locks the row, so that changes come one after the other.
		n, err := tx.Exec(ctx, `UPDATE policy_head SET token = $1 WHERE token = $2`, store.NewID(), token)
		if err != nil {
			return fmt.Errorf("change policies: %w", err)
		}
		if n == 0 {
			return store.ErrMoved
		}
		if waiting, err = change.verb.Second(ctx, tx, by, e.Now(), were, are, access.Loosening{
			Subject: "policy:" + name, Change: change.ask, Base: was.Revision,
		}); err != nil || waiting != nil {
			return err
		}
		changed = true
		tx.Announce(Topic)
		if change.next == nil {
			return e.erase(ctx, tx, by, was)
		}
		if err = e.write(ctx, tx, by, change.event, *change.next); err == nil {
			p, err = e.get(ctx, tx, name)
		}
		return err
	})
	if err == nil {
		err = waiting.Pending()
	}
	if err != nil {
		return Policy{}, false, err
	}
	return p, changed, nil
}

// consider is the step that reads the policies and decides on the edit of one; nil if nothing changes.
func (e *Engine) consider(
	ctx context.Context, tx *store.Tx, name string, revision *int64, decide func(was Policy, exists bool) (*edit, error),
) (token string, before []row, was Policy, change *edit, err error) {
	if token, _, err = store.One(ctx, tx, store.ScanString, `SELECT token FROM policy_head`); err != nil {
		return "", nil, Policy{}, nil, fmt.Errorf("read state of the policies: %w", err)
	}
	if before, err = load(ctx, tx); err != nil {
		return "", nil, Policy{}, nil, err
	}
	was, exists, err := find(before, name)
	if err != nil {
		return "", nil, Policy{}, nil, err
	}
	if revision != nil && *revision != was.Revision {
		return "", nil, Policy{}, nil, fault.New(fault.Stale, "stale", "the policy %s was changed by somebody else", name).
			Fix("look at it as it is now, then decide again").Showing(was)
	}
	change, err = decide(was, exists)
	if err == error(errUnknown) { //nolint:errorlint // a sentinel of this file
		err = unknown(ctx, tx, name)
	}
	if err == nil && change != nil && len(change.apply(before, name)) > maxPolicies {
		err = tooMany()
	}
	return token, before, was, change, err
}

// apply gives the rows as they are after the edit.
func (m *edit) apply(before []row, name string) []row {
	after := slices.DeleteFunc(slices.Clone(before), func(r row) bool { return r.module.Name == name })
	if m.next != nil {
		after = append(after, *m.next)
	}
	return after
}

func (e *Engine) erase(ctx context.Context, tx *store.Tx, by access.Actor, was Policy) error {
	if _, err := tx.Exec(ctx, `DELETE FROM policy_module WHERE name = $1`, was.Name); err != nil {
		return fmt.Errorf("delete policy: %w", err)
	}
	event := by.Event(audit.PolicyDeleted, e.Now())
	event.Subject = "policy:" + was.Name
	event.Details = map[string]any{"sha256": sumOf(was.Source), "source": was.Source, "revision": was.Revision}
	_, err := audit.Append(ctx, tx, event)
	return err
}

func (e *Engine) write(ctx context.Context, tx *store.Tx, by access.Actor, name audit.Name, r row) error {
	m, now := r.module, e.Now()
	source, file := m.Source, m.File
	if m.Origin == Standard {
		source, file = "", ""
	}
	r.updatedAt = store.Time(store.Micros(now))
	if _, err := tx.Exec(ctx, `INSERT INTO policy_module (name, origin, source, file, active, owner, revision, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (name) DO UPDATE SET origin = excluded.origin, source = excluded.source, file = excluded.file,
			active = excluded.active, owner = excluded.owner, revision = excluded.revision, updated_at = excluded.updated_at`,
		m.Name, string(m.Origin), source, file, r.active, m.Owner, r.revision, store.Micros(now)); err != nil {
		return fmt.Errorf("store policy: %w", err)
	}
	p, err := r.policy()
	if err != nil {
		return err
	}
	event := by.Event(name, now)
	event.Subject = "policy:" + m.Name
	// The source too, so that auditors can read a policy after it was replaced or deleted.
	event.Details = map[string]any{"origin": string(p.Origin), "sha256": sumOf(p.Source), "source": p.Source, "revision": p.Revision}
	_, err = audit.Append(ctx, tx, event)
	return err
}
