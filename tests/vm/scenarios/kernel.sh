#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The guest runs the downloaded kernel, sees the repository under its own path, and can write without a trace outside.
# gun: none
# timeout: 20
source "$(dirname "$0")/../lib.sh"

assert_eq "$(uname -r)" "$(<"$BUILD/vm/$KVER/release")" "kernel"
test -e "$REPO/Makefile" || fail "no repository at $REPO"
touch "$REPO/written-in-the-guest" || fail "the root file system cannot be written"
mountpoint -q /sys/kernel/debug || fail "no debugfs"
mountpoint -q /sys/kernel/config || fail "no configfs"
