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
! grep -E '^ *not ok|# SKIP' log || fail "not everything passes"
for suite in meso_lease meso_{lease,events,request,wire,model_fault,model_memory}_test; do
	grep -qE "^ok [0-9]+ (- )?$suite\$" log || fail "$suite does not pass"
	grep -qE "^ *# $suite: pass:[1-9][0-9]* fail:0 skip:0" log || fail "$suite has not run"
done
rmmod meso_kunit meso
