# What stays for long says beforehand how it goes.
package marketplace.standard.removal_plan

import data.marketplace.lib

# Days.
threshold := 30

warn contains {
	"msg": sprintf("It stays for %v days, and nothing says how it will be removed", [input.fields.ttl_days]),
	"field": "removal_plan",
	"code": "removal_plan_missing",
	"remediation": sprintf("Say in a sentence what happens when it ends, or set the TTL to %d days or less; without a plan it cannot become active", [threshold]),
} if {
	lib.makes_flag
	is_number(input.fields.ttl_days)
	input.fields.ttl_days > threshold
	lib.blank(object.get(input, ["request", "removal_plan"], null))
}
