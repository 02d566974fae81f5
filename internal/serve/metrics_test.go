package serve_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/telemetry"
)

func (o *office) scrape() string {
	o.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Host = "localhost:8080"
	w := httptest.NewRecorder()
	o.app.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		o.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetricsTellOfAllPartsAndOfNothingThatCallersMakeUp(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		key := o.live()
		o.evaluate(key, "alice@hyfin.example", "pilot")
		body := map[string]any{"context": map[string]any{"targetingKey": "x"}}
		all := o.do("", "POST", "/ofrep/v1/evaluate/flags", body, "X-API-Key", key).must(200)
		o.do("", "POST", "/ofrep/v1/evaluate/flags", body, "X-API-Key", key, "If-None-Match", all.Header.Get("ETag")).must(304)
		o.do("", "POST", "/ofrep/v1/evaluate/flags/made-up-name", body, "X-API-Key", key).must(404)
		o.do("", "POST", "/ofrep/v1/evaluate/flags", body, "X-API-Key", "made-up-key").must(401)
		o.do("", "GET", "/api/v1/made-up-path", nil).must(404)
		const flagd = "/flagd.evaluation.v1.Service/"
		o.do("", "POST", flagd+"ResolveBoolean", map[string]any{"flagKey": "where2eat.enabled"}, "X-API-Key", key).must(200)
		o.do("", "POST", flagd+"ResolveAll", map[string]any{}, "X-API-Key", key).must(200)
		o.do("", "POST", flagd+"ResolveBoolean", map[string]any{"flagKey": "where2eat.enabled"}, "X-API-Key", "made-up-key").must(401)
		var text string
		o.eventually("the last change is measured, and the audit log is up to date", func() bool {
			text = o.scrape()
			return strings.Contains(text, `souk_propagation_seconds_count{environment="production"}`) && strings.Contains(text, "souk_audit_lag_seconds 0\n")
		})
		for _, line := range []string{
			`souk_evaluations_total{code="",environment="production",protocol="ofrep",reason="targeting_match"} 1`,
			`souk_evaluations_total{code="",environment="production",protocol="ofrep",reason="default"} 1`,
			`souk_evaluations_total{code="",environment="production",protocol="ofrep",reason="cached"} 1`,
			`souk_evaluations_total{code="flag_not_found",environment="production",protocol="ofrep",reason="error"} 1`,
			`souk_bulk_requests_total{environment="production",protocol="ofrep",result="evaluated"} 1`,
			`souk_bulk_requests_total{environment="production",protocol="ofrep",result="unchanged"} 1`,
			`souk_sdk_request_duration_seconds_count{operation="bulk",protocol="ofrep"} 2`,
			`souk_sdk_refusals_total{protocol="ofrep",reason="key"} 1`,
			`souk_sdk_request_duration_seconds_count{operation="single",protocol="flagd"} 1`,
			`souk_sdk_request_duration_seconds_count{operation="bulk",protocol="flagd"} 1`,
			`souk_sdk_refusals_total{protocol="flagd",reason="key"} 1`,
			`souk_snapshot_flags{environment="production"} 1`,
			`souk_snapshot_stale 0`, `souk_database_up 1`, `souk_leader 1`, `souk_audit_waiting_events 0`,
			`souk_api_requests_total{operation="other",status="404"} 1`,
		} {
			if !strings.Contains(text, line+"\n") {
				o.Errorf("no line %s", line)
			}
		}
		if strings.Contains(text, "made-up") || strings.Contains(text, "where2eat") {
			o.Errorf("a label is made up by a caller, or is a flag:\n%s", text)
		}
		told := map[string]bool{}
		for _, found := range regexp.MustCompile(`(?m)^# TYPE (souk_\S+)`).FindAllStringSubmatch(text, -1) {
			told[found[1]] = true
		}
		for _, m := range telemetry.All() {
			stream := strings.HasPrefix(m.Name, "souk_stream") // told by what serves streams
			if told[m.Name] == stream {
				o.Errorf("%s is told: %v", m.Name, told[m.Name])
			}
			delete(told, m.Name)
		}
		if len(told) > 0 {
			o.Errorf("not in the table of metrics: %v", told)
		}
	})
}

func TestMetricsWantATokenWhereAnotherMachineCouldReadThem(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef0123"
	for _, c := range []struct {
		name   string
		set    func(*serve.Config)
		host   string
		token  string
		status int
	}{
		{"on this machine", func(*serve.Config) {}, "localhost:8080", "", 200},
		{"a page whose name leads here", func(*serve.Config) {}, "evil.example", "", 421},
		{"behind a proxy on this machine", func(c *serve.Config) { c.PublicURL = "https://souk.example.com" }, "souk.example.com", "", 403},
		{"a token is set, none is sent", func(c *serve.Config) { c.MetricsToken = token }, "localhost", "", 401},
		{"a token is set, another is sent", func(c *serve.Config) { c.MetricsToken = token }, "localhost", token + "x", 401},
		{"a token is set and sent", func(c *serve.Config) {
			c.PublicURL, c.MetricsToken = "https://souk.example.com", token
		}, "10.0.0.7:8080", token, 200},
		{"metrics have their own address", func(c *serve.Config) { c.MetricsAddr = ":0" }, "localhost", "", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := serve.Defaults()
			cfg.Data = storetest.Config(t, store.SQLite).Dir
			c.set(&cfg)
			if err := cfg.Check(); err != nil {
				t.Fatal(err)
			}
			app, err := serve.New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = app.Close() })
			r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
			r.Host = c.host
			if c.token != "" {
				r.Header.Set("Authorization", "Bearer "+c.token)
			}
			w := httptest.NewRecorder()
			app.Handler().ServeHTTP(w, r)
			if isMetrics := strings.Contains(w.Body.String(), "souk_build_info"); w.Code != c.status && c.status != 404 || isMetrics != (c.status == 200) {
				t.Errorf("%d, want %d: %.200s", w.Code, c.status, w.Body)
			}
		})
	}
}

func TestMetricsThatAnybodyCouldReadAreRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ addr, token, code string }{
		{"", "", ""},
		{":9090", "", ""},
		{"127.0.0.1:9090", "", ""},
		{"0.0.0.0:9090", "0123456789abcdef", ""},
		{"0.0.0.0:9090", "", "open_metrics"},
		{"9090", "", "bad_addr"},
		{"", "short", "short_metrics_token"},
	} {
		cfg := serve.Defaults()
		cfg.MetricsAddr, cfg.MetricsToken = c.addr, c.token
		code := ""
		if refused, ok := errors.AsType[*fault.Error](cfg.Check()); ok {
			code = refused.Code
		}
		if code != c.code {
			t.Errorf("%q with token %q: %q, want %q", c.addr, c.token, code, c.code)
		}
	}
}
