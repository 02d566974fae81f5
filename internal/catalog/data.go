package catalog

import (
	"fmt"
	"slices"

	"github.com/soukhq/souk/internal/fault"
)

// Classification is how sensitive the data is that an app shows.
type Classification string

// The classifications, the least sensitive first.
const (
	NoData       Classification = "none"
	Internal     Classification = "internal"
	Confidential Classification = "confidential"
)

// Classifications lists all of them, the least sensitive first.
var Classifications = []Classification{NoData, Internal, Confidential}

// whyMax bounds why an app shows data, in characters.
const whyMax = 500

// Data is what a team says of the data that its app shows. Its zero value says nothing.
type Data struct {
	Classification Classification `json:"classification,omitempty" enum:"none,internal,confidential" doc:"How sensitive it is: none (no company data), internal (for colleagues only) or confidential (customers, money or people)"`
	Why            string         `json:"why,omitempty" doc:"Which data it is, and what the app needs it for"`
}

// Most returns the most sensitive of the answers, without those that are no classification; empty if none is one.
func Most(answers ...Classification) (most Classification) {
	for _, answer := range answers {
		if slices.Index(Classifications, answer) > slices.Index(Classifications, most) {
			most = answer
		}
	}
	return most
}

func checkData(d Data) []fault.Finding {
	var found []fault.Finding
	if d.Classification != "" && !slices.Contains(Classifications, d.Classification) {
		found = append(found, finding("data.classification", "unknown_classification",
			fmt.Sprintf("%q does not say how sensitive the data is", short(string(d.Classification))), "choose none, internal or confidential"))
	}
	if d.Why != "" {
		found = append(found, checkText("data.why", "what the data is for", d.Why, whyMax, true)...)
	}
	return found
}
