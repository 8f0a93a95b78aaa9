// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Does the model obey the formulas of syringe, needle and compliance?  The
 * expected values are computed here, in floating point, from the textbook
 * and not by the model's own integers.
 */
#include <math.h>

#include "meso_datasheet.h"
#include "meso_fluid.h"
#include "meso_physics.h"
#include "model_rig.h"

#define PI 3.14159265358979323846

static bool near(double value, double expected, double relative)
{
	return fabs(value - expected) <= fabs(expected) * relative;
}

/* Pa at a flow in uL/s */
static double textbook_pa(double mpas, double d_mm, double l_mm, double needles, double ul_s)
{
	double q = ul_s * 1e-9 / needles;
	double d = d_mm * 1e-3;
	double v = q / (PI / 4 * d * d);

	return 128 * mpas * 1e-3 * l_mm * 1e-3 * q / (PI * pow(d, 4)) + 1.15 * 1000 * v * v;
}

static void bench(struct meso_physics *ph, u32 bore_um, u32 capacity_nl)
{
	struct meso_model_params params;

	meso_model_params_default(&params);
	meso_physics_init(ph, &params);
	meso_physics_syringe(ph, bore_um, capacity_nl, capacity_nl);
}

/* Drive the plunger at a flow in uL/s for so many ms, far from any target */
static void drive(struct meso_physics *ph, double ul_s, unsigned ms)
{
	struct meso_motor motor = {
		.enable = 1,
		.target = ph->motor_steps + 1000000,
		.speed = meso_fluid_speed(ph->area_um2, (u64)(ul_s * 1e5)),
		.limit_load = 1,
		.limit_travel_nm = GUN_TRAVEL_MAX_NM,
	};

	while (ms--)
		meso_physics_tick(ph, &motor);
}

START_TEST(a_millimetre_of_travel_displaces_what_the_bore_says)
{
	static const struct {
		u32 bore_um;
		double ul_per_mm;
	} bores[] = { { 4780, 17.9 }, { 8660, 58.9 }, { 12060, 114.2 }, { 14500, 165.1 } };

	for (unsigned i = 0; i < ARRAY_SIZE(bores); i++) {
		double mm = bores[i].bore_um / 1000.0;
		double exact = PI / 4 * mm * mm;
		u64 area = meso_fluid_area(bores[i].bore_um);
		double nl = (double)meso_fluid_volume(area, 1000000) / 1e6;

		ck_assert(near(nl / 1000, exact, 1e-6));
		ck_assert(near(nl / 1000, bores[i].ul_per_mm, 0.003));
		ck_assert_int_le(
			labs(meso_fluid_travel(area, meso_fluid_volume(area, 1000000)) - 1000000),
			1);
	}
}
END_TEST

START_TEST(a_motor_step_on_the_5_ml_syringe_is_36_nl)
{
	struct rig *r = rig_new();

	ck_assert(near(rig_step_nl(r), 36, 0.01));
	ck_assert_int_eq(GUN_STEPS_TO_NM(3200), 1000000);
	rig_free(r);
}
END_TEST

START_TEST(a_32g_needle_resists_by_1_20_kpa_per_ul_s)
{
	struct meso_needle needle;
	double per_ul_s;

	meso_fluid_needle(&needle, 1000, 108, 4000, 1);
	per_ul_s = (double)needle.linear * 1e-8 * 1e5;
	ck_assert(near(per_ul_s, 1200, 0.005));
	meso_fluid_needle(&needle, 1000, 108, 13000, 1);
	ck_assert(near((double)needle.linear * 1e-3, 3890, 0.005));
	meso_fluid_needle(&needle, 1000, 89, 4000, 1);
	ck_assert(near((double)needle.linear * 1e-3 / per_ul_s, pow(108.0 / 89, 4), 0.001));
}
END_TEST

START_TEST(ten_ul_in_100_ms_needs_120_and_137_kpa)
{
	struct meso_needle needle;

	meso_fluid_needle(&needle, 1000, 108, 4000, 1);
	ck_assert(near((double)meso_fluid_pressure_pa(&needle, 10000000), 120e3 + 137e3, 0.01));
	meso_fluid_needle(&needle, 5000, 108, 4000, 1);
	ck_assert(near((double)meso_fluid_pressure_pa(&needle, 10000000), 600e3 + 137e3, 0.01));
}
END_TEST

START_TEST(flow_and_pressure_agree_with_the_textbook_over_the_whole_range)
{
	static const u32 upas[] = { 500, 1000, 5000, 50000 };
	static const u32 um[] = { 50, 89, 108, 127, 260, 500 };
	static const u32 length[] = { 1000, 4000, 20000 };
	static const u32 needles[] = { 1, 5, 9 };
	unsigned seen = 0;

	for (unsigned i = 0; i < 4 * 6 * 3 * 3; i++) {
		u32 v = upas[i % 4], d = um[i / 4 % 6], l = length[i / 24 % 3], n = needles[i / 72];
		struct meso_needle needle;

		meso_fluid_needle(&needle, v, d, l, n);
		for (u64 flow = 10000; flow <= GUN_FLOW_MAX; flow *= 7) {
			double pa = textbook_pa(v / 1000.0, d / 1000.0, l / 1000.0, n,
						(double)flow / 1e5);
			u64 back;

			if (pa > 1e6 || pa < 100)
				continue;
			/* integers of 1e-8 Pa: coarse only where pressure is nothing */
			ck_assert(near((double)meso_fluid_pressure_pa(&needle, flow), pa, 0.02));
			back = meso_fluid_flow(&needle, (u64)(pa * 1000), 0);
			ck_assert(near((double)back, (double)flow, 0.02));
			seen++;
		}
	}
	ck_assert_uint_gt(seen, 200);
}
END_TEST

START_TEST(flowing_steadily_the_pressure_is_that_of_the_needle)
{
	static const struct {
		u32 upas;
		double ul_s;
	} cases[] = { { 1000, 100 }, { 1000, 10 }, { 5000, 30 }, { 50000, 5 } };

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct meso_physics ph;
		double pa = textbook_pa(cases[i].upas / 1000.0, 0.108, 4, 1, cases[i].ul_s);

		bench(&ph, 12060, 5000000);
		meso_physics_needle(&ph, cases[i].upas, 108, 4000, 1);
		drive(&ph, cases[i].ul_s, 8000);
		/* one step is 1.8 kPa of ripple on this syringe */
		ck_assert(fabs((double)ph.pressure_mpa / 1000 - pa) < 0.01 * pa + 2000);
	}
}
END_TEST

START_TEST(blocked_at_100_ul_s_pressure_reaches_300_kpa_in_60_ms_with_6_ul_stored)
{
	struct meso_physics ph;

	bench(&ph, 12060, 5000000);
	ph.occluded = 1;
	drive(&ph, 100, 60);
	ck_assert(near((double)ph.pressure_mpa / 1000, 300e3, 0.01));
	ck_assert(near((double)ph.stored_fl / 1e9, 6, 0.01));
	ck_assert_uint_eq(ph.delivered_fl, 0);
	ck_assert_uint_eq(ph.shots, 1);
}
END_TEST

/* dp/dt = -Q/C solved by small steps of floating point */
static double textbook_decay(double pa, double mpas, unsigned ms)
{
	double r = textbook_pa(mpas, 0.108, 4, 1, 1e-6) / 1e-6;
	double k = textbook_pa(mpas, 0.108, 4, 1, 100) - r * 100;

	k /= 100 * 100;
	for (unsigned us = 0; us < ms * 1000; us++) {
		double q = (-r + sqrt(r * r + 4 * k * pa)) / (2 * k);

		pa -= q * 1e-6 / 0.02e-3; /* C = 0.02 uL/kPa */
	}
	return pa;
}

START_TEST(pressure_bleeds_off_with_the_time_constant_of_needle_and_compliance)
{
	static const struct {
		u32 upas;
		unsigned ms;
		double pa;
	} cases[] = { { 1000, 24, 2000 },   { 1000, 24, 250000 },   { 1000, 100, 250000 },
		      { 5000, 120, 10000 }, { 50000, 1200, 10000 }, { 50000, 1200, 300000 } };

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct meso_motor off = { 0 };
		struct meso_physics ph;
		double pa;

		bench(&ph, 12060, 5000000);
		meso_physics_needle(&ph, cases[i].upas, 108, 4000, 1);
		ph.stored_fl = (s64)(cases[i].pa * 20000);
		for (unsigned ms = 0; ms < cases[i].ms; ms++)
			meso_physics_tick(&ph, &off);
		pa = textbook_decay(cases[i].pa, cases[i].upas / 1000.0, cases[i].ms);
		ck_assert_msg(near((double)ph.pressure_mpa / 1000, pa, 0.02), "%f Pa, not %f",
			      (double)ph.pressure_mpa / 1000, pa);
		/* R.C = 24 ms at 1 mPa s, 1.2 s at 50 */
		if (cases[i].pa <= 10000)
			ck_assert(near(pa, cases[i].pa / exp(1), 0.05));
		for (unsigned ms = 0; ph.stored_fl && ms < 100000; ms++)
			meso_physics_tick(&ph, &off);
		ck_assert_uint_eq(ph.delivered_fl, (u64)(cases[i].pa * 20000));
	}
}
END_TEST

START_TEST(fluid_is_neither_made_nor_lost)
{
	struct meso_physics ph;
	struct meso_motor back = { .enable = 1, .speed = 500000 };
	struct meso_motor off = { 0 };
	s64 start;

	bench(&ph, 8660, 3000000);
	start = ph.plunger_nm;
	drive(&ph, 80, 300);
	back.target = ph.motor_steps - 20;
	for (unsigned i = 0; i < 50; i++)
		meso_physics_tick(&ph, &back);
	drive(&ph, 20, 300);
	ck_assert_int_eq((s64)meso_fluid_volume(ph.area_um2, ph.plunger_nm) -
				 (s64)meso_fluid_volume(ph.area_um2, start),
			 ph.stored_fl + (s64)ph.delivered_fl);
	for (unsigned i = 0; i < 2000; i++)
		meso_physics_tick(&ph, &off);
	ck_assert_int_eq(ph.stored_fl, 0);
}
END_TEST

START_TEST(backlash_is_travel_of_the_screw_that_moves_no_fluid)
{
	struct meso_physics ph;
	struct meso_motor motor = { .enable = 1, .speed = 1000000 };
	s64 top, screw;

	bench(&ph, 12060, 5000000);
	drive(&ph, 50, 100);
	top = ph.plunger_nm;
	screw = ph.motor_steps;
	/* back by 20 um: 64 steps in which the plunger stays */
	motor.target = screw - 64;
	for (unsigned i = 0; i < 20; i++)
		meso_physics_tick(&ph, &motor);
	ck_assert_int_eq(ph.motor_steps, screw - 64);
	ck_assert_int_eq(ph.plunger_nm, top);
	motor.target -= 16;
	for (unsigned i = 0; i < 20; i++)
		meso_physics_tick(&ph, &motor);
	ck_assert_int_eq(ph.plunger_nm, top - 5000);
	/* and forward again: 2.3 uL of screw before the first drop */
	motor.target = screw - 16;
	for (unsigned i = 0; i < 40; i++)
		meso_physics_tick(&ph, &motor);
	ck_assert_int_eq(ph.plunger_nm, top - 5000);
	motor.target = screw;
	for (unsigned i = 0; i < 20; i++)
		meso_physics_tick(&ph, &motor);
	ck_assert_int_eq(ph.plunger_nm, top);
}
END_TEST

START_TEST(a_bubble_makes_the_syringe_soft)
{
	struct meso_physics stiff, soft;

	bench(&stiff, 12060, 5000000);
	bench(&soft, 12060, 5000000);
	soft.contact = 1;
	soft.air_fl = 50000000000ULL; /* 50 ul at ambient */
	drive(&stiff, 100, 100);
	drive(&soft, 100, 100);
	ck_assert_int_lt(soft.pressure_mpa * 4, stiff.pressure_mpa);
	ck_assert_uint_lt(soft.delivered_fl * 2, stiff.delivered_fl);
	/* Boyle: C.p + V0.p/(P0 + p) is what is stored */
	ck_assert(near(20000 * ((double)soft.pressure_mpa / 1000) +
			       5e10 * ((double)soft.pressure_mpa / 1000) /
				       (101325 + (double)soft.pressure_mpa / 1000),
		       (double)soft.stored_fl, 0.01));
}
END_TEST

START_TEST(the_plunger_stops_at_the_end_of_the_syringe)
{
	struct meso_physics ph;
	u64 all;

	bench(&ph, 4780, 100000);
	all = meso_fluid_volume(ph.area_um2, ph.stroke_nm) -
	      meso_fluid_volume(ph.area_um2, ph.plunger_nm);
	drive(&ph, 80, 4000);
	ck_assert_int_le(ph.plunger_nm, ph.stroke_nm);
	ck_assert_uint_le(ph.delivered_fl, all);
	ck_assert(near((double)ph.delivered_fl, (double)all, 0.001));
	ck_assert_int_gt(ph.slip_steps, 0);
}
END_TEST

START_TEST(the_travel_limiter_cuts_the_motor_whatever_it_is_told)
{
	struct meso_physics ph;
	struct meso_motor motor = { .enable = 1,
				    .limit_load = 1,
				    .limit_travel_nm = 100000,
				    .target = S64_MAX,
				    .speed = 300000 };
	s64 start, stop;

	bench(&ph, 12060, 5000000);
	start = ph.plunger_nm;
	for (unsigned i = 0; i < 2000; i++) {
		/* software that keeps on loading the limiter while the motor runs */
		motor.limit_load = 1;
		motor.relay_reset = 1;
		meso_physics_tick(&ph, &motor);
	}
	stop = ph.plunger_nm;
	ck_assert_uint_eq(ph.relay_open, 1);
	ck_assert_int_gt(stop - start, 100000 + GUN_TRIP_NM);
	/* 0.3 steps a sub-step, 20 sub-steps of relay */
	ck_assert_int_le(stop - start, 100000 + GUN_TRIP_NM + 313 * 8);
	for (unsigned i = 0; i < 100; i++)
		meso_physics_tick(&ph, &motor);
	ck_assert_int_eq(ph.plunger_nm, stop);
}
END_TEST

START_TEST(the_square_root_is_the_floor_of_the_root)
{
	static const u64 values[] = { 0,          1,      2,  3,          4,
				      15,         16,     17, 1ULL << 32, (1ULL << 62) - 1,
				      1ULL << 62, U64_MAX };

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		unsigned __int128 root = meso_fluid_sqrt(values[i]);

		ck_assert(root * root <= values[i] && (root + 1) * (root + 1) > values[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model physics");
	TCase *t = tcase_create("formulas");
	SRunner *sr;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_millimetre_of_travel_displaces_what_the_bore_says);
	tcase_add_test(t, a_motor_step_on_the_5_ml_syringe_is_36_nl);
	tcase_add_test(t, a_32g_needle_resists_by_1_20_kpa_per_ul_s);
	tcase_add_test(t, ten_ul_in_100_ms_needs_120_and_137_kpa);
	tcase_add_test(t, flow_and_pressure_agree_with_the_textbook_over_the_whole_range);
	tcase_add_test(t, flowing_steadily_the_pressure_is_that_of_the_needle);
	tcase_add_test(t, blocked_at_100_ul_s_pressure_reaches_300_kpa_in_60_ms_with_6_ul_stored);
	tcase_add_test(t, pressure_bleeds_off_with_the_time_constant_of_needle_and_compliance);
	tcase_add_test(t, fluid_is_neither_made_nor_lost);
	tcase_add_test(t, backlash_is_travel_of_the_screw_that_moves_no_fluid);
	tcase_add_test(t, a_bubble_makes_the_syringe_soft);
	tcase_add_test(t, the_plunger_stops_at_the_end_of_the_syringe);
	tcase_add_test(t, the_travel_limiter_cuts_the_motor_whatever_it_is_told);
	tcase_add_test(t, the_square_root_is_the_floor_of_the_root);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
