package review_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/live"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
	"github.com/soukhq/souk/internal/template"
)

func (o *office) segment(name string) registry.Segment {
	o.Helper()
	s, _, err := o.desk.Segments.Segment(o.Context(), o.as("root"), name)
	if err != nil {
		o.Fatal(err)
	}
	return s
}

// put puts the audience pilot as it would be.
func (o *office) put(change func(s *registry.Segment)) (review.SegmentOutcome, error) {
	s := o.segment("pilot")
	change(&s)
	return o.desk.PutSegment(o.Context(), o.as("root"), s, "more of them")
}

func everybody(s *registry.Segment) {
	s.Everybody, s.Groups, s.People, s.Rules = true, nil, nil, nil
}

func wantCode(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != kind || e.Code != code {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

// usesOfPilot are the ways in which production may come to hang on the audience pilot.
var usesOfPilot = map[string]func(o *office){
	"a flag is served to it":                    func(o *office) { o.active() },
	"a rollout to it is ready":                  func(o *office) { o.published() },
	"a request for it is open":                  func(o *office) { o.submit(where2eat()) },
	"a targeting names it":                      func(o *office) { o.targeted(true) },
	"a change to it is asked for":               func(o *office) { o.targeted(false) },
	"an import for it is asked for":             func(o *office) { o.imported(`"wrap"`, `{"\u0024ref": "pilot"}`) },
	"a change to a rule that names it is ready": func(o *office) { o.decide(o.asksByRule()) },
	"a step of a template to it is asked for": func(o *office) {
		o.stepsToPilot()
		o.submit(toBeta())
	},
	"what a kill left of a rollout to it is asked for": func(o *office) {
		o.stepsToPilot()
		r := o.approve("sam", o.approve("pat", o.submit(toBeta())))
		if _, err := o.rollouts.Start(o.Context(), o.as("alice"), r.RolloutID, rollout.Word{}); err != nil {
			o.Fatal(err)
		}
		if _, err := o.kills.Kill(o.Context(), o.as("olu"), key, "production", rollout.Word{Reason: "smoke"}, live.Sent{}); err != nil {
			o.Fatal(err)
		}
		if out, err := o.desk.Restore(o.Context(), o.as("alice"), key, "production", rollout.Word{}); err != nil || out.Request == nil {
			o.Fatalf("%+v, %v", out, err)
		}
	},
	"a shared rule names it": func(o *office) {
		o.decide(o.imported(`"wrap"`, `{"or": [{"$ref": "pilot"}, {"==": [{"var": "plan"}, "x"]}]}`))
	},
	"a shared rule of a shared rule names it, in other spellings": func(o *office) {
		o.decide(o.imported(`["outer"]`, `{"or": [{"\u0024ref": ["p\u0069lot"]}]}`))
	},
}

// rulesOf are those uses where a rule refers to it, so that fewer in it may be more people who are served.
var rulesOf = []string{
	"a targeting names it", "a shared rule names it", "a shared rule of a shared rule names it, in other spellings", "a change to it is asked for",
	"an import for it is asked for", "a change to a rule that names it is ready",
}

// imported asks for where2eat in production as a document has it, whose targeting refers to what is named. The shared rule outer refers
// to wrap, which is this one.
func (o *office) imported(named, wrap string) review.Request {
	o.Helper()
	return o.imports(`{
		"$evaluators": {"outer": {"!": {"$ref": "wrap"}}, "wrap": ` + wrap + `},
		"flags": {"` + key + `": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
			"targeting": {"if": [{"$ref": ` + named + `}, "on", "off"]}}}
	}`)
}

func TestASharedRuleThatNamesASegmentIsAUseOfIt(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		o.decide(o.imported(`"outer"`, `{"$ref": "pilot"}`))
		err := o.desk.Segments.DeleteSegment(t.Context(), o.as("root"), "pilot", o.segment("pilot").Revision)
		wantCode(t, err, fault.Conflict, "segment_in_use")
		if out, err := o.put(func(s *registry.Segment) { s.Groups = nil }); err != nil || out.Request == nil {
			t.Errorf("fewer people are answered %+v, %v", out, err)
		}
		err = db.Read(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			if names, err := registry.SegmentsUsedBy(ctx, tx, key); err != nil || !slices.Contains(names, "pilot") {
				t.Errorf("the flag uses %v, %v", names, err)
			}
			keys, err := registry.ForMembers(ctx, tx, "pilot")
			if !slices.Equal(keys, []string{key}) {
				t.Errorf("for members is %v", keys)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if s := o.size("alice"); s.Approved == nil || *s.Approved != s.People {
			t.Errorf("it is approved for %+v", s)
		}
	})
}

// targeted has where2eat served to beta, and to whom a rule of its own names: pilot, at once or by a request that is open.
func (o *office) targeted(carryOut bool) {
	o.Helper()
	asked := o.asksByRule()
	if !carryOut {
		return
	}
	if asked = o.decide(asked); asked.RolloutID != "" {
		o.rollOut(asked.RolloutID)
	}
}

// toBeta asks for where2eat for beta.
func toBeta() review.Content {
	c := where2eat()
	c.Fields["audiences"] = "beta"
	return c
}

// stepsToPilot makes the template take every flag to pilot, whatever audience is asked for.
func (o *office) stepsToPilot() {
	o.Helper()
	library := &template.Library{DB: o.db, Now: func() time.Time { return o.now }}
	raw := strings.Replace(string(o.file("template.json")), `"templateId"`, `"rollout": [
		{"environment": "staging", "percent": 100, "bake": "1h"}, {"environment": "production", "audience": "pilot", "percent": 100}
	], "templateId"`, 1)
	if _, _, err := library.Put(o.Context(), access.System("test"), []byte(raw)); err != nil {
		o.Fatal(err)
	}
}

// asksByRule has where2eat served to beta, and asks for it for whom a rule lets in that names pilot.
func (o *office) asksByRule() review.Request {
	o.Helper()
	r := o.approve("sam", o.approve("pat", o.submit(toBeta())))
	o.rollOut(r.RolloutID)
	return o.submit(review.Content{
		Kind: review.ChangeFlag, FlagKey: key, Environment: "production", BaseRevision: o.serving(key, "production").Revision, Reason: "them alone",
		Change: &review.ContentChange{FlagChange: review.FlagChange{
			Mode: registry.ServeCustom, DefaultVariant: "off", Targeting: map[string]any{"if": []any{map[string]any{"$ref": "pilot"}, "on", "off"}},
		}},
	})
}

func TestASegmentThatReachesProductionChangesByARequest(t *testing.T) {
	t.Parallel()
	if want := 11; len(usesOfPilot) != want {
		t.Errorf("%d uses, want %d", len(usesOfPilot), want)
	}
	for what, use := range usesOfPilot {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				o := open(t, db)
				use(o)
				before := o.segment("pilot")
				out, err := o.put(everybody)
				if err != nil || out.Request == nil {
					t.Fatalf("it is answered %+v, %v", out, err)
				}
				r := *out.Request
				if now := o.segment("pilot"); now.Everybody || now.Revision != before.Revision {
					t.Errorf("while it waits the audience is %+v", now)
				}
				if r.State != review.NeedsApproval || r.Risk == review.Low || r.Segment != "pilot" || !strings.Contains(r.Impact.Words, "1 switches") || len(r.Diff) < 2 {
					t.Fatalf("the request is %s, %s risk, %q, %+v, checks %+v", r.State, r.Risk, r.Impact.Words, r.Diff, r.Checks)
				}
				if again, err := o.put(everybody); err != nil || again.Request == nil || again.Request.ID != r.ID {
					t.Errorf("asked twice it is %+v, %v", again.Request, err)
				}
				if _, err := o.desk.Approve(t.Context(), o.as("root"), r.ID, review.Judgement{Digest: r.Digest}); err == nil {
					t.Error("whoever asked approved")
				}
				for _, name := range []string{"pat", "petra", "sam"} {
					if r.State == review.NeedsApproval {
						r = o.approve(name, r)
					}
				}
				if now := o.segment("pilot"); r.State != review.Approved || !now.Everybody || now.Revision != before.Revision+1 {
					t.Fatalf("approved it is %s, the audience %+v", r.State, now)
				}
				// One click puts back what was before: nobody gets more by that, except perhaps by a rule.
				back, err := o.desk.RollBackSegment(t.Context(), o.as("root"), "pilot")
				if slices.Contains(rulesOf, what) {
					if err != nil || back.Request == nil {
						t.Errorf("put back it is %+v, %v", back, err)
					}
					return
				}
				if err != nil || back.Request != nil || back.Segment.Everybody || !slices.Equal(back.Segment.Groups, before.Groups) {
					t.Errorf("put back it is %+v, %v", back, err)
				}
				// And what widens again is asked for again.
				if back, err = o.desk.RollBackSegment(t.Context(), o.as("root"), "pilot"); err != nil || back.Request == nil {
					t.Errorf("widened again it is %+v, %v", back, err)
				}
			})
		})
	}
}

func TestWhatAnOpenRequestIsForIsNotDeletedAndNoneIsMadeThatRulesNameAlready(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		asked := o.imported(`"wrap"`, `{"or": [{"$ref": "pilot"}, {"$ref": "newcomers"}]}`)
		comers := registry.Segment{Name: "newcomers", Title: "Newcomers", Everybody: true}
		for range 2 {
			err := o.desk.Segments.DeleteSegment(t.Context(), o.as("root"), "pilot", o.segment("pilot").Revision)
			wantCode(t, err, fault.Conflict, "segment_in_use")
			_, err = o.desk.PutSegment(t.Context(), o.as("root"), comers, "")
			wantCode(t, err, fault.Conflict, "referred_to_already")
			if asked.State == review.NeedsApproval {
				asked = o.decide(asked)
			}
		}
	})
}

func TestASegmentChangesAtOnceWhereNobodyElseIsReached(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		out, err := o.put(func(s *registry.Segment) { s.People = []string{"alice" + at} })
		if err != nil || out.Request != nil || len(o.segment("pilot").People) != 1 {
			t.Fatalf("nothing in production uses it: %+v, %v", out, err)
		}
		o.active()
		out, err = o.put(func(s *registry.Segment) { s.People = nil })
		if err != nil || out.Request != nil || len(o.segment("pilot").People) != 0 {
			t.Errorf("it narrows: %+v, %v", out, err)
		}
		if _, err := o.desk.Segments.PutSegment(t.Context(), access.Local("root"), func() registry.Segment { s := o.segment("pilot"); everybody(&s); return s }()); err == nil {
			t.Error("past the desk it is put at once")
		}
		stale := o.segment("pilot")
		stale.Revision--
		everybody(&stale)
		_, err = o.desk.PutSegment(t.Context(), o.as("root"), stale, "")
		wantCode(t, err, fault.Stale, "stale_segment")
	})
}

func TestFewerPeopleAreAskedForWhereARuleNamesTheAudience(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		if out, err := o.put(func(s *registry.Segment) { s.People = []string{"alice" + at} }); err != nil || out.Request != nil {
			t.Fatalf("nothing in production uses it: %+v, %v", out, err)
		}
		o.targeted(true) // a rule may be for whoever is not in it
		out, err := o.put(func(s *registry.Segment) { s.People = nil })
		if err != nil || out.Request == nil || len(o.segment("pilot").People) != 1 {
			t.Errorf("it is answered %+v, %v", out, err)
		}
		if out, err := o.put(func(s *registry.Segment) { s.Title = "Pilots" }); err != nil || out.Request != nil {
			t.Errorf("its title is asked for: %+v, %v", out, err)
		}
	})
}

func TestARequestSaysHowManyOfLateAreInTheAudience(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		o.active()
		o.desk.Recent = func(environment string) []map[string]any {
			if environment != "production" {
				return nil
			}
			return []map[string]any{{"targetingKey": "a", "groups": []any{"pilot"}}, {"targetingKey": "a"}, {"targetingKey": "b"}, {}}
		}
		out, err := o.put(everybody)
		if err != nil || out.Request == nil || out.Request.Impact.Lately == nil || *out.Request.Impact.Lately != (review.Lately{Before: 1, After: 3}) {
			t.Errorf("it says %+v, %v", out.Request, err)
		}
	})
}

func TestOwnersOfAFlagMayAskForItsAudienceAndStrangersMayNot(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		o.active()
		yes := true
		content := review.Content{
			Kind: review.ChangeSegment, Segment: "pilot", BaseRevision: o.segment("pilot").Revision, Reason: "all of us",
			Change: &review.ContentChange{SegmentChange: review.SegmentChange{Everybody: &yes}},
		}
		_, err := o.desk.Submit(t.Context(), o.as("eve"), content)
		wantCode(t, err, fault.Forbidden, "forbidden")
		r := o.submit(content) // alice's team owns where2eat
		if r.State != review.NeedsApproval || r.AppSlug != "where2eat" {
			t.Errorf("alice's request is %s about %q: %+v", r.State, r.AppSlug, r.Checks)
		}
		other := content
		other.BaseRevision = 99
		_, err = o.desk.Submit(t.Context(), o.as("alice"), other)
		wantCode(t, err, fault.Conflict, "base_changed")
		other.Segment = "nobody"
		_, err = o.desk.Submit(t.Context(), o.as("alice"), other)
		wantCode(t, err, fault.NotFound, "no_segment")
		mixed := content
		mixed.Change = &review.ContentChange{FlagChange: review.FlagChange{Mode: registry.ServeOn}}
		if r := o.submit(mixed); r.State != review.NeedsFixes {
			t.Errorf("a change of a flag is %s", r.State)
		}
	})
}

func TestWhileAFlagBakesItsAudienceDoesNotWiden(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		r := o.published()
		asked, err := o.put(everybody)
		if err != nil || asked.Request == nil {
			t.Fatal(asked, err)
		}
		if _, err := o.rollouts.Start(t.Context(), o.as("alice"), r.RolloutID, rollout.Word{}); err != nil {
			t.Fatal(err)
		}
		o.toProduction(r.RolloutID)
		_, err = o.put(func(s *registry.Segment) { s.People = []string{"alice" + at} })
		wantCode(t, err, fault.Conflict, "rollout_running")
		_, err = o.desk.Approve(t.Context(), o.as("pat"), asked.Request.ID, review.Judgement{Digest: asked.Request.Digest})
		wantCode(t, err, fault.Conflict, "rollout_running")
		if out, err := o.put(func(s *registry.Segment) { s.Groups = nil }); err != nil || out.Request != nil {
			t.Errorf("what narrows waits: %+v, %v", out, err)
		}
	})
}

// toProduction promotes a rollout up to its first step in production.
func (o *office) toProduction(id string) {
	o.Helper()
	for range 5 {
		r, err := o.rollouts.Get(o.Context(), o.as("alice"), id)
		if err != nil {
			o.Fatal(err)
		}
		if r.Steps[r.Current].Environment == "production" {
			return
		}
		o.now = o.now.Add(24 * time.Hour)
		if _, err := o.rollouts.Promote(o.Context(), o.as("alice"), id, rollout.Word{Reason: "all is well", Unseen: "no program runs in this test"}); err != nil {
			o.Fatal(err)
		}
	}
	o.Fatal("it does not come to production")
}

// imports asks for a flagd document in production.
func (o *office) imports(document string) review.Request {
	o.Helper()
	out, err := o.desk.Import(o.Context(), o.as("root"), review.Content{Environment: "production", Format: "flagd", Reason: "from before", Document: document}, "", false)
	if err != nil || out.Request == nil {
		o.Fatalf("%+v, %v", out, err)
	}
	return *out.Request
}

func TestAFlagAskedForAndARuleAskedForBesideItAreAUseOfWhatTheRuleNames(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		o.decide(o.imports(`{"$evaluators": {"few": {"==": [{"var": "plan"}, "x"]}}, "flags": {}}`))
		flag := o.imports(`{"flags": {"late": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
			"targeting": {"if": [{"$ref": "few"}, "on", "off"]}}}}`)
		rule := o.imports(`{"$evaluators": {"few": {"$ref": "pilot"}}, "flags": {}}`)
		if out, err := o.put(everybody); err != nil || out.Request == nil {
			t.Errorf("everybody is answered %+v, %v", out, err)
		}
		o.decide(rule)
		_, err := o.desk.Approve(t.Context(), o.as("pat"), flag.ID, review.Judgement{Digest: flag.Digest, Domain: "product"})
		wantCode(t, err, fault.Conflict, "base_changed")
	})
}

func TestAnAudienceChangesForTheFlagsThatItsApproversSaw(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		o.active()
		out, err := o.put(everybody)
		if err != nil || out.Request == nil {
			t.Fatal(out, err)
		}
		more := where2eat()
		more.App.Slug, more.App.Name = "sleep", "Sleep"
		o.submit(more)
		_, err = o.desk.Approve(t.Context(), o.as("pat"), out.Request.ID, review.Judgement{Digest: out.Request.Digest, Domain: "product"})
		wantCode(t, err, fault.Conflict, "base_changed")
		if seen, err := o.desk.Get(t.Context(), o.as("pat"), out.Request.ID); err != nil || !seen.BaseChanged {
			t.Errorf("its page says %+v, %v", seen.BaseChanged, err)
		}
	})
}
