package audit

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/fault"
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

// ReadCheckpoint finds the checkpoint to compare a later export with. It takes a signed note, the JSON of one, an older
// export or a copy of DATA/checkpoints; of several the last counts. Memory is bounded by the longest line.
func ReadCheckpoint(r io.Reader) (string, error) {
	reader := bufio.NewReaderSize(r, 64<<10)
	start, err := reader.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read checkpoint: %w", err)
	}
	if len(start) == 1 && start[0] != '{' {
		text, err := io.ReadAll(io.LimitReader(reader, 1<<20))
		if err != nil {
			return "", fmt.Errorf("read checkpoint: %w", err)
		}
		return checked(string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	}
	last := ""
	for {
		line, err := readLine(reader)
		var c struct {
			Note string `json:"checkpoint"`
		}
		if json.Unmarshal(line, &c) == nil && c.Note != "" {
			last = c.Note
		}
		if errors.Is(err, io.EOF) {
			return checked(last)
		}
		if err != nil {
			return "", fmt.Errorf("read checkpoint: %w", err)
		}
	}
}

func checked(text string) (string, error) {
	if _, _, err := unsignedHead(text); err != nil {
		return "", fault.New(fault.Invalid, "not_a_checkpoint", "the text holds no checkpoint").
			Fix("give a signed checkpoint, an older export, or a copy of the file checkpoints of the data directory").Because(err)
	}
	return text, nil
}

const checkpointsName = "checkpoints"

// publish puts a checkpoint outside the database: a line of DATA/checkpoints, on disk before it returns, and the log. Whoever
// rewrites the database then still has to rewrite those. A failure is logged and ends nothing: the log goes on without.
func (l *Log) publish(c Checkpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Size <= l.published { // nothing new, or a slower reader of an older head
		return
	}
	l.cfg.Log.Info("audit checkpoint signed", "size", c.Size, "checkpoint", c.Note)
	if l.cfg.Dir != "" {
		if err := appendLine(filepath.Join(l.cfg.Dir, checkpointsName), c); err != nil {
			l.cfg.Log.Error("audit checkpoint not written outside the database", "error", err)
			return
		}
	}
	l.published = c.Size
}

func appendLine(path string, c Checkpoint) error {
	line, err := encodeLine(c)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open checkpoints: %w", err)
	}
	// A crash may have left half a line, which must not spoil this one.
	end := make([]byte, 1)
	if size, err := file.Seek(0, io.SeekEnd); err == nil && size > 0 {
		if _, err := file.ReadAt(end, size-1); err == nil && end[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	_, err = file.Write(line)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
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

// lastPublished gives the newest checkpoint of DATA/checkpoints; ok is false if there is none.
func (cfg Config) lastPublished() (h head, ok bool, err error) {
	if cfg.Dir == "" {
		return head{}, false, nil
	}
	file, err := os.Open(filepath.Join(cfg.Dir, checkpointsName))
	if errors.Is(err, os.ErrNotExist) {
		return head{}, false, nil
	}
	if err != nil {
		return head{}, false, fmt.Errorf("open checkpoints: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return head{}, false, fmt.Errorf("look at checkpoints: %w", err)
	}
	const tail = 256 << 10
	text := make([]byte, min(info.Size(), tail))
	if _, err := file.ReadAt(text, info.Size()-int64(len(text))); err != nil && !errors.Is(err, io.EOF) {
		return head{}, false, fmt.Errorf("read checkpoints: %w", err)
	}
	for line := range bytes.Lines(text) {
		var c Checkpoint
		if json.Unmarshal(line, &c) != nil { // cut off by the window or by a crash
			continue
		}
		if found, _, err := unsignedHead(c.Note); err == nil {
			h, ok = found, true
		}
	}
	return h, ok, nil
}
