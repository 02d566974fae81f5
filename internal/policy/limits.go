package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// limit is what a finding allows a number in the fields of a request to be, as far as its patch says that.
type limit struct {
	path  string // of the patch
	field string // name of the field
	most  float64
	upper bool // it may be no more than that; else no less
}

// limitOf reads the limit of a finding. It has none if its patch does not set a field that has another number now.
func limitOf(f fault.Finding, fields map[string]any) (l limit, ok bool) {
	if len(f.Patch) != 1 || f.Patch[0].Op == "remove" {
		return limit{}, false
	}
	name, ok := strings.CutPrefix(f.Patch[0].Path, "/fields/")
	if !ok {
		return limit{}, false
	}
	name = strings.NewReplacer("~1", "/", "~0", "~").Replace(name)
	most, ok := number(f.Patch[0].Value)
	is, there := number(fields[name])
	if !ok || !there || is == most {
		return limit{}, false
	}
	return limit{path: f.Patch[0].Path, field: name, most: most, upper: is > most}, true
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}

// stricter reports whether l leaves less than other does.
func (l limit) stricter(other limit) bool {
	if l.upper {
		return l.most < other.most
	}
	return l.most > other.most
}

// allows says how far one may go.
func (l limit) allows() string {
	words := map[bool]string{true: "at most ", false: "at least "}[l.upper]
	return words + strconv.FormatFloat(l.most, 'f', -1, 64)
}

// limited is a finding with its limit and where it stands.
type limited struct {
	limit
	fault.Finding
	check, at int
}

// compareLimited puts errors first, and of those as severe as each other the strictest.
func compareLimited(a, b limited) int {
	switch {
	case a.Severity != b.Severity && (a.Severity == fault.SeverityError || b.Severity == fault.SeverityInfo):
		return -1
	case a.Severity != b.Severity:
		return 1
	case a.stricter(b.limit):
		return -1
	case b.stricter(a.limit):
		return 1
	}
	return 0
}

// OneForEachField makes one finding, in each of the checks, of those that limit the same number in the fields of a request. Errors
// have the sentence of the strictest, and all have a patch that satisfies every one; a warning that is stricter than what is an error
// is told in the sentence. Limits that exclude each other stay as they are.
func OneForEachField(fields map[string]any, checks ...[]fault.Finding) [][]fault.Finding {
	groups := map[string][]limited{}
	for i, findings := range checks {
		for k, f := range findings {
			if l, ok := limitOf(f, fields); ok {
				groups[l.path] = append(groups[l.path], limited{l, f, i, k})
			}
		}
	}
	instead := map[[2]int]*fault.Finding{} // by check and place; nil: left out
	for _, group := range groups {
		if len(group) < 2 || slices.ContainsFunc(group, func(one limited) bool { return one.upper != group[0].upper }) {
			continue
		}
		slices.SortStableFunc(group, compareLimited)
		worst, least := group[0], group[0].limit
		for _, one := range group {
			if one.stricter(least) {
				least = one.limit
			}
		}
		if least.stricter(worst.limit) {
			worst.Message += fmt.Sprintf(", and %s to go without a warning", least.allows())
			worst.Remediation = fmt.Sprintf("Set %s to %s", least.field, least.allows())
		}
		said := map[int]bool{}
		for _, one := range group {
			place := [2]int{one.check, one.at}
			if said[one.check] {
				instead[place] = nil
				continue
			}
			said[one.check] = true
			f := one.Finding
			if f.Severity == worst.Severity {
				f.Message, f.Remediation = worst.Message, worst.Remediation
			}
			f.Patch = []fault.Patch{{Op: f.Patch[0].Op, Path: one.path, Value: least.most}}
			instead[place] = &f
		}
	}
	out := make([][]fault.Finding, len(checks))
	for i, findings := range checks {
		for k, f := range findings {
			switch one, changed := instead[[2]int{i, k}]; {
			case !changed:
				out[i] = append(out[i], f)
			case one != nil:
				out[i] = append(out[i], *one)
			}
		}
	}
	return out
}
