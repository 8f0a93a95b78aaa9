// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules about the shot and about volumes, whatever is in them.
 *
 * Owns what they compare and how they explain it.  Where the numbers come from is
 * dose_limits.c's and the formulary's.
 */
#include <stdio.h>
#include <linux/meso.h>

#include "policy_rules.h"

/* A preparation may raise the volume of a shot so far and no further. */
#define SHOT_CEILING_NL 200000

void judge_shot_volume(const struct policy_case *c, struct policy_verdict *v)
{
	const struct formulary_preparation *p = preparation_of(c);
	const uint64_t needles = c->request->needles ? c->request->needles : 1;
	struct limit limit = c->basis->limits->shot_nl;

	if (p && p->shot_nl.hard > 0) {
		limit.hard = p->shot_nl.hard < SHOT_CEILING_NL ? p->shot_nl.hard : SHOT_CEILING_NL;
		if (p->shot_nl.soft > 0)
			limit.soft = p->shot_nl.soft;
	}
	/* Rounded up: a needle does not get less because it does not divide evenly. */
	weigh(v, "nL", &limit, 0, ((uint64_t)c->request->dose_nl + needles - 1) / needles);
	explain_single(v, INJ_VOLUME, "a shot and needle");
}

/* What is usual where it is given; a prime is given nowhere. */
static void judge_usual_depth(const struct formulary_area *area, struct policy_verdict *v)
{
	struct text asked, low, high;
	bool shallow = v->asked<area->depth_min_um, deep = v->asked> area->depth_max_um;

	if (!shallow && area->depth_max_um < v->soft_limit)
		v->soft_limit = area->depth_max_um;
	if (v->severity == POLICY_HARD || (!shallow && !deep))
		return;
	v->severity = POLICY_SOFT;
	v->when = POLICY_NEVER;
	if (shallow)
		v->soft_limit = area->depth_min_um;
	explain(v, "%s is %s than usual for %s: %s to %s.", say(INJ_LENGTH, v->asked, &asked),
		shallow ? "shallower" : "deeper", area->name,
		say(INJ_LENGTH, area->depth_min_um, &low),
		say(INJ_LENGTH, area->depth_max_um, &high));
}

void judge_depth(const struct policy_case *c, struct policy_verdict *v)
{
	const struct formulary_area *area = area_of(c);

	weigh(v, "um", &c->basis->limits->depth_um, 0, c->request->depth_um);
	explain_single(v, INJ_LENGTH, "deep");
	if (area && c->request->kind != MESO_KIND_PRIME)
		judge_usual_depth(area, v);
}

void judge_rate(const struct policy_case *c, struct policy_verdict *v)
{
	bool repeat = c->request->mode == MESO_MODE_REPEAT;

	weigh(v, "mHz", &c->basis->limits->rate_mhz, 0, repeat ? c->request->rate_mhz : 0);
	if (repeat)
		explain_single(v, INJ_RATE, "shots");
	else
		explain(v, "Each press gives one shot.");
}

void judge_session_volume(const struct policy_case *c, struct policy_verdict *v)
{
	weigh(v, "nL", &c->basis->limits->session_nl, c->history->session_nl,
	      policy_reserve_nl(c->request));
	explain_sum(c->history, v, INJ_VOLUME, "", "this session");
}

void judge_area_volume(const struct policy_case *c, struct policy_verdict *v)
{
	const struct limit *per_mm2 = &c->basis->limits->area_nl_per_mm2;
	const struct formulary_area *area = area_of(c);
	char where[FORMULARY_NAME_MAX + INJ_TEXT_MAX + 32];
	struct limit limit;
	struct text text;
	uint32_t mm2;

	if (!area) {
		explain(v, "The area is not known, so its size was not looked at.");
		return;
	}
	mm2 = c->request->area_mm2 ? c->request->area_mm2 : area->size_mm2;
	limit = (struct limit){ policy_multiply(per_mm2->soft, mm2),
				policy_multiply(per_mm2->hard, mm2) };
	weigh(v, "nL", &limit, c->history->area_nl, policy_reserve_nl(c->request));
	snprintf(where, sizeof(where), "this session on %s of %s", say(INJ_AREA, mm2, &text),
		 area->name);
	explain_sum(c->history, v, INJ_VOLUME, "", where);
}

void judge_area_known(const struct policy_case *c, struct policy_verdict *v)
{
	const struct formulary_area *area = area_of(c);

	if (area) {
		explain(v, "The area is %s.", area->name);
		return;
	}
	refuse(v);
	explain(v, "The area of skin is not one that the formulary has: how much it may get is not"
		   " known.");
}

void judge_reservoir(const struct policy_case *c, struct policy_verdict *v)
{
	const struct limit all = { NO_BOUND, NO_BOUND };
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

/* The part of a day's volume that time takes away. */
struct day_volume {
	const struct policy_case *c;
	uint64_t asked;
	uint64_t bound;
};

static uint64_t day_volume_nl(const struct policy_history *h, int64_t at_s)
{
	return policy_add(window_sum(h->doses, h->n_doses, at_s), h->outstanding_nl);
}

static bool day_volume_fits(const void *context, int64_t at_s)
{
	const struct day_volume *day = context;
	uint64_t sum = policy_add(day_volume_nl(day->c->history, at_s), day->asked);

	return sum <= day->bound && sum < UINT64_MAX;
}

void judge_patient_24h(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;

	weigh(v, "nL", &c->basis->limits->patient_24h_nl, day_volume_nl(h, h->now_s),
	      policy_reserve_nl(c->request));
	if (v->severity != POLICY_OK) {
		const struct day_volume day = { c, v->asked, bound_of(v) };

		v->when = first_fit(h->now_s, window_end(h->doses, h->n_doses, h->now_s),
				    day_volume_fits, &day);
	}
	explain_sum(h, v, INJ_VOLUME, "", "in 24 hours");
}

/* What a prime is for is to fill a needle: more than that has gone somewhere else. */
void judge_prime_volume(const struct policy_case *c, struct policy_verdict *v)
{
	struct text asked, spent, bound, left;

	if (c->request->kind != MESO_KIND_PRIME) {
		explain(v, "This is no prime.");
		return;
	}
	weigh(v, "nL", &c->basis->limits->prime_nl, c->history->primed_nl,
	      policy_volume_nl(c->request));
	say(INJ_VOLUME, v->asked, &asked);
	say(INJ_VOLUME, v->spent, &spent);
	say(INJ_VOLUME, bound_of(v), &bound);
	say(INJ_VOLUME, v->allowed, &left);
	if (v->severity == POLICY_OK)
		explain(v, "A prime of %s after %s with this syringe is within %s.", asked.buf,
			spent.buf, bound.buf);
	else
		explain(v,
			"A prime of %s after %s with this syringe is more than %s, %s; %s can still be"
			" primed.",
			asked.buf, spent.buf, bound_name(v), bound.buf, left.buf);
}
