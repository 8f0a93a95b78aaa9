// SPDX-License-Identifier: GPL-2.0-only
/*
 * See pedal.h: from the key's event to FIRE.  Nothing on that way allocates, waits
 * or logs, and FIRE is the only system call that it makes.
 *
 * The shot that is asked for is the one after the newest that mesod knows to be
 * counted.  If the gun has gone on since, it refuses: what mesod has not seen yet,
 * it does not fire after.
 */
#include <string.h>

#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "pedal.h"

/* What a press would fire: the one gun that is armed. */
struct target {
	struct gun *gun;
	unsigned int armed; /* how many are; with two nobody can know which was meant */
};

static struct target find_target(const struct mesod *mesod)
{
	struct target target = { 0 };

	for (struct gun *gun = mesod->guns; gun; gun = gun->next) {
		if (!gun->handle || !gun->lease || !lease_may_fire(gun->lease))
			continue;
		if (*mesod->pedal.gun && strcmp(mesod->pedal.gun, gun->serial) != 0)
			continue;
		target.gun = gun;
		target.armed++;
	}
	return target;
}

/* What a clinician would wonder about is for the log of every day. */
static void tell_dropped(struct mesod *mesod, const char *node, enum pedal_verdict verdict)
{
	log_main(mesod, verdict == PEDAL_STALE ? LOG_NOTICE : LOG_DEBUG,
		 "pedal %s: a press is dropped: %s", node, pedal_verdict_text(verdict));
}

static void tell_fired(const struct gun *gun, const char *node, uint64_t number, int r)
{
	switch (-r) {
	case 0:
		log_gun(gun, LOG_DEBUG, "pedal %s: shot %llu is asked for", node,
			(unsigned long long)number);
		break;
	case EACCES:
	case EAGAIN:
	case EBUSY:
	case ESTALE:
		log_gun(gun, LOG_DEBUG, "pedal %s: no shot: %s", node, strerrordesc_np(-r));
		break;
	default:
		log_gun(gun, LOG_NOTICE,
			"pedal %s: whether shot %llu was fired is for the gun's counters to say, it is not "
			"asked for again: %s",
			node, (unsigned long long)number, strerrordesc_np(-r));
		break;
	}
}

static uint64_t event_time_ns(const struct input_event *event)
{
	return (uint64_t)event->input_event_sec * 1000000000ULL +
	       (uint64_t)event->input_event_usec * 1000ULL;
}

void pedal_fire_by(struct mesod *mesod, const char *node, struct pedal_judge *judge,
		   const struct input_event *event)
{
	const struct target target = find_target(mesod);
	const uint64_t armed_ns = target.gun ? target.gun->lease->armed_ns : 0;
	enum pedal_verdict verdict;
	const struct lease *lease;
	uint64_t number;

	verdict = pedal_judge_key(judge, event->value, event_time_ns(event), boottime_now_ns(),
				  armed_ns);
	if (verdict == PEDAL_NOTHING)
		return;
	if (verdict != PEDAL_PRESS || !target.gun) {
		tell_dropped(mesod, node, verdict);
	} else if (target.armed > 1) {
		log_main(
			mesod, LOG_NOTICE,
			"pedal %s: a press is dropped: %u guns are armed, and no gun is set for the pedal",
			node, target.armed);
	} else {
		lease = target.gun->lease;
		number = lease->counted + 1;
		tell_fired(target.gun, node, number,
			   inj_gun_fire(target.gun->handle, lease->id, number));
	}
}
