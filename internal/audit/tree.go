package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/soukhq/souk/internal/store"
)

// tree is the log as a transaction sees it: its name, how many leaves it has, and where they are stored. Rows of logs that
// were given up stay where they are; those of this one come after them.
type tree struct {
	origin string
	first  int64 // idx of leaf 0 in audit_leaf
	size   int64
}

func readTree(ctx context.Context, tx *store.Tx) (t tree, err error) {
	t, ok, err := store.One(ctx, tx, func(row store.Row) (t tree, err error) {
		err = row.Scan(&t.origin, &t.first, &t.size)
		return t, err
	}, `SELECT origin, first, size FROM audit_head`)
	if err == nil && !ok {
		err = sql.ErrNoRows
	}
	if err != nil {
		return t, fmt.Errorf("read head: %w", err)
	}
	return t, nil
}

// next is the idx in audit_leaf of the next leaf: it only grows, whichever log it is of.
func (t tree) next() int64 { return t.first + t.size }

// hashRow returns the idx in audit_hash of a hash by its tlog.StoredHashIndex. A tree of n leaves has fewer than 2n hashes.
func (t tree) hashRow(index int64) int64 { return 2*t.first + index }

// errHashMissing says that a part of the tree is not in the database, from which it never vanishes by itself.
var errHashMissing = errors.New("a hash of the tree is missing")

// storedHashes are hashes of a tree by their tlog.StoredHashIndex.
type storedHashes map[int64]tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s storedHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hash, ok := s[index]
		if !ok {
			return nil, fmt.Errorf("%w: number %d", errHashMissing, index)
		}
		list[i] = hash
	}
	return list, nil
}

// edge returns the indexes of the roots of the complete subtrees that a tree of size leaves consists of: all that is needed
// to compute its root and to append to it.
func edge(size int64) (indexes []int64) {
	for level := range 63 {
		if size>>level&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, size>>level-1))
		}
	}
	return indexes
}

func (t tree) hashes(ctx context.Context, tx *store.Tx, indexes []int64) (storedHashes, error) {
	found := storedHashes{}
	for part := range slices.Chunk(indexes, rowsSize) {
		args := make([]any, len(part))
		for i, index := range part {
			args[i] = t.hashRow(index)
		}
		_, err := store.List(ctx, tx, func(row store.Row) (none struct{}, err error) {
			var idx int64
			var hash []byte
			if err := row.Scan(&idx, &hash); err != nil {
				return none, err
			}
			if len(hash) != tlog.HashSize {
				return none, fmt.Errorf("hash %d of the tree has %d bytes", idx, len(hash))
			}
			found[idx-t.hashRow(0)] = tlog.Hash(hash)
			return none, nil
		}, `SELECT idx, hash FROM audit_hash WHERE idx IN (`+store.In(1, len(part))+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("read hashes: %w", err)
		}
	}
	return found, nil
}

// reader reads hashes one proof needs.
func (t tree) reader(ctx context.Context, tx *store.Tx) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found, err := t.hashes(ctx, tx, indexes)
		if err != nil {
			return nil, err
		}
		return found.ReadHashes(indexes)
	})
}

// root returns the root of the tree as it was when it had size leaves.
func (t tree) root(ctx context.Context, tx *store.Tx, size int64) (tlog.Hash, error) {
	hashes, err := t.hashes(ctx, tx, edge(size))
	if err != nil {
		return tlog.Hash{}, err
	}
	return tlog.TreeHash(size, hashes)
}

// grown is what appending leaves writes: rows for audit_leaf and audit_hash, and the head of the tree with them.
type grown struct {
	leaves, hashes []any
	head           head
}

// grow appends leaves, each an event's id and the bytes that are hashed, to the tree in memory.
func (t tree) grow(ctx context.Context, tx *store.Tx, ids []string, bodies []string) (g grown, err error) {
	hashes, err := t.hashes(ctx, tx, edge(t.size))
	if err != nil {
		return g, err
	}
	for i, id := range ids {
		n := t.size + int64(i)
		fresh, err := tlog.StoredHashes(n, []byte(bodies[i]), hashes)
		if err != nil {
			return g, fmt.Errorf("hash leaf %d: %w", n, err)
		}
		first := tlog.StoredHashIndex(0, n)
		for j, hash := range fresh {
			hashes[first+int64(j)] = hash
			g.hashes = append(g.hashes, t.hashRow(first+int64(j)), hash[:])
		}
		g.leaves = append(g.leaves, t.first+n, id)
	}
	g.head = head{origin: t.origin, size: t.size + int64(len(ids))}
	if g.head.root, err = tlog.TreeHash(g.head.size, hashes); err != nil {
		return g, fmt.Errorf("hash tree: %w", err)
	}
	return g, nil
}
