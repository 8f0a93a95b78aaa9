// SPDX-License-Identifier: GPL-2.0-only
/*
 * See said.h.
 */
#include "said.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rules_fixture.h"

#define SAID_MAX 600

static void append_sums(sd_bus_message *call, char *pairs)
{
	char *key;

	ck_assert_int_ge(sd_bus_message_open_container(call, 'v', "a{st}"), 0);
	ck_assert_int_ge(sd_bus_message_open_container(call, 'a', "{st}"), 0);
	while ((key = strsep(&pairs, " ")) && *key)
		ck_assert_int_ge(sd_bus_message_append(call, "{st}", key,
						       strtoull(strsep(&pairs, " "), NULL, 10)),
				 0);
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
}

static void append_words(sd_bus_message *call, char *words)
{
	char *word;

	ck_assert_int_ge(sd_bus_message_open_container(call, 'v', "as"), 0);
	ck_assert_int_ge(sd_bus_message_open_container(call, 'a', "s"), 0);
	while ((word = strsep(&words, ",")))
		ck_assert_int_ge(sd_bus_message_append_basic(call, 's', word), 0);
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
}

static void append_said(sd_bus_message *call, char type, char *value)
{
	char today[16];
	const int64_t now = strncmp(value, "now", 3) == 0 ? (int64_t)time(NULL) : 0;
	const char *number = now ? value + 3 : value;

	switch (type) {
	case 'b':
		ck_assert_int_ge(sd_bus_message_append(call, "v", "b", *value == 'y'), 0);
		break;
	case 'u':
		ck_assert_int_ge(sd_bus_message_append(call, "v", "u",
						       (uint32_t)strtoull(value, NULL, 10)),
				 0);
		break;
	case 'x':
		ck_assert_int_ge(sd_bus_message_append(call, "v", "x",
						       now + (int64_t)strtoll(number, NULL, 10)),
				 0);
		break;
	case 'w':
		append_words(call, value);
		break;
	case 'm':
		append_sums(call, value);
		break;
	default:
		rules_date(0, today);
		ck_assert_int_ge(sd_bus_message_append(call, "v", "s",
						       strcmp(value, "TODAY") == 0 ? today : value),
				 0);
	}
}

void said_append(sd_bus_message *call, const char *said)
{
	char copy[SAID_MAX], *next = copy, *entry;

	snprintf(copy, sizeof(copy), "%s", said);
	ck_assert_int_ge(sd_bus_message_open_container(call, 'a', "{sv}"), 0);
	while ((entry = strsep(&next, "|")) && *entry) {
		const char *type = strsep(&entry, " "), *key = strsep(&entry, " ");

		ck_assert_int_ge(sd_bus_message_open_container(call, 'e', "sv"), 0);
		ck_assert_int_ge(sd_bus_message_append_basic(call, 's', key), 0);
		append_said(call, *type, entry ? entry : (char[]){ "" });
		ck_assert_int_ge(sd_bus_message_close_container(call), 0);
	}
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
}

static int64_t send(sd_bus *bus, sd_bus_message *call, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	uint64_t number = 0;
	int r = sd_bus_call(bus, call, 0, error, &reply);

	if (r >= 0)
		ck_assert_int_gt(sd_bus_message_read_basic(reply, 't', &number), 0);
	sd_bus_message_unref(reply);
	sd_bus_message_unref(call);
	return r < 0 ? r : (int64_t)number;
}

int64_t said_record(sd_bus *bus, const char *member, const char *patient, const char *said,
		    sd_bus_error *error)
{
	sd_bus_message *call = NULL;

	ck_assert_int_ge(
		sd_bus_message_new_method_call(bus, &call, "org.mesod1", ROOT, MANAGER, member), 0);
	ck_assert_int_ge(sd_bus_message_append_basic(call, 's', patient), 0);
	said_append(call, said);
	return send(bus, call, error);
}

int64_t said_correct(sd_bus *bus, const char *patient, uint64_t number, const char *said,
		     const char *reason, sd_bus_error *error)
{
	sd_bus_message *call = NULL;

	ck_assert_int_ge(sd_bus_message_new_method_call(bus, &call, "org.mesod1", ROOT, MANAGER,
							"CorrectDose"),
			 0);
	ck_assert_int_ge(sd_bus_message_append(call, "st", patient, number), 0);
	said_append(call, said);
	ck_assert_int_ge(sd_bus_message_append_basic(call, 's', reason), 0);
	return send(bus, call, error);
}

void said_assert_refused(int64_t r, sd_bus_error *error, const char *said, const char *name,
			 const char *part)
{
	ck_assert_msg(r < 0, "\"%s\" was not refused", said);
	ck_assert_msg(strcmp(error->name, name) == 0 && strstr(error->message, part),
		      "\"%s\": wanted %s with \"%s\", got %s: %s", said, name, part, error->name,
		      error->message);
	sd_bus_error_free(error);
}
