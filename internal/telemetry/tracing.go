package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracing sends spans of requests, and events of evaluations, over OTLP. A nil *Tracing sends nothing and costs nothing.
type Tracing struct {
	tracer trace.Tracer // nil: no spans
	logger log.Logger   // nil: no events
	close  []func(context.Context) error
}

// scope names the part of the program that spans and events are of.
const scope = "github.com/soukhq/souk"

// NewTracing sets up what the standard variables OTEL_… ask for
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/): spans if they name an endpoint for
// traces, events if they name one for logs; OTEL_EXPORTER_OTLP_ENDPOINT is both. Without an endpoint it gives nil.
func NewTracing(ctx context.Context) (*Tracing, error) {
	traces, err := wanted("TRACES")
	if err != nil {
		return nil, err
	}
	logs, err := wanted("LOGS")
	if err != nil || !traces && !logs || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return nil, err
	}
	who, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithAttributes(
		attribute.String("service.name", "souk"), attribute.String("service.version", Version),
	), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("describe this service to OpenTelemetry: %w", err)
	}
	t := &Tracing{}
	if traces {
		exporter, err := otlptracehttp.New(ctx)
		if err != nil {
			return nil, fmt.Errorf("open OTLP exporter of traces: %w", err)
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(who))
		t.tracer, t.close = provider.Tracer(scope), append(t.close, provider.Shutdown)
	}
	if logs {
		exporter, err := otlploghttp.New(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open OTLP exporter of events: %w", err), t.Close(ctx))
		}
		provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)), sdklog.WithResource(who))
		t.logger, t.close = provider.Logger(scope), append(t.close, provider.Shutdown)
	}
	return t, nil
}

// wanted tells whether the variables ask for a signal, by its name in them.
func wanted(signal string) (bool, error) {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") == "" {
		return false, nil
	}
	switch kind := os.Getenv("OTEL_" + signal + "_EXPORTER"); kind {
	case "", "otlp":
	case "none":
		return false, nil
	default:
		return false, fmt.Errorf("OTEL_%s_EXPORTER is %q: there is otlp and none", signal, kind)
	}
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_" + signal + "_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	if protocol != "" && protocol != "http/protobuf" {
		return false, fmt.Errorf("the OTLP protocol %q is not spoken here: use http/protobuf, by default at port 4318", protocol)
	}
	return true, nil
}

// Close sends what waits to be sent, until ctx ends.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	var all []error
	for _, end := range t.close {
		all = append(all, end(ctx))
	}
	return errors.Join(all...)
}

// Span is the span of one request. A nil *Span takes everything.
type Span struct {
	tracing *Tracing
	ctx     context.Context //nolint:containedctx // of the one request that the span is of, and no longer
	span    trace.Span      // of no recording where only events are sent
}

type spanKey struct{}

var traceContext propagation.TraceContext

// Handler makes a span of each request, whose parent is the one that the header traceparent names. It is next itself where nothing
// is sent.
func (t *Tracing) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := traceContext.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		s := &Span{tracing: t, span: trace.SpanFromContext(ctx)}
		if t.tracer != nil {
			ctx, s.span = t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
				attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path), attribute.String("url.scheme", schemeOf(r)),
			))
			defer s.span.End()
		}
		s.ctx = ctx
		answer := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r.WithContext(context.WithValue(ctx, spanKey{}, s)))
		if t.tracer == nil {
			return
		}
		s.span.SetAttributes(attribute.Int("http.response.status_code", answer.status))
		if answer.status >= http.StatusInternalServerError {
			s.span.SetAttributes(attribute.String("error.type", strconv.Itoa(answer.status)))
			s.span.SetStatus(codes.Error, "")
		}
	})
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// Span gives the span of the request that a context belongs to.
func (t *Tracing) Span(ctx context.Context) *Span {
	if t == nil {
		return nil
	}
	s, _ := ctx.Value(spanKey{}).(*Span)
	return s
}

// Route names the span by the path as it is registered, with its variable parts named.
func (s *Span) Route(method, route string) {
	if s != nil && s.tracing.tracer != nil {
		s.span.SetName(method + " " + route)
		s.span.SetAttributes(attribute.String("http.route", route))
	}
}

// TraceID is that of the span, in hexadecimal; empty if there is none.
func (s *Span) TraceID() string {
	if s == nil || !s.span.SpanContext().HasTraceID() {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// Evaluation is one evaluation of a flag.
type Evaluation struct {
	Key         string
	Variant     string
	Value       any // where there is no variant; nil if there is none either
	Reason      string
	Code        string // an error code of OpenFeature; empty if it did not fail
	Message     string // why it failed
	Targeting   string // targeting key
	Environment string
	Revision    int64
}

// Evaluated sends the event feature_flag.evaluation of OpenTelemetry's semantic conventions 1.44
// (https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/), unless its span is not sampled.
func (s *Span) Evaluated(e Evaluation) {
	if s == nil || s.tracing.logger == nil || s.tracing.tracer != nil && !s.span.SpanContext().IsSampled() {
		return
	}
	var record log.Record
	record.SetEventName("feature_flag.evaluation")
	record.AddAttributes(
		attribute.String("feature_flag.key", e.Key), attribute.String("feature_flag.provider.name", "souk"),
		attribute.String("feature_flag.result.reason", strings.ToLower(e.Reason)),
		attribute.String("feature_flag.set.id", e.Environment), attribute.String("feature_flag.version", strconv.FormatInt(e.Revision, 10)),
	)
	if e.Targeting != "" {
		record.AddAttributes(attribute.String("feature_flag.context.id", e.Targeting))
	}
	switch {
	case e.Code != "":
		record.AddAttributes(attribute.String("error.type", strings.ToLower(e.Code)))
		if e.Message != "" {
			record.AddAttributes(attribute.String("feature_flag.error.message", e.Message))
		}
	case e.Variant != "":
		record.AddAttributes(attribute.String("feature_flag.result.variant", e.Variant))
	case e.Value != nil:
		record.AddAttributes(attribute.KeyValue{Key: "feature_flag.result.value", Value: logValue(e.Value)})
	}
	s.tracing.logger.Emit(s.ctx, record)
}

// logValue is a value as encoding/json decodes it.
func logValue(v any) attribute.Value {
	switch v := v.(type) {
	case bool:
		return attribute.BoolValue(v)
	case float64:
		return attribute.Float64Value(v)
	case string:
		return attribute.StringValue(v)
	case []any:
		items := make([]attribute.Value, len(v))
		for i, item := range v {
			items[i] = logValue(item)
		}
		return attribute.SliceValue(items...)
	case map[string]any:
		members := make([]attribute.KeyValue, 0, len(v))
		for name, member := range v {
			members = append(members, attribute.KeyValue{Key: attribute.Key(name), Value: logValue(member)})
		}
		return attribute.MapValue(members...)
	}
	return attribute.Value{}
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	begun  bool
}

// WriteHeader begins the answer.
func (w *statusWriter) WriteHeader(code int) {
	if !w.begun && code >= http.StatusOK {
		w.status, w.begun = code, true
	}
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
