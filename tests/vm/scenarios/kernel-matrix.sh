#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every way in which a gun can go × every way in which somebody can be using it: each is told, in time, and nothing hangs.
# $CYCLES cells one after another instead of each once.
# timeout: 240
source "$(dirname "$0")/../lib.sh"

if [ "$GUN" = dummy ]; then load_transport 0; else load_guns 1; fi
"$BUILD/vmprogs/kernel_matrix" ${CYCLES:+"$CYCLES"}
require_no_leak
