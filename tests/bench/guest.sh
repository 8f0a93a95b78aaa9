#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's share of `make bench`: runs in the VM, prints bench lines. What gates is counted: which locks the
# kernel takes during GET_STATUS, by the function-graph tracer.
set -euo pipefail

here=$(dirname "$0")
build=$here/../../build
modprobe meso_dummy
"$build/bench/status_bench"

tracing=/sys/kernel/tracing
[ -e $tracing/trace ] || mount -t tracefs tracefs $tracing
echo 0 >$tracing/tracing_on
echo meso_ioctl >$tracing/set_graph_function
echo 5 >$tracing/max_graph_depth
echo nop >$tracing/current_tracer
echo 20000 >$tracing/buffer_size_kb
echo function_graph >$tracing/current_tracer
echo 1 >$tracing/tracing_on
"$build/bench/status_bench" trace
echo 0 >$tracing/tracing_on
calls=$(grep -c 'meso_ioctl()' $tracing/trace || true)
# Any lock that a second reader would also take. Interrupts that hit during a call are not GET_STATUS's.
locks=$(awk '
	/=====>|<=====/ { irq = /=====>/; next }
	irq { next }
	/(spin|read|write|mutex|rwsem|down|srcu)[a-z_]*(lock|read|write)[a-z_]*\(/ && !/unlock/ { n++ }
	END { print n + 0 }' $tracing/trace)
if [ "$calls" -lt 1000 ]; then
	echo "the tracer saw $calls of 1000 GET_STATUS calls" >&2
	exit 1
fi
echo "bench name=get-status-locks ours=$locks peer=0 ratio=$locks bar=0 where=guest calls=$calls"
