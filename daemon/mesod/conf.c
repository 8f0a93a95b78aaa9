// SPDX-License-Identifier: GPL-2.0-only
/*
 * See conf.h.
 */
#include "conf.h"

#include <inttypes.h>
#include <libeconf.h>
#include <libeconf_ext.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "macros.h"

static const char *const groups[] = { CONF_LIMITS, CONF_PEDAL };

int conf_complain(char *error, int r, const char *format, ...)
{
	va_list ap;

	if (error) {
		va_start(ap, format);
		vsnprintf(error, CONF_TEXT_MAX, format, ap);
		va_end(ap);
	}
	return r;
}

int conf_refuse(const struct conf_line *line, char *error, int r, const char *format, ...)
{
	char text[CONF_TEXT_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return conf_complain(error, r, "%s:%" PRIu64 ": %s", line->path, line->number, text);
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

static bool is_group(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(groups); i++)
		if (strcmp(groups[i], name) == 0)
			return true;
	return false;
}

static int take_key(econf_file *file, const char *path, const char *group, const char *name,
		    conf_line_fn *take, void *userdata, char *error)
{
	_cleanup_(free_valuep) econf_ext_value *value = NULL;
	struct conf_line line = { .path = path, .name = name };
	int r;

	r = to_errno(econf_getExtValue(file, group, name, &value));
	if (r < 0)
		return conf_complain(error, r, "%s: the value of \"%s\" cannot be read", path,
				     name);
	line.number = value->line_number;
	line.text = value->values && value->values[0] ? value->values[0] : "";
	if (value->values && value->values[0] && value->values[1])
		return conf_refuse(&line, error, -EINVAL, "%s has more than one value", name);
	return take(&line, userdata, error);
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

/* libeconf keeps the first of two lines for one key and forgets the other; nobody may be surprised.  No two
 * groups have a key of one name. */
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
			return conf_complain(error, -EINVAL,
					     "%s:%" PRIu64
					     ": %s is said twice, first in line %" PRIu64,
					     path, number, name, first);
		first = number;
	}
	return ferror(stream) ? conf_complain(error, -EIO, "%s cannot be read", path) : 0;
}

static int check_groups(econf_file *file, const char *path, const char *group, bool *ret_any,
			char *error)
{
	_cleanup_(free_listp) char **list = NULL;
	econf_err e;
	size_t n = 0;

	*ret_any = false;
	e = econf_getKeys(file, NULL, &n, &list);
	if (e == ECONF_SUCCESS && n > 0)
		return conf_complain(error, -EINVAL, "%s: \"%s\" stands before any [group]", path,
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
		if (!is_group(list[i]))
			return conf_complain(error, -EINVAL,
					     "%s: [%s] is no group that mesod knows", path,
					     list[i]);
		*ret_any = *ret_any || strcmp(list[i], group) == 0;
	}
	return 0;
}

static int read_stream(FILE *stream, const char *path, const char *group, conf_line_fn *take,
		       void *userdata, char *error)
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
		return conf_complain(error, -EIO, "%s cannot be read", path);
	e = econf_readFile(&file, path, "=", "#");
	if (e != ECONF_SUCCESS) {
		econf_errLocation(&where, &line);
		return conf_complain(error, to_errno(e), "%s:%" PRIu64 ": %s", path, line,
				     econf_errString(e));
	}
	r = check_groups(file, path, group, &any, error);
	if (r < 0 || !any)
		return r;
	e = econf_getKeys(file, group, &n, &names);
	if (e == ECONF_NOKEY)
		return 0;
	if (e != ECONF_SUCCESS)
		return conf_complain(error, to_errno(e), "%s: %s", path, econf_errString(e));
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = check_once(stream, path, names[i], error);
		if (r >= 0)
			r = take_key(file, path, group, names[i], take, userdata, error);
	}
	return r;
}

int conf_read(const char *path, const char *group, conf_line_fn *take, void *userdata, char *error)
{
	FILE *stream = fopen(path, "re");
	int r;

	if (!stream)
		return errno == ENOENT
			       ? 0
			       : conf_complain(error, -errno, "%s: %s", path, strerror(errno));
	r = read_stream(stream, path, group, take, userdata, error);
	fclose(stream);
	return r;
}
