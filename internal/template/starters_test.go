package template_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/template"
	"github.com/soukhq/souk/templates"
)

// starters gives the starter templates by id.
func starters(t *testing.T) map[string]template.Document {
	t.Helper()
	files, err := fs.Glob(templates.Files, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]template.Document{}
	for _, file := range files {
		raw, err := templates.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc := parse(t, raw)
		if doc.TemplateID+".json" != file {
			t.Errorf("%s holds %s", file, doc.TemplateID)
		}
		all[doc.TemplateID] = doc
	}
	return all
}

func TestStartersAreThoseThatWerePromised(t *testing.T) {
	t.Parallel()
	var ids []string
	for id := range starters(t) {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	want := []string{
		"automation-v1", "boolean-toggle-v1", "dashboard-v1", "microapp-basic-toggle-v1", "notification-v1", "percentage-toggle-v1", "user-segment-toggle-v1",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
	raw, err := templates.Files.ReadFile("microapp-basic-toggle-v1.json")
	if err != nil || !bytes.Equal(raw, mission(t)) {
		t.Errorf("the mission's template is not as it was given: %v", err)
	}
}

// jargon is what a publisher would have to look up.
var jargon = regexp.MustCompile(`(?i)\b(flag|rollout|kill|ttl|boolean|toggle|targeting|segment|variant|semver|staging|bake|deploy|backend|api|json)\b`)

func TestStartersSpeakToPublishers(t *testing.T) {
	t.Parallel()
	for id, doc := range starters(t) {
		if id == "microapp-basic-toggle-v1" {
			continue // the mission's own words
		}
		words := []string{doc.DisplayName, doc.Description}
		for name, f := range doc.Fields {
			if f.Title == "" {
				t.Errorf("%s: %s has no title", id, name)
			}
			words = append(words, f.Title, f.Help)
			for _, value := range f.Values {
				if f.Titles[value] == "" {
					t.Errorf("%s: the choice %s of %s has no words", id, value, name)
				}
				words = append(words, f.Titles[value])
			}
		}
		for _, text := range words {
			if found := jargon.FindString(text); found != "" {
				t.Errorf("%s says %q in %q", id, found, text)
			}
		}
	}
}

// good is what a publisher would fill in besides the defaults.
var good = map[string]map[string]any{
	"automation-v1": {
		"starts": "schedule", "schedule": "every night at two", "systems": []any{"Calendar"}, "undo": "Delete the entries by hand.",
	},
	"microapp-basic-toggle-v1": {"name": "Enabled"},
	"notification-v1":          {"channel": "email", "sender": "lunch@hyfin.example"},
	"percentage-toggle-v1":     {"percent": 12.5, "watch_hours": 48.0},
	"user-segment-toggle-v1":   {"why_these": "They asked for it."},
}

func TestStartersTakeWhatAPublisherFillsIn(t *testing.T) {
	t.Parallel()
	for id, doc := range starters(t) {
		fields := map[string]any{"owner": "alice@hyfin.example", "audiences": "pilot"}
		for name, value := range good[id] {
			fields[name] = value
		}
		if findings := doc.Validate(doc.Fill(fields)); len(findings) > 0 {
			t.Errorf("%s: %v", id, findings)
		}
		for _, s := range doc.Steps(doc.Fill(fields)) {
			if s.Percent < 1 || s.Percent > 100 || s.BakeTime() == 0 || strings.Contains(s.Audience, "{") {
				t.Errorf("%s: a step is %+v", id, s)
			}
		}
	}
	share := starters(t)["percentage-toggle-v1"]
	steps := share.Steps(share.Fill(good["percentage-toggle-v1"]))
	if steps[1].Percent != 13 || steps[1].BakeTime().Hours() != 48 {
		t.Errorf("the share and the time that were asked for: %+v", steps[1])
	}
}

// TestSchemasOfStartersAreGolden holds the schemas that forms are built from against testdata/schemas; -update writes them anew.
func TestSchemasOfStartersAreGolden(t *testing.T) {
	t.Parallel()
	for id, doc := range starters(t) {
		var want bytes.Buffer
		if err := json.Indent(&want, doc.Schema(), "", "  "); err != nil {
			t.Fatal(err)
		}
		want.WriteByte('\n')
		file := filepath.Join("testdata", "schemas", id+".json")
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, want.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not current (%v): run this test with -update", file, err)
		}
	}
}
