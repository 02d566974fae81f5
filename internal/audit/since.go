package audit

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/fault"
)

// Since is what is known of a log from before: checkpoints that it has to continue, each of them. The zero value is none.
type Since struct {
	heads    []head // by size
	unsigned int    // how many are not signed by a key given
}

func notCheckpoint() *fault.Error {
	return fault.New(fault.Invalid, "not_a_checkpoint", "the text holds no checkpoint").At("since").
		Fix("give a signed checkpoint, an older export, or a copy of the file checkpoints of the data directory")
}

// ReadCheckpoints reads the checkpoints to compare a later export with. It takes a signed note, the JSON of one, an older export
// or a copy of DATA/checkpoints, of which every line counts: one that is smaller than the one before says that the log was set
// back. keys are the verifier keys of those who may have signed; none means that signatures are not looked at. Memory is 100
// bytes a checkpoint and the longest line.
func ReadCheckpoints(r io.Reader, keys []string) (since Since, err error) {
	known, err := givenKeys(keys)
	if err != nil {
		return since, err
	}
	reader := bufio.NewReaderSize(r, 64<<10)
	start, err := reader.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return since, fmt.Errorf("read checkpoint: %w", err)
	}
	if len(start) == 1 && start[0] != '{' {
		text, err := io.ReadAll(io.LimitReader(reader, 1<<20))
		if err != nil {
			return since, fmt.Errorf("read checkpoint: %w", err)
		}
		return since.sorted(since.take(string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))), known, len(keys) > 0))
	}
	for {
		line, err := readLine(reader)
		if err != nil && !errors.Is(err, io.EOF) {
			return since, fmt.Errorf("read checkpoint: %w", err)
		}
		var c struct {
			Note string `json:"checkpoint"`
		}
		if json.Unmarshal(line, &c) == nil && c.Note != "" {
			if err := since.take(c.Note, known, len(keys) > 0); err != nil {
				return since, err
			}
		}
		if err != nil {
			return since.sorted(nil)
		}
	}
}

func (s *Since) take(text string, known note.Verifiers, pinned bool) error {
	h, _, err := unsignedHead(text)
	if err != nil {
		return notCheckpoint().Because(err)
	}
	if pinned {
		if _, _, err := openNote(text, known); err != nil {
			s.unsigned++
		}
	}
	s.heads = append(s.heads, h)
	return nil
}

func (s *Since) sorted(err error) (Since, error) {
	if err == nil && len(s.heads) == 0 {
		err = notCheckpoint()
	}
	if err != nil {
		return Since{}, err
	}
	slices.SortStableFunc(s.heads, func(a, b head) int { return cmp.Compare(a.size, b.size) })
	return *s, nil
}

// givenKeys returns the verifiers of the keys that somebody gave.
func givenKeys(keys []string) (note.Verifiers, error) {
	known, err := parseVerifiers(keys)
	if err != nil {
		return nil, fault.New(fault.Invalid, "bad_verifier_key", "a key given is not a verifier key").At("key").
			Fix("give the text that the server shows as its verifier key, such as souk/…+1234abcd+…").Because(err)
	}
	return known, nil
}

// compared is how far a file was compared with what is known from before.
type compared struct {
	Since
	next  int    // the first of heads that was not reached yet
	forks []head // those whose root the file does not have
	first *SetBack
	why   string // reason of the first event, if that begins a log in place of another
}

// pass compares the tree that was read so far with the checkpoints of its size.
func (c *compared) pass(size int64, root func() tlog.Hash) {
	for ; c.next < len(c.heads) && c.heads[c.next].size <= size; c.next++ {
		if c.heads[c.next].size == size && c.heads[c.next].root != root() {
			c.forks = append(c.forks, c.heads[c.next])
		}
	}
}

// begins looks whether the first event says that the log is the successor of another.
func (c *compared) begins(event []byte) {
	var e struct {
		Event   Name    `json:"event"`
		Reason  string  `json:"reason"`
		Details SetBack `json:"details"`
	}
	if json.Unmarshal(event, &e) == nil && e.Event == LogRestarted {
		c.first, c.why = &e.Details, e.Reason
	}
}

// judgeSince compares with the earlier checkpoints. Whether the events continue them is only asked of a file that agrees with
// its own checkpoint.
func (v *verification) judgeSince(signed head, rooted bool) {
	var other, larger, forked *head
	for i, h := range v.since.heads {
		switch {
		case h.origin != signed.origin:
			other = &v.since.heads[i]
		case h.size > signed.size:
			larger = &v.since.heads[i]
		}
	}
	if i := slices.IndexFunc(v.since.forks, func(h head) bool { return h.origin == signed.origin }); rooted && i >= 0 {
		forked = &v.since.forks[i]
	}
	if other != nil {
		given := ""
		if first := v.since.first; first != nil && first.Origin == other.origin {
			given = fmt.Sprintf("; its first event says that %s was given up at %s: %s", first.Origin, events(first.Size), v.since.why)
		}
		v.problem(OtherLog, 0, "the earlier checkpoint is of the log %s, the file of %s: they cannot be compared%s", other.origin, signed.origin, given)
	}
	if larger != nil {
		v.problem(RolledBack, 0, "the file is older than the earlier checkpoint: that covers %d events, the file %d; the log was rolled back, or this is an old export",
			larger.size, signed.size)
	}
	if forked != nil {
		v.problem(Forked, 0, "the file does not continue the earlier checkpoint: its first %s are not those signed then; history was rewritten", events(forked.size))
	}
}
