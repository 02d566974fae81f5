// Package backup writes an installation into one file, while it runs, and sets it up again elsewhere, on either engine.
//
// Keys and sessions are not in it: who finds a backup can sign no checkpoint, read no sealed secret and be nobody.
package backup

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
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
	if err := b.DB.Dump(ctx, zip, sessions, "idempotency", "seal_check", "kill_early"); err != nil { // sealed answers of a day, the name of their key, and what replicas serve
		return err
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("write backup: %w", err)
	}
	return nil
}

// Restored is what a restore found: links that it ended, and tokens that work again, those too that were revoked after the
// backup.
type Restored struct {
	Header
	Links  int64 `json:"links_ended"`
	Tokens int64 `json:"tokens_valid"`
}

// RestoredLately is how long administrators are asked, after a restore, what was revoked since the backup was taken.
const RestoredLately = 14 * 24 * time.Hour

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
		event := access.System("backup").Event(audit.InstallationRestored, now)
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
