package dataplane_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// FuzzBody sends bodies through the whole handler, for one flag and for all, and wants an answer of the protocol: never a failure of
// this server, always JSON, and the same verdict on both paths.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		ann, bob, ``, `{}`, `{"context":null}`, `{"context":{}}`, `{"context":[]}`, `{"context":"x"}`, `{"context":{"targetingKey":7}}`,
		`{"context":{"targetingKey":"a"},"context":{"targetingKey":"b"}}`, `{"context":{"groups":["pilot",1,null,{}]}}`, "{\"context\":{\"a\":\"\xff\"}}",
		`{"context":{"a":1e999,"b":-0,"c":1E+2}}`, `{"context":{"\u0061":"\ud800"}}`, `{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
		"\ufeff{}", `{"context":{"a":01}}`, `{"context":{}} {}`, `{"context":{"__proto__":{}}}`, `nul`, `{"context":{"a":"` + "\x00" + `"}}`,
	} {
		f.Add(seed)
	}
	b := open(f, storetest.Open(f, store.SQLite))
	b.odd(f)
	var asked atomic.Int64
	b.plane.Now = func() time.Time { return noon.Add(time.Duration(asked.Add(1)) * time.Millisecond) } // or the key's share ends
	f.Fuzz(func(t *testing.T, body string) {
		ask := func(path string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer server")
			w := httptest.NewRecorder()
			b.plane.ServeHTTP(w, r)
			if !json.Valid(w.Body.Bytes()) || w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
			return w
		}
		one, every := ask(enabled), ask(all)
		if one.Code != every.Code {
			t.Errorf("%d for one flag, %d for all: %s", one.Code, every.Code, every.Body)
		}
		if one.Code == http.StatusOK && !strings.Contains(every.Body.String(), one.Body.String()) {
			t.Errorf("%s\nis not in\n%s", one.Body, every.Body)
		}
	})
}
