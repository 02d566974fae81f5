package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement of how many leaves the log has and what the root of their tree is. Its JSON form is the
// last line of an export and a line of DATA/checkpoints.
type Checkpoint struct {
	Note string    `json:"checkpoint" doc:"Signed note in the form of C2SP tlog-checkpoint"`
	Size int64     `json:"size" doc:"Number of leaves"`
	Keys []string  `json:"keys" nullable:"false" doc:"Verifier keys of every server that ever signed for this log, that of the answering one first"`
	At   time.Time `json:"at,omitzero" doc:"When it was signed; not part of what is signed"`
}

// head is what a checkpoint says: https://c2sp.org/tlog-checkpoint.
type head struct {
	origin string
	size   int64
	root   tlog.Hash
}

func (h head) text() string {
	return h.origin + "\n" + strconv.FormatInt(h.size, 10) + "\n" + base64.StdEncoding.EncodeToString(h.root[:]) + "\n"
}

var errNotCheckpoint = errors.New("not a checkpoint")

// parseHead reads the text of a checkpoint. Lines after the third are extensions and mean nothing here.
func parseHead(text string) (head, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) != 4 || lines[0] == "" {
		return head{}, errNotCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return head{}, errNotCheckpoint
	}
	h := head{origin: lines[0], size: size}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return head{}, errNotCheckpoint
	}
	copy(h.root[:], root)
	return h, nil
}

// openNote checks the signatures of a checkpoint and gives what it says, with the signatures that were checked and hold.
func openNote(text string, known note.Verifiers) (head, []note.Signature, error) {
	opened, err := note.Open([]byte(text), known)
	if err != nil {
		return head{}, nil, err
	}
	for _, sig := range append(opened.Sigs, opened.UnverifiedSigs...) {
		// Base64 has spare bits that decoders ignore: a file in which they were changed is not the one that was exported.
		if raw, err := base64.StdEncoding.DecodeString(sig.Base64); err != nil || base64.StdEncoding.EncodeToString(raw) != sig.Base64 {
			return head{}, nil, errNotCheckpoint
		}
	}
	h, err := parseHead(opened.Text)
	return h, opened.Sigs, err
}

// unsignedHead gives what a checkpoint says without looking at its signatures.
func unsignedHead(text string) (head, []note.Signature, error) {
	_, err := note.Open([]byte(text), note.VerifierList())
	unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
	if !ok {
		return head{}, nil, errNotCheckpoint
	}
	h, err := parseHead(unverified.Note.Text)
	return h, unverified.Note.UnverifiedSigs, err
}

func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return b.Bytes(), nil
}
