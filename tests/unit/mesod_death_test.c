// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's disk hangs, or its file is no ledger any more: nothing arms, no
 * stop waits for it, and the gun's telemetry goes on.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesod_fixture.h"
#include "mesod_trace.h"

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

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
	Suite *suite = suite_create("mesod and its disk");
	TCase *tcase = tcase_create("disk");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 40);
	tcase_add_test(tcase, a_hung_disk_stops_the_heart_and_delays_no_stop);
	tcase_add_test(tcase, a_corrupt_ledger_arms_nothing_and_telemetry_goes_on);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
