# Whatever is on can be turned off.
package marketplace.standard.kill_switch

import data.marketplace.lib

deny contains {
	"msg": "The app could not be turned off for everybody at once",
	"field": "fields.kill_switch",
	"code": "kill_switch_off",
	"remediation": "Keep the kill switch on",
	"patch": [{"op": "add", "path": "/fields/kill_switch", "value": true}],
} if {
	lib.is_request
	input.fields.kill_switch == false
}
