package measure_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/measure"
)

func TestPartsOfAReceiptAddUpAndTheSlowerCounts(t *testing.T) {
	t.Parallel()
	a := measure.Handed{Sent: 1, ConfirmedByHost: 2, InProcess: 1, Refetched: 3, Waiting: 4, Unreachable: 5, Reconnecting: 6, LastMS: 70}
	b := measure.Handed{Sent: 10, ConfirmedByHost: 20, InProcess: 10, Refetched: 30, Waiting: 40, Unreachable: 50, Reconnecting: 60, LastMS: 7}
	want := measure.Handed{Sent: 11, ConfirmedByHost: 22, InProcess: 11, Refetched: 33, Waiting: 44, Unreachable: 55, Reconnecting: 66, LastMS: 70}
	if diff := cmp.Diff(want, a.Plus(b)); diff != "" {
		t.Error(diff)
	}
}
