package serve_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/lifecycle"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/rollout"
	"github.com/soukhq/souk/internal/store"
)

const enabled = "/api/v1/flags/where2eat.enabled"

func (o *office) flag(who string) (f api.FlagDetail) {
	o.Helper()
	o.do(who, "GET", enabled, nil).must(200).into(&f)
	return f
}

// can tells what somebody may do with the flag in an environment.
func (o *office) can(who, environment string) []string {
	o.Helper()
	state, _ := o.flag(who).In(environment)
	return state.Can
}

// ask makes a request about the flag, and has everybody approve it who is needed.
func (o *office) ask(content map[string]any) (r review.Request) {
	o.Helper()
	content["flag_key"], content["reason"] = "where2eat.enabled", "because"
	o.do("alice", "POST", "/api/v1/requests", content).must(201).into(&r)
	approver := map[string]string{"product": "pat", "security": "sam", "platform": "petra"}
	for _, need := range r.ApprovalsNeeded {
		if r.State == review.NeedsApproval {
			o.do(approver[string(need.Domain)], "POST", "/api/v1/requests/"+r.ID+"/approve", map[string]any{"digest": r.Digest, "reason": "fine"}).must(200).into(&r)
		}
	}
	if r.State != review.Approved {
		o.Fatalf("%s is %s: %+v", r.Kind, r.State, r.Checks)
	}
	return r
}

func (o *office) change(environment string, change map[string]any) review.Request {
	o.Helper()
	state, _ := o.flag("alice").In(environment)
	return o.ask(map[string]any{"kind": "change_flag", "environment": environment, "base_revision": state.Revision, "change": change})
}

func TestAFlagIsChangedComparedAndRolledBack(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		r := o.approved(where2eat(30))
		if diff := cmp.Diff([]string{"kill", "change"}, o.can("alice", "staging")); diff != "" {
			o.Error(diff)
		}
		o.change("staging", map[string]any{"targeting": map[string]any{"if": []any{map[string]any{"$ref": "beta"}, "on"}}})
		f := o.flag("alice")
		staging, _ := f.In("staging")
		if staging.Serving.Mode != registry.ServeCustom || !slices.Contains(staging.Can, "rollback") {
			o.Errorf("staging serves %s, alice may %v", staging.Serving.Words(), staging.Can)
		}
		var diff registry.Comparison
		o.do("bob", "GET", enabled+"/diff?environment=staging", nil).must(200).into(&diff)
		if len(diff.Changes) == 0 || diff.To.Revision != staging.Revision || diff.From.Serving.Mode != registry.ServeOff {
			o.Errorf("%+v", diff)
		}
		o.do("bob", "GET", enabled+"/diff?environment=staging&from=99999", nil).problem(404, "unknown_revision")
		o.do("bob", "GET", enabled+"/diff", nil).must(400)

		back := enabled + "/environments/staging/rollback"
		o.do("alice", "POST", back, map[string]any{"to_revision": 99999}).problem(404, "unknown_revision")
		o.do("alice", "POST", back, nil, "If-Match", `"1"`).problem(412, "stale")
		var after api.RestoredFlag
		var token api.NewToken // which turns off, and nothing on
		o.do("alice", "POST", "/api/v1/tokens", map[string]any{"scope": "kill"}).must(201).into(&token)
		off := hand{"Authorization", "Bearer " + token.Secret}
		o.do("nobody", "POST", back, nil, append(off, "If-Match", strconv.Quote(strconv.FormatInt(f.Revision, 10)))...).must(200).into(&after)
		if state, _ := after.In("staging"); state.Serving.Mode != registry.ServeOff || after.Request != nil || slices.Contains(state.Can, "rollback") {
			o.Errorf("staging serves %s, and a token of scope kill may %v", state.Serving.Words(), state.Can)
		}
		o.do("nobody", "POST", back, map[string]any{"to_revision": staging.Revision}, off...).problem(403, "token_scope")

		o.toProduction(r.RolloutID)
		var waiting store.Listing[rollout.Rollout]
		o.do("alice", "GET", "/api/v1/rollouts?waiting=true&mine=true&state=running&state=ready", nil).must(200).into(&waiting)
		if len(waiting.Items) != 0 {
			o.Errorf("nobody has to decide about %+v", waiting.Items)
		}
		o.do("olu", "POST", enabled+"/environments/production/rollback", map[string]any{"reason": "complaints"}).must(200).into(&after)
		if state, _ := after.In("production"); state.Serving.Mode != registry.ServeOff || after.Rollouts[0].State != rollout.Aborted {
			o.Errorf("production serves %s, its rollout is %s", state.Serving.Words(), after.Rollouts[0].State)
		}
		// Forward again gives people more than now, and so it is asked for.
		state, _ := after.In("production")
		var past store.Listing[registry.Revision]
		o.do("alice", "GET", enabled+"/history?environment=production", nil).must(200).into(&past)
		to := past.Items[1].Revision
		if past.Items[0].Revision != state.Revision || past.Items[0].Cause != registry.CauseRollback {
			o.Fatalf("%+v", past.Items)
		}
		o.do("alice", "POST", enabled+"/environments/production/rollback", map[string]any{"to_revision": to}).must(202).into(&after)
		if after.Request == nil || after.Request.Kind != review.ChangeFlag {
			o.Errorf("%+v", after.Request)
		}
	})
}

func TestADeprecatedFlagCanBeTurnedOffAndExtendedAndNothingElse(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		r := o.approved(where2eat(30))
		o.toProduction(r.RolloutID)
		o.ask(map[string]any{"kind": "deprecate", "removal_plan": "alice deletes the code"})
		f := o.flag("alice")
		if f.Lifecycle.State != lifecycle.Deprecated || !f.ReadOnly || f.Lifecycle.GraceEndsAt == nil || f.Rollouts[0].State != rollout.Aborted {
			o.Fatalf("%+v, its rollout is %s", f.Lifecycle, f.Rollouts[0].State)
		}
		if diff := cmp.Diff([]string{"kill", "tag", "extend"}, f.Can); diff != "" {
			o.Error(diff)
		}
		if diff := cmp.Diff([]string{"kill"}, o.can("alice", "production")); diff != "" {
			o.Error(diff)
		}
		production, _ := f.In("production")
		o.do("alice", "POST", "/api/v1/requests", map[string]any{
			"kind": "change_flag", "flag_key": f.Key, "environment": "production", "base_revision": production.Revision, "change": map[string]any{"mode": "on"},
		}).problem(409, "flag_read_only")
		o.do("alice", "POST", enabled+"/environments/production/rollback", nil).problem(409, "flag_read_only")
		o.do("alice", "POST", "/api/v1/rollouts/"+r.RolloutID+"/resume", nil).problem(409, "rollout_state")
		o.do("olu", "POST", enabled+"/environments/production/kill", nil).must(200)
		o.do("olu", "POST", enabled+"/environments/sandbox/kill", nil).must(200)
		o.do("olu", "POST", enabled+"/environments/sandbox/restore", nil).problem(409, "flag_read_only")

		until := f.Lifecycle.ExpiresAt.Add(24 * time.Hour).UTC().Format(time.RFC3339)
		o.ask(map[string]any{"kind": "extend_ttl", "until": until})
		f = o.flag("alice")
		if f.Lifecycle.State != lifecycle.Staged || f.ReadOnly || f.Lifecycle.ExpiresAt.UTC().Format(time.RFC3339) != until {
			o.Errorf("%+v", f.Lifecycle)
		}
		o.do("olu", "POST", enabled+"/environments/sandbox/restore", nil).must(200)

		o.ask(map[string]any{"kind": "deprecate"})
		o.ahead.Add(int64(40 * 24 * time.Hour))
		o.ask(map[string]any{"kind": "remove"})
		f = o.flag("alice")
		if f.Lifecycle.State != lifecycle.Removed || f.RemovedAt == nil || len(f.Can) != 0 {
			o.Errorf("%+v, alice may %v", f.Lifecycle, f.Can)
		}
		o.do("olu", "POST", enabled+"/environments/staging/kill", nil).must(200)
	})
}

func TestFlagsAreFoundByWhatTheyDo(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.approved(where2eat(30))
		found := func(who, query string, want bool) {
			o.Helper()
			var list store.Listing[api.FlagSummary]
			o.do(who, "GET", "/api/v1/flags?"+query, nil).must(200).into(&list)
			if (len(list.Items) == 1) != want {
				o.Errorf("%s finds %d flags", query, len(list.Items))
			}
		}
		for query, want := range map[string]bool{
			"environment=sandbox&serving=on": true, "environment=production&serving=on": false, "environment=production&serving=off": true,
			"serving=killed": false, "state=approved": true, "state=active": false, "template_id=microapp-basic-toggle-v1": true,
			"q=where2": true, "q=%25": false, "expires_before=2100-01-01T00:00:00Z": false, "created_before=2100-01-01T00:00:00Z": true,
			"created_before=2000-01-01T00:00:00Z": false, "sort=key": true, "sort=expires&order=desc": true, "owner=team-lunch&app=where2eat": true,
			"mine=true": true, "state=removed": false,
		} {
			found("alice", query, want)
		}
		found("eve", "mine=true", false)
		o.do("olu", "POST", enabled+"/environments/production/kill", nil).must(200)
		found("bob", "serving=killed&environment=production", true)
		found("bob", "killed=true&environment=sandbox", false)
		found("bob", "environment=production&serving=off", false)
		for _, query := range []string{"sort=name", "order=up", "serving=none", "state=gone", "expires_before=soon", "cursor=x", "limit=0"} {
			o.do("bob", "GET", "/api/v1/flags?"+query, nil).must(400)
		}
	})
}
