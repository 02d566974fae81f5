package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// installation is a data directory with, on PostgreSQL, its database.
type installation struct {
	data, database string
}

func newInstallation(t *testing.T, engine store.Engine) installation {
	t.Helper()
	in := installation{data: t.TempDir()}
	if cfg := storetest.Config(t, engine); cfg.URL != "" {
		in.database = cfg.URL
	}
	return in
}

// souk makes a command on the installation.
func (in installation) souk(ctx context.Context, args ...string) *exec.Cmd {
	args = append(args, "--data", in.data)
	if in.database != "" {
		args = append(args, "--database", in.database)
	}
	return program(ctx, args...)
}

// program runs souk, which TestMain has put into PATH: the program as it is, with the race detector where the test has it.
func program(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "souk", args...)
}

// run runs a command on the installation to its end and gives what it printed.
func (in installation) run(t *testing.T, args ...string) string {
	t.Helper()
	return finish(t, in.souk(t.Context(), args...))
}

func finish(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	out, err := command.Output()
	if err != nil {
		var said []byte
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			said = exit.Stderr
		}
		t.Fatalf("%v: %v\n%s%s", command.Args[1:], err, out, said)
	}
	return strings.TrimSpace(string(out))
}

// server is souk serve in a process of its own.
type server struct {
	*exec.Cmd
	t    *testing.T
	base string // http://host:port
	log  bytes.Buffer
}

func (in installation) serve(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, Cmd: in.souk(context.WithoutCancel(t.Context()), "serve", "--addr", "127.0.0.1:0")}
	s.Stderr = &s.log
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(said), "souk serves ")
	if err != nil || !ok {
		s.kill()
		t.Fatalf("the server said %q (%v)\n%s", said, err, s.log.String())
	}
	s.base = base
	return s
}

// kill ends the server as a power cut would. What it said of errors is told by a test that failed.
func (s *server) kill() {
	_ = s.Process.Kill()
	_ = s.Wait()
	for line := range strings.Lines(s.log.String()) {
		if s.t.Failed() && strings.Contains(line, "ERROR") {
			s.t.Log(strings.TrimSpace(line))
		}
	}
}

// call sends a JSON request and gives the status; the answer is read into out if there is one.
func call(ctx context.Context, base, token, method, path string, in, out any) (int, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, method, base+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if method == http.MethodGet {
		request.Body, request.ContentLength = http.NoBody, 0
	} else {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode >= 300 {
		return answer.StatusCode, fmt.Errorf("%s %s: %s: %s", method, path, answer.Status, raw)
	}
	return answer.StatusCode, json.Unmarshal(raw, out)
}

// people are who acts; apply makes them.
const people = `
apiVersion: souk/v1
kind: Person
metadata: {name: alice@hyfin.example}
---
apiVersion: souk/v1
kind: Person
metadata: {name: pat@hyfin.example}
---
apiVersion: souk/v1
kind: Person
metadata: {name: sam@hyfin.example}
---
apiVersion: souk/v1
kind: Group
metadata: {name: team-lunch}
spec: {roles: [publisher], members: [alice@hyfin.example]}
---
apiVersion: souk/v1
kind: Group
metadata: {name: product}
spec: {roles: [approver], domains: [product], members: [pat@hyfin.example]}
---
apiVersion: souk/v1
kind: Group
metadata: {name: security}
spec: {roles: [approver], domains: [security], members: [sam@hyfin.example]}
`

// hire makes the people, and gives a token of each.
func (in installation) hire(t *testing.T) (tokens map[string]string) {
	t.Helper()
	files := t.TempDir()
	if err := os.WriteFile(filepath.Join(files, "people.yaml"), []byte(people), 0o600); err != nil {
		t.Fatal(err)
	}
	in.run(t, "apply", "-f", files)
	tokens = map[string]string{}
	for _, name := range []string{"alice", "pat", "sam"} {
		tokens[name] = in.run(t, "token", "create", "--as", name+"@hyfin.example", "--scope", "all")
	}
	return tokens
}

type request struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Digest    string `json:"digest"`
	RolloutID string `json:"rollout_id"`
	App       struct {
		Slug string `json:"slug"`
	} `json:"app"`
	Flag struct {
		Key string `json:"key"`
	} `json:"flag"`
}

func publication(slug string) map[string]any {
	return map[string]any{
		"kind": "publish_app", "template_id": "microapp-basic-toggle-v1", "reason": "to be there after the crash",
		"app": map[string]any{
			"slug": slug, "name": "App " + slug, "description": "An app", "category": "other", "owner": "team-lunch",
			"contact": "alice@hyfin.example", "kind": "external", "url": "https://" + slug + ".hyfin.example",
			"data": map[string]any{"classification": "none"},
		},
		"fields": map[string]any{"name": "Enabled", "owner": "alice@hyfin.example", "audiences": "internal", "ttl_days": 30},
	}
}

// journal is what a client knows: what it asked for, and what it was told is done.
type journal struct {
	asked        []string          // slugs
	acknowledged map[string]string // slug → id of the request
}

// write submits until ctx ends, keeps the journal, and rings for each acknowledgement. An answer that does not come is none.
func (j *journal) write(ctx context.Context, t *testing.T, base, token, name string, ring chan<- struct{}) {
	for ctx.Err() == nil {
		slug := fmt.Sprintf("%s-%d", name, len(j.asked))
		j.asked = append(j.asked, slug)
		var made request
		switch status, err := call(ctx, base, token, http.MethodPost, "/requests", publication(slug), &made); {
		case status == http.StatusCreated && err == nil:
			j.acknowledged[slug] = made.ID
			select {
			case ring <- struct{}{}:
			default:
			}
		case status != 0:
			t.Errorf("submit %s: %v", slug, err)
		case ctx.Err() == nil:
			return // the server is gone
		}
	}
}

func TestKillNineLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	rounds, clients := 8, 4
	if testing.Short() {
		rounds = 2
	}
	storetest.OnEach(t, func(t *testing.T, engine store.Engine) {
		in := newInstallation(t, engine)
		tokens := in.hire(t)
		journals := make([]journal, clients)
		for i := range journals {
			journals[i].acknowledged = map[string]string{}
		}
		for round := range rounds {
			s := in.serve(t)
			ctx, stop := context.WithCancel(t.Context())
			ring := make(chan struct{}, 1)
			var writing sync.WaitGroup
			for i := range journals {
				writing.Go(func() { journals[i].write(ctx, t, s.base, tokens["alice"], fmt.Sprintf("c%d-r%d", i, round), ring) })
			}
			select {
			case <-ring:
			case <-time.After(time.Minute):
				t.Error("nothing was acknowledged for a minute")
			}
			<-time.After(rand.N(300 * time.Millisecond)) // any moment will do: that is the test
			s.kill()
			stop()
			writing.Wait()
		}
		s := in.serve(t)
		defer s.kill()
		known := check(t, s.base, tokens, journals)
		checkAudit(t, in, known)
	})
}

// check compares what is there with the journals, and carries requests on to their approval. It gives the ids of all
// requests.
func check(t *testing.T, base string, tokens map[string]string, journals []journal) map[string]bool {
	t.Helper()
	there := map[string]request{}
	ids := map[string]bool{}
	for next := ""; ; {
		var page struct {
			Items []request `json:"items"`
			Next  string    `json:"next"`
		}
		if _, err := call(t.Context(), base, tokens["alice"], http.MethodGet, "/requests?limit=100&cursor="+next, nil, &page); err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Items {
			if before, twice := there[r.App.Slug]; twice {
				t.Errorf("%s was submitted once and is there twice: %s and %s", r.App.Slug, before.ID, r.ID)
			}
			there[r.App.Slug] = r
			ids[r.ID] = true
		}
		if next = page.Next; next == "" {
			break
		}
	}
	acknowledged, asked, approved := 0, 0, 0
	for _, j := range journals {
		for slug, id := range j.acknowledged {
			if there[slug].ID != id {
				t.Errorf("%s was acknowledged as %s, and is %q now", slug, id, there[slug].ID)
			}
		}
		acknowledged += len(j.acknowledged)
		asked += len(j.asked)
		for _, slug := range j.asked {
			r, submitted := there[slug]
			var flag struct {
				Key string `json:"key"`
			}
			status, err := call(t.Context(), base, tokens["alice"], http.MethodGet, "/flags/"+slug+".enabled", nil, &flag)
			if status != http.StatusOK && status != http.StatusNotFound {
				t.Fatalf("flag of %s: %v", slug, err)
			}
			if half := submitted != (status == http.StatusOK); half {
				t.Errorf("%s is half done: request %v, flag %v", slug, submitted, status == http.StatusOK)
			}
			// Those whose answer was lost are the ones that a crash may have left half done.
			if _, answered := j.acknowledged[slug]; submitted && (!answered || approved < 30) {
				approve(t, base, tokens, r)
				approved++
			}
		}
	}
	t.Logf("%d submits, %d acknowledged, %d there, %d carried on", asked, acknowledged, len(there), approved)
	return ids
}

// approve proves that a request is not stuck.
func approve(t *testing.T, base string, tokens map[string]string, r request) {
	t.Helper()
	for _, name := range []string{"pat", "sam"} {
		judgement := map[string]any{"digest": r.Digest, "reason": "fine"}
		if _, err := call(t.Context(), base, tokens[name], http.MethodPost, "/requests/"+r.ID+"/approve", judgement, &r); err != nil {
			t.Fatal(err)
		}
	}
	if r.State != "approved" || r.RolloutID == "" {
		t.Errorf("%s is stuck: state %s, rollout %q", r.App.Slug, r.State, r.RolloutID)
	}
}

// checkAudit exports and verifies the log, and finds in it each request that is there, and no other.
func checkAudit(t *testing.T, in installation, known map[string]bool) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "audit.ndjson")
	in.run(t, "audit", "export", "-o", file)
	finish(t, program(t.Context(), "audit", "verify", file))
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	submitted := map[string]int{}
	for line := range bytes.Lines(raw) {
		var l struct {
			Event struct {
				Event     string `json:"event"`
				RequestID string `json:"request_id"`
			} `json:"event"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Fatal(err)
		}
		if id := l.Event.RequestID; id != "" && !known[id] {
			t.Errorf("%s tells of the request %s, which is not there", l.Event.Event, id)
		}
		if l.Event.Event == "request.submitted" {
			submitted[l.Event.RequestID]++
		}
	}
	for id := range known {
		if submitted[id] != 1 {
			t.Errorf("the request %s was submitted once, the log tells it %d times", id, submitted[id])
		}
	}
}
