package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// openLog opens the log of a database, with the key in dir.
func openLog(t *testing.T, db *store.DB, dir string) *audit.Log {
	t.Helper()
	log, err := audit.Open(t.Context(), db, audit.Config{Dir: dir, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// withKeyOf makes a data directory with the key of another, as whoever sets an installation up elsewhere.
func withKeyOf(t *testing.T, dir string) string {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "audit.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	return elsewhere
}

// export gives the verified events of a database's log, without the checkpoint at their end.
func export(t *testing.T, log *audit.Log) string {
	t.Helper()
	var out bytes.Buffer
	if err := log.Export(t.Context(), access.Local("root"), &out); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(bytes.NewReader(out.Bytes()), audit.VerifyOptions{})
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("the log does not verify: %v %v", err, report.Problems)
	}
	lines := strings.SplitAfter(strings.TrimSpace(out.String()), "\n")
	return strings.Join(lines[:len(lines)-1], "")
}

func TestABackupTakenUnderLoadHoldsAllThatWasCommittedBeforeIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		keys := t.TempDir()
		log := openLog(t, db, keys)
		directory := &access.Directory{DB: db, Now: time.Now}
		put := func(name string) error {
			_, _, err := directory.PutPerson(t.Context(), access.Local("root"), name+"@example.com", access.PersonSpec{}, 0)
			return err
		}
		for i := range 20 {
			if err := put(fmt.Sprintf("before%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		// Writers go on while the backup is taken.
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for w := range 3 {
			writers.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					if err := put(fmt.Sprintf("during%d-%d", w, i)); err != nil {
						t.Error(err)
						return
					}
					if err := log.Sequence(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		var file bytes.Buffer
		backups := &backup.Backups{DB: db, Audit: log, Now: time.Now, Version: "test"}
		if err := backups.Write(t.Context(), access.Local("root"), &file); err != nil {
			t.Fatal(err)
		}
		close(stop)
		writers.Wait()

		for _, engine := range []store.Engine{store.SQLite, store.PostgreSQL} {
			into := storetest.Open(t, engine)
			header, err := backup.Restore(t.Context(), into, bytes.NewReader(file.Bytes()), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if len(header.AuditKeys) != 1 || header.AuditKeys[0] != log.VerifierKey() {
				t.Errorf("the header names the keys %v", header.AuditKeys)
			}
			people, err := (&access.Directory{DB: into, Now: time.Now}).People(t.Context(), access.Local("root"), "before", store.Page{})
			if err != nil || len(people.Items) != 20 {
				t.Errorf("%d of 20 people are there: %v", len(people.Items), err)
			}
			export(t, openLog(t, into, withKeyOf(t, keys)))
		}
	})
}

func TestALogRestoredWithItsKeyHasTheSameRoot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		keys := t.TempDir()
		log := openLog(t, db, keys)
		directory := &access.Directory{DB: db, Now: time.Now}
		for i := range 10 {
			if _, _, err := directory.PutPerson(t.Context(), access.Local("root"), fmt.Sprintf("p%d@example.com", i), access.PersonSpec{}, 0); err != nil {
				t.Fatal(err)
			}
			if i == 5 { // some of the events have their leaf by now, others wait for it
				if err := log.Sequence(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		var file bytes.Buffer
		if err := (&backup.Backups{DB: db, Audit: log, Now: time.Now}).Write(t.Context(), access.Local("root"), &file); err != nil {
			t.Fatal(err)
		}
		into := storetest.Open(t, db.Engine())
		if _, err := backup.Restore(t.Context(), into, &file, time.Now()); err != nil {
			t.Fatal(err)
		}
		// The leaves are the bytes of the events: the same events in the same order have the same root.
		was, is := export(t, log), export(t, openLog(t, into, withKeyOf(t, keys)))
		rest, begins := strings.CutPrefix(is, was)
		if !begins || strings.Count(rest, "\n") != 1 || !strings.Contains(rest, `"event":"installation.restored"`) {
			t.Errorf("the log differs (-was +restored):\n%s", cmp.Diff(was, is))
		}
	})
}

func TestABackupHoldsNoSessionAndIsForAdministrators(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := openLog(t, db, t.TempDir())
		if _, _, err := (&access.Directory{DB: db, Now: time.Now}).PutPerson(t.Context(), access.Local("root"), "a@example.com", access.PersonSpec{}, 0); err != nil {
			t.Fatal(err)
		}
		err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO session (id, hash, person_id, created_at, seen_at) SELECT 'session-1', $1, id, 1, 1 FROM person`, []byte{1})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		backups := &backup.Backups{DB: db, Audit: log, Now: time.Now}
		if err := backups.Write(t.Context(), access.Actor{Email: "a@example.com", TokenScope: access.ScopeAll}, &bytes.Buffer{}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a viewer is answered %v", err)
		}
		var file bytes.Buffer
		if err := backups.Write(t.Context(), access.Local("root"), &file); err != nil {
			t.Fatal(err)
		}
		into := storetest.Open(t, db.Engine())
		if _, err := backup.Restore(t.Context(), into, &file, time.Now()); err != nil {
			t.Fatal(err)
		}
		var left int
		err = into.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.QueryRow(ctx, `SELECT count(*) FROM session`).Scan(&left)
		})
		if err != nil || left != 0 {
			t.Errorf("%d sessions were restored: %v", left, err)
		}
	})
}

func TestWhatIsNoBackupIsRefusedInWords(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	for _, text := range []string{"", "hello", strings.Repeat("\x1f\x8b", 9)} {
		if _, err := backup.Restore(t.Context(), db, strings.NewReader(text), time.Now()); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q gives %v", text, err)
		}
	}
}

func TestAOneTimeLinkOfABackupIsRefusedAfterItsRestore(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		accounts := func(db *store.DB) *signin.Accounts {
			return &signin.Accounts{
				DB: db, Now: time.Now, Directory: &access.Directory{DB: db, Now: time.Now}, Sessions: &signin.Sessions{DB: db, Now: time.Now},
				URL: func() string { return "https://souk.example.com" },
			}
		}
		link, err := accounts(db).Invite(t.Context(), access.Local("root"), "ann@example.com", signin.Invitation{})
		if err != nil {
			t.Fatal(err)
		}
		_, secret, _ := strings.Cut(link.Link, "#")
		var file bytes.Buffer
		backups := &backup.Backups{DB: db, Audit: openLog(t, db, t.TempDir()), Now: time.Now, Version: "test"}
		if err := backups.Write(t.Context(), access.Local("root"), &file); err != nil {
			t.Fatal(err)
		}
		into := storetest.Open(t, db.Engine())
		if done, err := backup.Restore(t.Context(), into, &file, time.Now()); err != nil || done.Links != 1 {
			t.Fatalf("%d links were ended: %v", done.Links, err)
		}
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		if _, err := accounts(db).ReadLink(t.Context(), r, secret); err != nil {
			t.Errorf("where nothing was restored: %v", err)
		}
		_, _, err = accounts(into).UseLink(t.Context(), r, signin.LinkUse{Secret: secret, Password: "a phrase of many words"})
		if e, ok := errors.AsType[*fault.Error](err); !ok || e.Code != "link_void" {
			t.Errorf("after the restore: %v", err)
		}
	})
}
