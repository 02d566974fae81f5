package audit

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// Checkpoints lists the checkpoints that were signed as the log grew, the newest first, without those of logs that were given
// up. The keys that they verify with are those of Checkpoint.
func (l *Log) Checkpoints(ctx context.Context, by Reader, page store.Page) (list store.Listing[Checkpoint], err error) {
	if err := by.MayReadAudit(); err != nil {
		return list, err
	}
	w := &where{}
	keys, err := page.After()
	if err != nil {
		return list, err
	}
	if keys != nil {
		size, errSize := strconv.ParseInt(keys[0], 10, 64)
		if errSize != nil || len(keys) != 2 {
			return list, badCursor()
		}
		w.add(`(c.size, c.note) < (?, ?)`, size, keys[1])
	}
	err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		known, err := l.keys(ctx, tx)
		if err != nil {
			return err
		}
		t, err := readTree(ctx, tx)
		if err != nil {
			return err
		}
		of := &where{terms: slices.Clone(w.terms), args: slices.Clone(w.args)}
		of.add(`substr(c.note, 1, CAST(? AS INTEGER)) = ?`, len(t.origin)+1, t.origin+"\n")
		items, err := store.List(ctx, tx, func(row store.Row) (Checkpoint, error) {
			var at int64
			c := Checkpoint{Keys: known}
			err := row.Scan(&c.Size, &at, &c.Note)
			c.At = store.Time(at)
			return c, err
		}, `SELECT c.size, c.at, c.note FROM audit_checkpoint c`+of.text()+` ORDER BY c.size DESC, c.note DESC LIMIT `+
			strconv.Itoa(page.Size()+1), of.args...)
		if err != nil {
			return fmt.Errorf("list audit checkpoints: %w", err)
		}
		list = store.Cut(page, items, func(c Checkpoint) []string { return []string{strconv.FormatInt(c.Size, 10), c.Note} })
		return nil
	})
	return list, err
}

// Consistency shows that the log only grew: from the hashes and the root at the smaller size, the root at the larger one
// follows (RFC 6962, section 2.1.2).
type Consistency struct {
	From       int64      `json:"from" doc:"Number of leaves"`
	To         int64      `json:"to" doc:"Number of leaves"`
	FromRoot   string     `json:"from_root" doc:"Base64"`
	ToRoot     string     `json:"to_root" doc:"Base64"`
	Hashes     []string   `json:"hashes" nullable:"false" doc:"The proof, base64"`
	Checkpoint Checkpoint `json:"checkpoint" doc:"The log as it is now"`
}

// Consistency proves that the log of to leaves continues the one of from leaves. A to of 0 is the log as it is now.
func (l *Log) Consistency(ctx context.Context, by Reader, from, to int64) (c Consistency, err error) {
	if err := by.MayReadAudit(); err != nil {
		return c, err
	}
	_, err = l.attest(ctx, func(ctx context.Context, tx *store.Tx, t tree, now Checkpoint) error {
		c, err = consistency(ctx, tx, t, from, to)
		c.Checkpoint = now
		return err
	})
	if err != nil {
		return Consistency{}, err
	}
	return c, nil
}

func consistency(ctx context.Context, tx *store.Tx, t tree, from, to int64) (c Consistency, err error) {
	if to == 0 {
		to = t.size
	}
	switch {
	case from < 1:
		return c, fault.New(fault.Invalid, "bad_size", "a log of %d leaves has nothing to continue", from).At("from").
			Fix("give the size of a checkpoint, 1 or more")
	case to > t.size:
		return c, fault.New(fault.Unprocessable, "log_shorter", "the log has %d leaves, not %d", t.size, to).At("to").
			Fix("if a checkpoint with that size was signed for this log, the log was rolled back: ask the administrators")
	case from > to:
		return c, fault.New(fault.Invalid, "bad_size", "%d leaves are more than %d", from, to).At("from").Fix("give the smaller size as from")
	}
	c.From, c.To, c.Hashes = from, to, []string{}
	for size, root := range map[int64]*string{from: &c.FromRoot, to: &c.ToRoot} {
		hash, err := t.root(ctx, tx, size)
		if err != nil {
			return c, err
		}
		*root = hash.String()
	}
	if from == to {
		c.FromRoot = c.ToRoot
		return c, nil
	}
	proof, err := tlog.ProveTree(to, from, t.reader(ctx, tx))
	if err != nil {
		return c, fmt.Errorf("prove consistency of the audit log: %w", err)
	}
	for _, hash := range proof {
		c.Hashes = append(c.Hashes, hash.String())
	}
	return c, nil
}
