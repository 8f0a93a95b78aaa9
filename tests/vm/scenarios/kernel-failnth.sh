#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every allocation and every copy to or from a caller fails once, in everything that can be asked of the driver; nothing
# leaks, nothing is half registered, and what is asked again succeeds.
# kernel: debug
# timeout: 900
source "$(dirname "$0")/../lib.sh"

# Only those that are asked to fail; quietly.
for what in failslab fail_page_alloc fail_usercopy; do
	echo 0 >"/sys/kernel/debug/$what/verbose"
done
echo N >/sys/kernel/debug/failslab/ignore-gfp-wait
echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order

# The dummy's has a directory, by which it can be plugged in again.
if [ "$GUN" = dummy ]; then load_transport 0 && make_gun DUMMY-0001; else load_guns 1; fi
# Every page that a module file has is one more that may fail: without its debug symbols.
mkdir modules
for module in meso meso_dummy meso_usb; do
	objcopy --strip-debug "/lib/modules/$(uname -r)/updates/$module.ko" "modules/$module.ko"
done
"$BUILD/vmprogs/kernel_failnth" modules
unload_guns
rmmod meso

require_no_leak
