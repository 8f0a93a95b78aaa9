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

#define FORMULARY_FILE_MAX  (1024 * 1024) /* bytes of a file */
#define FORMULARY_LINE_MAX  1000          /* bytes of a line */
#define FORMULARY_VALUE_MAX 80            /* bytes of a value that a sentence repeats */

#define FORMULARY_SHOT_MAX_NL  200000
#define FORMULARY_DEPTH_MAX_UM 4000

enum group { GROUP_SUBSTANCE, GROUP_PREPARATION, GROUP_AREA, GROUPS };

/* What a key's value is, and so how it is read. */
enum value_kind {
	VALUE_NAME,
	VALUE_TOKENS,
	VALUE_MEASURED,
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
	VALUE_LENGTH,
	VALUE_SIZE,
};

struct formulary_key {
	const char *name;
	enum value_kind kind;
	size_t offset; /* of the value in the substance, preparation or area */
	size_t source; /* of its source; 0 this value has none */
	enum formulary_scope scope;
	bool needed;
};

/* A value as a file says it. */
struct setting {
	enum group group;
	size_t index;
	const struct formulary_key *key; /* NULL: the group itself */
	char *where;                     /* "file:line" */
	char text[FORMULARY_VALUE_MAX];  /* for sentences; cut off */
	enum formulary_unit unit;        /* VALUE_AMOUNT, VALUE_PER_KG */
};

/* A component whose substance may not be known yet. */
struct named_component {
	char id[FORMULARY_ID_MAX];
	enum formulary_unit unit;
	uint64_t concentration;
};

struct builder {
	struct formulary *formulary;
	/* beside formulary->preparations */
	struct named_component components[FORMULARY_PREPARATIONS][FORMULARY_COMPONENTS];
	bool measured[FORMULARY_SUBSTANCES]; /* the unit was said */
	bool no_limit[FORMULARY_SUBSTANCES]; /* no-limit = yes */
	struct setting *settings;            /* as they are in force */
	size_t n_settings, n_allocated;
	char *error;
};

/* ---- formulary_build.c: one value after the other, then the whole -------------------------- */

/* -ENOMEM */
int builder_new(char *error, struct builder **ret);
void builder_freep(struct builder **builder);
/* The key of that name, or NULL. */
const struct formulary_key *formulary_find_key(enum group group, const char *name);
const char *formulary_group_name(enum group group);
/* The group of that id, made if it is new. */
int builder_group(struct builder *b, enum group group, const char *id, const char *where,
		  size_t *ret_index);
/* Reads "value; source" and puts it in its place. */
int builder_set(struct builder *b, enum group group, size_t index, const struct formulary_key *key,
		const char *where, const char *text);
/* Everything is there and fits together; takes the formulary out of the builder. */
int builder_finish(struct builder *b, struct formulary **ret);

/* The setting in force, or NULL. */
const struct setting *builder_find(const struct builder *b, enum group group, size_t index,
				   const struct formulary_key *key);
int builder_complain(const struct builder *b, int r, const char *format, ...) _printf_(3, 4);
/* The same about a setting: "file:line: key = value of [group id]: " stands before. */
int builder_complain_of(const struct builder *b, int r, const struct setting *s, const char *format,
			...) _printf_(4, 5);

/* ---- formulary_check.c ------------------------------------------------------------------------ */

int builder_check(struct builder *b);

/* ---- formulary_ceilings.c -------------------------------------------------------------------- */

/* Is this one value, just read, under the built-in ceiling? */
int formulary_check_ceiling(const struct builder *b, const struct setting *s);
/* Does every substance that a ceiling names have what the ceiling asks for? */
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
/* Sorted, one space between. */
int formulary_read_tokens(const char *text, char ret[FORMULARY_TOKENS_MAX], char *reason);
/* @least <= the quantity <= @most, or -ERANGE */
int formulary_read_quantity(enum inj_dimension dimension, const char *text, uint32_t least,
			    uint32_t most, uint32_t *ret, char *reason);
/* 300000000 ng as "300 mg" */
char *formulary_format_amount(enum formulary_unit unit, uint64_t amount, char buf[INJ_TEXT_MAX]);

/* ---- formulary_hash.c -------------------------------------------------------------------------- */

int formulary_fill_hash(struct formulary *formulary);

#endif /* MESOD_FORMULARY_INTERNAL_H */
