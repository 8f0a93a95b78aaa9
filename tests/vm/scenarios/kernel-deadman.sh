#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# However the controller or the gun goes silent, the gun is truly disarmed within 500 ms, and it is said why.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_guns
steady "$BUILD/vmprogs/kernel_deadman"
