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

func TestClientsThatDoNotReadTheirBackupHoldUpNobody(t *testing.T) {
	each(t, func(s *site) {
		flag := s.published("eat").text("flag", "key")
		root, olu := s.as("root").token("all"), s.as("olu").token("all")
		noise := make([]byte, 8<<20) // more than what sockets keep, and gzip cannot help it
		_, _ = rand.Read(noise)
		if err := s.app.Directory.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE app SET description = $1`, hex.EncodeToString(noise))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(s.handler)
		defer server.Close()
		defer server.CloseClientConnections()
		begun := 0
		for range 12 {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/v1/backup", nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range root.headers {
				name, value, _ := strings.Cut(line, ":")
				r.Header.Set(name, strings.TrimSpace(value))
			}
			answer, err := http.DefaultClient.Do(r) // its headers; nobody reads the body
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = answer.Body.Close() })
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
