// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sessions that were interrupted: which one goes on, which one is over, and that
 * neither is in anybody's way.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_fixture.h"

#define HOUR_S  ((int64_t)3600)
#define TODAY   "2027-01-15"
#define ANOTHER 1001u

static struct bench b;

static void setup(void)
{
	bench_start(&b);
}

static void teardown(void)
{
	bench_stop(&b);
}

static int resume(int64_t now_s, const char *serial, uint32_t uid, struct ledger_session *ret)
{
	return ledger_resume_session(b.ledger, now_s, TODAY, HOUR_S, &b.patient, serial, uid, ret);
}

static bool is_open(int64_t session)
{
	struct ledger_session s;

	ck_assert_int_eq(ledger_get_session(b.ledger, session, &s), 0);
	return s.open;
}

START_TEST(an_interrupted_session_goes_on_as_the_same_session)
{
	struct ledger_session s;

	bench_treat(&b, 20000, 4);
	ck_assert_int_eq(resume(T0, SERIAL, OPERATOR, &s), -ENOENT); /* nobody interrupted it */
	ck_assert_int_eq(ledger_get_resumable(b.ledger, T0, HOUR_S, &b.patient), -ENOENT);
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, b.session, "client gone"), 0);
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, b.session, "again"), -EALREADY);
	ck_assert_int_eq(ledger_get_session(b.ledger, b.session, &s), 0);
	ck_assert(s.open && s.interrupted);
	ck_assert_int_eq(ledger_get_resumable(b.ledger, T0, HOUR_S, &b.patient), b.session);
	bench_reopen(&b);
	ck_assert_int_eq(resume(T0 + 60, SERIAL, OPERATOR, &s), 0);
	ck_assert_int_eq(s.session, b.session);
	ck_assert_int_eq(s.opened_s, T0);
	ck_assert_uint_eq(s.shots, 4);
	ck_assert(s.open && !s.interrupted);
	/* what was given counts on, and is no session before this one */
	bench_treat(&b, 20000, 4);
	ck_assert_uint_eq(settled_of(&b), 160160);
	ck_assert_int_eq(resume(T0 + 60, SERIAL, OPERATOR, NULL), -ENOENT); /* it goes on already */
	/* and it may be interrupted again */
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0 + 70, b.session, "unplugged"), 0);
	ck_assert_int_eq(resume(T0 + 80, SERIAL, OPERATOR, NULL), 0);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0 + 90, b.session, "done"), 0);
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0 + 90, b.session, "x"), -ENOENT);
	ck_assert_int_eq(resume(T0 + 90, SERIAL, OPERATOR, NULL), -ENOENT);
	ck_assert_uint_eq(count_records(b.ledger, "interruption"), 2);
	ck_assert_uint_eq(count_records(b.ledger, "resumption"), 2);
}
END_TEST

START_TEST(its_time_is_counted_from_its_first_opening_to_the_second)
{
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0 + 10, b.session, "x"), 0);
	ck_assert_int_eq(resume(T0 + HOUR_S, SERIAL, OPERATOR, NULL), -ENOENT);
	/* by a clock that went backwards nothing can be told */
	ck_assert_int_eq(resume(T0 - 1, SERIAL, OPERATOR, NULL), -ENOENT);
	ck_assert_int_eq(ledger_get_resumable(b.ledger, T0 + HOUR_S, HOUR_S, &b.patient), -ENOENT);
	ck_assert_int_eq(ledger_get_resumable(b.ledger, INT64_MIN, HOUR_S, &b.patient), -ENOENT);
	ck_assert_int_eq(ledger_get_resumable(b.ledger, INT64_MAX, HOUR_S, &b.patient), -ENOENT);
	ck_assert_int_eq(resume(T0 + HOUR_S - 1, SERIAL, OPERATOR, NULL), 0);
}
END_TEST

START_TEST(it_goes_on_with_the_same_patient_and_gun_alone)
{
	struct ledger_id other;
	int64_t session;

	ck_assert_int_eq(add_patient(b.ledger, "P-2", &other), 0);
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, b.session, "x"), 0);
	ck_assert_int_eq(resume(T0, "G-2", OPERATOR, NULL), -ENOENT);
	ck_assert_int_eq(ledger_resume_session(b.ledger, T0, TODAY, HOUR_S, &other, SERIAL,
					       OPERATOR, NULL),
			 -ENOENT);
	/* whoever needs the gun or the patient for something else ends it */
	ck_assert(is_open(b.session));
	ck_assert_int_eq(
		ledger_open_session(b.ledger, T0, TODAY, &other, SERIAL, OPERATOR, &session), 0);
	ck_assert(!is_open(b.session));
	ck_assert_int_eq(resume(T0, SERIAL, OPERATOR, NULL), -ENOENT);
	/* one that goes on is nobody's to end */
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, TODAY, &b.patient, SERIAL, OPERATOR,
					     &session),
			 -EBUSY);
}
END_TEST

START_TEST(the_patient_on_another_gun_ends_it_too)
{
	int64_t session;

	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, b.session, "x"), 0);
	ck_assert_int_eq(
		ledger_open_session(b.ledger, T0, TODAY, &b.patient, "G-2", OPERATOR, &session), 0);
	ck_assert(!is_open(b.session));
	ck_assert(is_open(session));
}
END_TEST

START_TEST(who_resumes_it_is_its_operator_and_needs_a_licence)
{
	struct ledger_operator op = { .uid = ANOTHER,
				      .name = "Dr. Bea Example",
				      .licence = "L-78",
				      .expires = "2027-01-14" };
	struct ledger_renewal renewal = {
		.operator_uid = ANOTHER, .licence = "L-79", .expires = TODAY, .uid = 0
	};
	struct ledger_session s;
	struct ledger_reservation v;

	ck_assert_int_eq(ledger_add_operator(b.ledger, T0, &op, NULL), 0);
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, b.session, "x"), 0);
	ck_assert_int_eq(resume(T0, SERIAL, ANOTHER, NULL), -EKEYEXPIRED);
	ck_assert_int_eq(resume(T0, SERIAL, 4242, NULL), -EPERM);
	ck_assert_int_eq(ledger_renew_operator(b.ledger, T0, &renewal), 0);
	ck_assert_int_eq(resume(T0, SERIAL, ANOTHER, &s), 0);
	ck_assert_uint_eq(s.operator_uid, ANOTHER);
	ck_assert_int_eq(ledger_get_session(b.ledger, b.session, &s), 0);
	ck_assert_uint_eq(s.operator_uid, ANOTHER);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, ANOTHER, 0, "left"), -EBUSY);
	bench_treat(&b, 20000, 1);
	/* the other one's licence is what counts from now on */
	renewal.expires[0] = '1';
	ck_assert_int_eq(ledger_renew_operator(b.ledger, T0, &renewal), 0);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -EDQUOT);
	ck_assert_str_eq(b.verdicts[0].rule, "operator");
}
END_TEST

START_TEST(who_has_an_interrupted_session_can_be_erased)
{
	ck_assert_int_eq(ledger_erase_patient(b.ledger, T0, &b.patient, 0, "asked to"), -EBUSY);
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, b.session, "x"), 0);
	ck_assert_int_eq(ledger_erase_patient(b.ledger, T0, &b.patient, 0, "asked to"), 0);
	ck_assert(!is_open(b.session));
	ck_assert_int_eq(resume(T0, SERIAL, OPERATOR, NULL), -EIDRM);
}
END_TEST

START_TEST(arguments_that_make_no_sense_change_nothing)
{
	const unsigned int records = count_records(b.ledger, NULL);

	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, b.session, ""), -EINVAL);
	ck_assert_int_eq(ledger_interrupt_session(b.ledger, T0, 4000, "x"), -ENOENT);
	ck_assert_int_eq(ledger_resume_session(b.ledger, T0, "15.1.2027", HOUR_S, &b.patient,
					       SERIAL, OPERATOR, NULL),
			 -EINVAL);
	ck_assert_int_eq(ledger_resume_session(b.ledger, T0, TODAY, HOUR_S, NULL, SERIAL, OPERATOR,
					       NULL),
			 -EINVAL);
	ck_assert_int_eq(resume(T0, "a b", OPERATOR, NULL), -EINVAL);
	ck_assert_int_eq(ledger_get_resumable(b.ledger, T0, HOUR_S, NULL), -EINVAL);
	ck_assert_uint_eq(count_records(b.ledger, NULL), records);
}
END_TEST

START_TEST(sessions_of_a_patient_are_listed_oldest_first)
{
	struct ledger_id nobody;
	int32_t day = 0;

	ck_assert_int_eq(add_patient(b.ledger, "P-2", &nobody), 0);
	ck_assert_int_eq(ledger_get_last_day(b.ledger, &nobody, &day), 0);
	ck_assert_int_eq(day, POLICY_NO_DAY);
	bench_treat(&b, 20000, 1);
	ck_assert_int_eq(ledger_get_last_day(b.ledger, &b.patient, &day), 0);
	ck_assert_int_eq(day, moment(T0).day);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger resume");
	TCase *tcase = tcase_create("resume");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, an_interrupted_session_goes_on_as_the_same_session);
	tcase_add_test(tcase, its_time_is_counted_from_its_first_opening_to_the_second);
	tcase_add_test(tcase, it_goes_on_with_the_same_patient_and_gun_alone);
	tcase_add_test(tcase, the_patient_on_another_gun_ends_it_too);
	tcase_add_test(tcase, who_resumes_it_is_its_operator_and_needs_a_licence);
	tcase_add_test(tcase, who_has_an_interrupted_session_can_be_erased);
	tcase_add_test(tcase, arguments_that_make_no_sense_change_nothing);
	tcase_add_test(tcase, sessions_of_a_patient_are_listed_oldest_first);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
