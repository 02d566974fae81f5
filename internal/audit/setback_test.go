package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// asOwner changes append-only tables as somebody does who has the file or owns the tables, and puts the triggers back.
func asOwner(t *testing.T, db *store.DB, statements ...string) {
	t.Helper()
	tables := []string{"audit_event", "audit_leaf", "audit_hash", "audit_checkpoint"}
	if db.Engine() == store.PostgreSQL {
		for _, table := range slices.Backward(tables) {
			statements = slices.Insert(statements, 0, `ALTER TABLE `+table+` DISABLE TRIGGER USER`)
			statements = append(statements, `ALTER TABLE `+table+` ENABLE TRIGGER USER`)
		}
		exec(t, db, statements...)
		return
	}
	var triggers []string
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		triggers, err = store.List(ctx, tx, store.ScanString, `SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'audit%'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, trigger := range triggers {
		name := strings.Fields(trigger)[2]
		statements = slices.Insert(statements, 0, `DROP TRIGGER `+name)
		statements = append(statements, trigger)
	}
	exec(t, db, statements...)
}

// setBacks are the ways to set back a log of seven leaves of which all are published.
var setBacks = []struct {
	name  string
	do    []string
	words string
}{
	{"the tail is cut", []string{
		`DELETE FROM audit_checkpoint WHERE size > 4`, `DELETE FROM audit_hash WHERE idx > 6`,
		`DELETE FROM audit_event WHERE id IN (SELECT event_id FROM audit_leaf WHERE idx > 3)`, `DELETE FROM audit_leaf WHERE idx > 3`, `UPDATE audit_head SET size = 4`,
	}, "set back: it has 4 leaves"},
	{"the size is set back", []string{`UPDATE audit_head SET size = 5`}, "set back: it has 5 leaves"},
	{"everything is gone", []string{
		`DELETE FROM audit_event`, `DELETE FROM audit_leaf`, `DELETE FROM audit_hash`, `DELETE FROM audit_checkpoint`, `UPDATE audit_head SET size = 0`,
	}, "set back: it has 0 leaves"},
	{"a hash is another", []string{`UPDATE audit_hash SET hash = (SELECT h.hash FROM audit_hash h WHERE h.idx = 0) WHERE idx = 6`}, "rewritten"},
	{"a hash is missing", []string{`DELETE FROM audit_hash WHERE idx = 6`}, "taken out"},
	{"the log has another name", []string{`UPDATE audit_head SET origin = 'souk/other'`}, "is souk/other, and that which was published from here is souk/"},
	{"the log has the name of a successor", []string{`UPDATE audit_head SET origin = origin || '/2'`}, "/2, and that which was published"},
	{"a successor is made up", []string{
		`UPDATE audit_event SET body = '{"id":"' || id || '","event":"audit.log_restarted","details":{"abandoned_origin":"' || (SELECT origin FROM audit_head) ||
			'","abandoned_size":7000,"abandoned_root":""}}' WHERE id = (SELECT event_id FROM audit_leaf WHERE idx = 0)`,
		`INSERT INTO audit_checkpoint (size, at, note) SELECT 1, 1, note FROM audit_checkpoint WHERE size = 7`,
		`UPDATE audit_head SET origin = origin || '/2'`,
	}, "/2, and that which was published"},
}

func setBackFault(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == "log_set_back"
}

func checkpoints(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "checkpoints"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestNothingOfALogThatWasSetBackIsPublishedUntilItIsAcknowledged(t *testing.T) {
	t.Parallel()
	if len(setBacks) != 8 {
		t.Errorf("%d ways, want 8", len(setBacks))
	}
	for _, way := range setBacks {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				dir := t.TempDir()
				running := open(t, db, audit.Config{Dir: dir})
				appendN(t, db, 6)
				old := export(t, running)
				first := eventIDs(t, db)[0]
				before := checkpoints(t, dir)
				asOwner(t, db, way.do...)
				appendN(t, db, 9) // more than was taken away
				for name, log := range map[string]*audit.Log{"running": running, "started anew": open(t, db, audit.Config{Dir: dir})} {
					_, checkpoint := log.Checkpoint(t.Context(), auditor{})
					_, proof := log.Proof(t.Context(), auditor{}, first)
					_, consistency := log.Consistency(t.Context(), auditor{}, 1, 0)
					for what, err := range map[string]error{
						"checkpoint": checkpoint, "proof": proof, "consistency": consistency, "attest": log.Attest(t.Context()),
						"export": log.Export(t.Context(), auditor{}, &strings.Builder{}), "sequence": log.Sequence(t.Context()),
					} {
						if !setBackFault(err) {
							t.Errorf("%s, %s: %v", name, what, err)
						}
					}
					back, err := log.Continues(t.Context())
					if err != nil || back == nil || !strings.Contains(back.Words, way.words) {
						t.Errorf("%s: %+v, %v", name, back, err)
					}
				}
				if after := checkpoints(t, dir); after != before {
					t.Errorf("published was\n%s", after)
				}
				goesOn(t, db, running, dir, old)
			})
		})
	}
}

func eventIDs(t *testing.T, db *store.DB) (ids []string) {
	t.Helper()
	err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		ids, err = store.List(ctx, tx, store.ScanString, `SELECT e.id FROM audit_event e LEFT JOIN audit_leaf l ON l.event_id = e.id ORDER BY l.idx`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// acknowledge gives up what was published, as the verb does.
func acknowledge(t *testing.T, db *store.DB, log *audit.Log) {
	t.Helper()
	err := db.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		back, err := log.SetBack(ctx, tx)
		if err != nil {
			return err
		}
		return log.Restart(ctx, tx, *back, audit.Event{
			Actor: "root@example.com", Timestamp: start, Reason: "the disk died", Credential: audit.Credential{Kind: "session"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Attest(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// goesOn acknowledges that the log was set back: it begins anew with what was given up, and keeps all that is left.
func goesOn(t *testing.T, db *store.DB, log *audit.Log, dir, old string) {
	t.Helper()
	published := checkpoints(t, dir)
	left := eventIDs(t, db)
	acknowledge(t, db, log)
	text := export(t, log)
	report := verify(t, text, audit.VerifyOptions{Keys: []string{log.VerifierKey()}, Since: since(t, checkpoints(t, dir)[len(published):])})
	if !report.OK || report.Events != int64(len(left))+1 || strings.Count(report.Origin, "/") != 2 {
		t.Errorf("report %+v", report)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, want := range []string{`"event":"audit.log_restarted"`, `"abandoned_size":7`, `"abandoned_root":"`, `"reason":"the disk died"`, `"leaf":0`} {
		if !strings.Contains(lines[0], want) {
			t.Errorf("the first leaf lacks %s: %s", want, lines[0])
		}
	}
	for _, id := range left {
		if strings.Count(text, `"id":"`+id+`"`) != 1 {
			t.Errorf("%s is not in the log once", id)
		}
		if p, err := log.Proof(t.Context(), auditor{}, id); err != nil || p.Checkpoint.Size != report.Size {
			t.Errorf("proof of %s: %+v, %v", id, p, err)
		}
	}
	page, err := log.Events(t.Context(), auditor{}, audit.Query{Page: store.Page{Limit: 100}})
	if err != nil || len(page.Items) != len(left)+1 {
		t.Errorf("%d events are listed, %v", len(page.Items), err)
	}
	for _, e := range page.Items {
		if e.Leaf == nil || *e.Leaf >= report.Size {
			t.Errorf("event %+v", e)
		}
	}
	signed, err := log.Checkpoints(t.Context(), auditor{}, store.Page{})
	if err != nil || len(signed.Items) != 2 || signed.Items[1].Size != 1 {
		t.Errorf("checkpoints %+v, %v", signed, err)
	}
	// Whoever kept something from before hears of it, whichever line of it they compare.
	for name, kept := range map[string]string{"an export": old, "all that was ever published": checkpoints(t, dir)} {
		report := verify(t, text, audit.VerifyOptions{Since: since(t, kept)})
		if len(report.Problems) != 1 || report.Problems[0].Kind != audit.OtherLog || !strings.Contains(report.Problems[0].Message, "given up at 7 events: the disk died") {
			t.Errorf("since %s: %+v", name, report)
		}
	}
	// It goes on, and a start changes nothing.
	appendN(t, db, 2)
	if report := verify(t, export(t, open(t, db, audit.Config{Dir: dir})), audit.VerifyOptions{Since: since(t, text)}); !report.OK {
		t.Errorf("later: %+v", report)
	}
	if back, err := log.Continues(t.Context()); back != nil || err != nil {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestTheFeedTellsNoEventTwiceAfterARestart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dir := t.TempDir()
		log := open(t, db, audit.Config{Dir: dir})
		appendN(t, db, 6)
		export(t, log)
		asOwner(t, db, `UPDATE audit_head SET size = 5`)
		appendN(t, db, 3)
		acknowledge(t, db, log)
		export(t, log)
		err := db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			next, err := audit.Next(ctx, tx)
			if err != nil || next != 7+11 {
				t.Errorf("next is %d, %v", next, err)
			}
			entries, err := audit.From(ctx, tx, 7, 100)
			if err != nil || len(entries) != 4 || entries[0].Event.Event != audit.LogRestarted || *entries[0].Leaf != 7 {
				t.Errorf("%+v, %v", entries, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestEachReplicaNoticesByItselfAndFollowsAnAcknowledgedRestart(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dirA, dirB, dirC := t.TempDir(), t.TempDir(), t.TempDir()
		a := open(t, db, audit.Config{Dir: dirA})
		b := open(t, db, audit.Config{Dir: dirB})
		late := open(t, db, audit.Config{Dir: dirC})
		appendN(t, db, 4) // and the three keys
		for _, log := range []*audit.Log{a, b, late} {
			if err := errors.Join(log.Sequence(t.Context()), log.Attest(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		appendN(t, db, 1)
		for _, log := range []*audit.Log{a, b} {
			if err := errors.Join(log.Sequence(t.Context()), log.Attest(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		asOwner(t, db, `DELETE FROM audit_hash WHERE idx >= 11`, `DELETE FROM audit_leaf WHERE idx = 7`, `UPDATE audit_head SET size = 7`)
		if back, err := b.Continues(t.Context()); err != nil || back == nil {
			t.Errorf("a replica that did not sequence: %+v, %v", back, err)
		}
		if back, err := late.Continues(t.Context()); err != nil || back != nil {
			t.Errorf("a replica that knew no more: %+v, %v", back, err)
		}
		acknowledge(t, db, a)
		for _, replica := range []struct {
			name, dir string
			log       *audit.Log
		}{{"the other", dirB, b}, {"the late one", dirC, late}, {"started anew", dirB, open(t, db, audit.Config{Dir: dirB})}} {
			if err := replica.log.Attest(t.Context()); err != nil {
				t.Errorf("%s does not follow: %v", replica.name, err)
			}
			if text := checkpoints(t, replica.dir); !strings.Contains(text, "/2\\n") {
				t.Errorf("%s published %s", replica.name, text)
			}
		}
	})
}

func TestARestartThatGivesUpLessThanAReplicaKnowsIsNotFollowed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, b := open(t, db, audit.Config{Dir: t.TempDir()}), open(t, db, audit.Config{Dir: t.TempDir()})
		appendN(t, db, 4)
		if err := errors.Join(a.Sequence(t.Context()), a.Attest(t.Context()), b.Attest(t.Context())); err != nil {
			t.Fatal(err)
		}
		appendN(t, db, 2)
		if err := b.Sequence(t.Context()); err != nil { // a does not hear of it
			t.Fatal(err)
		}
		asOwner(t, db, `DELETE FROM audit_hash WHERE idx > 6`, `DELETE FROM audit_leaf WHERE idx > 3`, `UPDATE audit_head SET size = 4`)
		acknowledge(t, db, a)
		if err := b.Attest(t.Context()); !setBackFault(err) {
			t.Fatalf("%v", err)
		}
		acknowledge(t, db, b)
		report := verify(t, export(t, b), audit.VerifyOptions{})
		if !report.OK || !strings.HasSuffix(report.Origin, "/3") {
			t.Errorf("report %+v", report)
		}
		if err := a.Attest(t.Context()); err != nil {
			t.Errorf("the first replica: %v", err)
		}
	})
}

func TestOnlyWholeLinesCountAndTheLargestOfThemWhateverTheOrder(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoints")
	if err := os.WriteFile(path, []byte(`{"checkpoint":"souk/te`), 0o600); err != nil {
		t.Fatal(err)
	}
	log := open(t, db, audit.Config{Dir: dir})
	for range 3 {
		appendN(t, db, 2)
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	text := checkpoints(t, dir)
	since(t, text) // the half line spoils no other
	lines := strings.SplitAfter(strings.TrimPrefix(text, `{"checkpoint":"souk/te`+"\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines: %s", len(lines), text)
	}
	asOwner(t, db, `UPDATE audit_head SET size = 5`)
	for name, c := range map[string]struct {
		text string
		back bool
	}{
		"as written":            {text, true},
		"an older one after it": {text + lines[0], true},
		"in another order":      {lines[2] + lines[0] + lines[1], true},
		"cut in the last line":  {lines[0] + lines[1] + lines[2][:40], false}, // what half a line says was never given out
		"among other text":      {"hello\n" + lines[2] + "\n\x00\n{}\n", true},
		"without a line break":  {strings.TrimSpace(lines[2]), true},
		"empty":                 {"", false},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if back, err := open(t, db, audit.Config{Dir: dir}).Continues(t.Context()); err != nil || (back != nil) != c.back {
			t.Errorf("%s: %+v, %v", name, back, err)
		}
	}
}

func TestACheckpointThatCannotBeKeptIsNotGivenOut(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		dir := t.TempDir()
		log := open(t, db, audit.Config{Dir: dir})
		path := filepath.Join(dir, "checkpoints")
		appendN(t, db, 2)
		if err := log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Rename(path, path+".away"), os.Mkdir(path, 0o700)); err != nil { // as good as a full disk
			t.Fatal(err)
		}
		appendN(t, db, 2)
		if err := log.Sequence(t.Context()); err != nil {
			t.Errorf("events get their leaves nevertheless: %v", err)
		}
		for range 2 {
			if err := log.Export(t.Context(), auditor{}, &strings.Builder{}); !fault.Is(err, fault.Unavailable) {
				t.Errorf("exported with %v", err)
			}
		}
		if err := errors.Join(os.Remove(path), os.Rename(path+".away", path)); err != nil {
			t.Fatal(err)
		}
		if report := verify(t, export(t, log), audit.VerifyOptions{Since: since(t, checkpoints(t, dir))}); !report.OK || report.Events != 5 {
			t.Errorf("report %+v", report)
		}
	})
}

func TestEveryLineOfWhatIsKnownFromBeforeIsCompared(t *testing.T) {
	t.Parallel()
	original := golden(t)
	origin := strings.SplitN(checkpointOf(t, original), "\n", 2)[0]
	short := resigned(t, slices.Delete(slices.Clone(original), 6, 10), keyA, vkeyA, origin)
	forked := slices.Clone(original)
	forked[8] = changeReason(forked[8])
	forked = resigned(t, tidied(t, forked), keyA, vkeyA, origin)
	last := func(lines []string) string { return lines[len(lines)-1] + "\n" }
	for name, c := range map[string]struct {
		known string
		kinds []audit.ProblemKind
	}{
		"in order":                           {last(short) + last(original), nil},
		"in another order":                   {last(original) + last(short), nil},
		"a fork, then one that it continues": {last(forked) + last(short), []audit.ProblemKind{audit.Forked}},
		"another log, then this":             {last(resigned(t, original, keyA, vkeyA, "souk/x")) + last(original), []audit.ProblemKind{audit.OtherLog}},
	} {
		report := verify(t, file(original), audit.VerifyOptions{Keys: []string{vkeyA}, Since: since(t, c.known, vkeyA)})
		var kinds []audit.ProblemKind
		for _, p := range report.Problems {
			kinds = append(kinds, p.Kind)
		}
		if !slices.Equal(kinds, c.kinds) || len(report.Warnings) > 0 {
			t.Errorf("%s: %+v", name, report)
		}
	}
	report := verify(t, file(original), audit.VerifyOptions{Keys: []string{vkeyA}, Since: since(t, last(short)+last(resigned(t, original, keyB, vkeyB, origin)), vkeyA)})
	if !report.OK || len(report.Warnings) != 1 || !strings.HasPrefix(report.Warnings[0], "1 of the 2 earlier") {
		t.Errorf("signed by somebody else: %+v", report)
	}
}
