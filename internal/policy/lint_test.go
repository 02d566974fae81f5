package policy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

var templateFields = []string{"name", "owner", "default", "audiences", "ttl_days", "kill_switch"}

func TestWhatNobodyHearsAndWhatIsNeverThereIsAWarning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rego string
		want []string // line, code, and what the remediation says
	}{
		"deny":                 {`deny contains "x" if input.fields.ttl_days > 1`, nil},
		"misspelt":             {`deni contains "x" if input.fields.ttl_days > 1`, []string{"2 not_heard did you mean deny?", "1 never_heard call a rule deny"}},
		"misspelt suffix":      {"deny contains \"y\"\nvoilation_ttl contains \"x\"", []string{"3 not_heard did you mean violation_ttl?"}},
		"capital":              {"deny contains \"y\"\nDeny contains \"x\"", []string{"3 not_heard did you mean deny?"}},
		"two underscores":      {"deny contains \"y\"\ndeny__ttl contains \"x\"", []string{"3 not_heard did you mean deny?"}},
		"near but asked":       {"deny contains \"x\" if denys\ndenys if input.fields.ttl_days > 1", nil},
		"nothing heard":        {`short if input.fields.ttl_days < 1`, []string{"1 never_heard call a rule deny"}},
		"no rules":             {`# nothing`, []string{"1 never_heard call a rule deny"}},
		"truth":                {`deny if input.fields.ttl_days > 1`, []string{"2 not_heard write deny contains", "1 never_heard call a rule deny"}},
		"text":                 {"warn contains \"x\"\ndeny := \"x\" if input.fields.ttl_days > 1", []string{"3 not_heard write deny contains"}},
		"object":               {"warn contains \"x\"\ndeny[n] := \"x\" if { n := input.fields.owner }", []string{"3 not_heard write deny contains"}},
		"path":                 {"warn contains \"x\"\ndeny.ttl contains \"x\" if input.fields.ttl_days > 1", []string{"3 not_heard write deny contains"}},
		"numbers":              {"warn contains \"x\"\ndeny contains 5 if input.fields.ttl_days > 1", []string{"3 not_heard write deny contains"}},
		"default":              {"default deny := false\ndeny := [\"x\"] if input.fields.ttl_days > 1", nil},
		"list":                 {`deny := [x | some x in input.fields]`, nil},
		"no msg":               {`deny contains {"message": "x"} if input.fields.ttl_days > 1`, []string{"2 no_msg give the object a member msg"}},
		"msg":                  {`deny contains {"msg": "x", "field": "y"} if input.fields.ttl_days > 1`, nil},
		"allow":                {"default allow := false\nallow if input.fields.ttl_days < 1", []string{"2 asks_allow write deny rules"}},
		"exception":            {until("2027-01-31") + "exception contains [\"x\"]\ndeny_x contains \"x\"", nil},
		"endless exception":    {"deny_x contains \"x\"\nexception contains [\"x\"]", []string{"3 exception_void write above each rule named exception"}},
		"older":                {`deny[msg] { input.fields.ttl_days > 1; msg := "x" }`, []string{"1 older_syntax write it in Rego v1"}},
		"field":                {`deny contains "x" if input.fields.ttl_dayz > 1`, []string{"2 unknown_field did you mean ttl_days?"}},
		"field far off":        {`deny contains "x" if input.fields.colour`, []string{"2 unknown_field give a template such a field"}},
		"field by a name":      {"deny contains \"x\" if {\n f := input.fields\n f.ttl_dayz > 1\n}", []string{"4 unknown_field did you mean ttl_days?"}},
		"field by an import":   {"import input.fields as f\ndeny contains \"x\" if f.ttl_dayz > 1", []string{"3 unknown_field did you mean ttl_days?"}},
		"field by a rule":      {"f := input.fields\ndeny contains \"x\" if f.ttl_dayz > 1", []string{"3 unknown_field did you mean ttl_days?"}},
		"field in brackets":    {`deny contains "x" if input["fields"]["ttl_dayz"] > 1`, []string{"2 unknown_field did you mean ttl_days?"}},
		"field in a message":   {`deny contains sprintf("%v", [input.fields.ttl_dayz])`, []string{"2 unknown_field did you mean ttl_days?"}},
		"field within":         {`deny contains "x" if count([1 | input.fields.ttl_dayz > 1]) > 0`, []string{"2 unknown_field did you mean ttl_days?"}},
		"field in else":        {`deny := ["x"] if { input.fields.owner } else := ["y"] if { input.fields.ttl_dayz }`, []string{"2 unknown_field did you mean ttl_days?"}},
		"field got":            {`deny contains "x" if object.get(input.fields, "ttl_dayz", 0) > 1`, []string{"2 unknown_field did you mean ttl_days?"}},
		"field got by a path":  {`deny contains "x" if object.get(input, ["fields", "ttl_dayz"], 0) > 1`, []string{"2 unknown_field did you mean ttl_days?"}},
		"any field":            {`deny contains name if { some name; input.fields[name] == "" }`, nil},
		"member":               {`deny contains "x" if input.feilds.ttl_days > 1`, []string{"2 unknown_member did you mean fields?"}},
		"field without fields": {`deny contains "x" if input.ttl_days > 1`, []string{"2 unknown_member did you mean input.fields.ttl_days?"}},
		"known members":        {`deny contains "x" if { input.request.kind; input.app.contact; input.approval.by; not input.templateId }`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := module(t, "package marketplace.test\n"+c.rego)
			findings := policy.Lint(m, standard(t), templateFields)
			for i, f := range findings {
				if i >= len(c.want) {
					t.Errorf("it says, too: %+v", f)
					continue
				}
				parts := strings.SplitN(c.want[i], " ", 3)
				if f.File != "test.rego:"+parts[0] || f.Code != parts[1] || !strings.HasPrefix(f.Remediation, parts[2]) {
					t.Errorf("it says %+v, want %s", f, c.want[i])
				}
				info := f.Code == "asks_allow" || f.Code == "older_syntax"
				if f.Severity == fault.SeverityError || (f.Severity == fault.SeverityInfo) != info {
					t.Errorf("%s is %s", f.Code, f.Severity)
				}
			}
			if len(findings) < len(c.want) {
				t.Errorf("it does not say %q", c.want[len(findings):])
			}
		})
	}
}

func TestWhatOthersReferToIsHeardThroughThem(t *testing.T) {
	t.Parallel()
	library := module(t, "package marketplace.ours\nshort if input.fields.ttl_days < 1")
	user := module(t, "package marketplace.user\nimport data.marketplace.ours\ndeny contains \"x\" if not ours.short")
	if got := policy.Lint(library, []policy.Module{user}, templateFields); len(got) > 0 {
		t.Errorf("of a library it says %+v", got)
	}
	for _, name := range []string{"risk", "approvals"} {
		if got := policy.Lint(module(t, "package marketplace."+name+"\nlevel := \"low\"\nproduct := 1"), nil, nil); len(got) > 0 {
			t.Errorf("of the policy of %s it says %+v", name, got)
		}
	}
	for _, m := range standard(t) {
		own := module(t, m.Source)
		if got := policy.Lint(own, standard(t), append(templateFields, "data_classification")); len(got) > 0 {
			t.Errorf("of the standard policy %s, put again, it says %+v", m.Name, got)
		}
	}
	if got := policy.Lint(module(t, "package marketplace.template.x\ndeny contains \"x\" if not input.fields.owner.required\nwarn contains \"y\" if input.displayName == \"\""), nil, templateFields); len(got) > 0 {
		t.Errorf("of a policy about templates it says %+v", got)
	}
	got := policy.Lint(module(t, "package marketplace.template.x\ndeny_x contains \"x\"\n"+until("2027-01-31")+"exception contains [\"x\"]"), nil, nil)
	if len(got) != 1 || got[0].Code != "exception_void" || got[0].Remediation != "leave it out" {
		t.Errorf("of an exception for templates it says %+v", got)
	}
}

func TestAPolicySaysWhatNobodyHearsOfIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		e := engine(db)
		e.Fields = func(context.Context, *store.Tx) ([]string, error) { return templateFields, nil }
		codesOf := func(findings []fault.Finding) (codes []string) {
			for _, f := range findings {
				codes = append(codes, f.Code)
			}
			return codes
		}
		codes := func(p policy.Policy) []string { return codesOf(p.Warnings) }
		p, _ := put(t, e, "package marketplace.x\ndeni contains \"x\" if input.fields.ttl_dayz > 1")
		want := []string{"not_heard", "never_heard", "unknown_field"}
		if diff := cmp.Diff(want, codes(p)); diff != "" {
			t.Errorf("put: %s", diff)
		}
		got, err := e.Get(t.Context(), admin, "marketplace.x")
		if diff := cmp.Diff(want, codes(got)); diff != "" || err != nil {
			t.Errorf("read: %s%v", diff, err)
		}
		listing, err := e.List(t.Context(), admin, store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range listing.Items {
			if (one.Name == "marketplace.x") != slices.Equal(codes(one), want) || fmt.Sprint(codes(one)) != "[]" && one.Origin == policy.Standard {
				t.Errorf("listed, %s says %v", one.Name, codes(one))
			}
		}
		if p, err = e.SetActive(t.Context(), admin, "marketplace.x", false, nil); err != nil || len(p.Warnings) != 3 {
			t.Errorf("switched off: %+v, %v", p.Warnings, err)
		}
		for name, c := range map[string]struct {
			trial policy.Trial
			want  []string
		}{
			"tried by its name":          {policy.Trial{Name: "marketplace.x"}, want},
			"tried in another source":    {policy.Trial{Source: "package marketplace.x\ndeny contains \"x\" if input.fields.ttl_dayz > 1"}, []string{"unknown_field"}},
			"tried where allow is asked": {policy.Trial{Source: "package marketplace.y\nallow if input.fields.ttl_days < 1"}, []string{"asks_allow"}},
			"tried with nothing to say":  {policy.Trial{Source: "package marketplace.y\ndeny contains \"x\" if input.fields.ttl_days > 1"}, nil},
		} {
			tried, err := e.Try(t.Context(), admin, c.trial)
			if diff := cmp.Diff(c.want, codesOf(tried.Warnings)); diff != "" || err != nil {
				t.Errorf("%s: %s%v", name, diff, err)
			}
		}
	})
}
