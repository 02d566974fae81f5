# Off until an administrator switches it on: approvals by scripts count only with a token that the approver made.
package marketplace.decision.require_own_credential

deny contains {
	"msg": sprintf("%s approves with a token that somebody else made", [input.approval.by]),
	"code": "foreign_credential",
	"remediation": "Approve in the console, or with a token that you made yourself",
} if {
	input.approval.own_credential == false
}
