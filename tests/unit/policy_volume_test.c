// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules about shots, volumes, the session and the gun, each at its bounds; what they say
 * is allowed, and from when, is tried.
 */
#include <check.h>
#include <string.h>
#include <linux/meso.h>

#include "policy_fixture.h"

/* ------------------------------------------------------------- the shot */

START_TEST(a_preparation_may_raise_the_volume_of_a_shot_but_not_beyond_the_ceiling)
{
	struct limit *own = &w.formulary.preparations[GLUTATHIONE].shot_nl;

	*own = (struct limit){ 120000, 150000 };
	w.request.dose_nl = 120000;
	ck_assert_int_eq(severity("shot-volume"), POLICY_OK);
	w.request.dose_nl = 120001;
	ck_assert_int_eq(severity("shot-volume"), POLICY_SOFT);
	w.request.dose_nl = 150000;
	ck_assert_int_eq(severity("shot-volume"), POLICY_SOFT);
	w.request.dose_nl = 150001;
	ck_assert_int_eq(severity("shot-volume"), POLICY_HARD);
	*own = (struct limit){ 900000, 900000 };
	w.request.dose_nl = 200000;
	ck_assert_int_eq(severity("shot-volume"), POLICY_OK);
	w.request.dose_nl = 200001;
	ck_assert_int_eq(severity("shot-volume"), POLICY_HARD);
	/* of a preparation that is not asked for it is no matter */
	ask_for(RUTIN);
	w.request.dose_nl = 100001;
	ck_assert_int_eq(severity("shot-volume"), POLICY_HARD);
	/* a bound alone leaves the usual as it is */
	w.formulary.preparations[RUTIN].shot_nl.hard = 120000;
	ck_assert_int_eq(severity("shot-volume"), POLICY_SOFT);
	ck_assert_uint_eq(verdict("shot-volume")->soft_limit, 50000);
}
END_TEST

START_TEST(what_is_allowed_of_a_shot_is_exact)
{
	w.request.dose_nl = 300000;
	expect_allowed_is_exact("shot-volume");
}
END_TEST

START_TEST(a_depth_outside_of_the_areas_usual_range_wants_a_reason)
{
	w.request.area = FACE;
	w.request.depth_um = 999;
	ck_assert_int_eq(severity("depth"), POLICY_SOFT);
	ck_assert_str_eq(verdict("depth")->text,
			 "999 um is shallower than usual for face: 1 mm to 2 mm.");
	ck_assert_uint_eq(verdict("depth")->soft_limit, 1000);
	w.request.depth_um = 1000;
	ck_assert_int_eq(severity("depth"), POLICY_OK);
	w.request.depth_um = 2000;
	ck_assert_int_eq(severity("depth"), POLICY_OK);
	ck_assert_uint_eq(verdict("depth")->soft_limit, 2000);
	w.request.depth_um = 2001;
	ck_assert_int_eq(severity("depth"), POLICY_SOFT);
	w.request.depth_um = 4000;
	ck_assert_int_eq(severity("depth"), POLICY_SOFT);
	w.request.depth_um = 4001;
	ck_assert_int_eq(severity("depth"), POLICY_HARD);
	ck_assert_uint_eq(verdict("depth")->limit, 4000);
}
END_TEST

START_TEST(no_area_takes_a_needle_below_the_clinics_limit)
{
	w.formulary.areas[THIGH].depth_max_um = 13000;
	w.request.depth_um = 4001;
	ck_assert_int_eq(severity("depth"), POLICY_HARD);
	w.limits.depth_um.soft = 3000;
	w.request.depth_um = 3001;
	ck_assert_int_eq(severity("depth"), POLICY_SOFT);
}
END_TEST

START_TEST(a_prime_is_nowhere_and_has_no_usual_depth_but_the_hard_one_counts)
{
	w.request.kind = MESO_KIND_PRIME;
	w.request.depth_um = 0;
	ck_assert_int_eq(severity("depth"), POLICY_OK);
	w.request.depth_um = 4001;
	ck_assert_int_eq(severity("depth"), POLICY_HARD);
}
END_TEST

/* ------------------------------------------------------------- volumes */

START_TEST(what_is_left_of_a_session_is_exact)
{
	w.history.session_nl = 9700000;
	ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
	ck_assert_str_eq(
		verdict("session-volume")->text,
		"401 uL (with what the gun may overshoot) on top of 9.7 mL this session would"
		" pass the limit, 10 mL; 300 uL can be reserved before the hard limit.");
	expect_allowed_is_exact("session-volume");
}
END_TEST

START_TEST(what_is_left_of_a_day_is_exact_and_so_is_when)
{
	w.doses[0] = (struct policy_dose){ NOW - 80000, 3000000 };
	w.doses[1] = (struct policy_dose){ NOW - 20000, 6700000 };
	w.history.doses = w.doses;
	w.history.n_doses = 2;
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
	expect_allowed_is_exact("patient-24h-volume");
	expect_when_is_exact("patient-24h-volume");
	w.request.shots = 5; /* soft: both have to leave */
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_SOFT);
	expect_when_is_exact("patient-24h-volume");
	ck_assert_int_eq(verdict("patient-24h-volume")->when, NOW - 20000 + POLICY_WINDOW_S);
}
END_TEST

START_TEST(an_area_has_its_bounds_by_its_own_size)
{
	/* 400 cm2: 40 mL and 80 mL */
	w.history.area_nl = 40000000 - 401000;
	ck_assert_int_eq(severity("area-volume"), POLICY_OK);
	w.history.area_nl++;
	ck_assert_int_eq(severity("area-volume"), POLICY_SOFT);
	w.history.area_nl = 80000000 - 401000;
	ck_assert_int_eq(severity("area-volume"), POLICY_SOFT);
	expect_allowed_is_exact("area-volume");
	w.history.area_nl++;
	ck_assert_int_eq(severity("area-volume"), POLICY_HARD);
	expect_allowed_is_exact("area-volume");
	ck_assert_int_eq(verdict("area-volume")->when, POLICY_NEVER);
}
END_TEST

START_TEST(an_area_has_its_bounds_by_the_size_entered)
{
	w.request.area_mm2 = 401; /* 401 uL and 802 uL */
	ck_assert_int_eq(severity("area-volume"), POLICY_OK);
	w.request.area_mm2 = 400;
	ck_assert_int_eq(severity("area-volume"), POLICY_SOFT);
	w.history.area_nl = 399000;
	ck_assert_int_eq(severity("area-volume"), POLICY_SOFT);
	w.history.area_nl = 399001;
	ck_assert_int_eq(severity("area-volume"), POLICY_HARD);
	ck_assert_uint_eq(verdict("area-volume")->limit, 800000);
	ck_assert_ptr_nonnull(strstr(verdict("area-volume")->text, "4 cm2 of thigh"));
	/* no size at all takes nothing */
	w.request.area_mm2 = w.formulary.areas[THIGH].size_mm2 = 0;
	ck_assert_int_eq(severity("area-volume"), POLICY_HARD);
}
END_TEST

START_TEST(an_area_that_is_not_known_is_refused_whatever_size_is_entered)
{
	ck_assert_int_eq(severity("area-known"), POLICY_OK);
	w.request.area = AREAS;
	expect_refused("area-known", "area of skin");
	w.request.area = FORMULARY_UNKNOWN;
	w.request.area_mm2 = 10000;
	expect_refused("area-known", "area of skin");
	w.request.kind = MESO_KIND_PRIME;
	expect_refused("area-known", "area of skin");
	ck_assert_int_eq(severity("area-volume"), POLICY_OK);
	w.request.area = THIGH;
	w.basis.formulary = NULL;
	expect_refused("area-known", "area of skin");
}
END_TEST

START_TEST(primes_of_a_syringe_add_up_by_what_was_asked)
{
	w.limits.prime_nl = (struct limit){ 500000, 600000 };
	w.request.kind = MESO_KIND_PRIME;
	w.history.primed_nl = 100000; /* and 400 uL, without what may overshoot */
	ck_assert_int_eq(severity("prime-volume"), POLICY_OK);
	w.history.primed_nl++;
	ck_assert_int_eq(severity("prime-volume"), POLICY_SOFT);
	w.history.primed_nl = 200000;
	ck_assert_int_eq(severity("prime-volume"), POLICY_SOFT);
	w.history.primed_nl++;
	ck_assert_int_eq(severity("prime-volume"), POLICY_HARD);
	expect_allowed_is_exact("prime-volume");
	w.history.primed_nl = UINT64_MAX;
	ck_assert_int_eq(severity("prime-volume"), POLICY_HARD);
	w.request.kind = MESO_KIND_TREAT;
	ck_assert_int_eq(severity("prime-volume"), POLICY_OK);
}
END_TEST

START_TEST(a_prime_counts_as_a_dose_of_its_volume_and_its_substances)
{
	w.request.kind = MESO_KIND_PRIME;
	w.history.session_nl = 9700000;
	w.history.area_nl = 80000000;
	w.history.substances[GLUTATHIONE].session = 199999999;
	ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
	ck_assert_int_eq(severity("area-volume"), POLICY_HARD);
	ck_assert_int_eq(severity("substance-session"), POLICY_HARD);
	ck_assert_uint_eq(verdict("substance-session")->asked, 401000);
}
END_TEST

START_TEST(the_syringe_may_be_emptied_and_no_more)
{
	w.request.gun.reservoir_nl = 300000;
	ck_assert_int_eq(severity("reservoir"), POLICY_HARD);
	expect_allowed_is_exact("reservoir");
}
END_TEST

/* ------------------------------------------------------------- time and faults */

START_TEST(a_session_must_end_before_its_time_is_over_however_long_its_last_lease_lasts)
{
	w.history.session_opened_s = NOW - (45 * 60 - 60);
	ck_assert_int_eq(severity("session-length"), POLICY_OK);
	w.history.session_opened_s--;
	ck_assert_int_eq(severity("session-length"), POLICY_SOFT);
	w.history.session_opened_s = NOW - (60 * 60 - 60);
	ck_assert_int_eq(severity("session-length"), POLICY_SOFT);
	w.history.session_opened_s--;
	ck_assert_int_eq(severity("session-length"), POLICY_HARD);
	ck_assert_uint_eq(verdict("session-length")->allowed, 59);
	ck_assert_ptr_nonnull(strstr(verdict("session-length")->text, "one of at most 59 s"));
	w.request.expiry_s = 59;
	ck_assert_int_eq(severity("session-length"), POLICY_SOFT);
}
END_TEST

START_TEST(a_session_that_began_in_the_future_is_no_young_one)
{
	w.history.session_opened_s = NOW + 3600;
	ck_assert_int_eq(severity("session-length"), POLICY_HARD);
	w.history.session_opened_s = NOW + 1; /* a clock corrected by a second */
	ck_assert_int_eq(severity("session-length"), POLICY_OK);
	w.history.session_opened_s = INT64_MAX;
	ck_assert_int_eq(severity("session-length"), POLICY_HARD);
	w.history.session_opened_s = INT64_MIN;
	ck_assert_int_eq(severity("session-length"), POLICY_HARD);
	w.history.has_session = false;
	ck_assert_int_eq(severity("session-length"), POLICY_OK);
	w.request.expiry_s = 60 * 60 + 1;
	ck_assert_int_eq(severity("session-length"), POLICY_HARD);
}
END_TEST

START_TEST(three_fault_stops_in_ten_minutes_want_a_reason)
{
	w.history.fault_stops = 2;
	ck_assert_int_eq(severity("fault-stops"), POLICY_OK);
	w.history.fault_stops = 3;
	ck_assert_int_eq(severity("fault-stops"), POLICY_SOFT);
	ck_assert_int_eq(verdict("fault-stops")->when, NOW + 600);
	ck_assert_uint_eq(verdict("fault-stops")->spent, 3);
	w.history.fault_stops = UINT32_MAX;
	ck_assert_int_eq(severity("fault-stops"), POLICY_SOFT);
	w.history.now_s = INT64_MAX;
	ck_assert_int_eq(verdict("fault-stops")->when, POLICY_NEVER);
}
END_TEST

int main(void)
{
	return RUN_TESTS(
		"policy_volume",
		a_preparation_may_raise_the_volume_of_a_shot_but_not_beyond_the_ceiling,
		what_is_allowed_of_a_shot_is_exact,
		a_depth_outside_of_the_areas_usual_range_wants_a_reason,
		no_area_takes_a_needle_below_the_clinics_limit,
		a_prime_is_nowhere_and_has_no_usual_depth_but_the_hard_one_counts,
		what_is_left_of_a_session_is_exact, what_is_left_of_a_day_is_exact_and_so_is_when,
		an_area_has_its_bounds_by_its_own_size, an_area_has_its_bounds_by_the_size_entered,
		an_area_that_is_not_known_is_refused_whatever_size_is_entered,
		primes_of_a_syringe_add_up_by_what_was_asked,
		a_prime_counts_as_a_dose_of_its_volume_and_its_substances,
		the_syringe_may_be_emptied_and_no_more,
		a_session_must_end_before_its_time_is_over_however_long_its_last_lease_lasts,
		a_session_that_began_in_the_future_is_no_young_one,
		three_fault_stops_in_ten_minutes_want_a_reason);
}
