// SPDX-License-Identifier: GPL-2.0-only
/*
 * See reference_limiter.h.  Written from SAFETY's table, not from mesod: where
 * they differ, one of them is wrong, and it may be this one.
 */
#include "reference_internal.h"

#include <linux/meso.h>

static uint64_t fit(big n)
{
	return n > UINT64_MAX ? UINT64_MAX : (uint64_t)n;
}

void ref_judge(struct ref_answer *a, size_t substance, big spent, big asked, big soft, big hard)
{
	struct ref_figure *f = &a->figures[a->n++];

	*f = (struct ref_figure){ .substance = substance,
				  .spent = fit(spent),
				  .asked = fit(asked),
				  .soft = fit(soft),
				  .hard = fit(hard) };
	if (spent + asked > soft)
		f->severity = 1;
	if (spent + asked > hard)
		f->severity = 2;
	if (f->severity > a->severity)
		a->severity = f->severity;
}

/* @have is to be at least soft, at least hard. */
void ref_judge_least(struct ref_answer *a, int64_t have, int64_t soft, int64_t hard)
{
	struct ref_figure *f = &a->figures[a->n++];

	*f = (struct ref_figure){ .substance = REF_NOTHING,
				  .asked = have < 0 ? 0 : (uint64_t)have,
				  .soft = (uint64_t)(soft > hard ? soft : hard),
				  .hard = (uint64_t)hard };
	if (have < soft)
		f->severity = 1;
	if (have < hard)
		f->severity = 2;
	a->severity = f->severity;
}

void ref_refuse_if(struct ref_answer *a, bool bad)
{
	if (bad)
		a->severity = 2;
}

static void ask_volumes(const struct ref *ref, const struct ref_question *q, enum ref_rule rule,
			struct ref_answer *a)
{
	const struct policy_request *r = &q->request;
	const struct formulary_preparation *p = ref_preparation(q);
	const big reserve = ref_asked_nl(q) + r->overshoot_nl;
	const struct limit *shot = p && p->shot_nl.hard ? &p->shot_nl : &q->limits->shot_nl;
	const big per_needle =
		r->needles ? ((big)r->dose_nl + r->needles - 1) / r->needles : r->dose_nl;
	const big mm2 = r->area_mm2 ? r->area_mm2 : ref_area(q) ? ref_area(q)->size_mm2 : 0;

	if (rule == REF_SHOT_VOLUME)
		ref_judge(a, REF_NOTHING, 0, per_needle, shot->soft, shot->hard);
	if (rule == REF_SESSION_VOLUME)
		ref_judge(a, REF_NOTHING, ref_spent(ref, q, IN_SESSION, REF_VOLUME), reserve,
			  q->limits->session_nl.soft, q->limits->session_nl.hard);
	if (rule == REF_PATIENT_24H)
		ref_judge(a, REF_NOTHING, ref_spent(ref, q, IN_24H, REF_VOLUME), reserve,
			  q->limits->patient_24h_nl.soft, q->limits->patient_24h_nl.hard);
	/* in nanolitres over the whole area, so that nothing is divided */
	if (rule == REF_AREA_VOLUME && ref_area(q))
		ref_judge(a, REF_NOTHING, ref_spent(ref, q, IN_AREA, REF_VOLUME), reserve,
			  mm2 * q->limits->area_nl_per_mm2.soft,
			  mm2 * q->limits->area_nl_per_mm2.hard);
	if (rule == REF_PRIME_VOLUME && r->kind == MESO_KIND_PRIME)
		ref_judge(a, REF_NOTHING, ref_primed(ref, q), ref_asked_nl(q),
			  q->limits->prime_nl.soft, q->limits->prime_nl.hard);
	if (rule == REF_RESERVOIR && r->has_gun)
		ref_judge(a, REF_NOTHING, 0, ref_asked_nl(q), r->gun.reservoir_nl,
			  r->gun.reservoir_nl);
}

static void ask_needle(const struct ref_question *q, struct ref_answer *a)
{
	const uint32_t um = q->request.depth_um;

	ref_judge(a, REF_NOTHING, 0, um, q->limits->depth_um.soft, q->limits->depth_um.hard);
	/* a prime is given nowhere */
	if (a->severity == 0 && q->request.kind != MESO_KIND_PRIME && ref_area(q) &&
	    (um < ref_area(q)->depth_min_um || um > ref_area(q)->depth_max_um))
		a->severity = 1;
}

/* How long the lease may still run counts: nobody stops it when the hour is over. */
static void ask_session_length(const struct ref *ref, const struct ref_question *q,
			       struct ref_answer *a)
{
	const struct ref_event *s = q->session ? ref_session(ref, q->session) : NULL;

	/* one that began later than now began under another clock: nobody knows, so it counts */
	ref_judge(a, REF_NOTHING,
		  !s ? 0
		     : (big)(q->now_s > s->when_s ? q->now_s - s->when_s : s->when_s - q->now_s),
		  q->request.expiry_s, q->limits->session_s.soft, q->limits->session_s.hard);
}

struct ref_answer ref_ask(const struct ref *ref, const struct ref_question *q, enum ref_rule rule)
{
	const struct ref_event *assessment = ref_newest(ref, REF_ASSESSMENT, q->patient);
	const struct policy_request *r = &q->request;
	struct ref_answer a = { 0 };

	switch (rule) {
	case REF_SHOT_VOLUME:
	case REF_SESSION_VOLUME:
	case REF_PATIENT_24H:
	case REF_AREA_VOLUME:
	case REF_PRIME_VOLUME:
	case REF_RESERVOIR:
		ask_volumes(ref, q, rule, &a);
		break;
	case REF_DEPTH:
		ask_needle(q, &a);
		break;
	case REF_RATE:
		if (r->mode == MESO_MODE_REPEAT)
			ref_judge(&a, REF_NOTHING, 0, r->rate_mhz, q->limits->rate_mhz.soft,
				  q->limits->rate_mhz.hard);
		break;
	case REF_SESSION_LENGTH:
		ask_session_length(ref, q, &a);
		break;
	case REF_INTERVAL:
		ref_ask_interval(ref, q, false, &a);
		break;
	case REF_LATE_INTERVAL:
		ref_ask_interval(ref, q, true, &a);
		break;
	case REF_COURSE_SESSIONS:
		if (ref_plan(ref, q))
			ref_judge(&a, REF_NOTHING, ref_sessions_of_course(ref, q) - 1, 1,
				  q->limits->course_sessions.soft, q->limits->course_sessions.hard);
		break;
	case REF_COURSE_GAP:
		ref_ask_course_gap(ref, q, &a);
		break;
	case REF_SUBSTANCE_SHOT:
		ref_ask_substances(ref, q, SCOPE_SHOT, &a);
		break;
	case REF_SUBSTANCE_SESSION:
		ref_ask_substances(ref, q, SCOPE_SESSION, &a);
		break;
	case REF_SUBSTANCE_24H:
		ref_ask_substances(ref, q, SCOPE_24H, &a);
		break;
	case REF_SUBSTANCE_COURSE:
		ref_ask_substances(ref, q, SCOPE_COURSE, &a);
		break;
	case REF_SUBSTANCE_INTERVAL:
		ref_ask_substance_days(ref, q, true, &a);
		break;
	case REF_SUBSTANCE_SESSIONS:
		ref_ask_substance_days(ref, q, false, &a);
		break;
	case REF_ANAESTHETICS:
		ref_ask_anaesthetics(ref, q, &a);
		break;
	case REF_SPREADING:
		ref_ask_spreading(ref, q, &a);
		break;
	case REF_BY_HAND_ONLY:
		ref_refuse_if(&a, ref_component_is(q, true));
		break;
	case REF_UNMIXED:
		ref_refuse_if(&a, ref_component_is(q, false));
		break;
	case REF_CONDITIONS:
		ref_refuse_if(&a, ref_has_condition(q, assessment));
		break;
	case REF_PREGNANCY:
		ref_refuse_if(&a, assessment && ref_has_word(assessment->conditions, "pregnancy"));
		break;
	case REF_BREASTFEEDING:
		ref_refuse_if(&a,
			      assessment && ref_has_word(assessment->conditions, "breastfeeding"));
		break;
	case REF_INFECTION:
		ref_refuse_if(&a, assessment && ref_has_word(assessment->conditions, "infection"));
		break;
	case REF_NSAID:
		if (assessment && ref_has_word(assessment->conditions, "nsaid"))
			a.severity = 1;
		break;
	case REF_ALLERGY:
		ref_refuse_if(&a, ref_is_allergic(q, assessment));
		break;
	case REF_AGE:
		ref_refuse_if(&a, !ref_is_adult(ref, q));
		break;
	case REF_ASSESSED:
		/* one from a time that is still to come is of no known age */
		ref_refuse_if(&a,
			      !assessment ||
				      q->now_s - ref_dated(ref, assessment, assessment->when_s) >
					      DAY_S ||
				      ref_dated(ref, assessment, assessment->when_s) > q->now_s);
		break;
	case REF_CONSENT:
		ref_refuse_if(&a, !assessment || !assessment->consent);
		break;
	case REF_ELSEWHERE:
		ref_refuse_if(&a, !assessment || !assessment->elsewhere);
		break;
	case REF_OPERATOR:
		ref_refuse_if(&a, !q->operator_valid);
		break;
	case REF_UNKNOWN_PREPARATION:
		ref_refuse_if(&a, !ref_preparation(q) || ref_unknown_given(ref, q));
		break;
	case REF_UNKNOWN_AREA:
		ref_refuse_if(&a, !ref_area(q));
		break;
	case REF_WEIGHT:
		ref_refuse_if(&a, ref_needs_weight(ref, q) && ref_mass(ref, q->patient) == 0);
		break;
	case REF_CARTRIDGE:
		ref_refuse_if(&a,
			      r->has_gun && (!ref_preparation(q) ||
					     r->gun.cartridge != ref_preparation(q)->cartridge));
		break;
	case REF_FAULT_STOPS:
		if (ref_fault_stops(ref, q) >= q->limits->fault_stops)
			a.severity = 1;
		break;
	case REF_ONE_PATIENT:
		ref_refuse_if(&a, q->session && (q->session_patient != q->patient ||
						 ref_open_elsewhere(ref, q, true) ||
						 ref_open_elsewhere(ref, q, false)));
		break;
	case REF_GUN_SHAPE:
		ref_refuse_if(&a, ref_gun_cannot(r));
		break;
	case REF_RULES:
		break;
	}
	return a;
}

const char *ref_rule_name(enum ref_rule rule)
{
	static const char *const names[REF_RULES] = {
		[REF_SHOT_VOLUME] = "volume of a shot",
		[REF_DEPTH] = "depth",
		[REF_RATE] = "rate",
		[REF_SESSION_VOLUME] = "session volume",
		[REF_PATIENT_24H] = "24 h volume",
		[REF_AREA_VOLUME] = "volume per area",
		[REF_PRIME_VOLUME] = "prime volume",
		[REF_SESSION_LENGTH] = "session length",
		[REF_INTERVAL] = "interval",
		[REF_LATE_INTERVAL] = "interval after the sixth",
		[REF_COURSE_SESSIONS] = "sessions of a course",
		[REF_COURSE_GAP] = "new course",
		[REF_SUBSTANCE_SHOT] = "substance in a shot",
		[REF_SUBSTANCE_SESSION] = "substance in a session",
		[REF_SUBSTANCE_24H] = "substance in 24 h",
		[REF_SUBSTANCE_COURSE] = "substance in a course",
		[REF_SUBSTANCE_INTERVAL] = "interval of a substance",
		[REF_SUBSTANCE_SESSIONS] = "sessions with a substance",
		[REF_ANAESTHETICS] = "anaesthetics together",
		[REF_SPREADING] = "hyaluronidase with epinephrine",
		[REF_BY_HAND_ONLY] = "by hand only",
		[REF_UNMIXED] = "unmixed",
		[REF_PREGNANCY] = "pregnancy",
		[REF_BREASTFEEDING] = "breastfeeding",
		[REF_INFECTION] = "infection",
		[REF_CONDITIONS] = "conditions",
		[REF_NSAID] = "aspirin or NSAID",
		[REF_ALLERGY] = "allergy",
		[REF_AGE] = "age",
		[REF_ASSESSED] = "assessment",
		[REF_CONSENT] = "consent",
		[REF_ELSEWHERE] = "treatment elsewhere",
		[REF_OPERATOR] = "operator",
		[REF_UNKNOWN_PREPARATION] = "unknown preparation",
		[REF_UNKNOWN_AREA] = "unknown area",
		[REF_WEIGHT] = "weight",
		[REF_CARTRIDGE] = "cartridge",
		[REF_FAULT_STOPS] = "fault stops",
		[REF_ONE_PATIENT] = "one patient",
		[REF_GUN_SHAPE] = "what the gun can",
		[REF_RESERVOIR] = "reservoir",
	};

	return names[rule];
}
