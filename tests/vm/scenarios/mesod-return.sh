#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guns that come back after what happened to them in the middle of a lease: a restart, a memory made anew, more given than
# was reserved, shots of another ledger. The ledger holds what truly left the needle against the patient, and records an
# incident where numbers disagree; a gun that disagrees is armed no more.
# timeout: 240
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

gun_is_there() { mesoctl status "$HELD" && [[ $(mesoctl status "$HELD" --json) != *'"stale"'* ]]; }
gun_is_gone() { ! mesoctl status "$HELD"; }
is_quarantined() { [[ $(mesoctl status "$HELD" --json) =~ \"[Qq]uarantined\":true ]]; }
nothing_outstanding() {
	field "$(mesoctl patient show "P-$HELD" --json)" outstanding_nl
	[ "$value" = 0 ]
}

# in_a_lease <serial>: a gun of its own in the middle of a shot, the second of five.
in_a_lease() {
	HELD=$1
	say "$2"
	make_gun "$HELD"
	wait_for 10 gun_is_there
	admit "P-$HELD"
	reach 1 --gun "$HELD" --patient "P-$HELD" --dose '20 uL' --shots 5 --depth '2 mm'
	pull
	pause 0.05
}

# lost: mesoctl noticed; the gun is truly disarmed.
lost() {
	wait_disarmed 500
	hand trigger 0
	HANDS_OFF=1 follow_treatment
	[[ $treat_status =~ ^[478]$ ]] || fail "mesoctl's exit status is $treat_status"
}

# not_again: it disagreed with the ledger: nothing arms it.
not_again() {
	wait_for 10 is_quarantined
	read_books "$HELD"
	[ "$incidents" -ge 1 ] || fail "no incident is recorded"
	truth
	check_charged
	assert_fails 7 mesoctl treat --gun "$HELD" --patient DEMO-B "${WHERE[@]}" --dose '20 uL' --shots 1 --depth '2 mm' --no-prime
	pull_in_vain "after it disagreed"
	unmake_gun "$HELD"
}

load_guns 0
open_clinic

in_a_lease restarted "its power goes in the middle of a shot"
hand power 0
lost
hand power 4711
wait_for 10 gun_is_there
wait_for 10 nothing_outstanding
read_books "$HELD"
truth
assert_eq "$ledger_shots" "$gun_shots" "shots in the ledger"
[ "$truth_shots" -le "$ledger_shots" ] || fail "$truth_shots shots truly began, the ledger has $ledger_shots"
check_charged
# What an interrupted shot has given nobody knows: all that was reserved counts.
assert_eq "$incidents" 1 "incidents of a restart in the middle of a shot"
field "$(mesoctl patient show "P-$HELD" --json)" delivered_24h_nl
[ "$value" -ge 100000 ] || fail "only $value nL count, though nobody knows what the last shot gave"
unmake_gun "$HELD"

in_a_lease forgetful "its memory is made anew in the middle of a lease"
hand disconnect 1
lost
hand reset_memory 123456789
hand disconnect 0
wait_for 10 gun_is_there
wait_for 10 is_quarantined
field "$(mesoctl patient show "P-$HELD" --json)" outstanding_nl
outstanding=$value
field "$(mesoctl patient show "P-$HELD" --json)" delivered_24h_nl
[ $((outstanding + value)) -ge 100000 ] || fail "only $outstanding + $value nL are held against the patient; nobody knows what was given"
not_again

in_a_lease greedy "cut off, its firmware goes on past heartbeat and budget, and tells of it when it is back"
hand mutants 3
hand disconnect 1
for _ in 1 2 3 4 5 6; do
	hand trigger 0
	pause 0.15
	hand trigger 1
	pause 0.35
done
hand trigger 0
HANDS_OFF=1 follow_treatment
truth
[ "$truth_lease_fl" -gt 100000000000 ] || fail "it has not delivered more than its lease: $truth_lease_fl fL"
hand mutants 0
hand disconnect 0
wait_for 10 gun_is_there
not_again

in_a_lease stranger "its shots are of a ledger that this one does not know"
kill -KILL "$MESOD_PID"
wait_for 5 test ! -e "/proc/$MESOD_PID"
wait_disarmed 500
hand trigger 0
HANDS_OFF=1 follow_treatment
assert_eq "$treat_status" 3 "mesoctl's exit status"
STATE=$PWD/another
begin_mesod
wait_for 10 gun_is_there
wait_for 10 is_quarantined
read_books "$HELD"
[ "$incidents" -ge 1 ] || fail "no incident is recorded"
mesoctl ledger verify
