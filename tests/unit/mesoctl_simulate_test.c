// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl simulate with the real mesod and the real meso-gun: what it sets up, what
 * it gives back, and that nothing is left.
 */
#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mock_mesod.h"

struct sandbox {
	char directory[64];
	struct run run;
};

/* Everything that simulate makes goes into a directory of the test's own. */
static void begin(struct sandbox *s)
{
	memset(s, 0, sizeof(*s));
	strcpy(s->directory, "/tmp/simulate-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->directory));
	setenv("TMPDIR", s->directory, 1);
	setenv("SHELL", "/bin/sh", 1);
}

/* Nothing is left in it; removing it is the proof. */
static void end(struct sandbox *s)
{
	ck_assert_msg(rmdir(s->directory) == 0, "something is left in %s", s->directory);
}

static void simulate(struct sandbox *s, const char *arguments)
{
	begin(s);
	mesoctl_run(NULL, &s->run, arguments);
	end(s);
}

static const struct {
	const char *arguments;
	int status;
} commands[] = {
	{ "simulate -- true", 0 },
	/* it knows what may be injected */
	{ "simulate -- sh -c '${BUILD:-build}/mesoctl formulary show saline'", 0 },
	{ "simulate --formulary /nonexistent -- sh -c '${BUILD:-build}/mesoctl formulary show saline'",
	  2 },
	{ "simulate -- false", 1 },
	{ "simulate -- sh -c 'exit 42'", 42 },
	{ "simulate -- sh -c 'kill -KILL $$'", 137 },
	{ "simulate -- /no/such/program", 127 },
	{ "simulate -- /etc/passwd", 126 },
};

START_TEST(the_exit_status_is_the_commands)
{
	struct sandbox s;

	simulate(&s, commands[_i].arguments);
	ck_assert_msg(s.run.status == commands[_i].status, "%s: %d\n%s", commands[_i].arguments,
		      s.run.status, s.run.err);
}
END_TEST

START_TEST(the_command_finds_bus_gun_and_console)
{
	struct sandbox s;

	simulate(
		&s,
		"simulate --serial HERE-1 -- sh -c 'set -e; cd $(dirname $(readlink /proc/$PPID/exe)); "
		"./mesoctl list; ./meso-gun --ask $MESO_GUN_CONTROL hands >/dev/null; "
		"./meso-gun --print-truth=$MESO_GUN_TRUTH; echo $INJECTOR_GUN'");
	ck_assert_msg(s.run.status == 0, "%s", s.run.err);
	ck_assert_ptr_nonnull(strstr(s.run.out, "HERE-1"));
	ck_assert_ptr_nonnull(strstr(s.run.out, "delivered_fl 0"));
	ck_assert_ptr_nonnull(strstr(s.run.out, "sim:/"));
	ck_assert_ptr_nonnull(strstr(s.run.err, "MESO_BUS_ADDRESS=unix:path="));
}
END_TEST

START_TEST(a_state_that_was_asked_for_is_kept)
{
	static const char add[] = "operator add --name A --licence B --expires 2099-01-01";
	char state[80], arguments[512], command[160];
	struct sandbox s;

	begin(&s);
	snprintf(state, sizeof(state), "%s/state", s.directory);
	snprintf(arguments, sizeof(arguments),
		 "simulate --state %s -- sh -c '$(readlink /proc/$PPID/exe) %s'", state, add);
	mesoctl_run(NULL, &s.run, arguments);
	ck_assert_msg(s.run.status == 0, "%s", s.run.err);
	/* The uid is taken: the ledger remembers. */
	mesoctl_run(NULL, &s.run, arguments);
	ck_assert_msg(s.run.status == 2, "%d: %s%s", s.run.status, s.run.out, s.run.err);
	snprintf(command, sizeof(command), "rm -rf %s", state);
	ck_assert_int_eq(system(command), 0); /* NOLINT(cert-env33-c): our own words */
	end(&s);
}
END_TEST

START_TEST(limits_that_mesod_refuses_are_told_in_its_words)
{
	char arguments[256], config[80];
	struct sandbox s;
	FILE *f;

	begin(&s);
	snprintf(config, sizeof(config), "%s/limits.conf", s.directory);
	f = fopen(config, "we");
	ck_assert_ptr_nonnull(f);
	fputs("[limits]\nsession-volume-hard = 20 L\n", f);
	fclose(f);
	snprintf(arguments, sizeof(arguments), "simulate --config %s -- true", config);
	mesoctl_run(NULL, &s.run, arguments);
	ck_assert_msg(s.run.status == 1, "%d: %s", s.run.status, s.run.err);
	ck_assert_ptr_nonnull(strstr(s.run.err, "session-volume-hard"));
	unlink(config);
	end(&s);
}
END_TEST

/* How many processes have that text in their command line. */
static int processes(const char *text)
{
	DIR *d = opendir("/proc");
	int count = 0;

	for (struct dirent *e; d && (e = readdir(d));) {
		char path[300], line[4096] = "";
		size_t n = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
		f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		n = fread(line, 1, sizeof(line) - 1, f);
		fclose(f);
		count += memmem(line, n, text, strlen(text)) != NULL;
	}
	if (d)
		closedir(d);
	return count;
}

START_TEST(a_killed_simulation_takes_everything_along)
{
	char out[] = "/tmp/simulate-out-XXXXXX", command[160];
	struct sandbox s;
	pid_t pid;

	begin(&s);
	ck_assert_ptr_nonnull(mkdtemp(out));
	/* The directory is in each of their command lines, the command's included. */
	snprintf(command, sizeof(command), "simulate -- sh -c 'sleep 60; echo %s/'", s.directory);
	pid = mesoctl_begin(NULL, command, out, NULL);
	for (int i = 0; i < 1000 && processes(s.directory) < 5; i++)
		usleep(10000);
	ck_assert_int_ge(processes(s.directory), 5);
	kill(pid, SIGKILL);
	mesoctl_end(pid, out, &s.run);
	for (int i = 0; i < 500 && processes(s.directory) > 0; i++)
		usleep(10000);
	ck_assert_int_eq(processes(s.directory), 0);
	snprintf(command, sizeof(command), "rm -rf %s %s", s.directory, out);
	ck_assert_int_eq(system(command), 0); /* NOLINT(cert-env33-c): our own words */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesoctl simulate");
	TCase *tcase = tcase_create("simulate");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, the_exit_status_is_the_commands, 0,
			    (int)(sizeof(commands) / sizeof(commands[0])));
	tcase_add_test(tcase, the_command_finds_bus_gun_and_console);
	tcase_add_test(tcase, a_state_that_was_asked_for_is_kept);
	tcase_add_test(tcase, limits_that_mesod_refuses_are_told_in_its_words);
	tcase_add_test(tcase, a_killed_simulation_takes_everything_along);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
