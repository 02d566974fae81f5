package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
)

func module(t testing.TB, source string) policy.Module {
	t.Helper()
	m, err := policy.Read("test.rego", source)
	if err != nil {
		t.Fatal(err)
	}
	m.Owner = "petra@hyfin.example"
	return m
}

func mission(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/mission.rego")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func compile(t testing.TB, modules ...policy.Module) *policy.Set {
	t.Helper()
	set, err := policy.Compile(modules)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func standard(t testing.TB) []policy.Module {
	t.Helper()
	modules, err := policy.StandardLibrary()
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

func judge(t testing.TB, set *policy.Set, in policy.Input) policy.Verdict {
	t.Helper()
	v, err := set.Judge(t.Context(), in, today)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func fields(members map[string]any) policy.Input { return policy.Input{"fields": members} }

func TestMissionPolicyIsReadAsV0(t *testing.T) {
	t.Parallel()
	m := module(t, mission(t))
	if m.Name != "marketplace.policy" || m.Syntax != policy.V0 {
		t.Errorf("%s is read as %s", m.Name, m.Syntax)
	}
	if got := judge(t, compile(t, m), fields(map[string]any{"owner": "alice", "ttl_days": 30.0})); len(got.Findings) > 0 {
		t.Errorf("a good request is refused: %v", got.Findings)
	}
}

func TestMissionPolicyWithoutWordsIsToldAtTheField(t *testing.T) {
	t.Parallel()
	set := compile(t, module(t, mission(t)))
	for name, c := range map[string]struct {
		fields map[string]any
		want   fault.Finding
	}{
		"TTL over the limit": {map[string]any{"owner": "alice", "ttl_days": 200.0}, fault.Finding{
			Field: "fields.ttl_days", Message: "ttl_days must be at most 180, is 200", Remediation: "Set ttl_days to 180 or less",
			Patch: []fault.Patch{{Op: "add", Path: "/fields/ttl_days", Value: 180.0}},
		}},
		"empty owner": {map[string]any{"owner": "", "ttl_days": 200.0}, fault.Finding{
			Field: "fields.owner", Message: "owner must not be empty", Remediation: "Fill in owner",
		}},
		"no owner": {map[string]any{"ttl_days": 20.0}, fault.Finding{
			Field: "fields.owner", Message: "owner must not be empty", Remediation: "Fill in owner",
		}},
		"no TTL": {map[string]any{"owner": "alice"}, fault.Finding{
			Field: "fields.ttl_days", Message: "ttl_days must be at most 180, is missing", Remediation: "Set ttl_days to 180 or less",
			Patch: []fault.Patch{{Op: "add", Path: "/fields/ttl_days", Value: 180.0}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Severity, c.want.Code = fault.SeverityError, "marketplace.policy"
			if diff := cmp.Diff([]fault.Finding{c.want}, judge(t, set, fields(c.fields)).Findings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAllowIsExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rego, field, message string
		patch                any
	}{
		"head":          {`allow := input.fields.n <= 5`, "fields.n", "n must be at most 5, is 7", 5.0},
		"turned around": {`allow if 5 >= input.fields.n`, "fields.n", "n must be at most 5, is 7", 5.0},
		"strict":        {`allow if input.fields.n < 5`, "fields.n", "n must be less than 5, is 7", 4.0},
		"at least":      {`allow if input.fields.n >= 10`, "fields.n", "n must be at least 10, is 7", 10.0},
		"equal":         {`allow if input.fields.s == "a"`, "fields.s", `s must be "a", is "b"`, "a"},
		"not equal":     {`allow if input.fields.s != "b"`, "fields.s", `s must not be "b"`, nil},
		"negated":       {`allow if not input.fields.n > 5`, "fields.n", "n must be at most 5, is 7", 5.0},
		"variable":      {"allow if {\n x := input.fields.n\n x <= 5\n}", "fields.n", "n must be at most 5, is 7", 5.0},
		"constant":      {"top := 5\nallow if input.fields.n <= top", "fields.n", "n must be at most 5, is 7", 5.0},
		"alias":         {"import input.fields as f\nallow if f.n <= 5", "fields.n", "n must be at most 5, is 7", 5.0},
		"rule":          {"allow if short\nshort if input.fields.n <= 5", "fields.n", "n must be at most 5, is 7", 5.0},
		"denied rule":   {"allow if not long\nlong if input.fields.n > 5", "fields.n", "n must be at most 5, is 7", 5.0},
		"default":       {"default allow := false\nallow if input.fields.n <= 5", "fields.n", "n must be at most 5, is 7", 5.0},
		"one of":        {`allow if input.fields.s in {"a", "c"}`, "fields.s", `s must be one of a, c, is "b"`, nil},
		"none of":       {`allow if not input.fields.s in {"a", "b"}`, "fields.s", `s must not be one of a, b, is "b"`, nil},
		"prefix":        {`allow if startswith(input.fields.s, "a")`, "fields.s", `s must begin with "a", is "b"`, nil},
		"pattern":       {`allow if regex.match("^a", input.fields.s)`, "fields.s", `s must match "^a", is "b"`, nil},
		"length":        {`allow if count(input.fields.s) > 3`, "fields.s", `the length of s must be more than 3, is 1`, nil},
		"flag":          {`allow if input.fields.no`, "fields.no", "no must be true, is false", true},
		"app":           {`allow if input.app.contact`, "app.contact", "app.contact is missing", nil},
		"alternatives": {
			"allow if input.fields.n <= 5\nallow if input.fields.s == \"a\"", "fields.n",
			`One of these must hold: n must be at most 5, is 7; or s must be "a", is "b"`, nil,
		},
		"two inputs":   {`allow if input.fields.n <= input.fields.m`, "fields.n", "n must be at most 6, is 7", 6.0},
		"no words":     {`allow if sum([input.fields.n, 1]) == 3`, "fields.n", "The policy marketplace.test does not allow this (line 2)", nil},
		"no rule true": {`allow := false`, "", "The policy marketplace.test does not allow this (line 1)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := compile(t, module(t, "package marketplace.test\n"+c.rego))
			got := judge(t, set, fields(map[string]any{"n": 7.0, "m": 6.0, "s": "b", "no": false})).Findings
			if len(got) != 1 || got[0].Field != c.field || got[0].Message != c.message || got[0].Remediation == "" {
				t.Fatalf("findings are %+v", got)
			}
			if c.patch == nil && len(got[0].Patch) > 0 || c.patch != nil && (len(got[0].Patch) != 1 || got[0].Patch[0].Value != c.patch) {
				t.Errorf("patch is %+v, want %v", got[0].Patch, c.patch)
			}
			if strings.Contains(got[0].Message, "does not allow") && !strings.Contains(got[0].Remediation, "petra@hyfin.example") {
				t.Errorf("%q does not name the owner", got[0].Remediation)
			}
		})
	}
}

func TestWordsOfAPolicyAreHeard(t *testing.T) {
	t.Parallel()
	set := compile(t,
		module(t, `package marketplace.a
			deny contains "No." if input.fields.n > 1
			violation contains {"msg": "Bad\u202e", "field": "input.fields.n", "code": "n_bad", "remediation": "Lower n",
				"patch": [{"op": "add", "path": "/fields/n", "value": 1}, {"op": "replace", "path": "/kind", "value": "x"}]} if input.fields.n > 1
			violation_n contains {"msg": "Worse", "details": {"field": "fields.n"}, "metadata": {"code": "n_worse"}} if input.fields.n > 1
			warn_n contains "Hm." if input.fields.n > 1
			allow if input.fields.n <= 1`),
		module(t, "package marketplace.b\ndeny[msg] { input.fields.n > 1; msg := \"Older syntax.\" }"),
		module(t, "package marketplace.template.c\ndeny contains \"Judges template files.\""),
	)
	ask := "Change it, or ask petra@hyfin.example about the policy marketplace."
	want := []fault.Finding{
		{Severity: "error", Code: "marketplace.a", Message: "No.", Remediation: ask + "a"},
		{
			Severity: "error", Field: "fields.n", Code: "n_bad", Message: "Bad", Remediation: "Lower n",
			Patch: []fault.Patch{{Op: "add", Path: "/fields/n", Value: json.Number("1")}},
		},
		{Severity: "error", Field: "fields.n", Code: "n_worse", Message: "Worse", Remediation: ask + "a"},
		{Severity: "warning", Code: "marketplace.a", Message: "Hm.", Remediation: ask + "a"},
		{Severity: "error", Code: "marketplace.b", Message: "Older syntax.", Remediation: ask + "b"},
	}
	if diff := cmp.Diff(want, judge(t, set, fields(map[string]any{"n": 2})).Findings); diff != "" {
		t.Error(diff)
	}
	if got := judge(t, set, fields(map[string]any{"n": 1})).Findings; len(got) > 0 {
		t.Errorf("a good request has findings: %v", got)
	}
	findings, err := set.CheckTemplate(t.Context(), map[string]any{"templateId": "x"})
	if err != nil || len(findings) != 1 || findings[0].Message != "Judges template files." {
		t.Errorf("template: %v, %v", findings, err)
	}
}

func TestPolicyThatLoopsIsStoppedAndCountsAgainst(t *testing.T) {
	t.Parallel()
	set := compile(t, module(t, `package marketplace.slow
		deny contains "x" if { some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a * b == -1 }
		warn contains "y"`))
	got := judge(t, set, fields(nil)).Findings
	if len(got) != 1 || got[0].Code != "policy_slow" || !strings.Contains(got[0].Message, "took longer than") ||
		!strings.Contains(got[0].Remediation, "petra@hyfin.example") {
		t.Errorf("findings are %+v", got)
	}
}

func TestPolicyThatContradictsItselfCountsAgainst(t *testing.T) {
	t.Parallel()
	set := compile(t, module(t, "package marketplace.torn\nallow := true if input.fields\nallow := false if input.fields"))
	got := judge(t, set, fields(map[string]any{})).Findings
	if len(got) != 1 || got[0].Code != "policy_failed" || got[0].Severity != fault.SeverityError {
		t.Errorf("findings are %+v", got)
	}
}

func TestFloodOfFindingsIsCut(t *testing.T) {
	t.Parallel()
	set := compile(t, module(t, `package marketplace.flood
		deny contains sprintf("%d", [n]) if some n in numbers.range(1, 1000)`))
	got := judge(t, set, fields(nil)).Findings
	if len(got) != 51 || got[50].Message != "The policy marketplace.flood has 950 more findings" {
		t.Errorf("%d findings, the last %+v", len(got), got[len(got)-1])
	}
}

func TestWithoutRiskPolicyEverybodyMustApprove(t *testing.T) {
	t.Parallel()
	got := judge(t, compile(t), fields(nil))
	if got.Risk != "high" {
		t.Errorf("risk is %s", got.Risk)
	}
	if diff := cmp.Diff(map[string]int{"product": 1, "platform": 1, "security": 1}, got.Approvals); diff != "" {
		t.Error(diff)
	}
}

func where2eat() policy.Input {
	return policy.Input{
		"request":     map[string]any{"kind": "publish_app", "reason": "x", "plan": []any{map[string]any{"environment": "production", "audience": "pilot", "percent": 5}}},
		"fields":      map[string]any{"name": "Enabled", "owner": "alice@hyfin.example", "audiences": "pilot", "ttl_days": 30.0, "kill_switch": true, "default": false},
		"app":         map[string]any{"slug": "where2eat", "contact": "alice@hyfin.example"},
		"environment": "production", "lifecycle": map[string]any{"max_active_days": 90},
		"data": map[string]any{"datasets": []string{}, "classification": "none"},
		"scan": map[string]any{"findings": []fault.Finding{{Severity: fault.SeverityWarning}}, "status": "warned"},
	}
}

func TestStandardLibraryPassesTheMission(t *testing.T) {
	t.Parallel()
	set := compile(t, append(standard(t), module(t, mission(t)))...)
	got := judge(t, set, where2eat())
	want := policy.Verdict{Risk: "low", RiskReasons: []string{}, Approvals: map[string]int{"product": 1, "security": 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStandardLibraryRefusesWhatIsNeverAllowed(t *testing.T) {
	t.Parallel()
	set := compile(t, standard(t)...)
	for code, change := range map[string]func(policy.Input){
		"owner_missing":        func(in policy.Input) { in["fields"].(map[string]any)["owner"] = " " },
		"contact_missing":      func(in policy.Input) { in["app"] = map[string]any{} },
		"ttl_too_long":         func(in policy.Input) { in["fields"].(map[string]any)["ttl_days"] = 366.0 },
		"ttl_over_lifecycle":   func(in policy.Input) { in["fields"].(map[string]any)["ttl_days"] = 100.0 },
		"removal_plan_missing": func(in policy.Input) { in["fields"].(map[string]any)["ttl_days"] = 31.0 },
		"kill_switch_off":      func(in policy.Input) { in["fields"].(map[string]any)["kill_switch"] = false },
		"not_staged": func(in policy.Input) {
			in["request"].(map[string]any)["plan"] = []any{map[string]any{"environment": "production", "percent": 100}}
		},
	} {
		in := where2eat()
		change(in)
		found := false
		for _, f := range judge(t, set, in).Findings {
			found = found || f.Code == code && f.Field != "" && f.Remediation != ""
		}
		if !found {
			t.Errorf("no finding %s", code)
		}
	}
}

func TestWhatPoliciesMayNotDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, says string }{
		"network":       {`allow if http.send({"method": "get", "url": "http://x"}).status_code == 200`, "http.send is not available"},
		"names":         {`allow if net.lookup_ip_addr("x")`, "net.lookup_ip_addr is not available"},
		"environment":   {`allow if opa.runtime().env.HOME`, "opa.runtime is not available"},
		"clock":         {`allow if time.now_ns() > 0`, "time.now_ns is not available"},
		"chance":        {`allow if rand.intn("x", 2) == 1`, "rand.intn is not available"},
		"large numbers": {`allow if bits.lsh(1, 1000000000) > 0`, "bits.lsh is not available"},
		"syntax":        {"\nallow if {", "line 3"},
		"recursion":     {"a if b\nb if a\nallow if a", "recursive"},
		"undefined":     {"allow if nothing(1)", "nothing"},
		"unsafe":        {"allow if x > 1", "x"},
		"conftest's":    {`allow if parse_config("yaml", "x: 1").x == 1`, "parse_config is not available to policies, though conftest has it"},
		"function":      {"\n\ndeny_ttl(n) if n > 1", "line 4: deny_ttl is a function"},
		"no contains":   {"deny[msg] if { msg := input.fields.owner }", "write deny contains msg if"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := policy.Read("x.rego", "package marketplace.test\n"+c.source)
			if err == nil {
				_, err = policy.Compile([]policy.Module{m})
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || fault.Of(err) != fault.Unprocessable {
				t.Errorf("the error is %v", err)
			}
		})
	}
	for name, source := range map[string]string{
		"other package": "package main\nallow if true", "bare package": "package marketplace\nallow if true", "empty": "", "comment": "# x",
		"huge": "package marketplace.x\n# " + strings.Repeat("x", 70<<10), "NUL": "package marketplace.x\n\x00",
		"deep": "package marketplace.x\na := " + strings.Repeat("[", 60_000),
	} {
		if _, err := policy.Read("x.rego", source); fault.Of(err) == "" {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

func TestTwoFilesOfOnePackageAreRefused(t *testing.T) {
	t.Parallel()
	_, err := policy.Compile([]policy.Module{module(t, "package marketplace.x\nallow if true"), module(t, "package marketplace.x\ndeny contains 1")})
	if fault.Of(err) != fault.Unprocessable {
		t.Errorf("the error is %v", err)
	}
}

func TestASlowRiskPolicyIsNoVerdict(t *testing.T) {
	t.Parallel()
	set := compile(t, module(t, `package marketplace.risk
		level := "low" if { some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a * b == -1 }`))
	if _, err := set.Judge(t.Context(), fields(nil), today); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
}

func TestManySlowPoliciesAreBoundedTogether(t *testing.T) {
	t.Parallel()
	var slow []policy.Module
	for i := range 12 {
		slow = append(slow, module(t, fmt.Sprintf("package marketplace.slow%02d\nallow if { some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a * b == -1 }", i)))
	}
	got := judge(t, compile(t, slow...), fields(nil)).Findings
	if last := got[len(got)-1]; len(got) >= 12 || !strings.Contains(last.Message, "was not asked") {
		t.Errorf("%d findings, the last %+v", len(got), last)
	}
}

func TestJudgeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compile(t, standard(t)...).Judge(ctx, where2eat(), today); err == nil {
		t.Error("no error")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(mission(f))
	f.Add("package marketplace.x\nallow if { some x in input.fields; x > 1 }")
	f.Add("package marketplace.x\ndeny[m] { m := sprintf(\"%v\", [input]) }")
	f.Fuzz(func(t *testing.T, source string) {
		m, err := policy.Read("x.rego", source)
		if err != nil {
			if fault.Of(err) == "" {
				t.Errorf("no fault: %v", err)
			}
			return
		}
		set, err := policy.Compile([]policy.Module{m})
		if err != nil {
			return
		}
		if _, err := set.Judge(t.Context(), fields(map[string]any{"owner": "x", "ttl_days": 200.0}), today); err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	set := compile(b, append(standard(b), module(b, mission(b)))...)
	for _, ttl := range []float64{30, 200} {
		b.Run(fmt.Sprint(ttl), func(b *testing.B) {
			in := where2eat()
			in["fields"].(map[string]any)["ttl_days"] = ttl
			for b.Loop() {
				judge(b, set, in)
			}
		})
	}
}
