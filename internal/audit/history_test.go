package audit_test

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func hash(t *testing.T, text string) tlog.Hash {
	t.Helper()
	h, err := tlog.ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestConsistencyIsProvenBetweenAnyTwoSizes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		appendN(t, db, 20) // and one event for the key
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		roots := map[int64]string{}
		for from := int64(1); from <= 21; from++ {
			for to := from; to <= 21; to++ {
				c, err := log.Consistency(t.Context(), auditor{}, from, to)
				if err != nil {
					t.Fatal(err)
				}
				var proof tlog.TreeProof
				for _, text := range c.Hashes {
					proof = append(proof, hash(t, text))
				}
				if err := tlog.CheckTree(proof, to, hash(t, c.ToRoot), from, hash(t, c.FromRoot)); err != nil {
					t.Errorf("from %d to %d: %v", from, to, err)
				}
				roots[to] = c.ToRoot
			}
		}
		now, err := log.Consistency(t.Context(), auditor{}, 7, 0)
		if err != nil || now.To != 21 || now.ToRoot != roots[21] || !strings.Contains(now.Checkpoint.Note, "\n21\n"+roots[21]+"\n") || now.FromRoot != roots[7] {
			t.Errorf("to now: %+v, %v", now, err)
		}
		for _, sizes := range [][2]int64{{0, 5}, {-1, 5}, {6, 5}, {22, 0}} {
			if _, err := log.Consistency(t.Context(), auditor{}, sizes[0], sizes[1]); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v: %v", sizes, err)
			}
		}
		if _, err := log.Consistency(t.Context(), auditor{}, 5, 22); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("a size that the log has not: %v", err)
		}
	})
}

func TestCheckpointsAreListedNewestFirstAsTheyWereSigned(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		for range 5 {
			appendN(t, db, 1)
			if err := log.Sequence(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		verifier, err := note.NewVerifier(vkeyA)
		if err != nil {
			t.Fatal(err)
		}
		var sizes []int64
		for page := (store.Page{Limit: 2}); ; {
			list, err := log.Checkpoints(t.Context(), auditor{}, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list.Items {
				sizes = append(sizes, c.Size)
				if _, err := note.Open([]byte(c.Note), note.VerifierList(verifier)); err != nil || !c.At.Equal(start) || len(c.Keys) != 1 {
					t.Errorf("%+v: %v", c, err)
				}
			}
			if page.Cursor = list.Next; list.Next == "" {
				break
			}
		}
		if len(sizes) != 5 || sizes[0] != 6 || sizes[4] != 2 {
			t.Errorf("the sizes are %v", sizes)
		}
		for _, cursor := range []string{"x", store.Cursor("x", "y"), store.Cursor("1")} {
			if _, err := log.Checkpoints(t.Context(), auditor{}, store.Page{Cursor: cursor}); !fault.Is(err, fault.Invalid) {
				t.Errorf("the cursor %q: %v", cursor, err)
			}
		}
	})
}

// A search for a rare word must not take the longer the more there is: it stops, and says where to go on.
func TestARareWordIsFoundPageByPage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("appends twenty thousand events")
	}
	db := storetest.Open(t, store.SQLite)
	log := open(t, db, audit.Config{})
	rare := event(0)
	rare.Reason = "a needle"
	if err := appendEvents(t.Context(), db, rare); err != nil {
		t.Fatal(err)
	}
	for from := 1; from <= 20_000; from += 1000 {
		var batch []audit.Event
		for i := range 1000 {
			batch = append(batch, event(from+i))
		}
		if err := appendEvents(t.Context(), db, batch...); err != nil {
			t.Fatal(err)
		}
	}
	q := audit.Query{Text: "NEEDLE"}
	first, err := log.Events(t.Context(), auditor{}, q)
	if err != nil || len(first.Items) != 0 || first.Next == "" {
		t.Fatalf("the first page holds %d, next %q, %v", len(first.Items), first.Next, err)
	}
	q.Page.Cursor = first.Next
	second, err := log.Events(t.Context(), auditor{}, q)
	if err != nil || len(second.Items) != 1 || second.Next != "" {
		t.Fatalf("the second page holds %d, next %q, %v", len(second.Items), second.Next, err)
	}
}

func TestTheFeedGivesEventsInTheOrderOfTheirLeaves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		appendN(t, db, 9)
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		appendN(t, db, 1) // without a leaf as yet
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			size, err := audit.Next(ctx, tx)
			if err != nil || size != 10 {
				t.Errorf("the size is %d, %v", size, err)
			}
			for from, want := range map[int64]int{0: 4, 7: 3, 9: 1, 10: 0} {
				entries, err := audit.From(ctx, tx, from, 4)
				if err != nil || len(entries) != want {
					t.Errorf("from %d: %d, %v", from, len(entries), err)
				}
				for i, e := range entries {
					if *e.Leaf != from+int64(i) {
						t.Errorf("from %d: leaf %d at %d", from, *e.Leaf, i)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
