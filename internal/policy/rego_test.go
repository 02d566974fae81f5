package policy_test

import (
	"bytes"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/soukhq/souk/policies"
)

func TestRegoTestsOfTheStandardLibraryPass(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(policies.Files, "*.rego")
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]*ast.Module{}
	for _, file := range files {
		source, err := policies.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := format.SourceWithOpts(file, source, format.Opts{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(formatted, source) {
			t.Errorf("%s is not formatted as opa fmt does:\n%s", file, cmp.Diff(string(source), string(formatted)))
		}
		if modules[file], err = ast.ParseModuleWithOpts(file, string(source), ast.ParserOptions{RegoVersion: ast.RegoV1}); err != nil {
			t.Fatal(err)
		}
	}
	results, err := tester.NewRunner().SetCompiler(ast.NewCompiler()).SetModules(modules).RunTests(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for r := range results {
		ran++
		if !r.Pass() {
			t.Errorf("%s.%s: %v (%v)", r.Package, r.Name, r, r.Error)
		}
	}
	if ran < 25 {
		t.Errorf("only %d Rego tests ran", ran)
	}
}
