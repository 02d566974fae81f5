package serve_test

import (
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/measure"
	"github.com/soukhq/souk/internal/rollout"
)

// TestOnlyAnSDKThatAsksByKeyShowsThatASwitchIsWired holds what people and programs do with a flag against the question before its first step
// in production, through the API alone.
func TestOnlyAnSDKThatAsksByKeyShowsThatASwitchIsWired(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		keys := map[string]string{}
		for _, environment := range []string{"staging", "production"} {
			var key api.NewKey
			o.do("olu", "POST", "/api/v1/sdk-keys", map[string]any{"environment": environment}).must(201).into(&key)
			keys[environment] = key.Secret
		}
		r := o.approved(where2eat(30))
		o.do("alice", "POST", "/api/v1/rollouts/"+r.RolloutID+"/start", nil).must(200)
		promote := func(body map[string]any) answer {
			return o.do("alice", "POST", "/api/v1/rollouts/"+r.RolloutID+"/promote", body)
		}
		why, about := map[string]any{"reason": "fine"}, map[string]any{"context": map[string]any{"targetingKey": "x"}}
		const all = "/ofrep/v1/evaluate/flags"
		var etag string
		for _, use := range []struct {
			name string
			do   func()
		}{
			{"nothing", func() {}},
			{"Try it", func() {
				o.do("alice", "POST", enabled+"/environments/staging/try", about).must(200)
			}},
			{"a name that there is not", func() { o.do("", "POST", all+"/where2eat", about, "X-API-Key", keys["staging"]).must(404) }},
			{"all flags", func() { etag = o.do("", "POST", all, about, "X-API-Key", keys["staging"]).must(200).Header.Get("ETag") }},
			{"all flags unchanged", func() { o.do("", "POST", all, about, "X-API-Key", keys["staging"], "If-None-Match", etag).must(304) }},
			{"a document", func() {
				o.do("", "POST", "/flagd.sync.v1.FlagSyncService/FetchAllFlags", map[string]any{}, "Authorization", "Bearer "+keys["staging"]).must(200)
			}},
			{"in production", func() { o.evaluate(keys["production"], "x", "pilot") }},
		} {
			use.do()
			if a := promote(why); a.Status != 409 {
				o.Fatalf("%s shows that the switch is wired: %d %s", use.name, a.Status, a.Body)
			}
			promote(why).problem(409, "not_seen")
		}
		var used measure.Report
		o.do("bob", "GET", enabled+"/usage?environment=staging", nil).must(200).into(&used)
		if used.AskedAt != nil || used.BulkAt == nil || used.SyncedAt == nil || used.Clients[0].SyncedAt == nil {
			o.Errorf("in use: %+v", used.Use)
		}
		o.evaluate(keys["staging"], "x", "pilot") // counted in memory, and written before the answer
		var after rollout.Rollout
		promote(why).must(200).into(&after)
		if after.Current != 1 || after.Unseen != "" {
			o.Errorf("%+v", after)
		}
	})
}
