#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A sensor that is wrong in the middle of a treatment: the treatment ends, the clinician reads which, the ledger accounts
# for what left the needle, and there is no other lease until somebody has said that the cause is gone.
# timeout: 300
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

load_guns 0
open_clinic

# broken <serial> <what the hand does> <value> <what is right> <the fault's name>
broken() {
	HELD=$1
	say "$2 $3"
	make_gun "$HELD"
	wait_for 10 gun_is_ready "$HELD"
	admit "P-$HELD"
	reach 1 --gun "$HELD" --patient "P-$HELD" --dose '20 uL' --shots 3 --depth '2 mm'
	hand "$2" "$3"
	# Some are found only while fluid moves.
	hand trigger 1
	pause 0.3
	hand trigger 0
	HANDS_OFF=1 follow_treatment
	# What it gave is settled, or, when it cannot know, uncertain.
	[[ $treat_status = [78] ]] || fail "mesoctl's exit status is $treat_status"
	assert_match "$treat_lines" 'a fault stopped the gun' "what mesoctl said"
	assert_match "$(mesoctl status "$HELD")" "$5" "what mesoctl says of the gun"
	wait_disarmed 500
	pull_in_vain "after the sensor was found out"
	assert_fails 7 mesoctl treat --gun "$HELD" --patient DEMO-B "${WHERE[@]}" --dose '20 uL' --shots 1 --depth '2 mm' --no-prime 2>refusal.txt
	assert_match "$(<refusal.txt)" "fault: [a-z, -]*$5[a-z, -]* must be cleared first" refusal
	if [[ $treat_lines == *"not settled"* ]]; then
		read_books "$HELD"
		truth
		check_charged
	else
		check_books "$HELD"
	fi
	assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"
	hand "$2" "$4"
	unmake_gun "$HELD"
}

broken ENCODER encoder_bias -6000 0 encoder-mismatch
broken DEPTH depth_bias 300 0 depth-mismatch
broken HIGH pressure_bias 60000 0 occlusion
broken LOW pressure_bias -300000 0 air
broken HEAT temperature 50000 25000 over-temperature
