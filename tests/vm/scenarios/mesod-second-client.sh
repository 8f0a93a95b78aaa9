#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# While one clinician treats, nobody else gets that gun or that patient, and a stranger gets nothing; the treatment goes
# on undisturbed, and a stop from elsewhere ends it at once.
# timeout: 180
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

load_guns 2
open_clinic
request=(--dose '20 uL' --shots 3 --depth '2 mm')
stranger() { setpriv --reuid=65534 --regid=65534 --clear-groups "$BUILD/mesoctl" "$@"; }

reach 1 --gun DUMMY-0001 --patient DEMO-A "${request[@]}"

say "the gun is taken"
assert_fails 7 mesoctl treat --gun DUMMY-0001 --patient DEMO-B "${WHERE[@]}" "${request[@]}"
say "the patient is taken"
assert_fails 6 mesoctl treat --gun DUMMY-0002 --patient DEMO-A "${WHERE[@]}" "${request[@]}"
say "a stranger may look at the gun, and at nothing else"
stranger status DUMMY-0001 >/dev/null || fail "a stranger may not look at the gun"
assert_fails 5 stranger treat --gun DUMMY-0002 --patient DEMO-B "${WHERE[@]}" "${request[@]}"
assert_fails 5 stranger patient list
assert_fails 5 stranger ledger list
assert_fails 5 stranger operator add --name Me --licence Me --expires 2099-12-31
assert_fails 5 stranger stop
if setpriv --reuid=65534 --regid=65534 --clear-groups cat /dev/meso0 2>/dev/null; then
	fail "a stranger may read the device"
fi

truth
assert_eq "$truth_armed" 1 "armed, with all that"
pull
follow_treatment
assert_eq "$treat_status" 0 "exit status"
assert_eq "$fired" 3 shots
check_books DUMMY-0001

say "a stop from elsewhere"
reach 1 --gun DUMMY-0001 --patient DEMO-B "${request[@]}"
mesoctl stop
wait_disarmed 500
HANDS_OFF=1 follow_treatment
assert_eq "$treat_status" 1 "exit status of a treatment that was stopped"
pull_in_vain "after the stop"
check_books DUMMY-0001
