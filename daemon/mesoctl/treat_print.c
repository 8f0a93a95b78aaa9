// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words of a treatment: one line for each thing that happens, as text or as
 * JSON, at once.
 *
 * The telemetry line is rewritten in place on a terminal; every other line ends
 * it first.
 */
#include <stdarg.h>
#include <inttypes.h>
#include <string.h>

#include "treat.h"

void treat_end_line(struct treat *t)
{
	if (t->line_open)
		printf("\n");
	t->line_open = false;
}

static void print_event(const char *event, const json_t *what)
{
	_cleanup_(ctl_json_decrefp) json_t *line = json_pack("{s:s}", "event", event);

	json_object_update_missing(line, (json_t *)what);
	ctl_print_json(line);
}

void treat_say(struct treat *t, const char *event, const char *format, ...)
{
	_cleanup_(ctl_json_decrefp) json_t *text = NULL;
	char sentence[512];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	if (t->ctl->json) {
		text = json_pack("{s:s}", "text", sentence);
		print_event(event, text);
		return;
	}
	treat_end_line(t);
	printf("%-9s %s\n", event, sentence);
	fflush(stdout);
}

void treat_print_verdicts(struct treat *t, bool allowed, json_t *verdicts)
{
	_cleanup_(ctl_json_decrefp) json_t *answer = NULL;

	if (t->ctl->json) {
		answer = json_pack("{s:b, s:O}", "allowed", allowed, "verdicts", verdicts);
		print_event("check", answer);
		return;
	}
	printf("%-9s %s\n", "check", ctl_answer(allowed, verdicts));
	ctl_print_verdicts(verdicts, false);
	fflush(stdout);
}

void treat_print_shot(struct treat *t, const json_t *shot)
{
	char delivered[INJ_TEXT_MAX], depth[INJ_TEXT_MAX], peak[INJ_TEXT_MAX];
	char session[INJ_TEXT_MAX], left[INJ_TEXT_MAX];
	const char *result = ctl_text(shot, "result");

	if (t->ctl->json) {
		print_event(t->phase == TREAT_PRIMING ? "prime-shot" : "shot", shot);
		return;
	}
	treat_end_line(t);
	ctl_format_field("nl", ctl_number(shot, "delivered_nl"), delivered);
	ctl_format_field("pa", ctl_number(shot, "peak_pa"), peak);
	if (t->phase == TREAT_PRIMING) {
		printf("%-9s %s driven through the needle, peak %s\n", "prime", delivered, peak);
	} else {
		printf("%-9s %3u  %-10s depth %-8s peak %-11s session %-10s left %s (%" PRId64
		       " shots)%s%s\n",
		       "shot", t->shots, delivered,
		       ctl_format_field("um", ctl_number(shot, "depth_um"), depth), peak,
		       ctl_format_field("nl", ctl_number(shot, "session_nl"), session),
		       ctl_format_field("nl", ctl_number(shot, "left_nl"), left),
		       ctl_number(shot, "shots_left"), strcmp(result, "complete") == 0 ? "" : "  ",
		       strcmp(result, "complete") == 0 ? "" : result);
	}
	fflush(stdout);
}

void treat_print_telemetry(struct treat *t, const json_t *status)
{
	bool terminal = isatty(STDOUT_FILENO);
	char line[512];

	if (!t->o->telemetry && !terminal)
		return;
	if (t->ctl->json) {
		if (t->o->telemetry)
			print_event("telemetry", status);
		return;
	}
	ctl_format_telemetry(status, line, sizeof(line));
	if (terminal) {
		/* Back to the margin, and clear what a longer line left. */
		printf("\r%s\033[K", line);
		t->line_open = true;
	} else {
		printf("%-9s %s\n", "live", line);
	}
	fflush(stdout);
}

void treat_print_limits(struct treat *t, const json_t *limits)
{
	_cleanup_(ctl_json_decrefp) json_t *object = NULL;
	char left[INJ_TEXT_MAX], limit[INJ_TEXT_MAX];
	const json_t *verdict;
	size_t i;

	if (json_array_size(limits) == 0)
		return;
	if (t->ctl->json) {
		object = json_pack("{s:O}", "limits", (json_t *)limits);
		print_event("limits", object);
		return;
	}
	treat_end_line(t);
	json_array_foreach(limits, i, verdict) {
		const char *unit = ctl_text(verdict, "unit");

		ctl_format_unit(unit, json_object_get(verdict, "limit"), limit);
		/* What cannot be used up is not "left". */
		if (ctl_number(verdict, "spent") == 0 || strcmp(limit, "none") == 0)
			continue;
		printf("%-9s %-19s %s of %s\n", "left", ctl_text(verdict, "rule"),
		       ctl_format_unit(unit, json_object_get(verdict, "allowed"), left), limit);
	}
	fflush(stdout);
}

void treat_print_summary(struct treat *t, const json_t *summary)
{
	char text[INJ_TEXT_MAX];
	int64_t incidents = ctl_number(summary, "incidents");

	if (t->ctl->json) {
		print_event("summary", summary);
		return;
	}
	treat_end_line(t);
	printf("session closed\n");
	printf("  %-22s %s\n", "patient", ctl_text(summary, "patient"));
	printf("  %-22s %s\n", "operator", ctl_text(summary, "operator"));
	printf("  %-22s %s\n", "gun", ctl_text(t->gun, "Serial"));
	printf("  %-22s %s\n", "opened", ctl_format_when(ctl_number(summary, "opened"), text));
	printf("  %-22s %" PRId64 "\n", "shots", ctl_number(summary, "shots"));
	printf("  %-22s %s\n", "delivered",
	       ctl_format_field("nl", ctl_number(summary, "delivered_nl"), text));
	printf("  %-22s %s\n", "primed, not a dose",
	       ctl_format_field("nl", ctl_number(summary, "primed_nl"), text));
	printf("  %-22s %s\n", "still reserved",
	       ctl_format_field("nl", ctl_number(summary, "outstanding_nl"), text));
	printf("  %-22s %" PRId64 "%s\n", "incidents", incidents,
	       incidents ? "  (see `mesoctl ledger list`)" : "");
	fflush(stdout);
}
