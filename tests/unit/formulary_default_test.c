// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formulary that comes with meso: it loads, it has what the safety table and
 * the field's articles name, and its numbers are the table's.
 */
#include "formulary_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MG UINT64_C(1000000)
#define UG UINT64_C(1000)
#define IU UINT64_C(1000)

static struct formulary *load_shipped(void)
{
	const char *const path = SHIPPED;
	char error[FORMULARY_ERROR_MAX] = "";
	struct formulary *f = NULL;

	ck_assert_msg(formulary_load(&path, 1, &f, error) == 0, "%s", error);
	/* an absent file is an empty formulary: were the tests run elsewhere, none would say so */
	ck_assert_uint_gt(f->n_substances, 0);
	return f;
}

static const struct formulary_substance *get(const struct formulary *f, const char *id)
{
	const size_t i = formulary_substance(f, id);

	ck_assert_msg(i != FORMULARY_UNKNOWN, "no %s", id);
	return &f->substances[i];
}

static void expect(const struct formulary_bound *bound, uint64_t soft, uint64_t hard)
{
	ck_assert_uint_eq(bound->soft, soft);
	ck_assert_uint_eq(bound->hard, hard);
}

START_TEST(local_anaesthetics_have_the_bounds_of_the_safety_table)
{
	struct formulary *f = load_shipped();
	const struct formulary_substance *s = get(f, "lidocaine");

	ck_assert(s->anaesthetic && !s->vasoconstrictor);
	expect(&s->fixed[SCOPE_24H], 240 * MG, 300 * MG);
	expect(&s->per_kg[SCOPE_24H], 3600 * UG, 4500 * UG);
	s = get(f, "lidocaine-epinephrine");
	ck_assert(s->anaesthetic && s->vasoconstrictor);
	ck_assert_str_eq(s->plain, "lidocaine");
	expect(&s->fixed[SCOPE_24H], 400 * MG, 500 * MG);
	expect(&s->per_kg[SCOPE_24H], 5600 * UG, 7 * MG);
	s = get(f, "procaine");
	ck_assert(s->anaesthetic && !s->vasoconstrictor);
	expect(&s->fixed[SCOPE_24H], 480 * MG, 600 * MG);
	expect(&s->per_kg[SCOPE_24H], 5600 * UG, 7 * MG);
	formulary_free(f);
}
END_TEST

START_TEST(hyaluronidase_and_deoxycholate_are_as_the_safety_table_has_them)
{
	struct formulary *f = load_shipped();
	const struct formulary_substance *s = get(f, "hyaluronidase");

	ck_assert_int_eq(s->unit, FORMULARY_MIU);
	ck_assert(s->spreading);
	expect(&s->fixed[SCOPE_SESSION], 150 * IU, 300 * IU);
	s = get(f, "deoxycholate");
	ck_assert(s->by_hand_only && s->unmixed);
	ck_assert_uint_eq(s->fixed[SCOPE_SESSION].hard, 100 * MG);
	ck_assert_uint_eq(s->interval_months, 1);
	ck_assert_uint_eq(s->course_sessions, 6);
	formulary_free(f);
}
END_TEST

/* What DOMAIN names, as far as a name says what is in the syringe. */
static const char *const substances[] = {
	"hyaluronic-acid",     "amino-acids", "glutathione",
	"vitamin-c",           "biotin",      "zinc",
	"magnesium-sulfate",   "collagenase", "pentoxifylline",
	"phosphatidylcholine", "calcitonin",  "levothyroxine",
};

static const char *const areas[] = {
	"face",       "double-chin", "neck",         "hands", "chest",  "scalp",    "arms",
	"upper-arms", "stomach",     "love-handles", "hips",  "thighs", "buttocks", "legs",
};

START_TEST(what_the_articles_name_is_there)
{
	struct formulary *f = load_shipped();

	for (size_t i = 0; i < sizeof(substances) / sizeof(substances[0]); i++)
		(void)get(f, substances[i]);
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		ck_assert_msg(formulary_area(f, areas[i]) != FORMULARY_UNKNOWN, "no %s", areas[i]);
	formulary_free(f);
}
END_TEST

START_TEST(depths_are_those_of_the_safety_table)
{
	static const char *const thin[] = { "face", "double-chin", "neck", "hands" };
	struct formulary *f = load_shipped();

	for (size_t i = 0; i < f->n_areas; i++) {
		bool is_thin = false;

		for (size_t k = 0; k < 4; k++)
			is_thin = is_thin || strcmp(f->areas[i].id, thin[k]) == 0;
		ck_assert_uint_eq(f->areas[i].depth_min_um, is_thin ? 1000 : 2000);
		ck_assert_uint_eq(f->areas[i].depth_max_um, is_thin ? 2000 : 4000);
	}
	formulary_free(f);
}
END_TEST

static int expect_source(const char *key, const char *value, const char *source, void *userdata)
{
	static const char *const without[] = { "name",       "measured-in", "allergies",
					       "conditions", "anaesthetic", "vasoconstrictor",
					       "plain",      "spreading",   "by-hand-only",
					       "unmixed",    "cartridge" };

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		if (strcmp(key, without[i]) == 0)
			return 0;
	ck_assert_msg(*source, "%s: %s = %s has no source", (const char *)userdata, key, value);
	return 0;
}

START_TEST(each_number_has_its_source)
{
	struct formulary *f = load_shipped();

	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++)
		for (size_t i = 0; i < formulary_count(f, group); i++) {
			char id[FORMULARY_ID_MAX];

			snprintf(id, sizeof(id), "%s", formulary_id(f, group, i));
			ck_assert_int_eq(formulary_describe(f, group, i, expect_source, id), 0);
		}
	formulary_free(f);
}
END_TEST

START_TEST(each_preparation_is_of_known_substances_and_one_is_to_practise_with)
{
	struct formulary *f = load_shipped();

	for (size_t p = 0; p < f->n_preparations; p++) {
		ck_assert_uint_gt(f->preparations[p].n_components, 0);
		for (size_t c = 0; c < f->preparations[p].n_components; c++)
			ck_assert_uint_lt(f->preparations[p].components[c].substance,
					  f->n_substances);
	}
	/* to practise with: what a simulated gun has in it */
	ck_assert_uint_eq(f->preparations[formulary_preparation(f, "saline")].cartridge, 1);
	formulary_free(f);
}
END_TEST

/* Whatever a slip of the finger makes of it: it is refused with a sentence, or it keeps the ceilings. */
START_TEST(a_file_with_a_slip_in_it_is_refused_or_keeps_the_ceilings)
{
	static const char slips[] = "0159.,; #=[]\n-kmguIU/\xc3\x01";
	static char text[65536], changed[65536];
	char error[FORMULARY_ERROR_MAX];
	uint64_t random = 20261126;
	size_t length, refused = 0, taken = 0;
	FILE *file = fopen(SHIPPED, "r");

	ck_assert_ptr_nonnull(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	ck_assert_uint_gt(length, 10000);
	ck_assert_int_eq(fclose(file), 0);
	for (int i = 0; i < 1500; i++) {
		struct formulary *f = NULL;
		const struct formulary_substance *s;
		size_t at;
		int r;

		random = random * 6364136223846793005u + 1442695040888963407u;
		at = (size_t)(random >> 33) % length;
		memcpy(changed, text, length + 1);
		changed[at] = slips[(random >> 20) % (sizeof(slips) - 1)];
		formulary_put("slip.conf", changed);
		*error = '\0';
		r = formulary_try(&f, error, "slip.conf");
		if (r < 0) {
			refused++;
			ck_assert_ptr_null(f);
			ck_assert_says(error, "slip.conf:");
			continue;
		}
		taken++;
		s = get(f, "lidocaine");
		ck_assert(s->anaesthetic);
		ck_assert_uint_le(s->fixed[SCOPE_24H].hard, 300 * MG);
		ck_assert_uint_le(s->per_kg[SCOPE_24H].hard, 4500 * UG);
		ck_assert_uint_le(get(f, "procaine")->fixed[SCOPE_24H].hard, 600 * MG);
		ck_assert_uint_le(get(f, "hyaluronidase")->fixed[SCOPE_SESSION].hard, 300 * IU);
		ck_assert(get(f, "deoxycholate")->by_hand_only);
		for (size_t p = 0; p < f->n_preparations; p++)
			ck_assert_uint_le(f->preparations[p].shot_nl.hard, 200000);
		for (size_t a = 0; a < f->n_areas; a++)
			ck_assert_uint_le(f->areas[a].depth_max_um, 4000);
		formulary_free(f);
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_gt(taken, 100);
}
END_TEST

static void add(TCase *t)
{
	tcase_add_test(t, local_anaesthetics_have_the_bounds_of_the_safety_table);
	tcase_add_test(t, hyaluronidase_and_deoxycholate_are_as_the_safety_table_has_them);
	tcase_add_test(t, what_the_articles_name_is_there);
	tcase_add_test(t, depths_are_those_of_the_safety_table);
	tcase_add_test(t, each_number_has_its_source);
	tcase_add_test(t, a_file_with_a_slip_in_it_is_refused_or_keeps_the_ceilings);
	tcase_add_test(t, each_preparation_is_of_known_substances_and_one_is_to_practise_with);
}

int main(void)
{
	return formulary_run("formulary default", add);
}
