package audit_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// named is a name that some other version of Souk wrote.
func named(t *testing.T, text string) (n audit.Name) {
	t.Helper()
	if err := n.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAnEventOutsideTheCatalogueIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, name := range []string{"", "flag.kiled", "flag", "flag.killed "} {
			e := event(1)
			e.Event = named(t, name)
			if err := appendEvents(t.Context(), db, e); err == nil || !strings.Contains(err.Error(), "is not in the catalogue") {
				t.Errorf("an event %q is answered %v", name, err)
			}
			err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				return audit.AppendAll(ctx, tx, []audit.Event{event(1), e})
			})
			if err == nil {
				t.Errorf("an event %q among others is not refused", name)
			}
		}
		if n := count(t, db, `SELECT count(*) FROM audit_event WHERE actor = 'alice@example.com'`); n != 0 {
			t.Errorf("%d events were appended", n)
		}
	})
}

func TestWordsTellWhatAnEventHas(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]audit.Event{
		"Turned off for everybody in production: a.on": {Event: audit.FlagKilled, Environment: "production", FlagKey: "a.on"},
		"Turned off for everybody: a.on":               {Event: audit.FlagKilled, FlagKey: "a.on"},
		"Turned off for everybody":                     {Event: audit.FlagKilled},
		"Moved on in its life, from staged to active":  {Event: audit.FlagStateChanged, From: "staged", To: "active"},
		"Moved on in its life":                         {Event: audit.FlagStateChanged, To: "active"},
		"Rollout step done: 2 of 3 in staging": {
			Event: audit.RolloutStepPromoted, Environment: "staging", Details: map[string]any{"step": 2.0, "of": 3.0},
		},
		"Approved": {Event: audit.FlagApprovalGranted, Details: map[string]any{"domain": nil}},
		"Evaluator imported into production: old:": {Event: audit.EvaluatorImported, Environment: "production", Subject: "evaluator:old:"},
		"App switch changed: [a] {to}":             {Event: audit.FlagUpdated, FlagKey: "[a] {to}"},
		"flag.renamed":                             {Event: named(t, "flag.renamed"), FlagKey: "a.on"},
	} {
		if got := e.Words(); got != want {
			t.Errorf("%s: %q, want %q", e.Event, got, want)
		}
	}
}

func TestEveryKindOfEventHasANounAndWordsOfItsOwn(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)+$`)
	all := audit.Event{FlagKey: "v", Environment: "v", From: "v", To: "v", Subject: "s:v"}
	said := map[string]audit.Name{}
	for _, k := range audit.Catalogue() {
		words := k.Words()
		if other, twice := said[words]; twice {
			t.Errorf("%s and %s have the same words", k.Name, other)
		}
		said[words] = k.Name
		if !shape.MatchString(k.Name.String()) || k.Noun == "" || words == "" || strings.TrimSpace(words) != words || strings.ContainsAny(words, "[]{}") {
			t.Errorf("%s changes a %q and says %q", k.Name, k.Noun, words)
		}
		e := all
		e.Event, e.Details = k.Name, map[string]any{"domain": "v", "after": "v", "words": "v", "step": 1, "of": 2}
		if full := e.Words(); strings.ContainsAny(full, "[]{}") || !strings.HasPrefix(full, words) {
			t.Errorf("%s says %q", k.Name, full)
		}
	}
}

// TestEveryNameOfTheCatalogueIsUsedAndStandsThereAlone reads the source: the compiler holds that no event has another name,
// and this that no name is left that no event has, and none is written a second time.
func TestEveryNameOfTheCatalogueIsUsedAndStandsThereAlone(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{} // by identifier, whether it is used
	literals := map[string]bool{}
	for _, k := range audit.Catalogue() {
		literals[strconv.Quote(k.Name.String())] = true
	}
	files := token.NewFileSet()
	catalogue, err := parser.ParseFile(files, "catalogue.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(catalogue, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
			if call, ok := spec.Values[0].(*ast.CallExpr); ok && fmt.Sprint(call.Fun) == "kind" {
				name := spec.Names[0].Name
				if name == "_" { // what only earlier versions wrote
					name = call.Args[0].(*ast.BasicLit).Value
				}
				declared[name] = name != spec.Names[0].Name
			}
		}
		return true
	})
	if len(declared) != len(literals) {
		t.Fatalf("%d names are declared, and the catalogue has %d", len(declared), len(literals))
	}
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			path == filepath.Join("..", "audit", "catalogue.go") {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if _, ok := declared[n.Name]; ok {
					declared[n.Name] = true
				}
			case *ast.BasicLit:
				if literals[n.Value] {
					t.Errorf("%s: %s stands in the catalogue: use its name", files.Position(n.Pos()), n.Value)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, used := range declared {
		if !used {
			t.Errorf("no event is ever an audit.%s: take it out of the catalogue", name)
		}
	}
}

func TestTheConsoleSaysTheWordsOfTheCatalogue(t *testing.T) {
	t.Parallel()
	const file = "../../web/src/messages/events.ts"
	var b strings.Builder
	b.WriteString("// Made from internal/audit/catalogue.go by `make generate`; do not edit.\n\n" +
		"/** What every event of the audit log says, by its name. */\nexport const events: Record<string, string> = {\n")
	for _, k := range audit.Catalogue() {
		fmt.Fprintf(&b, "  %q: %q,\n", k.Name, k.Words())
	}
	b.WriteString("};\n")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil { //nolint:gosec // source for everybody
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), b.String()); diff != "" {
		t.Errorf("%s is not current: run go generate ./internal/audit\n%s", file, diff)
	}
}
