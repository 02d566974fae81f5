package demo

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// TestTheCompanyExportedAndAppliedElsewhereIsTheSameCompany approves there what the apply asks for.
func TestTheCompanyExportedAndAppliedElsewhereIsTheSameCompany(t *testing.T) {
	t.Parallel()
	from, _ := open(t)
	first, err := from.Apply.Export(t.Context(), access.System("test"))
	if err != nil {
		t.Fatal(err)
	}
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		to := newStory(storetest.Open(t, engine), today)
		if err := to.Library.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
		plan, err := to.Apply.Apply(t.Context(), access.Local("ops"), first.Documents, apply.Options{})
		if err != nil {
			t.Fatal(told("apply the export", err))
		}
		asked := 0
		for _, step := range plan.Steps {
			for _, id := range step.Requests {
				request, err := to.Desk.Get(t.Context(), access.System("test"), id)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := to.approve(t.Context(), request); err != nil {
					t.Fatalf("%s: %v", step.Name, err)
				}
				asked++
			}
		}
		if want := plan.Count(apply.Ask); asked != want || asked < 8 {
			t.Errorf("%d requests for %d apps", asked, want)
		}
		second, err := to.Apply.Export(t.Context(), access.System("test"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("the company is another (-first +second):\n%s", diff)
		}
	})
}
