// SPDX-License-Identifier: GPL-2.0-only
/*
 * What policy is told of a patient, from the reference's list instead of from a
 * ledger: so that policy can be compared alone.
 */
#include "reference_internal.h"
#include "reference_history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fit(big n)
{
	return n > UINT64_MAX ? UINT64_MAX : (uint64_t)n;
}

/* Oldest first. */
static void add_dose(struct policy_dose *doses, size_t *n, int64_t when_s, big amount)
{
	size_t place = *n;

	if (amount == 0)
		return;
	for (; place > 0 && doses[place - 1].when_s > when_s; place--)
		doses[place] = doses[place - 1];
	doses[place] = (struct policy_dose){ when_s, fit(amount) };
	(*n)++;
}

/* Everything of the patient's that counts, of one substance or by volume, apart: what has a date and what not. */
static void collect(const struct ref *ref, const struct ref_question *q, size_t substance,
		    struct policy_dose *doses, size_t *ret_n, uint64_t *ret_outstanding)
{
	big outstanding = 0;

	*ret_n = 0;
	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];
		int64_t since_s = ref_dated(ref, e, e->given_s);
		big nl = e->nl, amount;
		bool open = false;

		if (e->patient != q->patient)
			continue;
		if (e->what == REF_LEASE) {
			open = !ref_lease_is_settled(ref, e->lease, &nl, &since_s);
			if (open)
				nl = (big)e->nl + e->overshoot_nl;
		} else if (e->what == REF_HAND ? ref_is_corrected(ref, e)
					       : e->what != REF_ATTRIBUTION) {
			continue;
		}
		if (substance == REF_VOLUME)
			amount = nl;
		else if (e->what == REF_HAND)
			amount = ref_hand_amount(e, substance);
		else
			amount = ref_amount(q->formulary, e->preparation, substance, nl);
		if (open)
			outstanding += amount;
		else
			add_dose(doses, ret_n, since_s, amount);
	}
	*ret_outstanding = fit(outstanding);
}

void ref_fill_history(const struct ref *ref, const struct ref_question *q, struct ref_history *ret)
{
	struct policy_history *h = &ret->history;
	const struct ref_event *assessment = ref_newest(ref, REF_ASSESSMENT, q->patient);
	const struct ref_event *born = ref_newest(ref, REF_PATIENT, q->patient);
	const struct ref_event *session = q->session ? ref_session(ref, q->session) : NULL;
	const struct ref_event *plan = ref_plan(ref, q);
	size_t used = 0;

	*h = (struct policy_history){
		.now_s = q->now_s,
		.today = q->today,
		.midnight_s = (int64_t)q->today * DAY_S,
		.has_session = session != NULL,
		.session_opened_s = session ? session->when_s : 0,
		.patient_elsewhere = ref_open_elsewhere(ref, q, true),
		.gun_elsewhere = ref_open_elsewhere(ref, q, false),
		.session_nl = fit(ref_spent(ref, q, IN_SESSION, REF_VOLUME)),
		.area_nl = fit(ref_spent(ref, q, IN_AREA, REF_VOLUME)),
		.primed_nl = fit(ref_primed(ref, q)),
		.fault_stops = ref_fault_stops(ref, q),
		.birth_day =
			born && born->birth_day != REF_UNBORN ? born->birth_day : POLICY_NO_DAY,
		.mass_g = ref_mass(ref, q->patient),
		.operator_valid = q->operator_valid,
		.unknown_substance = ref_unknown_given(ref, q),
		.has_course = plan != NULL,
		.course_sessions = ref_sessions_of_course(ref, q),
		.last_session_day = ref_last_session_day(ref, q),
		.previous_course_day = ref_previous_course_day(ref, q),
	};
	memset(h->session_patient, (int)q->session_patient, sizeof(h->session_patient));
	if (plan && h->course_sessions > 6 && plan->late_interval_d > 0) {
		h->plan_interval_d = plan->late_interval_d;
		h->plan_late = true;
	} else if (plan) {
		h->plan_interval_d = plan->interval_d;
	}
	if (assessment) {
		h->assessed = true;
		h->assessed_s = ref_dated(ref, assessment, assessment->when_s);
		h->consent = assessment->consent;
		h->elsewhere_asked = assessment->elsewhere;
		snprintf(h->allergies, sizeof(h->allergies), "%s", assessment->allergies);
		snprintf(h->conditions, sizeof(h->conditions), "%s", assessment->conditions);
	}
	ret->doses = calloc((FORMULARY_SUBSTANCES + 1) * (ref->n + 1), sizeof(*ret->doses));
	if (!ret->doses)
		abort();
	h->doses = ret->doses;
	collect(ref, q, REF_VOLUME, ret->doses, &h->n_doses, &h->outstanding_nl);
	used = h->n_doses;
	for (size_t i = 0; i < q->formulary->n_substances; i++) {
		struct policy_substance *s = &h->substances[i];

		s->doses = ret->doses + used;
		collect(ref, q, i, ret->doses + used, &s->n_doses, &s->outstanding);
		used += s->n_doses;
		s->session = fit(ref_spent(ref, q, IN_SESSION, i));
		s->course = fit(ref_spent(ref, q, IN_COURSE, i));
		s->last_day = ref_last_day_of(ref, q, i);
		s->sessions = ref_sessions_with(ref, q, i);
	}
}

void ref_free_history(struct ref_history *history)
{
	free(history->doses);
	history->doses = NULL;
}
