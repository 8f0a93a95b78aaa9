#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Guns made and unmade by configfs; errors come back from `live`.
# timeout: 60
# gun: dummy
source "$(dirname "$0")/../lib.sh"

modprobe meso_dummy guns=0
dir=/sys/kernel/config/meso_dummy/alpha
mkdir $dir
echo 1 >$dir/live
wait_for 5 test -c /dev/meso0
assert_eq "$(</sys/class/meso/meso0/serial)" alpha serial
mkdir /sys/kernel/config/meso_dummy/beta
echo alpha >/sys/kernel/config/meso_dummy/beta/serial
if echo 1 2>/dev/null >/sys/kernel/config/meso_dummy/beta/live; then fail "two guns of one serial"; fi
echo 5 >/sys/kernel/config/meso_dummy/beta/battery_mv 2>/dev/null || true
echo beta >/sys/kernel/config/meso_dummy/beta/serial
echo 200000 >/sys/kernel/config/meso_dummy/beta/backlash_nm
if echo 1 2>/dev/null >/sys/kernel/config/meso_dummy/beta/live; then fail "a backlash out of range"; fi
echo 0 >$dir/live
wait_for 5 test ! -e /dev/meso0
echo 1 >$dir/live
wait_for 5 test -c /dev/meso0
rmdir $dir /sys/kernel/config/meso_dummy/beta
wait_for 5 test ! -e /dev/meso0
