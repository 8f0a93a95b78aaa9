// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mesod logs can be turned up and down while it runs, by root and by nobody else.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "mesod_fixture.h"

#define LOG_PATH      "/org/freedesktop/LogControl1"
#define LOG_INTERFACE "org.freedesktop.LogControl1"

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start_bare(&f, NULL, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static int set_property(sd_bus *bus, const char *property, const char *value)
{
	return sd_bus_set_property(bus, "org.mesod1", LOG_PATH, LOG_INTERFACE, property, NULL, "s",
				   value);
}

static void assert_property(const char *property, const char *value)
{
	char *now = NULL;

	ck_assert_int_ge(sd_bus_get_property_string(f.bus, "org.mesod1", LOG_PATH, LOG_INTERFACE,
						    property, NULL, &now),
			 0);
	ck_assert_str_eq(now, value);
	free(now);
}

START_TEST(the_level_is_what_was_last_set_and_a_wrong_one_changes_nothing)
{
	static const char *const all[] = { "emerg",   "alert",  "crit", "err",
					   "warning", "notice", "info", "debug" };

	assert_property("SyslogIdentifier", "mesod");
	assert_property("LogLevel", "info");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		ck_assert_int_ge(set_property(f.bus, "LogLevel", all[i]), 0);
		assert_property("LogLevel", all[i]);
		ck_assert_int_eq(set_property(f.bus, "LogLevel", "loud"), -EINVAL);
		ck_assert_int_eq(set_property(f.bus, "LogLevel", ""), -EINVAL);
		assert_property("LogLevel", all[i]);
	}
}
END_TEST

START_TEST(the_target_is_the_journal_or_the_console_and_a_wrong_one_changes_nothing)
{
	assert_property("LogTarget", "console");
	ck_assert_int_ge(set_property(f.bus, "LogTarget", "journal"), 0);
	assert_property("LogTarget", "journal");
	ck_assert_int_eq(set_property(f.bus, "LogTarget", "printer"), -EINVAL);
	assert_property("LogTarget", "journal");
	/* standard error is no journal here */
	ck_assert_int_ge(set_property(f.bus, "LogTarget", "auto"), 0);
	assert_property("LogTarget", "console");
}
END_TEST

START_TEST(another_uid_may_look_but_not_set)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		return; /* nobody can be another uid then; the VM's scenario is root */
	pid = fork();
	if (pid == 0) {
		char *level = NULL;
		sd_bus *bus;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		bus = mesod_fixture_connect(&f);
		if (sd_bus_get_property_string(bus, "org.mesod1", LOG_PATH, LOG_INTERFACE,
					       "LogLevel", NULL, &level) < 0)
			_exit(1);
		_exit(set_property(bus, "LogLevel", "emerg") == -EACCES ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	assert_property("LogLevel", "info");
}
END_TEST

/* What a message of each priority leaves on standard error at this level. */
static unsigned int lines_at(int level)
{
	struct logger log;
	unsigned int lines = 0;
	char text[1024];
	int saved, ends[2];
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	saved = dup(STDERR_FILENO);
	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log_open(&log, level, LOG_JOURNAL);
	for (int priority = LOG_EMERG; priority <= LOG_DEBUG; priority++)
		log_message(&log, priority, priority % 2 ? "TEST-1" : NULL, MESSAGE_FAULT, "%d",
			    priority);
	log_close(&log);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	ck_assert_int_gt((int)n, 0);
	text[n] = '\0';
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	ck_assert_int_eq(strncmp(text, "mesod: 0\n", 9), 0);
	if (level > 0)
		ck_assert_ptr_nonnull(strstr(text, "mesod: TEST-1: 1\n"));
	return lines;
}

START_TEST(a_level_lets_through_what_is_as_urgent_and_more)
{
	for (int level = LOG_EMERG; level <= LOG_DEBUG; level++)
		ck_assert_uint_eq(lines_at(level), (unsigned int)level + 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod log");
	TCase *tcase = tcase_create("control");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_level_is_what_was_last_set_and_a_wrong_one_changes_nothing);
	tcase_add_test(tcase,
		       the_target_is_the_journal_or_the_console_and_a_wrong_one_changes_nothing);
	tcase_add_test(tcase, another_uid_may_look_but_not_set);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("console");
	tcase_add_test(tcase, a_level_lets_through_what_is_as_urgent_and_more);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
