#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SIGKILL of mesod at moments before, during and after a shot: disarmed within 500 ms, nothing fires, and the daemon that
# comes back has every shot in its ledger once.
# timeout: 300
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

load_guns
open_clinic
slowest=0
for moment in 0 0.01 0.05 0.1 0.2 0.35; do
	say "killed $moment s after the trigger"
	reach 1 --patient DEMO-A --dose '20 uL' --shots 5 --depth '2 mm'
	truth
	assert_eq "$truth_armed" 1 "armed before the kill"
	pull
	pause "$moment"
	kill -KILL "$MESOD_PID"
	wait_disarmed 500
	slowest=$((elapsed > slowest ? elapsed : slowest))
	hand trigger 0
	HANDS_OFF=1 follow_treatment
	assert_eq "$treat_status" 3 "mesoctl's exit status"
	pull_in_vain "with mesod dead"
	begin_mesod
	field "$(mesoctl patient show DEMO-A --json)" outstanding_nl
	assert_eq "$value" 0 "outstanding after the restart"
	check_books DUMMY-0001
	assert_eq "$incidents" 0 incidents
done
say "slowest disarm: $slowest ms"
mesoctl ledger verify
