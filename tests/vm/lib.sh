# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What VM scenarios share: assertions, waiting, a system bus, mesod. To be sourced: `source "$(dirname "$0")/../lib.sh"`.
# fork and exec are slow in the guest: helpers use bash's own means where they can.
set -euo pipefail

REPO=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
BUILD=${BUILD:-$REPO/build}
STATE=$PWD/state
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/meso-bus
MESOD_PID=
# What runs mesod and mesoctl as somebody else: a command and its arguments.
AS_MESOD=()
AS_CLINICIAN=()
exec 9<> <(:)

say() { echo "# $*"; }

fail() {
	echo "FAILED: $* (${BASH_SOURCE[1]##*/}:${BASH_LINENO[0]})"
	exit 1
}

# assert_eq <got> <wanted> [what it is]
assert_eq() {
	[ "$1" = "$2" ] || fail "${3:-value} is '$1', wanted '$2'"
}

# assert_match <text> <extended regular expression> [what it is]
assert_match() {
	[[ $1 =~ $2 ]] || fail "${3:-text} is '$1', wanted to match '$2'"
}

# assert_fails <status> <command>...: the command ends with just that status.
assert_fails() {
	local wanted=$1 got=0
	shift
	"$@" || got=$?
	assert_eq "$got" "$wanted" "exit status of '$*'"
}

# pause <seconds>: sleep without a process.
pause() { read -r -t "$1" -u 9 || true; }

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# wait_for <seconds> <command>...: until the command succeeds; fails when it does not in time.
wait_for() {
	local seconds=$1 until
	shift
	until=$((${EPOCHREALTIME/./} + seconds * 1000000))
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt "$until" ] || fail "waited $seconds s in vain for: $*"
		pause 0.05
	done
}

# shellcheck source=tests/vm/guns.sh
source "$REPO/tests/vm/guns.sh"

# steady <program> [arguments]: runs it; if it failed and says (exit status 75) that a processor of this machine stood
# still meanwhile for longer than a dead man allows, once more with a new gun, three times in all.
steady() {
	local try status
	for try in 1 2 3; do
		status=0
		"$@" || status=$?
		[ "$status" -eq 75 ] || return "$status"
		say "this machine stood still: attempt $try does not count"
		unload_guns
		load_guns 1
	done
	fail "this machine is too busy for real time: $*"
}

# require_no_leak: on a kernel that can tell, nothing that the driver has allocated is out of everybody's reach.
require_no_leak() {
	local leaks
	[ -e /sys/kernel/debug/kmemleak ] || return 0
	# What is younger than five seconds is not reported; nor what a register still had.
	for _ in 1 2; do
		pause 6
		echo scan >/sys/kernel/debug/kmemleak
	done
	leaks=$(our_leaks </sys/kernel/debug/kmemleak)
	# The next scenario is not to be blamed for them.
	echo clear >/sys/kernel/debug/kmemleak
	[ -z "$leaks" ] || fail "$leaks"
}

# our_leaks: of kmemleak's reports those with a function of ours, or of a module that is gone, in how they were allocated. But
# for the name of a class whose registration fails: 6.1's __class_register() forgets it.
our_leaks() {
	awk 'function judge() {
			if (report ~ /\[meso|\] 0xffffffffa/ && report !~ /kobject_set_name[^\n]*\n[^\n]*__class_register/)
				printf "%s", report
			report = ""
		}
		/^unreferenced object/ { judge() }
		{ report = report $0 "\n" }
		END { judge() }'
}

# start_bus: a system bus of our own, default-deny, with the project's policy.
start_bus() {
	cat >bus.conf <<-CONF
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		  <type>system</type>
		  <listen>$DBUS_SYSTEM_BUS_ADDRESS</listen>
		  <auth>EXTERNAL</auth>
		  <policy context="default">
		    <allow user="*"/>
		    <deny own="*"/>
		    <deny send_type="method_call"/>
		    <allow send_type="signal"/>
		    <allow send_requested_reply="true" send_type="method_return"/>
		    <allow send_requested_reply="true" send_type="error"/>
		    <allow receive_type="method_call"/>
		    <allow receive_type="method_return"/>
		    <allow receive_type="error"/>
		    <allow receive_type="signal"/>
		    <allow send_destination="org.freedesktop.DBus"/>
		  </policy>
		  <include ignore_missing="yes">$REPO/daemon/data/org.mesod1.conf</include>
		  <include ignore_missing="yes">/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf</include>
		</busconfig>
	CONF
	# The socket of an earlier scenario's bus would be taken for this one's.
	rm -f "${DBUS_SYSTEM_BUS_ADDRESS#*=}"
	dbus-daemon --config-file=bus.conf --nofork --nopidfile --nosyslog &
	# Its socket is there a moment before anybody listens on it.
	wait_for 10 has_name org.freedesktop.DBus
}

# has_name <bus name>
has_name() {
	dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "string:$1" |
		grep -q 'boolean true'
}

# start_mesod [arguments]: in the background, until it has its name on the bus; its pid is in MESOD_PID.
start_mesod() {
	mkdir -p "$STATE"
	"${AS_MESOD[@]}" "$BUILD/mesod" "$@" &
	MESOD_PID=$!
	wait_for 20 has_name org.mesod1
}

# stop_mesod [signal]
stop_mesod() {
	kill "-${1:-TERM}" "$MESOD_PID"
	wait "$MESOD_PID" || true
	MESOD_PID=
}

mesoctl() { "${AS_CLINICIAN[@]}" "$BUILD/mesoctl" "$@"; }
