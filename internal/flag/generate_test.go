package flag_test

import "maps"

// generator makes rules and contexts for one that picks from 0 to n-1.
type generator struct {
	pick func(n int) int
}

func oneOf[T any](g generator, all ...T) T { return all[g.pick(len(all))] }

// context makes attributes of all types under the names that rules read.
func (g generator) context() map[string]any {
	all := map[string]any{}
	for _, name := range []string{"a", "b", "n", "s", "l", "o"} {
		if g.pick(5) > 0 {
			all[name] = g.data(2)
		}
	}
	if g.pick(3) > 0 {
		all["n"] = oneOf[any](g, 0.0, 1.0, 18.0, 2.5, -1.0, "1", "18")
	}
	if g.pick(3) > 0 {
		all["s"] = g.word()
	}
	if g.pick(3) > 0 {
		all["l"] = g.items(1)
	}
	if g.pick(3) > 0 {
		all["targetingKey"] = oneOf(g, "ann", "bob@x.example", "user-17", "Zoë", "日本", "😀 smile", "")
	}
	return all
}

func (g generator) word() string {
	return oneOf(g, "", "a", "b", "on", "off", "1", "18", "abc", "CH", "1.2.3", "v2.0", "1.2.3-rc.1", "a,b", "x y", "é😀", "0", " 2 ", "null", "true")
}

func (g generator) items(depth int) []any {
	items := []any{}
	for range g.pick(4) {
		items = append(items, g.data(depth))
	}
	return items
}

// data makes any JSON.
func (g generator) data(depth int) any {
	n := 9
	if depth == 0 {
		n = 7
	}
	switch g.pick(n) {
	case 0:
		return nil
	case 1:
		return g.pick(2) == 0
	case 2, 3:
		return oneOf(g, 0.0, 1.0, 2.0, -1.0, 1.5, 18.0, 1e21)
	case 7:
		return g.items(depth - 1)
	case 8:
		members := map[string]any{}
		for range g.pick(3) {
			members[oneOf(g, "x", "y", "z")] = g.data(depth - 1)
		}
		return members
	}
	return g.word()
}

// literal makes a constant that may stand in a rule.
func (g generator) literal() any {
	return oneOf[any](g, nil, true, false, 0.0, 1.0, 2.0, 18.0, -1.0, 1.5, g.word(), g.word(), g.word())
}

// name makes what var reads, inside so many list operators.
func (g generator) name(inside int) string {
	if inside > 0 && g.pick(4) > 0 {
		return oneOf(g, "", "", "x", "y", "x.y", "current", "accumulator", "current.x", "../index", "../../a", "../../l.0", "length", "../../../index")
	}
	return oneOf(g, "a", "b", "n", "s", "l", "o", "a", "n", "s", "o.x", "o.x.y", "l.0", "l.0.x", "s.length", "l.length", "gone", "targetingKey",
		"$flagd.flagKey", "$flagd.timestamp", "$flagd.other", "")
}

// rule makes a rule that nests up to depth. plain leaves out what the stock engine's generated code writes without the
// parentheses that it would need there.
func (g generator) rule(depth, inside int, plain bool) any {
	if depth == 0 || g.pick(12) == 0 {
		if g.pick(3) == 0 {
			return g.literal()
		}
		return map[string]any{"var": g.name(inside)}
	}
	some := func(from, to int) []any {
		args := []any{}
		for range from + g.pick(to-from+1) {
			args = append(args, g.rule(depth-1, inside, false))
		}
		return args
	}
	op := oneOf(g, "var", "if", "if", "?:", "==", "==", "===", "!=", "!==", "!", "!!", "<", "<=", ">", ">=", "max", "min", "+", "-", "*", "/", "%",
		"map", "filter", "reduce", "some", "none", "merge", "in", "in", "cat", "substr", "starts_with", "ends_with", "sem_ver", "fractional",
		"or", "and", "or", "and", "missing", "missing_some", "all", "list")
	if plain {
		switch op {
		case "or", "and", "missing", "missing_some", "all", "/":
			op = "=="
		}
	}
	args := []any{}
	switch op {
	case "in":
		args = append(some(1, 1), g.rule(depth-1, inside, true))
	case "var":
		args = append(args, g.name(inside))
		if g.pick(2) == 0 {
			args = append(args, g.rule(depth-1, inside, true))
		}
		if g.pick(8) == 0 {
			return map[string]any{"var": g.rule(depth-1, inside, true)}
		}
	case "list":
		return some(0, 3)
	case "if", "?:":
		args = some(1, 5)
	case "==", "===", "!=", "!==", "<", "<=", ">", ">=":
		args = some(2, 2+g.pick(2))
	case "!", "!!":
		args = some(0, 2)
	case "map", "filter", "some", "none", "all":
		args = append(args, g.list(depth-1, inside), g.rule(depth-1, inside+1, false))
	case "reduce":
		args = append(args, g.list(depth-1, inside), g.rule(depth-1, inside+1, false))
		if g.pick(3) == 0 {
			args[1] = map[string]any{oneOf(g, "+", "*"): []any{map[string]any{"var": "current"}, map[string]any{"var": "accumulator"}}}
		}
		if g.pick(4) > 0 {
			args = append(args, g.rule(depth-1, inside, false))
		}
	case "cat":
		for range 1 + g.pick(3) {
			args = append(args, g.rule(depth-1, inside, true))
		}
	case "substr":
		args = append(some(1, 1), oneOf[any](g, 0.0, 1.0, -1.0, -2.0), oneOf[any](g, 1.0, -1.0, 2.0, nil, g.rule(depth-1, inside, false)))
		args = args[:2+g.pick(2)]
	case "missing":
		for range g.pick(4) {
			args = append(args, g.name(inside))
		}
	case "missing_some":
		names := []any{}
		for range 1 + g.pick(3) {
			names = append(names, oneOf(g, "a", "b", "n", "o.x", "l.0"))
		}
		args = append(args, float64(g.pick(3)), names)
	case "sem_ver":
		args = append(some(1, 1), oneOf(g, "=", "!=", "<", "<=", ">", ">=", "^", "~", "?"), oneOf[any](g, "1.2.3", "v1", "2.0", 1.2, "x", g.rule(depth-1, inside, false)))
	case "fractional":
		if g.pick(2) == 0 {
			args = append(args, g.rule(depth-1, inside, false))
		}
		for range 1 + g.pick(3) {
			bucket := []any{oneOf[any](g, "on", "off", "a", g.rule(depth-1, inside, false))}
			if g.pick(4) > 0 {
				bucket = append(bucket, oneOf[any](g, 0.0, 1.0, 25.0, 50.0, -3.0, g.rule(depth-1, inside, false)))
			}
			args = append(args, bucket)
		}
	default:
		args = some(0, 3)
	}
	if len(args) == 1 && g.pick(3) == 0 {
		return map[string]any{op: args[0]}
	}
	return map[string]any{op: args}
}

// list makes a rule that often gives a list.
func (g generator) list(depth, inside int) any {
	switch g.pick(4) {
	case 0:
		return g.rule(depth, inside, true)
	case 1:
		return []any{g.literal(), g.literal(), map[string]any{"var": g.name(inside)}}
	}
	return map[string]any{"var": oneOf(g, "l", "l", "o", "a", "")}
}

// flagOf makes a flag of text variants with a rule.
func flagOf(rule any) map[string]any {
	return map[string]any{
		"state": "ENABLED", "defaultVariant": "off", "targeting": rule,
		"variants": maps.Clone(map[string]any{"on": "1", "off": "0", "a": "a", "b": "b", "true": "t", "false": "f", "1": "one", "18": "eighteen", "": "nothing"}),
	}
}
