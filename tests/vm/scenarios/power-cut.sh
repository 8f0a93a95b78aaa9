#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The workstation loses power in a treatment: what its disk held then, as dm-log-writes recorded it, is mounted, and the
# ledger in it is whole and has every reservation and settlement that had been acknowledged. At one point in so many of all at which
# something became durable, and after each acknowledgement; EVERY=1 at all of them.
# timeout: 900
# own-boot
# memory: 2048
# long: usb
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"
EVERY=${EVERY:-15}

modprobe -a loop dm-log-writes ext4

# ---- a disk that remembers all that was written to it ---------------------------------------------------------

truncate -s 48M disk.img
truncate -s 1G log.img
disk=$(losetup --find --show disk.img)
log=$(losetup --find --show log.img)
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0,nodiscard "$disk"
sync
cp disk.img then.img
dmsetup create --noudevsync --noudevrules meso-cut --table "0 $(blockdev --getsz "$disk") log-writes $disk $log"
dmsetup mknodes meso-cut
mkdir disk look
mount /dev/mapper/meso-cut disk

# ---- a treatment on it ------------------------------------------------------------------------------------------

STATE=$PWD/disk/ledger
reserved=0 settled=0
mark() { dmsetup message meso-cut 0 mark "$1"; }
# mesoctl prints these when mesod has answered: from here on it must be there.
show() {
	echo "  | $*"
	case $1 in
	prime*hold* | ARMED*) mark "reserved=$((++reserved))" ;;
	primed* | spent*) mark "settled=$((++settled))" ;;
	esac
}

load_guns
open_clinic
hand contact 1
pause 0.3
hand contact 0
begin_treatment --patient DEMO-A --dose '20 uL' --shots 3 --depth '2 mm' --prime '50 uL' --repeat-lease 2
follow_treatment
assert_eq "$treat_status" 0 "exit status"
assert_eq "$reserved" 4 "reservations acknowledged"
assert_eq "$settled" 4 "settlements acknowledged"
check_books DUMMY-0001
kill -KILL "$MESOD_PID"
wait_for 5 test ! -e "/proc/$MESOD_PID"
umount disk
dmsetup remove --noudevsync --noudevrules meso-cut

# ---- and the power goes at each moment of it ---------------------------------------------------------------------

printf -v now '%(%s)T' -1
points=0 judged=0 reserved=0 settled=0

# judge: what the disk held at this point.
judge() {
	local state problem reservations settlements
	cp --sparse=always then.img cut.img
	mount -o loop cut.img look || fail "point $points: the file system does not mount"
	if [ -e look/ledger/ledger.db ]; then
		IFS=: read -r state problem < <("$BUILD/vmprogs/ledger_judge" look/ledger/ledger.db look/ledger.mark "$now")
		read -r state _ reservations _ settlements <<<"$state"
		[ "$state" = ok ] || fail "point $points: the ledger is ${state:-not readable}:$problem"
		[ "$reservations" -ge "$reserved" ] || fail "point $points: $reservations of $reserved reservations are there"
		[ "$settlements" -ge "$settled" ] || fail "point $points: $settlements of $settled settlements are there"
	else
		[ "$reserved" = 0 ] || fail "point $points: there is no ledger"
	fi
	umount look
	judged=$((judged + 1))
}

offset=0
while IFS=' =' read -r offset kind name number < <("$BUILD/vmprogs/replay_writes" log.img then.img "$offset"); do
	[ "$offset" != end ] || break
	if [ "$kind" = mark ]; then
		# The disk leaves one of its own when it is taken down.
		[ -n "$number" ] || continue
		printf -v "$name" '%s' "$number"
		judge
	elif [ $((++points % EVERY)) = 0 ]; then
		judge
	fi
done
judge
say "$points points at which something became durable, judged at $judged"
assert_eq "$offset" end "the end of the log"
assert_eq "$reserved $settled" "4 4" "what was acknowledged at the end"
[ "$points" -ge 30 ] || fail "only $points points: the disk was not recorded"
