package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
)

// post sends a body to the handler as an administrator at the local socket and gives the status and the problem.
func post(t *testing.T, handler http.Handler, method, path, contentType string, body io.Reader, header ...string) (int, api.Problem) {
	t.Helper()
	r := httptest.NewRequest(method, path, body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	r = r.WithContext(api.WithLocal(r.Context(), access.Local("root")))
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	var problem api.Problem
	if strings.Contains(answer.Header().Get("Content-Type"), "problem+json") {
		if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
	}
	return answer.Code, problem
}

func TestBodiesThatAreNotPlainAreRefused(t *testing.T) {
	t.Parallel()
	handler := api.New(api.Deps{})
	deep := strings.Repeat(`{"app":`, 70) + `1` + strings.Repeat(`}`, 70)
	for name, test := range map[string]struct {
		body, contentType string
		status            int
		code, field       string
	}{
		"malformed":        {`{"kind": }`, "application/json", 400, "malformed_json", ""},
		"cut off":          {`{"kind": "publish_app"`, "application/json", 400, "malformed_json", ""},
		"two values":       {`{} {}`, "application/json", 400, "malformed_json", ""},
		"duplicate":        {`{"app": {"slug": "a", "slug": "b"}}`, "application/json", 400, "duplicate_member", "app.slug"},
		"unknown":          {`{"reasn": {}}`, "application/json", 400, "unknown_member", "reasn"},
		"unknown within":   {`{"app": {"slugg": "a"}}`, "application/json", 400, "unknown_member", "app.slugg"},
		"other case":       {`{"Kind": "publish_app"}`, "application/json", 400, "unknown_member", "Kind"},
		"NUL":              {`{"reason": "a\u0000b"}`, "application/json", 400, "invalid_text", "reason"},
		"invalid UTF-8":    {"{\"reason\": \"\xff\"}", "application/json", 400, "invalid_text", ""},
		"too deep":         {deep, "application/json", 400, "too_deep", ""},
		"wrong type":       {`{"reason": 5}`, "application/json", 400, "invalid", "reason"},
		"outside the enum": {`{"kind": "publish"}`, "application/json", 400, "invalid", "kind"},
		"a form":           {`kind=publish_app`, "application/x-www-form-urlencoded", 415, "unsupported_media_type", ""},
		"another charset":  {`{}`, "application/json; charset=utf-16", 415, "unsupported_media_type", ""},
		"nothing":          {``, "application/json", 400, "invalid", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, problem := post(t, handler, http.MethodPost, "/api/v1/requests:check", test.contentType, strings.NewReader(test.body))
			if status != test.status || problem.Code != test.code {
				t.Fatalf("answered %d %q (%s), not %d %q", status, problem.Code, problem.Detail, test.status, test.code)
			}
			field := ""
			if len(problem.Errors) > 0 {
				field = problem.Errors[0].Field
			}
			if name != "too deep" && field != test.field {
				t.Errorf("blames %q, not %q", field, test.field)
			}
		})
	}
}

func TestUnknownMemberIsAnsweredWithTheNearestName(t *testing.T) {
	t.Parallel()
	_, problem := post(t, api.New(api.Deps{}), http.MethodPost, "/api/v1/requests:check", "application/json",
		strings.NewReader(`{"template": "x"}`))
	if want := `"template" is not known here, did you mean "template_id"?`; problem.Detail != want {
		t.Errorf("says %q, not %q", problem.Detail, want)
	}
}

// endless gives a body without end and counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read += len(p)
	return len(p), nil
}

func TestLargeBodyIsRefusedWithoutReadingIt(t *testing.T) {
	t.Parallel()
	body := &endless{}
	status, problem := post(t, api.New(api.Deps{}), http.MethodPost, "/api/v1/requests:check", "application/json",
		io.LimitReader(body, 10<<20))
	if status != http.StatusRequestEntityTooLarge || problem.Code != "body_too_large" {
		t.Errorf("answered %d %s", status, problem.Code)
	}
	if body.read > 2<<20 {
		t.Errorf("read %d bytes of it", body.read)
	}
}

func TestEditWithoutTheVersionThatItReadIsRefused(t *testing.T) {
	t.Parallel()
	handler := api.New(api.Deps{})
	status, problem := post(t, handler, http.MethodPatch, "/api/v1/requests/1", "application/json", strings.NewReader(`{}`))
	if status != http.StatusPreconditionRequired || problem.Code != "version_required" {
		t.Errorf("answered %d %s", status, problem.Code)
	}
	status, problem = post(t, handler, http.MethodPatch, "/api/v1/requests/1", "application/json", strings.NewReader(`{}`), "If-Match", "3")
	if status != http.StatusBadRequest || problem.Code != "bad_version" {
		t.Errorf("answered %d %s", status, problem.Code)
	}
}

func TestWrongMethodNamesTheRightOnes(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPut, "/api/v1/requests", nil)
	answer := httptest.NewRecorder()
	api.New(api.Deps{}).ServeHTTP(answer, r)
	if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != "GET, POST" {
		t.Errorf("answered %d, Allow: %s", answer.Code, answer.Header().Get("Allow"))
	}
}

func TestPanicIsAnInternalErrorWithATrace(t *testing.T) {
	t.Parallel()
	// Without a desk the handler dereferences nil.
	status, problem := post(t, api.New(api.Deps{}), http.MethodGet, "/api/v1/requests", "", nil)
	if status != http.StatusInternalServerError || problem.Detail != "internal error" || problem.TraceID == "" {
		t.Errorf("answered %d %+v", status, problem)
	}
}

func TestNobodySignedInIsRefused(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	api.New(api.Deps{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/v1/flags", nil))
	if answer.Code != http.StatusUnauthorized || answer.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("answered %d", answer.Code)
	}
}

func TestWritesFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	for _, header := range [][2]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
	} {
		status, problem := post(t, api.New(api.Deps{}), http.MethodPost, "/api/v1/requests:check", "application/json",
			strings.NewReader(`{}`), header[0], header[1])
		if status != http.StatusForbidden || problem.Code != "cross_origin" {
			t.Errorf("%s: %s is answered %d %s", header[0], header[1], status, problem.Code)
		}
	}
}

func TestDemoAnswersToThisMachineOnly(t *testing.T) {
	t.Parallel()
	handler := api.New(api.Deps{Mode: api.Demo})
	for host, status := range map[string]int{
		"localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "where2eat.localhost": 200,
		"evil.example": 421, "localhost.evil.example": 421, "localhost.": 421, "10.0.0.1": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.Host = host
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if answer.Code != status {
			t.Errorf("%s is answered %d, not %d", host, answer.Code, status)
		}
	}
}
