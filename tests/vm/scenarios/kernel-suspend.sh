#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Suspend under a live lease disarms first; a gun that does not confirm keeps the machine awake.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_guns
# All of suspend but the sleep itself.
# For a second: it would be five, in which a processor does nothing else.
echo 1 >/sys/module/suspend/parameters/pm_test_delay
echo freezer >/sys/power/pm_test
steady "$BUILD/vmprogs/kernel_suspend"
dmesg | grep -q 'the gun does not confirm that it is disarmed' || fail "the refusal is not said in the log"
