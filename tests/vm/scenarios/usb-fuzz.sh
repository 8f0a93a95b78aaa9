#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A gun on USB that speaks badly: ten thousand spoilt frames and more through the real bus, spoilt, refused and late
# answers, serial numbers that nobody would have. The kernel has nothing to say of it, and a treatment goes well after it.
# timeout: 300
# long
# gun: usb
source "$(dirname "$0")/../lib.sh"

load_guns 1
steady "$BUILD/vmprogs/usb_fuzz"
steady "$BUILD/vmprogs/kernel_treat"

say "serial numbers that nobody would have"
printf -v long '%0100d' 7
# shellcheck disable=SC2016
for serial in '../../../etc/passwd' '%s%n%x' "$long" 'a b' $'\xc3\xa9\xff' '$(reboot)' ' '; do
	start_gun HOSTILE --usb-serial="$serial"
	pause 0.5
	guns=(/dev/meso[0-9]*)
	assert_eq "${guns[*]}" /dev/meso0 "the guns beside one that calls itself '$serial'"
	unmake_gun HOSTILE
done
