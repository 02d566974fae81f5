package backup_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestOneBackupIsSpooledAtATimeAndLeavesNothingOnDisk(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dir := t.TempDir()
		left := filepath.Join(dir, "backup.spool")
		if err := os.WriteFile(left, []byte("of a process that ended"), 0o600); err != nil {
			t.Fatal(err)
		}
		backups := &backup.Backups{DB: db, Audit: openLog(t, db, t.TempDir()), Now: time.Now, Version: "test", Dir: dir}
		for range 2 {
			first, err := backups.Spool(t.Context(), access.Local("root"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = backups.Spool(t.Context(), access.Local("root"))
			if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Unavailable || f.Code != "busy" || f.RetryAfter == 0 {
				t.Errorf("a second backup at a time: %v", err)
			}
			if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
				t.Errorf("%v lie in the data directory, %v", files, err)
			}
			into := storetest.Open(t, store.SQLite)
			if _, err := backup.Restore(t.Context(), into, first, time.Now()); err != nil {
				t.Error(err)
			}
			if err := first.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := backups.Spool(t.Context(), access.Actor{Email: "a@example.com", TokenScope: access.ScopeAll}); !fault.Is(err, fault.Forbidden) {
			t.Errorf("got %v", err)
		}
	})
}
