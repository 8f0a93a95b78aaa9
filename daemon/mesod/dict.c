// SPDX-License-Identifier: GPL-2.0-only
/*
 * See dict.h.
 */
#include "dict.h"

#include <string.h>

#include "bus_errors.h"
#include "formulary.h"
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

static int read_text(sd_bus_message *message, const struct dict_entry *entry, sd_bus_error *error)
{
	const char *text;
	int r;

	r = sd_bus_message_read_basic(message, 's', &text);
	if (r >= 0)
		r = text_check(entry->key, text, entry->size, false, error);
	if (r >= 0)
		text_copy(entry->value, entry->size, text);
	return r;
}

static int add_word(const struct dict_entry *entry, const char *word, sd_bus_error *error)
{
	char *words = entry->value;
	const size_t used = strlen(words), length = strlen(word);
	int r;

	r = text_check(entry->key, word, entry->size, false, error);
	if (r < 0)
		return r;
	if (strchr(word, ' '))
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s: \"%.*s\" is no id", entry->key,
				SHOWN_MAX, word);
	if (formulary_has_token(words, word))
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s: \"%.*s\" is there twice",
				entry->key, SHOWN_MAX, word);
	if (used + (used > 0) + length >= entry->size)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"%s has too many words, limit=%zu bytes of them together",
				entry->key, entry->size - 1);
	if (used > 0)
		words[used] = ' ';
	memcpy(words + used + (used > 0), word, length + 1);
	return 0;
}

static int read_words(sd_bus_message *message, const struct dict_entry *entry, sd_bus_error *error)
{
	const char *word;
	int r;

	*(char *)entry->value = '\0';
	r = sd_bus_message_enter_container(message, 'a', "s");
	while (r >= 0 && (r = sd_bus_message_read_basic(message, 's', &word)) > 0)
		r = add_word(entry, word, error);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int add_sum(const struct dict_entry *entry, const char *key, uint64_t value,
		   sd_bus_error *error)
{
	struct dict_sums *sums = entry->value;
	int r;

	r = text_check(entry->key, key, DICT_SUMS_KEY_MAX, false, error);
	if (r < 0)
		return r;
	if (sums->n == DICT_SUMS_MAX)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s has too many keys, limit=%d",
				entry->key, DICT_SUMS_MAX);
	for (size_t i = 0; i < sums->n; i++)
		if (strcmp(sums->sums[i].key, key) == 0)
			return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s: %s is there twice",
					entry->key, key);
	TEXT_COPY(sums->sums[sums->n].key, key);
	sums->sums[sums->n++].value = value;
	return 0;
}

static int read_sums(sd_bus_message *message, const struct dict_entry *entry, sd_bus_error *error)
{
	const char *key;
	uint64_t value;
	int r;

	((struct dict_sums *)entry->value)->n = 0;
	r = sd_bus_message_enter_container(message, 'a', "{st}");
	while (r >= 0 && (r = sd_bus_message_read(message, "{st}", &key, &value)) > 0)
		r = add_sum(entry, key, value, error);
	return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_u32(sd_bus_message *message, const struct dict_entry *entry, sd_bus_error *error)
{
	uint32_t number;
	int r;

	r = sd_bus_message_read_basic(message, 'u', &number);
	if (r < 0)
		return r;
	if (number < entry->min || number > entry->max)
		return bus_fail(error, ERROR_INVALID_ARGUMENT,
				"%s=%u is out of range, limit=%u to %u", entry->key, number,
				entry->min, entry->max);
	*(uint32_t *)entry->value = number;
	return 0;
}

static int read_contents(sd_bus_message *message, const struct dict_entry *entry,
			 sd_bus_error *error)
{
	switch (entry->type) {
	case DICT_U32:
		return read_u32(message, entry, error);
	case DICT_BOOL:
		return sd_bus_message_read_basic(message, 'b', entry->value);
	case DICT_TIME:
		return sd_bus_message_read_basic(message, 'x', entry->value);
	case DICT_TEXT:
		return read_text(message, entry, error);
	case DICT_WORDS:
		return read_words(message, entry, error);
	case DICT_SUMS:
		return read_sums(message, entry, error);
	}
	return -EINVAL;
}

static int read_value(sd_bus_message *message, const struct dict_entry *entry, sd_bus_error *error)
{
	static const char *const types[] = {
		[DICT_U32] = "u",  [DICT_BOOL] = "b",   [DICT_TIME] = "x",
		[DICT_TEXT] = "s", [DICT_WORDS] = "as", [DICT_SUMS] = "a{st}",
	};
	const char *type = types[entry->type], *contents;
	char kind;
	int r;

	r = sd_bus_message_peek_type(message, &kind, &contents);
	if (r < 0)
		return r;
	if (kind != 'v' || strcmp(contents, type) != 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "%s has type '%s', '%s' is needed",
				entry->key, kind == 'v' ? contents : "?", type);
	r = sd_bus_message_enter_container(message, 'v', type);
	if (r >= 0)
		r = read_contents(message, entry, error);
	return r < 0 ? r : sd_bus_message_exit_container(message);
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
