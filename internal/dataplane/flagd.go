package dataplane

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/sdkkey"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"

	evaluationv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v1"
	evaluationv2 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v2"
	syncv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/sync/v1"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/telemetry"
)

// The services of flagd before its protocols had versions. Their messages are those of version 1 on the wire, so they are
// answered by its handlers.
const (
	oldEvaluation = "schema.v1.Service"
	oldSync       = "sync.v1.FlagSyncService"
)

// FlagdPort says what a port serves of flagd's protocols, over gRPC, gRPC-Web and Connect.
type FlagdPort struct {
	Evaluation, Sync bool
	Keyless          string // the environment that callers without an SDK key see; empty: they are refused
}

// Flagd adds flagd's services and the health service of gRPC to a mux. around goes around each handler.
func (p *Plane) Flagd(mux *http.ServeMux, port FlagdPort, around func(http.Handler) http.Handler) {
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(bodyLimit),
		connect.WithCompressMinBytes(math.MaxInt), // documents are compressed once for all, and answers are small
	}
	refusals := connect.NewErrorWriter(options...)
	var names []string
	serve := func(name string, handler http.Handler, as string, may func(sdkkey.Key) error) {
		names = append(names, name)
		prefix, asPrefix := "/"+name+"/", "/"+as+"/"
		mux.Handle(prefix, around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !refusals.IsSupported(r) {
				w.Header().Set("Accept-Post", "application/grpc, application/grpc-web, application/proto, application/json")
				http.Error(w, "this path is for gRPC, gRPC-Web and Connect", http.StatusUnsupportedMediaType)
				return
			}
			key, err := p.caller(r, port.Keyless)
			if err == nil {
				err = may(key)
			}
			if err != nil {
				_ = refusals.Write(w, r, err) // a client that went away hears nothing
				return
			}
			c := &flagdCall{key: key, r: r, control: http.NewResponseController(w), old: name != as}
			r = r.WithContext(context.WithValue(r.Context(), flagdCallKey{}, c))
			if c.old {
				path := *r.URL
				path.Path = asPrefix + strings.TrimPrefix(path.Path, prefix)
				r.URL = &path
			}
			p.markStale(w.Header())
			handler.ServeHTTP(w, r)
		})))
	}
	if port.Evaluation {
		_, first := evaluationv1.NewServiceHandler(evaluation1{p}, options...)
		_, second := evaluationv2.NewServiceHandler(evaluation2{p}, options...)
		first, second = p.told(first), p.told(second)
		serve(evaluationv1.ServiceName, first, evaluationv1.ServiceName, anyKey)
		serve(oldEvaluation, first, evaluationv1.ServiceName, anyKey)
		serve(evaluationv2.ServiceName, second, evaluationv2.ServiceName, anyKey)
	}
	if port.Sync {
		_, sync := syncv1.NewFlagSyncServiceHandler(flagSync{p}, options...)
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == syncv1.FlagSyncServiceSyncFlagsProcedure && isGRPC(r) {
				p.syncFlags(w, r, refusals)
				return
			}
			sync.ServeHTTP(w, r)
		})
		serve(syncv1.FlagSyncServiceName, handler, syncv1.FlagSyncServiceName, serverKey)
		serve(oldSync, handler, syncv1.FlagSyncServiceName, serverKey)
	}
	path, health := grpchealth.NewHandler(planeHealth{p, names}, options...)
	mux.Handle(path, around(health))
}

// isGRPC tells gRPC over HTTP/2 from gRPC-Web and Connect.
func isGRPC(r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	return kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+")
}

func anyKey(sdkkey.Key) error { return nil }

// serverKey lets keys of servers have whole documents, with rules and the people in them, and browsers not.
func serverKey(key sdkkey.Key) error {
	if key.ClientSide {
		return refused(connect.CodePermissionDenied, "a client-side SDK key may evaluate flags, not have all of them: use a key for servers")
	}
	return nil
}

// caller gives the SDK key of a request, or that of no key at all where the port serves an environment without one.
func (p *Plane) caller(r *http.Request, keyless string) (sdkkey.Key, error) {
	shown := secret(r)
	if shown == "" && r.Header.Get("Authorization") == "" && keyless != "" {
		return sdkkey.Key{Environment: keyless}, nil
	}
	key, ok := p.Lookup(shown, p.Now())
	if !ok {
		p.ToldFlagd.Refuse(telemetry.RefusedKey)
		return key, refused(connect.CodeUnauthenticated, "the SDK key is missing, unknown or no longer valid")
	}
	if origin := r.Header.Get("Origin"); origin != "" && (!key.ClientSide || !key.AllowsOrigin(origin)) {
		p.ToldFlagd.Refuse(telemetry.RefusedOrigin)
		return key, refused(connect.CodePermissionDenied, "this SDK key may not be used from this web page")
	}
	if p.share(&key).take(&key, p.Now()) > 0 {
		p.ToldFlagd.Refuse(telemetry.RefusedLimit)
		words := overLimit(&key)
		return key, refused(connect.CodeResourceExhausted, "%s", words)
	}
	return key, nil
}

// flagdCall is one authenticated request.
type flagdCall struct {
	key     sdkkey.Key
	r       *http.Request
	control *http.ResponseController
	old     bool // of a service without a version
}

type flagdCallKey struct{}

func flagdCallOf(ctx context.Context) *flagdCall {
	c, ok := ctx.Value(flagdCallKey{}).(*flagdCall)
	if !ok {
		panic("dataplane: a handler of flagd's services was called without its caller")
	}
	return c
}

// view is what the caller sees: what its key sees, narrowed by a selector in the header Flagd-Selector or, where the request has
// one, in that. A stock client sends an empty one for none. The selectors are app=… and, as flagd has it, flagSetId=…, which is the
// environment; its name alone is that, too. Several stand in a list with commas.
func (c *flagdCall) view(selector string) (live.View, error) {
	view := live.View{App: c.key.App, Browser: c.key.ClientSide}
	if header := c.r.Header.Get("Flagd-Selector"); header != "" {
		selector = header
	}
	if selector == "" {
		return view, nil
	}
	for part := range strings.SplitSeq(selector, ",") {
		name, value, named := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case name == "app" && value != "":
			if view.App != "" && view.App != value {
				return view, refused(connect.CodePermissionDenied, "this is for the app %s only", view.App)
			}
			view.App = value
		case !named && name == c.key.Environment, name == "flagSetId" && value == c.key.Environment:
		case name == "flagSetId" && value != "":
			return view, refused(connect.CodePermissionDenied, "this is for the environment %s only", c.key.Environment)
		default:
			return view, refused(connect.CodeInvalidArgument, "the selector %q is not known: write it like app=where2eat or flagSetId=%s", part, c.key.Environment)
		}
	}
	return view, nil
}

func refused(code connect.Code, format string, args ...any) *connect.Error {
	return connect.NewError(code, fmt.Errorf(format, args...))
}

// unserved is the error where an environment is not loaded, or is no more.
func unserved(environment string) *connect.Error {
	return refused(connect.CodeUnavailable, "the flags of %s are not loaded", environment)
}

// refusal is the error with which a stream is refused, or ends. Never without one: a stock client takes that for good and
// stays deaf.
func (e End) refusal() *connect.Error {
	switch e {
	case EndRevoked, EndExpired:
		return refused(connect.CodeUnauthenticated, "the SDK key is no longer valid")
	case EndTooMany:
		return refused(connect.CodeResourceExhausted, "the SDK key has as many streams open as it may")
	case EndClient, EndSlow:
		return refused(connect.CodeDeadlineExceeded, "the client did not read in time")
	case EndUnserved:
		return refused(connect.CodeUnavailable, "the flags of the environment are not loaded")
	case EndFailed:
		return refused(connect.CodeInternal, "internal error")
	case EndDrain:
	}
	return refused(connect.CodeUnavailable, "the server is being stopped: connect again in a moment")
}

// planeHealth answers gRPC's health service: a service is serving once there are flags.
type planeHealth struct {
	*Plane
	names []string
}

// Check tells the state of a service, or of the server where none is named.
func (h planeHealth) Check(_ context.Context, r *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	if r.Service != "" && !slices.Contains(h.names, r.Service) {
		return nil, connect.NewError(connect.CodeNotFound, errors.New("there is no such service here"))
	}
	if !h.Live.Ready() || h.draining() {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}
