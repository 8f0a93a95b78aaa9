#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's share of `make bench`: runs in the VM, prints bench lines. `time` is the ratio of times. `locks`, which
# gates, counts the locks that the kernel takes during GET_STATUS, by the function-graph tracer.
set -euo pipefail

here=$(dirname "$0")
build=$here/../../build
modprobe meso_dummy
if [ "${1:-}" = time ]; then
	exec "$build/bench/status_bench"
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
