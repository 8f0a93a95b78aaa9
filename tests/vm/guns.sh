# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The guns of VM scenarios, by the same words for each kind: what GUN says is `dummy` (a gun in the kernel, the default)
# or `usb` (meso-gun as a USB device on dummy_hcd, driven by meso_usb). To be sourced by lib.sh.
#
#   load_guns [HOW MANY]      the modules, and so many guns DUMMY-0001, DUMMY-0002, ...; waits for their nodes
#   make_gun SERIAL           one more, plugged in; does not wait
#   unmake_gun SERIAL         unplugged for ever
#   unload_guns               the transport's module, and all guns with it
#   hand_of SERIAL WHAT VALUE what a hand does to it
#   truth_of SERIAL           what truly happened, in lines of name and value
GUN=${GUN:-dummy}
export GUN

load_guns() {
	local i
	load_transport "${1:-1}"
	for ((i = 0; i < ${1:-1}; i++)); do wait_for 10 test -c "/dev/meso$i"; done
}

if [ "$GUN" = dummy ]; then
	load_transport() { modprobe meso_dummy "guns=$1"; }
	unload_guns() { rmmod meso_dummy; }
	make_gun() {
		mkdir "/sys/kernel/config/meso_dummy/$1"
		echo 1 >"/sys/kernel/config/meso_dummy/$1/live"
	}
	unmake_gun() { rmdir "/sys/kernel/config/meso_dummy/$1"; }
	hand_of() { echo "$3" >"/sys/kernel/debug/meso_dummy/$1/$2"; }
	truth_of() { printf '%s\n' "$(<"/sys/kernel/debug/meso_dummy/$1/truth")"; }
else
	# Each gun has a directory there; programs (progs/gun.h) find its console by it.
	export GUNS=/tmp/guns
	declare -A gun_pid gun_talk gun_hear

	load_transport() {
		local i
		modprobe dummy_hcd num=4
		modprobe -a libcomposite usb_f_fs meso_usb
		echo 1209 0001 ff >/sys/bus/usb/drivers/meso_usb/new_id
		mkdir -p "$GUNS"
		for ((i = 1; i <= $1; i++)); do make_gun "$(printf 'DUMMY-%04d' "$i")"; done
	}
	unload_guns() {
		local serial
		for serial in "${!gun_pid[@]}"; do unmake_gun "$serial"; done
		rmmod meso_usb
	}
	# start_gun SERIAL [meso-gun's arguments]: as it was when it was last started. It stands for firmware, so it goes first;
	# but not in real time, nor where it would be on the only processor, which would keep the kernel's own threads from
	# carrying what it sends.
	start_gun() {
		local dir=$GUNS/$1 ahead=() to from
		mkdir -p "$dir"
		[ "$(nproc)" -eq 1 ] || ahead=(nice -n -15)
		"${ahead[@]}" "$BUILD/meso-gun" --usb --serial="$1" --memory="$dir/memory" --truth="$dir/truth" \
			--control="$dir/control" "${@:2}" 2>>gun.log &
		gun_pid[$1]=$!
		disown $!
		wait_for 10 test -S "$dir/control"
		# fork and exec are slow here: one process passes on all that the hand does.
		rm -f "$dir/talk" "$dir/hear"
		mkfifo "$dir/talk" "$dir/hear"
		"$BUILD/meso-gun" --ask="$dir/control" <"$dir/talk" >"$dir/hear" &
		disown $!
		exec {to}>"$dir/talk" {from}<"$dir/hear"
		gun_talk[$1]=$to
		gun_hear[$1]=$from
	}
	# stop_gun SERIAL [SIGNAL]: its process ends: to the host it is unplugged, to itself its power is gone.
	stop_gun() {
		local to=${gun_talk[$1]} from=${gun_hear[$1]}
		kill "-${2:-TERM}" "${gun_pid[$1]}"
		exec {to}>&- {from}<&-
		wait_for 10 test ! -e "/proc/${gun_pid[$1]}"
		unset "gun_pid[$1]"
		rm -f "$GUNS/$1/control"
	}
	make_gun() {
		rm -rf "${GUNS:?}/$1"
		start_gun "$1"
		hand_of "$1" cartridge 1
		hand_of "$1" syringe 5000000
	}
	unmake_gun() { stop_gun "$1"; }
	# ask_gun SERIAL LINE: says it to the gun's console; what that answers is in gun_answer. The same in two, for
	# several guns at once: tell_gun SERIAL LINE, then hear_gun SERIAL.
	gun_answer=
	ask_gun() {
		tell_gun "$1" "$2"
		hear_gun "$1"
	}
	tell_gun() { echo "$2" >&"${gun_talk[$1]}"; }
	hear_gun() {
		local line
		gun_answer=
		while IFS= read -r -t 20 -u "${gun_hear[$1]}" line; do
			case $line in
			ok) return 0 ;;
			error) return 1 ;;
			esac
			gun_answer+=$line$'\n'
		done
		fail "gun $1 does not answer"
	}
	hand_of() {
		case $2:$3 in
		disconnect:1) ask_gun "$1" unplug ;;
		disconnect:0) ask_gun "$1" plug ;;
		power:0) ask_gun "$1" "power off" ;;
		power:*) ask_gun "$1" "power on" ;;
		*) ask_gun "$1" "hand $2 $3" ;;
		esac
	}
	truth_of() {
		ask_gun "$1" truth
		printf '%s' "$gun_answer"
	}
fi
