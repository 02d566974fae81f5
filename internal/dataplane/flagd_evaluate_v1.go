package dataplane

import (
	"context"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	evaluationv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v1"
	"github.com/soukhq/souk/internal/telemetry"
)

// evaluation1 is flagd.evaluation.v1, which schema.v1 is on the wire, too: its answers always have a value.
type evaluation1 struct{ *Plane }

// ResolveBoolean evaluates a flag whose value is a boolean.
func (e evaluation1) ResolveBoolean(ctx context.Context, r *evaluationv1.ResolveBooleanRequest) (*evaluationv1.ResolveBooleanResponse, error) {
	answer, err := valued(resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asBool))
	if err != nil {
		return nil, err
	}
	return &evaluationv1.ResolveBooleanResponse{
		Value: answer.value, Reason: string(answer.Reason), Variant: answer.Variant, Metadata: answer.metadata(),
	}, nil
}

// ResolveString evaluates a flag whose value is a text.
func (e evaluation1) ResolveString(ctx context.Context, r *evaluationv1.ResolveStringRequest) (*evaluationv1.ResolveStringResponse, error) {
	answer, err := valued(resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asString))
	if err != nil {
		return nil, err
	}
	return &evaluationv1.ResolveStringResponse{
		Value: answer.value, Reason: string(answer.Reason), Variant: answer.Variant, Metadata: answer.metadata(),
	}, nil
}

// ResolveFloat evaluates a flag whose value is a number.
func (e evaluation1) ResolveFloat(ctx context.Context, r *evaluationv1.ResolveFloatRequest) (*evaluationv1.ResolveFloatResponse, error) {
	answer, err := valued(resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asFloat))
	if err != nil {
		return nil, err
	}
	return &evaluationv1.ResolveFloatResponse{
		Value: answer.value, Reason: string(answer.Reason), Variant: answer.Variant, Metadata: answer.metadata(),
	}, nil
}

// ResolveInt evaluates a flag whose value is a whole number.
func (e evaluation1) ResolveInt(ctx context.Context, r *evaluationv1.ResolveIntRequest) (*evaluationv1.ResolveIntResponse, error) {
	answer, err := valued(resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asInt))
	if err != nil {
		return nil, err
	}
	return &evaluationv1.ResolveIntResponse{
		Value: answer.value, Reason: string(answer.Reason), Variant: answer.Variant, Metadata: answer.metadata(),
	}, nil
}

// ResolveObject evaluates a flag whose value is an object.
func (e evaluation1) ResolveObject(ctx context.Context, r *evaluationv1.ResolveObjectRequest) (*evaluationv1.ResolveObjectResponse, error) {
	answer, err := valued(resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asObject))
	if err != nil {
		return nil, err
	}
	return &evaluationv1.ResolveObjectResponse{
		Value: answer.value, Reason: string(answer.Reason), Variant: answer.Variant, Metadata: answer.metadata(),
	}, nil
}

// EventStream tells what changes.
func (e evaluation1) EventStream(ctx context.Context, _ *evaluationv1.EventStreamRequest, out *connect.ServerStream[evaluationv1.EventStreamResponse]) error {
	return e.events(ctx, func(kind string, data *structpb.Struct) error {
		return out.Send(&evaluationv1.EventStreamResponse{Type: kind, Data: data})
	})
}

// ResolveAll evaluates all flags of the caller. Those without a value, and those that cannot be evaluated, are left out, so that
// the caller's own default counts.
func (e evaluation1) ResolveAll(ctx context.Context, r *evaluationv1.ResolveAllRequest) (*evaluationv1.ResolveAllResponse, error) {
	c := flagdCallOf(ctx)
	view, err := c.view("")
	if err != nil {
		return nil, err
	}
	served := e.Live.Snapshot(c.key.Environment)
	if served == nil {
		e.ToldFlagd.Refuse(telemetry.RefusedNotLoaded)
		return nil, unserved(c.key.Environment)
	}
	attributes, err := e.fill(served, r.GetContext())
	if err != nil {
		return nil, err
	}
	defer attributes.Release()
	all := &evaluationv1.ResolveAllResponse{Flags: map[string]*evaluationv1.AnyFlag{}, Metadata: metadataOf(served.Flags.Metadata())}
	counted := e.Usage.Caller(c.key.Environment, c.key.ID, Flagd).Bulk()
	for outcome := range served.Flags.All(attributes) {
		if !outcome.HasValue || !served.Visible(outcome.Key, view.App, view.Browser) {
			continue
		}
		counted.Count(outcome)
		one := &evaluationv1.AnyFlag{Reason: string(outcome.Reason), Variant: outcome.Variant, Metadata: metadataOf(outcome.Metadata)}
		switch value := outcome.Value.(type) {
		case bool:
			one.Value = &evaluationv1.AnyFlag_BoolValue{BoolValue: value}
		case string:
			one.Value = &evaluationv1.AnyFlag_StringValue{StringValue: value}
		case float64:
			one.Value = &evaluationv1.AnyFlag_DoubleValue{DoubleValue: value}
		default:
			object, ok := asObject(value)
			if !ok {
				continue // a list: the protocol has none
			}
			one.Value = &evaluationv1.AnyFlag_ObjectValue{ObjectValue: object}
		}
		all.Flags[outcome.Key] = one
	}
	return all, nil
}
