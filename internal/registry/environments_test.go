package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestTwoEnvironmentsAreNeverAtOnePosition(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }}
		put := func(name string, position int, version int64) error {
			_, err := r.PutEnvironment(t.Context(), access.Local("root"), registry.Environment{
				Name: name, Position: position, Tier: registry.TierTest, Version: version,
			})
			return err
		}
		if err := put("qa", 7, 0); err != nil {
			t.Fatal(err)
		}
		for name, version := range map[string]int64{"load": 0, "staging": 1} {
			if f, _ := errors.AsType[*fault.Error](put(name, 7, version)); f == nil || f.Code != "position_taken" {
				t.Errorf("%s at the place of qa: %v", name, f)
			}
		}
		if err := put("qa", 7, 1); err != nil {
			t.Errorf("it keeps its own: %v", err)
		}
	})
}
