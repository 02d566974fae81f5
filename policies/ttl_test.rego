package marketplace.standard.ttl_test

import data.marketplace.standard.ttl

days(n) := {"fields": {"ttl_days": n}, "lifecycle": {"max_active_days": 90}}

test_short if {
	count(ttl.deny) == 0 with input as days(30)
	count(ttl.warn) == 0 with input as days(30)
}

test_cap_is_inclusive if count(ttl.deny) == 0 with input as days(365)

test_over_cap if {
	some finding in ttl.deny with input as days(366)
	finding.msg == "The TTL must be at most 365 days, is 366"
}

test_over_lifecycle_only_warns if {
	count(ttl.deny) == 0 with input as days(91)
	count(ttl.warn) == 1 with input as days(91)
}

test_lifecycle_of_the_template_wins if {
	count(ttl.warn) == 0 with input as object.union(days(91), {"template": {"lifecycle": {"max_active_days": 100}}})
}

test_text_is_left_to_the_schema if count(ttl.deny) == 0 with input as days("many")
