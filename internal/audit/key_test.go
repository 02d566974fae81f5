package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestKeyIsMadeOnceAndReadableOnlyByItsOwner(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dir := filepath.Join(t.TempDir(), "data")
		first := open(t, db, audit.Config{Dir: dir})
		info, err := os.Stat(filepath.Join(dir, "audit.key"))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("the key file has mode %v", info.Mode())
		}
		second := open(t, db, audit.Config{Dir: dir})
		if first.VerifierKey() != second.VerifierKey() {
			t.Error("the second start has another key")
		}
		secret, err := os.ReadFile(filepath.Join(dir, "audit.key"))
		if err != nil {
			t.Fatal(err)
		}
		// PRIVATE+KEY+<name>+<hash>+<base64 of the key>, in which there may be more of "+".
		parts := strings.SplitN(strings.TrimSpace(string(secret)), "+", 5)
		seed := parts[len(parts)-1]
		if len(seed) < 40 {
			t.Fatalf("%q is no key", secret)
		}
		if dump := export(t, first); strings.Contains(dump, seed) {
			t.Error("the export holds the secret key")
		}
		if n := count(t, db, `SELECT COUNT(*) FROM audit_event WHERE name = 'audit.key_added'`); n != 1 {
			t.Errorf("%d events tell of the one key", n)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "audit.key.*")); len(files) > 0 {
			t.Errorf("left behind: %v", files)
		}
	})
}

func TestKeyComesFromFileThenEnvironmentThenDataDirectory(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("\n"+keyA+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  audit.Config
		vkey string
	}{
		{audit.Config{Dir: t.TempDir(), KeyFile: file, Key: keyB}, vkeyA},
		{audit.Config{Dir: t.TempDir(), Key: keyB}, vkeyB},
		{audit.Config{Key: keyB}, vkeyB},
	} {
		log := open(t, db, c.cfg)
		if log.VerifierKey() != c.vkey {
			t.Errorf("%+v gave %s", c.cfg, log.VerifierKey())
		}
		if _, err := os.Stat(filepath.Join(c.cfg.Dir, "audit.key")); err == nil {
			t.Error("a key was made although one was given")
		}
	}
}

func TestBadKeysAreRefusedInWords(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	file := func(text string) string {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		cfg  audit.Config
		code string
	}{
		"empty":            {audit.Config{KeyFile: file("")}, "audit_key_malformed"},
		"public half":      {audit.Config{KeyFile: file(vkeyA)}, "audit_key_malformed"},
		"cut off":          {audit.Config{KeyFile: file(keyA[:len(keyA)-4])}, "audit_key_malformed"},
		"one letter wrong": {audit.Config{Key: keyA[:len(keyA)-3] + "C" + keyA[len(keyA)-2:]}, "audit_key_malformed"},
		"missing":          {audit.Config{KeyFile: filepath.Join(t.TempDir(), "none")}, "audit_key_missing"},
		"directory":        {audit.Config{KeyFile: t.TempDir()}, "audit_key_unreadable"},
		"nothing given":    {audit.Config{}, "audit_key_missing"},
	} {
		c.cfg.Now = now
		_, err := audit.Open(t.Context(), db, c.cfg)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != c.code || f.Remediation == "" {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "AQEBAQEB") {
			t.Errorf("%s: the message holds the key: %v", name, err)
		}
	}
}
