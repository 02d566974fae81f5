// Package seal keeps secrets unreadable to who has the database, or a copy of it, but not the installation's secret key.
//
// What is sealed is bound to its place: put anywhere else it does not open. The key is SOUK_SECRET_KEY or a file in the data
// directory; all replicas of an installation share it, and one that does not is refused before it starts.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
)

// FileName is the file of the key in the data directory.
const FileName = "secret.key"

// form is how a sealed text begins; a later one would be another cipher.
const form = "s1"

const keySize = 32

// Key seals and opens with AES-256-GCM under random nonces. It is safe for concurrent use.
type Key struct {
	id   string
	aead cipher.AEAD
	raw  []byte
}

// Open gives the key whose base64 is text, else that of DIR/secret.key, which is made if absent.
func Open(dir, text string) (*Key, error) {
	if text = strings.TrimSpace(text); text != "" {
		return parse(text, "SOUK_SECRET_KEY")
	}
	if dir == "" {
		return nil, fault.New(fault.Invalid, "secret_key_missing", "no secret key is given, and no data directory to make one in").
			Fix("set SOUK_SECRET_KEY")
	}
	path := filepath.Join(dir, FileName)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, err
		}
		raw, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "secret_key_unreadable", "the secret key file %s cannot be read", path).
			Fix("let the user that runs souk read it").Because(err)
	}
	return parse(strings.TrimSpace(string(raw)), path)
}

func parse(text, source string) (*Key, error) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		raw, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	}
	if err != nil || len(raw) != keySize {
		return nil, fault.New(fault.Invalid, "bad_secret_key", "the secret key in %s is not %d bytes in base64", source, keySize).
			Fix("make one with: openssl rand -base64 32")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("take secret key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("take secret key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("souk secret key\n"), raw...))
	return &Key{id: hex.EncodeToString(sum[:4]), aead: aead, raw: raw}, nil
}

// create makes a key file that is complete from the moment it is there, and never replaces one that another process made.
func create(path string) error {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw)                                         // never fails: it crashes the program instead
	file, err := os.CreateTemp(filepath.Dir(path), FileName+".*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("make secret key: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(raw) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write secret key: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put secret key in place: %w", err)
	}
	return nil
}

// ID names the key without telling anything of it.
func (k *Key) ID() string { return k.id }

// Derive gives a key for another purpose (HKDF with SHA-256, RFC 5869), the same on all replicas: it tells nothing of this one, nor
// of what is derived for another purpose.
func (k *Key) Derive(purpose string) []byte {
	derived, err := hkdf.Key(sha256.New, k.raw, nil, "souk "+purpose, keySize)
	if err != nil {
		panic(err) // only for a length that no hash could give
	}
	return derived
}

// Seal makes plain unreadable; place says where it is put, such as a table and a row.
func (k *Key) Seal(place string, plain []byte) string {
	return form + "." + k.id + "." + base64.RawURLEncoding.EncodeToString(k.aead.Seal(nil, nil, plain, []byte(place)))
}

// ErrSealed says that a text does not open: it was sealed with another key or for another place, or it was changed.
var ErrSealed = errors.New("the sealed text does not open with this key, in this place")

// Unseal gives what was sealed for the place.
func (k *Key) Unseal(place, sealed string) ([]byte, error) {
	body, ok := strings.CutPrefix(sealed, form+"."+k.id+".")
	if !ok {
		return nil, ErrSealed
	}
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, ErrSealed
	}
	plain, err := k.aead.Open(nil, nil, raw, []byte(place))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// checkPlace is where the value lies by which replicas find out that they do not share the key.
const checkPlace = "seal_check"

// Check refuses a key that is not the installation's: the first key that an installation sees is its own from then on.
func (k *Key) Check(ctx context.Context, db *store.DB, now time.Time) error {
	var sealed string
	err := db.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if _, err := tx.Exec(ctx, `INSERT INTO seal_check (id, sealed, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			checkPlace, k.Seal(checkPlace, []byte(checkPlace)), store.Micros(now)); err != nil {
			return err
		}
		sealed, _, err = store.One(ctx, tx, store.ScanString, `SELECT sealed FROM seal_check WHERE id = $1`, checkPlace)
		return err
	})
	if err != nil {
		return fmt.Errorf("check secret key: %w", err)
	}
	if _, err := k.Unseal(checkPlace, sealed); err != nil {
		other := "another one"
		if parts := strings.Split(sealed, "."); len(parts) == 3 {
			other = "the key " + parts[1]
		}
		return fault.New(fault.Conflict, "other_secret_key", "the secret key %s is not the one of this installation, which is %s", k.id, other).
			At("secret.key").Fix("give every replica the same SOUK_SECRET_KEY, or the same file %s in its data directory", FileName)
	}
	return nil
}
