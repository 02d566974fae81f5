package live_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/registry/registrytest"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// acts are the ids of the overrides that the database has by now.
type acts struct {
	mu  sync.Mutex
	ids []string
}

func (a *acts) add(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = append(a.ids, id)
}

func (a *acts) ended(_ context.Context, _ *store.Tx, ids []string) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(a.ids, id) }), nil
}

// open starts a Live whose overrides end by done; nil: never.
func open(t testing.TB, db *store.DB, dir string, done *acts) *live.Live {
	t.Helper()
	l := &live.Live{DB: db, Dir: dir, Log: slog.New(slog.DiscardHandler), Replica: store.NewID()}
	if done != nil {
		l.Ended = done.ended
	}
	if err := l.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// override turns a selection off in production before the database has it.
func override(t testing.TB, l *live.Live, id string, s registry.Selection) live.Override {
	t.Helper()
	o, err := l.Override(t.Context(), live.Override{
		ID: id, Select: s, Environment: "production", By: access.Identity{Email: "olu@hyfin.example"},
		Credential: audit.Credential{Kind: "session", ID: "1"}, Reason: "it burns", At: noon,
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// overrideLines returns the lines of the file with the overrides.
func overrideLines(t *testing.T, dir string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "overrides.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
}

func TestWhatIsTurnedOffHereStaysSoOverRestartsUntilItIsCarriedOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _, eat, sleep := twins(t, store.SQLite)
	open(t, db, dir, nil)
	l := open(t, away(t), dir, nil)
	before := l.Snapshot("production")
	here := live.Override{
		ID: "1", Here: true, Select: registry.Selection{Flag: eat}, Environment: "production", By: access.Identity{Email: "local:olu"},
		Credential: audit.Credential{Kind: "local", ID: "olu"}, Reason: "it burns", At: noon,
	}
	var standing live.Override
	for _, id := range []string{"1", "2"} { // twice is once
		here.ID = id
		var err error
		if standing, err = l.Override(t.Context(), here); err != nil || standing.ID != "1" {
			t.Fatal(standing, err)
		}
	}
	select {
	case <-before.Replaced():
	case <-time.After(time.Minute):
		t.Error("streams do not hear of it")
	}
	check := func(l *live.Live, when, want string) {
		t.Helper()
		if got := answer(t, l, "production", eat); got != want {
			t.Errorf("%s it serves %s", when, got)
		}
		if got := answer(t, l, "production", sleep); got != "true STATIC" {
			t.Errorf("%s the other serves %s", when, got)
		}
		if got := answer(t, l, "sandbox", eat); got != "true STATIC" {
			t.Errorf("%s the sandbox serves %s", when, got)
		}
	}
	check(l, "at once", "false STATIC")
	if s := l.Snapshot("production"); s.Revision != before.Revision || s.Tag == before.Tag || !strings.Contains(string(s.Document()), `"killed":true`) {
		t.Errorf("revision %d after %d, tag %s after %s", s.Revision, before.Revision, s.Tag, before.Tag)
	}
	check(open(t, away(t), dir, nil), "after a restart", "false STATIC")
	var done acts
	l = open(t, db, dir, &done)
	check(l, "when the database is back", "false STATIC")
	serve(t, db, eat, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
	reload(t, l)
	check(l, "after a change of it", "false STATIC")
	if diff := cmp.Diff([]live.Override{standing}, l.Overrides()); diff != "" {
		t.Error(diff)
	}
	serve(t, db, eat, "production", registry.Serving{Mode: registry.ServeOn})
	done.add("1")
	reload(t, l)
	check(l, "when it is over", "true STATIC")
	check(open(t, db, dir, nil), "when it is over, after a restart", "true STATIC")
	if lines := overrideLines(t, dir); len(lines) != 0 {
		t.Errorf("on disk: %s", lines)
	}
	select {
	case <-l.Snapshot("production").Replaced():
		t.Error("what is served counts as replaced")
	default:
	}
}

func TestASelectionIsResolvedOverWhatIsServed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dir := t.TempDir()
		r := &registry.Registry{DB: db, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler)}
		for _, name := range []string{"where2eat/Enabled", "where2eat/Sleep", "travel/Enabled", "travel/Gone"} {
			app, name, _ := strings.Cut(name, "/")
			install(t, db, propose(t, db, app, name).Key)
		}
		propose(t, db, "where2eat", "Proposed") // live nowhere
		kill(t, db, "travel.gone", "production")
		l := open(t, db, dir, nil)
		// Tags and owners change without a revision of what SDKs get.
		for _, key := range []string{"where2eat.sleep", "travel.enabled", "travel.gone"} {
			if _, err := r.SetTags(t.Context(), access.System("test"), key, []string{"card-data"}, get(t, db, key).Revision); err != nil {
				t.Fatal(err)
			}
		}
		reload(t, l)
		resolved := func(l *live.Live, s registry.Selection, environment string) string {
			t.Helper()
			o, err := l.Override(t.Context(), live.Override{ID: store.NewID(), Select: s, Environment: environment, At: noon})
			if err != nil {
				f, _ := errors.AsType[*fault.Error](err)
				return f.Code
			}
			return strings.Join(o.Keys, " ")
		}
		for _, tt := range []struct {
			s           registry.Selection
			environment string
			want        string
		}{
			{registry.Selection{Flag: "travel.gone"}, "production", "travel.gone"}, // that somebody turns it off once more is recorded, too
			{registry.Selection{Tag: "card-data"}, "production", "travel.enabled where2eat.sleep"},
			{registry.Selection{App: "where2eat"}, "production", "where2eat.enabled where2eat.sleep"},
			{registry.Selection{Owner: "team-lunch"}, "staging", "travel.enabled travel.gone where2eat.enabled where2eat.sleep"},
			{registry.Selection{Environment: "sandbox"}, "sandbox", "travel.enabled travel.gone where2eat.enabled where2eat.sleep"},
			{registry.Selection{Flag: "where2eat.proposed"}, "production", "unknown_flag"},
			{registry.Selection{Flag: "travel.enabled"}, "nowhere", "unknown_environment"},
			{registry.Selection{App: "nothing"}, "production", "nothing_on"},
			{registry.Selection{Tag: "card"}, "production", "nothing_on"},
			{registry.Selection{}, "production", "required"},
			{registry.Selection{App: "travel", Tag: "card-data"}, "production", "many_selections"},
		} {
			// Without the database it is known as well, by the copies on disk.
			for _, l := range []*live.Live{open(t, db, "", nil), open(t, away(t), dir, nil), l} {
				if got := resolved(l, tt.s, tt.environment); got != tt.want {
					t.Errorf("%+v in %s: %s, want %s", tt.s, tt.environment, got, tt.want)
				}
				if l.Dir != "" {
					if err := os.Remove(filepath.Join(dir, "overrides.jsonl")); err != nil && !os.IsNotExist(err) {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

func TestAnActIsOneLineOnDiskWhateverItsFlags(t *testing.T) {
	t.Parallel()
	n := 5000
	if testing.Short() {
		n = 500
	}
	db, dir := storetest.Open(t, store.SQLite), t.TempDir()
	registrytest.Seed(t, db, n)
	l := open(t, db, dir, nil)
	path := filepath.Join(dir, "overrides.jsonl")
	var before []byte
	var file os.FileInfo
	for i, s := range []registry.Selection{{Flag: "app1.flag1"}, {Flag: "app2.flag2"}, {Environment: "production"}} {
		o := override(t, l, fmt.Sprint(i), s)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if lines := overrideLines(t, dir); len(lines) != i+1 || !bytes.HasPrefix(text, before) || file != nil && !os.SameFile(file, is) {
			t.Errorf("%d flags: %d lines in place of %d; the file is written anew: %t", len(o.Keys), len(lines), i+1, !bytes.HasPrefix(text, before))
		}
		before, file = text, is
	}
	all := l.Overrides()
	if len(all) != 3 || len(all[2].Keys) != n {
		t.Errorf("%d overrides", len(all))
	}
	again := open(t, away(t), dir, nil)
	for o := range again.Snapshot("production").Flags.All(again.Snapshot("production").Flags.Context(noon)) {
		if o.Value != false {
			t.Fatalf("%s is on after a restart", o.Key)
		}
	}
	if diff := cmp.Diff(all, again.Overrides()); diff != "" {
		t.Error(diff)
	}
}

func TestAProcessThatDiesLosesNothingThatItAnswered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _, eat, sleep := twins(t, store.SQLite)
	l := open(t, db, dir, nil)
	o := override(t, l, "1", registry.Selection{Flag: eat}) // and dies here; another had died in the middle of its line
	path := filepath.Join(dir, "overrides.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.TrimSpace(text)
	if err := os.WriteFile(path, append(text, line[:len(line)/2]...), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		again := open(t, away(t), dir, nil)
		if diff := cmp.Diff([]live.Override{o}, again.Overrides()[:1]); diff != "" {
			t.Error(diff)
		}
		if got := answer(t, again, "production", eat); got != "false STATIC" {
			t.Errorf("after a restart it serves %s", got)
		}
		override(t, again, "2", registry.Selection{Flag: sleep})
	}
	if got := answer(t, open(t, db, dir, nil), "production", sleep); got != "false STATIC" {
		t.Errorf("what came after half a line serves %s", got)
	}
}

func TestADiskThatIsFullIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _, eat, _ := twins(t, store.SQLite)
	l := open(t, db, dir, nil)
	path := filepath.Join(dir, "overrides.jsonl")
	if err := os.Mkdir(path, 0o700); err != nil { // nobody can write to that
		t.Fatal(err)
	}
	o := live.Override{ID: "1", Select: registry.Selection{Flag: eat}, Environment: "production"}
	if _, err := l.Override(t.Context(), o); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if got := answer(t, l, "production", eat); got != "false STATIC" {
		t.Errorf("it serves %s", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if again, err := l.Override(t.Context(), o); err != nil || again.ID != "1" || len(overrideLines(t, dir)) != 1 {
		t.Errorf("%+v, %v, %d lines", again, err, len(overrideLines(t, dir)))
	}
}

func TestADamagedLineOfOverridesIsLoggedAndTheOthersAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _, eat, sleep := twins(t, store.SQLite)
	l := open(t, db, dir, nil)
	override(t, l, "1", registry.Selection{Flag: eat})
	override(t, l, "2", registry.Selection{Flag: sleep})
	path := filepath.Join(dir, "overrides.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte("it burns"), []byte("it burnt"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	l = load(t, db, dir, &log)
	if !strings.Contains(log.String(), "turned off on this replica") || !strings.Contains(log.String(), "damaged_lines=1") {
		t.Errorf("log: %s", log.String())
	}
	if eats, sleeps := answer(t, l, "production", eat), answer(t, l, "production", sleep); eats != "true STATIC" || sleeps != "false STATIC" {
		t.Errorf("they serve %s and %s", eats, sleeps)
	}
}

func TestTheFileOfAVersionBeforeIsReadAndReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _, eat, sleep := twins(t, store.SQLite)
	inner := fmt.Sprintf(`[{"id":"1","environment":"production","flag":%q,"by":"olu","reason":"it burns","at":"2026-11-23T12:00:00Z"},
		{"id":"2","environment":"production","flag":%q,"by":"olu","reason":"that, too","at":"2026-11-23T12:00:00Z"}]`, eat, sleep)
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(inner)); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(compact.Bytes())
	former := filepath.Join(dir, "overrides.json")
	if err := os.WriteFile(former, fmt.Appendf(nil, `{"sha256":%q,"overrides":%s}`, hex.EncodeToString(sum[:]), compact.Bytes()), 0o600); err != nil {
		t.Fatal(err)
	}
	want := live.Override{
		ID: "1", Here: true, Select: registry.Selection{Flag: eat}, Environment: "production", Keys: []string{eat}, By: access.Identity{Email: "local:olu"},
		Credential: audit.Credential{Kind: "local", ID: "olu"}, Reason: "it burns", At: noon,
	}
	for _, when := range []string{"at first", "later"} {
		l := open(t, db, dir, nil)
		all := l.Overrides()
		if len(all) != 2 {
			t.Fatalf("%s: %+v", when, all)
		}
		if diff := cmp.Diff(want, all[0]); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
		if got := answer(t, l, "production", sleep); got != "false STATIC" {
			t.Errorf("%s it serves %s", when, got)
		}
		if _, err := os.Stat(former); !os.IsNotExist(err) || len(overrideLines(t, dir)) != 2 {
			t.Errorf("%s: %v, %d lines", when, err, len(overrideLines(t, dir)))
		}
	}
	if err := os.WriteFile(former, []byte(`{"sha256":"00","overrides":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if l := load(t, db, dir, &log); len(l.Overrides()) != 2 || !strings.Contains(log.String(), "its sum does not match") {
		t.Errorf("%d overrides, log: %s", len(l.Overrides()), log.String())
	}
}

// TestAnEarlyOverrideStandsUntilItsOwnActIsCommitted is the order of what may be committed meanwhile: only the act itself ends it,
// and what is committed after the act holds from then on.
func TestAnEarlyOverrideStandsUntilItsOwnActIsCommitted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		key := propose(t, db, "where2eat", "Enabled").Key
		install(t, db, key)
		serve(t, db, key, "production", registry.Serving{Mode: registry.ServeOn})
		dir := t.TempDir()
		var done acts
		l := open(t, db, dir, &done)
		override(t, l, "1", registry.Selection{App: "where2eat"})
		for _, act := range []struct {
			name string
			do   func()
			want string
		}{
			{"a change", func() {
				serve(t, db, key, "production", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
			}, "false STATIC"},
			{"everybody gets it", func() { serve(t, db, key, "production", registry.Serving{Mode: registry.ServeOn}) }, "false STATIC"},
			{"a kill of somebody else", func() { kill(t, db, key, "production") }, "false STATIC"},
			{"its restore", func() { restore(t, db, key, "production") }, "false STATIC"},
			{"the act itself", func() { kill(t, db, key, "production"); done.add("1") }, "false STATIC"},
			{"the restore of that", func() { restore(t, db, key, "production") }, "true STATIC"},
		} {
			act.do()
			for _, l := range []*live.Live{l, open(t, db, dir, &done)} {
				if err := l.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := answer(t, l, "production", key); got != act.want {
					t.Errorf("after %s it serves %s", act.name, got)
				}
			}
		}
		if len(l.Overrides()) != 0 {
			t.Errorf("%+v", l.Overrides())
		}
		// Where act and restore were committed before anybody looked, the restore holds.
		override(t, l, "2", registry.Selection{Flag: key})
		kill(t, db, key, "production")
		done.add("2")
		restore(t, db, key, "production")
		reload(t, l)
		if got := answer(t, l, "production", key); got != "true STATIC" {
			t.Errorf("after act and restore it serves %s", got)
		}
	})
}

func TestTheSameRequestAgainIsTheSameAct(t *testing.T) {
	t.Parallel()
	db, _, eat, sleep := twins(t, store.SQLite)
	l := open(t, db, t.TempDir(), nil)
	sent := live.Sent{IdempotencyKey: "k", Path: "/api/v1/kills"}
	olu, ada := access.Identity{ID: "1", Email: "olu@hyfin.example"}, access.Identity{ID: "2", Email: "ada@hyfin.example"}
	for _, tt := range []struct {
		o    live.Override
		want string
	}{
		{live.Override{ID: "1", Select: registry.Selection{Flag: eat}, Sent: sent, By: olu}, "1"},
		{live.Override{ID: "2", Select: registry.Selection{Flag: eat}, Sent: sent, By: olu}, "1"},
		{live.Override{ID: "3", Select: registry.Selection{Flag: sleep}, Sent: sent, By: olu}, "1"}, // the caller sees that it is another
		{live.Override{ID: "4", Select: registry.Selection{Flag: eat}, By: ada}, "4"},               // off already, and by an act of its own
		{live.Override{ID: "5", Select: registry.Selection{Flag: eat}, By: ada, Here: true}, "1"},
		{live.Override{ID: "6", Select: registry.Selection{Flag: sleep}, Sent: sent, By: ada, Here: true}, "6"},
		{live.Override{ID: "7", Select: registry.Selection{Flag: sleep}, By: olu}, "7"}, // the other replicas have to hear of it
		{live.Override{ID: "8", Select: registry.Selection{App: "where2eat"}, By: ada}, "8"},
		{live.Override{ID: "9", Select: registry.Selection{Flag: sleep}, By: ada}, "9"},
	} {
		tt.o.Environment = "production"
		if got, err := l.Override(t.Context(), tt.o); err != nil || got.ID != tt.want {
			t.Errorf("%s stands as %s, %v", tt.o.ID, got.ID, err)
		}
	}
}

// TestADatabaseThatHangsHoldsNoOverrideUp has a look at the database that does not come to its end.
func TestADatabaseThatHangsHoldsNoOverrideUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, name := range []string{"Enabled", "Sleep"} {
			install(t, db, propose(t, db, "where2eat", name).Key)
		}
		l := open(t, db, t.TempDir(), nil)
		override(t, l, "1", registry.Selection{Flag: "where2eat.enabled"}) // so that it asks whether that is over
		begun, end := make(chan struct{}), make(chan struct{})
		l.Ended = func(context.Context, *store.Tx, []string) ([]string, error) {
			close(begun)
			<-end
			return nil, errors.New("in vain")
		}
		var looking sync.WaitGroup
		looking.Go(func() { _ = l.Refresh(t.Context()) })
		<-begun
		override(t, l, "2", registry.Selection{Flag: "where2eat.sleep"})
		if got := answer(t, l, "production", "where2eat.sleep"); got != "false STATIC" {
			t.Errorf("it serves %s", got)
		}
		close(end)
		looking.Wait()
		if len(l.Overrides()) != 2 {
			t.Errorf("%+v", l.Overrides())
		}
	})
}
