// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl formulary, against the real mesod: what is listed and shown, and what
 * a reload says.  Files are checked without any daemon.
 */
#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formulary_fixture.h"
#include "mesod_fixture.h"
#include "mock_mesod.h"

#define BASE LIDOCAINE WATER PLASTER FACE

static struct mesod_fixture f;
static struct run run;

static void start(void)
{
	mesod_fixture_start_bare(&f, NULL, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	f.formulary = BASE;
	mesod_fixture_run_daemon(&f);
	mesod_fixture_register(&f);
}

static void stop(void)
{
	mesod_fixture_stop(&f);
}

__attribute__((format(printf, 1, 2))) static void go(const char *format, ...)
{
	char arguments[1000];
	va_list args;
	int n = *f.address ? snprintf(arguments, sizeof(arguments), "--address %s ", f.address) : 0;

	va_start(args, format);
	vsnprintf(arguments + n, sizeof(arguments) - (size_t)n, format, args);
	va_end(args);
	mesoctl_run(NULL, &run, arguments);
}

static void put(const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/formulary.conf", f.dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

#define ck_assert_exit(wanted)                                                                 \
	ck_assert_msg(run.status == (wanted), "exit %d, wanted %d:\n%s%s", run.status, wanted, \
		      run.out, run.err)

/* ---- with a daemon ---------------------------------------------------------------------- */

START_TEST(what_is_in_force_is_listed_by_group_and_id)
{
	go("formulary list");
	ck_assert_exit(0);
	ck_assert_says(run.out, "substance    lidocaine                Lidocaine\n");
	ck_assert_says(run.out,
		       "preparation  plaster                  Plaster (water 900 mg/mL)\n");
	ck_assert_says(run.out, "area         face                     Face (1 mm to 2 mm)\n");
	ck_assert_says(run.out, "\nformulary ");
	go("--json formulary list");
	ck_assert_exit(0);
	ck_assert_says(run.out, "{\"hash\":\"");
	ck_assert_says(run.out, "[\"24h-hard\",\"300 mg\",\"label\"]");
}
END_TEST

START_TEST(one_thing_is_shown_as_a_file_would_say_it)
{
	go("formulary show lidocaine");
	ck_assert_exit(0);
	ck_assert_str_eq(run.out, "[substance lidocaine]\nname = Lidocaine\nmeasured-in = mass\n"
				  "24h-hard = 300 mg; label\n24h-per-kg-hard = 4.5 mg/kg; label\n"
				  "anaesthetic = yes\n");
	go("formulary show limits");
	ck_assert_exit(0);
	ck_assert_says(run.out, "[limits]\nshot-volume-soft = 50 uL\n");
	go("--json formulary show face");
	ck_assert_exit(0);
	ck_assert_says(run.out, "\"group\":\"area\"");
	ck_assert_says(run.out, "[\"size\",\"100 cm2\",\"a palm\"]");
}
END_TEST

START_TEST(what_there_is_not_is_said_to_be_missing)
{
	go("formulary show wine");
	ck_assert_exit(2);
	ck_assert_says(run.err, "wine");
	ck_assert_says(run.err, "mesoctl formulary list");
	go("formulary show");
	ck_assert_exit(2);
	go("formulary list all");
	ck_assert_exit(2);
	go("formulary reload now");
	ck_assert_exit(2);
	go("formulary");
	ck_assert_exit(2);
}
END_TEST

START_TEST(a_reload_says_what_became_of_it)
{
	go("formulary reload");
	ck_assert_exit(0);
	ck_assert_says(run.out, "nothing has changed");
	put(BASE "[substance lidocaine]\nshot-hard = 5 mg; s\n");
	go("--json formulary reload");
	ck_assert_exit(0);
	ck_assert_says(run.out, "\"changed\":true");
	go("formulary show lidocaine");
	ck_assert_says(run.out, "shot-hard = 5 mg; s\n");
	put("[area a]\ndepth = 5 mm to 6 mm; s\n");
	go("formulary reload");
	ck_assert_exit(2);
	ck_assert_says(run.err, "/formulary.conf:2: [area a] depth = 5 mm to 6 mm: ");
	/* looser, while somebody is treated */
	put(BASE);
	mesod_fixture_open_session(&f);
	go("formulary reload");
	ck_assert_exit(7);
	ck_assert_says(run.err, "[substance lidocaine] shot-hard would be nothing");
	mesod_fixture_close_session(&f);
	go("formulary reload");
	ck_assert_exit(0);
}
END_TEST

/* ---- without one ------------------------------------------------------------------------ */

static void no_daemon(void)
{
	memset(&f, 0, sizeof(f));
	formulary_setup();
}

START_TEST(files_are_checked_without_a_daemon)
{
	go("formulary check --config /nonexistent " SHIPPED);
	ck_assert_exit(0);
	ck_assert_says(run.out, "in order: ");
	formulary_put("a.conf", BASE);
	formulary_put("b.d/1.conf", "[substance lidocaine]\n24h-hard = 301 mg; ours\n");
	go("formulary check --config /nonexistent %s", formulary_path("a.conf"));
	ck_assert_exit(0);
	ck_assert_says(run.out, "in order: 2 substances, 1 preparations, 1 areas\n");
	go("formulary check --config /nonexistent %s %s", formulary_path("a.conf"),
	   formulary_path("b.d"));
	ck_assert_exit(1);
	ck_assert_says(run.err, formulary_path("b.d/1.conf:2: "));
	ck_assert_says(run.err, "24h-hard = 301 mg");
	ck_assert_says(run.err, "at most 300 mg");
	go("--json formulary check --config /nonexistent %s", formulary_path("a.conf"));
	ck_assert_exit(0);
	ck_assert_says(run.out, "{\"ok\":true,\"hash\":\"");
}
END_TEST

START_TEST(limits_are_checked_too_and_a_layer_that_is_not_there_is_said_to_be_missing)
{
	formulary_put("mesod.conf", "[limits]\nrate-hard = 10 /s\n");
	go("formulary check --config %s " SHIPPED, formulary_path("mesod.conf"));
	ck_assert_exit(1);
	ck_assert_says(run.err, formulary_path("mesod.conf:2: "));
	go("formulary check --config /nonexistent %s", formulary_path("absent.conf"));
	ck_assert_exit(2);
	ck_assert_says(run.err, "absent.conf");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesoctl formulary");
	TCase *with = tcase_create("daemon"), *without = tcase_create("files");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(with, start, stop);
	tcase_set_timeout(with, 60);
	tcase_add_test(with, what_is_in_force_is_listed_by_group_and_id);
	tcase_add_test(with, one_thing_is_shown_as_a_file_would_say_it);
	tcase_add_test(with, what_there_is_not_is_said_to_be_missing);
	tcase_add_test(with, a_reload_says_what_became_of_it);
	suite_add_tcase(suite, with);
	tcase_add_checked_fixture(without, no_daemon, formulary_teardown);
	tcase_set_timeout(without, 60);
	tcase_add_test(without, files_are_checked_without_a_daemon);
	tcase_add_test(without,
		       limits_are_checked_too_and_a_layer_that_is_not_there_is_said_to_be_missing);
	suite_add_tcase(suite, without);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
