package marketplace.standard.removal_plan_test

import data.marketplace.standard.removal_plan

test_short if count(removal_plan.warn) == 0 with input as {"fields": {"ttl_days": 30}}

test_long_without_plan if count(removal_plan.warn) == 1 with input as {"fields": {"ttl_days": 31}}

test_long_with_plan if {
	count(removal_plan.warn) == 0 with input as {"fields": {"ttl_days": 31}, "request": {"kind": "publish_app", "removal_plan": "We move it into the intranet."}}
}
