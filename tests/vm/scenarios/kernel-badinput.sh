#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every ioctl with every kind of bad input: one errno each, no state change, nothing in the kernel's log.
# timeout: 90
source "$(dirname "$0")/../lib.sh"

load_guns
steady "$BUILD/vmprogs/uapi_badinput"
