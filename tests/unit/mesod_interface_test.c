// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interface that is installed and documented, docs/dbus/org.mesod1.xml, is the one that
 * mesod has: every method, signal and property, with its arguments and their names.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesod_fixture.h"

#define OURS         "org.mesod1."
#define MEMBERS_MAX  160
#define MEMBER_TEXT  512
#define DOCUMENT_MAX 65536

/* One line for each member: "interface kind name: direction name type, ...". */
struct members {
	char text[MEMBERS_MAX][MEMBER_TEXT];
	size_t n;
};

static struct mesod_fixture f;
static struct members documented, real;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	mesod_fixture_open_session(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* Text of attribute @name in the tag at @tag, or "". */
static void attribute(const char *tag, const char *name, char *buf, size_t size)
{
	const char *end = strchr(tag, '>'), *at = strstr(tag, name);

	*buf = '\0';
	if (!end || !at || at > end)
		return;
	at += strlen(name) + 2;
	snprintf(buf, size, "%.*s", (int)strcspn(at, "\""), at);
}

static bool is_tag(const char *at, const char *name)
{
	size_t length = strlen(name);

	return strncmp(at + 1, name, length) == 0 && strchr(" />", at[1 + length]);
}

static void add_text(struct members *members, const char *text)
{
	char *member = members->text[members->n - 1];
	size_t length = strlen(member);

	ck_assert_uint_lt(length + strlen(text), MEMBER_TEXT);
	snprintf(member + length, MEMBER_TEXT - length, "%s", text);
}

/* A signal's arguments have no direction, and a method's without one are in. */
static void add_argument(struct members *members, const char *tag, bool of_method)
{
	char name[64], type[64], direction[8], text[160];

	attribute(tag, " name", name, sizeof(name));
	attribute(tag, " type", type, sizeof(type));
	attribute(tag, " direction", direction, sizeof(direction));
	snprintf(text, sizeof(text), " %s %s %s,", of_method && !*direction ? "in" : direction,
		 name, type);
	add_text(members, text);
}

static void add_member(struct members *members, const char *interface, const char *kind,
		       const char *tag)
{
	char name[64], type[64], access[16], text[256];

	ck_assert_uint_lt(members->n, MEMBERS_MAX);
	*members->text[members->n++] = '\0';
	attribute(tag, " name", name, sizeof(name));
	attribute(tag, " type", type, sizeof(type));
	attribute(tag, " access", access, sizeof(access));
	snprintf(text, sizeof(text), "%s %s %s %s %s:", interface, kind, name, type, access);
	add_text(members, text);
}

static void read_members(const char *xml, struct members *members)
{
	char interface[64] = "";
	bool method = false;

	for (const char *at = strchr(xml, '<'); at; at = strchr(at + 1, '<')) {
		if (strncmp(at, "<!--", 4) == 0) {
			at = strstr(at, "-->");
			ck_assert_ptr_nonnull(at);
		} else if (is_tag(at, "interface")) {
			attribute(at, " name", interface, sizeof(interface));
		} else if (strncmp(interface, OURS, strlen(OURS)) != 0) {
			continue;
		} else if (is_tag(at, "method") || is_tag(at, "signal") || is_tag(at, "property")) {
			method = is_tag(at, "method");
			add_member(members, interface,
				   method ? "method"
					  : (is_tag(at, "signal") ? "signal" : "property"),
				   at);
		} else if (is_tag(at, "arg")) {
			add_argument(members, at, method);
		}
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void sort(struct members *members)
{
	qsort(members->text, members->n, sizeof(members->text[0]), compare);
}

static void introspect(const char *path)
{
	sd_bus_message *reply = NULL;
	const char *xml;

	ck_assert_int_ge(mesod_call(f.bus, path, "org.freedesktop.DBus.Introspectable",
				    "Introspect", NULL, &reply, ""),
			 0);
	ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &xml), 0);
	read_members(xml, &real);
	sd_bus_message_unref(reply);
}

START_TEST(the_interface_is_the_one_that_is_documented)
{
	static char document[DOCUMENT_MAX];
	FILE *file = fopen("docs/dbus/org.mesod1.xml", "r");
	bool same = true;

	ck_assert_ptr_nonnull(file);
	document[fread(document, 1, sizeof(document) - 1, file)] = '\0';
	ck_assert(feof(file));
	fclose(file);
	documented.n = real.n = 0;
	read_members(document, &documented);
	introspect(ROOT);
	introspect(f.gun_path);
	introspect(f.session);
	sort(&documented);
	sort(&real);
	for (size_t d = 0, r = 0; d < documented.n || r < real.n;) {
		int order = d == documented.n ? 1
			    : r == real.n     ? -1
					      : strcmp(documented.text[d], real.text[r]);

		if (order < 0)
			fprintf(stderr, "only documented: %s\n", documented.text[d]);
		else if (order > 0)
			fprintf(stderr, "not documented: %s\n", real.text[r]);
		same = same && order == 0;
		d += order <= 0;
		r += order >= 0;
	}
	ck_assert(same);
	ck_assert_uint_gt(real.n, 60);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod interface");
	TCase *tcase = tcase_create("interface");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, the_interface_is_the_one_that_is_documented);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
