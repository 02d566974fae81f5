package serve_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

// partly is the key of what is done in each transaction of an import, when its first event is appended.
type partly struct{}

// inParts imports flags, and does something in the transaction of each of its parts. The parts are counted from 1.
func (c *caller) inParts(flags int, do func(ctx context.Context, part int) error) *reply {
	c.Helper()
	part, before := 0, (*store.Tx)(nil)
	audit.Listen(c.app.Directory.DB, review.Mark, func(ctx context.Context, tx *store.Tx, _ []audit.Event) error {
		if ctx.Value(partly{}) == nil || tx == before {
			return nil
		}
		before = tx
		part++
		return do(ctx, part)
	})
	return c.within(context.WithValue(c.Context(), partly{}, true)).post("/api/v1/imports", object{"format": "flagd", "document": flagd("part.", flags, "on")})
}

func TestAnImportThatEndsBetweenItsPartsIsFinishedByTheSameCall(t *testing.T) {
	each(t, func(s *site) {
		s.hurry()
		const flags = 450
		root := s.as("root").token("all").with("Idempotency-Key: all of it")
		cut := root.inParts(flags, func(ctx context.Context, part int) error {
			if part == 2 {
				return context.Canceled
			}
			return nil
		})
		if some := s.events("event=flag.imported"); cut.Code < 500 || some == 0 || some == flags {
			t.Fatalf("%s, with %d flags", cut, some)
		}
		s.stop()
		s.start()
		root.site = s
		again := object{"format": "flagd", "document": flagd("part.", flags, "on")}
		done := root.post("/api/v1/imports", again).want(t, http.StatusOK, http.StatusAccepted)
		if n := s.events("event=flag.imported"); n != flags {
			t.Errorf("%d flags were imported, want %d", n, flags)
		}
		for _, event := range s.as("root").get("/api/v1/audit/events?event=flag.imported").want(t, http.StatusOK).items() {
			if got := event.(object)["details"].(object)["import"]; got != done.at("import_id") {
				t.Fatalf("an event of import %v is in the log, want %v", got, done.at("import_id"))
			}
		}
		if repeated := root.post("/api/v1/imports", again).want(t, http.StatusOK, http.StatusAccepted); repeated.Header().Get("Idempotent-Replayed") == "" {
			t.Errorf("%s is done once more", repeated)
		}
	})
}

func TestOthersWriteBetweenThePartsOfAnImportAndWhatTheyChangeIsPlannedAnew(t *testing.T) {
	atOnce(t, func(s *site) {
		s.hurry()
		const flags = 450
		root := s.as("root").token("all")
		root.post("/api/v1/imports", object{"format": "flagd", "document": flagd("part.", flags, "off")}).want(t, http.StatusOK, http.StatusAccepted)
		began, wrote := make(chan error, 1), atomic.Bool{}
		answer := root.inParts(flags, func(_ context.Context, part int) error {
			switch part {
			case 1: // waits for the writer behind this part, and changes what the last one is planned for
				waits := make(chan struct{})
				go func() {
					close(waits)
					began <- s.app.Directory.DB.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
						_, err := tx.Exec(ctx, `UPDATE flag SET revision = revision + 1 WHERE key = 'part.99'`)
						wrote.Store(err == nil)
						return err
					})
				}()
				<-waits
			case 3:
				if !wrote.Load() {
					t.Error("nobody else wrote between the parts")
				}
			}
			return nil
		}).want(t, http.StatusOK, http.StatusAccepted)
		if err := <-began; err != nil {
			t.Fatal(err)
		}
		if answer.at("plan", "counts", "update") != float64(flags) {
			t.Errorf("the answer tells of %v", answer.at("plan", "counts"))
		}
		if n := s.events("event=flag.imported"); n != 2*flags {
			t.Errorf("%d flags were imported, want %d twice", n, flags)
		}
	})
}
