// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes in the midst of a session: a fact that changes what may be given, and
 * the end of a client, of mesod, of the gun's plug; and how it goes on.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rules_fixture.h"

static struct mesod_fixture f;

static void setup(void)
{
	rules_start(&f);
	mesod_fixture_ready_to_arm(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- late facts -------------------------------------------------------------------------- */

static uint64_t record(uint32_t volume_nl)
{
	sd_bus_message *reply = NULL;
	uint64_t number = 0;

	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RecordDose", NULL, &reply, "sa{sv}",
				    FIXTURE_PATIENT, 3, "kind", "s", "elsewhere", "preparation",
				    "s", "test", "volume_nl", "u", volume_nl),
			 0);
	ck_assert_int_ge(sd_bus_message_read(reply, "t", &number), 0);
	sd_bus_message_unref(reply);
	return number;
}

static void correct(uint64_t number, uint32_t volume_nl)
{
	if (volume_nl)
		ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "CorrectDose", NULL, NULL,
					    "sta{sv}s", FIXTURE_PATIENT, number, 3, "kind", "s",
					    "elsewhere", "preparation", "s", "test", "volume_nl",
					    "u", volume_nl, "read wrongly"),
				 0);
	else
		ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "CorrectDose", NULL, NULL,
					    "sta{sv}s", FIXTURE_PATIENT, number, 0, "not given"),
				 0);
}

/* The gun was armed, and is not any more; the next request is refused by that rule. */
static void expect_stopped(const char *rule)
{
	struct asking a = plain_asking();
	struct meso_status status;
	char got[64];

	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.state, MESO_STATE_IDLE);
	a.override = "a reason";
	rules_arm(&f, &a, got);
	ck_assert_str_eq(got, rule);
	mesod_fixture_assert_covered(&f);
}

START_TEST(a_dose_that_is_entered_late_stops_the_gun_and_its_correction_frees_the_patient)
{
	struct asking a = plain_asking();
	uint64_t number;
	char got[64];

	mesod_fixture_arm(&f, 20000, 5);
	mesod_fixture_shoot(&f);
	number = record(10000000);
	expect_stopped("patient-24h-volume");
	correct(number, 1000000);
	rules_arm(&f, &a, got);
	ck_assert_str_eq(got, "");
}
END_TEST

START_TEST(a_correction_stops_it_as_well)
{
	uint64_t number = record(1000);

	mesod_fixture_arm(&f, 20000, 5);
	correct(number, 9990000);
	expect_stopped("patient-24h-volume");
}
END_TEST

static const struct {
	const char *condition;
	bool consent;
	const char *rule;
} assessments[] = {
	{ "pregnancy", true, "pregnancy" },
	{ "infection", true, "infection" },
	{ NULL, false, "consent" },
};

START_TEST(an_assessment_that_forbids_it_stops_the_gun)
{
	mesod_fixture_arm(&f, 20000, 5);
	rules_assess(&f, FIXTURE_PATIENT, assessments[_i].consent, true, NULL,
		     assessments[_i].condition);
	expect_stopped(assessments[_i].rule);
}
END_TEST

START_TEST(what_is_entered_about_another_patient_stops_nobody)
{
	struct meso_status status;
	char other[16];

	rules_patient(&f, NULL, 60000, false, other);
	mesod_fixture_arm(&f, 20000, 2);
	rules_assess(&f, other, true, true, NULL, "pregnancy");
	rules_gave(&f, other, "test", 10000000, 60);
	mesod_fixture_status(&f, &status);
	ck_assert_uint_eq(status.state, MESO_STATE_ARMED);
	mesod_fixture_shoot(&f);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

/* ---- interrupted ---------------------------------------------------------------------------- */

static int64_t number_of_session(void)
{
	sd_bus_message *reply = NULL;
	int64_t number = 0;
	const char *key;

	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "GetDetails", NULL, &reply, ""), 0);
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &key), 0);
		if (strcmp(key, "number") == 0)
			ck_assert_int_ge(sd_bus_message_read(reply, "v", "x", &number), 0);
		else
			ck_assert_int_ge(sd_bus_message_skip(reply, "v"), 0);
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	sd_bus_message_unref(reply);
	return number;
}

enum interruption { BY_DESCRIPTOR, BY_KILL, BY_TERM, BY_PLUG, INTERRUPTIONS };

static void interrupt(enum interruption how)
{
	switch (how) {
	case BY_DESCRIPTOR:
		close(f.lease_fd);
		f.lease_fd = -1;
		mesod_fixture_process_for(&f, 300);
		break;
	case BY_KILL:
	case BY_TERM:
		mesod_fixture_signal(&f, how == BY_KILL ? SIGKILL : SIGTERM);
		close(f.lease_fd);
		f.lease_fd = -1;
		mesod_fixture_run_daemon(&f);
		break;
	default:
		gun_fixture_ask(&f.gun, "unplug");
		mesod_fixture_process_for(&f, 500);
		close(f.lease_fd);
		f.lease_fd = -1;
		gun_fixture_ask(&f.gun, "plug");
	}
}

START_TEST(whatever_interrupts_a_session_it_goes_on_as_the_same_one)
{
	struct asking a = plain_asking();
	struct verdict v;
	int64_t number;
	char got[64];

	mesod_fixture_arm(&f, 20000, 5);
	mesod_fixture_shoot(&f);
	number = number_of_session();
	interrupt((enum interruption)_i);
	/* who asks before opening it is told the same */
	mesod_fixture_wait_reconciled(&f);
	expect(rules_check(&f, FIXTURE_PATIENT, &a, "session-interval", NULL), "ok");
	mesod_fixture_open_session(&f);
	ck_assert_int_eq(number_of_session(), number);
	/* what was loaded is asked for anew */
	gun_fixture_ask(&f.gun, "hand contact 1");
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Arm", "a{sv}", 4, "dose_nl", "u",
			  20000u, "shots", "u", 1u, "depth_um", "u", 2000u, "area", "s",
			  FIXTURE_AREA);
	mesod_fixture_load(&f);
	mesod_fixture_prime(&f, 60000);
	gun_fixture_ask(&f.gun, "hand contact 1");
	rules_arm(&f, &a, got);
	ck_assert_str_eq(got, "");
	/* and what was given in it counts on */
	v = rules_in_session(&f, "session-volume");
	ck_assert_uint_ge(v.spent, 19000);
	expect(rules_in_session(&f, "session-interval"), "ok");
	mesod_fixture_close_session(&f);
	/* closed is closed: the next one is a week away */
	expect(rules_check(&f, FIXTURE_PATIENT, &a, "session-interval", NULL), "hard");
	mesod_fixture_open_session(&f);
	ck_assert_int_ne(number_of_session(), number);
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(an_hour_after_its_begin_it_is_over)
{
	struct asking a = plain_asking();
	int64_t number = number_of_session();

	mesod_fixture_arm(&f, 20000, 1);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_signal(&f, SIGTERM);
	close(f.lease_fd);
	f.lease_fd = -1;
	mesod_fixture_set_clock(&f, 9, 3600);
	mesod_fixture_run_daemon(&f);
	expect(rules_check(&f, FIXTURE_PATIENT, &a, "session-interval", NULL), "hard");
	mesod_fixture_open_session(&f);
	ck_assert_int_ne(number_of_session(), number);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod resume");
	TCase *tcase = tcase_create("resume");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(
		tcase,
		a_dose_that_is_entered_late_stops_the_gun_and_its_correction_frees_the_patient);
	tcase_add_test(tcase, a_correction_stops_it_as_well);
	tcase_add_loop_test(tcase, an_assessment_that_forbids_it_stops_the_gun, 0,
			    (int)(sizeof(assessments) / sizeof(assessments[0])));
	tcase_add_test(tcase, what_is_entered_about_another_patient_stops_nobody);
	tcase_add_loop_test(tcase, whatever_interrupts_a_session_it_goes_on_as_the_same_one, 0,
			    INTERRUPTIONS);
	tcase_add_test(tcase, an_hour_after_its_begin_it_is_over);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
