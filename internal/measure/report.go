package measure

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/store"
)

// Step is the length of time that evaluations are counted together for.
type Step string

// The steps, in UTC.
const (
	ByMinute Step = "minute"
	ByHour   Step = "hour"
	ByDay    Step = "day"
)

// length is that of the step, and how far back it is known.
func (s Step) length() (length, kept time.Duration, ok bool) {
	switch s {
	case ByMinute:
		return time.Minute, minutesKept, true
	case ByHour:
		return time.Hour, hoursKept, true
	case ByDay:
		return day, daysKept, true
	}
	return 0, 0, false
}

const (
	maxPoints  = 1_100 // points in time of a report
	maxClients = 100   // clients in a report
	usualSpan  = 24 * time.Hour
)

// Query says which usage is asked for.
type Query struct {
	Flag        string
	Environment string    // empty: all of them together
	From, To    time.Time // zero: the last 24 hours
	Step        Step      // empty: the finest that fits
}

// Report tells how a flag is used.
type Report struct {
	Flag          string        `json:"flag_key"`
	Environment   string        `json:"environment,omitempty" doc:"Absent: all of them together"`
	From          time.Time     `json:"from"`
	To            time.Time     `json:"to" doc:"Up to here, which does not belong to it"`
	Step          Step          `json:"step" enum:"minute,hour,day" doc:"In UTC"`
	Total         int64         `json:"total" doc:"Evaluations in the period"`
	Series        []Series      `json:"series" nullable:"false" doc:"By variant, the most frequent first"`
	Reasons       []ReasonCount `json:"reasons" nullable:"false"`
	Errors        []ErrorCount  `json:"errors" nullable:"false"`
	LastEvaluated *time.Time    `json:"last_evaluated,omitempty" doc:"When it was last asked for at all, to a few seconds; absent: not yet, as far as is known here"`
	Use
	Clients []Client `json:"clients" nullable:"false" doc:"Who ever asked for it, the latest first; at most 100"`
	Untold  int64    `json:"untold,omitempty" doc:"Evaluations in the period that were counted without the names of their flags, since there were too many"`
}

// Series is how often one answer was given over time.
type Series struct {
	Variant string  `json:"variant,omitempty"`
	Reason  string  `json:"reason,omitempty" doc:"Where there is no variant: CACHED is told that nothing changed, DISABLED and DEFAULT leave it to the caller's own default, ERROR failed"`
	Total   int64   `json:"total"`
	Points  []Point `json:"points" nullable:"false" doc:"Steps in which it was given, the earliest first"`
}

// Point is one step of a series.
type Point struct {
	At    time.Time `json:"at" doc:"Begin of the step"`
	Count int64     `json:"count"`
}

// ReasonCount is how often an answer had a reason.
type ReasonCount struct {
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
}

// ErrorCount is how often an evaluation failed in a way.
type ErrorCount struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
}

// Client is an SDK key that asked for a flag.
type Client struct {
	KeyID       string    `json:"sdk_key_id,omitempty" doc:"Absent: a caller that needs no key"`
	Name        string    `json:"name,omitempty" doc:"Of the SDK key"`
	App         string    `json:"app,omitempty" doc:"Slug of the app that the key is for"`
	ClientSide  bool      `json:"client_side,omitempty"`
	Revoked     bool      `json:"revoked,omitempty"`
	Environment string    `json:"environment"`
	Count       int64     `json:"count" doc:"Evaluations ever"`
	Errors      int64     `json:"errors"`
	FirstSeen   time.Time `json:"first_seen"`
	LastSeen    time.Time `json:"last_seen"`
	Use
}

// Report tells how a flag is used. Whoever may read flags may ask. That the flag exists is not looked up: one that was removed
// may still be asked for. The names of clients are left to whoever knows SDK keys.
func (u *Usage) Report(ctx context.Context, by access.Actor, q Query) (Report, error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Report{}, err
	}
	q, length, err := q.complete(u.Now())
	if err != nil {
		return Report{}, err
	}
	var report Report
	err = u.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		report = Report{Flag: q.Flag, Environment: q.Environment, From: q.From, To: q.To, Step: q.Step}
		if err := report.readCounts(ctx, tx, length); err != nil {
			return err
		}
		return report.readClients(ctx, tx)
	})
	if err != nil {
		return Report{}, fmt.Errorf("report usage: %w", err)
	}
	return report, nil
}

// complete fills in what was not said, and refuses what cannot be answered.
func (q Query) complete(now time.Time) (Query, time.Duration, error) {
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-usualSpan)
	}
	if !q.From.Before(q.To) {
		return q, 0, fault.New(fault.Invalid, "empty_period", "the period ends before it begins").At("from").Fix("give a from that is before to")
	}
	steps := []Step{ByMinute, ByHour, ByDay}
	if q.Step != "" {
		steps = []Step{q.Step}
	}
	for _, step := range steps {
		length, kept, ok := step.length()
		if !ok {
			return q, 0, fault.New(fault.Invalid, "unknown_step", "%q is not a step", string(step)).At("step").Fix("use minute, hour or day")
		}
		from := q.From.Truncate(length)
		if from.Before(now.Add(-kept).Truncate(length)) || q.To.Sub(from) > maxPoints*length {
			continue
		}
		q.Step, q.From, q.To = step, from.UTC(), q.To.UTC()
		return q, length, nil
	}
	return q, 0, fault.New(fault.Invalid, "period_too_long", "usage is not kept so finely for so long").At("from").
		Fix("minutes go back 7 hours, hours 42 days, days 800 days: ask for a later from or a longer step")
}

// What a report reads: rows of one flag, however many others there are.
const (
	selectCounts = `SELECT at - at % $1, variant, reason, code, CAST(SUM(count) AS BIGINT) FROM usage_count
		WHERE flag_key = $5 AND at >= $2 AND at < $3 AND (environment = $4 OR $4 = '')
		GROUP BY 1, 2, 3, 4 ORDER BY 1`
	selectUntold = `SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_count
		WHERE flag_key = '' AND at >= $1 AND at < $2 AND (environment = $3 OR $3 = '')`
	selectClients = `SELECT sdk_key, environment, count, errors, first_at, last_at, asked_at, bulk_at, synced_at FROM usage_client
		WHERE flag_key = $1 AND (environment = $2 OR $2 = '') ORDER BY last_at DESC, sdk_key LIMIT $3`
	selectLast = `SELECT MAX(CASE WHEN count > 0 THEN last_at END), COALESCE(MAX(asked_at), 0), COALESCE(MAX(bulk_at), 0), COALESCE(MAX(synced_at), 0)
		FROM usage_client WHERE flag_key = $1 AND (environment = $2 OR $2 = '')`
)

// readCounts is a step: it fills in what was counted in the period.
func (r *Report) readCounts(ctx context.Context, tx *store.Tx, length time.Duration) error {
	period := []any{length.Microseconds(), store.Micros(r.From), store.Micros(r.To), r.Environment}
	rows, err := store.List(ctx, tx, func(from store.Row) (c row[countRow, int64], err error) {
		var reason, code string
		err = from.Scan(&c.key.at, &c.key.variant, &reason, &code, &c.value)
		c.key.reason, c.key.code = flag.Reason(reason), flag.ErrorCode(code)
		return c, err
	}, selectCounts, append(period, r.Flag)...)
	if err != nil {
		return err
	}
	series, reasons, failed := map[answer]*Series{}, map[string]int64{}, map[string]int64{}
	for _, c := range rows {
		name := answer{variant: c.key.variant}
		if c.key.variant == "" {
			name.reason = string(c.key.reason)
		}
		s := series[name]
		if s == nil {
			s = &Series{Variant: name.variant, Reason: name.reason}
			series[name] = s
		}
		s.add(store.Time(c.key.at), c.value)
		r.Total += c.value
		reasons[string(c.key.reason)] += c.value
		if c.key.code != "" {
			failed[string(c.key.code)] += c.value
		}
	}
	for _, s := range series {
		r.Series = append(r.Series, *s)
	}
	slices.SortFunc(r.Series, func(a, b Series) int {
		return cmp.Or(cmp.Compare(b.Total, a.Total), cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Reason, b.Reason))
	})
	for reason, n := range reasons {
		r.Reasons = append(r.Reasons, ReasonCount{reason, n})
	}
	slices.SortFunc(r.Reasons, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	for code, n := range failed {
		r.Errors = append(r.Errors, ErrorCount{code, n})
	}
	slices.SortFunc(r.Errors, func(a, b ErrorCount) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code)) })
	return tx.QueryRow(ctx, selectUntold, period[1:]...).Scan(&r.Untold)
}

// answer names a series.
type answer struct{ variant, reason string }

func (s *Series) add(at time.Time, n int64) {
	s.Total += n
	if last := len(s.Points) - 1; last >= 0 && s.Points[last].At.Equal(at) {
		s.Points[last].Count += n
		return
	}
	s.Points = append(s.Points, Point{At: at, Count: n})
}

// readClients is a step: it fills in who asked, and when last.
func (r *Report) readClients(ctx context.Context, tx *store.Tx) (err error) {
	r.Clients, err = store.List(ctx, tx, func(from store.Row) (c Client, err error) {
		var first, last, asked, bulk, synced int64
		err = from.Scan(&c.KeyID, &c.Environment, &c.Count, &c.Errors, &first, &last, &asked, &bulk, &synced)
		c.FirstSeen, c.LastSeen, c.Use = store.Time(first), store.Time(last), Use{ever(asked), ever(bulk), ever(synced)}
		return c, err
	}, selectClients, r.Flag, r.Environment, maxClients)
	if err != nil {
		return err
	}
	var last sql.NullInt64
	var asked, bulk, synced int64
	if err := tx.QueryRow(ctx, selectLast, r.Flag, r.Environment).Scan(&last, &asked, &bulk, &synced); err != nil {
		return err
	}
	r.LastEvaluated, r.Use = store.NullTime(last), Use{ever(asked), ever(bulk), ever(synced)}
	return nil
}
