// SPDX-License-Identifier: GPL-2.0-only
/*
 * See pedal_config.h.
 */
#include "pedal_config.h"

#include <errno.h>
#include <injector.h>
#include <libevdev/libevdev.h>
#include <string.h>

#include "macros.h"

static int take_text(const struct conf_line *line, char *to, size_t size, char *error)
{
	if (!*line->text || strlen(line->text) >= size)
		return conf_refuse(line, error, -EINVAL,
				   "%s = %.100s: expected a text of 1 to %zu bytes", line->name,
				   line->text, size - 1);
	text_copy(to, size, line->text);
	return 0;
}

static int take_id(const struct conf_line *line, char to[static 5], char *error)
{
	if (strlen(line->text) != 4 || strspn(line->text, "0123456789abcdefABCDEF") != 4)
		return conf_refuse(line, error, -EINVAL,
				   "%s = %.100s: expected four hexadecimal digits, as lsusb "
				   "shows them, as in \"1a86\"",
				   line->name, line->text);
	for (size_t i = 0; i < 4; i++)
		to[i] = (char)(line->text[i] | (line->text[i] >= 'A' ? 0x20 : 0));
	return 0;
}

static int take_key(const struct conf_line *line, struct pedal_config *config, char *error)
{
	const int code = libevdev_event_code_from_name(EV_KEY, line->text);

	if (code < 0)
		return conf_refuse(line, error, -EINVAL,
				   "%s = %.100s: expected the name of a key or button, as in "
				   "\"KEY_B\"",
				   line->name, line->text);
	config->key = (unsigned int)code;
	return take_text(line, config->key_name, sizeof(config->key_name), error);
}

static int take_debounce(const struct conf_line *line, struct pedal_config *config, char *error)
{
	char reason[INJ_TEXT_MAX];
	int64_t ms;
	int r;

	r = inj_parse(INJ_TIME, line->text, &ms, reason);
	if (r < 0)
		return conf_refuse(line, error, r, "%s: %s", line->name, reason);
	if (ms < PEDAL_DEBOUNCE_LEAST_MS || ms > PEDAL_DEBOUNCE_LONGEST_MS)
		return conf_refuse(line, error, -ERANGE, "%s = %.100s: it must be %d ms to %d ms",
				   line->name, line->text, PEDAL_DEBOUNCE_LEAST_MS,
				   PEDAL_DEBOUNCE_LONGEST_MS);
	config->debounce_ms = (uint32_t)ms;
	return 0;
}

static int take(const struct conf_line *line, void *userdata, char *error)
{
	struct pedal_config *config = userdata;

	config->wanted = true;
	if (strcmp(line->name, "name") == 0)
		return take_text(line, config->name, sizeof(config->name), error);
	if (strcmp(line->name, "uniq") == 0)
		return take_text(line, config->uniq, sizeof(config->uniq), error);
	if (strcmp(line->name, "vendor") == 0)
		return take_id(line, config->vendor, error);
	if (strcmp(line->name, "product") == 0)
		return take_id(line, config->product, error);
	if (strcmp(line->name, "key") == 0)
		return take_key(line, config, error);
	if (strcmp(line->name, "debounce") == 0)
		return take_debounce(line, config, error);
	if (strcmp(line->name, "gun") == 0)
		return take_text(line, config->gun, sizeof(config->gun), error);
	return conf_refuse(line, error, -EINVAL,
			   "\"%.60s\" is nothing of a pedal: name, uniq, vendor, product, key, "
			   "debounce and gun are",
			   line->name);
}

int pedal_config_load(const char *path, struct pedal_config *ret, char *error)
{
	struct pedal_config config = { .debounce_ms = PEDAL_DEBOUNCE_MS };
	int r;

	r = conf_read(path, CONF_PEDAL, take, &config, error);
	if (r < 0)
		return r;
	if (config.wanted && !*config.key_name)
		return conf_complain(error, -EINVAL,
				     "%s: [pedal] has no key: expected which key of the pedal "
				     "fires, as in \"key = KEY_B\"",
				     path);
	/* Any keyboard has such a key, and would be taken away from whoever types. */
	if (config.wanted && !*config.name && !*config.uniq && !*config.vendor)
		return conf_complain(error, -EINVAL,
				     "%s: [pedal] does not say which device: expected name, uniq "
				     "or vendor",
				     path);
	*ret = config;
	return 0;
}

static bool agrees(const char *wanted, const char *is)
{
	return !*wanted || strcmp(wanted, is ? is : "") == 0;
}

bool pedal_config_matches(const struct pedal_config *config, const struct pedal_device *device)
{
	return config->wanted && agrees(config->name, device->name) &&
	       agrees(config->uniq, device->uniq) && agrees(config->vendor, device->vendor) &&
	       agrees(config->product, device->product);
}
