// Package store opens the database, SQLite or PostgreSQL, behind one SQL.
//
// The packages above write plain SQL in the subset that both engines share ($1 placeholders, RETURNING, ON CONFLICT, times
// as BIGINT microseconds, JSON as TEXT) and never ask which engine runs. What differs lives here: settings, locks,
// migrations, announcements between processes, and leadership.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Engine names a database engine.
type Engine string

// The engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// Config says where the database is. An empty URL means a SQLite file souk.db in Dir.
type Config struct {
	Dir        string // data directory; made if absent
	URL        string // postgres://… for PostgreSQL
	MigrateURL string // PostgreSQL only: the role that owns the tables; empty means URL
	Log        *slog.Logger
	MayBeAway  bool // PostgreSQL: opening it does not ask whether it is there
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	engine  Engine
	cfg     Config
	server  *pgx.ConnConfig // PostgreSQL only
	writer  pool
	reader  pool    // the same as writer on PostgreSQL
	kills   pool    // of writes in the first lane; the same as writer on SQLite
	spare   pool    // of reads in the first lane
	sender  *sql.DB // PostgreSQL only: the connection that messages go over
	unlock  func() error
	hub     hub
	kept    sync.Map // values that packages keep with the database
	stop    context.CancelFunc
	running sync.WaitGroup
}

// writeDeadline bounds a write transaction, its wait for a connection included.
const writeDeadline = 10 * time.Second

// patience bounds the wait for a connection to read from, and again its first answer: who has it may be dead without having said so.
const patience = 5 * time.Second

// reserved is how many connections the first lane has that nobody else can use up, for each thing that it does.
const reserved = 2

// largeDeadline is that of WriteLarge: 100,000 flags killed at once, or 5,000 imported, with their history and an event each, do not fit
// into the deadline of other writes on a small machine, or where the database is a network away; and half of it would be none.
const largeDeadline = time.Minute

// Open opens the database and holds its lock: a second process on the same SQLite file is refused with fault.Conflict.
// It does not migrate.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	db := &DB{cfg: cfg}
	db.hub.subscribers, db.hub.inboxes = map[string]map[chan struct{}]bool{}, map[string]map[*Inbox]bool{}
	if cfg.URL != "" {
		if err := db.openPostgres(ctx); err != nil {
			return nil, err
		}
		return db, nil
	}
	if cfg.Dir == "" {
		return nil, errors.New("open database: neither a directory nor a URL is given")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	if err := db.openSQLite(ctx, filepath.Join(cfg.Dir, "souk.db")); err != nil {
		return nil, err
	}
	return db, nil
}

// Engine tells which engine runs, for doctor and for tests.
func (db *DB) Engine() Engine { return db.engine }

// Close waits for running transactions, closes the connections and frees the lock.
func (db *DB) Close() error {
	if db.stop != nil {
		db.stop()
	}
	db.running.Wait()
	var err error
	for _, p := range []pool{db.writer, db.reader, db.kills, db.spare} { // closing a pool twice does nothing
		err = errors.Join(err, p.conns.Close())
	}
	if db.sender != nil {
		err = errors.Join(err, db.sender.Close())
	}
	if db.unlock != nil {
		err = errors.Join(err, db.unlock())
	}
	return err
}

// Ping returns nil if the database answers, however busy it is.
func (db *DB) Ping(ctx context.Context) error {
	return db.Read(First(ctx), func(ctx context.Context, tx *Tx) error {
		_, err := tx.Exec(ctx, `SELECT 1`)
		return err
	})
}

// Tx is a transaction. Any error inside a write transaction rolls all of it back, on both engines.
type Tx struct {
	tx       *sql.Tx
	engine   Engine
	topics   map[string]bool
	readOnly bool
	again    bool // it runs once more after a deadlock
	kept     *sync.Map
}

// Write runs fn in one write transaction: all of it or nothing. On PostgreSQL fn runs again after a deadlock, a serialization
// failure, or when somebody else took the same key first, so it must have no effects but those in tx and must assign, not
// add to, what it hands out.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.writeWithin(ctx, 0, writeDeadline, fn)
}

// WriteLarge is Write for what may cover many flags: on SQLite, all other writes wait for it meanwhile.
func (db *DB) WriteLarge(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	return db.writeWithin(ctx, 0, largeDeadline, fn)
}

// WriteSoon is WriteLarge in the first lane, if it need not wait: where the writer (on SQLite also another process may have it), or on
// PostgreSQL a connection or one of the locks that it takes, is not free within wait, nothing is written, and the fault has the cause
// ErrBusy.
func (db *DB) WriteSoon(ctx context.Context, wait time.Duration, fn func(ctx context.Context, tx *Tx) error) error {
	return db.writeWithin(First(ctx), wait, largeDeadline, fn)
}

// writeWithin runs fn over a connection that becomes free within wait; 0 is as long as the deadline, which bounds all of it.
func (db *DB) writeWithin(ctx context.Context, wait, deadline time.Duration, fn func(ctx context.Context, tx *Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	p := db.writer
	if laneOf(ctx) == first {
		p = db.kills
	}
	if err := p.enter(ctx, wait); err != nil {
		return err
	}
	defer p.gate.leave()
	p.wait = wait
	for attempt := 1; ; attempt++ {
		err := db.write(ctx, p, attempt > 1, fn)
		if err == nil || attempt == 3 || !retryable(err) {
			return classify(err)
		}
	}
}

func (db *DB) write(ctx context.Context, p pool, again bool, fn func(ctx context.Context, tx *Tx) error) error {
	return db.over(ctx, p, nil, func(ctx context.Context, inner *sql.Tx) error {
		tx := &Tx{tx: inner, engine: db.engine, topics: map[string]bool{}, kept: &db.kept, again: again}
		if p.wait > 0 && db.engine == PostgreSQL {
			if _, err := tx.Exec(ctx, `SELECT set_config('lock_timeout', $1, true)`, millis(p.wait)); err != nil {
				return fmt.Errorf("bound the wait for locks: %w", err)
			}
		}
		if err := guarded(ctx, tx); err != nil {
			return err
		}
		first := pendingOnce(ctx)
		if first != nil {
			if err := first.do(ctx, tx); err != nil {
				return err
			}
		}
		if err := fn(ctx, tx); err != nil {
			return err
		}
		if db.engine == PostgreSQL {
			for topic := range tx.topics {
				if _, err := inner.ExecContext(ctx, `SELECT pg_notify('souk', $1)`, topic); err != nil {
					return fmt.Errorf("announce %s: %w", topic, err)
				}
			}
		}
		if err := db.commit(ctx, inner); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		if first != nil {
			first.done.Store(true)
		}
		if db.engine == SQLite {
			for topic := range tx.topics {
				db.hub.wake(topic)
			}
		}
		return nil
	})
}

func (db *DB) commit(ctx context.Context, inner *sql.Tx) error {
	if err := ctx.Err(); err != nil { // known not to be written, unlike what ends while it is committed
		return err
	}
	err := inner.Commit()
	if db.engine == PostgreSQL && unknown(err) {
		err = errors.Join(ErrOutcomeUnknown, err)
	}
	return err
}

// Read runs fn in one read-only transaction that sees a single state of the database. A write in it ends it with ErrReadOnly.
func (db *DB) Read(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	p, opts := db.reader, &sql.TxOptions{ReadOnly: true}
	if laneOf(ctx) == first {
		p = db.spare
	}
	if db.engine == PostgreSQL {
		opts.Isolation = sql.LevelRepeatableRead
	}
	if err := p.enter(ctx, patience); err != nil {
		return err
	}
	defer p.gate.leave()
	return classify(db.over(ctx, p, opts, func(ctx context.Context, inner *sql.Tx) error {
		err := fn(ctx, &Tx{tx: inner, engine: db.engine, readOnly: true, kept: &db.kept})
		if wrote(err) {
			return ErrReadOnly
		}
		return err
	}))
}

// begin begins a transaction over a connection of p. One that died while it was idle, with nothing begun on it, is replaced, as long
// as the server answers: after an outage the pool is full of those. Without a connection there is no transaction either.
func (db *DB) begin(ctx context.Context, p pool, opts *sql.TxOptions) (conn *sql.Conn, inner *sql.Tx, err error) {
	for {
		if conn, err = p.conns.Conn(ctx); err != nil {
			return nil, nil, err
		}
		if p.wait > 0 && db.engine == SQLite { // beginning takes the one lock there is
			if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = `+millis(p.wait)); err != nil {
				return conn, nil, err
			}
		}
		inner, err = conn.BeginTx(ctx, opts)
		if err == nil || ctx.Err() != nil || db.engine != PostgreSQL || !closed(conn) {
			return conn, inner, err
		}
		_ = conn.Close()
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }

// over runs do in a transaction over a connection of p, whose gate let the caller in, and rolls back what do does not commit.
func (db *DB) over(ctx context.Context, p pool, opts *sql.TxOptions, do func(context.Context, *sql.Tx) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(patience, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	conn, inner, err := db.begin(ctx, p, opts)
	if conn == nil {
		return fmt.Errorf("connect: %w", cmp.Or(context.Cause(ctx), err))
	}
	defer func() { _ = conn.Close() }()
	if p.wait > 0 && db.engine == SQLite {
		defer func() {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA busy_timeout = `+millis(sqlitePatience))
		}()
	}
	if err != nil {
		err = fmt.Errorf("begin: %w", err)
	} else {
		defer func() { _ = inner.Rollback() }()
		late.Stop()
		err = do(ctx, inner)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // which the drivers tell in words of their own
		return errors.Join(context.Cause(ctx), err)
	case db.engine == PostgreSQL && closed(conn):
		return errors.Join(driver.ErrBadConn, err)
	}
	return err
}

// Keep keeps a value with the database for the package whose key it is, as context.WithValue does; transactions find it by Kept.
func (db *DB) Keep(key, value any) { db.kept.Store(key, value) }

// Kept returns what was kept with the database for a key; nil if nothing was.
func (tx *Tx) Kept(key any) any {
	value, _ := tx.kept.Load(key)
	return value
}

// Exec runs a statement and tells how many rows it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := tx.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query runs a query; the caller closes the rows. List and One are shorter.
func (tx *Tx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return tx.tx.QueryContext(ctx, query, args...)
}

// QueryRow runs a query of at most one row.
func (tx *Tx) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return tx.tx.QueryRowContext(ctx, query, args...)
}

// Announce wakes the subscribers of topic, in every process, once the transaction is committed.
func (tx *Tx) Announce(topic string) {
	if !tx.readOnly {
		tx.topics[topic] = true
	}
}

// ForUpdate is the suffix of a SELECT that locks its rows until the end of the transaction. It is empty on SQLite, where a
// write transaction is alone, and in a read transaction, which locks nothing.
func (tx *Tx) ForUpdate() string {
	if tx.engine == PostgreSQL && !tx.readOnly {
		return " FOR UPDATE"
	}
	return ""
}

// ForKeyShare is the suffix of a SELECT whose rows are not deleted, and not selected with ForUpdate by another transaction, until
// the end of this one; other changes of them go on. It is empty where ForUpdate is. A transaction that runs again after a deadlock
// locks them as ForUpdate does: two that share a row and then both want it for themselves would deadlock once more.
func (tx *Tx) ForKeyShare() string {
	if suffix := tx.ForUpdate(); suffix == "" || tx.again {
		return suffix
	}
	return " FOR KEY SHARE"
}

// Row is what a scan function reads from: one row of a result.
type Row interface {
	Scan(dest ...any) error
}

// List runs a query and gives what scan makes of each row.
func List[T any](ctx context.Context, tx *Tx, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, rows.Err()
}

// One runs a query of at most one row; ok is false if there is none.
func One[T any](ctx context.Context, tx *Tx, scan func(Row) (T, error), query string, args ...any) (item T, ok bool, err error) {
	item, err = scan(tx.QueryRow(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		var none T
		return none, false, nil
	}
	return item, err == nil, err
}

// ScanString scans a row of one text column.
func ScanString(row Row) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

// In gives n placeholders starting at $from, such as "$3, $4, $5", for a query with IN.
func In(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", from+i)
	}
	return b.String()
}

// Values returns texts as the values of a query.
func Values[T ~string](texts []T) []any {
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return values
}

// LikePattern gives the pattern of LIKE … ESCAPE '\' that finds text anywhere.
func LikePattern(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// NewID makes an id: a UUIDv7, which sorts by the time it was made.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// IDOf is an id that is the same whenever it is made of the same texts: a UUIDv5.
func IDOf(texts ...string) string {
	return uuid.NewSHA1(uuid.Nil, []byte(strings.Join(texts, "\n"))).String()
}

// Micros is how a time is stored: microseconds since 1970, UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time is the inverse of Micros.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// NullMicros is Micros for an optional time.
func NullMicros(t *time.Time) sql.NullInt64 {
	if t == nil {
		return sql.NullInt64{}
	}
	return sql.NullInt64{Int64: Micros(*t), Valid: true}
}

// NullText is how an optional text is stored where an empty one is none.
func NullText(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }

// NullTime is the inverse of NullMicros.
func NullTime(micros sql.NullInt64) *time.Time {
	if !micros.Valid {
		return nil
	}
	t := Time(micros.Int64)
	return &t
}
