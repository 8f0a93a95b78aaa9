// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules about the patient, the assessment and the operator.
 */
#include <check.h>
#include <string.h>
#include <stdio.h>

#include "policy_fixture.h"

#define SET(array, text) snprintf((array), sizeof(array), "%s", (text))

START_TEST(an_assessment_is_good_for_24_hours)
{
	w.history.assessed_s = NOW;
	ck_assert_int_eq(severity("assessment"), POLICY_OK);
	w.history.assessed_s = NOW - POLICY_ASSESSMENT_S;
	ck_assert_int_eq(severity("assessment"), POLICY_OK);
	w.history.assessed_s--;
	expect_refused("assessment", "older than 24 hours");
	ck_assert_uint_eq(verdict("assessment")->asked, 86401);
	w.history.assessed_s = INT64_MIN;
	expect_refused("assessment", "older than 24 hours");
	w.history.assessed_s = 0;
	w.history.now_s = INT64_MIN;
	ck_assert_int_eq(severity("assessment"), POLICY_HARD);
}
END_TEST

START_TEST(an_assessment_from_the_future_is_none)
{
	w.history.assessed_s = NOW + 1;
	ck_assert_int_eq(severity("assessment"), POLICY_HARD);
	expect_when_is_exact("assessment");
	w.history.assessed_s = INT64_MAX;
	ck_assert_int_eq(severity("assessment"), POLICY_HARD);
	w.history.now_s = INT64_MAX; /* and the end of time is not young for ever */
	ck_assert_int_eq(severity("assessment"), POLICY_OK);
}
END_TEST

START_TEST(without_an_assessment_there_is_neither_consent_nor_an_answer)
{
	w.history.assessed = false;
	expect_refused("assessment", "has not been assessed");
	expect_refused("consent", "no consent");
	expect_refused("elsewhere", "treatment elsewhere");
}
END_TEST

START_TEST(consent_and_the_question_for_treatment_elsewhere_are_wanted)
{
	w.history.consent = false;
	expect_refused("consent", "no consent");
	ck_assert_int_eq(severity("elsewhere"), POLICY_OK);
	w.history.elsewhere_asked = false;
	expect_refused("elsewhere", "treatment elsewhere");
}
END_TEST

START_TEST(an_operator_without_a_valid_licence_treats_nobody)
{
	ck_assert_int_eq(severity("operator"), POLICY_OK);
	w.history.operator_valid = false;
	expect_refused("operator", "licence");
}
END_TEST

/* Days from 1970-01-01. */
#define DAY_2009_01_15 14259
#define DAY_2008_02_29 13938
#define DAY_2026_02_28 20512

START_TEST(a_patient_is_of_age_from_the_eighteenth_birthday)
{
	w.history.birth_day = DAY_2009_01_15;
	ck_assert_int_eq(severity("adult"), POLICY_OK);
	ck_assert_uint_eq(verdict("adult")->asked, 18);
	w.history.birth_day = DAY_2009_01_15 - 1;
	ck_assert_int_eq(severity("adult"), POLICY_OK);
	w.history.birth_day = DAY_2009_01_15 + 1;
	ck_assert_int_eq(severity("adult"), POLICY_HARD);
	ck_assert_uint_eq(verdict("adult")->asked, 17);
	ck_assert_ptr_nonnull(strstr(verdict("adult")->text, "until 2027-01-16"));
	expect_when_is_exact("adult");
}
END_TEST

START_TEST(who_was_born_on_a_leap_day_is_of_age_on_the_first_of_march)
{
	w.history.birth_day = DAY_2008_02_29;
	move_to(DAY_2026_02_28 * DAY_S + 3600);
	ck_assert_int_eq(severity("adult"), POLICY_HARD);
	expect_when_is_exact("adult");
	ck_assert_ptr_nonnull(strstr(verdict("adult")->text, "until 2026-03-01"));
	move_to((DAY_2026_02_28 + 1) * DAY_S);
	ck_assert_int_eq(severity("adult"), POLICY_OK);
}
END_TEST

START_TEST(a_date_of_birth_that_is_unknown_or_to_come_is_refused)
{
	w.history.birth_day = POLICY_NO_DAY;
	expect_refused("adult", "not known");
	w.history.birth_day = TODAY + 1;
	ck_assert_int_eq(severity("adult"), POLICY_HARD);
	ck_assert_uint_eq(verdict("adult")->asked, 0);
	w.history.birth_day = INT32_MAX;
	ck_assert_int_eq(severity("adult"), POLICY_HARD);
	w.history.birth_day = INT32_MIN + 1;
	ck_assert_int_eq(severity("adult"), POLICY_OK);
}
END_TEST

START_TEST(what_the_assessment_says_against_any_treatment_refuses_and_only_that)
{
	static const char *const rules[] = { "pregnancy", "breastfeeding", "infection" };

	SET(w.history.conditions, "pregnancy-test preinfection breastfeeding-past");
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(severity(rules[i]), POLICY_OK);
	for (size_t i = 0; i < 3; i++) {
		snprintf(w.history.conditions, sizeof(w.history.conditions), "nsaid %s epilepsy",
			 rules[i]);
		for (size_t j = 0; j < 3; j++)
			ck_assert_int_eq(severity(rules[j]), i == j ? POLICY_HARD : POLICY_OK);
		ck_assert_int_eq(verdict(rules[i])->when, POLICY_NEVER);
	}
}
END_TEST

START_TEST(aspirin_wants_a_reason)
{
	SET(w.history.conditions, "nsaid");
	ck_assert_int_eq(check_all(), POLICY_SOFT);
	ck_assert_str_eq(w.verdicts[0].rule, "nsaid");
	ck_assert_int_eq(w.verdicts[1].severity, POLICY_OK);
}
END_TEST

START_TEST(an_allergy_to_a_component_or_its_group_refuses)
{
	SET(w.history.allergies, "ester-anaesthetics");
	ck_assert_int_eq(severity("allergy"), POLICY_OK);
	ask_for(PROCAINE);
	expect_refused("allergy", "allergic to ester-anaesthetics, and procaine");
	ck_assert_str_eq(verdict("allergy")->what, "procaine");
	ask_for(MIXED_PROCAINE);
	expect_refused("allergy", "allergic to ester-anaesthetics, and procaine");
	SET(w.history.allergies, "latex glutathione");
	expect_refused("allergy", "allergic to glutathione");
	ck_assert_str_eq(verdict("allergy")->what, "glutathione");
	SET(w.history.allergies, "sulphites");
	ck_assert_int_eq(severity("allergy"), POLICY_OK);
	ask_for(LIDOCAINE_EPINEPHRINE); /* its second group */
	expect_refused("allergy", "allergic to sulphites");
	SET(w.history.allergies, "sulphit ester amide");
	ck_assert_int_eq(severity("allergy"), POLICY_OK);
	w.basis.formulary = NULL;
	ck_assert_int_eq(severity("allergy"), POLICY_OK);
}
END_TEST

START_TEST(a_condition_refuses_the_substances_that_do_not_go_with_it)
{
	SET(w.history.conditions, "epilepsy");
	ck_assert_int_eq(severity("condition"), POLICY_OK);
	ask_for(MIXED_PROCAINE);
	expect_refused("condition", "epilepsy");
	ck_assert_str_eq(verdict("condition")->what, "procaine");
	SET(w.history.conditions, "epileps");
	ck_assert_int_eq(severity("condition"), POLICY_OK);
}
END_TEST

int main(void)
{
	return RUN_TESTS("policy_patient", an_assessment_is_good_for_24_hours,
			 an_assessment_from_the_future_is_none,
			 without_an_assessment_there_is_neither_consent_nor_an_answer,
			 consent_and_the_question_for_treatment_elsewhere_are_wanted,
			 an_operator_without_a_valid_licence_treats_nobody,
			 a_patient_is_of_age_from_the_eighteenth_birthday,
			 who_was_born_on_a_leap_day_is_of_age_on_the_first_of_march,
			 a_date_of_birth_that_is_unknown_or_to_come_is_refused,
			 what_the_assessment_says_against_any_treatment_refuses_and_only_that,
			 aspirin_wants_a_reason, an_allergy_to_a_component_or_its_group_refuses,
			 a_condition_refuses_the_substances_that_do_not_go_with_it);
}
