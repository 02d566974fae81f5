package review

import (
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/catalog"
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
	scan := "scan.sarif, 2 bytes, SHA-256 44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	want := []Change{
		{Path: "app.url", Words: "Web address: https://b.example instead of https://a.example", Before: "https://a.example", After: "https://b.example"},
		{Path: "fields.default", Words: "Switch: Default for everybody else: no instead of yes", Before: true, After: false},
		{Path: "fields.ttl_days", Words: "Switch: TTL in days: 20 instead of 30", Before: 30.0, After: 20.0},
		{Path: "attachments.0", Words: "Attached: " + scan, After: scan},
		{Path: "fields.owner", Words: "Switch: Owner is no longer given (it was alice)", Before: "alice"},
	}
	if diff := cmp.Diff(want, changed(before, after, document)); diff != "" {
		t.Errorf("changes differ (-want +got):\n%s", diff)
	}
}

func TestAnEditNamesEveryMemberThatItChanges(t *testing.T) {
	t.Parallel()
	percent := 5
	values := map[reflect.Type]any{
		reflect.TypeFor[string](): "x", reflect.TypeFor[int64](): int64(1), reflect.TypeFor[map[string]any](): map[string]any{"x": 1.0},
		reflect.TypeFor[[]Attachment](): []Attachment{{Name: "a", Content: "b"}}, reflect.TypeFor[*ContentChange](): &ContentChange{FlagChange: FlagChange{Percent: &percent}},
		reflect.TypeFor[catalog.Data](): catalog.Data{Classification: catalog.Internal},
	}
	names := func(member string, before, after Content) {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			if len(edited(before, after, template.Document{})) != 1 || len(edited(after, before, template.Document{})) != 1 {
				t.Errorf("got %+v", edited(before, after, template.Document{}))
			}
		})
	}
	content, app := reflect.TypeFor[Content](), reflect.TypeFor[App]()
	for field := range content.Fields() {
		if field.Name == "Kind" || field.Name == "Draft" || field.Name == "App" {
			continue // a kind is fixed, a draft that is submitted has an event of its own, and the members of an app are below
		}
		var after Content
		reflect.ValueOf(&after).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(values[field.Type]))
		names(field.Name, Content{}, after)
	}
	for field := range app.Fields() {
		var after App
		reflect.ValueOf(&after).Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(values[field.Type]))
		names("App."+field.Name, Content{App: &App{}}, Content{App: &after})
	}
	names("the text of an attachment", Content{Attachments: []Attachment{{"a", "b"}}}, Content{Attachments: []Attachment{{"a", "c"}}})
}
