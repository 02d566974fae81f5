package flag_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExplanationsNameTheConditionTheSplitAndTheSharedRule(t *testing.T) {
	t.Parallel()
	s, _ := compile(t, document(map[string]string{
		"f": `{"if":[{"==":[{"var":"user.country"},"CH"]},"off",{"$ref":"pilot"},{"fractional":[["on",25],["off",75]]}]}`,
	}, `{"pilot":{"in":["pilot",{"var":"groups"}]}}`))
	e, ok := s.Explain("f", map[string]any{"targetingKey": "ann", "groups": []any{"pilot"}, "user": map[string]any{"country": "DE"}}, noon)
	if !ok {
		t.Fatal("there is no such flag")
	}
	got, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "key": "f",
 "value": true,
 "variant": "on",
 "reason": "TARGETING_MATCH",
 "matched": {
  "path": "/if/2"
 },
 "conditions": [
  {
   "path": "/if/0",
   "rule": {
    "==": [
     {
      "var": "user.country"
     },
     "CH"
    ]
   },
   "holds": false,
   "attributes": [
    {
     "name": "user.country",
     "present": true,
     "value": "DE"
    }
   ]
  },
  {
   "path": "/if/2",
   "rule": {
    "$ref": "pilot"
   },
   "holds": true,
   "attributes": [
    {
     "name": "groups",
     "present": true,
     "value": [
      "pilot"
     ]
    }
   ]
  }
 ],
 "splits": [
  {
   "path": "/if/3",
   "bucket_by": "fann",
   "point": 20.274797594174743,
   "buckets": [
    {
     "variant": "on",
     "weight": 25,
     "from": 0,
     "to": 25
    },
    {
     "variant": "off",
     "weight": 75,
     "from": 25,
     "to": 100
    }
   ],
   "chosen": 0
  }
 ],
 "evaluators": [
  {
   "name": "pilot",
   "gave": true
  }
 ]
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	if _, ok := s.Explain("gone", nil, noon); ok {
		t.Error("an unknown flag has an explanation")
	}
}
