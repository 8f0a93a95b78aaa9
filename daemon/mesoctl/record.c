// SPDX-License-Identifier: GPL-2.0-only
/*
 * What commands that record something about a patient have in common: the patient
 * they name, dictionaries that are filled option by option, and the number that
 * comes back.
 */
#include <string.h>

#include "mesoctl.h"

#define WORD_MAX 160

int ctl_one_patient(struct ctl *ctl, int code, int count)
{
	if (code == CTL_OK && count != 1)
		return ctl_fail(ctl, CTL_USAGE,
				"which patient? Name one by id or by the clinic's reference");
	return code;
}

int ctl_begin_dict(struct ctl *ctl, const char *method, const char *patient, sd_bus_message **ret)
{
	int r, code = ctl_message(ctl, MESOD_PATH, MESOD_MANAGER, method, ret);

	if (code != CTL_OK)
		return code;
	r = sd_bus_message_append(*ret, "s", patient);
	if (r >= 0)
		r = sd_bus_message_open_container(*ret, 'a', "{sv}");
	return r < 0 ? ctl_not_told(ctl) : CTL_OK;
}

int ctl_not_told(struct ctl *ctl)
{
	return ctl_fail(ctl, CTL_USAGE, "mesod cannot be told that: is it valid UTF-8 text?");
}

int ctl_append_bool(sd_bus_message *m, const char *key, bool value)
{
	return sd_bus_message_append(m, "{sv}", key, "b", (int)value);
}

int ctl_append_words(sd_bus_message *m, const char *key, const char *list)
{
	char word[WORD_MAX];
	int r;

	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "as");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	while (r >= 0 && *(list += strspn(list, ", "))) {
		const size_t length = strcspn(list, ", ");

		/* One that is cut off is as unknown to mesod as it was before. */
		snprintf(word, sizeof(word), "%.*s", (int)length, list);
		r = sd_bus_message_append_basic(m, 's', word);
		list += length;
	}
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

int ctl_record(struct ctl *ctl, sd_bus_message *call, const char *what)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_(ctl_json_decrefp) json_t *number = NULL, *object = NULL;
	int code = ctl_send(ctl, call, &reply);

	if (code != CTL_OK)
		return code;
	number = ctl_read_json(reply);
	if (!ctl->json) {
		printf("recorded: %s %" JSON_INTEGER_FORMAT "\n", what, json_integer_value(number));
		return CTL_OK;
	}
	object = json_pack("{s:O}", "number", number);
	return ctl_print_json(object);
}
