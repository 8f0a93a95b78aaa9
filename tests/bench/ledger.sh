#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The ledger's share of `make bench`: a ledger with 1,000,000 shots of history beside one with 1,000 and an empty one, on
# the disk that $MESO_BENCH_DIR is on. Inside `mesoctl simulate`, since arming is compared with a bus round trip too.
set -euo pipefail

bench=$(dirname "$0")/../../build/bench/ledger_bench
dir=$(mktemp -d "${MESO_BENCH_DIR:-build/bench}/ledger-XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/many" "$dir/few" "$dir/empty"
"$bench" make "$dir/many" 1000
"$bench" make "$dir/few" 1
"$bench" make "$dir/empty" 0

# Instructions of sixteen reservations, by a simulated processor. The statements take the same steps in both ledgers
# (ledger-arm-vmsteps, which is the gate); what is left is that trees of a thousand times the rows are deeper by a level
# or two, and none of what Arm does besides is in it.
count() {
	valgrind --tool=callgrind --toggle-collect=reserve_traced --callgrind-out-file=/dev/null \
		"$bench" arm "$1" 2>&1 | sed -n 's/.*Collected : //p'
}
if command -v valgrind >/dev/null; then
	ours=$(count "$dir/many")
	peer=$(count "$dir/few")
	awk -v o="$ours" -v p="$peer" 'BEGIN {
		printf "bench name=ledger-arm/instructions ours=%d peer=%d ratio=%.3f bar=1.150 where=host\n", o, p, o / p
	}'
else
	echo "no valgrind: the instructions of a reservation are not counted"
fi
"$bench" compare "$dir/many" "$dir/few" "$dir/empty"
