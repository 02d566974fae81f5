package serve_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/policy"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/templates"
)

// rightsToGovern are how verbs name the rights that need a row in the table.
var rightsToGovern = []string{"GovernWrite", "PeopleWrite", "KeyMake", "MayEraseTexts"}

// writers are how verbs begin a transaction that writes.
var writers = []string{"Write", "WriteLarge", "Exclusively"}

func TestEveryVerbThatGovernsHasARow(t *testing.T) {
	t.Parallel()
	app := open(t, storetest.Config(t, store.SQLite)).app
	rows := map[string]bool{}
	for _, row := range app.Governing() {
		if rows[row.Method] = true; (row.Why == "") == (row.Perform == nil) || (row.Action == "") != (row.Perform == nil) {
			t.Errorf("%s neither loosens nor says why it does not, or both", row.Method)
		}
	}
	verbs := verbsThatGovern(t)
	for _, verb := range verbs {
		if !rows[verb] {
			t.Errorf("%s has no row in the table of verbs that govern: give it one, with what it loosens", verb)
		}
	}
	for method := range rows {
		if !slices.Contains(verbs, method) {
			t.Errorf("%s has a row, and is no verb that needs a right to govern", method)
		}
	}
}

// verbsThatGovern finds, in the source, the exported methods that ask for a right to govern and write.
func verbsThatGovern(t *testing.T) (verbs []string) {
	t.Helper()
	packages, err := filepath.Glob("../*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range packages {
		if name := filepath.Base(dir); name == "api" || name == "serve" || name == "verbs" || name == "demo" || name == "cli" {
			continue // they call verbs of others
		}
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		says, methods := map[string]map[string]bool{}, []string{} // by the name of a function, what it mentions
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range tree.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Body == nil || f.Name.Name == "Governing" {
					continue
				}
				name := f.Name.Name
				if f.Recv != nil && f.Name.IsExported() {
					receiver := f.Recv.List[0].Type
					if star, ok := receiver.(*ast.StarExpr); ok {
						receiver = star.X
					}
					if id, ok := receiver.(*ast.Ident); ok {
						name = id.Name + "." + name
						methods = append(methods, name)
					}
				}
				if says[name] == nil {
					says[name] = map[string]bool{}
				}
				ast.Inspect(f.Body, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						says[name][id.Name] = true
					}
					return true
				})
			}
		}
		for _, m := range methods {
			if reaches(says, m, rightsToGovern) && reaches(says, m, writers) {
				verbs = append(verbs, m)
			}
		}
	}
	return verbs
}

// reaches reports whether a function mentions one of the words, itself or in unexported functions of its package that it mentions.
func reaches(says map[string]map[string]bool, from string, words []string) bool {
	seen, next := map[string]bool{}, []string{from}
	for len(next) > 0 {
		f := next[0]
		next = next[1:]
		if seen[f] {
			continue
		}
		seen[f] = true
		for word := range says[f] {
			if slices.Contains(words, word) {
				return true
			}
			if !ast.IsExported(word) && says[word] != nil {
				next = append(next, word)
			}
		}
	}
	return false
}

// attempt is how one of two administrators might loosen what governs alone. Each was carried out at once before.
type attempt struct {
	verb   string // row of the table
	what   string
	before func(o *office) // done by the local socket
	do     func(o *office) answer
	words  string // what of the proposal says what gets looser
}

// starterNamed is a starter template as a document.
func starterNamed(id string) (document map[string]any) {
	if raw, err := templates.Files.ReadFile(id + ".json"); err != nil || json.Unmarshal(raw, &document) != nil {
		panic("the starter cannot be read")
	}
	return document
}

func doc(id string, more map[string]any) map[string]any {
	field := func(kind string, more map[string]any) map[string]any {
		f := map[string]any{"type": kind, "required": true}
		for k, v := range more {
			f[k] = v
		}
		return f
	}
	d := map[string]any{
		"templateId": id, "displayName": "Fast lane", "description": "A flag",
		"fields": map[string]any{
			"name": field("string", nil), "owner": field("user", nil), "audiences": field("enum", map[string]any{"values": []string{"internal", "pilot"}}),
			"ttl_days": field("integer", map[string]any{"max": 60}), "kill_switch": field("boolean", map[string]any{"default": true}),
			"default": field("boolean", map[string]any{"default": false, "required": false}),
		},
		"requiredChecks": []string{"security_scan", "dependency_check", "audit_fields_present"},
	}
	for k, v := range more {
		d[k] = v
	}
	return d
}

func planOf(steps ...map[string]any) map[string]any { return map[string]any{"rollout": steps} }

func step(environment string, percent int, bake string) map[string]any {
	return map[string]any{"environment": environment, "audience": "{audience}", "percent": percent, "bake": bake, "promote": "person"}
}

// weak decides that nobody has to approve.
const weak = "package marketplace.approvals\n\nproduct := 0\n"

func attempts() []attempt {
	local := func(method, path string, body any, headers ...string) func(o *office) {
		return func(o *office) {
			o.Helper()
			if a := o.do("", method, path, body, headers...); a.Status >= 300 {
				o.Fatalf("%s: %d %s", a.what, a.Status, a.Body)
			}
		}
	}
	root := func(method, path string, body any, headers ...string) func(o *office) answer {
		return func(o *office) answer { return o.do("root", method, path, body, headers...) }
	}
	// read sends it with the ETag of what is there.
	read := func(method, path string, body any) func(o *office) answer {
		return func(o *office) answer {
			o.Helper()
			return o.do("root", method, path, body, "If-Match", o.do("root", "GET", path, nil).must(200).Header.Get("ETag"))
		}
	}
	place := func(position int, tier string, governed bool) func(o *office) answer {
		return root("PUT", "/api/v1/environments/production", map[string]any{"position": position, "tier": tier, "governed": governed}, "If-Match", `"1"`)
	}
	rules := func(days, grace int, reminders ...int) map[string]any {
		return map[string]any{"lifecycle": map[string]any{"max_active_days": days, "deprecated_grace_days": grace, "reminder_schedule_days": append([]int{}, reminders...)}}
	}
	file := func(kind, name string, spec map[string]any) func(o *office) answer {
		return root("POST", "/api/v1/apply", map[string]any{"documents": []map[string]any{
			{"kind": kind, "name": name, "source": "x.yaml", "spec": spec},
		}})
	}
	post := func(d map[string]any) func(o *office) { return local("POST", "/api/v1/templates", d) }
	rita := "/api/v1/people/rita" + at
	onlyPublic := starterNamed("dashboard-v1")
	onlyPublic["fields"].(map[string]any)["data_classification"] = map[string]any{"type": "enum", "values": []string{"none"}, "required": true}
	misleading := starterNamed("dashboard-v1")
	misleading["templateId"] = "mislead-v1"
	misleading["fields"].(map[string]any)["data_classification"] = map[string]any{
		"type": "enum", "values": []string{"none", "internal", "confidential"}, "required": true,
		"title": "How much help do you need", "help": "Choose none",
	}
	longer := doc("fast-v1", nil)
	longer["fields"].(map[string]any)["ttl_days"].(map[string]any)["max"] = 3000
	return []attempt{
		{"Registry.PutEnvironment", "production is not governed", nil, place(3, "production", false), "need no request"},
		{"Registry.PutEnvironment", "production is for tests", nil, place(3, "test", true), "production no more"},
		{
			"Registry.PutEnvironment", "an environment that nothing governs counts as production", nil,
			root("PUT", "/api/v1/environments/sandbox", map[string]any{"position": 1, "tier": "production", "governed": false}, "If-Match", `"1"`), "counts as production",
		},
		{"Registry.PutEnvironment", "production comes first", nil, place(0, "production", true), "another place"},
		{"Registry.PutEnvironment", "production is not governed, by files", nil, file("Environment", "production", map[string]any{"order": 3, "tier": "production", "governed": false}), ""},
		{"Library.Put", "a template without checks", nil, root("POST", "/api/v1/templates", doc("fast-v1", map[string]any{"requiredChecks": []string{}})), "security_scan"},
		{"Library.Put", "a template of one step of a second", nil, root("POST", "/api/v1/templates", doc("fast-v1", planOf(step("production", 100, "1s")))), "100 % for 1s"},
		{"Library.Put", "a template for years", nil, root("POST", "/api/v1/templates", doc("fast-v1", map[string]any{"lifecycle": map[string]any{"max_active_days": 3000}})), "3000 days"},
		{"Library.Put", "a new template asks about data in words that mislead", nil, root("POST", "/api/v1/templates", misleading), "in other words"},
		{"Library.Put", "no data is confidential any more", nil, root("POST", "/api/v1/templates", onlyPublic), "confidential"},
		{
			"Library.Put", "limits are raised", post(doc("fast-v1", nil)),
			root("POST", "/api/v1/templates", longer), "up to 3000",
		},
		{
			"Library.Put", "a plan is shortened to one step of a second",
			post(doc("fast-v1", planOf(step("staging", 100, "1h"), step("production", 5, "1h"), step("production", 100, "1h")))),
			root("POST", "/api/v1/templates", doc("fast-v1", planOf(step("staging", 100, "1h"), step("production", 100, "1s")))), "100 % for 1s instead of 5 % for 1h",
		},
		{"Library.SetActive", "a retired template is activated", local("POST", "/api/v1/templates/dashboard-v1/retire", nil), root("POST", "/api/v1/templates/dashboard-v1/activate", nil), "again"},
		{"Engine.Put", "an active policy is replaced", nil, read("PUT", "/api/v1/policies/marketplace.approvals", map[string]any{"source": weak}), "another text"},
		{
			"Engine.Put", "an inactive policy is replaced by a weaker one", local("POST", "/api/v1/policies/marketplace.approvals/deactivate", nil),
			read("PUT", "/api/v1/policies/marketplace.approvals", map[string]any{"source": weak}), "who must approve",
		},
		{
			"Engine.Put", "a policy that is off is replaced by an empty one", nil,
			read("PUT", "/api/v1/policies/marketplace.decision.require_own_credential", map[string]any{"source": "package marketplace.decision.require_own_credential\n"}), "another text",
		},
		{
			"Engine.Delete", "a policy that is off is deleted", func(o *office) {
				local("PUT", "/api/v1/policies/marketplace.idle", map[string]any{"source": "package marketplace.idle\n\ndeny contains \"no\" if false\n"}, "If-None-Match", "*")(o)
				local("POST", "/api/v1/policies/marketplace.idle/deactivate", nil)(o)
			},
			read("DELETE", "/api/v1/policies/marketplace.idle", nil), "is deleted",
		},
		{
			"Engine.Put", "what others rest on comes to be",
			local("PUT", "/api/v1/policies/marketplace.strict", map[string]any{"source": "package marketplace.strict\n\ndeny contains \"no\" if not data.marketplace.exempt.all\n"}, "If-None-Match", "*"),
			root("PUT", "/api/v1/policies/marketplace.exempt", map[string]any{"source": "package marketplace.exempt\n\nall := true\n"}, "If-None-Match", "*"), "marketplace.strict",
		},
		{"Engine.SetActive", "a policy is switched off", nil, root("POST", "/api/v1/policies/marketplace.risk/deactivate", nil), "judges no more"},
		{
			"Engine.SetActive", "what decides who approves is switched on again", local("POST", "/api/v1/policies/marketplace.approvals/deactivate", nil),
			root("POST", "/api/v1/policies/marketplace.approvals/activate", nil), "who must approve",
		},
		{
			"Engine.Delete", "a policy is deleted", local("PUT", "/api/v1/policies/marketplace.own", map[string]any{"source": "package marketplace.own\n\ndeny contains \"no\" if false\n"}, "If-None-Match", "*"),
			root("DELETE", "/api/v1/policies/marketplace.own", nil, "If-Match", `"1"`), "judges no more",
		},
		{"Lifecycles.ReplaceRules", "flags live longer", nil, read("PUT", "/api/v1/lifecycle", rules(3000, 7, 30, 14, 7, 1)), "3000 days"},
		{"Lifecycles.ReplaceRules", "the grace is longer", nil, read("PUT", "/api/v1/lifecycle", rules(90, 300, 30, 14, 7, 1)), "300 days"},
		{"Lifecycles.ReplaceRules", "nobody is reminded", nil, read("PUT", "/api/v1/lifecycle", rules(90, 7)), "reminded 0 times"},
		{"Lifecycles.SetRules", "flags live longer, by files", nil, file("Lifecycle", "default", map[string]any{"max_active_days": 3000, "deprecated_grace_days": 7, "reminder_schedule_days": []int{30, 14, 7, 1}}), ""},
		{"Directory.PutGroup", "the other administrator is taken out of the group", nil, read("PUT", "/api/v1/groups/admins", map[string]any{"roles": []string{"admin"}, "members": []string{"root" + at}}), "rita" + at},
		{"Directory.PutGroup", "administrators lose the role", nil, read("PUT", "/api/v1/groups/more-admins", map[string]any{"members": []string{"rita" + at}}), "rita" + at},
		{
			"Directory.PutGroup", "one makes oneself an approver", nil,
			read("PUT", "/api/v1/groups/product", map[string]any{"roles": []string{"approver"}, "domains": []string{"product"}, "members": []string{"pat" + at, "alice" + at, "root" + at}}), "root" + at,
		},
		{"Directory.PutGroup", "everybody may join an owning group", nil, read("PUT", "/api/v1/groups/team-lunch", map[string]any{"members": []string{"alice" + at}, "joinable": true}), "everybody may join"},
		{
			"Directory.PutGroup", "many more may join a group", local("PUT", "/api/v1/groups/tasters", map[string]any{"members": []string{}, "joinable": true}, "If-None-Match", "*"),
			read("PUT", "/api/v1/groups/tasters", map[string]any{"members": []string{}, "joinable": true, "max_members": 900_000}), "900000 people may join",
		},
		{"Directory.DeleteGroup", "a group of administrators is deleted", nil, read("DELETE", "/api/v1/groups/more-admins", nil), "rita" + at},
		{"Directory.PutPerson", "the other administrator is declared an agent", nil, read("PUT", rita, map[string]any{"display_name": "rita", "agent": true}), "can no longer object"},
		{
			"Directory.PutPerson", "an agent is declared human", local("PUT", "/api/v1/people/bot"+at, map[string]any{"agent": true}, "If-None-Match", "*"),
			read("PUT", "/api/v1/people/bot"+at, map[string]any{"agent": false}), "counts as a human",
		},
		{
			"Directory.PutPerson", "an approver comes back", local("PUT", "/api/v1/people/sam"+at, map[string]any{"active": false}, "If-Match", `"2"`),
			read("PUT", "/api/v1/people/sam"+at, map[string]any{"active": true}), "joins security",
		},
		{"Directory.PutPerson", "somebody gets an address that another signs in by", nil, read("PUT", "/api/v1/people/alice"+at, map[string]any{"email": "mallory" + at}), "gets the address mallory"},
		{"Directory.PutPerson", "the other administrator is disabled", nil, read("PUT", rita, map[string]any{"display_name": "rita", "active": false}), "can no longer object"},
		{"Accounts.ResetLink", "a link to sign in as the other", nil, root("POST", rita+"/reset-link", nil), "signs in as rita"},
		{"Accounts.Invite", "an invitation for the other", nil, root("POST", rita+"/invite", map[string]any{}), "signs in as rita"},
		{
			"Keys.SetLimits", "a production key may ask more", nil,
			func(o *office) answer {
				var made api.NewKey
				o.do("", "POST", "/api/v1/sdk-keys", sdkkey.Spec{Environment: "production", Limits: sdkkey.Limits{MaxStreams: 10}}).must(201).into(&made)
				return o.do("root", "PUT", "/api/v1/sdk-keys/"+made.ID+"/limits", map[string]any{}, "If-Match", `"1"`)
			}, "50000 streams",
		},
	}
}

// elsewhere are verbs of the table whose attempts need what this table has not: a log that was set back.
var elsewhere = map[string]string{"Backups.Acknowledge": "backup, TestASetBackLogIsAcknowledgedByTwoAdministratorsWithAReason"}

func TestOneOfTwoAdministratorsLoosensNothingAlone(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, a := range attempts() {
		tried[a.verb] = true
	}
	if want := 39; len(attempts()) != want {
		t.Errorf("%d attempts, want %d", len(attempts()), want)
	}
	eachEngine(t, func(o *office) {
		o.usualApprovals()
		for _, row := range o.app.Governing() {
			if row.Action != "" && !tried[row.Method] && elsewhere[row.Method] == "" {
				o.Errorf("nobody tries %s", row.Method)
			}
		}
		o.second()
		for _, a := range attempts() {
			if a.before != nil {
				a.before(o)
			}
			got := a.do(o)
			if a.words == "" { // by files: the step waits
				var plan apply.Plan
				if got.must(200).into(&plan); len(plan.Steps) != 1 || plan.Steps[0].Done || !strings.Contains(plan.Steps[0].Waiting, "second administrator") {
					o.Errorf("%s: %s\n%s", a.verb, a.what, got.Body)
				}
				continue
			}
			if got.Status != 202 {
				o.Errorf("%s: %s: %d\n%s", a.verb, a.what, got.Status, got.Body)
				continue
			}
			var waits api.Proposed
			if got.into(&waits); !strings.Contains(waits.Proposal.Words, a.words) {
				o.Errorf("%s: %s: it says %q", a.verb, a.what, waits.Proposal.Words)
			}
		}
		o.untouched()
	})
}

// second makes rita an administrator beside root, in a group of her own, too.
func (o *office) second() {
	o.Helper()
	o.do("", "PUT", "/api/v1/people/rita"+at, map[string]any{"display_name": "rita"}, "If-None-Match", "*").must(201)
	var token api.NewToken
	o.do("", "POST", "/api/v1/tokens", map[string]any{"as": "rita" + at, "scope": "all"}).must(201).into(&token)
	o.tokens["rita"] = token.Secret
	o.do("", "PUT", "/api/v1/groups/admins", map[string]any{"roles": []string{"admin"}, "members": []string{"root" + at, "rita" + at}}, "If-Match", `"1"`).must(200)
	o.do("", "PUT", "/api/v1/groups/more-admins", map[string]any{"roles": []string{"admin"}, "members": []string{"rita" + at}}, "If-None-Match", "*").must(201)
}

// untouched holds that nothing of what was proposed took effect.
func (o *office) untouched() {
	o.Helper()
	var places store.Listing[registry.Environment]
	o.do("root", "GET", "/api/v1/environments", nil).must(200).into(&places)
	for _, e := range places.Items {
		if e.Name == "production" && (!e.Governed || e.Tier != registry.TierProduction || e.Version != 1) {
			o.Errorf("production is %+v", e)
		}
	}
	var p policy.Policy
	if o.do("root", "GET", "/api/v1/policies/marketplace.approvals", nil).must(200).into(&p); p.Active || p.Origin != policy.Standard {
		o.Errorf("the policy is %s, active %v", p.Origin, p.Active)
	}
	var rita access.Person
	if o.do("root", "GET", "/api/v1/people/rita"+at, nil).must(200).into(&rita); !rita.Active || rita.Agent || len(rita.Groups) != 2 {
		o.Errorf("rita is %+v", rita)
	}
}

func TestWhatOneAloneLoosensIsMarkedAndTold(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		told := func(who string) (words []string) {
			o.Helper()
			var inbox store.Listing[api.InboxItem]
			o.do(who, "GET", "/api/v1/inbox", nil).must(200).into(&inbox)
			for _, item := range inbox.Items {
				if item.Kind == "loosened" {
					words = append(words, item.Title+" "+item.Words)
				}
			}
			return words
		}
		loosen := map[string]any{"position": 3, "tier": "production", "governed": false}
		// The only administrator: it acts, and approvers are told; alice is one, and bob is none.
		o.do("root", "PUT", "/api/v1/environments/production", loosen, "If-Match", `"1"`).must(200)
		for _, who := range []string{"pat", "alice"} {
			if got := fmt.Sprint(told(who)); !strings.Contains(got, "root"+at) || !strings.Contains(got, "need no request") {
				o.Errorf("%s is told %s", who, got)
			}
		}
		if got := append(told("bob"), told("root")...); slices.ContainsFunc(got, func(words string) bool { return strings.Contains(words, "root"+at) }) {
			o.Errorf("bob and root are told %v", got)
		}
		// By the local socket, with two administrators: at once, and both are told.
		o.do("", "PUT", "/api/v1/environments/production", map[string]any{"position": 3, "tier": "production", "governed": true}, "If-Match", `"2"`).must(200)
		o.second()
		o.do("", "PUT", "/api/v1/environments/production", loosen, "If-Match", `"3"`).must(200)
		for _, who := range []string{"root", "rita"} {
			if got := fmt.Sprint(told(who)); !strings.Contains(got, "local:") {
				o.Errorf("%s is told %s", who, got)
			}
		}
		events := o.do("ada", "GET", "/api/v1/audit/events?event=proposal.alone", nil).must(200)
		if text := string(events.Body); strings.Count(text, "environment:production") != 2 {
			o.Errorf("the log has %s", text)
		}
		// A week later it is told no more.
		o.ahead.Store(int64(8 * 24 * 3600 * 1e9))
		if got := told("pat"); len(got) > 0 {
			o.Errorf("a week later pat is told %v", got)
		}
	})
}
