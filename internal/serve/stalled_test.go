package serve_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/store"
)

// bulky makes a backup larger than what sockets keep, and gzip cannot help it.
func (s *site) bulky() {
	s.Helper()
	noise := make([]byte, 8<<20)
	_, _ = rand.Read(noise)
	if err := s.app.Directory.DB.WriteLarge(s.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE app SET description = $1`, hex.EncodeToString(noise))
		return err
	}); err != nil {
		s.Fatal(err)
	}
}

// stalled asks the server at an address for a backup, whose body nobody reads, until the context ends: then it is nil.
func (c *caller) stalled(ctx context.Context, address string) *http.Response {
	c.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/api/v1/backup", http.NoBody)
	if err != nil {
		c.Fatal(err)
	}
	for _, line := range c.headers {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Set(name, strings.TrimSpace(value))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil && ctx.Err() == nil {
		c.Fatal(err)
	}
	return answer
}

func TestClientsThatDoNotReadTheirBackupHoldUpNobody(t *testing.T) {
	atOnce(t, func(s *site) {
		s.hurry()
		flag := s.published("eat").text("flag", "key")
		root, olu := s.as("root").token("all"), s.as("olu").token("all")
		s.bulky()
		server := httptest.NewServer(s.handler)
		defer server.Close()
		defer server.CloseClientConnections()
		begun := 0
		for range 12 {
			answer := root.stalled(s.Context(), server.URL)
			s.Cleanup(func() { _ = answer.Body.Close() })
			switch {
			case answer.StatusCode == http.StatusOK:
				begun++
			case answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "":
				t.Errorf("a backup is answered %s, %v", answer.Status, answer.Header)
			}
		}
		if begun != 1 {
			t.Errorf("%d backups were begun, want one", begun)
		}
		olu.get("/api/v1/flags").want(t, http.StatusOK)
		olu.post("/api/v1/flags/"+flag+"/environments/sandbox/kill", nil).want(t, http.StatusOK, http.StatusAccepted)
	})
}
