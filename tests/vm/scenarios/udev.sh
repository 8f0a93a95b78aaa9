#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# With udev and the project's rules: a gun is found by its serial, its trigger is nobody's joystick.
# timeout: 60
source "$(dirname "$0")/../lib.sh"

# Debian's own rules and ours, where a package would put them.
mkdir -p /run/udev/rules.d
cp "$REPO"/udev-rules/*.rules /run/udev/rules.d
echo 'mesod:x:981:981::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
printf '%s:x:%s:\n' mesod 981 meso 982 >>/etc/group
/lib/systemd/systemd-udevd --daemon
wait_for 10 udevadm control --ping

modprobe -a evdev joydev
load_guns 2
udevadm settle --timeout=20
for n in 0 1; do
	serial=$(<"/sys/class/meso/meso$n/serial")
	assert_eq "$(realpath "/dev/meso/by-serial/$serial")" "/dev/meso$n" "the link of $serial"
	assert_eq "$(stat -c '%U:%G %a' "/dev/meso$n")" "mesod:meso 640" "/dev/meso$n"
done

for kind in event js; do
	node=(/sys/class/meso/meso0/input*/"$kind"*)
	assert_eq "$(stat -c '%U:%G %a' "/dev/input/${node[0]##*/}")" "root:root 600" "${node[0]}"
	for device in "${node[0]}" "${node[0]%/*}"; do
		info=$(udevadm info --query=property "$device")
		assert_match "$info" 'LIBINPUT_IGNORE_DEVICE=1' "what udev says of $device"
		if [[ $info =~ ID_INPUT[A-Z_]*=[^$'\n'] ]]; then fail "$device is an input device to desktops: $info"; fi
		if [[ $info =~ CURRENT_TAGS=[^$'\n']*:(seat|uaccess): ]]; then fail "$device has a seat: $info"; fi
	done
done

# Every line of the rules was understood.
said=$(udevadm test --action=add /sys/class/meso/meso0 2>&1 || true)
assert_match "$said" 'Reading rules file: /run/udev/rules.d/70-meso.rules' "udevadm test"
if grep -E '(70-meso|72-meso-seat)\.rules:[0-9]+' <<<"$said" | grep -vE 'OWNER|GROUP|MODE|LINK|RUN|Importing'; then
	fail "udev does not like a rule"
fi

# A gun that is unplugged takes its link along.
hand_of DUMMY-0001 disconnect 1
udevadm settle --timeout=20
wait_for 5 test ! -e /dev/meso/by-serial/DUMMY-0001
test -e /dev/meso/by-serial/DUMMY-0002 || fail "the other gun's link went as well"
udevadm control --exit
