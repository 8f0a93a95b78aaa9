// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The event queue of one client; see meso_events.h.
 */
#include "meso_events.h"

static const u32 always = BIT(MESO_EVENT_OVERFLOW) | BIT(MESO_EVENT_REMOVED);

static void put(struct meso_events *q, const struct meso_event *event, u64 timestamp_ns)
{
	union meso_event_any *slot = &q->slot[(q->head + q->count) % q->slots];

	memset(slot, 0, sizeof(*slot));
	memcpy(slot, event, event->size);
	slot->head.timestamp_ns = timestamp_ns;
	slot->head.seq = ++q->seq;
	q->count++;
}

static void put_overflow(struct meso_events *q)
{
	struct meso_event overflow = {
		.type = MESO_EVENT_OVERFLOW,
		.size = sizeof(overflow),
		.gun_seq = q->lost_gun_seq,
		.value = { q->lost },
	};

	q->lost = 0;
	put(q, &overflow, q->lost_ns);
}

static void lose(struct meso_events *q, u64 count, u64 gun_seq, u64 timestamp_ns)
{
	q->lost += count;
	q->lost_gun_seq = gun_seq;
	q->lost_ns = timestamp_ns;
}

void meso_events_init(struct meso_events *q, union meso_event_any *slot, u32 depth)
{
	memset(q, 0, sizeof(*q));
	q->slot = slot;
	q->depth = depth;
	q->slots = MESO_EVENTS_SLOTS(depth);
	q->mask = MESO_EVENT_DEFAULT_MASK;
}

bool meso_events_push(struct meso_events *q, const struct meso_event *event, u64 mono_ns)
{
	u64 timestamp_ns = q->clock == MESO_CLOCK_BOOTTIME ? event->timestamp_ns : mono_ns;
	bool removed = event->type == MESO_EVENT_REMOVED;
	u32 wanted = q->lost ? 2 : 1;

	if (event->type >= MESO_EVENT_TYPES || event->size < sizeof(*event) ||
	    event->size > MESO_EVENT_MAX_SIZE || !(q->mask & BIT(event->type)))
		return false;

	/* The slots beyond the depth are for `removed` and what it follows. */
	if (!removed && q->count + wanted > q->depth) {
		bool first = meso_events_empty(q);

		q->seq++;
		lose(q, 1, event->gun_seq, timestamp_ns);
		return first;
	}
	if (q->count + wanted > q->slots)
		return false;	/* nothing follows `removed` */
	if (q->lost)
		put_overflow(q);
	put(q, event, timestamp_ns);
	return true;
}

u32 meso_events_peek(struct meso_events *q, union meso_event_any *ret)
{
	const union meso_event_any *oldest;

	if (!q->count && q->lost)
		put_overflow(q);
	if (!q->count)
		return 0;
	oldest = &q->slot[q->head];
	memcpy(ret, oldest, oldest->head.size);
	return oldest->head.size;
}

void meso_events_drop(struct meso_events *q)
{
	if (!q->count)
		return;
	q->head = (q->head + 1) % q->slots;
	q->count--;
}

int meso_event_config_check(const struct meso_event_config *config)
{
	if (config->reserved || config->mask & ~MESO_EVENT_ALL_MASK)
		return -EINVAL;
	if (config->clock > MESO_CLOCK_BOOTTIME)
		return -EINVAL;
	if (config->depth && (config->depth < MESO_QUEUE_MIN || config->depth > MESO_QUEUE_MAX))
		return -EINVAL;
	return 0;
}

/* Moves what fits into @slot, oldest first; the rest becomes part of the loss. */
static void move(struct meso_events *q, union meso_event_any *slot, u32 depth)
{
	struct meso_events old = *q;
	const union meso_event_any *last = NULL;
	u32 i;

	q->slot = slot;
	q->slots = MESO_EVENTS_SLOTS(depth);
	q->depth = depth;
	q->head = 0;
	q->count = 0;
	for (i = 0; i < old.count; i++) {
		const union meso_event_any *from = &old.slot[(old.head + i) % old.slots];
		const struct meso_event *head = &from->head;

		if (head->type == MESO_EVENT_REMOVED) {
			last = from;
		} else if (q->count < depth) {
			memcpy(&q->slot[q->count++], from, sizeof(*from));
		} else {
			u64 lost = head->type == MESO_EVENT_OVERFLOW ? head->value[0] : 1;

			lose(q, lost, head->gun_seq, head->timestamp_ns);
		}
	}
	if (old.lost) {
		q->lost_gun_seq = old.lost_gun_seq;
		q->lost_ns = old.lost_ns;
	}
	if (!last)
		return;
	q->seq = last->head.seq - 1;	/* it is the newest, and is numbered anew */
	if (q->lost)
		put_overflow(q);
	put(q, &last->head, last->head.timestamp_ns);
}

union meso_event_any *meso_events_configure(struct meso_events *q,
					    struct meso_event_config *config,
					    union meso_event_any *slot)
{
	union meso_event_any *unused = slot;

	q->mask = config->mask | always;
	q->clock = config->clock;
	if (slot && config->depth && config->depth != q->depth) {
		unused = q->slot;
		move(q, slot, config->depth);
	}
	config->mask = q->mask;
	config->depth = q->depth;
	return unused;
}
