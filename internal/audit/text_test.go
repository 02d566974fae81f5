package audit_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// eraser may delete texts.
type eraser struct{ stranger }

func (eraser) MayEraseTexts() error { return nil }

func (eraser) Event(name audit.Name, at time.Time) audit.Event {
	return audit.Event{Event: name, Actor: "root@example.com", Timestamp: at, Credential: audit.Credential{Kind: "session"}}
}

// writer may do nothing.
type writer struct{ eraser }

func (writer) MayEraseTexts() error { return stranger{}.MayReadAudit() }

func commented(n int) audit.Event {
	e := event(n)
	e.Event, e.Reason = audit.RequestCommented, "reasons stay in the leaf"
	e.Details = map[string]any{
		"comment": "no", "n": 9007199254740993, "key": "eat.enabled", "a/b~c": "two words", "empty": "",
		"after": map[string]any{"members": []string{"a@example.com", "Bob Smith"}, "title": "Lunch", "revision": 7},
	}
	return e
}

func TestFreeTextStandsInTheLeafAsASaltedHashAndBesideIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		if err := appendEvents(t.Context(), db, commented(1), commented(1)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(export(t, log)), "\n")
		var hashes []string
		for _, line := range lines[1:3] {
			var parsed struct {
				Event json.RawMessage       `json:"event"`
				Texts map[string]audit.Text `json:"texts"`
			}
			if err := json.Unmarshal([]byte(line), &parsed); err != nil {
				t.Fatal(err)
			}
			want := []string{"/details/after/members/1", "/details/after/title", "/details/a~1b~0c", "/details/comment"}
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(parsed.Texts))); diff != "" {
				t.Error(diff)
			}
			leaf := string(parsed.Event)
			for _, text := range []string{`"no"`, "two words", "Bob Smith", "Lunch"} {
				if strings.Contains(leaf, text) {
					t.Errorf("the leaf holds %q: %s", text, leaf)
				}
			}
			for _, text := range []string{
				`"reason":"reasons stay in the leaf"`, `"key":"eat.enabled"`, `"a@example.com"`, `"n":9007199254740992`, `"empty":""`, `"actor":"alice@example.com"`,
			} {
				if !strings.Contains(leaf, text) {
					t.Errorf("the leaf lacks %s: %s", text, leaf)
				}
			}
			_, hash, _ := strings.Cut(leaf, `"comment":{"salted_sha256":"`)
			hashes = append(hashes, hash[:64])
		}
		if hashes[0] == hashes[1] {
			t.Error("the same word has the same hash twice: it can be guessed")
		}
		if report := verify(t, file(lines), audit.VerifyOptions{Keys: []string{vkeyA}}); !report.OK {
			t.Errorf("report %+v", report)
		}
		// Whoever reads sees the texts in their places.
		page, err := log.Events(t.Context(), auditor{}, audit.Query{Event: "request.commented", Text: "reasons"})
		if err != nil || len(page.Items) != 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		want := map[string]any{
			"comment": "no", "n": 9007199254740992.0, "key": "eat.enabled", "a/b~c": "two words", "empty": "",
			"after": map[string]any{"members": []any{"a@example.com", "Bob Smith"}, "title": "Lunch", "revision": 7.0},
		}
		if diff := cmp.Diff(want, page.Items[0].Details); diff != "" {
			t.Error(diff)
		}
		if p, err := log.Proof(t.Context(), auditor{}, page.Items[0].ID); err != nil || p.Texts["/details/comment"].Text != "no" {
			t.Errorf("proof %+v, %v", p, err)
		}
	})
}

func TestATextBesideAnEventIsCheckedWhereItIs(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	log := open(t, db, audit.Config{Key: keyA})
	if err := appendEvents(t.Context(), db, commented(1), commented(1)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(export(t, log)), "\n")
	textsOf := func(line string) string { return line[strings.Index(line, `,"texts":`) : len(line)-1] }
	change := func(line string, old, with string) string {
		if !strings.Contains(line, old) {
			t.Fatalf("%s is not in %s", old, line)
		}
		return strings.Replace(line, old, with, 1)
	}
	manipulations := map[string]struct {
		do   func(line string) string
		kind audit.ProblemKind
	}{
		"nothing":        {func(l string) string { return l }, ""},
		"all texts gone": {func(l string) string { return change(l, textsOf(l), "") }, ""},
		"a word changed": {func(l string) string { return change(l, `"text":"no"`, `"text":"yes"`) }, audit.TextChanged},
		"a salt changed": {func(l string) string { return change(l, textsOf(l), textsOf(lines[2])) }, audit.TextChanged},
		"a path changed": {func(l string) string { return change(l, `"/details/comment"`, `"/details/key"`) }, audit.TextChanged},
		"a path nowhere": {func(l string) string { return change(l, `"/details/comment"`, `"/details/x/y"`) }, audit.TextChanged},
		"a text added": {func(l string) string {
			return change(l, `"texts":{`, `"texts":{"/reason":{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","text":"x"},`)
		}, audit.TextChanged},
		"a short salt": {func(l string) string { return change(l, `"texts":{`, `"texts":{"/reason":{"salt":"AAAA","text":"x"},`) }, audit.MalformedLine},
		"a path twice": {func(l string) string {
			return change(l, `"texts":{`, `"texts":{"/details/comment":{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","text":"x"},`)
		}, audit.MalformedLine},
		"a third member":  {func(l string) string { return change(l, `"text":"no"`, `"text":"no","Text":"yes"`) }, audit.MalformedLine},
		"no object":       {func(l string) string { return change(l, textsOf(l), `,"texts":[]`) }, audit.MalformedLine},
		"the hash itself": {func(l string) string { return change(l, `"salted_sha256":"`, `"salted_sha256":"0`) }, audit.TextChanged},
	}
	if len(manipulations) != 12 {
		t.Errorf("%d manipulations, want 12", len(manipulations))
	}
	for name, c := range manipulations {
		changed := slices.Clone(lines)
		changed[1] = c.do(changed[1])
		report := verify(t, file(changed), audit.VerifyOptions{Keys: []string{vkeyA}})
		if c.kind == "" && !report.OK || c.kind != "" && (report.OK || report.Problems[0].Kind != c.kind || report.Problems[0].Line != 2) {
			t.Errorf("%s: %+v", name, report)
		}
	}
}

func TestErasedTextsAreGoneAndEveryProofHolds(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		e := commented(1)
		e.ID = store.NewID()
		if err := appendEvents(t.Context(), db, e, commented(2)); err != nil {
			t.Fatal(err)
		}
		before := export(t, log)
		if _, err := log.Erase(t.Context(), writer{}, e.ID, "he asked"); !fault.Is(err, fault.Forbidden) {
			t.Errorf("without the right: %v", err)
		}
		if _, err := log.Erase(t.Context(), eraser{}, e.ID, " "); !fault.Is(err, fault.Unprocessable) {
			t.Errorf("without a reason: %v", err)
		}
		paths, err := log.Erase(t.Context(), eraser{}, e.ID, "he asked")
		if err != nil || len(paths) != 4 {
			t.Fatalf("%v, %v", paths, err)
		}
		if _, err := log.Erase(t.Context(), eraser{}, e.ID, "he asked"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a second time: %v", err)
		}
		after := export(t, log)
		if strings.Count(before, "Bob Smith") != 2 || strings.Count(after, "Bob Smith") != 1 {
			t.Errorf("the text is there %d times", strings.Count(after, "Bob Smith"))
		}
		if report := verify(t, after, audit.VerifyOptions{Keys: []string{vkeyA}, Since: since(t, before)}); !report.OK || report.Events != 4 {
			t.Errorf("report %+v", report)
		}
		if !strings.Contains(after, `"event":"audit.texts_erased"`) || !strings.Contains(after, `"subject":"audit_event:`+e.ID+`"`) {
			t.Errorf("nobody is told: %s", after)
		}
		page, err := log.Events(t.Context(), auditor{}, audit.Query{Event: "request.commented"})
		if err != nil || len(page.Items) != 2 {
			t.Fatalf("%+v, %v", page, err)
		}
		if is := fmt.Sprint(page.Items[1].Details["comment"]); !strings.Contains(is, "salted_sha256") {
			t.Errorf("read is %s", is)
		}
	})
}
