package live

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"sync/atomic"

	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/store"
)

// definedFlag is a flag as one environment serves it.
type definedFlag struct {
	key        string
	definition json.RawMessage
	label      label
	revision   int64
	live       bool
}

func scanDefined(row store.Row) (f definedFlag, err error) {
	var definition string
	err = row.Scan(&f.key, &f.label.App, &f.label.ClientSide, &f.label.Off, &definition, &f.revision, &f.live)
	f.definition = json.RawMessage(definition)
	return f, err
}

// loaded is what was read of an environment: all of it, or what changed since before.
type loaded struct {
	environment string
	revision    int64
	flags       []definedFlag
	evaluators  map[string]json.RawMessage
	before      *Served // nil: flags are all
	forgets     bool    // the database knows nothing of a kill that was served
}

// Every change of what a flag serves in an environment, its removal too, gives its state there the environment's next
// revision. So what changed is what has a later one.
const (
	loadChanged = `SELECT f.key, f.app, f.client_side, f.off_variant, s.definition, s.revision, s.live FROM flag_environment s JOIN flag f ON f.key = s.flag_key
		WHERE s.environment = $1 AND s.revision > $2`
	loadAll = `SELECT f.key, f.app, f.client_side, f.off_variant, s.definition, s.revision, s.live FROM flag_environment s JOIN flag f ON f.key = s.flag_key
		WHERE s.environment = $1 AND s.live`
	loadSum = `SELECT COUNT(*), CAST(COALESCE(SUM(s.revision), 0) AS BIGINT) FROM flag_environment s WHERE s.environment = $1 AND s.live`
)

// load reads what changed in an environment since before, or all of it if that is not what the database went on from: if
// afterwards the flags are not as many as the database has, or not of the same revisions, taken together.
func load(ctx context.Context, tx *store.Tx, e registry.Environment, before *Served) (loaded, error) {
	segments, err := registry.Segments(ctx, tx)
	if err != nil {
		return loaded{}, err
	}
	l := loaded{environment: e.Name, revision: e.Revision}
	if l.evaluators, err = registry.AllEvaluators(ctx, tx, e.Name, segments); err != nil {
		return loaded{}, err
	}
	if before != nil && !before.fromDisk && before.Revision <= e.Revision {
		l.before = before
		if l.flags, err = store.List(ctx, tx, scanDefined, loadChanged, e.Name, before.Revision); err != nil {
			return loaded{}, fmt.Errorf("load changed flags of %s: %w", e.Name, err)
		}
		var count, sum int64
		if err := tx.QueryRow(ctx, loadSum, e.Name).Scan(&count, &sum); err != nil {
			return loaded{}, fmt.Errorf("count flags of %s: %w", e.Name, err)
		}
		if haveCount, haveSum := l.totals(); count == haveCount && sum == haveSum {
			return l, nil
		}
		l.before = nil
	}
	if l.flags, err = store.List(ctx, tx, scanDefined, loadAll, e.Name); err != nil {
		return loaded{}, fmt.Errorf("load flags of %s: %w", e.Name, err)
	}
	if before != nil {
		l.forgets, err = l.forgetsKill(ctx, tx, before)
	}
	return l, err
}

// totals gives how many flags are live with what changed, and the sum of their revisions.
func (l loaded) totals() (count, sum int64) {
	if l.before != nil {
		count, sum = int64(len(l.before.flags)), l.before.sum
	}
	for _, f := range l.flags {
		if l.before != nil {
			if old, ok := l.before.flags[f.key]; ok {
				count, sum = count-1, sum-old.revision
			}
		}
		if f.live {
			count, sum = count+1, sum+f.revision
		}
	}
	return count, sum
}

// serial numbers what is served in this process.
var serial atomic.Int64

// serve compiles what was loaded. What did not change is shared with what was served before.
func (l loaded) serve() (*Served, []flag.Problem) {
	s := &Served{Environment: l.environment, Revision: l.revision, evaluators: l.evaluators, replaced: make(chan struct{}), Serial: serial.Add(1)}
	_, s.sum = l.totals()
	var problems []flag.Problem
	if l.before == nil {
		s.flags = make(map[string]definedFlag, len(l.flags))
		set := flag.Set{Flags: make(map[string]json.RawMessage, len(l.flags)), Evaluators: l.evaluators, Metadata: registry.SetMetadata(l.environment)}
		for _, f := range l.flags {
			s.flags[f.key], set.Flags[f.key] = f, f.definition
			s.digest.add(f)
		}
		s.Flags, problems = set.Compile()
		s.Tag = s.digest.tag(l.evaluators)
		return s, problems
	}
	s.flags, s.digest = maps.Clone(l.before.flags), l.before.digest
	changed := make(map[string]json.RawMessage, len(l.flags))
	for _, f := range l.flags {
		if old, ok := s.flags[f.key]; ok {
			s.digest.remove(old)
			delete(s.flags, f.key)
			changed[f.key] = nil
		}
		if f.live {
			s.flags[f.key], changed[f.key] = f, f.definition
			s.digest.add(f)
		}
	}
	var evaluators map[string]json.RawMessage
	if !maps.EqualFunc(l.evaluators, l.before.evaluators, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
		evaluators = l.evaluators
		for key, f := range s.flags {
			if flag.MayRefer(f.definition) {
				changed[key] = f.definition
			}
		}
	}
	s.Flags, problems = l.before.Flags.With(changed, evaluators)
	s.Tag = s.digest.tag(l.evaluators)
	return s, problems
}

// digest names a set of definitions whatever the order in which they came: the sum of their hashes.
type digest [2]uint64

func (d *digest) add(f definedFlag) {
	a, b := f.hash()
	d[0], d[1] = d[0]+a, d[1]+b
}

func (d *digest) remove(f definedFlag) {
	a, b := f.hash()
	d[0], d[1] = d[0]-a, d[1]-b
}

func (f definedFlag) hash() (a, b uint64) {
	h := sha256.New()
	h.Write([]byte(f.key))
	h.Write([]byte{0})
	h.Write(f.definition)
	sum := h.Sum(nil)
	return binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])
}

// tag names the definitions together with the evaluators.
func (d digest) tag(evaluators map[string]json.RawMessage) string {
	text := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, d[0]), d[1])
	sum := sha256.Sum256(append(text, encode(evaluators)...))
	return hex.EncodeToString(sum[:8])
}
