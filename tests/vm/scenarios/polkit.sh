#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Nothing runs as root but the kernel: mesod is its own user, polkit's real daemon is asked, an operator who is nobody
# special treats; without polkit nobody does, and a stop needs it never.
# timeout: 180
# long: usb
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

printf '%s\n' 'mesod:x:981:981::/nonexistent:/usr/sbin/nologin' 'nurse:x:1501:1501::/nonexistent:/usr/sbin/nologin' \
	'guest:x:1502:1502::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
printf '%s\n' 'mesod:x:981:' 'meso:x:982:' >>/etc/group
cp "$REPO/daemon/data/org.mesod1.policy" /usr/share/polkit-1/actions/
as_nurse=(setpriv --reuid=nurse --regid=1501 --clear-groups)
as_guest=(setpriv --reuid=guest --regid=1502 --clear-groups)
root() { "$BUILD/mesoctl" "$@"; }
nurse() { "${as_nurse[@]}" "$BUILD/mesoctl" "$@"; }
guest() { "${as_guest[@]}" "$BUILD/mesoctl" "$@"; }

start_polkit() {
	/usr/lib/polkit-1/polkitd --no-debug >>polkit.log 2>&1 &
	polkit_pid=$!
	disown "$polkit_pid"
	wait_for 20 has_name org.freedesktop.PolicyKit1
}

# allow <user> <action>: as an administrator would.
allow() {
	cat >"/etc/polkit-1/rules.d/50-$1.rules" <<-RULE
		polkit.addRule(function(action, subject) {
			if (action.id == "org.mesod1.$2" && subject.user == "$1")
				return polkit.Result.YES;
		});
	RULE
}

# doctor_says <text>: to the nurse, about polkit.
doctor_says() { assert_match "$(nurse doctor | grep -A 1 polkit)" "$1" "what the doctor says"; }

load_guns
# As the udev rule does.
chown mesod:meso /dev/meso0
chmod 0640 /dev/meso0
install -d -o mesod -g mesod -m 0700 "$STATE" "$STATE.cache"
chmod 0755 .
# shellcheck disable=SC2034
AS_MESOD=(setpriv --reuid=mesod --regid=mesod --clear-groups)
start_bus 2>>bus.log
begin_mesod --mark "$STATE.cache/mark"
assert_eq "$(stat -c %U "/proc/$MESOD_PID")" mesod "who mesod is"
nurse status DUMMY-0001 >/dev/null || fail "a gun may be looked at by anybody"

say "no polkit: root registers, and nobody else does anything"
root operator add --uid 1501 --name Nurse --licence N-1 --expires $(($(printf '%(%Y)T' -1) + 5))-12-31 >/dev/null
assert_fails 5 nurse patient add --reference R-1 --name 'Ada Example' --birth-date 1980-02-29 2>refused.txt
assert_match "$(<refused.txt)" 'org.mesod1.operate: polkit' "what the nurse reads"
doctor_says 'install polkitd'
nurse stop || fail "an operator cannot stop"
assert_fails 5 guest stop

say "polkit, and no rule: a password would do, and nobody can be asked"
start_polkit
assert_fails 5 nurse patient add --reference R-1 --name 'Ada Example' --birth-date 1980-02-29 2>refused.txt
assert_match "$(<refused.txt)" '/etc/polkit-1/rules.d' "what the nurse reads"
doctor_says 'ok *polkit *an operator with uid 1501 may treat after giving a password'

say "allowed: the nurse treats, the guest does not even read"
allow nurse operate
allowed() { nurse patient list; }
wait_for 10 allowed
doctor_says 'uid 1501 may treat'
assert_fails 5 guest patient list
assert_fails 5 guest ledger verify
assert_fails 5 nurse operator add --uid 1502 --name Guest --licence N-2 --expires 2099-12-31
AS_CLINICIAN=("${as_nurse[@]}")
admit DEMO-A
reach 2 --patient DEMO-A --dose '20 uL' --shots 4 --depth '2 mm'

say "a stop in the midst of it, with polkit gone"
kill -KILL "$polkit_pid"
mesoctl stop
wait_disarmed 500
HANDS_OFF=1 follow_treatment
AS_CLINICIAN=()
check_books DUMMY-0001
assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"
assert_fails 5 nurse patient list

say "an auditor reads, and no more"
start_polkit
allow guest read-ledger
read_it() { guest ledger verify; }
wait_for 10 read_it
assert_fails 5 guest patient add --reference R-9 --name 'Eve Example' --birth-date 1980-02-29
