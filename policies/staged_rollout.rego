# Production begins with some people, not with all: a share, or a named audience.
package marketplace.standard.staged_rollout

import data.marketplace.lib

deny contains {
	"msg": "The plan turns the app on for everybody in production in one step",
	"field": "fields.audiences",
	"code": "not_staged",
	"remediation": "Begin with an audience, or choose a template that begins with a few per cent",
} if {
	lib.makes_flag
	first := lib.production_steps[0]
	first.percent == 100
	lib.blank(object.get(first, "audience", null))
}
