// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon is killed at one system call after another, from the reservation to
 * the settlement: each step between two calls that anybody else can see is a
 * moment at which it may die.  The calls are too many for one run: each run takes
 * every so-many-th, and begins at another one.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mesod_fixture.h"
#include "mesod_trace.h"

#define DEAD_MAN_MS 500
#define TIME_MS     8500 /* for one test */
#define STRIDE      17

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static void send_arm(void)
{
	sd_bus_message *call = NULL;

	gun_fixture_ask(&f.gun, "hand contact 1");
	ck_assert_int_ge(sd_bus_message_new_method_call(f.bus, &call, "org.mesod1", f.session,
							SESSION, "Arm"),
			 0);
	ck_assert_int_ge(sd_bus_message_append(call, "a{sv}", 6, "dose_nl", "u", 10000u, "shots",
					       "u", 3u, "depth_um", "u", 2000u, "mode", "s",
					       "repeat", "rate_mhz", "u", 5000u, "area", "s",
					       FIXTURE_AREA),
			 0);
	ck_assert_int_ge(sd_bus_message_set_expect_reply(call, 0), 0);
	ck_assert_int_ge(sd_bus_send(f.bus, call, NULL), 0);
	sd_bus_message_unref(call);
	sd_bus_flush(f.bus);
}

/* Pulls the trigger again and again, so that one press falls into the lease, whenever that begins. */
static pid_t hand(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (int i = 0; i < 100; i++) {
		gun_fixture_ask(&f.gun, "hand trigger 1");
		gun_fixture_sleep_ms(300);
		gun_fixture_ask(&f.gun, "hand trigger 0");
		gun_fixture_sleep_ms(5);
	}
	_exit(0);
}

/* True if the daemon made that many calls before all was settled. */
static bool die_at(unsigned int n)
{
	struct fixture_patient patient;
	pid_t presser;
	bool reached;

	mesod_fixture_open_session(&f);
	mesod_fixture_load(&f);
	mesod_fixture_prime(&f, 60000);
	mesod_trace_begin(f.mesod_pid);
	presser = hand();
	send_arm();
	reached = mesod_trace_kill_at(f.mesod_pid, n, 1500);
	f.mesod_pid = 0;
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	kill(presser, SIGKILL);
	waitpid(presser, NULL, 0);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	close(f.lease_fd);
	f.lease_fd = -1;

	mesod_fixture_run_daemon(&f);
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	return reached;
}

START_TEST(whichever_call_the_daemon_dies_at_every_shot_is_recorded_once)
{
	const int64_t until = gun_fixture_now_ms() + TIME_MS;
	unsigned int n = 1 + (unsigned int)time(NULL) % STRIDE, runs = 0;

	for (; gun_fixture_now_ms() < until; n += STRIDE, runs++)
		if (!die_at(n))
			break;
	printf("killed at %u moments, the last before call %u\n", runs, n);
	ck_assert_uint_ge(runs, 3);
}
END_TEST

START_TEST(a_hung_disk_stops_the_heart_and_delays_no_stop)
{
	pid_t worker;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	mesod_fixture_shoot(&f);
	worker = mesod_trace_freeze_worker(f.mesod_pid);
	/* it is noticed: no heartbeat for a ledger that does not answer */
	gun_fixture_wait_disarmed(&f.gun, 3000);
	ck_assert_refused(f.bus, "Ledger", f.session, SESSION, "Prime", "ua{sv}", 60000u, 1, "area",
			  "s", FIXTURE_AREA);
	mesod_fixture_assert_answers(&f);
	mesod_trace_thaw(worker);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);

	mesod_fixture_arm(&f, 20000, 20);
	worker = mesod_trace_freeze_worker(f.mesod_pid);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 50);
	mesod_trace_thaw(worker);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(a_corrupt_ledger_arms_nothing_and_telemetry_goes_on)
{
	char path[128], *state;
	FILE *file;

	mesod_fixture_signal(&f, SIGTERM);
	snprintf(path, sizeof(path), "%s/ledger.db", f.dir);
	file = fopen(path, "r+");
	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 4096; i++)
		fputc(0x5a, file);
	fclose(file);
	mesod_fixture_run_daemon(&f);
	state = mesod_fixture_text(&f, ROOT, MANAGER, "State");
	ck_assert_str_eq(state, "failed");
	free(state);
	mesod_fixture_assert_answers(&f);
	ck_assert_refused(f.bus, "Ledger", ROOT, MANAGER, "RegisterOperator", "usss", 4711u,
			  "Dr. New", "L", "2999-12-31");
	/* Nobody is known as an operator of a ledger that cannot be read. */
	ck_assert_refused(f.bus, "NotOperator", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  FIXTURE_PATIENT, 0);
	/* and nothing was made anew in its place */
	mesod_fixture_signal(&f, SIGTERM);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fgetc(file), 0x5a);
	fclose(file);
	mesod_fixture_run_daemon(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod dies");
	TCase *tcase = tcase_create("death");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 40);
	tcase_add_test(tcase, whichever_call_the_daemon_dies_at_every_shot_is_recorded_once);
	tcase_add_test(tcase, a_hung_disk_stops_the_heart_and_delays_no_stop);
	tcase_add_test(tcase, a_corrupt_ledger_arms_nothing_and_telemetry_goes_on);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
