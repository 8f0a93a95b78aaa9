// SPDX-License-Identifier: GPL-2.0-only
/*
 * Assess and StartCourse.  Words that neither the formulary nor the policy knows are
 * refused: one that is misspelt would protect nobody.
 */
#include <stdio.h>
#include <string.h>

#include "authority.h"
#include "bus_clinic.h"
#include "bus_errors.h"
#include "dict.h"
#include "macros.h"
#include "mesod.h"

#define MASS_MIN_G     20000u /* of an adult; less is a slip of the keyboard */
#define MASS_MAX_G     700000u
#define PLANNED_MAX    100u
#define INTERVAL_MAX_D 366u

struct assess_question {
	struct clinic_question c;
	struct ledger_assessment assessment;
};

static int assess_run(void *owned, void *userdata)
{
	struct assess_question *a = userdata;
	int r;

	r = clinic_find(owned, &a->c);
	a->assessment.patient = a->c.patient.id;
	return r < 0 ? r
		     : ledger_add_assessment(owned, a->c.q.now_s, &a->assessment, &a->c.number,
					     &a->c.live);
}

static void recorded(void *userdata, int r)
{
	clinic_recorded(userdata, r);
}

typedef bool knows_fn(const struct formulary *formulary, const char *id);

static bool knows_condition(const struct formulary *formulary, const char *id)
{
	return formulary_has_token(POLICY_CONDITIONS, id) ||
	       formulary_knows_condition(formulary, id);
}

static int check_words(const struct formulary *formulary, const char *name, const char *words,
		       knows_fn *knows, sd_bus_error *error)
{
	char copy[FORMULARY_TOKENS_MAX], *next = copy, *word;

	TEXT_COPY(copy, words);
	while ((word = strsep(&next, " ")))
		if (*word && !knows(formulary, word))
			return bus_fail(error, ERROR_INVALID_ARGUMENT,
					"%s: \"%.40s\" is unknown: no rule would heed it "
					"(`mesoctl formulary list` has what is known)",
					name, word);
	return 0;
}

/* What the operator has seen and confirmed is the date by which everything is judged. */
static int check_today(const struct mesod *mesod, const char *confirmed, sd_bus_error *error)
{
	char today[LEDGER_DATE_MAX];

	local_date(wall_now_s(mesod), today);
	if (strcmp(confirmed, today) == 0)
		return 0;
	return bus_fail(error, ERROR_INVALID_ARGUMENT,
			"today=\"%.16s\" is not the date here, which is %s: if that is wrong an "
			"administrator sets the clock and confirms it",
			confirmed, today);
}

static int assess_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			     sd_bus_error *error)
{
	struct assess_question draft = { .c.uid = caller->uid }, *a;
	struct ledger_assessment *v = &draft.assessment;
	char today[LEDGER_DATE_MAX] = "";
	int consent = 0, elsewhere = 0, r;
	const struct dict_entry entries[] = {
		{ .key = "today",
		  .type = DICT_TEXT,
		  .required = true,
		  .value = today,
		  .size = sizeof(today) },
		{ .key = "consent", .type = DICT_BOOL, .required = true, .value = &consent },
		{ .key = "elsewhere_asked",
		  .type = DICT_BOOL,
		  .required = true,
		  .value = &elsewhere },
		{ .key = "mass_g", .type = DICT_U32, .value = &v->mass_g, .max = MASS_MAX_G },
		{ .key = "allergies",
		  .type = DICT_WORDS,
		  .value = v->allergies,
		  .size = sizeof(v->allergies) },
		{ .key = "conditions",
		  .type = DICT_WORDS,
		  .value = v->conditions,
		  .size = sizeof(v->conditions) },
	};

	r = clinic_read_patient(call, &draft.c, error);
	if (r >= 0)
		r = dict_read(call, entries, ARRAY_LENGTH(entries), error);
	if (r >= 0)
		r = check_today(mesod, today, error);
	if (r >= 0 && v->mass_g != 0 && v->mass_g < MASS_MIN_G)
		r = bus_fail(error, ERROR_INVALID_ARGUMENT,
			     "mass_g=%u is out of range, limit=%u to %u", v->mass_g, MASS_MIN_G,
			     MASS_MAX_G);
	if (r >= 0)
		r = check_words(mesod->formulary, "allergies", v->allergies,
				formulary_knows_allergy, error);
	if (r >= 0)
		r = check_words(mesod->formulary, "conditions", v->conditions, knows_condition,
				error);
	if (r < 0)
		return r;
	v->uid = caller->uid;
	v->consent = consent;
	v->elsewhere_asked = elsewhere;
	a = malloc(sizeof(*a));
	if (a)
		*a = draft;
	return question_ask(a ? &a->c.q : NULL, mesod, call, assess_run, recorded, error);
}

int method_assess(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_OPERATE, assess_authorized, error);
}

/* ---- course -------------------------------------------------------------------------- */

struct course_question {
	struct clinic_question c;
	struct ledger_course course;
};

static int course_run(void *owned, void *userdata)
{
	struct course_question *k = userdata;
	int r;

	r = clinic_find(owned, &k->c);
	k->course.patient = k->c.patient.id;
	return r < 0 ? r
		     : ledger_add_course(owned, k->c.q.now_s, &k->course, &k->c.number, &k->c.live);
}

static int check_id(const char *name, const char *id, sd_bus_error *error)
{
	bool good = id[0] == '\0' || (id[0] >= 'a' && id[0] <= 'z');

	for (size_t i = 0; good && id[i]; i++)
		good = id[i] == '-' || (id[i] >= '0' && id[i] <= '9') ||
		       (id[i] >= 'a' && id[i] <= 'z');
	return good ? 0
		    : bus_fail(error, ERROR_INVALID_ARGUMENT,
			       "%s=\"%s\" is no id: lower-case letters, digits and '-' are needed, "
			       "a letter first",
			       name, id);
}

static int course_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			     sd_bus_error *error)
{
	struct course_question draft = { .c.uid = caller->uid }, *k;
	struct ledger_course *v = &draft.course;
	int r;
	const struct dict_entry entries[] = {
		{ .key = "sessions",
		  .type = DICT_U32,
		  .required = true,
		  .value = &v->sessions,
		  .min = 1,
		  .max = PLANNED_MAX },
		{ .key = "interval_d",
		  .type = DICT_U32,
		  .value = &v->interval_d,
		  .max = INTERVAL_MAX_D },
		{ .key = "late_interval_d",
		  .type = DICT_U32,
		  .value = &v->late_interval_d,
		  .max = INTERVAL_MAX_D },
		{ .key = "indication",
		  .type = DICT_TEXT,
		  .value = v->indication,
		  .size = sizeof(v->indication) },
	};

	r = clinic_read_patient(call, &draft.c, error);
	if (r >= 0)
		r = dict_read(call, entries, ARRAY_LENGTH(entries), error);
	if (r >= 0)
		r = check_id("indication", v->indication, error);
	if (r < 0)
		return r;
	v->uid = caller->uid;
	k = malloc(sizeof(*k));
	if (k)
		*k = draft;
	return question_ask(k ? &k->c.q : NULL, mesod, call, course_run, recorded, error);
}

int method_start_course(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_OPERATE, course_authorized, error);
}
