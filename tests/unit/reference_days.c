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

#define ANY_COURSE UINT64_MAX

/* The newest day on which anything of it went into the patient in a session and a course, POLICY_NO_DAY none:
 * settled above nothing, or who knows? */
static int32_t day_given(const struct ref *ref, uint64_t session, uint64_t course, size_t substance,
			 const struct formulary *f)
{
	int32_t last = POLICY_NO_DAY;

	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];
		bool given = false;
		int64_t since_s;
		big nl;

		if (e->session != session)
			continue;
		if (e->what == REF_LEASE) {
			if (!ref_lease_is_settled(ref, e->lease, &nl, &since_s))
				nl = (big)e->nl + e->overshoot_nl;
			given = substance == REF_VOLUME
					? nl > 0
					: ref_amount(f, e->preparation, substance, nl) > 0;
		} else if (e->what == REF_HAND && !ref_is_corrected(ref, e)) {
			given = substance == REF_VOLUME ? e->n_substances > 0
							: ref_hand_amount(e, substance) > 0;
		}
		if (given && course != ANY_COURSE && ref_course_of_dose(ref, e) != course)
			given = false;
		if (given && ref_dated_day(ref, e, e->day) > last)
			last = ref_dated_day(ref, e, e->day);
	}
	return last;
}

int32_t ref_last_session_day(const struct ref *ref, const struct ref_question *q)
{
	int32_t last = POLICY_NO_DAY;

	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];
		int32_t day;

		if (e->what != REF_SESSION || e->patient != q->patient || e->session == q->session)
			continue;
		day = day_given(ref, e->session, ANY_COURSE, REF_VOLUME, q->formulary);
		if (day > last)
			last = day;
	}
	return last;
}

/* Sessions in which anything of the course was given, the question's always among them. */
uint32_t ref_sessions_of_course(const struct ref *ref, const struct ref_question *q)
{
	const uint64_t course = ref_course(ref, q);
	uint32_t n = 1;

	for (size_t i = 0; i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->what == REF_SESSION && e->patient == q->patient &&
		    e->session != q->session &&
		    day_given(ref, e->session, course, REF_VOLUME, q->formulary) != POLICY_NO_DAY)
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
	const bool is_late = plan && ref_sessions_of_course(ref, q) > 6;
	int64_t soft = q->limits->interval_d.soft, hard = q->limits->interval_d.hard;
	int64_t planned = plan ? plan->interval_d : 0;

	if (last == POLICY_NO_DAY || (late && !is_late))
		return;
	if (is_late && plan->late_interval_d > 0)
		planned = plan->late_interval_d;
	if (planned > soft)
		soft = planned;
	if (late) {
		soft = plan->late_interval_d ? plan->late_interval_d
					     : q->limits->late_interval_d.soft;
		hard = q->limits->late_interval_d.hard;
	}
	ref_judge_least(a, (int64_t)q->today - last, soft, hard);
}

/* The last day of the newest course before this one of which anything was given in a session. */
int32_t ref_previous_course_day(const struct ref *ref, const struct ref_question *q)
{
	const uint64_t course = ref_course(ref, q);

	for (uint64_t other = course; other-- > 1;) {
		int32_t last = POLICY_NO_DAY;

		for (size_t i = 0; i < ref->n; i++) {
			const struct ref_event *e = &ref->events[i];
			int32_t day;

			if (e->what != REF_SESSION || e->patient != q->patient)
				continue;
			day = day_given(ref, e->session, other, REF_VOLUME, q->formulary);
			if (day > last)
				last = day;
		}
		if (last != POLICY_NO_DAY)
			return last;
	}
	return POLICY_NO_DAY;
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
		const struct ref_event *e = &ref->events[i];
		int32_t day = POLICY_NO_DAY;

		if (e->patient != q->patient || (q->session && e->session == q->session))
			continue;
		if (e->what == REF_SESSION)
			day = day_given(ref, e->session, ANY_COURSE, substance, q->formulary);
		else if (e->what == REF_HAND && !ref_is_corrected(ref, e) &&
			 ref_hand_amount(e, substance) > 0)
			day = ref_dated_day(ref, e, e->day);
		if (day > last)
			last = day;
	}
	return last;
}

/* As policy.h has it: a dose by hand in no session is none. */
uint32_t ref_sessions_with(const struct ref *ref, const struct ref_question *q, size_t substance)
{
	const uint64_t course = ref_course(ref, q);
	uint32_t n = 0;

	for (size_t i = 0; course && i < ref->n; i++) {
		const struct ref_event *e = &ref->events[i];

		if (e->what == REF_SESSION && e->patient == q->patient &&
		    e->session != q->session &&
		    day_given(ref, e->session, course, substance, q->formulary) != POLICY_NO_DAY)
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
		ref_refuse_if(a, s->interval_days > 0 &&
					 (int64_t)q->today - last < (int64_t)s->interval_days);
		ref_refuse_if(a, s->interval_months > 0 &&
					 !ref_months_have_passed(last, q->today, s->interval_months,
								 false));
	}
}
