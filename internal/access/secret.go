package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// The beginnings by which a secret is recognized, by people and by scanners for leaked ones.
const (
	tokenPrefix = "souk_"
	keyPrefix   = "souksdk_"
)

// shown is how much of a secret stays readable, so that people can tell which it was.
const shown = 12

// secretHash is how secrets are kept. They have 256 random bits, so that a fast hash is enough; and since it is the hash that
// is looked up, the time that a look-up takes tells nothing about the secret.
type secretHash = [sha256.Size]byte

func newSecret(prefix string) (secret string, hash secretHash) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails: it crashes the program instead
	secret = prefix + base64.RawURLEncoding.EncodeToString(random[:])
	return secret, sha256.Sum256([]byte(secret))
}

// hashOf gives the hash of what came in as a secret; ok is false if it cannot be one.
func hashOf(prefix, secret string) (hash secretHash, ok bool) {
	encoded, ok := strings.CutPrefix(secret, prefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(32) {
		return secretHash{}, false
	}
	return sha256.Sum256([]byte(secret)), true
}
