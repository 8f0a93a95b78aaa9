#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Unplugged under readers, pollers and askers, and mid-shot: nobody hangs, the gun that returns is the same.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_guns
steady "$BUILD/vmprogs/kernel_unplug"

# The module cannot go while somebody has the node open; the transport can, which is an unplug.
exec 5</dev/meso0
if unload_guns 2>/dev/null && rmmod meso 2>/dev/null; then fail "meso.ko went under an open file"; fi
test ! -e /dev/meso0 || fail "unloading the transport is no unplug"
exec 5<&-
rmmod meso
