// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules about each substance: its amounts at their bounds, how often it is given, and
 * what of a mixture is reported.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "policy_fixture.h"

#define MG    ((uint64_t)1000000) /* ng; at the fixture's 1 mg/mL also the nanolitres that have it */
#define ASKED ((uint64_t)401000)

static struct policy_substance *past(size_t substance)
{
	return &w.history.substances[substance];
}

static struct formulary_substance *known(size_t substance)
{
	return &w.formulary.substances[substance];
}

/* ------------------------------------------------------------- the lookups */

START_TEST(an_amount_is_rounded_up_and_saturates)
{
	ck_assert_uint_eq(formulary_amount(0, 1000), 0);
	ck_assert_uint_eq(formulary_amount(1, 0), 0);
	ck_assert_uint_eq(formulary_amount(1, 1), 1);
	ck_assert_uint_eq(formulary_amount(1000, 1), 1);
	ck_assert_uint_eq(formulary_amount(1001, 1), 2);
	ck_assert_uint_eq(formulary_amount(20000, 10000), 200000); /* 20 uL of 10 mg/mL */
	ck_assert_uint_eq(formulary_amount(UINT64_MAX, 1000), UINT64_MAX);
	ck_assert_uint_eq(formulary_amount(UINT64_MAX, 999), 18428297329635842064U);
	ck_assert_uint_eq(formulary_amount(UINT64_MAX, UINT64_MAX), UINT64_MAX);
}
END_TEST

START_TEST(things_are_found_by_their_ids_and_tokens_as_a_whole)
{
	const struct formulary *f = &w.formulary;

	ck_assert_uint_eq(formulary_substance(f, "procaine"), PROCAINE);
	ck_assert_uint_eq(formulary_substance(f, "procain"), FORMULARY_UNKNOWN);
	ck_assert_uint_eq(formulary_preparation(f, "mixed-procaine"), MIXED_PROCAINE);
	ck_assert_uint_eq(formulary_preparation(f, ""), FORMULARY_UNKNOWN);
	ck_assert_uint_eq(formulary_area(f, "face"), FACE);
	ck_assert_uint_eq(formulary_area(f, "neck"), FORMULARY_UNKNOWN);
	ck_assert(formulary_has_token("a bc d", "bc"));
	ck_assert(formulary_has_token("a bc d", "d"));
	ck_assert(!formulary_has_token("a bc d", "b"));
	ck_assert(!formulary_has_token("a bc d", "c"));
	ck_assert(!formulary_has_token("a bc d", "bcd"));
	ck_assert(!formulary_has_token("a bc d", ""));
	ck_assert(!formulary_has_token("", "a"));
}
END_TEST

/* ------------------------------------------------------------- amounts */

START_TEST(a_shot_has_its_bounds_of_a_substance)
{
	ask_volume(1000000 - 1);
	ck_assert_int_eq(severity("substance-shot"), POLICY_OK);
	ask_volume(1000000);
	ck_assert_int_eq(severity("substance-shot"), POLICY_OK);
	ask_volume(1000001);
	ck_assert_int_eq(severity("substance-shot"), POLICY_SOFT);
	ask_volume(2000000);
	ck_assert_int_eq(severity("substance-shot"), POLICY_SOFT);
	ask_volume(2000001);
	ck_assert_int_eq(severity("substance-shot"), POLICY_HARD);
	ck_assert_str_eq(verdict("substance-shot")->what, "glutathione");
	ck_assert_str_eq(verdict("substance-shot")->unit, "ng");
	ck_assert_str_eq(verdict("substance-shot")->text,
			 "2000.001 ug of glutathione a shot is more than the limit, 2 mg.");
	expect_allowed_is_exact("substance-shot");
	/* of one, however many there are, by all needles together */
	w.request.dose_nl = 1000000;
	w.request.shots = 100;
	w.request.needles = 9;
	ck_assert_int_eq(severity("substance-shot"), POLICY_OK);
}
END_TEST

/* The bounds of a sum of settled and outstanding, through @spent. */
static void expect_sum_bounds(const char *rule, uint64_t *spent, uint64_t soft, uint64_t hard)
{
	*spent = soft - ASKED - 1;
	ck_assert_int_eq(severity(rule), POLICY_OK);
	*spent = soft - ASKED;
	ck_assert_int_eq(severity(rule), POLICY_OK);
	*spent = soft - ASKED + 1;
	ck_assert_int_eq(severity(rule), POLICY_SOFT);
	*spent = hard - ASKED;
	ck_assert_int_eq(severity(rule), POLICY_SOFT);
	expect_allowed_is_exact(rule);
	*spent = hard - ASKED + 1;
	ck_assert_int_eq(severity(rule), POLICY_HARD);
	ck_assert_uint_eq(verdict(rule)->spent, hard - ASKED + 1);
	ck_assert_uint_eq(verdict(rule)->asked, ASKED);
	ck_assert_uint_eq(verdict(rule)->limit, hard);
	ck_assert_uint_eq(verdict(rule)->soft_limit, soft);
	ck_assert_str_eq(verdict(rule)->what, "glutathione");
	expect_allowed_is_exact(rule);
	*spent = UINT64_MAX;
	ck_assert_int_eq(severity(rule), POLICY_HARD);
	ck_assert_uint_eq(verdict(rule)->allowed, 0);
}

START_TEST(a_session_has_its_bounds_of_a_substance)
{
	expect_sum_bounds("substance-session", &past(GLUTATHIONE)->session, 100 * MG, 200 * MG);
	ck_assert_int_eq(verdict("substance-session")->when, POLICY_NEVER);
}
END_TEST

START_TEST(a_course_has_its_bounds_of_a_substance)
{
	expect_sum_bounds("substance-course", &past(GLUTATHIONE)->course, 1000 * MG, 2000 * MG);
}
END_TEST

START_TEST(a_day_has_its_bounds_of_a_substance_settled_or_outstanding)
{
	expect_sum_bounds("substance-24h", &past(GLUTATHIONE)->outstanding, 150 * MG, 300 * MG);
	ck_assert_int_eq(verdict("substance-24h")->when, POLICY_NEVER);
	past(GLUTATHIONE)->outstanding = 0;
	w.doses[0].when_s = NOW - 3600;
	past(GLUTATHIONE)->doses = w.doses;
	past(GLUTATHIONE)->n_doses = 1;
	expect_sum_bounds("substance-24h", &w.doses[0].amount, 150 * MG, 300 * MG);
}
END_TEST

START_TEST(a_day_rolls_to_the_second_and_when_is_exact)
{
	gave(GLUTATHIONE, POLICY_WINDOW_S - 1, 300 * MG);
	ck_assert_int_eq(severity("substance-24h"), POLICY_HARD);
	expect_when_is_exact("substance-24h");
	ck_assert_int_eq(verdict("substance-24h")->when, NOW + 1);
	ck_assert_ptr_nonnull(strstr(verdict("substance-24h")->text, "All of it fits in 1 min."));
	w.doses[0] = (struct policy_dose){ NOW - 80000, 100 * MG };
	w.doses[1] = (struct policy_dose){ NOW - 50000, 100 * MG };
	w.doses[2] = (struct policy_dose){ NOW - 20000, 100 * MG };
	past(GLUTATHIONE)->doses = w.doses;
	past(GLUTATHIONE)->n_doses = 3;
	ck_assert_int_eq(severity("substance-24h"), POLICY_HARD);
	expect_when_is_exact("substance-24h");
	ck_assert_int_eq(verdict("substance-24h")->when, NOW - 80000 + POLICY_WINDOW_S);
	past(GLUTATHIONE)->n_doses = 2;
	ck_assert_int_eq(severity("substance-24h"), POLICY_SOFT);
	expect_when_is_exact("substance-24h");
	/* what fits to the nanogram, fits */
	w.doses[1].amount = 150 * MG - ASKED;
	expect_when_is_exact("substance-24h");
	ck_assert_int_eq(verdict("substance-24h")->when, NOW - 80000 + POLICY_WINDOW_S);
	/* what is outstanding leaves no window */
	past(GLUTATHIONE)->outstanding = 300 * MG;
	ck_assert_int_eq(verdict("substance-24h")->when, POLICY_NEVER);
}
END_TEST

START_TEST(the_lesser_of_fixed_and_per_kg_counts)
{
	ask_for(LIDOCAINE); /* 4.5 mg/kg of 60 kg are 270 mg, less than 300 mg */
	past(LIDOCAINE)->outstanding = 270 * MG - ASKED;
	ck_assert_int_eq(severity("substance-24h"), POLICY_SOFT);
	past(LIDOCAINE)->outstanding++;
	ck_assert_int_eq(severity("substance-24h"), POLICY_HARD);
	ck_assert_uint_eq(verdict("substance-24h")->limit, 270 * MG);
	ck_assert_uint_eq(verdict("substance-24h")->soft_limit, 216 * MG);
	expect_allowed_is_exact("substance-24h");
	w.history.mass_g = 66667; /* 300.0015 mg: the fixed one */
	ck_assert_uint_eq(verdict("substance-24h")->limit, 300 * MG);
	w.history.mass_g = 66666; /* 299.997 mg */
	ck_assert_uint_eq(verdict("substance-24h")->limit, 299997000);
	w.history.mass_g = 1; /* a fraction is not allowed: 4.5 ug */
	ck_assert_uint_eq(verdict("substance-24h")->limit, 4500);
	known(LIDOCAINE)->per_kg[SCOPE_24H].hard = 999;
	ck_assert_uint_eq(verdict("substance-24h")->limit, 0);
	/* one that does not fit is no bound: 2^64 ng, of which nothing would be left */
	known(LIDOCAINE)->per_kg[SCOPE_24H].hard = (uint64_t)1 << 54;
	w.history.mass_g = 1024000;
	ck_assert_uint_eq(verdict("substance-24h")->limit, 300 * MG);
	/* without a mass the fixed one is shown, and mass-known refuses */
	w.history.mass_g = 0;
	ck_assert_uint_eq(verdict("substance-24h")->limit, 300 * MG);
	expect_refused("mass-known", "lidocaine");
}
END_TEST

START_TEST(eighty_percent_of_an_anaesthetics_day_want_a_reason)
{
	ask_for(PROCAINE); /* 420 mg, 336 mg */
	past(PROCAINE)->outstanding = 336 * MG - ASKED;
	ck_assert_int_eq(severity("substance-24h"), POLICY_OK);
	past(PROCAINE)->outstanding++;
	ck_assert_int_eq(severity("substance-24h"), POLICY_SOFT);
}
END_TEST

START_TEST(activity_is_counted_in_its_own_unit)
{
	ask_for(HYALURONIDASE); /* 15 IU/mL: 401 uL are 6.015 IU */
	past(HYALURONIDASE)->session = 150000 - 6015;
	ck_assert_int_eq(severity("substance-session"), POLICY_OK);
	past(HYALURONIDASE)->session++;
	ck_assert_int_eq(severity("substance-session"), POLICY_SOFT);
	past(HYALURONIDASE)->session = 300000 - 6015;
	ck_assert_int_eq(severity("substance-session"), POLICY_SOFT);
	past(HYALURONIDASE)->session++;
	ck_assert_int_eq(severity("substance-session"), POLICY_HARD);
	ck_assert_str_eq(verdict("substance-session")->unit, "mIU");
	ck_assert_ptr_nonnull(strstr(verdict("substance-session")->text, "the limit, 300 IU"));
}
END_TEST

START_TEST(what_has_no_bound_passes_whatever_was_given)
{
	ask_for(RUTIN);
	past(RUTIN)->session = past(RUTIN)->course = past(RUTIN)->outstanding = UINT64_MAX - 500000;
	past(RUTIN)->sessions = UINT32_MAX;
	past(RUTIN)->last_day = TODAY;
	ck_assert_int_eq(check_all(), POLICY_OK);
	ck_assert_uint_eq(verdict("substance-24h")->limit, UINT64_MAX);
	ck_assert_ptr_nonnull(strstr(verdict("substance-24h")->text, "there is no limit"));
	past(RUTIN)->session = UINT64_MAX - ASKED; /* but what cannot be counted refuses */
	ck_assert_int_eq(severity("substance-session"), POLICY_HARD);
}
END_TEST

START_TEST(substances_that_are_not_asked_for_do_not_count)
{
	ask_for(RUTIN);
	for (size_t i = 0; i < RUTIN; i++) {
		past(i)->session = past(i)->course = past(i)->outstanding = UINT64_MAX;
		past(i)->sessions = UINT32_MAX;
		past(i)->last_day = TODAY;
	}
	ck_assert_int_eq(check_all(), POLICY_OK);
}
END_TEST

START_TEST(what_cannot_be_counted_refuses_until_it_has_left)
{
	ask_for(RUTIN);
	w.doses[0] = (struct policy_dose){ NOW - 80000, UINT64_MAX };
	w.doses[1] = (struct policy_dose){ NOW - 20000, UINT64_MAX - 100 };
	past(RUTIN)->doses = w.doses;
	past(RUTIN)->n_doses = 2;
	ck_assert_int_eq(severity("substance-24h"), POLICY_HARD);
	expect_when_is_exact("substance-24h");
	ck_assert_int_eq(verdict("substance-24h")->when, NOW - 20000 + POLICY_WINDOW_S);
	w.history.doses = w.doses;
	w.history.n_doses = 2;
	w.limits.patient_24h_nl = (struct limit){ UINT64_MAX, UINT64_MAX };
	ck_assert_int_eq(severity("patient-24h-volume"), POLICY_HARD);
	expect_when_is_exact("patient-24h-volume");
	ck_assert_int_eq(verdict("patient-24h-volume")->when, NOW - 20000 + POLICY_WINDOW_S);
}
END_TEST

/* ------------------------------------------------------------- mixtures */

START_TEST(of_a_mixture_the_worst_substance_is_named)
{
	ask_for(MIXED_PROCAINE);
	past(PROCAINE)->outstanding = 400 * MG; /* soft */
	past(GLUTATHIONE)->outstanding = 100 * MG;
	ck_assert_int_eq(severity("substance-24h"), POLICY_SOFT);
	ck_assert_str_eq(verdict("substance-24h")->what, "procaine");
	past(GLUTATHIONE)->outstanding = 300 * MG; /* hard */
	ck_assert_int_eq(severity("substance-24h"), POLICY_HARD);
	ck_assert_str_eq(verdict("substance-24h")->what, "glutathione");
	/* as bad: the one that leaves less */
	past(PROCAINE)->outstanding = 420 * MG;
	past(GLUTATHIONE)->outstanding = 300 * MG - 1;
	ck_assert_str_eq(verdict("substance-24h")->what, "procaine");
	past(PROCAINE)->outstanding = 420 * MG - 2;
	ck_assert_str_eq(verdict("substance-24h")->what, "glutathione");
	expect_allowed_is_exact("substance-24h");
	/* and if nothing is passed, the one that comes nearest */
	past(PROCAINE)->outstanding = 0;
	past(GLUTATHIONE)->outstanding = 0;
	ck_assert_str_eq(verdict("substance-24h")->what, "glutathione");
}
END_TEST

START_TEST(a_mixture_fits_when_all_of_its_substances_do)
{
	ask_for(MIXED_PROCAINE);
	gave(PROCAINE, 80000, 420 * MG);
	gave(GLUTATHIONE, 20000, 300 * MG - 1);
	ck_assert_int_eq(severity("substance-24h"), POLICY_HARD);
	ck_assert_str_eq(verdict("substance-24h")->what, "procaine");
	ck_assert_int_eq(verdict("substance-24h")->when, NOW - 20000 + POLICY_WINDOW_S);
	expect_when_is_exact("substance-24h");
	past(PROCAINE)->outstanding = 420 * MG;
	ck_assert_int_eq(verdict("substance-24h")->when, POLICY_NEVER);
}
END_TEST

START_TEST(each_component_counts_by_its_own_concentration)
{
	w.formulary.preparations[MIXED_PROCAINE].components[1].concentration = 20000;
	ask_for(MIXED_PROCAINE);
	ck_assert_uint_eq(verdict("substance-session")->asked, 20 * ASKED);
	ck_assert_str_eq(verdict("substance-session")->what, "glutathione");
	/* a substance that is in it twice counts twice */
	w.formulary.preparations[MIXED_PROCAINE].components[0].substance = GLUTATHIONE;
	ck_assert_uint_eq(verdict("substance-session")->asked, 21 * ASKED);
}
END_TEST

/* ------------------------------------------------------------- how often */

START_TEST(a_substance_has_its_days_in_between)
{
	past(GLUTATHIONE)->last_day = TODAY - 7;
	ck_assert_int_eq(severity("substance-interval"), POLICY_OK);
	past(GLUTATHIONE)->last_day = TODAY - 8;
	ck_assert_int_eq(severity("substance-interval"), POLICY_OK);
	past(GLUTATHIONE)->last_day = TODAY - 6;
	ck_assert_int_eq(severity("substance-interval"), POLICY_HARD);
	ck_assert_str_eq(verdict("substance-interval")->what, "glutathione");
	ck_assert_uint_eq(verdict("substance-interval")->limit, 7);
	ck_assert_uint_eq(verdict("substance-interval")->asked, 6);
	expect_when_is_exact("substance-interval");
	past(GLUTATHIONE)->last_day = INT32_MAX;
	ck_assert_int_eq(severity("substance-interval"), POLICY_HARD);
	ck_assert_uint_eq(verdict("substance-interval")->asked, 0);
}
END_TEST

/* Given on a day, may it be given again on another? */
static void expect_month(int32_t given, int32_t again)
{
	ask_for(DEOXYCHOLATE);
	past(DEOXYCHOLATE)->last_day = given;
	move_to(again * DAY_S);
	ck_assert_int_eq(severity("substance-interval"), POLICY_OK);
	move_to(again * DAY_S - 1);
	ck_assert_int_eq(severity("substance-interval"), POLICY_HARD);
	expect_when_is_exact("substance-interval");
	ck_assert_int_eq(verdict("substance-interval")->when, again * DAY_S);
}

START_TEST(a_month_is_the_calendars_and_ends_with_it)
{
	expect_month(20833, 20864); /* 2027-01-15, 2027-02-15 */
	expect_month(20849, 20877); /* 2027-01-31, 2027-02-28 */
	expect_month(21212, 21243); /* 2028-01-29, 2028-02-29 */
	expect_month(21214, 21243); /* 2028-01-31, 2028-02-29 */
	expect_month(20877, 20905); /* 2027-02-28, 2027-03-28 */
	expect_month(20818, 20849); /* 2026-12-31, 2027-01-31 */
	known(DEOXYCHOLATE)->interval_months = 13;
	expect_month(20849, 21243); /* 2027-01-31, 2028-02-29 */
	known(DEOXYCHOLATE)->interval_months = 25;
	expect_month(11016, 11775); /* 2000-02-29, 2002-03-29 */
}
END_TEST

START_TEST(the_longer_of_days_and_months_counts)
{
	known(DEOXYCHOLATE)->interval_days = 40;
	expect_month(20833, 20873);
	known(DEOXYCHOLATE)->interval_days = 30;
	expect_month(20833, 20864);
}
END_TEST

START_TEST(of_a_mixture_the_substance_counts_that_is_due_last)
{
	ask_for(MIXED_PROCAINE);
	known(PROCAINE)->interval_days = 3;
	past(PROCAINE)->last_day = TODAY - 1;
	past(GLUTATHIONE)->last_day = TODAY - 6;
	ck_assert_str_eq(verdict("substance-interval")->what, "procaine");
	expect_when_is_exact("substance-interval");
	past(GLUTATHIONE)->last_day = TODAY - 2;
	ck_assert_str_eq(verdict("substance-interval")->what, "glutathione");
	expect_when_is_exact("substance-interval");
}
END_TEST

START_TEST(a_course_has_so_many_sessions_with_a_substance)
{
	past(GLUTATHIONE)->sessions = 8;
	ck_assert_int_eq(severity("substance-sessions"), POLICY_OK);
	past(GLUTATHIONE)->sessions = 9;
	ck_assert_int_eq(severity("substance-sessions"), POLICY_OK);
	past(GLUTATHIONE)->sessions = 10;
	ck_assert_int_eq(severity("substance-sessions"), POLICY_HARD);
	ck_assert_str_eq(verdict("substance-sessions")->what, "glutathione");
	ck_assert_uint_eq(verdict("substance-sessions")->allowed, 0);
	ck_assert_ptr_nonnull(strstr(verdict("substance-sessions")->text, "session 11"));
	past(GLUTATHIONE)->sessions = UINT32_MAX;
	ck_assert_int_eq(severity("substance-sessions"), POLICY_HARD);
}
END_TEST

int main(void)
{
	return RUN_TESTS(
		"policy_substances", an_amount_is_rounded_up_and_saturates,
		things_are_found_by_their_ids_and_tokens_as_a_whole,
		a_shot_has_its_bounds_of_a_substance, a_session_has_its_bounds_of_a_substance,
		a_course_has_its_bounds_of_a_substance,
		a_day_has_its_bounds_of_a_substance_settled_or_outstanding,
		a_day_rolls_to_the_second_and_when_is_exact, the_lesser_of_fixed_and_per_kg_counts,
		eighty_percent_of_an_anaesthetics_day_want_a_reason,
		activity_is_counted_in_its_own_unit, what_has_no_bound_passes_whatever_was_given,
		substances_that_are_not_asked_for_do_not_count,
		what_cannot_be_counted_refuses_until_it_has_left,
		of_a_mixture_the_worst_substance_is_named,
		a_mixture_fits_when_all_of_its_substances_do,
		each_component_counts_by_its_own_concentration, a_substance_has_its_days_in_between,
		a_month_is_the_calendars_and_ends_with_it, the_longer_of_days_and_months_counts,
		of_a_mixture_the_substance_counts_that_is_due_last,
		a_course_has_so_many_sessions_with_a_substance);
}
