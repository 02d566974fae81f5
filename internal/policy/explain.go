package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/soukhq/souk/internal/fault"
)

// An allow says only yes or no. To tell a publisher what is wrong, the expressions of each of its bodies are evaluated one
// by one, with all before them, until one fails; that one names the field, the operator and the limit.

// explainer explains why the rules of one policy do not hold for one input.
type explainer struct {
	set     *Set
	module  Module
	input   ast.Value
	aliases map[ast.Var]ast.Ref // import input.fields as f
}

// reason is one expression that fails, in words.
type reason struct {
	field string // path, such as fields.ttl_days; empty: no input is to blame
	words string // such as "ttl_days must be at most 180, is 200"
	fix   string
	patch []fault.Patch
	line  int
}

// maxAlternatives bounds the bodies that are told, maxNesting the rules that call one another.
const (
	maxAlternatives = 4
	maxNesting      = 5
)

func (s *Set) explainer(m Module, input ast.Value) *explainer {
	x := &explainer{set: s, module: m, input: input, aliases: map[ast.Var]ast.Ref{}}
	for _, imported := range m.parsed.Imports {
		if ref, ok := imported.Path.Value.(ast.Ref); ok && ref.HasPrefix(ast.InputRootRef) {
			x.aliases[imported.Name()] = ref
		}
	}
	return x
}

func (s *Set) explain(ctx context.Context, m Module, input ast.Value) fault.Finding {
	x := s.explainer(m, input)
	reasons := x.rules(ctx, "allow", 0)
	if ctx.Err() != nil {
		reasons = nil // what was not evaluated any more looks like what failed
	}
	out := fault.Finding{Severity: fault.SeverityError, Code: m.Name}
	worded := slices.DeleteFunc(slices.Clone(reasons), func(r reason) bool { return r.words == "" })
	switch {
	case len(worded) == 0 || len(worded) < len(reasons):
		at := 1
		for _, r := range reasons {
			at, out.Field = r.line, cmp.Or(out.Field, r.field)
		}
		out.Message = fmt.Sprintf("The policy %s does not allow this (line %d)", m.Name, at)
		out.Remediation = "Change it, or " + whomToAsk(m)
	case len(worded) == 1:
		r := worded[0]
		out.Field, out.Message, out.Remediation, out.Patch = r.field, r.words, r.fix, r.patch
	default:
		var words, fixes []string
		for _, r := range worded[:min(len(worded), maxAlternatives)] {
			words, fixes = append(words, r.words), append(fixes, r.fix)
		}
		out.Field = worded[0].field
		out.Message = "One of these must hold: " + strings.Join(words, "; or ")
		out.Remediation = strings.Join(fixes, ", or ")
	}
	out.Message, out.Remediation = clean(out.Message, 500), clean(out.Remediation, 500)
	return out
}

// rules gives a reason for each body of the rules of that name: they are alternatives.
func (x *explainer) rules(ctx context.Context, name string, depth int) []reason {
	var reasons []reason
	for _, rule := range rulesOf(x.module.parsed, name) {
		for ; rule != nil; rule = rule.Else {
			if rule.Default {
				continue
			}
			for _, r := range x.body(ctx, rule, depth) {
				if !slices.ContainsFunc(reasons, func(other reason) bool { return other.words == r.words && other.field == r.field }) {
					reasons = append(reasons, r)
				}
			}
		}
	}
	return reasons
}

// conditions gives what must hold for a rule to give true: its body and, where the value hangs on a condition too, that.
func (x *explainer) conditions(rule *ast.Rule) []*ast.Expr {
	body := slices.Clone([]*ast.Expr(rule.Body))
	if rule.Head.Value == nil {
		return body
	}
	// allow := input.fields.ttl_days <= 180 has its condition in the head.
	if call, ok := rule.Head.Value.Value.(ast.Call); ok {
		expr := ast.NewExpr([]*ast.Term(call))
		expr.Location = rule.Head.Location
		return append(body, expr)
	}
	if _, isRef := rule.Head.Value.Value.(ast.Ref); isRef {
		expr := ast.NewExpr(rule.Head.Value)
		expr.Location = rule.Head.Location
		return append(body, expr)
	}
	return body
}

func (x *explainer) body(ctx context.Context, rule *ast.Rule, depth int) []reason {
	switch value := rule.Head.Value.Value.(type) {
	case ast.Boolean:
		if !bool(value) {
			return nil // a body that says no when it holds
		}
	case ast.Call, ast.Ref:
	default:
		return nil
	}
	body := x.conditions(rule)
	for k := range body {
		if _, holds := x.evaluate(ctx, body[:k+1], nil); holds {
			continue
		}
		return x.failed(ctx, body[:k], body[k], depth)
	}
	return nil
}

// evaluate tells whether all expressions hold and, where a term is given, its value after them.
func (x *explainer) evaluate(ctx context.Context, exprs []*ast.Expr, term *ast.Term) (any, bool) {
	const result = "souk_value"
	body := ast.Body{}
	for _, expr := range exprs {
		body.Append(expr.Copy())
	}
	if term != nil {
		body.Append(ast.Assign.Expr(ast.VarTerm(result), term.Copy()))
	}
	bounded, cancel := context.WithTimeout(ctx, ruleTime)
	defer cancel()
	results, err := rego.New(rego.Compiler(x.set.compiler), rego.Store(x.set.store), rego.GenerateJSON(boundedJSON), rego.ParsedPackage(x.module.parsed.Package),
		rego.ParsedImports(x.module.parsed.Imports), rego.ParsedQuery(body), rego.ParsedInput(x.input)).Eval(bounded)
	if err != nil {
		return nil, false
	}
	// A query gives the values of its expressions, false ones too: only a result without a false one holds.
	for _, r := range results {
		if !slices.ContainsFunc(r.Expressions, func(e *rego.ExpressionValue) bool { return e.Value == false }) {
			return r.Bindings[result], true
		}
	}
	return nil, false
}

// failed tells why expr does not hold after the expressions before it.
func (x *explainer) failed(ctx context.Context, before []*ast.Expr, expr *ast.Expr, depth int) []reason {
	at := 1
	if expr.Location != nil {
		at = expr.Location.Row
	}
	if term, ok := expr.Terms.(*ast.Term); ok {
		if name, ok := x.localRule(term); ok && depth < maxNesting {
			if expr.Negated {
				return []reason{x.denied(ctx, name, at)}
			}
			if reasons := x.rules(ctx, name, depth+1); len(reasons) > 0 {
				return reasons
			}
		}
		if path := x.path(before, term); path != nil {
			return []reason{x.bare(ctx, before, path, term, expr.Negated, at)}
		}
	}
	if r, ok := x.compared(ctx, before, expr, at); ok {
		return []reason{r}
	}
	return []reason{{field: x.anyInput(before, expr), line: at}}
}

// localRule names the rule of the same module that a term refers to.
func (x *explainer) localRule(term *ast.Term) (string, bool) {
	var name string
	switch value := term.Value.(type) {
	case ast.Var:
		name = string(value)
	case ast.Ref:
		if head, ok := value[0].Value.(ast.Var); ok && len(value) == 1 {
			name = string(head)
		}
	}
	return name, name != "" && len(rulesOf(x.module.parsed, name)) > 0
}

// denied explains "not name": the rule holds and should not. It has words where the rule is one comparison.
func (x *explainer) denied(ctx context.Context, name string, at int) reason {
	rules := rulesOf(x.module.parsed, name)
	if len(rules) == 1 && len(rules[0].Body) == 1 && !rules[0].Body[0].Negated {
		inverse := rules[0].Body[0].Copy()
		inverse.Negated = true
		if r, ok := x.compared(ctx, nil, inverse, at); ok {
			return r
		}
	}
	r := reason{line: at}
	for _, rule := range rules {
		for _, expr := range rule.Body {
			r.field = cmp.Or(r.field, x.anyInput(rule.Body, expr))
		}
	}
	return r
}

// bare explains an expression that is nothing but an input: it must be there and true.
func (x *explainer) bare(ctx context.Context, before []*ast.Expr, path []string, term *ast.Term, negated bool, at int) reason {
	name := nameOfPath(path)
	value, there := x.evaluate(ctx, before, term)
	r := reason{field: strings.Join(path, "."), line: at}
	_, boolean := value.(bool)
	switch {
	case negated && boolean:
		r.words, r.fix, r.patch = name+" must not be true", "Set "+name+" to false", patch(path, false)
	case negated:
		r.words, r.fix = name+" must not be given", "Leave "+name+" out"
	case there && boolean:
		r.words, r.fix, r.patch = name+" must be true, is false", "Set "+name+" to true", patch(path, true)
	default:
		r.words, r.fix = name+" is missing", "Fill in "+name
	}
	return r
}

// path gives the members of an input reference, such as [fields ttl_days], through local variables and imports.
func (x *explainer) path(before []*ast.Expr, term *ast.Term) []string {
	var ref ast.Ref
	switch value := term.Value.(type) {
	case ast.Ref:
		ref = value
	case ast.Var:
		ref = ast.Ref{term}
	default:
		return nil
	}
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return nil
	}
	if alias, ok := x.aliases[head]; ok {
		ref = alias.Concat(ref[1:])
	} else if head != "input" {
		bound := binding(before, head)
		if bound == nil {
			bound = x.constant(head)
		}
		if bound == nil {
			return nil
		}
		inner := x.path(before[:max(0, len(before)-1)], bound)
		if inner == nil {
			return nil
		}
		return appendStrings(inner, ref[1:])
	}
	return appendStrings(nil, ref[1:])
}

// constant gives the value of a local rule that is nothing but a value, such as ttl := input.fields.ttl_days.
func (x *explainer) constant(name ast.Var) *ast.Term {
	rules := rulesOf(x.module.parsed, string(name))
	if len(rules) != 1 || rules[0].Default {
		return nil
	}
	value := rules[0].Head.Value
	if value == nil {
		return nil
	}
	if _, ok := value.Value.(ast.Ref); !ok {
		return nil
	}
	return value
}

func appendStrings(path []string, ref ast.Ref) []string {
	path = slices.Clone(path)
	for _, term := range ref {
		text, ok := term.Value.(ast.String)
		if !ok {
			return nil
		}
		path = append(path, string(text))
	}
	if len(path) == 0 {
		return nil
	}
	return path
}

// binding finds what a variable was assigned before.
func binding(before []*ast.Expr, name ast.Var) *ast.Term {
	for _, expr := range before {
		if !expr.IsCall() || len(expr.Operands()) != 2 {
			continue
		}
		if op := expr.Operator().String(); op != ast.Assign.Name && op != ast.Equality.Name {
			continue
		}
		if left, ok := expr.Operand(0).Value.(ast.Var); ok && left == name {
			return expr.Operand(1)
		}
	}
	return nil
}

// anyInput gives the first input that an expression mentions.
func (x *explainer) anyInput(before []*ast.Expr, expr *ast.Expr) (field string) {
	ast.WalkTerms(expr, func(term *ast.Term) bool {
		if field == "" {
			if path := x.path(before, term); path != nil {
				field = strings.Join(path, ".")
			}
		}
		return field != ""
	})
	return field
}

// nameOfPath is how a person knows the member: fields by their own names.
func nameOfPath(path []string) string {
	if len(path) > 1 && path[0] == "fields" {
		path = path[1:]
	}
	return strings.Join(path, ".")
}

// patch sets a field of the request; what is no field of the form is not for a machine to set.
func patch(path []string, value any) []fault.Patch {
	if len(path) != 2 || path[0] != "fields" {
		return nil
	}
	if n, ok := value.(json.Number); ok {
		if f, err := n.Float64(); err == nil {
			value = f
		}
	}
	return []fault.Patch{{Op: "add", Path: "/fields/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(path[1]), Value: value}}
}
