#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Firmware that is wrong, one way at a time, in the middle of a treatment: it is stopped, the clinician is told, the
# ledger accounts for at least what truly left the needle, and a gun that lied gets no other lease.
# timeout: 600
# long: usb
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

load_guns 0
open_clinic

# plug_in <mutant>: a gun of its own, treated until it is armed; then its firmware goes wrong.
plug_in() {
	mutant=$1
	HELD=$mutant
	make_gun "$mutant"
	wait_for 10 gun_is_ready "$mutant"
	say "$mutant"
	admit "P-$mutant"
	reach 0 --gun "$mutant" --patient "P-$mutant" --dose '20 uL' --shots 3 --depth '2 mm' --expiry "${3:-30 s}"
	hand mutants "$2"
}

# found_out <exit status>...: mesoctl ended with one of these; the fluid is accounted for.
found_out() {
	hand trigger 0
	HANDS_OFF=1 follow_treatment
	[[ " $* " == *" $treat_status "* ]] || fail "$mutant: mesoctl's exit status is $treat_status, wanted $*"
	wait_disarmed 1000
	read_books "$mutant"
	truth
	check_charged
}

# not_again: neither fires nor gets another lease.
not_again() {
	pull_in_vain "after it was found out"
	assert_fails 7 mesoctl treat --gun "$mutant" --patient DEMO-B "${WHERE[@]}" --dose '20 uL' --shots 1 --depth '2 mm' --no-prime
}

unplug() { unmake_gun "$mutant"; }

pulls() {
	local i
	for ((i = 0; i < $1; i++)); do
		hand trigger 1
		pause 0.5
		hand trigger 0
		pause 0.1
	done
}

plug_in none 0
pulls 3
found_out 0
check_books "$mutant"
unplug

plug_in no-budget 1
pulls 5
found_out 0
pull_in_vain "with the lease spent"
unplug

plug_in no-heartbeat 2
kill -STOP "$MESOD_PID"
wait_disarmed 500
pull_in_vain "with mesod frozen"
kill -CONT "$MESOD_PID"
found_out 3 7
unplug

plug_in lying-log 4
pulls 3
found_out 7 8
not_again
unplug

plug_in runaway 8
pulls 1
found_out 7 8
not_again
unplug

plug_in no-abort 16
mesoctl stop
# It does not obey, but nobody beats its heart any more.
wait_disarmed 1000
found_out 1 7 8
pull_in_vain "after the stop"
unplug

plug_in double-shot 32
pulls 1
found_out 7 8
not_again
unplug

plug_in no-expiry 64 "2 s"
pause 1.6
wait_disarmed 500
pull_in_vain "after the lease's time"
found_out 1
unplug

plug_in replay 128
pulls 3
found_out 0
check_books "$mutant"
unplug

plug_in skip-log 256
pulls 1
found_out 7 8
not_again
unplug

plug_in auto-rearm 512
kill -STOP "$MESOD_PID"
wait_disarmed 500
pause 0.3
wait_disarmed 300
pull_in_vain "with mesod frozen"
kill -CONT "$MESOD_PID"
found_out 3 7 8
unplug
