package flag

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// depthLimit bounds how deep a body nests.
const depthLimit = 32

// Parse fills the context from the body of an OFREP request, {"context": {…}}, with one pass over the text: values that no
// rule reads are checked and skipped. An absent or null context is an empty one. The error is a *ContextError.
func (c *Context) Parse(body string) error {
	c.clear()
	if !utf8.ValidString(body) {
		return badContext(ParseError, "the request is not UTF-8")
	}
	s := scanner{text: body, context: c}
	s.space()
	if !s.peek('{') {
		return s.fail("the request is not a JSON object")
	}
	s.members(nil, func(name string) bool {
		if name != "context" {
			return s.skip()
		}
		c.clear()
		if s.literal("null") {
			return true
		}
		if !s.peek('{') {
			if s.skip() {
				s.err = badContext(InvalidContext, "context is not a JSON object")
			}
			return false
		}
		if p := c.snapshot.paths; p.whole {
			v, ok := s.deep()
			c.spread(p, v)
			return ok
		}
		return s.object(c.snapshot.paths)
	})
	s.space()
	if s.err == nil && s.at != len(body) {
		_ = s.fail("the request goes on after its end")
	}
	if s.err != nil {
		return s.err
	}
	if key := c.get(targetingKeySlot); key.kind != text && key.kind != null {
		return badContext(InvalidContext, "targetingKey is not a text")
	}
	return nil
}

// scanner reads JSON (RFC 8259) straight into the slots of a context. Its steps return false after setting err.
type scanner struct {
	text    string
	at      int
	depth   int
	context *Context
	err     error
}

func (s *scanner) fail(details string) error {
	if s.err == nil {
		s.err = badContext(ParseError, "%s, at byte %d", details, s.at)
	}
	return s.err
}

func (s *scanner) bad() bool {
	_ = s.fail("the request is not valid JSON")
	return false
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) peek(b byte) bool { return s.at < len(s.text) && s.text[s.at] == b }

func (s *scanner) take(b byte) bool {
	if s.peek(b) {
		s.at++
		return true
	}
	return false
}

func (s *scanner) literal(word string) bool {
	if strings.HasPrefix(s.text[s.at:], word) {
		s.at += len(word)
		return true
	}
	return false
}

func (s *scanner) enter() bool {
	s.at++
	s.depth++
	if s.depth > depthLimit {
		_ = s.fail("the request nests deeper than " + strconv.Itoa(depthLimit))
		return false
	}
	return true
}

// members reads an object and calls each at the value of every member, which each must read. p tells which names matter;
// without it all do.
func (s *scanner) members(p *path, each func(name string) bool) bool {
	if !s.enter() {
		return false
	}
	s.space()
	if s.take('}') {
		s.depth--
		return true
	}
	for {
		s.space()
		name, ok := s.string()
		if !ok {
			return false
		}
		s.space()
		if !s.take(':') {
			return s.bad()
		}
		s.space()
		if p != nil && p.children[name] == nil {
			ok = s.skip()
		} else {
			ok = each(name)
		}
		if !ok {
			return false
		}
		s.space()
		if s.take('}') {
			s.depth--
			return true
		}
		if !s.take(',') {
			return s.bad()
		}
	}
}

// object reads an object into the slots below p.
func (s *scanner) object(p *path) bool {
	return s.members(p, func(name string) bool {
		child := p.children[name]
		s.context.renew(child)
		v, ok := s.value(child)
		if ok {
			s.context.put(child, v)
		}
		return ok
	})
}

// elements reads a list and calls each at every element.
func (s *scanner) elements(each func() bool) bool {
	if !s.enter() {
		return false
	}
	s.space()
	if s.take(']') {
		s.depth--
		return true
	}
	for {
		s.space()
		if !each() {
			return false
		}
		s.space()
		if s.take(']') {
			s.depth--
			return true
		}
		if !s.take(',') {
			return s.bad()
		}
	}
}

// value reads any value; what lies below p goes into its slots.
func (s *scanner) value(p *path) (value, bool) {
	if s.peek('{') && (p == nil || !p.whole) {
		v := value{kind: object, num: 1}
		if strings.HasPrefix(strings.TrimLeft(s.text[s.at+1:], " \t\n\r"), "}") {
			v.num = 0
		}
		if p == nil || len(p.list) == 0 {
			return v, s.skip()
		}
		return v, s.object(p)
	}
	if s.peek('[') && (p == nil || !p.whole && len(p.list) == 0) {
		return s.list(func() (value, bool) { return s.value(nil) })
	}
	v, ok := s.deep()
	if ok && p != nil && len(p.list) > 0 {
		c := s.context
		for _, child := range p.list {
			if m, ok := v.member(child.name); ok {
				c.spread(child, m)
			}
		}
	}
	return v, ok
}

// deep reads any value with all that is in it.
func (s *scanner) deep() (value, bool) {
	if s.at >= len(s.text) {
		return value{}, s.bad()
	}
	switch b := s.text[s.at]; {
	case b == '"':
		str, ok := s.string()
		return textValue(str), ok
	case b == '{':
		members := map[string]value{}
		ok := s.members(nil, func(name string) bool {
			v, ok := s.deep()
			members[name] = v
			return ok
		})
		return objectValue(members), ok
	case b == '[':
		return s.list(s.deep)
	case b == '-' || b >= '0' && b <= '9':
		digits, ok := s.number()
		if !ok {
			return value{}, false
		}
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil && !math.IsInf(n, 0) { // out of range is infinite, as in JavaScript
			return value{}, s.bad()
		}
		return numberValue(n), true
	case s.literal("true"):
		return boolValue(true), true
	case s.literal("false"):
		return boolValue(false), true
	case s.literal("null"):
		return value{}, true
	}
	return value{}, s.bad()
}

// list reads a list with what reads an element.
func (s *scanner) list(element func() (value, bool)) (value, bool) {
	var items []value
	ok := s.elements(func() bool {
		item, ok := element()
		if ok {
			items = append(items, item)
		}
		return ok
	})
	return listValue(items), ok
}

// skip checks any value and forgets it.
func (s *scanner) skip() bool {
	if s.at >= len(s.text) {
		return s.bad()
	}
	switch b := s.text[s.at]; {
	case b == '"':
		_, _, ok := s.quoted()
		return ok
	case b == '{':
		return s.members(nil, func(string) bool { return s.skip() })
	case b == '[':
		return s.elements(s.skip)
	case b == '-' || b >= '0' && b <= '9':
		_, ok := s.number()
		return ok
	case s.literal("true"), s.literal("false"), s.literal("null"):
		return true
	}
	return s.bad()
}

// quoted reads a string and gives it as written, quotes included.
func (s *scanner) quoted() (raw string, escaped, ok bool) {
	start := s.at
	if !s.take('"') {
		return "", false, s.bad()
	}
	for s.at < len(s.text) {
		switch b := s.text[s.at]; {
		case b == '"':
			s.at++
			return s.text[start:s.at], escaped, true
		case b < ' ':
			return "", false, s.bad()
		case b == '\\':
			escaped = true
			if !s.escape() {
				return "", false, s.bad()
			}
		default:
			s.at++
		}
	}
	return "", false, s.bad()
}

func (s *scanner) escape() bool {
	rest := s.text[s.at+1:]
	if rest == "" {
		return false
	}
	if strings.IndexByte(`"\/bfnrt`, rest[0]) >= 0 {
		s.at += 2
		return true
	}
	if rest[0] != 'u' || len(rest) < 5 {
		return false
	}
	for _, h := range []byte(rest[1:5]) {
		if (h < '0' || h > '9') && (h < 'a' || h > 'f') && (h < 'A' || h > 'F') {
			return false
		}
	}
	s.at += 6
	return true
}

// string reads a string. Without escapes it is a part of the body and costs nothing.
func (s *scanner) string() (string, bool) {
	raw, escaped, ok := s.quoted()
	if !ok {
		return "", false
	}
	if !escaped {
		return raw[1 : len(raw)-1], true
	}
	var decoded string
	if err := json.Unmarshal([]byte(raw), &decoded); err != nil {
		return "", s.bad()
	}
	return decoded, true
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// number reads a number and gives it as written.
func (s *scanner) number() (string, bool) {
	start := s.at
	s.take('-')
	if !s.take('0') && !s.digits() {
		return "", s.bad()
	}
	if s.take('.') && !s.digits() {
		return "", s.bad()
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return "", s.bad()
		}
	}
	return s.text[start:s.at], true
}
