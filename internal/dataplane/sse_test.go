package dataplane_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/dataplane"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// event is what a stream sends: an event, or a comment, which has no data.
type event struct{ id, data, comment, retry string }

// reader reads a stream as an EventSource does.
type reader struct {
	*http.Response
	events chan event // closed when the stream ends
}

func (b *bench) listen(t *testing.T, path string, headers ...string) *reader {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	got := &reader{Response: response, events: make(chan event)}
	go func() {
		defer close(got.events)
		var e event
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "data":
				e.data = value
			case "retry":
				e.retry = value
			case "":
				if value != "" {
					e.comment = value
					continue
				}
				select {
				case got.events <- e:
					e = event{}
				case <-t.Context().Done():
					return
				}
			}
		}
	}()
	return got
}

// next waits for the next event.
func (r *reader) next(t *testing.T) event {
	t.Helper()
	select {
	case e, open := <-r.events:
		if !open {
			t.Fatal("the stream ended")
		}
		return e
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
	}
	return event{}
}

// streamOf gives the path of the stream that a bulk answer offers.
func streamOf(t *testing.T, raw string) string {
	t.Helper()
	var answer struct {
		EventStreams []struct {
			Type     string `json:"type"`
			Endpoint struct {
				Origin     string `json:"origin"`
				RequestURI string `json:"requestUri"`
			} `json:"endpoint"`
			InactivityDelaySec int `json:"inactivityDelaySec"`
		} `json:"eventStreams"`
	}
	if err := json.Unmarshal([]byte(raw), &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.EventStreams) != 1 || answer.EventStreams[0].Type != "sse" || answer.EventStreams[0].InactivityDelaySec != 120 {
		t.Fatalf("offered %+v", answer.EventStreams)
	}
	return answer.EventStreams[0].Endpoint.RequestURI
}

func TestStreamTellsOfEveryChangeAndOnceOnConnecting(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := open(t, db)
		_, raw := b.ask(t, all, "server", ann)
		path := streamOf(t, raw)
		s := b.listen(t, path)
		if s.StatusCode != http.StatusOK || s.Header.Get("Content-Type") != "text/event-stream" || s.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v", s.StatusCode, s.Header)
		}
		first := s.next(t)
		if retry, err := strconv.Atoi(first.retry); err != nil || retry < 1000 || retry > 4000 {
			t.Errorf("retry %q", first.retry)
		}
		check := func(e event) (etag string) {
			t.Helper()
			var data struct {
				Type         string `json:"type"`
				ETag         string `json:"etag"`
				LastModified int64  `json:"lastModified"`
			}
			if err := json.Unmarshal([]byte(e.data), &data); err != nil || data.Type != "refetchEvaluation" || data.ETag == "" || e.id != data.ETag || data.LastModified != noon.Unix() {
				t.Errorf("event %+v: %+v, %v", e, data, err)
			}
			return data.ETag
		}
		before := check(first)
		b.serve(t, "where2eat.enabled", registry.Serving{Mode: registry.ServeOn})
		changed := s.next(t)
		after := check(changed)
		if after == before || changed.retry != "" {
			t.Errorf("before %s, after %+v", before, changed)
		}
		response, raw := b.ask(t, all+"?flagConfigEtag="+after+"&flagConfigLastModified="+strconv.FormatInt(noon.Unix(), 10), "server", ann)
		if !strings.HasPrefix(response.Header.Get("ETag"), `"`+after+"-") || streamOf(t, raw) != path {
			t.Errorf("after %s: %s, %s", after, response.Header.Get("ETag"), raw)
		}
		revision := b.live.Snapshot("production").Revision
		for b.plane.Handed("production", revision).Sent == 0 { // noted once it is flushed, which is when the client may have it
			runtime.Gosched()
		}
		if got := b.plane.Handed("production", revision); got.Sent != 1 || got.Refetched != 1 {
			t.Errorf("the receipt says %+v", got)
		}
		// Who comes back is told, unless it shows that it has the newest.
		if e := b.listen(t, path, "Last-Event-ID", before).next(t); check(e) != after {
			t.Errorf("back with an old id: %+v", e)
		}
		if e := b.listen(t, path, "Last-Event-ID", after).next(t); e.data != "" || e.comment != "here" || e.retry == "" {
			t.Errorf("back with the newest id: %+v", e)
		}
		b.plane.Drain()
		if _, open := <-s.events; open {
			t.Error("a stream goes on on a server that stops")
		}
		if stopped := b.listen(t, path); stopped.StatusCode != http.StatusServiceUnavailable || stopped.Header.Get("Retry-After") == "" {
			t.Errorf("on a server that stops: %d %v", stopped.StatusCode, stopped.Header)
		}
	})
}

func TestStreamEventsAreWhatTheOpenAPIDocumentOfOFREPSays(t *testing.T) {
	t.Parallel()
	p := readProtocol(t)
	b := open(t, storetest.Open(t, store.SQLite))
	_, raw := b.ask(t, all, "browser", ann)
	p.check(t, "bulk", "#/components/schemas/bulkEvaluationSuccess", raw)
	e := b.listen(t, streamOf(t, raw)).next(t)
	p.check(t, "event", "#/components/schemas/sseEventData", e.data)
	whole, err := json.Marshal(map[string]any{"data": e.data, "id": e.id})
	if err != nil {
		t.Fatal(err)
	}
	p.check(t, "event", "#/components/schemas/sseEvent", string(whole))
}

func TestStreamsOpenForTheirKeyAndItsPagesOnly(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	paths := map[string]string{}
	for _, key := range []string{"server", "lunch", "browser"} {
		_, raw := b.ask(t, all, key, ann)
		paths[key] = streamOf(t, raw)
		if strings.Contains(paths[key], key) {
			t.Errorf("%s shows the secret", paths[key])
		}
	}
	const page, other = "https://lunch.hyfin.example", "http://where2eat.localhost:8080"
	id, mac, _ := strings.Cut(strings.TrimPrefix(paths["server"], "/ofrep/v1/streams/"), ".")
	for _, c := range []struct {
		name, path string
		headers    []string
		status     int
		allowed    string
	}{
		{"a server", paths["server"], nil, 200, ""},
		{"a server's key on a page", paths["server"], []string{"Origin", page}, 403, ""},
		{"a browser's key on its page", paths["browser"], []string{"Origin", page}, 200, page},
		{"a browser's key on an app's page", paths["browser"], []string{"Origin", other}, 403, ""},
		{"a browser's key in a frame without an origin", paths["browser"], []string{"Origin", "null"}, 403, ""},
		{"an image of another site", paths["browser"], []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"an image of an app", paths["browser"], []string{"Sec-Fetch-Site", "same-site"}, 403, ""},
		{"a page of this very origin", paths["browser"], []string{"Sec-Fetch-Site", "same-origin"}, 200, ""},
		{"another key's signature", "/ofrep/v1/streams/2." + mac, nil, 401, "*"},
		{"no signature", "/ofrep/v1/streams/" + id, nil, 401, "*"},
		{"an empty signature", "/ofrep/v1/streams/" + id + ".", nil, 401, "*"},
		{"half a signature", "/ofrep/v1/streams/" + id + "." + mac[:12], nil, 401, "*"},
		{"a key that is not", "/ofrep/v1/streams/99." + mac, nil, 401, "*"},
		{"the key itself", "/ofrep/v1/streams/server", nil, 401, "*"},
		{"nothing", "/ofrep/v1/streams/", nil, 401, "*"},
	} {
		got := b.listen(t, c.path, c.headers...)
		if got.StatusCode != c.status || got.Header.Get("Access-Control-Allow-Origin") != c.allowed {
			t.Errorf("%s: %d, %v", c.name, got.StatusCode, got.Header)
		}
	}
	if response, _ := b.ask(t, paths["server"], "server", ann); response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, OPTIONS" {
		t.Errorf("POST: %d %v", response.StatusCode, response.Header)
	}
	// A stream's token opens nothing else.
	token := strings.TrimPrefix(paths["server"], "/ofrep/v1/streams/")
	if response, _ := b.ask(t, all, token, ann); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token as a key: %d", response.StatusCode)
	}
	// Another installation's is none, and without a secret there are no streams.
	for _, secret := range [][]byte{[]byte("another"), nil} {
		stranger := &dataplane.Plane{Live: b.live, Now: b.plane.Now, Lookup: b.plane.Lookup, Held: b.plane.Held, Keys: lasting{}, Secret: secret}
		strange := &bench{Server: newServer(t, stranger)}
		if got := strange.listen(t, paths["server"]); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("with the secret %q: %d", secret, got.StatusCode)
		}
		if _, raw := strange.ask(t, all, "server", ann); secret == nil && strings.Contains(raw, "eventStreams") {
			t.Errorf("offered without a secret: %s", raw)
		}
	}
}

func TestKeyHasAsManyStreamsAsItMay(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	_, raw := b.ask(t, all, "slow", ann)
	s := b.listen(t, streamOf(t, raw))
	s.next(t)
	got := b.listen(t, streamOf(t, raw))
	if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
		t.Errorf("a second one: %d %v", got.StatusCode, got.Header)
	}
}

// TestRefetchWaitsForTheRevisionThatAnotherReplicaAnnounced: a client that heard of a change from one replica and asks another, which
// does not have it yet, must not take the old answer for the new one.
func TestRefetchWaitsForTheRevisionThatAnotherReplicaAnnounced(t *testing.T) {
	t.Parallel()
	b := open(t, storetest.Open(t, store.SQLite))
	behind := b.live.Snapshot("production").Revision
	done := make(chan struct{})
	go func() {
		defer close(done)
		next := strconv.FormatInt(behind+1, 36) + "-0123456789abcdef"
		response, raw := b.ask(t, all+"?flagConfigEtag="+next, "server", ann)
		if response.StatusCode != http.StatusOK || !strings.Contains(raw, `"key":"where2eat.enabled","value":true`) {
			t.Errorf("answered before the change was here: %s", raw)
		}
	}()
	if err := b.db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := registry.Serve(ctx, tx, change, "where2eat.enabled", "production", registry.Serving{Mode: registry.ServeOn})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-done
	for _, odd := range []string{"", "x", "-", "zzzzzzzzzzzzzz-x", "%22" + strconv.FormatInt(behind, 36) + "-x%22", "-5-x"} {
		if response, _ := b.ask(t, all+"?flagConfigEtag="+odd, "server", ann); response.StatusCode != http.StatusOK {
			t.Errorf("flagConfigEtag %q: %d", odd, response.StatusCode)
		}
	}
}
