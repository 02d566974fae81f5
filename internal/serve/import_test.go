package serve_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/flag"
	"github.com/soukhq/souk/internal/review"
)

// conformance is the folder of what others wrote.
func conformance() string {
	if dir := os.Getenv("SOUK_CONFORMANCE"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared", "conformance")
}

// testkit is the flag set of open-feature/flagd-testbed.
func testkit(t *testing.T) []byte {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(conformance(), "flagd", "testkit-flags.json"))
	if err != nil {
		t.Skip("no testkit: put the folder evaluator of github.com/open-feature/flagd-testbed at $SOUK_CONFORMANCE/flagd")
	}
	return document
}

func (o *office) imports(who, environment, document string, more map[string]any) answer {
	o.Helper()
	body := map[string]any{"format": "flagd", "environment": environment, "document": document}
	for name, value := range more {
		body[name] = value
	}
	return o.do(who, "POST", "/api/v1/imports", body)
}

func (a answer) imported() (done api.Imported) {
	a.Helper()
	a.into(&done)
	return done
}

// exported is what an environment serves, as JSON decodes it.
func (o *office) exported(environment string) (document map[string]map[string]any) {
	o.Helper()
	o.do("bob", "GET", "/api/v1/environments/"+environment+"/export", nil).must(200).into(&document)
	return document
}

func (o *office) sdkKey(environment string) string {
	o.Helper()
	var key api.NewKey
	o.do("root", "POST", "/api/v1/sdk-keys", map[string]any{"environment": environment}).must(201).into(&key)
	o.eventually("the key is known", func() bool {
		return o.do("", "POST", "/ofrep/v1/evaluate/flags", map[string]any{"context": map[string]any{}}, "X-API-Key", key.Secret).Status == 200
	})
	return key.Secret
}

func TestImportedFlagsEvaluateAsTheirDocumentAndComeBackAsItWas(t *testing.T) {
	t.Parallel()
	document := testkit(t)
	eachEngine(t, func(o *office) {
		done := o.imports("root", "sandbox", string(document), nil).must(200).imported()
		if done.Plan.Counts["create"] != 60 || done.Plan.Refused() {
			o.Fatalf("%+v", done.Plan.Counts)
		}
		var want map[string]map[string]any
		if err := json.Unmarshal(document, &want); err != nil {
			o.Fatal(err)
		}
		if diff := cmp.Diff(want, o.exported("sandbox")); diff != "" {
			o.Errorf("the document came back changed:\n%s", diff)
		}
		again := o.imports("root", "sandbox", string(document), nil).must(200).imported()
		if again.Plan.Counts["keep"] != 60 {
			o.Errorf("the second time: %+v", again.Plan.Counts)
		}

		// Every flag of an environment has its name in its metadata.
		snapshot, _, err := flag.Compile([]byte(strings.Replace(string(document), "{", `{"metadata": {"flagSetId": "sandbox"},`, 1)))
		if err != nil {
			o.Fatal(err)
		}
		key := o.sdkKey("sandbox")
		for _, context := range []string{
			`{}`, `{"targetingKey": "5c3d8535-f81a-4478-a6d3-afaa4d51199e", "email": "ballmer@macrosoft.com", "tier": "premium", "color": "red"}`,
			`{"targetingKey": "a", "email": "jobs@orange.com", "id": "abcxyz", "version": "2.0.0", "user": {"name": "jack"}, "num": 7}`,
		} {
			body := `{"context": ` + context + `}`
			for name := range want["flags"] {
				c := snapshot.Context(time.Now())
				if err := c.Parse(body); err != nil {
					o.Fatal(err)
				}
				var wanted, got any
				if err := json.Unmarshal(snapshot.Evaluate(name, c).JSON, &wanted); err != nil {
					o.Fatal(err)
				}
				c.Release()
				o.do("", "POST", "/ofrep/v1/evaluate/flags/"+name, body, "X-API-Key", key).into(&got)
				if diff := cmp.Diff(wanted, got); diff != "" {
					o.Errorf("%s with %s: %s", name, context, diff)
				}
			}
		}
	})
}

const lunchFlags = `{"metadata": {"team": "lunch"}, "flags": {
	"menu/v2 für alle": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on", "targeting": {"if": [{"$ref": "staff"}, "on", "off"]}},
	"size": {"state": "ENABLED", "variants": {"small": 10, "big": "1000"}, "defaultVariant": "small", "targeting": {"if": [{"var": "x"}, "huge"]}},
	"quiet": {"state": "DISABLED", "variants": {"a": 1}, "defaultVariant": "a"}},
	"$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@hyfin.example"]}}}`

func codes(f api.FlagDetail) (all []string) {
	for _, gap := range f.Gaps {
		all = append(all, gap.Code)
	}
	slices.Sort(all)
	return all
}

func (o *office) named(who, key string) (f api.FlagDetail) {
	o.Helper()
	o.do(who, "GET", "/api/v1/flags/"+url.PathEscape(key), nil).must(200).into(&f)
	return f
}

func TestAnExportHasEvaluatorsInTheOrderOfTheirDocument(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		document := func(evaluators ...string) string {
			return `{"flags":{"f":{"variants":{"on":true},"targeting":{"if":[{"$ref":"z"},"on"]}}},"$evaluators":{` + strings.Join(evaluators, ",") + `}}`
		}
		const z, a, m, b = `"z":{"or":[{"$ref":"a"},{"$ref":"m"}]}`, `"a":{"<":[{"var":"n"},1]}`, `"m":{"var":"m"}`, `"b":{"$ref":"pilot"}`
		order := func() string {
			names := []string{"a", "b", "m", "pilot", "z"}
			body := string(o.do("bob", "GET", "/api/v1/environments/sandbox/export", nil).must(200).Body)
			slices.SortFunc(names, func(x, y string) int { return strings.Index(body, `"`+x+`": {`) - strings.Index(body, `"`+y+`": {`) })
			return strings.Join(names, " ")
		}
		for _, step := range []struct {
			document, order string
			counts          map[string]int
		}{
			{document(z, b, a, m), "z b a m pilot", map[string]int{"create": 1}},
			{document(z, b, a, m), "z b a m pilot", map[string]int{"keep": 1}},
			{document(z, m, a, b), "z m a b pilot", map[string]int{"keep": 1}},
			{document(m), "z m a b pilot", map[string]int{"keep": 1}},
		} {
			done := o.imports("root", "sandbox", step.document, nil).must(200).imported()
			if diff := cmp.Diff(step.counts, done.Plan.Counts); diff != "" {
				o.Error(step.document, diff)
			}
			if got := order(); got != step.order {
				o.Errorf("%s comes back as %s", step.document, got)
			}
		}
	})
}

func TestAnImportIntoProductionIsARequestThatOthersApprove(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.imports("alice", "sandbox", lunchFlags, nil).problem(403, "forbidden")
		dry := o.imports("olu", "production", lunchFlags, map[string]any{"dry_run": true}).must(200).imported()
		if dry.Request != nil || dry.Plan.Counts["create"] != 3 || !dry.Plan.Governed {
			o.Fatalf("%+v", dry)
		}
		first := o.imports("olu", "production", lunchFlags, map[string]any{"reason": "we move"}).must(202).imported()
		if again := o.imports("olu", "production", lunchFlags, map[string]any{"reason": "we move"}).must(202).imported(); again.Request.ID != first.Request.ID {
			o.Error("asked twice")
		}
		if len(o.exported("production")["flags"]) != 0 {
			o.Error("it acts before it is approved")
		}
		r := first.Request
		if r.State != review.NeedsApproval || r.Risk != review.Medium || len(r.Diff) != 4 || r.Document != "" {
			o.Errorf("state %s, risk %s, %d changes", r.State, r.Risk, len(r.Diff))
		}
		for _, who := range []string{"pat", "petra"} {
			o.do(who, "POST", "/api/v1/requests/"+r.ID+"/approve", map[string]any{"digest": r.Digest}).must(200).into(&r)
		}
		if r.State != review.Approved || r.BaseChanged {
			o.Fatalf("%+v", r)
		}
		var want map[string]map[string]any
		if err := json.Unmarshal([]byte(lunchFlags), &want); err != nil {
			o.Fatal(err)
		}
		if diff := cmp.Diff(want, o.exported("production")); diff != "" {
			o.Errorf("it serves another document:\n%s", diff)
		}
		f := o.named("olu", "menu/v2 für alle")
		if diff := cmp.Diff([]string{"no_contact", "no_owner", "no_ttl"}, codes(f)); diff != "" || f.Lifecycle.State != "active" || f.Imported != "flagd" {
			o.Errorf("gaps %s, %s", diff, f.Lifecycle.State)
		}
		if diff := cmp.Diff([]string{"kill", "restore", "tag", "extend", "deprecate"}, f.Can); diff != "" {
			o.Errorf("an operator acts for nobody's flag: %s", diff)
		}
		if diff := cmp.Diff([]string{"no_contact", "no_off_value", "no_owner", "no_ttl", "unknown_variant"}, codes(o.named("bob", "size"))); diff != "" {
			o.Error(diff)
		}
		o.do("olu", "POST", "/api/v1/requests", map[string]any{
			"kind": "change_flag", "flag_key": f.Key, "environment": "production", "base_revision": f.Environments[2].Revision, "change": map[string]any{"mode": "off"},
		}).problem(409, "flag_imported")
	})
}

func TestAKillOfAnImportedFlagServesAValueThatSaysOffOrElseItsDefault(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.imports("root", "sandbox", lunchFlags, nil).must(200)
		key := o.sdkKey("sandbox")
		for name, want := range map[string]string{
			"menu/v2 für alle": `{"key":"menu/v2 für alle","value":false,"reason":"STATIC","variant":"off","metadata":{"flagSetId":"sandbox","killed":true,"team":"lunch"}}`,
			"size":             `{"key":"size","value":10,"reason":"STATIC","variant":"small","metadata":{"flagSetId":"sandbox","killed":true,"team":"lunch"}}`,
			"quiet":            `{"key":"quiet","reason":"DISABLED","metadata":{"flagSetId":"sandbox","killed":true,"team":"lunch"}}`,
		} {
			escaped := url.PathEscape(name)
			var killed api.KilledFlag
			o.do("olu", "POST", "/api/v1/flags/"+escaped+"/environments/sandbox/kill", nil).must(200).into(&killed)
			got := o.do("", "POST", "/ofrep/v1/evaluate/flags/"+escaped, map[string]any{"context": map[string]any{"x": 1, "email": "a" + at}}, "X-API-Key", key)
			if diff := cmp.Diff(want, string(got.Body)); diff != "" {
				o.Errorf("%s: %s", name, diff)
			}
			state, _ := killed.In("sandbox")
			if name == "size" && (state.KillServes == nil || *state.KillServes != "small" || !slices.Contains(codes(killed.FlagDetail), "no_off_value")) {
				o.Errorf("the answer does not say what it serves: %+v", killed.Gaps)
			}
		}
		// An import changes what waits behind a kill, and not the kill; a restore brings the newest.
		newer := strings.Replace(lunchFlags, `"small": 10`, `"small": 11`, 1)
		if done := o.imports("root", "sandbox", newer, nil).must(200).imported(); done.Plan.Counts["update"] != 1 {
			o.Errorf("%+v", done.Plan.Counts)
		}
		f := o.named("olu", "size")
		if f.Environments[0].Kill == nil {
			o.Error("an import undid a kill")
		}
		o.do("olu", "POST", "/api/v1/flags/size/environments/sandbox/restore", nil).must(200)
		got := o.do("", "POST", "/ofrep/v1/evaluate/flags/size", map[string]any{"context": map[string]any{}}, "X-API-Key", key).must(200)
		if !strings.Contains(string(got.Body), `"value":11`) {
			o.Errorf("%s", got.Body)
		}
	})
}

func TestARollbackOfAnImportedFlagBringsBackItsEarlierDefinition(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		document := func(value string) string {
			return `{"flags": {"plain": {"variants": {"a": ` + value + `}, "defaultVariant": "a"}}}`
		}
		back := "/api/v1/flags/plain/environments/sandbox/rollback"
		o.imports("root", "sandbox", document("1"), nil).must(200)
		o.do("olu", "POST", back, nil).problem(409, "nothing_to_go_back_to")
		o.imports("root", "sandbox", document("2"), nil).must(200)
		o.do("olu", "POST", back, nil).must(200)
		if got := o.exported("sandbox")["flags"]["plain"]; cmp.Diff(map[string]any{"variants": map[string]any{"a": 1.0}, "defaultVariant": "a"}, got) != "" {
			o.Errorf("%v", got)
		}
		// Where others approve, it asks for the import of what it was.
		for _, value := range []string{"1", "2"} {
			r := o.imports("olu", "production", document(value), nil).must(202).imported().Request
			for _, who := range []string{"pat", "petra"} {
				o.do(who, "POST", "/api/v1/requests/"+r.ID+"/approve", map[string]any{"digest": r.Digest}).must(200)
			}
		}
		var asked api.RestoredFlag
		o.do("olu", "POST", "/api/v1/flags/plain/environments/production/rollback", nil).must(202).into(&asked)
		if asked.Request == nil || asked.Request.Kind != review.ImportFlags || len(asked.Request.Diff) != 1 {
			o.Errorf("%+v", asked.Request)
		}
	})
}

func TestAnImportChangesNothingThatIsNotInItsDocument(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.approved(where2eat(30))
		o.imports("root", "sandbox", lunchFlags, nil).must(200)
		refused := func(document string, more map[string]any) (codes []string) {
			plan := o.imports("root", "sandbox", document, more).must(200).imported().Plan
			for _, step := range slices.Concat(plan.Evaluators, plan.Flags) {
				if step.Action == "refuse" {
					codes = append(codes, step.Key+" "+step.Code)
					if step.Message == "" || step.Remediation == "" {
						o.Errorf("%+v", step)
					}
				}
			}
			return codes
		}
		for _, c := range []struct {
			document string
			want     []string
		}{
			{`{"flags": {"where2eat.enabled": {"state": "ENABLED", "variants": {"a": 1}}, "new": {"variants": {"a": 1}}}}`, []string{"where2eat.enabled made_here"}},
			{`{"flags": {"n1": {"variants": {"a": 1}, "targeting": {"$ref": "staff"}}, "n2": {"variants": {"a": 1}}}, "$evaluators": {"staff": true}}`, []string{"staff evaluator_taken", "n1 needs_evaluator"}},
			{`{"flags": {"n3": {"variants": {"a": 1}, "targeting": {"if": [{"$ref": "e"}, "a"]}}}, "$evaluators": {"e": {"$ref": "pilot"}, "pilot": true}}`, []string{"pilot evaluator_taken", "n3 needs_evaluator"}},
			{strings.Replace(lunchFlags, "@hyfin", "@other", 1), nil}, // all that refer to it are in the document
		} {
			if diff := cmp.Diff(c.want, refused(c.document, nil)); diff != "" {
				o.Errorf("%s: %s", c.document, diff)
			}
		}
		if got := o.named("root", "n2"); got.Environments[0].Serving.Imported == nil {
			o.Error("what could be taken was not")
		}
		o.do("root", "PUT", "/api/v1/segments/staff", map[string]any{"title": "Staff", "people": []string{"bob" + at}}, "If-None-Match", "*").problem(http.StatusConflict, "evaluator_named_so")
		// An owner imports for the app alone, and takes nothing that is another's or nobody's.
		o.imports("eve", "sandbox", `{"flags": {"mine": {"variants": {"a": 1}}}}`, map[string]any{"app": "where2eat"}).problem(403, "forbidden")
		plan := o.imports("alice", "sandbox", `{"flags": {"mine": {"variants": {"off": 1}}, "size": {"variants": {"a": 2}}}}`, map[string]any{"app": "where2eat"}).must(200).imported().Plan
		if plan.Flags[0].Action != "create" || plan.Flags[1].Code != "not_yours" {
			o.Errorf("%+v", plan.Flags)
		}
		f := o.named("alice", "mine")
		if f.OwnerGroup != "team-lunch" || f.App != "where2eat" || !slices.Contains(f.Can, "kill") || cmp.Diff([]string{"no_ttl"}, codes(f)) != "" {
			o.Errorf("%+v", f)
		}
		// What was exported here is there already, Souk's own flags too.
		document := o.do("root", "GET", "/api/v1/environments/sandbox/export", nil).must(200).Body
		if done := o.imports("root", "sandbox", string(document), nil).must(200).imported(); done.Plan.Refused() || done.Plan.Changes() || done.Plan.Counts["create"]+done.Plan.Counts["update"] > 0 {
			o.Errorf("%+v", done.Plan)
		}
	})
}
