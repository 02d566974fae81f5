package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/flag"
)

// checkFlags checks a document of flagd's flag definitions: a flag that cannot be evaluated is an error, a rule that flagd's
// engines may compute differently a warning.
func checkFlags(raw []byte) []fault.Finding {
	set, err := flag.Parse(raw)
	if err != nil {
		return []fault.Finding{{
			Severity: fault.SeverityError, Field: "flags", Code: "bad_flags", Message: err.Error(),
			Remediation: "see https://flagd.dev/reference/flag-definitions/",
		}}
	}
	findings := oddities(raw, set)
	_, problems := set.Compile()
	for _, p := range problems {
		f := fault.Finding{
			Severity: fault.SeverityError, Field: "metadata", Code: "bad_flag", Message: p.Message, Remediation: p.Remediation,
		}
		if p.Flag != "" {
			f.Field = "flags." + p.Flag
		}
		switch {
		case p.LeftOut:
			f.Code = "not_synced"
		case p.Code == "": // the flag works without what is wrong
			f.Severity, f.Code = fault.SeverityWarning, "bad_metadata"
		}
		findings = append(findings, f)
	}
	for _, d := range set.Doubts() {
		f := fault.Finding{
			Severity: fault.SeverityWarning, Field: "flags." + d.Flag, Code: "engines_differ",
			Message: d.Message + ", at " + d.Path, Remediation: d.Remediation,
		}
		if d.Evaluator != "" {
			f.Field = "$evaluators." + d.Evaluator
		}
		findings = append(findings, f)
	}
	return findings
}

// oddities warns of what is loaded and is hardly meant: members that are given twice, variants of several types, and rules that come
// to the same whatever the context is.
func oddities(raw []byte, set flag.Set) (found []fault.Finding) {
	warn := func(field, code, message, fix string) {
		found = append(found, fault.Finding{Severity: fault.SeverityWarning, Field: field, Code: code, Message: message, Remediation: fix})
	}
	for _, path := range doubled(json.NewDecoder(bytes.NewReader(raw)), nil) {
		warn(path, "doubled", "it is given twice, and the last one counts", "leave one of them out")
	}
	for _, key := range slices.Sorted(maps.Keys(set.Flags)) {
		var f struct {
			Variants  map[string]any `json:"variants"`
			Default   any            `json:"defaultVariant"`
			Targeting any            `json:"targeting"`
		}
		if json.Unmarshal(set.Flags[key], &f) != nil {
			continue // compiling it says so
		}
		kinds := map[string]bool{}
		for _, value := range f.Variants {
			kinds[kindOfValue(value)] = true
		}
		if len(kinds) > 1 {
			warn("flags."+key+".variants", "mixed_types", "the values are of several types: "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", "),
				"give all of them one type, as programs ask for one")
		}
		if results := resultsOf(f.Targeting, f.Default); len(results) > 1 && len(slices.Compact(slices.Sorted(slices.Values(results)))) == 1 {
			warn("flags."+key+".targeting", "same_branches", "the rule comes to the same for everybody, whatever its conditions say",
				"give its branches different variants, or leave the rule out")
		}
	}
	return found
}

// doubled lists the paths of members that an object within the next value of a JSON text has twice.
func doubled(decoder *json.Decoder, path []string) (twice []string) {
	token, err := decoder.Token()
	if err != nil {
		return nil
	}
	opened, _ := token.(json.Delim)
	seen := map[string]bool{}
	for (opened == '{' || opened == '[') && decoder.More() {
		below := path
		if opened == '{' {
			token, err := decoder.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return twice
			}
			below = append(slices.Clone(path), name)
			if seen[name] {
				twice = append(twice, strings.Join(below, "."))
			}
			seen[name] = true
		}
		twice = append(twice, doubled(decoder, below)...)
	}
	if opened == '{' || opened == '[' {
		_, _ = decoder.Token() // the end of it
	}
	return twice
}

func kindOfValue(value any) string {
	switch value.(type) {
	case bool:
		return "boolean"
	case string:
		return "text"
	case float64:
		return "number"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	}
	return "null"
}

// resultsOf lists what a rule may come to, as JSON: the branches of its ifs, or what it is where it is none. otherwise is what
// counts where no branch is taken.
func resultsOf(rule, otherwise any) []string {
	members, ok := rule.(map[string]any)
	args, listed := members["if"].([]any)
	if !ok || len(members) != 1 || !listed || len(args) < 2 {
		text, err := json.Marshal(rule)
		if err != nil || rule == nil {
			text, _ = json.Marshal(otherwise) //nolint:errchkjson // it was decoded from JSON
		}
		return []string{string(text)}
	}
	var results []string
	for i := 1; i < len(args); i += 2 {
		results = append(results, resultsOf(args[i], otherwise)...)
	}
	if len(args)%2 == 1 {
		return append(results, resultsOf(args[len(args)-1], otherwise)...)
	}
	return append(results, resultsOf(nil, otherwise)...)
}
