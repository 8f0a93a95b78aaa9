/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mesod.conf: groups of `key = value` lines.
 *
 * Owns the form of the file and the names of its groups: a group that nobody
 * knows, a key before any group, a key said twice refuses the whole file.  Never
 * knows a key or what a value means: those are dose_limits.h's and
 * pedal_config.h's.
 */
#ifndef MESOD_CONF_H
#define MESOD_CONF_H

#include <stdint.h>

#define CONF_TEXT_MAX     256
#define CONF_DEFAULT_PATH "/etc/meso/mesod.conf"
#define CONF_LIMITS       "limits"
#define CONF_PEDAL        "pedal"

struct conf_line {
	const char *path;
	uint64_t number;
	const char *name;
	const char *text; /* the value, "" for none */
};

/* 0, or a negative errno with the sentence in @error (CONF_TEXT_MAX bytes, may be NULL). */
typedef int conf_line_fn(const struct conf_line *line, void *userdata, char *error);

/**
 * conf_read() - call @take for each key of one group of a file
 * @error: CONF_TEXT_MAX bytes for a sentence that names file, line and value; may
 *	be NULL
 * An absent file says nothing, and is no error.
 * Return: 0; what @take refused with; -EINVAL unknown group, key said twice or with
 * two values, not the form; -EACCES, -EIO and others as the file could not be
 * read; -ENOMEM.
 */
int conf_read(const char *path, const char *group, conf_line_fn *take, void *userdata, char *error);

/* Writes the sentence to @error, if that is not NULL; returns @r. */
int conf_complain(char *error, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same about that line, which is named first. */
int conf_refuse(const struct conf_line *line, char *error, int r, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif /* MESOD_CONF_H */
