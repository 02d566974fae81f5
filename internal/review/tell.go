package review

import (
	"fmt"
	"strings"

	"github.com/soukhq/souk/internal/audit"
)

// told are the events that always say the same.
var told = map[string]string{
	"request.drafted":      "began a draft",
	"request.draft_saved":  "saved the draft",
	"request.commented":    "said",
	"request.change_asked": "asked for a change",
	"request.answered":     "answered",
	"request.submitted":    "asked for this",
	"request.edited":       "edited the request; what was decided on another content no longer counts",
	"request.withdrawn":    "withdrew the request",
	"request.denied":       "the request is denied",
	"app.reserved":         "reserved the short name",
	"app.published":        "the app is in the marketplace",
	"app.changed":          "changed what the app says of itself",
	"app.held":             "took the app back",
	"rollout.created":      "left a rollout ready",
	"rollout.started":      "started the rollout",
	"rollout.paused":       "paused the rollout",
	"rollout.resumed":      "went on with the rollout",
	"rollout.aborted":      "aborted the rollout",
	"rollout.completed":    "the rollout is complete",
	"flag.removed":         "removed the switch",
	"flag.withdrawn":       "took the switch back",
	"flag.removal_planned": "wrote down how the switch will go",
	"flag.ttl_started":     "it reached production; its time runs",
}

// Tell puts an event of a request, an app or a flag in plain words.
func Tell(e audit.Event) string {
	if words, ok := told[e.Event]; ok {
		return words
	}
	switch e.Event {
	case "request.approved":
		if e.Reason != "" {
			return e.Reason
		}
		return "the last approval was given"
	case "flag.created":
		return "reserved the switch " + e.FlagKey
	case "flag.installed":
		return e.FlagKey + " is there, off outside the sandbox"
	case "flag.approval.granted":
		return fmt.Sprintf("approved for %v", e.Details["domain"])
	case "flag.approval.denied":
		return fmt.Sprintf("denied for %v", e.Details["domain"])
	case "flag.approval.taken_back":
		return fmt.Sprintf("took back what was decided for %v", e.Details["domain"])
	case "flag.state_changed":
		return fmt.Sprintf("%s went from %s to %s", e.FlagKey, e.From, e.To)
	case "flag.killed":
		return fmt.Sprintf("turned %s off for everybody in %s", e.FlagKey, e.Environment)
	case "flag.restored":
		return fmt.Sprintf("%s is on again in %s", e.FlagKey, e.Environment)
	case "flag.updated":
		if words, ok := e.Details["words"].(string); ok {
			return fmt.Sprintf("%s is %s in %s", e.FlagKey, words, e.Environment)
		}
		return "changed the switch " + e.FlagKey
	case "flag.imported":
		return fmt.Sprintf("imported %s into %s: %v", e.FlagKey, e.Environment, e.Details["words"])
	case "evaluator.imported":
		return fmt.Sprintf("imported the %s into %s", strings.Replace(e.Subject, ":", " ", 1), e.Environment)
	case "flag.extended":
		return fmt.Sprintf("%s may stay until %v", e.FlagKey, e.Details["after"])
	case "rollout.step_started":
		return fmt.Sprintf("step %v of %v began in %s", e.Details["step"], e.Details["of"], e.Environment)
	case "rollout.step_promoted":
		return fmt.Sprintf("step %v of %v ended well in %s", e.Details["step"], e.Details["of"], e.Environment)
	}
	return strings.ReplaceAll(strings.ReplaceAll(e.Event, ".", " "), "_", " ")
}
