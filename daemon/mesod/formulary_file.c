// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layers of a formulary: which files, in which order, and their lines.
 *
 * Owns the syntax.  Lines are read here and not by libeconf, which forgets where a
 * group stood and the second of two lines for one key: of a number that a dose goes by
 * both must be told.  Never knows what a key means.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "formulary_internal.h"

const char *const formulary_default_paths[FORMULARY_DEFAULT_PATHS] = {
	"/usr/share/meso/formulary.conf",
	"/usr/local/share/meso/formulary.conf",
	"/etc/meso/formulary.conf",
	"/etc/meso/formulary.d",
};

/* Where in a file the reader is. */
struct section {
	bool any;
	enum formulary_group group;
	size_t index;
};

/* ------------------------------------------------- one line */

/* How many bytes the UTF-8 character at @s has, 0 if it is none. */
static size_t utf8_length(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0;
	uint32_t c = n == 1 ? *s : *s & (0x7fu >> n);

	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	return n && c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? n : 0;
}

void formulary_make_text(char *text)
{
	for (size_t n; *text; text += n ? n : 1) {
		n = utf8_length((const unsigned char *)text);
		if (n == 0 || (n == 1 && (*text < 0x20 || *text == 0x7f)))
			*text = '?';
	}
}

/* Text alone, with tabs made spaces, without its newline, what surrounds it and a comment. */
static int clean(const struct builder *b, char *line, size_t length, char **ret)
{
	char *from = line, *end;

	if (length > 0 && line[length - 1] == '\n')
		line[--length] = '\0';
	if (length > FORMULARY_LINE_MAX - 1)
		return builder_complain(b, -EINVAL, "the line has more than %d bytes",
					FORMULARY_LINE_MAX - 1);
	for (size_t i = 0, n; i < length; i += n) {
		n = utf8_length((const unsigned char *)line + i);
		if (n == 0 || (line[i] >= 0 && line[i] < 0x20 && line[i] != '\t') ||
		    line[i] == 0x7f)
			return builder_complain(b, -EINVAL,
						"byte %zu of the line is 0x%02x, which is no text",
						i + 1, (unsigned char)line[i]);
		if (line[i] == '\t')
			line[i] = ' ';
	}
	for (char *p = line; *p; p++)
		if (*p == '#' && (p == line || p[-1] == ' ')) {
			*p = '\0';
			break;
		}
	from += strspn(from, " ");
	for (end = from + strlen(from); end > from && end[-1] == ' '; end--)
		;
	*end = '\0';
	*ret = from;
	return 0;
}

/* "[substance lidocaine]" */
static int read_header(struct builder *b, char *text, struct section *section)
{
	const size_t length = strlen(text);
	size_t word;
	char *id;

	if (text[length - 1] != ']')
		return builder_complain(b, -EINVAL, "\"%.60s\" lacks its ]", text);
	text[length - 1] = '\0';
	text++;
	word = strcspn(text, " ");
	id = text + word;
	id += strspn(id, " ");
	for (enum formulary_group group = 0; group < FORMULARY_GROUPS; group++) {
		const char *name = formulary_group_name(group);

		if (strlen(name) != word || strncmp(name, text, word) != 0)
			continue;
		section->any = true;
		section->group = group;
		return builder_group(b, group, id, &section->index);
	}
	return builder_complain(
		b, -EINVAL,
		"[%.60s] is no group: expected [substance ID], [preparation ID] or [area ID]",
		text);
}

static int read_line(struct builder *b, char *text, struct section *section)
{
	char *equals = strchr(text, '='), *end, *value;

	if (!*text)
		return 0;
	if (*text == '[')
		return read_header(b, text, section);
	if (!equals || equals == text)
		return builder_complain(b, -EINVAL,
					"\"%.60s\" is neither [a group] nor key = value", text);
	if (!section->any)
		return builder_complain(b, -EINVAL, "\"%.60s\" stands before any [group]", text);
	for (end = equals; end > text && end[-1] == ' '; end--)
		;
	*end = '\0';
	value = equals + 1 + strspn(equals + 1, " ");
	return builder_set(b, section->group, section->index, text, value);
}

/* ------------------------------------------------- one file */

static int read_stream(struct builder *b, FILE *stream)
{
	_cleanup_(freep) char *line = NULL;
	struct section section = { 0 };
	size_t size = 0;
	ssize_t length;
	char *text = NULL;
	int r = 0;

	errno = 0;
	while (r >= 0 && (length = getline(&line, &size, stream)) >= 0) {
		b->place.line++;
		r = clean(b, line, (size_t)length, &text);
		if (r >= 0 && text)
			r = read_line(b, text, &section);
		errno = 0;
	}
	if (r < 0)
		return r;
	if (ferror(stream) || !feof(stream)) {
		r = errno ? -errno : -EIO;
		b->place.line = 0;
		return builder_complain(b, r, "it cannot be read: %s", strerrordesc_np(-r));
	}
	return 0;
}

/* An absent file says nothing. */
static int read_file(struct builder *b, const char *path)
{
	FILE *stream;
	int r;

	b->place = (struct place){ path, b->place.file + 1, 0 };
	stream = fopen(path, "re");
	if (!stream && errno == ENOENT)
		return 0;
	if (!stream) {
		r = -errno;
		return builder_complain(b, r, "it cannot be opened: %s", strerrordesc_np(-r));
	}
	r = read_stream(b, stream);
	fclose(stream);
	return r;
}

/* ------------------------------------------------- directories */

static int is_conf(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".conf") == 0;
}

/* By bytes, whatever the locale: everybody reads them in the same order. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_directory(struct builder *b, const char *path)
{
	struct dirent **entries = NULL;
	int n, r = 0;

	b->place = (struct place){ path, b->place.file, 0 };
	n = scandir(path, &entries, is_conf, compare_names);
	if (n < 0) {
		r = -errno;
		return builder_complain(b, r, "it cannot be opened: %s", strerrordesc_np(-r));
	}
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *file = NULL;

		if (r >= 0 && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0) {
			file = NULL;
			r = -ENOMEM;
		}
		if (r >= 0)
			r = read_file(b, file);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int read_layer(struct builder *b, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return read_directory(b, path);
	return read_file(b, path);
}

int formulary_load(const char *const *paths, size_t n_paths, struct formulary **ret, char *error)
{
	_cleanup_(builder_freep) struct builder *b = NULL;
	int r;

	if (error)
		*error = '\0';
	r = builder_new(error, &b);
	for (size_t i = 0; i < n_paths && r >= 0; i++)
		r = read_layer(b, paths[i]);
	if (r >= 0)
		r = builder_finish(b, ret);
	/* Whatever goes wrong has a sentence, and one that was cut is still text. */
	if (r < 0 && error && !*error)
		snprintf(error, FORMULARY_ERROR_MAX, "the formulary cannot be read: %s",
			 strerrordesc_np(-r));
	if (r < 0 && error)
		formulary_make_text(error);
	return r;
}
