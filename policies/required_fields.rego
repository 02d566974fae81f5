# Every flag has an owner, and every app a contact.
package marketplace.standard.required_fields

import data.marketplace.lib

deny contains {
	"msg": "Nobody is named as the owner",
	"field": "fields.owner",
	"code": "owner_missing",
	"remediation": "Give the e-mail address of the person who answers for this app",
} if {
	lib.makes_flag
	lib.blank(object.get(input, ["fields", "owner"], null))
}

deny contains {
	"msg": "There is no contact for questions and incidents",
	"field": "app.contact",
	"code": "contact_missing",
	"remediation": "Give an e-mail address that somebody reads",
} if {
	lib.makes_flag
	lib.blank(object.get(input, ["app", "contact"], null))
}
