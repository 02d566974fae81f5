package review_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// TestALongDiffOfAnImportBeginsWithWhatIsOnForEverybody brings more evaluators and flags that come first by their names than are shown.
func TestALongDiffOfAnImportBeginsWithWhatIsOnForEverybody(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		flag := func(key, rest string) string {
			return fmt.Sprintf(`%q: {"state": "ENABLED", "variants": {"on": true, "off": false}, %s}`, key, rest)
		}
		var flags, evaluators []string
		for i := range 130 {
			flags = append(flags, flag(fmt.Sprintf("a%d", i), `"defaultVariant": "off"`))
			evaluators = append(evaluators, fmt.Sprintf(`"e%d": {"==": [{"var": "plan"}, "x"]}`, i))
		}
		flags = append(flags, flag("m", `"defaultVariant": "off", "targeting": {"if": [{"==": [{"var": "plan"}, "x"]}, "on"]}`), flag("z", `"defaultVariant": "on"`))
		asked := o.imports(`{"flags": {` + strings.Join(flags, ",") + `}, "$evaluators": {` + strings.Join(evaluators, ",") + `}}`)
		var at []int
		for _, name := range []string{"production.flags.z", "production.$evaluators.e0", "production.flags.m", "production.flags.a0"} {
			at = append(at, slices.IndexFunc(asked.Diff, func(c review.Change) bool { return c.Path == name }))
		}
		if at[0] != 0 || !slices.IsSorted(at) {
			t.Errorf("they stand at %v of %d", at, len(asked.Diff))
		}
	})
}

func TestApproversSeeTheTimeThatAFlagGotElsewhere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		document := `{"flags": {"long": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}`
		_, err := o.desk.Import(o.Context(), o.as("root"), review.Content{
			Environment: "sandbox", Format: "flagd", Reason: "tried out", Document: document, Map: "key,ttl_days\nlong,3650\n",
		}, store.NewID(), false)
		if err != nil {
			t.Fatal(err)
		}
		asked := o.imports(document)
		if len(asked.Diff) != 1 || !strings.Contains(asked.Diff[0].Words, "its time") {
			t.Errorf("%+v", asked.Diff)
		}
	})
}
