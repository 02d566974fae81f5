package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/soukhq/souk/internal/fault"
)

// ErrBusy is the cause of a fault of kind Unavailable with the code busy: no connection, or no lock, became free in time. Nothing was
// written.
var ErrBusy = errors.New("nothing became free in time")

// ErrOutcomeUnknown is the cause of a fault of kind Unavailable where PostgreSQL went away while a transaction was committed: it is
// written or it is not. Whoever tries again looks first, or has marked the transaction by Once.
var ErrOutcomeUnknown = errors.New("whether it was written is not known")

func busy(cause error) *fault.Error {
	return fault.New(fault.Unavailable, "busy", "the database is busy with other work").
		Fix("nothing was changed; try again in a moment").Because(cause)
}

// classify turns the errors of a database that is away, full or too busy into fault.Unavailable, and leaves all others.
func classify(err error) error {
	if err == nil || fault.Of(err) != "" || !unavailable(err) {
		return err
	}
	if full(err) {
		return fault.New(fault.Unavailable, "disk_full", "the disk of the database is full").
			Fix("nothing was changed; it goes on by itself once the administrators have made room").Because(err)
	}
	if locked(err) {
		return busy(errors.Join(ErrBusy, err))
	}
	if errors.Is(err, ErrOutcomeUnknown) {
		return fault.New(fault.Unavailable, "database_unavailable", "the database went away while this was written").
			Fix("look whether it was done before you try again; with the same Idempotency-Key it is done once at most").Because(err)
	}
	return fault.New(fault.Unavailable, "database_unavailable", "the database cannot be used right now").
		Fix("nothing was changed; try again in a moment").Because(err)
}

// full tells whether the database found no room: SQLITE_FULL, or 53100 of PostgreSQL.
func full(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "53100"
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code()&0xff == sqliteFull
}

// locked reports whether a lock was not free in time: SQLITE_BUSY, where another process has the file, or 55P03 of PostgreSQL.
func locked(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "55P03"
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code()&0xff == sqliteBusy
}

// unknown reports whether a commit that ended with err may have been carried out: what came back is no refusal. What pgx says of a
// connection that is closed does not tell whether the commit was sent.
func unknown(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return lost(pg)
	}
	return err != nil && !errors.Is(err, pgx.ErrTxCommitRollback) && !errors.Is(err, sql.ErrTxDone)
}

// lost reports whether the server ended the connection: classes 08 connection and 57 operator intervention.
func lost(err *pgconn.PgError) bool {
	return strings.HasPrefix(err.Code, "08") || strings.HasPrefix(err.Code, "57")
}

func unavailable(err error) bool {
	for _, away := range []error{ErrOutcomeUnknown, driver.ErrBadConn, sql.ErrConnDone, context.DeadlineExceeded} {
		if errors.Is(err, away) {
			return true
		}
	}
	if _, connect := errors.AsType[*pgconn.ConnectError](err); connect {
		return true // whatever the reason, such as a database that was renamed or takes no connections
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Class 53 is resources (disk full, too many connections), 25006 read-only.
		return lost(pg) || locked(pg) || strings.HasPrefix(pg.Code, "53") || pg.Code == "25006"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqliteBusy, sqliteReadOnly, sqliteIOErr, sqliteFull, sqliteCantOpen:
			return true
		}
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network
}

func retryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	// Serialization failure, deadlock, unique violation: run again, fn sees what the other transaction committed.
	return ok && (pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "23505")
}

// CheckText refuses text that one of the engines cannot hold, NUL and invalid UTF-8, and text that shows people another one
// than it is, naming the field.
func CheckText(field, text string) error {
	if strings.ToValidUTF8(text, "") != text || strings.ContainsRune(text, 0) {
		return fault.New(fault.Invalid, "invalid_text", "%s contains a NUL or is not valid UTF-8", field).At(field).
			Fix("send it as UTF-8 text")
	}
	if strings.ContainsFunc(text, fault.Deceptive) {
		return fault.New(fault.Invalid, "invalid_text", "%s contains characters that cannot be seen or that turn the direction of text", field).
			At(field).Fix("type it anew instead of pasting it")
	}
	return nil
}
