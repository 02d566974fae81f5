package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
)

// BenchmarkKills turns off one flag after the other beside each of the loads, which is repeated all the while. It measures from when a
// kill is asked for until an SDK's evaluation is that of the killed flag, and until it is in the database. Run with -benchtime 100x: so
// many kills make a p99.
func BenchmarkKills(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.PostgreSQL} {
		b.Run(string(engine), func(b *testing.B) {
			b.Run("nothing", func(b *testing.B) { killsBeside(b, engine, load{}) })
			for _, load := range loads {
				b.Run(load.name, func(b *testing.B) { killsBeside(b, engine, load) })
			}
		})
	}
}

// pace is how long after one kill the next one comes, so that they meet all of a load.
const pace = 50 * time.Millisecond

func killsBeside(b *testing.B, engine store.Engine, beside load) {
	b.Helper()
	const targets = 1_000
	s := openSite(b, engine)
	s.hurry()
	s.as("root").post("/api/v1/imports", object{"format": "flagd", "document": flagd("target.", targets, "on")}).want(b, http.StatusOK, http.StatusAccepted)
	key, olu := s.sdkKey("sandbox"), s.as("olu").token("all")
	var rounds int
	var busy time.Duration
	stop := func() {}
	if beside.ready != nil {
		round := beside.ready(s, beside.size)
		if beside.slow != nil {
			beside.slow(s)
		}
		stop = s.repeat(round, &rounds, &busy)
	}
	seen := s.watchCommits()
	var served []time.Duration
	early := 0
	for i := 0; b.Loop(); i++ {
		if i == targets {
			b.Fatal("there are no more flags to turn off; choose a smaller -benchtime")
		}
		flag := fmt.Sprintf("target.%d", i)
		began := time.Now()
		answered := make(chan *reply, 1)
		go func() {
			answered <- olu.post("/api/v1/flags/"+flag+"/environments/sandbox/kill", object{"reason": "measured"})
		}()
		for s.evaluate(key, flag, object{}).at("value") != false {
			if time.Since(began) > time.Minute {
				b.Fatalf("%s is not served after a minute; the answer is %s", flag, <-answered)
			}
			time.Sleep(time.Millisecond)
		}
		served = append(served, time.Since(began))
		answer := (<-answered).want(b, http.StatusOK, http.StatusAccepted)
		if answer.Code == http.StatusAccepted {
			early++
		}
		seen.await(answer.text("kill_id"), began)
		time.Sleep(pace)
	}
	committed := seen.all(b)
	stop()
	for unit, value := range map[string]time.Duration{
		"served-p50-ms": share(served, 0.5), "served-p99-ms": share(served, 0.99), "served-max-ms": share(served, 1),
		"committed-p99-ms": share(committed, 0.99), "committed-max-ms": share(committed, 1),
	} {
		b.ReportMetric(float64(value.Microseconds())/1000, unit)
	}
	b.ReportMetric(float64(early), "early")
	if rounds > 0 {
		b.ReportMetric(busy.Seconds()/float64(rounds), "round-s")
	}
}

// share is the shortest time that this share of all lie within.
func share(all []time.Duration, share float64) time.Duration {
	slices.Sort(all)
	return all[int(share*float64(len(all)-1))]
}

// repeat runs rounds of a load one after the other until stop. Then rounds has how many were whole, and busy how long these took.
func (s *site) repeat(round func(context.Context, int) error, rounds *int, busy *time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(s.Context())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			if err := round(ctx, *rounds); err != nil {
				s.Errorf("round %d: %v", *rounds, err)
				return
			}
			if ctx.Err() == nil {
				*rounds++
				*busy += time.Since(began)
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// commits notes when kills are in the database.
type commits struct {
	mu      sync.Mutex
	waiting map[string]time.Time // guarded by mu; when they were asked for, by id
	took    []time.Duration      // guarded by mu
}

func (s *site) watchCommits() *commits {
	c := &commits{waiting: map[string]time.Time{}}
	ctx, cancel := context.WithCancel(s.Context())
	s.Cleanup(cancel)
	go func() {
		for look := time.NewTicker(10 * time.Millisecond); ctx.Err() == nil; <-look.C {
			c.look(ctx, s.app.Directory.DB)
		}
	}()
	return c
}

func (c *commits) await(id string, began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[id] = began
}

func (c *commits) look(ctx context.Context, db *store.DB) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		return
	}
	var ids []string
	for id := range c.waiting {
		ids = append(ids, id)
	}
	_ = db.Read(store.First(ctx), func(ctx context.Context, tx *store.Tx) (err error) { // which looks again soon
		ids, err = store.List(ctx, tx, store.ScanString, `SELECT id FROM kill_act WHERE id IN (`+store.In(1, len(ids))+`)`, store.Values(ids)...)
		for _, id := range ids {
			c.took = append(c.took, time.Since(c.waiting[id]))
			delete(c.waiting, id)
		}
		return err
	})
}

// all waits until all kills are committed.
func (c *commits) all(b *testing.B) []time.Duration {
	b.Helper()
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		c.mu.Lock()
		left, took := len(c.waiting), c.took
		c.mu.Unlock()
		if left == 0 {
			return took
		}
		if time.Since(began) > 2*time.Minute {
			b.Fatalf("%d kills are not committed", left)
		}
	}
}
