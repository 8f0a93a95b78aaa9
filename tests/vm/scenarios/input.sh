#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The trigger as an input device: the gun's own edges and instants, no way to fire, the key up when the gun is away.
# timeout: 120
source "$(dirname "$0")/../lib.sh"

# joydev takes whatever has this button: one more onlooker.
modprobe -a evdev joydev
load_guns
steady "$BUILD/vmprogs/kernel_input"

# An open event node is no reason to keep a gun, nor the module.
node=(/sys/class/meso/meso0/input*/event*)
exec 5<"/dev/input/${node[0]##*/}"
unload_guns
rmmod meso
exec 5<&-
