package flag

import (
	"math"
	"strconv"
	"strings"
)

type kind uint8

const (
	null kind = iota
	boolean
	number
	text
	list
	object // only that it is one: its members have slots of their own
)

// value is what a rule computes with: JSON without the members of objects.
type value struct {
	kind  kind
	num   float64 // number; of a boolean, 0 or 1
	text  string
	items []value
}

func boolValue(b bool) value {
	if b {
		return value{kind: boolean, num: 1}
	}
	return value{kind: boolean}
}

func textValue(s string) value { return value{kind: text, text: s} }

// truthy is JSON Logic's truth (https://jsonlogic.com/truthy.html): an empty list is false, the text "0" is true.
func (v value) truthy() bool {
	switch v.kind {
	case null:
		return false
	case boolean, number:
		return v.num != 0 && !math.IsNaN(v.num)
	case text:
		return v.text != ""
	case list:
		return len(v.items) > 0
	case object:
		return true
	}
	return false
}

// same is JavaScript's ===. Lists and objects are never the same as anything.
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
		return false
	}
	return false
}

// equal is JavaScript's == among null, booleans, numbers and texts.
func equal(a, b value) bool {
	if a.kind == b.kind {
		return same(a, b)
	}
	if a.kind == null || b.kind == null {
		return false
	}
	x, ok := a.toNumber()
	if !ok {
		return false
	}
	y, ok := b.toNumber()
	return ok && x == y
}

// toNumber is JavaScript's Number() of a boolean, a number or a text; not ok for all else and for NaN.
func (v value) toNumber() (n float64, ok bool) {
	switch v.kind {
	case boolean, number:
		return v.num, !math.IsNaN(v.num)
	case text:
		trimmed := strings.TrimSpace(v.text)
		if trimmed == "" {
			return 0, true
		}
		// Go takes more spellings than JavaScript: hexadecimal floats, underscores, "inf" and "nan".
		if strings.ContainsAny(trimmed, "_xXpPiInN") {
			return 0, false
		}
		n, err := strconv.ParseFloat(trimmed, 64)
		return n, err == nil
	case null, list, object:
	}
	return 0, false
}

// variant is JavaScript's String() of what targeting gave, which is how flagd makes it the name of a variant. ok is false
// for lists and objects, which name none.
func (v value) variant() (name string, ok bool) {
	switch v.kind {
	case text:
		return v.text, true
	case boolean:
		if v.num != 0 {
			return "true", true
		}
		return "false", true
	case number:
		return formatNumber(v.num), true
	case null, list, object:
	}
	return "", false
}

// formatNumber is JavaScript's String() of a number of ordinary size.
func formatNumber(n float64) string {
	if n == 0 {
		return "0" // also for negative zero
	}
	if abs := math.Abs(n); abs >= 1e21 || abs < 1e-6 {
		return strings.Replace(strconv.FormatFloat(n, 'e', -1, 64), "e-0", "e-", 1)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// contains is the operator in: a member of a list, or a part of a text.
func contains(needle, haystack value) bool {
	switch haystack.kind {
	case list:
		for _, item := range haystack.items {
			if same(needle, item) {
				return true
			}
		}
	case text:
		part, ok := needle.variant()
		return ok && strings.Contains(haystack.text, part)
	case null, boolean, number, object:
	}
	return false
}
