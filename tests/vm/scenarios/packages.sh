#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# As an administrator and a clinic meet it: Debian's packages are installed on a machine with systemd, udev, polkit and a
# system bus; a gun that is plugged in starts mesod in its sandbox; an operator who is nobody special is asked for her
# password, and treats; the machine sleeps; a mesod that is killed comes back by itself and has lost nothing; an upgrade
# keeps the ledger, and purging asks before it forgets it.
# gun: none
# timeout: 420
# systemd
# It brings its own gun, on USB; the dummy is another one.
export GUN=usb
source "$(dirname "$0")/../lib.sh"
HELD=USB-0001
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"
unset DBUS_SYSTEM_BUS_ADDRESS
export DEBIAN_FRONTEND=noninteractive
release=$(uname -r)
debs=$BUILD/deb
[ -e "$debs/dkms/$release.dkms.tar.gz" ] || fail "there are no packages: tests/packages makes them"

as_nurse=(setpriv --reuid=1501 --regid=1501 --clear-groups)
nurse() { "${as_nurse[@]}" mesoctl "$@"; }
root() { command mesoctl "$@"; }
property() { systemctl show -P "$1" mesod.service; }
mesod_is() { [ "$(property ActiveState)" = "$1" ]; }
there() { nurse status "$HELD"; }
# quietly <command>...: what it says is only of interest when it fails.
quietly() { "$@" >said.txt 2>&1 || { cat said.txt && fail "$*"; }; }
head_of_ledger() { root ledger verify | grep -oE 'head [0-9a-f]+'; }

# A second attempt finds the first one's.
dpkg -P mesod mesoctl libinjector0 meso-dkms >/dev/null 2>&1 || true
rm -rf /var/lib/meso /var/cache/meso
# The machine that the tests run on may be a container that starts no services, and its man-db is nobody's business.
rm -rf /usr/sbin/policy-rc.d /var/lib/man-db/auto-update
# A kernel with just what the drivers need: depmod, which every installation runs, takes half a minute here for all of
# Debian's modules. What the tests use elsewhere is not there.
slim() {
	local file
	mkdir -p /run/slim/updates
	cp "/lib/modules/$release"/modules.{builtin,builtin.modinfo,order} /run/slim/
	while read -r file; do
		file=${file#"/lib/modules/$release/"}
		[[ $file == updates/* ]] || { mkdir -p "/run/slim/${file%/*}" && cp "/lib/modules/$release/$file" "/run/slim/$file"; }
	done < <(modprobe --all --show-depends meso_dummy meso_usb dummy_hcd usb_f_fs | sed -n 's/^insmod \([^ ]*\).*/\1/p')
	mount --bind /run/slim "/lib/modules/$release"
	depmod
}
mountpoint -q "/lib/modules/$release" || slim
echo 'nurse:x:1501:1501::/nonexistent:/bin/sh' >>/etc/passwd
echo nurse:secret | chpasswd

say "installed"
quietly apt-get install -y --no-install-recommends -o Dir::State::Lists="$PWD/lists" \
	"$debs"/{mesod,mesoctl,libinjector0,meso-dkms}_*.deb
wait_for 20 mesod_is active
assert_eq "$(stat -c '%U %a' /var/lib/meso)" "mesod 700" "its directory"
# There is no compiler for this kernel here: the modules that DKMS has built elsewhere are brought to it.
# Debian 12's DKMS takes them, and then fails since it has their sources already.
dkms ldtarball --force --archive "$debs/dkms/$release.dkms.tar.gz" >loaded.txt 2>&1 || true
[[ $(dkms status meso) == *"$release"*built* ]] || { cat loaded.txt && fail "DKMS has no modules: $(dkms status)"; }
quietly dkms install -m meso -v "$(dpkg-query -W -f '${Version}' meso-dkms)" -k "$release"
assert_match "$(modinfo -n meso)" updates/dkms "where the driver is"

say "a gun to try it with is one command"
# mesod is older than the driver, which the sandbox that it was given does not know: it begins anew by itself.
modprobe meso_dummy
one_gun() { [[ $(nurse list) == *DUMMY* ]]; }
wait_for 20 one_gun
rmmod meso_dummy
systemctl stop mesod

say "a gun is plugged in, and mesod is started for it"
mesod_is inactive || fail "mesod is $(property ActiveState) without a gun"
load_transport 0
make_gun "$HELD"
wait_for 20 mesod_is active
wait_for 10 has_name org.mesod1
MESOD_PID=$(property MainPID)
assert_eq "$(stat -c %U "/proc/$MESOD_PID")" mesod "who mesod is"
status=$(<"/proc/$MESOD_PID/status")
assert_match "$status" $'NoNewPrivs:\t1' "mesod's process"
assert_match "$status" $'Seccomp:\t2' "mesod's process"
assert_match "$status" $'CapEff:\t0000000000000000' "mesod's process"
assert_eq "$(stat -c '%U:%G %a' /dev/meso0)" "mesod:meso 640" "the gun's node"
assert_eq "$(readlink -f /dev/meso/by-serial/"$HELD")" /dev/meso0 "the gun's other name"
wait_for 10 there

say "what the sandbox keeps from it"
exposure=$(systemd-analyze security --no-pager mesod.service | sed -nE 's/^.*Overall exposure level[^:]*: ([0-9])\.([0-9]).*$/\1\2/p')
[ "$exposure" -le 10 ] || fail "systemd calls the exposure $exposure tenths"

say "an operator is asked for her password"
root operator add --uid 1501 --name Nurse --licence N-1 --expires $(($(printf '%(%Y)T' -1) + 5))-12-31 >/dev/null
# at_terminal <password>: she lists her patients, and types that when she is asked. Sets typed_status.
at_terminal() {
	local text='' byte in out pid
	coproc TERMINAL { exec script -qec "${as_nurse[*]} mesoctl patient list" /dev/null 2>&1; }
	exec {out}<&"${TERMINAL[0]}" {in}>&"${TERMINAL[1]}"
	pid=$TERMINAL_PID
	until [[ $text == *assword:* ]]; do
		IFS= read -r -N 1 -t 30 -u "$out" byte || fail "nobody asked for a password: $text"
		text+=$byte
	done
	pause 0.5
	echo "$1" >&"$in"
	# To its end, however it comes.
	while IFS= read -r -N 1 -t 30 -u "$out" byte; do text+=$byte; done
	typed_status=0
	wait "$pid" || typed_status=$?
	exec {in}>&- {out}<&-
}
at_terminal wrong
assert_eq "$typed_status" 5 "mesoctl's exit status after a wrong password"
at_terminal secret
assert_eq "$typed_status" 0 "mesoctl's exit status after the right password"

say "and treats, as the clinic has allowed without asking"
cat >/etc/polkit-1/rules.d/50-nurse.rules <<-'RULE'
	polkit.addRule(function(action, subject) {
		if (action.id == "org.mesod1.operate" && subject.user == "nurse")
			return polkit.Result.YES;
	});
RULE
allowed() { nurse patient list; }
wait_for 10 allowed
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
settled() { [[ $(root ledger list | tail -n 3) == *settlement* ]]; }
wait_for 10 settled
check_books "$HELD"
assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"
assert_match "$(journalctl -q -x -u mesod)" "was in use when mesod last ended" "what the journal explains"

say "the machine sleeps: logind waits until the gun is disarmed and settled"
systemctl start systemd-logind
MESOD_PID=$(property MainPID)
inhibits() { [[ $(busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager ListInhibitors) == *mesod* ]]; }
wait_for 20 inhibits
AS_CLINICIAN=("${as_nurse[@]}")
reach 1 --patient DEMO-A --dose '20 uL' --shots 6 --depth '2 mm'
# All of a suspend but its last steps: tasks are frozen, and thaw after five seconds.
# For a second: it would be five, in which a processor does nothing else.
echo 1 >/sys/module/suspend/parameters/pm_test_delay
echo freezer >/sys/power/pm_test
busctl call org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager Suspend b false
HANDS_OFF=1 follow_treatment
[ "$treat_status" != 0 ] || fail "the treatment went on over the machine's sleep"
wait_disarmed 0
said() { [[ $(journalctl -q -u mesod -o cat) == *"$1"* ]]; }
wait_for 20 said "the machine is awake"
said "every gun is disarmed: the machine may sleep" || fail "logind did not wait: $(journalctl -q -u mesod -o cat | tail -n 8)"
AS_CLINICIAN=()
wait_for 10 there
wait_for 10 settled
check_books "$HELD"
assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"
assert_eq "$(property MainPID)" "$MESOD_PID" "mesod after the sleep"

say "how much it logs"
systemctl service-log-level mesod debug
assert_eq "$(systemctl service-log-level mesod)" debug "mesod's log level"
# As busctl does for anybody.
assert_fails 1 "${as_nurse[@]}" systemctl service-log-level mesod emerg
assert_eq "$(systemctl service-log-level mesod)" debug "mesod's log level"

say "upgraded, with the ledger as it was"
before=$(head_of_ledger)
MESOD_PID=$(property MainPID)
mkdir newer
dpkg-deb -R "$debs"/mesod_*.deb newer
sed -i 's/^Version: .*/&+newer/' newer/DEBIAN/control
quietly dpkg-deb -b newer newer.deb
quietly dpkg -i newer.deb
wait_for 20 restarted
wait_for 10 there
assert_eq "$(head_of_ledger)" "$before" "the ledger's head"
assert_match "$(nurse --show-identifiers patient list)" DEMO-A "the patients"

say "the gun is unplugged, mesod told to end; who asks for it starts it"
hand disconnect 1
wait_for 5 test ! -e /dev/meso0
systemctl stop mesod
assert_eq "$(property Result)" success "how mesod ended"
assert_fails 4 nurse list
wait_for 10 mesod_is active

say "removed, and purged with nobody to ask: the ledger stays"
quietly dpkg -r mesod
[ -e /var/lib/meso/ledger.db ] || fail "removing the package has removed the ledger"
dpkg -P mesod >purged.txt 2>&1
assert_match "$(<purged.txt)" "kept in /var/lib/meso" "what purging says"
[ -e /var/lib/meso/ledger.db ] || fail "purging has removed the ledger, and nobody was asked"
quietly dpkg -i newer.deb
wait_for 20 mesod_is active
assert_eq "$(head_of_ledger)" "$before" "the ledger's head"

say "purged by somebody who says yes"
script -qec 'DEBIAN_FRONTEND=teletype dpkg -P mesod' /dev/null <<<yes >purged.txt
assert_match "$(<purged.txt)" "Remove the dose ledger?" "the question"
[ ! -e /var/lib/meso ] || fail "the ledger is still there"
quietly dpkg -P mesoctl libinjector0 meso-dkms
left() {
	local deb file
	for deb in "$debs"/{mesod,mesoctl,libinjector0,meso-dkms}_*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -t
	done | while read -r file; do
		if [[ $file != */ && -e ${file#.} ]]; then echo "${file#.}"; fi
	done
	for file in /etc/meso /var/lib/meso /var/cache/meso /var/lib/dkms/meso /usr/src/meso* /etc/systemd/system/*/meso* \
		"/lib/modules/$release/updates/dkms/meso"*; do
		if [ -e "$file" ]; then echo "$file"; fi
	done
}
assert_eq "$(left)" "" "what is left"
