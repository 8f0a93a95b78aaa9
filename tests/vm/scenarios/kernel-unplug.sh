#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Unplugged under readers, pollers and askers, and mid-shot: nobody hangs, the gun that returns is the same.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_dummy
steady "$BUILD/vmprogs/kernel_unplug"

# The module cannot go while somebody has the node open; the transport can, which is an unplug.
exec 5</dev/meso0
if rmmod meso_dummy 2>/dev/null && rmmod meso 2>/dev/null; then fail "meso.ko went under an open file"; fi
test ! -e /dev/meso0 || fail "unloading the transport is no unplug"
exec 5<&-
rmmod meso

# Guns made and unmade by configfs; errors come back from `live`.
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
