// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl reaction, report: how the skin took it, and all there is about one
 * patient on a page.
 */
#include <inttypes.h>
#include <string.h>

#include "mesoctl.h"

/* ---- reaction ------------------------------------------------------------------------------- */

struct reaction {
	const char *kind;
	const char *severity;
	const char *note;
	uint32_t session;
};

static int reaction_add(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "kind", CTL_TEXT, 0, true, offsetof(struct reaction, kind), "KIND",
		  "edema, erythema, bruising, swelling, itch, pain, hyperesthesia, nodules, rash, "
		  "pigmentation, nausea, infection or scar" },
		{ "severity", CTL_TEXT, 0, true, offsetof(struct reaction, severity), "HOW",
		  "mild, moderate or severe" },
		{ "session", CTL_NUMBER, 0, false, offsetof(struct reaction, session), "N",
		  "to which, by its number in `mesoctl report`; the newest if it is not said" },
		{ "note", CTL_TEXT, 0, false, offsetof(struct reaction, note), "TEXT",
		  "what else; name nobody in it" },
	};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	struct reaction o = { 0 };
	char **arguments;
	int count, code, r;

	code = ctl_options(ctl, argc, argv, "reaction add PATIENT [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	code = ctl_one_patient(ctl, code, count);
	if (code == CTL_OK)
		code = ctl_begin_dict(ctl, "RecordReaction", arguments[0], &call);
	if (code != CTL_OK)
		return code;
	r = ctl_append_text(call, "kind", o.kind);
	if (r >= 0)
		r = ctl_append_text(call, "severity", o.severity);
	if (r >= 0 && o.session)
		r = sd_bus_message_append(call, "{sv}", "session", "x", (int64_t)o.session);
	if (r >= 0 && o.note)
		r = ctl_append_text(call, "note", o.note);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? ctl_not_told(ctl) : ctl_record(ctl, call, "reaction");
}

int cmd_reaction(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "add", reaction_add, "PATIENT --kind KIND --severity HOW", "to a session" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl reaction", commands,
			    ARRAY_LENGTH(commands));
}

/* ---- report ----------------------------------------------------------------------------------- */

static void print_line(const char *what, const char *text)
{
	printf("  %-22s %s\n", what, *text ? text : "-");
}

static void print_patient(const json_t *p)
{
	char text[INJ_TEXT_MAX];

	printf("patient %s\n", ctl_text(p, "id"));
	print_line("reference", ctl_text(p, "reference"));
	print_line("name", ctl_text(p, "name"));
	print_line("date of birth", ctl_text(p, "birth_date"));
	print_line("body mass", ctl_number(p, "mass_g")
					? ctl_format_field("mass_g", ctl_number(p, "mass_g"), text)
					: "not known");
	print_line("last treatment", ctl_text(p, "last_treatment"));
	print_line("in the last 24 h",
		   ctl_format_field("nl", ctl_number(p, "delivered_24h_nl"), text));
	print_line("still reserved", ctl_format_field("nl", ctl_number(p, "outstanding_nl"), text));
	if (ctl_true(p, "blocked"))
		print_line("BLOCKED",
			   "the ledger was restored: see `mesoctl patient review --help`");
}

static void print_assessment(const json_t *p)
{
	char text[INJ_TEXT_MAX], words[400];

	if (!json_object_get(p, "assessed")) {
		printf("not assessed yet: `mesoctl assess`\n");
		return;
	}
	printf("assessed %s\n", ctl_format_when(ctl_number(p, "assessed"), text));
	print_line("consent", ctl_true(p, "consent") ? "yes" : "NO");
	print_line("treatment elsewhere", ctl_true(p, "elsewhere_asked") ? "asked" : "NOT ASKED");
	print_line("allergies",
		   ctl_join(json_object_get(p, "allergies"), "none known", words, sizeof(words)));
	print_line("conditions",
		   ctl_join(json_object_get(p, "conditions"), "none known", words, sizeof(words)));
}

static void print_course(const json_t *p)
{
	char text[INJ_TEXT_MAX];

	if (!json_object_get(p, "course"))
		return;
	printf("course %" PRId64 ", since %s\n", ctl_number(p, "course"),
	       ctl_format_when(ctl_number(p, "course_started"), text));
	snprintf(text, sizeof(text), "%" PRId64, ctl_number(p, "course_sessions"));
	print_line("sessions planned", text);
	print_line("indication", ctl_text(p, "indication"));
}

static void print_session(const json_t *s)
{
	char when[INJ_TEXT_MAX], volume[INJ_TEXT_MAX], reserved[INJ_TEXT_MAX];
	const json_t *reaction;
	size_t i;

	printf("  %-6" PRId64 " %s  gun %s, %s, %" PRId64 " shots, %s%s%s%s\n",
	       ctl_number(s, "number"), ctl_format_when(ctl_number(s, "opened"), when),
	       ctl_text(s, "gun"),
	       *ctl_text(s, "preparation") ? ctl_text(s, "preparation") : "nothing loaded",
	       ctl_number(s, "shots"),
	       ctl_format_field("nl", ctl_number(s, "delivered_nl"), volume),
	       ctl_number(s, "outstanding_nl") ? ", STILL RESERVED " : "",
	       ctl_number(s, "outstanding_nl")
		       ? ctl_format_field("nl", ctl_number(s, "outstanding_nl"), reserved)
		       : "",
	       ctl_true(s, "open") ? ", open" : "");
	if (ctl_number(s, "incidents"))
		printf("         %" PRId64 " incidents (see `mesoctl ledger list`)\n",
		       ctl_number(s, "incidents"));
	json_array_foreach(json_object_get(s, "reactions"), i, reaction)
		printf("         reaction, %s: %s%s%s\n", ctl_text(reaction, "severity"),
		       ctl_text(reaction, "kind"), *ctl_text(reaction, "note") ? ", " : "",
		       ctl_text(reaction, "note"));
}

int cmd_report(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *patient = NULL, *sessions = NULL, *doses = NULL;
	_cleanup_(ctl_json_decrefp) json_t *all = NULL;
	const json_t *each;
	char **arguments;
	int count, code;
	size_t i;

	code = ctl_options(ctl, argc, argv, "report PATIENT", NULL, 0, NULL, &arguments, &count);
	code = ctl_one_patient(ctl, code, count);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "GetPatient", &patient, "s",
				     arguments[0]);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "ListSessions", &sessions, "s",
				     arguments[0]);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "ListDoses", &doses, "s",
				     arguments[0]);
	if (code != CTL_OK)
		return code;
	ctl_redact(ctl, patient);
	if (ctl->json) {
		all = json_pack("{s:O, s:O, s:O}", "patient", patient, "sessions", sessions,
				"doses", doses);
		return ctl_print_json(all);
	}
	print_patient(patient);
	print_assessment(patient);
	print_course(patient);
	printf("%s\n", json_array_size(sessions) ? "sessions" : "no sessions yet");
	json_array_foreach(sessions, i, each)
		print_session(each);
	if (json_array_size(doses))
		printf("given by hand, or elsewhere\n");
	json_array_foreach(doses, i, each) {
		printf("  ");
		ctl_print_dose(each);
	}
	return CTL_OK;
}
