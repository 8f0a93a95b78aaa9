// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator does with mesoctl, against the real mesod and a simulated
 * gun: what is said, how it exits, and what has changed.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mesod_fixture.h"
#include "mock_mesod.h"

static struct mesod_fixture f;
static struct run run;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	mesod_fixture_wait_reconciled(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

__attribute__((format(printf, 1, 2))) static void go(const char *format, ...)
{
	char arguments[1000];
	va_list args;
	int n = snprintf(arguments, sizeof(arguments), "--address %s ", f.address);

	va_start(args, format);
	vsnprintf(arguments + n, sizeof(arguments) - (size_t)n, format, args);
	va_end(args);
	mesoctl_run(NULL, &run, arguments);
}

#define ck_assert_has(text, part) ck_assert_msg(strstr(text, part), "no \"%s\" in:\n%s", part, text)
#define ck_assert_exit(wanted)                                                                 \
	ck_assert_msg(run.status == (wanted), "exit %d, wanted %d:\n%s%s", run.status, wanted, \
		      run.out, run.err)

/* ---- the clock ------------------------------------------------------------------------ */

static void write_local(time_t when, char text[static 32])
{
	struct tm tm;

	ck_assert_ptr_nonnull(localtime_r(&when, &tm));
	ck_assert_uint_gt(strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm), 0);
}

START_TEST(a_clock_that_was_set_is_shown_explained_and_confirmed)
{
	char now[32];

	go("clock show");
	ck_assert_exit(0);
	ck_assert_has(run.out, "ok");
	mesod_fixture_signal(&f, SIGTERM);
	mesod_fixture_set_clock(&f, 1, 0);
	mesod_fixture_run_daemon(&f);
	mesod_fixture_set_clock(&f, 1, 7200);
	go("clock show");
	ck_assert_exit(7);
	ck_assert_has(run.out, "set forward by 7");
	ck_assert_has(run.out, "mesoctl clock confirm");
	go("--json clock show");
	ck_assert_exit(7);
	ck_assert_has(run.out, "\"state\":\"stepped\"");
	go("doctor");
	ck_assert_exit(7);
	ck_assert_has(run.out, "mesoctl clock confirm");
	/* the time that it is not */
	write_local(time(NULL), now);
	go("clock confirm '%s' --reason 'the wall says so'", now);
	ck_assert_exit(2);
	ck_assert_has(run.err, "set the clock right first");
	write_local(time(NULL) + 7200, now);
	go("clock confirm '%s' --reason 'the wall says so'", now);
	ck_assert_exit(0);
	go("clock show");
	ck_assert_exit(0);
	go("doctor");
	ck_assert_exit(0);
	go("ledger list");
	ck_assert_has(run.out, "the wall says so");
}
END_TEST

START_TEST(who_is_not_root_administers_nothing)
{
	static const char *const commands[] = {
		"clock confirm '2026-11-25 14:05' --reason x",
	};

	mesod_fixture_signal(&f, SIGTERM);
	f.owner = "4242";
	mesod_fixture_run_daemon(&f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		go("%s", commands[i]);
		ck_assert_exit(5);
		ck_assert_has(run.err, "only root may");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesoctl admin");
	TCase *t = tcase_create("admin");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_clock_that_was_set_is_shown_explained_and_confirmed);
	tcase_add_test(t, who_is_not_root_administers_nothing);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
