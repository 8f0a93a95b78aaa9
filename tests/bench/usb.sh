#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's share of `make bench` that has guns on USB (GUN=usb):
#   frames SECONDS   counts the frames that are lost at one each millisecond; gates
#   completion       what one frame costs in the driver's completion handler, and in the barest one
#   plugs HOW MANY   counts the kernel's objects that so many plugs leave behind; gates
source "$(dirname "$0")/../vm/lib.sh"

# ---- frames -------------------------------------------------------------------------------

# Somebody has the gun and reads of every frame. A loss is one whoever's it was: the gun numbers its frames.
frames() {
	load_guns 1
	steady "$BUILD/bench/frames_bench" "$1"
}

# ---- completion ---------------------------------------------------------------------------

tracing=/sys/kernel/tracing
rounds=9

# bound_to DRIVER: and to no other, from now on.
bound_to() {
	local driver
	for driver in meso_usb meso_bare; do
		[ ! -e "/sys/bus/usb/drivers/$driver/$interface" ] || echo "$interface" >"/sys/bus/usb/drivers/$driver/unbind"
	done
	echo "$interface" >"/sys/bus/usb/drivers/$1/bind"
}

# trace <command>...: while it runs. That the machine stood still (75) shows in how much was seen.
trace() {
	echo >$tracing/trace
	echo 1 >$tracing/tracing_on
	"$@" || [ $? -eq 75 ]
	echo 0 >$tracing/tracing_on
}

# median_ns HANDLER: of what the trace says it took; nothing if it was seen too seldom.
median_ns() {
	local times
	mapfile -t times < <(sed -nE "s/^.* ([0-9]+)\.([0-9]{3}) us +\| +$1.*/\1\2/p" $tracing/trace | sort -n)
	[ "${#times[@]}" -lt 500 ] || echo $((10#${times[${#times[@]} / 2]}))
}

# Only the two handlers are traced, each by itself: the tracer costs both the same. Frames come once a millisecond to
# both: to ours because the gun is armed, to the bare one, which cannot arm it, because it is told to send noise too.
completion() {
	local i
	load_guns 1
	interface=$(basename "$(realpath /sys/class/meso/meso0/device)")
	insmod "$BUILD/bench/kmod-$KVER/meso_bare.ko"
	echo 1209 0001 ff >/sys/bus/usb/drivers/meso_bare/new_id
	[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing
	echo 0 >$tracing/tracing_on
	echo 20000 >$tracing/buffer_size_kb
	printf '%s\n' frame_arrived bare_arrived >$tracing/set_ftrace_filter
	echo function_graph >$tracing/current_tracer
	for ((i = 0; i < rounds; i++)); do
		[ "$i" -eq 0 ] || bound_to meso_usb
		wait_for 5 test -c /dev/meso0
		trace "$BUILD/bench/frames_bench" 1 quiet
		ours=$(median_ns frame_arrived)
		bound_to meso_bare
		ask_gun DUMMY-0001 'inject noise 1000'
		trace pause 1.2
		echo "$ours $(median_ns bare_arrived)"
	done | awk '
		NF == 2 { n++; ours[n] = $1; peer[n] = $2; ratio[n] = $1 / $2 }
		function median(v, i, j, t) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
			return v[int((n + 1) / 2)]
		}
		END {
			if (n < 5) { print "the tracer saw too few frames"; exit 1 }
			printf "bench name=usb-completion ours=%dns peer=%dns ratio=%.3f bar=4.000 where=guest\n",
				median(ours), median(peer), median(ratio)
		}'
}

# ---- plugs --------------------------------------------------------------------------------

guns=4
# Not in a file system that counts its files among the kernel's objects anew each time.
looks=/tmp/looks

# all_guns WORD: said to all before any is heard.
all_guns() {
	local i
	for ((i = 1; i <= guns; i++)); do tell_gun "DUMMY-000$i" "$1"; done
	for ((i = 1; i <= guns; i++)); do
		hear_gun "DUMMY-000$i" || fail "gun $i will not: $1"
	done
}

# there NUMBER, gone NUMBER: its node, within 10 s. wait_for is too slow to look.
there() {
	local until=$((${EPOCHREALTIME/./} + 10000000))
	until [ -c "/dev/meso$1" ]; do
		[ "${EPOCHREALTIME/./}" -lt "$until" ] || fail "/dev/meso$1 does not appear"
		pause 0.01
	done
}
gone() {
	local until=$((${EPOCHREALTIME/./} + 10000000))
	while [ -e "/dev/meso$1" ]; do
		[ "${EPOCHREALTIME/./}" -lt "$until" ] || fail "/dev/meso$1 does not go"
		pause 0.01
	done
}

# all_gone: no gun is on any bus. A gun's number is free only when its device is, which is after its node.
all_gone() {
	local until=$((${EPOCHREALTIME/./} + 10000000))
	while compgen -G '/sys/bus/usb/devices/*-1' >/dev/null; do
		[ "${EPOCHREALTIME/./}" -lt "$until" ] || fail "a gun does not leave its bus"
		pause 0.01
	done
}

# plug_and_unplug HOW MANY: the guns all at once, each on a bus of its own; each gun is opened and closed.
plug_and_unplug() {
	local i number
	for ((i = 0; i < $1; i += guns)); do
		all_guns plug
		for ((number = 0; number < guns; number++)); do
			there "$number"
			exec 5<"/dev/meso$number" 5<&-
		done
		all_guns unplug
		for ((number = 0; number < guns; number++)); do gone "$number"; done
		all_gone
	done
}

# objects FILE: how many there are of each kind, one a line: of each slab cache; and, for what is too large for one, pages
# and areas of vmalloc. What only waits for RCU or for a worker is not always there: the least of some looks counts.
objects() {
	local look cache
	for ((look = 0; look < 6; look++)); do
		pause 1
		echo 3 >/proc/sys/vm/drop_caches
		for cache in /sys/kernel/slab/*/shrink; do echo 1 >"$cache"; done
		cat /proc/slabinfo >"$looks/$look"
		echo "vmalloc-areas $(wc -l </proc/vmallocinfo)" >>"$looks/$look"
		sed -n 's/^nr_slab_unreclaimable /slab-pages /p' /proc/vmstat >>"$looks/$look"
	done
	awk '$2 ~ /^[0-9]+$/ && (!($1 in least) || $2 < least[$1]) { least[$1] = $2 }
		END { for (name in least) print name, least[name] }' "$looks"/[0-9] >"$looks/$1"
}

# held: what is in use of the modules and of the numbers of guns.
held() {
	echo "meso $(</sys/module/meso/refcnt), meso_usb $(</sys/module/meso_usb/refcnt), guns:" /sys/class/meso/* \
		"interfaces:" /sys/bus/usb/drivers/meso_usb/*:*
}

# What leaks grows in both halves, by at least one object for so many plugs; what else uses the kernel meanwhile does not. So
# the figure is, of all kinds of object, the largest growth in that half in which it grew less, for each plug.
plugs() {
	local half=$(($1 / 2)) before
	mkdir -p "$looks"
	touch "$looks"/{0,1,2,3,4,5,first,middle,last}
	load_guns $guns
	all_guns unplug
	plug_and_unplug 50
	before=$(held)
	objects first
	plug_and_unplug $half
	objects middle
	plug_and_unplug $half
	objects last
	assert_eq "$(held)" "$before" "what is in use after $1 plugs"
	(cd "$looks" && awk -v half="$half" '
		{ n[FILENAME, $1] = $2; names[$1] }
		END {
			for (name in names) {
				first = n["middle", name] - n["first", name]
				second = n["last", name] - n["middle", name]
				grown = first < second ? first : second
				if (grown > worst) { worst = grown; which = name }
			}
			printf "bench name=usb-plug-objects ours=%d peer=0 ratio=%.3f bar=0.050 where=guest plugs=%d most=%s\n",
				worst, worst / half, 2 * half, which ? which : "none"
		}' first middle last)
}

case $1 in
frames) frames "$2" ;;
completion) completion ;;
plugs) plugs "$2" ;;
esac
