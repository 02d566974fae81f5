package dataplane_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/soukhq/souk/internal/dataplane"
	evaluationv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v1"
	evaluationv2 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v2"
	syncv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/sync/v1"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
)

// keyring is SDK keys by secret, which tests revoke.
type keyring struct {
	mu       sync.Mutex
	keys     map[string]sdkkey.Key
	revoked  map[string]bool // by id
	replaced chan struct{}
}

func (k *keyring) Lookup(secret string, _ time.Time) (sdkkey.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.keys[secret]
	return key, ok && !k.revoked[key.ID]
}

func (k *keyring) Lasts(id string, _ time.Time) sdkkey.Lasting {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.revoked[id] {
		return sdkkey.Revoked
	}
	return sdkkey.Lasts
}

func (k *keyring) Replaced() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.replaced
}

func (k *keyring) revoke(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked[id] = true
	close(k.replaced)
	k.replaced = make(chan struct{})
}

// port is a Plane behind a port as souk serves it: HTTP/1 and unencrypted HTTP/2.
type port struct {
	*bench
	plane  *dataplane.Plane
	keys   *keyring
	client *http.Client
	url    string
}

// readTimeout is shorter than any stream lasts.
const readTimeout = time.Second

// openPort serves production, and callers without a key where keyless names an environment.
func openPort(t *testing.T, db *store.DB, keyless string) *port {
	t.Helper()
	b := open(t, db)
	keys := &keyring{revoked: map[string]bool{}, replaced: make(chan struct{}), keys: map[string]sdkkey.Key{
		"server":  {ID: "1", Environment: "production"},
		"lunch":   {ID: "2", Environment: "production", App: "where2eat"},
		"browser": {ID: "3", Environment: "production", ClientSide: true, Origins: []string{"https://lunch.hyfin.example"}},
		"nowhere": {ID: "4", Environment: "moon"},
	}}
	p := &port{bench: b, keys: keys, plane: &dataplane.Plane{Live: b.live, Lookup: keys.Lookup, Keys: keys, Now: time.Now}}
	mux := http.NewServeMux()
	p.plane.Flagd(mux, dataplane.FlagdPort{Evaluation: true, Sync: true, Keyless: keyless}, func(h http.Handler) http.Handler { return h })
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.ConnContext = dataplane.WithConn
	server.Config.ReadTimeout = readTimeout
	server.Start()
	p.url = server.URL
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	p.client = &http.Client{Transport: &http.Transport{Protocols: &h2}}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.plane.Run(ctx) })
	t.Cleanup(func() {
		p.plane.Drain()
		stop()
		running.Wait()
		p.client.CloseIdleConnections()
		server.Close()
	})
	return p
}

// with shows an SDK key with each call.
func with(key string) connect.ClientOption {
	return connect.WithInterceptors(shown(key))
}

type shown string

func (s shown) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		if s != "" {
			r.Header().Set("Authorization", "Bearer "+string(s))
		}
		return next(ctx, r)
	}
}

func (s shown) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		if s != "" {
			conn.RequestHeader().Set("Authorization", "Bearer "+string(s))
		}
		return conn
	}
}

func (s shown) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

func (p *port) v1(key string) evaluationv1.ServiceClient {
	return evaluationv1.NewServiceClient(p.client, p.url, connect.WithGRPC(), with(key))
}

func (p *port) v2(key string) evaluationv2.ServiceClient {
	return evaluationv2.NewServiceClient(p.client, p.url, connect.WithGRPC(), with(key))
}

func (p *port) sync(key string) syncv1.FlagSyncServiceClient {
	return syncv1.NewFlagSyncServiceClient(p.client, p.url, connect.WithGRPC(), with(key))
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func attributes(t *testing.T, members map[string]any) *structpb.Struct {
	t.Helper()
	return must[*structpb.Struct](t)(structpb.NewStruct(members))
}

// custom serves a flag by flagd's targeting and further variants.
func (p *port) custom(t *testing.T, key, targeting string, variants map[string]any) {
	t.Helper()
	p.serve(t, key, registry.Serving{Mode: registry.ServeCustom, Targeting: json.RawMessage(targeting), DefaultVariant: "off", Variants: variants})
}

// hear receives from a stream in a goroutine of its own, so that a test that gets nothing fails and does not hang.
func hear[T any](t *testing.T, stream *connect.ServerStreamForClient[T]) func() *T {
	t.Helper()
	messages := make(chan *T)
	go func() {
		defer close(messages)
		for stream.Receive() {
			select {
			case messages <- stream.Msg():
			case <-t.Context().Done():
				return
			}
		}
	}()
	return func() *T {
		t.Helper()
		select {
		case m := <-messages:
			return m
		case <-time.After(time.Minute):
			t.Fatal("nothing came for a minute")
			return nil
		}
	}
}

// flagsOf gives the default variants in a document.
func flagsOf(t *testing.T, document string) map[string]string {
	t.Helper()
	var d struct {
		Flags map[string]struct {
			DefaultVariant string `json:"defaultVariant"`
		} `json:"flags"`
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for key, f := range d.Flags {
		all[key] = f.DefaultVariant
	}
	return all
}

// eventually waits for what other goroutines do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in a minute: %s", what)
		}
	}
}
