package serve_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestASecretIsGivenAgainToWhoeverGotItAndLiesNowhereInTheOpen(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		where := storetest.Config(t, engine)
		data := where.Dir
		o := open(t, where)
		body := map[string]any{"environment": "production"}
		path, key := "/api/v1/sdk-keys", []string{"Idempotency-Key", "a"}
		var first, again api.NewKey
		o.do("olu", "POST", path, body, key...).must(201).into(&first)
		repeated := o.do("olu", "POST", path, body, key...).must(201)
		repeated.into(&again)
		if first.Secret == "" || again.Secret != first.Secret || again.ID != first.ID || repeated.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("first %+v, then %+v", first, again)
		}
		if first.Environment != "production" || repeated.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the answer given again is %s %s", repeated.Header.Get("Content-Type"), repeated.Body)
		}
		// The person's other credentials, narrower ones too, do not get it.
		var token api.NewToken
		o.do("olu", "POST", "/api/v1/tokens", map[string]any{"scope": "read"}).must(201).into(&token)
		o.do("nobody", "POST", path, body, append(key, "Authorization", "Bearer "+token.Secret)...).problem(409, "done_already")
		o.do("olu", "POST", path, map[string]any{"environment": "staging"}, key...).problem(422, "other_request")
		if data != "" { // the file itself
			for _, name := range []string{"souk.db", "souk.db-wal"} {
				if raw, err := os.ReadFile(filepath.Join(data, name)); err == nil && strings.Contains(string(raw), first.Secret) {
					t.Errorf("the secret lies in %s", name)
				}
			}
		}
	})
}

func TestReplicasThatDoNotShareTheSecretKeyRefuseToStart(t *testing.T) {
	t.Parallel()
	where := storetest.Config(t, store.PostgreSQL)
	key := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", 32)))
	start := func(data, key string) error {
		cfg := serve.Defaults()
		cfg.Data, cfg.DatabaseURL, cfg.SecretKey = data, where.URL, key
		app, err := serve.New(t.Context(), cfg)
		if err == nil {
			err = app.Close()
		}
		return err
	}
	first := t.TempDir()
	if err := start(first, ""); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(first, "secret.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is %v, %v", info, err)
	}
	for name, err := range map[string]error{"another directory": start(t.TempDir(), ""), "another variable": start(first, key)} {
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "secret key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(first, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := start(t.TempDir(), string(raw)); err != nil {
		t.Errorf("the same key by variable: %v", err)
	}
	if err := start(t.TempDir(), "not a key"); !fault.Is(err, fault.Invalid) {
		t.Errorf("no key at all: %v", err)
	}
	cfg := serve.Defaults()
	cfg.SecretKey = key
	if text := cfg.Print(); strings.Contains(text, key) {
		t.Errorf("the configuration as printed holds the key:\n%s", text)
	}
}
