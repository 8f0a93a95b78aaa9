#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A treatment on the real module by the dummy's hand: prime, 20 shots, the limit; records agree with the fluid.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_guns
steady "$BUILD/vmprogs/kernel_treat"
assert_match "$(</sys/class/meso/meso0/plunger_nm)" '^[1-9][0-9]*$' plunger_nm
assert_eq "$(</sys/class/meso/meso0/state)" idle state
assert_eq "$(</sys/class/meso/meso0/serial)" DUMMY-0001 serial
