/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the wall clock was set while mesod runs.  It owns the comparison with
 * the time since boot, which nobody can set; it never sets a clock and never
 * judges a time of before (the ledger does).
 */
#ifndef MESOD_CLOCK_H
#define MESOD_CLOCK_H

#include <stdint.h>

/* By more than this it may not differ from what it was at the start. */
#define CLOCK_TOLERANCE_S 120

/* CLOCK_REALTIME minus CLOCK_BOOTTIME: stays the same, also over a suspend, unless somebody sets the
 * clock. */
int64_t clock_offset_ns(void);

/* Pure: by how many whole seconds the clock was set forward (negative: back) since @start_ns was the
 * offset; 0 if within the tolerance. */
int64_t clock_step_s(int64_t start_ns, int64_t now_ns);

#endif /* MESOD_CLOCK_H */
