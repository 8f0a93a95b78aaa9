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
#include <unistd.h>

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

START_TEST(the_offset_of_the_clocks_does_not_drift_and_knows_no_daylight_saving)
{
	struct ledger_clock first, now;

	setenv("TZ", "Europe/Paris", 1);
	tzset();
	ck_assert_int_eq(clock_read(NULL, &first), 0);
	gun_fixture_sleep_ms(50);
	setenv("TZ", "Pacific/Auckland", 1);
	tzset();
	ck_assert_int_eq(clock_read(NULL, &now), 0);
	ck_assert_int_lt(llabs(now.offset_ns - first.offset_ns), S);
	ck_assert_int_lt(llabs(now.wall_s - time(NULL)), 2);
	ck_assert_mem_eq(now.boot_id, first.boot_id, sizeof(now.boot_id));
	ck_assert_int_eq(clock_step_s(first.offset_ns, now.offset_ns), 0);
}
END_TEST

START_TEST(a_clock_file_that_makes_no_sense_is_an_error)
{
	static const char *const texts[] = {
		"",
		"x",
		"0-0-0-0-0 5\n",
		"00000001-0000-4000-8000-000000000000\n",
		"00000001-0000-4000-8000-000000000000 x\n",
		"00000001-0000-4000-8000-000000000000 99999999999999\n",
		"00000001-0000-4000-8000-00000000000g 1\n",
	};
	char path[] = "/tmp/meso-clock-XXXXXX";
	struct ledger_clock now = { .wall_s = 77 };
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, texts[_i], strlen(texts[_i])), (ssize_t)strlen(texts[_i]));
	close(fd);
	ck_assert_int_eq(clock_read(path, &now), -EBADMSG);
	ck_assert_int_eq(now.wall_s, 77);
	unlink(path);
	ck_assert_int_eq(clock_read(path, &now), -ENOENT);
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
	ck_assert_int_lt(mesod_call(f.bus, f.session, SESSION, "Prime", &error, NULL, "ua{sv}",
				    60000u, 1, "area", "s", FIXTURE_AREA),
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

/* ---- a daemon whose clocks are in a file ------------------------------------------------ */

#define YEAR_S 31536000

/* A daemon with an operator and a patient that has been up in boot 1, its clock right. */
static void start_in_boot_1(struct mesod_fixture *f)
{
	mesod_fixture_start(f, NULL);
	mesod_fixture_signal(f, SIGTERM);
	mesod_fixture_set_clock(f, 1, 0);
	mesod_fixture_run_daemon(f);
}

static void restart(struct mesod_fixture *f, unsigned int boot, int64_t shift_s)
{
	mesod_fixture_signal(f, SIGTERM);
	mesod_fixture_set_clock(f, boot, shift_s);
	mesod_fixture_run_daemon(f);
}

/* Asks for a prime in a session of its own: "" it was granted, or the sentence of the refusal. */
static const char *try_to_arm(struct mesod_fixture *f, char text[static 400])
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	mesod_fixture_wait_reconciled(f);
	mesod_fixture_open_session(f);
	mesod_fixture_load(f);
	r = mesod_call(f->bus, f->session, SESSION, "Prime", &error, NULL, "ua{sv}", 60000u, 1,
		       "area", "s", FIXTURE_AREA);
	snprintf(text, 400, "%s", r < 0 ? error.message : "");
	sd_bus_error_free(&error);
	mesod_fixture_assert_answers(f);
	mesod_fixture_close_session(f);
	return text;
}

static int confirm(struct mesod_fixture *f, int64_t now_s)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = mesod_call(f->bus, ROOT, MANAGER, "ConfirmClock", &error, NULL, "xs", now_s,
			   "looked at the wall");

	ck_assert(r >= 0 || strcmp(error.name, "org.mesod1.Error.InvalidArgument") == 0);
	sd_bus_error_free(&error);
	return r;
}

#define ck_assert_arms(f)                                                      \
	do {                                                                   \
		char text_[400];                                               \
		/* what was assessed by another clock counts for nothing */    \
		mesod_fixture_assess((f), FIXTURE_PATIENT);                    \
		ck_assert_msg(!*try_to_arm((f), text_), "refused: %s", text_); \
	} while (0)
#define ck_assert_suspect(f, part)                                                  \
	do {                                                                        \
		char text_[400];                                                    \
		ck_assert_msg(strstr(try_to_arm((f), text_), (part)), "%s", text_); \
		ck_assert_ptr_nonnull(strstr(text_, "mesoctl clock confirm"));      \
	} while (0)

static const struct {
	unsigned int boot;
	int64_t shift_s;
	const char *refusal; /* NULL: it arms */
	const char *state;
} restarts[] = {
	/* in the same boot both directions can be seen, by a daemon that was not there */
	{ 1, 100, NULL, "ok" },
	{ 1, 3600, "set forward by", "stepped" },
	{ 1, YEAR_S, "set forward by", "stepped" },
	{ 1, -3600, "went backwards", "behind" },
	{ 1, -YEAR_S, "went backwards", "behind" },
	/* in another one only backwards */
	{ 2, 100, NULL, "ok" },
	{ 2, -100, NULL, "ok" },
	{ 2, YEAR_S, NULL, "ok" },
	{ 2, -3600, "went backwards", "behind" },
	{ 2, -YEAR_S, "went backwards", "behind" },
	{ 2, -1700000000, "went backwards", "behind" }, /* 1970 or thereabouts */
};

START_TEST(a_step_while_mesod_is_down_arms_nothing_until_an_administrator_confirms)
{
	struct mesod_fixture f;
	char *state;

	start_in_boot_1(&f);
	restart(&f, restarts[_i].boot, restarts[_i].shift_s);
	state = mesod_fixture_text(&f, ROOT, MANAGER, "ClockState");
	ck_assert_str_eq(state, restarts[_i].state);
	free(state);
	if (restarts[_i].refusal) {
		ck_assert_suspect(&f, restarts[_i].refusal);
		/* what is not the time is not confirmed */
		ck_assert_int_lt(confirm(&f, time(NULL) + restarts[_i].shift_s + 180), 0);
		ck_assert_int_lt(confirm(&f, time(NULL) + restarts[_i].shift_s - 180), 0);
		ck_assert_suspect(&f, restarts[_i].refusal);
		ck_assert_int_ge(confirm(&f, time(NULL) + restarts[_i].shift_s), 0);
	}
	ck_assert_arms(&f);
	/* and it stays so */
	restart(&f, restarts[_i].boot, restarts[_i].shift_s);
	ck_assert_arms(&f);
	mesod_fixture_stop(&f);
}
END_TEST

START_TEST(a_step_while_mesod_runs_arms_nothing_and_one_that_is_undone_is_forgiven)
{
	struct mesod_fixture f;

	start_in_boot_1(&f);
	ck_assert_arms(&f);
	mesod_fixture_set_clock(&f, 1, _i ? 600 : -600);
	ck_assert_suspect(&f, _i ? "set forward by" : "went backwards");
	mesod_fixture_set_clock(&f, 1, 0);
	/* what was recorded in the future is, for the ledger, the newest time */
	if (_i)
		ck_assert_suspect(&f, "went backwards");
	else
		ck_assert_arms(&f);
	mesod_fixture_stop(&f);
}
END_TEST

START_TEST(records_of_a_fast_clock_do_not_lock_the_ledger_for_ever)
{
	struct mesod_fixture f;
	char *off;

	start_in_boot_1(&f);
	restart(&f, 2, YEAR_S); /* cannot be seen */
	ck_assert_arms(&f);
	restart(&f, 3, 0);
	ck_assert_suspect(&f, "went backwards");
	ck_assert_int_ge(confirm(&f, time(NULL)), 0);
	ck_assert_arms(&f);
	off = mesod_fixture_text(&f, ROOT, MANAGER, "ClockState");
	ck_assert_str_eq(off, "ok");
	free(off);
	mesod_fixture_stop(&f);
}
END_TEST

START_TEST(a_clock_that_is_set_right_after_a_bad_start_is_accepted_by_itself)
{
	struct mesod_fixture f;
	char *state = NULL;

	start_in_boot_1(&f);
	/* a board without a battery: the network's time comes later */
	restart(&f, 2, -1700000000);
	ck_assert_suspect(&f, "went backwards");
	mesod_fixture_set_clock(&f, 2, 0);
	for (int i = 0; i < 100; i++) {
		free(state);
		state = mesod_fixture_text(&f, ROOT, MANAGER, "ClockState");
		if (strcmp(state, "ok") == 0)
			break;
		gun_fixture_sleep_ms(50);
	}
	ck_assert_str_eq(state, "ok");
	free(state);
	ck_assert_arms(&f);
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
	tcase_add_test(tcase, the_offset_of_the_clocks_does_not_drift_and_knows_no_daylight_saving);
	tcase_add_loop_test(tcase, a_clock_file_that_makes_no_sense_is_an_error, 0, 7);
	tcase_add_test(tcase, each_setting_that_the_gun_reports_otherwise_is_named);
	tcase_add_test(
		tcase,
		nothing_is_reserved_by_a_clock_that_went_backwards_even_after_records_of_that_time);
	tcase_add_test(tcase,
		       a_clock_before_the_ledgers_newest_record_arms_nothing_and_says_by_how_much);
	tcase_add_loop_test(tcase,
			    a_step_while_mesod_is_down_arms_nothing_until_an_administrator_confirms,
			    0, sizeof(restarts) / sizeof(restarts[0]));
	tcase_add_loop_test(tcase,
			    a_step_while_mesod_runs_arms_nothing_and_one_that_is_undone_is_forgiven,
			    0, 2);
	tcase_add_test(tcase, records_of_a_fast_clock_do_not_lock_the_ledger_for_ever);
	tcase_add_test(tcase, a_clock_that_is_set_right_after_a_bad_start_is_accepted_by_itself);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
