package dataplane_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/telemetry"
)

// What is sent is decoded by the tests of package telemetry; here it counts that single evaluations are told, failed ones, too.
func TestEvaluationsAreTracedWhereSomebodyTraces(t *testing.T) {
	var mu sync.Mutex
	sent := map[string]*bytes.Buffer{"/v1/traces": {}, "/v1/logs": {}} // guarded by mu
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = io.Copy(sent[r.URL.Path], r.Body)
	}))
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	tracing, err := telemetry.NewTracing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, storetest.Open(t, store.SQLite))
	plane := &dataplane.Plane{
		Live: b.live, Now: func() time.Time { return noon }, Tracing: tracing,
		Lookup: func(string, time.Time) (sdkkey.Key, bool) {
			return sdkkey.Key{ID: "1", Environment: "production"}, true
		},
	}
	traced := httptest.NewServer(tracing.Handler(plane))
	defer traced.Close()
	b.URL = traced.URL
	const single = "/ofrep/v1/evaluate/flags/"
	b.ask(t, single+"where2eat.enabled", "any", `{"context": {"targetingKey": "alice"}}`)
	b.ask(t, single+"nobody", "any", `{"context": {"targetingKey": "bob"}}`)
	b.ask(t, single+"where2eat.dark-mode", "any", `{"context": 7}`)
	b.ask(t, strings.TrimSuffix(single, "/"), "any", `{}`)
	mux := http.NewServeMux()
	plane.Flagd(mux, dataplane.FlagdPort{Evaluation: true}, func(next http.Handler) http.Handler { return next })
	flagd := httptest.NewServer(mux)
	defer flagd.Close()
	for _, body := range []string{`{"flagKey": "travel.enabled", "context": {"targetingKey": "carla"}}`, `{"flagKey": "no-such-flag"}`} {
		answer, err := http.Post(flagd.URL+"/flagd.evaluation.v2.Service/ResolveBoolean", "application/json", strings.NewReader(body)) //nolint:noctx // it ends with the server
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for path, words := range map[string][]string{
		"/v1/traces": {"POST /ofrep/v1/evaluate/flags/{key}", "POST /ofrep/v1/evaluate/flags", "POST /flagd.evaluation.v2.Service/ResolveBoolean"},
		"/v1/logs":   {"feature_flag.evaluation", "where2eat.enabled", "static", "alice", "flag_not_found", "bob", "where2eat.dark-mode", "invalid_context", "travel.enabled", "carla", "no-such-flag"},
	} {
		for _, word := range words {
			if !strings.Contains(sent[path].String(), word) {
				t.Errorf("%s was not sent to %s", word, path)
			}
		}
	}
	if n := strings.Count(sent["/v1/logs"].String(), "travel.enabled"); n != 1 {
		t.Errorf("travel.enabled was told of %d times: a request for all flags tells of none", n)
	}
}
