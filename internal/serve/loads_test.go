package serve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// load is what keeps the database busy while something is turned off.
type load struct {
	name   string
	writes bool // it holds SQLite's writer
	size   int  // of a round, when it is measured
	slow   func(s *site)
	// ready makes it ready; what it returns is a round of it, of so many flags, submits or flushes, the n-th from 0. An error
	// that comes once the context ended is none.
	ready func(s *site, size int) (round func(ctx context.Context, n int) error)
}

// loads are those that issue 11 names.
var loads = []load{
	{name: "50 parallel submits", writes: true, size: 50, slow: useUpTheBudget, ready: submits},
	{name: "an import of 5,000 flags", writes: true, size: 5_000, ready: imports},
	{name: "a panic over 5,000 flags", writes: true, size: 5_000, ready: panics},
	{name: "ten stalled backups", size: 10, ready: backups},
	{name: "2,000 usage flushes", writes: true, size: 2_000, ready: flushes},
}

// useUpTheBudget puts policies that take all the time which one may take.
func useUpTheBudget(s *site) {
	s.Helper()
	const body = `deny contains "x" if { some i in numbers.range(1, 9999); some j in numbers.range(1, 9999); some k in numbers.range(1, 9999); i * j * k == -1 }`
	for i := range 3 {
		name := fmt.Sprintf("marketplace.slow%d", i)
		s.as("root").with("If-None-Match: *").do("PUT", "/api/v1/policies/"+name, object{"source": "package " + name + "\n" + body}).want(s, http.StatusOK)
	}
}

func submits(s *site, size int) func(context.Context, int) error {
	alice := s.as("alice").token("all")
	return func(ctx context.Context, n int) error {
		var all sync.WaitGroup
		var failed atomic.Pointer[reply]
		for i := range size {
			all.Go(func() {
				answer := alice.within(ctx).post("/api/v1/requests", lunch(fmt.Sprintf("lunch-%d-%d", n, i)))
				if answer.Code != http.StatusCreated && answer.Code != http.StatusServiceUnavailable { // whose turn does not come is told so
					failed.Store(answer)
				}
			})
		}
		all.Wait()
		return wrong(ctx, failed.Load())
	}
}

// wrong is the error of an answer that is not what it should be; nil is none.
func wrong(ctx context.Context, answer *reply) error {
	if answer == nil || ctx.Err() != nil {
		return nil //nolint:nilerr // what an ended load is answered is not looked at
	}
	return fmt.Errorf("%s", answer)
}

// anyOf is nil if the answer has one of those codes.
func (a *reply) anyOf(ctx context.Context, codes ...int) error {
	for _, code := range codes {
		if a.Code == code {
			return nil
		}
	}
	return wrong(ctx, a)
}

// flagd is a document with so many flags, on by the variant.
func flagd(prefix string, size int, variant string) string {
	flags := object{}
	for i := range size {
		flags[fmt.Sprintf("%s%d", prefix, i)] = object{"state": "ENABLED", "variants": object{"on": true, "off": false, "more": true}, "defaultVariant": variant}
	}
	text, err := json.Marshal(object{"flags": flags})
	if err != nil {
		panic(err) // tests only
	}
	return string(text)
}

func imports(s *site, size int) func(context.Context, int) error {
	root := s.as("root").token("all")
	documents := []string{flagd("load.", size, "on"), flagd("load.", size, "more")}
	return func(ctx context.Context, n int) error {
		return root.within(ctx).post("/api/v1/imports", object{"format": "flagd", "document": documents[n%2]}).anyOf(ctx, http.StatusOK, http.StatusAccepted)
	}
}

// panics turns off and on again all of an app; kills of other flags wait for the same environment.
func panics(s *site, size int) func(context.Context, int) error {
	s.published("eat")
	root, olu := s.as("root").token("all"), s.as("olu").token("all")
	root.post("/api/v1/imports", object{"format": "flagd", "app": "eat", "document": flagd("load.", size, "on")}).want(s, http.StatusOK, http.StatusAccepted)
	return func(ctx context.Context, _ int) error {
		olu := olu.within(ctx)
		killed := olu.post("/api/v1/kills", object{"select": object{"app": "eat"}, "environment": "sandbox", "expect_flags": size + 1})
		if err := killed.anyOf(ctx, http.StatusOK, http.StatusAccepted); err != nil || ctx.Err() != nil {
			return err
		}
		path := "/api/v1/kills/" + killed.text("kill_id")
		for look := time.NewTicker(20 * time.Millisecond); ctx.Err() == nil && olu.get(path).Code != http.StatusOK; {
			<-look.C
		}
		return olu.post(path+"/restore", nil).anyOf(ctx, http.StatusOK, http.StatusAccepted)
	}
}

func backups(s *site, size int) func(context.Context, int) error {
	s.published("eat")
	root, address := s.as("root").token("all"), s.listen()
	s.bulky()
	return func(ctx context.Context, _ int) error {
		var stalled []*http.Response
		defer func() {
			for _, answer := range stalled {
				_ = answer.Body.Close()
			}
		}()
		for range size {
			if answer := root.stalled(ctx, address); answer != nil {
				stalled = append(stalled, answer)
			}
		}
		hold(ctx)
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		<-ctx.Done()
		return nil
	}
}

// flushes lets eight replicas write what they counted of 500 flags each.
func flushes(s *site, size int) func(context.Context, int) error {
	const replicas, flags = 8, 500
	outcomes := make([]*flag.Outcome, flags)
	for i := range outcomes {
		outcomes[i] = &flag.Outcome{Key: fmt.Sprintf("load.%d", i), Variant: "on"}
	}
	return func(ctx context.Context, _ int) error {
		var left atomic.Int64
		left.Store(int64(size))
		failed := make(chan error, replicas)
		for range replicas {
			usage := &measure.Usage{DB: s.app.Directory.DB, Now: s.clock.Now, Counters: measure.NewCounters()}
			go func() {
				for left.Add(-1) >= 0 && ctx.Err() == nil {
					caller := usage.Counters.Caller("sandbox", "key", "ofrep")
					for _, o := range outcomes {
						caller.Count(o)
					}
					if err := usage.Flush(ctx); err != nil && ctx.Err() == nil {
						failed <- err
						return
					}
				}
				failed <- nil
			}()
		}
		var err error
		for range replicas {
			if one := <-failed; one != nil {
				err = one
			}
		}
		return err
	}
}

// barrier holds up the transactions of a context where they have locked what they change: when their first event is appended.
type barrier struct {
	once     sync.Once
	reached  chan struct{}
	released chan struct{}
}

type barrierKey struct{}

// held returns a context that is held up from then on until release.
func held(s *site) (ctx context.Context, b *barrier, release func()) {
	b = &barrier{reached: make(chan struct{}), released: make(chan struct{})}
	audit.Listen(s.app.Directory.DB, review.Mark, func(ctx context.Context, _ *store.Tx, _ []audit.Event) error {
		hold(ctx)
		return nil
	})
	ctx = store.Guard(context.WithValue(s.Context(), barrierKey{}, b), func(ctx context.Context, _ *store.Tx) error {
		hold(ctx)
		return nil
	})
	return ctx, b, sync.OnceFunc(func() { close(b.released) })
}

// hold waits at the barrier of the context, if it has one.
func hold(ctx context.Context) {
	if b, ok := ctx.Value(barrierKey{}).(*barrier); ok {
		b.once.Do(func() { close(b.reached) })
		<-b.released
	}
}

func TestAKillIsServedWhileALoadHoldsTheWriter(t *testing.T) {
	t.Parallel()
	if len(loads) != 5 {
		t.Fatalf("%d loads are listed, of five", len(loads))
	}
	for _, load := range loads {
		t.Run(load.name, func(t *testing.T) {
			atOnce(t, func(s *site) {
				s.hurry()
				s.as("root").post("/api/v1/imports", object{"format": "flagd", "document": flagd("other.", 1, "on")}).want(t, http.StatusOK, http.StatusAccepted)
				key, olu := s.sdkKey("sandbox"), s.as("olu").token("all")
				round := load.ready(s, 3)
				ctx, b, release := held(s)
				done := make(chan error, 1)
				go func() { done <- round(ctx, 0) }()
				defer func() { release(); <-done }()
				select {
				case <-b.reached:
				case err := <-done:
					done <- err
					t.Fatalf("it ended before it held anything: %v", err)
				}
				killed := olu.post("/api/v1/flags/other.0/environments/sandbox/kill", object{"reason": "it burns"}).want(t, http.StatusOK, http.StatusAccepted)
				if load.writes && s.app.Directory.DB.Engine() == store.SQLite && killed.Code != http.StatusAccepted {
					t.Errorf("%s: the writer was not held", killed)
				}
				if got := s.evaluate(key, "other.0", object{}); got.at("value") != false {
					t.Errorf("it is not served: %s", got)
				}
				release()
				path := "/api/v1/kills/" + killed.text("kill_id")
				s.eventually("it is committed", func() bool { return olu.get(path).Code == http.StatusOK })
			})
		})
	}
}
