package live

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/soukhq/souk/internal/store"
)

// Behind is an environment whose database came back older than what this replica serves. It goes on serving that, and what
// the database has killed since, until an administrator gives up the newer revisions.
type Behind struct {
	Environment string   `json:"environment"`
	Served      int64    `json:"served" doc:"Revision that SDKs get"`
	Database    int64    `json:"database" doc:"Revision that the database has"`
	Lost        []string `json:"lost" doc:"Flags that are turned off for everybody here, and not in the database"`
}

// behind is what a snapshot of a database that came back older is good for.
type behind struct {
	Database int64
	kills    []string // what the database has killed
	lost     []string // what is killed here and not there
}

func (b behind) equal(other behind) bool {
	return b.Database == other.Database && slices.Equal(b.kills, other.kills) && slices.Equal(b.lost, other.lost)
}

// keysAtOnce is how many keys go into one statement: SQLite looks up each of its values among all of them.
const keysAtOnce = 100

// forgetsKill tells whether a flag that was served as killed is not killed in the database, whose history has no such kill: a kill
// that was undone is in the history, one that the database never heard of is not.
func (l loaded) forgetsKill(ctx context.Context, tx *store.Tx, before *Served) (bool, error) {
	var undone []string
	for _, f := range l.flags {
		if old, ok := before.flags[f.key]; ok && old.revision != 0 && killed(old.definition) && !killed(f.definition) {
			undone = append(undone, f.key)
		}
	}
	for part := range slices.Chunk(undone, keysAtOnce) {
		values := []any{l.environment}
		for _, key := range part {
			values = append(values, key)
		}
		known := map[string]bool{}
		rows, err := store.List(ctx, tx, func(row store.Row) (k keptKill, err error) {
			err = row.Scan(&k.Flag, &k.Revision)
			return k, err
		}, `SELECT flag_key, revision FROM flag_revision WHERE environment = $1 AND killed AND flag_key IN (`+store.In(2, len(part))+`)`, values...)
		if err != nil {
			return false, fmt.Errorf("look for kills: %w", err)
		}
		for _, k := range rows {
			known[k.Flag] = known[k.Flag] || k.Revision == before.flags[k.Flag].revision
		}
		if slices.ContainsFunc(part, func(key string) bool { return !known[key] }) {
			return true, nil
		}
	}
	return false, nil
}

// older tells whether what was loaded is older than what is served, which nobody has given up: the database was restored from a
// backup. It is told by the environment's revision and, if that has overtaken what is served meanwhile, by that of each flag, which
// only ever grows, and by kills of which it knows nothing.
func (l loaded) older(before *Served, givenUp int64) bool {
	if before == nil || before.Revision <= givenUp {
		return false
	}
	if before.Revision > l.revision || l.forgets {
		return true
	}
	if l.before != nil {
		return false // it goes on from what is served
	}
	return slices.ContainsFunc(l.flags, func(f definedFlag) bool {
		return before.flags[f.key].revision > max(f.revision, givenUp)
	})
}

// behind keeps of what was loaded what is killed, and what is not but should be.
func (l loaded) behind(before *Served) behind {
	b := behind{Database: l.revision}
	off := map[string]bool{}
	for _, f := range l.flags {
		if off[f.key] = killed(f.definition); off[f.key] {
			b.kills = append(b.kills, f.key)
		}
	}
	for key, f := range before.flags {
		if isOff, known := off[key]; known && !isOff && killed(f.definition) {
			b.lost = append(b.lost, key)
		}
	}
	slices.Sort(b.kills)
	slices.Sort(b.lost)
	return b
}

// Behind lists the environments whose database came back older, by name.
func (l *Live) Behind() []Behind {
	h := l.held.Load()
	if h == nil {
		return nil
	}
	var all []Behind
	for _, name := range slices.Sorted(maps.Keys(h.behind)) {
		b := h.behind[name]
		all = append(all, Behind{Environment: name, Served: h.base[name].Revision, Database: b.Database, Lost: append([]string{}, b.lost...)})
	}
	return all
}
