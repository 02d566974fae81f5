package lifecycle

import (
	"strings"
	"testing"
)

func TestWhatRulesAllowForLongerIsSaid(t *testing.T) {
	t.Parallel()
	before := Rules{MaxActiveDays: 90, DeprecatedGraceDays: 7, ReminderScheduleDays: []int{14, 7, 1}}
	for words, after := range map[string]Rules{
		"":                  {30, []int{30, 14, 7, 1}, 3},
		"91 days":           {91, []int{14, 7, 1}, 7},
		"8 days":            {90, []int{14, 7, 1}, 8},
		"reminded 2 times":  {90, []int{14, 7}, 7},
		"first reminded 13": {90, []int{13, 7, 1}, 7},
	} {
		if got := strings.Join(looserRules(before, after), "; "); (got == "") != (words == "") || !strings.Contains(got, words) {
			t.Errorf("%+v: %q", after, got)
		}
	}
}
