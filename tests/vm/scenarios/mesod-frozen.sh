#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SIGSTOP of mesod in the middle of a session: the dead man disarms within 500 ms; when mesod goes on it settles what
# was under way and serves again.
# timeout: 240
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

nothing_outstanding() {
	field "$(mesoctl patient show DEMO-A --json)" outstanding_nl
	[ "$value" = 0 ]
}

load_guns
open_clinic
for moment in 0 0.1 0.3; do
	say "frozen $moment s after the trigger"
	reach 1 --patient DEMO-A --dose '20 uL' --shots 5 --depth '2 mm'
	pull
	pause "$moment"
	kill -STOP "$MESOD_PID"
	wait_disarmed 500
	say "disarmed after $elapsed ms"
	hand trigger 0
	pull_in_vain "with mesod frozen"
	HANDS_OFF=1 follow_treatment
	assert_eq "$treat_status" 3 "mesoctl's exit status"
	kill -CONT "$MESOD_PID"
	wait_for 10 nothing_outstanding
	check_books DUMMY-0001
	pull_in_vain "after mesod went on"
done

say "and it serves again"
begin_treatment --patient DEMO-A --dose '20 uL' --shots 2 --depth '2 mm'
follow_treatment
assert_eq "$treat_status" 0 "exit status"
check_books DUMMY-0001
