// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference limiter's list of what happened, and what of it counts in which
 * window.  Walks the whole list for every question.
 */
#include "reference_internal.h"

#include <stdlib.h>

void ref_add(struct ref *ref, struct ref_event event)
{
	if (ref->n == ref->room) {
		ref->room = 2 * ref->room + 64;
		ref->events = realloc(ref->events, ref->room * sizeof(*ref->events));
		if (!ref->events)
			abort();
	}
	ref->events[ref->n++] = event;
}

void ref_clear(struct ref *ref)
{
	free(ref->events);
	*ref = (struct ref){ 0 };
}

int64_t ref_dated(const struct ref *ref, const struct ref_event *event, int64_t time_s)
{
	for (size_t i = (size_t)(event - ref->events); i < ref->n; i++)
		if (ref->events[i].what == REF_CONFIRMED && ref->events[i].when_s < time_s)
			time_s = ref->events[i].when_s;
	return time_s;
}

/* A confirmation does not move a calendar day: what was given on a day of a fast clock stays there, which is the
 * stricter. */
int32_t ref_dated_day(const struct ref *ref, const struct ref_event *event, int32_t day)
{
	(void)ref;
	(void)event;
	return day;
}

/* A lease's fate: the newest settlement's word. */
bool ref_lease_is_settled(const struct ref *ref, uint64_t lease, big *ret_nl, int64_t *ret_s)
{
	bool settled = false;

	*ret_nl = 0;
	*ret_s = 0;
	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->what == REF_SETTLED && e->lease == lease) {
			settled = true;
			*ret_nl = e->nl;
			*ret_s = ref_dated(ref, e, e->when_s);
		}
	}
	return settled;
}

const struct ref_event *ref_newest(const struct ref *ref, enum ref_what what, uint64_t patient)
{
	const struct ref_event *found = NULL;

	for (size_t i = 0; i < ref->n; i++)
		if (ref->events[i].what == what && ref->events[i].patient == patient)
			found = &ref->events[i];
	return found;
}

const struct ref_event *ref_session(const struct ref *ref, uint64_t session)
{
	for (size_t i = 0; i < ref->n; i++)
		if (ref->events[i].what == REF_SESSION && ref->events[i].session == session)
			return &ref->events[i];
	return NULL;
}

bool ref_session_is_over(const struct ref *ref, uint64_t session)
{
	for (size_t i = 0; i < ref->n; i++)
		if (ref->events[i].what == REF_SESSION_END && ref->events[i].session == session)
			return true;
	return false;
}

static uint64_t newest_course(const struct ref *ref, uint64_t patient, size_t before)
{
	uint64_t course = 0;

	for (size_t i = 0; i < before; i++)
		if (ref->events[i].what == REF_COURSE && ref->events[i].patient == patient)
			course = ref->events[i].course;
	return course;
}

/* A session joins the course that is the patient's when something is loaded, and stays in it. */
static uint64_t course_before(const struct ref *ref, uint64_t session, size_t before)
{
	const struct ref_event *s = ref_session(ref, session);
	uint64_t course = 0;

	for (size_t i = 0; s && course == 0 && i < before; i++)
		if (ref->events[i].what == REF_LOAD && ref->events[i].session == session)
			course = newest_course(ref, s->patient, i);
	return course;
}

uint64_t ref_course_of_session(const struct ref *ref, uint64_t session)
{
	return course_before(ref, session, ref->n);
}

/* A lease's: its session's at the time; a hand dose's too, and in no session, or before that has one, the
 * patient's. */
uint64_t ref_course_of_dose(const struct ref *ref, const struct ref_event *dose)
{
	const size_t at = (size_t)(dose - ref->events);
	uint64_t course = dose->session ? course_before(ref, dose->session, at) : 0;

	if (dose->what == REF_LEASE)
		return course;
	if (!dose->session)
		return dose->course;
	return course ? course : newest_course(ref, dose->patient, at);
}

/* The question's: its session's, and if that has none, or there is no session, the patient's newest. */
uint64_t ref_course(const struct ref *ref, const struct ref_question *q)
{
	const uint64_t course = q->session && q->session_patient == q->patient
					? ref_course_of_session(ref, q->session)
					: 0;
	const struct ref_event *e = ref_newest(ref, REF_COURSE, q->patient);

	return course ? course : e ? e->course : 0;
}

/* Was this hand dose corrected?  Then the correction counts instead. */
bool ref_is_corrected(const struct ref *ref, const struct ref_event *hand)
{
	for (size_t i = 0; i < ref->n; i++)
		if (ref->events[i].what == REF_HAND && ref->events[i].replaces == hand->dose)
			return true;
	return false;
}

big ref_hand_amount(const struct ref_event *hand, size_t substance)
{
	big sum = 0;

	for (size_t i = 0; i < hand->n_substances; i++)
		if (hand->substances[i] == substance)
			sum += hand->amounts[i];
	return sum;
}

/* Nanograms, or mIU, of a substance in a volume of a preparation; the last fraction is a whole one. */
big ref_amount(const struct formulary *f, size_t preparation, size_t substance, big nl)
{
	big thousandths = 0;

	if (preparation >= f->n_preparations)
		return 0;
	for (size_t i = 0; i < f->preparations[preparation].n_components; i++)
		if (f->preparations[preparation].components[i].substance == substance)
			thousandths +=
				nl * f->preparations[preparation].components[i].concentration;
	return thousandths / 1000 + (thousandths % 1000 ? 1 : 0);
}

/*
 * What counts in a window: settled and outstanding, by every path.
 * @substance: REF_VOLUME for the volume
 */
big ref_spent(const struct ref *ref, const struct ref_question *q, enum window window,
	      size_t substance)
{
	const uint64_t course = ref_course(ref, q);
	big sum = 0;

	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];
		const bool here = q->session && e->session == q->session;
		bool outstanding = false;
		int64_t since_s = ref_dated(ref, e, e->given_s);
		big nl = e->nl;

		if (e->patient != q->patient)
			continue;
		if (e->what == REF_LEASE) {
			outstanding = !ref_lease_is_settled(ref, e->lease, &nl, &since_s);
			if (outstanding)
				nl = (big)e->nl + e->overshoot_nl;
		} else if (e->what == REF_HAND) {
			if (ref_is_corrected(ref, e))
				continue;
		} else if (e->what != REF_ATTRIBUTION) {
			continue;
		}
		if (window == IN_24H && !outstanding && since_s + DAY_S <= q->now_s)
			continue;
		/* this session counts whatever course it was in */
		if (window == IN_COURSE && !here &&
		    (course == 0 || e->what == REF_ATTRIBUTION ||
		     ref_course_of_dose(ref, e) != course))
			continue;
		if ((window == IN_SESSION || window == IN_AREA) && !here)
			continue;
		if (window == IN_AREA && e->area != q->request.area)
			continue;
		if (substance == REF_VOLUME)
			sum += nl;
		else if (e->what == REF_HAND)
			sum += ref_hand_amount(e, substance);
		else
			sum += ref_amount(q->formulary, e->preparation, substance, nl);
	}
	return sum;
}

big ref_asked_nl(const struct ref_question *q)
{
	return (big)q->request.dose_nl * q->request.shots;
}

const struct formulary_preparation *ref_preparation(const struct ref_question *q)
{
	return q->request.preparation < q->formulary->n_preparations
		       ? &q->formulary->preparations[q->request.preparation]
		       : NULL;
}

const struct formulary_area *ref_area(const struct ref_question *q)
{
	return q->request.area < q->formulary->n_areas ? &q->formulary->areas[q->request.area]
						       : NULL;
}

uint32_t ref_mass(const struct ref *ref, uint64_t patient)
{
	const struct ref_event *e = ref_newest(ref, REF_MASS, patient);

	return e ? e->mass_g : 0;
}
