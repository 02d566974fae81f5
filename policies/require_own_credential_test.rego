package marketplace.decision.require_own_credential_test

import data.marketplace.decision.require_own_credential

test_own_token if count(require_own_credential.deny) == 0 with input as {"approval": {"by": "pat@hyfin.example", "own_credential": true}}

test_token_of_somebody_else if {
	some finding in require_own_credential.deny with input as {"approval": {"by": "pat@hyfin.example", "own_credential": false}}
	finding.code == "foreign_credential"
}

test_link_of_an_author if {
	some finding in require_own_credential.deny with input as {"approval": {
		"by": "pat@hyfin.example", "own_credential": true, "made_author_credential": true,
	}}
	finding.code == "foreign_credential"
}

test_own_hands if count(require_own_credential.deny) == 0 with input as {"approval": {
	"by": "pat@hyfin.example", "own_credential": true, "made_author_credential": false,
}}

test_no_approval if count(require_own_credential.deny) == 0 with input as {"request": {"kind": "publish_app"}}
