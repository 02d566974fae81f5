package flag

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object
)

// value is what a rule computes with. It behaves as a value of JavaScript does, since flagd's rules are defined by what its
// engines do with them.
type value struct {
	kind  kind
	num   float64 // number; of a boolean, 0 or 1; of an object, 0 if it is empty
	text  string
	whole *composite // of a list; of an object only where a rule looks inside
}

// composite is a list or an object. Two are the same if they are one in memory, as in JavaScript. It never changes.
type composite struct {
	items   []value
	members map[string]value
}

func boolValue(b bool) value {
	if b {
		return value{kind: boolean, num: 1}
	}
	return value{kind: boolean}
}

func textValue(s string) value { return value{kind: text, text: s} }

func numberValue(n float64) value { return value{kind: number, num: n} }

func listValue(items []value) value { return value{kind: list, whole: &composite{items: items}} }

func objectValue(members map[string]value) value {
	return value{kind: object, num: float64(min(len(members), 1)), whole: &composite{members: members}}
}

// items are those of a list.
func (v value) items() []value {
	if v.whole == nil {
		return nil
	}
	return v.whole.items
}

// truthy is the engine's truth: that of JavaScript, but empty lists and objects are false.
func (v value) truthy() bool {
	switch v.kind {
	case null:
		return false
	case boolean, number:
		return v.num != 0 && !math.IsNaN(v.num)
	case text:
		return v.text != ""
	case list:
		return len(v.items()) > 0
	case object:
		return v.num != 0
	}
	return false
}

// falsy is JavaScript's own !v, for which every list and object is true.
func (v value) falsy() bool { return v.kind < list && !v.truthy() }

// scalar tells text and null, which are compared as they are.
func (v value) wordOrNull() bool { return v.kind == text || v.kind == null }

// same is JavaScript's ===.
func same(a, b value) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case null:
		return true
	case boolean, number:
		return a.num == b.num
	case text:
		return a.text == b.text
	case list, object:
		return a.whole == b.whole
	}
	return false
}

// equal is JavaScript's ==.
func equal(a, b value) bool {
	if a.kind == b.kind {
		return same(a, b)
	}
	if a.kind == null || b.kind == null {
		return false
	}
	a, b = a.primitive(), b.primitive()
	if a.kind == text && b.kind == text {
		return a.text == b.text
	}
	return a.toNumber() == b.toNumber()
}

// less is JavaScript's a < b; the other orders follow, save that NaN is in none of them.
func less(a, b value) (is, ordered bool) {
	a, b = a.primitive(), b.primitive()
	if a.kind == text && b.kind == text {
		return textLess(a.text, b.text), true
	}
	x, y := a.toNumber(), b.toNumber()
	return x < y, !math.IsNaN(x) && !math.IsNaN(y)
}

// textLess orders texts by their UTF-16 units: characters outside the first plane come before some inside it.
func textLess(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i == len(a) || i == len(b) {
		return len(a) < len(b)
	}
	for i > 0 && !utf8.RuneStart(a[i]) {
		i--
	}
	x, _ := utf8.DecodeRuneInString(a[i:])
	y, _ := utf8.DecodeRuneInString(b[i:])
	if (x >= 0x10000) != (y >= 0x10000) {
		if x >= 0x10000 {
			x, _ = utf16.EncodeRune(x)
		} else {
			y, _ = utf16.EncodeRune(y)
		}
	}
	return x < y
}

// primitive makes a text of a list or an object, as operators do that take neither.
func (v value) primitive() value {
	if v.kind >= list {
		return textValue(v.toText())
	}
	return v
}

// toNumber is JavaScript's Number(): NaN for what is none.
func (v value) toNumber() float64 {
	switch v.kind {
	case null:
		return 0
	case boolean, number:
		return v.num
	case text:
		return parseNumber(v.text)
	case list:
		return parseNumber(v.toText())
	case object:
	}
	return math.NaN()
}

func parseNumber(s string) float64 {
	s = strings.TrimFunc(s, isSpace)
	switch s {
	case "":
		return 0
	case "Infinity", "+Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	if len(s) > 2 && s[0] == '0' {
		if base := map[byte]int{'x': 16, 'o': 8, 'b': 2}[s[1]|0x20]; base != 0 {
			return parseInteger(s[2:], float64(base))
		}
	}
	for i := range len(s) { // Go takes more spellings: hexadecimal floats, "inf", "nan"
		if b := s[i]; (b < '0' || b > '9') && b != '+' && b != '-' && b != '.' && b|0x20 != 'e' {
			return math.NaN()
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && !math.IsInf(n, 0) {
		return math.NaN()
	}
	return n
}

func parseInteger(digits string, base float64) float64 {
	n := 0.0
	for i := range len(digits) {
		d := 99.0
		switch b := digits[i]; {
		case b >= '0' && b <= '9':
			d = float64(b - '0')
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			d = float64(b|0x20-'a') + 10
		}
		if d >= base {
			return math.NaN()
		}
		n = n*base + d
	}
	return n
}

// isSpace tells JavaScript's white space.
func isSpace(r rune) bool {
	return r != 0x85 && unicode.IsSpace(r) || r == 0xfeff
}

// textLimit bounds the text that a list becomes, in bytes.
const textLimit = 1 << 20

// toText is JavaScript's String().
func (v value) toText() string {
	switch v.kind {
	case null:
		return "null"
	case boolean:
		return strconv.FormatBool(v.num != 0)
	case number:
		return formatNumber(v.num)
	case text:
		return v.text
	case list:
		return string(v.join(nil))
	case object:
	}
	return "[object Object]"
}

func (v value) join(to []byte) []byte {
	for i, item := range v.items() {
		if len(to) > textLimit {
			return to
		}
		if i > 0 {
			to = append(to, ',')
		}
		switch item.kind {
		case null:
		case list:
			to = item.join(to)
		case boolean, number, text, object:
			to = append(to, item.toText()...)
		}
	}
	return to
}

// formatNumber is JavaScript's String() of a number.
func formatNumber(n float64) string {
	switch {
	case n == 0:
		return "0" // also for negative zero
	case math.IsNaN(n):
		return "NaN"
	case math.IsInf(n, 1):
		return "Infinity"
	case math.IsInf(n, -1):
		return "-Infinity"
	}
	if abs := math.Abs(n); abs >= 1e21 || abs < 1e-6 {
		return strings.Replace(strconv.FormatFloat(n, 'e', -1, 64), "e-0", "e-", 1)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// member is v[name] in JavaScript, without what comes from prototypes: members, positions and length.
func (v value) member(name string) (value, bool) {
	switch v.kind {
	case list:
		items := v.items()
		if name == "length" {
			return numberValue(float64(len(items))), true
		}
		if i, ok := position(name); ok && i < len(items) {
			return items[i], true
		}
	case object:
		if v.whole != nil {
			m, ok := v.whole.members[name]
			return m, ok
		}
	case text:
		if name == "length" {
			return numberValue(float64(units(v.text))), true
		}
		if i, ok := position(name); ok && i < len(v.text) {
			if u := utf16.Encode([]rune(v.text)); i < len(u) {
				return textValue(string(utf16.Decode(u[i : i+1]))), true
			}
		}
	case null, boolean, number:
	}
	return value{}, false
}

// position reads the name of an element of a list.
func position(name string) (int, bool) {
	if name == "" || len(name) > 9 || name[0] == '0' && len(name) > 1 {
		return 0, false
	}
	for i := range len(name) {
		if name[i] < '0' || name[i] > '9' {
			return 0, false
		}
	}
	i, err := strconv.Atoi(name)
	return i, err == nil
}

// units is the length of a text in JavaScript.
func units(s string) int {
	n := 0
	for _, r := range s {
		if n++; r >= 0x10000 {
			n++
		}
	}
	return n
}

// plain gives a value as encoding/json takes it. What JSON has no number for is a text.
func (v value) plain() any {
	switch v.kind {
	case boolean:
		return v.num != 0
	case number:
		if math.IsNaN(v.num) || math.IsInf(v.num, 0) {
			return formatNumber(v.num)
		}
		return v.num
	case text:
		return v.text
	case list:
		all := make([]any, len(v.items()))
		for i, item := range v.items() {
			all[i] = item.plain()
		}
		return all
	case object:
		all := map[string]any{}
		if v.whole != nil {
			for name, member := range v.whole.members {
				all[name] = member.plain()
			}
		}
		return all
	case null:
	}
	return nil
}
