package importer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/importer"
)

// TestNobodyGetsMoreByWhatCannotBeSaid has a row for each way in which a rule keeps something from somebody, and cannot be said.
func TestNobodyGetsMoreByWhatCannotBeSaid(t *testing.T) {
	t.Parallel()
	ld := func(flag, segments string) string {
		return `{"flags": {"f": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0}, ` + flag +
			`}, "other": {"on": true, "variations": [true, false], "offVariation": 1, "fallthrough": {"variation": 0},
				"rules": [{"variation": 1, "clauses": [{"attribute": "a", "op": "matches", "values": ["x"]}]}]}}, "segments": {` + segments + `}}`
	}
	to := `"fallthrough": {"variation": 1}, "rules": [{"variation": 0, "clauses": [{"op": "segmentMatch", "negate": true, "values": ["s"]}]}]`
	goff := func(flag string) string { return `{"f": {"variations": {"on": true, "off": false}, ` + flag + `}}` }
	flipt := func(flag string) string {
		return `{"flags": [{"key": "f", "type": "BOOLEAN_FLAG_TYPE", ` + flag + `}], "segments": [{"key": "s", "match_type": "ANY_MATCH_TYPE", "constraints": [
			{"type": "DATETIME_COMPARISON_TYPE", "property": "since", "operator": "lt", "value": "2027-01-01T00:00:00Z"},
			{"type": "STRING_COMPARISON_TYPE", "property": "tier", "operator": "eq", "value": "gold"}]}]}`
	}
	rows := []struct{ name, format, document, context, value, code string }{
		{
			"regular expression, LaunchDarkly", "launchdarkly", ld(`"rules": [{"variation": 1, "clauses": [{"attribute": "email", "op": "matches", "values": ["x"]}]}]`, ""),
			`{}`, "false", "f rules_cut",
		},
		{"rule after it", "launchdarkly", ld(`"rules": [{"variation": 1, "clauses": [{"attribute": "email", "op": "matches", "values": ["x"]}]},
			{"variation": 0, "clauses": [{"attribute": "tier", "op": "in", "values": ["gold"]}]}]`, ""), `{"tier": "gold"}`, "false", "f rules_cut"},
		{"rule before it", "launchdarkly", ld(`"rules": [{"variation": 0, "clauses": [{"attribute": "tier", "op": "in", "values": ["gold"]}]},
			{"variation": 1, "clauses": [{"attribute": "email", "op": "matches", "values": ["x"]}]}]`, ""), `{"tier": "gold"}`, "true", "f rules_cut"},
		{
			"rule that gives more than what follows", "launchdarkly", ld(`"fallthrough": {"variation": 1}, "rules": [{"variation": 0, "clauses": [
			{"attribute": "email", "op": "matches", "values": ["x"]}]}, {"variation": 0, "clauses": [{"attribute": "tier", "op": "in", "values": ["gold"]}]}]`, ""),
			`{"tier": "gold"}`, "true", "f rule_left_out",
		},
		{"share that is left out", "launchdarkly", ld(`"rules": [{"rollout": {"variations": [{"variation": 0, "weight": 50000}, {"variation": 1, "weight": 50000}]},
			"clauses": [{"attribute": "email", "op": "matches", "values": ["x"]}]}]`, ""), `{"targetingKey": "ann"}`, "false", "f rules_cut"},
		{
			"segment whose rule is left out, negated", "launchdarkly", ld(to, `"s": {"rules": [{"clauses": [{"attribute": "email", "op": "matches", "values": ["x"]}]}]}`),
			`{}`, "false", "f rule_left_out",
		},
		{"unbounded segment, negated", "launchdarkly", ld(to, `"s": {"unbounded": true}`), `{}`, "false", "f rule_left_out"},
		{
			"segment of such a segment, negated", "launchdarkly", ld(to, `"s": {"rules": [{"clauses": [{"op": "segmentMatch", "values": ["z"]}]}]}, "z": {"unbounded": true}`),
			`{}`, "false", "f rule_left_out",
		},
		{"segment of itself, negated", "launchdarkly", ld(to, `"s": {"rules": [{"clauses": [{"op": "segmentMatch", "values": ["s"]}]}]}`), `{}`, "false", "f rule_left_out"},
		{
			"segment that leaves out another kind", "launchdarkly", ld(strings.Replace(to, `"negate": true, `, "", 1), `"s": {"included": ["ann"],
			"excludedContexts": [{"contextKind": "org", "values": ["rival"]}], "rules": [{"clauses": [{"attribute": "country", "op": "in", "values": ["CH"]}]}]}`),
			`{"country": "CH"}`, "false", "f rule_narrower",
		},
		{"list of another kind", "launchdarkly", ld(`"contextTargets": [{"contextKind": "org", "values": ["rival"], "variation": 1}]`, ""), `{}`, "false", "f rules_cut"},
		{
			"rule that is disabled", "launchdarkly", ld(`"fallthrough": {"variation": 1}, "rules": [{"variation": 0, "disabled": true, "clauses": []}]`, ""),
			`{}`, "false", "f disabled_rule",
		},
		{"list, negated", "launchdarkly", ld(`"fallthrough": {"variation": 1}, "rules": [{"variation": 0, "clauses": [
			{"attribute": "groups", "op": "in", "negate": true, "values": ["blocked"]}]}]`, ""), `{"groups": ["x", "blocked"]}`, "false", ""},
		{"list, negated, and not in it", "launchdarkly", ld(`"fallthrough": {"variation": 1}, "rules": [{"variation": 0, "clauses": [
			{"attribute": "groups", "op": "in", "negate": true, "values": ["blocked"]}]}]`, ""), `{"groups": "unblocked"}`, "true", ""},
		{
			"list, kept out", "launchdarkly", ld(`"rules": [{"variation": 1, "clauses": [{"attribute": "groups", "op": "in", "values": ["blocked"]}]}]`, ""),
			`{"groups": ["x", "blocked"]}`, "false", "",
		},
		{"prerequisite that is not said as a whole", "launchdarkly", ld(`"prerequisites": [{"key": "other", "variation": 1}]`, ""), `{}`, "false", "f prerequisites"},
		{"prerequisite without an off variation", "launchdarkly", ld(`"offVariation": null, "prerequisites": [{"key": "gone", "variation": 1}]`, ""), `{}`, "none", "f no_prerequisite"},
		{
			"regular expression, GrowthBook", "growthbook", `{"features": {"f": {"defaultValue": true, "rules": [{"condition": {"email": {"$regex": "x"}}, "force": false}]}}}`,
			`{}`, "false", "f rules_cut",
		},
		{
			"values that are not on or off", "growthbook", `{"features": {"f": {"defaultValue": "a", "rules": [{"condition": {"email": {"$regex": "x"}}, "force": "b"}]}}}`,
			`{}`, "none", "f rules_cut",
		},
		{
			"rule after an experiment", "growthbook", `{"features": {"f": {"defaultValue": true, "rules": [{"variations": [true, false], "coverage": 0}, {"force": false}]}}}`,
			`{"targetingKey": "ann"}`, "false", "",
		},
		{"rollout to a segment, Flipt", "flipt", flipt(`"enabled": true, "rollouts": [{"segment": {"key": "s", "value": false}}]`), `{}`, "false", "f rules_cut"},
		{"part of a segment, Flipt", "flipt", flipt(`"enabled": false, "rollouts": [{"segment": {"key": "s", "value": true}}]`), `{"tier": "gold"}`, "true", "f rule_narrower"},
		{"segment that is not there, Flipt", "flipt", flipt(`"enabled": true, "rollouts": [{"segment": {"key": "gone", "value": false}}]`), `{}`, "false", "f rules_cut"},
		{
			"regular expression, GO Feature Flag", "goff", goff(`"targeting": [{"query": "email matches \"x\"", "variation": "off"}], "defaultRule": {"variation": "on"}`),
			`{}`, "false", "f rules_cut",
		},
		{
			"step of a schedule", "goff", goff(`"defaultRule": {"variation": "on"}, "scheduledRollout": [{"date": "2020-01-01T00:00:00Z", "defaultRule": {"variation": "off"}}]`),
			`{}`, "false", "f scheduled",
		},
		{"share that grows", "goff", goff(`"defaultRule": {"progressiveRollout": {"initial": {"variation": "off", "date": "2030-01-01T00:00:00Z"},
			"end": {"variation": "on", "date": "2031-01-01T00:00:00Z"}}}`), `{}`, "false", "f progressive"},
		{"spaces in a list, Unleash", "unleash", `{"features": [{"name": "f", "enabled": true, "strategies": [{"name": "default", "constraints": [
			{"contextName": "userId", "operator": "NOT_IN", "values": ["Bad "]}]}]}]}`, `{"targetingKey": "Bad "}`, "false", ""},
		{"variants of a strategy, Unleash", "unleash", `{"features": [{"name": "f", "enabled": true, "strategies": [{"name": "own", "variants": [{"name": "a", "weight": 1000}]},
			{"name": "default", "variants": [{"name": "b", "weight": 1000}]}]}]}`, `{"targetingKey": "ann"}`, "none", "f rules_cut"},
	}
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := answersOf(t, importer.Source{Format: c.format, Document: c.document})
			for _, at := range []time.Time{noon, noon.AddDate(20, 0, 0)} {
				if got := a.value("f", c.context, at); got != c.value {
					t.Errorf("%s in %d, want %s: %s", got, at.Year(), c.value, a.doc.Flags["f"])
				}
			}
			report := strings.Join(a.report(), "\n")
			if !strings.Contains(report+"\n", c.code) || c.code == "" && strings.Contains(report, "f rule") {
				t.Errorf("the report says:\n%s", report)
			}
		})
	}
	if len(rows) != 28 {
		t.Errorf("%d rows", len(rows))
	}
}
