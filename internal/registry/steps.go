package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Topic is announced with every change of what SDKs see.
const Topic = "flags"

// Propose makes a flag that no SDK sees yet, reserving its key. It fails with fault.Conflict, naming the field, if the key is
// taken. The event is flag.created.
func Propose(ctx context.Context, tx *store.Tx, c Change, s Spec) (Flag, error) {
	f, err := s.flag()
	if err != nil {
		return Flag{}, err
	}
	var number int64
	if err := tx.QueryRow(ctx, `INSERT INTO flag_number (app, last) VALUES ($1, 1)
		ON CONFLICT (app) DO UPDATE SET last = flag_number.last + 1 RETURNING last`, f.App).Scan(&number); err != nil {
		return Flag{}, fmt.Errorf("number flag of %s: %w", f.App, err)
	}
	f.FlagID = fmt.Sprintf("microapp-%s-%03d", f.App, number)
	f.CreatedAt, f.UpdatedAt, f.Revision = store.Time(store.Micros(c.At)), store.Time(store.Micros(c.At)), 1
	added, err := tx.Exec(ctx, `INSERT INTO flag (key, flag_id, app, name, description, type, owner_group, owner, owner_id, contact,
			template_id, template_version, variants, on_variant, off_variant, outside_variant, audience, client_side, search,
			created_at, updated_at, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20, 1)
		ON CONFLICT (key) DO NOTHING`,
		f.Key, f.FlagID, f.App, f.Name, f.Description, f.Type, f.OwnerGroup, f.Owner, f.OwnerID, f.Contact,
		f.TemplateID, f.TemplateVersion, string(encode(f.Variants)), f.On, f.Off, f.Outside, f.Audience, f.ClientSide, f.search(),
		store.Micros(c.At))
	if err != nil {
		return Flag{}, fmt.Errorf("insert flag %s: %w", f.Key, err)
	}
	if added == 0 {
		return Flag{}, taken(f.Key)
	}
	environments, err := Environments(ctx, tx)
	if err != nil {
		return Flag{}, err
	}
	for _, e := range environments {
		state := FlagEnvironment{Environment: e.Name, Serving: Serving{Mode: ServeOff}, UpdatedAt: f.CreatedAt}
		state.Definition = define(f, state.Serving, false, false)
		if err := insertState(ctx, tx, f.Key, state); err != nil {
			return Flag{}, err
		}
		f.Environments = append(f.Environments, state)
	}
	return f, c.tell(ctx, tx, f, audit.FlagCreated, "", map[string]any{
		"name": f.Name, "owner_group": f.OwnerGroup, "owner": f.Owner, "owner_id": f.OwnerID, "audience": f.Audience,
		"template_id": f.TemplateID, "template_version": f.TemplateVersion,
	})
}

// Revise gives a flag that was never approved a new spec, and with it maybe a new key; its flag_id stays. It fails with
// fault.Conflict if the new key is taken or the flag is live already. A revision that changes nothing writes nothing.
func Revise(ctx context.Context, tx *store.Tx, c Change, key string, s Spec) (Flag, error) {
	old, err := proposed(ctx, tx, key)
	if err != nil {
		return Flag{}, err
	}
	f, err := s.flag()
	if err != nil {
		return Flag{}, err
	}
	if f.App != old.App {
		return Flag{}, fault.New(fault.Conflict, "flag_of_other_app", "%s belongs to the app %s", key, old.App).
			Fix("discard it, and propose a flag of %s", f.App)
	}
	f.FlagID, f.CreatedAt, f.UpdatedAt = old.FlagID, old.CreatedAt, old.UpdatedAt
	f.Revision, f.ReadOnly, f.Environments, f.Tags = old.Revision, old.ReadOnly, old.Environments, old.Tags
	if string(encode(f)) == string(encode(old)) {
		return old, nil
	}
	if f.Key != key {
		_, ok, err := Get(ctx, tx, f.Key)
		if err != nil {
			return Flag{}, err
		}
		if ok {
			return Flag{}, taken(f.Key)
		}
	}
	f.Revision++
	f.UpdatedAt = store.Time(store.Micros(c.At))
	if _, err := tx.Exec(ctx, `UPDATE flag SET key = $1, name = $2, description = $3, type = $4, owner_group = $5, owner = $6,
			contact = $7, template_id = $8, template_version = $9, variants = $10, on_variant = $11, off_variant = $12,
			outside_variant = $13, audience = $14, client_side = $15, search = $16, revision = $17, updated_at = $18, owner_id = $19
			WHERE key = $20`,
		f.Key, f.Name, f.Description, f.Type, f.OwnerGroup, f.Owner,
		f.Contact, f.TemplateID, f.TemplateVersion, string(encode(f.Variants)), f.On, f.Off,
		f.Outside, f.Audience, f.ClientSide, f.search(), f.Revision, store.Micros(c.At), f.OwnerID, key); err != nil {
		return Flag{}, fmt.Errorf("revise flag %s: %w", key, err)
	}
	for _, table := range []string{"flag_environment", "flag_revision", "flag_tag"} {
		if _, err := tx.Exec(ctx, `UPDATE `+table+` SET flag_key = $1 WHERE flag_key = $2`, f.Key, key); err != nil {
			return Flag{}, fmt.Errorf("rename %s: %w", key, err)
		}
	}
	for i, state := range f.Environments {
		f.Environments[i].Definition = define(f, state.Serving, false, state.Kill != nil)
		if _, err := tx.Exec(ctx, `UPDATE flag_environment SET definition = $1 WHERE flag_key = $2 AND environment = $3`,
			string(f.Environments[i].Definition), f.Key, state.Environment); err != nil {
			return Flag{}, fmt.Errorf("define %s: %w", f.Key, err)
		}
	}
	return f, c.tell(ctx, tx, f, audit.FlagUpdated, "", map[string]any{
		"before": old.Key, "name": f.Name, "owner_group": f.OwnerGroup, "owner": f.Owner, "owner_id": f.OwnerID, "audience": f.Audience,
	})
}

// Install makes a proposed flag live in every environment: on in sandboxes, off elsewhere, killed where it was killed.
// Installing a live flag changes nothing. The event is flag.installed.
func Install(ctx context.Context, tx *store.Tx, c Change, key string) (Flag, error) {
	f, err := lock(ctx, tx, key)
	if err != nil || f.InstalledAt != nil {
		return f, err
	}
	environments, err := Environments(ctx, tx)
	if err != nil {
		return Flag{}, err
	}
	at := store.Time(store.Micros(c.At))
	f.InstalledAt = &at
	if _, err := tx.Exec(ctx, `UPDATE flag SET installed_at = $1 WHERE key = $2`, store.Micros(at), key); err != nil {
		return Flag{}, fmt.Errorf("install %s: %w", key, err)
	}
	c.Cause = CauseApproved
	serving := map[string]any{}
	for _, e := range environments {
		if err := f.put(ctx, tx, c, e.Name, func(state *FlagEnvironment) {
			state.Live, state.Serving = true, e.Tier.first()
		}); err != nil {
			return Flag{}, err
		}
		serving[e.Name] = e.Tier.first().Words()
	}
	return f, c.tell(ctx, tx, f, audit.FlagInstalled, "", map[string]any{"serving": serving})
}

// Serve changes what a live flag serves in an environment, which every SDK there hears of. A flag that is not live there, or
// read-only, is refused with fault.Conflict. One that is killed there stays killed: a change waits for its restore, a step of
// a rollout is refused. What does not compile is never stored. Serving what it serves already changes nothing. The event is
// flag.updated.
func Serve(ctx context.Context, tx *store.Tx, c Change, key, environment string, s Serving) (Flag, error) {
	if err := s.Check(); err != nil {
		return Flag{}, err
	}
	s = s.Tidy()
	f, state, err := lockState(ctx, tx, key, environment)
	if err == nil {
		err = f.Writable()
	}
	switch {
	case err != nil:
		return Flag{}, err
	case !state.Live:
		return Flag{}, fault.New(fault.Conflict, "flag_not_live", "%s is not live in %s", key, environment).
			Fix("wait until its request is approved").Showing(f)
	case state.Kill != nil && c.Cause == CauseRollout:
		return Flag{}, fault.New(fault.Conflict, "flag_killed", "%s is turned off for everybody in %s", key, environment).
			Fix("restore it first").Showing(f)
	case state.Serving.Equal(s):
		return f, nil
	}
	if s.Mode == ServeCustom || len(s.Variants) > 0 {
		segments, err := Segments(ctx, tx)
		if err != nil {
			return Flag{}, err
		}
		if found := CheckServing(f, s, segments); len(found) > 0 {
			return Flag{}, fault.New(fault.Invalid, found[0].Code, "%s", found[0].Message).At(found[0].Field).
				Fix("%s", found[0].Remediation).With(found...)
		}
	}
	before := state.Serving
	if err := f.put(ctx, tx, c, environment, func(state *FlagEnvironment) { state.Serving = s }); err != nil {
		return Flag{}, err
	}
	return f, c.tell(ctx, tx, f, audit.FlagUpdated, environment, map[string]any{
		"before": before, "after": s, "words": s.Words(), "cause": c.Cause,
	})
}

// Kill makes an environment serve the off variant to everybody, in whatever state the flag is. changed is false if it is killed
// there already: the act that stands goes on to hold it off. The event is flag.killed, or flag.killed_again.
func Kill(ctx context.Context, tx *store.Tx, c Change, key, environment string) (f Flag, changed bool, err error) {
	f, state, err := lockState(ctx, tx, key, environment)
	if err != nil {
		return f, false, err
	}
	if state.Kill != nil {
		return f, false, c.tell(ctx, tx, f, audit.FlagKilledAgain, environment, map[string]any{"kill": state.Kill.ID})
	}
	c.Cause = CauseKill
	if err := f.put(ctx, tx, c, environment, func(state *FlagEnvironment) { state.Kill = c.killed() }); err != nil {
		return Flag{}, false, err
	}
	serves, chosen := f.KillServes(environment)
	return f, true, c.tell(ctx, tx, f, audit.FlagKilled, environment, map[string]any{
		"kill": c.KillID, "before": state.Serving, "serves": serves, "off_value_chosen": chosen,
	})
}

// Restore undoes a kill: the environment serves again what it served before, or what was changed since. changed is false if
// the flag is not killed there. A read-only flag is refused. The event is flag.restored.
func Restore(ctx context.Context, tx *store.Tx, c Change, key, environment string) (f Flag, changed bool, err error) {
	f, state, err := lockState(ctx, tx, key, environment)
	if err != nil || state.Kill == nil {
		return f, false, err
	}
	if err := f.Writable(); err != nil {
		return Flag{}, false, err
	}
	c.Cause = CauseRestore
	if err := f.put(ctx, tx, c, environment, func(state *FlagEnvironment) { state.Kill = nil }); err != nil {
		return Flag{}, false, err
	}
	return f, true, c.tell(ctx, tx, f, audit.FlagRestored, environment, map[string]any{
		"after": state.Serving, "words": state.Serving.Words(), "kill": state.Kill.ID, "killed_by": state.Kill.By,
	})
}

// Withdraw discards a flag that never was approved, so that its key is free again; its number is not used again. It fails
// with fault.Conflict if the flag is or was live. The event is flag.withdrawn.
func Withdraw(ctx context.Context, tx *store.Tx, c Change, key string) error {
	f, err := proposed(ctx, tx, key)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM flag_environment WHERE flag_key = $1`,
		`DELETE FROM flag_revision WHERE flag_key = $1`,
		`DELETE FROM flag_tag WHERE flag_key = $1`,
		`DELETE FROM flag WHERE key = $1`,
	} {
		if _, err := tx.Exec(ctx, statement, key); err != nil {
			return fmt.Errorf("discard %s: %w", key, err)
		}
	}
	return c.tell(ctx, tx, f, audit.FlagWithdrawn, "", nil)
}

// Remove takes a flag out of every environment. Its key stays taken and its history stays. Removing a removed flag changes
// nothing. The event is flag.removed.
func Remove(ctx context.Context, tx *store.Tx, c Change, key string) (Flag, error) {
	f, err := lock(ctx, tx, key)
	if err != nil || f.RemovedAt != nil {
		return f, err
	}
	at := store.Time(store.Micros(c.At))
	f.RemovedAt, f.ReadOnly = &at, true
	if _, err := tx.Exec(ctx, `UPDATE flag SET removed_at = $1, read_only = TRUE WHERE key = $2`, store.Micros(at), key); err != nil {
		return Flag{}, fmt.Errorf("remove %s: %w", key, err)
	}
	c.Cause = CauseRemoved
	for _, state := range slices.Clone(f.Environments) {
		if err := f.put(ctx, tx, c, state.Environment, func(state *FlagEnvironment) { state.Live = false }); err != nil {
			return Flag{}, err
		}
	}
	return f, c.tell(ctx, tx, f, audit.FlagRemoved, "", nil)
}

// flag makes the flag that the spec describes, without what the database gives it.
func (s Spec) flag() (Flag, error) {
	f := Flag{
		Key: Key(s.App, s.Name), App: s.App, Name: s.Name, Description: s.Description, Type: s.Type,
		OwnerGroup: s.OwnerGroup, Owner: s.Owner, OwnerID: s.OwnerID, Contact: s.Contact,
		TemplateID: s.TemplateID, TemplateVersion: s.TemplateVersion,
		Variants: s.Variants, On: s.On, Off: s.Off, Outside: s.Outside, Audience: s.Audience, ClientSide: s.ClientSide, Tags: []string{},
	}
	if f.Outside == "" {
		f.Outside = f.Off
	}
	if f.Key == "" {
		return Flag{}, fault.New(fault.Invalid, "no_key", "%q gives no key", s.Name).At("fields.name").
			Fix("use a name with letters from a to z or digits")
	}
	for _, variant := range []string{f.On, f.Off, f.Outside} {
		if _, ok := f.Variants[variant]; !ok {
			return Flag{}, fault.New(fault.Invalid, "unknown_variant", "the flag has no variant %q", variant).At("variants").
				Fix("use one of %s", strings.Join(slices.Sorted(maps.Keys(f.Variants)), ", "))
		}
	}
	for field, text := range map[string]string{
		"app": f.App, "name": f.Name, "description": f.Description, "owner_group": f.OwnerGroup, "owner": f.Owner,
		"contact": f.Contact, "audience": f.Audience, "variants": string(encode(f.Variants)),
	} {
		if err := store.CheckText(field, text); err != nil {
			return Flag{}, err
		}
	}
	// Numbers come back from the database as JSON has them; so they are compared and served as JSON has them.
	if err := json.Unmarshal(encode(s.Variants), &f.Variants); err != nil {
		return Flag{}, fmt.Errorf("normalize variants: %w", err)
	}
	return f, nil
}

// searchLimit bounds the text that a search looks through.
const searchLimit = 2000

func (f Flag) search() string {
	text := strings.ToLower(f.Key + " " + f.Name + " " + f.Description)
	if len(text) > searchLimit {
		text = text[:searchLimit]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// first is what a flag serves in an environment of the tier once it is approved.
func (t Tier) first() Serving {
	switch t {
	case TierSandbox:
		return Serving{Mode: ServeOn}
	case TierTest, TierProduction:
	}
	return Serving{Mode: ServeOff}
}

func taken(key string) error {
	return fault.New(fault.Conflict, "key_taken", "a flag with the key %s exists already", key).At("fields.name").
		Fix("choose another name")
}

// lock reads a flag that the transaction is about to change.
func lock(ctx context.Context, tx *store.Tx, key string) (Flag, error) {
	f, ok, err := get(ctx, tx, key, tx.ForUpdate())
	if err == nil && !ok {
		err = unknownFlag(key)
	}
	return f, err
}

func lockState(ctx context.Context, tx *store.Tx, key, environment string) (Flag, FlagEnvironment, error) {
	f, err := lock(ctx, tx, key)
	if err != nil {
		return Flag{}, FlagEnvironment{}, err
	}
	state, ok := f.In(environment)
	if !ok {
		return Flag{}, FlagEnvironment{}, unknownEnvironment(environment)
	}
	return f, state, nil
}

func proposed(ctx context.Context, tx *store.Tx, key string) (Flag, error) {
	f, err := lock(ctx, tx, key)
	if err == nil && f.InstalledAt != nil {
		return Flag{}, fault.New(fault.Conflict, "flag_approved", "%s was approved already", key).
			Fix("ask for a change, or for its removal").Showing(f)
	}
	return f, err
}

func unknownFlag(key string) error {
	return fault.New(fault.NotFound, "unknown_flag", "there is no flag %q", key).At("flag_key").Fix("look its key up in the list of flags")
}

func insertState(ctx context.Context, tx *store.Tx, key string, s FlagEnvironment) error {
	if _, err := tx.Exec(ctx, `INSERT INTO flag_environment (flag_key, environment, live, revision, mode, audience, percent, serving,
			killed_by, kill_reason, definition, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', $9, $10)`,
		key, s.Environment, s.Live, s.Revision, string(s.Serving.Mode), s.Serving.Audience, s.Serving.Percent, s.Serving.rest(),
		string(s.Definition), store.Micros(s.UpdatedAt)); err != nil {
		return fmt.Errorf("insert %s in %s: %w", key, s.Environment, err)
	}
	return nil
}

// put changes the flag in one environment: the environment's next revision, the row, its history, the announcement.
func (f *Flag) put(ctx context.Context, tx *store.Tx, c Change, environment string, change func(*FlagEnvironment)) error {
	i := slices.IndexFunc(f.Environments, func(e FlagEnvironment) bool { return e.Environment == environment })
	state := &f.Environments[i]
	change(state)
	everybody := false
	if state.Serving.Mode == ServeAudience && state.Kill == nil { // a kill depends on nothing but itself
		segment, ok, err := SegmentNamed(ctx, tx, state.Serving.Audience)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Invalid, "unknown_segment", "there is no segment %q", state.Serving.Audience).At("audience").
				Fix("name a segment that exists")
		}
		everybody = segment.Everybody
	}
	revision, err := advance(ctx, tx, environment)
	if err != nil {
		return err
	}
	return f.write(ctx, tx, c, state, everybody, revision)
}

// write stores the state of the flag in one environment as that environment's revision, and its history.
func (f *Flag) write(ctx context.Context, tx *store.Tx, c Change, state *FlagEnvironment, everybody bool, revision int64) error {
	environment := state.Environment
	f.Revision++
	state.Revision, state.UpdatedAt = revision, store.Time(store.Micros(c.At))
	state.Definition = define(*f, state.Serving, everybody, state.Kill != nil)
	var killed Killed
	killedAt := store.NullMicros(nil)
	if state.Kill != nil {
		killed, killedAt = *state.Kill, store.NullMicros(&state.Kill.At)
	}
	if _, err := tx.Exec(ctx, `UPDATE flag_environment SET live = $1, revision = $2, mode = $3, audience = $4, percent = $5,
			serving = $6, killed_at = $7, killed_by = $8, kill_reason = $9, definition = $10, updated_at = $11, kill_id = $12, killed_by_id = $13
		WHERE flag_key = $14 AND environment = $15`,
		state.Live, revision, string(state.Serving.Mode), state.Serving.Audience, state.Serving.Percent, state.Serving.rest(),
		killedAt, killed.By, killed.Reason, string(state.Definition), store.Micros(c.At), store.NullText(killed.ID), killed.ByID, f.Key, environment); err != nil {
		return fmt.Errorf("write %s in %s: %w", f.Key, environment, err)
	}
	f.UpdatedAt = state.UpdatedAt
	if _, err := tx.Exec(ctx, `UPDATE flag SET revision = $1, updated_at = $2 WHERE key = $3`,
		f.Revision, store.Micros(f.UpdatedAt), f.Key); err != nil {
		return fmt.Errorf("write %s: %w", f.Key, err)
	}
	if _, err := tx.Exec(ctx, `INSERT INTO flag_revision (id, flag_key, environment, revision, cause, serving, killed, definition,
			actor, at, reason, request_id, rollout_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		store.NewID(), f.Key, environment, revision, string(c.Cause), string(encode(state.Serving)), state.Kill != nil,
		string(state.Definition), c.By.Email, store.Micros(c.At), c.Reason, c.RequestID, c.RolloutID); err != nil {
		return fmt.Errorf("record revision of %s: %w", f.Key, err)
	}
	return nil
}

// advance gives the environment its next revision and announces it. It also makes changes of one environment queue up, so
// that revisions are committed in their order.
func advance(ctx context.Context, tx *store.Tx, environment string) (revision int64, err error) {
	tx.Announce(Topic)
	if err := tx.QueryRow(ctx, `UPDATE environment SET revision = revision + 1 WHERE name = $1 RETURNING revision`,
		environment).Scan(&revision); err != nil {
		return 0, fmt.Errorf("advance %s: %w", environment, err)
	}
	return revision, nil
}

func (c Change) tell(ctx context.Context, tx *store.Tx, f Flag, name audit.Name, environment string, details map[string]any) error {
	_, err := audit.Append(ctx, tx, c.event(f, name, environment, details))
	return err
}

func (c Change) event(f Flag, name audit.Name, environment string, details map[string]any) audit.Event {
	event := c.By.Event(name, c.At)
	event.FlagID, event.FlagKey, event.App, event.Environment = f.FlagID, f.Key, f.App, environment
	event.Reason, event.RequestID, event.RolloutID = c.Reason, c.RequestID, c.RolloutID
	if state, ok := f.In(environment); ok {
		details = maps.Collect(maps.All(details)) // a clone of nil would be nil
		details["revision"] = state.Revision
		if c.ServedAt != nil {
			details["served_at"], details["committed_at"] = c.ServedAt.UTC(), c.At.UTC()
		}
	}
	event.Details = details
	return event
}
