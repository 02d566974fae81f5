package marketplace.risk_test

import data.marketplace.approvals
import data.marketplace.risk

# What of a request is low: it shows no data.
plain(input_without_data) := object.union({"data": {"classification": "none"}}, input_without_data)

test_low_by_default if {
	risk.level == "low" with input as plain({})
	approvals == {"product": 1} with input as plain({})
}

test_unsaid_data_is_as_risky_as_internal if {
	risk.reasons == {"Nobody said what data it shows"} with input as {}
	approvals == {"product": 1, "platform": 1} with input as {}
	risk.level == "medium" with input as {"data": {"classification": "unsaid"}, "app": {"data": {"classification": "none"}}}
	risk.level == "medium" with input as {"fields": {"data_classification": "public"}}
}

test_the_most_sensitive_answer_counts if {
	risk.level == "low" with input as {"app": {"data": {"classification": "none"}}}
	risk.level == "low" with input as {"fields": {"data_classification": "none"}}
	risk.level == "high" with input as {"app": {"data": {"classification": "confidential"}}, "fields": {"data_classification": "none"}}
	risk.level == "medium" with input as {"app": {"data": {"classification": "none"}}, "fields": {"data_classification": "internal"}}
}

test_who_gives_nobody_more_need_not_say if risk.level == "low" with input as {"request": {"kind": "deprecate"}, "app": {"slug": "a"}}

test_a_flag_of_no_app_shows_nothing_of_one if {
	risk.level == "low" with input as {"request": {"kind": "change_flag", "exposes": true}, "app": {"slug": ""}}
	risk.level == "medium" with input as {"request": {"kind": "change_flag", "exposes": true}, "app": {"slug": "a"}}
}

test_confidential_data if {
	risk.level == "high" with input as {"data": {"classification": "confidential"}}
	approvals == {"product": 1, "platform": 1, "security": 1} with input as {"data": {"classification": "confidential"}}
}

test_internal_data if {
	risk.level == "medium" with input as {"fields": {"data_classification": "internal"}}
	approvals == {"product": 1, "platform": 1} with input as {"fields": {"data_classification": "internal"}}
}

test_no_data_is_no_risk if risk.level == "low" with input as {"data": {"classification": "none"}, "fields": {}}

test_three_dependants_are_few if risk.level == "low" with input as plain({"dependencies": {"downstream": ["a", "b", "c"]}})

test_four_dependants_are_many if {
	risk.level == "high" with input as {"dependencies": {"downstream": ["a", "b", "c", "d"]}}
	risk.reasons == {"4 other apps depend on it"} with input as plain({"dependencies": {"downstream": ["a", "b", "c", "d"]}})
}

test_on_for_everybody_else if risk.level == "high" with input as {"fields": {"default": true}}

test_new_address if risk.level == "medium" with input as {"bundle": {"egress": ["api.example.com"]}}

test_known_address if risk.level == "low" with input as plain({"bundle": {"egress": ["api.example.com"]}, "app": {"egress": ["api.example.com"]}})

test_an_import_asks_platform if {
	risk.level == "medium" with input as {"request": {"kind": "import_flags"}}
	approvals == {"product": 1, "platform": 1} with input as {"request": {"kind": "import_flags"}}
}

test_accepted_finding if risk.level == "high" with input as {"scan": {"findings": [{"accepted": true, "level": "high"}]}}

warned(more) := plain(object.union({"scan": {"findings": [{"severity": "warning"}]}}, more))

test_warned_scan_adds_security_and_no_risk if {
	risk.level == "low" with input as warned({})
	approvals == {"product": 1, "security": 1} with input as warned({})
	approvals == {"product": 1, "security": 1} with input as warned({"audience": {"closed": false}})
}

test_what_is_small_needs_no_scan if approvals == {"product": 1} with input as warned({"audience": {"closed": true}})

test_what_shows_data_is_not_small if {
	approvals == {"product": 1, "platform": 1, "security": 1} with input as warned({"audience": {"closed": true}, "data": {"classification": "internal"}})
}

test_what_is_risky_is_not_small if {
	approvals == {"product": 1, "platform": 1, "security": 1} with input as warned({"audience": {"closed": true}, "bundle": {"egress": ["api.example.com"]}})
}

asked(request) := {"request": request, "data": {"classification": "confidential"}, "fields": {"default": true}}

test_what_widens_is_as_risky_as_what_is_new if {
	risk.level == "high" with input as asked({"kind": "publish_app"})
	risk.level == "high" with input as asked({"kind": "change_flag", "exposes": true})
	risk.level == "high" with input as asked({"kind": "restore_flag", "exposes": true})
}

test_what_gives_nobody_more_is_low if {
	risk.level == "low" with input as asked({"kind": "change_flag", "exposes": false})
	risk.level == "low" with input as asked({"kind": "deprecate", "exposes": false})
	risk.level == "low" with input as asked({"kind": "remove"})
	risk.level == "low" with input as asked({"kind": "extend_ttl", "beyond_limit": false})
}

test_beyond_the_limit_asks_platform if {
	risk.level == "medium" with input as asked({"kind": "extend_ttl", "beyond_limit": true})
	approvals == {"product": 1, "platform": 1} with input as asked({"kind": "extend_ttl", "beyond_limit": true})
}
