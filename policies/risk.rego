# How risky a request is: level (low, medium or high) and the reasons for it, in plain words.
package marketplace.risk

import data.marketplace.lib

default level := "low"

level := "high" if {
	count(high) > 0
} else := "medium" if {
	count(medium) > 0
}

reasons := high | medium

high contains "It shows confidential data" if {
	lib.exposes
	lib.classification == "confidential"
}

high contains sprintf("%d other apps depend on it", [count(downstream)]) if count(downstream) > 3

high contains "A serious security finding was accepted" if {
	some finding in input.scan.findings
	finding.accepted
	finding.level == "high"
}

high contains "It is on for people outside its audience too" if {
	lib.exposes
	input.fields["default"] == true
}

medium contains "It shows internal data" if {
	lib.exposes
	lib.classification == "internal"
}

medium contains "Nobody said what data it shows" if {
	lib.exposes
	lib.of_app
	lib.classification == "unsaid"
}

medium contains "It stays longer than flags are meant to" if input.request.beyond_limit == true

medium contains sprintf("It calls a new address: %s", [host]) if {
	some host in input.bundle.egress
	not host in object.get(input, ["app", "egress"], [])
}

medium contains "Flags of another system go live at once, without steps" if input.request.kind == "import_flags"

medium contains "Other people get it at once, without steps" if {
	input.request.kind == "change_segment"
	lib.exposes
}

# What is so little, for people who are known, that nobody needs to scan it.
small if {
	level == "low"
	lib.classification == "none"
	input.audience.closed == true
}

downstream := {app | some app in input.dependencies.downstream}
