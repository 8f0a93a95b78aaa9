// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two formularies beside each other: which is tighter, whether they are the same,
 * and that things keep their indices.
 */
#include "formulary_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One of each key. */
#define BASE                                                                               \
	LIDOCAINE                                                                          \
	"24h-soft = 240 mg; s\n24h-per-kg-soft = 3.6 mg/kg; s\n"                           \
	"[substance mild]\nname = Mild\nmeasured-in = mass\nallergies = a b\n"             \
	"conditions = asthma gout\nshot-soft = 1 mg; s\nshot-hard = 2 mg; s\n"             \
	"session-soft = 3 mg; s\nsession-hard = 4 mg; s\ncourse-soft = 7 mg; s\n"          \
	"course-hard = 8 mg; s\nshot-per-kg-soft = 10 ug/kg; s\n"                          \
	"shot-per-kg-hard = 20 ug/kg; s\nsession-per-kg-soft = 30 ug/kg; s\n"              \
	"session-per-kg-hard = 40 ug/kg; s\ncourse-per-kg-soft = 70 ug/kg; s\n"            \
	"course-per-kg-hard = 80 ug/kg; s\ninterval = 14 d; s\n"                           \
	"course-sessions = 3 sessions; s\nby-hand-only = yes\nunmixed = yes\n"             \
	"[substance both]\nname = Both\nmeasured-in = mass\nanaesthetic = yes\n"           \
	"vasoconstrictor = yes\nplain = lidocaine\nspreading = no\n"                       \
	"24h-hard = 450 mg; s\n24h-per-kg-hard = 6 mg/kg; s\n"                             \
	"[substance open]\nname = Open\nmeasured-in = mass\nno-limit = yes; s\n"           \
	"interval = 2 months; s\n"                                                         \
	"[substance spread]\nname = Spread\nmeasured-in = activity\nspreading = yes\n"     \
	"session-hard = 250 IU; s\n"                                                       \
	"[preparation mix]\nname = Mix\ncomponents = lidocaine 5 mg/mL, open 7 mg/mL; s\n" \
	"cartridge = 7\nshot-volume-soft = 60 uL; s\nshot-volume-hard = 120 uL; s\n"       \
	"viscosity = 1.5 mPa.s; s\n"                                                       \
	"[preparation pure]\nname = Pure\ncomponents = mild 5 mg/mL; s\ncartridge = 8\n"   \
	"viscosity = 2 mPa.s; s\n"                                                         \
	"[area face]\nname = Face\ndepth = 1 mm to 2 mm; s\nsize = 100 cm2; s\n"

/* One line of it changed, to both sides. */
static const struct {
	const char *was;
	const char *looser;  /* NULL: there is no looser one */
	const char *tighter; /* NULL: each change is looser */
	const char *key;     /* that the sentence names */
} changes[] = {
	{ "24h-hard = 300 mg", NULL, "24h-hard = 299 mg", NULL },
	{ "24h-per-kg-hard = 4.5 mg", NULL, "24h-per-kg-hard = 4.4 mg", NULL },
	{ "24h-soft = 240 mg", "24h-soft = 241 mg", "24h-soft = 239 mg", "24h-soft" },
	{ "24h-per-kg-soft = 3.6", "24h-per-kg-soft = 3.7", "24h-per-kg-soft = 3.5",
	  "24h-per-kg-soft" },
	{ "shot-soft = 1 mg", "shot-soft = 1.1 mg", "shot-soft = 0.9 mg", "shot-soft" },
	{ "shot-hard = 2 mg", "shot-hard = 2.1 mg", "shot-hard = 1.9 mg", "shot-hard" },
	{ "session-soft = 3 mg", "session-soft = 3.1 mg", "session-soft = 2.9 mg", "session-soft" },
	{ "session-hard = 4 mg", "session-hard = 4.1 mg", "session-hard = 3.9 mg", "session-hard" },
	{ "course-soft = 7 mg", "course-soft = 7.1 mg", "course-soft = 6.9 mg", "course-soft" },
	{ "course-hard = 8 mg", "course-hard = 8.1 mg", "course-hard = 7.9 mg", "course-hard" },
	{ "shot-per-kg-soft = 10", "shot-per-kg-soft = 11", "shot-per-kg-soft = 9",
	  "shot-per-kg-soft" },
	{ "shot-per-kg-hard = 20", "shot-per-kg-hard = 21", "shot-per-kg-hard = 19",
	  "shot-per-kg-hard" },
	{ "session-per-kg-soft = 30", "session-per-kg-soft = 31", "session-per-kg-soft = 29",
	  "session-per-kg-soft" },
	{ "session-per-kg-hard = 40", "session-per-kg-hard = 41", "session-per-kg-hard = 39",
	  "session-per-kg-hard" },
	{ "course-per-kg-soft = 70", "course-per-kg-soft = 71", "course-per-kg-soft = 69",
	  "course-per-kg-soft" },
	{ "course-per-kg-hard = 80", "course-per-kg-hard = 81", "course-per-kg-hard = 79",
	  "course-per-kg-hard" },
	{ "24h-hard = 450 mg", "24h-hard = 451 mg", "24h-hard = 449 mg", "24h-hard" },
	{ "24h-per-kg-hard = 6 mg", "24h-per-kg-hard = 6.1 mg", "24h-per-kg-hard = 5.9 mg",
	  "24h-per-kg-hard" },
	{ "session-hard = 250 IU", "session-hard = 251 IU", "session-hard = 249 IU",
	  "session-hard" },
	/* gone or new */
	{ "shot-hard = 2 mg; s\n", "", NULL, "shot-hard" },
	{ "shot-soft = 1 mg; s\n", "", NULL, "shot-soft" },
	{ "interval = 14 d; s\n", "", NULL, "interval" },
	{ "course-sessions = 3 sessions; s\n", "", NULL, "course-sessions" },
	{ "no-limit = yes; s\n", NULL, "session-hard = 1 g; s\n", NULL },
	{ "spreading = no\n", NULL, "spreading = no\ninterval = 1 d; s\n", NULL },
	{ "spreading = no\n", NULL, "spreading = no\ncourse-sessions = 15 sessions; s\n", NULL },
	/* tokens */
	{ "allergies = a b", "allergies = a", "allergies = a b c", "allergies" },
	{ "conditions = asthma gout", "conditions = gout", "conditions = asthma fever gout",
	  "conditions" },
	/* intervals and counts */
	{ "interval = 14 d", "interval = 13 d", "interval = 15 d", "interval" },
	{ "interval = 14 d", NULL, "interval = 1 month", NULL },
	{ "interval = 2 months", "interval = 1 month", "interval = 3 months", "interval" },
	{ "interval = 2 months", "interval = 61 d", "interval = 62 d", "interval" },
	{ "course-sessions = 3", "course-sessions = 4", "course-sessions = 2", "course-sessions" },
	/* what a thing is */
	{ "by-hand-only = yes", "by-hand-only = no", NULL, "by-hand-only" },
	{ "unmixed = yes", "unmixed = no", NULL, "unmixed" },
	{ "spreading = no", NULL, "spreading = no\nunmixed = yes", NULL },
	{ "spreading = no", NULL, "spreading = no\nby-hand-only = yes", NULL },
	{ "spreading = yes", "spreading = no", NULL, "spreading" },
	{ "anaesthetic = yes\nvasoconstrictor = yes\nplain = lidocaine\n", "", NULL,
	  "anaesthetic" },
	{ "vasoconstrictor = yes\nplain = lidocaine\n", "", NULL, "vasoconstrictor" },
	{ "measured-in = activity\nspreading = yes\nsession-hard = 250 IU",
	  "measured-in = mass\nsession-hard = 1 ug", NULL, "measured-in" },
	/* preparations: another thing is no tighter one */
	{ "lidocaine 5 mg/mL, open", "lidocaine 6 mg/mL, open", NULL, "components" },
	{ "lidocaine 5 mg/mL, open", "lidocaine 4 mg/mL, open", NULL, "components" },
	{ "lidocaine 5 mg/mL, open 7 mg/mL", "lidocaine 5 mg/mL", NULL, "components" },
	{ "lidocaine 5 mg/mL, open", "both 5 mg/mL, open", NULL, "components" },
	{ "components = mild 5 mg/mL", "components = mild 5.001 mg/mL", NULL, "components" },
	{ "cartridge = 7", "cartridge = 9", NULL, "cartridge" },
	{ "shot-volume-soft = 60 uL", "shot-volume-soft = 61 uL", "shot-volume-soft = 59 uL",
	  "shot-volume-soft" },
	{ "shot-volume-hard = 120 uL", "shot-volume-hard = 121 uL", "shot-volume-hard = 119 uL",
	  "shot-volume-hard" },
	{ "shot-volume-soft = 60 uL; s\n", "", NULL, "shot-volume-soft" },
	/* what the clinic's limit was may be less than what is said now */
	{ "cartridge = 8\n", "cartridge = 8\nshot-volume-hard = 10 uL; s\n", NULL,
	  "shot-volume-hard" },
	{ "viscosity = 1.5", "viscosity = 1.6", NULL, "viscosity" },
	{ "viscosity = 1.5", "viscosity = 1.4", NULL, "viscosity" },
	/* areas */
	{ "depth = 1 mm to 2 mm", "depth = 0.999 mm to 2 mm", "depth = 1.001 mm to 2 mm", "depth" },
	{ "depth = 1 mm to 2 mm", "depth = 1 mm to 2.001 mm", "depth = 1 mm to 1.999 mm", "depth" },
	{ "size = 100 cm2", "size = 10001 mm2", "size = 9999 mm2", "size" },
	/* names and sources are no limits */
	{ "name = Mild", NULL, "name = Gentle", NULL },
	{ "24h-hard = 450 mg; s", NULL, "24h-hard = 450 mg; another label", NULL },
};

static struct formulary *changed(const char *was, const char *is)
{
	const char *at = strstr(BASE, was);
	char text[4096];

	ck_assert_ptr_nonnull(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - BASE), BASE, is, at + strlen(was));
	return formulary_of(text);
}

START_TEST(each_key_has_a_looser_and_a_tighter_side)
{
	char reason[FORMULARY_ERROR_MAX] = "";
	struct formulary *base = formulary_of(BASE), *looser = NULL, *tighter = NULL;

	if (changes[_i].looser && changes[_i].key) {
		looser = changed(changes[_i].was, changes[_i].looser);
		ck_assert(!formulary_is_tighter(base, looser, reason));
		ck_assert_says(reason, changes[_i].key);
		ck_assert(!formulary_is_tighter(base, looser, NULL));
	}
	if (changes[_i].tighter) {
		tighter = changed(changes[_i].was, changes[_i].tighter);
		ck_assert_msg(formulary_is_tighter(base, tighter, reason), "%s", reason);
	}
	formulary_free(base);
	formulary_free(looser);
	formulary_free(tighter);
}
END_TEST

START_TEST(whatever_changes_is_looser_in_at_least_one_direction_but_for_names)
{
	struct formulary *base = formulary_of(BASE), *other;
	const char *is = changes[_i].looser ? changes[_i].looser : changes[_i].tighter;

	other = changed(changes[_i].was, is);
	if (strstr(is, "Gentle") || strstr(is, "another label"))
		ck_assert(formulary_is_tighter(base, other, NULL) &&
			  formulary_is_tighter(other, base, NULL));
	else
		ck_assert(!formulary_is_tighter(base, other, NULL) ||
			  !formulary_is_tighter(other, base, NULL));
	formulary_free(base);
	formulary_free(other);
}
END_TEST

START_TEST(the_sentence_names_thing_key_and_both_values)
{
	char reason[FORMULARY_ERROR_MAX];
	struct formulary *base = formulary_of(BASE);
	struct formulary *looser = changed("session-hard = 4 mg", "session-hard = 5 mg");

	ck_assert(!formulary_is_tighter(base, looser, reason));
	ck_assert_str_eq(
		reason,
		"[substance mild] session-hard would be 5 mg, which is no tighter than 4 mg");
	formulary_free(looser);
	looser = changed("session-soft = 3 mg; s\n", "");
	ck_assert(!formulary_is_tighter(base, looser, reason));
	ck_assert_says(reason, "session-soft would be nothing");
	formulary_free(looser);
	formulary_free(base);
}
END_TEST

START_TEST(equal_counts_as_tighter)
{
	struct formulary *a = formulary_of(BASE), *b = formulary_of(BASE);

	ck_assert(formulary_is_tighter(a, b, NULL));
	formulary_free(a);
	formulary_free(b);
}
END_TEST

START_TEST(what_is_gone_or_new_is_no_tighter)
{
	static const char neck[] = "[area neck]\nname = N\ndepth = 1 mm to 2 mm; s\n"
				   "size = 1 cm2; s\n";
	const char *const more[] = { WATER, WATER PLASTER, neck };
	static const char *const names[] = { "[substance water]", "[substance water]",
					     "[area neck]" };
	char reason[FORMULARY_ERROR_MAX], text[4096];
	struct formulary *base = formulary_of(BASE), *other;

	for (size_t i = 0; i < 3; i++) {
		snprintf(text, sizeof(text), "%s%s", BASE, more[i]);
		other = formulary_of(text);
		ck_assert(!formulary_is_tighter(base, other, reason));
		ck_assert_says(reason, names[i]);
		ck_assert_says(reason, "new");
		ck_assert(!formulary_is_tighter(other, base, reason));
		ck_assert_says(reason, names[i]);
		ck_assert_says(reason, "gone");
		formulary_free(other);
	}
	formulary_free(base);
}
END_TEST

/* ---- the hash ------------------------------------------------------------------------------- */

START_TEST(each_change_changes_the_hash)
{
	struct formulary *base = formulary_of(BASE), *other;

	if (changes[_i].looser) {
		other = changed(changes[_i].was, changes[_i].looser);
		ck_assert_mem_ne(base->hash, other->hash, sizeof(base->hash));
		formulary_free(other);
	}
	if (changes[_i].tighter) {
		other = changed(changes[_i].was, changes[_i].tighter);
		ck_assert_mem_ne(base->hash, other->hash, sizeof(base->hash));
		formulary_free(other);
	}
	formulary_free(base);
}
END_TEST

/* The groups of a text, last first, each line with other blanks and other spellings. */
static void turn_round(const char *text, char ret[static 8192])
{
	const char *end = text + strlen(text), *p = end;
	size_t used = 0;

	while (p > text) {
		do
			p--;
		while (p > text && (*p != '[' || p[-1] != '\n'));
		used += (size_t)sprintf(ret + used, "# a comment\n\n  ");
		for (const char *c = p; c < end; c++)
			used += (size_t)sprintf(ret + used, *c == '=' ? "   =\t " : "%c", *c);
		end = p;
	}
}

START_TEST(layout_order_and_number_of_files_do_not_change_it)
{
	struct formulary *base = formulary_of(BASE), *other = NULL;
	char text[8192];
	const char *half = strstr(BASE, "[substance open]");

	turn_round(BASE, text);
	other = formulary_of(text);
	ck_assert_mem_eq(base->hash, other->hash, sizeof(base->hash));
	ck_assert_str_ne(base->substances[0].id, other->substances[0].id);
	formulary_free(other);
	snprintf(text, sizeof(text), "%.*s", (int)(half - BASE), BASE);
	formulary_put("a.conf", text);
	formulary_put("b.d/1.conf", half);
	ck_assert_int_eq(formulary_try(&other, NULL, "b.d a.conf"), 0);
	ck_assert_mem_eq(base->hash, other->hash, sizeof(base->hash));
	formulary_free(other);
	/* other units of the same, components the other way round, a hexadecimal cartridge */
	other = changed("lidocaine 5 mg/mL, open 7 mg/mL; s\ncartridge = 7",
			"open 7000 ug/mL, lidocaine 0.005 g/mL; s\ncartridge = 0x7");
	ck_assert_mem_eq(base->hash, other->hash, sizeof(base->hash));
	formulary_free(other);
	formulary_free(base);
}
END_TEST

static int append(const char *key, const char *value, const char *source, void *userdata)
{
	char *text = userdata;

	sprintf(text + strlen(text), "%s = %s%s%s\n", key, value, *source ? "; " : "", source);
	return 0;
}

START_TEST(a_file_of_what_is_told_makes_the_same_formulary)
{
	struct formulary *base = formulary_of(BASE), *again;
	static char text[16384];

	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++)
		for (size_t i = 0; i < formulary_count(base, group); i++) {
			sprintf(text + strlen(text), "[%s %s]\n", formulary_group_name(group),
				formulary_id(base, group, i));
			ck_assert_int_eq(formulary_describe(base, group, i, append, text), 0);
		}
	again = formulary_of(text);
	ck_assert_mem_eq(base->hash, again->hash, sizeof(base->hash));
	ck_assert(formulary_is_tighter(base, again, NULL));
	ck_assert(formulary_is_tighter(again, base, NULL));
	formulary_free(again);
	formulary_free(base);
}
END_TEST

static int stop_at_third(const char *key, const char *value, const char *source, void *userdata)
{
	(void)key;
	(void)value;
	(void)source;
	return ++*(int *)userdata == 3 ? -42 : 0;
}

START_TEST(telling_stops_when_the_listener_says_so)
{
	struct formulary *base = formulary_of(BASE);
	int n = 0;

	ck_assert_int_eq(formulary_describe(base, FORMULARY_SUBSTANCE, 0, stop_at_third, &n), -42);
	ck_assert_int_eq(n, 3);
	formulary_free(base);
}
END_TEST

/* ---- indices -------------------------------------------------------------------------------- */

START_TEST(aligned_things_have_the_indices_that_they_had)
{
	struct formulary *base = formulary_of(BASE), *other;
	const struct formulary_preparation *p, *q;
	char text[8192];

	turn_round(BASE, text);
	other = formulary_of(text);
	formulary_align(other, base);
	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++)
		for (size_t i = 0; i < formulary_count(base, group); i++)
			ck_assert_str_eq(formulary_id(base, group, i),
					 formulary_id(other, group, i));
	for (size_t i = 0; i < base->n_preparations; i++) {
		p = &base->preparations[i];
		q = &other->preparations[i];
		ck_assert_uint_eq(p->n_components, q->n_components);
		for (size_t k = 0; k < p->n_components; k++) {
			ck_assert_uint_eq(p->components[k].substance, q->components[k].substance);
			ck_assert_uint_eq(p->components[k].concentration,
					  q->components[k].concentration);
		}
	}
	ck_assert(formulary_is_tighter(base, other, NULL));
	ck_assert(formulary_is_tighter(other, base, NULL));
	formulary_free(other);
	formulary_free(base);
}
END_TEST

static void add(TCase *t)
{
	const int n = sizeof(changes) / sizeof(changes[0]);

	tcase_add_loop_test(t, each_key_has_a_looser_and_a_tighter_side, 0, n);
	tcase_add_loop_test(t, whatever_changes_is_looser_in_at_least_one_direction_but_for_names,
			    0, n);
	tcase_add_loop_test(t, each_change_changes_the_hash, 0, n);
	tcase_add_test(t, the_sentence_names_thing_key_and_both_values);
	tcase_add_test(t, equal_counts_as_tighter);
	tcase_add_test(t, what_is_gone_or_new_is_no_tighter);
	tcase_add_test(t, layout_order_and_number_of_files_do_not_change_it);
	tcase_add_test(t, a_file_of_what_is_told_makes_the_same_formulary);
	tcase_add_test(t, telling_stops_when_the_listener_says_so);
	tcase_add_test(t, aligned_things_have_the_indices_that_they_had);
}

int main(void)
{
	return formulary_run("formulary tighter", add);
}
