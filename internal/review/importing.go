package review

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// ImportOutcome is what an import does and, unless it was a dry run, the request that was made or the revisions that SDKs are
// to see.
type ImportOutcome struct {
	Plan     importer.Plan
	Request  *Request
	Revealed map[string]int64
}

const (
	importPart  = 200         // flags of an import in one transaction, so that nobody waits long for SQLite's only writer
	maxPlanned  = 3           // how often an import is planned anew, where something of it was changed meanwhile
	importAgain = time.Second // after how long whoever sent it may try again then
)

// Import takes the flags of a document over into an environment: at once where it is not governed, else as a request. Flags
// that cannot be taken are in the plan; the others are taken all the same. Importing again what is there changes nothing, and
// asking again for the same gives the request that waits.
//
// At once means in parts, of a transaction each, in whose events the id stands. One that ends between two of them, with its process
// too, is finished by the same call.
func (d *Desk) Import(ctx context.Context, by access.Actor, c Content, id string, dryRun bool) (out ImportOutcome, err error) {
	c.Kind = ImportFlags
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return ImportOutcome{}, err
	}
	if err := checkReason(c.Reason); err != nil {
		return ImportOutcome{}, err
	}
	d.readAhead(ctx, c)
	change := registry.Change{By: by, At: d.Now(), Reason: orElse(c.Reason, "imported by "+by.Email), Cause: registry.CauseImported}
	for attempt := range maxPlanned {
		var s *importing
		err := d.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			s, err = d.planned(ctx, tx, by, c)
			return err
		})
		if err != nil {
			return ImportOutcome{}, err
		}
		if attempt == 0 {
			out.Plan = *s.Plan
		} else {
			out.Plan = s.Plan.Since(out.Plan)
		}
		switch {
		case dryRun, !s.Plan.Changes():
			return out, nil
		case s.Plan.Governed:
			return d.requestImport(ctx, by, c)
		}
		if err = d.take(ctx, by, c, change, s, id, &out); !errors.Is(err, store.ErrMoved) {
			return out, err
		}
	}
	return ImportOutcome{}, fault.New(fault.Unavailable, "busy", "flags of the document were changed again and again while it was taken over").
		Fix("send it again: what was taken stays, and the rest is taken then").After(importAgain)
}

// planned is what an import meets and would do, if the actor may have it.
func (d *Desk) planned(ctx context.Context, tx *store.Tx, by access.Actor, c Content) (*importing, error) {
	s := &importing{}
	w := d.subjects(by)
	if err := s.load(ctx, tx, record{content: c}, w); err != nil {
		return nil, err
	}
	if err := mayAsk(by, c, Facts{World: w, subject: s}); err != nil {
		return nil, err
	}
	if s.Fault != nil {
		return nil, s.Fault
	}
	return s, nil
}

// requestImport asks for an import where the environment is governed.
func (d *Desk) requestImport(ctx context.Context, by access.Actor, c Content) (out ImportOutcome, err error) {
	err = d.hear(ctx, func(ctx context.Context, tx *store.Tx, h *hearing) error {
		s, err := d.planned(ctx, tx, by, c)
		if err != nil {
			return err
		}
		out = ImportOutcome{Plan: *s.Plan}
		if !s.Plan.Changes() {
			return nil
		}
		if !s.Plan.Governed {
			return store.ErrMoved
		}
		r, revealed, err := d.submit(ctx, tx, h, by, c)
		if err != nil {
			return err
		}
		out.Revealed = revealed
		view, err := d.view(ctx, tx, by, r)
		out.Request = &view
		return err
	})
	return out, err
}

// take carries an import out that was planned outside of the writer, part by part. Where something is not as it was planned for any
// more it is store.ErrMoved, and the parts before stay.
func (d *Desk) take(ctx context.Context, by access.Actor, c Content, change registry.Change, s *importing, id string, out *ImportOutcome) error {
	take := s.Plan.Take()
	take.ID = id
	for i, part := range take.Parts(importPart) {
		if i > 0 {
			d.Kills.GiveWay(ctx)
		}
		var revealed map[string]int64
		err := d.DB.WriteLarge(ctx, func(ctx context.Context, tx *store.Tx) error {
			now := &importing{}
			if err := now.loadApp(ctx, tx, appOf(c).Slug); err != nil {
				return err
			}
			if err := now.ask(by, c); err != nil {
				return err
			}
			e, _, err := registry.EnvironmentNamed(ctx, tx, c.Environment)
			if err != nil {
				return err
			}
			if e.Governed || !reflect.DeepEqual(now.App, s.App) {
				return store.ErrMoved
			}
			revealed, err = takeOver(ctx, tx, change, part)
			return err
		})
		if err != nil {
			return err
		}
		out.Revealed = revealed
	}
	return nil
}
