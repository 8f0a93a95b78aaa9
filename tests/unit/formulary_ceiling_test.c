// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no formulary passes: each built-in ceiling at its bound, and one above.
 */
#include "formulary_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIDOCAINE_EPINEPHRINE                                                \
	LIDOCAINE                                                            \
	"[substance lidocaine-epinephrine]\nname = LE\nmeasured-in = mass\n" \
	"anaesthetic = yes\nvasoconstrictor = yes\nplain = lidocaine\n"      \
	"24h-hard = 500 mg; label\n24h-per-kg-hard = 7 mg/kg; label\n"
#define PROCAINE                                                                  \
	"[substance procaine]\nname = P\nmeasured-in = mass\nanaesthetic = yes\n" \
	"24h-hard = 600 mg; label\n24h-per-kg-hard = 7 mg/kg; label\n"
#define HYALURONIDASE                                                                    \
	"[substance hyaluronidase]\nname = H\nmeasured-in = activity\nspreading = yes\n" \
	"session-hard = 300 IU; label\n"
#define DEOXYCHOLATE                                                        \
	"[substance deoxycholate]\nname = D\nmeasured-in = mass\n"          \
	"by-hand-only = yes\nunmixed = yes\nsession-hard = 100 mg; label\n" \
	"interval = 1 month; label\ncourse-sessions = 6 sessions; label\n"
#define ARTICAINE                                                                  \
	"[substance articaine]\nname = A\nmeasured-in = mass\nanaesthetic = yes\n" \
	"24h-hard = 600 mg; label\n24h-per-kg-hard = 7 mg/kg; label\n"
#define SPREADER                                                                    \
	"[substance spreader]\nname = S\nmeasured-in = activity\nspreading = yes\n" \
	"session-hard = 300 IU; label\n"
#define SHOT PLASTER "shot-volume-hard = 200 uL; label\n"

/* The text is in order; with @line in the place of @was it is not, and the sentence names that and the bound. */
static const struct {
	const char *text;
	const char *was;
	const char *is;
	const char *bound;
} ceilings[] = {
	{ LIDOCAINE, "24h-hard = 300 mg", "24h-hard = 300.000001 mg", "at most 300 mg" },
	{ LIDOCAINE, "24h-per-kg-hard = 4.5 mg/kg", "24h-per-kg-hard = 4.500001 mg/kg",
	  "at most 4.5 mg/kg" },
	/* nothing above a ceiling makes sense, be it soft */
	{ LIDOCAINE, "24h-hard = 300 mg", "24h-soft = 300.000001 mg", "at most 300 mg" },
	{ LIDOCAINE, "24h-per-kg-hard = 4.5 mg/kg", "24h-per-kg-soft = 4.500001 mg/kg",
	  "at most 4.5 mg/kg" },
	{ LIDOCAINE_EPINEPHRINE, "24h-hard = 500 mg", "24h-hard = 500.000001 mg",
	  "at most 500 mg" },
	{ LIDOCAINE_EPINEPHRINE, "24h-per-kg-hard = 7 mg/kg", "24h-per-kg-hard = 7.000001 mg/kg",
	  "at most 7 mg/kg" },
	{ PROCAINE, "24h-hard = 600 mg", "24h-hard = 600.000001 mg", "at most 600 mg" },
	{ PROCAINE, "24h-per-kg-hard = 7 mg/kg", "24h-per-kg-hard = 7.000001 mg/kg",
	  "at most 7 mg/kg" },
	{ HYALURONIDASE, "session-hard = 300 IU", "session-hard = 300.001 IU", "at most 300 IU" },
	{ DEOXYCHOLATE, "session-hard = 100 mg", "session-hard = 100.000001 mg", "at most 100 mg" },
	{ DEOXYCHOLATE, "interval = 1 month", "interval = 30 d", "at least 1 month" },
	{ DEOXYCHOLATE, "course-sessions = 6", "course-sessions = 7", "at most 6 sessions" },
	/* what it is, whatever a file says */
	{ DEOXYCHOLATE, "by-hand-only = yes", "by-hand-only = no", "must be yes" },
	{ DEOXYCHOLATE, "unmixed = yes", "unmixed = no", "must be yes" },
	{ LIDOCAINE, "anaesthetic = yes", "anaesthetic = no", "must be yes" },
	{ PROCAINE, "anaesthetic = yes", "anaesthetic = no", "must be yes" },
	{ LIDOCAINE_EPINEPHRINE, "vasoconstrictor = yes", "vasoconstrictor = no", "must be yes" },
	{ HYALURONIDASE, "spreading = yes", "spreading = no", "must be yes" },
	/* under another name */
	{ ARTICAINE, "24h-hard = 600 mg", "24h-hard = 600.000001 mg", "at most 600 mg" },
	{ ARTICAINE, "24h-per-kg-hard = 7 mg/kg", "24h-per-kg-hard = 7.000001 mg/kg",
	  "at most 7 mg/kg" },
	{ SPREADER, "session-hard = 300 IU", "session-hard = 300.001 IU", "at most 300 IU" },
	/* what is read into bounds */
	{ WATER SHOT, "shot-volume-hard = 200 uL", "shot-volume-hard = 200.001 uL",
	  "at most 200 uL" },
	{ WATER SHOT, "shot-volume-hard = 200 uL", "shot-volume-hard = 0 uL", "at least 1 nL" },
	{ "[area a]\nname = A\ndepth = 1 um to 4 mm; x\nsize = 2000 cm2; x\n", "1 um to 4 mm",
	  "1 um to 4.001 mm", "at most 4 mm" },
	{ "[area a]\nname = A\ndepth = 1 um to 4 mm; x\nsize = 2000 cm2; x\n", "1 um to 4 mm",
	  "0 um to 4 mm", "at least 1 um" },
	{ "[area a]\nname = A\ndepth = 1 um to 4 mm; x\nsize = 2000 cm2; x\n", "size = 2000 cm2",
	  "size = 200001 mm2", "at most 2000 cm2" },
	{ WATER "[preparation p]\nname = P\ncomponents = water 1 mg/mL; x\ncartridge = 1\n"
		"viscosity = 50 mPa.s; x\n",
	  "viscosity = 50 mPa.s", "viscosity = 50.001 mPa.s", "at most 50 mPa.s" },
	{ WATER "[preparation p]\nname = P\ncomponents = water 1 mg/mL; x\ncartridge = 1\n"
		"viscosity = 0.5 mPa.s; x\n",
	  "viscosity = 0.5 mPa.s", "viscosity = 0.499 mPa.s", "at least 0.5 mPa.s" },
};

/* Replaces the last place where it stands: there the thing that is meant is. */
static void replace(const char *text, const char *was, const char *is, char ret[static 2048],
		    unsigned int *ret_line)
{
	const char *at = NULL;

	for (const char *p = text; (p = strstr(p, was)); p++)
		at = p;
	ck_assert_ptr_nonnull(at);
	*ret_line = 1;
	for (const char *p = text; p < at; p++)
		*ret_line += *p == '\n';
	snprintf(ret, 2048, "%.*s%s%s", (int)(at - text), text, is, at + strlen(was));
}

START_TEST(the_ceiling_itself_may_be_said_and_nothing_above_it)
{
	char text[2048], error[FORMULARY_ERROR_MAX] = "", where[32], value[64];
	struct formulary *f = formulary_of(ceilings[_i].text);
	unsigned int line;
	int r;

	formulary_free(f);
	f = NULL;
	replace(ceilings[_i].text, ceilings[_i].was, ceilings[_i].is, text, &line);
	formulary_put("bad.conf", text);
	r = formulary_try(&f, error, "bad.conf");
	ck_assert_msg(r == -ERANGE, "%d: %s", r, error);
	ck_assert_ptr_null(f);
	snprintf(where, sizeof(where), "bad.conf:%u: ", line);
	ck_assert_says(error, where);
	snprintf(value, sizeof(value), "%s", ceilings[_i].is);
	ck_assert_says(error, value);
	ck_assert_says(error, ceilings[_i].bound);
}
END_TEST

/* A line of what is built in cannot be left out. */
static const struct {
	const char *text;
	const char *line;
	const char *name;
} needed[] = {
	{ LIDOCAINE, "24h-hard = 300 mg; label\n", "24h-hard is missing" },
	{ LIDOCAINE, "24h-per-kg-hard = 4.5 mg/kg; label\n", "24h-per-kg-hard is missing" },
	{ LIDOCAINE, "anaesthetic = yes\n", "anaesthetic = yes" },
	{ LIDOCAINE_EPINEPHRINE, "24h-hard = 500 mg; label\n", "24h-hard is missing" },
	{ LIDOCAINE_EPINEPHRINE, "24h-per-kg-hard = 7 mg/kg; label\n", "24h-per-kg-hard" },
	{ PROCAINE, "24h-hard = 600 mg; label\n", "24h-hard is missing" },
	{ PROCAINE, "24h-per-kg-hard = 7 mg/kg; label\n", "24h-per-kg-hard is missing" },
	{ ARTICAINE, "24h-hard = 600 mg; label\n", "24h-hard is missing" },
	{ ARTICAINE, "24h-per-kg-hard = 7 mg/kg; label\n", "24h-per-kg-hard is missing" },
	{ HYALURONIDASE, "spreading = yes\n", "spreading = yes" },
	{ HYALURONIDASE "24h-hard = 900 IU; label\n", "session-hard = 300 IU; label\n",
	  "session-hard is missing" },
	{ SPREADER "24h-hard = 900 IU; label\n", "session-hard = 300 IU; label\n",
	  "session-hard is missing" },
	{ DEOXYCHOLATE, "by-hand-only = yes\n", "by-hand-only = yes" },
	{ DEOXYCHOLATE, "unmixed = yes\n", "unmixed = yes" },
	{ DEOXYCHOLATE, "interval = 1 month; label\n", "at least 1 month" },
	{ DEOXYCHOLATE, "course-sessions = 6 sessions; label\n", "at most 6 sessions" },
	{ DEOXYCHOLATE "shot-hard = 2 mg; label\n", "session-hard = 100 mg; label\n",
	  "session-hard is missing" },
};

START_TEST(what_is_built_in_cannot_be_left_out)
{
	char text[2048], error[FORMULARY_ERROR_MAX] = "";
	struct formulary *f = formulary_of(needed[_i].text);
	unsigned int line;
	int r;

	formulary_free(f);
	f = NULL;
	replace(needed[_i].text, needed[_i].line, "", text, &line);
	formulary_put("bad.conf", text);
	r = formulary_try(&f, error, "bad.conf");
	ck_assert_msg(r == -ERANGE, "%d: %s", r, error);
	ck_assert_ptr_null(f);
	ck_assert_says(error, needed[_i].name);
}
END_TEST

START_TEST(lidocaine_with_epinephrine_is_spread_as_lidocaine_and_nothing_else)
{
	char text[2048], error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;
	unsigned int line;

	replace(LIDOCAINE_EPINEPHRINE PROCAINE, "plain = lidocaine", "plain = procaine", text,
		&line);
	formulary_put("bad.conf", text);
	ck_assert_int_eq(formulary_try(&f, error, "bad.conf"), -ERANGE);
	ck_assert_says(error, "plain = lidocaine");
}
END_TEST

START_TEST(a_ceiling_of_activity_is_not_passed_by_measuring_in_mass)
{
	char error[FORMULARY_ERROR_MAX];
	struct formulary *f = NULL;

	formulary_put("bad.conf", "[substance hyaluronidase]\nname = H\nmeasured-in = mass\n"
				  "spreading = yes\nsession-hard = 1 g; trick\n");
	ck_assert_int_eq(formulary_try(&f, error, "bad.conf"), -ERANGE);
	ck_assert_says(error, "session-hard");
	ck_assert_says(error, "at most 300 IU");
	formulary_put("bad.conf", "[substance lidocaine]\nname = L\nmeasured-in = activity\n"
				  "anaesthetic = yes\n24h-hard = 900 IU; trick\n"
				  "24h-per-kg-hard = 9 IU/kg; trick\n");
	ck_assert_int_eq(formulary_try(&f, error, "bad.conf"), -ERANGE);
	ck_assert_says(error, "at most 300 mg");
}
END_TEST

START_TEST(thirty_one_days_are_a_calendar_month)
{
	char text[2048];
	unsigned int line;

	replace(DEOXYCHOLATE, "interval = 1 month", "interval = 31 d", text, &line);
	formulary_free(formulary_of(text));
	replace(DEOXYCHOLATE, "interval = 1 month", "interval = 2 months", text, &line);
	formulary_free(formulary_of(text));
}
END_TEST

static void add(TCase *t)
{
	tcase_add_loop_test(t, the_ceiling_itself_may_be_said_and_nothing_above_it, 0,
			    sizeof(ceilings) / sizeof(ceilings[0]));
	tcase_add_loop_test(t, what_is_built_in_cannot_be_left_out, 0,
			    sizeof(needed) / sizeof(needed[0]));
	tcase_add_test(t, lidocaine_with_epinephrine_is_spread_as_lidocaine_and_nothing_else);
	tcase_add_test(t, a_ceiling_of_activity_is_not_passed_by_measuring_in_mass);
	tcase_add_test(t, thirty_one_days_are_a_calendar_month);
}

int main(void)
{
	return formulary_run("formulary ceilings", add);
}
