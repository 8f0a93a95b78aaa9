// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules about a course, in calendar days: each at its bounds, and from when it lets pass.
 */
#include <check.h>

#include "policy_fixture.h"

START_TEST(the_first_session_of_a_patient_has_nothing_to_be_apart_from)
{
	w.history.last_session_day = POLICY_NO_DAY;
	w.history.course_sessions = 1;
	ck_assert_int_eq(check_all(), POLICY_OK);
	w.history.course_sessions = 7;
	ck_assert_int_eq(severity("late-interval"), POLICY_OK);
}
END_TEST

START_TEST(sessions_are_seven_calendar_days_apart)
{
	w.history.last_session_day = TODAY - 7;
	ck_assert_int_eq(severity("session-interval"), POLICY_OK);
	w.history.last_session_day = TODAY - 8;
	ck_assert_int_eq(severity("session-interval"), POLICY_OK);
	w.history.last_session_day = TODAY - 6;
	ck_assert_int_eq(severity("session-interval"), POLICY_HARD);
	ck_assert_uint_eq(verdict("session-interval")->asked, 6);
	ck_assert_uint_eq(verdict("session-interval")->limit, 7);
	ck_assert_str_eq(verdict("session-interval")->text,
			 "6 days after the last session on 2027-01-09 are fewer than the limit, 7:"
			 " possible from 2027-01-16.");
	expect_when_is_exact("session-interval");
	/* days begin at midnight, not 24 hours after */
	ck_assert_int_eq(verdict("session-interval")->when, (int64_t)(TODAY + 1) * DAY_S);
	w.history.last_session_day = TODAY;
	ck_assert_int_eq(severity("session-interval"), POLICY_HARD);
	expect_when_is_exact("session-interval");
}
END_TEST

START_TEST(the_plans_interval_is_softer_and_counts_if_it_is_longer)
{
	w.history.plan_interval_d = 14;
	w.history.last_session_day = TODAY - 13;
	ck_assert_int_eq(severity("session-interval"), POLICY_SOFT);
	ck_assert_uint_eq(verdict("session-interval")->soft_limit, 14);
	expect_when_is_exact("session-interval");
	w.history.last_session_day = TODAY - 14;
	ck_assert_int_eq(severity("session-interval"), POLICY_OK);
	w.history.last_session_day = TODAY - 6;
	ck_assert_int_eq(severity("session-interval"), POLICY_HARD);
	expect_when_is_exact("session-interval");
	w.history.plan_interval_d = 3;
	w.history.last_session_day = TODAY - 7;
	ck_assert_int_eq(severity("session-interval"), POLICY_OK);
	w.history.last_session_day = TODAY - 6;
	ck_assert_int_eq(severity("session-interval"), POLICY_HARD);
	/* a clinic's own usual interval stays, whatever a plan says below it */
	w.limits.interval_d.soft = 10;
	w.history.last_session_day = TODAY - 9;
	ck_assert_int_eq(severity("session-interval"), POLICY_SOFT);
}
END_TEST

START_TEST(a_last_session_in_the_future_is_refused)
{
	w.history.last_session_day = TODAY + 1;
	ck_assert_int_eq(severity("session-interval"), POLICY_HARD);
	expect_when_is_exact("session-interval");
	w.history.last_session_day = INT32_MAX;
	ck_assert_int_eq(severity("session-interval"), POLICY_HARD);
	w.history.today = INT32_MIN;
	ck_assert_int_eq(severity("session-interval"), POLICY_HARD);
	w.history.midnight_s = INT64_MAX;
	ck_assert_int_eq(verdict("session-interval")->when, POLICY_NEVER);
}
END_TEST

START_TEST(after_the_sixth_session_a_month_is_usual)
{
	w.history.last_session_day = TODAY - 27;
	w.history.course_sessions = 6;
	ck_assert_int_eq(severity("late-interval"), POLICY_OK);
	w.history.course_sessions = 7;
	ck_assert_int_eq(severity("late-interval"), POLICY_SOFT);
	expect_when_is_exact("late-interval");
	w.history.last_session_day = TODAY - 28;
	ck_assert_int_eq(severity("late-interval"), POLICY_OK);
	w.history.last_session_day = TODAY - 7;
	ck_assert_int_eq(severity("late-interval"), POLICY_SOFT);
	w.history.last_session_day = TODAY - 6;
	ck_assert_int_eq(severity("late-interval"), POLICY_HARD);
	expect_when_is_exact("late-interval");
}
END_TEST

START_TEST(the_plan_may_say_the_late_interval_itself)
{
	w.history.course_sessions = 7;
	w.history.plan_interval_d = 14;
	w.history.last_session_day = TODAY - 14;
	ck_assert_int_eq(severity("late-interval"), POLICY_SOFT);
	w.history.plan_late = true;
	ck_assert_int_eq(severity("late-interval"), POLICY_OK);
	w.history.last_session_day = TODAY - 13;
	ck_assert_int_eq(severity("late-interval"), POLICY_SOFT);
	w.history.plan_interval_d = 3; /* never below the hard one */
	w.history.last_session_day = TODAY - 6;
	ck_assert_int_eq(severity("late-interval"), POLICY_HARD);
	ck_assert_uint_eq(verdict("late-interval")->soft_limit, 7);
	w.history.plan_interval_d = 0; /* it says nothing after all */
	w.history.last_session_day = TODAY - 27;
	ck_assert_int_eq(severity("late-interval"), POLICY_SOFT);
}
END_TEST

START_TEST(a_course_has_ten_sessions_and_never_more_than_fifteen)
{
	w.history.course_sessions = 9;
	ck_assert_int_eq(severity("course-sessions"), POLICY_OK);
	w.history.course_sessions = 10;
	ck_assert_int_eq(severity("course-sessions"), POLICY_OK);
	w.history.course_sessions = 11;
	ck_assert_int_eq(severity("course-sessions"), POLICY_SOFT);
	w.history.course_sessions = 15;
	ck_assert_int_eq(severity("course-sessions"), POLICY_SOFT);
	w.history.course_sessions = 16;
	ck_assert_int_eq(severity("course-sessions"), POLICY_HARD);
	ck_assert_uint_eq(verdict("course-sessions")->spent, 15);
	ck_assert_uint_eq(verdict("course-sessions")->allowed, 0);
	ck_assert_int_eq(verdict("course-sessions")->when, POLICY_NEVER);
	w.history.course_sessions = UINT32_MAX;
	ck_assert_int_eq(severity("course-sessions"), POLICY_HARD);
	w.history.has_course = false;
	ck_assert_int_eq(severity("course-sessions"), POLICY_OK);
}
END_TEST

START_TEST(a_new_course_waits_ninety_days_or_for_a_reason)
{
	w.history.course_sessions = 1;
	w.history.previous_course_day = TODAY - 89;
	ck_assert_int_eq(severity("course-gap"), POLICY_SOFT);
	expect_when_is_exact("course-gap");
	w.history.previous_course_day = TODAY - 90;
	ck_assert_int_eq(severity("course-gap"), POLICY_OK);
	w.history.previous_course_day = TODAY;
	ck_assert_int_eq(severity("course-gap"), POLICY_SOFT);
	/* only where a course begins */
	w.history.course_sessions = 2;
	ck_assert_int_eq(severity("course-gap"), POLICY_OK);
	w.history.course_sessions = 1;
	w.history.has_course = false;
	ck_assert_int_eq(severity("course-gap"), POLICY_OK);
}
END_TEST

START_TEST(a_clinic_may_make_the_gap_between_courses_hard)
{
	w.history.course_sessions = 1;
	w.limits.course_gap_d = (struct least){ 90, 60 };
	w.history.previous_course_day = TODAY - 60;
	ck_assert_int_eq(severity("course-gap"), POLICY_SOFT);
	w.history.previous_course_day = TODAY - 59;
	ck_assert_int_eq(severity("course-gap"), POLICY_HARD);
	expect_when_is_exact("course-gap");
}
END_TEST

int main(void)
{
	return RUN_TESTS("policy_course",
			 the_first_session_of_a_patient_has_nothing_to_be_apart_from,
			 sessions_are_seven_calendar_days_apart,
			 the_plans_interval_is_softer_and_counts_if_it_is_longer,
			 a_last_session_in_the_future_is_refused,
			 after_the_sixth_session_a_month_is_usual,
			 the_plan_may_say_the_late_interval_itself,
			 a_course_has_ten_sessions_and_never_more_than_fifteen,
			 a_new_course_waits_ninety_days_or_for_a_reason,
			 a_clinic_may_make_the_gap_between_courses_hard);
}
