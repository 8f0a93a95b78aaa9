#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many threads do whatever can be done to the node while the gun comes and goes: nobody hangs, the kernel has nothing to say,
# nothing is delivered that no lease allows. $SEED, $SECONDS_OF_FUZZ and $THREADS say how; what they were is printed.
# timeout: 240
source "$(dirname "$0")/../lib.sh"

if [ "$GUN" = dummy ]; then load_transport 0; else load_guns 1; fi
"$BUILD/vmprogs/kernel_fuzz" "${SEED:-$SRANDOM}" "${SECONDS_OF_FUZZ:-15}" "${THREADS:-6}"
require_no_leak
