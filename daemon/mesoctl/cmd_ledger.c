// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl ledger: what has been recorded, and whether the chain holds.
 */
#include <inttypes.h>
#include <string.h>

#include "mesoctl.h"

#define PAGE 500 /* records a call; mesod gives at most 1000 */

struct ledger_list {
	uint32_t after;
	uint32_t max;
};

/* What is in every record stands in front; the rest as key=value, in mesod's order. */
static void print_record(const json_t *record)
{
	static const char *const head[] = { "number", "time", "type", "hash" };
	char text[INJ_TEXT_MAX];
	const char *key;
	json_t *value;

	printf("%6" PRId64 "  %s  %-12s", ctl_number(record, "number"),
	       ctl_format_when(ctl_number(record, "time"), text), ctl_text(record, "type"));
	json_object_foreach((json_t *)record, key, value) {
		bool in_head = false;

		for (size_t i = 0; i < ARRAY_LENGTH(head); i++)
			in_head = in_head || strcmp(head[i], key) == 0;
		if (in_head)
			continue;
		if (json_is_integer(value))
			printf("  %s=%s", key,
			       ctl_format_field(key, json_integer_value(value), text));
		else if (json_is_string(value))
			printf("  %s=%s", key, json_string_value(value));
		else if (json_is_boolean(value))
			printf("  %s=%s", key, json_is_true(value) ? "yes" : "no");
	}
	printf("\n");
}

static int ledger_list(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "after", CTL_NUMBER, 0, false, offsetof(struct ledger_list, after), "N",
		  "only records after number N" },
		{ "max", CTL_NUMBER, 0, false, offsetof(struct ledger_list, max), "N",
		  "at most so many" },
	};
	_cleanup_(ctl_json_decrefp) json_t *all = json_array();
	struct ledger_list o = { .max = UINT32_MAX };
	char **arguments;
	const json_t *record;
	uint64_t after;
	size_t i;
	int count, code;

	code = ctl_options(ctl, argc, argv, "ledger list [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" belongs to no option", arguments[0]);
	after = o.after;
	while (code == CTL_OK && o.max > 0) {
		_cleanup_(ctl_json_decrefp) json_t *page = NULL;
		uint32_t wanted = o.max < PAGE ? o.max : PAGE;
		size_t got;

		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "ListLedger", &page, "tu",
				     after, wanted);
		if (code != CTL_OK)
			return code;
		got = json_array_size(page);
		json_array_extend(all, page);
		o.max -= (uint32_t)got < o.max ? (uint32_t)got : o.max;
		if (got < wanted)
			break;
		after = (uint64_t)ctl_number(json_array_get(page, got - 1), "number");
	}
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		return ctl_print_json(all);
	json_array_foreach(all, i, record)
		print_record(record);
	return CTL_OK;
}

static int ledger_verify(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *answer = NULL, *object = NULL;
	char **arguments;
	bool ok;
	int count, code;

	code = ctl_options(ctl, argc, argv, "ledger verify", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "ledger verify takes no arguments");
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "VerifyLedger", &answer, "");
	if (code != CTL_OK)
		return code;
	object = json_pack("{s:O, s:O, s:O, s:O}", "ok", json_array_get(answer, 0), "records",
			   json_array_get(answer, 1), "head", json_array_get(answer, 2), "problem",
			   json_array_get(answer, 3));
	if (!object)
		return ctl_fail(ctl, CTL_FAILED,
				"mesod's answer makes no sense: is it of this version?");
	ok = ctl_true(object, "ok");
	if (ctl->json)
		ctl_print_json(object);
	else if (ok)
		printf("the chain holds: %" PRId64 " records, head %s\n",
		       ctl_number(object, "records"), ctl_text(object, "head"));
	else
		fprintf(stderr, "mesoctl: the chain does NOT hold: %s\n",
			ctl_text(object, "problem"));
	return ok ? CTL_OK : CTL_LEDGER;
}

/* mesod does it itself, since nobody may have the ledger open meanwhile: this only says how. */
static int ledger_restore(struct ctl *ctl, int argc, char **argv)
{
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "ledger restore BACKUP", NULL, 0, NULL, &arguments,
			   &count);
	if (code == CTL_OK && count != 1)
		code = ctl_fail(ctl, CTL_USAGE, "which backup? Name the copy of ledger.db");
	if (code != CTL_OK)
		return code;
	return ctl_fail(ctl, CTL_FAILED,
			"nothing was restored: a ledger is restored while mesod does not run. As "
			"root: systemctl stop mesod; mesod --restore '%s' --reason 'why'; "
			"systemctl start mesod",
			arguments[0]);
}

int cmd_ledger(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "list", ledger_list, "[--after N] [--max N]", "the records, oldest first" },
		{ "verify", ledger_verify, "",
		  "does the chain of hashes hold? (exit status 8 if not)" },
		{ "export", ctl_ledger_export, "[--format ndjson|csv] [--after N] [--output FILE]",
		  "every record, for other programs; no names are in it" },
		{ "restore", ledger_restore, "BACKUP", "says how a backup is put in its place" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl ledger", commands,
			    ARRAY_LENGTH(commands));
}
