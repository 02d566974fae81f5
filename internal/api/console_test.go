package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/web"
)

func TestConsoleIsServedUnderAStrictPolicy(t *testing.T) {
	t.Parallel()
	handler := api.New(api.Deps{Console: fstest.MapFS{
		"index.html":       {Data: []byte(`<meta nonce="` + web.NoncePlaceholder + `">`)},
		"assets/app-1.js":  {Data: []byte(strings.Repeat("let a = 1;", 300))},
		"assets/small.css": {Data: []byte("p{}")},
	}})
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if len(header) == 2 {
			r.Header.Set(header[0], header[1])
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		return answer
	}
	first, second := get("/"), get("/flags/where2eat.enabled")
	policy := first.Header().Get("Content-Security-Policy")
	for _, wanted := range []string{"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self' 'nonce-"} {
		if !strings.Contains(policy, wanted) {
			t.Errorf("the policy lacks %s: %s", wanted, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is not strict: %s", policy)
	}
	if first.Body.String() == second.Body.String() || strings.Contains(first.Body.String(), web.NoncePlaceholder) {
		t.Errorf("the nonce is not fresh: %s, %s", first.Body, second.Body)
	}
	_, nonce, _ := strings.Cut(policy, "'nonce-")
	nonce, _, _ = strings.Cut(nonce, "'")
	if !strings.Contains(first.Body.String(), nonce) {
		t.Errorf("the page lacks the nonce %s of its policy", nonce)
	}
	script := get("/assets/app-1.js", "Accept-Encoding", "gzip")
	if script.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(script.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("the script is served with %v", script.Header())
	}
	if old := get("/assets/app-0.js"); old.Code != http.StatusNotFound {
		t.Errorf("a script of another build answers %d", old.Code)
	}
	if api := get("/api/nothing"); api.Code != http.StatusNotFound || api.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("an unknown API path answers %d %s", api.Code, api.Header().Get("Content-Type"))
	}
}
