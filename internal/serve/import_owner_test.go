package serve_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/review"
)

// kept is what of a flag says who answers for it.
type kept struct {
	App, Group, Owner, Contact string
	TTL                        int
	Tags                       []string
	Gaps                       []string
}

func (o *office) kept(key string) kept {
	o.Helper()
	f := o.named("root", key)
	return kept{
		App: f.App, Group: f.OwnerGroup, Owner: f.Owner, Contact: f.Contact, TTL: f.Lifecycle.TTLDays, Tags: f.Tags, Gaps: codes(f),
	}
}

func planned(done api.Imported, key string) (action, owns string, gaps []string) {
	for _, step := range done.Plan.Flags {
		if step.Key == key {
			action, owns = string(step.Action), step.Owns()
		}
	}
	for _, gap := range done.Plan.Gaps {
		if gap.Key == key {
			gaps = append(gaps, gap.Code)
		}
	}
	slices.Sort(gaps)
	return action, owns, gaps
}

const keptFlags = `{"metadata": {"owner": "team-lunch", "ttl_days": 60}, "flags": {
	"all": {"variants": {"on": true, "off": false}, "metadata": {"owner": "alice@hyfin.example", "contact": "#lunch", "ttl_days": "30", "tags": "Lunch Menus, food"}},
	"set": {"variants": {"small": 1, "none": 0}, "metadata": {"contact": 7, "off_variant": "none"}},
	"app": {"variants": {"off": 1}, "metadata": {"app": "where2eat", "owner": "sam@hyfin.example", "off_variant": "huge"}},
	"bad": {"variants": {"off": 1}, "metadata": {"app": "nowhere", "owner": "nobody@hyfin.example", "ttl_days": "soon", "contact": "a\nb"}}}}`

func TestMetadataSaysWhoAnswersForAnImportedFlag(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.approved(where2eat(30))
		done := o.imports("root", "sandbox", keptFlags, nil).must(200).imported()
		for key, want := range map[string]kept{
			"all": {Owner: "alice" + at, Contact: "#lunch", TTL: 30, Tags: []string{"food", "lunch", "menus"}, Gaps: nil},
			"set": {Group: "team-lunch", Owner: "team-lunch", TTL: 60, Tags: []string{}, Gaps: []string{"no_contact"}},
			"app": {App: "where2eat", Group: "team-lunch", Owner: "team-lunch", Contact: "alice" + at, TTL: 60, Tags: []string{}},
			"bad": {Tags: []string{}, TTL: 60, Gaps: []string{"no_contact", "no_owner"}},
		} {
			if diff := cmp.Diff(want, o.kept(key)); diff != "" {
				o.Errorf("%s: %s", key, diff)
			}
		}
		for key, want := range map[string][]string{
			"all": {"tag_written", "tag_written"}, "set": {"no_contact"}, "app": {"other_owner", "unknown_off_value"},
			"bad": {"bad_contact", "bad_ttl", "no_contact", "no_owner", "unknown_app", "unknown_owner"},
		} {
			if _, _, gaps := planned(done, key); cmp.Diff(want, gaps) != "" {
				o.Errorf("%s: gaps %v, want %v", key, gaps, want)
			}
		}
		if f := o.named("root", "all"); f.Lifecycle.ExpiresAt == nil || !slices.Contains(o.named("alice", "all").Can, "kill") {
			o.Errorf("%+v", f.Lifecycle)
		}
		var killed api.KilledFlag
		o.do("olu", "POST", "/api/v1/flags/set/environments/sandbox/kill", nil).must(200).into(&killed)
		if state, _ := killed.In("sandbox"); state.KillServes == nil || *state.KillServes != "none" {
			o.Errorf("a kill serves %v", state.KillServes)
		}

		// What was said once is not undone by the same document, nor by one that says something else of what is there.
		again := o.imports("root", "sandbox", keptFlags, nil).must(200).imported()
		if again.Plan.Counts["keep"] != 4 {
			o.Errorf("the second time: %+v", again.Plan.Counts)
		}
		o.imports("root", "sandbox", strings.ReplaceAll(keptFlags, "team-lunch", "team-finance"), nil).must(200)
		if got := o.kept("set"); got.Owner != "team-lunch" {
			o.Errorf("metadata took it from its owner: %+v", got)
		}
	})
}

func TestAMapGoesBeforeMetadataAndReplacesWhatIsThere(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.approved(where2eat(30))
		o.imports("root", "sandbox", keptFlags, nil).must(200)
		table := map[string]any{"map": "key,app,owner,contact,ttl_days,tags,off_variant\nset,,olu@hyfin.example,#on-call,90,paging,small\nall,where2eat,,,,,\ngone,,team-lunch,,,,\n"}
		dry := o.imports("root", "sandbox", keptFlags, map[string]any{"map": table["map"], "dry_run": true}).must(200).imported()
		action, owns, gaps := planned(dry, "set")
		if action != "update" || owns != "owner olu@hyfin.example, contact #on-call, tags paging, a kill serves small" || cmp.Diff([]string{"has_ttl"}, gaps) != "" {
			o.Errorf("%s, %s, %v", action, owns, gaps)
		}
		if _, _, gaps := planned(dry, "gone"); cmp.Diff([]string{"not_in_document"}, gaps) != "" {
			o.Error(gaps)
		}
		o.imports("root", "sandbox", keptFlags, table).must(200)
		for key, want := range map[string]kept{
			"set": {Owner: "olu" + at, Contact: "#on-call", TTL: 60, Tags: []string{"paging"}},
			"all": {App: "where2eat", Group: "team-lunch", Owner: "team-lunch", Contact: "alice" + at, TTL: 30, Tags: []string{"food", "lunch", "menus"}},
		} {
			if diff := cmp.Diff(want, o.kept(key)); diff != "" {
				o.Errorf("%s: %s", key, diff)
			}
		}
		if again := o.imports("root", "sandbox", keptFlags, table).must(200).imported(); again.Plan.Counts["keep"] != 4 {
			o.Errorf("the second time: %+v", again.Plan.Counts)
		}
		o.imports("root", "sandbox", keptFlags, map[string]any{"map": "key,ownr\n"}).problem(400, "bad_map")
		// Whoever imports for an app of theirs gives no flag to another's.
		plan := o.imports("alice", "sandbox", `{"flags": {"new": {"variants": {"off": 1}}}}`, map[string]any{"app": "where2eat", "map": "key,owner\nnew,product\n"}).must(200).imported()
		if action, owns, gaps := planned(plan, "new"); action != "create" || strings.Contains(owns, "product") || !slices.Contains(gaps, "other_owner") {
			o.Errorf("%s, %s, %v", action, owns, gaps)
		}
	})
}

func TestWhoAnswersForAFlagInProductionChangesByARequest(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		const plain = `{"flags": {"plain": {"variants": {"off": 1}}}}`
		table := map[string]any{"map": "key,owner,contact,ttl_days\nplain,team-lunch,#lunch,45\n"}
		approve := func(r *review.Request) {
			for _, who := range []string{"pat", "petra"} {
				o.do(who, "POST", "/api/v1/requests/"+r.ID+"/approve", map[string]any{"digest": r.Digest}).must(200)
			}
		}
		approve(o.imports("olu", "production", plain, nil).must(202).imported().Request)
		elsewhere := o.imports("olu", "sandbox", plain, table).must(200).imported()
		if _, owns, gaps := planned(elsewhere, "plain"); owns != "" || !slices.Contains(gaps, "governed_elsewhere") || o.kept("plain").Owner != "" {
			o.Errorf("an import into the sandbox changed who answers in production: %s, %v", owns, gaps)
		}
		r := o.imports("olu", "production", plain, table).must(202).imported().Request
		if len(r.Diff) != 1 || !strings.Contains(r.Diff[0].Words, "owner team-lunch, contact #lunch, TTL 45 days") || r.Map != "" {
			o.Errorf("%+v", r.Diff)
		}
		if other := o.imports("olu", "production", plain, map[string]any{"map": "key,owner\nplain,olu@hyfin.example\n"}).must(202).imported().Request; other.ID == r.ID || other.Digest == r.Digest {
			o.Error("two maps are one request")
		}
		approve(r)
		if diff := cmp.Diff(kept{Group: "team-lunch", Owner: "team-lunch", Contact: "#lunch", TTL: 45, Tags: []string{}}, o.kept("plain")); diff != "" {
			o.Error(diff)
		}
	})
}
