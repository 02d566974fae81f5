// Package review is the unit of governance: a request, its checks, the approvals it needs, the decision and its effect.
package review

import (
	"time"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/audit"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/rollout"
)

// Kind is what a request asks for.
type Kind string

// The kinds.
const (
	PublishApp  Kind = "publish_app"
	CreateFlag  Kind = "create_flag"
	ChangeApp   Kind = "change_app"
	ChangeFlag  Kind = "change_flag"
	ExtendTTL   Kind = "extend_ttl"
	Deprecate   Kind = "deprecate"
	Remove      Kind = "remove"
	RestoreFlag Kind = "restore_flag"
	ImportFlags Kind = "import_flags"

	ChangeSegment Kind = "change_segment"
)

// State is where a request stands. Approved, denied and withdrawn are final.
type State string

// The states.
const (
	Draft         State = "draft"    // only its requester sees it; nothing is checked or reserved
	Checking      State = "checking" // a check is still to be reported
	NeedsFixes    State = "needs_fixes"
	NeedsApproval State = "needs_approval"
	Approved      State = "approved"
	Denied        State = "denied"
	Withdrawn     State = "withdrawn"
)

// Status is how a check went.
type Status string

// The statuses of a check.
const (
	Pending   Status = "pending"
	Passed    Status = "passed"
	Failed    Status = "failed"
	Warned    Status = "warned"
	NotNeeded Status = "not_needed" // there is nothing that it could look at
)

// CheckResult is one automatic gate and what it found.
type CheckResult struct {
	Name     string          `json:"name"`
	Status   Status          `json:"status" enum:"pending,passed,failed,warned,not_needed"`
	Findings []fault.Finding `json:"findings"`
	Reported *Reported       `json:"reported,omitempty" doc:"The report of a service account that it rests on; absent where Souk alone says so"`
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
	Lacking  int           `json:"lacking" doc:"How many approvals there is nobody left to give, since nobody counts in two domains"`
}

// Decision is what an approver said about one digest of the content.
type Decision struct {
	ID           string          `json:"id"`
	Digest       string          `json:"digest"`
	Domain       access.Domain   `json:"domain"`
	By           string          `json:"by" doc:"E-mail of who decided"`
	ByID         access.PersonID `json:"by_id,omitempty" doc:"Id of that person"`
	At           time.Time       `json:"at"`
	Verdict      Verdict         `json:"verdict" enum:"approved,denied,asked"`
	Reason       string          `json:"reason"`
	Void         Void            `json:"void,omitempty" enum:"edited,resubmitted,taken_back,replaced,answered,killed_again,ineligible" doc:"Why it no longer counts, for good; absent while it counts"`
	ForeignToken bool            `json:"foreign_token" doc:"Given with a credential that somebody else made, or by whoever made one by which the request was asked for or edited"`

	makers access.PersonIDs // of the credential that it was given with (access.Actor.Makers)
}

// Void is why a decision no longer counts; empty while it counts. Nothing makes a void decision count again.
type Void string

// The reasons.
const (
	VoidEdited      Void = "edited"       // the content was edited since
	VoidResubmitted Void = "resubmitted"  // the request was submitted again, to be judged by the rules of then
	VoidTakenBack   Void = "taken_back"   // by whoever decided
	VoidReplaced    Void = "replaced"     // whoever decided decided anew
	VoidAnswered    Void = "answered"     // the requester answered what was asked for
	VoidKilledAgain Void = "killed_again" // what was to be turned on again was turned off again
	VoidIneligible  Void = "ineligible"   // whoever approved could not decide for the domain any more, at least for a while
)

// Verdict is a closed set.
type Verdict string

// The verdicts.
const (
	VerdictApproved Verdict = "approved"
	VerdictDenied   Verdict = "denied"
	VerdictAsked    Verdict = "asked" // for a change or an answer, before anybody approves
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
	Lately       *Lately  `json:"lately,omitempty" doc:"For change_segment: of whom SDKs asked about of late"`
	Words        string   `json:"words" doc:"One line of exposure: who can see it, which data, where it may call"`
}

// Lately is how many people are in an audience, of those whom SDKs asked this replica about of late in governed environments. It is
// a sample, which no decision rests on.
type Lately struct {
	Before int `json:"before"`
	After  int `json:"after"`
}

// TimelineEntry is one thing that happened to a request; it is an audit event in words.
type TimelineEntry struct {
	ID     string          `json:"id"`
	At     time.Time       `json:"at"`
	Event  audit.Name      `json:"event"`
	By     string          `json:"by" doc:"E-mail at that time of who did it, or the name of the part of Souk"`
	ByID   access.PersonID `json:"by_id,omitempty" doc:"Id of that person"`
	Words  string          `json:"words"`
	Reason string          `json:"reason,omitempty"`
	Leaf   *int64          `json:"leaf" doc:"Number of its audit leaf; null for about a second"`
}

// Assessment is what the checks say of a content: the answer of requests:check.
type Assessment struct {
	Checks          []CheckResult  `json:"checks"`
	Risk            Risk           `json:"risk" enum:"low,medium,high"`
	RiskReasons     []string       `json:"risk_reasons"`
	ApprovalsNeeded []Need         `json:"approvals_needed"`
	Plan            []rollout.Step `json:"plan" doc:"The rollout that an approval would leave ready"`
	Diff            []Change       `json:"diff" doc:"What changes, against what is there now"`
	Impact          Impact         `json:"impact"`
}

// Comment is what somebody said about a request.
type Comment struct {
	ID      string          `json:"id"`
	By      string          `json:"by" doc:"E-mail of who said it"`
	ByID    access.PersonID `json:"by_id,omitempty" doc:"Id of that person"`
	At      time.Time       `json:"at"`
	Words   string          `json:"words"`
	Earlier bool            `json:"earlier" doc:"It is about content that was edited since"`
	Answers bool            `json:"answers" doc:"It answered what approvers had asked for"`
}

// Request is a proposed change and all that is known of it.
type Request struct {
	ID    string `json:"id"`
	Title string `json:"title" doc:"What it asks for, in a few plain words"`
	Content
	State           State             `json:"state" enum:"draft,checking,needs_fixes,needs_approval,approved,denied,withdrawn"`
	Requester       string            `json:"requester" doc:"E-mail of who asked, or local: and the name of who held the server"`
	RequesterID     access.PersonID   `json:"requester_id,omitempty" doc:"Absent where no person asked"`
	Editors         []string          `json:"editors" doc:"E-mail addresses of who else wrote it"`
	EditorIDs       []access.PersonID `json:"editor_ids" doc:"Ids of the editors, in the same order; empty for who is no person"`
	TemplateVersion int               `json:"template_version,omitempty"`
	Digest          string            `json:"digest"`
	Revision        int64             `json:"revision"`
	Checks          []CheckResult     `json:"checks"`
	Risk            Risk              `json:"risk" enum:"low,medium,high"`
	RiskReasons     []string          `json:"risk_reasons"`
	ApprovalsNeeded []Need            `json:"approvals_needed"`
	Decisions       []Decision        `json:"decisions"`
	AppSlug         string            `json:"app_slug,omitempty" doc:"The app that it is about"`
	Flag            *FlagRef          `json:"flag,omitempty"`
	RolloutID       string            `json:"rollout_id,omitempty"`
	BaseChanged     bool              `json:"base_changed" doc:"What it would change is no longer as it was when this was asked for; submitting it again, or an edit, takes it up as it is now"`
	Stricter        bool              `json:"stricter" doc:"It would be judged more leniently now: the stricter judgement counts until it is submitted again"`
	Diff            []Change          `json:"diff"`
	Impact          Impact            `json:"impact"`
	Comments        []Comment         `json:"comments" doc:"Oldest first"`
	Timeline        []TimelineEntry   `json:"timeline"`
	Can             []string          `json:"can" doc:"What the caller may do now: edit, resubmit, submit, withdraw, approve, deny, ask, take_back, answer, comment"`
	CanDomains      []access.Domain   `json:"can_domains" doc:"Domains that the caller may decide for"`
	CreatedAt       time.Time         `json:"created_at"`
	UpdatedAt       time.Time         `json:"updated_at"`
	WaitingSince    *time.Time        `json:"waiting_since,omitempty" doc:"Since when it is in its state with this content, while it is not decided"`
	Plan            []rollout.Step    `json:"plan" doc:"The rollout that an approval leaves ready"`
}
