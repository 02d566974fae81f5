package cli

import (
	"strings"
	"time"

	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/strict"
)

// checkEvent checks the shape of an audit event.
func checkEvent(raw []byte) []fault.Finding {
	event, findings := strict.Decode[struct {
		Event     string     `json:"event"`
		FlagID    string     `json:"flag_id"`
		From      string     `json:"from"`
		To        string     `json:"to"`
		Actor     string     `json:"actor"`
		Timestamp *time.Time `json:"timestamp"`
		Reason    string     `json:"reason"`

		ID          string            `json:"id"`
		FlagKey     string            `json:"flag_key"`
		Environment string            `json:"environment"`
		App         string            `json:"app"`
		RequestID   string            `json:"request_id"`
		RolloutID   string            `json:"rollout_id"`
		Subject     string            `json:"subject"`
		Credential  *audit.Credential `json:"credential"`
		Details     map[string]any    `json:"details"`
		Leaf        any               `json:"leaf"` // null until it is sequenced
	}](raw, strict.Take{Bytes: maxChecked, AnyText: true})
	if len(findings) > 0 {
		return findings
	}
	need := func(field string, there bool) {
		if !there {
			findings = append(findings, fault.Finding{
				Severity: fault.SeverityError, Field: field, Code: "missing", Message: "the event lacks " + field, Remediation: "add it",
			})
		}
	}
	need("event", event.Event != "")
	need("actor", event.Actor != "")
	need("timestamp", event.Timestamp != nil)
	if event.Event == audit.FlagStateChanged.String() {
		need("flag_id", event.FlagID != "")
		need("from", event.From != "")
		need("to", event.To != "")
		need("reason", strings.TrimSpace(event.Reason) != "")
	}
	return findings
}
