package review

import (
	"reflect"
	"strings"
	"testing"
)

func TestTheTableOfKindsHasExactlyTheKindsThatAContentMayName(t *testing.T) {
	t.Parallel()
	member, _ := reflect.TypeFor[Content]().FieldByName("Kind")
	var named []string
	for _, row := range kinds {
		named = append(named, string(row.kind))
		if s := row.kind.subject(); reflect.TypeOf(s) != reflect.TypeOf(row.make()) || s.title(Content{Kind: row.kind}) == "" {
			t.Errorf("%s is made as %T, titled %q", row.kind, s, s.title(Content{}))
		}
		for _, name := range row.make().takes() {
			if !strings.Contains(strings.Join(memberNames(), " "), name) {
				t.Errorf("%s takes %s, which is no member of a content", row.kind, name)
			}
		}
	}
	if got := strings.Join(named, ","); got != member.Tag.Get("enum") {
		t.Errorf("the table has %s, the enum of a content %s", got, member.Tag.Get("enum"))
	}
	if Kind("publish").known() {
		t.Error("a kind without a row is known")
	}
}
