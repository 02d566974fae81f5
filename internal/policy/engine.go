package policy

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/policies"
)

// Topic is announced when a policy changed.
const Topic = "policies"

// maxPolicies bounds how many policies people may put.
const maxPolicies = 200

// Engine is the policies of an installation: the standard library, and what administrators put beside it or in its place.
type Engine struct {
	DB  *store.DB
	Now func() time.Time

	// Turn runs an evaluation of policies when it is its turn, such as Queue.Run; nil: at once.
	Turn func(ctx context.Context, fn func(ctx context.Context) error) error

	// Fields is the step that lists the names of the fields of all templates; nil: they are not known.
	Fields func(ctx context.Context, tx *store.Tx) ([]string, error)

	set       atomic.Pointer[Set] // compiled last
	compiling sync.Mutex          // held by who compiles, outside of transactions
}

// Policy is one policy as it stands.
type Policy struct {
	Module
	Active    bool            `json:"active" doc:"Requests are judged by it"`
	Replaces  bool            `json:"replaces_standard,omitempty" doc:"It stands in the place of a standard policy of the same package"`
	Judges    Subject         `json:"judges" enum:"requests,templates,decisions" doc:"What it looks at"`
	OffFirst  bool            `json:"off_at_first,omitempty" doc:"A standard policy that is off until somebody switches it on"`
	Problem   string          `json:"problem,omitempty" doc:"Why it cannot be used, if it cannot; every request fails until it is fixed"`
	Warnings  []fault.Finding `json:"warnings,omitempty" doc:"What of it nobody hears, what it reads that no request has, and what conftest hears otherwise"`
	Revision  int64           `json:"revision" doc:"Grows with every change; 0 for a standard policy that nobody touched"`
	UpdatedAt *time.Time      `json:"updated_at,omitempty"`
}

// Draft is a policy to put. Its package names it.
type Draft struct {
	Source   string
	File     string // where it was read from, for people
	Revision *int64 // that the edit read; nil: whatever is there
}

// row is what the database knows of one name.
type row struct {
	module    Module
	active    bool
	revision  int64
	updatedAt time.Time
}

// fits refuses a change of the named policy after which a policy that could be used no longer can.
func fits(before, after []row, changed string) error {
	modules, err := inForce(after)
	if err != nil {
		return err
	}
	set, err := compileWhatFits(modules)
	if err != nil || len(set.unfit) == 0 {
		return err
	}
	earlier, err := inForce(before)
	if err != nil {
		return err
	}
	was, err := compileWhatFits(earlier)
	if err != nil {
		return err
	}
	for i, name := range set.unfit {
		if name == changed {
			_, err := Compile(modules)
			return err
		}
		if !slices.Contains(was.unfit, name) {
			return fault.New(fault.Unprocessable, "policy_conflict", "with this change %s could no longer be used: %s", name, set.broken[i].Message).
				Fix("change or switch off %s first", name)
		}
	}
	return nil
}

func sumOf(source string) string {
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:])
}

// List gives all policies, switched off ones too, in the order of their names.
func (e *Engine) List(ctx context.Context, by access.Actor, page store.Page) (listing store.Listing[Policy], err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return listing, err
	}
	after, err := page.After()
	if err != nil {
		return listing, err
	}
	err = e.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		set, err := e.At(ctx, tx)
		if err != nil {
			return err
		}
		all, err := All(ctx, tx)
		if err != nil {
			return err
		}
		if err := e.warn(ctx, tx, all, all); err != nil {
			return err
		}
		for i, name := range set.unfit {
			for k := range all {
				if all[k].Name == name {
					all[k].Problem = set.broken[i].Message
				}
			}
		}
		if after != nil {
			all = slices.DeleteFunc(all, func(p Policy) bool { return p.Name <= after[0] })
		}
		listing = store.Cut(page, all[:min(len(all), page.Size()+1)], func(p Policy) []string { return []string{p.Name} })
		return nil
	})
	return listing, err
}

// CheckTemplate asks the policies in force that judge template files.
func (e *Engine) CheckTemplate(ctx context.Context, by access.Actor, document any) (findings []fault.Finding, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return nil, err
	}
	var judge func(ctx context.Context, document any) ([]fault.Finding, error)
	if err := e.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		_, judge, err = e.TemplateJudge(ctx, tx)
		return err
	}); err != nil {
		return nil, err
	}
	return judge(ctx, document)
}

// Get gives the policy of a package.
func (e *Engine) Get(ctx context.Context, by access.Actor, name string) (p Policy, err error) {
	if err := access.Can(by, access.Read, access.Scope{}); err != nil {
		return Policy{}, err
	}
	err = e.DB.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		p, err = e.get(ctx, tx, name)
		return err
	})
	return p, err
}

// get is the step that reads the policy of a package.
func (e *Engine) get(ctx context.Context, tx *store.Tx, name string) (Policy, error) {
	all, err := All(ctx, tx)
	if err != nil {
		return Policy{}, err
	}
	i := slices.IndexFunc(all, func(p Policy) bool { return p.Name == name })
	if i < 0 {
		return Policy{}, unknown(ctx, tx, name)
	}
	return all[i], e.warn(ctx, tx, all[i:i+1], all)
}

// warn is the step that says of some of all policies what nobody hears of them.
func (e *Engine) warn(ctx context.Context, tx *store.Tx, some, all []Policy) error {
	lint, err := e.lint(ctx, tx, all)
	if err != nil {
		return err
	}
	for i, p := range some {
		some[i].Warnings = lint(p.Module)
	}
	return nil
}

// lint is the step that returns what says of a module, beside all policies, what Lint does.
func (e *Engine) lint(ctx context.Context, tx *store.Tx, all []Policy) (func(Module) []fault.Finding, error) {
	var fields []string
	if e.Fields != nil {
		var err error
		if fields, err = e.Fields(ctx, tx); err != nil {
			return nil, err
		}
	}
	modules := make([]Module, len(all))
	for i, p := range all {
		modules[i] = p.Module
	}
	return func(m Module) []fault.Finding { return Lint(m, modules, fields) }, nil
}

func unknown(ctx context.Context, tx *store.Tx, name string) error {
	all, err := All(ctx, tx)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(all))
	for _, p := range all {
		names = append(names, p.Name)
	}
	return fault.New(fault.NotFound, "no_policy", "there is no policy %q", name).Fix("%s", fault.Meant(name, names, "see the list of policies"))
}

func load(ctx context.Context, tx *store.Tx) ([]row, error) {
	rows, err := store.List(ctx, tx, func(r store.Row) (one row, err error) {
		var at int64
		err = r.Scan(&one.module.Name, &one.module.Origin, &one.module.Source, &one.module.File, &one.active, &one.module.Owner, &one.revision, &at)
		one.updatedAt = store.Time(at)
		return one, err
	}, `SELECT name, origin, source, file, active, owner, revision, updated_at FROM policy_module ORDER BY name COLLATE "C" LIMIT $1`, maxPolicies+1)
	if err != nil {
		return nil, fmt.Errorf("load policies: %w", err)
	}
	if len(rows) > maxPolicies {
		return nil, tooMany()
	}
	return rows, nil
}

// All is a step: every policy by its name, in force or not.
func All(ctx context.Context, tx *store.Tx) ([]Policy, error) {
	rows, err := load(ctx, tx)
	if err != nil {
		return nil, err
	}
	return everything(rows)
}

func tooMany() error {
	return fault.New(fault.Unprocessable, "too_many_policies", "there can be %d policies", maxPolicies).Fix("put several rules into one package")
}

// policy makes the public form of a row.
func (r row) policy() (Policy, error) {
	library, err := StandardLibrary()
	if err != nil {
		return Policy{}, err
	}
	at := r.updatedAt
	p := Policy{Module: r.module, Active: r.active, Revision: r.revision, UpdatedAt: &at, Judges: judges(r.module.Name)}
	i := slices.IndexFunc(library, func(m Module) bool { return m.Name == r.module.Name })
	if p.Origin == Standard {
		if i < 0 { // a policy that an older program had
			return p, nil
		}
		p.Module, p.OffFirst = library[i], slices.Contains(policies.OffAtFirst, p.Name)
		return p, nil
	}
	p.Replaces = i >= 0
	if p.parsed == nil {
		p.Syntax = V1
		if m, err := read(p.File, p.Source); err == nil { // else the set tells the problem
			p.Syntax, p.parsed, p.survey, p.term = m.Syntax, m.parsed, m.survey, m.term
		}
	}
	return p, nil
}

// Subject is what a policy looks at.
type Subject string

// The subjects.
const (
	Requests  Subject = "requests"
	Templates Subject = "templates" // template files
	Decisions Subject = "decisions" // approvals of requests
)

func judges(name string) Subject {
	switch {
	case strings.HasPrefix(name, "marketplace.template."):
		return Templates
	case strings.HasPrefix(name, "marketplace.decision."):
		return Decisions
	}
	return Requests
}

// everything gives the policies of the rows and of the standard library, in the order of their names.
func everything(rows []row) ([]Policy, error) {
	library, err := StandardLibrary()
	if err != nil {
		return nil, err
	}
	var all []Policy
	for _, r := range rows {
		p, err := r.policy()
		if err != nil {
			return nil, err
		}
		if p.Origin != Standard || p.parsed != nil {
			all = append(all, p)
		}
	}
	for _, m := range library {
		if !slices.ContainsFunc(all, func(p Policy) bool { return p.Name == m.Name }) {
			off := slices.Contains(policies.OffAtFirst, m.Name)
			all = append(all, Policy{Module: m, Active: !off, OffFirst: off, Judges: judges(m.Name)})
		}
	}
	slices.SortFunc(all, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func find(rows []row, name string) (Policy, bool, error) {
	all, err := everything(rows)
	if err != nil {
		return Policy{}, false, err
	}
	if i := slices.IndexFunc(all, func(p Policy) bool { return p.Name == name }); i >= 0 {
		return all[i], true, nil
	}
	return Policy{}, false, nil
}

// activeOf returns the policies of the rows and of the standard library that judge, in the order of their names.
func activeOf(rows []row) ([]Policy, error) {
	all, err := everything(rows)
	return slices.DeleteFunc(all, func(p Policy) bool { return !p.Active }), err
}

// inForce returns the modules that judge.
func inForce(rows []row) ([]Module, error) {
	active, err := activeOf(rows)
	modules := make([]Module, len(active))
	for i, p := range active {
		modules[i] = p.Module
	}
	return modules, err
}
