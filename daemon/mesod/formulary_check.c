// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a formulary fit together?  Asked once all layers are read.
 *
 * Owns what values must have of each other: needed keys, one unit a substance, soft
 * not above hard, components that exist.  Fills what could not be filled before all
 * was known: the components' indices.  Ceilings are formulary_ceilings.c's.
 */
#include <errno.h>

#include "formulary_internal.h"

static const struct setting *group_of(const struct builder *b, enum formulary_group group,
				      size_t index)
{
	return builder_find(b, group, index, NULL);
}

static int check_needed(const struct builder *b, enum formulary_group group, size_t index)
{
	for (const struct formulary_key *key = formulary_keys(group); key->name; key++)
		if (key->needed && !builder_find(b, group, index, key))
			return builder_complain_of(b, -EINVAL, group_of(b, group, index),
						   "%s is missing", key->name);
	return 0;
}

/* ------------------------------------------------- substances */

static int check_unit(const struct builder *b, size_t index)
{
	const struct formulary_substance *s = &b->formulary->substances[index];

	for (const struct formulary_key *key = formulary_keys(FORMULARY_SUBSTANCE); key->name;
	     key++) {
		const struct setting *found;

		if (key->kind != VALUE_AMOUNT && key->kind != VALUE_PER_KG)
			continue;
		found = builder_find(b, FORMULARY_SUBSTANCE, index, key);
		if (found && found->unit != s->unit)
			return builder_complain_of(b, -EINVAL, found,
						   "%s is measured in %s, as in \"%s\"", s->id,
						   s->unit == FORMULARY_MIU ? "activity" : "mass",
						   s->unit == FORMULARY_MIU ? "150 IU" : "300 mg");
	}
	return 0;
}

static uint64_t bound_at(const struct formulary_substance *s, const struct formulary_key *key)
{
	uint64_t bound;

	memcpy(&bound, (const char *)s + key->offset, sizeof(bound));
	return bound;
}

/* Soft and hard are neighbours in the table. */
static int check_order(const struct builder *b, size_t index)
{
	const struct formulary_substance *s = &b->formulary->substances[index];

	for (const struct formulary_key *key = formulary_keys(FORMULARY_SUBSTANCE); key->name;
	     key++) {
		const uint64_t bound = key->kind == VALUE_AMOUNT || key->kind == VALUE_PER_KG
					       ? bound_at(s, key)
					       : FORMULARY_NO_BOUND;
		char hard[INJ_TEXT_MAX];

		if (bound == FORMULARY_NO_BOUND || key->kind != key[1].kind ||
		    key->scope != key[1].scope || bound <= bound_at(s, key + 1))
			continue;
		return builder_complain_of(
			b, -EINVAL, builder_find(b, FORMULARY_SUBSTANCE, index, key),
			"it is above %s, which is %.40s%s", key[1].name,
			formulary_format_amount(s->unit, bound_at(s, key + 1), hard),
			key->kind == VALUE_PER_KG ? "/kg" : "");
	}
	return 0;
}

/* The newest hard bound, or NULL. */
static const struct setting *find_hard(const struct builder *b, size_t index)
{
	const struct formulary_substance *s = &b->formulary->substances[index];
	const struct setting *newest = NULL;

	for (const struct formulary_key *key = formulary_keys(FORMULARY_SUBSTANCE); key->name;
	     key++) {
		const struct setting *found;

		if ((key->kind != VALUE_AMOUNT && key->kind != VALUE_PER_KG) ||
		    key->source != (size_t)((const char *)(key->kind == VALUE_AMOUNT
								   ? s->fixed[key->scope].source
								   : s->per_kg[key->scope].source) -
					    (const char *)s))
			continue;
		found = builder_find(b, FORMULARY_SUBSTANCE, index, key);
		if (found && (!newest || found->file > newest->file))
			newest = found;
	}
	return newest;
}

static int check_limited(const struct builder *b, size_t index)
{
	struct formulary_substance *s = &b->formulary->substances[index];
	const struct setting *hard = find_hard(b, index);
	const struct setting *none = builder_find_name(b, FORMULARY_SUBSTANCE, index, "no-limit");

	if (!hard && !*s->unlimited)
		return builder_complain_of(b, -EINVAL, group_of(b, FORMULARY_SUBSTANCE, index),
					   "it has no hard bound: expected one of \"...-hard\", or"
					   " \"no-limit = yes; why\"");
	if (hard && *s->unlimited && none && none->file >= hard->file)
		return builder_complain_of(b, -EINVAL, none, "it has a limit, %s in %.80s:%zu",
					   hard->key->name, hard->path, hard->line);
	/* A later file has given it a limit after all. */
	if (hard)
		*s->unlimited = '\0';
	return 0;
}

static int check_plain(const struct builder *b, size_t index)
{
	const struct formulary *f = b->formulary;
	const struct formulary_substance *s = &f->substances[index];
	const struct setting *said = builder_find_name(b, FORMULARY_SUBSTANCE, index, "plain");
	size_t plain;

	if (!*s->plain)
		return s->anaesthetic && s->vasoconstrictor
			       ? builder_complain_of(
					 b, -EINVAL, group_of(b, FORMULARY_SUBSTANCE, index),
					 "plain is missing: whose limits count when it is spread")
			       : 0;
	plain = formulary_substance(f, s->plain);
	if (!s->vasoconstrictor)
		return builder_complain_of(b, -EINVAL, said, "%s is no vasoconstrictor", s->id);
	if (plain == FORMULARY_UNKNOWN || !f->substances[plain].anaesthetic ||
	    f->substances[plain].vasoconstrictor)
		return builder_complain_of(
			b, -EINVAL, said,
			"there is no plain anaesthetic of that id in the formulary");
	return 0;
}

static int check_substance(const struct builder *b, size_t index)
{
	int r;

	r = check_unit(b, index);
	if (r >= 0)
		r = check_order(b, index);
	if (r >= 0)
		r = check_limited(b, index);
	return r < 0 ? r : check_plain(b, index);
}

/* ------------------------------------------------- preparations */

static int find_components(struct builder *b, size_t index)
{
	const struct setting *said =
		builder_find_name(b, FORMULARY_PREPARATION, index, "components");
	struct formulary *f = b->formulary;
	struct formulary_preparation *p = &f->preparations[index];

	for (size_t i = 0; i < p->n_components; i++) {
		const struct named_component *named = &b->components[index][i];
		const size_t substance = formulary_substance(f, named->id);
		const struct formulary_substance *s;

		if (substance == FORMULARY_UNKNOWN)
			return builder_complain_of(b, -EINVAL, said,
						   "there is no [substance %s] in the formulary",
						   named->id);
		s = &f->substances[substance];
		if (named->unit != s->unit)
			return builder_complain_of(
				b, -EINVAL, said, "%s is measured in %s, as in \"%s\"", s->id,
				s->unit == FORMULARY_MIU ? "activity" : "mass",
				s->unit == FORMULARY_MIU ? "15 IU/mL" : "20 mg/mL");
		if (s->unmixed && p->n_components > 1)
			return builder_complain_of(b, -EINVAL, said,
						   "%s must stay unmixed and here is with %zu more",
						   s->id, p->n_components - 1);
		p->components[i] = (struct formulary_component){ substance, named->concentration };
	}
	return 0;
}

static int check_cartridge(const struct builder *b, size_t index)
{
	const struct formulary *f = b->formulary;

	for (size_t i = 0; i < index; i++)
		if (f->preparations[i].cartridge == f->preparations[index].cartridge)
			return builder_complain_of(
				b, -EINVAL,
				builder_find_name(b, FORMULARY_PREPARATION, index, "cartridge"),
				"[preparation %s] has the same cartridge", f->preparations[i].id);
	return 0;
}

static int check_shot(const struct builder *b, size_t index)
{
	const struct limit *shot = &b->formulary->preparations[index].shot_nl;
	char hard[INJ_TEXT_MAX];

	if (!shot->soft || shot->soft <= shot->hard)
		return 0;
	return builder_complain_of(
		b, -EINVAL, builder_find_name(b, FORMULARY_PREPARATION, index, "shot-volume-soft"),
		"%s%s",
		shot->hard ? "it is above shot-volume-hard, which is "
			   : "shot-volume-hard is missing",
		shot->hard ? inj_format(INJ_VOLUME, (int64_t)shot->hard, hard) : "");
}

static int check_preparation(struct builder *b, size_t index)
{
	int r;

	r = find_components(b, index);
	if (r >= 0)
		r = check_cartridge(b, index);
	return r < 0 ? r : check_shot(b, index);
}

/* ------------------------------------------------- all */

static int check_thing(struct builder *b, enum formulary_group group, size_t index)
{
	int r = check_needed(b, group, index);

	if (r < 0)
		return r;
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return check_substance(b, index);
	case FORMULARY_PREPARATION:
		return check_preparation(b, index);
	default:
		return 0;
	}
}

int builder_check(struct builder *b)
{
	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++)
		for (size_t i = 0; i < formulary_count(b->formulary, group); i++) {
			int r = check_thing(b, group, i);

			if (r < 0)
				return r;
		}
	return 0;
}
