package api_test

import (
	"encoding/json"
	"testing"

	"github.com/soukhq/souk/internal/api"
)

func TestEveryOperationWithABodyShowsAnExample(t *testing.T) {
	t.Parallel()
	var document struct {
		Paths map[string]map[string]struct {
			ID          string `json:"operationId"`
			RequestBody *struct {
				Content map[string]struct{ Example json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(api.New(api.Deps{}).Document(), &document); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, methods := range document.Paths {
		for _, operation := range methods {
			known[operation.ID] = true
			if operation.RequestBody == nil {
				continue
			}
			for media, content := range operation.RequestBody.Content {
				if len(content.Example) == 0 {
					t.Errorf("%s shows no example of %s: add a call to examples.json", operation.ID, media)
				}
			}
		}
	}
	for _, example := range api.ReadExamples() {
		if !known[example.Operation] {
			t.Errorf("examples.json has a call of %s, which is no operation", example.Operation)
		}
		if example.Status >= 400 && example.Code == "" {
			t.Errorf("the example of %s is refused without saying how", example.Operation)
		}
	}
}
