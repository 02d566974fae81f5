package audit

import "slices"

// Silent is a kind of write that appends no event.
type Silent struct {
	Table   string
	Columns []string // only updates that change no other column; none means every write
	State   string   // only while the row's column state is this, before and after; empty means any
	Why     string
}

// Unlogged is the one list of writes without an event. Every other write transaction appends one (TestEveryExampleWorks).
var Unlogged = []Silent{
	{Table: "request", State: "draft", Why: "nobody else sees a private draft; making and dropping it are events"},
	{Table: "session", Columns: []string{"seen_at"}, Why: "when somebody was last here"},
	{Table: "api_token", Columns: []string{"last_used_at"}, Why: "when a token was last used"},
	{Table: "sdk_key", Columns: []string{"last_used_at"}, Why: "when a key was last used"},
	{Table: "usage_count", Why: "how often flags are evaluated"},
	{Table: "usage_client", Why: "which SDKs evaluate them"},
	{Table: "usage_flush", Why: "which of those counts were taken in"},
	{Table: "sign_in_failure", Why: "failed sign-ins are counted, and told once an hour an account"},
	{Table: "sign_in_place", Why: "where somebody signs in from, so that a guesser elsewhere locks nobody out"},
	{Table: "idempotency", Why: "answers kept for a day for whoever repeats a call"},
	{Table: "compliance_day", Why: "how many flags lacked what on a day"},
	{Table: "replica", Why: "which servers run"},
	{Table: "request_mark", Why: "which open requests a change that is an event itself lets the leader look at"},
	{Table: "kill_early", Why: "which kills are served and not committed yet; their commit is an event"},
	{Table: "kill_receipt", Why: "which of them serve a kill that is an event itself"},
	{Table: "seal_check", Why: "by which a server with another secret key is found out"},
	{Table: "audit_pending", Why: "the log itself"},
	{Table: "audit_leaf", Why: "the log itself"},
	{Table: "audit_hash", Why: "the log itself"},
	{Table: "audit_head", Why: "the log itself"},
	{Table: "audit_checkpoint", Why: "the log itself"},
}

// Covers reports whether a write that changes those columns of a row, in that state before and after, is of the kind. A row that
// is inserted or deleted changes all its columns.
func (s Silent) Covers(table string, changed []string, before, after string) bool {
	if s.Table != table || s.State != "" && (s.State != before || s.State != after) {
		return false
	}
	return len(s.Columns) == 0 || !slices.ContainsFunc(changed, func(column string) bool { return !slices.Contains(s.Columns, column) })
}
