package signin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// own are the makers of credentials that nobody else made: a demo's sign-in by name, which proves the person, and the link for the
// first administrator, which Souk makes.
var own = []string{"Sessions.SignIn", "Accounts.SetUpLink"}

// minting are the tables whose rows let somebody in.
var minting = []string{"INSERT INTO session ", "INSERT INTO api_token ", "INSERT INTO password ", "INSERT INTO one_time_link "}

// Whoever adds a verb that makes a credential says in makers that it inherits who made the one before.
func TestEveryMakerOfACredentialHasARow(t *testing.T) {
	t.Parallel()
	calls, mints := map[string][]string{}, map[string]bool{}
	for _, file := range sources(t) {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := nameOf(f)
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					mints[name] = mints[name] || slices.ContainsFunc(minting, func(s string) bool { return strings.Contains(n.Value, s) })
				case *ast.SelectorExpr:
					calls[name] = append(calls[name], n.Sel.Name)
				case *ast.Ident:
					calls[name] = append(calls[name], n.Name)
				}
				return true
			})
		}
	}
	for grown := true; grown; { // whoever calls a step that makes one, makes one
		grown = false
		for name, called := range calls {
			if !mints[name] && slices.ContainsFunc(called, func(step string) bool {
				return slices.ContainsFunc(keys(mints), func(m string) bool { return m == step || strings.HasSuffix(m, "."+step) && !ast.IsExported(step) })
			}) {
				mints[name], grown = true, true
			}
		}
	}
	var verbs []string
	for _, name := range keys(mints) {
		if ast.IsExported(name[strings.LastIndex(name, ".")+1:]) {
			verbs = append(verbs, name)
		}
	}
	if len(verbs) != len(makers)+len(own) {
		t.Errorf("%v make credentials; there are %d rows", verbs, len(makers)+len(own))
	}
	for _, verb := range verbs {
		if makers[verb] == nil && !slices.Contains(own, verb) {
			t.Errorf("%s makes a credential and has no row in makers", verb)
		}
	}
}

func sources(t *testing.T) (files []*ast.File) {
	t.Helper()
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// nameOf is the name of a function, with that of its receiver's type.
func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if named, ok := of.(*ast.Ident); ok {
		return named.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

func keys(marked map[string]bool) (names []string) {
	for name, is := range marked {
		if is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
