package foreign

import (
	"encoding/json"
	"strings"
	"time"
)

func decode(text string, into any) error {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// unleashConstraints hold where all constraints of a strategy, or of a segment, hold.
func unleashConstraints(of object) (condition any, why string) {
	var all []any
	for _, c := range of.objects("constraints") {
		one, why := unleashConstraint(c)
		if why != "" {
			return nil, why
		}
		all = append(all, one)
	}
	return every(all...), ""
}

// unleashConstraint is a constraint as Unleash decides it: one on an attribute that is missing does not hold, unless it is inverted.
func unleashConstraint(c object) (condition any, why string) {
	name, operator := c.text("contextName"), c.text("operator")
	condition, why = unleashOperator(c, name, operator)
	if why != "" {
		return nil, why
	}
	if c.truth("inverted") {
		return not(condition), ""
	}
	return condition, ""
}

func unleashOperator(c object, name, operator string) (condition any, why string) {
	v, ok := unleashAttribute(name)
	if !ok {
		return nil, "flagd takes the dots of the attribute " + name + " for a path"
	}
	values := c.texts("values")
	value := c.text("value")
	if c.truth("caseInsensitive") && strings.HasPrefix(operator, "STR_") {
		return nil, "flagd's rules do not leave upper and lower case out of account"
	}
	each := func(one func(text string) any) any {
		all := make([]any, len(values))
		for i, text := range values {
			all[i] = one(text)
		}
		return some(all...)
	}
	number, isNumber := numberOf(value)
	switch operator {
	case "IN":
		return op("in", v, textsOf(values)), ""
	case "NOT_IN":
		return not(op("in", v, textsOf(values))), ""
	case "STR_STARTS_WITH":
		return every(present(v), each(func(text string) any { return op("starts_with", v, text) })), ""
	case "STR_ENDS_WITH":
		return every(present(v), each(func(text string) any { return op("ends_with", v, text) })), ""
	case "STR_CONTAINS":
		return every(present(v), each(func(text string) any { return op("in", text, v) })), ""
	case "NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE":
		if !isNumber {
			return nil, "it compares with " + value + ", which is no number"
		}
		return compared(v, map[string]string{"NUM_EQ": "==", "NUM_GT": ">", "NUM_GTE": ">=", "NUM_LT": "<", "NUM_LTE": "<="}[operator], number), ""
	case "SEMVER_EQ", "SEMVER_GT", "SEMVER_LT":
		return every(present(v), op("sem_ver", v, map[string]string{"SEMVER_EQ": "=", "SEMVER_GT": ">", "SEMVER_LT": "<"}[operator], value)), ""
	case "DATE_AFTER", "DATE_BEFORE":
		at, err := time.Parse(time.RFC3339, value)
		if name != "currentTime" || err != nil {
			return nil, "it compares the time in " + name + ", and flagd's rules compare only that of the evaluation"
		}
		return op(map[string]string{"DATE_AFTER": ">", "DATE_BEFORE": "<"}[operator], now, at.Unix()), ""
	}
	return nil, "nobody knows its operator " + operator
}
