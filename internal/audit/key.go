package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/soukhq/souk/internal/fault"
)

const keyFileName = "audit.key"

// secretKey gives the text of the signing key: that of KeyFile, else Key, else DATA/audit.key, which is made if absent.
// The key is a signed-note key (https://pkg.go.dev/golang.org/x/mod/sumdb/note) on one line.
func (cfg Config) secretKey(name string) (key, source string, err error) {
	switch {
	case cfg.KeyFile != "":
		key, err := readKey(cfg.KeyFile)
		if errors.Is(err, fs.ErrNotExist) {
			return "", "", fault.New(fault.Invalid, "audit_key_missing", "the audit key file %s does not exist", cfg.KeyFile).
				At("audit.key_file").Fix("put the key there, or leave audit.key_file out to have one made in the data directory")
		}
		return key, cfg.KeyFile, err
	case cfg.Key != "":
		return strings.TrimSpace(cfg.Key), "SOUK_AUDIT_KEY", nil
	case cfg.Dir == "":
		return "", "", fault.New(fault.Invalid, "audit_key_missing", "no audit key is given, and no data directory to make one in").
			Fix("set audit.key_file or SOUK_AUDIT_KEY")
	}
	path := filepath.Join(cfg.Dir, keyFileName)
	key, err = readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path, name); err != nil {
			return "", "", err
		}
		key, err = readKey(path)
	}
	return key, path, err
}

func readKey(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fault.New(fault.Invalid, "audit_key_unreadable", "the audit key file %s cannot be read", path).
			Fix("let the user that runs souk read it").Because(err)
	}
	if err != nil {
		return "", fmt.Errorf("read audit key: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// makeKey makes a key file that is complete from the moment it is there, and never replaces one that another process made.
func makeKey(path, name string) error {
	secret, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return fmt.Errorf("make audit key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make data directory: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), keyFileName+".*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("make audit key: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(secret + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write audit key: %w", err)
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("put audit key in place: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open data directory: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync data directory: %w", err)
	}
	return nil
}

// parseKey gives the signer of a secret key and the key that verifies what it signs.
func parseKey(secret, source string) (note.Signer, string, error) {
	bad := func(err error) error {
		return fault.New(fault.Invalid, "audit_key_malformed", "the audit key in %s is not a signing key", source).
			Fix("it is one line that begins with PRIVATE+KEY+; put the right one back, or take it away to have a new one made").
			Because(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, "", bad(err)
	}
	// NewSigner took it, so that its last field is base64 of the algorithm's number, 1, and the seed.
	raw, err := base64.StdEncoding.DecodeString(secret[len("PRIVATE+KEY+"+signer.Name()+"+00000000+"):])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, "", bad(err)
	}
	public, ok := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return nil, "", bad(nil)
	}
	vkey, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return nil, "", bad(err)
	}
	return signer, vkey, nil
}

// parseVerifiers gives the verifiers of keys, each once.
func parseVerifiers(keys []string) (note.Verifiers, error) {
	seen := map[string]bool{}
	var list []note.Verifier
	for _, key := range keys {
		key = strings.TrimSpace(key)
		if seen[key] {
			continue
		}
		seen[key] = true
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("read verifier key %q: %w", key, err)
		}
		list = append(list, verifier)
	}
	return note.VerifierList(list...), nil
}
