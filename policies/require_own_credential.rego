# Off until an administrator switches it on: approvals count only with a credential that nobody else made, by somebody who made none by
# which the request was asked for or edited.
package marketplace.decision.require_own_credential

deny contains {
	"msg": sprintf("%s approves with a token that somebody else made", [input.approval.by]),
	"code": "foreign_credential",
	"remediation": "Approve in the console, or with a token that you made yourself",
} if {
	input.approval.own_credential == false
}

deny contains {
	"msg": sprintf("this was asked for or edited with a token or link that %s made, or a password chosen by it", [input.approval.by]),
	"code": "foreign_credential",
	"remediation": "Let somebody else approve",
} if {
	input.approval.made_author_credential == true
}
