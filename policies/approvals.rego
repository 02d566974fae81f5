# Whose approval a request needs: each rule is a domain, its value how many must approve.
package marketplace.approvals

import data.marketplace.lib
import data.marketplace.risk

product := 1

platform := 1 if risk.level in {"medium", "high"}

security := 1 if risk.level == "high"

# A warning of the security scan is looked at by security, except for what is small: a low risk, no data, for people who are known.
security := 1 if {
	lib.scan_warned
	not risk.small
}
