package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Shown is how much of a secret stays readable, so that people can tell which it was.
const Shown = 12

// SecretHash is how secrets are kept. They have 256 random bits, so that a fast hash is enough; and since it is the hash that
// is looked up, the time that a look-up takes tells nothing about the secret.
type SecretHash = [sha256.Size]byte

// NewSecret makes a secret that begins with the prefix, by which people and scanners for leaked ones recognize it.
func NewSecret(prefix string) (secret string, hash SecretHash) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: it crashes the program instead
	secret = prefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, sha256.Sum256([]byte(secret))
}

// HashOf gives the hash of what came in as a secret; ok is false if it cannot be one.
func HashOf(prefix, secret string) (hash SecretHash, ok bool) {
	encoded, ok := strings.CutPrefix(secret, prefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(32) {
		return SecretHash{}, false
	}
	return sha256.Sum256([]byte(secret)), true
}
