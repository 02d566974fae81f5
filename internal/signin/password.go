package signin

import (
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/soukhq/souk/internal/fault"
)

// The lengths of a password, in characters. NIST SP 800-63B asks for at least 8 and at most no less than 64, and for no rules
// on what kinds of characters there are.
const (
	minPassword = 12
	maxPassword = 200
)

// cost is what hashing a password by argon2id takes (RFC 9106).
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

// presentCost is that of new hashes: the first choice of OWASP's Password Storage Cheat Sheet that fits many at once. A
// password that is stored at another cost is hashed again when its person next signs in.
var presentCost = cost{memory: 19 << 10, passes: 2, threads: 1}

// What a stored hash may ask for at most: whoever could write a row must not make a sign-in take the machine.
const (
	maxMemory  = 256 << 10
	maxPasses  = 16
	maxThreads = 16
)

const (
	saltSize = 16
	hashSize = 32
)

// passwordHash is a password as it is kept, in the PHC string format:
// https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md.
type passwordHash struct {
	cost
	salt, key []byte
}

// hashPassword makes a hash with a new salt. It takes tens of milliseconds and the memory of the cost.
func hashPassword(password string, at cost) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	h := passwordHash{cost: at, salt: salt}
	h.key = h.derive(password, hashSize)
	return h.String()
}

func (h passwordHash) derive(password string, size uint32) []byte {
	return argon2.IDKey([]byte(norm.NFC.String(password)), h.salt, h.passes, h.memory, h.threads, size)
}

// matches tells whether it is the hash of the password, in the same time whether or not it is.
func (h passwordHash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, uint32(len(h.key))), h.key) == 1 //nolint:gosec // at most 64
}

// String is the PHC form.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// parsePassword reads the PHC form. What it accepts, String gives back unchanged.
func parsePassword(text string) (h passwordHash, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return passwordHash{}, fmt.Errorf("read password hash: not one of argon2id")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.threads); err != nil {
		return passwordHash{}, fmt.Errorf("read password hash: %w", err)
	}
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil {
		return passwordHash{}, fmt.Errorf("read salt of password: %w", err)
	}
	if h.key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil {
		return passwordHash{}, fmt.Errorf("read password hash: %w", err)
	}
	switch {
	case h.memory < 8*uint32(h.threads) || h.memory > maxMemory || h.passes < 1 || h.passes > maxPasses || h.threads < 1 || h.threads > maxThreads:
		return passwordHash{}, fmt.Errorf("read password hash: a cost that is out of bounds")
	case len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 || h.String() != text:
		return passwordHash{}, fmt.Errorf("read password hash: malformed")
	}
	return h, nil
}

// commonPasswords are those of at least 12 characters that guessers try first.
//
//go:embed passwords.txt
var commonPasswords string

var knownPasswords = func() map[string]bool {
	known := map[string]bool{}
	for word := range strings.FieldsSeq(commonPasswords) {
		known[word] = true
	}
	return known
}()

// checkPassword judges a password that a person chose: what guessers try first is refused, all else is theirs to decide.
func checkPassword(password string, own ...string) error {
	bad := func(code, why, fix string) error {
		return fault.New(fault.Invalid, code, "the password %s", why).At("password").Fix("%s", fix)
	}
	const words = "take three or four words that only you would put together"
	flat := strings.ToLower(norm.NFC.String(password))
	switch count := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return bad("invalid_text", "is not valid UTF-8", "type it again")
	case strings.ContainsFunc(password, unicode.IsControl):
		return bad("invalid_text", "contains a control character", "type it again, without tabs and line breaks")
	case count < minPassword:
		return bad("password_too_short", fmt.Sprintf("has fewer than %d characters", minPassword), words)
	case count > maxPassword:
		return bad("password_too_long", fmt.Sprintf("has more than %d characters", maxPassword), "shorten it")
	}
	for _, word := range own {
		for _, part := range []string{word, beforeAt(word)} {
			part = strings.ToLower(strings.TrimSpace(part))
			if len(part) > 2 && utf8.RuneCountInString(strings.ReplaceAll(flat, part, "")) < 4 {
				return bad("password_is_you", "is your own address or name", words)
			}
		}
	}
	if monotonous(flat) {
		return bad("password_too_plain", "repeats itself or counts", words)
	}
	letters := strings.TrimRightFunc(flat, func(r rune) bool { return !unicode.IsLetter(r) })
	squeezed := strings.Join(strings.Fields(flat), "")
	if knownPasswords[flat] || knownPasswords[squeezed] || knownPasswords[letters] {
		return bad("password_common", "is one that many people use", words)
	}
	for _, begin := range []string{"password", "passwort", "qwerty", "qwertz", "azerty", "letmein", "welcome", "iloveyou", "admin"} {
		if rest, ok := strings.CutPrefix(flat, begin); ok && utf8.RuneCountInString(rest) < 6 {
			return bad("password_common", "begins like one that many people use", words)
		}
	}
	return nil
}

func beforeAt(email string) string {
	name, _, _ := strings.Cut(email, "@")
	return name
}

// monotonous tells whether a text has fewer than five different characters, or mostly counts on, as 123456789012 does.
func monotonous(text string) bool {
	runes := []rune(text)
	different, steps := map[rune]bool{}, 0
	for i, r := range runes {
		different[r] = true
		if i > 0 {
			if d := r - runes[i-1]; d >= -1 && d <= 1 {
				steps++
			}
		}
	}
	return len(different) < 5 || steps*10 > (len(runes)-1)*7
}
