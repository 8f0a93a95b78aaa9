// SPDX-License-Identifier: GPL-2.0-only
/*
 * Treatments through the real parts: what the ledger says afterwards is compared
 * with the gun's counters and with the fluid that truly left the needle.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesod_fixture.h"

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

START_TEST(a_full_treatment_is_in_the_ledger_as_in_the_gun_and_covers_the_truth)
{
	struct fixture_patient patient;
	struct fixture_ledger ledger;
	struct meso_truth truth;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 20);
	ck_assert_uint_ge(f.reserved_nl, 400000);
	for (int i = 0; i < 20; i++)
		mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	gun_fixture_sleep_ms(200); /* what compliance still holds comes out */
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_ledger(&f, &ledger);
	mesod_fixture_patient(&f, &patient);
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
	/* the prime went into the air, provably, and is no dose */
	ck_assert_uint_eq(patient.settled_nl, ledger.delivered_nl - ledger.primes_nl);
	ck_assert_uint_eq(ledger.shots - 2, 20);
	ck_assert_uint_eq(ledger.incidents, 0);
	/* recorded is what was given, to a hundredth */
	ck_assert_uint_le(patient.settled_nl, truth.delivered_contact_fl / 1000000 * 101 / 100);
	ck_assert_uint_eq(f.shots_told, 22);
	mesod_fixture_close_session(&f);
	mesod_fixture_process_for(&f, 20);
	ck_assert_uint_eq(f.closed, 1);
}
END_TEST

START_TEST(a_session_ends_at_its_volume_and_not_a_shot_later)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct fixture_patient patient;
	int leases = 0;

	/* A clinic's file that tightens: what is left after one lease is not enough for another. */
	mesod_fixture_signal(&f, SIGTERM);
	f.config = "[limits]\nsession-volume-hard = 200 uL\nsession-volume-soft = 200 uL\n";
	mesod_fixture_run_daemon(&f);
	mesod_fixture_ready_to_arm(&f);
	while (mesod_fixture_try_arm(&f, 30000, 2, 2000, &error) >= 0) {
		ck_assert_int_le(++leases, 4);
		mesod_fixture_shoot(&f);
		mesod_fixture_shoot(&f);
		mesod_fixture_wait_lease_ended(&f);
	}
	ck_assert_int_ge(leases, 2);
	ck_assert_str_eq(error.name, "org.mesod1.Error.DoseLimit");
	ck_assert_ptr_nonnull(strstr(error.message, "rule=session-volume limit=200 uL"));
	sd_bus_error_free(&error);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_le(patient.settled_nl, 200000);
	mesod_fixture_assert_covered(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod treats");
	TCase *tcase = tcase_create("treat");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_full_treatment_is_in_the_ledger_as_in_the_gun_and_covers_the_truth);
	tcase_add_test(tcase, a_session_ends_at_its_volume_and_not_a_shot_later);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
