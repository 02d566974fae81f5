package serve_test

import (
	"testing"

	"github.com/soukhq/souk/internal/measure"
)

func TestEvaluationsAreSeenOnTheirFlagByAnswerAndClient(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		key := o.live()
		usage := func() (r measure.Report) {
			o.do("bob", "GET", enabled+"/usage?environment=production", nil).must(200).into(&r)
			return r
		}
		if r := usage(); r.LastEvaluated != nil || len(r.Series) != 0 {
			o.Errorf("before anybody asked: %+v", r)
		}
		for range 3 {
			o.evaluate(key, "alice@hyfin.example", "pilot")
		}
		all := o.do("", "POST", "/ofrep/v1/evaluate/flags", map[string]any{"context": map[string]any{"targetingKey": "x"}}, "X-API-Key", key).must(200)
		o.do("", "POST", "/ofrep/v1/evaluate/flags", map[string]any{"context": map[string]any{"targetingKey": "x"}}, "X-API-Key", key,
			"If-None-Match", all.Header.Get("ETag")).must(304)
		o.do("", "POST", "/ofrep/v1/evaluate/flags/where2eat.enabled", map[string]any{"context": 7}, "X-API-Key", key).must(400)
		o.do("", "POST", "/ofrep/v1/evaluate/flags/nobody", map[string]any{}, "X-API-Key", key).must(404)

		var r measure.Report
		o.eventually("usage is written", func() bool { r = usage(); return r.Total == 6 })
		counts := map[string]int64{}
		for _, s := range r.Series {
			counts[s.Variant+s.Reason] = s.Total
		}
		if counts["on"] != 3 || counts["off"] != 1 || counts["CACHED"] != 1 || counts["ERROR"] != 1 {
			o.Errorf("%v", counts)
		}
		if len(r.Errors) != 1 || len(r.Clients) != 1 || r.Clients[0].Name == "" || r.Clients[0].Count != 6 || r.Clients[0].Errors != 1 || r.LastEvaluated == nil {
			o.Errorf("%+v by %+v", r.Errors, r.Clients)
		}
		o.do("bob", "GET", "/api/v1/flags/nobody/usage", nil).must(404)
		o.do("bob", "GET", enabled+"/usage?step=week", nil).must(400)
		o.do("bob", "GET", enabled+"/usage?step=minute&from=2020-01-01T00:00:00Z", nil).problem(400, "period_too_long")
	})
}
