// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl patient, operator: who is treated and who treats.  What identifies
 * somebody is hidden unless it was asked for.
 */
#include <string.h>

#include "mesoctl.h"

/* Prints what has been made: an id. */
static int print_id(struct ctl *ctl, const char *what, const json_t *id)
{
	_cleanup_(ctl_json_decrefp) json_t *object = NULL;

	if (!ctl->json) {
		printf("%s\n", json_string_value(id));
		return CTL_OK;
	}
	object = json_pack("{s:O}", what, id);
	return ctl_print_json(object);
}

struct patient_add {
	const char *reference;
	const char *name;
	const char *birth_date;
	uint32_t mass_g;
};

static int patient_add(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "reference", CTL_TEXT, 0, true, offsetof(struct patient_add, reference), "TEXT",
		  "the clinic's own number for the patient" },
		{ "name", CTL_TEXT, 0, true, offsetof(struct patient_add, name), "TEXT", "name" },
		{ "birth-date", CTL_DATE, 0, true, offsetof(struct patient_add, birth_date), "DATE",
		  "date of birth, as in 1980-12-31" },
		{ "mass", CTL_QUANTITY, INJ_BODY_MASS, false, offsetof(struct patient_add, mass_g),
		  "MASS", "body mass, as in '70 kg'" },
	};
	_cleanup_(ctl_json_decrefp) json_t *id = NULL;
	struct patient_add o = { 0 };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "patient add [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" belongs to no option", arguments[0]);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "AddPatient", &id, "sssu",
				     o.reference, o.name, o.birth_date, o.mass_g);
	return code == CTL_OK ? print_id(ctl, "patient", id) : code;
}

static int patient_show(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(ctl_json_decrefp) json_t *details = NULL;
	char **arguments, text[INJ_TEXT_MAX];
	int count, code;

	code = ctl_options(ctl, argc, argv, "patient show PATIENT", NULL, 0, NULL, &arguments,
			   &count);
	if (code == CTL_OK && count != 1)
		code = ctl_fail(ctl, CTL_USAGE,
				"which patient? Name one by id or by the clinic's reference");
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "GetPatient", &details, "s",
				     arguments[0]);
	if (code != CTL_OK)
		return code;
	ctl_redact(ctl, details);
	if (ctl->json)
		return ctl_print_json(details);
	printf("%-18s %s\n", "patient", ctl_text(details, "id"));
	printf("%-18s %s\n", "reference", ctl_text(details, "reference"));
	printf("%-18s %s\n", "name", ctl_text(details, "name"));
	printf("%-18s %s\n", "date of birth", ctl_text(details, "birth_date"));
	printf("%-18s %s\n", "body mass",
	       ctl_number(details, "mass_g")
		       ? ctl_format_field("mass_g", ctl_number(details, "mass_g"), text)
		       : "unknown");
	printf("%-18s %s\n", "delivered in 24 h",
	       ctl_format_field("nl", ctl_number(details, "delivered_24h_nl"), text));
	printf("%-18s %s\n", "outstanding",
	       ctl_format_field("nl", ctl_number(details, "outstanding_nl"), text));
	printf("%-18s %s\n", "session",
	       strcmp(ctl_text(details, "session"), "/") == 0 ? "none"
							      : ctl_text(details, "session"));
	if (ctl_true(details, "blocked"))
		printf("%-18s %s\n", "BLOCKED",
		       "the ledger was restored: see `mesoctl patient review --help`");
	return CTL_OK;
}

static int patient_review(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "reason", CTL_TEXT, 0, true, 0, "TEXT",
		  "what was found out of the time that the restored ledger does not cover" },
	};
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	const char *reason = NULL;
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "patient review PATIENT --reason TEXT", options,
			   ARRAY_LENGTH(options), &reason, &arguments, &count);
	if (code == CTL_OK && count != 1)
		code = ctl_fail(ctl, CTL_USAGE,
				"which patient? Name one by id or by the clinic's reference");
	if (code != CTL_OK)
		return code;
	return ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "ReviewPatient", &reply, "ss", arguments[0],
			reason);
}

/* Names the columns of an array of structures, so that each row is an object. */
static json_t *name_columns(const json_t *rows, const char *const *columns, size_t count)
{
	json_t *named = json_array(), *object;
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		object = json_object();
		for (size_t c = 0; c < count; c++)
			json_object_set(object, columns[c], json_array_get(row, c));
		json_array_append_new(named, object);
	}
	return named;
}

static int print_people(struct ctl *ctl, const char *method, const char *const *columns,
			size_t columns_count, const char *none)
{
	_cleanup_(ctl_json_decrefp) json_t *rows = NULL, *people = NULL;
	const json_t *person, *value;
	size_t i;
	int code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, method, &rows, "");

	if (code != CTL_OK)
		return code;
	people = name_columns(rows, columns, columns_count);
	ctl_redact(ctl, people);
	if (ctl->json)
		return ctl_print_json(people);
	if (json_array_size(people) == 0)
		printf("%s\n", none);
	json_array_foreach(people, i, person) {
		for (size_t c = 0; c < columns_count; c++) {
			value = json_object_get(person, columns[c]);
			if (json_is_integer(value))
				printf("%s%-6" JSON_INTEGER_FORMAT, c ? "  " : "",
				       json_integer_value(value));
			else
				printf("%s%s", c ? "  " : "", json_string_value(value));
		}
		printf("\n");
	}
	return CTL_OK;
}

static int no_arguments(struct ctl *ctl, int argc, char **argv, const char *usage)
{
	char **arguments;
	int count, code = ctl_options(ctl, argc, argv, usage, NULL, 0, NULL, &arguments, &count);

	if (code == CTL_OK && count > 0)
		return ctl_fail(ctl, CTL_USAGE, "%s takes no arguments", usage);
	return code;
}

static int patient_list(struct ctl *ctl, int argc, char **argv)
{
	static const char *const columns[] = { "id", "reference", "name" };
	int code = no_arguments(ctl, argc, argv, "patient list");

	return code == CTL_OK ? print_people(ctl, "ListPatients", columns, ARRAY_LENGTH(columns),
					     "no patients yet: `mesoctl patient add` adds one")
			      : code;
}

struct erase {
	const char *reason;
	bool yes;
};

static const struct ctl_option erase_options[] = {
	{ "reason", CTL_TEXT, 0, true, offsetof(struct erase, reason), "TEXT",
	  "why; recorded with your account, so name nobody in it" },
	{ "yes", CTL_FLAG, 0, false, offsetof(struct erase, yes), NULL,
	  "it cannot be undone, and you know" },
};

/* What cannot be undone is said twice; the one that is erased is in *ret_who. */
static int erase_arguments(struct ctl *ctl, int argc, char **argv, const char *usage,
			   const char *question, struct erase *ret, const char **ret_who)
{
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, usage, erase_options, ARRAY_LENGTH(erase_options), ret,
			   &arguments, &count);
	if (code == CTL_OK && count != 1)
		return ctl_fail(ctl, CTL_USAGE, "%s", question);
	if (code == CTL_OK && !ret->yes)
		return ctl_fail(
			ctl, CTL_USAGE,
			"nothing was erased: it cannot be undone, say --yes if you mean it");
	if (code == CTL_OK)
		*ret_who = arguments[0];
	return code;
}

static int erased(struct ctl *ctl, int code, const char *sentence)
{
	_cleanup_(ctl_json_decrefp) json_t *object = NULL;

	if (code != CTL_OK)
		return code;
	if (!ctl->json) {
		printf("%s\n", sentence);
		return CTL_OK;
	}
	object = json_pack("{s:b}", "erased", 1);
	return ctl_print_json(object);
}

static int patient_erase(struct ctl *ctl, int argc, char **argv)
{
	const char *patient = NULL;
	struct erase o = { 0 };
	int code;

	code = erase_arguments(ctl, argc, argv, "patient erase PATIENT --reason TEXT --yes",
			       "which patient? Name one by id or by the clinic's reference", &o,
			       &patient);
	if (code == CTL_OK)
		code = ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "ErasePatient", NULL, "ss", patient,
				o.reason);
	return erased(ctl, code,
		      "erased: name, reference and date of birth are gone, the doses stay");
}

static int operator_erase(struct ctl *ctl, int argc, char **argv)
{
	const char *who = NULL;
	struct erase o = { 0 };
	uint32_t uid = 0;
	int code;

	code = erase_arguments(ctl, argc, argv, "operator erase UID --reason TEXT --yes",
			       "which operator? Say the uid", &o, &who);
	if (code == CTL_OK && !ctl_parse_number(who, &uid))
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" is no uid: a whole number is needed",
				who);
	if (code == CTL_OK)
		code = ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "EraseOperator", NULL, "us", uid,
				o.reason);
	return erased(ctl, code,
		      "erased: name and licence are gone, and that account treats no more");
}

struct operator_add {
	uint32_t uid;
	const char *name;
	const char *licence;
	const char *expires;
};

static int operator_add(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "uid", CTL_NUMBER, 0, false, offsetof(struct operator_add, uid), "UID",
		  "the account of the operator (yours if not said)" },
		{ "name", CTL_TEXT, 0, true, offsetof(struct operator_add, name), "TEXT", "name" },
		{ "licence", CTL_TEXT, 0, true, offsetof(struct operator_add, licence), "TEXT",
		  "number of the professional licence" },
		{ "expires", CTL_DATE, 0, true, offsetof(struct operator_add, expires), "DATE",
		  "last day on which the licence is valid" },
	};
	_cleanup_(ctl_json_decrefp) json_t *id = NULL;
	struct operator_add o = { .uid = getuid() };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "operator add [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && count > 0)
		code = ctl_fail(ctl, CTL_USAGE, "\"%.40s\" belongs to no option", arguments[0]);
	if (code == CTL_OK)
		code = ctl_call_json(ctl, MESOD_PATH, MESOD_MANAGER, "RegisterOperator", &id,
				     "usss", o.uid, o.name, o.licence, o.expires);
	return code == CTL_OK ? print_id(ctl, "operator", id) : code;
}

static int operator_renew(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "licence", CTL_TEXT, 0, true, offsetof(struct operator_add, licence), "TEXT",
		  "its number now" },
		{ "expires", CTL_DATE, 0, true, offsetof(struct operator_add, expires), "DATE",
		  "last day on which it is valid" },
	};
	struct operator_add o = { 0 };
	char **arguments;
	int count, code;

	code = ctl_options(ctl, argc, argv, "operator renew UID [OPTION...]", options,
			   ARRAY_LENGTH(options), &o, &arguments, &count);
	if (code == CTL_OK && (count != 1 || !ctl_parse_number(arguments[0], &o.uid)))
		code = ctl_fail(ctl, CTL_USAGE, "which operator? Say the uid, a whole number");
	return code == CTL_OK ? ctl_call(ctl, MESOD_PATH, MESOD_MANAGER, "RenewOperator", NULL,
					 "uss", o.uid, o.licence, o.expires)
			      : code;
}

static int operator_list(struct ctl *ctl, int argc, char **argv)
{
	static const char *const columns[] = { "id", "uid", "name", "licence", "expires" };
	int code = no_arguments(ctl, argc, argv, "operator list");

	return code == CTL_OK
		       ? print_people(
				 ctl, "ListOperators", columns, ARRAY_LENGTH(columns),
				 "no operators yet: `mesoctl operator add` adds one (root only)")
		       : code;
}

int cmd_patient(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "add", patient_add,
		  "--reference TEXT --name TEXT --birth-date DATE [--mass MASS]",
		  "a new patient; prints the id" },
		{ "show", patient_show, "PATIENT", "what a patient has had in the last 24 h" },
		{ "list", patient_list, "", "all patients" },
		{ "erase", patient_erase, "PATIENT --reason TEXT --yes",
		  "forget who it is, for ever; root only" },
		{ "review", patient_review, "PATIENT --reason TEXT",
		  "lift the block that a restored ledger puts on a patient; root only" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl patient", commands,
			    ARRAY_LENGTH(commands));
}

int cmd_operator(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_command commands[] = {
		{ "add", operator_add, "--name TEXT --licence TEXT --expires DATE [--uid UID]",
		  "let an account treat; root only" },
		{ "renew", operator_renew, "UID --licence TEXT --expires DATE",
		  "the licence was renewed, or ends earlier; root only" },
		{ "list", operator_list, "", "who may treat" },
		{ "erase", operator_erase, "UID --reason TEXT --yes",
		  "forget who it is, for ever; root only" },
	};

	return ctl_dispatch(ctl, argc - 1, argv + 1, "mesoctl operator", commands,
			    ARRAY_LENGTH(commands));
}
