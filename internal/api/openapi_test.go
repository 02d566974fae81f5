package api_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
)

var update = flag.Bool("update", false, "rewrite openapi.json")

func TestOpenAPIIsCurrent(t *testing.T) {
	t.Parallel()
	document := api.New(api.Deps{}).Document()
	if *update {
		if err := os.WriteFile("openapi.json", document, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), string(document)); diff != "" {
		t.Errorf("openapi.json is not current: run go generate ./internal/api, then npm run generate in web\n%s", diff)
	}
}

func TestEveryOperationNamesAnActionThatSomebodyMayDo(t *testing.T) {
	t.Parallel()
	var document struct {
		Paths map[string]map[string]struct {
			ID     string        `json:"operationId"`
			Action access.Action `json:"x-souk-action"`
		}
	}
	if err := json.Unmarshal(api.New(api.Deps{}).Document(), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Paths) == 0 {
		t.Fatal("no operation is described")
	}
	known := access.Actions()
	for path, methods := range document.Paths {
		for method, operation := range methods {
			if operation.Action == "" || !slices.Contains(known, operation.Action) {
				t.Errorf("%s %s asks for the action %q, which access has no rule for", method, path, operation.Action)
			}
		}
	}
}

// Every route of the API is an operation: nothing answers below /api/v1 that carries no action.
func TestNothingBelowTheAPIAnswersWithoutAnAction(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	api.New(api.Deps{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/v1/nothing", nil))
	if answer.Code != http.StatusNotFound || answer.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("an unknown path answers %d %s", answer.Code, answer.Header().Get("Content-Type"))
	}
}
