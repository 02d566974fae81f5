package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"modernc.org/sqlite"

	"github.com/soukhq/souk/internal/fault"
)

// SQLite result codes, https://www.sqlite.org/rescode.html; the low byte is the primary code.
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteFull     = 13
	sqliteCantOpen = 14
)

// sqliteReaders is how many read at a time, besides those in the first lane.
const sqliteReaders = 8

// sqlitePatience is how long a transaction waits for another process that has the file.
const sqlitePatience = 5 * time.Second

const (
	sqliteBoth   = "_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=1&_dqs=0"
	sqliteWriter = "_defensive=1&" + sqliteBoth + "&_txlock=immediate&_pragma=recursive_triggers(1)&_pragma=trusted_schema(0)"
	sqliteReader = sqliteBoth + "&_query_only=1"
)

func init() {
	// PostgreSQL's name for byte order, so that keyset queries can say COLLATE "C" on both engines.
	sqlite.MustRegisterCollationUtf8("C", strings.Compare)
}

func (db *DB) openSQLite(ctx context.Context, path string) error {
	db.engine = SQLite
	unlock, err := lockFile(filepath.Join(filepath.Dir(path), "souk.lock"))
	if err != nil {
		return err
	}
	db.unlock = unlock
	// SQLite would make the file readable for everybody who gets into the directory, and so its WAL.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return errors.Join(fault.New(fault.Invalid, "no_database", "the database file %s cannot be opened", path).
			Fix("see who owns it and whether the disk can be written to").Because(err), unlock())
	}
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	writer, err := sql.Open("sqlite", "file:"+escaped+"?"+sqliteWriter)
	if err != nil {
		return errors.Join(fmt.Errorf("open SQLite: %w", err), unlock())
	}
	writer.SetMaxOpenConns(1)
	if err := writer.PingContext(ctx); err != nil {
		return errors.Join(classify(fmt.Errorf("open SQLite file %s: %w", path, err)), writer.Close(), unlock())
	}
	reader, err := sql.Open("sqlite", "file:"+escaped+"?"+sqliteReader)
	if err != nil {
		return errors.Join(fmt.Errorf("open SQLite: %w", err), writer.Close(), unlock())
	}
	reader.SetMaxOpenConns(sqliteReaders + reserved)
	reader.SetMaxIdleConns(sqliteReaders + reserved)
	db.writer = pool{conns: writer, gate: newGate(1)}
	db.kills = db.writer
	db.reader = pool{conns: reader, gate: newGate(sqliteReaders)}
	db.spare = pool{conns: reader, gate: newGate(reserved)}
	return nil
}

// lockFile takes an advisory lock that the kernel frees when the process ends, however it ends.
func lockFile(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fault.New(fault.Conflict, "already_running", "another souk runs on %s", filepath.Dir(path)).
			Fix("stop it first, or give this one another directory with --data").Because(err)
	}
	return file.Close, nil
}
