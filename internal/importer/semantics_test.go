package importer_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/importer"
)

// asked is a context and what the source system answers for each of some flags.
type asked struct {
	context string
	at      string // noon if empty
	want    map[string]string
}

// TestImportedRulesAnswerAsTheirSourceDoes holds rules against what the source systems document, and their evaluators do: see the sources named in
// the readers.
func TestImportedRulesAnswerAsTheirSourceDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from   importer.Source
		asked  []asked
		report []string
	}{
		"goff": {
			importer.Source{Format: "goff", Document: `
off: {variations: {a: 1}, defaultRule: {variation: a}, disable: true}
first: {variations: {a: x, b: y, c: z}, defaultRule: {variation: c}, targeting: [
  {query: 'tier eq "gold" and age ge 18', variation: a}, {query: 'mail ew "@x.example" or (not (env in ["dev", "test"]) and beta eq true)', variation: b},
  {query: 'tier eq "gold"', variation: a, disable: true}]}
left: {variations: {on: true, off: false}, defaultRule: {variation: off}, targeting: [{query: 'a eq 1 or b eq 1 and c eq 1', variation: on}]}
missing: {variations: {on: true, off: false}, defaultRule: {variation: off}, targeting: [{query: 'tier ne "gold"', variation: on}]}
there: {variations: {on: true, off: false}, defaultRule: {variation: off}, targeting: [{query: 'user.name pr', variation: on}]}
key: {variations: {on: true, off: false}, defaultRule: {variation: off}, targeting: [{query: 'key eq "ann"', variation: on}]}
logic: {variations: {on: true, off: false}, defaultRule: {variation: off}, targeting: [{query: '{"in": [{"var": "id"}, ["1", "2"]]}', variation: on}]}
version: {variations: {on: true, off: false}, defaultRule: {variation: off}, targeting: [{query: 'app gt 1.9.0', variation: on}]}
whole: {variations: {on: true, off: false}, defaultRule: {percentage: {on: 0, off: 100}}}
ramp: {variations: {on: true, off: false}, defaultRule: {progressiveRollout: {initial: {variation: off, date: 2026-01-01T00:00:00Z}, end: {variation: on, date: 2026-02-01T00:00:00Z}}}}
trial: {variations: {on: true, off: false}, defaultRule: {variation: on}, experimentation: {start: 2026-02-01T00:00:00Z, end: 2026-04-01T00:00:00Z}}
unequal: {variations: {on: true, off: false}, defaultRule: {percentage: {on: 30, off: 30}}}
gone: {variations: {on: true}, defaultRule: {variation: error}}
capitals: {variations: {on: true, off: false}, defaultRule: {variation: off}, targeting: [{query: 'a eq 1 OR b eq 1', variation: on}]}
`},
			[]asked{
				{`{}`, "", map[string]string{
					"off": "none", "first": `"z"`, "left": "false", "missing": "false", "there": "false", "key": "false", "logic": "false", "version": "false",
					"whole": "false", "ramp": "false", "trial": "true", "unequal": "none", "gone": "GENERAL", "capitals": "false",
				}},
				{`{"tier": "gold", "age": 18}`, "2026-01-01T00:00:00Z", map[string]string{"first": `"x"`, "missing": "false", "ramp": "false", "trial": "none"}},
				{`{"tier": "gold", "age": 17, "mail": "a@x.example"}`, "", map[string]string{"first": `"y"`}},
				{`{"tier": "silver", "env": "prod", "beta": true}`, "", map[string]string{"first": `"y"`, "missing": "true"}},
				{`{"env": "dev", "beta": true}`, "", map[string]string{"first": `"z"`}},
				{`{"env": "prod", "beta": "true"}`, "", map[string]string{"first": `"z"`}}, // another type never matches
				{`{"a": 1, "b": 2, "c": 2}`, "", map[string]string{"left": "false"}},       // (a or b) and c
				{`{"a": 1, "c": 1}`, "", map[string]string{"left": "true", "capitals": "false"}},
				{`{"user": {"name": "Ann"}, "targetingKey": "ann", "id": "2", "app": "2.0.0"}`, "", map[string]string{"there": "true", "key": "true", "logic": "true", "version": "true"}},
			},
			[]string{"capitals rule_left_out", "first case_matters", "first disabled_rule", "key case_matters", "missing case_matters", "ramp progressive", "unequal bad_shares"},
		},
		"flipt": {
			importer.Source{Format: "flipt", Document: `
namespace: default
flags:
- {key: bool, type: BOOLEAN_FLAG_TYPE, enabled: false, rollouts: [{segment: {key: gold, value: true}}, {threshold: {percentage: 100, value: false}}]}
- {key: all, type: BOOLEAN_FLAG_TYPE, enabled: true, rollouts: [{segment: {keys: [gold, dev], operator: AND_SEGMENT_OPERATOR, value: false}}]}
- {key: none, type: BOOLEAN_FLAG_TYPE, enabled: true, rollouts: [{threshold: {percentage: 0, value: false}}]}
- {key: variant, enabled: true, variants: [{key: a}, {key: b, default: true}], rules: [{segment: gold, distributions: [{variant: a, rollout: 100}]}]}
- {key: plain, enabled: true, variants: [{key: a}], rules: [{segments: [gold, dev], distributions: [{variant: a, rollout: 100}]}]}
- {key: off, enabled: false, variants: [{key: a}], rules: [{segment: everybody, distributions: [{variant: a, rollout: 100}]}]}
- {key: lost, enabled: true, variants: [{key: a, attachment: {x: 1}}], rules: [{segment: nowhere, distributions: [{variant: a, rollout: 100}]}]}
segments:
- {key: gold, match_type: ALL_MATCH_TYPE, constraints: [{type: STRING_COMPARISON_TYPE, property: tier, operator: eq, value: gold}, {type: NUMBER_COMPARISON_TYPE, property: age, operator: lt, value: "30"}]}
- {key: dev, match_type: ANY_MATCH_TYPE, constraints: [{type: STRING_COMPARISON_TYPE, property: env, operator: neq, value: prod}, {type: ENTITY_ID_COMPARISON_TYPE, property: entity, operator: isoneof, value: '["ann"]'}, {type: BOOLEAN_COMPARISON_TYPE, property: beta, operator: "true"}]}
- {key: everybody, match_type: ALL_MATCH_TYPE}
- {key: late, match_type: ALL_MATCH_TYPE, constraints: [{type: DATETIME_COMPARISON_TYPE, property: since, operator: gt, value: "2026-01-01"}]}
`},
			[]asked{
				{`{}`, "", map[string]string{"bool": "false", "all": "true", "none": "true", "variant": `"b"`, "plain": "none", "off": "none", "lost": "none"}},
				{`{"tier": "gold", "age": 20}`, "", map[string]string{"bool": "true", "all": "true", "variant": `"a"`, "plain": `"a"`}},
				{`{"tier": "gold"}`, "", map[string]string{"bool": "false"}},
				{`{"tier": "gold", "age": "20", "env": "qa"}`, "", map[string]string{"all": "false"}},
				{`{"env": "prod"}`, "", map[string]string{"plain": "none"}},
				{`{"targetingKey": "ann"}`, "", map[string]string{"plain": `"a"`, "off": "none"}},
				{`{"beta": "true"}`, "", map[string]string{"plain": `"a"`}},
			},
			[]string{"late rule_left_out", "lost attachment", "lost no_segment", "lost rule_left_out"},
		},
		"unleash": {
			importer.Source{Format: "unleash", Document: `{"features": [
				{"name": "any", "enabled": true, "strategies": [{"name": "userWithId", "parameters": {"userIds": "ann, bob"}},
					{"name": "default", "constraints": [{"contextName": "tier", "operator": "IN", "values": ["gold"]}, {"contextName": "age", "operator": "NUM_LT", "value": "30"}]}]},
				{"name": "none", "enabled": true, "strategies": []}, {"name": "off", "enabled": false, "strategies": []},
				{"name": "segment", "enabled": true, "strategies": [{"name": "flexibleRollout", "segments": [7], "parameters": {"rollout": "100", "stickiness": "default"}}]},
				{"name": "own", "enabled": true, "strategies": [{"name": "applicationHostname", "parameters": {"hostNames": "x"}}]},
				{"name": "variant", "enabled": true, "strategies": [{"name": "userWithId", "parameters": {"userIds": "ann"}, "variants": [{"name": "v", "weight": 1000, "payload": {"type": "json", "value": "{\"a\": 1}"}}]}]},
				{"name": "child", "enabled": true, "strategies": [], "dependencies": [{"feature": "any"}]}],
				"segments": [{"id": 7, "constraints": [{"contextName": "tier", "operator": "NOT_IN", "values": ["gold"], "inverted": false}]}]}`},
			[]asked{
				{`{}`, "", map[string]string{"any": "false", "none": "true", "off": "false", "segment": "true", "own": "false", "variant": "none"}},
				{`{"targetingKey": "bob"}`, "", map[string]string{"any": "true", "variant": "none"}},
				{`{"targetingKey": "ann"}`, "", map[string]string{"variant": `{"a":1}`}},
				{`{"tier": "gold", "age": 29}`, "", map[string]string{"any": "true", "segment": "false"}},
				{`{"tier": "gold"}`, "", map[string]string{"any": "false"}},
			},
			[]string{"own rule_left_out", "variant variants_only", "child refused depends"},
		},
		"launchdarkly": {
			importer.Source{Format: "launchdarkly", Document: `{"flags": {
				"off": {"on": false, "variations": ["a", "b"], "offVariation": 1, "fallthrough": {"variation": 0}, "rules": [{"variation": 0}]},
				"nothing": {"on": false, "variations": ["a"], "offVariation": null, "fallthrough": {"variation": 0}},
				"named": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 1}, "targets": [{"values": ["ann"], "variation": 0}],
					"rules": [{"variation": 0, "clauses": [{"attribute": "tier", "op": "in", "values": ["gold"]}, {"attribute": "mail", "op": "endsWith", "values": ["@a.example", "@b.example"], "negate": true}]}]},
				"regex": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 1}, "rules": [{"variation": 0, "clauses": [{"attribute": "tier", "op": "matches", "values": ["."]}]}]},
				"address": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 1},
					"rules": [{"variation": 0, "clauses": [{"contextKind": "user", "attribute": "/address/zip", "op": "lessThan", "values": [100]}]}]},
				"device": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 1},
					"rules": [{"variation": 0, "clauses": [{"contextKind": "device", "attribute": "os", "op": "in", "values": ["x"]}]}]},
				"needs": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0}, "prerequisites": [{"key": "named", "variation": 0}]},
				"needs-off": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0}, "prerequisites": [{"key": "off", "variation": 1}]},
				"loop": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0}, "prerequisites": [{"key": "loop", "variation": 0}]},
				"past": {"on": true, "variations": ["a", "b"], "fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 0}, {"variation": 1, "weight": 1}]}}}},
				"flagValues": {"value": {"x": 1}}}`},
			[]asked{
				{`{}`, "", map[string]string{
					"off": `"b"`, "nothing": "none", "named": "false", "regex": "false", "address": "false", "device": "false", "needs": "false",
					"needs-off": "false", "past": `"b"`, "value": `{"x":1}`,
				}},
				{`{"targetingKey": "ann"}`, "", map[string]string{"named": "true", "needs": "true"}},
				{`{"tier": "gold"}`, "", map[string]string{"named": "false"}}, // what is missing is not matched by a negated clause
				{`{"tier": "gold", "mail": "x@c.example"}`, "", map[string]string{"named": "true", "needs": "true", "regex": "false"}},
				{`{"tier": "gold", "mail": "x@b.example"}`, "", map[string]string{"named": "false"}},
				{`{"address": {"zip": 99}, "os": "x"}`, "", map[string]string{"address": "true", "device": "false"}},
			},
			[]string{"device rule_left_out", "loop prerequisites", "needs prerequisite", "off off_rules", "regex rule_left_out"},
		},
		"growthbook": {
			importer.Source{Format: "growthbook", Document: `{"features": {
				"plain": {"defaultValue": "a"},
				"forced": {"defaultValue": false, "rules": [{"condition": {"country": {"$in": ["de", "at"]}, "$not": {"age": {"$lt": 18}}}, "force": true}]},
				"or": {"defaultValue": 0, "rules": [{"condition": {"$or": [{"id": "ann"}, {"beta": true}]}, "force": 1}, {"condition": {"version": {"$vgte": "2.0.0"}}, "force": 2}]},
				"regex": {"defaultValue": false, "rules": [{"condition": {"mail": {"$regex": "."}}, "force": true}]},
				"group": {"defaultValue": false, "rules": [{"condition": {"id": {"$inGroup": "g"}}, "force": true}]},
				"parent": {"defaultValue": false, "rules": [{"parentConditions": [{"id": "or"}], "force": true}]},
				"whole": {"defaultValue": "x", "rules": [{"variations": ["p", "q"], "weights": [0, 1], "hashAttribute": "id"}]}}, "savedGroups": {"g": ["ann"]}}`},
			[]asked{
				{`{}`, "", map[string]string{"plain": `"a"`, "forced": "false", "or": "0", "regex": "false", "group": "false", "parent": "false", "whole": `"q"`}},
				{`{"country": "de", "age": 18}`, "", map[string]string{"forced": "true"}},
				{`{"country": "de", "age": 17}`, "", map[string]string{"forced": "false"}},
				{`{"targetingKey": "ann"}`, "", map[string]string{"or": "1", "group": "true"}},
				{`{"version": "2.1.0"}`, "", map[string]string{"or": "2"}},
			},
			[]string{"parent rule_left_out", "regex rule_left_out"},
		},
		"growthbook, as its REST API lists them": {
			importer.Source{Format: "growthbook", From: "production", Document: `{"features": [
				{"id": "a", "valueType": "boolean", "defaultValue": "true", "owner": "Ann", "tags": ["x"], "environments": {
					"dev": {"enabled": true, "rules": []}, "production": {"enabled": true, "rules": [{"type": "force", "enabled": true, "condition": "{\"beta\": true}", "value": "false"}]}}},
				{"id": "b", "valueType": "number", "defaultValue": "3", "environments": {"production": {"enabled": false, "rules": []}}}]}`},
			[]asked{{`{}`, "", map[string]string{"a": "true", "b": "none"}}, {`{"beta": true}`, "", map[string]string{"a": "false"}}},
			nil,
		},
		"csv": {
			importer.Source{Format: "csv", Document: "key,value,type,description,owner,ttl_days\non,TRUE,,is on,team-lunch,30\nn,7,number,,,\nt,7,string,,,\no,\"{\"\"a\"\": 1}\",,,,\nbad,x,boolean,,,\n"},
			[]asked{{`{}`, "", map[string]string{"on": "true", "n": "7", "t": `"7"`, "o": `{"a":1}`}}},
			[]string{"bad refused bad_value"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := answersOf(t, c.from)
			if diff := cmp.Diff(c.report, a.report(), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			for _, q := range c.asked {
				at := noon
				if q.at != "" {
					at, _ = time.Parse(time.RFC3339, q.at)
				}
				for _, key := range slices.Sorted(maps.Keys(q.want)) {
					if got := a.value(key, q.context, at); got != q.want[key] {
						t.Errorf("%s with %s: %s, want %s: %s", key, q.context, got, q.want[key], a.doc.Flags[key])
					}
				}
			}
		})
	}
}

// TestASharesOfPeopleIsAsLargeAsItWas counts people.
func TestAShareOfPeopleIsAsLargeAsItWas(t *testing.T) {
	t.Parallel()
	for format, document := range map[string]string{
		"goff":         `{"f": {"variations": {"on": true, "off": false}, "defaultRule": {"percentage": {"on": 20, "off": 80}}}}`,
		"flipt":        `{"flags": [{"key": "f", "type": "BOOLEAN_FLAG_TYPE", "enabled": false, "rollouts": [{"threshold": {"percentage": 20, "value": true}}]}]}`,
		"unleash":      `{"features": [{"name": "f", "enabled": true, "strategies": [{"name": "flexibleRollout", "parameters": {"rollout": 20, "stickiness": "userId"}}]}]}`,
		"launchdarkly": `{"flags": {"f": {"on": true, "variations": [true, false], "fallthrough": {"rollout": {"variations": [{"variation": 0, "weight": 20000}, {"variation": 1, "weight": 80000}]}}}}}`,
		"growthbook":   `{"features": {"f": {"defaultValue": false, "rules": [{"force": true, "coverage": 0.2}]}}}`,
	} {
		a := answersOf(t, importer.Source{Format: format, Document: document})
		on := 0
		for i := range 2000 {
			if a.value("f", `{"targetingKey": "person-`+strings.Repeat("x", i%7)+time.Duration(i).String()+`"}`, noon) == "true" {
				on++
			}
		}
		if on < 330 || on > 470 || !slices.Contains(a.report(), "f other_buckets") {
			t.Errorf("%s: %d of 2000 people, reported %v", format, on, a.report())
		}
	}
}

func TestWhatIsNoDocumentOfItsFormatIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ format, from, text, code string }{
		{"goff", "", `[]`, "not_a_flag_document"},
		{"flipt", "", `{}`, "not_a_flag_document"},
		{"flipt", "", "a: 1\na: 2\n", "not_a_flag_document"},
		{"flipt", "", "namespace: a\nflags: []\n---\nnamespace: b\nflags: []\n", "which_environment"},
		{"flipt", "c", "namespace: a\nflags: []\n---\nnamespace: b\nflags: []\n", "unknown_environment"},
		{"unleash", "", `{"flags": {}}`, "not_a_flag_document"},
		{"launchdarkly", "", `{"version": 1}`, "not_a_flag_document"},
		{"launchdarkly", "", `7`, "not_a_flag_document"},
		{"growthbook", "", `{"flags": {}}`, "not_a_flag_document"},
		{"growthbook", "", `{"features": {}} {}`, "not_a_flag_document"},
		{"csv", "", "value\n1\n", "bad_document"},
		{"csv", "", `{"flags": {}}`, "bad_document"},
		{"unleash", "", `{"features": `, "not_a_flag_document"},
	} {
		_, err := importer.Read(t.Context(), importer.Source{Format: c.format, From: c.from, Document: c.text})
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != c.code || f.Remediation == "" {
			t.Errorf("%s %s: %v", c.format, fault.Clip(c.text, 60), err)
		}
	}
}

func TestAMemberThatNobodyKnowsIsInTheReport(t *testing.T) {
	t.Parallel()
	for format, document := range map[string]string{
		"goff":         `{"f": {"variations": {"on": true}, "defaultRule": {"variation": "on"}, "novelty": {"a": 1}}}`,
		"flipt":        `{"flags": [{"key": "f", "type": "BOOLEAN_FLAG_TYPE", "enabled": true, "novelty": 1}]}`,
		"unleash":      `{"features": [{"name": "f", "enabled": true, "strategies": [{"name": "default", "novelty": "x"}]}]}`,
		"launchdarkly": `{"flags": {"f": {"on": true, "variations": [true], "fallthrough": {"variation": 0, "novelty": [1]}}}}`,
		"growthbook":   `{"features": {"f": {"defaultValue": false, "rules": [{"force": true, "novelty": true}]}}}`,
	} {
		a := answersOf(t, importer.Source{Format: format, Document: document})
		if diff := cmp.Diff([]string{"f not_read"}, a.report()); diff != "" {
			t.Errorf("%s: %s", format, diff)
		}
		if len(a.doc.Notes) == 1 && !strings.Contains(a.doc.Notes[0].Message, "novelty") {
			t.Errorf("%s: %+v", format, a.doc.Notes)
		}
	}
}

// Whatever is read is flags that compile, or is refused.
func FuzzForeign(f *testing.F) {
	for _, format := range importer.Formats {
		f.Add(format, `{"f": {"variations": {"on": true}, "targeting": [{"query": "a eq 1 and (b in [1, 2.0] or not (c pr))"}], "defaultRule": {"percentage": {"on": 50}}}}`)
		f.Add(format, `{"features": [{"name": "f", "id": "f", "enabled": true, "rules": [{"condition": {"a": {"$lt": 1}}, "force": 1}], "strategies": [{"name": "flexibleRollout", "parameters": {"rollout": "7"}}]}]}`)
		f.Add(format, `{"flags": {"f": {"on": true, "variations": [1, {"value": 2}], "rules": [{"clauses": [{"op": "segmentMatch", "values": ["s"]}]}]}}, "segments": {"s": {"included": ["a"]}}}`)
		f.Add(format, "namespace: x\nflags: [{key: f, type: BOOLEAN_FLAG_TYPE, rollouts: [{threshold: {percentage: 5}}]}]\n---\nsegments: [{key: s, constraints: [{}]}]\n")
		f.Add(format, "key,value\nf,1\n")
	}
	f.Fuzz(func(t *testing.T, format, text string) {
		if _, err := importer.Read(t.Context(), importer.Source{Format: format, Document: text}); err != nil {
			return
		}
		a := answersOf(t, importer.Source{Format: format, Document: text})
		a.report()
		for key := range a.doc.Flags {
			a.value(key, `{"targetingKey": "ann", "a": 1}`, noon)
		}
	})
}
