package importer

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/soukhq/souk/internal/fault"
)

// Limits of what a Reader keeps.
const (
	keptDocuments = 8
	keptBytes     = 2 * MaxBytes // of their texts
)

// Reader reads documents and keeps the last few that it read, so that whoever judges an import in one transaction and carries it out in
// another reads its document once, and not while others wait to write. What it returns is the same as of Read, and is not to be changed. The
// zero Reader is ready, for use by many at once.
type Reader struct {
	mu   sync.Mutex
	kept []keptDocument // the last read first; guarded by mu
}

type keptDocument struct {
	sum  [sha256.Size]byte // of its source
	size int
	doc  Document
	err  error // a fault of the document
}

// Read returns what Read does.
func (r *Reader) Read(ctx context.Context, from Source) (Document, error) {
	source, err := json.Marshal(from)
	if err != nil {
		return Document{}, fmt.Errorf("encode a source: %w", err)
	}
	sum := sha256.Sum256(source)
	if k, ok := r.find(sum); ok {
		return k.doc, k.err
	}
	doc, err := Read(ctx, from)
	if _, about := errors.AsType[*fault.Error](err); err == nil || about {
		r.keep(keptDocument{sum, len(source), doc, err})
	}
	return doc, err
}

func (r *Reader) find(sum [sha256.Size]byte) (k keptDocument, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.kept, func(k keptDocument) bool { return k.sum == sum })
	if i < 0 {
		return k, false
	}
	k = r.kept[i]
	r.kept = slices.Insert(slices.Delete(r.kept, i, i+1), 0, k)
	return k, true
}

func (r *Reader) keep(k keptDocument) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = slices.Insert(r.kept, 0, k)
	size, fitting := 0, 0
	for ; fitting < min(len(r.kept), keptDocuments); fitting++ {
		if size += r.kept[fitting].size; size > keptBytes {
			break
		}
	}
	r.kept = slices.Delete(r.kept, fitting, len(r.kept))
}
