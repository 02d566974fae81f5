package registry

import (
	"context"
	"fmt"
	"maps"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// GivenUp gives, by environment, the latest revision that an administrator gave up.
func GivenUp(ctx context.Context, tx *store.Tx) (map[string]int64, error) {
	all := map[string]int64{}
	rows, err := tx.Query(ctx, `SELECT environment, revision FROM environment_given_up`)
	if err != nil {
		return nil, fmt.Errorf("read what was given up: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var revision int64
		if err := rows.Scan(&name, &revision); err != nil {
			return nil, fmt.Errorf("read what was given up: %w", err)
		}
		all[name] = revision
	}
	return all, rows.Err()
}

// GiveUp is a step: revisions of an environment up to served, of which the database knows nothing, are given up, so that every
// replica follows the database again. The environment goes on after them, so that no revision means two things. The event is
// environment.given_up.
func GiveUp(ctx context.Context, tx *store.Tx, c Change, environment string, served int64, details map[string]any) error {
	if _, err := tx.Exec(ctx, `INSERT INTO environment_given_up (environment, revision, actor, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (environment) DO UPDATE SET revision = CASE WHEN environment_given_up.revision > excluded.revision
			THEN environment_given_up.revision ELSE excluded.revision END, actor = excluded.actor, at = excluded.at`,
		environment, served, c.By.Email, store.Micros(c.At)); err != nil {
		return fmt.Errorf("give up revisions of %s: %w", environment, err)
	}
	if _, err := tx.Exec(ctx, `UPDATE environment SET revision = $1 WHERE name = $2 AND revision < $1`, served, environment); err != nil {
		return fmt.Errorf("give up revisions of %s: %w", environment, err)
	}
	revision, err := advance(ctx, tx, environment)
	if err != nil {
		return err
	}
	event := c.By.Event(audit.EnvironmentGivenUp, c.At)
	event.Environment, event.Subject, event.Reason = environment, "environment:"+environment, c.Reason
	event.Details = map[string]any{"revision": revision}
	maps.Copy(event.Details, details)
	_, err = audit.Append(ctx, tx, event)
	return err
}
