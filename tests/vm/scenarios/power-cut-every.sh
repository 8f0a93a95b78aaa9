#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The power goes at every point at which something became durable: see power-cut.
# timeout: 3600
# own-boot
# memory: 2048
# long
EVERY=1 exec bash "$(dirname "$0")/power-cut.sh"
