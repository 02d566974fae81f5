package cli_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/cli"
)

// answering is a data directory whose server gives one answer to everything. It returns what a command prints there, and its status.
func answering(t *testing.T, status int, answer any) (souk func(args ...string) (said string, exit int)) {
	t.Helper()
	dir, err := os.MkdirTemp("", "souk") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "unix", filepath.Join(dir, "souk.sock"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { //nolint:gosec // a test's own
		w.WriteHeader(status)
		if answer != nil {
			_ = json.NewEncoder(w).Encode(answer)
		}
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return func(args ...string) (string, int) {
		var out bytes.Buffer
		exit := cli.Run(t.Context(), cli.Console{Args: append(args, "--data", dir), Out: &out, Err: &out})
		return out.String(), exit
	}
}

func TestAKillThatIsServedAndNotCommittedIsToldSo(t *testing.T) {
	t.Parallel()
	const at = "2026-01-10T12:00:00Z"
	receipt := map[string]any{"kill_id": "k1", "environment": "production", "served_here": true, "served_at": at, "silent": []string{"b:8080"}}
	for name, row := range map[string]struct {
		args   []string
		status int
		answer any
		says   []string
	}{
		"one flag": {
			[]string{"kill", "eat.enabled", "--environment", "production"},
			http.StatusAccepted,
			map[string]any{"key": "eat.enabled", "kill_id": "k1", "served": true, "committed": false, "receipt": receipt},
			[]string{"eat.enabled is off for everybody in production since " + at, "kill k1 is being written to the log", "not heard of yet: b:8080"},
		},
		"many": {
			[]string{"kill", "--app", "eat", "--environment", "production", "--expect", "9"},
			http.StatusAccepted,
			map[string]any{
				"id": "k1", "flags": 2, "environment": "production", "at": at, "served_at": at, "kill_id": "k1", "served": true, "committed": false, "receipt": receipt,
			},
			[]string{"2 flags are off for everybody in production since " + at, "being written to the log", "not heard of yet: b:8080"},
		},
		"a list": {
			[]string{"kills", "list", "--uncommitted"},
			http.StatusOK,
			map[string]any{"items": []any{map[string]any{
				"id": "k1", "select": map[string]any{"app": "eat"}, "environment": "production", "by": "olu@hyfin.example", "reason": "it burns", "at": at, "served_at": at,
			}}},
			[]string{"k1", "served, not in the log yet", "olu@hyfin.example: it burns"},
		},
		"an end": {
			[]string{"kills", "end", "k1", "--reason", "it was another"}, http.StatusNoContent, nil, []string{"kill k1 is ended"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said, exit := answering(t, row.status, row.answer)(row.args...)
			for _, part := range row.says {
				if !strings.Contains(said, part) || exit != 0 {
					t.Errorf("%q is not in, with %d:\n%s", part, exit, said)
				}
			}
		})
	}
}
