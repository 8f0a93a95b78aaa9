// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom the ledger knows: patients and what they were given in a day, operators,
 * sessions, guns and their quarantine.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_fixture.h"

static struct bench b;

static void setup(void)
{
	bench_start(&b);
}

static void teardown(void)
{
	bench_stop(&b);
}

/* --------------------------------------------------- windows and sessions */

START_TEST(a_dose_leaves_the_window_after_24_hours_to_the_second)
{
	bench_treat(&b, 20000, 5);
	b.now_s = T0 + POLICY_WINDOW_S - 1;
	ck_assert_uint_eq(settled_of(&b), 5 * UINT64_C(20020));
	b.now_s++;
	ck_assert_uint_eq(settled_of(&b), 0);
}
END_TEST

START_TEST(what_is_outstanding_never_leaves_the_window)
{
	struct ledger_reservation v;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	b.now_s = T0 + 400 * POLICY_WINDOW_S;
	ck_assert_uint_eq(outstanding_of(&b), 401000);
	ck_assert_int_eq(ledger_close_session(b.ledger, b.now_s, b.session, "gun lost"), 0);
	ck_assert_uint_eq(outstanding_of(&b), 401000);
}
END_TEST

START_TEST(more_doses_than_are_listed_still_count_in_full)
{
	for (int i = 0; i < 600; i++) {
		b.now_s = T0 + i;
		bench_treat(&b, 1000, 1);
	}
	ck_assert_uint_eq(settled_of(&b), 600 * UINT64_C(1020));
}
END_TEST

START_TEST(a_patient_and_a_gun_have_one_open_session)
{
	struct ledger_id other;
	int64_t session = -1;

	ck_assert_int_eq(add_patient(b.ledger, "P-2", &other), 0);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &b.patient, "G-2",
					     OPERATOR, &session),
			 -EBUSY);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &other, SERIAL, OPERATOR,
					     &session),
			 -EBUSY);
	ck_assert_int_eq(session, -1);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &other, "G-2", OPERATOR,
					     &session),
			 0);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, session, "done"), 0);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, session, "done"), -ENOENT);
}
END_TEST

START_TEST(only_a_registered_operator_with_a_valid_licence_opens_a_session)
{
	int64_t session;

	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &b.patient, SERIAL, 4242,
					     &session),
			 -EPERM);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2032-01-01", &b.patient, SERIAL,
					     OPERATOR, &session),
			 -EKEYEXPIRED);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2031-12-31", &b.patient, SERIAL,
					     OPERATOR, &session),
			 0);
}
END_TEST

static int renew(uint32_t uid, const char *licence, const char *expires)
{
	struct ledger_renewal v = { .operator_uid = uid, .uid = 77 };

	snprintf(v.licence, sizeof(v.licence), "%s", licence);
	snprintf(v.expires, sizeof(v.expires), "%s", expires);
	return ledger_renew_operator(b.ledger, T0, &v);
}

static int judge_operator(enum policy_severity *ret)
{
	struct ledger_order o = bench_order(&b, 20000, 1);
	const struct ledger_moment now = moment(b.now_s);
	int r;

	r = ledger_check(b.ledger, &now, &b.basis, b.session, &o.request, b.verdicts);
	for (size_t i = 0; i < POLICY_RULES; i++)
		if (strcmp(b.verdicts[i].rule, "operator") == 0)
			*ret = b.verdicts[i].severity;
	return r;
}

static int expect_operator(const struct ledger_operator *op, void *userdata)
{
	const struct ledger_operator *expected = userdata;

	ck_assert_uint_eq(op->uid, expected->uid);
	ck_assert_str_eq(op->licence, expected->licence);
	ck_assert_str_eq(op->expires, expected->expires);
	return 1;
}

START_TEST(of_a_licence_that_is_renewed_the_newest_counts_and_none_is_rewritten)
{
	static const struct {
		const char *licence, *expires;
		enum policy_severity severity;
	} renewals[] = {
		{ "L-78", "2036-12-31", POLICY_OK },
		{ "L-78", "2027-01-14", POLICY_HARD }, /* it ended yesterday */
		{ "L-79", "2027-01-15", POLICY_OK },
	};
	struct ledger_operator op;
	enum policy_severity severity = POLICY_SOFT;

	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(renew(OPERATOR, renewals[i].licence, renewals[i].expires), 0);
		ck_assert_int_ge(judge_operator(&severity), 0);
		ck_assert_int_eq(severity, renewals[i].severity);
		ck_assert_int_eq(ledger_get_operator(b.ledger, OPERATOR, &op), 0);
		ck_assert_str_eq(op.name, "Dr. Ada Example");
		ck_assert_str_eq(op.licence, renewals[i].licence);
		ck_assert_str_eq(op.expires, renewals[i].expires);
		ck_assert_int_eq(ledger_foreach_operator(b.ledger, expect_operator, &op), 1);
		ck_assert_uint_eq(count_records(b.ledger, "renewal"), i + 1);
		ck_assert_uint_eq(count_records(b.ledger, "operator"), 1);
		bench_reopen(&b);
	}
	ck_assert_int_eq(add_operator(b.ledger, OPERATOR), -EEXIST);
}
END_TEST

START_TEST(what_no_licence_looks_like_is_not_renewed_and_nobodys_is)
{
	ck_assert_int_eq(renew(4242, "L-1", "2036-12-31"), -ENOENT);
	ck_assert_int_eq(renew(OPERATOR, "", "2036-12-31"), -EINVAL);
	ck_assert_int_eq(renew(OPERATOR, "L-1", "2036-02-30"), -EINVAL);
	ck_assert_int_eq(ledger_renew_operator(b.ledger, T0, NULL), -EINVAL);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
	ck_assert_int_eq(ledger_erase_operator(b.ledger, T0, OPERATOR, 77, "left"), 0);
	ck_assert_int_eq(renew(OPERATOR, "L-1", "2036-12-31"), -EIDRM);
	ck_assert_uint_eq(count_records(b.ledger, "renewal"), 0);
}
END_TEST

START_TEST(an_open_session_survives_a_restart)
{
	struct ledger_session session;
	struct ledger_spent spent;

	bench_treat(&b, 20000, 3);
	bench_reopen(&b);
	ck_assert_int_eq(ledger_get_session(b.ledger, b.session, &session), 0);
	ck_assert(session.open);
	ck_assert_str_eq(session.serial, SERIAL);
	ck_assert_uint_eq(session.operator_uid, OPERATOR);
	ck_assert_uint_eq(session.delivered_nl, 3 * UINT64_C(20020));
	ck_assert_uint_eq(session.shots, 3);
	ck_assert_int_eq(ledger_get_spent(b.ledger, T0, &b.patient, &spent), 0);
	ck_assert_int_eq(spent.session, b.session);
}
END_TEST

/* ----------------------------------------------------------------- people */

START_TEST(names_are_kept_out_of_the_chain_and_found_by_reference_and_id)
{
	struct ledger_patient p;
	char id[LEDGER_ID_TEXT_MAX];

	ck_assert_int_eq(ledger_get_patient(b.ledger, "P-1", &p), 0);
	ck_assert_str_eq(p.name, "Zoë Sample");
	ck_assert_uint_eq(p.mass_g, 70000);
	ck_assert_int_eq(ledger_get_patient(b.ledger, ledger_id_format(&p.id, id), &p), 0);
	ck_assert_str_eq(p.reference, "P-1");
	ck_assert_int_eq(ledger_get_patient(b.ledger, "P-2", &p), -ENOENT);
	ck_assert_int_eq(add_patient(b.ledger, "P-1", NULL), -EEXIST);
	ck_assert_int_eq(add_operator(b.ledger, OPERATOR), -EEXIST);
}
END_TEST

static int find_name(const struct ledger_record *record, void *userdata)
{
	(void)userdata;
	for (size_t i = 0; i < record->n_fields; i++)
		if (record->fields[i].type == LEDGER_TEXT &&
		    (strstr(record->fields[i].text, "Zo") ||
		     strstr(record->fields[i].text, "Ada") ||
		     strstr(record->fields[i].text, "P-1") ||
		     strstr(record->fields[i].text, "1980")))
			return 1;
	return 0;
}

START_TEST(no_record_of_the_chain_holds_a_name_and_none_is_lost_unnoticed)
{
	struct ledger_report report;
	struct ledger_patient p;

	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, 1000, find_name, NULL), 0);
	/* by nobody but ledger_erase_patient(), see ledger_erase_test.c */
	b.ledger = ledger_close(b.ledger);
	forget_digest(b.place.mark);
	tamper(&b.place, "DELETE FROM patient_name");
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	ck_assert(!report.ok);
	ck_assert_int_eq(ledger_get_patient(b.ledger, "P-1", &p), -ENOENT);
}
END_TEST

START_TEST(text_that_is_no_name_or_date_is_refused)
{
	static const char *const names[] = { "",         "a\nb",         "\x1b[2J",     "\xff",
					     "\xc0\xaf", "\xed\xa0\x80", "tail\xe2\x82" };
	static const char *const dates[] = { "",           "1980-02-30", "1981-02-29",
					     "1900-02-29", "1980-13-01", "80-01-01",
					     "1980/01/01", "1980-1-1",   "0000-01-01" };
	struct ledger_patient p = { .reference = "R", .birth_date = "1980-01-01" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(p.name, sizeof(p.name), "%s", names[i]);
		ck_assert_int_eq(ledger_add_patient(b.ledger, T0, &p, NULL), -EINVAL);
	}
	snprintf(p.name, sizeof(p.name), "%s", "\xf0\x9f\x99\x82 Ok");
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		snprintf(p.birth_date, sizeof(p.birth_date), "%s", dates[i]);
		ck_assert_int_eq(ledger_add_patient(b.ledger, T0, &p, NULL), -EINVAL);
	}
	snprintf(p.birth_date, sizeof(p.birth_date), "%s", "2000-02-29");
	/* a reference that could be taken for an id */
	snprintf(p.reference, sizeof(p.reference), "%s", "0123456789abcdef0123456789abcdef");
	ck_assert_int_eq(ledger_add_patient(b.ledger, T0, &p, NULL), -EINVAL);
	snprintf(p.reference, sizeof(p.reference), "%s", "R");
	ck_assert_int_eq(ledger_add_patient(b.ledger, T0, &p, NULL), 0);
}
END_TEST

/* ------------------------------------------------------------------- guns */

START_TEST(a_gun_whose_numbers_do_not_follow_is_quarantined)
{
	struct ledger_reservation v;
	struct ledger_gun gun;

	bench_treat(&b, 20000, 3);
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, NULL), 0);
	gun = b.gun;
	if (_i == 0)
		gun.shot_count--;
	else if (_i == 1)
		gun.total_nl--;
	else
		gun.epoch++;
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &gun, NULL), -EUCLEAN);
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &gun, NULL), -EUCLEAN);
	ck_assert_uint_eq(count_records(b.ledger, "incident"), 1);
	/* that it behaves again changes nothing */
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, NULL), -EUCLEAN);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -EUCLEAN);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "x"), 0);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &b.patient, SERIAL,
					     OPERATOR, &b.session),
			 -EUCLEAN);

	/* an administrator accepts the gun as it is now */
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &gun, 0, "board was replaced", false),
			 0);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &gun, 0, "again", false), -ENOENT);
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &gun, NULL), 0);
	b.gun = gun;
	b.now_s += 7 * POLICY_WINDOW_S;
	bench_assess(&b);
	bench_open_session(&b);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
}
END_TEST

START_TEST(what_was_let_go_once_is_caught_again)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, &s), 0);
	shot.asked_nl++;
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, &s), 0);
	ck_assert(s.quarantined);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 0, "a mistake", false), 0);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, &s), 0);
	ck_assert(s.quarantined);
	ck_assert_uint_eq(count_records(b.ledger, "incident"), 2);
}
END_TEST

START_TEST(a_gun_that_counts_shots_nobody_recorded_is_not_armed)
{
	struct ledger_reservation v;
	uint64_t length = chain_length(b.ledger);

	b.gun.shot_count++;
	b.gun.total_nl += 20000;
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, NULL), 0);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -EUCLEAN);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 1);
	ck_assert_uint_eq(chain_length(b.ledger), length + 2);
}
END_TEST

START_TEST(an_incident_can_be_recorded_from_outside)
{
	struct ledger_reservation v;
	struct ledger_session session;

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "host-overrun", SERIAL, v.lease_id,
					     "the kernel saw the lease exceeded", true),
			 0);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 1);
	ck_assert_int_eq(ledger_get_session(b.ledger, b.session, &session), 0);
	ck_assert_uint_eq(session.incidents, 1);
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "x", NULL, NULL, "no gun", true),
			 -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_people");
	TCase *t = tcase_create("people");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_dose_leaves_the_window_after_24_hours_to_the_second);
	tcase_add_test(t, what_is_outstanding_never_leaves_the_window);
	tcase_add_test(t, more_doses_than_are_listed_still_count_in_full);
	tcase_add_test(t, a_patient_and_a_gun_have_one_open_session);
	tcase_add_test(t, only_a_registered_operator_with_a_valid_licence_opens_a_session);
	tcase_add_test(t, of_a_licence_that_is_renewed_the_newest_counts_and_none_is_rewritten);
	tcase_add_test(t, what_no_licence_looks_like_is_not_renewed_and_nobodys_is);
	tcase_add_test(t, an_open_session_survives_a_restart);
	tcase_add_test(t, names_are_kept_out_of_the_chain_and_found_by_reference_and_id);
	tcase_add_test(t, no_record_of_the_chain_holds_a_name_and_none_is_lost_unnoticed);
	tcase_add_test(t, text_that_is_no_name_or_date_is_refused);
	tcase_add_loop_test(t, a_gun_whose_numbers_do_not_follow_is_quarantined, 0, 3);
	tcase_add_test(t, what_was_let_go_once_is_caught_again);
	tcase_add_test(t, a_gun_that_counts_shots_nobody_recorded_is_not_armed);
	tcase_add_test(t, an_incident_can_be_recorded_from_outside);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
