package policy

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Force is the policies in force as of a transaction. They are compiled when they are first asked, so that this can wait until
// the transaction is over. To JSON it encodes as the name of their state.
type Force struct {
	token string // of the state of the policies; empty if they are no installation's
	set   func() (*Set, error)
}

// Fixed is the force of a set that was compiled without an installation.
func Fixed(s *Set) Force { return Force{set: func() (*Set, error) { return s, nil }} }

// Set compiles the policies, unless somebody did since they last changed.
func (f Force) Set() (*Set, error) { return f.set() }

// MarshalJSON encodes which state of the policies it is.
func (f Force) MarshalJSON() ([]byte, error) { return json.Marshal(f.token) }

// InForce is the step that reads the policies as of this transaction.
func (e *Engine) InForce(ctx context.Context, tx *store.Tx) (Force, error) {
	token, _, err := store.One(ctx, tx, store.ScanString, `SELECT token FROM policy_head`)
	if err != nil {
		return Force{}, fmt.Errorf("read state of the policies: %w", err)
	}
	if known := e.set.Load(); known != nil && known.token == token {
		return Force{token: token, set: func() (*Set, error) { return known, nil }}, nil
	}
	rows, err := load(ctx, tx)
	if err != nil {
		return Force{}, err
	}
	return Force{token: token, set: func() (*Set, error) { return e.compile(token, rows) }}, nil
}

// At is the step that compiles the policies as of this transaction. What writes takes InForce, and compiles outside.
func (e *Engine) At(ctx context.Context, tx *store.Tx) (*Set, error) {
	force, err := e.InForce(ctx, tx)
	if err != nil {
		return nil, err
	}
	return force.Set()
}

// compile compiles a state of the policies once, whoever asks for it first.
func (e *Engine) compile(token string, rows []row) (*Set, error) {
	e.compiling.Lock()
	defer e.compiling.Unlock()
	if known := e.set.Load(); known != nil && known.token == token {
		return known, nil
	}
	modules, err := inForce(rows)
	if err != nil {
		return nil, err
	}
	set, err := compileWhatFits(modules)
	if err != nil {
		return nil, fmt.Errorf("compile policies: %w", err)
	}
	set.token = token
	e.set.Store(set)
	return set, nil
}

// Evaluate runs what asks policies, when it is its turn. No transaction is open meanwhile.
func (e *Engine) Evaluate(ctx context.Context, fn func(ctx context.Context) error) error {
	if e.Turn == nil {
		return fn(ctx)
	}
	return e.Turn(ctx, fn)
}

// TemplateJudge is the step, for template.Library, that reads which policies about template files are in force: token names
// their state, and judge asks them, once the transaction is over.
func (e *Engine) TemplateJudge(ctx context.Context, tx *store.Tx) (
	token string, judge func(ctx context.Context, document any) ([]fault.Finding, error), err error,
) {
	force, err := e.InForce(ctx, tx)
	if err != nil {
		return "", nil, err
	}
	return force.token, func(ctx context.Context, document any) (findings []fault.Finding, err error) {
		err = e.Evaluate(ctx, func(ctx context.Context) error {
			set, err := force.Set()
			if err == nil {
				findings, err = set.CheckTemplate(ctx, document)
			}
			return err
		})
		return findings, err
	}, nil
}
