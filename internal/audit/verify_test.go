package audit_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var update = flag.Bool("update", false, "write testdata/export.ndjson anew")

const goldenFile = "testdata/export.ndjson"

// golden gives the lines of a real export of ten events, signed with keyA.
func golden(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func file(lines []string) string { return strings.Join(lines, "\n") + "\n" }

func TestOldExportsStayVerifiable(t *testing.T) {
	t.Parallel()
	if *update {
		db := storetest.Open(t, store.SQLite)
		log := open(t, db, audit.Config{Key: keyA})
		appendN(t, db, 9)
		if err := os.WriteFile(goldenFile, []byte(export(t, log)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := verify(t, file(golden(t)), audit.VerifyOptions{Keys: []string{vkeyA}})
	want := audit.Report{OK: true, Events: 10, Size: 10, Origin: got.Origin, SignedBy: []string{"souk/test+c3607c77"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestUnpinnedSignerIsAWarningInTheAgreedWords(t *testing.T) {
	t.Parallel()
	report := verify(t, file(golden(t)), audit.VerifyOptions{})
	want := []string{"signer not pinned: whoever held the server could have rewritten all of it"}
	if diff := cmp.Diff(want, report.Warnings); diff != "" || !report.OK {
		t.Error(report.OK, diff)
	}
}

// parsed is a line of an export as somebody who manipulates one takes it apart.
type parsed struct {
	Event json.RawMessage `json:"event"`
	Leaf  int             `json:"leaf"`
	Hash  string          `json:"hash,omitempty"`
}

func parse(t *testing.T, line string) (p parsed) {
	t.Helper()
	if err := json.Unmarshal([]byte(line), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p parsed) String() string {
	hash := ""
	if p.Hash != "" {
		hash = fmt.Sprintf(`,"hash":%q`, p.Hash)
	}
	return fmt.Sprintf(`{"event":%s,"leaf":%d%s}`, p.Event, p.Leaf, hash)
}

// tidied numbers the events anew and hashes them anew, as somebody does who hides what was done.
func tidied(t *testing.T, lines []string) []string {
	t.Helper()
	lines = slices.Clone(lines)
	for i := range lines[:len(lines)-1] {
		p := parse(t, lines[i])
		p.Leaf, p.Hash = i, tlog.RecordHash(p.Event).String()
		lines[i] = p.String()
	}
	return lines
}

// resigned replaces the checkpoint by one over the lines as they are, signed with key.
func resigned(t *testing.T, lines []string, key, vkey, origin string) []string {
	t.Helper()
	lines = slices.Clone(lines)
	hashes := map[int64]tlog.Hash{}
	reader := tlog.HashReaderFunc(func(indexes []int64) (list []tlog.Hash, err error) {
		for _, index := range indexes {
			list = append(list, hashes[index])
		}
		return list, nil
	})
	size := int64(len(lines) - 1)
	for n := range size {
		fresh, err := tlog.StoredHashes(n, parse(t, lines[n]).Event, reader)
		if err != nil {
			t.Fatal(err)
		}
		for i, hash := range fresh {
			hashes[tlog.StoredHashIndex(0, n)+int64(i)] = hash
		}
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	lines[size] = checkpointLine(t, string(signed), size, vkey)
	return lines
}

func checkpointLine(t *testing.T, text string, size int64, keys ...string) string {
	t.Helper()
	line, err := json.Marshal(audit.Checkpoint{Note: text, Size: size, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func checkpointOf(t *testing.T, lines []string) string {
	t.Helper()
	var c audit.Checkpoint
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &c); err != nil {
		t.Fatal(err)
	}
	return c.Note
}

// since reads what is known from before.
func since(t *testing.T, text string, keys ...string) audit.Since {
	t.Helper()
	known, err := audit.ReadCheckpoints(strings.NewReader(text), keys)
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func changeReason(line string) string {
	return strings.Replace(line, `"reason":"reason`, `"reason":"season`, 1)
}

func TestManipulationsAreEachNamed(t *testing.T) {
	t.Parallel()
	original := golden(t)
	origin := strings.SplitN(checkpointOf(t, original), "\n", 2)[0]
	pinned := audit.VerifyOptions{Keys: []string{vkeyA}}
	without := func(lines []string, i int) []string { return slices.Delete(lines, i, i+1) }
	replaceIn := func(i int, old, with string) func([]string) []string {
		return func(l []string) []string {
			if !strings.Contains(l[i], old) {
				t.Fatalf("line %d has no %s", i+1, old)
			}
			l[i] = strings.Replace(l[i], old, with, 1)
			return l
		}
	}
	inserted := func(lines []string, at, leaf int) []string {
		p := parse(t, lines[3])
		p.Event, p.Leaf = json.RawMessage(changeReason(string(p.Event))), leaf
		p.Hash = tlog.RecordHash(p.Event).String()
		return slices.Insert(lines, at, p.String())
	}
	known := audit.VerifyOptions{Keys: []string{vkeyA}, Since: since(t, file(original))}
	shorter := resigned(t, slices.Delete(slices.Clone(original), 6, 10), keyA, vkeyA, origin)
	for name, c := range map[string]struct {
		do      func(lines []string) []string
		options audit.VerifyOptions
		kind    audit.ProblemKind
		line    int64
		says    string
	}{
		"a letter changed": {
			func(l []string) []string { l[4] = changeReason(l[4]); return l }, pinned,
			audit.EventChanged, 5, "the event on line 5 (leaf 4) was changed; all that is not named is as it was signed",
		},
		"a letter changed, unpinned": {
			func(l []string) []string { l[4] = changeReason(l[4]); return l },
			audit.VerifyOptions{},
			audit.EventChanged, 5, "the event on line 5 (leaf 4) was changed",
		},
		"a member added": {replaceIn(4, `"from":"staged"`, `"from":"staged","flag":"x"`), pinned, audit.EventChanged, 5, "the event on line 5"},
		"a digit behind the precision of a double": {replaceIn(4, `"share":0.1`, `"share":0.10000000000000000001`), pinned, audit.EventChanged, 5, "the event on line 5"},
		"changed and hashed anew": {
			func(l []string) []string { l[4] = changeReason(l[4]); return tidied(t, l) }, pinned,
			audit.RootMismatch, 0, "at least one event was changed or replaced, and the hashes were made anew",
		},
		"changed without the hash beside it": {func(l []string) []string {
			p := parse(t, changeReason(l[4]))
			p.Hash = ""
			l[4] = p.String()
			return l
		}, pinned, audit.RootMismatch, 0, "at least one event was changed"},
		"the hash beside an event changed": {func(l []string) []string {
			p := parse(t, l[4])
			p.Hash = tlog.RecordHash([]byte("x")).String()
			l[4] = p.String()
			return l
		}, pinned, audit.EventChanged, 5, "not checked against a signature"},
		"an event removed": {
			func(l []string) []string { return without(l, 4) }, pinned,
			audit.EventsRemoved, 5, "an event was removed: leaf 4 is missing before line 5",
		},
		"three events removed": {
			func(l []string) []string { return slices.Delete(l, 2, 5) }, pinned,
			audit.EventsRemoved, 3, "3 events were removed: leaves 2 to 4 are missing before line 3",
		},
		"the first event removed": {func(l []string) []string { return without(l, 0) }, pinned, audit.EventsRemoved, 1, "leaf 0 is missing"},
		"the last event removed": {
			func(l []string) []string { return without(l, 9) }, pinned,
			audit.EventsRemoved, 0, "1 event was removed: the checkpoint covers 10, the file holds 9",
		},
		"all events removed": {func(l []string) []string { return l[10:] }, pinned, audit.EventsRemoved, 0, "10 events were removed"},
		"removed and numbered anew": {
			func(l []string) []string { return tidied(t, without(l, 4)) }, pinned,
			audit.EventsRemoved, 0, "or the rest was numbered anew",
		},
		"two lines swapped": {
			func(l []string) []string { l[4], l[5] = l[5], l[4]; return l }, pinned,
			audit.EventsReordered, 5, "events were reordered: leaf 4 stands on line 6, after leaf 5 on line 5",
		},
		"a line moved down": {
			func(l []string) []string { x := l[2]; return slices.Insert(without(l, 2), 7, x) }, pinned,
			audit.EventsReordered, 3, "leaf 2 stands on line 8",
		},
		"swapped and numbered anew": {
			func(l []string) []string { l[4], l[5] = l[5], l[4]; return tidied(t, l) }, pinned,
			audit.EventsReordered, 6, "events were reordered and numbered anew",
		},
		"a line repeated": {
			func(l []string) []string { return slices.Insert(l, 5, l[4]) }, pinned,
			audit.EventInserted, 6, "line 6 holds leaf 4, which stands further up already",
		},
		"an event inserted with a number further down": {
			func(l []string) []string { return inserted(l, 4, 6) }, pinned,
			audit.EventInserted, 5, "lines 5 and 8 both say that they are leaf 6",
		},
		"an event inserted with a number of no leaf": {
			func(l []string) []string { return inserted(l, 4, 77) }, pinned,
			audit.EventInserted, 5, "line 5 says that it is leaf 77, but the checkpoint covers only 10 events",
		},
		"an event appended": {
			func(l []string) []string { return inserted(l, 10, 10) }, pinned,
			audit.EventInserted, 0, "1 event was inserted: the checkpoint covers 10, the file holds 11",
		},
		"inserted and numbered anew": {
			func(l []string) []string { return tidied(t, inserted(l, 4, 4)) }, pinned,
			audit.EventInserted, 0, "1 event was inserted: the checkpoint covers 10, the file holds 11",
		},
		"an event after the checkpoint": {
			func(l []string) []string { return inserted(l, 11, 10) }, pinned,
			audit.EventInserted, 12, "line 12 stands after the checkpoint",
		},
		"a number changed": {replaceIn(4, `"leaf":4`, `"leaf":3`), pinned, audit.LeafRenumbered, 5, "line 5 says leaf 3, but is leaf 4"},

		"rewritten and signed with another key": {func(l []string) []string {
			l[4] = changeReason(l[4])
			return resigned(t, tidied(t, l), keyB, vkeyB, origin)
		}, pinned, audit.CheckpointForged, 11, "signed by souk/other+94a945f5, which is none of the keys given"},
		"rewritten and signed with another key of the same name": {func(l []string) []string {
			l = resigned(t, tidied(t, without(l, 4)), keyB, vkeyB, origin)
			l[9] = strings.ReplaceAll(l[9], "souk/other+", "souk/test+")
			return l
		}, pinned, audit.MalformedLine, 10, "one of its keys is not a verifier key"},
		"size and root in the note changed": {func(l []string) []string {
			forged := resigned(t, tidied(t, without(l, 4)), keyA, vkeyA, origin)
			text := checkpointOf(t, forged)
			body, _, _ := strings.Cut(text, "\n\n")
			_, signature, _ := strings.Cut(checkpointOf(t, original), "\n\n")
			forged[9] = checkpointLine(t, body+"\n\n"+signature, 9, vkeyA)
			return forged
		}, audit.VerifyOptions{}, audit.CheckpointForged, 10, "the signature by souk/test+c3607c77 is not of this text"},
		"the signer's key taken out of the file": {replaceIn(10, vkeyA, vkeyB), audit.VerifyOptions{}, audit.CheckpointForged, 11, "whose key the file does not have"},
		"the size beside the note changed":       {replaceIn(10, `"size":10`, `"size":9`), pinned, audit.CheckpointForged, 11, "line 11 says that it covers 9 events, but what is signed covers 10"},
		"the note without signature": {func(l []string) []string {
			body, _, _ := strings.Cut(checkpointOf(t, original), "\n\n")
			l[10] = checkpointLine(t, body+"\n\n", 10, vkeyA)
			return l
		}, pinned, audit.CheckpointForged, 11, "not a signed checkpoint any more"},

		"an older export": {
			func([]string) []string { return slices.Clone(shorter) }, known,
			audit.RolledBack, 0, "covers 10 events, the file 6",
		},
		"the newest events left out and signed": {func(l []string) []string {
			return resigned(t, slices.Delete(l, 9, 10), keyA, vkeyA, origin)
		}, known, audit.RolledBack, 0, "the log was rolled back"},
		"rewritten and signed with the stolen key": {func(l []string) []string {
			l[4] = changeReason(l[4])
			return resigned(t, tidied(t, l), keyA, vkeyA, origin)
		}, known, audit.Forked, 0, "its first 10 events are not those signed then"},
		"rewritten, continued and signed with the stolen key": {func(l []string) []string {
			l[4] = changeReason(l[4])
			return resigned(t, tidied(t, inserted(l, 10, 10)), keyA, vkeyA, origin)
		}, known, audit.Forked, 0, "history was rewritten"},
		"another log": {
			func(l []string) []string { return resigned(t, l, keyA, vkeyA, "souk/elsewhere") }, known,
			audit.OtherLog, 0, "of souk/elsewhere",
		},

		"cut after a line":    {func(l []string) []string { return l[:7] }, pinned, audit.Truncated, 8, "ends after 7 events without the checkpoint"},
		"only the checkpoint": {func(l []string) []string { return l[:10] }, pinned, audit.Truncated, 11, "ends after 10 events without the checkpoint"},
		"nothing":             {func([]string) []string { return nil }, pinned, audit.MalformedLine, 1, "line 1"},

		"not JSON":                   {func(l []string) []string { l[4] = "hello"; return l }, pinned, audit.MalformedLine, 5, "line 5 is not a line of an audit export: it is not a JSON object"},
		"an empty line":              {func(l []string) []string { return slices.Insert(l, 4, "") }, pinned, audit.MalformedLine, 5, "line 5"},
		"two values on a line":       {func(l []string) []string { l[4] += " {}"; return l }, pinned, audit.MalformedLine, 5, "something stands after"},
		"a member of another case":   {replaceIn(4, `{"event"`, `{"EVENT":{},"event"`), pinned, audit.MalformedLine, 5, `a member "EVENT"`},
		"a second event on a line":   {replaceIn(4, `{"event"`, `{"event":{"reason":"other"},"event"`), pinned, audit.MalformedLine, 5, `the member "event" twice`},
		"a member twice in an event": {replaceIn(4, `"reason":`, `"reason":"other","reason":`), pinned, audit.MalformedLine, 5, "no canonical form"},
		"a negative leaf":            {replaceIn(4, `"leaf":4`, `"leaf":-4`), pinned, audit.MalformedLine, 5, "not a number of a leaf"},
		"no leaf":                    {replaceIn(4, `,"leaf":4`, ``), pinned, audit.MalformedLine, 5, `the member "leaf" is missing`},
		"an event that is a list":    {func(l []string) []string { l[4] = `{"event":[],"leaf":4}`; return l }, pinned, audit.MalformedLine, 5, "its event is not an object"},
		"nesting without end":        {func(l []string) []string { l[4] = `{"event":` + strings.Repeat(`{"a":`, 200_000); return l }, pinned, audit.MalformedLine, 5, "not a JSON object"},
		"bytes that are no text":     {replaceIn(4, `"reason":"r`, "\"reason\":\"\xff"), pinned, audit.MalformedLine, 5, "not valid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := file(c.do(slices.Clone(original)))
			report := verify(t, text, c.options)
			if report.OK || len(report.Problems) != 1 {
				t.Fatalf("report %+v", report)
			}
			got := report.Problems[0]
			if got.Kind != c.kind || got.Line != c.line || !strings.Contains(got.Message, c.says) {
				t.Errorf("got %s on line %d: %s\nwant %s on line %d: %s", got.Kind, got.Line, got.Message, c.kind, c.line, c.says)
			}
		})
	}
}

func TestSwappedEventsAreNamedOnBothLines(t *testing.T) {
	t.Parallel()
	lines := golden(t)
	a, b := parse(t, lines[4]), parse(t, lines[7])
	a.Event, b.Event = b.Event, a.Event
	lines[4], lines[7] = a.String(), b.String()
	report := verify(t, file(lines), audit.VerifyOptions{Keys: []string{vkeyA}})
	want := []audit.Problem{
		{Kind: audit.EventsReordered, Line: 5, Message: "events were reordered: the event on line 5 belongs on line 8"},
		{Kind: audit.EventsReordered, Line: 8, Message: "events were reordered: the event on line 8 belongs on line 5; all that is not named is as it was signed"},
	}
	if diff := cmp.Diff(want, report.Problems); diff != "" {
		t.Error(diff)
	}
}

func TestManyChangesAreCounted(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t, store.SQLite)
	log := open(t, db, audit.Config{Key: keyA})
	appendN(t, db, 20)
	report := verify(t, strings.ReplaceAll(export(t, log), `"reason":"reason`, `"reason":"season`), audit.VerifyOptions{})
	if n := len(report.Problems); n != 11 || !strings.HasPrefix(report.Problems[10].Message, "10 events were changed besides") {
		t.Errorf("%d problems: %+v", n, report.Problems)
	}
}

func TestExportFormattedAnewStillVerifies(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, line := range golden(t) {
		var anything map[string]any
		if err := json.Unmarshal([]byte(line), &anything); err != nil {
			t.Fatal(err)
		}
		spaced, err := json.Marshal(anything) // escapes <, > and &, and sorts
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.ReplaceAll(string(spaced), `":`, `": `)+"\r")
	}
	if report := verify(t, file(lines), audit.VerifyOptions{Keys: []string{vkeyA}}); !report.OK {
		t.Errorf("report %+v", report)
	}
}

func TestExportWithoutHashesStillVerifies(t *testing.T) {
	t.Parallel()
	lines := golden(t)
	for i := range lines[:10] {
		p := parse(t, lines[i])
		p.Hash = ""
		lines[i] = p.String()
	}
	if report := verify(t, file(lines), audit.VerifyOptions{Keys: []string{vkeyA}}); !report.OK {
		t.Errorf("report %+v", report)
	}
	lines[4] = changeReason(lines[4])
	if report := verify(t, file(lines), audit.VerifyOptions{Keys: []string{vkeyA}}); report.OK || report.Problems[0].Kind != audit.RootMismatch {
		t.Errorf("report %+v", report)
	}
}

func TestNoByteCanBeChangedAndNoTailCutUnseen(t *testing.T) {
	t.Parallel()
	text := file(golden(t))
	options := audit.VerifyOptions{Keys: []string{vkeyA}}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range len(text) - 1 {
		for _, other := range []byte{text[i] + 1, text[i] - 1, text[i] ^ byte(1+random.IntN(255))} {
			changed := []byte(text)
			changed[i] = other
			if report := verify(t, string(changed), options); report.OK && !sameMeaning(t, text, string(changed)) {
				t.Fatalf("byte %d changed from %q to %q unseen: %s", i, text[i], other, text[max(0, i-20):i+20])
			}
		}
	}
	for i := 0; i < len(text)-1; i += 7 {
		report := verify(t, text[:i], options)
		if report.OK || report.Problems[0].Kind != audit.Truncated {
			t.Fatalf("cut to %d bytes: %+v", i, report)
		}
	}
}

// sameMeaning tells whether two files are the same but for white space and the spelling of JSON.
func sameMeaning(t *testing.T, a, b string) bool {
	t.Helper()
	linesA, linesB := strings.Split(a, "\n"), strings.Split(b, "\n")
	return slices.EqualFunc(linesA, linesB, func(a, b string) bool {
		if a == b {
			return true
		}
		canonicalA, errA := jcs.Transform([]byte(a))
		canonicalB, errB := jcs.Transform([]byte(b))
		return errA == nil && errB == nil && bytes.Equal(canonicalA, canonicalB)
	})
}
