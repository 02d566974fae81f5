package review

import (
	"reflect"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/importer"
	"github.com/soukhq/souk/internal/registry"
)

func TestTheSumOfAQuestionCoversWhatItsAnswerRestsOnAndNotTheTime(t *testing.T) {
	t.Parallel()
	sum := func(q question) string {
		t.Helper()
		text, err := q.sum()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	base := func() question {
		return question{content: Content{Kind: ChangeFlag, FlagKey: "a.b"}, facts: Facts{subject: &changingFlag{}}}
	}
	first, seen := sum(base()), map[string]string{}
	for name, change := range map[string]func(q *question){
		"content":      func(q *question) { q.content.Reason = "x" },
		"approval":     func(q *question) { q.approval = map[string]any{"by": "pat"} },
		"requester":    func(q *question) { q.facts.Requester.Groups = []access.Membership{{Group: "g"}} },
		"authors":      func(q *question) { q.facts.Authors = []Author{author("a")} },
		"people":       func(q *question) { q.facts.People = []string{"a"} },
		"approvers":    func(q *question) { q.facts.Approvers = []access.Group{{Members: []string{"a"}}} },
		"environments": func(q *question) { q.facts.Environments = []registry.Environment{{Governed: true}} },
		"rules":        func(q *question) { q.facts.Rules.MaxActiveDays = 1 },
		"flag":         func(q *question) { q.facts.subject.about().Flag = &registry.Flag{Revision: 1} },
		"app":          func(q *question) { q.facts.subject.about().App = &catalog.App{Revision: 1} },
		"audience":     func(q *question) { q.facts.subject.(*changingFlag).Audience.People = 1 },
	} {
		q := base()
		change(&q)
		if s := sum(q); s == first || seen[s] != "" {
			t.Errorf("%s does not count (as %q)", name, seen[s])
		} else {
			seen[s] = name
		}
	}
	q := base()
	q.facts.Now = time.Unix(1, 0)
	if sum(q) != first {
		t.Error("the time counts")
	}
}

// What encodes to nothing would not count.
func TestNoFactIsLeftOutOfTheSum(t *testing.T) {
	t.Parallel()
	var look func(name string, of reflect.Type)
	look = func(name string, of reflect.Type) {
		for i := range of.NumField() {
			member := of.Field(i)
			if member.Anonymous {
				look(name, member.Type)
				continue
			}
			if member.Type == reflect.TypeFor[*importer.Reader]() { // how a document is read, and not what it says
				continue
			}
			if !member.IsExported() || member.Tag.Get("json") == "-" {
				t.Errorf("%s of %s does not count", member.Name, name)
			}
		}
	}
	look("World", reflect.TypeFor[World]())
	for _, row := range kinds {
		look(string(row.kind), reflect.TypeOf(row.make()).Elem())
	}
}
