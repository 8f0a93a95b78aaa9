// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine goes to sleep under mesod: logind waits until guns are disarmed
 * and settled, nothing arms until it is awake, and no machine is kept awake by a
 * gun that does not answer.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mesod_fixture.h"
#include "mock_logind.h"

static struct mesod_fixture f;
static struct mock_logind logind;

/* logind is there before mesod, as on a machine. */
static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	mock_logind_start(&logind, f.address);
	mesod_fixture_run_daemon(&f);
}

static void teardown(void)
{
	mock_logind_stop(&logind);
	mesod_fixture_stop(&f);
}

static void wait_for(bool waits, int ms)
{
	const int64_t until = gun_fixture_now_ms() + ms;

	while (logind.facts->waits != waits) {
		ck_assert_msg(gun_fixture_now_ms() < until,
			      waits ? "logind was not asked to wait" : "logind waits still");
		mesod_fixture_process_for(&f, 5);
	}
}

START_TEST(logind_is_asked_to_wait_for_a_while_and_not_for_ever)
{
	wait_for(true, 2000);
	ck_assert_str_eq(logind.facts->said, "sleep mesod delay");
	ck_assert_uint_eq(logind.facts->inhibited, 1);
}
END_TEST

START_TEST(before_sleep_an_armed_gun_is_disarmed_and_settled_and_then_logind_may_go_on)
{
	struct fixture_patient patient;

	wait_for(true, 2000);
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	mesod_fixture_shoot(&f);
	mock_logind_tell(&logind, true);
	gun_fixture_wait_disarmed(&f.gun, 500);
	wait_for(false, 3000);
	/* It was settled before. */
	mesod_fixture_process_for(&f, 100);
	ck_assert(f.last_settled);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	mesod_fixture_assert_covered(&f);
}
END_TEST

START_TEST(nothing_arms_until_the_machine_is_awake_again)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	wait_for(true, 2000);
	mesod_fixture_ready_to_arm(&f);
	mock_logind_tell(&logind, true);
	wait_for(false, 3000);
	ck_assert_int_lt(mesod_fixture_try_arm(&f, 20000, 2, 2000, &error), 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.Interlock");
	ck_assert_ptr_nonnull(strstr(error.message, "about to sleep"));
	sd_bus_error_free(&error);
	mock_logind_tell(&logind, false);
	/* And it is asked to wait the next time, too. */
	wait_for(true, 2000);
	ck_assert_uint_eq(logind.facts->inhibited, 2);
	mesod_fixture_arm(&f, 20000, 2);
	mesod_fixture_shoot(&f);
	mesod_fixture_assert_covered(&f);
}
END_TEST

START_TEST(a_gun_that_does_not_answer_keeps_no_machine_awake)
{
	wait_for(true, 2000);
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	gun_fixture_ask(&f.gun, "hand freeze 1");
	mock_logind_tell(&logind, true);
	/* logind's own patience is 5 s. */
	wait_for(false, 4800);
	gun_fixture_ask(&f.gun, "hand freeze 0");
	gun_fixture_wait_disarmed(&f.gun, 500);
	mesod_fixture_assert_covered(&f);
}
END_TEST

START_TEST(a_logind_that_goes_away_is_missed_by_nobody)
{
	wait_for(true, 2000);
	mock_logind_stop(&logind);
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 2);
	mesod_fixture_shoot(&f);
	mesod_fixture_assert_covered(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod_sleep");
	TCase *tests = tcase_create("sleep");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	tcase_add_test(tests, logind_is_asked_to_wait_for_a_while_and_not_for_ever);
	tcase_add_test(tests,
		       before_sleep_an_armed_gun_is_disarmed_and_settled_and_then_logind_may_go_on);
	tcase_add_test(tests, nothing_arms_until_the_machine_is_awake_again);
	tcase_add_test(tests, a_gun_that_does_not_answer_keeps_no_machine_awake);
	tcase_add_test(tests, a_logind_that_goes_away_is_missed_by_nobody);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
