package marketplace.standard.kill_switch_test

import data.marketplace.standard.kill_switch

test_on if count(kill_switch.deny) == 0 with input as {"fields": {"kill_switch": true}}

test_off if count(kill_switch.deny) == 1 with input as {"fields": {"kill_switch": false}}

test_absent_is_left_to_the_schema if count(kill_switch.deny) == 0 with input as {"fields": {}}
