// SPDX-License-Identifier: GPL-2.0-only
/*
 * See pedal_judge.h.
 *
 * Debouncing looks back, never ahead: the first contact fires at once, and one
 * that follows a release by less than the debounce time is the same foot.  So a
 * bounce costs no delay, and no press is waited out.
 */
#include "pedal_judge.h"

void pedal_judge_init(struct pedal_judge *judge, uint64_t debounce_ns)
{
	*judge = (struct pedal_judge){ .debounce_ns = debounce_ns };
}

void pedal_judge_lost(struct pedal_judge *judge)
{
	pedal_judge_init(judge, judge->debounce_ns);
}

static void set_contact(struct pedal_judge *judge, enum pedal_contact contact, uint64_t since_ns)
{
	judge->contact = contact;
	judge->since_ns = since_ns;
	judge->stuck = false;
}

void pedal_judge_seen(struct pedal_judge *judge, bool down, uint64_t now_ns)
{
	set_contact(judge, down ? PEDAL_DOWN : PEDAL_UP, now_ns);
}

static enum pedal_verdict judge_press(const struct pedal_judge *judge, uint64_t time_ns,
				      uint64_t now_ns, uint64_t armed_ns)
{
	if (judge->contact == PEDAL_UNKNOWN)
		return PEDAL_UNSEEN;
	/* Before the release that it follows: time runs backwards, and proves no pause. */
	if (time_ns < judge->since_ns || time_ns - judge->since_ns < judge->debounce_ns)
		return PEDAL_BOUNCE;
	if (time_ns > now_ns || now_ns - time_ns > PEDAL_STALE_NS)
		return PEDAL_STALE;
	if (!armed_ns)
		return PEDAL_NOT_ARMED;
	return time_ns < armed_ns ? PEDAL_BEFORE_ARM : PEDAL_PRESS;
}

enum pedal_verdict pedal_judge_key(struct pedal_judge *judge, int value, uint64_t time_ns,
				   uint64_t now_ns, uint64_t armed_ns)
{
	enum pedal_verdict verdict = PEDAL_NOTHING;

	if (value == 0) {
		if (judge->contact != PEDAL_UP)
			set_contact(judge, PEDAL_UP, time_ns);
		return PEDAL_NOTHING;
	}
	if (judge->contact == PEDAL_DOWN)
		return PEDAL_NOTHING;
	/* A key that repeats is held, but when it was pressed nobody has seen. */
	if (value == 1)
		verdict = judge_press(judge, time_ns, now_ns, armed_ns);
	set_contact(judge, PEDAL_DOWN, time_ns);
	return verdict;
}

bool pedal_judge_stuck(struct pedal_judge *judge, uint64_t now_ns)
{
	if (judge->contact != PEDAL_DOWN || judge->stuck || now_ns < judge->since_ns ||
	    now_ns - judge->since_ns <= PEDAL_HELD_NS)
		return false;
	judge->stuck = true;
	return true;
}

const char *pedal_verdict_text(enum pedal_verdict verdict)
{
	switch (verdict) {
	case PEDAL_NOTHING:
		return "no press";
	case PEDAL_PRESS:
		return "a press";
	case PEDAL_UNSEEN:
		return "it was not seen released before";
	case PEDAL_BOUNCE:
		return "it was up for less than the debounce time";
	case PEDAL_STALE:
		return "it was read too late";
	case PEDAL_NOT_ARMED:
		return "no gun is armed";
	case PEDAL_BEFORE_ARM:
		return "it was pressed before the gun was armed";
	}
	return "unknown";
}
