package serve_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"
)

// changes opens the stream that OFREP's answers offer to a key, and gives its path and its lines; they end when the stream does.
func (s *site) changes(address, key string) (path string, lines chan string) {
	s.Helper()
	bulk := s.as("").with("Authorization: Bearer "+key).post("/ofrep/v1/evaluate/flags", object{"context": object{}}).want(s, http.StatusOK)
	offered, ok := bulk.at("eventStreams").([]any)
	if !ok || len(offered) != 1 {
		s.Fatalf("%s offers no stream", bulk)
	}
	path = offered[0].(map[string]any)["endpoint"].(map[string]any)["requestUri"].(string)
	answer := s.open(address + path)
	if answer.StatusCode != http.StatusOK {
		s.Fatalf("%s: %s", path, answer.Status)
	}
	lines = make(chan string, 100)
	go func() {
		defer close(lines)
		for body := bufio.NewScanner(answer.Body); body.Scan(); {
			lines <- body.Text()
		}
	}()
	return path, lines
}

func (s *site) open(url string) *http.Response {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		s.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// told waits for a line that begins so.
func (s *site) told(lines chan string, text string) {
	s.Helper()
	for timeout := time.After(time.Minute); ; {
		select {
		case line, open := <-lines:
			if !open {
				s.Fatalf("the stream ended before %s", text)
			}
			if strings.HasPrefix(line, text) {
				return
			}
		case <-timeout:
			s.Fatalf("in vain: %s", text)
		}
	}
}

func TestStreamsOfOFREPEndWithTheirKeyAndHaveOneURLForEver(t *testing.T) {
	each(t, func(s *site) {
		flag := s.published("eat").text("flag", "key")
		made := s.as("olu").post("/api/v1/sdk-keys", object{"environment": "production"}).want(s, http.StatusCreated)
		kept := s.sdkKey("production")
		address := s.listen()
		revoked, ending := s.changes(address, made.text("secret"))
		path, lasting := s.changes(address, kept)
		for _, lines := range []chan string{ending, lasting} {
			s.told(lines, `data: {"type":"refetchEvaluation"`)
		}
		s.as("olu").post("/api/v1/flags/"+flag+"/environments/production/kill", nil).want(s, http.StatusOK)
		for _, lines := range []chan string{ending, lasting} {
			s.told(lines, `data: {"type":"refetchEvaluation"`)
		}
		began := time.Now()
		s.as("olu").with(`If-Match: "1"`).do("DELETE", "/api/v1/sdk-keys/"+made.text("id"), nil).want(s, http.StatusOK)
		for range ending { // until it ends
		}
		t.Logf("the stream ended %s after its key was revoked", time.Since(began))
		if again := s.open(address + revoked); again.StatusCode != http.StatusUnauthorized {
			s.Errorf("the stream of a revoked key: %s", again.Status)
		}
		select {
		case _, open := <-lasting:
			if !open {
				s.Error("the stream of another key ended, too")
			}
		default:
		}
		// The next process, or another replica, takes the same URL.
		s.stop()
		s.start()
		if again, lines := s.changes(s.listen(), kept); again != path {
			s.Errorf("the URL was %s and is %s", path, again)
		} else {
			s.told(lines, "data: ")
		}
	})
}
