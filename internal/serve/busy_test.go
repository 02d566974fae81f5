package serve_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
)

func TestWithAllConnectionsTakenKillsAreCarriedOutAndServedAndOthersAreToldToComeBack(t *testing.T) {
	atOnce(t, func(s *site) {
		s.hurry()
		flag := s.published("eat").text("flag", "key")
		key := s.sdkKey("sandbox")
		olu := s.as("olu").token("all")
		release := takeReaders(t, s.app.Directory.DB)
		defer release()
		olu.post("/api/v1/flags/"+flag+"/environments/sandbox/kill", nil).want(t, http.StatusOK, http.StatusAccepted)
		s.eventually("the kill is served", func() bool {
			return s.evaluate(key, flag, object{"targetingKey": "bob" + at}).at("value") == false
		})
		busy := olu.get("/api/v1/flags").refused(s, http.StatusServiceUnavailable, "busy")
		if busy.Header().Get("Retry-After") == "" || busy.text("remediation") == "" {
			t.Errorf("%s says neither when nor how", busy)
		}
		release()
		olu.get("/api/v1/flags").want(t, http.StatusOK)
	})
}

// takeReaders takes all connections that are read from, and every one that becomes free, until release.
func takeReaders(t *testing.T, db *store.DB) (release func()) {
	t.Helper()
	out := make(chan struct{})
	var all sync.WaitGroup
	release = sync.OnceFunc(func() { close(out); all.Wait() })
	for range 40 {
		all.Go(func() {
			for taken := false; !taken; {
				_ = db.Read(t.Context(), func(context.Context, *store.Tx) error {
					taken = true
					<-out
					return nil
				})
			}
		})
	}
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := db.Read(ctx, func(context.Context, *store.Tx) error { return nil })
		cancel()
		if errors.Is(err, store.ErrBusy) { // and not only slow to connect
			return release
		}
	}
}
