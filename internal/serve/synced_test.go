package serve_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/flag/stocktest"
)

// synced is the document that in-process SDKs get with an SDK key.
func (o *office) synced(key string) json.RawMessage {
	o.Helper()
	var got struct{ FlagConfiguration string }
	o.do("", "POST", "/flagd.sync.v1.FlagSyncService/FetchAllFlags", map[string]any{}, "X-API-Key", key).must(200).into(&got)
	return json.RawMessage(got.FlagConfiguration)
}

// compareInProcess compares what flagd's engine makes of the document that is served with what OFREP answers.
func (o *office) compareInProcess(key string, contexts []map[string]any, leftOut ...string) {
	o.Helper()
	bulks := make([][]byte, len(contexts))
	for i, context := range contexts {
		bulks[i] = o.do("", "POST", "/ofrep/v1/evaluate/flags", map[string]any{"context": context}, "X-API-Key", key).must(200).Body
	}
	stocktest.Compare(o.T, time.Now(), o.synced(key), contexts, bulks, leftOut)
}

// oddFlags are taken as flagd takes them, though an engine would refuse all flags of a document for one of them.
const oddFlags = `{"flags": {
	"stateless": {"variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"if": [{"$ref": "no \"quotes\""}, "on"]}},
	"lost": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "nothing"},
	"lost/disabled": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "nothing"},
	"empty": {"state": "ENABLED", "variants": {}},
	"nested": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off", "targeting": {"if": [{"$ref": "z"}, "on"]}},
	"größe ✓": {"state": "ENABLED", "variants": {"L": "größer", "off": ""}, "defaultVariant": "off", "targeting": {"if": [{"$ref": "payers"}, "L"]}}},
	"$evaluators": {"a": {"in": ["$& $'", {"var": "groups"}]}, "no \"quotes\"": {"in": ["日本", {"var": "groups"}]},
		"z": {"or": [{"$ref": "a"}, {"$ref": "7"}]}, "7": {"===": [{"var": "n"}, 7]}}}`

func TestInProcessSDKsAnswerAsOFREPDoesWhateverIsStored(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.do("root", "PUT", "/api/v1/segments/payers", map[string]any{
			"title": "Payers", "rules": []map[string]any{{"attribute": "price", "operator": "one_of", "values": []string{"$$5", "$&", `a "b" \c`, "日本"}}},
			"match": "any", "people": []string{"o'$'reilly@hyfin.example"},
		}, "If-None-Match", "*").must(200)
		o.imports("root", "sandbox", string(testkit(t)), nil).must(200)
		files, err := filepath.Glob(filepath.Join(conformance(), "flagd-real", "*.json"))
		if err != nil || len(files) == 0 {
			o.Fatal("no files that people use", err)
		}
		for _, file := range files {
			document, err := os.ReadFile(file)
			if err != nil {
				o.Fatal(err)
			}
			o.imports("root", "sandbox", string(document), nil).must(200)
		}
		done := o.imports("root", "sandbox", oddFlags, nil).must(200).imported()
		var gaps []string
		for _, gap := range done.Plan.Gaps {
			if gap.Code == "not_synced" {
				gaps = append(gaps, gap.Key)
			}
		}
		left := []string{"empty", "lost", "lost/disabled"}
		if !slices.Equal(gaps, left) {
			o.Errorf("the import tells that %v are not synced", gaps)
		}
		key := o.sdkKey("sandbox")
		contexts := []map[string]any{
			{},
			{"targetingKey": "ann", "email": "ballmer@macrosoft.com"},
			{"groups": []any{"$& $'", "日本"}, "n": 7.0},
			{"price": "$$5"},
			{"price": `a "b" \c`},
			{"targetingKey": "o'$'reilly@hyfin.example", "price": "$5"},
		}
		o.compareInProcess(key, contexts, left...)

		for _, name := range left {
			if !slices.Contains(codes(o.named("bob", name)), "not_synced") {
				o.Errorf("the page of %s does not say so", name)
			}
		}
		var found struct{ Items []api.Diagnosis }
		o.do("root", "GET", "/api/v1/doctor", nil).must(200).into(&found)
		told := 0
		for _, d := range found.Items {
			if d.Name == "left_out" && strings.Contains(d.Words, "sandbox: in-process SDKs do not get it: ") {
				told++
			}
		}
		if told != len(left) {
			o.Errorf("doctor tells %d times: %+v", told, found)
		}
		if !strings.Contains(o.scrape(), `souk_snapshot_left_out_flags{environment="sandbox"} 3`) {
			o.Error("no metric tells")
		}

		// Killed they are all there.
		for _, name := range left {
			o.do("olu", "POST", "/api/v1/flags/"+strings.ReplaceAll(name, "/", "%2F")+"/environments/sandbox/kill", nil).must(200)
		}
		var document struct {
			Flags map[string]json.RawMessage `json:"flags"`
		}
		if err := json.Unmarshal(o.synced(key), &document); err != nil {
			o.Fatal(err)
		}
		for _, name := range left {
			if document.Flags[name] == nil {
				o.Errorf("%s is killed and not synced", name)
			}
		}
		o.compareInProcess(key, contexts)
	})
}

func TestAFlagMadeHereThatEnginesCannotLoadSaysSoOnItsPage(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.approved(where2eat(30))
		people := make([]string, 1000)
		for i := range people {
			people[i] = fmt.Sprintf("%s%d@%s.%s.example", strings.Repeat("a", 50), i, strings.Repeat("b", 60), strings.Repeat("c", 60))
		}
		segment := map[string]any{"title": "Many", "people": people[:1]}
		o.do("root", "PUT", "/api/v1/segments/many", segment, "If-None-Match", "*").must(200)
		o.change("staging", map[string]any{"mode": "custom", "targeting": map[string]any{
			"if": []any{map[string]any{"or": slices.Repeat([]any{map[string]any{"$ref": "many"}}, 8)}, "on"},
		}})
		if gaps := o.flag("alice").Gaps; len(gaps) != 0 {
			o.Errorf("while engines can load it: %+v", gaps)
		}
		segment["people"] = people // its rule, with what it refers to, has over 1 MB now
		o.do("root", "PUT", "/api/v1/segments/many", segment, "If-Match", `"1"`).must(200)
		o.eventually("its page says so", func() bool {
			gaps := o.flag("alice").Gaps
			return len(gaps) == 1 && gaps[0].Code == "not_synced" && strings.Contains(gaps[0].Message, "1 MB") && gaps[0].Remediation != ""
		})
	})
}
