package dataplane_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// protocol is OFREP's OpenAPI document (github.com/open-feature/protocol, 0.3.0), from $SOUK_CONFORMANCE/ofrep.
type protocol struct {
	compiler *jsonschema.Compiler
	answers  map[string]map[int]string // by path and status: the schema of the body; empty where none is defined
}

func readProtocol(t *testing.T) *protocol {
	t.Helper()
	dir := os.Getenv("SOUK_CONFORMANCE")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "conformance")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "ofrep", "openapi.yaml"))
	if err != nil {
		if os.Getenv("SOUK_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip("no protocol: put service/openapi.yaml of github.com/open-feature/protocol at $SOUK_CONFORMANCE/ofrep")
	}
	var document map[string]any
	if err := yaml.Unmarshal(raw, &document); err != nil {
		t.Fatal(err)
	}
	success := at(t, document, "components", "schemas", "evaluationSuccess")
	parts := success["allOf"].([]any)
	// The document contradicts itself in two places. A value of any type is also one of codeDefaultFlag, which names no property,
	// and an integer is also a number, so that oneOf would refuse every value.
	typed := parts[1].(map[string]any)
	typed["anyOf"] = typed["oneOf"]
	delete(typed, "oneOf")
	// And its list of reasons lacks DEFAULT, which flagd sends, and which OpenFeature defines.
	reason := at(t, parts[0].(map[string]any), "properties", "reason")
	reason["enum"] = append(reason["enum"].([]any), "DEFAULT")

	p := &protocol{compiler: jsonschema.NewCompiler(), answers: map[string]map[int]string{}}
	p.compiler.AssertFormat()
	p.compiler.DefaultDraft(jsonschema.Draft2020)
	plain, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := jsonschema.UnmarshalJSON(strings.NewReader(string(plain)))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.compiler.AddResource("openapi.json", resource); err != nil {
		t.Fatal(err)
	}
	for path, operations := range document["paths"].(map[string]any) {
		p.answers[path] = map[int]string{}
		for status, answer := range at(t, operations.(map[string]any), "post", "responses") {
			body := ""
			if content, ok := answer.(map[string]any)["content"]; ok {
				body = at(t, content.(map[string]any), "application/json", "schema")["$ref"].(string)
			}
			var code int
			if err := json.Unmarshal([]byte(status), &code); err != nil {
				t.Fatal(err)
			}
			p.answers[path][code] = body
		}
	}
	return p
}

// at walks down a document.
func at(t *testing.T, node map[string]any, path ...string) map[string]any {
	t.Helper()
	for _, name := range path {
		next, ok := node[name].(map[string]any)
		if !ok {
			t.Fatalf("no %s in %v", name, path)
		}
		node = next
	}
	return node
}

// check compares a body with a schema, such as #/components/schemas/context.
func (p *protocol) check(t *testing.T, what, schema, body string) {
	t.Helper()
	compiled, err := p.compiler.Compile("openapi.json" + schema)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v in %s", what, err, body)
		return
	}
	if err := compiled.Validate(value); err != nil {
		t.Errorf("%s: %v\nin %s", what, err, body)
	}
}

const (
	singleTemplate = "/ofrep/v1/evaluate/flags/{key}"
	bulkTemplate   = "/ofrep/v1/evaluate/flags"
)

func TestAnswersAreWhatTheOpenAPIDocumentOfOFREPSays(t *testing.T) {
	t.Parallel()
	p := readProtocol(t)
	b := open(t, storetest.Open(t, store.SQLite))
	b.odd(t)
	for _, c := range []struct {
		name, path, key, body string
		status                int
		headers               []string
	}{
		{name: "a switch", path: enabled, key: "server", body: ann, status: 200},
		{name: "a text", path: all + "/odd.text", key: "server", body: ann, status: 200},
		{name: "a number", path: all + "/odd.number", key: "server", body: ann, status: 200},
		{name: "an object", path: all + "/odd.object", key: "server", body: ann, status: 200},
		{name: "the code's own default", path: all + "/odd.none", key: "server", body: ann, status: 200},
		{name: "a flag that is off for all", path: all + "/odd.disabled", key: "server", body: ann, status: 200},
		{name: "a rule that cannot be read", path: all + "/odd.broken", key: "server", body: ann, status: 400},
		{name: "a rule that gives no variant", path: all + "/odd.unknown", key: "server", body: ann, status: 400},
		{name: "all", path: all, key: "server", body: ann, status: 200},
		{name: "all of a browser", path: all, key: "browser", body: ann, status: 200},
		{name: "none", path: all, key: "app", body: ann, status: 200},
		{name: "unknown flag", path: enabled + "x", key: "server", body: ann, status: 404},
		{name: "not JSON", path: enabled, key: "server", body: `{`, status: 400},
		{name: "not JSON, all", path: all, key: "server", body: `{`, status: 400},
		{name: "no context", path: enabled, key: "server", body: `{"context":7}`, status: 400},
		{name: "no context, all", path: all, key: "server", body: `{"context":7}`, status: 400},
		{name: "huge", path: enabled, key: "server", body: `{"context":{"x":"` + strings.Repeat("x", 70_000) + `"}}`, status: 400},
		{name: "no key", path: enabled, body: ann, status: 401},
		{name: "no key, all", path: all, body: ann, status: 401},
		{name: "another origin", path: all, key: "browser", body: ann, status: 403, headers: []string{"Origin", "https://evil.example"}},
		{name: "another origin, one", path: enabled, key: "browser", body: ann, status: 403, headers: []string{"Origin", "null"}},
	} {
		response, raw := b.ask(t, c.path, c.key, c.body, c.headers...)
		if response.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d: %s", c.name, response.StatusCode, c.status, raw)
			continue
		}
		template := bulkTemplate
		if c.path != all {
			template = singleTemplate
		}
		schema, defined := p.answers[template][c.status]
		if !defined {
			t.Errorf("%s: the protocol has no answer %d", c.name, c.status)
		}
		if schema != "" {
			p.check(t, c.name, schema, raw)
		}
	}
	_, raw := b.ask(t, all, "server", ann)
	if !strings.Contains(raw, `"reason":"DEFAULT"`) || !strings.Contains(raw, `"errorCode":"PARSE_ERROR"`) || !strings.Contains(raw, `"errorCode":"GENERAL"`) {
		t.Errorf("the answer for all flags lacks a kind of item: %s", raw)
	}
	// A client that sends nothing but a context is one, too.
	for _, body := range []string{ann, bob} {
		p.check(t, "request", "#/components/schemas/bulkEvaluationRequest", body)
	}
}

// odd makes the environment serve flags of all kinds, as an imported document may hold them.
func (b *bench) odd(t testing.TB) {
	t.Helper()
	for name, definition := range map[string]string{
		"text":     `{"state":"ENABLED","variants":{"a":"<b>\u2028"},"defaultVariant":"a","metadata":{"team":"odd","weight":2.5,"beta":true}}`,
		"number":   `{"state":"ENABLED","variants":{"a":1e21},"defaultVariant":"a"}`,
		"object":   `{"state":"ENABLED","variants":{"a":{"x":[1,{"y":null}]}},"defaultVariant":"a"}`,
		"none":     `{"state":"ENABLED","variants":{"a":true},"targeting":{}}`,
		"disabled": `{"state":"DISABLED","variants":{"a":true},"defaultVariant":"a"}`,
		"default":  `{"state":"ENABLED","variants":{"a":true},"defaultVariant":"a","targeting":{"if":[{"==":[{"var":"x"},1]},"a"]}}`,
		"broken":   `{"state":"ENABLED","variants":{"a":true},"defaultVariant":"a","targeting":{"no such operator":[]}}`,
		"unknown":  `{"state":"ENABLED","variants":{"a":true},"defaultVariant":"a","targeting":{"if":[true,"b"]}}`,
	} {
		b.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
			f, err := registry.Propose(ctx, tx, c, registry.Spec{
				App: "odd", Name: name, Type: "boolean", Variants: map[string]any{"on": true, "off": false}, On: "on", Off: "off",
			})
			if err != nil {
				return err
			}
			if _, err := registry.Install(ctx, tx, c, f.Key); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `UPDATE flag_environment SET definition = $1 WHERE flag_key = $2`, definition, f.Key)
			return err
		})
	}
}

func TestEveryStatusOfTheProtocolHasACaseHere(t *testing.T) {
	t.Parallel()
	p := readProtocol(t)
	// 304 and 429 are in tests of their own, 500 in plane_internal_test.go.
	want := map[string][]int{bulkTemplate: {200, 304, 400, 401, 403, 429, 500}, singleTemplate: {200, 400, 401, 403, 404, 429, 500}}
	for path, answers := range p.answers {
		var got []int
		for status := range answers {
			got = append(got, status)
		}
		slices.Sort(got)
		if !slices.Equal(got, want[path]) {
			t.Errorf("%s answers %v, want %v", path, got, want[path])
		}
	}
}
