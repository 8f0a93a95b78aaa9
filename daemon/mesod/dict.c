// SPDX-License-Identifier: GPL-2.0-only
/*
 * See dict.h.
 */
#include "dict.h"

#include <string.h>

#include "bus_errors.h"
#include "macros.h"

#define SHOWN_MAX 64 /* of a client's text in an error: enough to recognise it */

int text_check(const char *name, const char *text, size_t size, bool may_be_empty,
	       sd_bus_error *error)
{
	const size_t length = strlen(text);

	if (!length && !may_be_empty)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s is empty", name);
	if (length >= size)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s has %zu bytes, limit=%zu", name,
				length, size - 1);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return bus_fail(error, ERROR_INVALID_ARGUMENT,
					"%s has a control character at byte %zu", name, i);
	return 0;
}

static int read_value(sd_bus_message *message, const struct dict_entry *entry, sd_bus_error *error)
{
	const char type[2] = { entry->type, '\0' };
	const char *text, *contents;
	uint32_t number;
	char kind;
	int r;

	r = sd_bus_message_peek_type(message, &kind, &contents);
	if (r < 0)
		return r;
	if (kind != 'v' || strcmp(contents, type) != 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s has type '%s', '%s' is needed",
				entry->key, kind == 'v' ? contents : "?", type);
	if (entry->type == 's') {
		r = sd_bus_message_read(message, "v", "s", &text);
		if (r < 0)
			return r;
		r = text_check(entry->key, text, entry->size, false, error);
		if (r < 0)
			return r;
		text_copy(entry->value, entry->size, text);
		return 0;
	}
	if (entry->type == 'b')
		return sd_bus_message_read(message, "v", "b", (int *)entry->value);
	r = sd_bus_message_read(message, "v", "u", &number);
	if (r < 0)
		return r;
	if (number < entry->min || number > entry->max)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"%s=%u is out of range, limit=%u to %u", entry->key, number,
				entry->min, entry->max);
	*(uint32_t *)entry->value = number;
	return 0;
}

static int read_entry(sd_bus_message *message, const struct dict_entry *entries, size_t n_entries,
		      bool seen[static DICT_ENTRIES_MAX], sd_bus_error *error)
{
	const char *key;
	int r;

	r = sd_bus_message_read_basic(message, 's', &key);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_entries; i++) {
		if (strcmp(entries[i].key, key) != 0)
			continue;
		if (seen[i])
			return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s is there twice", key);
		seen[i] = true;
		return read_value(message, &entries[i], error);
	}
	return bus_fail(error, ERROR_INVALID_ARGUMENT, "unknown key \"%.*s\"", SHOWN_MAX, key);
}

int dict_read(sd_bus_message *message, const struct dict_entry *entries, size_t n_entries,
	      sd_bus_error *error)
{
	bool seen[DICT_ENTRIES_MAX] = { false };
	int r;

	r = sd_bus_message_enter_container(message, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
		r = read_entry(message, entries, n_entries, seen, error);
		if (r < 0)
			return r;
		r = sd_bus_message_exit_container(message);
	}
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed dictionary");
	for (size_t i = 0; i < n_entries; i++)
		if (entries[i].required && !seen[i])
			return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s is missing",
					entries[i].key);
	return 0;
}
