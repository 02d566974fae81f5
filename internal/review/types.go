// Package review is the unit of governance: a request, its checks, the approvals it needs, the decision and its effect.
package review

import (
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/rollout"
)

// Kind is what a request asks for.
type Kind string

// The kinds that exist so far.
const (
	PublishApp  Kind = "publish_app"
	RestoreFlag Kind = "restore_flag"
)

// State is where a request stands. Approved, denied and withdrawn are final.
type State string

// The states.
const (
	NeedsFixes    State = "needs_fixes"
	NeedsApproval State = "needs_approval"
	Approved      State = "approved"
	Denied        State = "denied"
	Withdrawn     State = "withdrawn"
)

// Content is what a request asks for: what its digest is taken over and approvals are given to.
type Content struct {
	Kind        Kind           `json:"kind" enum:"publish_app,restore_flag"`
	TemplateID  string         `json:"template_id,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	App         *App           `json:"app,omitempty" doc:"For publish_app"`
	Fields      map[string]any `json:"fields,omitempty" doc:"The template's fields, for publish_app"`
	Attachments []Attachment   `json:"attachments,omitempty" doc:"Lockfiles or SARIF for security_scan"`
	RemovalPlan string         `json:"removal_plan,omitempty"`
	FlagKey     string         `json:"flag_key,omitempty" doc:"For restore_flag"`
	Environment string         `json:"environment,omitempty" doc:"For restore_flag"`
}

// App is the app that a publish_app request describes.
type App struct {
	Slug        string `json:"slug,omitempty"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Category    string `json:"category,omitempty"`
	Owner       string `json:"owner,omitempty" doc:"Group that owns the app"`
	Contact     string `json:"contact,omitempty"`
	Kind        string `json:"kind,omitempty"`
	URL         string `json:"url,omitempty"`
}

// Attachment is a text file that came with a request.
type Attachment struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

// Status is how a check went.
type Status string

// The statuses of a check.
const (
	Pending Status = "pending"
	Passed  Status = "passed"
	Failed  Status = "failed"
	Warned  Status = "warned"
)

// CheckResult is one automatic gate and what it found.
type CheckResult struct {
	Name     string          `json:"name"`
	Status   Status          `json:"status" enum:"pending,passed,failed,warned"`
	Findings []fault.Finding `json:"findings"`
}

// Risk is low, medium or high; policy decides it.
type Risk string

// The risks.
const (
	Low    Risk = "low"
	Medium Risk = "medium"
	High   Risk = "high"
)

// Need is an approval that is needed: how many of a domain, and how many were given for the present digest.
type Need struct {
	Domain   access.Domain `json:"domain"`
	Quorum   int           `json:"quorum"`
	Given    int           `json:"given"`
	Eligible []string      `json:"eligible" doc:"E-mail addresses of those who may still decide for the domain"`
}

// Decision is what an approver said about one digest of the content.
type Decision struct {
	ID           string        `json:"id"`
	Digest       string        `json:"digest"`
	Domain       access.Domain `json:"domain"`
	By           string        `json:"by"`
	At           time.Time     `json:"at"`
	Verdict      Verdict       `json:"verdict" enum:"approved,denied"`
	Reason       string        `json:"reason"`
	Void         bool          `json:"void" doc:"The content was edited since, so that it no longer counts"`
	ForeignToken bool          `json:"foreign_token" doc:"Given with a token that the approver did not make"`
}

// Verdict is a closed set.
type Verdict string

// The verdicts.
const (
	VerdictApproved Verdict = "approved"
	VerdictDenied   Verdict = "denied"
)

// FlagRef names the flag that a request is about.
type FlagRef struct {
	Key    string `json:"key"`
	FlagID string `json:"flag_id,omitempty"`
}

// Change is one line of the diff of a request, in words and as values.
type Change struct {
	Path   string `json:"path" doc:"Such as app.url or flag.where2eat.enabled.production"`
	Words  string `json:"words" doc:"In plain words"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// Impact tells whom a request reaches, in numbers and words.
type Impact struct {
	Audience     string   `json:"audience,omitempty"`
	People       int      `json:"people" doc:"People known to be in the audience"`
	Environments []string `json:"environments"`
	Downstream   []string `json:"downstream" doc:"Apps that depend on the flag"`
	Words        string   `json:"words" doc:"One line of exposure: who can see it, which data, where it may call"`
}

// TimelineEntry is one thing that happened to a request; it is an audit event in words.
type TimelineEntry struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Event  string    `json:"event"`
	By     string    `json:"by"`
	Words  string    `json:"words"`
	Reason string    `json:"reason,omitempty"`
	Leaf   *int64    `json:"leaf" doc:"Number of its audit leaf; null for about a second"`
}

// Assessment is what the checks say of a content: the answer of requests:check.
type Assessment struct {
	Checks          []CheckResult  `json:"checks"`
	Risk            Risk           `json:"risk" enum:"low,medium,high"`
	RiskReasons     []string       `json:"risk_reasons"`
	ApprovalsNeeded []Need         `json:"approvals_needed"`
	Plan            []rollout.Step `json:"plan" doc:"The rollout that an approval would leave ready"`
}

// Request is a proposed change and all that is known of it.
type Request struct {
	ID string `json:"id"`
	Content
	State           State           `json:"state" enum:"needs_fixes,needs_approval,approved,denied,withdrawn"`
	Requester       string          `json:"requester"`
	Editors         []string        `json:"editors"`
	TemplateVersion int             `json:"template_version,omitempty"`
	Digest          string          `json:"digest"`
	Revision        int64           `json:"revision"`
	Checks          []CheckResult   `json:"checks"`
	Risk            Risk            `json:"risk" enum:"low,medium,high"`
	RiskReasons     []string        `json:"risk_reasons"`
	ApprovalsNeeded []Need          `json:"approvals_needed"`
	Decisions       []Decision      `json:"decisions"`
	Flag            *FlagRef        `json:"flag,omitempty"`
	RolloutID       string          `json:"rollout_id,omitempty"`
	Diff            []Change        `json:"diff"`
	Impact          Impact          `json:"impact"`
	Timeline        []TimelineEntry `json:"timeline"`
	Can             []string        `json:"can" doc:"What the caller may do now: edit, withdraw, approve, deny"`
	CanDomains      []access.Domain `json:"can_domains" doc:"Domains that the caller may decide for"`
	CreatedAt       time.Time       `json:"created_at"`
	UpdatedAt       time.Time       `json:"updated_at"`
	Plan            []rollout.Step  `json:"plan" doc:"The rollout that an approval leaves ready"`
}
