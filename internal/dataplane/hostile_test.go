package dataplane_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/soukhq/souk/internal/dataplane"
	evaluationv2 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v2"
	syncv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/sync/v1"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestAStreamOutlivesTheTimeThatARequestMayTake(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	next := hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})))
	events := hear(t, must[*connect.ServerStreamForClient[evaluationv2.EventStreamResponse]](t)(p.v2("server").EventStream(t.Context(), &evaluationv2.EventStreamRequest{})))
	next()
	events()
	events()
	<-time.After(4 * readTimeout)
	p.serve(t, "travel.enabled", registry.Serving{Mode: registry.ServeOn})
	if m := next(); !strings.Contains(m.GetFlagConfiguration(), `"defaultVariant":"on"`) {
		t.Errorf("got %v", m)
	}
	if m := events(); m.GetType() != "configuration_change" {
		t.Errorf("got %v", m)
	}
}

// TestAMissedAnnouncementIsHealedByThePoll changes what is served past the steps of registry, and so without an announcement.
func TestAMissedAnnouncementIsHealedByThePoll(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := openPort(t, db, "")
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.live.Run(ctx) })
		defer running.Wait()
		defer stop()
		next := hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})))
		next()
		if err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE environment SET revision = revision + 1 WHERE name = 'production'`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE flag_environment SET revision = (SELECT revision FROM environment WHERE name = 'production'),
				definition = '{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}'
				WHERE flag_key = 'travel.enabled' AND environment = 'production'`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if m := next(); flagsOf(t, m.GetFlagConfiguration())["travel.enabled"] != "on" {
			t.Errorf("got %v", m)
		}
	})
}

func TestRapidResetsHurtNobody(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	next := hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})))
	next()
	var h2 http.Protocols
	h2.SetUnencryptedHTTP2(true)
	hostile := &http.Client{Transport: &http.Transport{Protocols: &h2}}
	defer hostile.CloseIdleConnections()
	var resetting sync.WaitGroup
	for range 8 {
		resetting.Go(func() {
			for range 250 {
				ctx, cancel := context.WithCancel(t.Context())
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+syncv1.FlagSyncServiceSyncFlagsProcedure, io.MultiReader(strings.NewReader("\x00\x00\x00\x00\x00")))
				if err != nil {
					t.Error(err)
				}
				r.Header.Set("Content-Type", "application/grpc")
				r.Header.Set("Authorization", "Bearer lunch")
				if response, err := hostile.Do(r); err == nil { // else the server has cut this connection off, as it may
					cancel()
					_ = response.Body.Close()
				}
				cancel()
			}
		})
	}
	resetting.Wait()
	p.serve(t, "travel.enabled", registry.Serving{Mode: registry.ServeOn})
	if m := next(); flagsOf(t, m.GetFlagConfiguration())["travel.enabled"] != "on" {
		t.Errorf("somebody else got %v", m)
	}
	eventually(t, "none of the streams that were reset is open", func() bool {
		for _, c := range p.plane.Streams() {
			if c.Reason == "" {
				return c == dataplane.StreamCount{Kind: dataplane.KindSync, Environment: "production", Count: 1}
			}
		}
		return false
	})
}

// raw sends a request of gRPC as it is, and gives the status that it ends with.
func (p *port) raw(t *testing.T, path, body string, headers ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Authorization", "Bearer server")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if status := response.Header.Get("Grpc-Status"); status != "" {
		return status
	}
	if status := response.Trailer.Get("Grpc-Status"); status != "" {
		return status
	}
	return response.Status
}

func TestNonsenseIsAnsweredWithAnError(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	const sync, resolve = syncv1.FlagSyncServiceSyncFlagsProcedure, evaluationv2.ServiceResolveBooleanProcedure
	huge := "\x00\x00\x02\x00\x00" + strings.Repeat("x", 2<<16)
	for _, c := range []struct{ name, path, body, want string }{
		{"no message", sync, "", "3"},
		{"half a prefix", sync, "\x00\x00", "3"},
		{"half a message", sync, "\x00\x00\x00\x00\x09abc", "3"},
		{"no protobuf", sync, "\x00\x00\x00\x00\x03\xff\xff\xff", "3"},
		{"compressed", sync, "\x01\x00\x00\x00\x00", "12"},
		{"huge", sync, huge, "8"},
		{"a length that lies", sync, "\x00\xff\xff\xff\xff", "8"},
		{"huge evaluation", resolve, huge, "8"},
		{"no method", "/flagd.sync.v1.FlagSyncService/Nothing", "\x00\x00\x00\x00\x00", "404 Not Found"},
	} {
		if got := p.raw(t, c.path, c.body); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := p.raw(t, resolve, "{}", "Content-Type", "text/plain"); got != "415 Unsupported Media Type" {
		t.Errorf("text: %s", got)
	}
	if got := p.raw(t, sync, "\x00\x00\x00\x00\x00", "Authorization", "Basic c2VydmVyOg=="); got != "16" {
		t.Errorf("another scheme: %s", got)
	}
}
