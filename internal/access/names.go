package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/fault"
)

// MaxLine is how many characters a text of one line has at most.
const MaxLine = 200

const (
	maxEmail   = 254 // RFC 5321, 4.5.3.1.3
	maxSlug    = 63
	maxGroups  = 200
	maxMembers = 10_000
	maxDomains = 50
)

var (
	emailForm = regexp.MustCompile(`^[a-z0-9_%+'!#$&*/=?^{|}~-]+(\.[a-z0-9_%+'!#$&*/=?^{|}~-]+)*@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	slugForm  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// Email gives the form in which an address is kept, lower case without surrounding blanks, or what is wrong with it. Only
// ASCII is taken: two addresses that look alike would be two people.
func Email(field, text string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(text))
	if len(email) > maxEmail || !emailForm.MatchString(email) || strings.IndexByte(email, '@') > 64 {
		return "", fault.New(fault.Invalid, "invalid_email", "%s is not an e-mail address", fault.Quote(text)).At(field).
			Fix("write it like alice@example.com, in plain letters")
	}
	return email, nil
}

// Slug checks a name that stands in addresses, such as that of a group; what says of what.
func Slug(field, what, text string) error {
	if len(text) > maxSlug || !slugForm.MatchString(text) {
		return fault.New(fault.Invalid, "invalid_name", "%s is not a name for a %s", fault.Quote(text), what).At(field).
			Fix("use at most %d small letters, digits and single hyphens, such as team-lunch", maxSlug)
	}
	return nil
}

// Line checks text that people read on one line. Control characters break lines and terminals; bidirectional overrides
// make a name read as another one.
func Line(field, text string) error {
	bad := func(why, fix string) error {
		return fault.New(fault.Invalid, "invalid_text", "%s %s", field, why).At(field).Fix("%s", fix)
	}
	switch {
	case !utf8.ValidString(text):
		return bad("is not valid UTF-8", "send it as UTF-8 text")
	case utf8.RuneCountInString(text) > MaxLine:
		return bad("is too long", fmt.Sprintf("use at most %d characters", MaxLine))
	case strings.ContainsFunc(text, unicode.IsControl):
		return bad("contains a control character or a line break", "write it on one line, without tabs")
	}
	if at := strings.IndexFunc(text, fault.Deceptive); at >= 0 {
		r, _ := utf8.DecodeRuneInString(text[at:])
		return bad("contains a character that cannot be seen or changes the direction of the text", fmt.Sprintf("leave out the character %U", r))
	}
	return nil
}

// set gives the items sorted, each once.
func set[T ~string](items []T) []T {
	sorted := slices.Clone(items)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	if sorted == nil {
		sorted = []T{}
	}
	return sorted
}
