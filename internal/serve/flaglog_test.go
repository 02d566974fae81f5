package serve_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/store"
)

func TestTheLogOfAFlagShowsWhatHappenedToItsSegments(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		flag := o.approved(where2eat(30)).Flag
		for _, name := range []string{"pilot", "beta"} {
			o.do("", "PUT", "/api/v1/segments/"+name, map[string]any{"title": "Another title", "groups": []string{name}}, "If-Match", `"1"`).must(200)
		}
		for _, named := range []string{flag.Key, flag.FlagID} {
			var events store.Listing[struct {
				Event, Subject string
			}]
			o.do("ada", "GET", "/api/v1/audit/events?flag="+named, nil).must(200).into(&events)
			var segments, others []string
			for _, e := range events.Items {
				if strings.HasPrefix(e.Event, "segment.") {
					segments = append(segments, e.Subject)
				} else {
					others = append(others, e.Event)
				}
			}
			if !slices.Contains(segments, "segment:pilot") || slices.Contains(segments, "segment:beta") || !slices.Contains(others, "flag.created") {
				o.Errorf("the log of %s has %v and %v", named, segments, others)
			}
		}
	})
}
