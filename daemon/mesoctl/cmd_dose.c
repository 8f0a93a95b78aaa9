// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl dose: what was given with a syringe in the hand, or by somebody
 * elsewhere; entered, listed, corrected.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "mesoctl.h"

#define SUBSTANCES_MAX 8
#define ID_MAX         40

struct dose {
	bool by_hand;
	bool elsewhere;
	const char *preparation;
	const char *substances;
	uint32_t volume_nl;
	const char *given;
	bool not_given;
	const char *reason;
};

#define DOSE_OPTIONS                                                                \
	{ "by-hand",                                                                \
	  CTL_FLAG,                                                                 \
	  0,                                                                        \
	  false,                                                                    \
	  offsetof(struct dose, by_hand),                                           \
	  NULL,                                                                     \
	  "given here, with a syringe in the hand" },                               \
		{ "elsewhere",                                                      \
		  CTL_FLAG,                                                         \
		  0,                                                                \
		  false,                                                            \
		  offsetof(struct dose, elsewhere),                                 \
		  NULL,                                                             \
		  "given by somebody else" },                                       \
		{ "preparation",                                                    \
		  CTL_TEXT,                                                         \
		  0,                                                                \
		  false,                                                            \
		  offsetof(struct dose, preparation),                               \
		  "ID",                                                             \
		  "of which --volume was given" },                                  \
		{ "volume",                                                         \
		  CTL_QUANTITY,                                                     \
		  INJ_VOLUME,                                                       \
		  false,                                                            \
		  offsetof(struct dose, volume_nl),                                 \
		  "VOLUME",                                                         \
		  "how much, as in '2 mL'" },                                       \
		{ "substances",                                                     \
		  CTL_TEXT,                                                         \
		  0,                                                                \
		  false,                                                            \
		  offsetof(struct dose, substances),                                \
		  "LIST",                                                           \
		  "what was in it, as in 'lidocaine 20 mg, hyaluronidase 75 IU'" }, \
	{                                                                           \
		"given", CTL_TEXT, 0, false, offsetof(struct dose, given), "TIME",  \
			"when, as in '2026-11-26 09:30'; now if it is not said"     \
	}

/* ---- what was typed ----------------------------------------------------------------------- */

/* Local time, to the minute. */
static bool parse_time(const char *text, int64_t *ret)
{
	struct tm tm = { .tm_isdst = -1 }, back;
	const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);
	time_t seconds;

	if (!end || *end)
		return false;
	back = tm;
	seconds = mktime(&back);
	/* What a calendar or a clock does not have becomes something else. */
	if (seconds == (time_t)-1 || back.tm_mday != tm.tm_mday || back.tm_hour != tm.tm_hour ||
	    back.tm_min != tm.tm_min)
		return false;
	*ret = seconds;
	return true;
}

struct amounts {
	size_t n;
	struct {
		char id[ID_MAX];
		int64_t value;
		bool activity; /* mIU, or else ng */
	} list[SUBSTANCES_MAX];
};

/* "lidocaine 20 mg" */
static int parse_substance(struct ctl *ctl, char *text, struct amounts *ret)
{
	char *id = text + strspn(text, " "), *quantity = id + strcspn(id, " ");
	char error[INJ_TEXT_MAX], unused[INJ_TEXT_MAX];
	int64_t value;
	bool activity = false;

	if (ret->n == SUBSTANCES_MAX)
		return ctl_fail(ctl, CTL_USAGE, "--substances: too many, %d are possible",
				SUBSTANCES_MAX);
	if (!*quantity || quantity == id || (size_t)(quantity - id) >= ID_MAX)
		return ctl_fail(
			ctl, CTL_USAGE,
			"--substances: \"%.60s\" is wrong: expected a substance and how much, "
			"as in 'lidocaine 20 mg'",
			text);
	*quantity++ = '\0';
	quantity += strspn(quantity, " ");
	if (inj_parse(INJ_MASS, quantity, &value, error) < 0) {
		activity = inj_parse(INJ_ACTIVITY, quantity, &value, unused) >= 0;
		if (!activity)
			return ctl_fail(ctl, CTL_USAGE, "--substances: %s: %s, or \"75 IU\"", id,
					error);
	}
	if (value == 0)
		return ctl_fail(ctl, CTL_USAGE, "--substances: %s: nothing was given of it?", id);
	snprintf(ret->list[ret->n].id, ID_MAX, "%s", id);
	ret->list[ret->n].value = value;
	ret->list[ret->n++].activity = activity;
	return CTL_OK;
}

static int parse_substances(struct ctl *ctl, const char *list, struct amounts *ret)
{
	_cleanup_(ctl_freep) char *copy = strdup(list);
	char *next = copy, *text;
	int code = CTL_OK;

	if (!copy)
		return ctl_fail(ctl, CTL_FAILED, "out of memory");
	while (code == CTL_OK && (text = strsep(&next, ",")))
		code = parse_substance(ctl, text, ret);
	return code;
}

static int append_amounts(sd_bus_message *m, const char *key, const struct amounts *a,
			  bool activity)
{
	int r;

	r = sd_bus_message_open_container(m, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', key);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', "a{st}");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{st}");
	for (size_t i = 0; r >= 0 && i < a->n; i++)
		if (a->list[i].activity == activity)
			r = sd_bus_message_append(m, "{st}", a->list[i].id,
						  (uint64_t)a->list[i].value);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = sd_bus_message_close_container(m);
	return r;
}

/* What cannot be a dose at all. */
static int check_dose(struct ctl *ctl, const struct dose *o, struct amounts *amounts,
		      int64_t *ret_given)
{
	if (o->by_hand == o->elsewhere)
		return ctl_fail(ctl, CTL_USAGE,
				"either --by-hand or --elsewhere is needed: who gave it?");
	if (!o->preparation == !o->substances)
		return ctl_fail(ctl, CTL_USAGE,
				"either --preparation or --substances is needed: what was given?");
	if (o->preparation && !o->volume_nl)
		return ctl_fail(ctl, CTL_USAGE, "--volume VOLUME is missing: how much of %s?",
				o->preparation);
	if (o->given && !parse_time(o->given, ret_given))
		return ctl_fail(ctl, CTL_USAGE,
				"--given: \"%.40s\" is wrong: expected a local time as in "
				"'2026-11-26 09:30'",
				o->given);
	return o->substances ? parse_substances(ctl, o->substances, amounts) : CTL_OK;
}

static int append_dose(sd_bus_message *m, const struct dose *o, const struct amounts *amounts,
		       int64_t given)
{
	int r = ctl_append_text(m, "kind", o->by_hand ? "by-hand" : "elsewhere");

	if (r >= 0 && o->given)
		r = sd_bus_message_append(m, "{sv}", "given", "x", given);
	if (r >= 0 && o->preparation)
		r = ctl_append_text(m, "preparation", o->preparation);
	if (r >= 0 && o->volume_nl)
		r = ctl_append_u32(m, "volume_nl", o->volume_nl);
	if (r >= 0 && o->substances)
		r = append_amounts(m, "masses_ng", amounts, false);
	if (r >= 0 && o->substances)
		r = append_amounts(m, "activities_miu", amounts, true);
	return r;
}

/* ---- the commands --------------------------------------------------------------------------- */

static int dose_add(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = { DOSE_OPTIONS };
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	struct amounts amounts = { 0 };
	struct dose o = { 0 };
	int64_t given = 0;
	char **arguments;
	int count, code, r;

	code = ctl_options(ctl, argc, argv, "dose add PATIENT [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	code = ctl_one_patient(ctl, code, count);
	if (code == CTL_OK)
		code = check_dose(ctl, &o, &amounts, &given);
	if (code == CTL_OK)
		code = ctl_begin_dict(ctl, "RecordDose", arguments[0], &call);
	if (code != CTL_OK)
		return code;
	r = append_dose(call, &o, &amounts, given);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	return r < 0 ? ctl_not_told(ctl) : ctl_record(ctl, call, "dose");
}

static int dose_correct(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		DOSE_OPTIONS,
		{ "not-given", CTL_FLAG, 0, false, offsetof(struct dose, not_given), NULL,
		  "it was not given at all" },
		{ "reason", CTL_TEXT, 0, true, offsetof(struct dose, reason), "TEXT",
		  "what was wrong; recorded with your name, so name nobody else" },
	};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
	struct amounts amounts = { 0 };
	struct dose o = { 0 };
	int64_t given = 0;
	uint32_t number = 0;
	char **arguments;
	int count, code, r;

	code = ctl_options(ctl, argc, argv, "dose correct PATIENT NUMBER [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count != 2)
		code = ctl_fail(
			ctl, CTL_USAGE,
			"which dose? Name the patient and the number that `mesoctl dose list` "
			"shows");
	if (code == CTL_OK && !ctl_parse_number(arguments[1], &number))
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" is no number of a dose", arguments[1]);
	if (code == CTL_OK && o.not_given &&
	    (o.by_hand || o.elsewhere || o.preparation || o.substances || o.volume_nl || o.given))
		code = ctl_fail(ctl, CTL_USAGE, "--not-given says all: nothing else belongs to it");
	if (code == CTL_OK && !o.not_given)
		code = check_dose(ctl, &o, &amounts, &given);
	if (code == CTL_OK)
		code = ctl_message(ctl, MESOD_PATH, MESOD_MANAGER, "CorrectDose", &call);
	if (code != CTL_OK)
		return code;
	r = sd_bus_message_append(call, "st", arguments[0], (uint64_t)number);
	if (r >= 0)
		r = sd_bus_message_open_container(call, 'a', "{sv}");
	if (r >= 0 && !o.not_given)
		r = append_dose(call, &o, &amounts, given);
	if (r >= 0)
		r = sd_bus_message_close_container(call);
	if (r >= 0)
		r = sd_bus_message_append(call, "s", o.reason);
	return r < 0 ? ctl_not_told(ctl) : ctl_record(ctl, call, "correction");
}

static void print_amounts(const json_t *amounts, enum inj_dimension dimension)
{
	char text[INJ_TEXT_MAX];
	const char *id;
	json_t *value;

	json_object_foreach((json_t *)amounts, id, value)
		printf(", %s %s", id, inj_format(dimension, json_integer_value(value), text));
}

void ctl_print_dose(const json_t *dose)
{
	char when[INJ_TEXT_MAX], volume[INJ_TEXT_MAX];

	printf("%-6" PRId64 " %s  %-9s %s%s%s", ctl_number(dose, "number"),
	       ctl_format_when(ctl_number(dose, "given"), when), ctl_text(dose, "kind"),
	       *ctl_text(dose, "preparation") ? ctl_text(dose, "preparation") : "-",
	       ctl_number(dose, "volume_nl") ? " " : "",
	       ctl_number(dose, "volume_nl")
		       ? ctl_format_field("nl", ctl_number(dose, "volume_nl"), volume)
		       : "");
	print_amounts(json_object_get(dose, "masses_ng"), INJ_MASS);
	print_amounts(json_object_get(dose, "activities_miu"), INJ_ACTIVITY);
	printf("\n");
}

static int dose_list(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *doses = NULL;
	const json_t *dose;
	char **arguments;
	int count, code;
	size_t i;

	code = ctl_options(ctl, argc, argv, "dose list PATIENT", NULL, 0, NULL, &arguments, &count);
	code = ctl_one_patient(ctl, code, count);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "ListDoses", &doses, "s",
				     arguments[0]);
	if (code != CTL_OK)
		return code;
	if (ctl->json)
		return ctl_print_json(doses);
	if (json_array_size(doses) == 0)
		printf("nothing was given by hand or elsewhere, as far as is known\n");
	json_array_foreach(doses, i, dose)
		ctl_print_dose(dose);
	return CTL_OK;
}

int cmd_dose(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "add", dose_add, "PATIENT --by-hand|--elsewhere --preparation ID --volume VOLUME",
		  "enter what was given" },
		{ "list", dose_list, "PATIENT", "what was entered, and counts" },
		{ "correct", dose_correct, "PATIENT NUMBER --reason TEXT",
		  "it was otherwise, or not at all" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl dose", commands,
			    ARRAY_LENGTH(commands));
}
