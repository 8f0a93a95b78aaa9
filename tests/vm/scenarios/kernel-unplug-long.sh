#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ten thousand times the gun goes while somebody uses it, in every way: nobody hangs, nothing leaks.
# long
# timeout: 7200
CYCLES=${CYCLES:-10000}
# shellcheck source=tests/vm/scenarios/kernel-matrix.sh
source "$(dirname "$0")/kernel-matrix.sh"
