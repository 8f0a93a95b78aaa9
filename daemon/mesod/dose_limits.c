// SPDX-License-Identifier: GPL-2.0-only
/*
 * The built-in limits, and the files that tighten them.
 *
 * Owns the list of keys.  A limit that nobody wrote down with its unit does not
 * exist; one that is looser than the built-in does not pass.
 */
#include "dose_limits.h"

#include <errno.h>
#include <inttypes.h>
#include <libeconf.h>
#include <libeconf_ext.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <injector.h>

#include "macros.h"

#define GROUP "limits"

void limits_default(struct limits *ret)
{
	*ret = (struct limits){
		/* "a tiny drop" each; 10-50 uL a point is traditional, 100 is given for pain */
		.shot_nl = { 50000, 100000 },
		/* 1-4 mm deep, the mesoderm; areas with thinner skin get their own soft bound */
		.depth_um = { 4000, 4000 },
		/* the fastest gun found does 9 a second */
		.rate_mhz = { 5000, 9000 },
		/* 2-6 mL a session is typical */
		.session_nl = { 6000000, 10000000 },
		/* no two sessions' worth into one patient in a day, whatever gun or session */
		.patient_24h_nl = { 6000000, 10000000 },
	};
}

static const struct key {
	const char *name;
	size_t offset; /* of the limit in struct limits */
	enum inj_dimension dimension;
	bool hard;
} keys[] = {
#define KEY(name, dimension, member)                                           \
	{ name "-soft", offsetof(struct limits, member), dimension, false },   \
	{                                                                      \
		name "-hard", offsetof(struct limits, member), dimension, true \
	}
	KEY("shot-volume", INJ_VOLUME, shot_nl),
	KEY("depth", INJ_LENGTH, depth_um),
	KEY("rate", INJ_RATE, rate_mhz),
	KEY("session-volume", INJ_VOLUME, session_nl),
	KEY("patient-24h-volume", INJ_VOLUME, patient_24h_nl),
#undef KEY
};

static uint64_t *get_bound(struct limits *limits, const struct key *key)
{
	struct limit *limit = (struct limit *)(void *)((char *)limits + key->offset);

	return key->hard ? &limit->hard : &limit->soft;
}

static int complain(char *error, int r, const char *format, ...) _printf_(3, 4);
static int complain(char *error, int r, const char *format, ...)
{
	va_list ap;

	if (error) {
		va_start(ap, format);
		vsnprintf(error, LIMITS_TEXT_MAX, format, ap);
		va_end(ap);
	}
	return r;
}

static void econf_freep(econf_file **file)
{
	econf_free(*file);
}

static void free_listp(char ***list)
{
	if (*list)
		econf_freeArray(*list);
}

static void free_valuep(econf_ext_value **value)
{
	if (*value)
		econf_freeExtValue(*value);
}

static int to_errno(econf_err e)
{
	switch (e) {
	case ECONF_SUCCESS:
		return 0;
	case ECONF_NOMEM:
		return -ENOMEM;
	case ECONF_NOFILE:
		return -ENOENT;
	default:
		return -EINVAL;
	}
}

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static int read_key(econf_file *file, const char *path, const char *name, struct limits *limits,
		    char *error)
{
	_cleanup_(free_valuep) econf_ext_value *value = NULL;
	char reason[INJ_TEXT_MAX], most_text[INJ_TEXT_MAX];
	const struct key *key = find_key(name);
	struct limits ceiling;
	const char *text;
	int64_t bound;
	uint64_t most;
	int r;

	r = to_errno(econf_getExtValue(file, GROUP, name, &value));
	if (r < 0)
		return complain(error, r, "%s: the value of \"%s\" cannot be read", path, name);
	if (!key)
		return complain(error, -EINVAL,
				"%s:%" PRIu64 ": \"%s\" is no limit that mesod knows", path,
				value->line_number, name);
	text = value->values && value->values[0] ? value->values[0] : "";
	if (value->values && value->values[0] && value->values[1])
		return complain(error, -EINVAL, "%s:%" PRIu64 ": %s has more than one value", path,
				value->line_number, name);
	r = inj_parse(key->dimension, text, &bound, reason);
	if (r < 0)
		return complain(error, r, "%s:%" PRIu64 ": %s: %s", path, value->line_number, name,
				reason);
	limits_default(&ceiling);
	most = *get_bound(&ceiling, key);
	if (bound <= 0 || (uint64_t)bound > most)
		return complain(error, -ERANGE,
				"%s:%" PRIu64
				": %s = %s: a file may only tighten; it must be above nothing and"
				" at most %s",
				path, value->line_number, name, text,
				inj_format(key->dimension, (int64_t)most, most_text));
	*get_bound(limits, key) = (uint64_t)bound;
	return 0;
}

/* Does this line say @name = ...? */
static bool says(const char *line, const char *name)
{
	line += strspn(line, " \t");
	if (strncmp(line, name, strlen(name)) != 0)
		return false;
	line += strlen(name);
	return line[strspn(line, " \t")] == '=';
}

/* libeconf keeps the first of two lines for one key and forgets the other; nobody may be surprised. */
static int check_once(FILE *stream, const char *path, const char *name, char *error)
{
	_cleanup_(freep) char *line = NULL;
	size_t size = 0;
	uint64_t number = 0, first = 0;

	rewind(stream);
	while (getline(&line, &size, stream) >= 0) {
		number++;
		if (!says(line, name))
			continue;
		if (first > 0)
			return complain(error, -EINVAL,
					"%s:%" PRIu64 ": %s is said twice, first in line %" PRIu64,
					path, number, name, first);
		first = number;
	}
	return ferror(stream) ? complain(error, -EIO, "%s cannot be read", path) : 0;
}

static int check_groups(econf_file *file, const char *path, bool *ret_any, char *error)
{
	_cleanup_(free_listp) char **list = NULL;
	econf_err e;
	size_t n = 0;

	*ret_any = false;
	e = econf_getKeys(file, NULL, &n, &list);
	if (e == ECONF_SUCCESS && n > 0)
		return complain(error, -EINVAL, "%s: \"%s\" stands before any [group]", path,
				list[0]);
	if (e != ECONF_SUCCESS && e != ECONF_NOKEY)
		return to_errno(e);
	n = 0;
	if (list) {
		econf_freeArray(list);
		list = NULL;
	}
	e = econf_getGroups(file, &n, &list);
	if (e == ECONF_NOGROUP)
		return 0;
	if (e != ECONF_SUCCESS)
		return to_errno(e);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], GROUP) != 0)
			return complain(error, -EINVAL, "%s: [%s] is no group that mesod knows",
					path, list[i]);
		*ret_any = true;
	}
	return 0;
}

static int read_stream(FILE *stream, const char *path, struct limits *limits, char *error)
{
	_cleanup_(econf_freep) econf_file *file = NULL;
	_cleanup_(free_listp) char **names = NULL;
	_cleanup_(freep) char *where = NULL;
	uint64_t line = 0;
	size_t n = 0;
	econf_err e;
	bool any;
	int r;

	/* libeconf takes what it cannot read for an empty file. */
	if (fgetc(stream) == EOF && ferror(stream))
		return complain(error, -EIO, "%s cannot be read", path);
	e = econf_readFile(&file, path, "=", "#");
	if (e != ECONF_SUCCESS) {
		econf_errLocation(&where, &line);
		return complain(error, to_errno(e), "%s:%" PRIu64 ": %s", path, line,
				econf_errString(e));
	}
	r = check_groups(file, path, &any, error);
	if (r < 0 || !any)
		return r;
	e = econf_getKeys(file, GROUP, &n, &names);
	if (e == ECONF_NOKEY)
		return 0;
	if (e != ECONF_SUCCESS)
		return complain(error, to_errno(e), "%s: %s", path, econf_errString(e));
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = check_once(stream, path, names[i], error);
		if (r >= 0)
			r = read_key(file, path, names[i], limits, error);
	}
	return r;
}

/* An absent file says nothing. */
static int read_file(const char *path, struct limits *limits, char *error)
{
	FILE *stream = fopen(path, "re");
	int r;

	if (!stream)
		return errno == ENOENT ? 0
				       : complain(error, -errno, "%s: %s", path, strerror(errno));
	r = read_stream(stream, path, limits, error);
	fclose(stream);
	return r;
}

int limits_load(const char *const *paths, size_t n_paths, struct limits *ret, char *error)
{
	struct limits limits;
	int r;

	limits_default(&limits);
	for (size_t i = 0; i < n_paths; i++) {
		r = read_file(paths[i], &limits, error);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i += 2) {
		uint64_t soft = *get_bound(&limits, &keys[i]),
			 hard = *get_bound(&limits, &keys[i + 1]);
		char soft_text[INJ_TEXT_MAX], hard_text[INJ_TEXT_MAX];

		if (soft > hard)
			return complain(error, -EINVAL, "%s is %s, above %s, which is %s",
					keys[i].name,
					inj_format(keys[i].dimension, (int64_t)soft, soft_text),
					keys[i + 1].name,
					inj_format(keys[i].dimension, (int64_t)hard, hard_text));
	}
	*ret = limits;
	return 0;
}
