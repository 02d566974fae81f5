package dataplane_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestKeyAsksAsOftenAsItMay(t *testing.T) {
	t.Parallel()
	p := readProtocol(t)
	b := open(t, storetest.Open(t, store.SQLite))
	now := noon
	b.plane.Now = func() time.Time { return now } // the answers come one after another, so nobody reads it meanwhile
	ask := func(path, key string, want int) {
		t.Helper()
		response, raw := b.ask(t, path, key, ann, "If-None-Match", `"x"`)
		if response.StatusCode != want {
			t.Errorf("at %s: %d, want %d", now, response.StatusCode, want)
		}
		if want != http.StatusTooManyRequests {
			return
		}
		if after, err := strconv.Atoi(response.Header.Get("Retry-After")); err != nil || after != 1 {
			t.Errorf("Retry-After: %s", response.Header.Get("Retry-After"))
		}
		p.check(t, "429", "#/components/schemas/generalErrorResponse", raw)
	}
	ask(enabled, "slow", 200)
	ask(all, "slow", 200)
	ask(enabled, "slow", 429)
	ask(all, "slow", 429)
	ask(enabled, "server", 200) // another key's share is its own
	now = noon.Add(500 * time.Millisecond)
	ask(enabled, "slow", 200)
	ask(enabled, "slow", 429)
	now = noon.Add(-time.Hour) // a clock that was set back locks nobody out
	ask(enabled, "slow", 200)
	now = noon.Add(24 * time.Hour)
	ask(enabled, "slow", 200)
	ask(enabled, "slow", 200)
	ask(enabled, "slow", 429) // what was not used in a day is not saved up
}

func TestTooManyIsToldToPagesThatMayReadIt(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	lookup := b.plane.Lookup
	b.plane.Lookup = func(secret string, now time.Time) (sdkkey.Key, bool) {
		key, ok := lookup(secret, now)
		key.RequestsPerSecond = 1
		return key, ok
	}
	const page = "https://lunch.hyfin.example"
	b.ask(t, all, "browser", ann, "Origin", page)
	response, _ := b.ask(t, all, "browser", ann, "Origin", page)
	h := response.Header
	if response.StatusCode != http.StatusTooManyRequests || h.Get("Access-Control-Allow-Origin") != page ||
		!strings.Contains(h.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("%d %v", response.StatusCode, h)
	}
}

// many makes a database with n flags, and the plane that serves them.
func many(t testing.TB, n int) *dataplane.Plane {
	t.Helper()
	db := storetest.Open(t, store.SQLite)
	registrytest.Seed(t, db, n)
	live := &live.Live{DB: db, Log: discard}
	if err := live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := sdkkey.Key{ID: "019ab3c4-0000-7000-8000-000000000000", Environment: "production", Limits: sdkkey.Limits{RequestsPerSecond: 1_000_000}}
	return &dataplane.Plane{
		Live: live, Now: func() time.Time { return noon }, Secret: []byte("secret"),
		Lookup: func(string, time.Time) (sdkkey.Key, bool) { return key, true },
		Held:   func(string, time.Time) (sdkkey.Key, bool) { return key, true },
	}
}

func TestLargeAnswersAreCompressedForWhoTakesThem(t *testing.T) {
	t.Parallel()
	plane := many(t, 500)
	ask := func(accept, known string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, all, strings.NewReader(ann))
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Accept-Encoding", accept)
		r.Header.Set("If-None-Match", known)
		w := httptest.NewRecorder()
		plane.ServeHTTP(w, r)
		return w
	}
	plain := ask("", "")
	if got := len(keysOf(t, plain.Body.String())); got != 500 {
		t.Errorf("%d flags", got)
	}
	for accept, want := range map[string]bool{
		"gzip": true, "GZIP": true, "deflate, gzip;q=0.5": true, "br;q=1.0, gzip;q=0.8, *;q=0.1": true, "*": true,
		"": false, "gzip;q=0": false, "gzip; q=0.0": false, "identity": false, "*;q=0": false, "gzip;q=0, *": false, "x-gzips": false, "gzip;q=x": false,
	} {
		got := ask(accept, "")
		h := got.Header()
		if (h.Get("Content-Encoding") == "gzip") != want || h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Length") != strconv.Itoa(got.Body.Len()) {
			t.Errorf("%q: %v", accept, h)
		}
		if !want {
			continue
		}
		z, err := gzip.NewReader(got.Body)
		if err != nil {
			t.Errorf("%q: %v", accept, err)
			continue
		}
		if raw, err := io.ReadAll(z); err != nil || string(raw) != plain.Body.String() {
			t.Errorf("%q: another answer: %v", accept, err)
		}
		if h.Get("ETag") != "W/"+plain.Header().Get("ETag") {
			t.Errorf("%q: ETag %s", accept, h.Get("ETag"))
		}
		if again := ask(accept, h.Get("ETag")); again.Code != http.StatusNotModified || again.Header().Get("ETag") != h.Get("ETag") {
			t.Errorf("%q again: %d %v", accept, again.Code, again.Header())
		}
	}
	if small := ask("gzip", ""); small.Body.Len() > plain.Body.Len()/4 {
		t.Errorf("compressed from %d to %d", plain.Body.Len(), small.Body.Len())
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, all+"/app1.flag1", strings.NewReader(ann))
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	if plane.ServeHTTP(w, r); w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("one flag: %d %v", w.Code, w.Header())
	}
}

func TestFiftyThousandFlagsComeInOneAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	plane := many(t, 50_000)
	server := newServer(t, plane)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+all, strings.NewReader(ann))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request) // which asks for gzip
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body struct {
		Flags []json.RawMessage `json:"flags"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || len(body.Flags) != 50_000 || !response.Uncompressed {
		t.Errorf("%d flags, %v", len(body.Flags), err)
	}
}

func TestSlowAndBrokenBodiesAreAnswered(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, c := range []struct {
		name   string
		body   io.Reader
		status int
		code   string
	}{
		{"slow", late{}, http.StatusRequestTimeout, "GENERAL"},
		{"endless", endless{}, http.StatusBadRequest, "INVALID_CONTEXT"},
		{"cut off", io.MultiReader(strings.NewReader(`{"con`), broken{}), http.StatusBadRequest, "PARSE_ERROR"},
	} {
		for _, path := range []string{all, enabled} {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, c.body)
			r.Header.Set("Authorization", "Bearer server")
			w := httptest.NewRecorder()
			b.plane.ServeHTTP(w, r)
			var f struct {
				Code string `json:"errorCode"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != c.status || f.Code != c.code {
				t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
			}
		}
	}
}
