package serve_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestASecondServerOnTheSameFileIsRefusedAndHurtsNothing(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.SQLite)
	second, err := serve.New(t.Context(), s.cfg)
	if second != nil || !fault.Is(err, fault.Conflict) {
		t.Fatalf("a second server on the same directory: %v", err)
	}
	// Also by another name of the directory.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(s.cfg.Data, link); err != nil {
		t.Fatal(err)
	}
	other := s.cfg
	other.Data = link
	if _, err := serve.New(t.Context(), other); !fault.Is(err, fault.Conflict) {
		t.Fatalf("a second server by a link: %v", err)
	}
	s.published("eat")
	// The same directory again, once the first is gone.
	key := s.sdkKey("sandbox")
	s.stop()
	s.start()
	if got := s.evaluate(key, "eat.enabled", object{}); got.at("value") != true {
		t.Errorf("%s after a restart", got)
	}
	if got := s.as("alice").get("/api/v1/flags/eat.enabled"); got.text("lifecycle", "state") != "approved" {
		t.Errorf("%s after a restart", got)
	}
}

func TestWhileTheDatabaseIsAwayNothingIsLostAndNobodyIsSignedOut(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	s.hurry()
	o := storetest.NewOutage(t, s.cfg.DatabaseURL)
	flag := s.published("eat").text("flag", "key")
	key := s.sdkKey("sandbox")
	alice, olu := s.as("alice"), s.as("olu")
	token := alice.token("all")
	person := object{"targetingKey": "bob" + at}

	// Writers and readers go on throughout; every answer must be one of those that make sense.
	var stop atomic.Bool
	var running sync.WaitGroup
	var evaluated, failed, written atomic.Int64
	odd := make(chan string, 1000)
	for range 3 {
		running.Go(func() {
			for range paced(&stop) {
				got := s.evaluate(key, flag, person)
				if evaluated.Add(1); got.Code != http.StatusOK || got.at("value") != true {
					odd <- got.String()
					return
				}
			}
		})
		running.Go(func() {
			for range paced(&stop) {
				got := alice.post("/api/v1/tokens", object{"scope": "read", "name": "load"})
				switch got.Code {
				case http.StatusCreated:
					written.Add(1)
				case http.StatusServiceUnavailable:
					failed.Add(1)
				default:
					odd <- got.String()
					return
				}
			}
		})
	}
	for range 4 {
		before := written.Load()
		s.eventually("writes go through", func() bool { return written.Load() > before })
		o.Begin()
		before = failed.Load()
		s.eventually("writes are refused", func() bool { return failed.Load() > before })
		for _, c := range []*caller{alice, olu, token} {
			c.post("/api/v1/requests", lunch("lost")).refused(s, http.StatusServiceUnavailable, "database_unavailable")
			c.post("/api/v1/flags/"+flag+"/environments/production/kill", nil).refused(s, http.StatusServiceUnavailable, "database_unavailable")
			c.get("/api/v1/flags").refused(s, http.StatusServiceUnavailable, "database_unavailable")
		}
		s.as("").post("/api/v1/session", object{"email": "pat" + at}).refused(s, http.StatusServiceUnavailable, "database_unavailable")
		s.as("").with("Authorization: Bearer souk_nonsense").get("/api/v1/flags").want(s, http.StatusServiceUnavailable, http.StatusUnauthorized)
		s.as("").get("/readyz").want(s, http.StatusOK)
		s.as("").get("/healthz").want(s, http.StatusOK)
		o.End()
	}
	before := written.Load()
	s.eventually("writes go through again", func() bool { return written.Load() > before+5 })
	stop.Store(true)
	running.Wait()
	close(odd)
	for text := range odd {
		t.Errorf("in the outage: %s", text)
	}
	// Signed in as before, nothing half done, and as many tokens as were acknowledged, or more: an answer can be lost.
	if alice.whoami() != "alice"+at || olu.whoami() != "olu"+at {
		t.Error("the outage signed somebody out")
	}
	if got := alice.get("/api/v1/requests?app=lost"); len(got.items()) != 0 {
		t.Errorf("%s was refused and yet is there", got)
	}
	var made int64
	for cursor := ""; ; {
		page := alice.get("/api/v1/tokens?limit=1000&cursor="+url.QueryEscape(cursor)).want(t, http.StatusOK)
		made += int64(len(page.items()))
		if cursor = page.text("next"); cursor == "" {
			break
		}
	}
	if made-1 < written.Load() || made-1 > written.Load()+failed.Load() {
		t.Errorf("%d tokens are there, %d were acknowledged", made-1, written.Load())
	}
	// A kill comes through to SDKs as before: it is heard of, though the listening connection was lost.
	if got := olu.post("/api/v1/flags/"+flag+"/environments/sandbox/kill", nil).want(t, http.StatusOK, http.StatusAccepted); got.Code == http.StatusAccepted {
		t.Logf("slowly: %s", got)
	}
	s.eventually("the kill is served", func() bool { return s.evaluate(key, flag, person).at("value") == false })
	s.eventually("the audit log is sequenced again", func() bool {
		return s.as("root").get("/api/v1/audit/events?limit=1").at("items", 0, "leaf") != nil
	})
	t.Logf("%d evaluations, %d writes, %d writes refused", evaluated.Load(), written.Load(), failed.Load())
}

// paced yields about every other millisecond until it is to stop.
func paced(stop *atomic.Bool) func(yield func() bool) {
	return func(yield func() bool) {
		beat := time.NewTicker(2 * time.Millisecond)
		defer beat.Stop()
		for !stop.Load() && yield() {
			<-beat.C
		}
	}
}

// eventually waits until something holds, for at most a minute.
func (s *site) eventually(what string, holds func() bool) {
	s.Helper()
	deadline, look := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-deadline:
			s.Fatalf("in vain: %s", what)
		case <-look.C:
		}
	}
}
