#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The battery as a power supply: right values or none, one uevent for a change, unplugged under its readers.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_guns
steady "$BUILD/vmprogs/kernel_battery"

# A file that stays open keeps neither the gun nor the module.
exec 5</sys/class/power_supply/meso0-battery/capacity
unload_guns
rmmod meso
if read -r -u 5 2>/dev/null; then fail "a battery that has gone can be read"; fi
exec 5<&-
