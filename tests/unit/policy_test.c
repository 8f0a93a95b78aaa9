// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules: each at its bounds, at the extremes of its numbers, and together.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <linux/meso.h>

#include "policy_fixture.h"

/* ------------------------------------------------------------- the engine */

START_TEST(a_usual_treatment_passes_and_every_rule_speaks)
{
	ck_assert_int_eq(check_all(), POLICY_OK);
	for (size_t i = 0; i < POLICY_RULES; i++) {
		ck_assert_int_gt((int)strlen(w.verdicts[i].text), 10);
		ck_assert_ptr_nonnull(w.verdicts[i].unit);
		ck_assert_uint_lt(strlen(w.verdicts[i].rule), POLICY_ID_MAX);
		ck_assert_int_eq(w.verdicts[i].when, 0);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(w.verdicts[i].rule, w.verdicts[j].rule);
	}
}
END_TEST

START_TEST(all_verdicts_are_reported_worst_first_and_then_in_the_tables_order)
{
	w.request.dose_nl = 60000; /* soft */
	w.request.depth_um = 4001; /* hard */
	w.request.rate_mhz = 6000; /* soft */
	w.request.shots = 300;     /* hard: lease shape, session, 24 h, reservoir */
	ck_assert_int_eq(check_all(), POLICY_HARD);
	for (size_t i = 1; i < POLICY_RULES; i++)
		ck_assert_int_ge(w.verdicts[i - 1].severity, w.verdicts[i].severity);
	ck_assert_str_eq(w.verdicts[0].rule, "depth");
	ck_assert_str_eq(w.verdicts[1].rule, "session-volume");
	ck_assert_str_eq(w.verdicts[5].rule, "shot-volume");
	ck_assert_str_eq(w.verdicts[6].rule, "rate");
	ck_assert_str_eq(w.verdicts[7].rule, "area-volume");
}
END_TEST

START_TEST(the_same_question_has_the_same_answer)
{
	struct policy_verdict first[POLICY_RULES];

	w.request.dose_nl = 60000;
	check_all();
	memcpy(first, w.verdicts, sizeof(first));
	memset(w.verdicts, 0xff, sizeof(w.verdicts));
	check_all();
	for (size_t i = 0; i < POLICY_RULES; i++) {
		ck_assert_str_eq(first[i].rule, w.verdicts[i].rule);
		ck_assert_str_eq(first[i].text, w.verdicts[i].text);
		ck_assert_int_eq(first[i].severity, w.verdicts[i].severity);
	}
}
END_TEST

/* ----------------------------------------------------------- single bounds */

START_TEST(a_shot_has_its_bounds_per_needle)
{
	w.request.dose_nl = 50000;
	ck_assert_int_eq(severity("shot-volume"), POLICY_OK);
	w.request.dose_nl = 50001;
	ck_assert_int_eq(severity("shot-volume"), POLICY_SOFT);
	w.request.dose_nl = 100000;
	ck_assert_int_eq(severity("shot-volume"), POLICY_SOFT);
	w.request.dose_nl = 100001;
	ck_assert_int_eq(severity("shot-volume"), POLICY_HARD);
	ck_assert_int_eq(verdict("shot-volume")->when, POLICY_NEVER);
	ck_assert_uint_eq(verdict("shot-volume")->allowed, 100000);
	w.request.needles = 5;
	w.request.dose_nl = 500000;
	ck_assert_int_eq(severity("shot-volume"), POLICY_SOFT);
	ck_assert_uint_eq(verdict("shot-volume")->asked, 100000);
	/* a fraction of a nanolitre is one more */
	w.request.dose_nl = 500001;
	ck_assert_int_eq(severity("shot-volume"), POLICY_HARD);
}
END_TEST

START_TEST(depth_has_its_bound)
{
	w.request.depth_um = 4000;
	ck_assert_int_eq(severity("depth"), POLICY_OK);
	w.request.depth_um = 4001;
	ck_assert_int_eq(severity("depth"), POLICY_HARD);
	ck_assert_str_eq(verdict("depth")->text, "4.001 mm deep is more than the limit, 4 mm.");
}
END_TEST

START_TEST(rate_has_its_bounds_in_repeat_mode)
{
	w.request.rate_mhz = 5000;
	ck_assert_int_eq(severity("rate"), POLICY_OK);
	w.request.rate_mhz = 5001;
	ck_assert_int_eq(severity("rate"), POLICY_SOFT);
	w.request.rate_mhz = 9000;
	ck_assert_int_eq(severity("rate"), POLICY_SOFT);
	w.request.rate_mhz = 9001;
	ck_assert_int_eq(severity("rate"), POLICY_HARD);
	w.request.mode = MESO_MODE_SINGLE;
	ck_assert_int_eq(severity("rate"), POLICY_OK);
}
END_TEST

/* -------------------------------------------------------------------- sums */

START_TEST(a_session_has_its_bounds_with_all_that_is_spent_and_the_overshoot)
{
	w.history.session_nl = 6000000 - 401000;
	ck_assert_int_eq(severity("session-volume"), POLICY_OK);
	w.history.session_nl++;
	ck_assert_int_eq(severity("session-volume"), POLICY_SOFT);
	w.history.session_nl = 10000000 - 401000;
	ck_assert_int_eq(severity("session-volume"), POLICY_SOFT);
	w.history.session_nl++;
	ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
	ck_assert_uint_eq(verdict("session-volume")->limit, 10000000);
	ck_assert_uint_eq(verdict("session-volume")->soft_limit, 6000000);
	ck_assert_uint_eq(verdict("session-volume")->spent, 10000000 - 401000 + 1);
	ck_assert_uint_eq(verdict("session-volume")->asked, 401000);
	ck_assert_uint_eq(verdict("session-volume")->allowed, 400999);
	ck_assert_int_eq(verdict("session-volume")->when, POLICY_NEVER);
	w.history.session_nl = UINT64_MAX;
	ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
	ck_assert_uint_eq(verdict("session-volume")->allowed, 0);
}
END_TEST

START_TEST(the_syringe_must_hold_what_is_asked)
{
	w.request.gun.reservoir_nl = 400000;
	ck_assert_int_eq(severity("reservoir"), POLICY_OK);
	w.request.gun.reservoir_nl = 399999;
	ck_assert_int_eq(severity("reservoir"), POLICY_HARD);
	ck_assert_uint_eq(verdict("reservoir")->allowed, 399999);
	w.request.has_gun = false;
	ck_assert_int_eq(severity("reservoir"), POLICY_OK);
}
END_TEST

START_TEST(a_session_is_one_patients_and_alone)
{
	ck_assert_int_eq(severity("one-patient"), POLICY_OK);
	w.history.patient_elsewhere = true;
	ck_assert_int_eq(severity("one-patient"), POLICY_HARD);
	w.history.patient_elsewhere = false;
	w.history.gun_elsewhere = true;
	ck_assert_int_eq(severity("one-patient"), POLICY_HARD);
	w.history.gun_elsewhere = false;
	w.request.patient[15] ^= 1;
	ck_assert_int_eq(severity("one-patient"), POLICY_HARD);
	w.history.has_session = false;
	ck_assert_int_eq(severity("one-patient"), POLICY_OK);
}
END_TEST

/* ------------------------------------------------------------------- 24 h */

START_TEST(the_day_is_rolling_to_the_second)
{
	struct policy_dose dose = { NOW - POLICY_WINDOW_S + 1, 9999999 };

	w.history.doses = &dose;
	w.history.n_doses = 1;
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
	ck_assert_int_eq(verdict("patient-24h-volume")->when, NOW + 1);
	w.history.now_s = NOW + 1;
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_OK);
	ck_assert_uint_eq(verdict("patient-24h-volume")->spent, 0);
	/* a dose from the future, after a clock went back, counts */
	w.history.now_s = NOW - 1000000;
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
}
END_TEST

START_TEST(when_is_the_first_moment_at_which_the_dose_fits)
{
	struct policy_dose doses[] = {
		{ NOW - 80000, 3000000 },
		{ NOW - 50000, 3000000 },
		{ NOW - 20000, 3800000 },
	};

	w.history.doses = doses;
	w.history.n_doses = 3;
	/* 9.8 mL spent, 0.401 asked: one dose has to go for the hard limit */
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
	ck_assert_int_eq(verdict("patient-24h-volume")->when, NOW - 80000 + POLICY_WINDOW_S);
	/* and once it is gone, the soft one still wants the second to go */
	w.history.now_s = NOW - 80000 + POLICY_WINDOW_S;
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_SOFT);
	ck_assert_int_eq(verdict("patient-24h-volume")->when, NOW - 50000 + POLICY_WINDOW_S);
	w.history.now_s = verdict("patient-24h-volume")->when;
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_OK);
	ck_assert_int_eq(verdict("patient-24h-volume")->when, 0);
}
END_TEST

START_TEST(what_is_outstanding_has_no_date_at_which_it_frees_anything)
{
	struct policy_dose dose = { NOW - 100, 1000000 };

	w.history.doses = &dose;
	w.history.n_doses = 1;
	w.history.outstanding_nl = 9700000;
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
	ck_assert_uint_eq(verdict("patient-24h-volume")->spent, 10700000);
	ck_assert_int_eq(verdict("patient-24h-volume")->when, POLICY_NEVER);
	w.history.outstanding_nl =
		9599000; /* with 401 uL exactly the limit, once the dose has left */
	ck_assert_int_eq(verdict("patient-24h-volume")->when, NOW - 100 + POLICY_WINDOW_S);
}
END_TEST

START_TEST(sums_at_the_extremes_refuse_and_never_wrap)
{
	static const uint64_t volumes[] = { UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 400999,
					    UINT64_MAX / 2 + 1, INT64_MAX };
	static const int64_t times[] = { INT64_MIN, INT64_MIN + 1, -1,       0,
					 NOW,       INT64_MAX - 1, INT64_MAX };
	struct policy_dose doses[3];

	w.history.doses = doses;
	w.history.n_doses = 3;
	for (size_t v = 0; v < sizeof(volumes) / sizeof(volumes[0]); v++) {
		for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
			bool counts = times[t] > NOW - POLICY_WINDOW_S;

			doses[0] = (struct policy_dose){ times[t], volumes[v] };
			doses[1] = (struct policy_dose){ times[t], volumes[v] };
			doses[2] = (struct policy_dose){ times[t], 3 };
			ck_assert_int_eq(severity("patient-24h-volume"),
					 counts ? POLICY_HARD : POLICY_OK);
		}
		w.history.outstanding_nl = volumes[v];
		doses[0].when_s = doses[1].when_s = doses[2].when_s = 0;
		ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
		w.history.outstanding_nl = 0;
		w.history.session_nl = volumes[v];
		ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
		w.history.session_nl = 0;
	}
	/* two halves that wrap to almost nothing, and then leave */
	doses[0] = (struct policy_dose){ NOW - 10, UINT64_MAX };
	doses[1] = (struct policy_dose){ NOW - 5, UINT64_MAX };
	doses[2] = (struct policy_dose){ NOW - 1, 1 };
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
	ck_assert_int_eq(verdict("patient-24h-volume")->when, NOW - 5 + POLICY_WINDOW_S);
}
END_TEST

START_TEST(requests_at_the_extremes_refuse_and_never_wrap)
{
	w.request.dose_nl = UINT32_MAX;
	w.request.shots = UINT32_MAX;
	w.request.overshoot_nl = UINT32_MAX;
	w.request.gun.reservoir_nl = UINT32_MAX;
	ck_assert_uint_eq(policy_volume_nl(&w.request), (uint64_t)UINT32_MAX * UINT32_MAX);
	ck_assert_uint_eq(policy_reserve_nl(&w.request),
			  (uint64_t)UINT32_MAX * UINT32_MAX + UINT32_MAX);
	ck_assert_int_eq(severity("shot-volume"), POLICY_HARD);
	ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
	ck_assert_int_eq(severity("reservoir"), POLICY_HARD);
	ck_assert_int_eq(severity("lease-shape"), POLICY_HARD);
	w.history.session_nl = UINT64_MAX;
	ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
	w.limits.session_nl = (struct limit){ UINT64_MAX, UINT64_MAX };
	ck_assert_int_eq(severity("session-volume"), POLICY_HARD);
	w.request.needles = UINT32_MAX;
	w.request.depth_um = UINT32_MAX;
	w.request.rate_mhz = UINT32_MAX;
	ck_assert_int_eq(check_all(), POLICY_HARD);
}
END_TEST

/* ------------------------------------------------------------- lease shape */

static void expect_misshapen(const char *words)
{
	const struct policy_verdict *v = verdict("lease-shape");

	ck_assert_int_eq(v->severity, POLICY_HARD);
	ck_assert_int_eq(v->when, POLICY_NEVER);
	ck_assert_msg(strstr(v->text, words) != NULL, "%s", v->text);
	policy_setup();
}

START_TEST(what_is_no_lease_is_refused_with_its_neighbours)
{
	w.request.dose_nl = 20050;
	expect_misshapen("20 uL or 20.1 uL");
	w.request.dose_nl = 900;
	expect_misshapen("1 uL to 200 uL");
	w.request.dose_nl = 200100;
	expect_misshapen("1 uL to 200 uL");
	w.request.dose_nl = 0;
	expect_misshapen("dose");
	w.request.shots = 0;
	expect_misshapen("0 shots");
	w.request.shots = 201;
	expect_misshapen("201 shots");
	w.request.dose_nl = 100000;
	w.request.shots = 101;
	expect_misshapen("volume of the lease");
	w.request.depth_um = 13001;
	expect_misshapen("depth");
	w.request.rate_mhz = 99;
	expect_misshapen("rate");
	w.request.rate_mhz = 9001;
	expect_misshapen("rate");
	w.request.needles = 0;
	expect_misshapen("0 needles");
	w.request.needles = 10;
	expect_misshapen("10 needles");
	w.request.kind = 2;
	expect_misshapen("kind 2");
	w.request.mode = 2;
	expect_misshapen("number 2");
	w.request.gun.lease_max_shots = 19;
	expect_misshapen("20 shots");
}
END_TEST

START_TEST(without_a_gun_only_what_no_gun_could_do_is_refused)
{
	w.request.has_gun = false;
	memset(&w.request.gun, 0, sizeof(w.request.gun));
	ck_assert_int_eq(check_all(), POLICY_OK);
	w.request.dose_nl = 20050;
	ck_assert_int_eq(severity("lease-shape"), POLICY_OK);
	w.request.shots = 0;
	ck_assert_int_eq(severity("lease-shape"), POLICY_HARD);
}
END_TEST

START_TEST(a_gun_that_says_nothing_of_itself_gets_no_lease)
{
	memset(&w.request.gun, 0, sizeof(w.request.gun));
	ck_assert_int_eq(severity("lease-shape"), POLICY_HARD);
	ck_assert_int_eq(severity("reservoir"), POLICY_HARD);
}
END_TEST

START_TEST(a_prime_is_judged_like_any_dose)
{
	w.request.kind = MESO_KIND_PRIME;
	ck_assert_int_eq(check_all(), POLICY_OK);
	w.history.session_nl = 9700000;
	ck_assert_int_eq(check_all(), POLICY_HARD);
}
END_TEST

int main(void)
{
	return RUN_TESTS("policy", a_usual_treatment_passes_and_every_rule_speaks,
			 all_verdicts_are_reported_worst_first_and_then_in_the_tables_order,
			 the_same_question_has_the_same_answer, a_shot_has_its_bounds_per_needle,
			 depth_has_its_bound, rate_has_its_bounds_in_repeat_mode,
			 a_session_has_its_bounds_with_all_that_is_spent_and_the_overshoot,
			 the_syringe_must_hold_what_is_asked, a_session_is_one_patients_and_alone,
			 the_day_is_rolling_to_the_second,
			 when_is_the_first_moment_at_which_the_dose_fits,
			 what_is_outstanding_has_no_date_at_which_it_frees_anything,
			 sums_at_the_extremes_refuse_and_never_wrap,
			 requests_at_the_extremes_refuse_and_never_wrap,
			 what_is_no_lease_is_refused_with_its_neighbours,
			 without_a_gun_only_what_no_gun_could_do_is_refused,
			 a_gun_that_says_nothing_of_itself_gets_no_lease,
			 a_prime_is_judged_like_any_dose);
}
