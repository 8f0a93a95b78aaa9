// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A treatment on a simulated gun, by libinjector alone: what is asked for, what
 * is recorded and what truly left the needle agree.
 */
#include <check.h>
#include <stdlib.h>

#include "gun_fixture.h"

#define DOSE_NL 20000ull
#define SHOTS   20

static struct gun_fixture gun;

static void set_up(void)
{
	gun_fixture_start(&gun, NULL);
	gun_fixture_ask(&gun, "hand syringe 5000000");
}

static void tear_down(void)
{
	gun_fixture_stop(&gun);
}

START_TEST(twenty_shots_of_twenty_microlitres_deliver_what_is_recorded)
{
	struct meso_shot shots[64];
	struct meso_truth before, after;
	struct meso_config config;
	struct meso_status status;
	struct meso_lease lease;
	struct meso_info info;
	uint64_t sum_nl = 0, treated_nl = 0;
	inj_gun *handle;
	int count;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	gun_fixture_config(&config);
	gun_fixture_prime(&gun, handle, &config);
	gun_fixture_truth(&gun, &before);

	gun_fixture_ask(&gun, "hand contact 1");
	gun_fixture_lease(handle, MESO_KIND_TREAT, (uint32_t)(SHOTS * DOSE_NL), SHOTS, &lease);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	for (unsigned int i = 0; i < SHOTS; i++)
		gun_fixture_shoot(&gun, handle, &lease);
	gun_fixture_wait_idle(handle);
	gun_fixture_sleep_ms(100);

	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_eq(status.faults, 0);
	gun_fixture_truth(&gun, &after);
	ck_assert_uint_eq(after.armed, 0);
	ck_assert_uint_eq(after.shots - before.shots, SHOTS);
	count = inj_gun_get_shots(handle, 0, shots, 64, NULL);
	ck_assert_int_ge(count, (int)SHOTS);
	for (int i = 0; i < count; i++) {
		uint32_t nl = shots[i].displaced_nl > shots[i].reported_nl ? shots[i].displaced_nl
									   : shots[i].reported_nl;

		ck_assert_uint_eq(shots[i].result, MESO_SHOT_COMPLETE);
		sum_nl += nl;
		if (i >= count - (int)SHOTS) {
			ck_assert_mem_eq(shots[i].lease_id, lease.id, sizeof(lease.id));
			treated_nl += nl;
		}
	}
	/* Invariant 1: what left the needle is never more than what is on record. */
	ck_assert_uint_le(after.delivered_fl, sum_nl * 1000000);
	ck_assert_uint_ge(after.delivered_fl, sum_nl * 990000);
	ck_assert_uint_le(treated_nl, SHOTS * DOSE_NL);
	ck_assert_uint_ge(treated_nl * 100, SHOTS * DOSE_NL * 99);
	ck_assert_uint_ge(after.delivered_contact_fl, treated_nl * 980000);
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	ck_assert_uint_le(after.max_beyond_lease_fl, info.overshoot_nl * 1000000ull);
	inj_gun_unref(handle);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gun_treat");
	TCase *tcase = tcase_create("treat");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, twenty_shots_of_twenty_microlitres_deliver_what_is_recorded);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
