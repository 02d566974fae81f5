// Package demo is a made-up company to try Souk with.
//
// HyFin Bank has people, teams, policies and a few apps in different stages, made through the same verbs that people use, by
// a clock that is set back; while it runs, colleagues open the apps, so that flags are evaluated. It listens on loopback only.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
)

// Config is how a demo runs.
type Config struct {
	Addr    string // host:port to listen at; without a host it is loopback
	Data    string // directory that keeps it; empty is a throwaway one
	Version string
	Log     *slog.Logger
	Out     io.Writer // gets the words for whoever started it
	Now     func() time.Time
}

// environments are those that the demo makes an SDK key for, and lets colleagues evaluate in.
var environments = []string{"production", staging}

// staging is where apps run before they are in production.
const staging = "staging"

// Run makes the company if the directory has none yet, and serves it until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Data == "" {
		dir, err := os.MkdirTemp("", "souk-demo-")
		if err != nil {
			return fmt.Errorf("make a throwaway directory: %w", err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		cfg.Data = dir
	}
	keys, err := seed(ctx, cfg)
	if err != nil {
		return err
	}
	var visiting sync.WaitGroup
	defer visiting.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop() // before the visitors are waited for: deferred calls run last to first
	server := serve.Defaults()
	server.Addr, server.Data, server.Mode, server.People = cfg.Addr, cfg.Data, api.Demo, Cast()
	server.Version, server.Log, server.Now = cfg.Version, cfg.Log, cfg.Now
	server.Listening = func(addresses []string) {
		visiting.Go(func() { (&visitors{base: "http://" + addresses[0], keys: keys, log: cfg.Log}).run(ctx) })
		greet(cfg, "http://"+address(cfg.Addr, addresses[0]), keys)
	}
	app, err := serve.New(ctx, server)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}

// seed makes the company on an empty directory and gives the SDK key of each environment.
func seed(ctx context.Context, cfg Config) (keys map[string]string, err error) {
	db, err := store.Open(ctx, store.Config{Dir: cfg.Data, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Migrate(ctx); err != nil {
		return nil, err
	}
	there := false
	err = db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		_, there, err = access.PersonByEmail(ctx, tx, cast[0].ShortName+domain)
		return err
	})
	if err != nil {
		return nil, err
	}
	end := cfg.Now()
	s := newStory(db, end.Add(-25*day))
	if !there {
		if err := s.tell(ctx, end); err != nil {
			return nil, fmt.Errorf("make the demo's company: %w", err)
		}
	}
	keys = map[string]string{}
	for _, environment := range environments {
		if keys[environment], err = s.keyIn(ctx, cfg.Data, environment, end); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// keyIn returns the SDK key that the file for the environment holds; without a file it makes that, and the key unless the story has.
func (s *story) keyIn(ctx context.Context, data, environment string, end time.Time) (string, error) {
	path := filepath.Join(data, environment+".key")
	raw, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read SDK key: %w", err)
	}
	s.until(end.Add(-30 * time.Second))
	if s.secrets[environment] == "" {
		if err := s.key(ctx, environment); err != nil {
			return "", err
		}
	}
	secret := s.secrets[environment]
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep SDK key: %w", err)
	}
	return secret, nil
}

// address is where a browser on this machine finds the demo: at the host that was asked for, on the port that is listened at.
func address(asked, listened string) string {
	host, _, _ := net.SplitHostPort(asked)
	_, port, _ := net.SplitHostPort(listened)
	return net.JoinHostPort(cmp.Or(host, "localhost"), port)
}

// greet tells whoever started the demo what to do with it.
func greet(cfg Config, base string, keys map[string]string) {
	fmt.Fprintf(cfg.Out, `
  Souk, the demo: HyFin Bank

  Open       %s
  Sign in    by choosing a person; alice is about to publish Where2Eat
  Data       %s
  SDK keys   production  %s
             staging     %s

  A flag, as an SDK sees it:
    curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \
      -d '{"context": {"targetingKey": "bob%s", "groups": ["pilot"]}}' \
      %s/ofrep/v1/evaluate/flags/fraud-digest.enabled

  Ctrl-C ends it.

`, base, cfg.Data, keys["production"], keys["staging"], keys["production"], domain, base)
}
