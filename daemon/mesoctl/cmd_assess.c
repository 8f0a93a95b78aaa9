// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl assess, course: what has to be known of a patient before anything is
 * given.
 *
 * The date and the last treatment are shown and confirmed, since a clock that is
 * wrong after a restart cannot be told from one that is right in any other way.
 */
#include <inttypes.h>
#include <string.h>

#include "mesoctl.h"

/* ---- assess ---------------------------------------------------------------------------- */

struct assess {
	const char *consent;
	const char *elsewhere;
	const char *allergies;
	const char *conditions;
	const char *today;
	uint32_t mass_g;
};

static int one_of(struct ctl *ctl, const char *option, const char *text, const char *yes,
		  const char *no, bool *ret)
{
	*ret = strcmp(text, yes) == 0;
	if (*ret || strcmp(text, no) == 0)
		return CTL_OK;
	return ctl_fail(ctl, CTL_USAGE, "--%s: \"%.40s\" is wrong: expected %s or %s", option, text,
			yes, no);
}

static bool agrees(const char *answer)
{
	return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0;
}

/* What mesod goes by, seen by a person. */
static int confirm_date(struct ctl *ctl, const char *patient, const char *said, char today[16])
{
	_cleanup_(ctl_json_decrefp) json_t *details = NULL;
	const char *last;
	char answer[16], treated[48];
	int code;

	code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "GetPatient", &details, "s", patient);
	if (code != CTL_OK)
		return code;
	last = ctl_text(details, "last_treatment");
	if (said) {
		snprintf(today, 16, "%s", said);
		return CTL_OK;
	}
	snprintf(today, 16, "%s", ctl_text(details, "today"));
	if (*last)
		snprintf(treated, sizeof(treated), "was last treated on %s", last);
	else
		snprintf(treated, sizeof(treated), "has not been treated here before");
	if (!isatty(STDIN_FILENO) || ctl->json)
		return ctl_fail(ctl, CTL_USAGE,
				"--today DATE is missing: nobody is here to confirm that it is %s, "
				"and that the patient %s",
				today, treated);
	printf("today is %s, and the patient %s. Is that right? [y/N] ", today, treated);
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || !agrees(answer))
		return ctl_fail(
			ctl, CTL_USAGE,
			"nothing was recorded: if the date is wrong an administrator sets the "
			"clock and confirms it (`mesoctl clock confirm`); a treatment that is "
			"missing is entered by `mesoctl dose add`");
	return CTL_OK;
}

int cmd_assess(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "consent", CTL_TEXT, 0, true, offsetof(struct assess, consent), "yes|no",
		  "the patient consents to the treatment" },
		{ "elsewhere", CTL_TEXT, 0, true, offsetof(struct assess, elsewhere),
		  "asked|not-asked",
		  "the patient was asked about treatment elsewhere, and it is entered" },
		{ "mass", CTL_QUANTITY, INJ_BODY_MASS, false, offsetof(struct assess, mass_g),
		  "MASS", "body mass, as in '61 kg'" },
		{ "allergies", CTL_TEXT, 0, false, offsetof(struct assess, allergies), "LIST",
		  "substances or groups of the formulary, as in 'lidocaine,sulfites'" },
		{ "conditions", CTL_TEXT, 0, false, offsetof(struct assess, conditions), "LIST",
		  "pregnancy, breastfeeding, infection, nsaid, or what the formulary knows" },
		{ "today", CTL_DATE, 0, false, offsetof(struct assess, today), "DATE",
		  "the date, confirmed (asked for at a terminal)" },
	};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	struct assess o = { 0 };
	bool consent, elsewhere;
	char **arguments, today[16];
	int count, code, r;

	code = ctl_options(ctl, argc, argv, "assess PATIENT [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	code = ctl_one_patient(ctl, code, count);
	if (code == CTL_OK)
		code = one_of(ctl, "consent", o.consent, "yes", "no", &consent);
	if (code == CTL_OK)
		code = one_of(ctl, "elsewhere", o.elsewhere, "asked", "not-asked", &elsewhere);
	if (code == CTL_OK)
		code = confirm_date(ctl, arguments[0], o.today, today);
	if (code == CTL_OK)
		code = ctl_begin_dict(ctl, "Assess", arguments[0], &call);
	if (code != CTL_OK)
		return code;
	r = ctl_append_text(call, "today", today);
	if (r >= 0)
		r = ctl_append_bool(call, "consent", consent);
	if (r >= 0)
		r = ctl_append_bool(call, "elsewhere_asked", elsewhere);
	if (r >= 0 && o.mass_g)
		r = ctl_append_u32(call, "mass_g", o.mass_g);
	if (r >= 0 && o.allergies)
		r = ctl_append_words(call, "allergies", o.allergies);
	if (r >= 0 && o.conditions)
		r = ctl_append_words(call, "conditions", o.conditions);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? ctl_not_told(ctl) : ctl_record(ctl, call, "assessment");
}

/* ---- course ------------------------------------------------------------------------------ */

struct course {
	uint32_t sessions;
	uint32_t interval_d;
	uint32_t late_interval_d;
	const char *indication;
};

static int course_start(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "sessions", CTL_NUMBER, 0, true, offsetof(struct course, sessions), "N",
		  "how many are planned" },
		{ "interval-days", CTL_NUMBER, 0, false, offsetof(struct course, interval_d), "N",
		  "calendar days from one session to the next" },
		{ "late-interval-days", CTL_NUMBER, 0, false,
		  offsetof(struct course, late_interval_d), "N",
		  "the same after the sixth session" },
		{ "indication", CTL_TEXT, 0, false, offsetof(struct course, indication), "ID",
		  "what for, as in hair-loss" },
	};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	struct course o = { 0 };
	char **arguments;
	int count, code, r;

	code = ctl_options(ctl, argc, argv, "course start PATIENT [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	code = ctl_one_patient(ctl, code, count);
	if (code == CTL_OK)
		code = ctl_begin_dict(ctl, "StartCourse", arguments[0], &call);
	if (code != CTL_OK)
		return code;
	r = ctl_append_u32(call, "sessions", o.sessions);
	if (r >= 0 && o.interval_d)
		r = ctl_append_u32(call, "interval_d", o.interval_d);
	if (r >= 0 && o.late_interval_d)
		r = ctl_append_u32(call, "late_interval_d", o.late_interval_d);
	if (r >= 0 && o.indication)
		r = ctl_append_text(call, "indication", o.indication);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? ctl_not_told(ctl) : ctl_record(ctl, call, "course");
}

static void print_days(const char *what, int64_t days)
{
	if (days)
		printf("%-22s %" PRId64 " d\n", what, days);
	else
		printf("%-22s not said\n", what);
}

static int course_show(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *details = NULL, *course = NULL;
	char **arguments, text[INJ_TEXT_MAX];
	int count, code;

	code = ctl_options(ctl, argc, argv, "course show PATIENT", NULL, 0, NULL, &arguments,
			   &count);
	code = ctl_one_patient(ctl, code, count);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "GetPatient", &details, "s",
				     arguments[0]);
	if (code != CTL_OK)
		return code;
	if (!json_object_get(details, "course"))
		return ctl_fail(ctl, CTL_USAGE,
				"this patient has no course: `mesoctl course start` begins one");
	if (ctl->json) {
		course = json_pack("{s:I, s:I, s:I, s:I, s:I, s:s}", "number",
				   ctl_number(details, "course"), "started",
				   ctl_number(details, "course_started"), "sessions",
				   ctl_number(details, "course_sessions"), "interval_d",
				   ctl_number(details, "course_interval_d"), "late_interval_d",
				   ctl_number(details, "course_late_interval_d"), "indication",
				   ctl_text(details, "indication"));
		return ctl_print_json(course);
	}
	printf("%-22s %" PRId64 "\n", "course", ctl_number(details, "course"));
	printf("%-22s %s\n", "started",
	       ctl_format_when(ctl_number(details, "course_started"), text));
	printf("%-22s %" PRId64 "\n", "sessions planned", ctl_number(details, "course_sessions"));
	print_days("interval", ctl_number(details, "course_interval_d"));
	print_days("after the sixth", ctl_number(details, "course_late_interval_d"));
	printf("%-22s %s\n", "indication",
	       *ctl_text(details, "indication") ? ctl_text(details, "indication") : "not said");
	return CTL_OK;
}

int cmd_course(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "start", course_start, "PATIENT --sessions N", "a new course, from now on" },
		{ "show", course_show, "PATIENT", "the patient's course" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl course", commands,
			    ARRAY_LENGTH(commands));
}
