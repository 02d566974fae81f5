package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifyOptions say what the verifier knows from elsewhere.
type VerifyOptions struct {
	Keys  []string // verifier keys of the servers that may have signed; none means that the keys in the file are believed
	Since Since    // earlier checkpoints that the log has to continue
}

// ProblemKind is a closed set.
type ProblemKind string

// What can be wrong with an export.
const (
	MalformedLine    ProblemKind = "malformed_line"    // a line that no export has
	Truncated        ProblemKind = "truncated"         // the file ends before the checkpoint
	EventChanged     ProblemKind = "event_changed"     // an event is not the one that was hashed
	TextChanged      ProblemKind = "text_changed"      // a text beside an event is not the one that was hashed
	EventsRemoved    ProblemKind = "events_removed"    // fewer events than were signed
	EventsReordered  ProblemKind = "events_reordered"  // events stand in another order than they were signed in
	EventInserted    ProblemKind = "event_inserted"    // more events than were signed
	LeafRenumbered   ProblemKind = "leaf_renumbered"   // a leaf's number was changed, the events are as signed
	RootMismatch     ProblemKind = "root_mismatch"     // the file agrees with itself and not with what was signed
	CheckpointForged ProblemKind = "checkpoint_forged" // the signature does not hold, or is not by a known key
	RolledBack       ProblemKind = "rolled_back"       // older than the checkpoint given
	Forked           ProblemKind = "forked"            // does not continue the checkpoint given
	OtherLog         ProblemKind = "other_log"         // the checkpoint given is of another log
)

// Problem is one thing that is wrong with an export.
type Problem struct {
	Kind    ProblemKind `json:"kind"`
	Line    int64       `json:"line,omitempty"`
	Message string      `json:"message"`
}

// Report is what Verify found. Without problems the file holds exactly the events that were signed.
type Report struct {
	OK       bool      `json:"ok"`
	Events   int64     `json:"events" doc:"Events in the file"`
	Origin   string    `json:"origin,omitempty" doc:"Name of the log"`
	Size     int64     `json:"size" doc:"Leaves that the checkpoint covers"`
	SignedBy []string  `json:"signed_by,omitempty" doc:"Name and hash of the keys whose signatures hold"`
	Problems []Problem `json:"problems,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
}

// UnpinnedWarning is what a verification without a key of one's own cannot rule out.
const UnpinnedWarning = "signer not pinned: whoever held the server could have rewritten all of it"

// maxChanged bounds how many changed events are named one by one.
const maxChanged = 10

// Verify checks an export without server or database, in memory bounded by its longest line. The error tells that it could
// not check: the file cannot be read, or an option is not what it should be. What is wrong with the file is in the report.
func Verify(r io.Reader, options VerifyOptions) (Report, error) {
	v := verification{pinned: len(options.Keys) > 0}
	var err error
	if v.known, err = givenKeys(options.Keys); err != nil {
		return Report{}, err
	}
	v.since.Since = options.Since
	switch n := options.Since.unsigned; {
	case n == 1 && len(options.Since.heads) == 1:
		v.report.Warnings = append(v.report.Warnings, "the earlier checkpoint is not signed by a key given")
	case n > 0:
		v.report.Warnings = append(v.report.Warnings, fmt.Sprintf("%d of the %d earlier checkpoints are not signed by a key given", n, len(options.Since.heads)))
	}
	v.since.pass(0, v.tree.root)
	if !v.pinned {
		v.report.Warnings = append(v.report.Warnings, UnpinnedWarning)
	}
	complete, err := v.read(r)
	if err != nil {
		return Report{}, fmt.Errorf("read audit export: %w", err)
	}
	if complete {
		v.judge()
	}
	v.report.Events = v.count
	v.report.OK = len(v.report.Problems) == 0
	return v.report, nil
}

// verification is what is known of a file so far.
type verification struct {
	report Report
	pinned bool
	known  note.Verifiers
	since  compared

	line  int64 // number of the line read last, from 1
	count int64 // events read
	tree  frontier

	disorder *disorder // the first line whose leaf is not the next one
	changed  []changedEvent
	changes  int64  // how many events are not those of the hashes beside them
	lastID   string // id of the event on the line before
	texts    int64  // how many events have a text beside them that is not theirs
	older    int64  // first line whose event has an earlier id than the one before; 0 is none

	checkpoint *exportedLine
}

type disorder struct {
	line, leaf, expected int64
	sawLeaf, sawExpected int64 // lines further down that hold the leaf again, or the leaf that was expected
}

type changedEvent struct {
	line, leaf int64
	is, says   tlog.Hash // of what stands there, and the one beside it
	home       int64     // line whose hash is that of this event; 0 if none is known
}

func (v *verification) problem(kind ProblemKind, line int64, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{Kind: kind, Line: line, Message: fmt.Sprintf(format, args...)})
}

// read takes in the file. It is not complete if what stands on one line makes all that follows meaningless.
func (v *verification) read(r io.Reader) (complete bool, err error) {
	reader := bufio.NewReaderSize(r, 64<<10)
	for {
		text, err := readLine(reader)
		end := errors.Is(err, io.EOF)
		v.line++
		switch {
		case errors.Is(err, errLongLine):
			v.problem(MalformedLine, v.line, "line %d is not a line of an audit export: it is longer than 64 MB", v.line)
			return false, nil
		case err != nil && !end:
			return false, err
		case end && len(text) == 0:
			return true, nil
		}
		if v.checkpoint != nil {
			if len(bytes.TrimSpace(text)) == 0 && !end {
				continue // an editor's empty line
			}
			v.problem(EventInserted, v.line, "line %d stands after the checkpoint, which is the end of an export: it was inserted", v.line)
			return true, nil
		}
		if !v.take(text, end) {
			return false, nil
		}
		if end {
			return true, nil
		}
	}
}

func (v *verification) take(text []byte, end bool) bool {
	line, err := parseLine(text)
	if err == nil && line.checkpoint {
		v.checkpoint = &line
		return true
	}
	var hash tlog.Hash
	if err == nil {
		hash, err = leafHash(line.event, line.hash)
	}
	switch {
	case err != nil && end: // no line break and no sense: the rest of the line is missing
		v.problem(Truncated, v.line, "the file is cut off in the middle of line %d, after %s", v.line, events(v.count))
		return false
	case err != nil:
		v.problem(MalformedLine, v.line, "line %d is not a line of an audit export: %v", v.line, err)
		return false
	}
	if path, err := checkTexts(line.event, line.texts); err != nil {
		if v.texts++; v.texts <= maxChanged {
			v.problem(TextChanged, v.line, "the text %s of the event on line %d (leaf %d) was changed, or belongs elsewhere: %v", path, v.line, line.leaf, err)
		}
	}
	v.takeEvent(line, hash)
	return true
}

func (v *verification) takeEvent(line exportedLine, hash tlog.Hash) {
	v.takeNumber(line.leaf)
	claimed := hash
	if line.hash != nil && *line.hash != hash {
		claimed = *line.hash
		v.changes++
		this := changedEvent{line: v.line, leaf: line.leaf, is: hash, says: claimed}
		for i, earlier := range v.changed {
			if earlier.is == claimed {
				v.changed[i].home = v.line
			}
			if earlier.says == hash {
				this.home = earlier.line
			}
		}
		if len(v.changed) < maxChanged {
			v.changed = append(v.changed, this)
		}
	}
	var event struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(line.event, &event) == nil {
		if v.older == 0 && event.ID < v.lastID {
			v.older = v.line
		}
		v.lastID = event.ID
	}
	// The tree is built from the hashes beside the events: if it has the signed root, these are the signed hashes, and an
	// event that does not fit its own is the changed one.
	if v.count == 0 {
		v.since.begins(line.event)
	}
	v.tree.add(claimed)
	v.count++
	v.since.pass(v.count, v.tree.root)
}

func (v *verification) takeNumber(leaf int64) {
	d := v.disorder
	switch {
	case d == nil && leaf != v.count:
		v.disorder = &disorder{line: v.line, leaf: leaf, expected: v.count}
	case d == nil:
	case leaf == d.expected && d.sawExpected == 0:
		d.sawExpected = v.line
	case leaf == d.leaf && d.sawLeaf == 0:
		d.sawLeaf = v.line
	}
}

// judge compares what was read with what was signed.
func (v *verification) judge() {
	if v.checkpoint == nil {
		v.problem(Truncated, v.line, "the file is cut off: it ends after %s without the checkpoint that ends an export", events(v.count))
		v.judgeNumbers(-1)
		v.judgeChanges(false)
		return
	}
	signed, ok := v.openCheckpoint()
	if !ok {
		v.judgeNumbers(-1)
		v.judgeChanges(false)
		return
	}
	v.report.Origin, v.report.Size = signed.origin, signed.size
	rooted := v.count == signed.size && v.tree.root() == signed.root
	if rooted && v.disorder != nil {
		v.problem(LeafRenumbered, v.disorder.line, "line %d says leaf %d, but is leaf %d: the number was changed; the events are those that were signed",
			v.disorder.line, v.disorder.leaf, v.disorder.expected)
	} else {
		v.judgeNumbers(signed.size)
	}
	v.judgeChanges(rooted)
	found := v.disorder != nil || v.changes > 0 || v.count != signed.size
	switch {
	case rooted:
	case !found && v.older > 0:
		v.problem(EventsReordered, v.older, "the events do not give the root that was signed, although numbers and hashes agree with each other: "+
			"events were reordered and numbered anew, or changed and hashed anew; the event on line %d is older than the one before it", v.older)
	case !found:
		v.problem(RootMismatch, 0, "the events do not give the root that was signed, although numbers and hashes agree with each other: "+
			"at least one event was changed or replaced, and the hashes were made anew to hide it; another export shows which")
	}
	v.judgeSince(signed, rooted)
}

// openCheckpoint checks the signature. It tells what was signed even if the signature does not hold, as long as it can be
// read; the problem is noted then.
func (v *verification) openCheckpoint() (signed head, ok bool) {
	line, c := v.checkpointLine(), v.checkpoint
	known := v.known
	if !v.pinned {
		var err error
		if known, err = parseVerifiers(c.keys); err != nil {
			v.problem(CheckpointForged, line, "the checkpoint was altered: its keys cannot be read")
			return head{}, false
		}
	}
	signed, sigs, err := openNote(c.note, known)
	if err == nil {
		for _, sig := range sigs {
			v.report.SignedBy = append(v.report.SignedBy, keyName(sig))
		}
		v.compareSize(line, signed)
		return signed, true
	}
	signed, all, unread := unsignedHead(c.note)
	if unread != nil {
		v.problem(CheckpointForged, line, "the checkpoint was altered: it is not a signed checkpoint any more")
		return head{}, false
	}
	var names []string
	for _, sig := range all {
		names = append(names, keyName(sig))
	}
	_, invalid := errors.AsType[*note.InvalidSignatureError](err)
	switch {
	case errors.Is(err, errNotCheckpoint):
		v.problem(CheckpointForged, line, "the checkpoint was altered: it is signed, but is not written as a server writes it")
	case invalid:
		v.problem(CheckpointForged, line, "the checkpoint is forged or was altered: the signature by %s is not of this text", strings.Join(names, ", "))
	case v.pinned:
		v.problem(CheckpointForged, line, "the checkpoint is forged, or by a server whose key was not given: it is signed by %s, which is none of the keys given",
			strings.Join(names, ", "))
	default:
		v.problem(CheckpointForged, line, "the checkpoint is forged or was altered: it is signed by %s, whose key the file does not have", strings.Join(names, ", "))
	}
	v.compareSize(line, signed)
	return signed, true
}

func (v *verification) compareSize(line int64, signed head) {
	if v.checkpoint.size != signed.size {
		v.problem(CheckpointForged, line, "the checkpoint was altered: line %d says that it covers %s, but what is signed covers %d",
			line, events(v.checkpoint.size), signed.size)
	}
}

func (v *verification) checkpointLine() int64 { return v.count + 1 }

// keyName names a key as the beginning of its verifier key does.
func keyName(sig note.Signature) string { return fmt.Sprintf("%s+%08x", sig.Name, sig.Hash) }

// judgeNumbers judges by the numbers of the leaves; size is how many were signed, or -1 if that is not known.
func (v *verification) judgeNumbers(size int64) {
	d := v.disorder
	switch {
	case d == nil && size >= 0 && v.count < size:
		v.problem(EventsRemoved, 0, "%s removed: the checkpoint covers %d, the file holds %d and numbers them without a gap, "+
			"so that they were cut off the end, or the rest was numbered anew", eventsWere(size-v.count), size, v.count)
	case d == nil && size >= 0 && v.count > size:
		where := ""
		if len(v.changed) > 0 {
			where = fmt.Sprintf("; the one on line %d does not belong", v.changed[0].line)
		}
		v.problem(EventInserted, 0, "%s inserted: the checkpoint covers %d, the file holds %d%s", eventsWere(v.count-size), size, v.count, where)
	case d == nil:
	case d.leaf < d.expected:
		v.problem(EventInserted, d.line, "an event was inserted: line %d holds leaf %d, which stands further up already", d.line, d.leaf)
	case d.sawLeaf > 0:
		v.problem(EventInserted, d.line, "an event was inserted: lines %d and %d both say that they are leaf %d", d.line, d.sawLeaf, d.leaf)
	case size >= 0 && d.leaf >= size:
		v.problem(EventInserted, d.line, "an event was inserted: line %d says that it is leaf %d, but the checkpoint covers only %s", d.line, d.leaf, events(size))
	case d.sawExpected > 0:
		v.problem(EventsReordered, d.line, "events were reordered: leaf %d stands on line %d, after leaf %d on line %d", d.expected, d.sawExpected, d.leaf, d.line)
	case d.leaf == d.expected+1:
		v.problem(EventsRemoved, d.line, "an event was removed: leaf %d is missing before line %d", d.expected, d.line)
	default:
		v.problem(EventsRemoved, d.line, "%s removed: leaves %d to %d are missing before line %d", eventsWere(d.leaf-d.expected), d.expected, d.leaf-1, d.line)
	}
}

// judgeChanges judges by the hashes beside the events; rooted tells that these hashes are the signed ones.
func (v *verification) judgeChanges(rooted bool) {
	rest := "; the other hashes were not checked against a signature, so that there may be more"
	if rooted {
		rest = "; all that is not named is as it was signed"
	}
	for i, c := range v.changed {
		end := ""
		if i == len(v.changed)-1 {
			end = rest
		}
		if c.home > 0 {
			v.problem(EventsReordered, c.line, "events were reordered: the event on line %d belongs on line %d%s", c.line, c.home, end)
		} else {
			v.problem(EventChanged, c.line, "the event on line %d (leaf %d) was changed%s", c.line, c.leaf, end)
		}
	}
	if more := v.texts - maxChanged; more > 0 {
		v.problem(TextChanged, 0, "the texts of %s were changed besides", events(more))
	}
	if more := v.changes - int64(len(v.changed)); more > 0 {
		v.problem(EventChanged, 0, "%s changed besides", eventsWere(more))
	}
}

func events(n int64) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}

func eventsWere(n int64) string {
	if n == 1 {
		return "1 event was"
	}
	return fmt.Sprintf("%d events were", n)
}

// frontier is a Merkle tree (RFC 6962, section 2.1) of which only the roots of its complete subtrees are kept, the largest
// first: at most 63 hashes.
type frontier struct {
	size  int64
	roots []tlog.Hash
}

func (f *frontier) add(leaf tlog.Hash) {
	for n := f.size; n&1 == 1; n >>= 1 {
		last := len(f.roots) - 1
		leaf = tlog.NodeHash(f.roots[last], leaf)
		f.roots = f.roots[:last]
	}
	f.roots = append(f.roots, leaf)
	f.size++
}

func (f *frontier) root() tlog.Hash {
	if f.size == 0 {
		empty, _ := tlog.TreeHash(0, nil) // the one size that needs no hashes
		return empty
	}
	root := f.roots[len(f.roots)-1]
	for i := len(f.roots) - 2; i >= 0; i-- {
		root = tlog.NodeHash(f.roots[i], root)
	}
	return root
}
