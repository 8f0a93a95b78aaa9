// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference limiter on what is only yes or no: conditions, allergies, age,
 * guns.
 */
#include "reference_internal.h"

#include <stdio.h>
#include <string.h>
#include <linux/meso.h>

#define ADULT_MONTHS 216 /* 18 years */

bool ref_has_word(const char *words, const char *word)
{
	const size_t length = strlen(word);

	for (const char *at = words; at && length > 0 && (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

static bool share_a_word(const char *some, const char *others)
{
	char word[FORMULARY_TOKENS_MAX];
	int used;

	for (; sscanf(some, "%159s%n", word, &used) == 1; some += used)
		if (ref_has_word(others, word))
			return true;
	return false;
}

bool ref_is_allergic(const struct ref_question *q, const struct ref_event *assessment)
{
	const struct formulary_preparation *p = ref_preparation(q);

	for (size_t i = 0; assessment && p && i < p->n_components; i++) {
		const struct formulary_substance *s =
			&q->formulary->substances[p->components[i].substance];

		if (ref_has_word(assessment->allergies, s->id) ||
		    share_a_word(s->allergies, assessment->allergies))
			return true;
	}
	return false;
}

bool ref_has_condition(const struct ref_question *q, const struct ref_event *assessment)
{
	const struct formulary_preparation *p = ref_preparation(q);

	if (!assessment)
		return false;
	for (size_t i = 0; p && i < p->n_components; i++)
		if (share_a_word(q->formulary->substances[p->components[i].substance].conditions,
				 assessment->conditions))
			return true;
	return false;
}

bool ref_is_adult(const struct ref *ref, const struct ref_question *q)
{
	const struct ref_event *e = ref_newest(ref, REF_PATIENT, q->patient);

	return e && e->birth_day != REF_UNBORN && e->birth_day <= q->today &&
	       ref_months_have_passed(e->birth_day, q->today, ADULT_MONTHS, true);
}

/* Of what is asked for, or of an anaesthetic that adds up with it. */
bool ref_needs_weight(const struct ref *ref, const struct ref_question *q)
{
	const struct formulary *f = q->formulary;
	bool adds_up = false, spreads = false;

	for (size_t i = 0; i < f->n_substances; i++) {
		if (ref_asks_for(q, i) && f->substances[i].anaesthetic)
			adds_up = true;
		if (ref_asks_for(q, i) && f->substances[i].spreading)
			spreads = true;
	}
	for (size_t i = 0; i < f->n_substances; i++) {
		const struct formulary_substance *s = &f->substances[i];
		bool per_kg = false;

		for (size_t scope = 0; scope < SCOPES; scope++)
			if (s->per_kg[scope].soft != FORMULARY_NO_BOUND ||
			    s->per_kg[scope].hard != FORMULARY_NO_BOUND)
				per_kg = true;
		if (per_kg && (ref_asks_for(q, i) || (s->anaesthetic && (adds_up || spreads) &&
						      ref_spent(ref, q, IN_24H, i) > 0)))
			return true;
	}
	return false;
}

/* Of somebody's shots nobody knows what was in them. */
bool ref_unknown_given(const struct ref *ref, const struct ref_question *q)
{
	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->what == REF_ATTRIBUTION && e->patient == q->patient &&
		    ref_dated(ref, e, e->given_s) + DAY_S > q->now_s)
			return true;
	}
	return false;
}

bool ref_component_is(const struct ref_question *q, bool by_hand_only)
{
	const struct formulary_preparation *p = ref_preparation(q);

	for (size_t i = 0; p && i < p->n_components; i++) {
		const struct formulary_substance *s =
			&q->formulary->substances[p->components[i].substance];

		if (by_hand_only ? s->by_hand_only : s->unmixed && p->n_components > 1)
			return true;
	}
	return false;
}

bool ref_open_elsewhere(const struct ref *ref, const struct ref_question *q, bool patients)
{
	for (size_t i = 0; q->session && i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->what == REF_SESSION && e->session != q->session &&
		    (patients ? e->patient == q->patient : q->gun && e->gun == q->gun) &&
		    !ref_session_is_over(ref, e->session))
			return true;
	}
	return false;
}

/* A confirmed clock does not move them either. */
uint32_t ref_fault_stops(const struct ref *ref, const struct ref_question *q)
{
	uint32_t n = 0;

	for (size_t i = 0; q->gun && i < ref->n; i++)
		if (ref->events[i].what == REF_FAULT && ref->events[i].gun == q->gun &&
		    ref->events[i].when_s + 600 > q->now_s)
			n++;
	return n;
}

/* Asked volumes of all primes since the syringe was put in, credited or not. */
big ref_primed(const struct ref *ref, const struct ref_question *q)
{
	big nl = 0;

	for (size_t i = 0; q->session && i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->session != q->session)
			continue;
		if (e->what == REF_LOAD)
			nl = 0;
		if (e->what == REF_LEASE && e->prime)
			nl += e->nl;
	}
	return nl;
}

bool ref_gun_cannot(const struct policy_request *r)
{
	const struct policy_gun *g = &r->gun;

	if (r->dose_nl == 0 || r->shots == 0 || r->needles == 0)
		return true;
	return r->has_gun && (r->dose_nl < g->dose_min_nl || r->dose_nl > g->dose_max_nl ||
			      (g->dose_step_nl && r->dose_nl % g->dose_step_nl != 0) ||
			      (big)r->dose_nl * r->shots > g->lease_max_nl ||
			      r->shots > g->lease_max_shots || r->depth_um > g->depth_max_um ||
			      (r->mode == MESO_MODE_REPEAT &&
			       (r->rate_mhz < 100 || r->rate_mhz > g->rate_max_mhz)));
}
