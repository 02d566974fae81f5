package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// by is the site as another handler answers for it.
func (s *site) by(handler http.Handler) *site {
	other := *s
	other.handler = handler
	return &other
}

// local is whoever speaks through the local socket.
func (s *site) local() *caller {
	return s.by(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handler.ServeHTTP(w, r.WithContext(serve.Local(r.Context())))
	})).as("")
}

// settledReceipt waits until the receipt of a kill is in the audit log, and gives it.
func (s *site) settledReceipt(id string) *reply {
	s.Helper()
	var got *reply
	s.eventually("the receipt is written down", func() bool {
		got = s.as("olu").get("/api/v1/kills/"+id).want(s, http.StatusOK)
		return got.at("settled_at") != nil
	})
	return got
}

func TestAKillAnswersWithItsReceiptAndWritesItDownOnce(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		s := openSite(t, engine)
		flag := s.published("eat").text("flag", "key")
		key := s.sdkKey("sandbox")
		ask := func() { // as a client does that asks for all flags now and then
			s.as("").with("Authorization: Bearer "+key).post("/ofrep/v1/evaluate/flags", object{"context": object{"targetingKey": "bob"}}).want(s, http.StatusOK)
		}
		ask()
		killed := s.as("olu").post("/api/v1/flags/"+flag+"/environments/sandbox/kill", object{"reason": "it burns"}).want(s, http.StatusOK)
		id := killed.text("receipt", "kill_id")
		if killed.at("receipt", "served_here") != true || killed.at("receipt", "polling", "clients") != 1.0 || killed.at("receipt", "polling", "asked") != 0.0 || id == "" {
			t.Errorf("%s", killed)
		}
		ask()
		if again := s.as("alice").post("/api/v1/flags/"+flag+"/environments/sandbox/kill", nil).want(s, http.StatusOK); again.text("receipt", "kill_id") != id {
			t.Errorf("clicked twice: %s", again)
		}
		got := s.settledReceipt(id)
		if got.text("select", "flag") != flag || got.at("receipt", "polling", "asked") != 1.0 || got.at("receipt", "settled") != true {
			t.Errorf("%s", got)
		}
		events := s.as("ada").get("/api/v1/audit/events?event=flag.kill_delivered").want(s, http.StatusOK)
		if len(events.items()) != 1 || events.at("items", 0, "details", "receipt", "settled") != true || events.at("items", 0, "flag_key") != flag {
			t.Errorf("%s", events)
		}
	})
}

func TestAPanicIsOneActThatNamesItsCountAndIsTakenBackAsOne(t *testing.T) {
	t.Parallel()
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		s := openSite(t, engine)
		s.published("eat")
		s.published("sleep")
		key := s.sdkKey("sandbox")
		olu := s.as("olu")
		everything := object{"environment": "sandbox"}
		count := olu.post("/api/v1/kills:count", object{"select": everything}).want(s, http.StatusOK)
		if count.at("flags") != 2.0 || count.at("apps") != 2.0 {
			t.Fatalf("%s", count)
		}
		olu.post("/api/v1/kills", object{"select": everything, "expect_flags": 1}).refused(s, http.StatusConflict, "more_flags")
		olu.post("/api/v1/kills", object{"select": everything}).want(s, http.StatusBadRequest)
		olu.post("/api/v1/kills", object{"select": object{"colour": "x"}, "environment": "sandbox", "expect_flags": 1}).want(s, http.StatusBadRequest)
		s.as("alice").post("/api/v1/kills", object{"select": everything, "expect_flags": 2}).refused(s, http.StatusForbidden, "forbidden")
		if got := s.evaluate(key, "eat.enabled", object{}); got.at("value") != true {
			t.Errorf("what was refused did something: %s", got)
		}
		act := olu.with("Idempotency-Key: once").post("/api/v1/kills", object{"select": everything, "expect_flags": 2, "reason": "it burns"}).want(s, http.StatusOK)
		again := olu.with("Idempotency-Key: once").post("/api/v1/kills", object{"select": everything, "expect_flags": 2, "reason": "it burns"}).want(s, http.StatusOK)
		id := act.text("id")
		if act.at("flags") != 2.0 || again.text("id") != id || act.at("receipt", "served_here") != true {
			t.Errorf("%s, %s", act, again)
		}
		for _, flag := range []string{"eat.enabled", "sleep.enabled"} {
			if got := s.evaluate(key, flag, object{}); got.at("value") != false || got.text("reason") != "STATIC" || got.at("metadata", "killed") != true {
				t.Errorf("%s", got)
			}
		}
		if got := olu.get("/api/v1/kills?many=true"); len(got.items()) != 1 || got.at("items", 0, "standing") != 2.0 {
			t.Errorf("%s", got)
		}
		s.as("alice").post("/api/v1/kills/"+id+"/restore", nil).refused(s, http.StatusForbidden, "forbidden")
		back := olu.post("/api/v1/kills/"+id+"/restore", object{"reason": "mended"}).want(s, http.StatusOK)
		if back.at("restored") != 2.0 || back.at("standing") != 0.0 {
			t.Errorf("%s", back)
		}
		s.eventually("both are on", func() bool {
			return s.evaluate(key, "eat.enabled", object{}).at("value") == true && s.evaluate(key, "sleep.enabled", object{}).at("value") == true
		})
		// Where the environment is governed, each is asked for, once.
		act = olu.post("/api/v1/kills", object{"select": object{"environment": "production"}, "expect_flags": 2}).want(s, http.StatusOK)
		back = olu.post("/api/v1/kills/"+act.text("id")+"/restore", nil).want(s, http.StatusAccepted)
		if requests, _ := back.at("requests").([]any); len(requests) != 2 || back.at("restored") != 0.0 {
			t.Errorf("%s", back)
		}
		back = olu.post("/api/v1/kills/"+act.text("id")+"/restore", nil).want(s, http.StatusOK)
		if requests, _ := back.at("requests").([]any); len(requests) != 0 || back.at("left") != 0.0 {
			t.Errorf("asked twice: %s", back)
		}
	})
}

func TestWhatIsTurnedOffWithoutADatabaseStaysSoAndBecomesAKill(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	s.hurry()
	s.cfg.Mode = api.Serve
	o := storetest.NewOutage(t, s.cfg.DatabaseURL)
	s.published("eat")
	s.published("sleep")
	key, token := s.sdkKey("sandbox"), s.as("root").token("all")
	s.stop() // with its copies on disk
	s.start()
	here := func(flag string) *reply {
		return s.local().do("POST", api.HerePath, object{"flag": flag, "environment": "sandbox", "reason": "it burns"})
	}
	off := func(flag string) bool {
		got := s.evaluate(key, flag, object{})
		return got.at("value") == false && got.text("reason") == "STATIC" && got.at("metadata", "killed") == true
	}
	here("eat.enabled").refused(s, http.StatusConflict, "database_reachable")
	token.do("POST", api.HerePath, object{"flag": "eat.enabled", "environment": "sandbox"}).want(s, http.StatusNotFound)
	o.Begin()
	s.eventually("it says that its flags may be old", func() bool {
		return strings.HasPrefix(s.evaluate(key, "eat.enabled", object{}).Header().Get("Cache-Status"), "souk; hit")
	})
	flagd := s.as("").with("X-API-Key: "+key).post("/flagd.evaluation.v1.Service/ResolveBoolean", object{"flagKey": "eat.enabled"}).want(s, http.StatusOK)
	if !strings.HasPrefix(flagd.Header().Get("Cache-Status"), "souk; hit") {
		t.Errorf("%s, %v", flagd, flagd.Header())
	}
	if got := s.as("").get("/readyz").want(s, http.StatusOK); !strings.HasPrefix(got.text("flags"), "stale") || got.at("stale_seconds") == nil {
		t.Errorf("%s", got)
	}
	here("nothing").refused(s, http.StatusNotFound, "unknown_flag")
	for _, flag := range []string{"eat.enabled", "sleep.enabled", "eat.enabled"} {
		if here(flag).want(s, http.StatusOK); !off(flag) {
			t.Errorf("%s is on", flag)
		}
	}
	s.stop()
	s.start() // still without its database
	if !off("eat.enabled") || !off("sleep.enabled") {
		t.Error("a restart without a database forgot what is off")
	}
	if got := s.as("").get("/readyz").want(s, http.StatusOK); got.at("turned_off_here") != 2.0 {
		t.Errorf("%s", got)
	}
	here("sleep.enabled").want(s, http.StatusOK)
	o.End()
	s.eventually("it is carried out", func() bool {
		if !off("eat.enabled") || !off("sleep.enabled") {
			t.Fatal("on for a moment")
		}
		return s.as("").get("/readyz").at("turned_off_here") == 0.0
	})
	for _, flag := range []string{"eat.enabled", "sleep.enabled"} {
		got := token.get("/api/v1/flags/"+flag).want(s, http.StatusOK)
		if by := got.text("environments", 0, "kill", "by"); !strings.HasPrefix(by, "local:") {
			t.Errorf("%s", got)
		}
	}
	for _, event := range []string{"flag.killed_here", "flag.killed"} {
		if got := token.get("/api/v1/audit/events?event="+event).want(s, http.StatusOK); len(got.items()) != 2 {
			t.Errorf("%s", got)
		}
	}
	if got := s.evaluate(key, "eat.enabled", object{}); got.Header().Get("Cache-Status") != "" {
		t.Errorf("%v", got.Header())
	}
}

// Two replicas on one database: a kill at the one is served by the other, and the receipt has both.
func TestTwoReplicasAgreeAndAnswerForThemselves(t *testing.T) {
	t.Parallel()
	s := openSite(t, store.PostgreSQL)
	s.hurry()
	flag := s.published("eat").text("flag", "key")
	key := s.sdkKey("sandbox")
	cfg := s.cfg
	cfg.Data, cfg.Addr = t.TempDir(), "127.0.0.1:8099"
	secret, err := os.ReadFile(filepath.Join(s.cfg.Data, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, "secret.key"), secret, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := serve.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	other.Start(t.Context())
	t.Cleanup(func() { _ = other.Close() })
	o := storetest.NewOutage(t, s.cfg.DatabaseURL)
	for _, fault := range []func(){func() {}, func() { o.Begin(); o.End() }} {
		fault()
		s.eventually("the database answers", func() bool { return s.as("olu").get("/api/v1/kills").Code == http.StatusOK })
		killed := s.as("olu").post("/api/v1/flags/"+flag+"/environments/sandbox/kill", nil).want(s, http.StatusOK, http.StatusAccepted)
		s.eventually("both serve the kill", func() bool {
			return s.evaluate(key, flag, object{}).at("value") == false && s.by(other.Handler()).evaluate(key, flag, object{}).at("value") == false
		})
		got := s.settledReceipt(killed.text("receipt", "kill_id"))
		if replicas, _ := got.at("receipt", "replicas").([]any); len(replicas) != 2 || got.at("receipt", "settled") != true {
			t.Errorf("%s", got)
		}
		s.as("olu").post("/api/v1/flags/"+flag+"/environments/sandbox/restore", nil).want(s, http.StatusOK, http.StatusAccepted)
	}
}
