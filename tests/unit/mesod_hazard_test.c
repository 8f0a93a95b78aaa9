// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hazards of docs/hazards.md that happen to the gun or to the people around it while
 * mesod treats: each ends the lease, is paid for by what was reserved, and stands in
 * the way of the next one until it is dealt with.  Judged by the fluid truth.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesod_fixture.h"

#define OURS "org.mesod1.Error."

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* A press whatever comes of it, long enough for a shot and what it still dribbles. */
static void pull(void)
{
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(170);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	mesod_fixture_process_for(&f, 50);
}

static void assert_arm_refused(const char *name, const char *part)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	ck_assert_int_lt(mesod_fixture_try_arm(&f, 20000, 1, 2000, &error), 0);
	ck_assert_msg(strcmp(error.name, name) == 0 && strstr(error.message, part),
		      "wanted %s with \"%s\", got %s: %s", name, part, error.name, error.message);
	sd_bus_error_free(&error);
}

/* The lease has ended by that fault, nothing moves any more, and the books cover what left the needle. */
static void assert_stopped_by(uint32_t fault)
{
	struct meso_status status;
	struct meso_truth truth;
	uint64_t shots;

	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_process_for(&f, 250);
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(truth.armed, 0);
	ck_assert_uint_eq(truth.moving, 0);
	mesod_fixture_status(&f, &status);
	ck_assert_msg(status.faults & fault, "faults 0x%x, wanted 0x%x", status.faults, fault);
	mesod_fixture_assert_covered(&f);
	/* another pull gives nothing, nor does another lease */
	shots = truth.shots;
	pull();
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(truth.shots, shots);
	assert_arm_refused(OURS "Interlock", "fault");
}

static void clear(const char *fault)
{
	struct meso_status status;

	mesod_fixture_status(&f, &status);
	ck_assert_int_ge(mesod_call(f.bus, f.gun_path, GUN, "ClearFaults", NULL, NULL, "astu", 1,
				    fault, status.boot_id, status.fault_counter),
			 0);
	mesod_fixture_process_for(&f, 200);
}

/* Another syringe, which is seen to be another one. */
static void put_in(uint32_t volume_nl)
{
	gun_fixture_ask(&f.gun, "hand contact 0");
	gun_fixture_ask(&f.gun, "hand syringe 0");
	mesod_fixture_process_for(&f, 150);
	gun_fixture_ask(&f.gun, "hand syringe %u", volume_nl);
	mesod_fixture_process_for(&f, 150);
	mesod_fixture_load_again(&f);
}

static void give_one(void)
{
	mesod_fixture_arm(&f, 20000, 1);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	gun_fixture_sleep_ms(200);
	mesod_fixture_assert_covered(&f);
}

/* ---- 4: wrong patient ------------------------------------------------------------------------- */

START_TEST(a_patient_who_sits_down_while_the_gun_is_armed_for_another_gets_nothing_of_it)
{
	struct mesod_fixture second;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	struct fixture_patient both, after;
	struct meso_truth truth;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	mesod_fixture_shoot(&f);
	/* the gun is not to be had for the next patient while it is armed for the first */
	mesod_fixture_client(&f, &f.gun, &second);
	snprintf(second.who, sizeof(second.who), "P-2");
	ck_assert_int_ge(mesod_call(second.bus, ROOT, MANAGER, "AddPatient", NULL, NULL, "sssu",
				    "P-2", "Joan Doe", "1950-02-28", 60000u),
			 0);
	mesod_fixture_assess(&second, "P-2");
	ck_assert_int_lt(mesod_fixture_try_open_session(&second, &error), 0);
	ck_assert_str_eq(error.name, OURS "Busy");
	sd_bus_error_free(&error);
	/* the first leaves: what the lease still had is nobody's */
	mesod_fixture_close_session(&f);
	mesod_fixture_patient(&f, &both);
	ck_assert_uint_eq(both.outstanding_nl, 0);
	mesod_fixture_open_session(&second);
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(truth.armed, 0);
	pull();
	/* nor is what was loaded for the one loaded for the other */
	ck_assert_int_lt(mesod_fixture_try_arm(&second, 20000, 1, 2000, &error), 0);
	ck_assert_str_eq(error.name, OURS "Interlock");
	ck_assert_ptr_nonnull(strstr(error.message, "load"));
	sd_bus_error_free(&error);
	mesod_fixture_load_again(&second);
	mesod_fixture_arm(&second, 20000, 1);
	mesod_fixture_shoot(&second);
	mesod_fixture_wait_lease_ended(&second);
	/* each has what each was given */
	mesod_fixture_patient(&f, &after);
	ck_assert_uint_eq(after.settled_nl, both.settled_nl);
	mesod_fixture_assert_equal(&second);
	mesod_fixture_client_leave(&second);
}
END_TEST

/* ---- 9: runaway ---------------------------------------------------------------------------------- */

START_TEST(a_plunger_that_runs_away_is_paid_for_by_what_was_reserved)
{
	struct meso_truth before, truth;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 1);
	gun_fixture_truth(&f.gun, &before);
	gun_fixture_ask(&f.gun, "mutant runaway");
	pull();
	assert_stopped_by(MESO_FAULT_OVER_TRAVEL);
	gun_fixture_truth(&f.gun, &truth);
	/* it did run away, and not past the reservation */
	ck_assert_uint_gt(truth.delivered_contact_fl - before.delivered_contact_fl, 20000000000);
	ck_assert_uint_le(truth.delivered_contact_fl - before.delivered_contact_fl,
			  f.reserved_nl * 1000000);
}
END_TEST

/* ---- 10: occlusion ------------------------------------------------------------------------------- */

START_TEST(a_needle_that_is_blocked_in_a_shot_ends_the_lease_and_what_comes_later_is_covered)
{
	static const int at_ms[] = { 0, 40 };

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	mesod_fixture_shoot(&f);
	gun_fixture_sleep_ms(130);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(at_ms[_i]);
	gun_fixture_ask(&f.gun, "hand occlude 1");
	gun_fixture_sleep_ms(170);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	assert_stopped_by(MESO_FAULT_OCCLUSION);
	/* what was pressed together comes out after all */
	gun_fixture_ask(&f.gun, "hand occlude 0");
	gun_fixture_sleep_ms(250);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	clear("occlusion");
	give_one();
	mesod_fixture_assert_equal(&f);
}
END_TEST

/* ---- 11: air -------------------------------------------------------------------------------------- */

START_TEST(air_in_the_syringe_ends_the_lease_and_wants_another_prime)
{
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	gun_fixture_ask(&f.gun, "hand air 20000");
	pull();
	assert_stopped_by(MESO_FAULT_AIR);
	clear("air");
	assert_arm_refused(OURS "Interlock", "not primed");
	/* and not against the skin */
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Prime", "ua{sv}", 40000u, 1,
			  "area", "s", FIXTURE_AREA);
	/* what a prime does not drive out is out with the syringe */
	put_in(5000000);
	mesod_fixture_prime(&f, 60000);
	give_one();
}
END_TEST

/* ---- 12: empty ------------------------------------------------------------------------------------- */

START_TEST(a_syringe_is_given_to_its_last_whole_shot_and_not_a_part_of_one)
{
	struct meso_status status;
	struct meso_truth before, truth;
	uint32_t shots;

	mesod_fixture_open_session(&f);
	put_in(133000);
	mesod_fixture_prime(&f, 60000);
	mesod_fixture_process_for(&f, 150);
	mesod_fixture_status(&f, &status);
	shots = status.reservoir_nl / 20000;
	ck_assert_uint_ge(shots, 2);
	ck_assert_uint_gt(status.reservoir_nl % 20000, 100);
	mesod_fixture_arm(&f, 20000, shots);
	for (uint32_t i = 0; i < shots; i++)
		mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_process_for(&f, 150);
	gun_fixture_truth(&f.gun, &before);
	assert_arm_refused(OURS "DoseLimit", "rule=reservoir");
	pull();
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(truth.shots, before.shots);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

START_TEST(a_syringe_that_is_taken_out_ends_the_lease_and_the_next_is_loaded_and_primed)
{
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	mesod_fixture_shoot(&f);
	gun_fixture_sleep_ms(130);
	gun_fixture_ask(&f.gun, "hand syringe 0");
	pull();
	assert_stopped_by(MESO_FAULT_EMPTY);
	/* the plunger is not where it was, which looks like an overrun: all of the lease stays spent */
	ck_assert(!f.last_settled);
	gun_fixture_ask(&f.gun, "hand syringe 5000000");
	gun_fixture_sleep_ms(150);
	clear("empty");
	clear("host-overrun");
	assert_arm_refused(OURS "Interlock", "not primed");
	put_in(5000000);
	mesod_fixture_prime(&f, 60000);
	give_one();
}
END_TEST

/* ---- 17: replay after a reboot --------------------------------------------------------------------- */

/* What somebody recorded who listened to the lease being given. */
static void capture(struct meso_lease *lease, uint64_t *next)
{
	struct meso_status status;

	mesod_fixture_status(&f, &status);
	*lease = (struct meso_lease){ .sequence = status.lease_sequence,
				      .boot_id = status.boot_id,
				      .volume_nl = status.lease_left_nl,
				      .shots = status.lease_shots_left,
				      .kind = MESO_KIND_TREAT,
				      .min_interval_ms = 112,
				      .expiry_ms = 60000,
				      .heartbeat_ms = 300 };
	memcpy(lease->id, status.lease_id, sizeof(lease->id));
	*next = status.shot_count + 1;
}

/* By another controller, as soon as mesod is gone. */
static void replay(const struct meso_lease *captured, uint64_t next)
{
	struct meso_lease lease = *captured;
	struct meso_config config;
	inj_gun *handle = NULL;
	struct meso_info info;

	ck_assert_int_eq(inj_gun_open(f.gun.uri, 0, &handle), 0);
	while (inj_gun_acquire(handle) == -EBUSY)
		gun_fixture_sleep_ms(10);
	gun_fixture_config(&config);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -ESTALE);
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	lease.boot_id = info.boot_id; /* who knows that much */
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -ESTALE);
	ck_assert_int_lt(inj_gun_fire(handle, lease.id, next), 0);
	ck_assert_int_eq(inj_gun_heartbeat(handle, lease.id), -ESTALE);
	inj_gun_unref(handle);
}

START_TEST(an_arm_and_a_fire_that_were_recorded_give_nothing_after_a_reboot)
{
	struct meso_truth before, truth;
	struct meso_lease lease;
	uint64_t next;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 3);
	mesod_fixture_shoot(&f);
	gun_fixture_sleep_ms(200);
	capture(&lease, &next);
	ck_assert_uint_eq(lease.shots, 2);
	/* all of it goes down at once: the gun first, so that it could not be told */
	if (_i & 1)
		gun_fixture_signal(&f.gun, SIGKILL);
	mesod_fixture_signal(&f, SIGKILL);
	close(f.lease_fd);
	f.lease_fd = -1;
	if (_i & 1)
		gun_fixture_restart(&f.gun, NULL);
	gun_fixture_wait_disarmed(&f.gun, 500);
	gun_fixture_ask(&f.gun, "hand contact 1");
	gun_fixture_truth(&f.gun, &before);
	replay(&lease, next);
	pull();
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(truth.shots, before.shots);
	ck_assert_uint_eq(truth.armed, 0);
	/* and mesod finds nothing that it does not know */
	mesod_fixture_run_daemon(&f);
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_open_session(&f);
	/* a FIRE of mesod's own, of before, has no lease to be of */
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Fire", "t", next);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod hazards");
	TCase *tcase = tcase_create("hazards");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(
		tcase,
		a_patient_who_sits_down_while_the_gun_is_armed_for_another_gets_nothing_of_it);
	tcase_add_test(tcase, a_plunger_that_runs_away_is_paid_for_by_what_was_reserved);
	tcase_add_loop_test(
		tcase,
		a_needle_that_is_blocked_in_a_shot_ends_the_lease_and_what_comes_later_is_covered,
		0, 2);
	tcase_add_test(tcase, air_in_the_syringe_ends_the_lease_and_wants_another_prime);
	tcase_add_test(tcase, a_syringe_is_given_to_its_last_whole_shot_and_not_a_part_of_one);
	tcase_add_test(
		tcase,
		a_syringe_that_is_taken_out_ends_the_lease_and_the_next_is_loaded_and_primed);
	tcase_add_loop_test(tcase, an_arm_and_a_fire_that_were_recorded_give_nothing_after_a_reboot,
			    0, 2);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
