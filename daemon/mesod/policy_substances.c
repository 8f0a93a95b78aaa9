// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules about each substance of what is asked for, one by one: per shot, session,
 * day and course, and how often.
 *
 * Of a mixture the verdict is about the substance that is worst off: the one that
 * leaves the least room.  `when` is the moment from which none of those that are as bad
 * stands against the request.  What substances do to each other is policy_mixture.c's.
 */
#include <inttypes.h>
#include <stdio.h>

#include "policy_rules.h"

/* Fills a verdict about one substance, but for the sentence. */
typedef void weigh_substance(const struct policy_case *c, size_t substance,
			     struct policy_verdict *v);

static bool leaves_less(const struct policy_verdict *a, const struct policy_verdict *b)
{
	return (unsigned __int128)a->allowed * b->asked < (unsigned __int128)b->allowed * a->asked;
}

static int64_t later(int64_t a, int64_t b)
{
	if (a == POLICY_NEVER || b == POLICY_NEVER)
		return POLICY_NEVER;
	return a > b ? a : b;
}

/* Return: which substance it is about; FORMULARY_UNKNOWN none, which is explained. */
static size_t find_worst(const struct policy_case *c, struct policy_verdict *v,
			 weigh_substance *weigh_one)
{
	size_t worst = FORMULARY_UNKNOWN;

	for (size_t i = 0; i < count_substances(c); i++) {
		struct policy_verdict one = *v;
		int64_t when;

		if (!is_asked(c, i))
			continue;
		one.severity = POLICY_OK;
		one.what = c->basis->formulary->substances[i].id;
		weigh_one(c, i, &one);
		if (worst == FORMULARY_UNKNOWN || one.severity > v->severity) {
			*v = one;
			worst = i;
			continue;
		}
		if (one.severity < v->severity)
			continue;
		when = later(v->when, one.when);
		if (leaves_less(&one, v)) {
			*v = one;
			worst = i;
		}
		v->when = when;
	}
	if (worst == FORMULARY_UNKNOWN)
		explain(v, "What is asked for has no substance that the formulary knows.");
	return worst;
}

/* @spent: of the base unit */
static void weigh_amount(const struct policy_case *c, size_t substance, enum formulary_scope scope,
			 uint64_t spent, uint64_t asked, struct policy_verdict *v)
{
	const struct limit bound = bound_for(c, substance, scope);

	weigh(v, unit_of(&c->basis->formulary->substances[substance]), &bound, spent, asked);
}

static void weigh_shot(const struct policy_case *c, size_t substance, struct policy_verdict *v)
{
	weigh_amount(c, substance, SCOPE_SHOT, 0, amount_of(c, substance, c->request->dose_nl), v);
}

static void weigh_session(const struct policy_case *c, size_t substance, struct policy_verdict *v)
{
	weigh_amount(c, substance, SCOPE_SESSION, c->history->substances[substance].session,
		     amount_of(c, substance, policy_reserve_nl(c->request)), v);
}

static void weigh_course(const struct policy_case *c, size_t substance, struct policy_verdict *v)
{
	weigh_amount(c, substance, SCOPE_COURSE, c->history->substances[substance].course,
		     amount_of(c, substance, policy_reserve_nl(c->request)), v);
}

struct day_amount {
	const struct policy_case *c;
	size_t substance;
	uint64_t asked;
	uint64_t bound;
};

static bool day_amount_fits(const void *context, int64_t at_s)
{
	const struct day_amount *day = context;
	uint64_t sum = policy_add(given_24h(day->c, day->substance, at_s), day->asked);

	return sum <= day->bound && sum < UINT64_MAX;
}

static void weigh_24h(const struct policy_case *c, size_t substance, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	const struct policy_substance *past = &h->substances[substance];

	weigh_amount(c, substance, SCOPE_24H, given_24h(c, substance, h->now_s),
		     amount_of(c, substance, policy_reserve_nl(c->request)), v);
	if (v->severity != POLICY_OK) {
		const struct day_amount day = { c, substance, v->asked, bound_of(v) };

		v->when = first_fit(h->now_s, window_end(past->doses, past->n_doses, h->now_s),
				    day_amount_fits, &day);
	}
}

/* @where: "this session" */
static void judge_sum(const struct policy_case *c, struct policy_verdict *v,
		      weigh_substance *weigh_one, const char *where)
{
	const size_t worst = find_worst(c, v, weigh_one);
	const struct formulary_substance *s;
	char of[FORMULARY_NAME_MAX + 8];

	if (worst == FORMULARY_UNKNOWN)
		return;
	s = &c->basis->formulary->substances[worst];
	snprintf(of, sizeof(of), " of %s", s->name);
	explain_sum(c->history, v, dimension_of(s), of, where);
}

void judge_substance_shot(const struct policy_case *c, struct policy_verdict *v)
{
	const size_t worst = find_worst(c, v, weigh_shot);
	const struct formulary_substance *s;
	char what[FORMULARY_NAME_MAX + 16];

	if (worst == FORMULARY_UNKNOWN)
		return;
	s = &c->basis->formulary->substances[worst];
	snprintf(what, sizeof(what), "of %s a shot", s->name);
	explain_single(v, dimension_of(s), what);
}

void judge_substance_session(const struct policy_case *c, struct policy_verdict *v)
{
	judge_sum(c, v, weigh_session, "this session");
}

void judge_substance_24h(const struct policy_case *c, struct policy_verdict *v)
{
	judge_sum(c, v, weigh_24h, "in 24 hours");
}

void judge_substance_course(const struct policy_case *c, struct policy_verdict *v)
{
	judge_sum(c, v, weigh_course, "this course");
}

/* ------------------------------------------------- how often */

/* The first day on which it may be given again; POLICY_NO_DAY any. */
static int64_t due_day(const struct policy_case *c, size_t substance)
{
	const struct formulary_substance *s = &c->basis->formulary->substances[substance];
	const int32_t last = c->history->substances[substance].last_day;
	int64_t days, months;

	if (last == POLICY_NO_DAY || (s->interval_days == 0 && s->interval_months == 0))
		return POLICY_NO_DAY;
	days = (int64_t)last + s->interval_days;
	months = add_months(last, s->interval_months);
	return days > months ? days : months;
}

void judge_substance_interval(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	const struct formulary_substance *s = NULL;
	int64_t due = POLICY_NO_DAY, last = 0, elapsed;
	struct text given, again;

	for (size_t i = 0; i < count_substances(c); i++) {
		if (!is_asked(c, i) || due_day(c, i) <= due)
			continue;
		due = due_day(c, i);
		last = h->substances[i].last_day;
		s = &c->basis->formulary->substances[i];
	}
	v->unit = "d";
	if (!s) {
		explain(v, "Nothing of what is asked for has been given before that wants an"
			   " interval.");
		return;
	}
	elapsed = h->today - last;
	v->what = s->id;
	v->limit = v->soft_limit = v->allowed = (uint64_t)(due - last);
	v->asked = elapsed > 0 ? (uint64_t)elapsed : 0;
	say_day(last, &given);
	say_day(due, &again);
	if (h->today >= due) {
		explain(v, "%s was last given on %s and may be given again since %s.", s->name,
			given.buf, again.buf);
		return;
	}
	v->severity = POLICY_HARD;
	v->when = day_begins(h, due);
	explain(v, "%s was last given on %s and may not be given again before %s.", s->name,
		given.buf, again.buf);
}

static void weigh_sessions(const struct policy_case *c, size_t substance, struct policy_verdict *v)
{
	const uint32_t most = c->basis->formulary->substances[substance].course_sessions;
	const struct limit limit = { most ? most : NO_BOUND, most ? most : NO_BOUND };

	weigh(v, "sessions", &limit, c->history->substances[substance].sessions, 1);
}

void judge_substance_sessions(const struct policy_case *c, struct policy_verdict *v)
{
	const size_t worst = find_worst(c, v, weigh_sessions);
	const char *name;

	if (worst == FORMULARY_UNKNOWN)
		return;
	name = c->basis->formulary->substances[worst].name;
	if (v->limit == NO_BOUND)
		explain(v, "There is no limit to the sessions of a course with %s.", name);
	else if (v->severity == POLICY_OK)
		explain(v,
			"This is session %" PRIu64 " of the course with %s, of at most %" PRIu64
			".",
			v->spent + 1, name, v->limit);
	else
		explain(v,
			"This would be session %" PRIu64
			" of the course with %s, more than the limit,"
			" %" PRIu64 ".",
			v->spent + 1, name, v->limit);
}
