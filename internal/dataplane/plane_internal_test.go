package dataplane

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/sdkkey"
)

func TestEvaluationThatFailsIsAnsweredAndLogged(t *testing.T) {
	t.Parallel()
	for _, path := range []string{bulkPath, singlePath + "x"} {
		var log bytes.Buffer
		p := &Plane{
			Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil)),
			Lookup: func(string, time.Time) (sdkkey.Key, bool) { panic("the reason") },
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(`{}`)))
		if w.Code != http.StatusInternalServerError || w.Body.String() != `{"errorDetails":"internal error"}` || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if !strings.Contains(log.String(), "the reason") || !strings.Contains(log.String(), "plane_internal_test.go") {
			t.Errorf("logged %s", &log)
		}
	}
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
			t.Error("an aborted request was answered")
		}
	}()
	p := &Plane{Now: time.Now, Lookup: func(string, time.Time) (sdkkey.Key, bool) { panic(http.ErrAbortHandler) }}
	p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, bulkPath, strings.NewReader(`{}`)))
}

func TestBucketLetsThroughWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []int{1, 3, 1_000, 1_000_000} {
		var b bucket
		at, passed := time.Unix(1_700_000_000, 0).UnixNano(), 0
		const seconds = 10
		step := int64(time.Second)/int64(perSecond)/3 + 1 // three times as many as may
		for now := at; now < at+seconds*int64(time.Second); now += max(step, int64(time.Second)/10_000) {
			wait := b.take(now, perSecond)
			if wait == 0 {
				passed++
			} else if wait < 0 || wait > 2*time.Second {
				t.Fatalf("%d a second: wait %s", perSecond, wait)
			}
		}
		// What comes in, and at most the burst of one second besides; or all that was asked.
		least, most := min(seconds*perSecond, seconds*10_000), min((seconds+1)*perSecond, seconds*10_000)
		if passed < least || passed > most {
			t.Errorf("%d a second: %d passed in %d s, want %d to %d", perSecond, passed, seconds, least, most)
		}
	}
}
