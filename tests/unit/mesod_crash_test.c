// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens when something dies, hangs or is unplugged in the middle: the gun
 * is disarmed in time, and afterwards the ledger is the gun's own account.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mesod_fixture.h"

#define DEAD_MAN_MS 500

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static void forget_session(void)
{
	if (f.lease_fd >= 0)
		close(f.lease_fd);
	f.lease_fd = -1;
}

/* After a restart: reconciled, nothing outstanding, the ledger is the gun's account. */
static void assert_accounted(void)
{
	struct fixture_patient patient;

	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
}

START_TEST(a_killed_daemon_leaves_a_disarmed_gun_and_its_successor_the_guns_own_account)
{
	struct fixture_ledger ledger;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	for (int i = 0; i < 3; i++)
		mesod_fixture_shoot(&f);
	/* the fourth is under way when it happens */
	gun_fixture_sleep_ms(130);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	mesod_fixture_signal(&f, SIGKILL);
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	forget_session();
	mesod_fixture_run_daemon(&f);
	assert_accounted();
	mesod_fixture_ledger(&f, &ledger);
	ck_assert_uint_ge(ledger.shots, 5);
	/* the session that was open is closed, the patient can be treated again */
	mesod_fixture_open_session(&f);
}
END_TEST

START_TEST(a_stopped_daemon_loses_its_lease_in_time_and_accounts_for_it_when_it_goes_on)
{
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	mesod_fixture_shoot(&f);
	mesod_fixture_signal(&f, SIGSTOP);
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	/* a trigger that is pulled now does nothing */
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(200);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	mesod_fixture_signal(&f, SIGCONT);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	/* and the session goes on, by a new lease */
	mesod_fixture_arm(&f, 20000, 1);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_close_session(&f);
}
END_TEST

START_TEST(a_gun_unplugged_in_a_shot_is_accounted_for_when_it_is_back)
{
	struct fixture_patient patient;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const uint64_t reserved = 421000;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	mesod_fixture_shoot(&f);
	gun_fixture_sleep_ms(130);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(30);
	gun_fixture_ask(&f.gun, "unplug");
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(!f.last_settled);
	mesod_fixture_process_for(&f, 50);
	ck_assert_uint_eq(f.closed, 1);
	/* all that was reserved stays spent while nobody knows */
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_ge(patient.outstanding_nl, reserved);
	mesod_fixture_assert_covered(&f);
	ck_assert_int_lt(mesod_call(f.bus, f.gun_path, GUN, "GetStatus", &error, NULL, ""), 0);
	ck_assert_str_eq(error.name, "org.mesod1.Error.NoSuchGun");
	sd_bus_error_free(&error);
	forget_session();

	gun_fixture_ask(&f.gun, "plug");
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
}
END_TEST

START_TEST(a_gun_that_loses_power_in_a_shot_costs_the_whole_reservation_until_told_otherwise)
{
	struct fixture_patient patient;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 50000, 4);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(60);
	gun_fixture_signal(&f.gun, SIGKILL);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(!f.last_settled);
	mesod_fixture_assert_covered(&f);
	gun_fixture_restart(&f.gun, NULL);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	forget_session();
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_patient(&f, &patient);
	/* the shot under way is `unknown`: nothing of the reservation is given back */
	ck_assert_uint_ge(patient.settled_nl + patient.outstanding_nl, 200000);
}
END_TEST

/* Its counters agree with each other, and with nothing that has happened. */
START_TEST(a_gun_that_cannot_write_its_shot_down_gives_nothing_of_the_reservation_back)
{
	struct fixture_patient patient;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 50000, 2);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(60);
	gun_fixture_ask(&f.gun, "hand fail_commit 1000000");
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(!f.last_settled);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_ge(patient.settled_nl + patient.outstanding_nl, 100000);
}
END_TEST

START_TEST(a_daemon_told_to_end_disarms_settles_and_closes)
{
	struct fixture_patient patient;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	mesod_fixture_shoot(&f);
	mesod_fixture_signal(&f, SIGTERM);
	gun_fixture_wait_disarmed(&f.gun, 1);
	forget_session();
	mesod_fixture_run_daemon(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	ck_assert_uint_ge(patient.settled_nl, 19000);
	ck_assert_uint_le(patient.settled_nl, 21000);
	assert_accounted();
}
END_TEST

START_TEST(reports_told_again_change_nothing)
{
	struct fixture_ledger before, after;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	for (int i = 0; i < 3; i++)
		mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_close_session(&f);
	mesod_fixture_ledger(&f, &before);
	for (int i = 0; i < 3; i++) {
		/* the host forgets what was acknowledged and reads the gun's whole log anew */
		gun_fixture_ask(&f.gun, "kernel-crash");
		gun_fixture_sleep_ms(100);
		mesod_fixture_wait_reconciled(&f);
		mesod_fixture_signal(&f, SIGKILL);
		mesod_fixture_run_daemon(&f);
		mesod_fixture_wait_reconciled(&f);
		mesod_fixture_ledger(&f, &after);
		ck_assert_uint_eq(after.shots, before.shots);
		ck_assert_uint_eq(after.delivered_nl, before.delivered_nl);
		ck_assert_uint_eq(after.settlements, before.settlements);
		ck_assert_uint_eq(after.incidents, before.incidents);
		mesod_fixture_assert_equal(&f);
	}
}
END_TEST

START_TEST(a_gun_that_another_ledger_armed_is_quarantined)
{
	struct mesod_fixture other;
	char *flag;

	/* one ledger treats with the gun ... */
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	mesod_fixture_shoot(&f);
	mesod_fixture_signal(&f, SIGKILL);
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	forget_session();
	/* ... and another one finds it with a shot that is not its own */
	other = f;
	snprintf(f.dir + strlen(f.dir), 3, "-2");
	ck_assert_int_eq(mkdir(f.dir, 0700), 0);
	snprintf(f.mark, sizeof(f.mark), "%s/mark", f.dir);
	mesod_fixture_run_daemon(&f);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "RegisterOperator", NULL, NULL, "usss",
				    (uint32_t)getuid(), "Dr. Other", "L-2", "2999-12-31"),
			 0);
	mesod_fixture_wait_reconciled(&f);
	ck_assert_refused(f.bus, "Quarantined", ROOT, MANAGER, "OpenSession", "osa{sv}", f.gun_path,
			  "nobody", 0);
	mesod_fixture_process_for(&f, 20);
	flag = mesod_fixture_text(&f, f.gun_path, GUN, "State");
	ck_assert_str_eq(flag, "idle"); /* telemetry goes on */
	free(flag);
	mesod_fixture_signal(&f, SIGTERM);
	mesod_fixture_remove_directory(f.dir);
	memcpy(f.dir, other.dir, sizeof(f.dir));
	memcpy(f.mark, other.mark, sizeof(f.mark));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod crash");
	TCase *tcase = tcase_create("crash");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 40);
	tcase_add_test(
		tcase,
		a_killed_daemon_leaves_a_disarmed_gun_and_its_successor_the_guns_own_account);
	tcase_add_test(
		tcase,
		a_stopped_daemon_loses_its_lease_in_time_and_accounts_for_it_when_it_goes_on);
	tcase_add_test(tcase, a_gun_unplugged_in_a_shot_is_accounted_for_when_it_is_back);
	tcase_add_test(
		tcase,
		a_gun_that_loses_power_in_a_shot_costs_the_whole_reservation_until_told_otherwise);
	tcase_add_test(tcase,
		       a_gun_that_cannot_write_its_shot_down_gives_nothing_of_the_reservation_back);
	tcase_add_test(tcase, a_daemon_told_to_end_disarms_settles_and_closes);
	tcase_add_test(tcase, reports_told_again_change_nothing);
	tcase_add_test(tcase, a_gun_that_another_ledger_armed_is_quarantined);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
