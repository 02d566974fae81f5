// Package backup writes an installation into one file, while it runs, and sets it up again elsewhere, on either engine.
//
// Keys and sessions are not in it: who finds a backup can sign no checkpoint, read no sealed secret and be nobody.
package backup

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
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
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

// form is the version of the form of backups.
const form = 1

// Header is the first line of a backup; a dump of the database follows it. All of it is gzipped.
type Header struct {
	Form      int       `json:"souk_backup"`
	Version   string    `json:"version"` // of the program that wrote it
	At        time.Time `json:"at"`
	AuditKeys []string  `json:"audit_keys"` // verifier keys of those who signed the log
}

// Backups writes backups of an installation. It is safe for concurrent use.
type Backups struct {
	DB      *store.DB
	Audit   *audit.Log
	Now     func() time.Time
	Version string
	Dir     string // where Spool puts what waits to be sent
	spooled sync.Mutex
}

// sessions is the table whose rows stay behind: a sign-out that came after the backup must hold after its restore.
const sessions = "session"

// Write writes all that was committed before it began. Administrators do it. It holds a connection to the database all the while, so w
// must not be somebody who may stop reading: that is what Spool is for.
func (b *Backups) Write(ctx context.Context, by access.Actor, w io.Writer) error {
	if err := access.Can(by, access.Backup, access.Scope{}); err != nil {
		return err
	}
	keys, err := b.Audit.VerifierKeys(ctx)
	if err != nil {
		return err
	}
	zip := gzip.NewWriter(w)
	if err := json.NewEncoder(zip).Encode(Header{Form: form, Version: b.Version, At: b.Now().UTC(), AuditKeys: keys}); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	if err := b.DB.Dump(ctx, zip, sessions, "idempotency", "seal_check"); err != nil { // sealed answers of a day, and the name of their key
		return err
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

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

// Restored is what a restore found: links that it ended, and tokens that work again, those too that were revoked after the
// backup.
type Restored struct {
	Header
	Links  int64 `json:"links_ended"`
	Tokens int64 `json:"tokens_valid"`
}

// EventRestored is the name of the event that a restore leaves.
const EventRestored = "installation.restored"

// Restore makes an empty database what the backup says, all of it or nothing, ends its one-time links and leaves an event that
// says so. A file that is no whole backup is a fault of kind Invalid, a database in use one of kind Conflict.
func Restore(ctx context.Context, db *store.DB, r io.Reader, now time.Time) (done Restored, err error) {
	if done.Header, err = fill(ctx, db, r); err != nil {
		return done, err
	}
	err = db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if done.Links, done.Tokens, err = signin.Restored(ctx, tx, now); err != nil {
			return err
		}
		event := access.System("backup").Event(EventRestored, now)
		event.Subject, event.Details = "installation", map[string]any{"backup_at": done.At, "links_ended": done.Links, "tokens_valid": done.Tokens}
		_, err = audit.Append(ctx, tx, event)
		return err
	})
	return done, err
}

func fill(ctx context.Context, db *store.DB, r io.Reader) (h Header, err error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return h, notOne(err)
	}
	lines := bufio.NewReader(io.LimitReader(zip, 1<<40))
	first, err := lines.ReadSlice('\n')
	if err != nil {
		return h, notOne(err)
	}
	if err := json.Unmarshal(first, &h); err != nil || h.Form == 0 {
		return h, notOne(err)
	}
	if h.Form != form {
		return h, fault.New(fault.Invalid, "bad_backup", "the backup is of a form that this version does not know").
			Fix("restore it with version %s or newer", h.Version)
	}
	return h, db.Fill(ctx, lines)
}

func notOne(cause error) error {
	return fault.New(fault.Invalid, "bad_backup", "this is no backup").Fix("name a file that souk backup wrote").Because(cause)
}
