/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the clocks of this machine say: the time of day, which anybody with the
 * right can set, and the time since boot, which nobody can.  It never sets a clock
 * and never judges one (timekeeping.h does).
 *
 * For tests a file can stand in for the machine: the boot's id as
 * /proc/sys/kernel/random/boot_id has it, and by how many seconds the time of day
 * is wrong.
 */
#ifndef MESOD_CLOCK_H
#define MESOD_CLOCK_H

#include <stdint.h>

#include "ledger.h"

/* By more than this the clocks may not differ from what was accepted. */
#define CLOCK_TOLERANCE_S LEDGER_CLOCK_TOLERANCE_S

/* @file: see above; NULL: this machine.  Return: 0; -errno the boot's id or the file cannot be read;
 * -EBADMSG it makes no sense. */
int clock_read(const char *file, struct ledger_clock *ret);
/* The time of day; the machine's own if the file cannot be read. */
int64_t clock_wall_s(const char *file);

/* Pure: by how many whole seconds the clock was set forward (negative: back) since @start_ns was the
 * offset; 0 if within the tolerance. */
int64_t clock_step_s(int64_t start_ns, int64_t now_ns);

#endif /* MESOD_CLOCK_H */
