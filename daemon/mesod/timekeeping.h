/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether the time may be believed, and what an administrator says about it.
 *
 * Owns the comparison: within a boot with the offset that the ledger accepted
 * first, across boots with the ledger's mark.  A clock that is suspect arms
 * nothing; everything else goes on.  It never sets a clock.
 */
#ifndef MESOD_TIMEKEEPING_H
#define MESOD_TIMEKEEPING_H

#include <systemd/sd-bus.h>

#include "ledger.h"

struct mesod;

/* What follows from a clock that is not CLOCK_OK. */
#define CLOCK_WHAT_NOW                                                                \
	"nothing arms until the clock is right, or an administrator has confirmed it" \
	" (mesoctl clock confirm)"

enum clock_verdict {
	CLOCK_OK,
	CLOCK_STEPPED, /* set by more than the tolerance since it was accepted in this boot */
	CLOCK_BEHIND,  /* before what the ledger has seen */
	CLOCK_UNKNOWN, /* cannot be read, or the ledger has not answered yet */
};

/* By the ledger's worker, once or again: has this boot an accepted offset? */
struct timekeeping_job {
	const char *clock_file;
	struct ledger_clock_state state;
};
int timekeeping_run(struct ledger *ledger, struct timekeeping_job *job);
/* What the job found is what is compared with from now on. */
void timekeeping_done(struct mesod *mesod, const struct timekeeping_job *job);

/* @ret_off_s: by how much, ahead positive; 0 unless stepped or behind. */
enum clock_verdict timekeeping_judge(const struct mesod *mesod, int64_t *ret_off_s);
/* Fails with a sentence unless the time may be believed: no window can be judged then. */
int timekeeping_check(const struct mesod *mesod, sd_bus_error *error);

/* Of org.mesod1.Manager. */
int timekeeping_get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error);
int timekeeping_get_number(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply, void *userdata,
			   sd_bus_error *error);
int method_confirm_clock(sd_bus_message *call, void *userdata, sd_bus_error *error);

#endif /* MESOD_TIMEKEEPING_H */
