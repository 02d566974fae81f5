package review

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/template"
)

func TestChangesAreToldInTheWordsOfTheForm(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/template.json")
	if err != nil {
		t.Fatal(err)
	}
	document, _ := template.Parse(raw)
	before := Content{App: &App{Name: "Where2Eat", URL: "https://a.example"}, Fields: map[string]any{"ttl_days": 30.0, "owner": "alice", "default": true}}
	after := Content{
		App: &App{Name: "Where2Eat", URL: "https://b.example"}, Fields: map[string]any{"ttl_days": 20.0, "default": false},
		Attachments: []Attachment{{Name: "scan.sarif", Content: "{}"}},
	}
	want := []Change{
		{Path: "app.url", Words: "Web address: https://b.example instead of https://a.example", Before: "https://a.example", After: "https://b.example"},
		{Path: "fields.default", Words: "Switch: Default for everybody else: no instead of yes", Before: true, After: false},
		{Path: "fields.ttl_days", Words: "Switch: TTL in days: 20 instead of 30", Before: 30.0, After: 20.0},
		{Path: "attachments.scan.sarif", Words: "Attached scan.sarif: 2 bytes", After: "2 bytes"},
		{Path: "fields.owner", Words: "Switch: Owner is no longer given (it was alice)", Before: "alice"},
	}
	if diff := cmp.Diff(want, changed(before, after, document)); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
}
