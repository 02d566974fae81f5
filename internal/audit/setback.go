package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// setBackCode is the code of the fault that says that a log does not continue what was published of it.
const setBackCode = "log_set_back"

// SetBack says that the log in the database does not continue what this server has published of it: an older copy of the
// database was put in place, or somebody rewrote it.
type SetBack struct {
	Words string `json:"-"`
	// What was published last, and is given up if the log goes on from the database.
	Origin string `json:"abandoned_origin"`
	Size   int64  `json:"abandoned_size"`
	Root   string `json:"abandoned_root"`
}

// restartOf is what the first event of a log says of those that it takes the place of: the one that was published, and the one
// that was in the database, which another server may have published.
type restartOf struct {
	SetBack
	Replaced     string `json:"replaced_origin"`
	ReplacedSize int64  `json:"replaced_size"`
	ReplacedRoot string `json:"replaced_root"`
}

// covers reports whether nothing beyond what the restart names is given up with h.
func (r restartOf) covers(h head) bool {
	within := func(origin string, size int64, root string) bool {
		return h.origin == origin && (h.size < size || h.size == size && h.root.String() == root)
	}
	return within(r.Origin, r.Size, r.Root) || within(r.Replaced, r.ReplacedSize, r.ReplacedRoot)
}

// continues is a step: it returns a fault if the tree does not continue what is known. Nothing is signed then.
func (l *Log) continues(ctx context.Context, tx *store.Tx, t tree, known latched) error {
	back, err := l.setBack(ctx, tx, t, known)
	if err != nil || back == nil {
		return err
	}
	return fault.New(fault.Conflict, setBackCode, "%s", back.Words).
		Fix("put the newest copy of the database in place; or, if this one is all there is, an administrator acknowledges it: souk audit acknowledge --reason …")
}

func (l *Log) setBack(ctx context.Context, tx *store.Tx, t tree, known latched) (*SetBack, error) {
	if known.origin == "" {
		return nil, nil //nolint:nilnil // nothing was published yet
	}
	back := &SetBack{Origin: known.origin, Size: known.size, Root: known.root.String()}
	if t.origin != known.origin {
		agreed, err := l.follows(ctx, tx, t, known)
		if err != nil || agreed {
			return nil, err
		}
		back.Words = fmt.Sprintf("the audit log in the database is %s, and that which was published from here is %s", t.origin, known.origin)
		return back, nil
	}
	if t.size < known.size {
		back.Words = fmt.Sprintf("the audit log was set back: it has %d leaves, the last checkpoint written outside the database has %d", t.size, known.size)
		return back, nil
	}
	root, err := t.root(ctx, tx, known.size)
	switch {
	case errors.Is(err, errHashMissing):
		back.Words = "parts of the tree of the audit log were taken out of the database"
		return back, nil
	case err != nil:
		return nil, err
	case root != known.root:
		back.Words = fmt.Sprintf("the audit log was rewritten: its first %d leaves are not those of the last checkpoint written outside the database, root %s",
			known.size, known.root)
		return back, nil
	}
	return nil, nil //nolint:nilnil // it continues it
}

// follows reports whether the tree is that of a log that was begun in place of what is known, by a server whose key was known
// before: the first leaf says what was given up, and what is known here is no more than that.
func (l *Log) follows(ctx context.Context, tx *store.Tx, t tree, known latched) (bool, error) {
	body, ok, err := store.One(ctx, tx, store.ScanString, `SELECT e.body FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id WHERE l.idx = $1`, t.first)
	if err != nil || !ok {
		return false, err
	}
	var first struct {
		Event   Name      `json:"event"`
		Details restartOf `json:"details"`
	}
	if err := json.Unmarshal([]byte(body), &first); err != nil {
		return false, nil //nolint:nilerr // an event of another shape begins no log
	}
	if first.Event != LogRestarted || !first.Details.covers(known.head) {
		return false, nil
	}
	verifiers, err := parseVerifiers(append(slices.Clone(known.keys), l.vkey))
	if err != nil {
		return false, err
	}
	notes, err := store.List(ctx, tx, store.ScanString, `SELECT note FROM audit_checkpoint WHERE size = 1`)
	if err != nil {
		return false, fmt.Errorf("read first checkpoints: %w", err)
	}
	begun := head{origin: t.origin, size: 1, root: tlog.RecordHash([]byte(body))}
	return slices.ContainsFunc(notes, func(text string) bool {
		h, _, err := openNote(text, verifiers)
		return err == nil && h == begun
	}), nil
}

// Continues returns nil if the log continues what this server has published of it.
func (l *Log) Continues(ctx context.Context) (back *SetBack, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		back, err = l.SetBack(ctx, tx)
		return err
	})
	return back, err
}

// SetBack is the step of Continues.
func (l *Log) SetBack(ctx context.Context, tx *store.Tx) (*SetBack, error) {
	t, err := readTree(ctx, tx)
	if err != nil {
		return nil, err
	}
	return l.setBack(ctx, tx, t, l.latch.largest())
}

// Restart is a step: it gives up what was published of a log that was set back, and goes on under a new name. The event, whose
// name and details it fills in, becomes the first leaf; all other events in the database follow in their order, as they are
// sequenced. Once the transaction is committed, Attest makes the new log the one to continue.
func (l *Log) Restart(ctx context.Context, tx *store.Tx, back SetBack, e Event) error {
	t, err := readTree(ctx, tx)
	if err != nil {
		return err
	}
	var taken int64 // rows beyond the size, where only a part was set back
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(idx), -1) + 1 FROM audit_leaf`).Scan(&taken); err != nil {
		return fmt.Errorf("look for the last leaf: %w", err)
	}
	var hashed int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(idx), -1) / 2 + 1 FROM audit_hash`).Scan(&hashed); err != nil {
		return fmt.Errorf("look for the last hash: %w", err)
	}
	begun := tree{origin: successor(t.origin, back.Origin), first: max(t.next(), taken, hashed)}
	swapped, err := tx.Exec(ctx, `UPDATE audit_head SET origin = $1, first = $2, size = 0 WHERE origin = $3 AND first = $4 AND size = $5`,
		begun.origin, begun.first, t.origin, t.first, t.size)
	if err != nil {
		return fmt.Errorf("begin a new log: %w", err)
	}
	if swapped == 0 {
		return fault.New(fault.Stale, "log_grew", "the log has changed meanwhile").Fix("look at it again")
	}
	var last int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM audit_pending`).Scan(&last); err != nil {
		return fmt.Errorf("look for events to sequence: %w", err)
	}
	// Others may append meanwhile: what they add stays, and nothing is there twice.
	if _, err := tx.Exec(ctx, `INSERT INTO audit_pending (event_id) SELECT e.id FROM audit_event e
		LEFT JOIN audit_leaf l ON l.event_id = e.id AND l.idx >= $1
		WHERE e.id NOT IN (SELECT event_id FROM audit_pending WHERE seq > $2)
		ORDER BY CASE WHEN l.idx IS NULL THEN 1 ELSE 0 END, l.idx, e.at, e.id`, t.first, last); err != nil {
		return fmt.Errorf("sequence all events again: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM audit_pending WHERE seq <= $1 AND event_id IN (SELECT event_id FROM audit_pending WHERE seq > $1)`, last); err != nil {
		return fmt.Errorf("sequence all events again: %w", err)
	}
	replaced, err := t.root(ctx, tx, t.size)
	if err != nil && !errors.Is(err, errHashMissing) {
		return err
	}
	e.ID, e.Event, e.Details = store.NewID(), LogRestarted, map[string]any{
		"abandoned_origin": back.Origin, "abandoned_size": back.Size, "abandoned_root": back.Root, "origin": begun.origin, "found": back.Words,
		"replaced_origin": t.origin, "replaced_size": t.size, "replaced_root": replaced.String(),
	}
	e.Subject = "audit_log:" + begun.origin
	if _, err := Append(ctx, tx, e); err != nil {
		return err
	}
	var body string
	if err := tx.QueryRow(ctx, `SELECT body FROM audit_event WHERE id = $1`, e.ID).Scan(&body); err != nil {
		return fmt.Errorf("read the first event: %w", err)
	}
	if _, _, err := l.append(ctx, tx, begun, []string{e.ID}, []string{body}); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM audit_pending WHERE event_id = $1`, e.ID); err != nil {
		return fmt.Errorf("clear pending events: %w", err)
	}
	return nil
}

// Attest keeps the log as it is now outside the database, signed. It is a fault if the log was set back.
func (l *Log) Attest(ctx context.Context) error {
	_, err := l.attest(ctx, nil)
	return err
}

// attest signs the log as one transaction sees it, in which more reads what is told with the checkpoint, if it is given. The
// checkpoint is kept outside the database before anybody gets it, and continues all that were.
func (l *Log) attest(ctx context.Context, more func(ctx context.Context, tx *store.Tx, t tree, c Checkpoint) error) (c Checkpoint, err error) {
	for {
		var h head
		known := l.latch.largest()
		err := l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
			t, err := readTree(ctx, tx)
			if err != nil {
				return err
			}
			if err := l.continues(ctx, tx, t, known); err != nil {
				return err
			}
			h = head{origin: t.origin, size: t.size}
			if h.root, err = t.root(ctx, tx, t.size); err != nil {
				return err
			}
			if c, err = l.sign(ctx, tx, h); err != nil || more == nil {
				return err
			}
			return more(ctx, tx, t, c)
		})
		if err != nil {
			return Checkpoint{}, err
		}
		if kept, err := l.latch.keep(c, h, known); err != nil || kept {
			return c, err
		}
	}
}

// followEvery is how often a server that does not sequence keeps what the others signed.
const followEvery = time.Second

// Follow keeps the log as it grows outside the database until ctx ends, whichever server sequences it: each has to notice by
// itself if it is set back.
func (l *Log) Follow(ctx context.Context) {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	healthy := true
	for {
		err := l.Attest(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && healthy:
			l.cfg.Log.Error("audit log not attested", slog.Any("error", err))
		case err == nil && !healthy:
			l.cfg.Log.Info("audit log is attested again")
		}
		healthy = err == nil
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
