package review

import "testing"

func TestTheDigestOfARequestThatWasNeverSubmittedAgainIsAsItAlwaysWas(t *testing.T) {
	t.Parallel()
	c := Content{Kind: ExtendTTL, FlagKey: "where2eat.enabled", Until: "2026-12-31"}
	for resubmits, want := range map[int64]string{
		0: "sha256:f750d5f2087a4e151b2b2134293bc6c87cbaee3345520e868f2bb798a3083494",
		1: "sha256:0adb2109f5a160e89923703bb0e839037a41584708d8817793d06740fb3bc35b",
	} {
		if got, err := digestOf(c, 1, int64(0), resubmits); err != nil || got != want {
			t.Errorf("submitted again %d times: %s, %v", resubmits, got, err)
		}
	}
}
