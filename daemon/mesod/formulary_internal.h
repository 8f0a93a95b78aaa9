/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the formulary share while one is being built: the builder,
 * where each value stood, the readers of values, the ceilings.
 *
 * Only formulary*.c include it.
 */
#ifndef MESOD_FORMULARY_INTERNAL_H
#define MESOD_FORMULARY_INTERNAL_H

#include <injector.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formulary.h"
#include "macros.h"

#define FORMULARY_LINE_MAX  1000 /* bytes of a line */
#define FORMULARY_VALUE_MAX 80   /* bytes of a value that a sentence repeats */
#define FORMULARY_TEXT_MAX  800  /* bytes of the longest value: all components of a mixture */

#define FORMULARY_SHOT_MAX_NL   200000
#define FORMULARY_DEPTH_MAX_UM  4000
#define FORMULARY_SIZE_MAX_MM2  200000 /* 2000 cm2: the skin of a thigh, all around */
#define FORMULARY_VISCOSITY_MIN 500    /* uPa.s: what a gun can be configured with */
#define FORMULARY_VISCOSITY_MAX 50000

/* What a key's value is, and so how it is read, written, and compared. */
enum value_kind {
	VALUE_NAME,
	VALUE_MEASURED,
	VALUE_TOKENS,
	VALUE_FLAG,
	VALUE_ID,
	VALUE_AMOUNT,
	VALUE_PER_KG,
	VALUE_INTERVAL,
	VALUE_SESSIONS,
	VALUE_UNLIMITED,
	VALUE_COMPONENTS,
	VALUE_CARTRIDGE,
	VALUE_VOLUME,
	VALUE_VISCOSITY,
	VALUE_DEPTHS,
	VALUE_SIZE,
};

struct formulary_key {
	const char *name;
	enum value_kind kind;
	size_t offset;              /* of the value in the substance, preparation or area */
	size_t source;              /* of its source; 0 this value has none */
	enum formulary_scope scope; /* VALUE_AMOUNT, VALUE_PER_KG */
	bool needed;
};

/* A value as a file says it. */
struct setting {
	enum formulary_group group;
	size_t index;
	const struct formulary_key *key; /* NULL: the group itself */
	size_t file;                     /* counted from 1 */
	size_t line;
	char *path;
	char text[FORMULARY_VALUE_MAX]; /* for sentences; cut off */
	enum formulary_unit unit;       /* VALUE_AMOUNT, VALUE_PER_KG */
};

/* A component whose substance may not be known yet. */
struct named_component {
	char id[FORMULARY_ID_MAX];
	enum formulary_unit unit;
	uint64_t concentration;
};

/* Where the reader is. */
struct place {
	const char *path;
	size_t file; /* counted from 1 */
	size_t line;
};

struct builder {
	struct formulary *formulary;
	/* beside formulary->preparations */
	struct named_component components[FORMULARY_PREPARATIONS][FORMULARY_COMPONENTS];
	struct setting *settings; /* as they are in force */
	size_t n_settings, n_allocated;
	struct place place;
	char *error;
};

/* ---- formulary_keys.c: what may be said, and how it reads ---------------------------------- */

/* The keys of a group in the order of docs/formulary.md, ended by one without a name. */
const struct formulary_key *formulary_keys(enum formulary_group group);
/* The key of that name, or NULL. */
const struct formulary_key *formulary_find_key(enum formulary_group group, const char *name);
/* The substance, preparation or area. */
void *formulary_entry(struct formulary *formulary, enum formulary_group group, size_t index);
const void *formulary_entry_const(const struct formulary *formulary, enum formulary_group group,
				  size_t index);

/* ---- formulary_build.c: one value after the other, then the whole -------------------------- */

/* -ENOMEM */
int builder_new(char *error, struct builder **ret);
void builder_freep(struct builder **builder);
/* The group of that id, made if it is new. */
int builder_group(struct builder *b, enum formulary_group group, const char *id, size_t *ret_index);
/* Reads "value; source" and puts it in its place. */
int builder_set(struct builder *b, enum formulary_group group, size_t index, const char *name,
		const char *text);
/* Everything is there and fits together; takes the formulary out of the builder. */
int builder_finish(struct builder *b, struct formulary **ret);

/* The setting in force, or NULL.  @key NULL: where the group was said first. */
const struct setting *builder_find(const struct builder *b, enum formulary_group group,
				   size_t index, const struct formulary_key *key);
const struct setting *builder_find_name(const struct builder *b, enum formulary_group group,
					size_t index, const char *key);
/* "file:line: ", the place that is being read, stands before. */
int builder_complain(const struct builder *b, int r, const char *format, ...) _printf_(3, 4);
/* "file:line: [group id] key = value: " stands before. */
int builder_complain_of(const struct builder *b, int r, const struct setting *s, const char *format,
			...) _printf_(4, 5);

/* ---- formulary_check.c ------------------------------------------------------------------------ */

int builder_check(struct builder *b);

/* ---- formulary_ceilings.c -------------------------------------------------------------------- */

/* Is this one value, just read, under the built-in ceiling? */
int formulary_check_ceiling(const struct builder *b, const struct setting *s);
/* Has every substance that a ceiling names what the ceiling asks for? */
int formulary_check_ceilings(const struct builder *b);

/* ---- formulary_values.c: text to numbers; pure.  @reason: INJ_TEXT_MAX bytes -------------- */

bool formulary_id_is_good(const char *id);
int formulary_read_amount(const char *text, uint64_t *ret, enum formulary_unit *ret_unit,
			  char *reason);
int formulary_read_per_kg(const char *text, uint64_t *ret, enum formulary_unit *ret_unit,
			  char *reason);
/* "lidocaine 20 mg/mL" */
int formulary_read_component(const char *text, struct named_component *ret, char *reason);
int formulary_read_interval(const char *text, uint32_t *ret_days, uint32_t *ret_months,
			    char *reason);
int formulary_read_cartridge(const char *text, uint64_t *ret, char *reason);
int formulary_read_flag(const char *text, bool *ret, char *reason);
/* "1 mm to 2 mm" */
int formulary_read_depths(const char *text, uint32_t *ret_min_um, uint32_t *ret_max_um,
			  char *reason);
/* Sorted, one space between. */
int formulary_read_tokens(const char *text, char ret[FORMULARY_TOKENS_MAX], char *reason);
/* @least <= the quantity <= @most, or -ERANGE */
int formulary_read_quantity(enum inj_dimension dimension, const char *text, uint32_t least,
			    uint32_t most, uint32_t *ret, char *reason);
/* 300000000 ng as "300 mg" */
char *formulary_format_amount(enum formulary_unit unit, uint64_t amount, char buf[INJ_TEXT_MAX]);

/* ---- formulary_hash.c -------------------------------------------------------------------------- */

/* -ENOMEM */
int formulary_fill_hash(struct formulary *formulary);

#endif /* MESOD_FORMULARY_INTERNAL_H */
