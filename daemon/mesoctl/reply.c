// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesod's answers as JSON values, which the commands print or pick from: one
 * reader for every signature.
 *
 * Never waits for the bus and never prints.
 */
#include <inttypes.h>
#include <string.h>

#include "mesoctl.h"

static json_t *hex_string(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%016" PRIx64, value);
	return json_string(text);
}

static json_t *unsigned_json(uint64_t value)
{
	/* jansson's integers are signed. */
	return value > INT64_MAX ? hex_string(value) : json_integer((json_int_t)value);
}

static json_t *read_bytes(sd_bus_message *m)
{
	const uint8_t *bytes;
	char *text;
	size_t size;
	json_t *value;

	if (sd_bus_message_read_array(m, 'y', (const void **)&bytes, &size) < 0)
		return NULL;
	text = malloc(2 * size + 1);
	if (!text)
		return NULL;
	text[0] = '\0';
	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", bytes[i]);
	value = json_string(text);
	free(text);
	return value;
}

static json_t *read_basic(sd_bus_message *m, char type)
{
	union {
		uint8_t y;
		int b;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
		int64_t x;
		uint64_t t;
		const char *s;
		double d;
	} value;

	if (sd_bus_message_read_basic(m, type, &value) < 0)
		return NULL;
	switch (type) {
	case 'y':
		return json_integer(value.y);
	case 'b':
		return json_boolean(value.b);
	case 'n':
		return json_integer(value.n);
	case 'q':
		return json_integer(value.q);
	case 'i':
		return json_integer(value.i);
	case 'u':
		return json_integer(value.u);
	case 'x':
		return json_integer(value.x);
	case 't':
		return unsigned_json(value.t);
	case 's':
	case 'o':
	case 'g':
		return json_string(value.s);
	default: /* descriptors and floating point are in no answer that is printed */
		return json_null();
	}
}

/* Identities are no numbers: they are compared, and all 64 bits of them. */
static bool is_identity(const char *key)
{
	size_t length = strlen(key);

	return strcmp(key, "epoch") == 0 || (length > 3 && strcmp(key + length - 3, "_id") == 0);
}

static json_t *read_object(sd_bus_message *m, const char *contents)
{
	json_t *object = json_object(), *value;
	const char *key;
	char entry[64];
	size_t length = strlen(contents);
	int r;

	/* "{sv}": the entry's own contents are what stands between the braces. */
	if (length < 4 || length - 2 >= sizeof(entry))
		goto fail;
	memcpy(entry, contents + 1, length - 2);
	entry[length - 2] = '\0';
	if (sd_bus_message_enter_container(m, 'a', contents) < 0)
		goto fail;
	while ((r = sd_bus_message_enter_container(m, 'e', entry)) > 0) {
		if (sd_bus_message_read_basic(m, entry[0], &key) < 0)
			goto fail;
		value = ctl_read_json(m);
		if (!value)
			goto fail;
		if (json_is_integer(value) && is_identity(key)) {
			uint64_t number = (uint64_t)json_integer_value(value);

			json_decref(value);
			value = hex_string(number);
		}
		if (json_object_set_new(object, key, value) < 0 ||
		    sd_bus_message_exit_container(m) < 0)
			goto fail;
	}
	if (r == 0 && sd_bus_message_exit_container(m) >= 0)
		return object;
fail:
	json_decref(object);
	return NULL;
}

static json_t *read_sequence(sd_bus_message *m, char type, const char *contents)
{
	json_t *array = json_array(), *value;
	int end;

	if (sd_bus_message_enter_container(m, type, contents) < 0)
		goto fail;
	while ((end = sd_bus_message_at_end(m, false)) == 0) {
		value = ctl_read_json(m);
		if (!value || json_array_append_new(array, value) < 0)
			goto fail;
	}
	if (end > 0 && sd_bus_message_exit_container(m) >= 0)
		return array;
fail:
	json_decref(array);
	return NULL;
}

json_t *ctl_read_json(sd_bus_message *m)
{
	const char *contents;
	json_t *value;
	char type;

	if (sd_bus_message_peek_type(m, &type, &contents) <= 0)
		return NULL;
	switch (type) {
	case SD_BUS_TYPE_VARIANT:
		if (sd_bus_message_enter_container(m, 'v', contents) < 0)
			return NULL;
		value = ctl_read_json(m);
		if (value && sd_bus_message_exit_container(m) < 0) {
			json_decref(value);
			return NULL;
		}
		return value;
	case SD_BUS_TYPE_ARRAY:
		if (strcmp(contents, "y") == 0)
			return read_bytes(m);
		return contents[0] == '{' ? read_object(m, contents)
					  : read_sequence(m, 'a', contents);
	case SD_BUS_TYPE_STRUCT:
		return read_sequence(m, 'r', contents);
	default:
		return read_basic(m, type);
	}
}

const char *ctl_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

int64_t ctl_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

bool ctl_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* "rule=<id> [what=<substance>] limit=<q> spent=<q> asked=<q> allowed=<q> when=<time>: <sentence>" */
static const char *const refusal_fields[] = { "rule",  "what",    "limit", "spent",
					      "asked", "allowed", "when" };

static const char *find_field(const char *message, size_t which)
{
	char needle[16];

	snprintf(needle, sizeof(needle), "%s%s=", which ? " " : "", refusal_fields[which]);
	message = strstr(message, needle);
	return message ? message + strlen(needle) : NULL;
}

bool ctl_refusal_field(const char *message, const char *name, char *ret, size_t size)
{
	const size_t count = ARRAY_LENGTH(refusal_fields);
	const char *begin = NULL, *end = NULL;

	if (strncmp(message, "rule=", 5) != 0)
		return false;
	for (size_t i = 0; i < count && !begin; i++) {
		if (strcmp(refusal_fields[i], name) != 0)
			continue;
		begin = find_field(message, i);
		if (!begin)
			return false;
		for (size_t next = i + 1; next < count && !end; next++) {
			end = find_field(begin, next);
			if (end)
				end -= strlen(refusal_fields[next]) + 2;
		}
		if (!end)
			end = strstr(begin, ": ");
	}
	if (!begin || !end || (size_t)(end - begin) >= size)
		return false;
	memcpy(ret, begin, (size_t)(end - begin));
	ret[end - begin] = '\0';
	return true;
}

const char *ctl_refusal_sentence(const char *message)
{
	const char *when = strncmp(message, "rule=", 5) == 0
				   ? find_field(message, ARRAY_LENGTH(refusal_fields) - 1)
				   : NULL;
	const char *sentence = when ? strstr(when, ": ") : NULL;

	return sentence ? sentence + 2 : message;
}
