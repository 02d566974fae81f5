# Every switch made from a template has an owner, an end and a way to turn it off. Souk refuses other templates by itself; by this policy
# conftest does, too.
package marketplace.template.safeguards

import data.marketplace.lib

deny contains {
	"msg": "The template does not ask for an owner",
	"field": "fields.owner",
	"code": "owner_missing",
	"remediation": "Add the field owner of type string, and make it required",
} if {
	lib.is_template
	not required("owner")
}

deny contains {
	"msg": "Switches made from the template have no end",
	"field": "fields.ttl_days",
	"code": "ttl_missing",
	"remediation": "Add the field ttl_days of type integer, and make it required or give it a default above 0",
} if {
	lib.is_template
	not ends
}

deny contains {
	"msg": "Switches made from the template cannot be turned off for everybody at once",
	"field": "fields.kill_switch",
	"code": "kill_switch_missing",
	"remediation": "Add the field kill_switch of type boolean, and make it required or give it the default true",
} if {
	lib.is_template
	not killable
}

required(name) if input.fields[name].required == true

given(name) := object.get(input, ["fields", name, "default"], null)

ends if {
	required("ttl_days")
	given("ttl_days") == null
}

ends if {
	is_number(given("ttl_days"))
	given("ttl_days") > 0
}

killable if {
	required("kill_switch")
	given("kill_switch") == null
}

killable if given("kill_switch") == true
