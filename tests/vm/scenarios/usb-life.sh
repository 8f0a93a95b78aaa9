#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A gun on a bus that is reset and unbound under a lease, that sleeps, that moves to another port; several guns at once,
# and two of one serial number. Never armed without a host. (The machine's own sleep is kernel-suspend's, and ends before
# the devices' turn: the VM's root, on virtio-9p, does not outlive that.)
# timeout: 180
# gun: usb
source "$(dirname "$0")/../lib.sh"

state() { echo "$(</sys/class/meso/meso0/state)"; }
is_state() { [ "$(state)" = "$1" ]; }
runtime_is() { [ "$(<"$device/power/runtime_status")" = "$1" ]; }
# usb_device: of meso0, in sysfs.
usb_device() { realpath /sys/class/meso/meso0/device/..; }

load_guns 1
device=$(usb_device)
node=/dev/bus/usb/$(printf '%03d/%03d' "$(<"$device/busnum")" "$(<"$device/devnum")")

say "reset and unbound"
steady "$BUILD/vmprogs/usb_life" "$node" "$(basename "$(realpath /sys/class/meso/meso0/device)")"

say "nobody uses it: it sleeps, and is not called stale for that"
device=$(usb_device)
echo 100 >"$device/power/autosuspend_delay_ms"
echo auto >"$device/power/control"
wait_for 5 is_state asleep
wait_for 2 runtime_is suspended
pause 1.5
assert_eq "$(state)" asleep "state after a while"
say "somebody opens it: it is awake, and stays so while it is used"
exec 5</dev/meso0
wait_for 2 is_state idle
pause 1
runtime_is active || fail "the bus sleeps while the gun is used"
assert_eq "$(state)" idle "state while it is used"
exec 5<&-
wait_for 5 is_state asleep
say "and it treats, from its sleep"
steady "$BUILD/vmprogs/kernel_treat"
wait_for 5 is_state asleep
echo on >"$device/power/control"
wait_for 5 is_state idle

say "it moves to another port"
hand_of DUMMY-0001 disconnect 1
wait_for 5 test ! -e /dev/meso0
ask_gun DUMMY-0001 'port dummy_udc.2'
hand_of DUMMY-0001 disconnect 0
wait_for 5 test -c /dev/meso0
assert_eq "$(</sys/class/meso/meso0/serial)" DUMMY-0001 "serial at another port"
[ "$(usb_device)" != "$device" ] || fail "it has not moved"

say "several at once"
make_gun DUMMY-0002
make_gun DUMMY-0003
wait_for 5 test -c /dev/meso2
serials=$(cat /sys/class/meso/meso*/serial | sort | tr '\n' ' ')
assert_eq "$serials" "DUMMY-0001 DUMMY-0002 DUMMY-0003 " serials
unmake_gun DUMMY-0002
wait_for 5 test ! -e /dev/meso1

say "two of one serial number: the second is refused, and taken when the first has gone"
guns() { grep -lx "$1" /sys/class/meso/meso*/serial | wc -l; }
one_gun() { [ "$(guns DUMMY-0003)" -eq 1 ]; }
start_gun TWIN --serial=DUMMY-0003
hand_of TWIN cartridge 1
hand_of TWIN syringe 5000000
refused() { dmesg | grep -q 'refused: another gun with its serial number is plugged in'; }
wait_for 5 refused
pause 2.5
assert_eq "$(guns DUMMY-0003)" 1 "guns called DUMMY-0003"
assert_eq "$(dmesg | grep -c 'refused: another gun')" 1 "lines about the refusal"
first=$(truth_of DUMMY-0003)
assert_match "$first" 'armed 0' "the first one's truth"
unmake_gun DUMMY-0003
wait_for 5 test ! -e /dev/meso2
wait_for 5 one_gun
unmake_gun TWIN
start_gun DUMMY-0003
wait_for 5 one_gun

say "one whose plug says another serial number than its registers is no gun"
start_gun LIAR --serial=DUMMY-0009 --usb-serial=DUMMY-0008
lied() { dmesg | grep -q 'does not answer as a gun does'; }
wait_for 5 lied
for serial in DUMMY-0008 DUMMY-0009; do assert_eq "$(guns "$serial")" 0 "guns called $serial"; done
unmake_gun LIAR
