#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A way around the daemon: random requests with no lease, old ones and somebody else's move no gun and harm no lease;
# nobody changes settings under one. KERNEL_SEED repeats a run.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_guns
steady "$BUILD/vmprogs/kernel_authority" ${KERNEL_SEED:+"$KERNEL_SEED"}
