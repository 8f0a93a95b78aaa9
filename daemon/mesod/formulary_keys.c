// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of a formulary: the one table of what a file may say, and what it
 * reads like when it is told again.
 *
 * Owns the table's order, which is also that of the hash, of what clients are told,
 * and of docs/formulary.md.  Pure.  A key that is not here does not exist.
 */
#include <inttypes.h>
#include <stdio.h>

#include "formulary_internal.h"

#define SUBSTANCE(member)   offsetof(struct formulary_substance, member)
#define PREPARATION(member) offsetof(struct formulary_preparation, member)
#define AREA(member)        offsetof(struct formulary_area, member)

/* Members cannot be parenthesized. NOLINTBEGIN(bugprone-macro-parentheses) */
#define BOUND(name, kind, bounds, scope)                                                           \
	{ name "-soft", kind, SUBSTANCE(bounds[scope].soft), SUBSTANCE(bounds[scope].soft_source), \
	  scope,        false },                                                                   \
	{                                                                                          \
		name "-hard", kind, SUBSTANCE(bounds[scope].hard),                                 \
			SUBSTANCE(bounds[scope].source), scope, false                              \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

static const struct formulary_key substance_keys[] = {
	{ "name", VALUE_NAME, SUBSTANCE(name), 0, 0, true },
	{ "measured-in", VALUE_MEASURED, SUBSTANCE(unit), 0, 0, true },
	{ "allergies", VALUE_TOKENS, SUBSTANCE(allergies), 0, 0, false },
	{ "conditions", VALUE_TOKENS, SUBSTANCE(conditions), 0, 0, false },
	BOUND("shot", VALUE_AMOUNT, fixed, SCOPE_SHOT),
	BOUND("session", VALUE_AMOUNT, fixed, SCOPE_SESSION),
	BOUND("24h", VALUE_AMOUNT, fixed, SCOPE_24H),
	BOUND("course", VALUE_AMOUNT, fixed, SCOPE_COURSE),
	BOUND("shot-per-kg", VALUE_PER_KG, per_kg, SCOPE_SHOT),
	BOUND("session-per-kg", VALUE_PER_KG, per_kg, SCOPE_SESSION),
	BOUND("24h-per-kg", VALUE_PER_KG, per_kg, SCOPE_24H),
	BOUND("course-per-kg", VALUE_PER_KG, per_kg, SCOPE_COURSE),
	{ "no-limit", VALUE_UNLIMITED, SUBSTANCE(unlimited), SUBSTANCE(unlimited), 0, false },
	{ "interval", VALUE_INTERVAL, SUBSTANCE(interval_days), SUBSTANCE(interval_source), 0,
	  false },
	{ "course-sessions", VALUE_SESSIONS, SUBSTANCE(course_sessions), SUBSTANCE(course_source),
	  0, false },
	{ "anaesthetic", VALUE_FLAG, SUBSTANCE(anaesthetic), 0, 0, false },
	{ "vasoconstrictor", VALUE_FLAG, SUBSTANCE(vasoconstrictor), 0, 0, false },
	{ "plain", VALUE_ID, SUBSTANCE(plain), 0, 0, false },
	{ "spreading", VALUE_FLAG, SUBSTANCE(spreading), 0, 0, false },
	{ "by-hand-only", VALUE_FLAG, SUBSTANCE(by_hand_only), 0, 0, false },
	{ "unmixed", VALUE_FLAG, SUBSTANCE(unmixed), 0, 0, false },
	{ 0 },
};

static const struct formulary_key preparation_keys[] = {
	{ "name", VALUE_NAME, PREPARATION(name), 0, 0, true },
	{ "components", VALUE_COMPONENTS, PREPARATION(components), PREPARATION(source), 0, true },
	{ "cartridge", VALUE_CARTRIDGE, PREPARATION(cartridge), 0, 0, true },
	{ "shot-volume-soft", VALUE_VOLUME, PREPARATION(shot_nl.soft),
	  PREPARATION(shot_soft_source), 0, false },
	{ "shot-volume-hard", VALUE_VOLUME, PREPARATION(shot_nl.hard), PREPARATION(shot_source), 0,
	  false },
	{ "viscosity", VALUE_VISCOSITY, PREPARATION(viscosity_upas), PREPARATION(viscosity_source),
	  0, true },
	{ 0 },
};

static const struct formulary_key area_keys[] = {
	{ "name", VALUE_NAME, AREA(name), 0, 0, true },
	{ "depth", VALUE_DEPTHS, AREA(depth_min_um), AREA(source), 0, true },
	{ "size", VALUE_SIZE, AREA(size_mm2), AREA(size_source), 0, true },
	{ 0 },
};

const struct formulary_key *formulary_keys(enum formulary_group group)
{
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return substance_keys;
	case FORMULARY_PREPARATION:
		return preparation_keys;
	default:
		return area_keys;
	}
}

const struct formulary_key *formulary_find_key(enum formulary_group group, const char *name)
{
	for (const struct formulary_key *key = formulary_keys(group); key->name; key++)
		if (strcmp(key->name, name) == 0)
			return key;
	return NULL;
}

const char *formulary_group_name(enum formulary_group group)
{
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return "substance";
	case FORMULARY_PREPARATION:
		return "preparation";
	default:
		return "area";
	}
}

size_t formulary_count(const struct formulary *f, enum formulary_group group)
{
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return f->n_substances;
	case FORMULARY_PREPARATION:
		return f->n_preparations;
	default:
		return f->n_areas;
	}
}

void *formulary_entry(struct formulary *f, enum formulary_group group, size_t index)
{
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return &f->substances[index];
	case FORMULARY_PREPARATION:
		return &f->preparations[index];
	default:
		return &f->areas[index];
	}
}

const void *formulary_entry_const(const struct formulary *f, enum formulary_group group,
				  size_t index)
{
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return &f->substances[index];
	case FORMULARY_PREPARATION:
		return &f->preparations[index];
	default:
		return &f->areas[index];
	}
}

const char *formulary_id(const struct formulary *f, enum formulary_group group, size_t index)
{
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return f->substances[index].id;
	case FORMULARY_PREPARATION:
		return f->preparations[index].id;
	default:
		return f->areas[index].id;
	}
}

/* ------------------------------------------------------- told again */

/* A value as text. */
struct written {
	char buf[FORMULARY_TEXT_MAX];
	size_t used;
};

static void put(struct written *w, const char *format, ...) _printf_(2, 3);
static void put(struct written *w, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(w->buf + w->used, sizeof(w->buf) - w->used, format, ap);
	va_end(ap);
	if (n > 0)
		w->used += (size_t)n < sizeof(w->buf) - w->used ? (size_t)n
								: sizeof(w->buf) - w->used - 1;
}

static void put_quantity(struct written *w, enum inj_dimension dimension, uint64_t value)
{
	char text[INJ_TEXT_MAX];

	if (value)
		put(w, "%s", inj_format(dimension, (int64_t)value, text));
}

static void put_amount(struct written *w, enum formulary_unit unit, uint64_t amount, const char *by)
{
	char text[INJ_TEXT_MAX];

	if (amount != FORMULARY_NO_BOUND)
		put(w, "%s%s", formulary_format_amount(unit, amount, text), by);
}

static void put_interval(struct written *w, const struct formulary_substance *s)
{
	if (s->interval_months)
		put(w, "%" PRIu32 " month%s", s->interval_months,
		    s->interval_months > 1 ? "s" : "");
	else if (s->interval_days)
		put(w, "%" PRIu32 " d", s->interval_days);
}

static void put_components(struct written *w, const struct formulary *f,
			   const struct formulary_preparation *p)
{
	for (size_t i = 0; i < p->n_components; i++) {
		const struct formulary_component *c = &p->components[i];

		put(w, "%s%s ", i ? ", " : "", f->substances[c->substance].id);
		put_amount(w, f->substances[c->substance].unit, c->concentration * 1000, "/mL");
	}
}

/* Nothing is written of what is not said. */
static void put_value(struct written *w, const struct formulary *f, const struct formulary_key *key,
		      const void *entry)
{
	const void *at = (const char *)entry + key->offset;
	const struct formulary_substance *s = entry;
	const struct formulary_area *area = entry;
	uint64_t wide;
	uint32_t narrow;

	switch (key->kind) {
	case VALUE_NAME:
	case VALUE_TOKENS:
	case VALUE_ID:
		put(w, "%s", (const char *)at);
		return;
	case VALUE_MEASURED:
		put(w, "%s", s->unit == FORMULARY_MIU ? "activity" : "mass");
		return;
	case VALUE_FLAG:
		put(w, "%s", *(const bool *)at ? "yes" : "");
		return;
	case VALUE_AMOUNT:
	case VALUE_PER_KG:
		memcpy(&wide, at, sizeof(wide));
		put_amount(w, s->unit, wide, key->kind == VALUE_PER_KG ? "/kg" : "");
		return;
	case VALUE_INTERVAL:
		put_interval(w, s);
		return;
	case VALUE_SESSIONS:
		if (s->course_sessions)
			put(w, "%" PRIu32 " session%s", s->course_sessions,
			    s->course_sessions > 1 ? "s" : "");
		return;
	case VALUE_UNLIMITED:
		put(w, "%s", *s->unlimited ? "yes" : "");
		return;
	case VALUE_COMPONENTS:
		put_components(w, f, entry);
		return;
	case VALUE_CARTRIDGE:
		memcpy(&wide, at, sizeof(wide));
		put(w, "0x%" PRIx64, wide);
		return;
	case VALUE_VOLUME:
		memcpy(&wide, at, sizeof(wide));
		put_quantity(w, INJ_VOLUME, wide);
		return;
	case VALUE_VISCOSITY:
		memcpy(&narrow, at, sizeof(narrow));
		put_quantity(w, INJ_VISCOSITY, narrow);
		return;
	case VALUE_DEPTHS:
		put_quantity(w, INJ_LENGTH, area->depth_min_um);
		put(w, " to ");
		put_quantity(w, INJ_LENGTH, area->depth_max_um);
		return;
	case VALUE_SIZE:
		put_quantity(w, INJ_AREA, area->size_mm2);
		return;
	}
}

int formulary_describe(const struct formulary *f, enum formulary_group group, size_t index,
		       formulary_line_fn *line, void *userdata)
{
	const void *entry = formulary_entry_const(f, group, index);
	int r = 0;

	for (const struct formulary_key *key = formulary_keys(group); key->name && r >= 0; key++) {
		const char *source = key->source ? (const char *)entry + key->source : "";
		struct written w = { "", 0 };

		put_value(&w, f, key, entry);
		if (w.used)
			r = line(key->name, w.buf, source, userdata);
	}
	return r < 0 ? r : 0;
}
