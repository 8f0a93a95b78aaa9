// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl clock: whether mesod believes the clock, and an administrator's word
 * that it is right.  Never sets a clock.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "mesoctl.h"

const char *ctl_clock_sentence(const json_t *manager, char *buf, size_t size)
{
	const char *state = ctl_text(manager, "ClockState");
	int64_t off_s = ctl_number(manager, "ClockOffS");

	if (strcmp(state, "ok") == 0)
		snprintf(buf, size, "ok");
	else if (strcmp(state, "stepped") == 0)
		snprintf(buf, size, "it was set %s by %" PRId64 " s since this machine started",
			 off_s < 0 ? "back" : "forward", off_s < 0 ? -off_s : off_s);
	else if (strcmp(state, "behind") == 0)
		snprintf(buf, size, "it is %" PRId64 " s before what the ledger has seen", -off_s);
	else
		snprintf(buf, size, "mesod could not compare it with the ledger");
	return buf;
}

static int clock_show(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *manager = NULL, *object = NULL;
	char **arguments, sentence[128], text[INJ_TEXT_MAX];
	int count, code;
	bool ok;

	code = ctl_options(ctl, argc, argv, "clock show", NULL, 0, NULL, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "clock show takes no arguments");
	if (code == CTL_OK)
		code = ctl_properties(ctl, MESOD_PATH, MESOD_MANAGER, &manager);
	if (code != CTL_OK)
		return code;
	ok = strcmp(ctl_text(manager, "ClockState"), "ok") == 0;
	if (ctl->json) {
		object = json_pack("{s:s, s:I, s:I, s:I}", "state", ctl_text(manager, "ClockState"),
				   "off_s", (json_int_t)ctl_number(manager, "ClockOffS"), "now_s",
				   (json_int_t)ctl_number(manager, "ClockNowS"), "mark_s",
				   (json_int_t)ctl_number(manager, "ClockMarkS"));
		ctl_print_json(object);
		return ok ? CTL_OK : CTL_INTERLOCK;
	}
	ctl_clock_sentence(manager, sentence, sizeof(sentence));
	printf("%-14s %s\n", "clock", ctl_format_when(ctl_number(manager, "ClockNowS"), text));
	printf("%-14s %s\n", "newest seen",
	       ctl_format_when(ctl_number(manager, "ClockMarkS"), text));
	printf("%-14s %s\n", "state", sentence);
	if (!ok)
		printf("nothing arms: set the clock right; if that is not enough, have root say what time it is "
		       "with `mesoctl clock confirm`\n");
	return ok ? CTL_OK : CTL_INTERLOCK;
}

/* The local time as people write it; false if it is none. */
static bool parse_time(const char *text, int64_t *ret_s)
{
	static const char *const formats[] = { "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" };

	for (size_t i = 0; i < ARRAY_LENGTH(formats); i++) {
		struct tm tm = { .tm_isdst = -1 }, said;
		const char *end = strptime(text, formats[i], &tm);
		time_t when;

		if (!end || *end)
			continue;
		said = tm;
		when = mktime(&tm);
		/* The thirtieth of February, or an hour that a change of time leaves out, is no time. */
		if (when == (time_t)-1 || tm.tm_mday != said.tm_mday || tm.tm_hour != said.tm_hour)
			return false;
		*ret_s = when;
		return true;
	}
	return false;
}

struct clock_confirm {
	const char *reason;
};

static int clock_confirm(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "reason", CTL_TEXT, 0, true, offsetof(struct clock_confirm, reason), "TEXT",
		  "how you know; recorded with your account" },
	};
	struct clock_confirm o = { 0 };
	char **arguments;
	int64_t now_s = 0;
	int count, code;

	code = ctl_options(ctl, argc, argv, "clock confirm TIME --reason TEXT", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && (count != 1 || !parse_time(arguments[0], &now_s)))
		code = ctl_fail(
			ctl, CTL_USAGE,
			"what time is it? Say it as in '2026-11-25 14:05', from another clock");
	if (code == CTL_OK)
		code = ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "ConfirmClock", NULL, "xs", now_s,
				o.reason);
	if (code == CTL_OK && ctl->json)
		return ctl_print_json(json_true());
	if (code == CTL_OK)
		printf("the clock is confirmed, and guns may be armed again\n");
	return code;
}

int cmd_clock(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "show", clock_show, "", "does mesod believe the clock? (exit status 7 if not)" },
		{ "confirm", clock_confirm, "TIME --reason TEXT",
		  "say what time it is, and that the clock is right; root only" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl clock", commands,
			    ARRAY_LENGTH(commands));
}
