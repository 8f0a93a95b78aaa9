// SPDX-License-Identifier: GPL-2.0-only
/*
 * One formulary beside another: does the new one allow anything that the old one
 * does not?
 *
 * Owns what "tighter" means for each kind of key, so that no key can be forgotten.
 * Whatever is not clearly tighter is looser: a thing that is new was refused before, one
 * that is gone is somebody's loaded syringe.  Pure.
 */
#include <stdio.h>

#include "formulary_internal.h"

static bool loosened(char *reason, const char *format, ...) _printf_(2, 3);
static bool loosened(char *reason, const char *format, ...)
{
	va_list ap;

	if (!reason)
		return false;
	va_start(ap, format);
	vsnprintf(reason, FORMULARY_ERROR_MAX, format, ap);
	va_end(ap);
	return false;
}

static size_t find(const struct formulary *f, enum formulary_group group, const char *id)
{
	for (size_t i = 0; i < formulary_count(f, group); i++)
		if (strcmp(formulary_id(f, group, i), id) == 0)
			return i;
	return FORMULARY_UNKNOWN;
}

/* ------------------------------------------------- one value */

static uint64_t wide_at(const void *entry, const struct formulary_key *key)
{
	uint64_t value;

	memcpy(&value, (const char *)entry + key->offset, sizeof(value));
	return value;
}

static uint32_t narrow_at(const void *entry, const struct formulary_key *key)
{
	uint32_t value;

	memcpy(&value, (const char *)entry + key->offset, sizeof(value));
	return value;
}

static bool has_all_tokens(const char *tokens, const char *wanted)
{
	char one[FORMULARY_ID_MAX];

	while (*(wanted += strspn(wanted, " "))) {
		const size_t length = strcspn(wanted, " ");

		text_copy(one, length < sizeof(one) ? length + 1 : sizeof(one), wanted);
		if (!formulary_has_token(tokens, one))
			return false;
		wanted += length;
	}
	return true;
}

/* In days: a month has 28 to 31. */
static bool is_longer_interval(const struct formulary_substance *now,
			       const struct formulary_substance *next)
{
	if (!now->interval_days && !now->interval_months)
		return true;
	if (now->interval_months && next->interval_months)
		return next->interval_months >= now->interval_months;
	return next->interval_days + 28 * next->interval_months >=
	       now->interval_days + 31 * now->interval_months;
}

static bool has_component(const struct formulary *f, const struct formulary_preparation *p,
			  const char *id, uint64_t concentration)
{
	for (size_t i = 0; i < p->n_components; i++)
		if (strcmp(f->substances[p->components[i].substance].id, id) == 0)
			return p->components[i].concentration == concentration;
	return false;
}

static bool has_same_components(const struct formulary *a, const struct formulary_preparation *p,
				const struct formulary *b, const struct formulary_preparation *q)
{
	for (size_t i = 0; i < p->n_components; i++)
		if (!has_component(b, q, a->substances[p->components[i].substance].id,
				   p->components[i].concentration))
			return false;
	return p->n_components == q->n_components;
}

/* 0 stands for a bound that is elsewhere, or nowhere. */
static bool is_less(uint64_t now, uint64_t next)
{
	return now ? next && next <= now : !next;
}

struct pair {
	const struct formulary *now_f, *next_f;
	const void *now, *next;
};

static bool is_tighter(const struct pair *p, const struct formulary_key *key)
{
	const struct formulary_area *now_area = p->now, *next_area = p->next;
	const char *now = (const char *)p->now + key->offset;
	const char *next = (const char *)p->next + key->offset;
	uint32_t sessions;

	switch (key->kind) {
	case VALUE_NAME:
	case VALUE_UNLIMITED: /* the bounds themselves are looked at */
		return true;
	case VALUE_MEASURED:
		return memcmp(now, next, sizeof(enum formulary_unit)) == 0;
	case VALUE_TOKENS:
		return has_all_tokens(next, now);
	case VALUE_FLAG: /* each of them only forbids */
		return !*(const bool *)now || *(const bool *)next;
	case VALUE_ID:
		return !*now || strcmp(now, next) == 0;
	case VALUE_AMOUNT:
	case VALUE_PER_KG:
		return wide_at(p->next, key) <= wide_at(p->now, key);
	case VALUE_INTERVAL:
		return is_longer_interval(p->now, p->next);
	case VALUE_SESSIONS:
		sessions = narrow_at(p->now, key);
		return !sessions || is_less(sessions, narrow_at(p->next, key));
	case VALUE_COMPONENTS:
		return has_same_components(p->now_f, p->now, p->next_f, p->next);
	case VALUE_CARTRIDGE:
		return wide_at(p->now, key) == wide_at(p->next, key);
	case VALUE_VOLUME:
		return is_less(wide_at(p->now, key), wide_at(p->next, key));
	case VALUE_VISCOSITY:
		return narrow_at(p->now, key) == narrow_at(p->next, key);
	case VALUE_DEPTHS:
		return next_area->depth_min_um >= now_area->depth_min_um &&
		       next_area->depth_max_um <= now_area->depth_max_um;
	case VALUE_SIZE: /* so much more may be given into a larger one */
		return next_area->size_mm2 <= now_area->size_mm2;
	}
	return false;
}

/* ------------------------------------------------- all */

struct wanted {
	const char *key;
	char value[FORMULARY_VALUE_MAX];
};

static int pick(const char *key, const char *value, const char *source, void *userdata)
{
	struct wanted *w = userdata;

	(void)source;
	if (strcmp(key, w->key) == 0)
		TEXT_COPY(w->value, value);
	return 0;
}

static bool compare_thing(const struct formulary *now, const struct formulary *next,
			  enum formulary_group group, size_t i, size_t j, char *reason)
{
	const struct pair pair = { now, next, formulary_entry_const(now, group, i),
				   formulary_entry_const(next, group, j) };

	for (const struct formulary_key *key = formulary_keys(group); key->name; key++) {
		struct wanted was = { key->name, "nothing" }, is = { key->name, "nothing" };

		if (is_tighter(&pair, key))
			continue;
		(void)formulary_describe(now, group, i, pick, &was);
		(void)formulary_describe(next, group, j, pick, &is);
		return loosened(reason, "[%s %s] %s would be %s, which is no tighter than %s",
				formulary_group_name(group), formulary_id(now, group, i), key->name,
				is.value, was.value);
	}
	return true;
}

bool formulary_is_tighter(const struct formulary *now, const struct formulary *next, char *reason)
{
	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++) {
		for (size_t i = 0; i < formulary_count(now, group); i++) {
			const char *id = formulary_id(now, group, i);
			const size_t j = find(next, group, id);

			if (j == FORMULARY_UNKNOWN)
				return loosened(reason, "[%s %s] would be gone",
						formulary_group_name(group), id);
			if (!compare_thing(now, next, group, i, j, reason))
				return false;
		}
		for (size_t j = 0; j < formulary_count(next, group); j++) {
			const char *id = formulary_id(next, group, j);

			if (find(now, group, id) == FORMULARY_UNKNOWN)
				return loosened(reason, "[%s %s] would be new",
						formulary_group_name(group), id);
		}
	}
	return true;
}

/* ------------------------------------------------- indices */

static void swap(void *a, void *b, size_t size)
{
	unsigned char *p = a, *q = b;

	for (size_t i = 0; i < size; i++) {
		const unsigned char byte = p[i];

		p[i] = q[i];
		q[i] = byte;
	}
}

static void swap_things(struct formulary *f, enum formulary_group group, size_t i, size_t j)
{
	static const size_t sizes[] = { sizeof(f->substances[0]), sizeof(f->preparations[0]),
					sizeof(f->areas[0]) };

	swap(formulary_entry(f, group, i), formulary_entry(f, group, j), sizes[group]);
	for (size_t p = 0; group == FORMULARY_SUBSTANCE && p < f->n_preparations; p++)
		for (size_t c = 0; c < f->preparations[p].n_components; c++) {
			size_t *substance = &f->preparations[p].components[c].substance;

			*substance = *substance == i ? j : *substance == j ? i : *substance;
		}
}

void formulary_align(struct formulary *f, const struct formulary *now)
{
	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++)
		for (size_t i = 0; i < formulary_count(now, group); i++) {
			const size_t j = find(f, group, formulary_id(now, group, i));

			if (j != FORMULARY_UNKNOWN && j != i && i < formulary_count(f, group))
				swap_things(f, group, i, j);
		}
}
