package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/soukhq/souk/internal/store"
)

// Config says with which key the log is signed and where checkpoints go besides the database.
type Config struct {
	Dir     string // data directory: audit.key and checkpoints; empty means no checkpoints outside the database
	KeyFile string // file with the signing key; goes before Key
	Key     string // the signing key itself, from SOUK_AUDIT_KEY; both empty means Dir/audit.key, made if absent
	Log     *slog.Logger
	Now     func() time.Time
	// Known returns of an actor, as a filter names it, the ids of the people who have that address or had it, and the names under which
	// they are in events that carry no id; nil knows nobody. Audit may not know people; serve does.
	Known func(ctx context.Context, tx *store.Tx, actor string) (ids, names []string, err error)
}

// Log is the audit log of a database, with this server's key. It is safe for concurrent use.
type Log struct {
	db     *store.DB
	cfg    Config
	signer note.Signer
	vkey   string
	latch  latch
}

const (
	tick      = 250 * time.Millisecond
	batchSize = 1000 // events in a transaction of the sequencer: few enough for a slow disk within the time of a write
	rowsSize  = 500  // rows in one INSERT; both engines limit its parameters
)

// Open takes the signing key, names the log if it is new, and makes this server's verifier key known to the others. A key
// that was not seen before is itself an event, so that nobody changes keys quietly. The database has to be migrated. A log
// that was set back opens; nothing of it is signed until that is acknowledged.
func Open(ctx context.Context, db *store.DB, cfg Config) (*Log, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l := &Log{db: db, cfg: cfg}
	var name tree
	err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if _, err := tx.Exec(ctx, `UPDATE audit_head SET origin = $1 WHERE origin = ''`, newOrigin()); err != nil {
			return err
		}
		name, err = readTree(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("name audit log: %w", err)
	}
	if err := l.latch.open(cfg.Dir); err != nil {
		return nil, err
	}
	secret, source, err := cfg.secretKey(name.origin)
	if err != nil {
		return nil, err
	}
	if l.signer, l.vkey, err = parseKey(secret, source); err != nil {
		return nil, err
	}
	err = db.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return l.register(ctx, tx) })
	if err != nil {
		return nil, fmt.Errorf("register audit key: %w", err)
	}
	return l, nil
}

// newOrigin makes the first line of a new log's checkpoints.
func newOrigin() string {
	id := strings.ReplaceAll(store.NewID(), "-", "")
	return "souk/" + id[len(id)-12:]
}

func (l *Log) register(ctx context.Context, tx *store.Tx) error {
	now := l.cfg.Now()
	fresh, err := tx.Exec(ctx, `INSERT INTO audit_key (vkey, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, l.vkey, store.Micros(now))
	if err != nil || fresh == 0 {
		return err
	}
	_, err = Append(ctx, tx, Event{
		Event: SigningKeyAdded, Actor: "souk:audit", Timestamp: now, Subject: "audit_key:" + l.vkey,
		Reason: "a server signs with this key from now on", Credential: Credential{Kind: "system", ID: "audit"},
	})
	return err
}

// VerifierKey is the public half of this server's signing key: what verify takes as --key.
func (l *Log) VerifierKey() string { return l.vkey }

// VerifierKeys gives the verifier keys of every server that ever signed for this log, that of this server first.
func (l *Log) VerifierKeys(ctx context.Context) (keys []string, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		keys, err = l.keys(ctx, tx)
		return err
	})
	return keys, err
}

func (l *Log) keys(ctx context.Context, tx *store.Tx) ([]string, error) {
	others, err := store.List(ctx, tx, store.ScanString, `SELECT vkey FROM audit_key WHERE vkey <> $1 ORDER BY at DESC, vkey`, l.vkey)
	if err != nil {
		return nil, fmt.Errorf("list verifier keys: %w", err)
	}
	return append([]string{l.vkey}, others...), nil
}

// Run sequences until ctx ends: when an event was appended, at most every 250 ms. The leader runs it; a second one does no
// harm. Errors are logged, and the next tick tries again.
func (l *Log) Run(ctx context.Context) {
	wake, stop := l.db.Subscribe(Topic)
	defer stop()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	healthy := true
	for ctx.Err() == nil {
		err := l.sequenceWaiting(ctx)
		switch {
		case err == nil && !healthy:
			l.cfg.Log.Info("audit events are sequenced again")
		case err != nil && healthy && ctx.Err() == nil:
			l.cfg.Log.Error("audit events not sequenced", slog.Any("error", err))
		}
		healthy = err == nil
		select { // the ticker also keeps wake-ups from following each other closely
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-wake:
		case <-ticker.C: // an announcement may have been lost
		case <-ctx.Done():
			return
		}
	}
}

// Sequence gives a leaf to every event that was committed before it began, by this process or another.
func (l *Log) Sequence(ctx context.Context) error {
	var until int64
	err := l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM audit_pending`).Scan(&until)
	})
	if err != nil {
		return fmt.Errorf("look for events to sequence: %w", err)
	}
	return l.sequenceUntil(ctx, until)
}

func (l *Log) sequenceUntil(ctx context.Context, until int64) error {
	for {
		first, waiting, err := l.firstPending(ctx)
		if err != nil {
			return err
		}
		if !waiting || first > until {
			return nil
		}
		if err := l.batch(ctx); err != nil && !errors.Is(err, errLost) { // who won made the progress
			return err
		}
	}
}

// sequenceWaiting is Sequence for the loop: a lost swap waits for the next tick.
func (l *Log) sequenceWaiting(ctx context.Context) error {
	_, waiting, err := l.firstPending(ctx)
	if err != nil || !waiting {
		return err
	}
	if err := l.batch(ctx); err != nil && !errors.Is(err, errLost) {
		return err
	}
	return nil
}

func (l *Log) firstPending(ctx context.Context) (seq int64, ok bool, err error) {
	err = l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) error {
		seq, ok, err = store.One(ctx, tx, scanInt, `SELECT seq FROM audit_pending ORDER BY seq LIMIT 1`)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("look for events to sequence: %w", err)
	}
	return seq, ok, nil
}

func scanInt(row store.Row) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}

// errLost says that another sequencer was faster. Nothing is wrong then.
var errLost = errors.New("another sequencer was faster")

func (l *Log) batch(ctx context.Context) error {
	var h head
	var signed Checkpoint
	known := l.latch.largest()
	err := l.db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		h, signed, err = l.sequence(ctx, tx, known)
		return err
	})
	if err != nil {
		return fmt.Errorf("sequence audit events: %w", err)
	}
	// The leaves are committed: a checkpoint that cannot be written now is by the next one, or by whoever asks for it first.
	kept, err := l.latch.keep(signed, h, known)
	if err == nil && !kept { // somebody signed meanwhile
		_, err = l.attest(ctx, nil)
	}
	if err != nil {
		l.cfg.Log.Error("audit checkpoint not written outside the database", slog.Any("error", err))
	} else if signed.Size > 0 {
		l.cfg.Log.Info("audit checkpoint signed", "size", signed.Size, "checkpoint", signed.Note)
	}
	return nil
}

type pendingEvent struct {
	seq  int64
	id   string
	body sql.NullString // not valid if somebody took the event away before it had a leaf
}

// sequence is one batch. The head is read first and swapped before anything is written: whoever sequenced in between
// makes the swap find no row, and two sequencers never wait for each other's rows in different orders.
func (l *Log) sequence(ctx context.Context, tx *store.Tx, known latched) (h head, c Checkpoint, err error) {
	t, err := readTree(ctx, tx)
	if err != nil {
		return h, c, err
	}
	if err := l.continues(ctx, tx, t, known); err != nil {
		return h, c, err
	}
	pending, err := store.List(ctx, tx, func(row store.Row) (p pendingEvent, err error) {
		err = row.Scan(&p.seq, &p.id, &p.body)
		return p, err
	}, `SELECT p.seq, p.event_id, e.body FROM audit_pending p LEFT JOIN audit_event e ON e.id = p.event_id ORDER BY p.seq LIMIT $1`, batchSize)
	if err != nil {
		return h, c, fmt.Errorf("read pending events: %w", err)
	}
	var seqs []any
	var ids, bodies []string
	for _, p := range pending {
		seqs = append(seqs, p.seq)
		if !p.body.Valid {
			l.cfg.Log.Error("an audit event was taken out of the database before it had a leaf", "event", p.id)
			continue
		}
		ids, bodies = append(ids, p.id), append(bodies, p.body.String)
	}
	if len(ids) > 0 {
		if h, c, err = l.append(ctx, tx, t, ids, bodies); err != nil {
			return h, c, err
		}
	}
	return h, c, clearPending(ctx, tx, seqs)
}

// append is a step: it gives the events the next leaves of the tree, and signs it.
func (l *Log) append(ctx context.Context, tx *store.Tx, t tree, ids, bodies []string) (h head, c Checkpoint, err error) {
	swapped, err := tx.Exec(ctx, `UPDATE audit_head SET size = $1 WHERE size = $2 AND first = $3`, t.size+int64(len(ids)), t.size, t.first)
	if err != nil {
		return h, c, fmt.Errorf("swap head: %w", err)
	}
	if swapped == 0 {
		return h, c, errLost
	}
	g, err := t.grow(ctx, tx, ids, bodies)
	if err != nil {
		return h, c, err
	}
	if err := insertPairs(ctx, tx, `INSERT INTO audit_leaf (idx, event_id) VALUES `, g.leaves); err != nil {
		return h, c, fmt.Errorf("write leaves: %w", err)
	}
	if err := insertPairs(ctx, tx, `INSERT INTO audit_hash (idx, hash) VALUES `, g.hashes); err != nil {
		return h, c, fmt.Errorf("write hashes: %w", err)
	}
	if c, err = l.sign(ctx, tx, g.head); err != nil {
		return h, c, err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO audit_checkpoint (size, at, note) VALUES ($1, $2, $3)`, c.Size, store.Micros(c.At), c.Note); err != nil {
		return h, c, fmt.Errorf("write checkpoint: %w", err)
	}
	tx.Announce(LeavesTopic)
	return g.head, c, nil
}

func clearPending(ctx context.Context, tx *store.Tx, seqs []any) error {
	for part := range slices.Chunk(seqs, rowsSize) {
		if _, err := tx.Exec(ctx, `DELETE FROM audit_pending WHERE seq IN (`+store.In(1, len(part))+`)`, part...); err != nil {
			return fmt.Errorf("clear pending events: %w", err)
		}
	}
	return nil
}

// insertPairs inserts rows of two columns, some hundred at a time.
func insertPairs(ctx context.Context, tx *store.Tx, insert string, values []any) error {
	for part := range slices.Chunk(values, 2*rowsSize) {
		rows := make([]string, 0, rowsSize)
		for i := range len(part) / 2 {
			rows = append(rows, "("+store.In(2*i+1, 2)+")")
		}
		if _, err := tx.Exec(ctx, insert+strings.Join(rows, ", "), part...); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) sign(ctx context.Context, tx *store.Tx, h head) (Checkpoint, error) {
	signed, err := note.Sign(&note.Note{Text: h.text()}, l.signer)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	keys, err := l.keys(ctx, tx)
	if err != nil {
		return Checkpoint{}, err
	}
	return Checkpoint{Note: string(signed), Size: h.size, Keys: keys, At: l.cfg.Now().UTC()}, nil
}
