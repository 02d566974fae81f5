package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// MarkTopic is announced when something changed that open requests rest on.
const MarkTopic = "marks"

// mark names open requests whose facts changed: those about a flag or an app, except one; with both empty all.
type mark struct {
	FlagKey, App, Besides string
}

// Mark is an audit.Listener: it marks the open requests whose facts the events change, for the leader to settle.
func Mark(ctx context.Context, tx *store.Tx, events []audit.Event) error {
	marks := marksOf(events)
	for _, m := range marks {
		if _, err := tx.Exec(ctx, `INSERT INTO request_mark (id, flag_key, app, besides) VALUES ($1, $2, $3, $4)`,
			store.NewID(), m.FlagKey, m.App, m.Besides); err != nil {
			return fmt.Errorf("mark requests: %w", err)
		}
	}
	if len(marks) > 0 {
		tx.Announce(MarkTopic)
	}
	return nil
}

// marksOf works out which requests the events touch. Events of several flags at once, such as those of a panic, touch all.
func marksOf(events []audit.Event) []mark {
	var marks []mark
	for _, e := range events {
		m := mark{Besides: e.RequestID}
		kind, _ := audit.KindOf(e.Event)
		switch kind.Noun {
		case audit.NounGroup, audit.NounPolicy, audit.NounSegment, audit.NounTemplate, audit.NounEnvironment, audit.NounLifecycle:
			m.Besides = ""
		case audit.NounPerson:
			switch e.Event {
			case audit.PersonGuessedAt, audit.PersonPasswordChanged, audit.PersonPasswordReset, audit.LinkCreated:
				continue // they change nobody's rights
			}
			m.Besides = ""
		case audit.NounApp:
			m.App = e.App
		case audit.NounFlag, audit.NounRollout:
			if e.FlagKey == "" {
				continue
			}
			m.FlagKey = e.FlagKey
		default:
			continue
		}
		if !slices.Contains(marks, m) {
			marks = append(marks, m)
		}
	}
	if len(marks) > maxMarks || slices.Contains(marks, mark{}) {
		return []mark{{}}
	}
	return marks
}

// maxMarks is how many marks a transaction makes for some events, before it marks all open requests.
const maxMarks = 3

// marked reads the marks there are, and the requests that they name, oldest first.
func marked(ctx context.Context, tx *store.Tx) (marks, requests []string, err error) {
	all := map[mark]bool{}
	if marks, err = store.List(ctx, tx, func(row store.Row) (id string, err error) {
		var m mark
		err = row.Scan(&id, &m.FlagKey, &m.App, &m.Besides)
		all[m] = true
		return id, err
	}, `SELECT id, flag_key, app, besides FROM request_mark ORDER BY id LIMIT 400`); err != nil || len(marks) == 0 {
		return nil, nil, err
	}
	_, err = store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var id, flagKey, app string
		if err := row.Scan(&id, &flagKey, &app); err != nil {
			return none, err
		}
		for m := range all {
			if (m.FlagKey == "" || m.FlagKey == flagKey) && (m.App == "" || m.App == app) && m.Besides != id {
				requests = append(requests, id)
				break
			}
		}
		return none, nil
	}, `SELECT id, flag_key, app FROM request WHERE state IN ($1, $2) ORDER BY id`, NeedsApproval, NeedsFixes)
	return marks, requests, err
}

// unmark deletes marks whose requests were settled.
func unmark(ctx context.Context, tx *store.Tx, marks []string) error {
	args := make([]any, len(marks))
	for i, id := range marks {
		args[i] = id
	}
	if _, err := tx.Exec(ctx, `DELETE FROM request_mark WHERE id IN (`+store.In(1, len(args))+`)`, args...); err != nil {
		return fmt.Errorf("delete marks of requests: %w", err)
	}
	return nil
}
