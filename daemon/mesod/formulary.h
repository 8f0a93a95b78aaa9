/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may be injected: substances with their limits, preparations made of them,
 * areas of skin.  Read from layered files, whole or not at all.
 *
 * Owns which keys a file may have, that every number has a unit and a source,
 * and that no file passes a built-in ceiling.  Never judges a request (policy.h)
 * and never knows a patient.
 *
 * A struct formulary is immutable once loaded.
 */
#ifndef MESOD_FORMULARY_H
#define MESOD_FORMULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dose_limits.h"

#define FORMULARY_ID_MAX     40 /* with NUL: lower-case letters, digits and '-', a letter first */
#define FORMULARY_NAME_MAX   80
#define FORMULARY_SOURCE_MAX 120
#define FORMULARY_TOKENS_MAX 160 /* ids, separated by one space */
#define FORMULARY_ERROR_MAX  320
#define FORMULARY_HASH_LEN   32

#define FORMULARY_SUBSTANCES   64
#define FORMULARY_PREPARATIONS 128
#define FORMULARY_AREAS        64
#define FORMULARY_COMPONENTS   8
#define FORMULARY_NO_BOUND     UINT64_MAX
#define FORMULARY_UNKNOWN      SIZE_MAX

/* What a substance is measured in.  Amounts everywhere are in this base unit. */
enum formulary_unit {
	FORMULARY_NG,  /* mass; a concentration is in pg per nL (1 mg/mL is 1000) */
	FORMULARY_MIU, /* activity; a concentration is in uIU per nL (1 IU/mL is 1) */
};

enum formulary_scope {
	SCOPE_SHOT,
	SCOPE_SESSION,
	SCOPE_24H, /* rolling */
	SCOPE_COURSE,
	SCOPES
};

/* In base units, or base units per kg of body mass.  soft <= hard. */
struct formulary_bound {
	uint64_t soft; /* FORMULARY_NO_BOUND: none */
	uint64_t hard;
	char source[FORMULARY_SOURCE_MAX]; /* of the hard bound, "" if there is none */
	char soft_source[FORMULARY_SOURCE_MAX];
};

struct formulary_substance {
	char id[FORMULARY_ID_MAX];
	char name[FORMULARY_NAME_MAX];
	enum formulary_unit unit;
	char allergies[FORMULARY_TOKENS_MAX];  /* groups it belongs to; its own id counts as well */
	char conditions[FORMULARY_TOKENS_MAX]; /* of a patient, that forbid it */
	struct formulary_bound fixed[SCOPES];
	struct formulary_bound per_kg[SCOPES]; /* the lesser of both bounds counts */
	uint32_t interval_days;   /* calendar days from one session with it to the next; 0 none */
	uint32_t interval_months; /* calendar months (the same day of the month), 0 none */
	uint32_t course_sessions; /* most sessions of a course with it, 0 no bound */
	bool anaesthetic;         /* local: adds up with the others, sum(dose / 24 h limit) <= 1 */
	bool vasoconstrictor;     /* comes with epinephrine */
	bool spreading;           /* hyaluronidase: with an anaesthetic the plain limits count */
	bool by_hand_only;        /* refused by gun */
	bool unmixed;             /* never in a preparation with another */
	char plain[FORMULARY_ID_MAX]; /* of a vasoconstrictor: whose limits count when it spreads */
	char interval_source[FORMULARY_SOURCE_MAX];
	char course_source[FORMULARY_SOURCE_MAX];
	char unlimited[FORMULARY_SOURCE_MAX]; /* why it has no hard bound; "" if it has one */
};

struct formulary_component {
	size_t substance;       /* index */
	uint64_t concentration; /* pg or uIU per nL */
};

struct formulary_preparation {
	char id[FORMULARY_ID_MAX];
	char name[FORMULARY_NAME_MAX];
	char source[FORMULARY_SOURCE_MAX];
	uint64_t cartridge; /* what the gun must read from the cartridge; never 0 */
	size_t n_components;
	struct formulary_component components[FORMULARY_COMPONENTS]; /* in order of their ids */
	struct limit shot_nl; /* a shot and needle; { 0, 0 }: the clinic's limit counts */
	char shot_soft_source[FORMULARY_SOURCE_MAX];
	char shot_source[FORMULARY_SOURCE_MAX]; /* of the hard limit */
	uint32_t viscosity_upas; /* at skin temperature; what the gun is configured with */
	char viscosity_source[FORMULARY_SOURCE_MAX];
};

struct formulary_area {
	char id[FORMULARY_ID_MAX];
	char name[FORMULARY_NAME_MAX];
	char source[FORMULARY_SOURCE_MAX]; /* of the depths */
	uint32_t depth_min_um;             /* usual range of depths: outside of it is soft */
	uint32_t depth_max_um;
	uint32_t size_mm2; /* if none is entered */
	char size_source[FORMULARY_SOURCE_MAX];
};

struct formulary {
	size_t n_substances, n_preparations, n_areas;
	struct formulary_substance substances[FORMULARY_SUBSTANCES];
	struct formulary_preparation preparations[FORMULARY_PREPARATIONS];
	struct formulary_area areas[FORMULARY_AREAS];
	uint8_t hash[FORMULARY_HASH_LEN]; /* SHA-256 of the content in a canonical form */
};

/* Where the layers are unless somebody says otherwise: the vendor's, wherever it was installed; the clinic's; the
 * clinic's in pieces. */
#define FORMULARY_DEFAULT_PATHS 4
extern const char *const formulary_default_paths[FORMULARY_DEFAULT_PATHS];

/**
 * formulary_load() - read the layers
 * @paths: files in rising precedence, each may be absent.  A path that is a
 *	directory stands for its "*.conf" in the order of their names.
 * @ret: to be freed with formulary_free(); untouched on failure
 * @error: FORMULARY_ERROR_MAX bytes for a sentence naming file, line, key and
 *	value; may be NULL
 *
 * A file has groups `[substance ID]`, `[preparation ID]`, `[area ID]`.  A later
 * file changes single keys of a group that an earlier one has, and may add groups.
 * Every number carries its unit and, after a semicolon, its source:
 * `24h-hard = 300 mg; label`.  A value that a later file replaces must be in order
 * as well.  A substance without any hard bound is refused unless it says why:
 * `no-limit = yes; reason`.  docs/formulary.md lists the keys.
 *
 * If no layer is there the formulary is empty: it knows nothing, and what is
 * unknown is refused.  Indices follow the order in which the layers name things:
 * they mean nothing in another formulary.
 *
 * Return: 0; -EINVAL unknown group or key, key said twice, no or wrong unit, no
 * source, soft above hard, unknown component, too many; -ERANGE above a built-in
 * ceiling; -EACCES, -EIO and others as a file could not be read; -ENOMEM.
 */
int formulary_load(const char *const *paths, size_t n_paths, struct formulary **ret, char *error);
struct formulary *formulary_free(struct formulary *formulary);
void formulary_freep(struct formulary **formulary);

/* Indices by id, or FORMULARY_UNKNOWN. */
size_t formulary_substance(const struct formulary *formulary, const char *id);
size_t formulary_preparation(const struct formulary *formulary, const char *id);
size_t formulary_area(const struct formulary *formulary, const char *id);

/* Is @id an allergy (a group, or a substance) or a condition that this formulary knows?  Conditions that
 * mesod itself knows are POLICY_CONDITIONS in policy.h. */
bool formulary_knows_allergy(const struct formulary *formulary, const char *id);
bool formulary_knows_condition(const struct formulary *formulary, const char *id);

/* Is @id one of the space-separated @tokens? */
bool formulary_has_token(const char *tokens, const char *id);

/**
 * formulary_is_tighter() - may @next take @now's place while a session is open?
 * @reason: FORMULARY_ERROR_MAX bytes: the first thing that is looser, or gone
 * Equal counts as tighter.
 */
bool formulary_is_tighter(const struct formulary *now, const struct formulary *next, char *reason);

/**
 * formulary_align() - give things the indices they have in another formulary
 * @formulary: changed in place; its hash stays, for the order means nothing
 * @now: has the same ids, as after formulary_is_tighter()
 * What somebody remembers as an index into @now then is the same thing in @formulary.
 */
void formulary_align(struct formulary *formulary, const struct formulary *now);

/* ---- the same as texts: what the hash is of, what clients are told, what a file may say ---- */

enum formulary_group {
	FORMULARY_SUBSTANCE,
	FORMULARY_PREPARATION,
	FORMULARY_AREA,
	FORMULARY_GROUPS
};

/* "substance", "preparation", "area" */
const char *formulary_group_name(enum formulary_group group);
size_t formulary_count(const struct formulary *formulary, enum formulary_group group);
const char *formulary_id(const struct formulary *formulary, enum formulary_group group,
			 size_t index);

/* @value is as a file has it, with its unit; @source is "" where none is asked for. */
typedef int formulary_line_fn(const char *key, const char *value, const char *source,
			      void *userdata);
/* Calls @line for all that is said of one thing, in the order of docs/formulary.md, until it returns
 * a negative number, which is returned.  A file made of these lines makes the same formulary. */
int formulary_describe(const struct formulary *formulary, enum formulary_group group, size_t index,
		       formulary_line_fn *line, void *userdata);

#define FORMULARY_HASH_TEXT_MAX (2 * FORMULARY_HASH_LEN + 1)
char *formulary_hash_text(const struct formulary *formulary,
			  char buf[static FORMULARY_HASH_TEXT_MAX]);

/* Makes what is no UTF-8 text in a sentence, in place, question marks: a bus and a terminal take text only. */
void formulary_make_text(char *text);

/* What @volume_nl of something with this concentration holds, in ng or mIU, rounded up; saturates. */
uint64_t formulary_amount(uint64_t volume_nl, uint64_t concentration);

#endif /* MESOD_FORMULARY_H */
