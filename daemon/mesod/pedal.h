/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The foot pedal: an input device that mesod.conf names, read by libevdev and
 * grabbed, so that its key types nowhere else.  It owns the devices and the way
 * from a key's event to FIRE.  It never grants a dose: the lease, the kernel and
 * the gun say whether that press fires.
 *
 * One press is one FIRE at most, also in repeat mode: holding the pedal fires no
 * further shot.  What became of a FIRE is told by the gun's counters alone; it is
 * never asked for again.
 */
#ifndef MESOD_PEDAL_H
#define MESOD_PEDAL_H

#include <linux/input.h>

#include "pedal_judge.h"

struct mesod;
struct pedal;
struct pedals;

/* Looks for the device that mesod->pedal tells of, now and whenever one is plugged in. */
int pedals_new(struct mesod *mesod, struct pedals **ret);
/* NULL is allowed; always returns NULL. */
struct pedals *pedals_free(struct pedals *pedals);
/* Now and then: tells the log of a pedal that is stuck.  NULL is allowed. */
void pedals_check(struct pedals *pedals);

/* One event of its key, from the device.  For pedal.c. */
void pedal_fire_by(struct mesod *mesod, const char *node, struct pedal_judge *judge,
		   const struct input_event *event);

#endif /* MESOD_PEDAL_H */
