package serve_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/insight"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
)

func (o *office) compliance(query string) (c insight.Compliance) {
	o.Helper()
	o.do("bob", "GET", "/api/v1/insight/compliance"+query, nil).must(200).into(&c)
	return c
}

func lacking(c insight.Compliance) (all []string) {
	for _, f := range c.Items {
		var lacks []string
		for _, lack := range f.Lacks {
			lacks = append(lacks, string(lack))
		}
		all = append(all, f.Key+": "+strings.Join(lacks, " "))
	}
	return all
}

const incompleteFlags = `{"flags": {
	"busy": {"variants": {"a": 1, "b": 2}, "defaultVariant": "a"}, "calm": {"variants": {"off": 1}, "metadata": {"owner": "team-lunch"}},
	"done": {"variants": {"off": 1}, "metadata": {"owner": "team-lunch", "contact": "#lunch", "ttl_days": 30}}}}`

func TestFlagsThatLackSomethingAreListedByTheirUseAndCompletedTogether(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.approved(where2eat(30))
		o.imports("root", "sandbox", incompleteFlags, nil).must(200)
		if diff := cmp.Diff([]string{"busy: owner contact ttl kill", "calm: contact ttl"}, lacking(o.compliance(""))); diff != "" {
			o.Error(diff)
		}
		key := o.sdkKey("sandbox")
		o.do("", "POST", "/ofrep/v1/evaluate/flags/calm", map[string]any{"context": map[string]any{}}, "X-API-Key", key).must(200)
		o.eventually("the use of calm is counted", func() bool { return o.compliance("").Items[0].Key == "calm" })
		c := o.compliance("?lacks=kill")
		if diff := cmp.Diff([]string{"busy: owner contact ttl kill"}, lacking(c)); diff != "" || c.Now.Flags != 4 || c.Now.Complete != 2 || c.Now.Owner != 1 || c.Now.TTL != 2 {
			o.Errorf("%s %+v", diff, c.Now)
		}
		first := o.compliance("?limit=1")
		if second := o.compliance("?limit=1&cursor=" + first.Next); first.Next == "" || second.Next != "" || len(second.Items) != 1 || second.Items[0].Key == first.Items[0].Key {
			o.Errorf("%+v, then %+v", lacking(first), lacking(second))
		}

		fix := map[string]any{"flags": []any{
			map[string]any{"key": "busy", "owner": "olu" + at, "contact": "#on-call", "ttl_days": 60, "off_variant": "b"},
			map[string]any{"key": "calm", "contact": "#lunch", "ttl_days": 90},
		}, "reason": "the audit of spring"}
		o.do("alice", "POST", "/api/v1/insight/compliance", fix).problem(403, "forbidden")
		var done api.Completion
		o.do("olu", "POST", "/api/v1/insight/compliance", fix).must(200).into(&done)
		if len(done.Plans) != 1 || len(done.Requests) != 0 || done.Plans[0].Counts["update"] != 2 {
			o.Errorf("%+v", done)
		}
		if got := lacking(o.compliance("")); len(got) > 0 {
			o.Error(got)
		}
		if f := o.named("olu", "busy"); f.Owner != "olu"+at || f.Off != "b" || f.Lifecycle.TTLDays != 60 {
			o.Errorf("%+v", f)
		}
		served := o.do("", "POST", "/ofrep/v1/evaluate/flags/busy", map[string]any{"context": map[string]any{}}, "X-API-Key", key).must(200)
		if !strings.Contains(string(served.Body), `"value":1`) {
			o.Errorf("it serves something else now: %s", served.Body)
		}

		for _, c := range []struct {
			flags  []any
			status int
			code   string
		}{
			{[]any{}, 400, "out_of_range"},
			{[]any{map[string]any{"key": "nowhere", "contact": "x"}}, 404, "unknown_flag"},
			{[]any{map[string]any{"key": "where2eat.enabled", "contact": "x"}}, 409, "made_here"},
			{[]any{map[string]any{"key": "calm"}, map[string]any{"key": "calm"}}, 400, "twice"},
		} {
			o.do("olu", "POST", "/api/v1/insight/compliance", map[string]any{"flags": c.flags}).problem(c.status, c.code)
		}
	})
}

func TestManyFlagsInProductionAreCompletedByOneRequest(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		approve := func(r *review.Request) {
			for _, who := range []string{"pat", "petra"} {
				o.do(who, "POST", "/api/v1/requests/"+r.ID+"/approve", map[string]any{"digest": r.Digest}).must(200)
			}
		}
		approve(o.imports("olu", "production", incompleteFlags, nil).must(202).imported().Request)
		o.imports("olu", "sandbox", `{"flags": {"other": {"variants": {"off": 1}}}}`, nil).must(200)
		fix := map[string]any{"flags": []any{
			map[string]any{"key": "busy", "owner": "team-lunch", "contact": "#lunch", "ttl_days": 60, "off_variant": "b"},
			map[string]any{"key": "calm", "contact": "#lunch", "ttl_days": 90},
			map[string]any{"key": "other", "owner": "team-lunch"},
		}}
		var done api.Completion
		o.do("olu", "POST", "/api/v1/insight/compliance", fix).must(202).into(&done)
		if len(done.Requests) != 1 || len(done.Plans) != 2 || len(done.Requests[0].Diff) != 2 {
			o.Fatalf("%+v", done)
		}
		if got := lacking(o.compliance("")); !slices.Contains(got, "calm: contact ttl") || !slices.Contains(got, "other: contact ttl") {
			o.Errorf("before the approval: %v", got)
		}
		approve(done.Requests[0])
		if diff := cmp.Diff([]string{"other: contact ttl"}, lacking(o.compliance(""))); diff != "" {
			o.Error(diff)
		}
	})
}

func TestComplianceIsWrittenDownForEachDay(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.imports("root", "sandbox", incompleteFlags, nil).must(200)
		in := insight.Insight{DB: o.app.Directory.DB, Now: o.app.Directory.Now}
		for range 2 { // the second time replaces
			if err := in.Keep(t.Context()); err != nil {
				o.Fatal(err)
			}
		}
		yesterday := o.compliance("").Now
		later := insight.Insight{DB: in.DB, Now: func() time.Time { return in.Now().Add(24 * time.Hour) }}
		c, err := later.Compliance(t.Context(), access.System("test"), "", store.Page{})
		if err != nil || len(c.Days) != 1 || c.Days[0] != yesterday {
			o.Errorf("%v: %+v, want %+v", err, c.Days, yesterday)
		}
	})
}
