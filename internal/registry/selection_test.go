package registry_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
)

func TestASelectionNamesOneThing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, kind, name, words, code string
	}{
		{`{"flag":"a.b"}`, "flag", "a.b", "a.b", ""},
		{`{"app":"a"}`, "app", "a", "the app a", ""},
		{`{"owner":"team"}`, "owner", "team", "everything of team", ""},
		{`{"tag":"t"}`, "tag", "t", "everything tagged t", ""},
		{`{"environment":"production"}`, "environment", "production", "everything", ""},
		{`{}`, "", "", "everything", "required"},
		{`{"app":"a","tag":"t"}`, "app", "a", "the app a", "many_selections"},
		{`{"flag":"a.b","environment":"production"}`, "flag", "a.b", "a.b", "many_selections"},
	} {
		var s registry.Selection
		if err := json.Unmarshal([]byte(tt.text), &s); err != nil {
			t.Fatal(err)
		}
		kind, name := s.Kind()
		if kind != tt.kind || name != tt.name || s.Words() != tt.words {
			t.Errorf("%s: %s %s, %s", tt.text, kind, name, s.Words())
		}
		err := s.Check()
		if f, _ := errors.AsType[*fault.Error](err); (err == nil) != (tt.code == "") || f != nil && f.Code != tt.code {
			t.Errorf("%s: %v", tt.text, err)
		}
		if back := registry.Selected(kind, name); tt.code == "" && back != s {
			t.Errorf("%s: stored and read it is %+v", tt.text, back)
		}
	}
}

func TestASelectionMatchesWhatItNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		selection registry.Selection
		matches   bool
	}{
		{registry.Selection{Flag: "a.b"}, true},
		{registry.Selection{Flag: "a.c"}, false},
		{registry.Selection{App: "a"}, true},
		{registry.Selection{App: "b"}, false},
		{registry.Selection{Owner: "team"}, true},
		{registry.Selection{Owner: "team2"}, false},
		{registry.Selection{Tag: "t"}, true},
		{registry.Selection{Tag: "u"}, false},
		{registry.Selection{Environment: "production"}, true},
		{registry.Selection{}, false},
	} {
		if got := tt.selection.Matches("a.b", "a", "team", []string{"s", "t"}); got != tt.matches {
			t.Errorf("%+v: %t", tt.selection, got)
		}
	}
}
