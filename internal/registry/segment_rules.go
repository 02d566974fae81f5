package registry

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// SegmentRule compares one attribute of the context with values. A person whose app does not send the attribute is never
// in by a rule, whatever the operator: nobody gets something because nothing is known of them.
type SegmentRule struct {
	Attribute string   `json:"attribute" doc:"Attribute of the evaluation context, such as country or profile.department"`
	Operator  Operator `json:"operator" enum:"equals,not_equals,one_of,not_one_of,starts_with,ends_with,greater,less,is_true,is_false"`
	Values    []string `json:"values" doc:"What it is compared with: one number for greater and less, none for is_true and is_false, else one or several texts"`
}

// Operator is a closed set.
type Operator string

// The operators.
const (
	Equals     Operator = "equals"
	NotEquals  Operator = "not_equals"
	OneOf      Operator = "one_of"
	NotOneOf   Operator = "not_one_of"
	StartsWith Operator = "starts_with"
	EndsWith   Operator = "ends_with"
	Greater    Operator = "greater"
	Less       Operator = "less"
	IsTrue     Operator = "is_true"
	IsFalse    Operator = "is_false"
)

// Limits of the rules of a segment.
const (
	rulesLimit     = 50
	valuesLimit    = 500
	valueLimit     = 200 // bytes
	attributeLimit = 100
)

// attributeShape keeps attributes addressable as paths. What begins with $flagd is flagd's own.
var attributeShape = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$`)

func (r SegmentRule) check(at string) error {
	switch {
	case r.Attribute == "":
		return fault.New(fault.Invalid, "no_attribute", "a rule names no attribute").At(at + ".attribute").
			Fix("name an attribute that apps send, such as country")
	case len(r.Attribute) > attributeLimit || !attributeShape.MatchString(r.Attribute):
		return fault.New(fault.Invalid, "bad_attribute", "%q cannot be the name of an attribute", fault.Clip(r.Attribute, 80)).At(at + ".attribute").
			Fix("use letters, digits, underscores and hyphens, with dots between the parts")
	case len(r.Values) > valuesLimit:
		return fault.New(fault.Invalid, "too_many_values", "a rule has at most %d values, not %d", valuesLimit, len(r.Values)).At(at + ".values").
			Fix("make a group of the people, and list the group")
	}
	for _, value := range r.Values {
		if len(value) > valueLimit {
			return fault.New(fault.Invalid, "value_too_long", "a value has at most %d bytes", valueLimit).At(at + ".values").Fix("shorten it")
		}
		if err := store.CheckText(at+".values", value); err != nil {
			return err
		}
	}
	wrong := func(code, format string, args ...any) *fault.Error {
		return fault.New(fault.Invalid, code, format, args...).At(at + ".values")
	}
	switch r.Operator {
	case Equals, NotEquals:
		if len(r.Values) != 1 {
			return wrong("one_value", "%s compares with one value", r.words()).Fix("give one value, or choose “is one of”")
		}
	case OneOf, NotOneOf, StartsWith, EndsWith:
		if len(r.Values) == 0 {
			return wrong("no_value", "%s compares with at least one value", r.words()).Fix("give a value")
		}
	case Greater, Less:
		if len(r.Values) != 1 {
			return wrong("one_value", "%s compares with one number", r.words()).Fix("give one number")
		}
		if _, ok := numeric(r.Values[0]); !ok {
			return wrong("not_a_number", "%q is not a number", r.Values[0]).Fix("give a number, such as 18 or 0.5")
		}
	case IsTrue, IsFalse:
		if len(r.Values) > 0 {
			return wrong("no_values", "%s compares with nothing", r.words()).Fix("leave the values out")
		}
	default:
		known := make([]string, len(operators))
		for i, o := range operators {
			known[i] = string(o)
		}
		return fault.New(fault.Invalid, "unknown_operator", "there is no operator %q", fault.Clip(string(r.Operator), 80)).At(at+".operator").
			Fix("%s", fault.Meant(string(r.Operator), known, "use "+strings.Join(known, ", ")))
	}
	return nil
}

var operators = []Operator{Equals, NotEquals, OneOf, NotOneOf, StartsWith, EndsWith, Greater, Less, IsTrue, IsFalse}

func (r SegmentRule) words() string { return strings.ReplaceAll(string(r.Operator), "_", " ") }

// numeric reads a number as people write it.
func numeric(text string) (float64, bool) {
	if strings.ContainsAny(text, "_xXpPiInN") { // more than JSON writes, which Go takes
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !math.IsInf(n, 0)
}

type logic = map[string]any

// evaluator gives the rule of a segment for $evaluators. A segment of nobody is a rule that is false for everybody.
func evaluator(s Segment) any {
	if s.Everybody {
		return logic{"!": []any{false}}
	}
	var ways []any
	for _, group := range s.Groups {
		ways = append(ways, logic{"in": []any{group, logic{"var": "groups"}}})
	}
	if len(s.People) > 0 || len(ways)+len(s.Rules) == 0 {
		people := s.People
		if people == nil {
			people = []string{}
		}
		ways = append(ways, logic{"in": []any{logic{"var": "targetingKey"}, people}})
	}
	rules := make([]any, len(s.Rules))
	for i, rule := range s.Rules {
		rules[i] = rule.logic()
	}
	switch {
	case len(rules) == 0:
	case s.Match == MatchAny:
		ways = append(ways, rules...)
	default:
		ways = append(ways, joined("and", rules))
	}
	return joined("or", ways)
}

func joined(op string, rules []any) any {
	if len(rules) == 1 {
		return rules[0]
	}
	return logic{op: rules}
}

// logic gives the rule in JSON Logic. Values are texts; where one is a number, an attribute that is a number matches too.
func (r SegmentRule) logic() any {
	attribute := logic{"var": r.Attribute}
	known := logic{"!==": []any{attribute, nil}} // flagd's JavaScript engine finds that 0 == null
	each := func(op string) any {
		rules := make([]any, len(r.Values))
		for i, value := range r.Values {
			rules[i] = logic{op: []any{attribute, value}}
		}
		return joined("or", rules)
	}
	member := func() any {
		var numbers []any
		for _, value := range r.Values {
			if n, ok := numeric(value); ok {
				numbers = append(numbers, n)
			}
		}
		in := []any{logic{"in": []any{attribute, r.Values}}}
		if len(numbers) > 0 {
			in = append(in, logic{"in": []any{attribute, numbers}})
		}
		return joined("or", in)
	}
	switch r.Operator {
	case Equals, OneOf:
		return member()
	case NotEquals, NotOneOf:
		return logic{"and": []any{known, logic{"!": []any{member()}}}}
	case StartsWith:
		return each("starts_with")
	case EndsWith:
		return each("ends_with")
	case Greater, Less:
		n, _ := numeric(slices.Concat(r.Values, []string{""})[0])
		op := map[Operator]string{Greater: ">", Less: "<"}[r.Operator]
		return logic{"and": []any{known, logic{op: []any{attribute, n}}}}
	case IsTrue:
		return logic{"===": []any{attribute, true}}
	case IsFalse:
		return logic{"===": []any{attribute, false}}
	}
	return logic{"!": []any{true}} // no such operator passes the check
}

// Words tells the rule as people say it, such as "country is one of DE, AT".
func (r SegmentRule) Words() string {
	is := map[Operator]string{
		Equals: "is", NotEquals: "is not", OneOf: "is one of", NotOneOf: "is none of", StartsWith: "begins with", EndsWith: "ends with",
		Greater: "is more than", Less: "is less than", IsTrue: "is true", IsFalse: "is false",
	}[r.Operator]
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Attribute, is, strings.Join(r.Values, ", ")))
}

// Logic gives the segment in JSON Logic, as SDKs get it.
func (s Segment) Logic() any { return evaluator(s) }

// Words tells in one sentence who is in the segment.
func (s Segment) Words() string {
	if s.Everybody {
		return "Everybody"
	}
	var ways []string
	switch len(s.Groups) {
	case 0:
	case 1:
		ways = append(ways, "members of "+s.Groups[0])
	default:
		ways = append(ways, "members of any of "+strings.Join(s.Groups, ", "))
	}
	switch len(s.People) {
	case 0:
	case 1:
		ways = append(ways, s.People[0])
	default:
		ways = append(ways, fmt.Sprintf("%d people by name", len(s.People)))
	}
	rules := make([]string, len(s.Rules))
	for i, rule := range s.Rules {
		rules[i] = rule.Words()
	}
	if len(rules) > 0 {
		glue := " and "
		if s.Match == MatchAny {
			glue = " or "
		}
		ways = append(ways, "those whose "+strings.Join(rules, glue))
	}
	if len(ways) == 0 {
		return "Nobody yet"
	}
	words := strings.Join(ways, ", and ")
	return strings.ToUpper(words[:1]) + words[1:]
}
