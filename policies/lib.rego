# What several policies need to know of their input.
package marketplace.lib

# A template file is no request: policies that judge requests leave it alone.
is_request if not is_template

is_template if input.templateId

is_template if {
	input.fields
	input.requiredChecks
}

# The request brings a new flag into being. A document without a kind, as CI has it, is taken for one.
makes_flag if {
	is_request
	not input.request.kind
}

makes_flag if {
	is_request
	input.request.kind in {"publish_app", "create_flag"}
}

# Once it is approved, more people may see more than now: a new flag, one that is turned on again, a change that widens.
exposes if makes_flag

exposes if input.request.exposes == true

# Nothing that a person could read.
blank(value) if value == null

blank(value) if trim_space(value) == ""

# How sensitive the data is that the app shows: none, internal or confidential.
default classification := "none"

classification := input.data.classification if {
	not input.data.classification in {"", "none"}
} else := input.fields.data_classification

scan_warned if input.scan.status == "warned"

scan_warned if {
	some finding in input.scan.findings
	finding.severity == "warning"
}

# The steps of the plan that reach the governed environment, in order.
production_steps := [step |
	some step in input.request.plan
	step.environment == production
]

default production := "production"

production := input.environment if {
	is_string(input.environment)
	input.environment != ""
}
