#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# All of it as installed, with systemd, udev, polkit and a system bus: a gun that is plugged in starts mesod in its
# sandbox, an operator who is nobody special treats, a mesod that is killed comes back by itself and has lost nothing.
# timeout: 240
# systemd
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"
unset DBUS_SYSTEM_BUS_ADDRESS

as_nurse=(setpriv --reuid=1501 --regid=1501 --clear-groups)
nurse() { "${as_nurse[@]}" mesoctl "$@"; }
property() { systemctl show -P "$1" mesod.service; }
mesod_is() { [ "$(property ActiveState)" = "$1" ]; }

# A second attempt finds the first one's.
systemctl stop mesod.service 2>/dev/null || true
rm -rf /var/lib/meso /var/cache/meso
say "installed"
cp -a "$BUILD/vmroot/." /
install -d -m 0755 /etc/meso
echo 'nurse:x:1501:1501::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
systemd-sysusers meso.conf
cat >/etc/polkit-1/rules.d/50-nurse.rules <<-'RULE'
	polkit.addRule(function(action, subject) {
		if (action.id == "org.mesod1.operate" && subject.user == "nurse")
			return polkit.Result.YES;
	});
RULE
systemctl daemon-reload
udevadm control --reload
busctl call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig

say "a gun is plugged in, and mesod is started for it"
mesod_is inactive || fail "mesod is $(property ActiveState) without a gun"
load_guns
wait_for 20 mesod_is active
wait_for 10 has_name org.mesod1
MESOD_PID=$(property MainPID)
assert_eq "$(stat -c %U "/proc/$MESOD_PID")" mesod "who mesod is"
status=$(<"/proc/$MESOD_PID/status")
assert_match "$status" $'NoNewPrivs:\t1' "mesod's process"
assert_match "$status" $'Seccomp:\t2' "mesod's process"
assert_match "$status" $'CapEff:\t0000000000000000' "mesod's process"
assert_eq "$(stat -c '%U %a' /var/lib/meso)" "mesod 700" "its directory"
there() { nurse status DUMMY-0001; }
wait_for 10 there

say "an operator treats"
"$BUILD/mesoctl" operator add --uid 1501 --name Nurse --licence N-1 --expires $(($(printf '%(%Y)T' -1) + 5))-12-31 >/dev/null
AS_CLINICIAN=("${as_nurse[@]}")
admit DEMO-A
reach 2 --patient DEMO-A --dose '20 uL' --shots 6 --depth '2 mm'

say "mesod is killed in the midst of it"
kill -KILL "$MESOD_PID"
wait_disarmed 500
HANDS_OFF=1 follow_treatment
assert_eq "$treat_status" 3 "mesoctl's exit status"
restarted() { mesod_is active && [ "$(property MainPID)" != "$MESOD_PID" ]; }
wait_for 15 restarted
wait_for 10 there
AS_CLINICIAN=()
settled() { [[ $("$BUILD/mesoctl" ledger list | tail -n 3) == *settlement* ]]; }
wait_for 10 settled
check_books DUMMY-0001
assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"
"$BUILD/mesoctl" ledger verify

say "what the sandbox keeps from it"
systemd-analyze security --no-pager mesod.service | tail -n 1
exposure=$(systemd-analyze security --no-pager mesod.service | sed -nE 's/^.*Overall exposure level[^:]*: ([0-9])\.([0-9]).*$/\1\2/p')
[ "$exposure" -le 10 ] || fail "systemd calls the exposure $exposure tenths"

say "the gun is unplugged, mesod told to end"
hand disconnect 1
wait_for 5 test ! -e /dev/meso0
systemctl stop mesod
assert_eq "$(property Result)" success "how mesod ended"

say "who asks for it starts it"
assert_fails 4 nurse list
wait_for 10 mesod_is active
