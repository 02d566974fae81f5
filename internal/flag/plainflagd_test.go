package flag_test

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/twmb/murmur3"
)

func substring(args []any) any {
	s, ok := at(args, 0).(string)
	if !ok {
		return throw()
	}
	u := utf16.Encode([]rune(s))
	whole := func(n float64) int {
		if math.IsNaN(n) {
			return 0
		}
		return int(max(min(n, 1e9), -1e9))
	}
	cut := func(from int, length int) {
		if from < 0 {
			from = max(len(u)+from, 0)
		}
		from = min(from, len(u))
		u = u[from:min(from+max(length, 0), len(u))]
	}
	from := 0
	if len(args) > 1 {
		from = whole(number(args[1]))
	}
	if cut(from, len(u)); len(args) > 2 && !raw("<", args[2], 0.0) {
		cut(0, whole(number(args[2])))
	} else if len(args) > 2 {
		length := float64(len(u)) + number(args[2])
		switch args[2].(type) {
		case string, *array, *object:
			length = number(str(float64(len(u))) + str(args[2]))
		}
		cut(0, whole(length))
	}
	return string(utf16.Decode(u))
}

var (
	fullVersion = regexp.MustCompile(`^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][a-zA-Z0-9-]*)` +
		`(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][a-zA-Z0-9-]*))*))?(?:\+[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*)?$`)
	partialVersion = regexp.MustCompile(`^\d+(\.\d+)?$`)
	leadingV       = regexp.MustCompile(`^[vV]`)
)

func semVer(args []any) any {
	read := func(v any) []string {
		s := leadingV.ReplaceAllString(str(v), "")
		m := fullVersion.FindStringSubmatch(trim(s))
		if m == nil && partialVersion.MatchString(s) {
			major, minor, two := strings.Cut(s, ".")
			if !two {
				minor = "0"
			}
			m = fullVersion.FindStringSubmatch(major + "." + minor + ".0")
		}
		return m
	}
	if len(args) != 3 {
		return nil
	}
	a, b := read(args[0]), read(args[2])
	if a == nil || b == nil {
		return nil
	}
	order := 0
	for i := 1; i <= 3 && order == 0; i++ {
		order = compareFloats(number(a[i]), number(b[i]))
	}
	if order == 0 && a[4] != b[4] {
		order = comparePre(a[4], b[4])
	}
	switch str(args[1]) {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "^":
		return a[1] == b[1]
	case "~":
		return a[1] == b[1] && a[2] == b[2]
	}
	return nil
}

func comparePre(a, b string) int {
	if a == "" || b == "" {
		return len(b) - len(a) // a release comes after what led to it
	}
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, errM := strconv.ParseUint(x[i], 10, 64)
		n, errN := strconv.ParseUint(y[i], 10, 64)
		switch {
		case x[i] == y[i]:
		case errM == nil && errN == nil:
			return compareFloats(float64(m), float64(n))
		case errM == nil:
			return -1
		case errN == nil:
			return 1
		default:
			return strings.Compare(x[i], y[i])
		}
	}
	return len(x) - len(y)
}

func compareFloats(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (p *plain) fractional(args []any) any {
	if len(args) == 0 {
		return nil
	}
	by, ok := args[0].(string)
	if ok {
		args = args[1:]
	} else {
		key := p.root.members["targetingKey"]
		if falsy(key) {
			return nil
		}
		by = p.key + str(key)
	}
	var weights []uint64
	var total uint64
	for _, arg := range args {
		a, ok := arg.(*array)
		if !ok || len(a.items) == 0 || len(a.items) > 2 {
			return nil
		}
		switch a.items[0].(type) {
		case *array, *object:
			return nil
		}
		w := 1.0
		if len(a.items) == 2 {
			if w, ok = a.items[1].(float64); !ok || w != math.Trunc(w) || w > math.MaxInt32 {
				return nil
			}
		}
		weights = append(weights, uint64(max(w, 0)))
		total += uint64(max(w, 0))
	}
	if total > math.MaxInt32 {
		return nil
	}
	point, upTo := uint64(bucketHash(by))*total>>32, uint64(0)
	for i, w := range weights {
		if upTo += w; upTo > point {
			return args[i].(*array).items[0]
		}
	}
	return nil
}

// bucketHash hashes UTF-16 units packed as npm's imurmurhash packs them.
func bucketHash(s string) uint32 {
	u := utf16.Encode([]rune(s))
	plain := make([]byte, len(u))
	ascii := true
	for i, unit := range u {
		plain[i], ascii = byte(unit), ascii && unit < 0x80
	}
	if ascii {
		return murmur3.Sum32(plain)
	}
	var h uint32
	mix := func(k uint32) uint32 {
		k *= 0xcc9e2d51
		k = k<<15 | k>>17
		return k * 0x1b873593
	}
	i := 0
	for ; i+4 <= len(u); i += 4 {
		k := uint32(u[i]) ^ uint32(u[i+1])<<8 ^ uint32(u[i+2])<<16 ^ uint32(u[i+3]&0xff)<<24 ^ uint32(u[i+3]&0xff00)>>8
		h ^= mix(k)
		h = (h<<13|h>>19)*5 + 0xe6546b64
	}
	var k uint32
	for j := i; j < len(u); j++ {
		k ^= uint32(u[j]) << (8 * (j - i))
	}
	if k < 1<<31 { // a negative number to imurmurhash, which leaves it out
		h ^= mix(k)
	}
	h ^= uint32(len(u))
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}

func trim(s string) string { return strings.TrimSpace(s) }
