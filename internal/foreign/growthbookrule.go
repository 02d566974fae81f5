package foreign

import (
	"slices"
	"strings"
)

// maxConditionDepth bounds conditions within each other.
const maxConditionDepth = 50

// condition reads a condition in the query language that GrowthBook has from MongoDB: members that all hold.
func (g *gbFlag) condition(members map[string]any, depth int) (condition any, why string) {
	if depth > maxConditionDepth {
		return false, "its condition is too deep"
	}
	var all []any
	for _, name := range sortedKeys(members) {
		var one any
		switch name {
		case "$and", "$or", "$nor":
			one, why = g.several(name, members[name], depth)
		case "$not":
			inner, _ := members[name].(map[string]any)
			one, why = g.condition(inner, depth+1)
			one = not(one)
		default:
			one, why = g.member(name, members[name])
		}
		if why != "" {
			return false, why
		}
		all = append(all, one)
	}
	return every(all...), ""
}

func (g *gbFlag) several(name string, value any, depth int) (condition any, why string) {
	items, _ := value.([]any)
	var all []any
	for _, item := range items {
		inner, ok := item.(map[string]any)
		if !ok {
			return false, "its condition is not as GrowthBook writes it"
		}
		one, why := g.condition(inner, depth+1)
		if why != "" {
			return false, why
		}
		all = append(all, one)
	}
	switch {
	case name == "$and":
		return every(all...), ""
	case name == "$nor":
		return not(some(all...)), ""
	case len(all) == 0:
		return true, "" // as GrowthBook has it
	}
	return some(all...), ""
}

// member is what a condition says of one attribute: a value, or operators that all hold.
func (g *gbFlag) member(path string, said any) (condition any, why string) {
	v := attribute(path)
	if path == "id" {
		v = targetingKey
	}
	operators, ok := said.(map[string]any)
	if !ok || len(operators) == 0 || !strings.HasPrefix(sortedKeys(operators)[0], "$") {
		if _, isList := said.([]any); ok || isList {
			return false, "it compares " + path + " with a list or an object"
		}
		return op("===", v, said), ""
	}
	condition = true
	for _, operator := range sortedKeys(operators) {
		one, why := g.operator(v, operator, operators[operator])
		if why != "" {
			return false, why
		}
		condition = every(condition, one)
	}
	return condition, ""
}

func (g *gbFlag) operator(v any, operator string, value any) (condition any, why string) {
	list, isList := value.([]any)
	plain := slices.ContainsFunc([]any{value}, func(x any) bool { _, isObject := x.(map[string]any); return !isObject && !isList })
	number, isNumber := numberOf(value)
	_, isText := value.(string)
	switch operator {
	case "$eq", "$ne":
		if plain {
			return op(map[string]string{"$eq": "===", "$ne": "!=="}[operator], v, value), ""
		}
	case "$lt", "$lte", "$gt", "$gte":
		if isNumber && !isText {
			return compared(v, map[string]string{"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">="}[operator], number), ""
		}
	case "$in":
		if isList {
			return op("in", v, list), ""
		}
	case "$nin":
		if isList {
			return not(op("in", v, list)), ""
		}
	case "$exists":
		exists, isBool := value.(bool)
		if isBool && exists {
			return present(v), ""
		}
		return not(present(v)), ""
	case "$veq", "$vne", "$vlt", "$vlte", "$vgt", "$vgte":
		if isText {
			as := map[string]string{"$veq": "=", "$vne": "!=", "$vlt": "<", "$vlte": "<=", "$vgt": ">", "$vgte": ">="}[operator]
			return every(present(v), op("sem_ver", v, as, value)), ""
		}
	case "$inGroup", "$notInGroup":
		name, _ := value.(string)
		group, ok := g.saved[name].([]any)
		if !ok {
			return false, "the document does not have the saved group " + name
		}
		if operator == "$inGroup" {
			return op("in", v, group), ""
		}
		return not(op("in", v, group)), ""
	case "$not":
		if inner, ok := value.(map[string]any); ok {
			condition := any(true)
			for _, name := range sortedKeys(inner) {
				one, why := g.operator(v, name, inner[name])
				if why != "" {
					return false, why
				}
				condition = every(condition, one)
			}
			return not(condition), ""
		}
	case "$regex":
		return false, "flagd's rules have no regular expressions"
	}
	return false, "its operator " + operator + " cannot be said"
}
