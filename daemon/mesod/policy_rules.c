// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules a dose has to pass, one small function each, and their table.
 *
 * Owns what each rule compares and how it explains itself.  Where a number comes
 * from is dose_limits.c's.  A rule that has nothing to judge (no gun named, no session)
 * says so and lets pass; ledger_reserve() never leaves those out.
 */
#include "policy_rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <linux/meso.h>
#include <injector.h>

#include "macros.h"

#define NEEDLES_MAX  9
#define RATE_MIN_MHZ 100

/* One quantity in a sentence. */
struct text {
	char buf[INJ_TEXT_MAX];
};

static const char *say(enum inj_dimension dimension, uint64_t value, struct text *text)
{
	return inj_format(dimension, value > INT64_MAX ? INT64_MAX : (int64_t)value, text->buf);
}

static void explain(struct policy_verdict *v, const char *format, ...) _printf_(2, 3);
static void explain(struct policy_verdict *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->text, sizeof(v->text), format, ap);
	va_end(ap);
}

/* Fill the numbers of a rule that adds @asked to @spent and compares with a bound. */
static void weigh(struct policy_verdict *v, const char *unit, const struct limit *limit,
		  uint64_t spent, uint64_t asked)
{
	uint64_t sum;
	bool lost = __builtin_add_overflow(spent, asked, &sum);

	v->unit = unit;
	v->limit = limit->hard;
	v->soft_limit = limit->soft;
	v->spent = spent;
	v->asked = asked;
	v->allowed = limit->hard > spent ? limit->hard - spent : 0;
	if (lost || sum > limit->hard)
		v->severity = POLICY_HARD;
	else if (sum > limit->soft)
		v->severity = POLICY_SOFT;
	v->when = v->severity == POLICY_OK ? 0 : POLICY_NEVER;
}

/* The bound that matters: the one passed, or the first one ahead. */
static uint64_t bound_of(const struct policy_verdict *v)
{
	return v->severity == POLICY_HARD ? v->limit : v->soft_limit;
}

static const char *bound_name(const struct policy_verdict *v)
{
	return v->severity == POLICY_HARD ? "the limit" : "what is usual";
}

/* "60 uL a shot and needle is more than what is usual, 50 uL." */
static void explain_single(struct policy_verdict *v, enum inj_dimension dimension, const char *what)
{
	struct text asked, bound;

	say(dimension, v->asked, &asked);
	say(dimension, bound_of(v), &bound);
	if (v->severity == POLICY_OK)
		explain(v, "%s %s is within %s.", asked.buf, what, bound.buf);
	else
		explain(v, "%s %s is more than %s, %s.", asked.buf, what, bound_name(v), bound.buf);
}

/* "400 uL on top of 9.8 mL this session would pass the limit, 10 mL; 200 uL are left." */
static void explain_sum(struct policy_verdict *v, const char *where)
{
	struct text asked, spent, bound, left;

	say(INJ_VOLUME, v->asked, &asked);
	say(INJ_VOLUME, v->spent, &spent);
	say(INJ_VOLUME, bound_of(v), &bound);
	say(INJ_VOLUME, v->allowed, &left);
	if (v->severity == POLICY_OK)
		explain(v, "%s on top of %s %s is within %s.", asked.buf, spent.buf, where,
			bound.buf);
	else
		explain(v,
			"%s (with what the gun may overshoot) on top of %s %s would pass %s, %s; %s can be"
			" reserved before the hard limit.",
			asked.buf, spent.buf, where, bound_name(v), bound.buf, left.buf);
}

/* ------------------------------------------------------------------ rules */

static void judge_shot_volume(const struct policy_case *c, struct policy_verdict *v)
{
	uint64_t needles = c->request->needles ? c->request->needles : 1;

	/* Rounded up: a needle does not get less because it does not divide evenly. */
	weigh(v, "nL", &c->basis->limits->shot_nl, 0,
	      ((uint64_t)c->request->dose_nl + needles - 1) / needles);
	explain_single(v, INJ_VOLUME, "a shot and needle");
}

static void judge_depth(const struct policy_case *c, struct policy_verdict *v)
{
	weigh(v, "um", &c->basis->limits->depth_um, 0, c->request->depth_um);
	explain_single(v, INJ_LENGTH, "deep");
}

static void judge_rate(const struct policy_case *c, struct policy_verdict *v)
{
	bool repeat = c->request->mode == MESO_MODE_REPEAT;

	weigh(v, "mHz", &c->basis->limits->rate_mhz, 0, repeat ? c->request->rate_mhz : 0);
	if (repeat)
		explain_single(v, INJ_RATE, "shots");
	else
		explain(v, "Each press gives one shot.");
}

static void judge_session_volume(const struct policy_case *c, struct policy_verdict *v)
{
	weigh(v, "nL", &c->basis->limits->session_nl, c->history->session_nl,
	      policy_reserve_nl(c->request));
	explain_sum(v, "this session");
}

static void judge_reservoir(const struct policy_case *c, struct policy_verdict *v)
{
	const struct limit all = { UINT64_MAX, UINT64_MAX };
	struct text asked, left;
	struct limit there = { c->request->gun.reservoir_nl, c->request->gun.reservoir_nl };

	weigh(v, "nL", c->request->has_gun ? &there : &all, 0, policy_volume_nl(c->request));
	if (!c->request->has_gun) {
		explain(v, "No gun is named, so no syringe was looked at.");
		return;
	}
	say(INJ_VOLUME, v->asked, &asked);
	say(INJ_VOLUME, v->limit, &left);
	if (v->severity == POLICY_OK)
		explain(v, "The syringe holds %s, asked are %s.", left.buf, asked.buf);
	else
		explain(v, "The syringe holds only %s of the %s asked: change it, or ask for less.",
			left.buf, asked.buf);
}

static void judge_one_patient(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;

	if (h->has_session &&
	    memcmp(h->session_patient, c->request->patient, sizeof(h->session_patient)) != 0)
		explain(v,
			"The session is another patient's: close it and open one for this patient.");
	else if (h->has_session && h->patient_elsewhere)
		explain(v, "The patient has another open session.");
	else if (h->has_session && h->gun_elsewhere)
		explain(v, "The gun has another open session.");
	else {
		explain(v, h->has_session ? "The session is this patient's alone."
					  : "Asked outside of a session.");
		return;
	}
	v->severity = POLICY_HARD;
	v->when = POLICY_NEVER;
}

static bool in_window(const struct policy_history *h, const struct policy_dose *dose)
{
	int64_t leaves;

	/* A date so late that it never leaves is in every window. */
	return __builtin_add_overflow(dose->when_s, POLICY_WINDOW_S, &leaves) ? dose->when_s > 0
									      : leaves > h->now_s;
}

/* When enough of the past has left the window for @fixed and the rest to come below @bound. */
static int64_t find_when(const struct policy_history *h, uint64_t spent, uint64_t fixed,
			 uint64_t bound)
{
	int64_t when;

	if (fixed > bound)
		return POLICY_NEVER;
	for (size_t i = 0; i < h->n_doses; i++) {
		uint64_t rest = 0;

		if (!in_window(h, &h->doses[i]))
			continue;
		if (__builtin_add_overflow(h->doses[i].when_s, POLICY_WINDOW_S, &when))
			return POLICY_NEVER;
		/* A saturated sum cannot be subtracted from: add up what stays. */
		for (size_t j = i + 1; spent == UINT64_MAX && j < h->n_doses; j++)
			if (in_window(h, &h->doses[j]))
				rest = policy_add(rest, h->doses[j].amount);
		if (spent != UINT64_MAX)
			rest = spent -= h->doses[i].amount;
		if (policy_add(rest, fixed) <= bound)
			return when;
	}
	return POLICY_NEVER;
}

static void judge_patient_24h(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	uint64_t given = 0, asked = policy_reserve_nl(c->request);

	for (size_t i = 0; i < h->n_doses; i++)
		if (in_window(h, &h->doses[i]))
			given = policy_add(given, h->doses[i].amount);
	weigh(v, "nL", &c->basis->limits->patient_24h_nl, policy_add(given, h->outstanding_nl),
	      asked);
	explain_sum(v, "in 24 hours");
	if (v->severity != POLICY_OK)
		v->when = find_when(h, given, policy_add(h->outstanding_nl, asked), bound_of(v));
}

/* ------------------------------------------------- is it a lease at all? */

static void misshapen(struct policy_verdict *v, const char *unit, uint64_t limit, uint64_t asked,
		      uint64_t allowed)
{
	v->severity = POLICY_HARD;
	v->unit = unit;
	v->limit = limit;
	v->soft_limit = limit;
	v->asked = asked;
	v->allowed = allowed;
	v->when = POLICY_NEVER;
}

/* Nothing is rounded: the neighbours are named and the person chooses. */
static bool check_step(const struct policy_request *q, struct policy_verdict *v)
{
	uint32_t step = q->gun.dose_step_nl, below;
	struct text asked, low, high;

	if (step <= 1 || q->dose_nl % step == 0)
		return true;
	below = q->dose_nl - q->dose_nl % step;
	misshapen(v, "nL", step, q->dose_nl, below);
	explain(v, "The gun cannot give %s a shot: it gives %s or %s.",
		say(INJ_VOLUME, q->dose_nl, &asked), say(INJ_VOLUME, below, &low),
		say(INJ_VOLUME, (uint64_t)below + step, &high));
	return false;
}

static bool check_range(struct policy_verdict *v, enum inj_dimension dimension, const char *unit,
			const char *what, uint64_t asked, uint64_t least, uint64_t most)
{
	struct text a, low, high;

	if (asked >= least && asked <= most)
		return true;
	misshapen(v, unit, most, asked, most);
	explain(v, "%s is %s; the gun takes %s to %s.", what, say(dimension, asked, &a),
		say(dimension, least, &low), say(dimension, most, &high));
	return false;
}

static bool check_count(struct policy_verdict *v, const char *what, uint64_t asked, uint64_t most)
{
	if (asked >= 1 && asked <= most)
		return true;
	misshapen(v, "", most, asked, most);
	explain(v, "%" PRIu64 " %s: it must be 1 to %" PRIu64 ".", asked, what, most);
	return false;
}

static bool check_gun(const struct policy_request *q, struct policy_verdict *v)
{
	const struct policy_gun *gun = &q->gun;

	return check_range(v, INJ_VOLUME, "nL", "The dose of a shot", q->dose_nl, gun->dose_min_nl,
			   gun->dose_max_nl) &&
	       check_step(q, v) && check_count(v, "shots", q->shots, gun->lease_max_shots) &&
	       check_range(v, INJ_VOLUME, "nL", "The volume of the lease", policy_volume_nl(q), 1,
			   gun->lease_max_nl) &&
	       check_range(v, INJ_LENGTH, "um", "The depth", q->depth_um, 0, gun->depth_max_um) &&
	       (q->mode != MESO_MODE_REPEAT ||
		check_range(v, INJ_RATE, "mHz", "The rate", q->rate_mhz, RATE_MIN_MHZ,
			    gun->rate_max_mhz));
}

static void judge_lease_shape(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_request *q = c->request;

	v->asked = q->shots;
	v->limit = q->has_gun ? q->gun.lease_max_shots : UINT32_MAX;
	v->soft_limit = v->limit;
	v->allowed = v->limit;
	v->unit = "shots";
	if (q->kind != MESO_KIND_TREAT && q->kind != MESO_KIND_PRIME) {
		misshapen(v, "", MESO_KIND_PRIME, q->kind, 0);
		explain(v, "A lease is to treat or to prime, not kind %u.", q->kind);
	} else if (q->mode != MESO_MODE_SINGLE && q->mode != MESO_MODE_REPEAT) {
		misshapen(v, "", MESO_MODE_REPEAT, q->mode, 0);
		explain(v, "The mode is single or repeat, not number %u.", q->mode);
	} else if (check_count(v, "needles", q->needles, NEEDLES_MAX) &&
		   check_count(v, "shots", q->shots, UINT32_MAX) &&
		   check_range(v, INJ_VOLUME, "nL", "The dose of a shot", q->dose_nl, 1,
			       UINT32_MAX) &&
		   (!q->has_gun || check_gun(q, v))) {
		explain(v, "%u shots are a lease that %s.", q->shots,
			q->has_gun ? "the gun can be given" : "could be given to a gun");
	}
}

const struct policy_rule policy_rules[POLICY_RULES] = {
	{ "shot-volume", judge_shot_volume },
	{ "depth", judge_depth },
	{ "rate", judge_rate },
	{ "session-volume", judge_session_volume },
	{ "reservoir", judge_reservoir },
	{ "one-patient", judge_one_patient },
	{ "patient-24h-volume", judge_patient_24h },
	{ "lease-shape", judge_lease_shape },
};
