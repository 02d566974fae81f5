package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/store"
)

// thing names what a document describes.
type thing struct {
	kind Kind
	name string
}

// applied gives what files last said of everything that they ever named and still own, member by member.
func applied(ctx context.Context, tx *store.Tx) (map[thing]map[string]any, error) {
	type row struct {
		thing
		members map[string]any
	}
	rows, err := store.List(ctx, tx, func(r store.Row) (found row, err error) {
		var text string
		if err := r.Scan(&found.kind, &found.name, &text); err != nil {
			return found, err
		}
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.UseNumber()
		return found, decoder.Decode(&found.members)
	}, `SELECT kind, name, members FROM applied ORDER BY kind, name`)
	if err != nil {
		return nil, fmt.Errorf("read what was applied: %w", err)
	}
	all := map[thing]map[string]any{}
	for _, r := range rows {
		all[r.thing] = r.members
	}
	return all, nil
}

// remember keeps what the files said of the steps that hold now, and forgets what was removed.
func (t *Target) remember(ctx context.Context, by access.Actor, last map[thing]map[string]any, plan Plan) error {
	return t.DB.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, s := range plan.Steps {
			what := thing{s.Kind, s.Name}
			switch {
			case s.Action == Remove && s.Done:
				if _, err := tx.Exec(ctx, `DELETE FROM applied WHERE kind = $1 AND name = $2`, s.Kind, s.Name); err != nil {
					return fmt.Errorf("forget what was applied: %w", err)
				}
			case s.wanted == nil || s.Action != Keep && !s.Done || reflect.DeepEqual(last[what], s.wanted):
			default:
				if err := keepRecord(ctx, tx, by, t.Now(), what, s.wanted); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func keepRecord(ctx context.Context, tx *store.Tx, by access.Actor, at time.Time, what thing, members map[string]any) error {
	text, err := json.Marshal(members)
	if err != nil {
		return fmt.Errorf("encode what was applied: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO applied (kind, name, members, applied_at, applied_by) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (kind, name) DO UPDATE SET members = excluded.members, applied_at = excluded.applied_at, applied_by = excluded.applied_by`,
		what.kind, what.name, string(text), store.Micros(at), by.Email)
	if err != nil {
		return fmt.Errorf("remember what was applied: %w", err)
	}
	return nil
}

// drifted tells which of the changes undo what somebody did by hand since the files were last applied.
func drifted(changes []Change, last map[string]any) {
	for i, c := range changes {
		said, known := last[c.Field]
		changes[i].Drift = known && !reflect.DeepEqual(said, c.Before)
	}
}
