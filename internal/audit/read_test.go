package audit_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestReadingNeedsTheRight(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	log := open(t, db, audit.Config{})
	_, errEvents := log.Events(t.Context(), stranger{}, audit.Query{})
	_, errCheckpoint := log.Checkpoint(t.Context(), stranger{})
	_, errProof := log.Proof(t.Context(), stranger{}, "x")
	var written strings.Builder
	errExport := log.Export(t.Context(), stranger{}, &written)
	_, errCheckpoints := log.Checkpoints(t.Context(), stranger{}, store.Page{})
	_, errConsistency := log.Consistency(t.Context(), stranger{}, 1, 0)
	for i, err := range []error{errEvents, errCheckpoint, errProof, errExport, errCheckpoints, errConsistency} {
		if !fault.Is(err, fault.Forbidden) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if written.Len() > 0 {
		t.Error("something was exported")
	}
}

func TestEventsAreListedNewestFirstAndFiltered(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{})
		var want []string
		for i := range 25 {
			e := event(i + 1)
			e.ID = store.NewID()
			if i%5 == 0 {
				e.FlagKey, e.FlagID, e.App, e.Actor, e.Event, e.RequestID = "other", "other-001", "other", "bob@example.com", audit.FlagKilled, "r2"
			}
			if err := appendEvents(t.Context(), db, e); err != nil {
				t.Fatal(err)
			}
			want = append([]string{e.ID}, want...)
		}
		var got []string
		q := audit.Query{Page: store.Page{Limit: 10}, After: start.Format(time.RFC3339)}
		for {
			page, err := log.Events(t.Context(), auditor{}, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Items {
				got = append(got, e.ID)
			}
			if q.Page.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for name, c := range map[string]struct {
			q    audit.Query
			want int
		}{
			"flag key":        {audit.Query{Flag: "other"}, 5},
			"flag id":         {audit.Query{Flag: "microapp-where2eat-001"}, 20},
			"actor":           {audit.Query{Actor: "bob@example.com"}, 5},
			"event":           {audit.Query{Event: "flag.state_changed"}, 20},
			"app":             {audit.Query{App: "other"}, 5},
			"request":         {audit.Query{Request: "r2"}, 5},
			"two at once":     {audit.Query{Request: "r2", App: "where2eat"}, 0},
			"after an event":  {audit.Query{After: want[3]}, 3},
			"after a time":    {audit.Query{After: start.Add(24 * time.Second).Format(time.RFC3339)}, 1},
			"no such flag":    {audit.Query{Flag: "' OR 1=1 --"}, 0},
			"everything":      {audit.Query{}, 26},
			"after no event":  {audit.Query{After: "00000000-0000-7000-8000-000000000000"}, 0},
			"a beginning":     {audit.Query{Event: "flag.*"}, 25},
			"every beginning": {audit.Query{Event: "*"}, 26},
			"no pattern":      {audit.Query{Event: "%.killed*"}, 0},
			"from":            {audit.Query{From: start.Add(24 * time.Second).Format(time.RFC3339)}, 2},
			"to":              {audit.Query{To: start.Add(3 * time.Second).Format(time.RFC3339)}, 3},
			"from to":         {audit.Query{From: start.Add(3 * time.Second).Format(time.RFC3339), To: start.Add(5 * time.Second).Format(time.RFC3339)}, 2},
			"words":           {audit.Query{Text: "REASON 1"}, 11},
			"words and app":   {audit.Query{Text: "reason 1", App: "other"}, 3},
			"no jokers":       {audit.Query{Text: "rea%n"}, 0},
			"a subject":       {audit.Query{Subject: "audit_key:" + log.VerifierKey()}, 1},
			"flag and cursor": {audit.Query{Flag: "other", Page: store.Page{Limit: 5}}, 5},
		} {
			page, err := log.Events(t.Context(), auditor{}, c.q)
			if err != nil || len(page.Items) != c.want || page.Next != "" {
				t.Errorf("%s: %d items, next %q, %v", name, len(page.Items), page.Next, err)
			}
		}
		for _, q := range []audit.Query{
			{After: "yesterday"},
			{From: "yesterday"},
			{To: "2026"},
			{Page: store.Page{Cursor: base64.RawURLEncoding.EncodeToString([]byte(`["1","\u0000"]`))}},
			{Page: store.Page{Cursor: "x"}},
			{Page: store.Page{Cursor: base64.RawURLEncoding.EncodeToString([]byte(`["1"]`))}},
		} {
			if _, err := log.Events(t.Context(), auditor{}, q); !fault.Is(err, fault.Invalid) {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

func TestEventsOfAFlagAreThoseOfWhatItRestsOnToo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{})
		flag, pilot, beta := event(1), event(2), event(3)
		for segment, e := range map[string]*audit.Event{"segment:pilot": &pilot, "segment:beta": &beta} {
			e.Event, e.FlagKey, e.FlagID, e.From, e.To, e.Subject = audit.SegmentUpdated, "", "", "", "", segment
		}
		if err := appendEvents(t.Context(), db, flag, pilot, beta); err != nil {
			t.Fatal(err)
		}
		for _, named := range []string{flag.FlagKey, flag.FlagID} {
			list, err := log.Events(t.Context(), auditor{}, audit.Query{Flag: named, Rests: []string{"segment:pilot", "segment:other"}})
			if err != nil || len(list.Items) != 2 || list.Items[0].Subject != "segment:pilot" {
				t.Errorf("%s has %+v, %v", named, list.Items, err)
			}
		}
	})
}

func TestEventsOfAFlagAreWhoJoinedAndLeftItsGroupsToo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{})
		var events []audit.Event
		for i, name := range append(slices.Clone(audit.Membership), audit.GroupUpdated) {
			for _, group := range []string{"group:pilot", "group:beta"} {
				e := event(i)
				e.Event, e.FlagKey, e.FlagID, e.From, e.To, e.Subject = name, "", "", "", "", group
				events = append(events, e)
			}
		}
		if err := appendEvents(t.Context(), db, append(events, event(9))...); err != nil {
			t.Fatal(err)
		}
		list, err := log.Events(t.Context(), auditor{}, audit.Query{Flag: event(9).FlagKey, Members: []string{"group:pilot", "group:other"}})
		if err != nil || len(list.Items) != len(audit.Membership)+1 {
			t.Fatalf("%+v, %v", list.Items, err)
		}
		for _, e := range list.Items {
			if e.FlagKey == "" && (e.Subject != "group:pilot" || e.Event.Event == audit.GroupUpdated) {
				t.Errorf("it has %s of %s", e.Event.Event, e.Subject)
			}
		}
	})
}

func TestEventsAreFlatWithALeafOnceSequenced(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{})
		e := event(1)
		e.ID = store.NewID()
		if err := appendEvents(t.Context(), db, e); err != nil {
			t.Fatal(err)
		}
		read := func() map[string]any {
			page, err := log.Events(t.Context(), auditor{}, audit.Query{Request: "r1"})
			if err != nil || len(page.Items) != 1 {
				t.Fatal(page, err)
			}
			text, err := json.Marshal(page.Items[0])
			if err != nil {
				t.Fatal(err)
			}
			var flat map[string]any
			if err := json.Unmarshal(text, &flat); err != nil {
				t.Fatal(err)
			}
			return flat
		}
		want := map[string]any{
			"id": e.ID, "event": "flag.state_changed", "flag_id": e.FlagID, "flag_key": e.FlagKey, "from": "staged", "to": "active",
			"actor": e.Actor, "timestamp": "2026-01-10T15:42:01Z", "reason": "reason 1", "app": "where2eat", "request_id": "r1",
			"credential": map[string]any{"kind": "session"},
			"details":    map[string]any{"n": 1.0, "share": 0.1, "text": "<a> & \u00e4 \u2028"},
			"leaf":       nil,
		}
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Error(diff)
		}
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		want["leaf"] = 1.0
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Error(diff)
		}
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			ofRequest, err := audit.OfRequest(ctx, tx, "r1")
			if err != nil || len(ofRequest) != 1 || ofRequest[0].Leaf == nil || *ofRequest[0].Leaf != 1 {
				t.Errorf("of the request: %+v, %v", ofRequest, err)
			}
			ofFlag, err := audit.OfFlag(ctx, tx, e.FlagKey, 10)
			if err != nil || len(ofFlag) != 1 {
				t.Errorf("of the flag: %+v, %v", ofFlag, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestProofLeadsFromTheEventToTheSignedRoot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log := open(t, db, audit.Config{Key: keyA})
		appendN(t, db, 12)
		page, err := log.Events(t.Context(), auditor{}, audit.Query{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Proof(t.Context(), auditor{}, page.Items[0].ID); !fault.Is(err, fault.Conflict) {
			t.Errorf("before sequencing: %v", err)
		}
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		verifier, err := note.NewVerifier(vkeyA)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			proof, err := log.Proof(t.Context(), auditor{}, e.ID)
			if err != nil {
				t.Fatal(err)
			}
			opened, err := note.Open([]byte(proof.Checkpoint.Note), note.VerifierList(verifier))
			if err != nil {
				t.Fatal(err)
			}
			root, err := tlog.ParseHash(strings.Split(opened.Text, "\n")[2])
			if err != nil {
				t.Fatal(err)
			}
			var path tlog.RecordProof
			for _, text := range proof.Hashes {
				hash, err := tlog.ParseHash(text)
				if err != nil {
					t.Fatal(err)
				}
				path = append(path, hash)
			}
			if err := tlog.CheckRecord(path, proof.Checkpoint.Size, root, proof.Leaf, tlog.RecordHash(proof.Event)); err != nil {
				t.Errorf("leaf %d: %v", proof.Leaf, err)
			}
		}
		if _, err := log.Proof(t.Context(), auditor{}, "none"); !fault.Is(err, fault.NotFound) {
			t.Errorf("of no event: %v", err)
		}
	})
}
