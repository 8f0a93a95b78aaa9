// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clocks that were set, and configurations that were replaced: what is compared
 * before a gun is armed, with the values at the edges; and a ledger from a time
 * that has not come yet.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arming.h"
#include "clock.h"
#include "ledger_fixture.h"
#include "macros.h"
#include "mesod_fixture.h"

#define S 1000000000LL

START_TEST(a_clock_set_by_more_than_120_s_is_noticed_in_both_directions)
{
	const int64_t start = 1800000000 * S;

	ck_assert_int_eq(clock_step_s(start, start), 0);
	ck_assert_int_eq(clock_step_s(start, start + 120 * S), 0);
	ck_assert_int_eq(clock_step_s(start, start - 120 * S), 0);
	ck_assert_int_eq(clock_step_s(start, start + 120 * S + 1), 120);
	ck_assert_int_eq(clock_step_s(start, start - 120 * S - 1), -120);
	/* daylight saving done wrong, a year, 1970 */
	ck_assert_int_eq(clock_step_s(start, start + 3600 * S), 3600);
	ck_assert_int_eq(clock_step_s(start, start - 31536000 * S), -31536000);
	ck_assert_int_eq(clock_step_s(start, 0), -1800000000);
	ck_assert_int_gt(clock_step_s(INT64_MIN, INT64_MAX), 0);
	ck_assert_int_lt(clock_step_s(INT64_MAX, INT64_MIN), 0);
}
END_TEST

START_TEST(the_offset_of_the_clocks_does_not_drift)
{
	const int64_t first = clock_offset_ns();

	gun_fixture_sleep_ms(50);
	ck_assert_int_lt(llabs(clock_offset_ns() - first), S);
}
END_TEST

START_TEST(each_setting_that_the_gun_reports_otherwise_is_named)
{
	const struct meso_config given = { .dose_nl = 20000,
					   .depth_um = 2000,
					   .mode = MESO_MODE_REPEAT,
					   .rate_mhz = 5000,
					   .bore_um = 12060,
					   .capacity_nl = 5000000 };
	const struct meso_status same = { .dose_nl = 20000,
					  .depth_set_um = 2000,
					  .mode = MESO_MODE_REPEAT,
					  .rate_mhz = 5000,
					  .bore_um = 12060,
					  .capacity_nl = 5000000 };
	struct meso_status other;

	ck_assert_ptr_null(arming_config_difference(&given, &same));
#define EXPECT(member, name)                                                      \
	do {                                                                      \
		other = same;                                                     \
		other.member++;                                                   \
		ck_assert_str_eq(arming_config_difference(&given, &other), name); \
	} while (0)
	EXPECT(dose_nl, "dose");
	EXPECT(depth_set_um, "depth");
	EXPECT(mode, "mode");
	EXPECT(rate_mhz, "rate");
	EXPECT(bore_um, "syringe bore");
	EXPECT(capacity_nl, "syringe capacity");
#undef EXPECT
}
END_TEST

START_TEST(nothing_is_reserved_by_a_clock_that_went_backwards_even_after_records_of_that_time)
{
	struct ledger_reservation v;
	struct bench b;
	int64_t newest_s;

	bench_start(&b);
	newest_s = b.now_s + 1000;
	ck_assert_int_eq(ledger_add_incident(b.ledger, newest_s, "test", NULL, NULL, "x", false),
			 0);
	/* what is recorded at the wrong time does not make it right, neither now nor after a start */
	for (int i = 0; i < 2; i++) {
		b.now_s = newest_s - LEDGER_CLOCK_TOLERANCE_S - 1;
		ck_assert_int_eq(
			ledger_add_incident(b.ledger, b.now_s, "test", NULL, NULL, "y", false), 0);
		ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ETIME);
		ck_assert_int_eq(ledger_clock_behind(b.ledger, b.now_s),
				 LEDGER_CLOCK_TOLERANCE_S + 1);
		ck_assert_uint_eq(outstanding_of(&b), 0);
		bench_reopen(&b);
	}
	/* what a clock that is set right differs by is no matter */
	b.now_s = newest_s - LEDGER_CLOCK_TOLERANCE_S;
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ck_assert_int_eq(ledger_clock_behind(b.ledger, newest_s + 5), 0);
	bench_stop(&b);
}
END_TEST

START_TEST(a_clock_before_the_ledgers_newest_record_arms_nothing_and_says_by_how_much)
{
	_cleanup_(ledger_closep) struct ledger *ledger = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct mesod_fixture f;
	const int64_t now_s = time(NULL);
	long long behind = 0;
	char path[96];

	mesod_fixture_start(&f, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	snprintf(path, sizeof(path), "%s/ledger.db", f.dir);
	ck_assert_int_eq(ledger_open(&(struct ledger_options){ .path = path,
							       .mark_path = f.mark,
							       .now_s = now_s },
				     &ledger),
			 0);
	ck_assert_int_eq(ledger_add_incident(ledger, now_s + 1000, "test", NULL, NULL,
					     "recorded while the clock was fast", false),
			 0);
	ledger = ledger_close(ledger);
	mesod_fixture_run_daemon(&f);
	mesod_fixture_open_session(&f);
	mesod_fixture_load(&f);
	ck_assert_int_lt(mesod_call(f.bus, f.session, SESSION, "Prime", &error, NULL, "u", 60000u),
			 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.Ledger");
	ck_assert_ptr_nonnull(strstr(error.message, "the clock went backwards"));
	behind = strtoll(strstr(error.message, "it is") + strlen("it is"), NULL, 10);
	ck_assert_int_ge(behind, 900);
	ck_assert_int_le(behind, 1000);
	sd_bus_error_free(&error);
	/* everything but arming goes on */
	mesod_fixture_assert_answers(&f);
	mesod_fixture_close_session(&f);
	mesod_fixture_stop(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod clock");
	TCase *tcase = tcase_create("clock");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_clock_set_by_more_than_120_s_is_noticed_in_both_directions);
	tcase_add_test(tcase, the_offset_of_the_clocks_does_not_drift);
	tcase_add_test(tcase, each_setting_that_the_gun_reports_otherwise_is_named);
	tcase_add_test(
		tcase,
		nothing_is_reserved_by_a_clock_that_went_backwards_even_after_records_of_that_time);
	tcase_add_test(tcase,
		       a_clock_before_the_ledgers_newest_record_arms_nothing_and_says_by_how_much);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
