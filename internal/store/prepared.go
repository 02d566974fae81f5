package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"github.com/soukhq/souk/internal/fault"
)

// ErrMoved is what a write transaction returns where something that was prepared outside of it no longer holds.
var ErrMoved = errors.New("what was prepared no longer holds")

// ErrReadOnly is what a transaction of Read returns that got as far as its first write.
var ErrReadOnly = errors.New("a read transaction writes nothing")

// maxPrepared is how often a write is prepared before it is given up, and busyFor how long its caller is told to wait.
const (
	maxPrepared = 3
	busyFor     = time.Second
)

// Prepared runs act as a write transaction, by db.Write or db.WriteLarge, after prepare, which runs with no transaction open and
// may take its time. Where act finds that what was prepared no longer holds it returns ErrMoved: nothing is written, and all
// begins anew, three times in all, then it is a fault.Unavailable with the code busy.
func Prepared(
	ctx context.Context, write func(context.Context, func(context.Context, *Tx) error) error,
	prepare func(context.Context) error, act func(context.Context, *Tx) error,
) error {
	for range maxPrepared {
		if err := prepare(ctx); err != nil {
			return err
		}
		if err := write(ctx, act); !errors.Is(err, ErrMoved) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "busy", "what this rests on changed again and again while it was judged").
		Fix("nothing was changed; try again in a moment").After(busyFor)
}

// wrote reports whether an engine refused a write since its transaction only reads.
func wrote(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "25006"
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code()&0xff == sqliteReadOnly
}
