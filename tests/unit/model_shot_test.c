// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * One shot and many: what truly leaves the needle against what was asked and
 * what was recorded; trigger, pedal and FIRE; single and repeat; the budget of
 * a lease.
 */
#include <math.h>

#include "model_rig.h"

static const struct {
	u32 bore_um;
	u32 capacity_nl;
} syringes[] = { { 4780, 1000000 }, { 8660, 3000000 }, { 12060, 5000000 }, { 14500, 10000000 } };

/* fl of truth against nl of paper */
static void assert_delivered(const struct rig *r, double truth_fl, u32 asked_nl, const char *what)
{
	double nl = truth_fl / 1e6;

	ck_assert_msg(nl <= asked_nl + 0.5 && nl >= asked_nl - rig_step_nl(r) - 0.5,
		      "%s: bore %u, asked %u nl, delivered %.1f nl", what, r->config.bore_um,
		      asked_nl, nl);
}

START_TEST(a_shot_delivers_what_was_asked_within_a_motor_step)
{
	static const u32 doses[] = { 1000, 1100, 12500, 20000, 80000, 200000 };

	for (unsigned i = 0; i < ARRAY_SIZE(syringes) * ARRAY_SIZE(doses); i++) {
		struct meso_config c = rig_config();
		struct meso_truth before, after;
		struct meso_shot shot;
		struct rig *r;

		c.bore_um = syringes[i % 4].bore_um;
		c.capacity_nl = syringes[i % 4].capacity_nl;
		c.dose_nl = doses[i / 4];
		r = rig_new_with(c);
		rig_make_ready(r, 4 * c.dose_nl, 4);
		for (unsigned n = 0; n < 4; n++) {
			before = rig_truth(r);
			rig_run(r, 120);
			ck_assert_int_eq(rig_fire(r), 0);
			rig_drain(r);
			after = rig_truth(r);
			assert_delivered(r, (double)(after.delivered_fl - before.delivered_fl),
					 c.dose_nl, "shot");
			ck_assert_uint_eq(after.shots, before.shots + 1);
			shot = rig_shot(r, r->m.fw.head.shot_count);
			ck_assert_uint_eq(shot.result, MESO_SHOT_COMPLETE);
			ck_assert_uint_eq(shot.asked_nl, c.dose_nl);
			ck_assert_uint_eq(shot.displaced_nl, shot.displaced2_nl);
			ck_assert_uint_le(shot.displaced_nl, shot.asked_nl);
			ck_assert_uint_le(shot.reported_nl, shot.displaced_nl);
			ck_assert_uint_ge(shot.reported_nl, shot.displaced_nl * 97 / 100);
			ck_assert_uint_eq(shot.flags, MESO_STATUS_CONTACT);
			ck_assert_uint_eq(shot.depth_um, c.depth_um);
			ck_assert_int_gt(shot.peak_pa, 1000);
		}
		ck_assert_uint_eq(rig_frame(r).lease_end, MESO_END_SPENT);
		ck_assert_uint_eq(rig_truth(r).max_beyond_lease_fl, 0);
		rig_free(r);
	}
}
END_TEST

START_TEST(pressure_stays_below_its_target_whatever_the_fluid_and_needle)
{
	static const u32 upas[] = { 500, 1000, 5000, 50000 };
	static const u32 needles[] = { 89, 108, 260 };
	static const u32 rates[] = { 100, 5000, 9000 };

	for (unsigned i = 0; i < 36; i++) {
		struct meso_config c = rig_config();
		struct rig *r;

		c.viscosity_upas = upas[i % 4];
		c.needle_um = needles[i / 4 % 3];
		c.rate_mhz = rates[i / 12];
		c.mode = MESO_MODE_REPEAT;
		c.dose_nl = 10000;
		r = rig_new_with(c);
		rig_make_ready(r, 40000, 4);
		rig_run(r, 10000);
		rig_hand(r, MESO_HAND_TRIGGER, 1);
		for (unsigned ms = 0; ms < 60000 && !r->m.fw.lease_end; ms++) {
			/* held for 8 s at a time: 10 s would be a stuck trigger */
			if (ms % 8000 == 0)
				rig_hand(r, MESO_HAND_TRIGGER, 0);
			if (ms % 8000 == 10)
				rig_hand(r, MESO_HAND_TRIGGER, 1);
			rig_run(r, 1);
			ck_assert_int_lt(rig_truth(r).pressure_pa, 320000);
		}
		ck_assert_uint_eq(r->m.fw.head.faults, 0);
		ck_assert_uint_ge(r->m.fw.head.shot_count, 6);
		rig_free(r);
	}
}
END_TEST

START_TEST(after_backing_off_the_next_shot_still_delivers_its_dose)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_truth before;

	rig_hand(r, MESO_HAND_OCCLUDE, 1);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	ck_assert_uint_eq(rig_frame(r).faults, MESO_FAULT_OCCLUSION);
	rig_hand(r, MESO_HAND_OCCLUDE, 0);
	rig_run(r, 200);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OCCLUSION), 0);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 40000, 2), 0);
	rig_run(r, 200);
	before = rig_truth(r);
	/* the screw has 20 um to take up: 2.3 uL that must not be missing */
	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	assert_delivered(r, (double)(rig_truth(r).delivered_fl - before.delivered_fl), 20000,
			 "after backing off");
	rig_free(r);
}
END_TEST

START_TEST(the_sum_of_the_log_the_total_and_the_plunger_agree)
{
	struct rig *r = rig_ready(200000, 10);
	s64 start = rig_truth(r).plunger_nm;
	u64 total = r->m.fw.head.total_nl;
	double area = rig_step_nl(r) / 312.5;

	for (unsigned i = 0; i < 10; i++) {
		rig_run(r, 300);
		ck_assert_int_eq(rig_fire(r), 0);
		rig_drain(r);
	}
	ck_assert_uint_eq(r->m.fw.head.total_nl - total, rig_log_sum_nl(r));
	ck_assert(fabs((double)(rig_truth(r).plunger_nm - start) * area -
		       (double)rig_log_sum_nl(r)) < 20);
	rig_free(r);
}
END_TEST

START_TEST(a_press_is_one_shot_however_long_it_is_held)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_TRIGGER, 1);
	rig_run(r, 5000);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 1);
	rig_hand(r, MESO_HAND_TRIGGER, 0);
	rig_run(r, 100);
	rig_press(r);
	rig_drain(r);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 2);
	rig_free(r);
}
END_TEST

START_TEST(the_pedal_jack_pulls_like_the_trigger)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_PEDAL, 1);
	rig_run(r, 10);
	ck_assert(rig_frame(r).status & MESO_STATUS_PEDAL);
	rig_drain(r);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 1);
	rig_free(r);
}
END_TEST

START_TEST(a_trigger_held_before_arm_does_nothing_until_let_go_and_pulled_again)
{
	/* in either mode; long before ARM, and in the very millisecond of it */
	for (unsigned i = 0; i < 4; i++) {
		struct meso_config c = rig_config();
		struct rig *r;

		c.mode = i & 1 ? MESO_MODE_REPEAT : MESO_MODE_SINGLE;
		r = rig_new_with(c);
		rig_prime(r);
		rig_hand(r, MESO_HAND_CONTACT, 1);
		rig_run(r, 5);
		rig_hand(r, MESO_HAND_TRIGGER, 1);
		rig_run(r, i & 2 ? 0 : 50);
		ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 100000, 5), 0);
		rig_run(r, 3000);
		ck_assert_uint_eq(rig_truth(r).shots, 3);
		rig_hand(r, MESO_HAND_TRIGGER, 0);
		rig_run(r, 10);
		ck_assert_uint_eq(rig_truth(r).shots, 3);
		rig_hand(r, MESO_HAND_TRIGGER, 1);
		rig_run(r, 10);
		ck_assert_uint_eq(rig_truth(r).shots, 4);
		rig_free(r);
	}
}
END_TEST

START_TEST(a_trigger_high_at_power_up_is_no_press)
{
	struct rig *r = rig_new();
	u32 edges;

	rig_hand(r, MESO_HAND_TRIGGER, 1);
	rig_power_cycle(r);
	edges = rig_frame(r).trigger_edges;
	ck_assert_uint_eq(edges, 0);
	rig_hand(r, MESO_HAND_TRIGGER, 0);
	rig_run(r, 5);
	rig_hand(r, MESO_HAND_TRIGGER, 1);
	ck_assert_uint_eq(rig_frame(r).trigger_edges, 1);
	rig_free(r);
}
END_TEST

START_TEST(repeat_fires_at_its_rate_while_held_and_stops_when_let_go)
{
	static const u32 rates[] = { 2000, 5000, 9000 };

	for (unsigned i = 0; i < ARRAY_SIZE(rates); i++) {
		struct meso_config c = rig_config();
		struct rig *r;
		u64 start;

		c.mode = MESO_MODE_REPEAT;
		c.rate_mhz = rates[i];
		c.dose_nl = 2000;
		r = rig_new_with(c);
		rig_make_ready(r, 200000, 100);
		start = rig_truth(r).shots;
		rig_hand(r, MESO_HAND_TRIGGER, 1);
		rig_run(r, 3000);
		rig_hand(r, MESO_HAND_TRIGGER, 0);
		rig_run(r, 2);
		/* the first at once, then one an interval, never more */
		ck_assert_uint_le(rig_truth(r).shots - start, 3 * rates[i] / 1000 + 1);
		ck_assert_uint_ge(rig_truth(r).shots - start, 3 * rates[i] / 1000 - 1);
		start = rig_truth(r).shots;
		rig_run(r, 1000);
		ck_assert_uint_eq(rig_truth(r).shots, start);
		rig_free(r);
	}
}
END_TEST

START_TEST(presses_faster_than_the_minimum_interval_are_dropped_not_queued)
{
	struct rig *r = rig_new();
	struct meso_lease lease;

	rig_prime(r);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	lease = rig_lease(r, MESO_KIND_TREAT, 200000, 10);
	lease.min_interval_ms = 1000;
	r->lease = lease;
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &lease), 0);
	r->beating = true;
	rig_run(r, 1000);
	for (unsigned i = 0; i < 10; i++) {
		rig_press(r);
		rig_run(r, 76);
	}
	rig_run(r, 3000);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 1);
	rig_press(r);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 2);
	rig_free(r);
}
END_TEST

START_TEST(fire_wants_the_lease_and_the_number_and_never_fires_twice)
{
	struct rig *r = rig_ready(100000, 5);
	u8 other[MESO_LEASE_ID_LEN] = { 9 };
	u64 next = r->m.fw.head.shot_count + 1;

	ck_assert_int_eq(meso_model_fire(&r->m, r->now, other, next), -ESTALE);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next + 1), -ESTALE);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next - 1), -ESTALE);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, 0), -ESTALE);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next), 0);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next), -EBUSY);
	rig_run(r, 50);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next), -EBUSY);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next + 1), -EBUSY);
	rig_drain(r);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next), -ESTALE);
	ck_assert_uint_eq(rig_truth(r).shots, 3 + 1);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next + 1), 0);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
	ck_assert_int_eq(meso_model_fire(&r->m, r->now, r->lease.id, next + 2), -ESTALE);
	rig_free(r);
}
END_TEST

START_TEST(fire_before_the_interval_has_passed_is_refused_as_such)
{
	struct meso_config c = rig_config();
	struct rig *r;

	c.dose_nl = 1000;
	r = rig_new_with(c);
	rig_prime(r);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	r->lease = rig_lease(r, MESO_KIND_TREAT, 10000, 10);
	r->lease.min_interval_ms = 2000;
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &r->lease), 0);
	r->beating = true;
	rig_run(r, 2000);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	ck_assert_int_eq(rig_fire(r), -EAGAIN);
	rig_run(r, 2000);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_free(r);
}
END_TEST

START_TEST(a_treatment_needs_skin_contact_and_vacuum_a_prime_forbids_contact)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_CONTACT, 0);
	rig_run(r, 2);
	ck_assert_int_eq(rig_fire(r), -EACCES);
	rig_press(r);
	ck_assert_uint_eq(rig_truth(r).shots, 3);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	rig_hand(r, MESO_HAND_VACUUM, 0);
	rig_run(r, 2);
	ck_assert_int_eq(rig_fire(r), -EACCES);
	rig_hand(r, MESO_HAND_VACUUM, -20000);
	rig_run(r, 2);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	meso_model_abort(&r->m, r->now);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_PRIME, 100000, 5), -EACCES);
	rig_free(r);
}
END_TEST

START_TEST(contact_during_a_prime_stops_it_and_ends_the_lease)
{
	struct rig *r = rig_new();
	struct meso_frame f;

	ck_assert_int_eq(rig_arm(r, MESO_KIND_PRIME, 100000, 5), 0);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 60);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	rig_run(r, 1);
	ck_assert_uint_eq(rig_truth(r).moving, 0);
	f = rig_frame(r);
	ck_assert_uint_eq(f.lease_end, MESO_END_CONTACT);
	ck_assert(!(f.status & MESO_STATUS_LEASE_OPEN));
	ck_assert_uint_eq(rig_shot(r, 1).result, MESO_SHOT_STOPPED);
	ck_assert_uint_lt(rig_shot(r, 1).displaced_nl, 20000);
	ck_assert_uint_eq(rig_shot(r, 1).flags, MESO_STATUS_CONTACT);
	ck_assert(!(f.status & MESO_STATUS_PRIMED));
	rig_free(r);
}
END_TEST

START_TEST(contact_lost_stops_the_shot_and_what_was_displaced_is_counted)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_shot shot;

	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 60);
	rig_hand(r, MESO_HAND_CONTACT, 0);
	rig_run(r, 1);
	ck_assert_uint_eq(rig_truth(r).moving, 0);
	rig_drain(r);
	shot = rig_shot(r, r->m.fw.head.shot_count);
	ck_assert_uint_eq(shot.result, MESO_SHOT_STOPPED);
	ck_assert_uint_gt(shot.displaced_nl, 1000);
	ck_assert_uint_lt(shot.displaced_nl, 20000);
	ck_assert_uint_lt(shot.reported_nl, shot.displaced_nl);
	ck_assert_uint_le(rig_truth(r).lease_fl, rig_larger_nl(&shot) * 1000000 + 1000000);
	ck_assert_uint_eq(rig_frame(r).lease_left_nl, 100000 - rig_larger_nl(&shot));
	rig_free(r);
}
END_TEST

START_TEST(a_lease_never_delivers_more_than_its_volume_or_shots)
{
	static const struct {
		u32 volume, shots, expect;
	} leases[] = { { 100000, 3, 3 }, { 50000, 10, 2 }, { 19999, 5, 0 },
		       { 20000, 5, 1 },  { 1, 1, 0 },      { 59000, 3, 2 } };

	for (unsigned i = 0; i < ARRAY_SIZE(leases); i++) {
		struct rig *r = rig_ready(leases[i].volume, leases[i].shots);

		for (unsigned n = 0; n < 6; n++) {
			rig_run(r, 700);
			rig_press(r);
		}
		rig_drain(r);
		ck_assert_uint_eq(rig_truth(r).shots, 3 + leases[i].expect);
		ck_assert_uint_eq(rig_frame(r).lease_end, MESO_END_SPENT);
		ck_assert_uint_eq(rig_truth(r).max_beyond_lease_fl, 0);
		ck_assert_int_eq(rig_fire(r), -ESTALE);
		rig_free(r);
	}
}
END_TEST

START_TEST(the_frame_counts_the_lease_down_while_the_plunger_moves)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_frame f = rig_frame(r);
	u32 left;

	ck_assert_uint_eq(f.lease_left_nl, 100000);
	ck_assert_uint_eq(f.lease_shots_left, 5);
	ck_assert_int_eq(rig_fire(r), 0);
	left = f.lease_left_nl;
	for (unsigned i = 0; i < 150; i++) {
		f = rig_frame(r);
		ck_assert_uint_eq(f.state, MESO_GUN_FIRING);
		ck_assert_uint_eq(f.lease_shots_left, 4);
		ck_assert_uint_le(f.lease_left_nl, left);
		left = f.lease_left_nl;
	}
	ck_assert_uint_lt(left, 90000);
	rig_free(r);
}
END_TEST

START_TEST(an_abort_stops_the_plunger_within_a_tick_and_counts_all_it_moved)
{
	for (unsigned ms = 1; ms < 190; ms += 9) {
		struct rig *r = rig_ready(100000, 5);
		struct meso_truth t;
		s64 stop;

		ck_assert_int_eq(rig_fire(r), 0);
		rig_run(r, ms);
		ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
		ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
		stop = rig_truth(r).plunger_nm;
		rig_drain(r);
		t = rig_truth(r);
		ck_assert_int_eq(t.plunger_nm, stop);
		ck_assert_uint_eq(rig_frame(r).lease_end, MESO_END_DISARM);
		ck_assert_uint_le(t.lease_fl, (rig_log_sum_nl(r) + 1) * 1000000);
		rig_free(r);
	}
}
END_TEST

START_TEST(frames_come_at_1_khz_armed_and_10_hz_at_rest)
{
	struct rig *r = rig_new();
	struct meso_frame f;
	unsigned frames = 0;
	u64 seq = 0;

	rig_run(r, 300);
	for (unsigned ms = 0; ms < 1000; ms++) {
		rig_run(r, 1);
		frames += meso_model_frame(&r->m, r->now, &f) == 0;
	}
	ck_assert_uint_ge(frames, 9);
	ck_assert_uint_le(frames, 11);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_PRIME, 100000, 5), 0);
	for (unsigned ms = 0; ms < 1000; ms++) {
		rig_run(r, 1);
		ck_assert_int_eq(meso_model_frame(&r->m, r->now, &f), 0);
		ck_assert(!seq || f.seq == seq + 1);
		seq = f.seq;
		ck_assert_uint_eq(meso_model_next_ns(&r->m), r->now + MS);
	}
	/* what changes is told at once */
	meso_model_abort(&r->m, r->now);
	rig_run(r, 1);
	ck_assert_int_eq(meso_model_frame(&r->m, r->now, &f), 0);
	ck_assert_uint_eq(f.lease_end, MESO_END_DISARM);
	rig_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model shot");
	TCase *t = tcase_create("shots");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_shot_delivers_what_was_asked_within_a_motor_step);
	tcase_add_test(t, pressure_stays_below_its_target_whatever_the_fluid_and_needle);
	tcase_add_test(t, after_backing_off_the_next_shot_still_delivers_its_dose);
	tcase_add_test(t, the_sum_of_the_log_the_total_and_the_plunger_agree);
	tcase_add_test(t, a_press_is_one_shot_however_long_it_is_held);
	tcase_add_test(t, the_pedal_jack_pulls_like_the_trigger);
	tcase_add_test(t, a_trigger_held_before_arm_does_nothing_until_let_go_and_pulled_again);
	tcase_add_test(t, a_trigger_high_at_power_up_is_no_press);
	tcase_add_test(t, repeat_fires_at_its_rate_while_held_and_stops_when_let_go);
	tcase_add_test(t, presses_faster_than_the_minimum_interval_are_dropped_not_queued);
	tcase_add_test(t, fire_wants_the_lease_and_the_number_and_never_fires_twice);
	tcase_add_test(t, fire_before_the_interval_has_passed_is_refused_as_such);
	tcase_add_test(t, a_treatment_needs_skin_contact_and_vacuum_a_prime_forbids_contact);
	tcase_add_test(t, contact_during_a_prime_stops_it_and_ends_the_lease);
	tcase_add_test(t, contact_lost_stops_the_shot_and_what_was_displaced_is_counted);
	tcase_add_test(t, a_lease_never_delivers_more_than_its_volume_or_shots);
	tcase_add_test(t, the_frame_counts_the_lease_down_while_the_plunger_moves);
	tcase_add_test(t, an_abort_stops_the_plunger_within_a_tick_and_counts_all_it_moved);
	tcase_add_test(t, frames_come_at_1_khz_armed_and_10_hz_at_rest);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
