#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's share of `make bench`: runs in the VM, prints bench lines. `time` is the ratio of times. `locks`, which
# gates, counts the locks that the kernel takes during GET_STATUS, by the function-graph tracer. `pedal` is the way from
# a pedal's event to FIRE: the ratio of times, and, which gates, its system calls, by strace. `instructions`, on a machine
# that counts them, is what an event and a status cost. `sizes` is what the modules and a gun take of memory.
set -euo pipefail

here=$(dirname "$0")
build=$here/../../build
modprobe meso_dummy
if [ "${1:-}" = time ]; then
	exec "$build/bench/status_bench"
fi

if [ "${1:-}" = instructions ]; then
	modprobe -a hid hid-generic uhid evdev uinput
	exec "$build/bench/instructions_bench"
fi

# kernel_kib: what the kernel has taken of memory for its own objects.
kernel_kib() { awk '/^(SUnreclaim|VmallocUsed|Percpu):/ { kib += $2 } END { print kib }' /proc/meminfo; }
if [ "${1:-}" = sizes ]; then
	modprobe -a meso_usb hid
	for module in meso meso_usb meso_dummy; do
		awk -v name="$module" -v o="$(<"/sys/module/$module/coresize")" -v p="$(<"/sys/module/hid/coresize")" 'BEGIN {
			printf "bench name=module-size/hid ours=%dB peer=%dB ratio=%.3f bar=none where=guest module=%s\n", o, p, o / p, name
		}'
	done
	guns=/sys/kernel/config/meso_dummy
	for i in {1..40}; do mkdir "$guns/SIZE-$i" && echo 1 >"$guns/SIZE-$i/live"; done
	with=$(kernel_kib)
	# The gun made of software stays; the driver's part of it goes.
	for i in {1..40}; do echo 0 >"$guns/SIZE-$i/live"; done
	without=$(kernel_kib)
	echo "bench name=gun-memory ours=$(((with - without) / 40))KiB peer=0KiB ratio=0 bar=none where=guest guns=40"
	exit
fi

# calls_to_fire <ours|peer>: sets calls, system calls from the event's arrival until FIRE, and presses.
calls_to_fire() {
	strace -o /tmp/trace "$build/bench/pedal_bench" "$1"
	read -r calls presses < <(awk '
		/^epoll_wait\(/ { n = 0 }
		{ n++ }
		/^ioctl\(.*0xbd, 0x9, / { calls += n; presses++ }
		END { print calls + 0, presses + 0 }' /tmp/trace)
	if [ "$presses" -ne 100 ]; then
		echo "strace saw $presses of 100 presses ($1)" >&2
		exit 1
	fi
}
if [ "${1:-}" = pedal ]; then
	modprobe -a evdev uinput
	# On real hardware asking the time is none.
	read -r clock </sys/devices/system/clocksource/clocksource0/current_clocksource
	[ "$clock" = tsc ] || [ "$clock" = kvm-clock ] || echo "the clock is $clock: asking it costs system calls" >&2
	"$build/bench/pedal_bench"
	calls_to_fire ours
	ours=$calls
	calls_to_fire peer
	awk -v o="$ours" -v p="$calls" -v n="$presses" 'BEGIN {
		printf "bench name=pedal-to-fire-syscalls ours=%.2f peer=%.2f ratio=%.3f bar=1.000 where=guest\n", o / n, p / n, o / p
	}'
	exit
fi

tracing=/sys/kernel/tracing
[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing
echo 0 >$tracing/tracing_on
echo meso_ioctl >$tracing/set_graph_function
echo 0 >$tracing/max_graph_depth
echo 20000 >$tracing/buffer_size_kb
echo function_graph >$tracing/current_tracer
echo 0 >$tracing/options/funcgraph-irqs

# count <call>: sets calls and locks. A lock is whatever a second caller would also have to take. A call that an
# interrupt hit, or that was preempted, is left out whole: what ran in it is not the call's.
count() {
	echo >$tracing/trace
	echo 1 >$tracing/tracing_on
	"$build/bench/status_bench" "$1"
	echo 0 >$tracing/tracing_on
	read -r calls locks < <(awk '
		function done() { if (open && !disturbed) { calls++; locks += n } }
		/meso_ioctl( \[meso\])?\(\)/ { done(); open = 1; disturbed = n = 0; next }
		/irq|sysvec|schedule|=>/ && !/irqsave|irqrestore/ { disturbed = 1 }
		/(spin|read|write|mutex|rwsem|down|srcu)[a-z_]*(lock|read|write)[a-z_]*\(/ && !/unlock/ { n++ }
		END { done(); print calls + 0, locks + 0 }' $tracing/trace)
	if [ "$calls" -lt 500 ]; then
		echo "the tracer saw $calls of 1000 calls undisturbed ($1)" >&2
		exit 1
	fi
}
count control
if [ "$locks" -lt "$calls" ]; then
	echo "the tracer saw $locks locks in $calls GET_INFO calls, which take one each: it is blind" >&2
	exit 1
fi
count trace
echo "bench name=get-status-locks ours=$locks peer=0 ratio=$locks bar=0 where=guest calls=$calls"
