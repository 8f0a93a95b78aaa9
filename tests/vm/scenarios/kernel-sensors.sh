#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sensors that are wrong under a live lease: found, ended, not armed again until they are right.
# timeout: 180
source "$(dirname "$0")/../lib.sh"

load_guns
steady "$BUILD/vmprogs/kernel_sensors"
