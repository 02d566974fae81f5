package backup_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/signin"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/backup"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestASetBackLogIsAcknowledgedByTwoAdministratorsWithAReason(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		keys := t.TempDir()
		log := openLog(t, db, keys)
		directory := &access.Directory{DB: db, Now: time.Now}
		for _, email := range []string{"ada@example.com", "ben@example.com"} {
			if _, _, err := directory.PutPerson(t.Context(), access.Local("root"), email, access.PersonSpec{}, 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := directory.PutGroup(t.Context(), access.Local("root"), "admins", access.GroupSpec{
			Roles: []access.Role{access.Admin}, Members: []string{"ada@example.com", "ben@example.com"},
		}, 0); err != nil {
			t.Fatal(err)
		}
		tokens := &signin.Tokens{DB: db, Now: time.Now}
		for _, email := range []string{"ada@example.com", "ben@example.com"} { // who has a credential can confirm
			if _, _, err := tokens.Create(t.Context(), access.Local("root"), signin.TokenSpec{As: email, Scope: access.ScopeAll}); err != nil {
				t.Fatal(err)
			}
		}
		var file bytes.Buffer
		if err := (&backup.Backups{DB: db, Audit: log, Now: time.Now}).Write(t.Context(), access.Local("root"), &file); err != nil {
			t.Fatal(err)
		}
		if _, _, err := directory.PutPerson(t.Context(), access.Local("root"), "late@example.com", access.PersonSpec{}, 0); err != nil {
			t.Fatal(err)
		}
		export(t, log)

		into := storetest.Open(t, db.Engine())
		if _, err := backup.Restore(t.Context(), into, &file, time.Now()); err != nil {
			t.Fatal(err)
		}
		restored := openLog(t, into, keys) // the directory in which more was published
		verbs := &backup.Backups{DB: into, Audit: restored, Now: time.Now}
		actor := func(email string) access.Actor {
			var by access.Actor
			err := into.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
				by, err = access.ActorAt(ctx, tx, email, audit.Credential{Kind: "session"}, access.ScopeAll)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return by
		}
		if err := verbs.Acknowledge(t.Context(), actor("ada@example.com"), " "); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("without a reason: %v", err)
		}
		if err := verbs.Acknowledge(t.Context(), access.Actor{Email: "x@example.com", TokenScope: access.ScopeAll}, "me"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("a viewer is answered %v", err)
		}
		err := verbs.Acknowledge(t.Context(), actor("ada@example.com"), "the disk died")
		waiting, ok := errors.AsType[*access.Pending](err)
		if !ok || !strings.Contains(waiting.Proposal.Words, "is given up at") {
			t.Fatalf("alone: %v", err)
		}
		if err := restored.Export(t.Context(), access.Local("root"), &bytes.Buffer{}); !fault.Is(err, fault.Conflict) {
			t.Errorf("exported meanwhile: %v", err)
		}
		governors := &access.Governors{DB: into, Now: time.Now, Verbs: verbs.Governing()}
		if _, err := governors.Confirm(t.Context(), actor("ben@example.com"), waiting.Proposal.ID); err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(export(t, restored), "\n")
		for _, want := range []string{`"event":"audit.log_restarted"`, `"actor":"ben@example.com"`, `"reason":"the disk died"`} {
			if !strings.Contains(first, want) {
				t.Errorf("the first event lacks %s: %s", want, first)
			}
		}
		if err := verbs.Acknowledge(t.Context(), actor("ada@example.com"), "again"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a log that goes on: %v", err)
		}
	})
}
