// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words and numbers of a verdict: how a bound is compared with and how a
 * sentence says so.
 *
 * Owns comparison by addition and the wording that rules share.  Knows no rule.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "policy_rules.h"

const char *say(enum inj_dimension dimension, uint64_t value, struct text *text)
{
	return inj_format(dimension, value > INT64_MAX ? INT64_MAX : (int64_t)value, text->buf);
}

const char *say_ppm(uint64_t ppm, struct text *text)
{
	int n;

	if (ppm == UINT64_MAX) {
		snprintf(text->buf, sizeof(text->buf), "far more than 100 %%");
		return text->buf;
	}
	n = snprintf(text->buf, sizeof(text->buf), "%" PRIu64 ".%04" PRIu64, ppm / 10000,
		     ppm % 10000);
	/* There is a point to stop at. */
	while (text->buf[n - 1] == '0')
		n--;
	if (text->buf[n - 1] == '.')
		n--;
	snprintf(text->buf + n, sizeof(text->buf) - (size_t)n, " %%");
	return text->buf;
}

const char *say_day(int64_t day, struct text *text)
{
	const struct date date = date_of(day);

	snprintf(text->buf, sizeof(text->buf), "%04" PRId64 "-%02u-%02u", date.year, date.month,
		 date.day);
	return text->buf;
}

const char *say_wait(const struct policy_history *history, int64_t when, struct text *text)
{
	uint64_t minutes = 0;

	/* The difference of two moments always fits without its sign. */
	if (when > history->now_s)
		minutes = ((uint64_t)when - (uint64_t)history->now_s - 1) / 60 + 1;
	if (minutes < 60)
		snprintf(text->buf, sizeof(text->buf), "in %" PRIu64 " min", minutes);
	else
		snprintf(text->buf, sizeof(text->buf), "in %" PRIu64 " h %" PRIu64 " min",
			 minutes / 60, minutes % 60);
	return text->buf;
}

void explain(struct policy_verdict *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->text, sizeof(v->text), format, ap);
	va_end(ap);
}

void refuse(struct policy_verdict *v)
{
	v->severity = POLICY_HARD;
	v->when = POLICY_NEVER;
}

void weigh(struct policy_verdict *v, const char *unit, const struct limit *limit, uint64_t spent,
	   uint64_t asked)
{
	/* Nothing may be the largest number: a sum that does not fit counts as that. */
	const uint64_t hard = limit->hard < UINT64_MAX ? limit->hard : UINT64_MAX - 1;
	const uint64_t sum = policy_add(spent, asked);

	v->unit = unit;
	v->limit = limit->hard;
	v->soft_limit = limit->soft < limit->hard ? limit->soft : limit->hard;
	v->spent = spent;
	v->asked = asked;
	v->allowed = hard > spent ? hard - spent : 0;
	if (sum > hard)
		v->severity = POLICY_HARD;
	else if (sum > v->soft_limit)
		v->severity = POLICY_SOFT;
	else
		v->severity = POLICY_OK;
	v->when = v->severity == POLICY_OK ? 0 : POLICY_NEVER;
}

uint64_t bound_of(const struct policy_verdict *v)
{
	return v->severity == POLICY_HARD ? v->limit : v->soft_limit;
}

const char *bound_name(const struct policy_verdict *v)
{
	return v->severity == POLICY_HARD ? "the limit" : "what is usual";
}

void explain_single(struct policy_verdict *v, enum inj_dimension dimension, const char *what)
{
	struct text asked, bound;

	say(dimension, v->asked, &asked);
	say(dimension, bound_of(v), &bound);
	if (v->severity != POLICY_OK)
		explain(v, "%s %s is more than %s, %s.", asked.buf, what, bound_name(v), bound.buf);
	else if (v->soft_limit == NO_BOUND)
		explain(v, "%s %s: there is no limit.", asked.buf, what);
	else
		explain(v, "%s %s is within %s.", asked.buf, what, bound.buf);
}

void explain_sum(const struct policy_history *history, struct policy_verdict *v,
		 enum inj_dimension dimension, const char *of, const char *where)
{
	struct text asked, spent, bound, left, wait;
	const bool waits = v->severity != POLICY_OK && v->when != POLICY_NEVER;

	say(dimension, v->asked, &asked);
	say(dimension, v->spent, &spent);
	say(dimension, bound_of(v), &bound);
	say(dimension, v->allowed, &left);
	if (waits)
		say_wait(history, v->when, &wait);
	if (v->severity != POLICY_OK)
		explain(v,
			"%s%s (with what the gun may overshoot) on top of %s %s would pass %s, %s;"
			" %s can be reserved before the hard limit.%s%s%s",
			asked.buf, of, spent.buf, where, bound_name(v), bound.buf, left.buf,
			waits ? " All of it fits " : "", waits ? wait.buf : "", waits ? "." : "");
	else if (v->soft_limit == NO_BOUND)
		explain(v, "%s%s on top of %s %s: there is no limit.", asked.buf, of, spent.buf,
			where);
	else
		explain(v, "%s%s on top of %s %s is within %s.", asked.buf, of, spent.buf, where,
			bound.buf);
}
