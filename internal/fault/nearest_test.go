package fault

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearestFindsWhatWasMeant(t *testing.T) {
	t.Parallel()
	groups := []string{"team-lunch", "team-launch", "product", "security", "platform", "on-call", "pilot", "beta"}
	for word, want := range map[string][]string{
		"prodcut":       {"product"},                   // neighbours swapped
		"\tSecurity":    {"security"},                  // case and blanks
		"team-lnch":     {"team-lunch", "team-launch"}, // the nearest first
		"plat":          {"platform"},                  // the beginning
		"oncall":        {"on-call"},                   // a letter left out
		"betaa":         {"beta"},                      // a letter too many
		"":              {},
		"administrator": {},
	} {
		if got := Nearest(word, groups); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q: got %v, want %v", word, got, want)
		}
	}
	if got := Nearest("aaaa", []string{"aaab", "aaac", "aaad", "aaae"}); len(got) != 3 {
		t.Errorf("got %v, want three at most", got)
	}
}

func TestDistanceIsSymmetricAndZeroOnlyForEquals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SliceOfN(rapid.RuneFrom([]rune("abc")), 0, 8)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		there, back := distance(a, b, 10), distance(b, a, 10)
		if there != back || (there == 0) != (string(a) == string(b)) || there > max(len(a), len(b)) {
			t.Fatalf("%q to %q is %d, back %d", string(a), string(b), there, back)
		}
	})
}
