package serve_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"

	evaluationv2 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v2"
	syncv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/sync/v1"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
)

// h2c is a client that speaks HTTP/2 without TLS, as gRPC does, with a header on each request.
func h2c(t testing.TB, headers ...string) *http.Client {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: withHeaders{transport, headers}}
}

type withHeaders struct {
	http.RoundTripper
	headers []string
}

func (h withHeaders) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for i := 0; i < len(h.headers); i += 2 {
		if h.headers[i] == "Host" {
			r.Host = h.headers[i+1]
			continue
		}
		r.Header.Set(h.headers[i], h.headers[i+1])
	}
	return h.RoundTripper.RoundTrip(r)
}

func syncAt(client *http.Client, address string) syncv1.FlagSyncServiceClient {
	return syncv1.NewFlagSyncServiceClient(client, address, connect.WithGRPC())
}

func evaluationAt(client *http.Client, address string) evaluationv2.ServiceClient {
	return evaluationv2.NewServiceClient(client, address, connect.WithGRPC())
}

func TestFlagdsPortsServeStockClientsOnThisMachineWithoutAKey(t *testing.T) {
	t.Parallel()
	at := map[string]string{}
	ready := make(chan struct{})
	cfg := serve.Defaults()
	cfg.Data, cfg.Now = shortDir(t), time.Now
	cfg.Addr, cfg.FlagdAddr, cfg.FlagdSyncAddr, cfg.FlagdEnvironment = "127.0.0.1:0", "127.0.0.1:0", "localhost:0", "staging"
	cfg.FlagdListening = func(setting, address string) { at[setting] = "http://" + address }
	cfg.Listening = func(addresses []string) { at["addr"] = "http://" + addresses[0]; close(ready) }
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	<-ready
	fetch := func(where string, headers ...string) error {
		_, err := syncAt(h2c(t, headers...), at[where]).FetchAllFlags(t.Context(), &syncv1.FetchAllFlagsRequest{})
		return err
	}
	resolve := func(where string, headers ...string) error {
		_, err := evaluationAt(h2c(t, headers...), at[where]).ResolveBoolean(t.Context(), &evaluationv2.ResolveBooleanRequest{FlagKey: "where2eat.enabled"})
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		code connect.Code // 0: none
	}{
		{"sync", fetch("flagd.sync_addr"), 0},
		{"sync on the port for evaluation", fetch("flagd.addr"), connect.CodeUnimplemented},
		{"sync on the main port, without a key", fetch("addr"), connect.CodeUnauthenticated},
		{"sync with a key that is none", fetch("flagd.sync_addr", "Authorization", "Bearer guess"), connect.CodeUnauthenticated},
		{"sync from a web page that leads its name here", fetch("flagd.sync_addr", "Host", "evil.example"), connect.CodeUnknown},
		{"evaluation", resolve("flagd.addr"), connect.CodeNotFound}, // there is no such flag, and somebody looked
		{"evaluation on the port for sync", resolve("flagd.sync_addr"), connect.CodeUnimplemented},
		{"evaluation on the main port, without a key", resolve("addr"), connect.CodeUnauthenticated},
	} {
		if got := connect.CodeOf(c.err); (c.err == nil) != (c.code == 0) || c.err != nil && got != c.code {
			t.Errorf("%s: %v", c.name, c.err)
		}
	}
	stream, err := syncAt(h2c(t), at["flagd.sync_addr"]).SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})
	if err != nil || !stream.Receive() {
		t.Fatal(err, stream.Err())
	}
	stop()
	if stream.Receive() || connect.CodeOf(stream.Err()) != connect.CodeUnavailable {
		t.Errorf("a stream of a server that stops ends with %v", stream.Err())
	}
	if err := <-ended; err != nil {
		t.Errorf("the server stops with %v", err)
	}
}

func TestFlagdsPortsRefuseWhatWouldShowFlagsByMistake(t *testing.T) {
	t.Parallel()
	base := func(change func(c *serve.Config)) serve.Config {
		c := serve.Defaults()
		change(&c)
		return c
	}
	for _, c := range []struct {
		name string
		cfg  serve.Config
		code string // empty: fine
	}{
		{"none", base(func(*serve.Config) {}), ""},
		{"this machine", base(func(c *serve.Config) { c.FlagdAddr, c.FlagdSyncAddr = ":8013", "localhost:8015" }), ""},
		{"every machine", base(func(c *serve.Config) { c.FlagdAddr = "0.0.0.0:8013" }), "plain_flagd"},
		{"every machine, on purpose", base(func(c *serve.Config) { c.FlagdSyncAddr, c.FlagdInsecure = "0.0.0.0:8015", true }), ""},
		{"every machine, with TLS", base(func(c *serve.Config) { c.FlagdSyncAddr, c.TLSCert, c.TLSKey = "0.0.0.0:8015", "cert.pem", "key.pem" }), ""},
		{"no port", base(func(c *serve.Config) { c.FlagdAddr = "localhost" }), "bad_addr"},
		{"no environment", base(func(c *serve.Config) { c.FlagdAddr, c.FlagdEnvironment = ":8013", "" }), "no_environment"},
	} {
		err := c.cfg.Check()
		if got, ok := errors.AsType[*fault.Error](err); ok != (c.code != "") || ok && got.Code != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestFlagdsPortsAreConfiguredAsAllElse(t *testing.T) {
	t.Parallel()
	cfg := serve.Defaults()
	if err := cfg.ReadFile("souk.yaml", []byte("flagd: {addr: ':8013', sync_addr: ':8015', environment: sandbox, insecure: true}")); err != nil {
		t.Fatal(err)
	}
	if cfg.FlagdAddr != ":8013" || cfg.FlagdSyncAddr != ":8015" || cfg.FlagdEnvironment != "sandbox" || !cfg.FlagdInsecure {
		t.Errorf("%+v", cfg)
	}
	if !strings.Contains(cfg.Print(), "insecure: true") {
		t.Error(cfg.Print())
	}
	if unknown := cfg.ReadEnv([]string{"SOUK_FLAGD_INSECURE=false", "SOUK_FLAGD_ADDR=:1"}); len(unknown) > 0 || cfg.FlagdInsecure || cfg.FlagdAddr != ":1" {
		t.Errorf("%v, %+v", unknown, cfg)
	}
	if unknown := cfg.ReadEnv([]string{"SOUK_FLAGD_INSECURE=perhaps"}); len(unknown) != 1 {
		t.Error("perhaps is neither yes nor no")
	}
	for _, text := range []string{"flagd: {insecure: perhaps}", "addr: true", "flagd: {insecure: [true]}"} {
		if cfg.ReadFile("souk.yaml", []byte(text)) == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestAKeyThatEndsClosesItsStreams(t *testing.T) {
	each(t, func(s *site) {
		s.published("eat")
		address := s.listen(func(server *http.Server) {
			server.Protocols = new(http.Protocols)
			server.Protocols.SetUnencryptedHTTP2(true)
		})
		end := s.clock.Now().Add(time.Hour)
		made := map[string]*reply{
			"revoked": s.as("olu").post("/api/v1/sdk-keys", object{"environment": "sandbox"}).want(s, http.StatusCreated),
			"expired": s.as("olu").post("/api/v1/sdk-keys", object{"environment": "sandbox", "expires_at": end}).want(s, http.StatusCreated),
			"lasting": s.as("olu").post("/api/v1/sdk-keys", object{"environment": "sandbox"}).want(s, http.StatusCreated),
		}
		streams := map[string]*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]{}
		for name, key := range made {
			stream, err := syncAt(h2c(s, "Authorization", "Bearer "+key.text("secret")), address).SyncFlags(s.Context(), &syncv1.SyncFlagsRequest{})
			if err != nil || !stream.Receive() {
				s.Fatal(name, err, stream.Err())
			}
			streams[name] = stream
		}
		s.as("olu").with(`If-Match: "1"`).do("DELETE", "/api/v1/sdk-keys/"+made["revoked"].text("id"), nil).want(s, http.StatusOK)
		ends := func(name string) {
			s.Helper()
			if streams[name].Receive() || connect.CodeOf(streams[name].Err()) != connect.CodeUnauthenticated {
				s.Errorf("%s: %v", name, streams[name].Err())
			}
		}
		ends("revoked")
		s.clock.pass(2 * time.Hour)
		ends("expired")
		s.as("olu").post("/api/v1/flags/eat.enabled/environments/sandbox/kill", object{"reason": "test"}).want(s, http.StatusOK)
		if !streams["lasting"].Receive() || !strings.Contains(streams["lasting"].Msg().GetFlagConfiguration(), `"killed":true`) {
			s.Errorf("lasting: %v", streams["lasting"].Err())
		}
	})
}

// TestAPeerThatVanishesIsNoticed has a network between client and server that from some moment on carries nothing, as when a
// machine loses its power.
func TestAPeerThatVanishesIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for ten seconds of silence")
	}
	cfg := serve.Defaults()
	cfg.Data, cfg.Now, cfg.Addr, cfg.FlagdSyncAddr = shortDir(t), time.Now, "127.0.0.1:0", "127.0.0.1:0"
	address := make(chan string, 1)
	cfg.FlagdListening = func(_, at string) { address <- at }
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	network, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	var gone atomic.Bool
	closed := make(chan struct{})
	upstream := <-address
	go func() {
		client, err := network.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", upstream) //nolint:noctx // a test's
		if err != nil {
			return
		}
		carry := func(from, to net.Conn) {
			text := make([]byte, 4096)
			for {
				n, err := from.Read(text)
				if err != nil {
					return
				}
				if !gone.Load() {
					_, _ = to.Write(text[:n])
				}
			}
		}
		go carry(client, server)
		carry(server, client)
		close(closed)
	}()
	stream, err := syncAt(h2c(t), "http://"+network.Addr().String()).SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})
	if err != nil || !stream.Receive() {
		t.Fatal(err)
	}
	gone.Store(true)
	select {
	case <-closed:
	case <-time.After(time.Minute):
		t.Error("the server keeps a stream to nobody for a minute")
	}
}
