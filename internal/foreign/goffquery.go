package foreign

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
)

// parseQuery reads a query of nikunjy/rules (https://github.com/nikunjy/rules): comparisons of an attribute with a constant, joined by and
// and or, which bind alike, from the left. A comparison with an attribute that is missing, or of another type, is false. folded reports
// whether texts are compared, which there means without regard to case. why says what keeps it from being read.
func parseQuery(text string) (condition any, folded bool, why string) {
	p := queryParser{words: queryWord.FindAllString(text, -1)}
	condition = p.query(0)
	if p.why == "" && len(p.words) > 0 {
		p.why = "nobody knows what " + fault.Clip(p.words[0], 40) + " means in its query (and, or are written in small letters)"
	}
	return condition, p.folded, p.why
}

// queryWord is a word of a query. What is none is a word by itself, which nothing accepts.
var queryWord = regexp.MustCompile(`"(?:\\.|[^"\\])*"|[()\[\],]|[<>=!]=?|[^\s()\[\],"<>=!]+|"`)

type queryParser struct {
	words  []string
	folded bool
	why    string
}

// maxQueryDepth bounds parentheses within each other, and how often and follows or, which is as deep.
const maxQueryDepth = 50

func (p *queryParser) next() string {
	if len(p.words) == 0 {
		p.fail("its query ends too early")
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

func (p *queryParser) fail(format string, args ...any) any {
	if p.why == "" {
		p.why = fmt.Sprintf(format, args...)
	}
	return false
}

func (p *queryParser) peek() string {
	if len(p.words) == 0 || p.why != "" {
		return ""
	}
	return p.words[0]
}

func (p *queryParser) query(depth int) any {
	if depth > maxQueryDepth {
		return p.fail("its query has too many parentheses")
	}
	all := []any{p.term(depth)}
	for joint := p.peek(); joint == "and" || joint == "or"; joint = p.peek() {
		for p.peek() == joint {
			p.next()
			all = append(all, p.term(depth))
		}
		all = []any{joined[joint](all...)}
		if depth++; depth > maxQueryDepth {
			return p.fail("its query has and after or too often")
		}
	}
	return all[0]
}

var joined = map[string]func(conditions ...any) any{"and": every, "or": some}

func (p *queryParser) term(depth int) any {
	negated := false
	if word := p.peek(); word == "not" || word == "NOT" {
		negated = true
		p.next()
		if p.peek() != "(" {
			return p.fail("not stands before something without parentheses in its query")
		}
	}
	if p.peek() != "(" {
		return p.comparison()
	}
	p.next()
	condition := p.query(depth + 1)
	if p.next() != ")" {
		return p.fail("a parenthesis is missing in its query")
	}
	if negated {
		return not(condition)
	}
	return condition
}

// comparisons are the operators that compare, as flagd writes them.
var comparisons = map[string]string{
	"eq": "==", "==": "==", "ne": "!=", "!=": "!=", "gt": ">", ">": ">", "lt": "<", "<": "<", "ge": ">=", ">=": ">=", "le": "<=", "<=": "<=",
}

var attributePath = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_:-]*(\.[A-Za-z][A-Za-z0-9_:-]*)*$`)

func (p *queryParser) comparison() any {
	path := p.next()
	if !attributePath.MatchString(path) {
		return p.fail("%s is no name of an attribute in its query", fault.Clip(path, 40))
	}
	if path == "key" {
		path = "targetingKey"
	}
	v := attribute(path)
	operator := strings.ToLower(p.next())
	if operator == "pr" {
		return present(v)
	}
	if operator == "in" {
		return p.among(v)
	}
	value, isText := p.value()
	compare := comparisons[operator]
	if version, ok := value.(version); ok && compare != "" {
		return every(present(v), op("sem_ver", v, strings.TrimPrefix(compare, "="), string(version)))
	}
	p.folded = p.folded || isText
	switch operator {
	case "eq", "==":
		return op("===", v, value)
	case "ne", "!=":
		return every(present(v), op("!==", v, value))
	case "gt", ">", "lt", "<", "ge", ">=", "le", "<=":
		if n, ok := value.(json.Number); ok {
			return every(present(v), op(compare, v, n))
		}
	case "co":
		if isText {
			return every(present(v), op("in", value, v))
		}
	case "sw", "ew":
		if isText {
			return every(present(v), op(map[string]string{"sw": "starts_with", "ew": "ends_with"}[operator], v, value))
		}
	}
	return p.fail("%s cannot be compared so in its query: %s %v", path, fault.Clip(operator, 40), value)
}

// among is a list of constants.
func (p *queryParser) among(v any) any {
	if p.next() != "[" {
		return p.fail("a list is missing after in in its query")
	}
	var values []any
	for p.why == "" {
		value, _ := p.value()
		values = append(values, value)
		if word := p.next(); word == "]" {
			break
		} else if word != "," {
			return p.fail("a list has no end in its query")
		}
	}
	return op("in", v, values)
}

// version is a constant such as 1.2.3.
type version string

var versionWord = regexp.MustCompile(`^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`)

func (p *queryParser) value() (value any, isText bool) {
	word := p.next()
	switch {
	case strings.HasPrefix(word, `"`) && len(word) > 1:
		return strings.TrimSuffix(word[1:], `"`), true
	case slices.Contains([]string{"true", "false"}, word):
		return word == "true", false
	case word == "null":
		return nil, false
	case versionWord.MatchString(word):
		return version(word), false
	}
	if number.MatchString(word) {
		return json.Number(word), false
	}
	return p.fail("%s is no constant in its query", fault.Clip(word, 40)), false
}

var number = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)
