package template

import (
	"encoding/json"

	"github.com/soukhq/souk/internal/fault"
)

// Checked is what there is to say of a document before it is stored: what is wrong with it, and what it would make.
type Checked struct {
	Findings []fault.Finding `json:"findings" nullable:"false" doc:"What is wrong; an error refuses the document"`
	Document *Document       `json:"document,omitempty" doc:"The document as it would be stored; absent where it cannot be read"`
	Schema   json.RawMessage `json:"schema,omitempty" doc:"JSON Schema (2020-12) of the fields, from which the form is built"`
	Fields   map[string]any  `json:"fields" doc:"The sample's fields with defaults filled in"`
	Verdict  []fault.Finding `json:"verdict" nullable:"false" doc:"What the form would say of these fields"`
	Plan     []Stage         `json:"plan" nullable:"false" doc:"The rollout with the fields put in; empty is the default plan"`
}

// Check reads a document and shows what it would make of a publisher's fields; nothing is stored.
func Check(raw []byte, fields map[string]any) Checked {
	doc, findings := Parse(raw)
	out := Checked{Findings: findings, Fields: map[string]any{}, Verdict: []fault.Finding{}, Plan: []Stage{}}
	if out.Findings == nil {
		out.Findings = []fault.Finding{}
	}
	if doc.TemplateID == "" && len(doc.Fields) == 0 {
		return out
	}
	out.Document = &doc
	for _, f := range findings {
		if f.Severity == fault.SeverityError {
			return out
		}
	}
	out.Schema = doc.Schema()
	out.Fields = doc.Fill(fields)
	if verdict := doc.Validate(out.Fields); verdict != nil {
		out.Verdict = verdict
	}
	if plan := doc.Steps(out.Fields); plan != nil {
		out.Plan = plan
	}
	return out
}
