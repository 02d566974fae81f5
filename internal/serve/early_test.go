package serve_test

import (
	"bytes"
	"context"
	"database/sql"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// holdWriter keeps the writer busy with a transaction that has changed an environment, until it is let go.
func (s *site) holdWriter(environment string) (letGo func()) {
	s.Helper()
	held, end, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		ended <- s.app.Directory.DB.WriteLarge(context.WithoutCancel(s.Context()), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE environment SET version = version + 1 WHERE name = $1`, environment)
			once.Do(func() { close(held) })
			<-end
			return err
		})
	}()
	<-held
	return sync.OnceFunc(func() {
		close(end)
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
}

func TestAKillThatCannotBeWrittenAtOnceIsServedAndAnswers202UntilItIs(t *testing.T) {
	atOnce(t, func(s *site) {
		s.hurry()
		flag := s.published("eat").text("flag", "key")
		key := s.sdkKey("sandbox")
		path := "/api/v1/flags/" + flag + "/environments/sandbox/kill"
		olu := s.as("olu").token("all")
		once := olu.with("Idempotency-Key: burning")
		for _, name := range []string{"olu", "alice", "eve"} { // sessions are made by the writer
			s.as(name)
		}
		letGo := s.holdWriter("sandbox")
		defer letGo()
		killed := once.post(path, object{"reason": "it burns"}).want(t, http.StatusAccepted)
		id := killed.text("kill_id")
		if id == "" || killed.at("served") != true || killed.at("committed") != false || killed.at("receipt", "committed_at") != nil {
			t.Errorf("%s", killed)
		}
		if got := s.evaluate(key, flag, object{"targetingKey": "bob" + at}); got.at("value") != false {
			t.Errorf("it is not served: %s", got)
		}
		if again := once.post(path, object{"reason": "it burns"}).want(t, http.StatusAccepted); again.text("kill_id") != id {
			t.Errorf("the same call is another kill: %s", again)
		}
		if got := olu.get("/api/v1/kills/"+id).want(t, http.StatusAccepted); got.at("committed") != false || got.text("by") != "olu"+at {
			t.Errorf("asked for: %s", got)
		}
		if early := olu.get("/api/v1/kills?uncommitted=true").want(t, http.StatusOK).items(); len(early) != 1 {
			t.Errorf("%v are listed as not committed", early)
		}
		for name, want := range map[string]bool{"olu": true, "alice": true, "eve": false} {
			told := slices.ContainsFunc(s.as(name).get("/api/v1/inbox").want(t, http.StatusOK).items(), func(item any) bool {
				return item.(object)["kind"] == "uncommitted" && item.(object)["flag_key"] == flag
			})
			if told != want {
				t.Errorf("%s is told of it: %v", name, told)
			}
		}
		letGo()
		s.eventually("it is committed", func() bool { return olu.get("/api/v1/kills/"+id).Code == http.StatusOK })
		if again := once.post(path, object{"reason": "it burns"}).want(t, http.StatusOK); again.text("kill_id") != id || again.at("committed") != true {
			t.Errorf("the same call afterwards: %s", again)
		}
		for event, want := range map[string]int{"flag.killed": 1, "flag.killed_again": 0} {
			if n := s.events("event=" + event + "&flag=" + flag); n != want {
				t.Errorf("%d of %s, want %d", n, event, want)
			}
		}
		if got := s.evaluate(key, flag, object{"targetingKey": "bob" + at}); got.at("value") != false {
			t.Errorf("after the commit it is on: %s", got)
		}
	})
}

// The first call stops in its transaction, which holds the writer, until the second one waits for it or is answered.
func TestAKillThatComesTwiceAtOnceWithOneKeyIsOneAct(t *testing.T) {
	atOnce(t, func(s *site) {
		s.hurry()
		flag := s.published("eat").text("flag", "key")
		once := s.as("olu").token("all").with("Idempotency-Key: burning")
		var second *reply
		answered := make(chan struct{})
		var first sync.Once
		kill := func() *reply {
			return once.post("/api/v1/flags/"+flag+"/environments/sandbox/kill", object{"reason": "it burns"})
		}
		audit.Listen(s.app.Directory.DB, review.KilledAgain, review.Mark, func(context.Context, *store.Tx, []audit.Event) error {
			first.Do(func() {
				go func() {
					defer close(answered)
					second = kill()
				}()
				s.eventually("the second call waits", func() bool {
					select {
					case <-answered:
						return true
					default:
						return waitsForItsTurn()
					}
				})
			})
			return nil
		})
		one := kill().want(s, http.StatusOK)
		<-answered
		if two := second.want(s, http.StatusOK); two.text("kill_id") != one.text("kill_id") || two.Header().Get("Idempotent-Replayed") != "true" {
			s.Errorf("the second call is another kill: %s", two)
		}
		if killed, again := s.events("event=flag.killed&flag="+flag), s.events("event=flag.killed_again&flag="+flag); killed != 1 || again != 0 {
			s.Errorf("it was turned off %d times, and %d times more", killed, again)
		}
	})
}

// waitsForItsTurn reports whether a call waits for another one with its Idempotency-Key.
func waitsForItsTurn() bool {
	stacks := make([]byte, 1<<22)
	return bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("api.(*turns).take("))
}

// locked are tables that a kill reads. Whoever changes one (ALTER TABLE, VACUUM FULL) lets nobody read it, and the database answers
// still.
var locked = []string{"flag", "environment", "person"}

func TestAKillThatFindsATableLockedNamesTheOneThatWorks(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	s.hurry()
	flag, key := s.published("eat").text("flag", "key"), s.sdkKey("sandbox")
	token := s.as("olu").token("all")
	db, err := sql.Open("pgx", s.cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, table := range locked {
		holding, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holding.ExecContext(t.Context(), `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
			t.Fatal(err)
		}
		refused := token.post("/api/v1/flags/"+flag+"/environments/sandbox/kill", nil).refused(s, http.StatusServiceUnavailable, "busy")
		if !strings.Contains(refused.text("remediation"), "souk kill --here") {
			t.Errorf("with %s locked %s names no other way", table, refused)
		}
		s.local().do("POST", api.HerePath, object{"flag": flag, "environment": "sandbox", "reason": "it burns"}).want(s, http.StatusOK)
		if got := s.evaluate(key, flag, object{}); got.at("value") != false {
			t.Errorf("with %s locked it is on: %s", table, got)
		}
		if err := holding.Rollback(); err != nil {
			t.Fatal(err)
		}
		s.eventually("it is committed", func() bool { return s.events("event=flag.killed&flag="+flag) == i+1 })
		s.eventually("it may be turned on again", func() bool {
			return token.post("/api/v1/flags/"+flag+"/environments/sandbox/restore", nil).Code == http.StatusOK
		})
	}
}

// shown are tables that only the answer to a kill reads, or that nothing of it needs before it is served.
var shown = []string{"evaluator", "segment", "flag_revision", "lifecycle", "lifecycle_rules", "rollout", "kill_receipt", "replica"}

func TestAKillThatIsServedIsAnsweredSoWhateverElseIsLocked(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	s.hurry()
	flag, key := s.published("eat").text("flag", "key"), s.sdkKey("sandbox")
	token := s.as("olu").token("all")
	db, err := sql.Open("pgx", s.cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, table := range shown {
		holding, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holding.ExecContext(t.Context(), `LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`); err != nil {
			t.Fatal(err)
		}
		killed := token.post("/api/v1/flags/"+flag+"/environments/sandbox/kill", nil)
		if killed.Code != http.StatusOK && killed.Code != http.StatusAccepted || killed.at("served") != true && killed.at("committed") != true || killed.text("key") != flag {
			t.Errorf("with %s locked: %s", table, killed)
		}
		if got := s.evaluate(key, flag, object{}); got.at("value") != false {
			t.Errorf("with %s locked it is on: %s", table, got)
		}
		if err := holding.Rollback(); err != nil {
			t.Fatal(err)
		}
		s.eventually("it is committed", func() bool { return s.events("event=flag.killed&flag="+flag) == i+1 })
		s.eventually("it may be turned on again", func() bool {
			return token.post("/api/v1/flags/"+flag+"/environments/sandbox/restore", nil).Code == http.StatusOK
		})
	}
}

func TestAKillWhoseCredentialCannotBeReadNamesTheOneWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	s.hurry()
	flag := s.published("eat").text("flag", "key")
	token, session := s.as("olu").token("all"), s.as("olu")
	storetest.NewOutage(t, s.cfg.DatabaseURL).Begin()
	for _, by := range []*caller{token, session} {
		for _, path := range []string{"/api/v1/flags/" + flag + "/environments/sandbox/kill", "/api/v1/kills"} {
			refused := by.post(path, object{"expect_flags": 1, "select": object{"app": "eat"}, "environment": "sandbox"}).
				refused(t, http.StatusServiceUnavailable, "database_unavailable")
			if !strings.Contains(refused.text("remediation"), "souk kill --here") {
				t.Errorf("%s names no other way", refused)
			}
		}
	}
	if other := token.post("/api/v1/requests", lunch("late")).want(t, http.StatusServiceUnavailable); strings.Contains(other.text("remediation"), "--here") {
		t.Errorf("%s tells of kills", other)
	}
}
