package audit

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

//go:generate go test -run TestTheConsoleSaysTheWordsOfTheCatalogue -update .

// Noun is a kind of thing that events change.
type Noun string

// The nouns.
const (
	NounRequest     Noun = "request"
	NounFlag        Noun = "flag"
	NounKill        Noun = "kill"
	NounRollout     Noun = "rollout"
	NounApp         Noun = "app"
	NounPerson      Noun = "person"
	NounGroup       Noun = "group"
	NounTemplate    Noun = "template"
	NounPolicy      Noun = "policy"
	NounEnvironment Noun = "environment"
	NounSegment     Noun = "segment"
	NounLifecycle   Noun = "lifecycle"
	NounAudit       Noun = "audit"
	NounToken       Noun = "token"
	NounSDKKey      Noun = "sdk_key"
	NounSession     Noun = "session"
	NounProposal    Noun = "proposal"
)

// Kind is a kind of event: a row of the catalogue.
type Kind struct {
	Name Name
	// Noun is what such an event changes. What has a member of its own in Event (request, flag, rollout, app) is found there,
	// anything else in Subject.
	Noun  Noun
	words string
}

// Name is what an event is called, such as flag.state_changed. Only the catalogue makes names, so that no event can have one
// that is not in it; what is read from a log may have been written by another version, and has whatever name it had then.
type Name struct{ text string }

// String returns the name as it stands in the log.
func (n Name) String() string { return n.text }

// MarshalText returns the name as it stands in the log.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.text), nil }

// UnmarshalText reads a name out of a log.
func (n *Name) UnmarshalText(text []byte) error {
	n.text = string(text)
	return nil
}

// kinds is the catalogue, filled by the declarations below.
var kinds = map[Name]Kind{}

// kind puts an event into the catalogue. Its words say what happened, whoever did it. They may have parts in brackets, which
// stand only for an event that has all that they name in braces: a member of Event, or of its details.
func kind(name string, noun Noun, words string) Name {
	n := Name{text: name}
	kinds[n] = Kind{Name: n, Noun: noun, words: words}
	return n
}

// The catalogue: every event that there is, with its noun and its words.
var (
	AppChanged   = kind("app.changed", NounApp, "App changed")
	AppHeld      = kind("app.held", NounApp, "App taken back, its short name held")
	AppPublished = kind("app.published", NounApp, "App published")
	AppReserved  = kind("app.reserved", NounApp, "Short name reserved")

	SigningKeyAdded = kind("audit.key_added", NounAudit, "Signing key added")
	LogRestarted    = kind("audit.log_restarted", NounAudit, "Log begun anew after it was set back")
	TextsErased     = kind("audit.texts_erased", NounAudit, "Texts erased")

	EnvironmentCreated = kind("environment.created", NounEnvironment, "Environment created")
	EnvironmentGivenUp = kind("environment.given_up", NounEnvironment, "An older database followed again")
	EnvironmentUpdated = kind("environment.updated", NounEnvironment, "Environment changed")

	// What evaluators belong to is imported with them: nobody shows one alone.
	EvaluatorImported = kind("evaluator.imported", NounFlag, "Evaluator imported[ into {environment}][: {subject}]")

	FlagApprovalDenied    = kind("flag.approval.denied", NounRequest, "Denied[ for {details.domain}]")
	FlagApprovalGranted   = kind("flag.approval.granted", NounRequest, "Approved[ for {details.domain}]")
	FlagApprovalLapsed    = kind("flag.approval.lapsed", NounRequest, "Approval void[: {details.by} could no longer decide for {details.domain}]")
	FlagApprovalTakenBack = kind("flag.approval.taken_back", NounRequest, "Decision taken back[ for {details.domain}]")
	FlagCreated           = kind("flag.created", NounFlag, "App switch created[: {flag_key}]")
	FlagExtended          = kind("flag.extended", NounFlag, "Given more time[, until {details.after}]")
	FlagImported          = kind("flag.imported", NounFlag, "App switch imported[ into {environment}][: {flag_key}][, {details.words}]")
	FlagInstalled         = kind("flag.installed", NounFlag, "App switch put in place[: {flag_key}]")
	FlagKillDelivered     = kind("flag.kill_delivered", NounKill, "How far turning off got[ in {environment}]")
	FlagKilled            = kind("flag.killed", NounFlag, "Turned off for everybody[ in {environment}][: {flag_key}]")
	FlagKilledHere        = kind("flag.killed_here", NounFlag, "Was off on one server without its database[: {flag_key}]")
	FlagKilledAgain       = kind("flag.killed_again", NounFlag, "Told again to stay off[ in {environment}][: {flag_key}]")
	FlagRemovalPlanned    = kind("flag.removal_planned", NounFlag, "Removal planned")
	FlagRemoved           = kind("flag.removed", NounFlag, "App switch removed[: {flag_key}]")
	FlagRestored          = kind("flag.restored", NounFlag, "Turned on again[ in {environment}][: {flag_key}]")
	FlagStateChanged      = kind("flag.state_changed", NounFlag, "Moved on in its life[, from {from} to {to}]")
	FlagTagged            = kind("flag.tagged", NounFlag, "Tags changed[: {flag_key}]")
	FlagTTLStarted        = kind("flag.ttl_started", NounFlag, "Reached production, its time runs")
	FlagUpdated           = kind("flag.updated", NounFlag, "App switch changed[ in {environment}][: {flag_key}][, {details.words}]")
	FlagWithdrawn         = kind("flag.withdrawn", NounFlag, "App switch withdrawn[: {flag_key}]")

	GroupCreated = kind("group.created", NounGroup, "Group created")
	GroupDeleted = kind("group.deleted", NounGroup, "Group deleted")
	GroupJoined  = kind("group.joined", NounGroup, "Joined a group[: {subject}]")
	GroupLeft    = kind("group.left", NounGroup, "Left a group[: {subject}]")
	GroupUpdated = kind("group.updated", NounGroup, "Group changed")

	GroupMembersChanged = kind("group.members_changed", NounGroup, "Members of a group changed[: {subject}]")

	InstallationSetUp    = kind("installation.set_up", NounPerson, "First administrator set up")
	InstallationRestored = kind("installation.restored", NounAudit, "Backup restored")

	KillCarriedOut = kind("kill.carried_out", NounKill, "Turned off many together[ in {environment}]")
	KillEnded      = kind("kill.ended", NounKill, "Let go of a kill that was never in the log[ in {environment}]")
	KillRestored   = kind("kill.restored", NounKill, "Turned on again together[ in {environment}]")

	LifecycleRulesChanged = kind("lifecycle.rules_changed", NounLifecycle, "Lifecycle rules changed")

	LinkCreated = kind("link.created", NounPerson, "One-time link made")

	PersonCreated         = kind("person.created", NounPerson, "Person added")
	PersonGuessedAt       = kind("person.guessed_at", NounPerson, "Passwords guessed")
	PersonJoined          = kind("person.joined", NounPerson, "Joined Souk")
	PersonPasswordChanged = kind("person.password_changed", NounPerson, "Password changed")
	PersonPasswordReset   = kind("person.password_reset", NounPerson, "Password set by a link")
	PersonRenamed         = kind("person.renamed", NounPerson, "Person renamed")
	PersonSignedIn        = kind("person.signed_in", NounSession, "Signed in")
	PersonSignedOut       = kind("person.signed_out", NounSession, "Signed out")
	PersonSuspended       = kind("person.suspended", NounPerson, "Administrator suspended")
	PersonUnsuspended     = kind("person.unsuspended", NounPerson, "Suspension ended")
	PersonUpdated         = kind("person.updated", NounPerson, "Person changed")

	PolicyActivated   = kind("policy.activated", NounPolicy, "Policy activated")
	PolicyCreated     = kind("policy.created", NounPolicy, "Policy added")
	PolicyDeactivated = kind("policy.deactivated", NounPolicy, "Policy deactivated")
	PolicyDeleted     = kind("policy.deleted", NounPolicy, "Policy deleted")
	PolicyUpdated     = kind("policy.updated", NounPolicy, "Policy changed")

	ProposalAlone     = kind("proposal.alone", NounProposal, "Rules loosened by one alone")
	ProposalConfirmed = kind("proposal.confirmed", NounProposal, "Confirmed by a second administrator")
	ProposalExpired   = kind("proposal.expired", NounProposal, "Proposal lapsed")
	ProposalMade      = kind("proposal.made", NounProposal, "Proposed to a second administrator")
	ProposalObjected  = kind("proposal.objected", NounProposal, "Objected to by the administrator concerned")
	ProposalRejected  = kind("proposal.rejected", NounProposal, "Proposal ended by an objection")
	ProposalUnopposed = kind("proposal.unopposed", NounProposal, "Took effect without objection")
	ProposalWithdrawn = kind("proposal.withdrawn", NounProposal, "Proposal withdrawn")

	RequestApproved      = kind("request.approved", NounRequest, "Request approved")
	RequestChangeAsked   = kind("request.change_asked", NounRequest, "Change asked for[ for {details.domain}]")
	RequestAnswered      = kind("request.answered", NounRequest, "Answered")
	RequestCheckReported = kind("request.check_reported", NounRequest, "Check reported[: {details.check} {details.status}]")
	RequestCommented     = kind("request.commented", NounRequest, "Commented")
	RequestDenied        = kind("request.denied", NounRequest, "Request denied")
	RequestDrafted       = kind("request.drafted", NounRequest, "Draft begun")
	RequestEdited        = kind("request.edited", NounRequest, "Request edited[, taken over from {details.taken_over_from}]")
	RequestExcepted      = kind("request.excepted", NounRequest, "Exception of a policy used[: until {details.expires}, {details.policy} lets pass what it refuses][; {details.owner} answers for it]")
	RequestJudgedAnew    = kind("request.judged_anew", NounRequest, "Request judged anew, since what it rests on changed")
	RequestResubmitted   = kind("request.resubmitted", NounRequest, "Request submitted again, to be judged by the rules of then[, taken over from {details.taken_over_from}]")
	RequestSubmitted     = kind("request.submitted", NounRequest, "Request submitted")
	RequestWithdrawn     = kind("request.withdrawn", NounRequest, "Request withdrawn")

	RolloutAborted      = kind("rollout.aborted", NounRollout, "Rollout stopped")
	RolloutCompleted    = kind("rollout.completed", NounRollout, "Rollout completed")
	RolloutCreated      = kind("rollout.created", NounRollout, "Rollout prepared")
	RolloutPaused       = kind("rollout.paused", NounRollout, "Rollout paused")
	RolloutResumed      = kind("rollout.resumed", NounRollout, "Rollout resumed")
	RolloutStarted      = kind("rollout.started", NounRollout, "Rollout started")
	RolloutStepPromoted = kind("rollout.step_promoted", NounRollout, "Rollout step done[: {details.step} of {details.of}][ in {environment}]")
	RolloutWaits        = kind("rollout.waits", NounRollout, "Rollout waits for a program to ask for its flag")
	RolloutStepStarted  = kind("rollout.step_started", NounRollout, "Rollout step started[: {details.step} of {details.of}][ in {environment}]")

	SDKKeyCreated = kind("sdk_key.created", NounSDKKey, "SDK key made")
	SDKKeyLimited = kind("sdk_key.limited", NounSDKKey, "SDK key limited")
	SDKKeyRevoked = kind("sdk_key.revoked", NounSDKKey, "SDK key revoked")
	SDKKeyRotated = kind("sdk_key.rotated", NounSDKKey, "SDK key renewed")

	SegmentConfirmed = kind("segment.confirmed", NounSegment, "Audience approved as large as it is[: {subject}][, {details.people} people]")

	SegmentCreated = kind("segment.created", NounSegment, "Audience created")
	SegmentDeleted = kind("segment.deleted", NounSegment, "Audience deleted")
	SegmentUpdated = kind("segment.updated", NounSegment, "Audience changed")

	TemplateActivated = kind("template.activated", NounTemplate, "Template brought back")
	TemplateCreated   = kind("template.created", NounTemplate, "Template added")
	TemplateRetired   = kind("template.retired", NounTemplate, "Template retired")
	TemplateUpdated   = kind("template.updated", NounTemplate, "Template changed")

	TokenCreated = kind("token.created", NounToken, "API token made")
	TokenRevoked = kind("token.revoked", NounToken, "API token revoked")
	TokenRotated = kind("token.rotated", NounToken, "API token renewed")

	// What only earlier versions wrote, and logs still have.
	_ = kind("request.draft_saved", NounRequest, "Draft saved")
)

// Membership are the events after which others than before are members of the group that is their subject.
var Membership = []Name{GroupCreated, GroupJoined, GroupLeft, GroupMembersChanged}

// Catalogue returns every kind of event, by name.
func Catalogue() []Kind {
	return slices.SortedFunc(maps.Values(kinds), func(a, b Kind) int { return cmp.Compare(a.Name.text, b.Name.text) })
}

// KindOf returns the kind of an event; ok is false for a name that this version does not know.
func KindOf(n Name) (k Kind, ok bool) {
	k, ok = kinds[n]
	return k, ok
}

var (
	parts        = regexp.MustCompile(`\[[^\]]*\]`)
	placeholders = regexp.MustCompile(`\{[^}]*\}`)
)

// Words says what happened in any event of the kind, as a line without a full stop: "Turned off for everybody".
func (k Kind) Words() string { return parts.ReplaceAllString(k.words, "") }

// Words says what happened, as a line without a full stop: "Turned off for everybody in production: where2eat.enabled". Who did
// it and why are not in it. An event that this version does not know is told by its name.
func (e Event) Words() string {
	k, ok := kinds[e.Event]
	if !ok {
		return e.Event.text
	}
	return parts.ReplaceAllStringFunc(k.words, func(part string) string {
		known := true
		part = placeholders.ReplaceAllStringFunc(part[1:len(part)-1], func(placeholder string) string {
			value := e.value(placeholder[1 : len(placeholder)-1])
			known = known && value != ""
			return value
		})
		if !known {
			return ""
		}
		return part
	})
}

// value returns what a placeholder stands for, or an empty text. A subject is told by what stands after its kind.
func (e Event) value(name string) string {
	switch name {
	case "flag_key":
		return e.FlagKey
	case "environment":
		return e.Environment
	case "from":
		return e.From
	case "to":
		return e.To
	case "subject":
		_, id, _ := strings.Cut(e.Subject, ":")
		return id
	}
	detail, _ := strings.CutPrefix(name, "details.")
	if value, ok := e.Details[detail]; ok && value != nil {
		return fmt.Sprint(value)
	}
	return ""
}
