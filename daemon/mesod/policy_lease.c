// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules about the lease and the session it is asked in: is it a lease at all,
 * whose is it, and how long does it last?
 *
 * A rule that has nothing to judge (no gun named, no session) says so and lets pass;
 * ledger_reserve() never leaves those out.
 */
#include <inttypes.h>
#include <string.h>
#include <linux/meso.h>

#include "policy_rules.h"

#define NEEDLES_MAX  9
#define RATE_MIN_MHZ 100
#define MS_PER_S     1000

void judge_one_patient(const struct policy_case *c, struct policy_verdict *v)
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
	refuse(v);
}

/* A session that began after now began under another clock: it counts as if it lay as far back. */
static uint64_t elapsed_s(int64_t now_s, int64_t opened_s)
{
	return now_s >= opened_s ? (uint64_t)now_s - (uint64_t)opened_s
				 : (uint64_t)opened_s - (uint64_t)now_s;
}

void judge_session_length(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	struct text elapsed, asked, bound, left;

	weigh(v, "s", &c->basis->limits->session_s,
	      h->has_session ? elapsed_s(h->now_s, h->session_opened_s) : 0, c->request->expiry_s);
	say(INJ_TIME, policy_multiply(v->spent, MS_PER_S), &elapsed);
	say(INJ_TIME, policy_multiply(v->asked, MS_PER_S), &asked);
	say(INJ_TIME, policy_multiply(bound_of(v), MS_PER_S), &bound);
	say(INJ_TIME, policy_multiply(v->allowed, MS_PER_S), &left);
	if (v->severity == POLICY_OK)
		explain(v, "A lease of %s after %s of the session ends within %s.", asked.buf,
			elapsed.buf, bound.buf);
	else
		explain(v,
			"A lease of %s after %s of the session could last beyond %s, %s; one of at most"
			" %s would not pass the hard limit.",
			asked.buf, elapsed.buf, bound_name(v), bound.buf, left.buf);
}

void judge_fault_stops(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;

	v->unit = "stops";
	v->limit = NO_BOUND;
	v->soft_limit = c->basis->limits->fault_stops;
	v->spent = h->fault_stops;
	if (h->fault_stops < c->basis->limits->fault_stops) {
		explain(v, "The gun has been stopped by %u faults in 10 minutes, fewer than %u.",
			h->fault_stops, c->basis->limits->fault_stops);
		return;
	}
	v->severity = POLICY_SOFT;
	/* At the latest: then all of them are older. */
	if (__builtin_add_overflow(h->now_s, POLICY_FAULT_STOPS_S, &v->when))
		v->when = POLICY_NEVER;
	explain(v,
		"The gun has been stopped by %u faults in 10 minutes: from %u on, find out why before"
		" going on.",
		h->fault_stops, c->basis->limits->fault_stops);
}

/* ------------------------------------------------- is it a lease at all? */

static void misshapen(struct policy_verdict *v, const char *unit, uint64_t limit, uint64_t asked,
		      uint64_t allowed)
{
	refuse(v);
	v->unit = unit;
	v->limit = limit;
	v->soft_limit = limit;
	v->asked = asked;
	v->allowed = allowed;
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

void judge_lease_shape(const struct policy_case *c, struct policy_verdict *v)
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
