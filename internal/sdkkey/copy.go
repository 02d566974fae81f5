package sdkkey

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/soukhq/souk/internal/access"
)

// keyCopyName is the file with the copy of the held keys.
const keyCopyName = "sdk-keys.json"

// keyCopy is the copy on disk. It holds hashes and no secrets. The sum is over the bytes of Keys, so that half a file or a changed
// one lets nobody in.
type keyCopy struct {
	SHA256 string          `json:"sha256"`
	Keys   json.RawMessage `json:"keys"`
}

type copiedKey struct {
	Key
	Hash string `json:"hash"` // hexadecimal
}

// writeCopy keeps a copy of the set on disk. Without it the next start needs the database; nothing else is lost, so a failure
// is logged.
func (k *Keys) writeCopy(set *keySet) {
	if k.Dir == "" {
		return
	}
	copied := make([]copiedKey, 0, len(set.byHash))
	for hash, key := range set.byHash {
		copied = append(copied, copiedKey{Key: key.Key, Hash: hex.EncodeToString(hash[:])})
	}
	err := func() error {
		keys, err := json.Marshal(copied)
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		sum := sha256.Sum256(keys)
		raw, err := json.Marshal(keyCopy{SHA256: hex.EncodeToString(sum[:]), Keys: keys})
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		return replaceFile(filepath.Join(k.Dir, keyCopyName), raw)
	}()
	if err != nil && k.Log != nil {
		k.Log.Error("copy of SDK keys not written", slog.Any("error", err))
	}
}

// LoadCopy holds the keys of the copy on disk, until Load reads the database, and tells whether there is a copy. A key that was
// revoked while this server was away lets in until then.
func (k *Keys) LoadCopy() bool {
	k.loading.Lock()
	defer k.loading.Unlock()
	if k.Dir == "" || k.held.Load() != nil {
		return k.held.Load() != nil
	}
	set, err := readKeyCopy(filepath.Join(k.Dir, keyCopyName))
	if err != nil {
		if k.Log != nil && !errors.Is(err, fs.ErrNotExist) {
			k.Log.Error("copy of SDK keys ignored", slog.Any("error", err))
		}
		return false
	}
	k.held.Store(set)
	return true
}

func readKeyCopy(path string) (*keySet, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	var c keyCopy
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if sum := sha256.Sum256(c.Keys); hex.EncodeToString(sum[:]) != c.SHA256 {
		return nil, errors.New("the file was damaged: its sum does not match")
	}
	var copied []copiedKey
	if err := json.Unmarshal(c.Keys, &copied); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	set := &keySet{byHash: map[access.SecretHash]heldKey{}, byID: map[string]heldKey{}, version: [2]int64{-1}, replaced: make(chan struct{})}
	for _, key := range copied {
		hash, err := hex.DecodeString(key.Hash)
		if err != nil || len(hash) != len(access.SecretHash{}) {
			return nil, errors.New("the file holds a hash that is none")
		}
		set.hold(access.SecretHash(hash), heldKey{key.Key, &keyUse{}})
	}
	return set, nil
}

// replaceFile writes a file, for its owner only, so that after a crash it holds all of the old content or all of the new.
func replaceFile(path string, content []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("create file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("rename file: %w", err)
	}
	return nil
}
