// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no formulary passes: the bounds of SAFETY's table that are built in.
 *
 * Owns these numbers.  A ceiling is by a substance's id, and again by its nature: an
 * anaesthetic or hyaluronidase under another name has one as well.  Volumes, depths
 * and sizes have theirs where they are read (formulary_build.c, formulary_internal.h).
 */
#include <errno.h>
#include <inttypes.h>

#include "formulary_internal.h"

#define MG UINT64_C(1000000)
#define IU UINT64_C(1000)

/* A hard bound that must be there, and the most it may be. */
struct ceiling {
	const char *substance;
	enum value_kind kind;
	enum formulary_scope scope;
	enum formulary_unit unit;
	uint64_t most;
};

static const struct ceiling ceilings[] = {
	/* labels: the lesser of 4.5 mg/kg and 300 mg; with epinephrine 7 mg/kg and 500 mg */
	{ "lidocaine", VALUE_AMOUNT, SCOPE_24H, FORMULARY_NG, 300 * MG },
	{ "lidocaine", VALUE_PER_KG, SCOPE_24H, FORMULARY_NG, 45 * MG / 10 },
	{ "lidocaine-epinephrine", VALUE_AMOUNT, SCOPE_24H, FORMULARY_NG, 500 * MG },
	{ "lidocaine-epinephrine", VALUE_PER_KG, SCOPE_24H, FORMULARY_NG, 7 * MG },
	/* labels of 350 to 600 mg; by body mass conservative */
	{ "procaine", VALUE_AMOUNT, SCOPE_24H, FORMULARY_NG, 600 * MG },
	{ "procaine", VALUE_PER_KG, SCOPE_24H, FORMULARY_NG, 7 * MG },
	{ "hyaluronidase", VALUE_AMOUNT, SCOPE_SESSION, FORMULARY_MIU, 300 * IU },
	{ "deoxycholate", VALUE_AMOUNT, SCOPE_SESSION, FORMULARY_NG, 100 * MG },
};

/* Whatever its name: no anaesthetic passes the highest of those above. */
static const struct ceiling anaesthetic_ceilings[] = {
	{ NULL, VALUE_AMOUNT, SCOPE_24H, FORMULARY_NG, 600 * MG },
	{ NULL, VALUE_PER_KG, SCOPE_24H, FORMULARY_NG, 7 * MG },
};

static const struct ceiling spreading_ceiling = { NULL, VALUE_AMOUNT, SCOPE_SESSION, FORMULARY_MIU,
						  300 * IU };

/* What a substance is, whatever a file says. */
static const struct {
	const char *substance;
	const char *flag;
} natures[] = {
	{ "lidocaine", "anaesthetic" },
	{ "lidocaine-epinephrine", "anaesthetic" },
	{ "lidocaine-epinephrine", "vasoconstrictor" },
	{ "procaine", "anaesthetic" },
	{ "hyaluronidase", "spreading" },
	/* the label wants subcutaneous fat, deeper than a gun may; in the dermis it ulcerates */
	{ "deoxycholate", "by-hand-only" },
	{ "deoxycholate", "unmixed" },
};

#define DEOXYCHOLATE          "deoxycholate"
#define DEOXYCHOLATE_SESSIONS 6
#define MONTH_MAX_D           31 /* that many days are no less than a calendar month */

/* ------------------------------------------------- one value */

static int too_much(const struct builder *b, const struct setting *s, const struct ceiling *c)
{
	char most[INJ_TEXT_MAX];

	return builder_complain_of(b, -ERANGE, s,
				   "it is above the built-in ceiling: it must be at most %.40s%s",
				   formulary_format_amount(c->unit, c->most, most),
				   c->kind == VALUE_PER_KG ? "/kg" : "");
}

/* Soft bounds too: nothing above the ceiling makes sense. */
static bool is_above(const struct builder *b, const struct setting *s, const struct ceiling *c)
{
	const struct formulary_substance *substance = &b->formulary->substances[s->index];
	uint64_t amount;

	if (s->key->kind != c->kind || s->key->scope != c->scope || s->unit != c->unit)
		return false;
	memcpy(&amount, (const char *)substance + s->key->offset, sizeof(amount));
	return amount > c->most;
}

static int check_deoxycholate(const struct builder *b, const struct setting *s)
{
	const struct formulary_substance *d = &b->formulary->substances[s->index];

	if (s->key->kind == VALUE_INTERVAL && !d->interval_months && d->interval_days < MONTH_MAX_D)
		return builder_complain_of(b, -ERANGE, s,
					   "it is below the built-in bound: it must be at least 1"
					   " month");
	if (s->key->kind == VALUE_SESSIONS && d->course_sessions > DEOXYCHOLATE_SESSIONS)
		return builder_complain_of(
			b, -ERANGE, s,
			"it is above the built-in ceiling: it must be at most %d sessions",
			DEOXYCHOLATE_SESSIONS);
	return 0;
}

static int check_nature(const struct builder *b, const struct setting *s)
{
	const struct formulary_substance *substance = &b->formulary->substances[s->index];

	for (size_t i = 0; i < ARRAY_LENGTH(natures); i++) {
		const bool *flag = (const bool *)((const char *)substance + s->key->offset);

		if (strcmp(natures[i].substance, substance->id) == 0 &&
		    strcmp(natures[i].flag, s->key->name) == 0 && !*flag)
			return builder_complain_of(b, -ERANGE, s,
						   "of %s it is built in: it must be yes",
						   substance->id);
	}
	return 0;
}

int formulary_check_ceiling(const struct builder *b, const struct setting *s)
{
	const char *id = formulary_id(b->formulary, s->group, s->index);
	int r = 0;

	if (s->group != FORMULARY_SUBSTANCE)
		return 0;
	for (size_t i = 0; i < ARRAY_LENGTH(ceilings); i++)
		if (strcmp(ceilings[i].substance, id) == 0 && is_above(b, s, &ceilings[i]))
			return too_much(b, s, &ceilings[i]);
	if (strcmp(id, DEOXYCHOLATE) == 0)
		r = check_deoxycholate(b, s);
	if (r >= 0 && s->key->kind == VALUE_FLAG)
		r = check_nature(b, s);
	return r;
}

/* ------------------------------------------------- the whole */

static const struct setting *find_hard(const struct builder *b, size_t index,
				       const struct ceiling *c, const char **ret_name)
{
	const struct formulary_key *key = formulary_keys(FORMULARY_SUBSTANCE);

	/* the second of the two is the hard one */
	while (key[1].kind != c->kind || key[1].scope != c->scope || key[0].kind != c->kind ||
	       key[0].scope != c->scope)
		key++;
	*ret_name = key[1].name;
	return builder_find(b, FORMULARY_SUBSTANCE, index, key + 1);
}

static int check_hard(const struct builder *b, size_t index, const struct ceiling *c)
{
	const char *name;
	const struct setting *hard = find_hard(b, index, c, &name);

	if (!hard || hard->unit != c->unit) {
		char most[INJ_TEXT_MAX];

		return builder_complain_of(b, -ERANGE,
					   builder_find(b, FORMULARY_SUBSTANCE, index, NULL),
					   "%s is missing: it must be there, and at most %.40s%s",
					   name, formulary_format_amount(c->unit, c->most, most),
					   c->kind == VALUE_PER_KG ? "/kg" : "");
	}
	return is_above(b, hard, c) ? too_much(b, hard, c) : 0;
}

static int missing(const struct builder *b, size_t index, const char *what)
{
	return builder_complain_of(b, -ERANGE, builder_find(b, FORMULARY_SUBSTANCE, index, NULL),
				   "%s", what);
}

static int check_built_in(const struct builder *b, size_t index)
{
	const struct formulary_substance *s = &b->formulary->substances[index];

	for (size_t i = 0; i < ARRAY_LENGTH(natures); i++)
		if (strcmp(natures[i].substance, s->id) == 0 &&
		    !builder_find_name(b, FORMULARY_SUBSTANCE, index, natures[i].flag))
			return builder_complain_of(
				b, -ERANGE, builder_find(b, FORMULARY_SUBSTANCE, index, NULL),
				"\"%s = yes\" is missing: of this substance it is built in",
				natures[i].flag);
	if (strcmp(s->id, "lidocaine-epinephrine") == 0 && strcmp(s->plain, "lidocaine") != 0)
		return missing(b, index, "\"plain = lidocaine\" is missing: it is built in");
	if (strcmp(s->id, DEOXYCHOLATE) != 0)
		return 0;
	if (!s->interval_days && !s->interval_months)
		return missing(b, index, "interval is missing: it must be at least 1 month");
	if (!s->course_sessions)
		return missing(b, index,
			       "course-sessions is missing: it must be at most 6 sessions");
	return 0;
}

static int check_substance(const struct builder *b, size_t index)
{
	const struct formulary_substance *s = &b->formulary->substances[index];
	int r = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(ceilings) && r >= 0; i++)
		if (strcmp(ceilings[i].substance, s->id) == 0)
			r = check_hard(b, index, &ceilings[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(anaesthetic_ceilings) && r >= 0; i++)
		if (s->anaesthetic)
			r = check_hard(b, index, &anaesthetic_ceilings[i]);
	if (r >= 0 && s->spreading)
		r = check_hard(b, index, &spreading_ceiling);
	return r < 0 ? r : check_built_in(b, index);
}

int formulary_check_ceilings(const struct builder *b)
{
	for (size_t i = 0; i < b->formulary->n_substances; i++) {
		int r = check_substance(b, i);

		if (r < 0)
			return r;
	}
	return 0;
}
