// SPDX-License-Identifier: GPL-2.0-only
/*
 * A restore as a clinic goes through it: a treatment after the backup, the disk
 * lost, `mesod --restore`, the same gun plugged in, patients reviewed.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mock_mesod.h"

static struct mesod_fixture f;
static char database[128], backup[128];

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	snprintf(database, sizeof(database), "%s/ledger.db", f.dir);
	snprintf(backup, sizeof(backup), "%s/yesterday.db", f.dir);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static void copy(const char *from, const char *to)
{
	char command[320];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	ck_assert_int_eq(system(command), 0); /* NOLINT(cert-env33-c): names of our own */
}

/* Exit status of `mesod --restore`; what it says goes into @said. */
static int run_restore(const char *reason, char *said, size_t size)
{
	const char *build = getenv("BUILD");
	char program[256], text[4096];
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		snprintf(program, sizeof(program), "%s/mesod", build ? build : "build");
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execl(program, "mesod", "--restore", backup, "--state", f.dir, "--mark", f.mark,
		      reason ? "--reason" : "--debug", reason ? reason : "--debug",
		      f.address[0] ? "--address" : NULL, f.address, NULL);
		_exit(127);
	}
	close(fds[1]);
	while ((got = read(fds[0], text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < got && n + 1 < size; i++)
			said[n++] = text[i];
	said[n] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void treat(uint32_t shots)
{
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, shots);
	for (uint32_t i = 0; i < shots; i++)
		mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_close_session(&f);
}

static void expect_blocked(bool blocked)
{
	sd_bus_message *reply = NULL;
	const char *key;
	bool found = false;
	int value = -1;

	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "GetPatient", NULL, &reply, "s",
				    FIXTURE_PATIENT),
			 0);
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ck_assert_int_ge(sd_bus_message_read(reply, "s", &key), 0);
		if (strcmp(key, "blocked") == 0) {
			ck_assert_int_ge(sd_bus_message_read(reply, "v", "b", &value), 0);
			found = true;
		} else {
			ck_assert_int_ge(sd_bus_message_skip(reply, "v"), 0);
		}
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	sd_bus_message_unref(reply);
	ck_assert(found);
	ck_assert_int_eq(value, blocked);
}

START_TEST(a_restored_clinic_goes_on_with_what_was_looked_at_and_nothing_else)
{
	char said[4096], *state;
	struct fixture_ledger ledger;
	struct run run;
	char arguments[256];

	mesod_fixture_signal(&f, SIGTERM);
	copy(database, backup);
	mesod_fixture_run_daemon(&f);
	ck_assert_int_eq(run_restore("the disk broke", said, sizeof(said)), 1);
	ck_assert_msg(strstr(said, "stop mesod first"), "%s", said);
	treat(2);
	mesod_fixture_signal(&f, SIGTERM);

	ck_assert_int_eq(run_restore(NULL, said, sizeof(said)), 1);
	ck_assert_msg(strstr(said, "belong together"), "%s", said);
	ck_assert_int_eq(run_restore("the disk broke", said, sizeof(said)), 0);
	ck_assert_msg(strstr(said, "every patient is blocked"), "%s", said);
	mesod_fixture_run_daemon(&f);
	state = mesod_fixture_text(&f, ROOT, MANAGER, "State");
	ck_assert_str_eq(state, "ok");
	free(state);

	/* what the gun delivered has no record any more: it is quarantined, and says by how much */
	mesod_fixture_ledger(&f, &ledger);
	ck_assert_uint_eq(ledger.shots, 0);
	ck_assert_uint_eq(ledger.incidents, 1);
	mesod_fixture_assert_answers(&f);

	expect_blocked(true);
	ck_assert_refused(f.bus, "Blocked", ROOT, MANAGER, "Check", "sa{sv}", FIXTURE_PATIENT, 7,
			  "dose_nl", "u", 20000u, "shots", "u", 1u, "depth_um", "u", 2000u, "mode",
			  "s", "single", "expiry_ms", "u", 60000u, "area", "s", FIXTURE_AREA,
			  "preparation", "s", FIXTURE_PREPARATION);
	ck_assert_refused(f.bus, "NoSuchPatient", ROOT, MANAGER, "ReviewPatient", "ss", "nobody",
			  "asked");
	ck_assert_refused(f.bus, "InvalidArgument", ROOT, MANAGER, "ReviewPatient", "ss",
			  FIXTURE_PATIENT, "");
	snprintf(arguments, sizeof(arguments),
		 "--address %s patient review " FIXTURE_PATIENT " --reason 'asked the patient'",
		 f.address);
	mesoctl_run(NULL, &run, arguments);
	ck_assert_msg(run.status == 0, "%s", run.err);
	expect_blocked(false);
	ck_assert_refused(f.bus, "AlreadyExists", ROOT, MANAGER, "ReviewPatient", "ss",
			  FIXTURE_PATIENT, "again");
	/* the patient is free, the gun is not */
	ck_assert_refused(f.bus, "Quarantined", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  FIXTURE_PATIENT, 0);
}
END_TEST

START_TEST(a_gun_that_rested_treats_again_once_its_patient_is_reviewed)
{
	char said[4096];

	mesod_fixture_signal(&f, SIGTERM);
	copy(database, backup);
	ck_assert_int_eq(run_restore("moved to another machine", said, sizeof(said)), 0);
	mesod_fixture_run_daemon(&f);
	ck_assert_refused(f.bus, "Blocked", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  FIXTURE_PATIENT, 0);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "ReviewPatient", NULL, NULL, "ss",
				    FIXTURE_PATIENT, "nothing was given"),
			 0);
	treat(1);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(mesoctl_says_how_a_ledger_is_restored_and_does_not_claim_to_have_done_it)
{
	struct run run;

	mesoctl_run(NULL, &run, "ledger restore /backup/ledger.db");
	ck_assert_int_eq(run.status, 1);
	ck_assert_msg(strstr(run.err, "nothing was restored"), "%s", run.err);
	ck_assert_msg(strstr(run.err, "mesod --restore '/backup/ledger.db'"), "%s", run.err);
}
END_TEST

START_TEST(only_root_reviews_and_restores)
{
	char said[1024];
	pid_t pid;
	int status;

	if (geteuid() != 0) {
		printf("not root: not tested\n");
		return;
	}
	mesod_fixture_signal(&f, SIGTERM);
	copy(database, backup);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setresuid(65534, 65534, 65534) < 0)
			_exit(99);
		f.address[0] = '\0'; /* as on the system bus: nobody counts as root */
		_exit(run_restore("why", said, sizeof(said)) == 1 &&
				      (strstr(said, "only root") || strstr(said, "owner"))
			      ? 0
			      : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	mesod_fixture_run_daemon(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod restores");
	TCase *t = tcase_create("restore");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_restored_clinic_goes_on_with_what_was_looked_at_and_nothing_else);
	tcase_add_test(t, a_gun_that_rested_treats_again_once_its_patient_is_reviewed);
	tcase_add_test(t, mesoctl_says_how_a_ledger_is_restored_and_does_not_claim_to_have_done_it);
	tcase_add_test(t, only_root_reviews_and_restores);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
