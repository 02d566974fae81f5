package review

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// MarkTopic is announced when something changed that open requests rest on.
const MarkTopic = "marks"

// mark names open requests whose facts changed: one of them, or those about a flag or an app, except one; with all empty all.
type mark struct {
	FlagKey, App, Besides, Request string
}

// Mark is an audit.Listener: it marks the open requests whose facts the events change, for the leader to settle.
func Mark(ctx context.Context, tx *store.Tx, events []audit.Event) error {
	marks := marksOf(events)
	for _, m := range marks {
		if _, err := tx.Exec(ctx, `INSERT INTO request_mark (id, flag_key, app, besides, request) VALUES ($1, $2, $3, $4, $5)`,
			store.NewID(), m.FlagKey, m.App, m.Besides, m.Request); err != nil {
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
		case audit.NounRequest:
			if e.Event != audit.RequestAnswered && e.Event != audit.FlagApprovalTakenBack {
				continue
			}
			m = mark{Request: e.RequestID}
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

// marked reads the marks that are due, and the requests that they name, oldest first.
func marked(ctx context.Context, tx *store.Tx, now time.Time) (marks, requests []string, err error) {
	all := map[mark]bool{}
	if marks, err = store.List(ctx, tx, func(row store.Row) (id string, err error) {
		var m mark
		err = row.Scan(&id, &m.FlagKey, &m.App, &m.Besides, &m.Request)
		all[m] = true
		return id, err
	}, `SELECT id, flag_key, app, besides, request FROM request_mark WHERE due_at <= $1 ORDER BY id LIMIT 400`, store.Micros(now)); err != nil || len(marks) == 0 {
		return nil, nil, err
	}
	_, err = store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
		var id, flagKey, app string
		var kind Kind
		if err := row.Scan(&id, &flagKey, &app, &kind); err != nil {
			return none, err
		}
		many := kind == ChangeSegment || kind == ImportFlags // what they reach may be any flag
		for m := range all {
			if (m.FlagKey == "" || m.FlagKey == flagKey || many) && (m.App == "" || m.App == app) && (m.Request == "" || m.Request == id) && m.Besides != id {
				requests = append(requests, id)
				break
			}
		}
		return none, nil
	}, `SELECT id, flag_key, app, kind FROM request WHERE `+undecided+` ORDER BY id`)
	return marks, requests, err
}

// markAt marks one request from a time on.
func markAt(ctx context.Context, tx *store.Tx, request string, due time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO request_mark (id, flag_key, app, besides, request, due_at) VALUES ($1, '', '', '', $2, $3)`,
		store.NewID(), request, store.Micros(due))
	return fault.Wrap("mark request", err)
}

// unmark deletes marks whose requests were settled.
func unmark(ctx context.Context, tx *store.Tx, marks []string) error {
	if _, err := tx.Exec(ctx, `DELETE FROM request_mark WHERE id IN (`+store.In(1, len(marks))+`)`, store.Values(marks)...); err != nil {
		return fmt.Errorf("delete marks of requests: %w", err)
	}
	return nil
}

// putOff marks a request that could not be settled, so that it is tried again, later each time. It returns how often it was tried.
func putOff(ctx context.Context, tx *store.Tx, request string, now time.Time) (tries int64, err error) {
	tries, err = triesOf(ctx, tx, request)
	if err != nil {
		return 0, err
	}
	tries++
	if _, err := tx.Exec(ctx, `INSERT INTO request_mark (id, flag_key, app, besides, request, tries, due_at) VALUES ($1, '', '', '', $1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET tries = excluded.tries, due_at = excluded.due_at`,
		request, tries, store.Micros(now.Add(backOff(tries)))); err != nil {
		return 0, fmt.Errorf("put a request off: %w", err)
	}
	return tries, nil
}

func triesOf(ctx context.Context, tx *store.Tx, request string) (tries int64, err error) {
	tries, _, err = store.One(ctx, tx, func(row store.Row) (n int64, err error) {
		err = row.Scan(&n)
		return n, err
	}, `SELECT tries FROM request_mark WHERE id = $1`, request)
	if err != nil {
		return 0, fmt.Errorf("read how often a request was tried: %w", err)
	}
	return tries, nil
}

// backOff is how long a request waits that could not be settled so often.
func backOff(tries int64) time.Duration { return min(time.Second<<min(tries-1, 10), 10*time.Minute) }

// Unsettled is a step: the open requests that could not be settled several times in a row, oldest first.
func Unsettled(ctx context.Context, tx *store.Tx) ([]string, error) {
	ids, err := store.List(ctx, tx, store.ScanString, `SELECT id FROM request_mark WHERE tries >= $1 ORDER BY id LIMIT 10`, triesTold)
	if err != nil {
		return nil, fmt.Errorf("list requests that cannot be settled: %w", err)
	}
	return ids, nil
}

// triesTold is from which try on a request that cannot be settled is told by the doctor.
const triesTold = 3
