package strict_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/strict"
)

type order struct {
	Name  string         `json:"name"`
	Count int            `json:"count"`
	At    *time.Time     `json:"at"`
	Lines []line         `json:"lines"`
	More  map[string]any `json:"more"`
	embedded
}

type line struct {
	Item string `json:"item"`
}

type embedded struct {
	Note string `json:"note"`
}

func TestDecodeNamesEachMistakeAtItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{ // field and code
		`{"nmae": "x"}`:                            {"nmae", "unknown_member"},
		`{"name": "x", "name": "y"}`:               {"name", "duplicate_member"},
		`{"name": 3}`:                              {"name", "wrong_type"},
		`{"name": null}`:                           {"name", "wrong_type"},
		`{"count": 1.5}`:                           {"count", "wrong_type"},
		`{"count": 1e400}`:                         {"count", "wrong_type"},
		`{"at": "yesterday"}`:                      {"at", "wrong_type"},
		`{"at": {}}`:                               {"at", "wrong_type"},
		`{"lines": [{"item": "a"}, {"i":1}]}`:      {"lines[1].i", "unknown_member"},
		`{"name": "a\u202eb"}`:                     {"name", "invalid_text"},
		`{"name": "x"} {}`:                         {"", "not_json"},
		`{"name": "x"`:                             {"", "not_json"},
		`[]`:                                       {"", "wrong_type"},
		"{\"name\": \"\xff\"}":                     {"", "invalid_text"},
		strings.Repeat("[", 100):                   {strings.Repeat("[0]", 25), "too_deep"},
		strings.Repeat(" ", 2000):                  {"", "too_large"},
		`{"more": {"x": {"y": {"y": 1, "y": 2}}}}`: {"more.x.y.y", "duplicate_member"},
	} {
		_, findings := strict.Decode[order]([]byte(text), strict.Take{Bytes: 1000})
		found := false
		for _, f := range findings {
			found = found || f.Field == want[0] && f.Code == want[1] && f.Message != "" && f.Remediation != "" && f.Severity == fault.SeverityError
		}
		if !found {
			t.Errorf("%.60s: got %+v, want %v", text, findings, want)
		}
	}
}

func TestDecodeTakesWhatIsRight(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 10, 15, 42, 0, 0, time.UTC)
	got, findings := strict.Decode[order]([]byte(`{"name": "a\u202eb", "count": 3, "at": "2026-01-10T15:42:00Z", "lines": [{"item": "x"}],
		"more": {"k": null, "l": [1, "2"]}, "note": "n"}`), strict.Take{Bytes: 1000, AnyText: true})
	want := order{Name: "a\u202eb", Count: 3, At: &at, Lines: []line{{"x"}}, More: map[string]any{"k": nil, "l": []any{1.0, "2"}}, embedded: embedded{"n"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(order{})); diff != "" || findings != nil {
		t.Errorf("findings %v, differs (-want +got):\n%s", findings, diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"x","lines":[{"item":"a"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, findings := strict.Decode[order](raw, strict.Take{Bytes: 1 << 16}); findings == nil && !json.Valid(raw) {
			t.Errorf("%q passed", raw)
		}
	})
}
