package importer_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/registry"
)

func read(t *testing.T, text string) importer.Document {
	t.Helper()
	doc, err := importer.Read(t.Context(), importer.Source{Format: "flagd", Document: text})
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// same compares JSON by what it means.
func same(t *testing.T, got, want []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatalf("%v in %s", err, want)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBothFormsOfFlagsAreTheSame(t *testing.T) {
	t.Parallel()
	object := read(t, `{"flags": {"a": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": null}}}`)
	list := read(t, `{"flags": [{"key": "a", "state": "ENABLED", "variants": {"on": true}, "defaultVariant": null}]}`)
	if diff := cmp.Diff(object, list); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAProgramCanEvaluateIsTakenAsItIs(t *testing.T) {
	t.Parallel()
	for name, definition := range map[string]string{
		"a/b c":      `{"state": "DISABLED", "variants": {"x": 0.0}, "defaultVariant": "x"}`,
		"größe ✓":    `{"variants": {"a": null, "b": [1, "<&>"], "c": {"d": -9007199254740992, "e": 1e300}}}`,
		"constant":   `{"state": "ENABLED", "variants": {"a": 1}, "targeting": "a"}`,
		"nonsense":   `{"state": "ENABLED", "variants": {}, "targeting": {"no_such": []}, "more": {"x": 1}, "metadata": 3}`,
		"empty rule": `{"state": "ENABLED", "variants": {"": 1}, "defaultVariant": "", "targeting": {}}`,
	} {
		document := `{"metadata": {"version": "7"}, "flags": {"` + name + `": ` + definition + `}, "$evaluators": {"e": {"==": [1, 1]}}}`
		doc := read(t, document)
		if len(doc.Bad) > 0 {
			t.Errorf("%s: %+v", name, doc.Bad)
			continue
		}
		back, err := importer.Write("flagd", registry.Set{Flags: doc.Flags, Evaluators: doc.Evaluators, Order: doc.Order, Metadata: doc.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		same(t, back, []byte(document))
	}
	if doc := read(t, `{"flags": {"a": {"variants": {"x": 0.0}}}}`); string(doc.Flags["a"]) != `{"variants":{"x":0.0}}` {
		t.Errorf("a number is written as %s", doc.Flags["a"])
	}
}

func TestAFlagThatCannotBeTakenKeepsNoOtherOut(t *testing.T) {
	t.Parallel()
	for definition, code := range map[string]string{
		`"bad": 3`:                                              "bad_flag",
		`"bad": {}`:                                             "bad_flag",
		`"bad": {"variants": null}`:                             "bad_flag",
		`"bad": {"variants": [1]}`:                              "bad_flag",
		`"bad": {"variants": {}, "state": "ON"}`:                "bad_flag",
		`"bad": {"variants": {}, "state": true}`:                "bad_flag",
		`"bad": {"variants": {}, "defaultVariant": 1}`:          "bad_flag",
		`"bad": {"variants": {"a": 1e999}}`:                     "bad_flag",
		`"bad": {"variants": {"a": {"b": [9007199254740993]}}}`: "inexact_number",
		`"bad": {"variants": {}, "targeting": {"==": [{"var": "n"}, -12345678901234567890]}}`: "inexact_number",
		`"": {"variants": {}}`:                                 "bad_key",
		`"a\u0000b": {"variants": {}}`:                         "bad_key",
		`"a\u202eb": {"variants": {}}`:                         "bad_key",
		`"` + strings.Repeat("k", 501) + `": {"variants": {}}`: "bad_key",
	} {
		doc := read(t, `{"flags": {"good": {"variants": {"on": true}}, `+definition+`}}`)
		if len(doc.Flags) != 1 || len(doc.Bad) != 1 || doc.Bad[0].Code != code || doc.Bad[0].Remediation == "" {
			t.Errorf("%s: %d taken, refused %+v", fault.Clip(definition, 80), len(doc.Flags), doc.Bad)
		}
	}
	doc := read(t, `{"flags": [{"variants": {}}, {"key": "a", "variants": {}}]}`)
	if len(doc.Flags) != 1 || len(doc.Bad) != 1 || doc.Bad[0].Code != "no_key" {
		t.Errorf("%+v", doc)
	}
}

func TestWhatIsNoFlagDocumentIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, text, code string }{
		{"flagd", ``, "not_a_flag_document"},
		{"flagd", `null`, "not_a_flag_document"},
		{"flagd", `[]`, "not_a_flag_document"},
		{"flagd", `{}`, "not_a_flag_document"},
		{"flagd", `{"flags": 1}`, "not_a_flag_document"},
		{"flagd", `{"flags": null}`, "not_a_flag_document"},
		{"flagd", `{"flags": {}, "$evaluators": []}`, "not_a_flag_document"},
		{"flagd", `{"flags": {}, "metadata": 1}`, "not_a_flag_document"},
		{"flagd", `{"flags": {}`, "not_a_flag_document"},
		{"flagd", strings.Repeat(" ", importer.MaxBytes+1), "document_too_large"},
		{"unknown", `{"flags": {}}`, "unknown_format"},
	} {
		_, err := importer.Read(t.Context(), importer.Source{Format: c.format, Document: c.text})
		f, ok := err.(*fault.Error) //nolint:errorlint // it is the fault itself
		if !ok || f.Code != c.code || f.Remediation == "" {
			t.Errorf("%s %s: %v", c.format, fault.Clip(c.text, 60), err)
		}
	}
}

func TestYAMLMeansWhatItsJSONMeans(t *testing.T) {
	t.Parallel()
	got, err := importer.FromYAML([]byte("flags:\n  a:\n    state: ENABLED\n    variants: {on: true, off: false, true: 1.5}\n    targeting: &t {var: [x]}\n  b: {variants: {1: one}, targeting: *t}\n"))
	if err != nil {
		t.Fatal(err)
	}
	same(t, []byte(got), []byte(`{"flags": {"a": {"state": "ENABLED", "variants": {"on": true, "off": false, "true": 1.5}, "targeting": {"var": ["x"]}},
		"b": {"variants": {"1": "one"}, "targeting": {"var": ["x"]}}}}`))
	lines := []string{"a: &a [x, x, x, x, x, x, x, x]"}
	for name := 'b'; name < 'm'; name++ {
		lines = append(lines, fmt.Sprintf("%c: &%c [%s*%c]", name, name, strings.Repeat(fmt.Sprintf("*%c, ", name-1), 7), name-1))
	}
	bomb := strings.Join(lines, "\n")
	for _, text := range []string{"a: [", "flags: {a: .nan}", bomb} {
		if _, err := importer.FromYAML([]byte(text)); err == nil {
			t.Errorf("%s is taken", fault.Clip(text, 60))
		}
	}
}

// value draws any JSON value.
func value(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Bool().AsAny(), rapid.String().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.Just[any](nil),
	}
	if depth > 0 {
		scalars = append(scalars, rapid.SliceOfN(value(depth-1), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), value(depth-1), 0, 3).AsAny())
	}
	return rapid.OneOf(scalars...)
}

func TestEvaluatorsOfYAMLKeepTheirOrder(t *testing.T) {
	t.Parallel()
	text, err := importer.FromYAML([]byte("$evaluators:\n  z: {$ref: 'no'}\n  no: {var: a}\n  7: {var: b}\n  a: {var: c}\nflags: {f: {variants: {on: true}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"z", "no", "7", "a"}, read(t, text).Order); diff != "" {
		t.Error(diff)
	}
}

func TestGeneratedDocumentsComeBackTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		flags := rapid.MapOfN(rapid.StringMatching(`[a-zA-ZäöüÅ✓/. -]{1,20}`), rapid.Custom(func(rt *rapid.T) any {
			f := map[string]any{"variants": rapid.MapOfN(rapid.String(), value(2), 0, 4).Draw(rt, "variants")}
			if rapid.Bool().Draw(rt, "has state") {
				f["state"] = rapid.SampledFrom([]string{"ENABLED", "DISABLED"}).Draw(rt, "state")
			}
			for name, g := range map[string]*rapid.Generator[any]{
				"defaultVariant": rapid.OneOf(rapid.String().AsAny(), rapid.Just[any](nil)), "targeting": value(4), "metadata": value(2), "other": value(1),
			} {
				if rapid.Bool().Draw(rt, "has "+name) {
					f[name] = g.Draw(rt, name)
				}
			}
			return f
		}), 0, 5).Draw(rt, "flags")
		document := map[string]any{"flags": flags}
		if evaluators := rapid.MapOfN(rapid.StringMatching(`[a-z_]{1,9}`), value(3), 0, 3).Draw(rt, "evaluators"); len(evaluators) > 0 {
			document["$evaluators"] = evaluators
		}
		text, err := json.Marshal(document)
		if err != nil {
			rt.Fatal(err)
		}
		doc, err := importer.Read(t.Context(), importer.Source{Format: "flagd", Document: string(text)})
		if err != nil || len(doc.Bad) > 0 {
			rt.Fatalf("%v %+v in %s", err, doc.Bad, text)
		}
		back, err := importer.Write("flagd", registry.Set{Flags: doc.Flags, Evaluators: doc.Evaluators, Order: doc.Order, Metadata: doc.Metadata})
		if err != nil {
			rt.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(text, &a) != nil || json.Unmarshal(back, &b) != nil || !cmp.Equal(a, b) {
			rt.Fatalf("%s came back as %s", text, back)
		}
	})
}

// Whatever is read is refused or comes back as what it was read as.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		`{"flags": {"a": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on", "targeting": {"if": [{"$ref": "e"}, "on"]}}},
			"$evaluators": {"e": {"==": [{"var": "x"}, 1]}}, "metadata": {"flagSetId": "x"}}`,
		`{"flags": [{"key": "a", "variants": {}}, {"key": "a"}, {}]}`, `{"flags": {"\ud800": {"variants": {"": 1e5}}}}`, `{"flags": {"": null}, "flags": []}`, `[`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := importer.Read(t.Context(), importer.Source{Format: "flagd", Document: text})
		if err != nil {
			return
		}
		written, err := importer.Write("flagd", registry.Set{Flags: doc.Flags, Evaluators: doc.Evaluators, Order: doc.Order, Metadata: doc.Metadata})
		if err != nil {
			t.Fatal(err)
		}
		again, err := importer.Read(t.Context(), importer.Source{Format: "flagd", Document: string(written)})
		if err != nil || len(again.Bad) > 0 {
			t.Fatalf("%v, %+v: what was written cannot be read: %s", err, again.Bad, written)
		}
		again.Bad = doc.Bad
		if diff := cmp.Diff(doc, again); diff != "" {
			t.Errorf("it is another document the second time:\n%s", diff)
		}
	})
}
