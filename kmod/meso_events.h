/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The event queue of one client: what read() will return.  It owns the order,
 * the client's numbering, its mask and clock, and the account of what did not
 * fit.  It never allocates, never locks, never waits: the caller brings the
 * storage and serialises.
 *
 * A full queue keeps what it has and counts what it must lose; the count
 * appears as an overflow record in the place of the loss.  A push never touches
 * the oldest record, so a reader may copy it, deliver it and only then drop it.
 */
#ifndef MESO_EVENTS_H
#define MESO_EVENTS_H

#include "model/meso_port.h"
#include <linux/meso.h>

/* One record of any type */
union meso_event_any {
	struct meso_event head;
	struct meso_event_shot shot;
	struct meso_event_fault fault;
	struct meso_event_lease lease;
	struct meso_event_sample sample;
};

/* Slots that a queue of this depth needs: room is kept for a last overflow
 * record and for `removed`.
 */
#define MESO_EVENTS_SLOTS(depth)	((depth) + 2)

struct meso_events {
	union meso_event_any *slot;
	u32 slots;
	u32 depth;
	u32 head;
	u32 count;
	u32 mask;
	u32 clock;
	u64 seq;	/* of the newest record, lost ones included */
	u64 lost;	/* not yet told */
	u64 lost_gun_seq;
	u64 lost_ns;
};

/* @slot: MESO_EVENTS_SLOTS(@depth) of them; default mask, CLOCK_MONOTONIC */
void meso_events_init(struct meso_events *q, union meso_event_any *slot, u32 depth);

/*
 * meso_events_push() - add an event, if this client wants it
 * @event: timestamp_ns in CLOCK_BOOTTIME
 * @mono_ns: the same instant in CLOCK_MONOTONIC
 * Return: true if there is something new to read.
 */
bool meso_events_push(struct meso_events *q, const struct meso_event *event, u64 mono_ns);

/*
 * meso_events_peek() - the oldest record, left where it is
 * @ret: untouched if there is none
 * Return: its size, 0 if there is none.
 */
u32 meso_events_peek(struct meso_events *q, union meso_event_any *ret);
/* Drop the record that peek showed. */
void meso_events_drop(struct meso_events *q);
static inline bool meso_events_empty(const struct meso_events *q)
{
	return !q->count && !q->lost;
}

/* Return: 0, -EINVAL for an unknown bit, clock, or a depth out of bounds. */
int meso_event_config_check(const struct meso_event_config *config);
/*
 * meso_events_configure() - a checked configuration takes effect
 * @config: in and out; depth 0 keeps the depth
 * @slot: new storage if the depth changes, else NULL
 * Return: storage that is no longer used and the caller's to free, or NULL.
 */
union meso_event_any *meso_events_configure(struct meso_events *q,
					    struct meso_event_config *config,
					    union meso_event_any *slot);

#endif /* MESO_EVENTS_H */
