package marketplace.standard.staged_rollout_test

import data.marketplace.standard.staged_rollout

plan(steps) := {"environment": "production", "request": {"kind": "publish_app", "plan": steps}}

staging := {"environment": "staging", "percent": 100}

test_everybody_at_once if count(staged_rollout.deny) == 1 with input as plan([staging, {"environment": "production", "percent": 100}])

test_share_first if {
	count(staged_rollout.deny) == 0 with input as plan([
		staging,
		{"environment": "production", "percent": 5},
		{"environment": "production", "percent": 100},
	])
}

test_audience_first if count(staged_rollout.deny) == 0 with input as plan([{"environment": "production", "audience": "pilot", "percent": 100}])

test_no_plan if count(staged_rollout.deny) == 0 with input as {}
