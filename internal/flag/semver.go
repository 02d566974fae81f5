package flag

import (
	"cmp"
	"strings"
)

// version is a semantic version (https://semver.org) as far as it is compared.
type version struct {
	major, minor, patch string // digits without leading zeros
	pre                 string
}

// semVer compiles sem_ver (https://flagd.dev/reference/specifications/custom-operations/semver-operation-spec/): null where
// one of the two is no version or the operator is unknown. ^ compares the major version alone, ~ major and minor.
func (c *compiler) semVer(k call) (node, error) {
	nodes, err := c.arguments(k)
	if err != nil {
		return node{}, err
	}
	if len(c.scopes) > 0 || c.folding {
		return c.outside(nodes), nil
	}
	if !k.listed || len(nodes) != 3 {
		all := operands(k, nodes)
		return node{eval: func(c *Context) value {
			items := all(c)
			if len(items) != 3 {
				return value{}
			}
			return compareVersions(items[0], items[1], items[2])
		}}.of(nodes...), nil
	}
	if nodes[1].constant && nodes[2].constant {
		compute, op := nodes[0].compute(), nodes[1].value.toText()
		with, ok := parseVersion(nodes[2].value)
		if !ok {
			return node{eval: func(c *Context) value { compute(c); return value{} }}.of(nodes...), nil
		}
		return node{eval: func(c *Context) value {
			if v, ok := parseVersion(compute(c)); ok {
				return v.compare(op, with)
			}
			return value{}
		}}.of(nodes...), nil
	}
	x, op, y := nodes[0].compute(), nodes[1].compute(), nodes[2].compute()
	return node{eval: func(c *Context) value {
		a, op := x(c), op(c)
		return compareVersions(a, op, y(c))
	}}.of(nodes...), nil
}

func compareVersions(a, op, b value) value {
	x, ok := parseVersion(a)
	if !ok {
		return value{}
	}
	y, ok := parseVersion(b)
	if !ok {
		return value{}
	}
	return x.compare(op.toText(), y)
}

func (v version) compare(op string, with version) value {
	order := v.order(with)
	switch op {
	case "=":
		return boolValue(order == 0)
	case "!=":
		return boolValue(order != 0)
	case "<":
		return boolValue(order < 0)
	case "<=":
		return boolValue(order <= 0)
	case ">=":
		return boolValue(order >= 0)
	case ">":
		return boolValue(order > 0)
	case "^":
		return boolValue(v.major == with.major)
	case "~":
		return boolValue(v.major == with.major && v.minor == with.minor)
	}
	return value{}
}

// versionLimit bounds a version, in bytes, as npm's semver does.
const versionLimit = 256

// parseVersion reads a version, with or without a v before it; "1" and "1.2" are versions, too, and so are numbers.
func parseVersion(given value) (v version, ok bool) {
	s := given.toText()
	if s != "" && s[0]|0x20 == 'v' {
		s = s[1:]
	}
	if len(s) > versionLimit {
		return version{}, false
	}
	// npm's semver takes white space around a version, and one more v before it.
	trimmed := strings.TrimFunc(s, isSpace)
	if v, ok = parseFull(strings.TrimPrefix(trimmed, "v")); ok {
		return v, true
	}
	return parsePartial(s)
}

func parsePartial(s string) (v version, ok bool) {
	major, minor, two := strings.Cut(s, ".")
	if !two {
		minor = "0"
	}
	if !isDigits(major) || !isDigits(minor) || len(major) > 16 || len(minor) > 16 {
		return version{}, false
	}
	return parseFull(major + "." + minor + ".0")
}

func parseFull(s string) (v version, ok bool) {
	s, build, hasBuild := strings.Cut(s, "+")
	if hasBuild && !areIdentifiers(build, false) {
		return version{}, false
	}
	core, pre, hasPre := strings.Cut(s, "-")
	if hasPre && !areIdentifiers(pre, true) {
		return version{}, false
	}
	v = version{pre: pre}
	v.major, s, _ = strings.Cut(core, ".")
	v.minor, v.patch, _ = strings.Cut(s, ".")
	for _, part := range []string{v.major, v.minor, v.patch} {
		if !isDigits(part) || part[0] == '0' && len(part) > 1 || !isSafe(part) {
			return version{}, false
		}
	}
	return v, true
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isSafe tells a number that JavaScript holds exactly, which npm's semver asks of versions.
func isSafe(digits string) bool {
	const largest = "9007199254740991"
	return orderDigits(digits, largest) <= 0
}

// areIdentifiers tells dotted identifiers; numbers among those of a pre-release have no leading zeros.
func areIdentifiers(s string, strict bool) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strict && isDigits(part) && part[0] == '0' && len(part) > 1 {
			return false
		}
		for i := range len(part) {
			b := part[i]
			if (b < '0' || b > '9') && (b|0x20 < 'a' || b|0x20 > 'z') && b != '-' {
				return false
			}
		}
	}
	return true
}

// orderDigits compares numbers without leading zeros.
func orderDigits(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// order is the precedence of https://semver.org/#spec-item-11.
func (v version) order(with version) int {
	if o := cmp.Or(orderDigits(v.major, with.major), orderDigits(v.minor, with.minor), orderDigits(v.patch, with.patch)); o != 0 {
		return o
	}
	switch {
	case v.pre == with.pre:
		return 0
	case v.pre == "":
		return 1
	case with.pre == "":
		return -1
	}
	a, b := v.pre, with.pre
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if o := orderIdentifiers(x, y); o != 0 {
			return o
		}
	}
	return cmp.Compare(len(a), len(b))
}

func orderIdentifiers(x, y string) int {
	switch digits := isDigits(x); {
	case digits != isDigits(y):
		if digits {
			return -1
		}
		return 1
	case digits:
		return orderDigits(x, y)
	}
	return strings.Compare(x, y)
}
