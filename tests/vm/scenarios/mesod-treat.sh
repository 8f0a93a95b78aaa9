#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A treatment on the real kernel, by mesoctl: primed, single shots, held shots; ledger, gun and fluid agree.
# timeout: 180
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

load_guns
open_clinic

say "20 uL shots, one for each pull; the prime is no dose, for the contact switch is known to work"
hand contact 1
pause 0.3
hand contact 0
begin_treatment --patient DEMO-A --dose '20 uL' --shots 6 --depth '2 mm' --prime '50 uL'
follow_treatment
assert_eq "$treat_status" 0 "exit status"
assert_eq "$fired" 6 shots
assert_eq "$pulled" 6 pulls
check_books DUMMY-0001
assert_eq "$ledger_shots" 7 "shots, the prime among them"
assert_eq "$incidents" 0 incidents
assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"
field "$(mesoctl patient show DEMO-A --json)" delivered_24h_nl
[[ $value -gt 119000 && $value -le 120000 ]] || fail "6 shots of 20 uL count as $value nL"

say "the trigger held: shots follow by themselves, and end with the lease"
WHERE=(--preparation saline --area face)
begin_treatment --patient DEMO-B --dose '10 uL' --shots 5 --depth '1.5 mm' --mode repeat --rate '2 /s'
HOLD=1 follow_treatment
assert_eq "$treat_status" 0 "exit status"
assert_eq "$fired" 5 shots
assert_eq "$pulled" 1 pulls
check_books DUMMY-0001

say "anybody may look: sysfs, busctl and mesoctl say the same"
plunger=$(</sys/class/meso/meso0/plunger_nm)
path=/org/mesod1/gun/DUMMY_2d0001
assert_eq "$(busctl get-property org.mesod1 $path org.mesod1.Gun PlungerNm)" "i $plunger" "plunger by busctl"
assert_eq "$(busctl get-property org.mesod1 $path org.mesod1.Gun DepthUm)" "u $(</sys/class/meso/meso0/depth_um)" depth
assert_match "$(busctl get-property org.mesod1 $path org.mesod1.Gun PressurePa)" '^i -?[0-9]+$' pressure
assert_match "$(mesoctl status --json)" "\"plunger_nm\":$plunger," "plunger by mesoctl"
assert_match "$(mesoctl status --registers)" "plunger-nm +" registers
mesoctl ledger verify
mesoctl doctor || fail "doctor finds something"
