package policy

import (
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// survey is what a module says and reads, as its text has it. It is made of a tree that nobody else has yet, since to walk through one
// sorts objects in it.
type survey struct {
	rules  []surveyed
	asked  map[string]bool // names that its rules mention, such as those of other rules
	inputs []place         // members of the input that it reads
	data   [][]string      // what it refers to of data, as far as that is constant
}

// surveyed is one rule of a module.
type surveyed struct {
	name   string
	line   int
	silent string // why nothing of it is heard though its name would be; empty if something may be
	breaks bool   // it says objects without msg
}

// place is a path, as far as it is constant, and where it stands.
type place struct {
	path []string
	line int
}

func surveyOf(m *ast.Module) *survey {
	s := &survey{asked: map[string]bool{}}
	shared := map[ast.Var]ast.Ref{}
	for _, imported := range m.Imports {
		if ref, ok := imported.Path.Value.(ast.Ref); ok {
			if ref.HasPrefix(ast.InputRootRef) {
				shared[imported.Name()] = ref
			}
			s.refer(ref)
		}
	}
	for _, rule := range m.Rules { // ttl := input.fields.ttl_days
		if ref, ok := refOf(rule.Head.Value); ok && !rule.Default && len(rule.Head.Args) == 0 && ref.HasPrefix(ast.InputRootRef) {
			shared[rule.Head.Name] = ref
		}
	}
	for _, rule := range m.Rules {
		s.rules = append(s.rules, surveyed{name: nameOfRule(rule), line: lineOf(rule.Location), silent: silent(rule), breaks: breaks(rule)})
		for r := rule; r != nil; r = r.Else {
			s.read(r, shared)
		}
	}
	return s
}

func refOf(term *ast.Term) (ast.Ref, bool) {
	if term == nil {
		return nil, false
	}
	ref, ok := term.Value.(ast.Ref)
	return ref, ok
}

// silent says why nothing is heard of a rule whose name is one of those that are.
func silent(rule *ast.Rule) string {
	if _, heard := spokenBy(nameOfRule(rule)); !heard || rule.Default {
		return ""
	}
	switch head := rule.Head; {
	case len(head.Args) > 0:
		return "it is a function"
	case len(head.Ref()) > 1:
		return "it makes an object, and only members of a set or a list are heard"
	case head.Key != nil:
		switch head.Key.Value.(type) {
		case ast.Number, ast.Boolean, ast.Null, *ast.Array, ast.Set:
			return "what it says is neither a text nor an object with msg"
		}
		return ""
	case head.Value != nil:
		switch head.Value.Value.(type) {
		case ast.String, ast.Number, ast.Boolean, ast.Null, ast.Object, *ast.ObjectComprehension:
			return "it has one value, and only members of a set or a list are heard"
		}
	}
	return ""
}

// breaks reports whether a rule says an object that has no msg for certain.
func breaks(rule *ast.Rule) bool {
	if _, heard := spokenBy(string(rule.Head.Name)); !heard || rule.Head.Key == nil || len(rule.Head.Ref()) > 1 {
		return false
	}
	object, ok := rule.Head.Key.Value.(ast.Object)
	if !ok {
		return false
	}
	without := true
	object.Foreach(func(key, value *ast.Term) {
		name, constant := key.Value.(ast.String)
		switch value.Value.(type) {
		case ast.Number, ast.Boolean, ast.Null, *ast.Array, ast.Object, ast.Set:
			return
		}
		without = without && constant && name != "msg"
	})
	return without
}

// read notes what one body of a rule mentions.
func (s *survey) read(rule *ast.Rule, shared map[ast.Var]ast.Ref) {
	names := map[ast.Var]ast.Ref{}
	for name, ref := range shared {
		names[name] = ref
	}
	resolve := func(ref ast.Ref) ast.Ref {
		if head, ok := ref[0].Value.(ast.Var); ok {
			if bound, known := names[head]; known {
				return bound.Concat(ref[1:])
			}
		}
		return ref
	}
	ast.WalkExprs(rule, func(expr *ast.Expr) bool { // f := input.fields
		if expr.IsAssignment() || expr.IsEquality() {
			if name, ok := expr.Operand(0).Value.(ast.Var); ok {
				if ref, ok := refOf(expr.Operand(1)); ok && resolve(ref).HasPrefix(ast.InputRootRef) {
					names[name] = resolve(ref)
				}
			}
		}
		if expr.IsCall() {
			s.get(expr.Operator(), expr.Operands(), resolve)
		}
		return false
	})
	mention := func(term *ast.Term) bool {
		switch value := term.Value.(type) {
		case ast.Var:
			s.asked[string(value)] = true
		case ast.Ref:
			s.refer(value)
			s.input(resolve(value), term.Location)
		case ast.Call:
			if operator, ok := refOf(value[0]); ok {
				s.get(operator, value[1:], resolve)
			}
		}
		return false
	}
	for _, term := range append([]*ast.Term{rule.Head.Key, rule.Head.Value}, rule.Head.Reference[min(1, len(rule.Head.Reference)):]...) {
		if term != nil {
			ast.WalkTerms(term, mention)
		}
	}
	ast.WalkTerms(rule.Body, mention)
}

func (s *survey) refer(ref ast.Ref) {
	if head, ok := ref[0].Value.(ast.Var); ok {
		s.asked[string(head)] = true
	}
	if ref.HasPrefix(ast.DefaultRootRef) {
		s.data = append(s.data, constant(ref[1:]))
	}
}

func (s *survey) input(ref ast.Ref, at *ast.Location) {
	if ref.HasPrefix(ast.InputRootRef) && len(ref) > 1 {
		s.inputs = append(s.inputs, place{constant(ref[1:]), lineOf(at)})
	}
}

// get notes the member that object.get reads.
func (s *survey) get(operator ast.Ref, operands []*ast.Term, resolve func(ast.Ref) ast.Ref) {
	if operator.String() != ast.ObjectGet.Name || len(operands) < 2 {
		return
	}
	from, ok := refOf(operands[0])
	if name, is := operands[0].Value.(ast.Var); is {
		from, ok = ast.Ref{ast.NewTerm(name)}, true
	}
	if !ok {
		return
	}
	path := slices.Clone(resolve(from))
	switch key := operands[1].Value.(type) {
	case ast.String:
		path = append(path, operands[1])
	case *ast.Array:
		key.Foreach(func(part *ast.Term) { path = append(path, part) })
	}
	s.input(path, operands[1].Location)
}

// constant returns the parts of a path up to the first that is not known beforehand.
func constant(ref ast.Ref) (path []string) {
	for _, term := range ref {
		text, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		path = append(path, string(text))
	}
	return path
}

// restsOn reports whether a module names the package, a part of it, or what it is a part of.
func (m Module) restsOn(name string) bool {
	if m.survey == nil {
		return true // it does not parse any more, so that nobody knows
	}
	wanted := strings.Split(name, ".")
	return slices.ContainsFunc(m.survey.data, func(path []string) bool {
		n := min(len(path), len(wanted))
		return slices.Equal(path[:n], wanted[:n])
	})
}
