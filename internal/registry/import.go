package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Ground is what an import into an environment meets there.
type Ground struct {
	Environment Environment
	Flags       map[string]Flag            // of the keys that it brings
	Evaluators  map[string]json.RawMessage // that were imported there
	Order       []string                   // of these, as their documents had them
	Segments    map[string]json.RawMessage // as evaluators, which every environment knows
	Users       map[string][]string        // evaluators that would change → flags there that depend on them, by key
}

// GroundOf reads what an import of flags and evaluators meets in an environment. The flags stay as they are until the
// transaction ends. There is fault.NotFound for an unknown environment.
func GroundOf(ctx context.Context, tx *store.Tx, environment string, keys []string, evaluators map[string]json.RawMessage) (Ground, error) {
	g := Ground{Flags: map[string]Flag{}, Segments: map[string]json.RawMessage{}, Users: map[string][]string{}}
	var ok bool
	var err error
	if g.Environment, ok, err = EnvironmentNamed(ctx, tx, environment); err != nil {
		return Ground{}, err
	}
	if !ok {
		return Ground{}, fault.New(fault.NotFound, "unknown_environment", "there is no environment %q", fault.Clip(environment, 80)).
			At("environment").Fix("name one that exists, such as sandbox")
	}
	keys = slices.Sorted(slices.Values(keys))
	for part := range slices.Chunk(keys, 500) {
		args := make([]any, len(part))
		for i, key := range part {
			args[i] = key
		}
		flags, err := store.List(ctx, tx, scanFlag, `SELECT `+flagColumns+` FROM flag f WHERE f.key IN (`+store.In(1, len(part))+`)
			ORDER BY f.key COLLATE "C"`+tx.ForUpdate(), args...)
		if err != nil {
			return Ground{}, fmt.Errorf("look for flags that are there: %w", err)
		}
		if err := fill(ctx, tx, flags); err != nil {
			return Ground{}, err
		}
		for _, f := range flags {
			g.Flags[f.Key] = f
		}
	}
	segments, err := Segments(ctx, tx)
	if err != nil {
		return Ground{}, err
	}
	for _, s := range segments {
		g.Segments[s.Name] = plain(encode(evaluator(s)))
	}
	if g.Evaluators, err = Evaluators(ctx, tx, environment); err != nil {
		return Ground{}, err
	}
	if g.Order, err = evaluatorOrder(ctx, tx, environment); err != nil {
		return Ground{}, err
	}
	err = g.findUsers(ctx, tx, evaluators)
	return g, err
}

// Known gives all rules with a name that flags of the environment may refer to.
func (g Ground) Known() map[string]json.RawMessage {
	all := maps.Clone(g.Segments)
	maps.Copy(all, g.Evaluators)
	return all
}

// findUsers fills in which flags depend on evaluators that would be others than now, themselves or by other evaluators.
func (g *Ground) findUsers(ctx context.Context, tx *store.Tx, evaluators map[string]json.RawMessage) error {
	changing := map[string][]string{} // name → all names that stand or fall with it
	for name, rule := range evaluators {
		if !bytes.Equal(g.Evaluators[name], rule) {
			changing[name] = dependents(g.Evaluators, name)
		}
	}
	if len(changing) == 0 {
		return nil
	}
	type user struct{ key, serving string }
	users, err := store.List(ctx, tx, func(row store.Row) (u user, err error) {
		err = row.Scan(&u.key, &u.serving)
		return u, err
	}, `SELECT flag_key, serving FROM flag_environment WHERE environment = $1 AND live AND mode = 'custom' AND serving LIKE '%ref%'
		ORDER BY flag_key`, g.Environment.Name)
	if err != nil {
		return fmt.Errorf("look for flags that refer to evaluators: %w", err)
	}
	for _, u := range users {
		named := Refs(json.RawMessage(u.serving))
		for name, standing := range changing {
			if slices.ContainsFunc(standing, func(one string) bool { return slices.Contains(named, one) }) {
				g.Users[name] = append(g.Users[name], u.key)
			}
		}
	}
	return nil
}

// dependents lists an evaluator and all that refer to it, themselves or by others.
func dependents(evaluators map[string]json.RawMessage, name string) []string {
	all := []string{name}
	for i := 0; i < len(all); i++ {
		for other, rule := range evaluators {
			if !slices.Contains(all, other) && slices.Contains(Refs(rule), all[i]) {
				all = append(all, other)
			}
		}
	}
	return all
}

// Evaluators gives the rules with a name that were imported into an environment.
func Evaluators(ctx context.Context, tx *store.Tx, environment string) (map[string]json.RawMessage, error) {
	type row struct{ name, rule string }
	rows, err := store.List(ctx, tx, func(from store.Row) (r row, err error) {
		err = from.Scan(&r.name, &r.rule)
		return r, err
	}, `SELECT name, rule FROM evaluator WHERE environment = $1`, environment)
	if err != nil {
		return nil, fmt.Errorf("list evaluators of %s: %w", environment, err)
	}
	all := make(map[string]json.RawMessage, len(rows))
	for _, r := range rows {
		all[r.name] = json.RawMessage(r.rule)
	}
	return all, nil
}

// evaluatorOrder returns the names of the rules that were imported into an environment, as their documents had them.
func evaluatorOrder(ctx context.Context, tx *store.Tx, environment string) ([]string, error) {
	names, err := store.List(ctx, tx, store.ScanString, `SELECT name FROM evaluator WHERE environment = $1 ORDER BY position, name COLLATE "C"`, environment)
	if err != nil {
		return nil, fmt.Errorf("list order of evaluators of %s: %w", environment, err)
	}
	return names, nil
}

// AllEvaluators gives what rules in an environment may refer to: the segments, and what imports brought.
func AllEvaluators(ctx context.Context, tx *store.Tx, environment string, segments []Segment) (map[string]json.RawMessage, error) {
	all, err := Evaluators(ctx, tx, environment)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = make(map[string]json.RawMessage, len(segments))
	}
	for _, s := range segments {
		all[s.Name] = encode(evaluator(s))
	}
	return all, nil
}

// vacant refuses a segment whose name an imported evaluator has: flags that refer to that would mean others from then on.
func vacant(ctx context.Context, tx *store.Tx, s Segment) error {
	where, ok, err := store.One(ctx, tx, store.ScanString, `SELECT environment FROM evaluator WHERE name = $1 AND rule <> $2 ORDER BY environment LIMIT 1`,
		s.Name, string(plain(encode(evaluator(s)))))
	if err != nil {
		return fmt.Errorf("look for an evaluator %s: %w", s.Name, err)
	}
	if ok {
		return fault.New(fault.Conflict, "evaluator_named_so", "imported flags in %s refer to a rule that is named %s already", where, s.Name).
			At("name").Fix("choose another name")
	}
	return nil
}

// Import is what is to be taken over into one environment: flags that are new or others than there, and likewise evaluators.
type Import struct {
	Environment string
	Format      string
	Flags       []ImportedFlag
	Evaluators  map[string]json.RawMessage
	Order       []string // of the evaluators of the document, also of those that stay as they are; none if it changes nothing
}

// ImportedFlag is a flag of an import, and whose it is to be; an empty App leaves that as it is.
type ImportedFlag struct {
	Imported
	Key, App, OwnerGroup, Contact string
}

// Take carries an import out: what it says is served from then on, save by what is killed there. A flag that was made here is
// refused. All of it is one revision of the environment, which is given. The events are evaluator.imported and flag.imported.
func Take(ctx context.Context, tx *store.Tx, c Change, in Import) (made []Flag, revision int64, err error) {
	c.Cause = CauseImported
	environments, err := Environments(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	flags := make([]Flag, len(in.Flags))
	slices.SortFunc(in.Flags, func(a, b ImportedFlag) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	for i, one := range in.Flags { // locked before the environment, as in every step
		f, ok, err := get(ctx, tx, one.Key, tx.ForUpdate())
		switch {
		case err != nil:
			return nil, 0, err
		case ok && f.Imported == "":
			return nil, 0, taken(one.Key)
		case ok:
			err = f.Writable()
		}
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			if f, err = create(ctx, tx, c, in.Format, one, environments); err != nil {
				return nil, 0, err
			}
			made = append(made, f)
		}
		flags[i] = f
	}
	if revision, err = advance(ctx, tx, in.Environment); err != nil {
		return nil, 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(in.Evaluators)) {
		if err := c.name(ctx, tx, in.Environment, name, in.Evaluators[name]); err != nil {
			return nil, 0, err
		}
	}
	if err := arrange(ctx, tx, in.Environment, in.Order); err != nil {
		return nil, 0, err
	}
	for i := range flags {
		if err := flags[i].take(ctx, tx, c, in, in.Flags[i], revision); err != nil {
			return nil, 0, err
		}
	}
	return made, revision, nil
}

// name gives a rule its name in an environment.
func (c Change) name(ctx context.Context, tx *store.Tx, environment, name string, rule json.RawMessage) error {
	before, _, err := store.One(ctx, tx, store.ScanString, `SELECT rule FROM evaluator WHERE environment = $1 AND name = $2`, environment, name)
	if err != nil {
		return fmt.Errorf("read evaluator %s: %w", name, err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO evaluator (environment, name, rule) VALUES ($1, $2, $3)
		ON CONFLICT (environment, name) DO UPDATE SET rule = $3`, environment, name, string(rule)); err != nil {
		return fmt.Errorf("write evaluator %s: %w", name, err)
	}
	event := c.By.Event(audit.EvaluatorImported, c.At)
	event.Subject, event.Environment, event.Reason, event.RequestID = "evaluator:"+name, environment, c.Reason, c.RequestID
	event.Details = map[string]any{"before": orNull([]byte(before)), "after": rule}
	_, err = audit.Append(ctx, tx, event)
	return err
}

// arrange puts evaluators of one document in its order, after those of others.
func arrange(ctx context.Context, tx *store.Tx, environment string, order []string) error {
	if len(order) == 0 {
		return nil
	}
	var last int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(position), 0) FROM evaluator WHERE environment = $1`, environment).Scan(&last); err != nil {
		return fmt.Errorf("look for the last evaluator of %s: %w", environment, err)
	}
	for i, name := range order {
		if _, err := tx.Exec(ctx, `UPDATE evaluator SET position = $1 WHERE environment = $2 AND name = $3`, last+1+int64(i), environment, name); err != nil {
			return fmt.Errorf("put evaluator %s in its place: %w", name, err)
		}
	}
	return nil
}

// create makes an imported flag that is live nowhere yet.
func create(ctx context.Context, tx *store.Tx, c Change, format string, one ImportedFlag, environments []Environment) (Flag, error) {
	at := store.Time(store.Micros(c.At))
	f := Flag{
		Key: one.Key, Name: one.Key, App: one.App, OwnerGroup: one.OwnerGroup, Owner: one.OwnerGroup, Contact: one.Contact,
		Imported: format, Variants: map[string]any{}, Environments: []FlagEnvironment{}, CreatedAt: at, UpdatedAt: at, InstalledAt: &at, Revision: 1,
	}
	var number int64
	if err := tx.QueryRow(ctx, `INSERT INTO flag_number (app, last) VALUES ($1, 1)
		ON CONFLICT (app) DO UPDATE SET last = flag_number.last + 1 RETURNING last`, f.App).Scan(&number); err != nil {
		return Flag{}, fmt.Errorf("number flag %s: %w", f.Key, err)
	}
	f.FlagID = fmt.Sprintf("imported-%03d", number)
	if f.App != "" {
		f.FlagID = fmt.Sprintf("microapp-%s-%03d", f.App, number)
	}
	f.describe(one)
	added, err := tx.Exec(ctx, `INSERT INTO flag (key, flag_id, app, name, description, type, owner_group, owner, contact,
			template_id, template_version, variants, on_variant, off_variant, outside_variant, audience, client_side, search,
			created_at, updated_at, installed_at, revision, imported)
		VALUES ($1, $2, $3, $4, '', $5, $6, $7, $8, '', 0, $9, '', $10, $11, '', FALSE, $12, $13, $13, $13, 1, $14)
		ON CONFLICT (key) DO NOTHING`,
		f.Key, f.FlagID, f.App, f.Name, f.Type, f.OwnerGroup, f.Owner, f.Contact,
		string(encode(f.Variants)), f.Off, f.Outside, f.search(), store.Micros(at), f.Imported)
	if err != nil {
		return Flag{}, fmt.Errorf("insert flag %s: %w", f.Key, err)
	}
	if added == 0 {
		return Flag{}, taken(f.Key)
	}
	for _, e := range environments {
		state := FlagEnvironment{Environment: e.Name, Serving: Serving{Mode: ServeOff}, UpdatedAt: at}
		state.Definition = define(f, state.Serving, false, false)
		if err := insertState(ctx, tx, f.Key, state); err != nil {
			return Flag{}, err
		}
		f.Environments = append(f.Environments, state)
	}
	return f, nil
}

// describe makes the flag's type, variants and defaults those of what was imported last.
func (f *Flag) describe(one ImportedFlag) {
	p := one.parts()
	f.Variants = map[string]any{}
	for name, raw := range p.Variants {
		var value any
		if json.Unmarshal(raw, &value) == nil {
			f.Variants[name] = value
		}
	}
	f.Type, f.Off, f.Outside = typeOf(f.Variants), OffAmong(f.Variants), ""
	if p.Default != nil {
		f.Outside = *p.Default
	}
	if one.App != "" {
		f.App, f.OwnerGroup, f.Owner, f.Contact = one.App, one.OwnerGroup, one.OwnerGroup, one.Contact
	}
}

// take makes an environment serve what was imported, as its revision.
func (f *Flag) take(ctx context.Context, tx *store.Tx, c Change, in Import, one ImportedFlag, revision int64) error {
	app := f.App
	f.describe(one)
	if _, err := tx.Exec(ctx, `UPDATE flag SET app = $1, owner_group = $2, owner = $3, contact = $4, type = $5, variants = $6,
			off_variant = $7, outside_variant = $8 WHERE key = $9`,
		f.App, f.OwnerGroup, f.Owner, f.Contact, f.Type, string(encode(f.Variants)), f.Off, f.Outside, f.Key); err != nil {
		return fmt.Errorf("describe %s: %w", f.Key, err)
	}
	i := slices.IndexFunc(f.Environments, func(e FlagEnvironment) bool { return e.Environment == in.Environment })
	state := &f.Environments[i]
	before := state.Serving
	wasLive := state.Live
	state.Live, state.Serving = true, one.serving()
	if err := f.write(ctx, tx, c, state, false, revision); err != nil {
		return err
	}
	if f.App != app { // SDK keys of the app see it everywhere from now on
		for _, other := range slices.Clone(f.Environments) {
			if other.Live && other.Environment != in.Environment {
				if err := f.put(ctx, tx, c, other.Environment, func(*FlagEnvironment) {}); err != nil {
					return err
				}
			}
		}
	}
	sum := sha256.Sum256(one.Definition)
	details := map[string]any{
		"format": in.Format, "definition_sha256": hex.EncodeToString(sum[:]), "words": state.Serving.Words(), "app": f.App,
	}
	if wasLive {
		details["before"] = before
	}
	return c.tell(ctx, tx, *f, audit.FlagImported, in.Environment, details)
}
