#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The gun is unplugged in the middle of a shot: its reservation stands until it returns and its own log has settled it.
# timeout: 240
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

gun_is_gone() { ! mesoctl status DUMMY-0001; }
gun_is_there() { mesoctl status DUMMY-0001; }
nothing_outstanding() {
	field "$(mesoctl patient show DEMO-A --json)" outstanding_nl
	[ "$value" = 0 ]
}

load_guns
open_clinic
for moment in 0.02 0.15 0.4; do
	say "unplugged $moment s after the trigger"
	reach 1 --patient DEMO-A --dose '20 uL' --shots 5 --depth '2 mm'
	pull
	pause "$moment"
	hand disconnect 1
	wait_disarmed 500
	hand trigger 0
	HANDS_OFF=1 follow_treatment
	assert_eq "$treat_status" 4 "mesoctl's exit status"
	wait_for 5 gun_is_gone
	assert_fails 4 mesoctl status
	field "$(mesoctl patient show DEMO-A --json)" outstanding_nl
	[ "$value" -ge 100000 ] || fail "only $value nL are outstanding while nobody knows what was delivered"
	assert_fails 4 mesoctl treat --patient DEMO-B "${WHERE[@]}" --dose '20 uL' --shots 1 --depth '2 mm'

	say "and plugged in again"
	hand disconnect 0
	wait_for 10 gun_is_there
	wait_for 10 nothing_outstanding
	check_books DUMMY-0001
done
begin_treatment --patient DEMO-A --dose '20 uL' --shots 2 --depth '2 mm'
follow_treatment
assert_eq "$treat_status" 0 "exit status"
check_books DUMMY-0001
