package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/soukhq/souk/internal/fault"
)

// The bounds of judging.
const (
	ruleTime    = time.Second     // one rule of one policy: fifty thousand times what one takes, since a busy machine is no fault of the request
	judgeTime   = 3 * time.Second // all policies together, well within the time of a write
	maxFindings = 50              // of one policy
)

// The packages that decide how risky a request is, and who must approve it.
const (
	riskPackage      = "marketplace.risk"
	approvalsPackage = "marketplace.approvals"
)

// Set is policies compiled together. It never changes, and is safe for concurrent use.
type Set struct {
	modules  []Module
	compiler *ast.Compiler
	store    storage.Store
	packages []judge
	risk     rego.PreparedEvalQuery
	needs    rego.PreparedEvalQuery
	broken   []fault.Finding // one for each policy that is there but does not compile
	unfit    []string        // their names
	token    string          // of the database state that the set was read from
}

// judge is a package that has words to say: its rules by name, each a prepared query.
type judge struct {
	module Module
	about  Subject
	rules  []query
	except *rego.PreparedEvalQuery // what it says of exceptions; nil: nothing
}

type query struct {
	rule     string
	severity fault.Severity // of what it says; empty for allow
	prepared rego.PreparedEvalQuery
}

// Compile makes a set of modules, without a database: souk check judges by it. Where two modules have the same package the
// one that is not of the standard library counts; two others are refused. A module that does not fit is a fault with its line.
func Compile(modules []Module) (*Set, error) {
	byName, order, err := distinct(modules)
	if err != nil {
		return nil, err
	}
	compiler := newCompiler()
	if compiler.Compile(parsed(byName)); compiler.Failed() {
		return nil, unusable(fileOf(byName, compiler.Errors), compiler.Errors)
	}
	return prepare(compiler, byName, order)
}

// compileWhatFits is Compile for what is stored already: a module that no longer compiles, say with a newer program, is
// left out and made a finding that fails every request, so that it is neither overlooked nor in everybody's way for long.
func compileWhatFits(modules []Module) (*Set, error) {
	var broken []fault.Finding
	var unfit []string
	leaveOut := func(m Module, why string, line int) {
		f := failing(m, "policy_broken", "cannot be used: "+why)
		f.File = fmt.Sprintf("%s:%d", m.File, line)
		broken, unfit = append(broken, f), append(unfit, m.Name)
	}
	modules = slices.DeleteFunc(slices.Clone(modules), func(m Module) bool {
		if m.parsed != nil {
			return false
		}
		_, err := read(m.File, m.Source)
		if err != nil {
			leaveOut(m, clean(err.Error(), 300), 1)
		}
		return err != nil
	})
	byName, order, err := distinct(modules)
	if err != nil {
		return nil, err
	}
	for {
		compiler := newCompiler()
		if compiler.Compile(parsed(byName)); !compiler.Failed() {
			set, err := prepare(compiler, byName, order)
			if err != nil {
				return nil, err
			}
			set.broken, set.unfit = broken, unfit
			return set, nil
		}
		name, worst := culprit(byName, compiler.Errors)
		if name == "" {
			return nil, unusable("", compiler.Errors)
		}
		leaveOut(byName[name], plain(worst), worst.Location.Row)
		delete(byName, name)
		order = slices.DeleteFunc(order, func(other string) bool { return other == name })
	}
}

func newCompiler() *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(capabilities())
}

// distinct parses what is not parsed yet and keeps one module of each package: a standard one gives way.
func distinct(modules []Module) (byName map[string]Module, order []string, err error) {
	byName = map[string]Module{}
	for _, m := range modules {
		if m.parsed == nil {
			again, err := read(m.File, m.Source)
			if err != nil {
				return nil, nil, err
			}
			m.Name, m.Syntax, m.parsed, m.survey, m.term = again.Name, again.Syntax, again.parsed, again.survey, again.term
		}
		before, again := byName[m.Name]
		switch {
		case !again:
			order = append(order, m.Name)
		case before.Origin != Standard && m.Origin != Standard:
			return nil, nil, fault.New(fault.Unprocessable, "policy_twice", "%s and %s both have the package %s", before.File, m.File, m.Name).
				At("source").Fix("give each file a package of its own, or make one file of both")
		case m.Origin == Standard:
			continue
		}
		byName[m.Name] = m
	}
	slices.Sort(order)
	return byName, order, nil
}

func parsed(byName map[string]Module) map[string]*ast.Module {
	trees := map[string]*ast.Module{}
	for name, m := range byName {
		trees[name] = m.parsed
	}
	return trees
}

func culprit(byName map[string]Module, all ast.Errors) (string, *ast.Error) {
	// A module that people put is blamed before one of the standard library, which is known to compile.
	var name string
	var worst *ast.Error
	for _, e := range all {
		if e.Location == nil {
			continue
		}
		m, ok := byName[e.Location.File]
		if ok && (worst == nil || byName[name].Origin == Standard && m.Origin != Standard) {
			name, worst = m.Name, e
		}
	}
	return name, worst
}

func fileOf(byName map[string]Module, all ast.Errors) string {
	name, _ := culprit(byName, all)
	return byName[name].File
}

func prepare(compiler *ast.Compiler, byName map[string]Module, order []string) (*Set, error) {
	s := &Set{compiler: compiler, store: inmem.New()}
	ctx := context.Background() // preparing evaluates nothing and waits for nobody
	var err error
	if s.risk, err = s.prepare(ctx, riskPackage); err != nil {
		return nil, err
	}
	if s.needs, err = s.prepare(ctx, approvalsPackage); err != nil {
		return nil, err
	}
	for _, name := range order {
		m := byName[name]
		s.modules = append(s.modules, m)
		j := judge{module: m, about: judges(name)}
		for _, rule := range voices(m.parsed) {
			prepared, err := s.prepare(ctx, name+"."+rule)
			if err != nil {
				return nil, err
			}
			severity, _ := spokenBy(rule)
			j.rules = append(j.rules, query{rule: rule, severity: severity, prepared: prepared})
		}
		if m.term != nil {
			prepared, err := s.prepare(ctx, name+"."+exception)
			if err != nil {
				return nil, err
			}
			j.except = &prepared
		}
		if len(j.rules) > 0 {
			s.packages = append(s.packages, j)
		}
	}
	return s, nil
}

// rulesOf gives the rules of that name that take no arguments, defaults left out.
func rulesOf(m *ast.Module, name string) []*ast.Rule {
	var rules []*ast.Rule
	for _, rule := range m.Rules {
		ref := rule.Head.Ref()
		if head, ok := ref[0].Value.(ast.Var); ok && string(head) == name && len(rule.Head.Args) == 0 {
			rules = append(rules, rule)
		}
	}
	return rules
}

func (s *Set) prepare(ctx context.Context, path string) (rego.PreparedEvalQuery, error) {
	ref := ast.Ref{ast.DefaultRootDocument}
	for part := range strings.SplitSeq(path, ".") {
		ref = append(ref, ast.StringTerm(part))
	}
	prepared, err := rego.New(rego.Compiler(s.compiler), rego.Store(s.store), rego.GenerateJSON(boundedJSON), rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(ref))))).
		PrepareForEval(ctx)
	if err != nil {
		return rego.PreparedEvalQuery{}, fmt.Errorf("prepare %s: %w", path, err)
	}
	return prepared, nil
}

// errSlow says that an evaluation was stopped since it took too long.
var errSlow = errors.New("took too long")

// ask evaluates a query; defined is false where it has no value.
func ask(ctx context.Context, q rego.PreparedEvalQuery, input ast.Value) (value any, defined bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, ruleTime)
	defer cancel()
	results, err := q.Eval(bounded, rego.EvalParsedInput(input))
	switch {
	case err != nil && bounded.Err() != nil:
		return nil, false, errSlow
	case err != nil:
		return nil, false, err
	case len(results) == 0 || len(results[0].Expressions) == 0:
		return nil, false, nil
	}
	return results[0].Expressions[0].Value, true, nil
}

// Modules gives the policies of the set, in the order of their names.
func (s *Set) Modules() []Module { return slices.Clone(s.modules) }
