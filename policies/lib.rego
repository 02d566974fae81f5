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

# How sensitive the data is that the app shows, by the most sensitive of all answers: none, internal or confidential; unsaid where there is
# no answer that is one of them.
default classification := "unsaid"

classification := "confidential" if {
	"confidential" in answers
} else := "internal" if {
	"internal" in answers
} else := "none" if {
	"none" in answers
}

# Souk has put all answers together in input.data; conftest reads a request as it stands.
answers contains input.data.classification

answers contains input.app.data.classification if not input.data.classification

answers contains input.fields.data_classification if not input.data.classification

# Somebody would have to answer: the request makes a flag, or is about one of an app.
of_app if makes_flag

of_app if input.app.slug != ""

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
