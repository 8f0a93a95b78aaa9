#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The host's share of `make bench`, run inside `mesoctl simulate`. Times a D-Bus status call beside a ping, then
# counts the system calls that each costs the daemon; last, what the ledger costs.
set -euo pipefail

bench=$(dirname "$0")/../../build/bench/dbus_bench
calls=1000
"$bench" time

mesod=$(busctl --address="$MESO_BUS_ADDRESS" call org.freedesktop.DBus /org/freedesktop/DBus \
	org.freedesktop.DBus GetConnectionUnixProcessID s org.mesod1 | cut -d ' ' -f 2)
# System calls of mesod's main thread during so many calls. Its own timers run on meanwhile: the same for both,
# and few beside a thousand calls.
count() {
	local report trace
	report=$(mktemp)
	strace -c -p "$mesod" -o "$report" 2>/dev/null &
	trace=$!
	sleep 0.5
	"$bench" "$1" "$calls"
	kill -INT "$trace"
	wait "$trace" || true
	awk '$NF == "total" { print $4 }' "$report"
	rm -f "$report"
}
# Asking the gun's backend is one call more than the four of a ping; not a second one.
ours=$(count status)
peer=$(count ping)
awk -v o="$ours" -v p="$peer" -v n="$calls" 'BEGIN {
	printf "bench name=dbus-status-syscalls ours=%.2f peer=%.2f ratio=%.3f bar=1.260 where=host\n", o / n, p / n, o / p
}'

"$(dirname "$0")/ledger.sh"
