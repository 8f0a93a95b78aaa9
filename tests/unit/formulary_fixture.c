// SPDX-License-Identifier: GPL-2.0-only
/*
 * See formulary_fixture.h.
 */
#include "formulary_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS_MAX 8

static char directory[64];

void formulary_setup(void)
{
	snprintf(directory, sizeof(directory), "/tmp/meso-formulary-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_all(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir) {
		unlink(path);
		return;
	}
	while ((entry = readdir(dir))) {
		char below[400];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		remove_all(below);
	}
	closedir(dir);
	rmdir(path);
}

void formulary_teardown(void)
{
	remove_all(directory);
}

const char *formulary_path(const char *name)
{
	static char paths[PATHS_MAX][128];
	static size_t next;
	char *path = paths[next++ % PATHS_MAX];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

void formulary_put(const char *name, const char *text)
{
	const char *slash = strchr(name, '/');
	FILE *f;

	if (slash) {
		char below[64];

		snprintf(below, sizeof(below), "%.*s", (int)(slash - name), name);
		(void)mkdir(formulary_path(below), 0755);
	}
	f = fopen(formulary_path(name), "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq((int)fwrite(text, 1, strlen(text), f), (int)strlen(text));
	ck_assert_int_eq(fclose(f), 0);
}

int formulary_try(struct formulary **ret, char *error, const char *names)
{
	const char *paths[PATHS_MAX];
	size_t n = 0, length;
	char name[64];

	for (; *names; names += length + (names[length] == ' ')) {
		length = strcspn(names, " ");
		snprintf(name, sizeof(name), "%.*s", (int)length, names);
		paths[n++] = formulary_path(name);
	}
	return formulary_load(paths, n, ret, error);
}

struct formulary *formulary_of(const char *text)
{
	char error[FORMULARY_ERROR_MAX] = "";
	struct formulary *f = NULL;

	formulary_put("of.conf", text);
	ck_assert_msg(formulary_try(&f, error, "of.conf") == 0, "%s", error);
	return f;
}

int formulary_run(const char *name, void (*add)(TCase *t))
{
	Suite *suite = suite_create(name);
	TCase *t = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, formulary_setup, formulary_teardown);
	tcase_set_timeout(t, 60);
	add(t);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
