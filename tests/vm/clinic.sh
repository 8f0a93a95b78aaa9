# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A clinic for scenarios and for the demo: the hand on the gun, what truly happened, mesoctl's lines, and the two books
# (the ledger's and the gun's own) to compare. To be sourced after lib.sh. $HELD is the serial number of the gun in the
# hand; a story on a gun that guns.sh does not know brings its own hand() and read_truth().
#
# shellcheck disable=SC2034,SC2120
#
# For the story's own voice: show() is called with each line of mesoctl, tell() with what the hand does.
HELD=${HELD:-DUMMY-0001}

# stalled: mesoctl was told that the gun heard no heartbeat or stopped reporting. In a story in which nobody stopped
# anything, the machine itself stood still for longer than the dead man allows: the gun did right, the story cannot go on.
treat_lines=
stalled() {
	local line
	# What mesoctl has to say of it may not have been read yet.
	while [ -n "${OUT:-}" ] && IFS= read -r -t 0.5 -u "$OUT" line 2>/dev/null; do treat_lines+=$line$'\n'; done
	[[ $treat_lines =~ heard\ no\ heartbeat|stopped\ reporting ]]
}

# A clinic that fails tells what the others saw of it, also where somebody listens to what it prints.
failing=
fail() {
	exec >&2
	echo "FAILED: $* (${BASH_SOURCE[1]##*/}:${BASH_LINENO[0]})"
	[ -z "$failing" ] || exit 1
	failing=1
	if stalled; then echo "--- mesoctl was told that the gun and its driver lost each other for a while"; fi
	echo "--- the gun and the ledger:"
	"$BUILD/mesoctl" list || true
	"$BUILD/mesoctl" ledger list | tail -n 8 || true
	(read_truth) || true
	echo "--- mesod said:"
	tail -n 40 mesod.log || true
	exit 1
}

show() { echo "  | $*"; }
tell() { :; }
mesoctl() { "${AS_CLINICIAN[@]}" "$BUILD/mesoctl" "$@"; }

hand() { hand_of "$HELD" "$@"; }
read_truth() { truth_of "$HELD"; }

# gun_is_ready <serial>: since it was last plugged in, mesod has compared it with the ledger.
gun_is_ready() { [[ $(grep -oE "^mesod: $1: (plugged in|ready|unplugged)" mesod.log | tail -n 1) == *ready ]]; }

# truth: what truly happened, into variables.
truth_delivered_fl='' truth_lease_fl='' truth_plunger_nm='' truth_shots='' truth_max_beyond_lease_fl='' truth_armed='' truth_moving=''
truth() {
	local name value
	while read -r name value; do
		printf -v "truth_$name" '%s' "$value"
	done < <(read_truth)
	[ -n "$truth_delivered_fl" ] || fail "the truth cannot be read"
}

# wait_disarmed <milliseconds>: until the gun is truly disarmed and stands still. What it took is in elapsed.
wait_disarmed() {
	local since
	since=$(now_ms)
	while truth && [ "$truth_armed$truth_moving" != 00 ]; do
		elapsed=$(($(now_ms) - since))
		[ "$elapsed" -le "$1" ] || fail "the gun is still armed or moving after $elapsed ms; $1 are allowed"
	done
	elapsed=$(($(now_ms) - since))
}

# microlitres <nl>: as people read it, into the variable text.
microlitres() { printf -v text '%d.%03d uL' $(($1 / 1000)) $(($1 % 1000)); }

# field <json object> <name>: the number or text behind that name, into the variable value.
field() {
	[[ $1 =~ \"$2\":\"?([^,\"}]*) ]] || fail "there is no \"$2\" in $1"
	value=${BASH_REMATCH[1]}
}

# ---- the books -------------------------------------------------------------------------------------------------

# read_books <serial>: what the ledger and that gun each say of every shot so far, in ledger_shots, ledger_nl, gun_shots,
# gun_nl; what the ledger holds against patients or counts as primed, in charged_nl; its incidents, in incidents.
read_books() {
	local serial=$1 registers rest record number
	local -A charge=()
	registers=$(mesoctl status "$serial" --registers --json)
	[[ $registers =~ \"shot-count\",\"value\":([0-9]*) ]] || fail "no shot count in $registers"
	gun_shots=${BASH_REMATCH[1]}
	[[ $registers =~ \"total-nl\",\"value\":([0-9]*) ]] || fail "no total in $registers"
	gun_nl=${BASH_REMATCH[1]}
	ledger_shots=0 ledger_nl=0 charged_nl=0 incidents=0
	rest=$(mesoctl ledger list --json)
	while [[ $rest =~ ^[^{]*(\{[^{}]*\})(.*)$ ]]; do
		record=${BASH_REMATCH[1]}
		rest=${BASH_REMATCH[2]}
		# A settlement names its reservation, and not the gun.
		[[ $record == *"\"serial\":\"$serial\""* || $record == *'"type":"settlement"'* ]] || continue
		case $record in
		*'"type":"shot"'*)
			field "$record" delivered_nl
			ledger_shots=$((ledger_shots + 1)) ledger_nl=$((ledger_nl + value))
			;;
		*'"type":"reservation"'*)
			field "$record" number && number=$value
			field "$record" reserved_nl && charge[$number]=$value
			;;
		*'"type":"settlement"'*)
			# What a settlement released is free; a prime that was credited has left the gun all the same.
			field "$record" reservation && number=$value
			[ -n "${charge[$number]:-}" ] || continue
			field "$record" spent_nl && charge[$number]=$value
			field "$record" delivered_nl
			[ "$value" -le "${charge[$number]}" ] || charge[$number]=$value
			;;
		*'"type":"incident"'*) incidents=$((incidents + 1)) ;;
		esac
	done
	for number in "${!charge[@]}"; do charged_nl=$((charged_nl + charge[$number])); done
}

# check_books <serial>: the ledger is equal to the gun's own counters, and to what truly left the needle. Leaves fluid_nl.
check_books() {
	read_books "$1"
	truth
	fluid_nl=$((truth_delivered_fl / 1000000))
	[ "$ledger_shots" = "$gun_shots" ] || fail "the ledger has $ledger_shots shots, the gun counted $gun_shots"
	[ "$ledger_nl" = "$gun_nl" ] || fail "the ledger has $ledger_nl nL, the gun counted $gun_nl"
	[ "$truth_shots" = "$gun_shots" ] || fail "$truth_shots shots truly happened, the gun counted $gun_shots"
	# A motor step of each shot, and what the needle still holds, are less than a hundredth.
	[ $((fluid_nl * 100)) -ge $((ledger_nl * 99)) ] || fail "the ledger has $ledger_nl nL, only $fluid_nl left the needle"
	check_charged
}

# check_charged, after read_books: no unrecorded dose. What truly left the needle is at most what the ledger holds as given or reserved.
check_charged() {
	[ "$truth_delivered_fl" -le $((charged_nl * 1000000)) ] ||
		fail "$truth_delivered_fl fL left the needle, the ledger accounts for $charged_nl nL"
}

# ---- people ----------------------------------------------------------------------------------------------------

# What is given, and where, unless a story says otherwise: what a simulated gun has in it.
WHERE=(--preparation saline --area scalp)

# assess <patient>: today, by who says so here.
assess() {
	local today
	printf -v today '%(%Y-%m-%d)T' -1
	mesoctl assess "$1" --consent yes --elsewhere asked --today "$today" >/dev/null
}

# admit <reference> [arguments]: a patient, assessed.
admit() {
	mesoctl patient add --reference "$1" --name "Somebody ${1,,}" --birth-date 1980-02-29 "${@:2}" >/dev/null
	assess "$1"
}

# open_clinic [mesod's arguments]: a bus, mesod, an operator (root), a patient DEMO-A and a patient DEMO-B.
# shellcheck disable=SC2120
open_clinic() {
	start_bus 2>>bus.log
	begin_mesod "$@"
	mesoctl operator add --name "Dr. Demo" --licence DEMO-1 --expires $(($(printf '%(%Y)T' -1) + 5))-12-31 >/dev/null
	admit DEMO-A
	admit DEMO-B
}

# begin_mesod [arguments]: its state in $STATE, limits and formulary not this machine's; it is no job of this shell, so that the
# shell does not comment on its death.
begin_mesod() {
	start_mesod --state "$STATE" --mark "$STATE.mark" --config "$PWD/no-limits.conf" \
		--formulary "$REPO/daemon/data/formulary/formulary.conf" "$@" 2>>mesod.log
	disown "$MESOD_PID"
}

# ---- a treatment, and the hand on the gun ----------------------------------------------------------------------

# begin_treatment <mesoctl arguments>: mesoctl in the background; its lines come by $OUT, it is answered by $IN.
begin_treatment() {
	coproc CLINICIAN { exec "${AS_CLINICIAN[@]}" "$BUILD/mesoctl" treat "${WHERE[@]}" "$@" 2>&1; }
	# bash closes its own ends when the process ends, and with them what is still to be read.
	exec {OUT}<&"${CLINICIAN[0]}" {IN}>&"${CLINICIAN[1]}"
	treat_pid=$CLINICIAN_PID
	treat_status=
	treat_lines=
	pulled=0
	fired=0
}

pull() {
	hand trigger 1
	pulled=$((pulled + 1))
}
let_go() {
	hand trigger 0
	pause 0.05
}

# pull_in_vain <why>: the trigger, once, when nothing may fire.
pull_in_vain() {
	local before
	truth
	before=$truth_plunger_nm:$truth_shots
	hand trigger 1
	pause 0.7
	hand trigger 0
	truth
	[ "$truth_plunger_nm:$truth_shots" = "$before" ] || fail "the trigger fired $1"
}

# HOLD=1: the trigger is held while there are shots left (repeat mode), not pulled for each. HANDS_OFF=1: nobody touches
# the trigger any more; a shot that is told late starts no other.
#
# follow_treatment [stop after so many shots]: shows what mesoctl prints, and does with the gun what a clinician would.
# Ends when mesoctl has asked a question or ended (treat_status is set then, treat_lines has all it said), or with that
# shot, whose trigger has been let go.
follow_treatment() {
	local stop=${1:-1000} line end
	while :; do
		# 1 is the end of its output; above 128 it is still there.
		IFS= read -r -t 30 -u "$OUT" line || {
			end=$?
			break
		}
		treat_lines+=$line$'\n'
		show "$line"
		case $line in
		prime*hold*)
			tell "The hand holds the gun in the air and pulls the trigger."
			hand contact 0
			hand trigger 1
			;;
		primed*) let_go ;;
		ARMED*)
			tell "The hand presses the gun to the skin and pulls the trigger, again and again."
			hand contact 1
			pause 0.5
			[ "$stop" -gt 0 ] || return 0
			pull
			;;
		shot*)
			fired=$((fired + 1))
			[ -z "${HANDS_OFF:-}" ] || continue
			if [ -n "${HOLD:-}" ] && [[ $line != *"(0 shots)"* ]]; then continue; fi
			let_go
			[ "$fired" -lt "$stop" ] || return 0
			[[ $line == *"(0 shots)"* ]] || pull
			;;
		question*) return 0 ;;
		esac
	done
	[ "$end" -le 128 ] || fail "mesoctl has said nothing for half a minute, and goes on"
	treat_status=0
	wait "$treat_pid" || treat_status=$?
}

# reach <shots> <mesoctl arguments>: a treatment that is armed and has fired so many shots.
reach() {
	local wanted=$1
	shift
	begin_treatment "$@"
	follow_treatment "$wanted"
	[ -z "$treat_status" ] || fail "mesoctl ended with status $treat_status before $wanted shots"
}
