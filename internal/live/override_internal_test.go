package live

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAFlagThatIsKilledHereNeverServesMoreThanBefore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ definition, off, want string }{
		"the off variant": {
			`{"state":"ENABLED","variants":{"on":1,"none":0},"defaultVariant":"on","targeting":{"if":[true,"on"]}}`, "none",
			`{"state":"ENABLED","variants":{"on":1,"none":0},"defaultVariant":"none","metadata":{"killed":true}}`,
		},
		"one that is called so": {
			`{"state":"DISABLED","variants":{"on":1,"false":0},"defaultVariant":"on","metadata":{"team":"a"}}`, "",
			`{"state":"ENABLED","variants":{"on":1,"false":0},"defaultVariant":"false","metadata":{"killed":true,"team":"a"}}`,
		},
		"none: the default, without a rule": {
			`{"state":"ENABLED","variants":{"a":1,"b":0},"defaultVariant":"a","targeting":{"if":[true,"b"]}}`, "",
			`{"state":"ENABLED","variants":{"a":1,"b":0},"defaultVariant":"a","metadata":{"killed":true}}`,
		},
		"none and disabled": {
			`{"state":"DISABLED","variants":{"a":1,"b":0},"defaultVariant":"a"}`, "",
			`{"state":"DISABLED","variants":{"a":1,"b":0},"defaultVariant":"a","metadata":{"killed":true}}`,
		},
		"what is no flag": {`[]`, "", `{"state":"DISABLED","variants":{}}`},
	} {
		var got, want any
		if json.Unmarshal(killedDefinition(json.RawMessage(tt.definition), tt.off), &got) != nil || json.Unmarshal([]byte(tt.want), &want) != nil {
			t.Fatal(name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
