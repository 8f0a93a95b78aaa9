#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Limits of session, day and week hold across sessions and daemons; a soft limit wants a reason; nothing refused ever fires.
# timeout: 240
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

load_guns
printf '%s\n' '[limits]' 'session-volume-soft = 200 uL' 'session-volume-hard = 200 uL' \
	'patient-24h-volume-soft = 300 uL' 'patient-24h-volume-hard = 300 uL' >clinic.conf
open_clinic --config clinic.conf

say "the session's limit: a second lease in one session does not fit"
hand contact 1
pause 0.3
hand contact 0
begin_treatment --patient DEMO-A --dose '20 uL' --shots 7 --depth '2 mm' --prime '50 uL' --repeat-lease 1
follow_treatment
assert_eq "$treat_status" 6 "exit status"
assert_match "$treat_lines" 'rule=session-volume limit=200 uL' refusal
assert_eq "$fired" 7 shots
pull_in_vain "after the refusal"

say "a session that was closed is over: the next one is a week away"
assert_fails 6 mesoctl check --patient DEMO-A "${WHERE[@]}" --dose '20 uL' --shots 1 --depth '2 mm' >interval.txt
assert_match "$(<interval.txt)" 'REFUSED +session-interval: 0 days after the last session' refusal

say "the day's limit, by what was given elsewhere, and after a restart"
mesoctl dose add DEMO-B --elsewhere --preparation saline --volume '200 uL' >/dev/null
kill "$MESOD_PID"
wait_for 5 test ! -e "/proc/$MESOD_PID"
begin_mesod --config clinic.conf
assert_fails 6 mesoctl treat --patient DEMO-B "${WHERE[@]}" --dose '20 uL' --shots 7 --depth '2 mm'
admit DEMO-C
mesoctl check --patient DEMO-C "${WHERE[@]}" --dose '20 uL' --shots 9 --depth '2 mm' >/dev/null || fail "the other patient is refused"
pull_in_vain "after the refusal"

say "what still fits is given"
begin_treatment --patient DEMO-B --dose '20 uL' --shots 2 --depth '2 mm'
follow_treatment
assert_eq "$treat_status" 0 "exit status"

say "a soft limit is passed with a reason, a hard one never"
assert_fails 6 mesoctl check --patient DEMO-C "${WHERE[@]}" --dose '60 uL' --shots 1 --depth '2 mm'
mesoctl check --patient DEMO-C "${WHERE[@]}" --dose '60 uL' --shots 1 --depth '2 mm' --override 'scar' >/dev/null ||
	fail "a reason is not taken"
assert_fails 6 mesoctl check --patient DEMO-C "${WHERE[@]}" --dose '120 uL' --shots 1 --depth '2 mm' --override 'scar'
assert_fails 6 mesoctl check --patient DEMO-C "${WHERE[@]}" --dose '20 uL' --shots 1 --depth '4.5 mm' --override 'scar'
begin_treatment --patient DEMO-C --dose '60 uL' --shots 1 --depth '2 mm' --override scar
follow_treatment
assert_eq "$treat_status" 0 "exit status"
check_books DUMMY-0001
assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"
