#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each firmware mutant is caught by the kernel, on a gun of its own; sound firmware raises no alarm.
# timeout: 240
source "$(dirname "$0")/../lib.sh"

# catch <mutant> <name of the gun>
catch() {
	local status=0
	make_gun "$2"
	wait_for 5 test -c /dev/meso0
	"$BUILD/vmprogs/kernel_mutants" /dev/meso0 "$2" "$1" || status=$?
	unmake_gun "$2"
	wait_for 5 test ! -e /dev/meso0
	return "$status"
}

load_guns 0
caught=0
for mutant in none no-budget no-heartbeat lying-log runaway no-abort double-shot no-expiry replay skip-log auto-rearm; do
	for try in 1 2 3; do
		say "$mutant"
		status=0
		catch "$mutant" "$mutant-$try" || status=$?
		# 75: a processor stood still meanwhile, which proves nothing
		[ "$status" -eq 75 ] || break
	done
	[ "$status" -eq 0 ] || fail "mutant $mutant went uncaught"
	((++caught))
done
assert_eq "$caught" 11 mutants
