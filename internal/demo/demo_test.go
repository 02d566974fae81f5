package demo

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

// open gives a demo's data directory after seeding, with its database open.
func open(t *testing.T) (*story, Config) {
	t.Helper()
	from, err := seededOnce()
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(t.TempDir())
	if err := os.CopyFS(cfg.Data, os.DirFS(from.data)); err != nil {
		t.Fatal(err)
	}
	keys := from.keys
	for _, environment := range environments {
		raw, err := os.ReadFile(filepath.Join(cfg.Data, environment+".key"))
		if err != nil || strings.TrimSpace(string(raw)) != keys[environment] || keys[environment] == "" {
			t.Errorf("the SDK key of %s is %q, its file says %q (%v)", environment, keys[environment], raw, err)
		}
	}
	db, err := store.Open(t.Context(), store.Config{Dir: cfg.Data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return newStory(db, today), cfg
}

func config(data string) Config {
	return Config{Data: data, Log: slog.New(slog.DiscardHandler), Out: io.Discard, Now: func() time.Time { return today }}
}

type seeded struct {
	data string
	keys map[string]string
}

// seededOnce tells the story once for all tests, each of which gets a copy.
var seededOnce = sync.OnceValues(func() (seeded, error) {
	keys, err := seed(context.Background(), config(templateData))
	return seeded{templateData, keys}, err
})

// templateData is the directory of the story that tests copy.
var templateData string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		data, err := os.MkdirTemp("", "souk-demo-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(data)
		templateData = data
		return m.Run()
	}())
}

var today = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestCompanyHasAppsInEveryStageAndLeavesWhere2EatToTheReader(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	states := map[string]string{}
	list, err := s.Rollouts.List(t.Context(), access.System("test"), rollout.Filter{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list.Items {
		states[r.FlagKey] = string(r.State)
	}
	want := map[string]string{
		"branch-queue.enabled": "completed", "rate-board.enabled": "completed", "old-search.enabled": "completed", "meeting-cost.sending": "completed",
		"onboarding-buddy.running": "completed", "cash-forecast.enabled": "completed", "trip-claims.running": "completed", "fraud-digest.enabled": "running",
	}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("rollouts (-want +are):\n%s", diff)
	}
}

func TestNothingOfTheStoryLiesInTheFuture(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	err := s.db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		var last int64
		if err := tx.QueryRow(ctx, `SELECT max(at) FROM audit_event WHERE actor LIKE '%@%'`).Scan(&last); err != nil {
			return err
		}
		if at := store.Time(last); at.After(today) {
			t.Errorf("somebody did something at %s, the reader comes at %s", at, today)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheStoryHasSomethingToDecideToMendAndToRenew(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	requests, err := s.Desk.List(t.Context(), access.System("test"), review.Query{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	waiting := map[string]review.State{}
	for _, r := range requests.Items {
		if r.State != review.Approved {
			waiting[r.Title] = r.State
		}
	}
	for kind, want := range map[review.State]int{review.NeedsApproval: 3, review.Denied: 1} {
		var n int
		for _, state := range waiting {
			if state == kind {
				n++
			}
		}
		if n != want {
			t.Errorf("%d requests are %s, want %d: %v", n, kind, want, waiting)
		}
	}
	fatima, err := s.as(t.Context(), "fatima")
	if err != nil {
		t.Fatal(err)
	}
	drafts, err := s.Desk.List(t.Context(), fatima, review.Query{Mine: true, States: []review.State{review.Draft}}, store.Page{})
	if err != nil || len(drafts.Items) != 1 {
		t.Errorf("fatima has %d drafts: %v", len(drafts.Items), err)
	}
	// What lives ends in 14, 7 and 1 days, to the day.
	for key, days := range map[string]int{"cash-forecast.enabled": 14, "meeting-cost.sending": 7, "onboarding-buddy.running": 1} {
		err := s.db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			life, _, err := lifecycle.Get(ctx, tx, key)
			if err != nil {
				return err
			}
			if left := life.Expiry().Sub(today); left < time.Duration(days)*day || left > time.Duration(days)*day+12*time.Hour {
				t.Errorf("%s ends in %s, want %d days", key, left, days)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReaderCanPublishWhere2EatAsTheTourSays(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	where2eat := publication{by: "alice", content: review.Content{
		Kind: review.PublishApp, TemplateID: "microapp-basic-toggle-v1", Reason: "team lunch picks take too long",
		App: &review.App{
			Slug: "where2eat", Name: "Where2Eat", Description: "Picks where the team has lunch.", Category: "other", Owner: "team-lunch",
			Contact: "alice" + domain, Kind: "external", URL: "https://where2eat.hyfin.example",
			Data: catalog.Data{Classification: catalog.NoData},
		},
		Fields: map[string]any{"name": "Enabled", "owner": "alice" + domain, "audiences": "pilot", "ttl_days": 30.0},
	}}
	request, err := s.submit(t.Context(), where2eat.by, where2eat.content)
	if err != nil {
		t.Fatal(err)
	}
	needed := map[access.Domain][]string{}
	for _, n := range request.ApprovalsNeeded {
		needed[n.Domain] = n.Eligible
	}
	if len(needed) != 1 || !slices.Contains(needed["product"], "pat@hyfin.example") {
		t.Errorf("needed are %v, want pat for product alone", needed)
	}

	where2eat.content.App.Slug, where2eat.content.Fields["ttl_days"] = "where3eat", 200.0
	alice, err := s.as(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	judged, err := s.Desk.Check(t.Context(), alice, where2eat.content, "")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range judged.Checks {
		for _, f := range c.Findings {
			told = append(told, f.Field+": "+f.Message)
		}
	}
	if !strings.Contains(strings.Join(told, "\n"), "at most 180, is 200") {
		t.Errorf("the company's policy says nothing of a TTL of 200 days: %q", told)
	}
}

func TestAuditLogOfTheStoryVerifies(t *testing.T) {
	t.Parallel()
	s, cfg := open(t)
	log, err := audit.Open(t.Context(), s.db, audit.Config{Dir: cfg.Data, Log: cfg.Log, Now: cfg.Now})
	if err != nil {
		t.Fatal(err)
	}
	var export bytes.Buffer
	if err := log.Export(t.Context(), access.System("test"), &export); err != nil {
		t.Fatal(err)
	}
	report, err := audit.Verify(&export, audit.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK || report.Events < 50 {
		t.Errorf("the export of the story: %+v", report)
	}
}

func TestSeedingTwiceTellsTheStoryOnce(t *testing.T) {
	t.Parallel()
	cfg := Config{Data: t.TempDir(), Log: slog.New(slog.DiscardHandler), Out: io.Discard, Now: func() time.Time { return today }}
	first, err := seed(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	second, err := seed(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if first["production"] != second["production"] {
		t.Error("the second start made another SDK key")
	}
}

func TestDemoEndsWhenItIsTold(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	greeted := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Config{Addr: "localhost:0", Log: slog.New(slog.DiscardHandler), Now: time.Now, Out: writer(func(p []byte) (int, error) {
			defer close(greeted)
			return out.Write(p)
		})})
	}()
	select {
	case <-greeted:
	case err := <-done:
		t.Fatalf("the demo ended by itself: %v", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "http://localhost:") {
		t.Errorf("it said\n%s", out.String())
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
