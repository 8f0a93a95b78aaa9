#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The system bus of the scenarios works, and nobody may take a name on it that no policy gives him.
# gun: none
# timeout: 30
source "$(dirname "$0")/../lib.sh"

start_bus
has_name org.freedesktop.DBus || fail "the bus does not answer"
owned=$(dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.RequestName \
	string:org.example.Stranger uint32:0 2>&1 || true)
assert_match "$owned" AccessDenied "taking a name"
