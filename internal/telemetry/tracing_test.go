package telemetry_test

import (
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	collogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/soukhq/souk/internal/telemetry"
)

// collector receives OTLP over HTTP, as an OpenTelemetry collector does.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*trace.Span     // guarded by mu
	events  []*logs.LogRecord // guarded by mu
	service map[string]string // attributes of the resource; guarded by mu
}

func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		var in coltrace.ExportTraceServiceRequest
		c.read(t, w, r, &in)
		for _, resource := range in.ResourceSpans {
			c.service = attributes(resource.Resource.Attributes)
			for _, scope := range resource.ScopeSpans {
				c.spans = append(c.spans, scope.Spans...)
			}
		}
		c.mu.Unlock()
	})
	mux.HandleFunc("POST /v1/logs", func(w http.ResponseWriter, r *http.Request) {
		var in collogs.ExportLogsServiceRequest
		c.read(t, w, r, &in)
		for _, resource := range in.ResourceLogs {
			for _, scope := range resource.ScopeLogs {
				c.events = append(c.events, scope.LogRecords...)
			}
		}
		c.mu.Unlock()
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

// read reads a message and leaves mu locked.
func (c *collector) read(t *testing.T, w http.ResponseWriter, r *http.Request, into proto.Message) {
	c.mu.Lock()
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body = unzipped
	}
	raw, err := io.ReadAll(body)
	if err == nil {
		err = proto.Unmarshal(raw, into)
	}
	if err != nil {
		t.Error(err)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func attributes(all []*common.KeyValue) map[string]string {
	found := map[string]string{}
	for _, a := range all {
		text := a.Value.GetStringValue()
		if text == "" {
			text = strings.Join(strings.Fields(a.Value.String()), " ")
		}
		found[a.Key] = text
	}
	return found
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestRequestsBecomeSpansAndEvaluationsEventsAsTheConventionsHaveThem(t *testing.T) {
	c := collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	tracing, err := telemetry.NewTracing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	common := telemetry.Evaluation{Key: "lunch.enabled", Targeting: "alice@hyfin.example", Environment: "production", Revision: 7}
	with := func(change func(*telemetry.Evaluation)) telemetry.Evaluation {
		e := common
		change(&e)
		return e
	}
	handler := tracing.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span := tracing.Span(r.Context())
		span.Route("POST", "/ofrep/v1/evaluate/flags/{key}")
		if span.TraceID() != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("the trace is %s", span.TraceID())
		}
		span.Evaluated(with(func(e *telemetry.Evaluation) { e.Variant, e.Value, e.Reason = "on", true, "TARGETING_MATCH" }))
		span.Evaluated(with(func(e *telemetry.Evaluation) { e.Value, e.Reason = true, "STATIC" }))
		span.Evaluated(with(func(e *telemetry.Evaluation) { e.Reason, e.Targeting = "DISABLED", "" }))
		span.Evaluated(with(func(e *telemetry.Evaluation) {
			e.Reason, e.Code, e.Message = "ERROR", "FLAG_NOT_FOUND", "there is none"
		}))
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	r := httptest.NewRequest(http.MethodPost, "/ofrep/v1/evaluate/flags/lunch.enabled", nil)
	r.Header.Set("Traceparent", parent)
	handler.ServeHTTP(httptest.NewRecorder(), r)
	unsampled := httptest.NewRequest(http.MethodPost, "/ofrep/v1/evaluate/flags/lunch.enabled", nil)
	unsampled.Header.Set("Traceparent", strings.TrimSuffix(parent, "1")+"0")
	handler.ServeHTTP(httptest.NewRecorder(), unsampled)
	if err := tracing.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.service["service.name"] != "souk" || c.service["deployment.environment.name"] != "test" {
		t.Errorf("the service is %v", c.service)
	}
	if len(c.spans) != 1 {
		t.Fatalf("%d spans", len(c.spans))
	}
	span := c.spans[0]
	if span.Name != "POST /ofrep/v1/evaluate/flags/{key}" || span.Kind != trace.Span_SPAN_KIND_SERVER || span.Status.Code != trace.Status_STATUS_CODE_ERROR {
		t.Errorf("%v", span)
	}
	if diff := cmp.Diff(map[string]string{
		"http.request.method": "POST", "http.route": "/ofrep/v1/evaluate/flags/{key}", "url.path": "/ofrep/v1/evaluate/flags/lunch.enabled",
		"url.scheme": "http", "http.response.status_code": "int_value:503", "error.type": "503",
	}, attributes(span.Attributes)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	always := map[string]string{
		"feature_flag.key": "lunch.enabled", "feature_flag.provider.name": "souk", "feature_flag.set.id": "production", "feature_flag.version": "7",
	}
	who := map[string]string{"feature_flag.context.id": "alice@hyfin.example"}
	want := []map[string]string{
		merged(always, who, map[string]string{"feature_flag.result.reason": "targeting_match", "feature_flag.result.variant": "on"}),
		merged(always, who, map[string]string{"feature_flag.result.reason": "static", "feature_flag.result.value": "bool_value:true"}),
		merged(always, map[string]string{"feature_flag.result.reason": "disabled"}),
		merged(always, who, map[string]string{"feature_flag.result.reason": "error", "error.type": "flag_not_found", "feature_flag.error.message": "there is none"}),
	}
	var got []map[string]string
	for _, event := range c.events {
		if event.EventName != "feature_flag.evaluation" || !slices.Equal(event.TraceId, span.TraceId) || !slices.Equal(event.SpanId, span.SpanId) {
			t.Errorf("%v is not of the span", event)
		}
		got = append(got, attributes(event.Attributes))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func merged(all ...map[string]string) map[string]string {
	sum := map[string]string{}
	for _, one := range all {
		maps.Copy(sum, one)
	}
	return sum
}

func TestNothingIsTracedUnlessTheVariablesAskForIt(t *testing.T) {
	for _, c := range []struct {
		name          string
		set           map[string]string
		traced, wrong bool
	}{
		{"nothing is set", nil, false, false},
		{"an endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, true, false},
		{"one of traces alone", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}, true, false},
		{"switched off", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}, false, false},
		{"no exporters", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}, false, false},
		{"a protocol that is not spoken", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, true},
		{"an exporter that there is not", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "zipkin"}, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range c.set {
				t.Setenv(name, value)
			}
			tracing, err := telemetry.NewTracing(t.Context())
			if (tracing != nil) != c.traced || (err != nil) != c.wrong {
				t.Errorf("%v, %v", tracing, err)
			}
			if err := tracing.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	var off *telemetry.Tracing
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if span := off.Span(r.Context()); span != nil || span.TraceID() != "" {
			t.Error("there is a span")
		}
		off.Span(r.Context()).Route("GET", "/")
		off.Span(r.Context()).Evaluated(telemetry.Evaluation{})
	})
	off.Handler(next).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}
