package registry

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
)

// Import is what is to be taken over into one environment: flags that are new or others than there, and likewise evaluators.
type Import struct {
	ID          string // which the events of all its parts carry
	Environment string
	Format      string
	Flags       []ImportedFlag
	Evaluators  map[string]json.RawMessage
	Order       []string // of the evaluators of the document, also of those that stay as they are; none if it changes nothing
	Met         Ground   // what the evaluators were planned for
}

// Owned is whose a flag of an import is to be, and how it is found. What is empty leaves that as it is. Owner, OwnerID
// and OwnerGroup are one: without Owner all three stay.
type Owned struct {
	App, OwnerGroup, Owner string
	OwnerID                access.PersonID
	Contact                string
	Tags                   []string
	TTLDays                int // which lifecycle begins to count
}

// ImportedFlag is a flag of an import, and whose it is to be.
type ImportedFlag struct {
	Imported
	Owned
	Key string

	Revision int64 // of the flag that the import was planned for; 0: there was none
	Bound    bool  // it is there and stands on an evaluator that changes, and so changes with it
}

// Parts splits an import into those that are carried out one after the other, of so many flags each. Each leaves the environment whole:
// the first has the evaluators, and the flags that change with them, however many these are.
func (in Import) Parts(size int) []Import {
	flags := slices.SortedStableFunc(slices.Values(in.Flags), func(a, b ImportedFlag) int {
		if a.Bound != b.Bound {
			return map[bool]int{true: -1, false: 1}[a.Bound]
		}
		return strings.Compare(a.Key, b.Key)
	})
	begin := min(size, len(flags))
	for begin < len(flags) && flags[begin].Bound {
		begin++
	}
	first := in
	first.Flags, flags = flags[:begin], flags[begin:]
	parts := []Import{first}
	for rest := range slices.Chunk(flags, size) {
		part := in
		part.Flags, part.Evaluators, part.Order, part.Met = rest, nil, nil, Ground{}
		parts = append(parts, part)
	}
	return parts
}

// takeRows is how many flags go into one statement, of up to twenty values each; see manyRows.
const takeRows = 30

// taking is a flag that is taken over.
type taking struct {
	Flag
	one     ImportedFlag
	isNew   bool
	app     string // that it belonged to
	before  Serving
	wasLive bool
}

// Take carries an import out, or a part of one: what it says is served from then on, except by what is killed there. All of it is one
// revision of the environment, which it returns with the keys of the flags that it made. Where a flag or an evaluator is not as it was
// planned for, it is store.ErrMoved. The events are evaluator.imported and flag.imported.
func Take(ctx context.Context, tx *store.Tx, c Change, in Import) (made []string, revision int64, err error) {
	c.Cause = CauseImported
	environments, err := Environments(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	flags, err := in.lock(ctx, tx) // before the environment, as in every step
	if err != nil {
		return nil, 0, err
	}
	if same, err := in.meets(ctx, tx); err != nil || !same {
		return nil, 0, cmp.Or(err, store.ErrMoved)
	}
	if err := c.number(ctx, tx, in.Format, flags, environments); err != nil {
		return nil, 0, err
	}
	if revision, err = advance(ctx, tx, in.Environment); err != nil {
		return nil, 0, err
	}
	if err := c.nameAll(ctx, tx, in); err != nil {
		return nil, 0, err
	}
	for part := range slices.Chunk(flags, takeRows) {
		if err := c.takeAll(ctx, tx, in, part, revision); err != nil {
			return nil, 0, err
		}
	}
	for _, f := range flags {
		if f.isNew {
			made = append(made, f.Key)
		}
	}
	return made, revision, nil
}

// lock reads the flags of an import as they are, in the order of their keys, for the transaction to change.
func (in Import) lock(ctx context.Context, tx *store.Tx) ([]taking, error) {
	keys := make([]string, len(in.Flags))
	for i, one := range in.Flags {
		keys[i] = one.Key
	}
	there, err := lockKeys(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	flags := make([]taking, len(in.Flags))
	for i, one := range slices.SortedFunc(slices.Values(in.Flags), func(a, b ImportedFlag) int { return strings.Compare(a.Key, b.Key) }) {
		f, ok := there[one.Key]
		if f.Revision != one.Revision {
			return nil, store.ErrMoved
		}
		state, _ := f.In(in.Environment)
		flags[i] = taking{Flag: f, one: one, isNew: !ok, app: f.App, before: state.Serving, wasLive: state.Live}
	}
	return flags, nil
}

// lockKeys reads the flags of these keys, as far as they are there, and keeps them as they are until the transaction ends.
func lockKeys(ctx context.Context, tx *store.Tx, keys []string) (map[string]Flag, error) {
	all := make(map[string]Flag, len(keys))
	for part := range slices.Chunk(slices.Sorted(slices.Values(keys)), 500) {
		flags, err := store.List(ctx, tx, scanFlag, `SELECT `+flagColumns+` FROM flag f WHERE f.key IN (`+store.In(1, len(part))+`)
			ORDER BY f.key COLLATE "C"`+tx.ForUpdate(), store.Values(part)...)
		if err != nil {
			return nil, fmt.Errorf("look for flags that are there: %w", err)
		}
		if err := fill(ctx, tx, flags); err != nil {
			return nil, err
		}
		for _, f := range flags {
			all[f.Key] = f
		}
	}
	return all, nil
}

// meets reports whether the evaluators of an import meet what they were planned for.
func (in Import) meets(ctx context.Context, tx *store.Tx) (bool, error) {
	if len(in.Evaluators) == 0 {
		return true, nil
	}
	now, err := GroundOf(ctx, tx, in.Environment, nil, in.Evaluators)
	if err != nil {
		return false, err
	}
	for name := range in.Evaluators {
		if !slices.Equal(now.Users[name], in.Met.Users[name]) {
			return false, nil
		}
	}
	of := func(g Ground) []any { return []any{g.Evaluators, g.Order, g.Segments} }
	return reflect.DeepEqual(of(now), of(in.Met)), nil
}

// number makes the flags that are new, live nowhere yet.
func (c Change) number(ctx context.Context, tx *store.Tx, format string, flags []taking, environments []Environment) error {
	of := map[string]int64{} // by app
	for _, f := range flags {
		if f.isNew {
			of[f.one.App]++
		}
	}
	for _, app := range slices.Sorted(maps.Keys(of)) {
		var last int64
		if err := tx.QueryRow(ctx, `INSERT INTO flag_number (app, last) VALUES ($1, $2)
			ON CONFLICT (app) DO UPDATE SET last = flag_number.last + excluded.last RETURNING last`, app, of[app]).Scan(&last); err != nil {
			return fmt.Errorf("number imported flags: %w", err)
		}
		of[app] = last - of[app]
	}
	at := store.Time(store.Micros(c.At))
	for i := range flags {
		f := &flags[i]
		if !f.isNew {
			continue
		}
		of[f.one.App]++
		f.Flag = Flag{
			Key: f.one.Key, Name: f.one.Key, App: f.one.App, FlagID: fmt.Sprintf("imported-%03d", of[f.one.App]), Imported: format,
			CreatedAt: at, InstalledAt: &at, Tags: []string{},
		}
		if f.App != "" {
			f.FlagID = fmt.Sprintf("microapp-%s-%03d", f.App, of[f.App])
		}
		f.app = f.App
		f.describe(f.one)
		for _, e := range environments {
			state := FlagEnvironment{Environment: e.Name, Serving: Serving{Mode: ServeOff}, UpdatedAt: at}
			state.Definition = define(f.Flag, state.Serving, false, false)
			f.Environments = append(f.Environments, state)
		}
	}
	return nil
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
	f.Type, f.Outside = typeOf(f.Variants), ""
	if f.Off = one.OffVariant; f.Off == "" {
		f.Off = OffAmong(f.Variants)
	}
	if p.Default != nil {
		f.Outside = *p.Default
	}
	if one.App != "" {
		f.App = one.App
	}
	if one.Owner != "" {
		f.OwnerGroup, f.Owner, f.OwnerID = one.OwnerGroup, one.Owner, one.OwnerID
	}
	if one.Contact != "" {
		f.Contact = one.Contact
	}
}

// nameAll gives the rules of an import their names in the environment, in the order of its document, after those of others.
func (c Change) nameAll(ctx context.Context, tx *store.Tx, in Import) error {
	if len(in.Evaluators)+len(in.Order) == 0 {
		return nil
	}
	before, err := Evaluators(ctx, tx, in.Environment)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(in.Evaluators)), manyRows) {
		rows := store.NewRows(in.Environment)
		var events []audit.Event
		for _, name := range part {
			rows.Add("($1, ?, ?)", name, string(in.Evaluators[name]))
			event := c.By.Event(audit.EvaluatorImported, c.At)
			event.Subject, event.Environment, event.Reason, event.RequestID = "evaluator:"+name, in.Environment, c.Reason, c.RequestID
			event.Details = map[string]any{"before": orNull(before[name]), "after": in.Evaluators[name], "import": in.ID}
			events = append(events, event)
		}
		if _, err := tx.Exec(ctx, `INSERT INTO evaluator (environment, name, rule) VALUES `+rows.String()+`
			ON CONFLICT (environment, name) DO UPDATE SET rule = excluded.rule`, rows.Args()...); err != nil {
			return fmt.Errorf("write evaluators: %w", err)
		}
		if err := audit.AppendAll(ctx, tx, events); err != nil {
			return err
		}
	}
	return arrange(ctx, tx, in.Environment, in.Order)
}

// arrange puts evaluators of one document in its order, after those of others.
func arrange(ctx context.Context, tx *store.Tx, environment string, order []string) error {
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

// takeAll makes the environment serve what was imported for some flags, as its revision.
func (c Change) takeAll(ctx context.Context, tx *store.Tx, in Import, flags []taking, revision int64) error {
	at := store.Time(store.Micros(c.At))
	made, there := store.NewRows(store.Micros(at), in.Format), store.NewRows(store.Micros(at))
	states, served := store.NewRows(store.Micros(at)), store.NewRows(revision, store.Micros(at), in.Environment)
	revisions := c.newRevisions(in.Environment, revision)
	events := make([]audit.Event, len(flags))
	fresh := 0
	for i := range flags {
		f := &flags[i]
		f.describe(f.one)
		f.Revision++
		f.UpdatedAt = at
		state := &f.Environments[slices.IndexFunc(f.Environments, func(e FlagEnvironment) bool { return e.Environment == in.Environment })]
		state.Live, state.Serving, state.Revision, state.UpdatedAt = true, f.one.serving(), revision, at
		state.Definition = define(f.Flag, state.Serving, false, state.Kill != nil)
		if f.isNew {
			fresh++
			made.Add(`(?, ?, ?, ?, '', ?, ?, ?, ?, ?, '', 0, ?, '', ?, ?, '', FALSE, ?, $1, $1, $1, ?, $2)`, f.Key, f.FlagID, f.App, f.Name, f.Type,
				f.OwnerGroup, f.Owner, f.OwnerID, f.Contact, string(encode(f.Variants)), f.Off, f.Outside, f.search(), f.Revision)
			for _, e := range f.Environments {
				states.Add(`(?, ?, ?, ?, ?, '', 0, ?, '', '', ?, $1)`, f.Key, e.Environment, e.Live, e.Revision, string(e.Serving.Mode),
					e.Serving.rest(), string(e.Definition))
			}
		} else {
			there.Add(`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, f.Key, f.App, f.OwnerGroup, f.Owner, f.Contact, f.Type, string(encode(f.Variants)), f.Off, f.Outside,
				f.OwnerID)
			served.Add(`(?, ?, ?)`, f.Key, state.Serving.rest(), string(state.Definition))
		}
		revisions.add(f.Key, *state)
		events[i] = f.imported(c, in, *state)
	}
	if fresh > 0 {
		added, err := tx.Exec(ctx, `INSERT INTO flag (key, flag_id, app, name, description, type, owner_group, owner, owner_id, contact, template_id,
				template_version, variants, on_variant, off_variant, outside_variant, audience, client_side, search, created_at, updated_at,
				installed_at, revision, imported)
			VALUES `+made.String()+` ON CONFLICT (key) DO NOTHING`, made.Args()...)
		if err != nil {
			return fmt.Errorf("insert imported flags: %w", err)
		}
		if added < int64(fresh) { // somebody made one meanwhile
			return store.ErrMoved
		}
		if _, err := tx.Exec(ctx, `INSERT INTO flag_environment (flag_key, environment, live, revision, mode, audience, percent, serving,
				killed_by, kill_reason, definition, updated_at) VALUES `+states.String(), states.Args()...); err != nil {
			return fmt.Errorf("insert imported flags into environments: %w", err)
		}
	}
	if fresh < len(flags) {
		if _, err := tx.Exec(ctx, `UPDATE flag SET app = v.column2, owner_group = v.column3, owner = v.column4, contact = v.column5, type = v.column6,
				variants = v.column7, off_variant = v.column8, outside_variant = v.column9, owner_id = v.column10, revision = revision + 1, updated_at = $1
			FROM (VALUES `+there.String()+`) AS v WHERE flag.key = v.column1`, there.Args()...); err != nil {
			return fmt.Errorf("describe imported flags: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE flag_environment SET live = TRUE, revision = $1, mode = 'custom', audience = '', percent = 0,
				serving = v.column2, definition = v.column3, updated_at = $2 FROM (VALUES `+served.String()+`) AS v
			WHERE flag_environment.flag_key = v.column1 AND flag_environment.environment = $3`, served.Args()...); err != nil {
			return fmt.Errorf("write imported flags in %s: %w", in.Environment, err)
		}
	}
	if err := revisions.write(ctx, tx); err != nil {
		return err
	}
	if err := tagAll(ctx, tx, flags); err != nil {
		return err
	}
	for i := range flags {
		if err := flags[i].follow(ctx, tx, c, in.Environment); err != nil {
			return err
		}
	}
	return audit.AppendAll(ctx, tx, events)
}

// imported is the event of a flag that was taken over.
func (f taking) imported(c Change, in Import, state FlagEnvironment) audit.Event {
	sum := sha256.Sum256(f.one.Definition)
	details := map[string]any{
		"format": in.Format, "definition_sha256": hex.EncodeToString(sum[:]), "words": state.Serving.Words(), "app": f.App, "import": in.ID,
	}
	if f.wasLive {
		details["before"] = f.before
	}
	for name, value := range map[string]string{"owner": f.one.Owner, "contact": f.one.Contact, "off_variant": f.one.OffVariant} {
		if value != "" {
			details[name] = value
		}
	}
	if f.one.TTLDays > 0 {
		details["ttl_days"] = f.one.TTLDays
	}
	if len(f.one.Tags) > 0 {
		details["tags"] = f.one.Tags
	}
	return c.event(f.Flag, audit.FlagImported, in.Environment, details)
}

// tagAll gives flags the tags that the import has for them, instead of those they had.
func tagAll(ctx context.Context, tx *store.Tx, flags []taking) error {
	var keys []any
	rows := store.NewRows()
	for _, f := range flags {
		if len(f.one.Tags) == 0 {
			continue
		}
		keys = append(keys, f.Key)
		for _, tag := range f.one.Tags {
			rows.Add("(?, ?)", tag, f.Key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `DELETE FROM flag_tag WHERE flag_key IN (`+store.In(1, len(keys))+`)`, keys...); err != nil {
		return fmt.Errorf("take tags off imported flags: %w", err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO flag_tag (tag, flag_key) VALUES `+rows.String(), rows.Args()...); err != nil {
		return fmt.Errorf("tag imported flags: %w", err)
	}
	return nil
}

// follow makes a flag that came to another app that app's in the other environments too: SDK keys of the app see it everywhere.
func (f *taking) follow(ctx context.Context, tx *store.Tx, c Change, environment string) error {
	if f.App == f.app {
		return nil
	}
	for _, other := range slices.Clone(f.Environments) {
		if other.Live && other.Environment != environment {
			if err := f.put(ctx, tx, c, other.Environment, func(*FlagEnvironment) {}); err != nil {
				return err
			}
		}
	}
	return nil
}
