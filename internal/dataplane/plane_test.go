package dataplane_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// bench is a database with two apps, their flags live in production, and a server that answers SDKs.
type bench struct {
	*httptest.Server
	db    *store.DB
	live  *live.Live
	plane *dataplane.Plane
}

func open(t testing.TB, db *store.DB) *bench {
	t.Helper()
	keys := map[string]sdkkey.Key{
		"server":  {ID: "1", Environment: "production"},
		"lunch":   {ID: "2", Environment: "production", App: "where2eat"},
		"browser": {ID: "3", Environment: "production", ClientSide: true, Origins: []string{"https://lunch.hyfin.example"}},
		"nowhere": {ID: "4", Environment: "moon"},
		"slow":    {ID: "5", Environment: "production", Limits: sdkkey.Limits{RequestsPerSecond: 2, MaxStreams: 1}},
		"app":     {ID: "6", Environment: "production", ClientSide: true, App: "travel", Origins: []string{"https://travel.hyfin.example"}},
	}
	b := &bench{db: db, live: &live.Live{DB: db, Log: slog.New(slog.DiscardHandler)}}
	for _, s := range []registry.Spec{
		{App: "where2eat", Name: "Enabled", ClientSide: true},
		{App: "where2eat", Name: "Dark mode"},
		{App: "travel", Name: "Enabled"},
	} {
		s.Type, s.Variants, s.On, s.Off = "boolean", map[string]any{"on": true, "off": false}, "on", "off"
		b.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
			f, err := registry.Propose(ctx, tx, c, s)
			if err == nil {
				_, err = registry.Install(ctx, tx, c, f.Key)
			}
			return err
		})
	}
	b.plane = &dataplane.Plane{
		Live: b.live, Now: func() time.Time { return noon }, Secret: []byte("secret"), Keys: lasting{},
		Lookup: func(secret string, _ time.Time) (sdkkey.Key, bool) { key, ok := keys[secret]; return key, ok },
		Held: func(id string, _ time.Time) (sdkkey.Key, bool) {
			for _, key := range keys {
				if key.ID == id {
					return key, true
				}
			}
			return sdkkey.Key{}, false
		},
	}
	b.Server = newServer(t, b.plane)
	return b
}

func newServer(t testing.TB, handler http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnContext = dataplane.WithConn
	s.Start()
	t.Cleanup(func() {
		s.CloseClientConnections() // or Close waits for streams
		s.Close()
	})
	return s
}

var change = registry.Change{By: access.System("test"), At: noon, Reason: "test"}

// lasting is keys of which none is ever revoked.
type lasting struct{}

func (lasting) Lasts(string, time.Time) sdkkey.Lasting { return sdkkey.Lasts }
func (lasting) Replaced() <-chan struct{}              { return nil }

// write runs steps in one transaction, and loads what they did.
func (b *bench) write(t testing.TB, steps func(ctx context.Context, tx *store.Tx, c registry.Change) error) {
	t.Helper()
	if err := b.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return steps(ctx, tx, change)
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) serve(t *testing.T, key string, s registry.Serving) {
	t.Helper()
	b.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
		_, err := registry.Serve(ctx, tx, c, key, "production", s)
		return err
	})
}

// ask posts a body as the SDK of a key, with further headers by name and value.
func (b *bench) ask(t *testing.T, path, key, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	return b.do(t, http.MethodPost, path, key, body, headers...)
}

func (b *bench) do(t *testing.T, method, path, key, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusNotModified && response.StatusCode != http.StatusNoContent {
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: content type %q", method, path, got)
		}
		if !json.Valid(raw) {
			t.Errorf("%s %s: not JSON: %s", method, path, raw)
		}
	}
	return response, string(raw)
}

const (
	enabled = "/ofrep/v1/evaluate/flags/where2eat.enabled"
	all     = "/ofrep/v1/evaluate/flags"
	ann     = `{"context":{"targetingKey":"ann@hyfin.example","groups":["pilot"]}}`
	bob     = `{"context":{"targetingKey":"bob@hyfin.example"}}`
)

func TestKilledFlagIsServedAsItsOffVariant(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := open(t, db)
		b.serve(t, "where2eat.enabled", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
		const tail = `,"metadata":{"app":"where2eat","flag_id":"microapp-where2eat-001","flagSetId":"production"}}`
		check := func(body, want string) {
			t.Helper()
			response, got := b.ask(t, enabled, "server", body)
			if response.StatusCode != http.StatusOK {
				t.Errorf("status %d", response.StatusCode)
			}
			var x, y any
			if json.Unmarshal([]byte(got), &x) != nil || json.Unmarshal([]byte(want), &y) != nil || !cmp.Equal(x, y) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		check(ann, `{"key":"where2eat.enabled","value":true,"reason":"TARGETING_MATCH","variant":"on"`+tail)
		check(bob, `{"key":"where2eat.enabled","value":false,"reason":"DEFAULT","variant":"off"`+tail)
		check(`{"context":{}}`, `{"key":"where2eat.enabled","value":false,"reason":"DEFAULT","variant":"off"`+tail)
		b.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
			_, _, err := registry.Kill(ctx, tx, c, "where2eat.enabled", "production")
			return err
		})
		killed := strings.Replace(tail, `"app"`, `"killed":true,"app"`, 1)
		check(ann, `{"key":"where2eat.enabled","value":false,"reason":"STATIC","variant":"off"`+killed)
	})
}

func TestErrorsHaveTheShapesOfOFREP(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	large := `{"context":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`
	for _, c := range []struct {
		name, path, key, body string
		status                int
		code                  string // "" where the protocol defines no body
		withKey               bool
	}{
		{"no key", enabled, "", ann, 401, "", false},
		{"unknown key", enabled, "guess", ann, 401, "", false},
		{"no key, bulk", all, "", ann, 401, "", false},
		{"unknown flag", enabled + "x", "server", ann, 404, "FLAG_NOT_FOUND", true},
		{"flag with slashes", all + "/team/a%2Fb", "server", ann, 404, "FLAG_NOT_FOUND", true},
		{"not JSON", enabled, "server", `{"context":`, 400, "PARSE_ERROR", true},
		{"not JSON, bulk", all, "server", `{"context":`, 400, "PARSE_ERROR", false},
		{"no body", enabled, "server", ``, 400, "PARSE_ERROR", true},
		{"not an object", enabled, "server", `{"context":"ann"}`, 400, "INVALID_CONTEXT", true},
		{"not an object, bulk", all, "server", `{"context":[]}`, 400, "INVALID_CONTEXT", false},
		{"too deep", enabled, "server", `{"context":{"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}}`, 400, "PARSE_ERROR", true},
		{"too large", enabled, "server", large, 400, "INVALID_CONTEXT", true},
		{"too large, bulk", all, "server", large, 400, "INVALID_CONTEXT", false},
		{"other path", "/ofrep/v1/configuration", "server", ann, 404, "", false},
		{"environment that is not loaded", enabled, "nowhere", ann, 503, "", false},
	} {
		response, raw := b.ask(t, c.path, c.key, c.body)
		if response.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.name, response.StatusCode, c.status)
		}
		var body map[string]string
		if err := json.Unmarshal([]byte(raw), &body); err != nil {
			t.Errorf("%s: %v in %s", c.name, err, raw)
		}
		if _, hasKey := body["key"]; body["errorCode"] != c.code || hasKey != c.withKey || body["errorDetails"] == "" {
			t.Errorf("%s: %s", c.name, raw)
		}
	}
	if response, _ := b.do(t, http.MethodGet, enabled, "server", ""); response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", response.StatusCode)
	}
	_, raw := b.ask(t, all+"/team/a%2Fb", "server", ann)
	if !strings.Contains(raw, `"key":"team/a/b"`) {
		t.Errorf("key with slashes: %s", raw)
	}
	if response, _ := b.ask(t, enabled, "", ann, "X-API-Key", "server"); response.StatusCode != http.StatusOK {
		t.Errorf("X-API-Key: %d", response.StatusCode)
	}
}

// keysOf gives the keys in the answer of a bulk request.
func keysOf(t *testing.T, raw string) (keys []string) {
	t.Helper()
	var body struct {
		Flags []struct {
			Key    string `json:"key"`
			Reason string `json:"reason"`
		} `json:"flags"`
		Metadata map[string]any `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(raw), &body); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	if body.Flags == nil || body.Metadata["flagSetId"] != "production" {
		t.Errorf("got %s", raw)
	}
	for _, f := range body.Flags {
		keys = append(keys, f.Key)
	}
	return keys
}

func TestKeysSeeOnlyTheFlagsThatAreTheirs(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	for key, want := range map[string][]string{
		"server":  {"travel.enabled", "where2eat.dark-mode", "where2eat.enabled"},
		"lunch":   {"where2eat.dark-mode", "where2eat.enabled"},
		"browser": {"where2eat.enabled"},
	} {
		response, raw := b.ask(t, all, key, ann)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", key, response.StatusCode)
		}
		if diff := cmp.Diff(want, keysOf(t, raw)); diff != "" {
			t.Errorf("%s: %s", key, diff)
		}
	}
	for key, path := range map[string]string{"lunch": all + "/travel.enabled", "browser": all + "/where2eat.dark-mode"} {
		if response, _ := b.ask(t, path, key, ann); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s sees %s: %d", key, path, response.StatusCode)
		}
	}
}

func TestUnchangedBulkAnswersNotModified(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	first, _ := b.ask(t, all, "server", ann)
	tag := first.Header.Get("ETag")
	if tag == "" {
		t.Fatal("no ETag")
	}
	ask := func(key, body, known string) int {
		response, raw := b.ask(t, all, key, body, "If-None-Match", known)
		if response.StatusCode == http.StatusNotModified && (raw != "" || strings.TrimPrefix(response.Header.Get("ETag"), "W/") != tag) {
			t.Errorf("304 with body %q and ETag %q", raw, response.Header.Get("ETag"))
		}
		return response.StatusCode
	}
	for known, want := range map[string]int{
		tag: 304, strings.Trim(tag, `"`): 304, "W/" + tag: 304, `"other", ` + tag: 304, `"other"`: 200, "*": 304,
	} {
		if got := ask("server", ann, known); got != want {
			t.Errorf("If-None-Match %s: %d, want %d", known, got, want)
		}
	}
	if got := ask("server", bob, tag); got != 200 {
		t.Errorf("another person: %d", got)
	}
	if got := ask("lunch", ann, tag); got != 200 {
		t.Errorf("another view: %d", got)
	}
	b.serve(t, "where2eat.enabled", registry.Serving{Mode: registry.ServeOn})
	if got := ask("server", ann, tag); got != 200 {
		t.Errorf("after a change: %d", got)
	}
}

func TestBrowsersReadOnlyFromDeclaredOrigins(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	const page, other = "https://lunch.hyfin.example", "https://evil.example"
	for _, c := range []struct {
		key, origin string
		status      int
		allowed     string
	}{
		{"browser", page, 200, page},
		{"browser", other, 403, ""},
		{"browser", page + ".evil.example", 403, ""},
		{"browser", "null", 403, ""},
		{"browser", "", 200, ""},
		{"server", page, 200, ""},
	} {
		var headers []string
		if c.origin != "" {
			headers = []string{"Origin", c.origin}
		}
		response, _ := b.ask(t, all, c.key, ann, headers...)
		h := response.Header
		if response.StatusCode != c.status || h.Get("Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("%s from %q: %d, %v", c.key, c.origin, response.StatusCode, h)
		}
		if c.allowed != "" && (h.Get("Access-Control-Expose-Headers") != "ETag, Retry-After" || h.Get("Vary") != "Origin, Accept-Encoding") {
			t.Errorf("%s from %q: %v", c.key, c.origin, h)
		}
	}
	const asked = "authorization,content-type,flagd-selector,traceparent,x-request-id"
	response, _ := b.do(t, http.MethodOptions, all, "", "", "Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", asked)
	if h := response.Header; response.StatusCode != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != page ||
		h.Get("Access-Control-Allow-Headers") != asked || h.Get("Vary") != "Origin, Access-Control-Request-Headers" {
		t.Errorf("preflight: %d, %v", response.StatusCode, response.Header)
	}
}
