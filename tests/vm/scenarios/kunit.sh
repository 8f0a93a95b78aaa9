#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# KUnit: the driver's own suites, which run when it is loaded, and those that it shares with userspace (meso_kunit.ko).
# kernel: debug
# gun: none
# timeout: 300
source "$(dirname "$0")/../lib.sh"

modprobe meso
modprobe meso_kunit
dmesg --notime >log
grep -E '^ *(not )?ok [0-9]+ |^ *# Subtest|^# meso.*pass:' log
[ "$(grep -cE '^ok [0-9]+ (- )?meso' log)" -ge 7 ] || fail "suites are missing"
! grep -E '^ *not ok' log || fail "not everything passes"
rmmod meso_kunit meso
