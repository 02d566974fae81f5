# No flag lives for ever: a cap on the TTL, and a warning where the lifecycle ends sooner.
package marketplace.standard.ttl

import data.marketplace.lib

# Days. To change the cap, put a policy of this package with another number.
cap := 365

deny contains {
	"msg": sprintf("The TTL must be at most %d days, is %v", [cap, input.fields.ttl_days]),
	"field": "fields.ttl_days",
	"code": "ttl_too_long",
	"remediation": sprintf("Set the TTL to %d days or less; it can be extended later", [cap]),
	"patch": [{"op": "add", "path": "/fields/ttl_days", "value": cap}],
} if {
	lib.makes_flag
	is_number(input.fields.ttl_days)
	input.fields.ttl_days > cap
}

warn contains {
	"msg": sprintf("The TTL is %v days, but a flag may be active for %v days at most, so that it ends sooner", [input.fields.ttl_days, max_active]),
	"field": "fields.ttl_days",
	"code": "ttl_over_lifecycle",
	"remediation": sprintf("Set the TTL to %v days or less, or expect the earlier end", [max_active]),
	"patch": [{"op": "add", "path": "/fields/ttl_days", "value": max_active}],
} if {
	lib.makes_flag
	is_number(input.fields.ttl_days)
	input.fields.ttl_days > max_active
}

max_active := input.template.lifecycle.max_active_days if {
	input.template.lifecycle.max_active_days > 0
} else := input.lifecycle.max_active_days
