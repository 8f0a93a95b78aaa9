// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules about what substances do to each other, and about what is asked for as a thing.
 */
#include <check.h>
#include <string.h>
#include <linux/meso.h>

#include "policy_fixture.h"

#define MG    ((uint64_t)1000000)
#define ASKED ((uint64_t)401000)

static struct policy_substance *past(size_t substance)
{
	return &w.history.substances[substance];
}

static struct formulary_substance *known(size_t substance)
{
	return &w.formulary.substances[substance];
}

/* ------------------------------------------------------------- anaesthetics */

START_TEST(anaesthetics_add_up_to_one)
{
	ask_for(PROCAINE);
	past(LIDOCAINE)->outstanding = 135 * MG;            /* a half of 270 mg */
	past(LIDOCAINE_EPINEPHRINE)->outstanding = 42 * MG; /* a tenth of 420 mg */
	past(PROCAINE)->outstanding = 42 * MG;              /* a tenth */
	ask_volume((uint32_t)(42 * MG));                    /* a tenth */
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_OK);
	ck_assert_uint_eq(verdict("anaesthetics-sum")->spent, 700000);
	ck_assert_uint_eq(verdict("anaesthetics-sum")->asked, 100000);
	ask_volume((uint32_t)(42 * MG) + 1);
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_SOFT);
	ask_volume((uint32_t)(126 * MG)); /* three tenths: exactly one */
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_SOFT);
	ck_assert_uint_eq(verdict("anaesthetics-sum")->asked, verdict("anaesthetics-sum")->allowed);
	ask_volume((uint32_t)(126 * MG) + 1);
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_HARD);
	ck_assert_uint_eq(verdict("anaesthetics-sum")->asked, 300001);
	ck_assert_str_eq(verdict("anaesthetics-sum")->unit, "ppm");
	ck_assert_str_eq(
		verdict("anaesthetics-sum")->text,
		"Local anaesthetics together would come to 100.0001 % of their limits in 24"
		" hours, more than the limit, 100 %; they are at 70 %.");
	/* each by itself would do */
	ck_assert_int_eq(severity("substance-24h"), POLICY_OK);
}
END_TEST

START_TEST(a_part_of_a_millionth_is_one_more)
{
	ask_for(LIDOCAINE);
	ask_volume(1); /* a nanogram of 270 mg */
	ck_assert_uint_eq(verdict("anaesthetics-sum")->asked, 1);
	past(PROCAINE)->outstanding = 420 * MG - 1; /* all but a nanogram: comes to all */
	ck_assert_uint_eq(verdict("anaesthetics-sum")->spent, 1000000);
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_HARD);
}
END_TEST

START_TEST(the_sum_rolls_with_every_window_in_it)
{
	ask_for(PROCAINE);
	gave(LIDOCAINE, 80000, 135 * MG); /* 50 % */
	gave(PROCAINE, 50000, 210 * MG);  /* 50 % */
	gave(LIDOCAINE_EPINEPHRINE, 20000, 42 * MG);
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_HARD);
	expect_when_is_exact("anaesthetics-sum");
	ck_assert_int_eq(verdict("anaesthetics-sum")->when, NOW - 80000 + POLICY_WINDOW_S);
	ck_assert_ptr_nonnull(
		strstr(verdict("anaesthetics-sum")->text, "All of it fits in 1 h 47 min."));
	gave(PROCAINE, 50000, 300 * MG);
	move_to(NOW - 80000 + POLICY_WINDOW_S); /* one has left, and it is soft */
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_SOFT);
	expect_when_is_exact("anaesthetics-sum");
	ck_assert_int_eq(verdict("anaesthetics-sum")->when, NOW - 50000 + POLICY_WINDOW_S);
	/* nothing of it passes by itself */
	past(LIDOCAINE)->outstanding = 270 * MG;
	ck_assert_int_eq(verdict("anaesthetics-sum")->when, POLICY_NEVER);
}
END_TEST

START_TEST(without_an_anaesthetic_asked_for_nothing_adds_up)
{
	past(LIDOCAINE)->outstanding = UINT64_MAX;
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_OK);
	ask_for(MIXED_PROCAINE);
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_HARD);
}
END_TEST

START_TEST(an_anaesthetic_without_a_known_limit_cannot_be_added_up)
{
	known(PROCAINE)->fixed[SCOPE_24H].hard = known(PROCAINE)->per_kg[SCOPE_24H].hard =
		FORMULARY_NO_BOUND;
	ask_for(LIDOCAINE);
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_OK);
	past(PROCAINE)->outstanding = 1;
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_HARD);
	past(PROCAINE)->outstanding = 0;
	known(PROCAINE)->fixed[SCOPE_24H].hard = 0;
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_OK);
	past(PROCAINE)->outstanding = 1;
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_HARD);
}
END_TEST

/* ------------------------------------------------------------- hyaluronidase */

START_TEST(what_is_spread_counts_by_the_plain_limits)
{
	ask_for(MIXED_LIDOCAINE);
	past(LIDOCAINE)->outstanding = 216 * MG - ASKED;
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_OK);
	past(LIDOCAINE)->outstanding++;
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_SOFT);
	past(LIDOCAINE)->outstanding = 270 * MG - ASKED;
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_SOFT);
	past(LIDOCAINE)->outstanding++;
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_HARD);
	ck_assert_ptr_nonnull(strstr(verdict("hyaluronidase")->text, "plain limits"));
}
END_TEST

START_TEST(lidocaine_with_epinephrine_that_was_spread_counts_as_plain)
{
	/* spread and constricted once, by hand; now more lidocaine: 216 mg are 51 % of 420, but 80 % of 270 */
	past(LIDOCAINE_EPINEPHRINE)->outstanding = 216 * MG;
	past(HYALURONIDASE)->session = 1;
	ask_for(LIDOCAINE);
	ask_volume((uint32_t)(54 * MG));
	ck_assert_int_eq(severity("anaesthetics-sum"), POLICY_OK);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_SOFT);
	ask_volume((uint32_t)(54 * MG) + 1);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_HARD);
	past(HYALURONIDASE)->session = 0;
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_OK);
	/* with no such plain substance its own limit counts */
	known(LIDOCAINE_EPINEPHRINE)->plain[0] = '\0';
	past(HYALURONIDASE)->session = 1;
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_OK);
}
END_TEST

START_TEST(hyaluronidase_after_an_anaesthetic_looks_back)
{
	ask_for(HYALURONIDASE);
	gave(LIDOCAINE, 3600, 270 * MG);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_SOFT);
	gave(LIDOCAINE, 3600, 270 * MG + 1); /* more than it may ever have been */
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_HARD);
	expect_when_is_exact("hyaluronidase");
	gave(LIDOCAINE, POLICY_WINDOW_S, 270 * MG + 1);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_OK);
}
END_TEST

START_TEST(hyaluronidase_and_epinephrine_do_not_meet_whichever_comes_first)
{
	ask_for(HYALURONIDASE);
	gave(LIDOCAINE_EPINEPHRINE, 3600, 1);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_HARD);
	ck_assert_str_eq(verdict("hyaluronidase")->what, "hyaluronidase");
	expect_when_is_exact("hyaluronidase");
	gave(LIDOCAINE_EPINEPHRINE, POLICY_WINDOW_S, 1);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_OK);
	past(LIDOCAINE_EPINEPHRINE)->outstanding = 1;
	expect_refused("hyaluronidase", "hyaluronidase and lidocaine-epinephrine");
	past(LIDOCAINE_EPINEPHRINE)->outstanding = 0;
	past(LIDOCAINE_EPINEPHRINE)->session = 1;
	expect_refused("hyaluronidase", "hyaluronidase and lidocaine-epinephrine");

	ask_for(LIDOCAINE_EPINEPHRINE);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_OK);
	gave(HYALURONIDASE, 3600, 1);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_HARD);
	ck_assert_str_eq(verdict("hyaluronidase")->what, "lidocaine-epinephrine");
	expect_when_is_exact("hyaluronidase");
	/* the two of the past are no matter for something else */
	ask_for(GLUTATHIONE);
	ck_assert_int_eq(severity("hyaluronidase"), POLICY_OK);
}
END_TEST

START_TEST(hyaluronidase_and_epinephrine_in_one_preparation_are_refused_for_good)
{
	w.formulary.preparations[MIXED_LIDOCAINE].components[0].substance = LIDOCAINE_EPINEPHRINE;
	ask_for(MIXED_LIDOCAINE);
	expect_refused("hyaluronidase", "vasoconstrictor");
	/* a vasoconstrictor that is no anaesthetic is one */
	known(LIDOCAINE_EPINEPHRINE)->anaesthetic = false;
	expect_refused("hyaluronidase", "vasoconstrictor");
}
END_TEST

/* ------------------------------------------------------------- mass */

START_TEST(a_mass_is_wanted_where_a_limit_goes_by_it_and_nowhere_else)
{
	w.history.mass_g = 0;
	ck_assert_int_eq(severity("mass-known"), POLICY_OK);
	ask_for(PROCAINE);
	expect_refused("mass-known", "procaine goes by body mass");
	ck_assert_str_eq(verdict("mass-known")->what, "procaine");
	w.history.mass_g = 1;
	ck_assert_int_eq(severity("mass-known"), POLICY_OK);
	w.history.mass_g = 0;
	ask_for(GLUTATHIONE);
	for (size_t i = 0; i < SCOPES; i++) {
		known(GLUTATHIONE)->per_kg[i].soft = 0;
		expect_refused("mass-known", "glutathione");
		known(GLUTATHIONE)->per_kg[i].soft = FORMULARY_NO_BOUND;
		known(GLUTATHIONE)->per_kg[i].hard = 0;
		expect_refused("mass-known", "glutathione");
		known(GLUTATHIONE)->per_kg[i].hard = FORMULARY_NO_BOUND;
	}
}
END_TEST

START_TEST(a_mass_is_wanted_for_what_was_given_and_adds_up)
{
	w.history.mass_g = 0;
	known(LIDOCAINE)->per_kg[SCOPE_24H] = known(GLUTATHIONE)->per_kg[SCOPE_24H];
	ask_for(LIDOCAINE);
	ck_assert_int_eq(severity("mass-known"), POLICY_OK);
	past(PROCAINE)->outstanding = 1;
	expect_refused("mass-known", "procaine");
	ask_for(HYALURONIDASE); /* spreads what was given */
	expect_refused("mass-known", "procaine");
	ask_for(GLUTATHIONE);
	ck_assert_int_eq(severity("mass-known"), POLICY_OK);
}
END_TEST

/* ------------------------------------------------------------- the thing */

START_TEST(what_a_gun_must_not_give_is_refused_with_or_without_a_gun)
{
	ask_for(DEOXYCHOLATE);
	expect_refused("by-gun", "deoxycholate is not given by gun");
	ck_assert_str_eq(verdict("by-gun")->what, "deoxycholate");
	w.request.has_gun = false;
	expect_refused("by-gun", "deoxycholate is not given by gun");
	w.request.kind = MESO_KIND_PRIME;
	expect_refused("by-gun", "deoxycholate is not given by gun");
	ask_for(MIXED_DEOXYCHOLATE);
	expect_refused("by-gun", "deoxycholate is not given by gun");
	ask_for(GLUTATHIONE);
	ck_assert_int_eq(severity("by-gun"), POLICY_OK);
}
END_TEST

START_TEST(what_must_not_be_mixed_is_refused_in_a_mixture)
{
	ask_for(DEOXYCHOLATE);
	ck_assert_int_eq(severity("unmixed"), POLICY_OK);
	ask_for(MIXED_PROCAINE);
	ck_assert_int_eq(severity("unmixed"), POLICY_OK);
	ask_for(MIXED_DEOXYCHOLATE);
	expect_refused("unmixed", "deoxycholate is not mixed");
	ck_assert_str_eq(verdict("unmixed")->what, "deoxycholate");
}
END_TEST

START_TEST(what_is_not_known_is_refused)
{
	struct formulary_preparation *p = &w.formulary.preparations[MIXED_PROCAINE];

	w.request.preparation = PREPARATIONS;
	expect_refused("preparation-known", "not a preparation");
	expect_refused("cartridge", "not known");
	w.request.preparation = FORMULARY_UNKNOWN;
	expect_refused("preparation-known", "not a preparation");
	ask_for(MIXED_PROCAINE);
	ck_assert_int_eq(severity("preparation-known"), POLICY_OK);
	p->components[1].concentration = 0;
	expect_refused("preparation-known", "every component");
	p->components[1].concentration = 1;
	p->components[1].substance = SUBSTANCES;
	expect_refused("preparation-known", "every component");
	p->components[1].substance = FORMULARY_UNKNOWN;
	expect_refused("preparation-known", "every component");
	p->n_components = 0;
	expect_refused("preparation-known", "every component");
	p->n_components = SIZE_MAX;
	expect_refused("preparation-known", "every component");
	ask_for(GLUTATHIONE);
	w.history.unknown_substance = true;
	expect_refused("preparation-known", "cannot be counted");
}
END_TEST

START_TEST(without_a_formulary_the_unknown_is_refused_and_the_rest_says_so)
{
	w.basis.formulary = NULL;
	ck_assert_int_eq(check_all(), POLICY_HARD);
	expect_refused("preparation-known", "no formulary");
	ck_assert_int_eq(severity("substance-24h"), POLICY_OK);
	ck_assert_int_eq(severity("mass-known"), POLICY_OK);
	for (size_t i = 0; i < POLICY_RULES; i++)
		ck_assert_int_gt((int)strlen(w.verdicts[i].text), 10);
}
END_TEST

START_TEST(the_cartridge_must_be_the_preparations)
{
	ck_assert_int_eq(severity("cartridge"), POLICY_OK);
	w.request.gun.cartridge++;
	expect_refused("cartridge", "The cartridge is");
	w.request.gun.cartridge = 0;
	expect_refused("cartridge", "reads no cartridge");
	w.formulary.preparations[GLUTATHIONE].cartridge =
		0; /* nothing is not the same as nothing */
	expect_refused("cartridge", "reads no cartridge");
	w.request.has_gun = false;
	ck_assert_int_eq(severity("cartridge"), POLICY_OK);
}
END_TEST

int main(void)
{
	return RUN_TESTS("policy_mixture", anaesthetics_add_up_to_one,
			 a_part_of_a_millionth_is_one_more, the_sum_rolls_with_every_window_in_it,
			 without_an_anaesthetic_asked_for_nothing_adds_up,
			 an_anaesthetic_without_a_known_limit_cannot_be_added_up,
			 what_is_spread_counts_by_the_plain_limits,
			 lidocaine_with_epinephrine_that_was_spread_counts_as_plain,
			 hyaluronidase_after_an_anaesthetic_looks_back,
			 hyaluronidase_and_epinephrine_do_not_meet_whichever_comes_first,
			 hyaluronidase_and_epinephrine_in_one_preparation_are_refused_for_good,
			 a_mass_is_wanted_where_a_limit_goes_by_it_and_nowhere_else,
			 a_mass_is_wanted_for_what_was_given_and_adds_up,
			 what_a_gun_must_not_give_is_refused_with_or_without_a_gun,
			 what_must_not_be_mixed_is_refused_in_a_mixture,
			 what_is_not_known_is_refused,
			 without_a_formulary_the_unknown_is_refused_and_the_rest_says_so,
			 the_cartridge_must_be_the_preparations);
}
