// SPDX-License-Identifier: GPL-2.0-only
/*
 * See told.h.
 */
#include "told.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((format(printf, 2, 3))) static void add(char text[TOLD_MAX], const char *format, ...)
{
	const size_t used = strlen(text);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text + used, TOLD_MAX - used, format, args);
	va_end(args);
	ck_assert_int_lt(n, (int)(TOLD_MAX - used));
}

static void add_dict(sd_bus_message *reply, const char *before, const char *after,
		     char text[TOLD_MAX]);

static void add_words(sd_bus_message *reply, char text[TOLD_MAX])
{
	const char *word, *space = "";

	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "s"), 0);
	add(text, "[");
	for (; sd_bus_message_read_basic(reply, 's', &word) > 0; space = " ")
		add(text, "%s%s", space, word);
	add(text, "]");
	ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static void add_sums(sd_bus_message *reply, char text[TOLD_MAX])
{
	const char *key, *space = "";
	uint64_t sum;

	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "{st}"), 0);
	add(text, "{");
	for (; sd_bus_message_read(reply, "{st}", &key, &sum) > 0; space = " ")
		add(text, "%s%s=%llu", space, key, (unsigned long long)sum);
	add(text, "}");
	ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static void add_list(sd_bus_message *reply, char text[TOLD_MAX])
{
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "a{sv}"), 0);
	add(text, "[");
	while (sd_bus_message_at_end(reply, 0) == 0) {
		add(text, "(");
		add_dict(reply, "", "; ", text);
		add(text, ")");
	}
	add(text, "]");
	ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static void add_basic(sd_bus_message *reply, char type, char text[TOLD_MAX])
{
	union {
		const char *s;
		int b;
		uint32_t u;
		uint64_t t;
		int64_t x;
	} v;

	ck_assert_int_gt(sd_bus_message_read_basic(reply, type, &v), 0);
	switch (type) {
	case 's':
	case 'o':
		add(text, "%s", v.s);
		break;
	case 'b':
		add(text, "%s", v.b ? "yes" : "no");
		break;
	case 'u':
		add(text, "%u", v.u);
		break;
	case 't':
		add(text, "%llu", (unsigned long long)v.t);
		break;
	case 'x':
		add(text, "%lld", (long long)v.x);
		break;
	default:
		ck_abort_msg("a type that this helper does not know: %c", type);
	}
}

static void add_value(sd_bus_message *reply, char text[TOLD_MAX])
{
	const char *contents;
	char type;

	ck_assert_int_gt(sd_bus_message_peek_type(reply, &type, &contents), 0);
	ck_assert_int_eq(type, 'v');
	ck_assert_int_gt(sd_bus_message_enter_container(reply, 'v', contents), 0);
	if (strcmp(contents, "as") == 0)
		add_words(reply, text);
	else if (strcmp(contents, "a{st}") == 0)
		add_sums(reply, text);
	else if (strcmp(contents, "aa{sv}") == 0)
		add_list(reply, text);
	else
		add_basic(reply, *contents, text);
	ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static void add_dict(sd_bus_message *reply, const char *before, const char *after,
		     char text[TOLD_MAX])
{
	const char *key;

	ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ck_assert_int_gt(sd_bus_message_read_basic(reply, 's', &key), 0);
		add(text, "%s%s=", before, key);
		add_value(reply, text);
		add(text, "%s", after);
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

void told_read(sd_bus_message *reply, char text[TOLD_MAX])
{
	*text = '\0';
	add_dict(reply, "\n", "", text);
	add(text, "\n");
}

size_t told_read_all(sd_bus_message *reply, char texts[][TOLD_MAX], size_t max)
{
	size_t n = 0;

	ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "a{sv}"), 0);
	while (sd_bus_message_at_end(reply, 0) == 0) {
		ck_assert_uint_lt(n, max);
		told_read(reply, texts[n++]);
	}
	ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	return n;
}

long long told_number(const char *text, const char *key)
{
	char start[64];
	const char *at;

	snprintf(start, sizeof(start), "\n%s=", key);
	at = strstr(text, start);
	ck_assert_msg(at != NULL, "no %s in:%s", key, text);
	return strtoll(at + strlen(start), NULL, 10);
}
