package audit

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/store"
)

// exportLine is a line of an export. Hash is the leaf's hash as the tree holds it, so that verify can name what was changed;
// id is for the texts beside it.
type exportLine struct {
	id   string
	body string
	leaf int64
	hash tlog.Hash
}

// Export sequences what was committed before it began and writes the log as lines of JSON in the order of the leaves, and
// as the last line the checkpoint that covers exactly those. It holds a few hundred events in memory and no transaction
// while it writes, so that a slow reader costs the database nothing. A file without its last line is cut off.
func (l *Log) Export(ctx context.Context, by Reader, w io.Writer) error {
	if err := by.MayReadAudit(); err != nil {
		return err
	}
	if err := l.Sequence(ctx); err != nil {
		return err
	}
	var of tree
	signed, err := l.attest(ctx, func(_ context.Context, _ *store.Tx, t tree, _ Checkpoint) error {
		of = t
		return nil
	})
	if err != nil {
		return fmt.Errorf("sign audit checkpoint: %w", err)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	for from := int64(0); from < signed.Size; from += rowsSize {
		if err := l.exportPart(ctx, out, of, from, min(from+rowsSize, signed.Size)); err != nil {
			return err
		}
	}
	signed.At = time.Time{} // nothing stands in the file that the signature does not protect
	last, err := encodeLine(signed)
	if err != nil {
		return err
	}
	if _, err := out.Write(last); err != nil {
		return fmt.Errorf("write audit export: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write audit export: %w", err)
	}
	return nil
}

func (l *Log) exportPart(ctx context.Context, out *bufio.Writer, of tree, from, to int64) error {
	var lines []exportLine
	var texts map[string]map[string]Text
	err := l.db.Read(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		lines, err = store.List(ctx, tx, func(row store.Row) (line exportLine, err error) {
			err = row.Scan(&line.leaf, &line.id, &line.body)
			line.leaf -= of.first
			return line, err
		}, `SELECT l.idx, e.id, e.body FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
			WHERE l.idx >= $1 AND l.idx < $2 ORDER BY l.idx`, of.first+from, of.first+to)
		if err != nil {
			return err
		}
		indexes, ids := make([]int64, len(lines)), make([]string, len(lines))
		for i, line := range lines {
			indexes[i], ids[i] = tlog.StoredHashIndex(0, line.leaf), line.id
		}
		if texts, err = textsOf(ctx, tx, ids); err != nil {
			return err
		}
		hashes, err := of.hashes(ctx, tx, indexes)
		for i, index := range indexes {
			lines[i].hash = hashes[index]
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read audit events to export: %w", err)
	}
	for _, line := range lines {
		// Not through an encoder: the event goes out byte for byte as it was hashed.
		beside := []byte("}\n")
		if of := texts[line.id]; len(of) > 0 {
			encoded, err := encodeLine(of)
			if err != nil {
				return err
			}
			beside = slices.Concat([]byte(`,"texts":`), bytes.TrimSpace(encoded), beside)
		}
		if _, err := fmt.Fprintf(out, `{"event":%s,"leaf":%d,"hash":"%s"%s`, line.body, line.leaf, line.hash, beside); err != nil {
			return fmt.Errorf("write audit export: %w", err)
		}
	}
	return nil
}
