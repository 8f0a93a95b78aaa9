// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Every fault: what raises it, what it stops, that it latches, that it cannot
 * be cleared while its cause is there; and every way a lease can end.
 */
#include "model_rig.h"

static void assert_stopped_by(struct rig *r, u32 fault)
{
	struct meso_frame f = rig_frame(r);

	ck_assert_msg(f.faults & fault, "faults %#x, not %#x", f.faults, fault);
	ck_assert(!(f.status & MESO_STATUS_LEASE_OPEN));
	ck_assert_uint_eq(f.lease_end, MESO_END_FAULT);
	ck_assert(f.state == MESO_GUN_FAULT || f.state == MESO_GUN_RELIEVING);
	rig_drain(r);
	ck_assert_int_eq(rig_fire(r), -ESTALE);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 20000, 1), -EACCES);
	ck_assert_uint_le(rig_truth(r).lease_fl, (rig_log_sum_nl(r) + 1) * 1000000);
	/* a power cycle clears nothing */
	rig_power_cycle(r);
	ck_assert(rig_frame(r).faults & fault);
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &r->config), 0);
	rig_run(r, 100);
}

START_TEST(a_blocked_needle_trips_within_a_tick_and_pressure_is_relieved)
{
	static const u32 doses[] = { 2000, 10000, 20000, 200000 };
	static const u32 at_ms[] = { 0, 10, 30 };

	for (unsigned i = 0; i < 12; i++) {
		struct meso_config c = rig_config();
		s32 peak = 0;
		struct rig *r;

		c.dose_nl = doses[i % 4];
		r = rig_new_with(c);
		rig_make_ready(r, 5 * c.dose_nl, 5);
		rig_run(r, 600);
		ck_assert_int_eq(rig_fire(r), 0);
		rig_run(r, at_ms[i / 4]);
		rig_hand(r, MESO_HAND_OCCLUDE, 1);
		for (unsigned ms = 0; ms < 800 && !r->m.fw.head.faults; ms++) {
			s32 limit = r->m.fw.limit_pa;
			s64 pa;

			rig_run(r, 1);
			pa = rig_truth(r).pressure_pa;
			peak = pa > peak ? (s32)pa : peak;
			/* never more than the limit and a tick's rise */
			ck_assert_int_le(pa, limit + 6000 + 3000);
		}
		ck_assert_uint_eq(r->m.fw.head.faults, MESO_FAULT_OCCLUSION);
		ck_assert_int_lt(peak, 450000 + 6000);
		ck_assert_uint_eq(rig_frame(r).state, MESO_GUN_RELIEVING);
		rig_run(r, 300);
		ck_assert_int_le(rig_truth(r).pressure_pa, 10000);
		ck_assert_uint_eq(rig_frame(r).state, MESO_GUN_FAULT);
		ck_assert_int_eq(rig_clear(r, MESO_FAULT_OCCLUSION), 0);
		ck_assert_uint_le(rig_truth(r).lease_fl, (rig_log_sum_nl(r) + 1) * 1000000);
		rig_free(r);
	}
}
END_TEST

START_TEST(an_occlusion_latches_and_ends_the_lease)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_OCCLUDE, 1);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 150);
	ck_assert_uint_eq(rig_shot(r, 4).result, MESO_SHOT_FAULT);
	ck_assert_uint_lt(rig_shot(r, 4).reported_nl, rig_shot(r, 4).displaced_nl / 4);
	assert_stopped_by(r, MESO_FAULT_OCCLUSION);
	rig_free(r);
}
END_TEST

START_TEST(an_occlusion_cannot_be_cleared_under_pressure)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_OCCLUDE, 1);
	ck_assert_int_eq(rig_fire(r), 0);
	while (!r->m.fw.head.faults)
		rig_run(r, 1);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OCCLUSION), -EBUSY);
	rig_run(r, 500);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OCCLUSION), 0);
	rig_free(r);
}
END_TEST

START_TEST(a_fluid_thicker_than_configured_is_an_occlusion)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_VISCOSITY, 10000);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 300);
	assert_stopped_by(r, MESO_FAULT_OCCLUSION);
	rig_free(r);
}
END_TEST

START_TEST(pressure_left_by_a_stop_in_a_blocked_needle_is_found_and_relieved)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_OCCLUDE, 1);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 20);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), 0);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 20000, 1), -EBUSY);
	ck_assert_uint_eq(rig_frame(r).state, MESO_GUN_RELIEVING);
	rig_run(r, 1000);
	ck_assert_uint_eq(rig_frame(r).faults, MESO_FAULT_OCCLUSION);
	ck_assert_int_lt(rig_truth(r).pressure_pa, 10000);
	rig_free(r);
}
END_TEST

START_TEST(a_pressure_sensor_that_reads_too_much_stops_too_little_stops)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_PRESSURE_BIAS, 60000);
	rig_run(r, 2);
	assert_stopped_by(r, MESO_FAULT_OCCLUSION);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OCCLUSION), -EBUSY);
	rig_free(r);

	r = rig_ready(100000, 5);
	rig_hand(r, MESO_HAND_PRESSURE_BIAS, -300000);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 100);
	assert_stopped_by(r, MESO_FAULT_AIR);
	rig_free(r);
}
END_TEST

START_TEST(air_in_the_syringe_is_found_and_wants_another_prime)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_AIR, 100000);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 300);
	assert_stopped_by(r, MESO_FAULT_AIR);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_AIR), 0);
	ck_assert(!(rig_frame(r).status & MESO_STATUS_PRIMED));
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 20000, 1), -ENODATA);
	ck_assert_int_eq(meso_model_log_ack(&r->m, r->now, r->m.fw.head.epoch, 4), 0);
	/* needle up, two primes drive the bubble out */
	rig_prime(r);
	r->m.fw.primed_nl = 0;
	rig_prime(r);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	rig_run(r, 5);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 20000, 1), 0);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_drain(r);
	ck_assert_uint_eq(rig_frame(r).faults, 0);
	rig_free(r);
}
END_TEST

START_TEST(less_than_a_shot_in_the_syringe_is_refused_before_the_plunger_moves)
{
	struct rig *r = rig_new();

	rig_hand(r, MESO_HAND_SYRINGE, 130000);
	rig_run(r, 5);
	rig_make_ready(r, 200000, 10);
	for (unsigned i = 0; i < 3; i++) {
		rig_run(r, 100);
		ck_assert_int_eq(rig_fire(r), 0);
		rig_drain(r);
	}
	/* 130 - 3 x 20 - 3 x 20: ten left */
	ck_assert_uint_lt(rig_frame(r).reservoir_nl, 20000);
	rig_run(r, 200);
	ck_assert_int_eq(rig_fire(r), -EACCES);
	ck_assert_uint_eq(rig_truth(r).shots, 6);
	assert_stopped_by(r, MESO_FAULT_EMPTY);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_EMPTY), -EBUSY);
	rig_hand(r, MESO_HAND_SYRINGE, 5000000);
	rig_run(r, 5);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_EMPTY), 0);
	/* a new syringe is not primed */
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 20000, 1), -ENODATA);
	rig_free(r);
}
END_TEST

START_TEST(a_syringe_taken_out_or_exchanged_ends_the_lease)
{
	static const s64 fills[] = { 0, 3000000 };

	for (unsigned i = 0; i < 2; i++) {
		struct rig *r = rig_ready(100000, 5);

		rig_hand(r, MESO_HAND_SYRINGE, fills[i]);
		rig_run(r, 2);
		ck_assert_uint_eq(rig_frame(r).cartridge_id, i);
		ck_assert_uint_eq(!rig_frame(r).reservoir_nl, !i);
		assert_stopped_by(r, MESO_FAULT_EMPTY);
		rig_free(r);
	}
}
END_TEST

START_TEST(a_stuck_plunger_is_an_encoder_mismatch_until_the_syringe_is_put_in_anew)
{
	struct rig *r = rig_ready(100000, 5);
	u64 before = rig_truth(r).delivered_fl;

	rig_hand(r, MESO_HAND_STICK_PLUNGER, 1);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 40);
	ck_assert_uint_eq(rig_truth(r).delivered_fl, before);
	/* counted by the larger encoder, though nothing came out */
	ck_assert_uint_gt(rig_shot(r, 4).displaced_nl, 500);
	ck_assert_uint_eq(rig_shot(r, 4).displaced2_nl, 0);
	assert_stopped_by(r, MESO_FAULT_ENCODER_MISMATCH);
	rig_hand(r, MESO_HAND_STICK_PLUNGER, 0);
	rig_run(r, 5);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_ENCODER_MISMATCH), -EBUSY);
	rig_hand(r, MESO_HAND_SYRINGE, 4000000);
	rig_run(r, 5);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_ENCODER_MISMATCH), 0);
	rig_free(r);
}
END_TEST

START_TEST(a_biased_encoder_is_a_mismatch_beyond_its_tolerance)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_ENCODER_BIAS, 4500);
	rig_run(r, 10);
	ck_assert_uint_eq(rig_frame(r).faults, 0);
	rig_hand(r, MESO_HAND_ENCODER_BIAS, -6000);
	rig_run(r, 3);
	assert_stopped_by(r, MESO_FAULT_ENCODER_MISMATCH);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_ENCODER_MISMATCH), -EBUSY);
	rig_hand(r, MESO_HAND_ENCODER_BIAS, 0);
	rig_run(r, 3);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_ENCODER_MISMATCH), 0);
	rig_free(r);
}
END_TEST

START_TEST(a_depth_off_by_more_than_200_um_stops)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_DEPTH_BIAS, 200);
	rig_run(r, 3);
	ck_assert_uint_eq(rig_frame(r).faults, 0);
	rig_hand(r, MESO_HAND_DEPTH_BIAS, -201);
	rig_run(r, 3);
	ck_assert_uint_eq(rig_frame(r).depth_um, 1799);
	assert_stopped_by(r, MESO_FAULT_DEPTH_MISMATCH);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_DEPTH_MISMATCH), -EBUSY);
	rig_hand(r, MESO_HAND_DEPTH_BIAS, 0);
	rig_run(r, 3);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_DEPTH_MISMATCH), 0);
	rig_free(r);
}
END_TEST

START_TEST(a_trigger_held_for_10_s_is_stuck_whoever_holds_it)
{
	static const enum meso_hand hands[] = { MESO_HAND_TRIGGER, MESO_HAND_PEDAL,
						MESO_HAND_STICK_TRIGGER };

	for (unsigned i = 0; i < ARRAY_SIZE(hands); i++) {
		struct rig *r = rig_ready(100000, 5);

		rig_hand(r, hands[i], 1);
		rig_run(r, 9990);
		ck_assert_uint_eq(rig_frame(r).faults, 0);
		rig_run(r, 20);
		assert_stopped_by(r, MESO_FAULT_STUCK_TRIGGER);
		ck_assert_int_eq(rig_clear(r, MESO_FAULT_STUCK_TRIGGER), -EBUSY);
		rig_hand(r, hands[i], 0);
		rig_run(r, 3);
		ck_assert_int_eq(rig_clear(r, MESO_FAULT_STUCK_TRIGGER), 0);
		rig_free(r);
	}
}
END_TEST

START_TEST(a_hot_gun_and_an_empty_battery_stop)
{
	struct rig *r = rig_ready(100000, 5);

	rig_hand(r, MESO_HAND_TEMPERATURE, 45001);
	rig_run(r, 2);
	assert_stopped_by(r, MESO_FAULT_OVER_TEMPERATURE);
	rig_hand(r, MESO_HAND_TEMPERATURE, 44000);
	rig_run(r, 2);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OVER_TEMPERATURE), -EBUSY);
	rig_hand(r, MESO_HAND_TEMPERATURE, 43000);
	rig_run(r, 2);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OVER_TEMPERATURE), 0);
	rig_free(r);

	r = rig_ready(100000, 5);
	rig_hand(r, MESO_HAND_BATTERY, 9);
	rig_run(r, 2);
	ck_assert_uint_eq(rig_frame(r).battery_mv, 3381);
	assert_stopped_by(r, MESO_FAULT_LOW_BATTERY);
	rig_hand(r, MESO_HAND_BATTERY, 14);
	rig_run(r, 2);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_LOW_BATTERY), -EBUSY);
	rig_hand(r, MESO_HAND_BATTERY, 15);
	rig_run(r, 2);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_LOW_BATTERY), 0);
	rig_free(r);
}
END_TEST

START_TEST(a_lost_heartbeat_disarms_within_its_period_and_a_tick_and_only_informs)
{
	struct rig *r = rig_ready(100000, 5);
	unsigned ms = 0;

	rig_run(r, 40);
	r->beating = false;
	ck_assert_int_eq(meso_model_heartbeat(&r->m, r->now, r->lease.id), 0);
	while (rig_truth(r).armed) {
		rig_run(r, 1);
		ms++;
	}
	ck_assert_uint_eq(ms, 101);
	ck_assert_uint_eq(rig_frame(r).lease_end, MESO_END_HEARTBEAT);
	ck_assert_uint_eq(rig_frame(r).faults, MESO_FAULT_HEARTBEAT_LOST);
	ck_assert_int_eq(meso_model_heartbeat(&r->m, r->now, r->lease.id), -ESTALE);
	/* nothing re-arms by itself; a new lease may */
	rig_run(r, 1000);
	ck_assert_uint_eq(rig_truth(r).armed, 0);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 100000, 5), 0);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_HEARTBEAT_LOST), -EBUSY);
	meso_model_abort(&r->m, r->now);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_HEARTBEAT_LOST), 0);
	rig_free(r);
}
END_TEST

START_TEST(a_heartbeat_lost_in_mid_shot_stops_the_plunger)
{
	struct rig *r = rig_ready(100000, 5);
	s64 stop;

	r->beating = false;
	rig_run(r, 60);
	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 60);
	ck_assert_uint_eq(rig_truth(r).moving, 0);
	stop = rig_truth(r).plunger_nm;
	rig_drain(r);
	ck_assert_int_eq(rig_truth(r).plunger_nm, stop);
	ck_assert_uint_eq(rig_shot(r, 4).result, MESO_SHOT_STOPPED);
	ck_assert_uint_le(rig_truth(r).lease_fl, (rig_log_sum_nl(r) + 1) * 1000000);
	rig_free(r);
}
END_TEST

START_TEST(a_lease_ends_when_its_time_has_run_out)
{
	struct rig *r = rig_new();

	rig_prime(r);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	r->lease = rig_lease(r, MESO_KIND_TREAT, 100000, 5);
	r->lease.expiry_ms = 1500;
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &r->lease), 0);
	r->beating = true;
	rig_run(r, 1499);
	ck_assert_uint_eq(rig_truth(r).armed, 1);
	rig_run(r, 1);
	ck_assert_uint_eq(rig_truth(r).armed, 0);
	ck_assert_uint_eq(rig_frame(r).lease_end, MESO_END_EXPIRED);
	ck_assert_uint_eq(rig_frame(r).faults, 0);
	rig_free(r);
}
END_TEST

START_TEST(a_fault_nobody_saw_cannot_be_cleared)
{
	struct rig *r = rig_ready(100000, 5);
	u32 counter;

	rig_hand(r, MESO_HAND_TEMPERATURE, 50000);
	rig_run(r, 3);
	counter = rig_frame(r).fault_counter;
	rig_hand(r, MESO_HAND_BATTERY, 5);
	rig_run(r, 3);
	rig_hand(r, MESO_HAND_TEMPERATURE, 25000);
	rig_hand(r, MESO_HAND_BATTERY, 80);
	rig_run(r, 3);
	ck_assert_uint_gt(rig_frame(r).fault_counter, counter);
	ck_assert_int_eq(meso_model_clear_faults(&r->m, r->now, MESO_FAULT_OVER_TEMPERATURE,
						 r->boot_id, counter),
			 -ESTALE);
	ck_assert_int_eq(meso_model_clear_faults(&r->m, r->now, MESO_FAULT_OVER_TEMPERATURE,
						 r->boot_id + 1, counter + 1),
			 -ESTALE);
	ck_assert_int_eq(rig_clear(r, 1U << 16), -EINVAL);
	ck_assert_int_eq(rig_clear(r, MESO_FAULT_OVER_TEMPERATURE), 0);
	ck_assert_uint_eq(rig_frame(r).faults, MESO_FAULT_LOW_BATTERY);
	rig_free(r);
}
END_TEST

START_TEST(arm_refuses_each_bad_lease_with_its_own_reason)
{
	struct rig *r = rig_new();
	struct meso_lease good, l;

	rig_prime(r);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	rig_run(r, 2);
	good = rig_lease(r, MESO_KIND_TREAT, 100000, 5);
#define REFUSED(errno, field, value)                                           \
	do {                                                                   \
		l = good;                                                      \
		l.field = value;                                               \
		ck_assert_int_eq(meso_model_arm(&r->m, r->now, &l), -(errno)); \
		ck_assert_uint_eq(rig_truth(r).armed, 0);                      \
	} while (0)
	REFUSED(EINVAL, kind, 2);
	REFUSED(EINVAL, reserved[1], 1);
	REFUSED(ERANGE, volume_nl, 0);
	REFUSED(ERANGE, volume_nl, 10000001);
	REFUSED(ERANGE, shots, 0);
	REFUSED(ERANGE, shots, 257);
	REFUSED(ERANGE, min_interval_ms, 110);
	REFUSED(ERANGE, expiry_ms, 0);
	REFUSED(ERANGE, expiry_ms, 600001);
	REFUSED(ERANGE, heartbeat_ms, 49);
	REFUSED(ERANGE, heartbeat_ms, 301);
	REFUSED(ESTALE, boot_id, 1);
	REFUSED(ESTALE, sequence, good.sequence - 1);
	REFUSED(ESTALE, sequence, 0);
	l = good;
	memset(l.id, 0, sizeof(l.id));
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &l), -EINVAL);
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &good), 0);
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &good), -ESTALE);
	l = good;
	l.sequence++;
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &l), -EBUSY);
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &r->config), -EBUSY);
	meso_model_abort(&r->m, r->now);
	/* replayed after the end, and after a reboot */
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &good), -ESTALE);
	rig_power_cycle(r);
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &good), -ESTALE);
	l.boot_id = r->boot_id;
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &l), -ENODATA);
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &r->config), 0);
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &l), -ENODATA);
	meso_model_power_off(&r->m, r->now);
	ck_assert_int_eq(meso_model_arm(&r->m, r->now, &l), -ENODEV);
	rig_free(r);
}
END_TEST

START_TEST(configure_refuses_each_bad_value_and_keeps_the_old)
{
	struct rig *r = rig_new();
	struct meso_config c;

#define BAD(errno, field, value)                                                     \
	do {                                                                         \
		c = rig_config();                                                    \
		c.field = value;                                                     \
		ck_assert_int_eq(meso_model_configure(&r->m, r->now, &c), -(errno)); \
		ck_assert_uint_eq(rig_frame(r).dose_nl, 20000);                      \
	} while (0)
	BAD(ERANGE, bore_um, 999);
	BAD(ERANGE, bore_um, 20001);
	BAD(ERANGE, bore_um, 1000); /* 6 m of syringe */
	BAD(ERANGE, capacity_nl, 99999);
	BAD(ERANGE, capacity_nl, 10000001);
	BAD(ERANGE, dose_nl, 900);
	BAD(ERANGE, dose_nl, 200100);
	BAD(EINVAL, dose_nl, 20050);
	BAD(ERANGE, depth_um, 13001);
	BAD(EINVAL, mode, 2);
	BAD(ERANGE, rate_mhz, 99);
	BAD(ERANGE, rate_mhz, 9001);
	BAD(ERANGE, viscosity_upas, 499);
	BAD(ERANGE, viscosity_upas, 50001);
	BAD(ERANGE, needle_um, 49);
	BAD(ERANGE, needle_um, 501);
	BAD(ERANGE, needle_length_um, 999);
	BAD(ERANGE, needle_length_um, 20001);
	BAD(ERANGE, needles, 0);
	BAD(ERANGE, needles, 10);
	BAD(EINVAL, reserved[2], 1);
	/* a dose that would take minutes through such a needle */
	c = rig_config();
	c.viscosity_upas = 50000;
	c.needle_um = 50;
	c.dose_nl = 200000;
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &c), -ERANGE);
	c = rig_config();
	c.dose_nl = 1000;
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &c), 0);
	rig_free(r);
}
END_TEST

START_TEST(another_syringe_size_is_not_primed)
{
	struct rig *r = rig_new();
	struct meso_config c = rig_config();

	rig_prime(r);
	c.bore_um = 14500;
	c.capacity_nl = 10000000;
	ck_assert_int_eq(meso_model_configure(&r->m, r->now, &c), 0);
	rig_run(r, 5);
	ck_assert(!(rig_frame(r).status & MESO_STATUS_PRIMED));
	ck_assert_uint_eq(rig_frame(r).faults, 0);
	ck_assert_uint_eq(rig_frame(r).bore_um, 14500);
	rig_hand(r, MESO_HAND_CONTACT, 1);
	ck_assert_int_eq(rig_arm(r, MESO_KIND_TREAT, 20000, 1), -ENODATA);
	rig_free(r);
}
END_TEST

START_TEST(a_frozen_gun_says_nothing_and_delivers_no_more_than_its_shot)
{
	struct rig *r = rig_ready(100000, 5);
	struct meso_frame f;
	struct meso_info info;

	ck_assert_int_eq(rig_fire(r), 0);
	rig_run(r, 30);
	rig_hand(r, MESO_HAND_FREEZE, 1);
	rig_hand(r, MESO_HAND_TRIGGER, 1);
	rig_run(r, 5000);
	ck_assert_int_eq(meso_model_frame(&r->m, r->now, &f), -EAGAIN);
	ck_assert_int_eq(meso_model_abort(&r->m, r->now), -ETIMEDOUT);
	ck_assert_int_eq(meso_model_heartbeat(&r->m, r->now, r->lease.id), -ETIMEDOUT);
	ck_assert_int_eq(meso_model_info(&r->m, &info), -ETIMEDOUT);
	ck_assert_uint_le(rig_truth(r).lease_fl, 20001000000);
	ck_assert_uint_eq(rig_truth(r).armed, 0);
	/* awake again, its dead man has long run out */
	rig_hand(r, MESO_HAND_FREEZE, 0);
	rig_run(r, 2);
	ck_assert_uint_eq(rig_frame(r).lease_end, MESO_END_HEARTBEAT);
	ck_assert_uint_le(rig_truth(r).lease_fl, (rig_log_sum_nl(r) + 1) * 1000000);
	rig_free(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model fault");
	TCase *t = tcase_create("faults and ends");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_blocked_needle_trips_within_a_tick_and_pressure_is_relieved);
	tcase_add_test(t, an_occlusion_latches_and_ends_the_lease);
	tcase_add_test(t, an_occlusion_cannot_be_cleared_under_pressure);
	tcase_add_test(t, a_fluid_thicker_than_configured_is_an_occlusion);
	tcase_add_test(t, pressure_left_by_a_stop_in_a_blocked_needle_is_found_and_relieved);
	tcase_add_test(t, a_pressure_sensor_that_reads_too_much_stops_too_little_stops);
	tcase_add_test(t, air_in_the_syringe_is_found_and_wants_another_prime);
	tcase_add_test(t, less_than_a_shot_in_the_syringe_is_refused_before_the_plunger_moves);
	tcase_add_test(t, a_syringe_taken_out_or_exchanged_ends_the_lease);
	tcase_add_test(t, a_stuck_plunger_is_an_encoder_mismatch_until_the_syringe_is_put_in_anew);
	tcase_add_test(t, a_biased_encoder_is_a_mismatch_beyond_its_tolerance);
	tcase_add_test(t, a_depth_off_by_more_than_200_um_stops);
	tcase_add_test(t, a_trigger_held_for_10_s_is_stuck_whoever_holds_it);
	tcase_add_test(t, a_hot_gun_and_an_empty_battery_stop);
	tcase_add_test(t, a_lost_heartbeat_disarms_within_its_period_and_a_tick_and_only_informs);
	tcase_add_test(t, a_heartbeat_lost_in_mid_shot_stops_the_plunger);
	tcase_add_test(t, a_lease_ends_when_its_time_has_run_out);
	tcase_add_test(t, a_fault_nobody_saw_cannot_be_cleared);
	tcase_add_test(t, arm_refuses_each_bad_lease_with_its_own_reason);
	tcase_add_test(t, configure_refuses_each_bad_value_and_keeps_the_old);
	tcase_add_test(t, another_syringe_size_is_not_primed);
	tcase_add_test(t, a_frozen_gun_says_nothing_and_delivers_no_more_than_its_shot);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
