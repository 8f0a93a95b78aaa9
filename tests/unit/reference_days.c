// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference limiter on days: intervals, courses, months.
 */
#include "reference_internal.h"

static bool leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

struct date {
	int64_t year, month, day;
};

static struct date date_of(int32_t days)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	struct date d = { 1970, 0, 0 };
	int64_t left = days;

	for (; left < 0; left += leap(d.year) ? 366 : 365)
		d.year--;
	for (; left >= (leap(d.year) ? 366 : 365); d.year++)
		left -= leap(d.year) ? 366 : 365;
	for (;; d.month++) {
		const int64_t length = lengths[d.month] + (d.month == 1 && leap(d.year) ? 1 : 0);

		if (left < length)
			break;
		left -= length;
	}
	d.day = left + 1;
	d.month++;
	return d;
}

/*
 * Has the same day of the month come again so many months later?  In a month that
 * has no such day its last one is it; a birthday is the day after.
 */
bool ref_months_have_passed(int32_t from, int32_t to, int64_t months, bool birthday)
{
	const struct date a = date_of(from), b = date_of(to);
	const int64_t month = a.year * 12 + a.month + months, now = b.year * 12 + b.month;
	const bool last_of_month = date_of(to + 1).day == 1;

	return now > month || (now == month && (b.day >= a.day || (last_of_month && !birthday)));
}

/* Did anything of it go into the patient: settled above nothing, or who knows? */
static bool anything_given(const struct ref *ref, uint64_t session, size_t substance,
			   const struct formulary *f)
{
	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];
		int64_t since_s;
		big nl;

		if (e->session != session)
			continue;
		if (e->what == REF_LEASE) {
			if (!ref_lease_is_settled(ref, e->lease, &nl, &since_s))
				nl = (big)e->nl + e->overshoot_nl;
			if (substance == REF_VOLUME
				    ? nl > 0
				    : ref_amount(f, e->preparation, substance, nl) > 0)
				return true;
		} else if (e->what == REF_HAND && !ref_is_corrected(ref, e)) {
			if (substance == REF_VOLUME ? e->n_substances > 0
						    : ref_hand_amount(e, substance) > 0)
				return true;
		}
	}
	return false;
}

int32_t ref_last_session_day(const struct ref *ref, const struct ref_question *q)
{
	int32_t last = POLICY_NO_DAY;

	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->what == REF_SESSION && e->patient == q->patient &&
		    e->session != q->session && e->day > last &&
		    anything_given(ref, e->session, REF_VOLUME, q->formulary))
			last = e->day;
	}
	return last;
}

/* Sessions of the course in which anything was given, the question's always among them. */
uint32_t ref_sessions_of_course(const struct ref *ref, const struct ref_question *q)
{
	const uint64_t course = ref_course(ref, q);
	uint32_t n = 1;

	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->what == REF_SESSION && ref_course_of_session(ref, e->session) == course &&
		    e->patient == q->patient && e->session != q->session &&
		    anything_given(ref, e->session, REF_VOLUME, q->formulary))
			n++;
	}
	return n;
}

const struct ref_event *ref_plan(const struct ref *ref, const struct ref_question *q)
{
	const uint64_t course = ref_course(ref, q);
	const struct ref_event *plan = NULL;

	for (size_t i = 0; course && i < ref->n; i++)
		if (ref->events[i].what == REF_COURSE && ref->events[i].course == course &&
		    ref->events[i].patient == q->patient)
			plan = &ref->events[i];
	return plan;
}

void ref_ask_interval(const struct ref *ref, const struct ref_question *q, bool late,
		      struct ref_answer *a)
{
	const struct ref_event *plan = ref_plan(ref, q);
	const int32_t last = ref_last_session_day(ref, q);
	int64_t soft = q->limits->interval_d.soft, hard = q->limits->interval_d.hard;

	if (last == POLICY_NO_DAY)
		return;
	if (plan && plan->interval_d > soft)
		soft = plan->interval_d;
	if (late) {
		if (!plan || ref_sessions_of_course(ref, q) <= 6)
			return;
		soft = plan->late_interval_d ? plan->late_interval_d
					     : q->limits->late_interval_d.soft;
		hard = q->limits->late_interval_d.hard;
	}
	ref_judge_least(a, (int64_t)q->today - last, soft, hard);
}

int32_t ref_previous_course_day(const struct ref *ref, const struct ref_question *q)
{
	const uint64_t course = ref_course(ref, q);
	int32_t last = POLICY_NO_DAY;

	for (size_t i = 0; course && i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];
		const uint64_t other = e->what == REF_SESSION && e->patient == q->patient
					       ? ref_course_of_session(ref, e->session)
					       : 0;

		if (other != 0 && other < course && e->day > last &&
		    anything_given(ref, e->session, REF_VOLUME, q->formulary))
			last = e->day;
	}
	return last;
}

void ref_ask_course_gap(const struct ref *ref, const struct ref_question *q, struct ref_answer *a)
{
	const int32_t last = ref_previous_course_day(ref, q);

	/* asked once, when a course begins */
	if (last != POLICY_NO_DAY && ref_sessions_of_course(ref, q) == 1)
		ref_judge_least(a, (int64_t)q->today - last, q->limits->course_gap_d.soft,
				q->limits->course_gap_d.hard);
}

/* The newest day on which the patient had it, outside the question's session. */
int32_t ref_last_day_of(const struct ref *ref, const struct ref_question *q, size_t substance)
{
	int32_t last = POLICY_NO_DAY;

	for (size_t i = 0; i < ref->n; i++) {
		struct ref_event e = ref->events[i];
		bool given = false;

		if (e.patient != q->patient || (q->session && e.session == q->session))
			continue;
		if (e.what == REF_SESSION) {
			given = anything_given(ref, e.session, substance, q->formulary);
		} else if (e.what == REF_HAND && !ref_is_corrected(ref, &e)) {
			given = ref_hand_amount(&e, substance) > 0;
		}
		if (given && e.day > last)
			last = e.day;
	}
	return last;
}

uint32_t ref_sessions_with(const struct ref *ref, const struct ref_question *q, size_t substance)
{
	const uint64_t course = ref_course(ref, q);
	uint32_t n = 0;

	for (size_t i = 0; course && i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->patient != q->patient)
			continue;
		if (e->what == REF_SESSION && ref_course_of_session(ref, e->session) == course &&
		    e->session != q->session &&
		    anything_given(ref, e->session, substance, q->formulary))
			n++;
		if (e->what == REF_HAND && e->session == 0 && e->course == course &&
		    !ref_is_corrected(ref, e) && ref_hand_amount(e, substance) > 0)
			n++;
	}
	return n;
}

void ref_ask_substance_days(const struct ref *ref, const struct ref_question *q, bool interval,
			    struct ref_answer *a)
{
	const struct formulary_preparation *p = ref_preparation(q);

	for (size_t i = 0; p && i < p->n_components; i++) {
		const size_t substance = p->components[i].substance;
		const struct formulary_substance *s = &q->formulary->substances[substance];
		const int32_t last = ref_last_day_of(ref, q, substance);

		const uint64_t most = s->course_sessions ? s->course_sessions : UINT64_MAX;

		if (!interval)
			ref_judge(a, substance, ref_sessions_with(ref, q, substance), 1, most,
				  most);
		if (!interval || last == POLICY_NO_DAY)
			continue;
		ref_refuse_if(a, (int64_t)q->today - last < (int64_t)s->interval_days);
		ref_refuse_if(a, s->interval_months > 0 &&
					 !ref_months_have_passed(last, q->today, s->interval_months,
								 false));
	}
}
