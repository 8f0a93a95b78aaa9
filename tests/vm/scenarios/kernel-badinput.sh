#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every ioctl with every kind of bad input: one errno each, no state change, nothing in the kernel's log.
# timeout: 60
source "$(dirname "$0")/../lib.sh"

load_dummy
"$BUILD/vmprogs/uapi_badinput"
