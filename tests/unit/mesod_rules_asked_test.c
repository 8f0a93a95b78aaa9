// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules that can be asked about outside of a session: each at its bounds, one
 * below and one above, soft and hard, through D-Bus.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rules_fixture.h"

#define DAY_S ((int64_t)86400)

static struct mesod_fixture f;
static char who[16]; /* this test's patient */

static void start(void)
{
	rules_start(&f);
}

static void stop(void)
{
	mesod_fixture_stop(&f);
}

static void setup(void)
{
	rules_patient(&f, NULL, 60000, false, who);
}

static struct verdict ask(const struct asking *asking, const char *rule)
{
	return rules_check(&f, who, asking, rule, NULL);
}

/* A lease of that volume, in shots of a nanolitre. */
static struct verdict ask_volume(const char *preparation, uint32_t volume_nl, const char *rule)
{
	struct asking a = plain_asking();

	a.preparation = preparation;
	a.dose_nl = 1;
	a.shots = volume_nl;
	return ask(&a, rule);
}

/* What is soft is refused without a reason and allowed with one; what is hard is refused with one. */
static void expect_reason_helps(struct asking asking, const char *rule, bool helps)
{
	bool allowed;

	asking.override = NULL;
	rules_check(&f, who, &asking, rule, &allowed);
	ck_assert(!allowed);
	asking.override = "a reason";
	rules_check(&f, who, &asking, rule, &allowed);
	ck_assert(allowed == helps);
}

/* The four sides of two bounds; @ask_for(x) asks for so much. */
static void expect_bounds(struct verdict (*ask_for)(uint32_t), uint32_t soft, uint32_t hard)
{
	struct verdict v;

	expect(ask_for(soft - 1), "ok");
	expect(ask_for(soft), "ok");
	expect(ask_for(soft + 1), "soft");
	expect(ask_for(hard - 1), "soft");
	expect(ask_for(hard), "soft");
	v = ask_for(hard + 1);
	expect(v, "hard");
	ck_assert_uint_eq(v.limit, hard);
	ck_assert_uint_eq(v.soft_limit, soft);
	ck_assert_uint_eq(v.asked + v.spent, (uint64_t)hard + 1);
}

/* ---- the shot --------------------------------------------------------------------------------- */

static struct verdict ask_shot(uint32_t dose_nl)
{
	struct asking a = plain_asking();

	a.dose_nl = dose_nl;
	return ask(&a, "shot-volume");
}

static struct verdict ask_wide_shot(uint32_t dose_nl)
{
	struct asking a = plain_asking();

	a.preparation = "wide";
	a.dose_nl = dose_nl;
	return ask(&a, "shot-volume");
}

START_TEST(a_shot_is_a_tiny_drop_unless_the_preparation_is_for_more)
{
	struct asking a = plain_asking();

	expect_bounds(ask_shot, 50000, 100000);
	expect_bounds(ask_wide_shot, 100000, 200000);
	ck_assert_uint_eq(ask_shot(100001).allowed, 100000);
	ck_assert_int_eq(ask_shot(100001).when, -1);
	a.dose_nl = 50001;
	expect_reason_helps(a, "shot-volume", true);
	a.dose_nl = 100001;
	expect_reason_helps(a, "shot-volume", false);
}
END_TEST

static struct verdict ask_depth(uint32_t depth_um)
{
	struct asking a = plain_asking();

	a.area = "face";
	a.depth_um = depth_um;
	return ask(&a, "depth");
}

START_TEST(a_needle_goes_as_deep_as_is_usual_there_and_never_deeper_than_4_mm)
{
	expect_bounds(ask_depth, 2000, 4000);
	expect(ask_depth(999), "soft");
	expect(ask_depth(1000), "ok");
	expect(ask_depth(0), "soft");
}
END_TEST

static struct verdict ask_rate(uint32_t rate_mhz)
{
	struct asking a = plain_asking();

	a.mode = "repeat";
	a.rate_mhz = rate_mhz;
	return ask(&a, "rate");
}

START_TEST(shots_follow_each_other_no_faster_than_is_usual)
{
	expect_bounds(ask_rate, 5000, 8000);
	/* the built-in bound is the message's own, too */
	ck_assert_refused(f.bus, "InvalidArgument", ROOT, MANAGER, "Check", "sa{sv}", who, 1,
			  "rate_mhz", "u", 9001u);
}
END_TEST

/* ---- volumes ------------------------------------------------------------------------------------ */

static struct verdict ask_session(uint32_t volume_nl)
{
	return ask_volume("test", volume_nl, "session-volume");
}

START_TEST(a_session_has_6_mL_and_never_more_than_10)
{
	expect_bounds(ask_session, 6000000u, 10000000u);
	ck_assert_uint_eq(ask_session(10000001).allowed, 10000000);
}
END_TEST

static uint32_t area_mm2;

static struct verdict ask_area(uint32_t volume_nl)
{
	struct asking a = plain_asking();

	a.area = "face";
	a.area_mm2 = area_mm2;
	a.dose_nl = 1;
	a.shots = volume_nl;
	return ask(&a, "area-volume");
}

START_TEST(skin_takes_100_uL_a_square_centimetre_and_never_more_than_200)
{
	struct asking a = plain_asking();

	area_mm2 = 0; /* the formulary's: 1 cm2 */
	expect_bounds(ask_area, 100000u, 200000u);
	area_mm2 = 250;
	expect_bounds(ask_area, 250000u, 500000u);
	expect(ask(&a, "area-known"), "ok");
	a.area = "elbow";
	expect(ask(&a, "area-known"), "hard");
	expect_reason_helps(a, "area-known", false);
}
END_TEST

static struct verdict ask_day(uint32_t volume_nl)
{
	return ask_volume("test", volume_nl, "patient-24h-volume");
}

START_TEST(a_patient_has_6_mL_in_24_hours_by_whatever_hand_and_never_more_than_10)
{
	struct verdict v;

	expect_bounds(ask_day, 6000000u, 10000000u);
	rules_gave(&f, who, "test", 4000000, 3600);
	v = ask_day(6000000);
	expect(v, "soft");
	ck_assert_uint_eq(v.spent, 4000000);
	expect(ask_day(2000000), "ok");
	expect(ask_day(2000001), "soft");
	expect(ask_day(6000001), "hard");
	/* it leaves the window a day after it was given */
	v = ask_day(6000001);
	ck_assert_int_ge(v.when, time(NULL) - 3600 + DAY_S - 60);
	ck_assert_int_le(v.when, time(NULL) - 3600 + DAY_S);
}
END_TEST

START_TEST(what_was_given_more_than_24_hours_ago_is_in_no_window)
{
	rules_gave(&f, who, "test", 9000000, DAY_S + 1);
	expect(ask_day(6000000), "ok");
	rules_gave(&f, who, "test", 4000000, DAY_S - 60);
	expect(ask_day(6000000), "soft");
}
END_TEST

START_TEST(a_lease_has_at_least_a_shot)
{
	struct asking a = plain_asking();

	expect(ask(&a, "lease-shape"), "ok");
	ck_assert_refused(f.bus, "InvalidArgument", ROOT, MANAGER, "Check", "sa{sv}", who, 1,
			  "shots", "u", 0u);
}
END_TEST

/* ---- substances ------------------------------------------------------------------------------------ */

static const char *substance_rule;

/* At 1 mg in a mL a nanolitre has a nanogram. */
static struct verdict ask_tonic(uint32_t amount_ng)
{
	return ask_volume("tonic", amount_ng, substance_rule);
}

static struct verdict ask_tonic_shot(uint32_t amount_ng)
{
	struct asking a = plain_asking();

	a.preparation = "tonic";
	a.dose_nl = amount_ng;
	return ask(&a, "substance-shot");
}

START_TEST(each_substance_has_its_bounds_of_shot_session_and_day)
{
	struct verdict v;

	expect_bounds(ask_tonic_shot, 100000u, 200000u);
	substance_rule = "substance-session";
	expect_bounds(ask_tonic, 1000000u, 2000000u);
	substance_rule = "substance-24h";
	expect_bounds(ask_tonic, 3000000u, 4000000u);
	rules_gave(&f, who, "tonic", 1000000, 7200);
	v = ask_tonic(3000000);
	expect(v, "soft");
	ck_assert_uint_eq(v.spent, 1000000);
	ck_assert_str_eq(v.what, "tonic");
	ck_assert_str_eq(v.unit, "ng");
	v = ask_tonic(3000001);
	expect(v, "hard");
	ck_assert_int_gt(v.when, time(NULL));
}
END_TEST

/* 60 kg: 270 mg, soft 216 mg; 20 mg in a mL, so 50 nL have a microgram */
static struct verdict ask_lidocaine(uint32_t amount_ug)
{
	struct verdict v = ask_volume("lido", amount_ug * 50, "substance-24h");

	v.limit /= 1000;
	v.soft_limit /= 1000;
	v.asked /= 1000;
	v.spent /= 1000;
	return v;
}

START_TEST(lidocaine_goes_by_body_mass_and_to_300_mg_at_most)
{
	char heavy[16], unknown[16];
	struct asking a = plain_asking();

	expect_bounds(ask_lidocaine, 216000u, 270000u);
	rules_patient(&f, NULL, 100000, false, heavy);
	snprintf(who, sizeof(who), "%s", heavy);
	expect_bounds(ask_lidocaine, 240000u, 300000u);
	/* nobody has weighed this one */
	rules_patient(&f, NULL, 0, false, unknown);
	snprintf(who, sizeof(who), "%s", unknown);
	expect(ask(&a, "mass-known"), "ok");
	a.preparation = "lido";
	expect(ask(&a, "mass-known"), "hard");
	expect_reason_helps(a, "mass-known", false);
}
END_TEST

static struct verdict ask_sum(uint32_t percent_ppm)
{
	/* 600 mg or 7 mg/kg: 420 mg of procaine are the whole */
	const uint64_t ng = 420000000ULL * percent_ppm / 1000000;

	return ask_volume("proc", (uint32_t)(ng / 20), "anaesthetics-sum");
}

START_TEST(local_anaesthetics_add_up_to_one_whole)
{
	struct verdict v;

	expect(ask_sum(800000), "ok");
	expect(ask_sum(801000), "soft");
	expect(ask_sum(1000000), "soft");
	expect(ask_sum(1001000), "hard");
	/* half of lidocaine's 270 mg leave half of procaine's 420 */
	rules_gave(&f, who, "lido", 6750000, 60);
	v = ask_sum(500000);
	expect(v, "soft");
	ck_assert_uint_eq(v.spent, 500000);
	expect(ask_sum(501000), "hard");
	expect(ask_sum(300000), "ok");
}
END_TEST

static struct verdict ask_hyaluronidase(uint32_t activity_miu)
{
	/* 150 IU in a mL: 20 nL have 3 mIU */
	return ask_volume("hyal", activity_miu / 3 * 20, "substance-session");
}

START_TEST(hyaluronidase_has_150_IU_and_spreads_what_it_meets)
{
	struct asking a = plain_asking();
	char other[16];

	expect(ask_hyaluronidase(150000), "ok");
	expect(ask_hyaluronidase(150003), "soft");
	expect(ask_hyaluronidase(300000), "soft");
	expect(ask_hyaluronidase(300003), "hard");
	a.preparation = "hyal";
	expect(ask(&a, "hyaluronidase"), "ok");
	/* with a local anaesthetic the plain limits count: 210 of 270 mg are nearly 80 % */
	rules_gave(&f, who, "lido", 10500000, 60);
	expect(ask(&a, "hyaluronidase"), "ok");
	rules_gave(&f, who, "lido", 400000, 60);
	expect(ask(&a, "hyaluronidase"), "soft");
	rules_gave(&f, who, "lido", 2700000, 60);
	expect(ask(&a, "hyaluronidase"), "hard");
	/* with epinephrine never */
	rules_patient(&f, NULL, 60000, false, other);
	snprintf(who, sizeof(who), "%s", other);
	expect(ask(&a, "hyaluronidase"), "ok");
	rules_gave(&f, who, "lido-epi", 100, 60);
	expect(ask(&a, "hyaluronidase"), "hard");
	ck_assert_int_gt(ask(&a, "hyaluronidase").when, time(NULL));
	expect_reason_helps(a, "hyaluronidase", false);
}
END_TEST

START_TEST(deoxycholate_is_no_guns_and_is_mixed_with_nothing)
{
	struct asking a = plain_asking();

	expect(ask(&a, "by-gun"), "ok");
	expect(ask(&a, "unmixed"), "ok");
	a.preparation = "deoxy";
	expect(ask(&a, "by-gun"), "hard");
	expect_reason_helps(a, "by-gun", false);
	/* after an injection of it by hand nothing else goes into the same place and day */
	a = plain_asking();
	rules_gave(&f, who, "deoxy", 1000000, 3600);
	a.preparation = "deoxy";
	expect(ask(&a, "substance-interval"), "hard");
}
END_TEST

START_TEST(what_the_formulary_does_not_know_is_not_given)
{
	struct asking a = plain_asking();

	expect(ask(&a, "preparation-known"), "ok");
	a.preparation = "snake-oil";
	expect(ask(&a, "preparation-known"), "hard");
	expect_reason_helps(a, "preparation-known", false);
}
END_TEST

/* ---- the patient ------------------------------------------------------------------------------------- */

START_TEST(who_is_not_assessed_or_has_not_consented_is_not_treated)
{
	struct asking a = plain_asking();
	char bare[16];

	rules_patient(&f, NULL, 60000, true, bare);
	snprintf(who, sizeof(who), "%s", bare);
	expect(ask(&a, "assessment"), "hard");
	expect_reason_helps(a, "assessment", false);
	rules_assess(&f, who, false, true, NULL, NULL);
	expect(ask(&a, "assessment"), "ok");
	expect(ask(&a, "consent"), "hard");
	expect(ask(&a, "elsewhere"), "ok");
	rules_assess(&f, who, true, false, NULL, NULL);
	expect(ask(&a, "consent"), "ok");
	expect(ask(&a, "elsewhere"), "hard");
	expect_reason_helps(a, "elsewhere", false);
	rules_assess(&f, who, true, true, NULL, NULL);
	expect(ask(&a, "elsewhere"), "ok");
}
END_TEST

START_TEST(adults_are_treated_from_their_birthday_on)
{
	struct asking a = plain_asking();
	char day[16], born[32];
	int year;

	rules_date(0, day);
	year = (int)strtol(day, NULL, 10);
	/* a leap day is another story: policy_patient_test.c */
	snprintf(born, sizeof(born), "%04d%s", year - 18, day + 4);
	rules_patient(&f, born, 60000, false, who);
	expect(ask(&a, "adult"), "ok");
	rules_date(1, day);
	year = (int)strtol(day, NULL, 10);
	snprintf(born, sizeof(born), "%04d%s", year - 18, day + 4);
	rules_patient(&f, born, 60000, false, who);
	expect(ask(&a, "adult"), "hard");
	ck_assert_int_gt(ask(&a, "adult").when, time(NULL));
	expect_reason_helps(a, "adult", false);
}
END_TEST

static const struct {
	const char *rule;
	const char *condition;
	const char *severity;
} conditions[] = {
	{ "pregnancy", "pregnancy", "hard" },
	{ "breastfeeding", "breastfeeding", "hard" },
	{ "infection", "infection", "hard" },
	{ "nsaid", "nsaid", "soft" },
};

START_TEST(what_the_assessment_says_refuses_or_wants_a_reason)
{
	struct asking a = plain_asking();

	expect(ask(&a, conditions[_i].rule), "ok");
	rules_assess(&f, who, true, true, NULL, conditions[_i].condition);
	expect(ask(&a, conditions[_i].rule), conditions[_i].severity);
	expect_reason_helps(a, conditions[_i].rule, strcmp(conditions[_i].severity, "soft") == 0);
	rules_assess(&f, who, true, true, NULL, NULL);
	expect(ask(&a, conditions[_i].rule), "ok");
}
END_TEST

START_TEST(an_allergy_to_any_component_or_its_group_refuses_and_so_does_a_condition)
{
	struct asking a = plain_asking();

	a.preparation = "tonic";
	expect(ask(&a, "allergy"), "ok");
	expect(ask(&a, "condition"), "ok");
	rules_assess(&f, who, true, true, "herbs", NULL);
	expect(ask(&a, "allergy"), "hard");
	expect_reason_helps(a, "allergy", false);
	rules_assess(&f, who, true, true, "tonic", "gout");
	expect(ask(&a, "allergy"), "hard");
	expect(ask(&a, "condition"), "hard");
	expect_reason_helps(a, "condition", false);
	/* of what is not in it, it says nothing */
	a.preparation = "test";
	expect(ask(&a, "allergy"), "ok");
	expect(ask(&a, "condition"), "ok");
}
END_TEST

/* ---- and no rule is left out -------------------------------------------------------------------------- */

/* What has no soft form, or no hard one. */
static bool has(const char *rule, const char *severity)
{
	static const char *const only_hard[] = { "area-known",        "mass-known", "by-gun",
						 "preparation-known", "assessment", "consent",
						 "elsewhere",         "adult",      "pregnancy",
						 "breastfeeding",     "infection",  "allergy",
						 "condition" };

	/* Their bound is the message's own; two substances in one syringe are no formulary's. */
	if (strcmp(rule, "lease-shape") == 0 || strcmp(rule, "unmixed") == 0)
		return strcmp(severity, "ok") == 0;
	if (strcmp(rule, "nsaid") == 0)
		return strcmp(severity, "hard") != 0;
	for (size_t i = 0; i < sizeof(only_hard) / sizeof(only_hard[0]); i++)
		if (strcmp(rule, only_hard[i]) == 0)
			return strcmp(severity, "soft") != 0;
	return true;
}

START_TEST(every_rule_of_the_table_was_met_on_both_sides_of_its_bounds)
{
	static const char *const severities[] = { "ok", "soft", "hard" };
	char all[2048], both[] = " " RULES_ASKED " " RULES_LIVED " ", asked[] = RULES_ASKED;
	char *next = asked, *rule, key[RULES_ID_MAX + 2];

	while ((rule = strsep(&next, " ")))
		for (size_t i = 0; i < 3; i++)
			if (has(rule, severities[i]))
				ck_assert_msg(rules_seen(rule, severities[i]), "%s was never %s",
					      rule, severities[i]);
	rules_list(&f, all, sizeof(all));
	next = all;
	while ((rule = strsep(&next, " "))) {
		snprintf(key, sizeof(key), " %s ", rule);
		ck_assert_msg(strstr(both, key) != NULL, "no suite tests %s", rule);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod rules asked");
	TCase *tcase = tcase_create("rules");
	SRunner *runner;
	int failed;

	/* one daemon, a patient for each test, and what they have seen is put together at the end */
	tcase_add_unchecked_fixture(tcase, start, stop);
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_shot_is_a_tiny_drop_unless_the_preparation_is_for_more);
	tcase_add_test(tcase, a_needle_goes_as_deep_as_is_usual_there_and_never_deeper_than_4_mm);
	tcase_add_test(tcase, shots_follow_each_other_no_faster_than_is_usual);
	tcase_add_test(tcase, a_session_has_6_mL_and_never_more_than_10);
	tcase_add_test(tcase, skin_takes_100_uL_a_square_centimetre_and_never_more_than_200);
	tcase_add_test(tcase,
		       a_patient_has_6_mL_in_24_hours_by_whatever_hand_and_never_more_than_10);
	tcase_add_test(tcase, what_was_given_more_than_24_hours_ago_is_in_no_window);
	tcase_add_test(tcase, a_lease_has_at_least_a_shot);
	tcase_add_test(tcase, each_substance_has_its_bounds_of_shot_session_and_day);
	tcase_add_test(tcase, lidocaine_goes_by_body_mass_and_to_300_mg_at_most);
	tcase_add_test(tcase, local_anaesthetics_add_up_to_one_whole);
	tcase_add_test(tcase, hyaluronidase_has_150_IU_and_spreads_what_it_meets);
	tcase_add_test(tcase, deoxycholate_is_no_guns_and_is_mixed_with_nothing);
	tcase_add_test(tcase, what_the_formulary_does_not_know_is_not_given);
	tcase_add_test(tcase, who_is_not_assessed_or_has_not_consented_is_not_treated);
	tcase_add_test(tcase, adults_are_treated_from_their_birthday_on);
	tcase_add_loop_test(tcase, what_the_assessment_says_refuses_or_wants_a_reason, 0,
			    (int)(sizeof(conditions) / sizeof(conditions[0])));
	tcase_add_test(tcase,
		       an_allergy_to_any_component_or_its_group_refuses_and_so_does_a_condition);
	tcase_add_test(tcase, every_rule_of_the_table_was_met_on_both_sides_of_its_bounds);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
