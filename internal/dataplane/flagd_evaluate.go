package dataplane

import (
	"context"
	"errors"
	"math"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/telemetry"
)

// resolved is an answer of a wanted type. Without a value the caller's own default counts.
type resolved[T any] struct {
	*flag.Outcome
	value T
}

// metadata is that of the flag.
func (r resolved[T]) metadata() *structpb.Struct { return metadataOf(r.Metadata) }

// variantIfAny is the variant where there is a value.
func (r resolved[T]) variantIfAny() *string {
	if !r.HasValue {
		return nil
	}
	return &r.Variant
}

// valueIfAny is the value where there is one.
func (r resolved[T]) valueIfAny() *T {
	if !r.HasValue {
		return nil
	}
	return &r.value
}

// resolve evaluates a flag for the caller and takes the value as a type. Errors have flagd's codes, from which stock providers
// make OpenFeature's error codes again.
func resolve[T any](ctx context.Context, p *Plane, key string, attributes *structpb.Struct, as func(any) (T, bool)) (r resolved[T], err error) {
	c := flagdCallOf(ctx)
	view, err := c.view("")
	if err != nil {
		return r, err
	}
	served := p.Live.Snapshot(c.key.Environment)
	if served == nil {
		p.ToldFlagd.Refuse(telemetry.RefusedNotLoaded)
		return r, unserved(c.key.Environment)
	}
	span, targeting := p.Tracing.Span(ctx), attributes.GetFields()["targetingKey"].GetStringValue()
	usage := p.Usage.Caller(c.key.Environment, c.key.ID, Flagd)
	context, err := p.fill(served, attributes)
	if err != nil {
		usage.Fail(key, flag.InvalidContext)
		failed(span, served, key, flag.InvalidContext, err.Error(), targeting)
		return r, err
	}
	defer context.Release()
	if served.Visible(key, view.App, view.Browser) {
		r.Outcome = served.Flags.Evaluate(key, context)
	}
	if r.Outcome == nil {
		usage.Fail(key, flag.FlagNotFound)
		failed(span, served, key, flag.FlagNotFound, "", targeting)
		return r, refused(connect.CodeNotFound, "there is no flag %q for this caller", key)
	}
	usage.Count(r.Outcome)
	evaluated(span, served, r.Outcome, targeting)
	switch r.Code {
	case "":
	case flag.FlagNotFound:
		return r, refused(connect.CodeNotFound, "%s", r.Details)
	case flag.ParseError:
		return r, refused(connect.CodeDataLoss, "%s", r.Details)
	case flag.InvalidContext:
		return r, refused(connect.CodeInvalidArgument, "%s", r.Details)
	default:
		return r, refused(connect.CodeUnknown, "%s", r.Details)
	}
	if !r.HasValue {
		return r, nil
	}
	var ok bool
	if r.value, ok = as(r.Value); !ok {
		return r, refused(connect.CodeInvalidArgument, "the value of the flag %q has another type", key)
	}
	return r, nil
}

// valued refuses an answer without a value where the protocol has no word for it: the caller then takes its own default, as flagd
// has it there, and not an empty value.
func valued[T any](r resolved[T], err error) (resolved[T], error) {
	if err == nil && !r.HasValue {
		return r, refused(connect.CodeNotFound, "the flag %q has no value here (%s)", r.Key, r.Reason)
	}
	return r, err
}

func asBool(v any) (bool, bool)     { b, ok := v.(bool); return b, ok }
func asString(v any) (string, bool) { s, ok := v.(string); return s, ok }
func asFloat(v any) (float64, bool) { f, ok := v.(float64); return f, ok }

// asInt cuts off what is behind the point, as flagd does.
func asInt(v any) (int64, bool) {
	f, ok := v.(float64)
	if !ok || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

func asObject(v any) (*structpb.Struct, bool) {
	members, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	s, err := structpb.NewStruct(members)
	return s, err == nil
}

// metadataOf makes a message of metadata, which holds texts, numbers and booleans.
func metadataOf(metadata map[string]any) *structpb.Struct {
	s, err := structpb.NewStruct(metadata)
	if err != nil {
		return nil
	}
	return s
}

// errDeep is the error of a context that nests too deep.
var errDeep = errors.New("the context nests deeper than 32")

// fill gives a context with the attributes of a request.
func (p *Plane) fill(served *live.Served, attributes *structpb.Struct) (*flag.Context, error) {
	all, err := goMap(attributes, 0)
	if err == nil {
		if key, ok := all["targetingKey"]; ok && key != nil {
			if _, ok := key.(string); !ok {
				err = errors.New("targetingKey is not a text")
			}
		}
	}
	if err != nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, err)
	}
	now := p.Now()
	if p.Recent != nil && p.Recent.Due(served.Environment, now) {
		p.Recent.Keep(served.Environment, all)
	}
	c := served.Flags.Context(now)
	c.Set(all)
	return c, nil
}

// contextDepth bounds how deep a context nests, as the body of an OFREP request.
const contextDepth = 32

func goMap(s *structpb.Struct, depth int) (map[string]any, error) {
	if depth > contextDepth {
		return nil, errDeep
	}
	all := make(map[string]any, len(s.GetFields()))
	for name, v := range s.GetFields() {
		member, err := goValue(v, depth)
		if err != nil {
			return nil, err
		}
		all[name] = member
	}
	return all, nil
}

// goValue gives a value as encoding/json would. Numbers that JSON cannot write are none that a rule can mean.
func goValue(v *structpb.Value, depth int) (any, error) {
	switch v := v.GetKind().(type) {
	case *structpb.Value_StringValue:
		return v.StringValue, nil
	case *structpb.Value_NumberValue:
		if math.IsNaN(v.NumberValue) || math.IsInf(v.NumberValue, 0) {
			return nil, nil //nolint:nilnil // null is a value
		}
		return v.NumberValue, nil
	case *structpb.Value_BoolValue:
		return v.BoolValue, nil
	case *structpb.Value_StructValue:
		return goMap(v.StructValue, depth+1)
	case *structpb.Value_ListValue:
		if depth >= contextDepth {
			return nil, errDeep
		}
		items := make([]any, len(v.ListValue.GetValues()))
		for i, item := range v.ListValue.GetValues() {
			var err error
			if items[i], err = goValue(item, depth+1); err != nil {
				return nil, err
			}
		}
		return items, nil
	}
	return nil, nil //nolint:nilnil // null is a value
}
