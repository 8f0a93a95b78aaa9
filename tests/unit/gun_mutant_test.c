// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Firmware that misbehaves, behind the interlock: each mutant is stopped, with
 * the right reason, before more than the overshoot bound has left the needle.
 * Judged by the fluid truth alone.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "gun_fixture.h"

static struct gun_fixture gun;
static inj_gun *handle;
static struct meso_config config;
static struct meso_lease lease;
static struct meso_truth primed;

#define DOSE_NL     20000
#define LEASE_SHOTS 2

static void set_up(void)
{
	gun_fixture_start(&gun, NULL);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	gun_fixture_config(&config);
	primed = (struct meso_truth){ 0 };
}

static void tear_down(void)
{
	handle = inj_gun_unref(handle);
	gun_fixture_stop(&gun);
}

/* A prime wants no ceremony before it, and is bounded by the same budget. */
static void arm(const char *mutant, uint32_t kind, uint32_t expiry_ms)
{
	if (kind == MESO_KIND_TREAT) {
		gun_fixture_prime(&gun, handle, &config);
		gun_fixture_ask(&gun, "hand contact 1");
		gun_fixture_truth(&gun, &primed);
	} else {
		ck_assert_int_eq(inj_gun_acquire(handle), 0);
		ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	}
	gun_fixture_ask(&gun, "mutant %s", mutant);
	gun_fixture_lease(handle, kind, LEASE_SHOTS * DOSE_NL, LEASE_SHOTS, &lease);
	lease.expiry_ms = expiry_ms;
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	gun_fixture_beat(handle, &lease, 5);
}

static void press(int times)
{
	for (int i = 0; i < times; i++) {
		gun_fixture_ask(&gun, "hand trigger 1");
		gun_fixture_beat(handle, &lease, 170);
		gun_fixture_ask(&gun, "hand trigger 0");
		gun_fixture_beat(handle, &lease, 50);
	}
}

/* Disarmed, and no more than the bound beyond the lease; returns the host's last word. */
static struct meso_status assert_caught(void)
{
	struct meso_status status;
	struct meso_truth truth;
	struct meso_info info;

	gun_fixture_wait_disarmed(&gun, 800);
	gun_fixture_sleep_ms(150);
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.armed, 0);
	ck_assert_uint_eq(truth.moving, 0);
	ck_assert_uint_gt(info.overshoot_nl, 0);
	ck_assert_msg(truth.max_beyond_lease_fl <= info.overshoot_nl * 1000000ull,
		      "%llu fl beyond the lease, the bound is %u nl",
		      (unsigned long long)truth.max_beyond_lease_fl, info.overshoot_nl);
	ck_assert_uint_ne(status.lease_end, MESO_END_NONE);
	return status;
}

START_TEST(a_gun_without_a_budget_is_stopped_when_its_lease_is_spent)
{
	struct meso_status status;

	arm("no-budget", MESO_KIND_TREAT, 60000);
	press(LEASE_SHOTS + 2);
	status = assert_caught();
	ck_assert(status.lease_end == MESO_END_SPENT || status.lease_end == MESO_END_OVERRUN);
}
END_TEST

START_TEST(a_gun_without_a_dead_man_is_stopped_by_its_hosts)
{
	struct meso_status status;
	int64_t start;

	arm("no-heartbeat", MESO_KIND_PRIME, 60000);
	start = gun_fixture_now_ms();
	status = assert_caught();
	ck_assert_int_lt(gun_fixture_now_ms() - start, 500 + 300);
	ck_assert_uint_eq(status.lease_end, MESO_END_HEARTBEAT);
}
END_TEST

START_TEST(a_log_that_tells_half_is_found_out)
{
	struct meso_status status;

	arm("lying-log", MESO_KIND_PRIME, 60000);
	press(LEASE_SHOTS);
	status = assert_caught();
	ck_assert_uint_eq(status.faults & MESO_FAULT_HOST_IMPLAUSIBLE, MESO_FAULT_HOST_IMPLAUSIBLE);
}
END_TEST

START_TEST(a_plunger_that_runs_away_is_stopped_within_the_bound)
{
	struct meso_status status;

	arm("runaway", MESO_KIND_TREAT, 60000);
	press(1);
	status = assert_caught();
	ck_assert_uint_ne(status.faults, 0);
	ck_assert(status.lease_end == MESO_END_OVERRUN || status.lease_end == MESO_END_FAULT);
}
END_TEST

START_TEST(a_gun_that_ignores_a_stop_is_starved_of_heartbeats_and_told_on)
{
	struct meso_status status;

	arm("no-abort", MESO_KIND_PRIME, 60000);
	ck_assert_int_eq(inj_gun_disarm(handle), 0);
	status = assert_caught();
	ck_assert_uint_eq(status.faults & MESO_FAULT_HOST_UNRESPONSIVE,
			  MESO_FAULT_HOST_UNRESPONSIVE);
	ck_assert_uint_eq(status.lease_end, MESO_END_DISARM);
}
END_TEST

START_TEST(two_shots_for_one_press_end_the_lease)
{
	struct meso_status status;
	struct meso_truth truth;

	arm("double-shot", MESO_KIND_TREAT, 60000);
	press(1);
	status = assert_caught();
	ck_assert_uint_eq(status.faults & MESO_FAULT_HOST_OVERRUN, MESO_FAULT_HOST_OVERRUN);
	ck_assert_uint_eq(status.lease_end, MESO_END_OVERRUN);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_le(truth.shots - primed.shots, 2);
}
END_TEST

START_TEST(a_lease_that_never_expires_in_the_gun_expires_in_the_host)
{
	struct meso_status status;

	arm("no-expiry", MESO_KIND_PRIME, 200);
	gun_fixture_beat(handle, &lease, 260);
	status = assert_caught();
	ck_assert_uint_eq(status.lease_end, MESO_END_EXPIRED);
}
END_TEST

START_TEST(a_gun_that_takes_an_old_lease_is_never_given_one)
{
	struct meso_lease old;

	arm("replay", MESO_KIND_PRIME, 60000);
	old = lease;
	ck_assert_int_eq(inj_gun_disarm(handle), 0);
	gun_fixture_wait_idle(handle);
	ck_assert_int_lt(inj_gun_arm(handle, &old), 0);
	old.sequence--;
	ck_assert_int_lt(inj_gun_arm(handle, &old), 0);
	assert_caught();
}
END_TEST

START_TEST(a_shot_that_is_counted_and_not_logged_is_found_out)
{
	struct meso_status status;

	arm("skip-log", MESO_KIND_PRIME, 60000);
	press(1);
	gun_fixture_beat(handle, &lease, 400);
	status = assert_caught();
	ck_assert_uint_eq(status.faults & MESO_FAULT_HOST_IMPLAUSIBLE, MESO_FAULT_HOST_IMPLAUSIBLE);
	ck_assert_uint_eq(status.flags & MESO_STATUS_RECONCILED, 0);
}
END_TEST

START_TEST(a_gun_that_arms_itself_again_is_stopped_again)
{
	struct meso_truth truth;

	arm("auto-rearm", MESO_KIND_PRIME, 60000);
	gun_fixture_sleep_ms(400); /* its dead man, and what it does after that */
	gun_fixture_ask(&gun, "hand trigger 1");
	gun_fixture_sleep_ms(200);
	assert_caught();
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.shots, primed.shots);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gun_mutant");
	TCase *tcase = tcase_create("mutant");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, a_gun_without_a_budget_is_stopped_when_its_lease_is_spent);
	tcase_add_test(tcase, a_gun_without_a_dead_man_is_stopped_by_its_hosts);
	tcase_add_test(tcase, a_log_that_tells_half_is_found_out);
	tcase_add_test(tcase, a_plunger_that_runs_away_is_stopped_within_the_bound);
	tcase_add_test(tcase, a_gun_that_ignores_a_stop_is_starved_of_heartbeats_and_told_on);
	tcase_add_test(tcase, two_shots_for_one_press_end_the_lease);
	tcase_add_test(tcase, a_lease_that_never_expires_in_the_gun_expires_in_the_host);
	tcase_add_test(tcase, a_gun_that_takes_an_old_lease_is_never_given_one);
	tcase_add_test(tcase, a_shot_that_is_counted_and_not_logged_is_found_out);
	tcase_add_test(tcase, a_gun_that_arms_itself_again_is_stopped_again);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
