package measure_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var (
	reader = access.Actor{Email: "ada@hyfin.example", TokenScope: access.ScopeRead}
	on     = &flag.Outcome{Key: "lunch.enabled", Variant: "on", Reason: flag.TargetingMatch}
	off    = &flag.Outcome{Key: "lunch.enabled", Variant: "off", Reason: flag.Default}
)

// replica is one whose clock the test sets.
func replica(db *store.DB, now *time.Time) *measure.Usage {
	return &measure.Usage{DB: db, Now: func() time.Time { return *now }, Log: slog.New(slog.DiscardHandler), Counters: measure.NewCounters()}
}

func count(u *measure.Usage, key string, o *flag.Outcome, n int) {
	for range n {
		u.Counters.Caller("production", key, "ofrep").Count(o)
	}
}

func flush(t *testing.T, u *measure.Usage) {
	t.Helper()
	if err := u.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func report(t *testing.T, u *measure.Usage, q measure.Query) measure.Report {
	t.Helper()
	q.Flag = "lunch.enabled"
	r, err := u.Report(t.Context(), reader, q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReplicasAddUpAndAReportTellsThemTogether(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := noon
		one, two := replica(db, &now), replica(db, &now)
		count(one, "key-1", on, 3)
		count(two, "key-2", on, 4)
		count(two, "key-2", off, 2)
		flush(t, one)
		flush(t, two)
		now = now.Add(time.Minute)
		count(one, "key-1", on, 5)
		one.Counters.Caller("production", "key-1", "ofrep").Fail("lunch.enabled", flag.InvalidContext)
		one.Counters.Caller("staging", "key-3", "ofrep").Count(on)
		flush(t, one)
		flush(t, one) // nothing is written twice

		first, second := noon.Truncate(time.Minute), noon.Add(time.Minute).Truncate(time.Minute)
		seen, before := store.Time(now.UnixMicro()), store.Time(noon.UnixMicro())
		want := measure.Report{
			Flag: "lunch.enabled", Environment: "production", From: noon.Add(-time.Hour).Truncate(time.Minute), To: noon.Add(time.Hour), Step: measure.ByMinute,
			Total: 15,
			Series: []measure.Series{
				{Variant: "on", Total: 12, Points: []measure.Point{{At: first, Count: 7}, {At: second, Count: 5}}},
				{Variant: "off", Total: 2, Points: []measure.Point{{At: first, Count: 2}}},
				{Reason: "ERROR", Total: 1, Points: []measure.Point{{At: second, Count: 1}}},
			},
			Reasons:       []measure.ReasonCount{{Reason: "TARGETING_MATCH", Count: 12}, {Reason: "DEFAULT", Count: 2}, {Reason: "ERROR", Count: 1}},
			Errors:        []measure.ErrorCount{{Code: "INVALID_CONTEXT", Count: 1}},
			LastEvaluated: &seen, Use: measure.Use{AskedAt: &seen},
			Clients: []measure.Client{
				{KeyID: "key-1", Environment: "production", Count: 9, Errors: 1, FirstSeen: noon, LastSeen: seen, Use: measure.Use{AskedAt: &seen}},
				{KeyID: "key-2", Environment: "production", Count: 6, FirstSeen: noon, LastSeen: noon, Use: measure.Use{AskedAt: &before}},
			},
		}
		q := measure.Query{Environment: "production", From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}
		if diff := cmp.Diff(want, report(t, two, q)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if all := report(t, two, measure.Query{}); all.Total != 16 || len(all.Clients) != 3 || all.Step != measure.ByHour {
			t.Errorf("of all environments: %+v", all)
		}
	})
}

func TestAFlushWhoseAnswerWasLostCountsOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := noon
		u := replica(db, &now)
		count(u, "key", on, 3)
		if err := u.FlushUnheard(t.Context()); err != nil {
			t.Fatal(err)
		}
		count(u, "key", on, 4)
		flush(t, u)
		if r := report(t, u, measure.Query{}); r.Total != 7 || r.Clients[0].Count != 7 {
			t.Errorf("%d evaluations, %d by the client, want 7", r.Total, r.Clients[0].Count)
		}
	})
}

// A process that is killed loses what it had not flushed. The next one, under a name of its own, adds to what there is.
func TestAKilledReplicaLosesWhatItHadNotFlushed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := noon
		killed := replica(db, &now)
		count(killed, "key", on, 10)
		flush(t, killed)
		count(killed, "key", on, 1)

		next := replica(db, &now)
		count(next, "key", on, 5)
		flush(t, next)
		if r := report(t, next, measure.Query{}); r.Total != 15 {
			t.Errorf("%d evaluations, want 15", r.Total)
		}
	})
}

func TestWhatWasCountedIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	now := noon
	u := replica(db, &now)
	count(u, "key", on, 6)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	u.Run(ctx)
	if r := report(t, u, measure.Query{}); r.Total != 6 {
		t.Errorf("%d evaluations, want 6", r.Total)
	}
}

// While the database is away, counts wait in bounded memory: first by minute, then by hour, and only then are they lost, and said to be.
func TestWhileTheDatabaseIsAwayCountsWaitInBoundedMemory(t *testing.T) {
	t.Parallel()
	now := noon.Truncate(time.Hour)
	db, err := store.Open(t.Context(), storetest.Config(t, store.SQLite))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	u := replica(db, &now)
	const flags = 10_000
	outcomes := make([]*flag.Outcome, flags)
	for i := range outcomes {
		outcomes[i] = &flag.Outcome{Key: fmt.Sprint("f", i), Variant: "on", Reason: flag.Static}
	}
	minute := func() {
		for _, o := range outcomes {
			u.Counters.Caller("production", "key", "ofrep").Count(o)
		}
		if err := u.Flush(t.Context()); err == nil {
			t.Fatal("a closed database was written to")
		}
		now = now.Add(time.Minute)
	}
	for range 30 {
		minute()
	}
	s := u.Counters.State(now)
	if s.Lost != 0 || s.Pending > 2*measure.MaxPending {
		t.Errorf("after half an hour %d are lost, %d rows wait", s.Lost, s.Pending)
	}
	now = now.Truncate(time.Hour)
	for range 15 {
		now = now.Add(time.Hour)
		minute()
	}
	if s = u.Counters.State(now); s.Lost == 0 || s.Pending > 2*measure.MaxPending || total(s) != 45*flags {
		t.Errorf("after half a day %d are lost, %d rows wait, %d were counted", s.Lost, s.Pending, total(s))
	}
}

func TestOldCountsAreRolledUpAndNeverMissingOrTwice(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := noon.Truncate(time.Hour)
		u := replica(db, &now)
		tidy := func() {
			t.Helper()
			if err := u.Tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for range 90 {
			count(u, "key", on, 2)
			flush(t, u)
			now = now.Add(time.Minute)
		}
		begin := noon.Truncate(time.Hour)
		hours := []measure.Point{{At: begin, Count: 120}, {At: begin.Add(time.Hour), Count: 60}}
		check := func(what string, step measure.Step, want []measure.Point) {
			t.Helper()
			r := report(t, u, measure.Query{From: begin.Add(-24 * time.Hour), To: begin.Add(24 * time.Hour), Step: step})
			if diff := cmp.Diff(want, r.Series[0].Points); diff != "" {
				t.Errorf("%s (-want +got)\n%s", what, diff)
			}
		}
		check("as minutes", measure.ByHour, hours)
		now = begin.Add(8*time.Hour + time.Minute) // the first hour is old now
		tidy()
		check("half in hours", measure.ByHour, hours)
		now = begin.Add(12 * time.Hour)
		tidy()
		tidy()
		check("in hours", measure.ByHour, hours)
		if rows := lengths(t, db); !slices.Equal(rows, []time.Duration{time.Hour, time.Hour}) {
			t.Errorf("rows of %v", rows)
		}

		late := replica(db, &begin) // was away all the time
		count(late, "key", on, 7)
		flush(t, late)
		tidy()
		hours[0].Count += 7
		check("with what came late", measure.ByHour, hours)
		now = begin.Add(50 * 24 * time.Hour)
		tidy()
		check("in days", measure.ByDay, []measure.Point{{At: begin.Truncate(24 * time.Hour), Count: 187}})
		now = begin.Add(900 * 24 * time.Hour)
		tidy()
		if rows := lengths(t, db); len(rows) != 0 {
			t.Errorf("after 900 days there are rows of %v", rows)
		}
		if r := report(t, u, measure.Query{}); r.LastEvaluated != nil || len(r.Clients) != 0 {
			t.Errorf("after 900 days: %+v", r)
		}
	})
}

func lengths(t *testing.T, db *store.DB) (all []time.Duration) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		all, err = store.List(ctx, tx, func(row store.Row) (d time.Duration, err error) {
			var micros int64
			err = row.Scan(&micros)
			return time.Duration(micros) * time.Microsecond, err
		}, `SELECT step FROM usage_count ORDER BY at`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsNotKeptSoFinelyIsRefusedAndTheFinestThatFitsIsTaken(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	now := noon
	u := replica(db, &now)
	for _, c := range []struct {
		from time.Duration // before now
		step measure.Step
		want measure.Step
		code string
	}{
		{time.Hour, "", measure.ByMinute, ""},
		{7 * time.Hour, "", measure.ByMinute, ""},
		{8 * time.Hour, "", measure.ByHour, ""},
		{30 * 24 * time.Hour, "", measure.ByHour, ""},
		{90 * 24 * time.Hour, "", measure.ByDay, ""},
		{8 * time.Hour, measure.ByMinute, "", "period_too_long"},
		{90 * 24 * time.Hour, measure.ByHour, "", "period_too_long"},
		{900 * 24 * time.Hour, "", "", "period_too_long"},
		{-time.Hour, "", "", "empty_period"},
		{time.Hour, "week", "", "unknown_step"},
	} {
		r, err := u.Report(t.Context(), reader, measure.Query{Flag: "f", From: now.Add(-c.from), Step: c.step})
		code := ""
		if refused, ok := errors.AsType[*fault.Error](err); ok {
			code = refused.Code
		}
		if r.Step != c.want || code != c.code {
			t.Errorf("%v by %q: %q, %v", c.from, c.step, r.Step, err)
		}
	}
	if _, err := u.Report(t.Context(), access.Actor{}, measure.Query{Flag: "f"}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody reads usage: %v", err)
	}
}

// shown shows flags to all but browsers.
type shown struct{}

func (shown) Visible(_, _ string, browser bool) bool { return !browser }

func TestAClientThatIsToldNothingChangedStillUsesItsFlags(t *testing.T) {
	t.Parallel()
	snapshot, _, err := flag.Compile([]byte(`{"flags": {"lunch.enabled": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, store.SQLite)
	now := noon
	u := replica(db, &now)
	for range 4 {
		u.Counters.Caller("production", "key", "ofrep").Unchanged(snapshot, shown{}, "", false)
		u.Counters.Caller("production", "browser", "ofrep").Unchanged(snapshot, shown{}, "", true)
	}
	u.Counters.Caller("production", "key", "ofrep").Bulk()
	flush(t, u)
	if r := report(t, u, measure.Query{}); r.AskedAt != nil || r.BulkAt == nil || !r.BulkAt.Equal(now) || r.Clients[0].BulkAt == nil {
		t.Errorf("in use: %+v", r.Use)
	}
	r := report(t, u, measure.Query{})
	if len(r.Series) != 1 || r.Series[0].Reason != "CACHED" || r.Total != 4 || len(r.Clients) != 1 {
		t.Errorf("%+v", r)
	}
	s := u.Counters.State(now)
	want := []measure.Bulk{{Environment: "production", Protocol: "ofrep", Evaluated: 1, Unchanged: 8}}
	if diff := cmp.Diff(want, s.Bulks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestADocumentIsDeliveredForAsLongAsAProgramHoldsIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := noon
		u := replica(db, &now)
		keys := slices.Values([]string{"lunch.enabled", "other"})
		synced := func(want time.Time, why string) {
			t.Helper()
			flush(t, u)
			r := report(t, u, measure.Query{From: noon.Add(-time.Hour), To: noon.Add(time.Hour)})
			if r.SyncedAt == nil || !r.SyncedAt.Equal(want) || r.AskedAt != nil || r.BulkAt != nil || r.LastEvaluated != nil || r.Total != 0 || r.Clients[0].Count != 0 {
				t.Errorf("%s: %+v, synced at %v, want %v", why, r, r.SyncedAt, want)
			}
		}
		caller := u.Counters.Caller("production", "key", "flagd")
		caller.Synced(measure.Sync{Serial: 1}, keys, shown{})()
		browser := u.Counters.Caller("staging", "browser", "flagd")
		browser.Synced(measure.Sync{Serial: 1, Browser: true}, keys, shown{})()
		synced(now, "one that was let go of at once")
		began := now
		now = now.Add(3 * time.Minute)
		synced(began, "nobody holds it")
		first, second := caller.Synced(measure.Sync{Serial: 2}, keys, shown{}), caller.Synced(measure.Sync{Serial: 2}, keys, shown{})
		synced(now, "two hold it")
		first()
		first() // once is enough
		now = now.Add(5 * time.Minute)
		synced(now, "one holds it")
		second()
		now = now.Add(5 * time.Minute)
		synced(now, "one held it since the last flush")
		began = now
		now = now.Add(5 * time.Minute)
		synced(began, "nobody holds it any more")
	})
}
