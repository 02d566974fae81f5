package dataplane

import (
	"context"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	evaluationv2 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v2"
)

// evaluation2 is flagd.evaluation.v2: no value means the caller's own default.
type evaluation2 struct{ *Plane }

// ResolveBoolean evaluates a flag whose value is a boolean.
func (e evaluation2) ResolveBoolean(ctx context.Context, r *evaluationv2.ResolveBooleanRequest) (*evaluationv2.ResolveBooleanResponse, error) {
	answer, err := resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asBool)
	if err != nil {
		return nil, err
	}
	return &evaluationv2.ResolveBooleanResponse{
		Value: answer.valueIfAny(), Reason: string(answer.Reason), Variant: answer.variantIfAny(), Metadata: answer.metadata(),
	}, nil
}

// ResolveString evaluates a flag whose value is a text.
func (e evaluation2) ResolveString(ctx context.Context, r *evaluationv2.ResolveStringRequest) (*evaluationv2.ResolveStringResponse, error) {
	answer, err := resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asString)
	if err != nil {
		return nil, err
	}
	return &evaluationv2.ResolveStringResponse{
		Value: answer.valueIfAny(), Reason: string(answer.Reason), Variant: answer.variantIfAny(), Metadata: answer.metadata(),
	}, nil
}

// ResolveFloat evaluates a flag whose value is a number.
func (e evaluation2) ResolveFloat(ctx context.Context, r *evaluationv2.ResolveFloatRequest) (*evaluationv2.ResolveFloatResponse, error) {
	answer, err := resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asFloat)
	if err != nil {
		return nil, err
	}
	return &evaluationv2.ResolveFloatResponse{
		Value: answer.valueIfAny(), Reason: string(answer.Reason), Variant: answer.variantIfAny(), Metadata: answer.metadata(),
	}, nil
}

// ResolveInt evaluates a flag whose value is a whole number.
func (e evaluation2) ResolveInt(ctx context.Context, r *evaluationv2.ResolveIntRequest) (*evaluationv2.ResolveIntResponse, error) {
	answer, err := resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asInt)
	if err != nil {
		return nil, err
	}
	return &evaluationv2.ResolveIntResponse{
		Value: answer.valueIfAny(), Reason: string(answer.Reason), Variant: answer.variantIfAny(), Metadata: answer.metadata(),
	}, nil
}

// ResolveObject evaluates a flag whose value is an object.
func (e evaluation2) ResolveObject(ctx context.Context, r *evaluationv2.ResolveObjectRequest) (*evaluationv2.ResolveObjectResponse, error) {
	answer, err := resolve(ctx, e.Plane, r.GetFlagKey(), r.GetContext(), asObject)
	if err != nil {
		return nil, err
	}
	return &evaluationv2.ResolveObjectResponse{
		Value: answer.value, Reason: string(answer.Reason), Variant: answer.variantIfAny(), Metadata: answer.metadata(),
	}, nil
}

// EventStream tells what changes.
func (e evaluation2) EventStream(ctx context.Context, _ *evaluationv2.EventStreamRequest, out *connect.ServerStream[evaluationv2.EventStreamResponse]) error {
	return e.events(ctx, func(kind string, data *structpb.Struct) error {
		return out.Send(&evaluationv2.EventStreamResponse{Type: kind, Data: data})
	})
}
