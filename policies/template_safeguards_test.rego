package marketplace.template.safeguards_test

import data.marketplace.template.safeguards

good := {"templateId": "x", "fields": {
	"owner": {"type": "string", "required": true},
	"ttl_days": {"type": "integer", "default": 30},
	"kill_switch": {"type": "boolean", "default": true},
}}

codes(document) := {finding.code | some finding in safeguards.deny with input as document}

with_field(name, field) := object.union(good, {"fields": {name: field}})

test_complete if codes(good) == set()

test_required_instead_of_a_default if {
	codes(with_field("ttl_days", {"default": null, "required": true})) == set()
	codes(with_field("kill_switch", {"default": null, "required": true})) == set()
}

test_nothing if codes({"templateId": "x"}) == {"owner_missing", "ttl_missing", "kill_switch_missing"}

test_without_an_id if codes({"fields": {}, "requiredChecks": []}) == {"owner_missing", "ttl_missing", "kill_switch_missing"}

test_owner_that_may_be_left_out if codes(with_field("owner", {"required": false})) == {"owner_missing"}

test_end_at_once if codes(with_field("ttl_days", {"default": 0, "required": true})) == {"ttl_missing"}

test_kill_switch_that_is_off if codes(with_field("kill_switch", {"default": false, "required": true})) == {"kill_switch_missing"}

test_request_is_no_template if codes({"fields": {"owner": "alice@hyfin.example"}}) == set()
