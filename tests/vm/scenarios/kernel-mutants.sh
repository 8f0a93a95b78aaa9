#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each firmware mutant is caught by the kernel, on a gun of its own; sound firmware raises no alarm.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

modprobe meso_dummy guns=0
caught=0
for mutant in none no-budget no-heartbeat lying-log runaway no-abort double-shot no-expiry replay skip-log auto-rearm; do
	dir=/sys/kernel/config/meso_dummy/$mutant
	mkdir "$dir"
	echo 1 >"$dir/live"
	wait_for 5 test -c /dev/meso0
	say "$mutant"
	"$BUILD/vmprogs/kernel_mutants" /dev/meso0 "$mutant" "$mutant" || fail "mutant $mutant went uncaught"
	rmdir "$dir"
	wait_for 5 test ! -e /dev/meso0
	((++caught))
done
assert_eq "$caught" 11 mutants
