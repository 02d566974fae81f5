package serve_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/serve"
)

// behindProxy opens an installation behind a proxy at https://souk.example.com, and gives what answers a request.
func behindProxy(t *testing.T, change func(*serve.Config)) func(from, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	cfg := serve.Defaults()
	cfg.Data, cfg.Addr, cfg.PublicURL, cfg.TrustedProxies = t.TempDir(), "0.0.0.0:8080", "https://souk.example.com", []string{"10.1.0.0/16"}
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	app, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close() })
	return func(from, method, path string, header ...string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(method, path, http.NoBody)
		r.RemoteAddr = from
		r.Host = "souk.example.com"
		for _, line := range header {
			name, value, _ := strings.Cut(line, ": ")
			if name == "Host" {
				r.Host = value
			} else {
				r.Header.Add(name, value)
			}
		}
		w := httptest.NewRecorder()
		app.Handler().ServeHTTP(w, r)
		return w
	}
}

func TestTheConsoleAndTheAPIAnswerToTheirOwnHostOnly(t *testing.T) {
	t.Parallel()
	ask := behindProxy(t, nil)
	const proxy, stranger = "10.1.2.3:4000", "10.2.0.1:4000"
	for host, want := range map[string]int{
		"souk.example.com": 200, "SOUK.example.com": 200, "souk.example.com:443": 200, "localhost": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200,
		"souk.example.com:8443": 421, "evil.example": 421, "souk.example.com.evil.example": 421, "evilsouk.example.com": 421, "souk.example.com.": 421,
		"": 421, "souk.example.com:": 421, "souk.example.com:x": 421, "souk.example.com@evil.example": 421, "souk.example.com, evil.example": 421,
		"10.1.2.3": 421, "xn--souk-exmple-x.com": 421, "souk.example.com/x": 421, "[::1": 421, "where2eat.souk.example.com": 421,
	} {
		for _, path := range []string{"/api/v1/session", "/", "/api/v1/openapi.json"} {
			if got := ask(proxy, http.MethodGet, path, "Host: "+host); got.Code != want {
				t.Errorf("%s at the host %q is answered %d, not %d", path, host, got.Code, want)
			}
		}
		if got := ask(proxy, http.MethodGet, "/healthz", "Host: "+host); got.Code != http.StatusOK {
			t.Errorf("a probe at the host %q is answered %d", host, got.Code)
		}
	}
	// A proxy may put its own name into Host; strangers may claim nothing, and do not get as far.
	for _, c := range []struct {
		from   string
		header []string
		want   int
	}{
		{proxy, []string{"Host: backend:8080", "X-Forwarded-Host: souk.example.com"}, 200},
		{proxy, []string{"Host: souk.example.com", "X-Forwarded-Host: evil.example"}, 421},
		{proxy, []string{"Host: backend:8080", "X-Forwarded-Host: souk.example.com", "X-Forwarded-Host: evil.example"}, 421},
		{proxy, []string{"Host: backend:8080", "X-Forwarded-Host: souk.example.com, evil.example"}, 421},
		{proxy, []string{"Host: backend:8080", "Forwarded: host=souk.example.com"}, 421},
		{stranger, []string{"Host: souk.example.com", "X-Forwarded-For: 10.1.2.3"}, 403},
		{stranger, []string{"Host: souk.example.com", "X-Forwarded-Proto: https"}, 403},
	} {
		if got := ask(c.from, http.MethodGet, "/api/v1/session", c.header...); got.Code != c.want {
			t.Errorf("from %s with %v: %d, not %d", c.from, c.header, got.Code, c.want)
		}
	}
	direct := behindProxy(t, func(cfg *serve.Config) { cfg.Addr, cfg.PublicURL, cfg.TrustedProxies = ":8080", "", nil })
	for host, want := range map[string]int{"localhost:8080": 200, "127.0.0.1": 200, "evil.example": 421, "10.0.0.1:8080": 421} {
		if got := direct("127.0.0.1:4000", http.MethodGet, "/", "Host: "+host, "X-Forwarded-Host: localhost"); got.Code != want {
			t.Errorf("on this machine only, the host %q is answered %d, not %d", host, got.Code, want)
		}
	}
}

// Whatever a browser says about where a write comes from: only the console's own origin may, and what is no browser.
func TestOnlyTheConsolesOwnPagesWrite(t *testing.T) {
	t.Parallel()
	ask := behindProxy(t, nil)
	const proxy = "10.1.2.3:4000"
	for _, host := range []string{"Host: souk.example.com", "X-Forwarded-Host: souk.example.com"} {
		for _, site := range []string{"", "same-origin", "none", "same-site", "cross-site", "nonsense"} {
			for _, origin := range []string{"", "https://souk.example.com", "http://souk.example.com:8080", "https://evil.example", "https://app.souk.example.com", "https://souk.example.com.evil.example", "null"} {
				for _, media := range []string{"application/json", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""} {
					header := []string{host}
					for name, value := range map[string]string{"Sec-Fetch-Site": site, "Origin": origin, "Content-Type": media} {
						if value != "" {
							header = append(header, name+": "+value)
						}
					}
					trusted := origin == "https://souk.example.com"
					may := site == "same-origin" || site == "none" || trusted || site == "" && origin == ""
					for _, method := range []string{http.MethodPost, http.MethodDelete} {
						got := ask(proxy, method, "/api/v1/session", header...)
						if refused := strings.Contains(got.Body.String(), "cross_origin"); refused == may {
							t.Errorf("%s with %v: %d %s", method, header, got.Code, got.Body)
						}
						if len(got.Result().Cookies()) > 0 && !may {
							t.Errorf("%s with %v sets a cookie", method, header)
						}
					}
				}
			}
		}
	}
}
