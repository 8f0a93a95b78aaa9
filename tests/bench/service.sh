#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What mesod costs a machine that has no gun now, beside upowerd: on the host, each on the same private bus.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/guns" "$work/state"
dbus-run-session -- build/bench/service_bench "$work" "${SECONDS_IDLE:-60}" 2>"$work/said" || { cat "$work/said" && exit 1; }
