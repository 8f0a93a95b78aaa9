/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The numbers a dose is judged by: built-in, each with its source, and what a
 * clinic's file makes of them.
 *
 * Owns the numbers and how a file may change them.  A file may only tighten: a
 * value above the built-in one, an unknown key, a missing unit refuses the
 * whole file.  Never judges a request: that is policy.h.
 */
#ifndef MESOD_DOSE_LIMITS_H
#define MESOD_DOSE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"

#define LIMITS_TEXT_MAX     CONF_TEXT_MAX
#define LIMITS_DEFAULT_PATH CONF_DEFAULT_PATH

/* One bound.  Above soft: a reason is asked for.  Above hard: refused, no bedside override. */
struct limit {
	uint64_t soft;
	uint64_t hard;
};

/* One bound from below.  Under soft: a reason.  Under hard: refused.  hard <= soft. */
struct least {
	uint32_t soft;
	uint32_t hard;
};

struct limits {
	struct limit shot_nl;         /* volume of a shot, per needle */
	struct limit depth_um;        /* needle depth */
	struct limit rate_mhz;        /* shots per 1000 s in repeat mode */
	struct limit session_nl;      /* volume of a session */
	struct limit patient_24h_nl;  /* volume into one patient in any 24 h */
	struct limit area_nl_per_mm2; /* volume of a session into one area of skin, by its size */
	struct limit prime_nl;        /* primed with one syringe: twice the gun's dead volume */
	struct limit session_s;       /* length of a session */
	struct limit course_sessions; /* sessions of a course, this one included */
	struct least
		interval_d; /* calendar days from session to session (soft: the plan's, if longer) */
	struct least late_interval_d; /* the same after the sixth session of a course */
	struct least course_gap_d;    /* from a course's last session to a new course; hard 0 */
	uint32_t fault_stops; /* leases ended by a fault in 10 minutes: from so many on, a reason */
};

/* The built-in limits: SAFETY's defaults, which are also the ceilings. */
void limits_default(struct limits *ret);

/**
 * limits_load() - the built-in limits, tightened by files
 * @paths: files in rising precedence, each may be absent: "/etc/meso/mesod.conf"
 * @n_paths: how many
 * @ret: untouched on failure
 * @error: LIMITS_TEXT_MAX bytes for a sentence that names file, line, and value;
 *	may be NULL
 *
 * A file is `key = value` lines under `[limits]`, every value with its unit:
 * `shot-volume-soft = 40 uL`.  A later file replaces what an earlier one said of
 * the same key, but neither passes the built-in value.
 *
 * Return: 0; -EINVAL unknown group or key, key said twice, no or wrong unit,
 * soft above hard; -ERANGE above the built-in value or zero; -EACCES, -EIO and
 * others as the file could not be read; -ENOMEM.
 */
int limits_load(const char *const *paths, size_t n_paths, struct limits *ret, char *error);

/**
 * limits_is_tighter() - does @next allow nothing that @now does not?
 * @reason: LIMITS_TEXT_MAX bytes: the first limit that is looser; may be NULL
 * Equal counts as tighter.
 */
bool limits_is_tighter(const struct limits *now, const struct limits *next, char *reason);

typedef int limits_line_fn(const char *key, const char *value, void *userdata);
/* Calls @line for each limit as a file would say it, until it returns a negative number, which is returned. */
int limits_describe(const struct limits *limits, limits_line_fn *line, void *userdata);

#endif /* MESOD_DOSE_LIMITS_H */
