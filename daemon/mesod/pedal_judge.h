/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether what a foot pedal says is a press that may fire: a pure state machine,
 * one for each pedal.  It owns what is known of the pedal's contact.  It never
 * reads, asks a clock, or fires: every time is passed in.
 *
 * All times are CLOCK_BOOTTIME in nanoseconds.
 */
#ifndef MESOD_PEDAL_JUDGE_H
#define MESOD_PEDAL_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#define PEDAL_STALE_NS 50000000ULL    /* a press that is read later than this is dropped */
#define PEDAL_HELD_NS  10000000000ULL /* held for longer it is stuck: SAFETY.md, "trigger held" */

enum pedal_verdict {
	PEDAL_NOTHING, /* no press: a release, or what repeats what is known */
	PEDAL_PRESS,   /* may fire, once */
	PEDAL_UNSEEN,  /* it has not been seen released since it came, or since events were lost */
	PEDAL_BOUNCE,  /* it was up for less than the debounce time */
	PEDAL_STALE,   /* older than PEDAL_STALE_NS, or from the future */
	PEDAL_NOT_ARMED,  /* there is no live lease */
	PEDAL_BEFORE_ARM, /* it happened before the lease was armed */
};

enum pedal_contact {
	PEDAL_UNKNOWN, /* counts as released, and yet nothing fires before it was seen released */
	PEDAL_UP,
	PEDAL_DOWN,
};

struct pedal_judge {
	uint64_t debounce_ns;
	enum pedal_contact contact;
	uint64_t since_ns; /* when it went up or down */
	bool stuck;        /* held for too long, and that was told */
};

/* A pedal that has just come, of which nothing is known: pedal_judge_seen() is to follow. */
void pedal_judge_init(struct pedal_judge *judge, uint64_t debounce_ns);

/* It is lost, or some of its events are: as if released, until it is seen released. */
void pedal_judge_lost(struct pedal_judge *judge);

/* How its contact stands by itself at @now_ns, with no event to tell: never a press. */
void pedal_judge_seen(struct pedal_judge *judge, bool down, uint64_t now_ns);

/**
 * pedal_judge_key() - the pedal's key has an event
 * @value: 0 up, 1 down, 2 the key repeats
 * @time_ns: when, as the kernel stamped it
 * @now_ns: when it is judged
 * @armed_ns: since when the lease that it would fire under is live, 0 none is
 *
 * Every press is judged on its own edge: what cannot be fired now is not kept for later.
 */
enum pedal_verdict pedal_judge_key(struct pedal_judge *judge, int value, uint64_t time_ns,
				   uint64_t now_ns, uint64_t armed_ns);

/* Has it been held for longer than PEDAL_HELD_NS?  True once for each time that it is held. */
bool pedal_judge_stuck(struct pedal_judge *judge, uint64_t now_ns);

/* A few words for the log, never NULL. */
const char *pedal_verdict_text(enum pedal_verdict verdict);

#endif /* MESOD_PEDAL_JUDGE_H */
