package marketplace.standard.required_fields_test

import data.marketplace.standard.required_fields

good := {"fields": {"owner": "alice@hyfin.example"}, "app": {"contact": "alice@hyfin.example"}}

test_complete if count(required_fields.deny) == 0 with input as good

test_blank_owner if {
	some finding in required_fields.deny with input as json.patch(good, [{"op": "replace", "path": "/fields/owner", "value": "  "}])
	finding.field == "fields.owner"
}

test_nothing_at_all if count(required_fields.deny) == 2 with input as {}

test_restore_needs_neither if count(required_fields.deny) == 0 with input as {"request": {"kind": "restore_flag"}}

test_template_file_is_no_request if count(required_fields.deny) == 0 with input as {"templateId": "x", "fields": {"owner": {"type": "string"}}}
