package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
)

// spoolFile is the name under which a backup is begun in Dir. It has lost it before the first byte is written, so that it is gone once
// it is closed, however the process ends.
const spoolFile = "backup.spool"

// comeBack is after how long whoever met another backup may try again.
const comeBack = 10 * time.Second

// Spool is Write into a file on disk, which the caller reads and closes. There is one at a time, until it is closed: who wants a
// second gets a fault of kind Unavailable.
func (b *Backups) Spool(ctx context.Context, by access.Actor) (io.ReadCloser, error) {
	if err := access.Can(by, access.Backup, access.Scope{}); err != nil {
		return nil, err
	}
	if !b.spooled.TryLock() {
		return nil, fault.New(fault.Unavailable, "busy", "another backup is being taken").Fix("try again once it is done").After(comeBack)
	}
	file, err := b.spool(ctx, by)
	if err != nil {
		b.spooled.Unlock()
		return nil, err
	}
	return &spool{File: file, done: sync.OnceFunc(b.spooled.Unlock)}, nil
}

func (b *Backups) spool(ctx context.Context, by access.Actor) (*os.File, error) {
	path := filepath.Join(b.Dir, spoolFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a process that ended just then
		return nil, fmt.Errorf("remove old spool file: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make spool file: %w", err)
	}
	err = os.Remove(path)
	if err == nil {
		err = b.Write(ctx, by, file)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.ENOSPC) {
			err = fault.New(fault.Unavailable, "disk_full", "the data directory has no room for a backup").
				Fix("make room there, or take the backup with the database's own tools").Because(err)
		}
		return nil, err
	}
	return file, nil
}

// spool is a backup that waits on disk to be sent.
type spool struct {
	*os.File
	done func()
}

// Close lets the next backup be taken.
func (s *spool) Close() error {
	defer s.done()
	return s.File.Close()
}
