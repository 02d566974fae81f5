package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// What a comparison says when it is turned around (180 >= x), and when it is negated (not x > 180).
var (
	mirrored = map[string]string{"lt": "gt", "lte": "gte", "gt": "lt", "gte": "lte", "equal": "equal", "eq": "eq", "neq": "neq"}
	inverted = map[string]string{"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt", "equal": "neq", "eq": "neq", "neq": "equal"}
)

// compared explains a comparison, or a test that can be told as one, of an input against a limit.
func (x *explainer) compared(ctx context.Context, before []*ast.Expr, expr *ast.Expr, at int) (reason, bool) {
	if !expr.IsCall() || len(expr.Operands()) != 2 {
		return reason{}, false
	}
	op, left, right := expr.Operator().String(), expr.Operand(0), expr.Operand(1)
	if op == ast.RegexMatch.Name || op == ast.RegexMatchDeprecated.Name { // the pattern comes first
		left, right = right, left
	}
	path, measure := x.subject(before, left)
	if other, ok := mirrored[op]; ok && path == nil {
		path, measure = x.subject(before, right)
		op, left, right = other, right, left
	}
	if path == nil {
		return reason{}, false
	}
	if expr.Negated {
		other, ok := inverted[op]
		if !ok {
			return x.test(ctx, before, op, path, right, true, at)
		}
		op = other
	}
	limit, known := x.evaluate(ctx, before, right)
	if !known {
		return reason{}, false
	}
	value, there := x.evaluate(ctx, before, left)
	must, fix, mend := demand(op, limit)
	if must == "" {
		return x.test(ctx, before, op, path, right, false, at)
	}
	name := nameOfPath(path)
	r := reason{field: strings.Join(path, "."), line: at}
	subject := name
	if measure {
		subject, mend = "the length of "+name, nil
	}
	r.words = fmt.Sprintf("%s must %s", subject, must)
	r.fix = fmt.Sprintf("Set %s to %s", subject, fix)
	switch {
	case op == "neq" && told(limit) == "empty":
		r.fix = "Fill in " + name
	case op == "neq":
		r.fix = "Choose another value than " + told(limit) + " for " + name
	case !there:
		r.words += ", is missing"
	default:
		r.words += ", is " + told(value)
	}
	if mend != nil {
		r.patch = patch(path, mend)
	}
	return r, true
}

// subject gives the path of the input that a term is, or whose length it counts.
func (x *explainer) subject(before []*ast.Expr, term *ast.Term) (path []string, measure bool) {
	if path := x.path(before, term); path != nil {
		return path, false
	}
	if name, ok := term.Value.(ast.Var); ok {
		if bound := binding(before, name); bound != nil {
			term = bound
		}
	}
	if call, ok := term.Value.(ast.Call); ok && len(call) == 2 && call[0].String() == ast.Count.Name {
		return x.path(before, call[1]), true
	}
	return nil, false
}

// demand tells what an operator asks for, how to meet it, and a value that does.
func demand(op string, limit any) (must, fix string, mend any) {
	words := told(limit)
	switch op {
	case "lte":
		return "be at most " + words, words + " or less", limit
	case "gte":
		return "be at least " + words, words + " or more", limit
	case "lt":
		return "be less than " + words, "less than " + words, next(limit, -1)
	case "gt":
		return "be more than " + words, "more than " + words, next(limit, 1)
	case "equal", "eq":
		if _, structured := limit.([]any); structured {
			return "", "", nil
		}
		return "be " + words, words, limit
	case "neq":
		return "not be " + words, "", nil
	}
	return "", "", nil
}

// next gives the whole number beside a limit that may not be reached.
func next(limit any, step int64) any {
	if number, ok := limit.(json.Number); ok {
		if n, err := number.Int64(); err == nil {
			return json.Number(strconv.FormatInt(n+step, 10))
		}
	}
	return nil
}

// tests are functions that judge an input by a pattern or a list.
var tests = map[string]string{
	"internal.member_2": "be one of %s", "startswith": "begin with %s", "endswith": "end with %s", "contains": "contain %s",
	"regex.match": "match %s", "re_match": "match %s",
}

func (x *explainer) test(ctx context.Context, before []*ast.Expr, op string, path []string, argument *ast.Term, negated bool, at int) (reason, bool) {
	words, ok := tests[op]
	limit, known := x.evaluate(ctx, before, argument)
	if !ok || !known {
		return reason{}, false
	}
	name, must := nameOfPath(path), "must "
	if negated {
		must = "must not "
	}
	list := told(limit)
	r := reason{field: strings.Join(path, "."), line: at, words: name + " " + must + fmt.Sprintf(words, list), fix: "Change " + name}
	if op == "internal.member_2" && !negated {
		r.fix = fmt.Sprintf("Set %s to one of %s", name, list)
		if values, ok := limit.([]any); ok && len(values) == 1 {
			r.patch = patch(path, values[0])
		}
	}
	if value, there := x.evaluateInput(ctx, path); there {
		r.words += ", is " + told(value)
	} else {
		r.words += ", is missing"
	}
	return r, true
}

// evaluateInput gives a member of the input.
func (x *explainer) evaluateInput(ctx context.Context, path []string) (any, bool) {
	ref := ast.Ref{ast.InputRootDocument}
	for _, part := range path {
		ref = append(ref, ast.StringTerm(part))
	}
	return x.evaluate(ctx, nil, ast.NewTerm(ref))
}
