package fault

import (
	"fmt"
	"strings"
	"unicode"
)

// DeceptiveMarks are the marks that reorder what is shown (Unicode UAX 9, section 2), separate lines and paragraphs, or have no
// width. The joiners that emoji and some scripts need are not among them.
const DeceptiveMarks = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\u200b\ufeff"

// Deceptive tells of characters that make a text look like another one than it is: those marks, and control characters save
// tab and line ends.
func Deceptive(r rune) bool {
	return unicode.IsControl(r) && !Break(r) || strings.ContainsRune(DeceptiveMarks, r)
}

// Clip cuts what is longer than limit bytes, at a character, so that what somebody sent does not fill the screen of who is told
// of it.
func Clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}

// Quote shows foreign text inside a message: escaped, and cut where it is long.
func Quote(text string) string { return fmt.Sprintf("%q", Clip(text, 80)) }

// Break tells of tab and line ends, which do not belong into a text of one line.
func Break(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }
