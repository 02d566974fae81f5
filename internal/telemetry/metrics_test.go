package telemetry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/soukhq/souk/internal/telemetry"
)

func scrape(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetricsAreNamedAsPrometheusHasIt(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics()
	m.AddSource(func(_ context.Context, tell telemetry.Tell) {
		for _, metric := range telemetry.All() {
			if metric.Kind != telemetry.Histogram && !strings.Contains(metric.Name, "api") && metric.Name != telemetry.BuildInfo.Name && metric.Name != telemetry.SDKRefusals.Name {
				tell(metric, 1, make([]string, len(metric.Labels))...)
			}
		}
	})
	m.APIRequest("get-flag", 200, time.Millisecond)
	m.Propagated("production", time.Millisecond)
	m.Protocol("ofrep").Took(true, time.Millisecond)
	text := scrape(t, m)
	for _, metric := range telemetry.All() {
		if !strings.Contains(text, "# TYPE "+metric.Name+" "+string(metric.Kind)+"\n") {
			t.Errorf("%s is not told as a %s", metric.Name, metric.Kind)
		}
		if metric.Help == "" || strings.HasSuffix(metric.Help, ".") {
			t.Errorf("%s: %q", metric.Name, metric.Help)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "souk_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestDurationsOfTheDataPlaneAreExactWhileManyRequestsEnd(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics()
	p := m.Protocol("ofrep")
	var requests sync.WaitGroup
	for range 4 {
		requests.Go(func() {
			for range 250 {
				p.Took(false, 8*time.Microsecond) // a bound belongs to its own bucket
				p.Took(false, 9*time.Microsecond)
				p.Took(false, 0)
				p.Took(false, time.Hour)
				p.Refuse(telemetry.RefusedKey)
			}
		})
	}
	requests.Wait()
	text := scrape(t, m)
	for _, line := range []string{
		`souk_sdk_request_duration_seconds_bucket{operation="single",protocol="ofrep",le="8e-06"} 2000`,
		`souk_sdk_request_duration_seconds_bucket{operation="single",protocol="ofrep",le="1.6e-05"} 3000`,
		`souk_sdk_request_duration_seconds_bucket{operation="single",protocol="ofrep",le="8.388608"} 3000`,
		`souk_sdk_request_duration_seconds_bucket{operation="single",protocol="ofrep",le="+Inf"} 4000`,
		`souk_sdk_request_duration_seconds_count{operation="single",protocol="ofrep"} 4000`,
		`souk_sdk_refusals_total{protocol="ofrep",reason="key"} 1000`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
}

func TestNothingIsToldWhereNobodyListens(t *testing.T) {
	t.Parallel()
	var m *telemetry.Metrics
	m.APIRequest("x", 200, 0)
	m.Propagated("x", 0)
	m.Protocol("x").Took(true, 0)
	m.Protocol("x").Refuse(telemetry.RefusedKey)
}
