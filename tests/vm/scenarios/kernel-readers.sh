#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Those who ask for the status at the same time share no lock, by lockdep's statistics.
# kernel: debug
# gun: dummy
# timeout: 120
source "$(dirname "$0")/../lib.sh"

load_guns 1
"$BUILD/vmprogs/kernel_readers"
