package serve

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/fault"
)

// Restore makes an installation that holds nothing what a backup says. A server that runs there is a fault of kind Conflict.
func Restore(ctx context.Context, cfg Config, from io.Reader) (backup.Restored, error) {
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return backup.Restored{}, fault.New(fault.Invalid, "no_data", "the data directory %s cannot be made", cfg.Data).At("data").
			Fix("name a directory that you may write to with --data").Because(err)
	}
	db, err := open(ctx, cfg)
	if err != nil {
		return backup.Restored{}, err
	}
	now := time.Now
	if cfg.Now != nil {
		now = cfg.Now
	}
	done, err := backup.Restore(ctx, db, from, now())
	return done, errors.Join(err, db.Close())
}
