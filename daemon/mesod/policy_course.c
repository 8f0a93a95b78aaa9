// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules about a course of treatment: how far apart its sessions are and how many.
 *
 * Owns bounds from below in calendar days.  The days of single substances are
 * policy_substances.c's.
 */
#include <inttypes.h>

#include "policy_rules.h"

static uint32_t longer(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* @what: "the last session" */
static void weigh_gap(const struct policy_history *h, struct policy_verdict *v,
		      const struct least *least, int32_t last_day, const char *what)
{
	const int64_t elapsed = (int64_t)h->today - last_day;
	const uint32_t soft = longer(least->soft, least->hard);
	struct text last, due;
	int64_t bound;

	v->unit = "d";
	v->limit = least->hard;
	v->soft_limit = soft;
	v->asked = elapsed > 0 ? (uint64_t)elapsed : 0;
	v->allowed = least->hard;
	if (elapsed < least->hard)
		v->severity = POLICY_HARD;
	else if (elapsed < soft)
		v->severity = POLICY_SOFT;
	bound = (int64_t)bound_of(v);
	say_day(last_day, &last);
	if (v->severity == POLICY_OK) {
		explain(v, "%" PRIu64 " days after %s on %s: %" PRId64 " or more are usual.",
			v->asked, what, last.buf, bound);
		return;
	}
	v->when = day_begins(h, last_day + bound);
	say_day(last_day + bound, &due);
	if (elapsed < 0)
		explain(v, "By the clock %s, on %s, is still to come: possible from %s.", what,
			last.buf, due.buf);
	else
		explain(v,
			"%" PRIu64 " days after %s on %s are fewer than %s, %" PRId64
			": possible from %s.",
			v->asked, what, last.buf, bound_name(v), bound, due.buf);
}

static bool is_late(const struct policy_history *h)
{
	return h->has_course && h->course_sessions > POLICY_LATE_SESSIONS;
}

void judge_session_interval(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	struct least least = c->basis->limits->interval_d;

	if (h->last_session_day == POLICY_NO_DAY) {
		explain(v, "This is the patient's first session.");
		return;
	}
	least.soft = longer(least.soft, h->plan_interval_d);
	weigh_gap(h, v, &least, h->last_session_day, "the last session");
}

void judge_late_interval(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	struct least least = c->basis->limits->late_interval_d;

	if (!is_late(h)) {
		explain(v, "The longer interval counts after session %d of a course.",
			POLICY_LATE_SESSIONS);
		return;
	}
	if (h->last_session_day == POLICY_NO_DAY) {
		explain(v, "No session before this one is known.");
		return;
	}
	if (h->plan_late && h->plan_interval_d > 0)
		least.soft = h->plan_interval_d;
	weigh_gap(h, v, &least, h->last_session_day, "the last of more than six sessions");
}

void judge_course_sessions(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;

	if (!h->has_course) {
		explain(v, "The session belongs to no course.");
		return;
	}
	weigh(v, "sessions", &c->basis->limits->course_sessions,
	      h->course_sessions > 0 ? h->course_sessions - 1 : 0, 1);
	if (v->severity == POLICY_OK)
		explain(v, "This is session %" PRIu64 " of the course; %" PRIu64 " are usual.",
			v->spent + 1, bound_of(v));
	else
		explain(v,
			"This is session %" PRIu64 " of the course, more than %s, %" PRIu64
			": end the course.",
			v->spent + 1, bound_name(v), bound_of(v));
}

void judge_course_gap(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;

	if (!h->has_course || h->course_sessions > 1)
		explain(v, "No course begins with this session.");
	else if (h->previous_course_day == POLICY_NO_DAY)
		explain(v, "This is the patient's first course.");
	else
		weigh_gap(h, v, &c->basis->limits->course_gap_d, h->previous_course_day,
			  "the last course");
}
