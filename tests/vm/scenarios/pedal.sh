#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A foot pedal, by mesoctl and mesod to the gun: a press is one shot; a bounce, a press from before ARM, one that was read
# too late, one among lost events and a pedal that is held are none; the key types nowhere else; pedals come and go.
# timeout: 240
source "$(dirname "$0")/../lib.sh"
# shellcheck source=tests/vm/clinic.sh
source "$(dirname "$0")/../clinic.sh"

# A pedal is a process with a pipe in and one out: pedal <number> <name> makes it, foot <number> <command> moves it, and
# where it is, is in node[number].
declare -a to from node
pedal() {
	local pipe=pedal-$1
	mkfifo "$pipe.in" "$pipe.out"
	"$BUILD/vmprogs/uinput_pedal" "$2" <"$pipe.in" >"$pipe.out" &
	exec {fd}>"$pipe.in"
	to[$1]=$fd
	exec {fd}<"$pipe.out"
	from[$1]=$fd
	read -r "node[$1]" <&"${from[$1]}"
}
foot() {
	echo "${*:2}" >&"${to[$1]}"
	read -r "node[$1]" <&"${from[$1]}" || fail "pedal $1 is gone"
}

# fires <shots> <what>: so many more than before have truly been fired, and no other follows.
shots=0
fires() {
	local until=$((${EPOCHREALTIME/./} + 2000000))
	shots=$((shots + $1))
	while truth && [ "$truth_shots" -lt "$shots" ] && [ "${EPOCHREALTIME/./}" -lt "$until" ]; do pause 0.05; done
	pause 0.6
	truth
	assert_eq "$truth_shots" "$shots" "number of shots, after $2,"
}
said() { grep -cE "$1" mesod.log || true; }
reads() {
	"$BUILD/vmprogs/uinput_pedal" --listen "$1" 700 >heard &
	listener=$!
	wait_for 5 grep -q listening heard
}
# heard <events of keys> <what>: the listener, after it has heard nothing for its time.
heard() {
	local lines
	wait "$listener"
	mapfile -t lines <heard
	assert_eq "${lines[1]}" "$1" "number of events that another program has read of $2"
}
# Pedals that mesod has grabbed since it began.
grabbed() { [ "$(said 'grabbed, its KEY_B fires')" = "$1" ]; }

modprobe -a evdev uinput
load_guns
cat >pedal.conf <<-CONF
	[pedal]
	name = Foot Pedal
	key = KEY_B
CONF
pedal 1 "Foot Pedal"
pedal 2 "Foot Pedal"
pedal 3 "Keyboard"

say "without mesod anybody reads the pedal's key; with it nobody does"
reads "${node[1]}"
foot 1 tap
heard 2 "the pedal without mesod"
open_clinic --config "$PWD/pedal.conf" --debug
grabbed 2 || fail "both pedals were to be grabbed"
reads "${node[1]}"
foot 1 tap
heard 0 "a grabbed pedal"
reads "${node[3]}"
foot 3 tap
heard 2 "a keyboard"
assert_eq "$(said 'a press is dropped: no gun is armed')" 1 "presses with no gun armed"

say "held when the gun is armed"
hand contact 1
pause 0.3
hand contact 0
begin_treatment --patient DEMO-A --dose '10 uL' --shots 12 --depth '2 mm' --prime '50 uL'
foot 1 tap
foot 1 down
follow_treatment 0
truth
shots=$truth_shots
foot 1 repeat
fires 0 "a pedal that is held since before ARM"
foot 1 up
pause 0.1

say "a press, its repetition, its release"
foot 1 down
fires 1 "a press"
foot 1 repeat
foot 1 repeat
foot 1 up
fires 0 "repeating and letting go"

say "another key, another keyboard"
foot 1 other
foot 3 tap
fires 0 "other keys"

say "a contact that bounces"
foot 1 bounce
fires 1 "a bouncing press"

say "the second pedal"
foot 2 tap
fires 1 "a press of the second pedal"

say "read too late"
foot 1 late "$MESOD_PID"
fires 0 "a press that was read after 80 ms"
assert_eq "$(said 'a press is dropped: it was read too late')" 1 "late presses"
foot 1 up
pause 0.1
foot 1 tap
fires 1 "the press after it"

say "events that were lost"
foot 1 lose "$MESOD_PID"
fires 0 "a press among events that were lost"
assert_eq "$(said 'events were lost, it counts as released')" 1 "losses of events"
foot 1 up
pause 0.1
foot 1 tap
fires 1 "the press after them"

say "unplugged while it is held, and plugged in again"
foot 1 down
fires 1 "a press"
foot 1 destroy
wait_for 5 grep -q 'pedal .*: unplugged' mesod.log
foot 2 tap
fires 1 "a press of the other pedal meanwhile"
foot 1 create
wait_for 5 grabbed 3
# A press that follows within the debounce time would be a bounce.
pause 0.1
foot 1 tap
fires 1 "a press of the pedal that is back"

say "held for more than ten seconds"
foot 1 down
fires 1 "a press"
pause 11
assert_eq "$(said 'held for 10 s: stuck')" 1 "stuck pedals"
fires 0 "holding it"
foot 1 up
pause 0.1
foot 1 tap
fires 1 "the press after it"

say "presses without contact, and while a shot is under way, are none"
hand contact 0
pause 0.2
foot 1 tap
fires 0 "a press off the skin"
hand contact 1
pause 0.2
foot 1 tap
foot 2 tap
fires 1 "two presses at once"
foot 2 tap
fires 1 "the last press of the lease"

HANDS_OFF=1 follow_treatment
assert_eq "$treat_status" 0 "exit status"
check_books DUMMY-0001
assert_eq "$incidents" 0 incidents
assert_eq "$truth_max_beyond_lease_fl" 0 "volume beyond a lease"

say "after the lease the pedal fires nothing"
foot 1 tap
fires 0 "a press after the lease"
