package access_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// compared is every place of the program that compares the address or the name of somebody with another, and why that decides nothing
// about who they are. Whatever does decide that compares access.Identity or access.PersonID.
var compared = map[string]string{
	"access/identity.go: i.Email == other.Email":               "of who is no person, the name is all there is",
	"access/put.go: spec.Email != after.Email":                 "whether the address is to change",
	"access/loosening.go: before.Email != after.Email":         "whether the address changes, which loosens",
	"api/inbox.go: i.Title == p.By":                            "there is a card for each address that is shown",
	"access/actor.go: a.Email != had.Email":                    "a call goes on only under the address that it began under; the id is compared before",
	"api/session.go: person.Email == in.Body.Email":            "somebody of the demo is chosen by the address that its page shows",
	"template/library.go: latest.CreatedBy != by.Email":        "whether Souk itself wrote it",
	"watch/hub.go: slices.Contains(people, s.by.Load().Email)": "events name people by their addresses of then; a new address is such an event, after which a stream has it",
	"signin/links.go: strings.Contains(l.made.Email, \":\")":   "whether it is the name of who is no person",
	"access/people.go: p.email = $1":                           "who has an address now",
	"access/put.go: email = $2":                                "likewise",
	"access/put.go: email = $1":                                "who has an address now; the person is locked or changed by the id that this finds",
	"access/identity.go: email = $1":                           "who has or had an address",
	"signin/accounts.go: p.email = $1":                         "people sign in by their address of now",
	"signin/token.go: p.email = $6":                            "an administrator lists the tokens of who has an address now",
	"api/idempotency.go: actor = $1":                           "it is the key of who acted, which is the id of a person",
	"api/idempotency.go: actor = $5":                           "likewise",
	"apply/plan.go: slices.ContainsFunc(listed.Members, func(m string) bool { return strings.EqualFold(m, w.Name) })": "files name people by address; what two of them say is compared",
	"catalog/catalog.go: owner = $5":            "the owner of an app is a group",
	"catalog/owned.go: owner = $1":              "likewise",
	"signin/links.go: p.DisplayName != p.Email": "whether there is a name to show",
	"apply/export.go: p.DisplayName != p.Email": "likewise",
	"audit/read.go: e.actor = ?":                "events that carry no id, which are found by the name that they have",
}

// names are the members that hold the address of a person, and columns those of the database.
var (
	names   = []string{"Email", "Requester", "MadeBy", "By", "KilledBy", "CreatedBy", "Actor", "As", "InvitedBy", "Members", "Eligible", "Editors"}
	written = regexp.MustCompile(`(?s)\bSET\b.*?(\bWHERE\b|$)`) // what is written is not compared
	columns = regexp.MustCompile(`\b(?:\w\.)?(?:email|requester|person|made_by|killed_by|actor|created_by|owner)\s*(?:=|<>|IN)\s*(?:\$\d+|\(|\?)`)
)

func TestNobodyIsToldApartByAddress(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		text := func(n ast.Node) string {
			return string(source[files.Position(n.Pos()).Offset:files.Position(n.End()).Offset])
		}
		place := strings.TrimPrefix(filepath.ToSlash(path), "../")
		ast.Inspect(file, func(n ast.Node) bool {
			for _, what := range comparisons(n, text) {
				found := place + ": " + what
				if used[found] = true; compared[found] == "" {
					t.Errorf("%s: %s compares addresses: compare identities, or say in the table why this decides nothing", files.Position(n.Pos()), what)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for place := range compared {
		if !used[place] {
			t.Errorf("%s is nowhere any more", place)
		}
	}
}

// comparisons are those of addresses that a node makes by itself.
func comparisons(n ast.Node, text func(ast.Node) string) []string {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if (n.Op == token.EQL || n.Op == token.NEQ) && (address(n.X) || address(n.Y)) && !constant(n.X) && !constant(n.Y) {
			return []string{text(n)}
		}
	case *ast.CallExpr:
		if called, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) == 2 && strings.HasPrefix(called.Sel.Name, "Contains") &&
			(address(n.Args[0]) || address(n.Args[1])) {
			return []string{text(n)}
		}
	case *ast.BasicLit:
		if n.Kind == token.STRING {
			return columns.FindAllString(written.ReplaceAllString(n.Value, ""), -1)
		}
	}
	return nil
}

func address(e ast.Expr) bool {
	member, ok := e.(*ast.SelectorExpr)
	return ok && slices.Contains(names, member.Sel.Name)
}

func constant(e ast.Expr) bool {
	if name, ok := e.(*ast.Ident); ok {
		return name.Name == "nil"
	}
	literal, ok := e.(*ast.BasicLit)
	return ok && literal.Kind == token.STRING
}

func TestTheTableOfComparisonsFindsEachKind(t *testing.T) {
	t.Parallel()
	for i, source := range []string{
		`a.Email == b.Email`, `by != a.Requester`, `slices.Contains(g.Members, by)`, `slices.Contains(people, a.Email)`,
		"q(`SELECT x FROM y WHERE person = $1`)", "q(`r.requester <> ?`)", "q(`owner IN ($1, $2)`)",
	} {
		e, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		ast.Inspect(e, func(n ast.Node) bool {
			count += len(comparisons(n, func(ast.Node) string { return strconv.Itoa(i) }))
			return true
		})
		if count == 0 {
			t.Errorf("%s is not found", source)
		}
	}
}
