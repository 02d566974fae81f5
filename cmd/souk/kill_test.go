package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// app is a published app whose flag is on in the sandbox, with who may act on it.
type app struct {
	in     installation
	tokens map[string]string
	flag   string
	key    string // SDK key of the sandbox
}

// published gives an installation with one app, through the program alone.
func published(t *testing.T, engine store.Engine) app {
	t.Helper()
	a := app{in: newInstallation(t, engine), flag: "lunch.enabled"}
	a.tokens = a.in.hire(t)
	a.key = a.in.run(t, "sdk-key", "create", "--environment", "sandbox")
	s := a.in.serve(t)
	defer s.kill()
	var made request
	if _, err := call(t.Context(), s.base, a.tokens["alice"], http.MethodPost, "/requests", publication("lunch"), &made); err != nil {
		t.Fatal(err)
	}
	approve(t, s.base, a.tokens, made)
	return a
}

// evaluation is what an SDK gets.
type evaluation struct {
	Value    any            `json:"value"`
	Metadata map[string]any `json:"metadata"`
}

func (e evaluation) off() bool { return e.Value == false && e.Metadata["killed"] == true }

// evaluate asks a server for the flag, as an SDK does.
func (a app) evaluate(t *testing.T, s *server) (e evaluation) {
	t.Helper()
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/ofrep/v1/evaluate/flags/"+a.flag, strings.NewReader(`{"context":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+a.key)
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&e); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("evaluate: %s, %v", answer.Status, err)
	}
	return e
}

func (a app) eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline, poll := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("not in a minute: %s", what)
		case <-poll.C:
		}
	}
}

// A kill that was acknowledged holds: after kill -9 in the next moment, with its database and without.
func TestAnAcknowledgedKillSurvivesKillNine(t *testing.T) {
	t.Parallel()
	const rounds = 2
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		a := published(t, engine)
		act := "/flags/" + a.flag + "/environments/sandbox/"
		var away *storetest.Outage // of PostgreSQL alone
		if engine == store.PostgreSQL {
			away = storetest.NewOutage(t, a.in.database)
		}
		var flag struct{}
		for range rounds {
			s := a.in.serve(t)
			if got := a.evaluate(t, s); got.Value != true {
				t.Fatalf("before the kill: %+v", got)
			}
			_, err := call(t.Context(), s.base, a.tokens["alice"], http.MethodPost, act+"kill", map[string]any{"reason": "it burns"}, &flag)
			s.kill()
			if err != nil {
				t.Fatal(err)
			}
			if away != nil {
				away.Begin()
				s = a.in.serve(t)
				if got := a.evaluate(t, s); !got.off() {
					t.Errorf("without its database: %+v", got)
				}
				s.kill()
				away.End()
			}
			s = a.in.serve(t)
			if got := a.evaluate(t, s); !got.off() {
				t.Errorf("after a restart: %+v", got)
			}
			if _, err := call(t.Context(), s.base, a.tokens["alice"], http.MethodPost, act+"restore", map[string]any{"reason": "mended"}, &flag); err != nil {
				t.Fatal(err)
			}
			s.kill()
		}
		log := filepath.Join(t.TempDir(), "audit.ndjson")
		a.in.run(t, "audit", "export", "-o", log)
		finish(t, program(t.Context(), "audit", "verify", log))
		raw, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range []string{"flag.killed", "flag.restored"} {
			if n := bytes.Count(raw, []byte(`"event":"`+event+`"`)); n != rounds {
				t.Errorf("the log tells %d of %d times %s", n, rounds, event)
			}
		}
	})
}

// The story of a night: the database is gone, something burns, and the server is restarted in between.
func TestAFlagIsTurnedOffHereWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	a := published(t, store.PostgreSQL)
	here := func() (said string, status int) {
		command := a.in.souk(t.Context(), "kill", a.flag, "--environment", "sandbox", "--here", "--reason", "it burns")
		out, err := command.CombinedOutput()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			t.Fatal(err)
		}
		return string(out), command.ProcessState.ExitCode()
	}
	s := a.in.serve(t)
	defer func() { s.kill() }()
	a.evaluate(t, s)
	if said, status := here(); status != 1 || !strings.Contains(said, "leave --here out") {
		t.Errorf("with the database there: %d, %s", status, said)
	}
	away := storetest.NewOutage(t, a.in.database)
	away.Begin()
	if got := a.evaluate(t, s); got.Value != true {
		t.Errorf("the database is away: %+v", got)
	}
	if said, status := here(); status != 0 || !strings.Contains(said, "ordinary kill when the database is back") {
		t.Fatalf("%d, %s", status, said)
	}
	if got := a.evaluate(t, s); !got.off() {
		t.Errorf("turned off here: %+v", got)
	}
	s.kill()
	if said, status := here(); status != 2 {
		t.Errorf("without a server: %d, %s", status, said)
	}
	s = a.in.serve(t)
	if got := a.evaluate(t, s); !got.off() {
		t.Errorf("after kill -9 and a restart without the database: %+v", got)
	}
	away.End()
	var flag struct {
		Environments []struct {
			Environment string `json:"environment"`
			Kill        *struct {
				By     string `json:"by"`
				Reason string `json:"reason"`
			} `json:"kill"`
		} `json:"environments"`
	}
	a.eventually(t, "it is an ordinary kill", func() bool {
		if got := a.evaluate(t, s); !got.off() {
			t.Fatalf("on for a moment: %+v", got)
		}
		if _, err := call(t.Context(), s.base, a.tokens["alice"], http.MethodGet, "/flags/"+a.flag, nil, &flag); err != nil {
			return false // the database is not back yet
		}
		for _, e := range flag.Environments {
			if e.Environment == "sandbox" && e.Kill != nil {
				return strings.HasPrefix(e.Kill.By, "local:") && e.Kill.Reason == "it burns"
			}
		}
		return false
	})
}
