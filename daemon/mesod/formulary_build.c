// SPDX-License-Identifier: GPL-2.0-only
/*
 * A formulary in the making: each value goes to its place as it is read, and where
 * it stood is remembered for the sentences of the checks that come later.
 *
 * Owns the rule that a key is said once a file and that a number has its source.
 * Spellings are formulary_values.c's, files formulary_file.c's, and whether the whole
 * makes sense is formulary_check.c's.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "count.h"
#include "formulary_internal.h"

/* ------------------------------------------------- life */

int builder_new(char *error, struct builder **ret)
{
	struct builder *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->error = error;
	b->formulary = calloc(1, sizeof(*b->formulary));
	if (!b->formulary) {
		free(b);
		return -ENOMEM;
	}
	*ret = b;
	return 0;
}

void builder_freep(struct builder **builder)
{
	struct builder *b = *builder;

	if (!b)
		return;
	for (size_t i = 0; i < b->n_settings; i++)
		free(b->settings[i].path);
	free(b->settings);
	formulary_free(b->formulary);
	free(b);
}

struct formulary *formulary_free(struct formulary *formulary)
{
	free(formulary);
	return NULL;
}

void formulary_freep(struct formulary **formulary)
{
	formulary_free(*formulary);
}

/* ------------------------------------------------- sentences */

static int say(const struct builder *b, int r, const char *before, const char *format, va_list ap)
	_printf_(4, 0);
static int say(const struct builder *b, int r, const char *before, const char *format, va_list ap)
{
	int used;

	if (!b->error)
		return r;
	used = snprintf(b->error, FORMULARY_ERROR_MAX, "%s", before);
	if (used >= 0 && used < FORMULARY_ERROR_MAX)
		vsnprintf(b->error + used, FORMULARY_ERROR_MAX - (size_t)used, format, ap);
	return r;
}

int builder_complain(const struct builder *b, int r, const char *format, ...)
{
	char before[FORMULARY_ERROR_MAX];
	va_list ap;

	if (b->place.line)
		snprintf(before, sizeof(before), "%.200s:%zu: ", b->place.path, b->place.line);
	else
		snprintf(before, sizeof(before), "%.200s: ", b->place.path);
	va_start(ap, format);
	r = say(b, r, before, format, ap);
	va_end(ap);
	return r;
}

int builder_complain_of(const struct builder *b, int r, const struct setting *s, const char *format,
			...)
{
	char before[FORMULARY_ERROR_MAX];
	va_list ap;

	snprintf(before, sizeof(before), "%.120s:%zu: [%s %s]%s%s%s%s: ", s->path, s->line,
		 formulary_group_name(s->group), formulary_id(b->formulary, s->group, s->index),
		 s->key ? " " : "", s->key ? s->key->name : "", s->key ? " = " : "", s->text);
	va_start(ap, format);
	r = say(b, r, before, format, ap);
	va_end(ap);
	return r;
}

/* ------------------------------------------------- settings */

const struct setting *builder_find(const struct builder *b, enum formulary_group group,
				   size_t index, const struct formulary_key *key)
{
	for (size_t i = 0; i < b->n_settings; i++) {
		const struct setting *s = &b->settings[i];

		if (s->group == group && s->index == index && s->key == key)
			return s;
	}
	return NULL;
}

const struct setting *builder_find_name(const struct builder *b, enum formulary_group group,
					size_t index, const char *key)
{
	return builder_find(b, group, index, formulary_find_key(group, key));
}

/* Fills in where; takes the place of what an earlier file said. */
static int remember(struct builder *b, struct setting *s)
{
	const struct setting *before = builder_find(b, s->group, s->index, s->key);

	s->file = b->place.file;
	s->line = b->place.line;
	s->path = strdup(b->place.path);
	if (!s->path)
		return -ENOMEM;
	if (before) {
		struct setting *old = &b->settings[before - b->settings];

		free(old->path);
		*old = *s;
		return 0;
	}
	if (b->n_settings == b->n_allocated) {
		const size_t n = b->n_allocated ? 2 * b->n_allocated : 256;
		struct setting *more = reallocarray(b->settings, n, sizeof(*more));

		if (!more) {
			free(s->path);
			return -ENOMEM;
		}
		b->settings = more;
		b->n_allocated = n;
	}
	b->settings[b->n_settings++] = *s;
	return 0;
}

/* ------------------------------------------------- groups */

static size_t find_group(const struct formulary *f, enum formulary_group group, const char *id)
{
	switch (group) {
	case FORMULARY_SUBSTANCE:
		return formulary_substance(f, id);
	case FORMULARY_PREPARATION:
		return formulary_preparation(f, id);
	default:
		return formulary_area(f, id);
	}
}

static void start_substance(struct formulary_substance *s, const char *id)
{
	TEXT_COPY(s->id, id);
	for (enum formulary_scope scope = 0; scope < SCOPES; scope++) {
		s->fixed[scope].soft = s->fixed[scope].hard = FORMULARY_NO_BOUND;
		s->per_kg[scope].soft = s->per_kg[scope].hard = FORMULARY_NO_BOUND;
	}
}

static int start_group(struct builder *b, enum formulary_group group, const char *id)
{
	static const size_t most[] = { FORMULARY_SUBSTANCES, FORMULARY_PREPARATIONS,
				       FORMULARY_AREAS };
	struct formulary *f = b->formulary;

	if (formulary_count(f, group) == most[group])
		return builder_complain(b, -EINVAL, "[%s %s] is one too many: at most %zu are",
					formulary_group_name(group), id, most[group]);
	switch (group) {
	case FORMULARY_SUBSTANCE:
		start_substance(&f->substances[f->n_substances++], id);
		break;
	case FORMULARY_PREPARATION:
		text_copy(f->preparations[f->n_preparations++].id, FORMULARY_ID_MAX, id);
		break;
	default:
		text_copy(f->areas[f->n_areas++].id, FORMULARY_ID_MAX, id);
	}
	return 0;
}

int builder_group(struct builder *b, enum formulary_group group, const char *id, size_t *ret_index)
{
	struct setting s = { .group = group };
	int r;

	if (!formulary_id_is_good(id))
		return builder_complain(b, -EINVAL,
					"[%s %.60s] has no good id: 1 to %d lower-case letters,"
					" digits and '-', a letter first",
					formulary_group_name(group), id, FORMULARY_ID_MAX - 1);
	s.index = find_group(b->formulary, group, id);
	if (s.index != FORMULARY_UNKNOWN) {
		*ret_index = s.index;
		return 0;
	}
	r = start_group(b, group, id);
	if (r < 0)
		return r;
	s.index = formulary_count(b->formulary, group) - 1;
	r = remember(b, &s);
	if (r < 0)
		return r;
	*ret_index = s.index;
	return 0;
}

/* ------------------------------------------------- values */

static int read_name(const char *text, char *ret, char *reason)
{
	if (!*text || strlen(text) >= FORMULARY_NAME_MAX) {
		snprintf(reason, INJ_TEXT_MAX, "a name has 1 to %d bytes", FORMULARY_NAME_MAX - 1);
		return -EINVAL;
	}
	text_copy(ret, FORMULARY_NAME_MAX, text);
	return 0;
}

static int read_id(const char *text, char *ret, char *reason)
{
	if (!formulary_id_is_good(text)) {
		snprintf(reason, INJ_TEXT_MAX, "\"%.40s\" is no id of a substance", text);
		return -EINVAL;
	}
	text_copy(ret, FORMULARY_ID_MAX, text);
	return 0;
}

static int read_measured(const char *text, enum formulary_unit *ret, char *reason)
{
	const bool activity = strcmp(text, "activity") == 0;

	if (!activity && strcmp(text, "mass") != 0) {
		snprintf(reason, INJ_TEXT_MAX, "\"%.40s\" is neither mass nor activity", text);
		return -EINVAL;
	}
	*ret = activity ? FORMULARY_MIU : FORMULARY_NG;
	return 0;
}

static int read_bound(const struct formulary_key *key, const char *text, struct setting *s,
		      void *at, char *reason)
{
	uint64_t amount;
	int r;

	r = key->kind == VALUE_PER_KG ? formulary_read_per_kg(text, &amount, &s->unit, reason)
				      : formulary_read_amount(text, &amount, &s->unit, reason);
	if (r < 0)
		return r;
	if (amount == 0) {
		snprintf(reason, INJ_TEXT_MAX,
			 "it must be above nothing: what may not be given is left out");
		return -ERANGE;
	}
	memcpy(at, &amount, sizeof(amount));
	return 0;
}

static int read_sessions(const char *text, uint32_t *ret, char *reason)
{
	uint32_t count;
	int r = count_parse(text, "session", "sessions", &count, reason);

	if (r < 0)
		return r;
	if (count == 0) {
		snprintf(reason, INJ_TEXT_MAX, "it must be above nothing");
		return -ERANGE;
	}
	*ret = count;
	return 0;
}

/* The reason stands where other values have their source: without the yes it is none. */
static int read_unlimited(const char *text, char *source, char *reason)
{
	bool yes;
	int r = formulary_read_flag(text, &yes, reason);

	if (r >= 0 && !yes)
		*source = '\0';
	return r;
}

static int compare_components(const void *a, const void *b)
{
	const struct named_component *first = a, *second = b;

	return strcmp(first->id, second->id);
}

/* "lidocaine 20 mg/mL, hyaluronidase 15 IU/mL" */
static int read_components(struct builder *b, size_t index, const char *text, char *reason)
{
	struct named_component list[FORMULARY_COMPONENTS];
	struct formulary_preparation *p = &b->formulary->preparations[index];
	char one[FORMULARY_LINE_MAX];
	size_t n = 0, length;
	int r;

	for (const char *from = text;; from += length + 1, from += strspn(from, " ")) {
		size_t end;

		length = strcspn(from, ",");
		for (end = length; end > 0 && from[end - 1] == ' '; end--)
			;
		if (n == FORMULARY_COMPONENTS) {
			snprintf(reason, INJ_TEXT_MAX, "there are more than %d components",
				 FORMULARY_COMPONENTS);
			return -EINVAL;
		}
		text_copy(one, (end < sizeof(one) ? end : sizeof(one) - 1) + 1, from);
		r = formulary_read_component(one, &list[n], reason);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			if (strcmp(list[i].id, list[n].id) == 0) {
				snprintf(reason, INJ_TEXT_MAX, "%.39s is there twice", list[i].id);
				return -EINVAL;
			}
		n++;
		if (!from[length])
			break;
	}
	/* No file's order counts, neither in the hash nor in what was recorded of a load. */
	qsort(list, n, sizeof(list[0]), compare_components);
	memcpy(b->components[index], list, n * sizeof(list[0]));
	p->n_components = n;
	return 0;
}

static int read_volume(const char *text, void *at, char *reason)
{
	uint32_t narrow;
	uint64_t wide;
	int r;

	r = formulary_read_quantity(INJ_VOLUME, text, 1, FORMULARY_SHOT_MAX_NL, &narrow, reason);
	if (r < 0)
		return r;
	wide = narrow;
	memcpy(at, &wide, sizeof(wide));
	return 0;
}

static int read_value(struct builder *b, struct setting *s, const char *text, char *reason)
{
	char *entry = formulary_entry(b->formulary, s->group, s->index);
	void *at = entry + s->key->offset;
	struct formulary_substance *substance = (void *)entry;
	struct formulary_area *area = (void *)entry;

	switch (s->key->kind) {
	case VALUE_NAME:
		return read_name(text, at, reason);
	case VALUE_MEASURED:
		return read_measured(text, at, reason);
	case VALUE_TOKENS:
		return formulary_read_tokens(text, at, reason);
	case VALUE_FLAG:
		return formulary_read_flag(text, at, reason);
	case VALUE_ID:
		return read_id(text, at, reason);
	case VALUE_AMOUNT:
	case VALUE_PER_KG:
		return read_bound(s->key, text, s, at, reason);
	case VALUE_INTERVAL:
		return formulary_read_interval(text, &substance->interval_days,
					       &substance->interval_months, reason);
	case VALUE_SESSIONS:
		return read_sessions(text, at, reason);
	case VALUE_UNLIMITED:
		return read_unlimited(text, at, reason);
	case VALUE_COMPONENTS:
		return read_components(b, s->index, text, reason);
	case VALUE_CARTRIDGE:
		return formulary_read_cartridge(text, at, reason);
	case VALUE_VOLUME:
		return read_volume(text, at, reason);
	case VALUE_VISCOSITY:
		return formulary_read_quantity(INJ_VISCOSITY, text, FORMULARY_VISCOSITY_MIN,
					       FORMULARY_VISCOSITY_MAX, at, reason);
	case VALUE_DEPTHS:
		return formulary_read_depths(text, &area->depth_min_um, &area->depth_max_um,
					     reason);
	case VALUE_SIZE:
		return formulary_read_quantity(INJ_AREA, text, 1, FORMULARY_SIZE_MAX_MM2, at,
					       reason);
	}
	return -EINVAL;
}

/* Divides "300 mg; label" at its first semicolon.  @value has room for all of @text. */
static int divide(const struct builder *b, const struct setting *s, const char *text, char *value,
		  const char **ret_source)
{
	const char *semicolon = strchr(text, ';');
	size_t length = semicolon ? (size_t)(semicolon - text) : strlen(text);
	const char *source = semicolon ? semicolon + 1 : "";

	while (length > 0 && text[length - 1] == ' ')
		length--;
	text_copy(value, length + 1, text);
	source += strspn(source, " ");
	if (semicolon && !s->key->source)
		return builder_complain_of(b, -EINVAL, s, "%s has no source, and no semicolon",
					   s->key->name);
	if (s->key->source && !*source)
		return builder_complain_of(
			b, -EINVAL, s, "it has no source: expected \"%.40s; where that is from\"",
			value);
	if (strlen(source) >= FORMULARY_SOURCE_MAX)
		return builder_complain_of(b, -EINVAL, s, "its source is longer than %d bytes",
					   FORMULARY_SOURCE_MAX - 1);
	*ret_source = source;
	return 0;
}

int builder_set(struct builder *b, enum formulary_group group, size_t index, const char *name,
		const char *text)
{
	struct setting s = {
		.group = group,
		.index = index,
		.key = formulary_find_key(group, name),
		.file = b->place.file,
		.line = b->place.line,
		.path = (char *)b->place.path,
	};
	char value[FORMULARY_LINE_MAX], reason[INJ_TEXT_MAX];
	const struct setting *before;
	const char *source = "";
	char *source_at;
	int r;

	if (!s.key)
		return builder_complain(b, -EINVAL,
					"\"%.40s\" (= %.60s) is no key of a %s: docs/formulary.md"
					" lists them",
					name, text, formulary_group_name(group));
	TEXT_COPY(s.text, text);
	before = builder_find(b, group, index, s.key);
	if (before && before->file == b->place.file)
		return builder_complain_of(b, -EINVAL, &s, "it is said twice, first in line %zu",
					   before->line);
	r = divide(b, &s, text, value, &source);
	if (r < 0)
		return r;
	/* First, for "no-limit = no" takes its reason away again. */
	if (s.key->source) {
		source_at = (char *)formulary_entry(b->formulary, group, index) + s.key->source;
		text_copy(source_at, FORMULARY_SOURCE_MAX, source);
	}
	TEXT_COPY(s.text, value);
	r = read_value(b, &s, value, reason);
	if (r < 0)
		return builder_complain_of(b, r, &s, "%s", reason);
	r = formulary_check_ceiling(b, &s);
	return r < 0 ? r : remember(b, &s);
}

/* ------------------------------------------------- the whole */

int builder_finish(struct builder *b, struct formulary **ret)
{
	int r;

	r = builder_check(b);
	if (r >= 0)
		r = formulary_check_ceilings(b);
	if (r >= 0)
		r = formulary_fill_hash(b->formulary);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(b->formulary);
	return 0;
}
