package dataplane

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	syncv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/sync/v1"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/measure"
)

// flagSync is flagd.sync.v1, save SyncFlags over gRPC: syncFlags serves that.
type flagSync struct{ *Plane }

// SyncFlags answers callers that speak gRPC-Web or Connect. Whoever syncs speaks gRPC.
func (flagSync) SyncFlags(context.Context, *syncv1.SyncFlagsRequest, *connect.ServerStream[syncv1.SyncFlagsResponse]) error {
	return refused(connect.CodeUnimplemented, "SyncFlags is served over gRPC only")
}

// FetchAllFlags returns the document once.
func (f flagSync) FetchAllFlags(ctx context.Context, r *syncv1.FetchAllFlagsRequest) (*syncv1.FetchAllFlagsResponse, error) {
	c := flagdCallOf(ctx)
	view, err := c.view(r.GetSelector())
	if err != nil {
		return nil, err
	}
	rev := f.environment(c.key.Environment).current()
	if rev == nil {
		return nil, unserved(c.key.Environment)
	}
	f.synced(c, rev, view)()
	return &syncv1.FetchAllFlagsResponse{FlagConfiguration: string(rev.document(view).json())}, nil
}

// synced counts that a caller was sent the document of a revision, until it lets go of it.
func (p *Plane) synced(c *flagdCall, rev *revision, view live.View) (letGo func()) {
	document := measure.Sync{Serial: rev.served.Serial, App: view.App, Browser: view.Browser}
	return p.Usage.Caller(c.key.Environment, c.key.ID, Flagd).Synced(document, rev.served.Flags.Keys(), rev.served)
}

// GetMetadata returns nothing: Souk adds no attributes to its callers' contexts.
func (flagSync) GetMetadata(context.Context, *syncv1.GetMetadataRequest) (*syncv1.GetMetadataResponse, error) {
	return &syncv1.GetMetadataResponse{}, nil
}

// syncFlags serves SyncFlags over gRPC (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) with bytes that are made
// once for all streams, which Connect's codecs cannot: they own what they are given.
func (p *Plane) syncFlags(w http.ResponseWriter, r *http.Request, refusals *connect.ErrorWriter) {
	c := flagdCallOf(r.Context())
	err := func() error {
		var request syncv1.SyncFlagsRequest
		if err := readMessage(r.Body, &request); err != nil {
			return err
		}
		view, err := c.view(request.GetSelector())
		if err != nil {
			return err
		}
		s, refusal := p.open(KindSync, c.key, c.key.Environment, r)
		if refusal != "" {
			return refusal.refusal()
		}
		why := EndFailed
		defer func() { s.close(why) }()
		h := w.Header()
		h.Set("Content-Type", "application/grpc+proto")
		h.Set("Trailer", "Grpc-Status, Grpc-Message")
		gzip := acceptsGzip(r)
		if gzip {
			h.Set("Grpc-Encoding", "gzip")
		}
		old := 0
		if c.old {
			old = 1
		}
		letGo := func() {}
		defer func() { letGo() }()
		why = s.follow(r.Context(), view, func(rev, _ *revision) error {
			forms := rev.document(view).frames[old]
			bytes := forms.plain
			if gzip {
				bytes = forms.gzip
			}
			err := s.write(c.control, func() error {
				if _, err := w.Write(bytes()); err != nil {
					return err
				}
				return c.control.Flush()
			})
			if err == nil {
				letGo()
				letGo = p.synced(c, rev, view)
			}
			return err
		}, nil)
		end := why.refusal()
		h.Set("Grpc-Status", fmt.Sprint(uint32(end.Code())))
		h.Set("Grpc-Message", end.Message())
		return nil
	}()
	if err != nil {
		_ = refusals.Write(w, r, err) // a client that went away hears nothing
	}
}

// readMessage reads the one message of a request.
func readMessage(body io.Reader, into proto.Message) error {
	var prefix [5]byte
	if _, err := io.ReadFull(body, prefix[:]); err != nil {
		return refused(connect.CodeInvalidArgument, "the request has no message")
	}
	size := binary.BigEndian.Uint32(prefix[1:])
	switch {
	case prefix[0] != 0:
		return refused(connect.CodeUnimplemented, "the request is compressed: send it as it is")
	case size > bodyLimit:
		return refused(connect.CodeResourceExhausted, "the request is larger than 64 kB")
	}
	message := make([]byte, size)
	if _, err := io.ReadFull(body, message); err != nil || proto.Unmarshal(message, into) != nil {
		return refused(connect.CodeInvalidArgument, "the request is not the message that it should be")
	}
	return nil
}

func acceptsGzip(r *http.Request) bool {
	for encoding := range strings.SplitSeq(strings.Join(r.Header.Values("Grpc-Accept-Encoding"), ","), ",") {
		if strings.TrimSpace(encoding) == "gzip" {
			return true
		}
	}
	return false
}
