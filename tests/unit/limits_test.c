// SPDX-License-Identifier: GPL-2.0-only
/*
 * A clinic's limits file: it tightens, or it is refused and says where and why.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dose_limits.h"

/* Of struct limits, without what pads its end. */
#define NUMBERS (offsetof(struct limits, fault_stops) + sizeof(uint32_t))

static char path[2][64];

static void setup(void)
{
	for (int i = 0; i < 2; i++) {
		int fd;

		snprintf(path[i], sizeof(path[i]), "/tmp/meso-limits-XXXXXX");
		fd = mkstemp(path[i]);
		ck_assert_int_ge(fd, 0);
		close(fd);
	}
}

static void teardown(void)
{
	unlink(path[0]);
	unlink(path[1]);
}

static void put(int file, const char *text)
{
	FILE *f = fopen(path[file], "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq((int)fwrite(text, 1, strlen(text), f), (int)strlen(text));
	ck_assert_int_eq(fclose(f), 0);
}

static int load(size_t n, struct limits *ret, char *error)
{
	const char *const paths[] = { path[0], path[1] };

	return limits_load(paths, n, ret, error);
}

START_TEST(the_built_in_limits_are_those_of_the_safety_table)
{
	struct limits l;

	limits_default(&l);
	ck_assert_uint_eq(l.shot_nl.soft, 50000);
	ck_assert_uint_eq(l.shot_nl.hard, 100000);
	ck_assert_uint_eq(l.depth_um.hard, 4000);
	ck_assert_uint_eq(l.rate_mhz.soft, 5000);
	ck_assert_uint_eq(l.rate_mhz.hard, 9000);
	ck_assert_uint_eq(l.session_nl.soft, 6000000);
	ck_assert_uint_eq(l.session_nl.hard, 10000000);
	ck_assert_uint_eq(l.patient_24h_nl.soft, 6000000);
	ck_assert_uint_eq(l.patient_24h_nl.hard, 10000000);
	/* 100 and 200 uL/cm2 */
	ck_assert_uint_eq(l.area_nl_per_mm2.soft, 1000);
	ck_assert_uint_eq(l.area_nl_per_mm2.hard, 2000);
	/* twice 50 uL */
	ck_assert_uint_eq(l.prime_nl.soft, 100000);
	ck_assert_uint_eq(l.prime_nl.hard, 100000);
	ck_assert_uint_eq(l.session_s.soft, 2700);
	ck_assert_uint_eq(l.session_s.hard, 3600);
	ck_assert_uint_eq(l.course_sessions.soft, 10);
	ck_assert_uint_eq(l.course_sessions.hard, 15);
	ck_assert_uint_eq(l.interval_d.soft, 7);
	ck_assert_uint_eq(l.interval_d.hard, 7);
	ck_assert_uint_eq(l.late_interval_d.soft, 28);
	ck_assert_uint_eq(l.late_interval_d.hard, 7);
	ck_assert_uint_eq(l.course_gap_d.soft, 90);
	ck_assert_uint_eq(l.course_gap_d.hard, 0);
	ck_assert_uint_eq(l.fault_stops, 3);
}
END_TEST

START_TEST(without_a_file_the_built_in_limits_hold)
{
	struct limits l, built_in;

	limits_default(&built_in);
	unlink(path[0]);
	ck_assert_int_eq(load(1, &l, NULL), 0);
	ck_assert_mem_eq(&l, &built_in, NUMBERS);
	ck_assert_int_eq(load(0, &l, NULL), 0);
	ck_assert_mem_eq(&l, &built_in, NUMBERS);
	put(0, "# nothing but a comment\n");
	ck_assert_int_eq(load(1, &l, NULL), 0);
	ck_assert_mem_eq(&l, &built_in, NUMBERS);
	put(0, "[limits]\n");
	ck_assert_int_eq(load(1, &l, NULL), 0);
	ck_assert_mem_eq(&l, &built_in, NUMBERS);
}
END_TEST

START_TEST(a_file_tightens_each_limit)
{
	struct limits l;
	char error[LIMITS_TEXT_MAX] = "";

	put(0, "[limits]\n"
	       "shot-volume-soft = 40 uL\nshot-volume-hard = 80 uL\n"
	       "depth-soft = 2 mm\ndepth-hard = 3.5 mm   # thin skin only\n"
	       "rate-soft = 3 /s\nrate-hard = 4.5 /s\n"
	       "session-volume-soft = 4 mL\nsession-volume-hard = 5 mL\n"
	       "patient-24h-volume-soft = 4000 uL\npatient-24h-volume-hard = 4500 uL\n"
	       "area-volume-soft = 80 uL/cm2\narea-volume-hard = 1500 nL/mm2\n"
	       "prime-volume-soft = 60 uL\nprime-volume-hard = 80 uL\n"
	       "session-length-soft = 30 min\nsession-length-hard = 2400 s\n"
	       "course-sessions-soft = 1 session\ncourse-sessions-hard = 6 sessions\n"
	       "interval-soft = 14 d\ninterval-hard = 10 d\n"
	       "late-interval-soft = 30 d\nlate-interval-hard = 28 d\n"
	       "course-gap-soft = 180 d\ncourse-gap-hard = 90 d\n"
	       "fault-stops = 2 stops\n");
	ck_assert_msg(load(1, &l, error) == 0, "%s", error);
	ck_assert_uint_eq(l.shot_nl.soft, 40000);
	ck_assert_uint_eq(l.shot_nl.hard, 80000);
	ck_assert_uint_eq(l.depth_um.soft, 2000);
	ck_assert_uint_eq(l.depth_um.hard, 3500);
	ck_assert_uint_eq(l.rate_mhz.soft, 3000);
	ck_assert_uint_eq(l.rate_mhz.hard, 4500);
	ck_assert_uint_eq(l.session_nl.soft, 4000000);
	ck_assert_uint_eq(l.session_nl.hard, 5000000);
	ck_assert_uint_eq(l.patient_24h_nl.soft, 4000000);
	ck_assert_uint_eq(l.patient_24h_nl.hard, 4500000);
	ck_assert_uint_eq(l.area_nl_per_mm2.soft, 800);
	ck_assert_uint_eq(l.area_nl_per_mm2.hard, 1500);
	ck_assert_uint_eq(l.prime_nl.soft, 60000);
	ck_assert_uint_eq(l.prime_nl.hard, 80000);
	ck_assert_uint_eq(l.session_s.soft, 1800);
	ck_assert_uint_eq(l.session_s.hard, 2400);
	ck_assert_uint_eq(l.course_sessions.soft, 1);
	ck_assert_uint_eq(l.course_sessions.hard, 6);
	ck_assert_uint_eq(l.interval_d.soft, 14);
	ck_assert_uint_eq(l.interval_d.hard, 10);
	ck_assert_uint_eq(l.late_interval_d.soft, 30);
	ck_assert_uint_eq(l.late_interval_d.hard, 28);
	ck_assert_uint_eq(l.course_gap_d.soft, 180);
	ck_assert_uint_eq(l.course_gap_d.hard, 90);
	ck_assert_uint_eq(l.fault_stops, 2);
}
END_TEST

START_TEST(a_later_file_replaces_what_an_earlier_one_said)
{
	struct limits l;

	put(0, "[limits]\nsession-volume-soft = 3 mL\nrate-soft = 2 /s\n");
	put(1, "[limits]\nsession-volume-soft = 4 mL\n");
	ck_assert_int_eq(load(2, &l, NULL), 0);
	ck_assert_uint_eq(l.session_nl.soft, 4000000);
	ck_assert_uint_eq(l.rate_mhz.soft, 2000);
}
END_TEST

START_TEST(the_built_in_value_itself_may_be_said_and_nothing_above_it)
{
	struct limits l;

	put(0, "[limits]\nshot-volume-hard = 100 uL\n");
	ck_assert_int_eq(load(1, &l, NULL), 0);
	put(0, "[limits]\nshot-volume-hard = 100.001 uL\n");
	ck_assert_int_eq(load(1, &l, NULL), -ERANGE);
}
END_TEST

static const struct {
	const char *text;
	int error;
	const char *words[3]; /* what the sentence must name */
} refused[] = {
	{ "[limits]\n\nshot-volume-hard = 200 uL\n",
	  -ERANGE,
	  { ":3:", "200 uL", "at most 100 uL" } },
	{ "[limits]\nsession-volume-hard = 0 uL\n", -ERANGE, { ":2:", "0 uL", "tighten" } },
	{ "[limits]\nshot-volume-soft = 40\n", -EINVAL, { ":2:", "40", "uL" } },
	{ "[limits]\nshot-volume-soft = 0,04 mL\n", -EINVAL, { ":2:", "0,04 mL", "" } },
	{ "[limits]\nshot-volume-soft = 40 mm\n", -EINVAL, { ":2:", "40 mm", "uL" } },
	{ "[limits]\nshot-volume-soft = -1 uL\n", -EINVAL, { ":2:", "-1 uL", "" } },
	{ "[limits]\nshot-volume-soft =\n", -EINVAL, { ":2:", "shot-volume-soft", "" } },
	{ "[limits]\nshot-volume-soft = lots of uL\n", -EINVAL, { ":2:", "lots of uL", "" } },
	{ "[limits]\nshot-volume-soft = 99999999999999999999 mL\n",
	  -ERANGE,
	  { ":2:", "9999", "" } },
	{ "[limits]\nshot-volume = 40 uL\n", -EINVAL, { ":2:", "shot-volume", "no limit" } },
	{ "[limits]\n# x\nDepth-Hard = 1 mm\n", -EINVAL, { ":3:", "Depth-Hard", "no limit" } },
	{ "[limit]\ndepth-hard = 1 mm\n", -EINVAL, { "[limit]", "no group", "" } },
	{ "depth-hard = 1 mm\n", -EINVAL, { "depth-hard", "before any", "" } },
	{ "[limits]\ndepth-hard 1 mm\n", -EINVAL, { ":2:", "", "" } },
	{ "[limits\ndepth-hard = 1 mm\n", -EINVAL, { ":1:", "", "" } },
	{ "[limits]\nrate-soft = 3 /s\nrate-hard = 2 /s\n",
	  -EINVAL,
	  { "rate-soft", "3 /s", "2 /s" } },
	{ "[limits]\nshot-volume-hard = 40 uL\n",
	  -EINVAL,
	  { "shot-volume-soft", "50 uL", "40 uL" } },
	{ "[limits]\nrate-soft = 3 /s\nrate-soft = 4 /s\n", -EINVAL, { "rate-soft", "twice", "" } },
	/* of an interval the tighter bound is the longer one */
	{ "[limits]\ninterval-hard = 6 d\n", -ERANGE, { ":2:", "6 d", "at least 7 d" } },
	{ "[limits]\ninterval-soft = 6 d\n", -ERANGE, { ":2:", "6 d", "at least 7 d" } },
	{ "[limits]\nlate-interval-soft = 27 d\n", -ERANGE, { ":2:", "27 d", "at least 28 d" } },
	{ "[limits]\ncourse-gap-soft = 89 d\n", -ERANGE, { ":2:", "89 d", "at least 90 d" } },
	{ "[limits]\ninterval-soft = 3651 d\n", -ERANGE, { ":2:", "3651 d", "at most" } },
	{ "[limits]\ninterval-hard = 9 d\n", -EINVAL, { "interval-soft", "7 d", "below" } },
	{ "[limits]\ninterval-soft = 8\n", -EINVAL, { ":2:", "\"8\"", "no unit" } },
	{ "[limits]\ninterval-soft = 8 days\n", -EINVAL, { ":2:", "8 days", "d" } },
	{ "[limits]\ninterval-soft = 1 month\n", -EINVAL, { ":2:", "1 month", "d" } },
	{ "[limits]\ninterval-soft = 7.5 d\n", -EINVAL, { ":2:", "7.5 d", "whole" } },
	{ "[limits]\ninterval-soft = 08 d\n", -EINVAL, { ":2:", "08 d", "zero" } },
	{ "[limits]\ninterval-soft = -8 d\n", -EINVAL, { ":2:", "-8 d", "" } },
	{ "[limits]\ninterval-soft = 99999999999999999999 d\n", -ERANGE, { ":2:", "9999", "" } },
	{ "[limits]\narea-volume-hard = 201 uL/cm2\n",
	  -ERANGE,
	  { ":2:", "201 uL/cm2", "at most 200 uL/cm2" } },
	{ "[limits]\narea-volume-hard = 100 uL\n", -EINVAL, { ":2:", "100 uL", "uL/cm2" } },
	{ "[limits]\narea-volume-hard = 100 uL/m2\n", -EINVAL, { ":2:", "uL/m2", "uL/cm2" } },
	{ "[limits]\narea-volume-hard = 1 mg/cm2\n", -EINVAL, { ":2:", "1 mg", "uL" } },
	{ "[limits]\narea-volume-hard = 1 nL/cm2\n", -EINVAL, { ":2:", "1 nL/cm2", "finer" } },
	{ "[limits]\narea-volume-hard = 0 uL/cm2\n", -ERANGE, { ":2:", "0 uL/cm2", "tighten" } },
	{ "[limits]\nprime-volume-hard = 101 uL\n", -ERANGE, { ":2:", "101 uL", "100 uL" } },
	{ "[limits]\nsession-length-hard = 61 min\n", -ERANGE, { ":2:", "61 min", "1 h" } },
	{ "[limits]\nsession-length-soft = 1500 ms\n", -EINVAL, { ":2:", "1500 ms", "second" } },
	{ "[limits]\ncourse-sessions-hard = 16 sessions\n",
	  -ERANGE,
	  { ":2:", "16 sessions", "at most 15 sessions" } },
	{ "[limits]\ncourse-sessions-hard = 9 sessions\n",
	  -EINVAL,
	  { "course-sessions-soft", "10 sessions", "9 sessions" } },
	{ "[limits]\ncourse-sessions-soft = 2 session\n", -EINVAL, { ":2:", "2 session", "" } },
	{ "[limits]\nfault-stops = 4 stops\n", -ERANGE, { ":2:", "4 stops", "at most 3 stops" } },
	{ "[limits]\nfault-stops = 0 stops\n", -ERANGE, { ":2:", "0 stops", "tighten" } },
};

START_TEST(what_is_not_understood_refuses_the_whole_file_and_says_where)
{
	struct limits l, untouched;
	char error[LIMITS_TEXT_MAX] = "";
	int r;

	memset(&l, 0x5a, sizeof(l));
	untouched = l;
	put(0, refused[_i].text);
	r = load(1, &l, error);
	ck_assert_msg(r == refused[_i].error, "%d: %s", r, error);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(!refused[_i].words[i] || strstr(error, refused[_i].words[i]), "%s",
			      error);
	ck_assert_mem_eq(&l, &untouched, sizeof(l));
	ck_assert_int_eq(load(1, &l, NULL), refused[_i].error);
}
END_TEST

static int put_line(const char *key, const char *value, void *userdata)
{
	char *text = userdata;

	sprintf(text + strlen(text), "%s = %s\n", key, value);
	return 0;
}

START_TEST(a_file_of_what_is_told_makes_the_same_limits)
{
	char text[4096] = "[limits]\n", error[LIMITS_TEXT_MAX] = "";
	struct limits l, again;

	put(0, "[limits]\nshot-volume-soft = 40.5 uL\narea-volume-hard = 1500 nL/mm2\n"
	       "session-length-soft = 2400 s\ninterval-soft = 9 d\nfault-stops = 1 stop\n");
	ck_assert_int_eq(load(1, &l, NULL), 0);
	ck_assert_int_eq(limits_describe(&l, put_line, text), 0);
	put(0, text);
	ck_assert_msg(load(1, &again, error) == 0, "%s", error);
	ck_assert_mem_eq(&l, &again, NUMBERS);
}
END_TEST

static int refuse_line(const char *key, const char *value, void *userdata)
{
	(void)key;
	(void)value;
	return ++*(int *)userdata == 2 ? -7 : 0;
}

START_TEST(telling_stops_when_the_listener_says_so)
{
	struct limits l;
	int n = 0;

	limits_default(&l);
	ck_assert_int_eq(limits_describe(&l, refuse_line, &n), -7);
	ck_assert_int_eq(n, 2);
}
END_TEST

/* One tightened by a little: the others are as built in, so that one alone makes the difference. */
static const char *const tightened[] = {
	"shot-volume-soft = 49.999 uL",
	"shot-volume-hard = 99.999 uL",
	"depth-soft = 3.999 mm",
	"rate-soft = 4.999 /s",
	"rate-hard = 8.999 /s",
	"session-volume-soft = 5999.999 uL",
	"session-volume-hard = 9999 uL",
	"patient-24h-volume-soft = 5999 uL",
	"patient-24h-volume-hard = 9 mL",
	"area-volume-soft = 999 nL/mm2",
	"area-volume-hard = 1999 nL/mm2",
	"prime-volume-soft = 99 uL",
	"session-length-soft = 2699 s",
	"session-length-hard = 3599 s",
	"course-sessions-soft = 9 sessions",
	"course-sessions-hard = 14 sessions",
	"interval-soft = 8 d",
	"late-interval-soft = 29 d",
	"late-interval-hard = 8 d",
	"course-gap-soft = 91 d",
	"course-gap-hard = 1 d",
	"fault-stops = 2 stops",
};

START_TEST(one_number_that_is_tighter_or_looser_decides)
{
	char text[128], reason[LIMITS_TEXT_MAX], key[40];
	struct limits built_in, l;

	limits_default(&built_in);
	snprintf(text, sizeof(text), "[limits]\n%s\n", tightened[_i]);
	put(0, text);
	ck_assert_int_eq(load(1, &l, NULL), 0);
	ck_assert(limits_is_tighter(&built_in, &l, reason));
	ck_assert(!limits_is_tighter(&l, &built_in, reason));
	snprintf(key, sizeof(key), "%.*s would be ", (int)strcspn(tightened[_i], " "),
		 tightened[_i]);
	ck_assert_msg(strncmp(reason, key, strlen(key)) == 0, "%s", reason);
	ck_assert(!limits_is_tighter(&l, &built_in, NULL));
	ck_assert(limits_is_tighter(&l, &l, reason));
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_no_absent_file)
{
	const char *const paths[] = { "/tmp" };
	char error[LIMITS_TEXT_MAX] = "";
	struct limits l;

	ck_assert_int_lt(limits_load(paths, 1, &l, error), 0);
	ck_assert_int_gt((int)strlen(error), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limits");
	TCase *t = tcase_create("files");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_built_in_limits_are_those_of_the_safety_table);
	tcase_add_test(t, without_a_file_the_built_in_limits_hold);
	tcase_add_test(t, a_file_tightens_each_limit);
	tcase_add_test(t, a_later_file_replaces_what_an_earlier_one_said);
	tcase_add_test(t, the_built_in_value_itself_may_be_said_and_nothing_above_it);
	tcase_add_loop_test(t, what_is_not_understood_refuses_the_whole_file_and_says_where, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, a_file_of_what_is_told_makes_the_same_limits);
	tcase_add_test(t, telling_stops_when_the_listener_says_so);
	tcase_add_loop_test(t, one_number_that_is_tighter_or_looser_decides, 0,
			    sizeof(tightened) / sizeof(tightened[0]));
	tcase_add_test(t, a_file_that_cannot_be_read_is_no_absent_file);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
