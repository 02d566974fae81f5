package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/soukhq/souk/internal/fault"
)

// classify turns the errors of a database that is away, full or too busy into fault.Unavailable, and leaves all others.
func classify(err error) error {
	if err == nil || fault.Of(err) != "" || !unavailable(err) {
		return err
	}
	if full(err) {
		return fault.New(fault.Unavailable, "disk_full", "the disk of the database is full").
			Fix("nothing was changed; it goes on by itself once the administrators have made room").Because(err)
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

func unavailable(err error) bool {
	if _, connect := errors.AsType[*pgconn.ConnectError](err); connect {
		return true // whatever the reason, such as a database that was renamed or takes no connections
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Classes 08 connection, 53 resources (disk full, too many connections), 57 operator intervention, 25006 read-only.
		class := pg.Code[:min(2, len(pg.Code))]
		return class == "08" || class == "53" || class == "57" || pg.Code == "25006"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		switch lite.Code() & 0xff {
		case sqliteBusy, sqliteReadOnly, sqliteIOErr, sqliteFull, sqliteCantOpen:
			return true
		}
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, context.DeadlineExceeded)
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
