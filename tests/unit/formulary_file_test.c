// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a formulary's files may say, how they are layered, and that what is not
 * understood refuses all of it and says where and why.
 */
#include "formulary_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what is read ------------------------------------------------------------------------ */

START_TEST(each_key_goes_to_its_place_with_its_source)
{
	struct formulary *f = formulary_of(
		"[substance mild]\nname = Mild\nmeasured-in = mass\n"
		"allergies = b-group a-group\nconditions = asthma\n"
		"shot-soft = 1 mg; s1\nshot-hard = 2 mg; s2\n"
		"session-soft = 3 mg; s3\nsession-hard = 4 mg; s4\n"
		"24h-soft = 5 mg; s5\n24h-hard = 6 mg; s6\n"
		"course-soft = 7 mg; s7\ncourse-hard = 8 mg; s8\n"
		"shot-per-kg-soft = 1.5 ug/kg; s9\nshot-per-kg-hard = 2 ug/kg; s10\n"
		"session-per-kg-soft = 3 ug/kg; s11\nsession-per-kg-hard = 4 ug/kg; s12\n"
		"24h-per-kg-soft = 5 ug/kg; s13\n24h-per-kg-hard = 6 ug/kg; s14\n"
		"course-per-kg-soft = 7 ug/kg; s15\ncourse-per-kg-hard = 8 ug/kg; s16\n"
		"interval = 14 d; s17\ncourse-sessions = 3 sessions; s18\n"
		"spreading = no\nby-hand-only = yes\nunmixed = yes\n" LIDOCAINE
		"[preparation one]\nname = One # a comment\ncomponents = mild 1.5 mg/mL; s19\n"
		"cartridge = 0xfedcba9876543210\nshot-volume-soft = 150 uL; s20\n"
		"shot-volume-hard = 200 uL; s21\nviscosity = 1.5 mPa.s; s22\n" FACE);
	const struct formulary_substance *s = &f->substances[formulary_substance(f, "mild")];
	const struct formulary_preparation *p = &f->preparations[0];

	ck_assert_uint_eq(f->n_substances, 2);
	ck_assert_str_eq(s->name, "Mild");
	ck_assert_int_eq(s->unit, FORMULARY_NG);
	ck_assert_str_eq(s->allergies, "a-group b-group");
	ck_assert_str_eq(s->conditions, "asthma");
	for (int scope = 0; scope < SCOPES; scope++) {
		const struct formulary_bound *fixed = &s->fixed[scope], *per_kg = &s->per_kg[scope];
		char source[8];

		ck_assert_uint_eq(fixed->soft, (2 * (uint64_t)scope + 1) * 1000000);
		ck_assert_uint_eq(fixed->hard, (2 * (uint64_t)scope + 2) * 1000000);
		ck_assert_uint_eq(per_kg->soft, scope ? (2 * (uint64_t)scope + 1) * 1000 : 1500);
		ck_assert_uint_eq(per_kg->hard, (2 * (uint64_t)scope + 2) * 1000);
		snprintf(source, sizeof(source), "s%d", 2 * scope + 1);
		ck_assert_str_eq(fixed->soft_source, source);
		snprintf(source, sizeof(source), "s%d", 2 * scope + 2);
		ck_assert_str_eq(fixed->source, source);
		snprintf(source, sizeof(source), "s%d", 2 * scope + 9);
		ck_assert_str_eq(per_kg->soft_source, source);
		snprintf(source, sizeof(source), "s%d", 2 * scope + 10);
		ck_assert_str_eq(per_kg->source, source);
	}
	ck_assert_uint_eq(s->interval_days, 14);
	ck_assert_uint_eq(s->interval_months, 0);
	ck_assert_uint_eq(s->course_sessions, 3);
	ck_assert_str_eq(s->course_source, "s18");
	ck_assert(!s->anaesthetic && !s->vasoconstrictor && !s->spreading);
	ck_assert(s->by_hand_only && s->unmixed);
	ck_assert_str_eq(s->unlimited, "");
	ck_assert_str_eq(p->name, "One");
	ck_assert_uint_eq(p->n_components, 1);
	ck_assert_uint_eq(p->components[0].substance, formulary_substance(f, "mild"));
	ck_assert_uint_eq(p->components[0].concentration, 1500);
	ck_assert_uint_eq(p->cartridge, 0xfedcba9876543210);
	ck_assert_uint_eq(p->shot_nl.soft, 150000);
	ck_assert_uint_eq(p->shot_nl.hard, 200000);
	ck_assert_str_eq(p->shot_soft_source, "s20");
	ck_assert_str_eq(p->shot_source, "s21");
	ck_assert_uint_eq(p->viscosity_upas, 1500);
	ck_assert_uint_eq(f->areas[0].depth_min_um, 1000);
	ck_assert_uint_eq(f->areas[0].depth_max_um, 2000);
	ck_assert_uint_eq(f->areas[0].size_mm2, 10000);
	ck_assert_str_eq(f->areas[0].source, "table");
	formulary_free(f);
}
END_TEST

START_TEST(what_is_not_said_bounds_nothing)
{
	struct formulary *f = formulary_of(WATER);
	const struct formulary_substance *s = &f->substances[0];

	for (int scope = 0; scope < SCOPES; scope++) {
		ck_assert_uint_eq(s->fixed[scope].soft, FORMULARY_NO_BOUND);
		ck_assert_uint_eq(s->fixed[scope].hard, FORMULARY_NO_BOUND);
		ck_assert_uint_eq(s->per_kg[scope].soft, FORMULARY_NO_BOUND);
		ck_assert_uint_eq(s->per_kg[scope].hard, FORMULARY_NO_BOUND);
	}
	ck_assert_str_eq(s->unlimited, "it is water");
	formulary_free(f);
}
END_TEST

START_TEST(a_mixture_has_its_components_in_the_order_of_their_ids)
{
	struct formulary *f =
		formulary_of("[preparation mix]\nname = Mix\n"
			     "components = water 500 mg/mL ,  lidocaine 20 mg/mL; label\n"
			     "cartridge = 1\nviscosity = 1 mPa.s; x\n" WATER LIDOCAINE);
	const struct formulary_preparation *p = &f->preparations[0];

	ck_assert_uint_eq(p->n_components, 2);
	ck_assert_uint_eq(p->components[0].substance, formulary_substance(f, "lidocaine"));
	ck_assert_uint_eq(p->components[0].concentration, 20000);
	ck_assert_uint_eq(p->components[1].substance, formulary_substance(f, "water"));
	ck_assert_uint_eq(p->components[1].concentration, 500000);
	formulary_free(f);
}
END_TEST

START_TEST(blanks_tabs_and_comments_do_not_count)
{
	struct formulary *f = formulary_of("# comment\n\n \t \n  [substance\twater]  # here\n"
					   "\tname=Water#1 # there\nmeasured-in  =  mass\n"
					   "no-limit = yes;it is water");

	ck_assert_str_eq(f->substances[0].name, "Water#1");
	ck_assert_str_eq(f->substances[0].unlimited, "it is water");
	formulary_free(f);
}
END_TEST

START_TEST(allergies_and_conditions_are_known_by_what_substances_say)
{
	struct formulary *f =
		formulary_of(WATER "allergies = amide sulfite\nconditions = asthma\n");

	ck_assert(formulary_knows_allergy(f, "amide"));
	ck_assert(formulary_knows_allergy(f, "sulfite"));
	ck_assert(formulary_knows_allergy(f, "water"));
	ck_assert(!formulary_knows_allergy(f, "ami"));
	ck_assert(!formulary_knows_allergy(f, "asthma"));
	ck_assert(!formulary_knows_allergy(f, ""));
	ck_assert(formulary_knows_condition(f, "asthma"));
	ck_assert(!formulary_knows_condition(f, "amide"));
	formulary_free(f);
}
END_TEST

/* ---- layers -------------------------------------------------------------------------------- */

START_TEST(no_layer_at_all_makes_an_empty_formulary)
{
	struct formulary *f = NULL;

	ck_assert_int_eq(formulary_try(&f, NULL, "absent.conf absent.d"), 0);
	ck_assert_uint_eq(f->n_substances + f->n_preparations + f->n_areas, 0);
	formulary_free(f);
}
END_TEST

START_TEST(a_later_layer_changes_single_keys_and_adds_groups)
{
	struct formulary *f = NULL;
	const struct formulary_substance *s;

	formulary_put("vendor.conf", LIDOCAINE);
	formulary_put("clinic.conf",
		      "[substance lidocaine]\n24h-hard = 200 mg; our pharmacist\n" WATER);
	ck_assert_int_eq(formulary_try(&f, NULL, "vendor.conf clinic.conf"), 0);
	ck_assert_uint_eq(f->n_substances, 2);
	s = &f->substances[formulary_substance(f, "lidocaine")];
	ck_assert_uint_eq(s->fixed[SCOPE_24H].hard, 200000000);
	ck_assert_str_eq(s->fixed[SCOPE_24H].source, "our pharmacist");
	ck_assert_uint_eq(s->per_kg[SCOPE_24H].hard, 4500000);
	ck_assert_str_eq(s->per_kg[SCOPE_24H].source, "label");
	formulary_free(f);
	/* and the other way round the vendor's would win: it is the order that counts */
	ck_assert_int_eq(formulary_try(&f, NULL, "clinic.conf vendor.conf"), 0);
	ck_assert_uint_eq(f->substances[0].fixed[SCOPE_24H].hard, 300000000);
	formulary_free(f);
}
END_TEST

START_TEST(a_directory_stands_for_its_conf_files_in_the_order_of_their_names)
{
	struct formulary *f = NULL;

	formulary_put("vendor.conf", LIDOCAINE);
	formulary_put("clinic.d/20-b.conf", "[substance lidocaine]\n24h-hard = 150 mg; b\n");
	formulary_put("clinic.d/10-a.conf", "[substance lidocaine]\n24h-hard = 100 mg; a\n");
	formulary_put("clinic.d/30-c.conf~", "[substance lidocaine]\n24h-hard = 50 mg; c\n");
	formulary_put("clinic.d/.40.conf", "[substance lidocaine]\n24h-hard = 40 mg; d\n");
	formulary_put("clinic.d/README", "this is no formulary\n");
	ck_assert_int_eq(formulary_try(&f, NULL, "vendor.conf clinic.d"), 0);
	ck_assert_uint_eq(f->substances[0].fixed[SCOPE_24H].hard, 150000000);
	formulary_free(f);
}
END_TEST

START_TEST(a_later_layer_may_give_a_limit_to_what_had_none_and_not_take_it_away)
{
	char error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;

	formulary_put("a.conf", WATER);
	formulary_put("b.conf", "[substance water]\nsession-hard = 1 g; clinic\n");
	ck_assert_int_eq(formulary_try(&f, NULL, "a.conf b.conf"), 0);
	ck_assert_uint_eq(f->substances[0].fixed[SCOPE_SESSION].hard, 1000000000);
	ck_assert_str_eq(f->substances[0].unlimited, "");
	formulary_free(f);
	ck_assert_int_eq(formulary_try(&f, error, "b.conf a.conf"), -EINVAL);
	ck_assert_says(error, "a.conf:4: ");
	ck_assert_says(error, "no-limit = yes");
	ck_assert_says(error, "b.conf:2");
}
END_TEST

START_TEST(a_value_that_a_later_layer_replaces_must_be_in_order_too)
{
	char error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;

	formulary_put("a.conf", "[substance lidocaine]\n24h-hard = 301 mg; dream\n");
	formulary_put("b.conf", LIDOCAINE);
	ck_assert_int_eq(formulary_try(&f, error, "a.conf b.conf"), -ERANGE);
	ck_assert_says(error, "a.conf:2: ");
	ck_assert_ptr_null(f);
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------- */

#define SUBSTANCE       "[substance x]\nname = X\nmeasured-in = mass\n" /* 3 lines; a limit is missing */
#define MIX(components) WATER "[preparation mix]\nname = M\ncomponents = " components "\n" /* 7 */
#define LONG            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"

static const struct {
	const char *text;
	const char *words[4]; /* what the sentence must name */
} refused[] = {
	/* syntax */
	{ "name = X\n", { ":1: ", "name = X", "before any" } },
	{ "[substance water\n", { ":1: ", "[substance water", "]" } },
	{ "[thing water]\n", { ":1: ", "thing water", "no group" } },
	{ "[substance]\n", { ":1: ", "[substance ]", "id" } },
	{ "[substance Water]\n", { ":1: ", "Water", "id" } },
	{ "[substance 2water]\n", { ":1: ", "2water", "id" } },
	{ "[substance wa ter]\n", { ":1: ", "wa ter", "id" } },
	{ "[substance " LONG "]\n", { ":1: ", LONG, "39" } },
	{ WATER "nonsense\n", { ":5: ", "nonsense", "key = value" } },
	{ WATER "= 3\n", { ":5: ", "= 3", "key = value" } },
	{ WATER "name = W\x01\n", { ":5: ", "0x01", "no text" } },
	{ WATER "name = W\r\n", { ":5: ", "0x0d", "no text" } },
	{ WATER "name = W\xff\n", { ":5: ", "0xff", "no text" } },
	{ WATER "name = W\xc0\xaf\n", { ":5: ", "0xc0", "no text" } },
	{ WATER "name = W\xed\xa0\x80\n", { ":5: ", "0xed", "no text" } },
	/* keys */
	{ WATER "colour = blue\n", { ":5: ", "colour", "blue", "no key of a substance" } },
	{ WATER "Name = W\n", { ":5: ", "\"Name\"", "W", "no key" } },
	{ WATER "shot = 1 mg; x\n", { ":5: ", "\"shot\"", "1 mg", "no key" } },
	{ WATER PLASTER "size = 1 cm2; x\n", { ":10: ", "size", "no key of a preparation" } },
	{ WATER "name = W\n", { ":5: ", "name = W", "twice", "line 2" } },
	{ WATER FACE "[substance water]\nname = W\n", { ":10: ", "name = W", "twice", "line 2" } },
	{ "[substance x]\nmeasured-in = mass\n", { ":1: ", "[substance x]", "name is missing" } },
	{ "[substance x]\nname = X\n", { ":1: ", "[substance x]", "measured-in is missing" } },
	{ WATER "[preparation p]\nname = P\n", { ":5: ", "[preparation p]", "components" } },
	{ MIX("water 1 mg/mL; x"), { ":5: ", "[preparation mix]", "cartridge is missing" } },
	{ MIX("water 1 mg/mL; x") "cartridge = 1\n", { ":5: ", "viscosity is missing" } },
	{ "[area a]\nname = A\n", { ":1: ", "[area a]", "depth is missing" } },
	{ "[area a]\nname = A\ndepth = 1 mm to 2 mm; x\n", { ":1: ", "size is missing" } },
	/* sources */
	{ SUBSTANCE "24h-hard = 3 mg\n", { ":4: ", "24h-hard = 3 mg", "no source" } },
	{ SUBSTANCE "24h-hard = 3 mg;\n", { ":4: ", "24h-hard", "no source" } },
	{ SUBSTANCE "24h-hard = 3 mg; # later\n", { ":4: ", "24h-hard", "no source" } },
	{ SUBSTANCE "24h-hard = 3 mg; " LONG LONG LONG "\n", { ":4: ", "source", "119" } },
	{ SUBSTANCE "interval = 3 d\n", { ":4: ", "interval = 3 d", "no source" } },
	{ SUBSTANCE "course-sessions = 3 sessions\n", { ":4: ", "no source" } },
	{ SUBSTANCE "no-limit = yes\n", { ":4: ", "no-limit = yes", "no source" } },
	{ MIX("water 1 mg/mL"), { ":7: ", "components = water 1 mg/mL", "no source" } },
	{ "[substance w]\nname = W; the label\n", { ":2: ", "name", "semicolon" } },
	/* values */
	{ "[substance w]\nname =\n", { ":2: ", "name", "1 to 79 bytes" } },
	{ "[substance w]\nname = " LONG LONG "\n", { ":2: ", "name = " LONG, "1 to 79 bytes" } },
	{ WATER "allergies = a B\n", { ":5: ", "allergies = a B", "\"B\"", "id" } },
	{ WATER "allergies = a b a\n", { ":5: ", "a b a", "a is there twice" } },
	{ WATER "conditions = a, b\n", { ":5: ", "a, b", "\"a,\"" } },
	{ WATER "unmixed = true\n", { ":5: ", "unmixed = true", "yes nor no" } },
	{ WATER "unmixed =\n", { ":5: ", "unmixed", "yes nor no" } },
	{ "[substance x]\nmeasured-in = mg\n", { ":2: ", "measured-in = mg", "mass" } },
	{ SUBSTANCE "24h-hard = 3; x\n", { ":4: ", "24h-hard = 3", "no unit", "IU" } },
	{ SUBSTANCE "24h-hard = 3,5 mg; x\n", { ":4: ", "3,5 mg", "comma" } },
	{ SUBSTANCE "24h-hard = 3 mL; x\n", { ":4: ", "3 mL", "wrong unit", "300 mg" } },
	{ SUBSTANCE "24h-hard = 3 mg/kg; x\n", { ":4: ", "3 mg/kg", "wrong unit" } },
	{ SUBSTANCE "24h-hard = -3 mg; x\n", { ":4: ", "-3 mg", "sign" } },
	{ SUBSTANCE "24h-hard = 0 mg; x\n", { ":4: ", "0 mg", "above nothing" } },
	{ SUBSTANCE "24h-hard = 99999999999 g; x\n", { ":4: ", "9999", "too large" } },
	{ SUBSTANCE "24h-per-kg-hard = 3 mg; x\n", { ":4: ", "3 mg", "/kg" } },
	{ SUBSTANCE "24h-hard = 3 IU; x\n", { ":4: ", "24h-hard = 3 IU", "mass", "300 mg" } },
	{ "[substance x]\nname = X\nmeasured-in = activity\n24h-hard = 3 mg; x\n",
	  { ":4: ", "24h-hard = 3 mg", "activity", "150 IU" } },
	{ SUBSTANCE "session-per-kg-hard = 3 IU/kg; x\n", { ":4: ", "3 IU/kg", "mass" } },
	{ SUBSTANCE "interval = 3; x\n", { ":4: ", "interval = 3", "no unit" } },
	{ SUBSTANCE "interval = 3 weeks; x\n", { ":4: ", "3 weeks", "unit" } },
	{ SUBSTANCE "interval = 0 d; x\n", { ":4: ", "0 d", "1 d" } },
	{ SUBSTANCE "interval = 121 months; x\n", { ":4: ", "121 months", "120" } },
	{ SUBSTANCE "course-sessions = 0 sessions; x\n", { ":4: ", "above nothing" } },
	{ SUBSTANCE "course-sessions = 3; x\n", { ":4: ", "course-sessions = 3", "unit" } },
	{ SUBSTANCE, { ":1: ", "[substance x]", "no hard bound", "no-limit" } },
	{ SUBSTANCE "24h-soft = 3 mg; x\n", { ":1: ", "[substance x]", "no hard bound" } },
	{ SUBSTANCE "no-limit = no; x\n", { ":1: ", "[substance x]", "no hard bound" } },
	{ SUBSTANCE "24h-hard = 3 mg; x\nno-limit = yes; x\n", { ":5: ", "no-limit", "24h-hard" } },
	{ SUBSTANCE "24h-soft = 4 mg; x\n24h-hard = 3 mg; x\n",
	  { ":4: ", "24h-soft = 4 mg", "24h-hard", "3 mg" } },
	{ SUBSTANCE "shot-per-kg-hard = 3 ug/kg; x\nshot-per-kg-soft = 4 ug/kg; x\n",
	  { ":5: ", "shot-per-kg-soft = 4 ug/kg", "shot-per-kg-hard", "3 ug/kg" } },
	/* plain */
	{ LIDOCAINE "vasoconstrictor = yes\n", { ":1: ", "lidocaine", "plain is missing" } },
	{ LIDOCAINE "plain = water\n" WATER, { ":7: ", "plain = water", "no vasoconstrictor" } },
	{ LIDOCAINE "vasoconstrictor = yes\nplain = water\n" WATER,
	  { ":8: ", "plain = water", "no plain anaesthetic" } },
	{ LIDOCAINE "vasoconstrictor = yes\nplain = nobody\n", { ":8: ", "nobody", "no plain" } },
	{ LIDOCAINE "vasoconstrictor = yes\nplain = lidocaine\n", { ":8: ", "no plain" } },
	{ WATER "plain = No\n", { ":5: ", "plain = No", "no id" } },
	/* preparations */
	{ MIX("water; x"), { ":7: ", "water", "/mL" } },
	{ MIX("water 1 mg; x"), { ":7: ", "1 mg", "/mL" } },
	{ MIX("water 1 /mL; x"), { ":7: ", "\"1 \"", "no unit" } },
	{ MIX("1 mg/mL; x"), { ":7: ", "1 mg/mL", "id of a substance" } },
	{ MIX("water 0 mg/mL; x"), { ":7: ", "0 mg/mL", "nothing" } },
	{ MIX("water 2.001 g/mL; x"), { ":7: ", "2.001 g/mL", "2 g/mL" } },
	{ MIX("water 1 ng/mL; x"), { ":7: ", "1 ng/mL", "finer" } },
	{ MIX("water 1 mg/mL, water 2 mg/mL; x"), { ":7: ", "water is there twice" } },
	{ MIX("water 1 mg/mL,; x"), { ":7: ", "id of a substance" } },
	{ MIX("water 1 IU/mL; x") "cartridge = 1\nviscosity = 1 mPa.s; x\n",
	  { ":7: ", "water 1 IU/mL", "mass" } },
	{ MIX("wine 1 mg/mL; x") "cartridge = 1\nviscosity = 1 mPa.s; x\n",
	  { ":7: ", "components = wine 1 mg/mL", "no [substance wine]" } },
	{ MIX("a 1 mg/mL, b 1 mg/mL, c 1 mg/mL, d 1 mg/mL, e 1 mg/mL, f 1 mg/mL, g 1 mg/mL,"
	      " h 1 mg/mL, i 1 mg/mL; x"),
	  { ":7: ", "more than 8" } },
	{ SUBSTANCE "no-limit = yes; x\nunmixed = yes\n" WATER
		    "[preparation p]\nname = P\ncomponents = x 1 mg/mL, water 1 mg/mL; x\n"
		    "cartridge = 1\nviscosity = 1 mPa.s; x\n",
	  { ":12: ", "x 1 mg/mL, water", "x must stay unmixed" } },
	{ WATER PLASTER "[preparation b]\nname = B\ncomponents = water 1 mg/mL; x\n"
			"cartridge = 0x11\nviscosity = 1 mPa.s; x\n",
	  { ":13: ", "cartridge = 0x11", "plaster", "same" } },
	{ WATER "[preparation p]\ncartridge = 0\n", { ":6: ", "cartridge = 0", "not 0" } },
	{ WATER "[preparation p]\ncartridge = 0xG\n", { ":6: ", "cartridge = 0xG", "number" } },
	{ WATER "[preparation p]\ncartridge = 18446744073709551616\n", { ":6: ", "64 bits" } },
	{ WATER PLASTER "shot-volume-soft = 60 uL; x\n",
	  { ":10: ", "shot-volume-hard is missing" } },
	{ WATER PLASTER "shot-volume-soft = 60 uL; x\nshot-volume-hard = 50 uL; x\n",
	  { ":10: ", "shot-volume-soft = 60 uL", "50 uL" } },
	{ WATER PLASTER "shot-volume-hard = 50 mm; x\n", { ":10: ", "50 mm", "uL" } },
	{ WATER "[preparation p]\nviscosity = 1 Pa; x\n", { ":6: ", "1 Pa", "mPa.s" } },
	/* areas */
	{ "[area a]\ndepth = 1 mm; x\n", { ":2: ", "depth = 1 mm", "1 mm to 2 mm" } },
	{ "[area a]\ndepth = 2 mm to 1 mm; x\n", { ":2: ", "2 mm to 1 mm", "before it begins" } },
	{ "[area a]\ndepth = 1 mm to 2; x\n", { ":2: ", "1 mm to 2", "no unit" } },
	{ "[area a]\nsize = 100 mm; x\n", { ":2: ", "size = 100 mm", "cm2" } },
	{ "[area a]\nsize = 0 cm2; x\n", { ":2: ", "0 cm2", "at least" } },
};

/* Of a number that is understood the sentence names its bound, and the error is another one. */
static bool is_off_range(const char *const words[4])
{
	static const char *const off_range[] = { "above nothing", "too large", "nothing", "2 g/mL",
						 "at least",      "1 d",       "120" };

	for (size_t i = 0; i < sizeof(off_range) / sizeof(off_range[0]); i++)
		for (int k = 1; k < 4; k++)
			if (words[k] && strcmp(words[k], off_range[i]) == 0)
				return true;
	return false;
}

START_TEST(what_is_not_understood_is_refused_by_file_line_key_and_value)
{
	char error[FORMULARY_ERROR_MAX] = "", before[160];
	struct formulary *f = NULL;
	int r;

	formulary_put("bad.conf", refused[_i].text);
	r = formulary_try(&f, error, "bad.conf");
	ck_assert_msg(r == (is_off_range(refused[_i].words) ? -ERANGE : -EINVAL), "%d: %s", r,
		      error);
	ck_assert_ptr_null(f);
	snprintf(before, sizeof(before), "%s%s", formulary_path("bad.conf"), refused[_i].words[0]);
	ck_assert_msg(strncmp(error, before, strlen(before)) == 0, "not %s: %s", before, error);
	for (int i = 0; i < 4; i++)
		if (refused[_i].words[i])
			ck_assert_says(error, refused[_i].words[i]);
	/* without room for a sentence it is refused as well */
	ck_assert_int_eq(formulary_try(&f, NULL, "bad.conf"), r);
}
END_TEST

START_TEST(a_line_of_any_length_is_refused_or_read)
{
	char text[4096] = WATER "name = ", error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;

	memset(text + strlen(text), 'x', 3000);
	formulary_put("bad.conf", text);
	ck_assert_int_eq(formulary_try(&f, error, "bad.conf"), -EINVAL);
	ck_assert_says(error, "bad.conf:5: ");
	ck_assert_says(error, "999 bytes");
}
END_TEST

START_TEST(a_sentence_is_text_wherever_it_was_cut)
{
	char text[200], error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;

	for (int shift = 0; shift < 2; shift++) {
		int n = snprintf(text, sizeof(text), "[substance w]\nno-limit = %s",
				 shift ? "x" : "");

		/* a with dots, two bytes */
		for (int i = 0; i < 60; i++)
			n += snprintf(text + n, sizeof(text) - (size_t)n, "\xc3\xa4");
		formulary_put("bad.conf", text);
		ck_assert_int_eq(formulary_try(&f, error, "bad.conf"), -EINVAL);
		ck_assert_says(error, "bad.conf:2: ");
		/* a lone first byte, then something else, is no text */
		for (const char *p = error; *p; p++)
			if (*p == '\xc3')
				ck_assert_int_eq(p[1], '\xa4');
	}
}
END_TEST

START_TEST(one_thing_too_many_is_refused)
{
	char error[FORMULARY_ERROR_MAX] = "";
	struct formulary *f = NULL;
	FILE *file;

	for (int n = FORMULARY_AREAS; n <= FORMULARY_AREAS + 1; n++) {
		file = fopen(formulary_path("many.conf"), "w");
		ck_assert_ptr_nonnull(file);
		for (int i = 0; i < n; i++)
			fprintf(file,
				"[area a%d]\nname = A\ndepth = 1 mm to 2 mm; x\nsize = 1 cm2; x\n",
				i);
		ck_assert_int_eq(fclose(file), 0);
		ck_assert_int_eq(formulary_try(&f, error, "many.conf"),
				 n == FORMULARY_AREAS ? 0 : -EINVAL);
	}
	ck_assert_says(error, "many.conf:257: [area a64]");
	ck_assert_says(error, "at most 64");
	formulary_free(f);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_no_absent_file)
{
	char error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;

	/* a directory in a directory; and a way that leads nowhere */
	ck_assert_int_eq(mkdir(formulary_path("clinic.d"), 0755), 0);
	ck_assert_int_eq(mkdir(formulary_path("clinic.d/10.conf"), 0755), 0);
	ck_assert_int_eq(formulary_try(&f, error, "clinic.d"), -EISDIR);
	ck_assert_says(error, "clinic.d/10.conf: ");
	formulary_put("file", "");
	ck_assert_int_eq(formulary_try(&f, error, "file/below.conf"), -ENOTDIR);
	ck_assert_says(error, "file/below.conf: ");
	ck_assert_int_eq(symlink("loop.conf", formulary_path("loop.conf")), 0);
	ck_assert_int_eq(formulary_try(&f, error, "loop.conf"), -ELOOP);
	ck_assert_says(error, "loop.conf: ");
	if (geteuid() != 0) {
		formulary_put("secret.conf", WATER);
		ck_assert_int_eq(chmod(formulary_path("secret.conf"), 0), 0);
		ck_assert_int_eq(formulary_try(&f, error, "secret.conf"), -EACCES);
		ck_assert_says(error, "secret.conf: ");
	}
	ck_assert_ptr_null(f);
}
END_TEST

static void add(TCase *t)
{
	tcase_add_test(t, each_key_goes_to_its_place_with_its_source);
	tcase_add_test(t, what_is_not_said_bounds_nothing);
	tcase_add_test(t, a_mixture_has_its_components_in_the_order_of_their_ids);
	tcase_add_test(t, blanks_tabs_and_comments_do_not_count);
	tcase_add_test(t, allergies_and_conditions_are_known_by_what_substances_say);
	tcase_add_test(t, no_layer_at_all_makes_an_empty_formulary);
	tcase_add_test(t, a_later_layer_changes_single_keys_and_adds_groups);
	tcase_add_test(t, a_directory_stands_for_its_conf_files_in_the_order_of_their_names);
	tcase_add_test(t, a_later_layer_may_give_a_limit_to_what_had_none_and_not_take_it_away);
	tcase_add_test(t, a_value_that_a_later_layer_replaces_must_be_in_order_too);
	tcase_add_loop_test(t, what_is_not_understood_is_refused_by_file_line_key_and_value, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, a_line_of_any_length_is_refused_or_read);
	tcase_add_test(t, a_sentence_is_text_wherever_it_was_cut);
	tcase_add_test(t, one_thing_too_many_is_refused);
	tcase_add_test(t, a_file_that_cannot_be_read_is_no_absent_file);
}

int main(void)
{
	return formulary_run("formulary files", add);
}
