#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `modprobe meso_dummy` brings its dependencies and a working /dev/meso0; unloading takes all of it away.
# timeout: 30
# gun: dummy
source "$(dirname "$0")/../lib.sh"

load_guns
test -d /sys/module/meso || fail "meso.ko did not come along"
rmmod meso_dummy
test ! -e /dev/meso0 || fail "/dev/meso0 outlived its module"
rmmod meso
