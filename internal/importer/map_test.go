package importer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
)

func TestAMapSaysWhoAnswersForEachFlag(t *testing.T) {
	t.Parallel()
	got, err := importer.ReadMap("\ufeffKey, owner,contact,ttl_days,tags,app,off_variant\r\na,team-lunch,\"a, b\",30,\"one,two three;four\",,\nb,,,,,where2eat,none\n")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]importer.Ownership{
		"a": {Owner: "team-lunch", Contact: "a, b", TTLDays: 30, Tags: []string{"one", "two", "three", "four"}},
		"b": {App: "where2eat", OffVariant: "none"},
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAMapThatCannotBeReadIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	for text, words := range map[string]string{
		"\n":                           "no first line",
		"owner\nx\n":                   "key is missing",
		"key,ownr\na,x\n":              `no column "ownr"`,
		"key,owner,owner\na,x,y\n":     "there twice",
		"key,owner\na\n":               "line 2",
		"key,owner\na,x\na,y\n":        "line 3",
		"key,owner\n,x\n":              "is empty",
		"key,ttl_days\na,soon\n":       `the TTL "soon"`,
		"key,ttl_days\na,0\n":          `the TTL "0"`,
		"key,ttl_days\na,3651\n":       `the TTL "3651"`,
		"key,owner\na,\"x\n":           "cannot be read",
		strings.Repeat("x", (1<<20)+1): "over 1 MB",
		"key\n" + strings.Repeat("k\n", importer.MaxFlags+1): "over 5000 lines",
	} {
		_, err := importer.ReadMap(text)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Field != "map" || f.Remediation == "" || !strings.Contains(f.Error(), words) {
			t.Errorf("%q: %v", fault.Clip(text, 60), err)
		}
	}
}
