// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Every mutant must truly misbehave where the sound firmware does not, or a
 * layer above that "catches" it has proven nothing; and the time that the gun
 * lives in must not depend on how its caller slices it.
 */
#include <time.h>

#include "model_rig.h"

static struct rig *ready_mutant(u32 mutants, u32 volume_nl, u32 shots)
{
	struct rig *r = rig_ready(volume_nl, shots);

	rig_hand(r, MESO_HAND_MUTANTS, mutants);
	return r;
}

static void press_often(struct rig *r, unsigned presses)
{
	while (presses--) {
		rig_run(r, 700);
		rig_press(r);
	}
	rig_drain(r);
}

START_TEST(no_budget_fires_past_its_lease)
{
	for (u32 mutant = 0; mutant < 2; mutant++) {
		struct rig *r = ready_mutant(mutant ? MESO_MUTANT_NO_BUDGET : 0, 40000, 2);

		press_often(r, 5);
		ck_assert_uint_eq(rig_truth(r).shots, mutant ? 3 + 5 : 3 + 2);
		ck_assert_uint_eq(rig_truth(r).max_beyond_lease_fl > 50000000000, mutant);
		ck_assert_uint_eq(rig_truth(r).armed, mutant);
		rig_free(r);
	}
}
END_TEST

START_TEST(no_heartbeat_stays_armed_without_a_host)
{
	for (u32 mutant = 0; mutant < 2; mutant++) {
		struct rig *r = ready_mutant(mutant ? MESO_MUTANT_NO_HEARTBEAT : 0, 40000, 2);

		r->beating = false;
		rig_run(r, 5000);
		ck_assert_uint_eq(rig_truth(r).armed, mutant);
		rig_press(r);
		ck_assert_uint_eq(rig_truth(r).shots, 3 + mutant);
		rig_free(r);
	}
}
END_TEST

START_TEST(a_lying_log_says_half_of_the_truth)
{
	struct rig *r = ready_mutant(MESO_MUTANT_LYING_LOG, 40000, 2);
	struct meso_shot shot;

	press_often(r, 1);
	shot = rig_shot(r, 4);
	ck_assert_uint_lt(shot.displaced_nl, 10001);
	ck_assert_uint_lt(shot.displaced2_nl, 10001);
	ck_assert_uint_lt(shot.reported_nl, 10001);
	ck_assert_uint_gt(rig_truth(r).lease_fl, 19900000000);
	/* the total does not lie: that is how it can be told */
	ck_assert_uint_gt(rig_frame(r).total_nl, 3 * 19000 + 19000);
	rig_free(r);
}
END_TEST

START_TEST(a_runaway_passes_its_target_and_only_the_limiter_stops_it)
{
	struct rig *r = ready_mutant(MESO_MUTANT_RUNAWAY, 100000, 5);
	struct meso_truth t;
	struct meso_frame f;

	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 90);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
	ck_assert_uint_eq(rig_truth(r).moving, 1);
	f = rig_frame(r);
	ck_assert(f.status & MESO_STATUS_MOVING);
	ck_assert_uint_eq(f.lease_end, MESO_END_DISARM);
	rig_drain(r);
	t = rig_truth(r);
	ck_assert_uint_gt(t.lease_fl, 20500000000);
	ck_assert_uint_lt(t.lease_fl, 22000000000);
	f = rig_frame(r);
	ck_assert(f.faults & MESO_FAULT_OVER_TRAVEL);
	ck_assert_uint_eq(rig_shot(r, 4).result, MESO_SHOT_FAULT);
	ck_assert_uint_le(t.lease_fl, (rig_log_sum_nl(r) + 1) * 1000000);
	/* the relay stays open, over a power cycle too, until it is cleared */
	rig_power_cycle(r);
	ck_assert(rig_frame(r).faults & MESO_FAULT_OVER_TRAVEL);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OVER_TRAVEL), 0);
	rig_hand(r, MESO_HAND_MUTANTS, 0);
	rig_run(r, 5);
	ck_assert_uint_eq(rig_frame(r).faults, 0);
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &r->config), 0);
	rig_make_ready(r, 20000, 1);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	ck_assert_uint_eq(rig_shot(r, r->m.fw.head.shot_count).result, MESO_SHOT_COMPLETE);
	rig_free(r);
}
END_TEST

START_TEST(no_abort_stays_armed_when_told_to_stop)
{
	for (u32 mutant = 0; mutant < 2; mutant++) {
		struct rig *r = ready_mutant(mutant ? MESO_MUTANT_NO_ABORT : 0, 40000, 2);

		ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
		rig_press(r);
		ck_assert_uint_eq(rig_truth(r).armed, mutant);
		ck_assert_uint_eq(rig_truth(r).shots, 3 + mutant);
		rig_free(r);
	}
}
END_TEST

START_TEST(double_shot_fires_twice_for_one_press)
{
	struct rig *r = ready_mutant(MESO_MUTANT_DOUBLE_SHOT, 100000, 5);

	rig_press(r);
	rig_drain(r);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 2);
	rig_run(r, 1000);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 2);
	/* both within the budget, both on record */
	ck_assert_uint_eq(rig_shot(r, 5).number, 5);
	rig_free(r);
}
END_TEST

START_TEST(no_expiry_outlives_its_lease)
{
	for (u32 mutant = 0; mutant < 2; mutant++) {
		struct rig *r = rig_new();

		rig_prime(r);
		rig_hand(r, MESO_HAND_CONTACT, 1);
		rig_hand(r, MESO_HAND_MUTANTS, mutant ? MESO_MUTANT_NO_EXPIRY : 0);
		r->lease = rig_lease(r, MESO_KIND_TREAT, 100000, 5);
		r->lease.expiry_ms = 100;
		ck_assert_int_eq(meso_model_arm(&r->m, r->now, &r->lease), 0);
		r->beating = true;
		rig_run(r, 1000);
		ck_assert_uint_eq(rig_truth(r).armed, mutant);
		rig_free(r);
	}
}
END_TEST

START_TEST(replay_accepts_a_lease_that_was_already_spent)
{
	struct rig *r = ready_mutant(MESO_MUTANT_REPLAY, 20000, 1);

	press_often(r, 1);
	ck_assert_uint_eq(rig_truth(r).armed, 0);
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &r->lease), 0);
	press_often(r, 1);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 2);
	rig_free(r);
}
END_TEST

START_TEST(skip_log_counts_a_shot_that_is_not_in_the_log)
{
	struct rig *r = ready_mutant(MESO_MUTANT_SKIP_LOG, 100000, 5);
	struct meso_shot shot;

	press_often(r, 2);
	ck_assert_uint_eq(rig_frame(r).shot_count, 5);
	ck_assert_int_eq(meso_model_log_read(&r->m, 4, &shot, 1), 0);
	ck_assert_uint_gt(rig_truth(r).lease_fl, 39000000000);
	rig_free(r);
}
END_TEST

START_TEST(auto_rearm_reopens_a_lease_that_died)
{
	struct rig *r = ready_mutant(MESO_MUTANT_AUTO_REARM, 100000, 5);

	r->beating = false;
	rig_run(r, 105);
	ck_assert_uint_eq(rig_truth(r).armed, 0);
	rig_run(r, 40);
	ck_assert_uint_eq(rig_truth(r).armed, 1);
	rig_press(r);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 1);
	rig_free(r);
}
END_TEST

START_TEST(the_hand_lies_about_counters_and_records_but_not_about_the_truth)
{
	struct rig *r = rig_ready(100000, 5);
	u64 count, total;

	press_often(r, 1);
	count = rig_frame(r).shot_count;
	total = rig_frame(r).total_nl;
	rig_hand(r, MESO_HAND_LIE_COUNT, -2);
	rig_hand(r, MESO_HAND_LIE_TOTAL, -5000);
	rig_hand(r, MESO_HAND_LIE_LOG, 30);
	ck_assert_uint_eq(rig_frame(r).shot_count, count - 2);
	ck_assert_uint_eq(rig_frame(r).total_nl, total - 5000);
	ck_assert_uint_eq(rig_shot(r, 4).displaced_nl, 19990 * 30 / 100);
	ck_assert_uint_gt(rig_truth(r).lease_fl, 19900000000);
	rig_free(r);
}
END_TEST

START_TEST(every_hand_has_a_name_and_refuses_what_is_out_of_range)
{
	struct rig *r = rig_new();

	for (int i = 0; i < MESO_HAND_COUNT; i++) {
		const char *name = meso_hand_name((enum meso_hand)i);

		ck_assert_ptr_nonnull(name);
		ck_assert_int_eq(meso_hand_by_name(name), i);
		if (i != MESO_HAND_CARTRIDGE && i != MESO_HAND_POWER &&
		    i != MESO_HAND_CORRUPT_MEMORY && i != MESO_HAND_RESET_MEMORY)
			ck_assert_int_eq(meso_model_hand(&r->m, r->now, (enum meso_hand)i,
							 INT64_MAX),
					 -ERANGE);
		ck_assert_int_eq(meso_model_hand(&r->m, r->now, (enum meso_hand)i, INT64_MIN),
				 -ERANGE);
	}
	ck_assert_ptr_null(meso_hand_name(MESO_HAND_COUNT));
	ck_assert_int_eq(meso_hand_by_name("nonsense"), -ENOENT);
	ck_assert_int_eq(meso_model_hand(&r->m, r->now, MESO_HAND_COUNT, 0), -EINVAL);
	rig_free(r);
}
END_TEST

/* One scripted life, advanced in slices of @slice_ms where nothing happens */
static void live(struct rig *r, u64 slice_ms)
{
	static const struct {
		u32 at_ms;
		enum meso_hand hand;
		s64 value;
	} script[] = {
		{ 10, MESO_HAND_TRIGGER, 1 },   { 50, MESO_HAND_TRIGGER, 0 },
		{ 701, MESO_HAND_TRIGGER, 1 },  { 777, MESO_HAND_OCCLUDE, 1 },
		{ 2000, MESO_HAND_OCCLUDE, 0 }, { 5003, MESO_HAND_TEMPERATURE, 60000 },
		{ 90000, MESO_HAND_POWER, 0 },  { 190000, MESO_HAND_POWER, 5 },
		{ 400000, MESO_HAND_AIR, 3 },
	};
	u64 start = r->now;
	unsigned next = 0;

	for (u64 ms = 0; ms < 500000;) {
		u64 to = next < ARRAY_SIZE(script) ? script[next].at_ms : 500000;

		/* a heart that beats every 250 ms for 3 s, whatever the slices */
		if (ms < 3000 && to > ms / 250 * 250 + 250)
			to = ms / 250 * 250 + 250;
		if (to > ms + slice_ms)
			to = ms + slice_ms;
		ms = to;
		r->now = start + ms * MS;
		meso_model_advance(&r->m, r->now);
		if (ms <= 3000 && ms % 250 == 0)
			meso_model_heartbeat(&r->m, r->now, r->lease.id);
		while (next < ARRAY_SIZE(script) && script[next].at_ms == ms) {
			rig_hand(r, script[next].hand, script[next].value);
			next++;
		}
	}
}

START_TEST(the_same_inputs_give_the_same_gun_however_time_is_sliced)
{
	static const u64 slices[] = { 7, 100, 1000, 1000000 };
	struct rig *a = rig_ready(100000, 5);

	a->m.fw.lease.heartbeat_ms = 300;
	live(a, 1);
	ck_assert_uint_gt(rig_truth(a).shots, 4);
	for (unsigned i = 0; i < ARRAY_SIZE(slices); i++) {
		struct rig *b = rig_ready(100000, 5);

		b->m.fw.lease.heartbeat_ms = 300;
		live(b, slices[i]);
		ck_assert_mem_eq(&a->m.physics, &b->m.physics, sizeof(a->m.physics));
		ck_assert_mem_eq(&a->m.fw, &b->m.fw, sizeof(a->m.fw));
		ck_assert_mem_eq(&a->m.nv, &b->m.nv, sizeof(a->m.nv));
		rig_free(b);
	}
	rig_free(a);
}
END_TEST

START_TEST(a_year_of_rest_costs_next_to_nothing)
{
	struct rig *r = rig_ready(100000, 5);
	clock_t start = clock();

	/* from the worst moment: armed, moving, under pressure, then blocked */
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 50);
	rig_hand(r, MESO_HAND_OCCLUDE, 1);
	r->now += 365ULL * 24 * 3600 * 1000 * MS;
	meso_model_advance(&r->m, r->now);
	ck_assert_uint_eq(rig_truth(r).armed, 0);
	ck_assert_int_lt(clock() - start, CLOCKS_PER_SEC);
	ck_assert_uint_eq(rig_frame(r).uptime_us / 1000000 / 3600 / 24, 365);
	rig_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model mutant");
	TCase *t = tcase_create("mutants and time");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, no_budget_fires_past_its_lease);
	tcase_add_test(t, no_heartbeat_stays_armed_without_a_host);
	tcase_add_test(t, a_lying_log_says_half_of_the_truth);
	tcase_add_test(t, a_runaway_passes_its_target_and_only_the_limiter_stops_it);
	tcase_add_test(t, no_abort_stays_armed_when_told_to_stop);
	tcase_add_test(t, double_shot_fires_twice_for_one_press);
	tcase_add_test(t, no_expiry_outlives_its_lease);
	tcase_add_test(t, replay_accepts_a_lease_that_was_already_spent);
	tcase_add_test(t, skip_log_counts_a_shot_that_is_not_in_the_log);
	tcase_add_test(t, auto_rearm_reopens_a_lease_that_died);
	tcase_add_test(t, the_hand_lies_about_counters_and_records_but_not_about_the_truth);
	tcase_add_test(t, every_hand_has_a_name_and_refuses_what_is_out_of_range);
	tcase_add_test(t, the_same_inputs_give_the_same_gun_however_time_is_sliced);
	tcase_add_test(t, a_year_of_rest_costs_next_to_nothing);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
