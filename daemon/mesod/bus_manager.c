// SPDX-License-Identifier: GPL-2.0-only
/*
 * org.mesod1.Manager: operators, patients, questions, sessions to be opened, and
 * the stop for everything.  What reads the ledger is in bus_ledger.c.  It owns no
 * state.
 */
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_clinic.h"
#include "bus_errors.h"
#include "bus_formulary.h"
#include "bus_ledger.h"
#include "bus_recover.h"
#include "dict.h"
#include "gun.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"

/* ---- properties -------------------------------------------------------------------- */

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property,
		    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct mesod *mesod = userdata;
	const char *value = MESO_VERSION;

	(void)bus;
	(void)path;
	(void)interface;
	(void)error;
	if (strcmp(property, "State") == 0)
		value = mesod_state_name(mesod);
	else if (strcmp(property, "LedgerState") == 0)
		value = ledger_state_name(mesod_ledger_state(mesod));
	else if (strcmp(property, "LedgerId") == 0)
		value = mesod->ledger_id;
	return sd_bus_message_append_basic(reply, 's', value);
}

static int get_simulated(sd_bus *bus, const char *path, const char *interface, const char *property,
			 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct mesod *mesod = userdata;
	const int value = mesod->options.n_sim > 0;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append_basic(reply, 'b', &value);
}

/* ---- stop ----------------------------------------------------------------------------- */

static void stop(struct mesod *mesod, sd_bus_message *call)
{
	(void)call;
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		gun_disarm(gun);
}

static int stop_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			   sd_bus_error *error)
{
	(void)error;
	stop(mesod, call);
	log_main(mesod, LOG_NOTICE, "every gun stopped by uid %u", caller->uid);
	return sd_bus_reply_method_return(call, NULL);
}

static int method_stop(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask_stop(userdata, call, stop, stop_authorized, error);
}

/* ---- operators and patients -------------------------------------------------------------- */

/* The ledger checks dates and emptiness again; here the sentence can name the argument. */
static int check_date(const char *name, const char *text, sd_bus_error *error)
{
	static const char shape[] = "dddd-dd-dd";
	bool good = strlen(text) == strlen(shape);

	for (size_t i = 0; good && shape[i]; i++)
		good = shape[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == shape[i];
	return good ? 0
		    : bus_fail(error, ERROR_INVALID_ARGUMENT,
			       "%s=\"%.32s\" is no date, YYYY-MM-DD is needed", name, text);
}

static int register_authorized(struct mesod *mesod, sd_bus_message *call,
			       const struct caller *caller, sd_bus_error *error)
{
	const char *name, *licence, *expires;
	struct ledger_operator op = { 0 };
	int r;

	(void)caller;
	r = sd_bus_message_read(call, "usss", &op.uid, &name, &licence, &expires);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	if (op.uid == UINT32_MAX)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "uid=%u is nobody's, limit=%u",
				op.uid, UINT32_MAX - 1);
	r = text_check("name", name, sizeof(op.name), false, error);
	if (r >= 0)
		r = text_check("licence", licence, sizeof(op.licence), false, error);
	if (r >= 0)
		r = check_date("expires", expires, error);
	if (r < 0)
		return r;
	TEXT_COPY(op.name, name);
	TEXT_COPY(op.licence, licence);
	TEXT_COPY(op.expires, expires);
	return bus_register_operator(mesod, call, &op, error);
}

static int method_register_operator(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, register_authorized, error);
}

static int renew_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			    sd_bus_error *error)
{
	struct ledger_renewal renewal = { .uid = caller->uid };
	const char *licence, *expires;
	int r;

	r = sd_bus_message_read(call, "uss", &renewal.operator_uid, &licence, &expires);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = text_check("licence", licence, sizeof(renewal.licence), false, error);
	if (r >= 0)
		r = check_date("expires", expires, error);
	if (r < 0)
		return r;
	TEXT_COPY(renewal.licence, licence);
	TEXT_COPY(renewal.expires, expires);
	return bus_renew_operator(mesod, call, &renewal, error);
}

static int method_renew_operator(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, renew_authorized, error);
}

static int add_patient_authorized(struct mesod *mesod, sd_bus_message *call,
				  const struct caller *caller, sd_bus_error *error)
{
	const char *reference, *name, *birth_date;
	struct ledger_patient patient = { 0 };
	int r;

	(void)caller;
	r = sd_bus_message_read(call, "sssu", &reference, &name, &birth_date, &patient.mass_g);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = text_check("reference", reference, sizeof(patient.reference), false, error);
	if (r >= 0)
		r = text_check("name", name, sizeof(patient.name), false, error);
	if (r >= 0)
		r = check_date("birth_date", birth_date, error);
	if (r < 0)
		return r;
	if (patient.mass_g > 700000)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "mass_g=%u limit=700000",
				patient.mass_g);
	TEXT_COPY(patient.reference, reference);
	TEXT_COPY(patient.name, name);
	TEXT_COPY(patient.birth_date, birth_date);
	return bus_register_patient(mesod, call, &patient, error);
}

static int method_add_patient(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_OPERATE, add_patient_authorized, error);
}

static int get_patient_authorized(struct mesod *mesod, sd_bus_message *call,
				  const struct caller *caller, sd_bus_error *error)
{
	const char *patient;
	int r;

	(void)caller;
	if (sd_bus_message_read_basic(call, 's', &patient) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "patient cannot be read");
	r = text_check("patient", patient, LEDGER_NAME_MAX, false, error);
	return r < 0 ? r : bus_tell_patient(mesod, call, patient, error);
}

static int method_get_patient(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, get_patient_authorized, error);
}

static int review_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			     sd_bus_error *error)
{
	const char *patient, *reason;
	int r;

	if (sd_bus_message_read(call, "ss", &patient, &reason) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = text_check("patient", patient, LEDGER_NAME_MAX, false, error);
	if (r >= 0)
		r = text_check("reason", reason, LEDGER_REASON_MAX, false, error);
	return r < 0 ? r : bus_review_patient(mesod, call, patient, caller->uid, reason, error);
}

static int method_review_patient(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, review_authorized, error);
}

static int list_patients_authorized(struct mesod *mesod, sd_bus_message *call,
				    const struct caller *caller, sd_bus_error *error)
{
	(void)caller;
	return bus_list_patients(mesod, call, error);
}

static int method_list_patients(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, list_patients_authorized, error);
}

static int list_operators_authorized(struct mesod *mesod, sd_bus_message *call,
				     const struct caller *caller, sd_bus_error *error)
{
	(void)caller;
	return bus_list_operators(mesod, call, error);
}

static int method_list_operators(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, list_operators_authorized, error);
}

/* ---- questions, sessions -------------------------------------------------------------------- */

static int check_authorized(struct mesod *mesod, sd_bus_message *call, const struct caller *caller,
			    sd_bus_error *error)
{
	struct arm_request request;
	const char *patient;
	int r;

	(void)caller;
	if (sd_bus_message_read_basic(call, 's', &patient) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "patient cannot be read");
	r = text_check("patient", patient, LEDGER_NAME_MAX, false, error);
	if (r >= 0)
		r = bus_read_arm_request(call, true, &request, error);
	return r < 0 ? r : bus_answer_check(mesod, call, patient, &request, error);
}

static int method_check(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, check_authorized, error);
}

static int open_session_authorized(struct mesod *mesod, sd_bus_message *call,
				   const struct caller *caller, sd_bus_error *error)
{
	int keep_alive = 0;
	const struct dict_entry entries[] = {
		{ .key = "keep_alive", .type = DICT_BOOL, .value = &keep_alive },
	};
	const char *path, *patient;
	struct gun *gun;
	int r;

	if (sd_bus_message_read(call, "os", &path, &patient) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = text_check("patient", patient, LEDGER_NAME_MAX, false, error);
	if (r >= 0)
		r = dict_read(call, entries, ARRAY_LENGTH(entries), error);
	if (r < 0)
		return r;
	gun = gun_find_path(mesod, path);
	if (!gun)
		return bus_fail(error, ERROR_NO_SUCH_GUN, "no gun at %.200s", path);
	if (mesod->stopping)
		return bus_fail(error, ERROR_INTERLOCK, "mesod is ending");
	return session_open(mesod, call, caller, gun, patient, keep_alive, error);
}

static int method_open_session(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_OPERATE, open_session_authorized, error);
}

/* ---- the ledger itself ------------------------------------------------------------------------ */

static int list_ledger_authorized(struct mesod *mesod, sd_bus_message *call,
				  const struct caller *caller, sd_bus_error *error)
{
	uint64_t after;
	uint32_t max;

	(void)caller;
	if (sd_bus_message_read(call, "tu", &after, &max) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	if (max < 1 || max > LIST_LEDGER_MAX)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "max=%u limit=1 to %u", max,
				LIST_LEDGER_MAX);
	return bus_list_records(mesod, call, after, max, error);
}

static int method_list_ledger(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, list_ledger_authorized, error);
}

static int verify_ledger_authorized(struct mesod *mesod, sd_bus_message *call,
				    const struct caller *caller, sd_bus_error *error)
{
	(void)caller;
	return bus_answer_verify(mesod, call, error);
}

static int method_verify_ledger(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_READ_LEDGER, verify_ledger_authorized, error);
}

#define OPEN SD_BUS_VTABLE_UNPRIVILEGED

const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Version", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("LedgerState", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_PROPERTY("LedgerId", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("Simulated", "b", get_simulated, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("ClockState", "s", timekeeping_get_text, 0, 0),
	SD_BUS_PROPERTY("ClockOffS", "x", timekeeping_get_number, 0, 0),
	SD_BUS_PROPERTY("ClockNowS", "x", timekeeping_get_number, 0, 0),
	SD_BUS_PROPERTY("ClockMarkS", "x", timekeeping_get_number, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("ConfirmClock", SD_BUS_ARGS("x", now_s, "s", reason),
				SD_BUS_NO_RESULT, method_confirm_clock, OPEN),
	SD_BUS_METHOD_WITH_ARGS("RegisterOperator",
				SD_BUS_ARGS("u", uid, "s", name, "s", licence, "s", expires),
				SD_BUS_RESULT("s", operator), method_register_operator, OPEN),
	SD_BUS_METHOD_WITH_ARGS("RenewOperator", SD_BUS_ARGS("u", uid, "s", licence, "s", expires),
				SD_BUS_NO_RESULT, method_renew_operator, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListOperators", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a(susss)", operators), method_list_operators, OPEN),
	SD_BUS_METHOD_WITH_ARGS(
		"AddPatient", SD_BUS_ARGS("s", reference, "s", name, "s", birth_date, "u", mass_g),
		SD_BUS_RESULT("s", patient), method_add_patient, OPEN),
	SD_BUS_METHOD_WITH_ARGS("GetPatient", SD_BUS_ARGS("s", patient),
				SD_BUS_RESULT("a{sv}", details), method_get_patient, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ReviewPatient", SD_BUS_ARGS("s", patient, "s", reason),
				SD_BUS_NO_RESULT, method_review_patient, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListPatients", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sss)", patients),
				method_list_patients, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Check", SD_BUS_ARGS("s", patient, "a{sv}", request),
				SD_BUS_RESULT("b", allowed, "aa{sv}", verdicts), method_check,
				OPEN),
	SD_BUS_METHOD_WITH_ARGS("OpenSession",
				SD_BUS_ARGS("o", gun, "s", patient, "a{sv}", options),
				SD_BUS_RESULT("o", session, "h", lease), method_open_session, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListLedger", SD_BUS_ARGS("t", after, "u", max),
				SD_BUS_RESULT("aa{sv}", records), method_list_ledger, OPEN),
	SD_BUS_METHOD_WITH_ARGS("VerifyLedger", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("b", ok, "t", records, "s", head, "s", problem),
				method_verify_ledger, OPEN),
	SD_BUS_METHOD_WITH_ARGS("Assess", SD_BUS_ARGS("s", patient, "a{sv}", assessment),
				SD_BUS_RESULT("t", number), method_assess, OPEN),
	SD_BUS_METHOD_WITH_ARGS("StartCourse", SD_BUS_ARGS("s", patient, "a{sv}", course),
				SD_BUS_RESULT("t", number), method_start_course, OPEN),
	SD_BUS_METHOD_WITH_ARGS("RecordDose", SD_BUS_ARGS("s", patient, "a{sv}", dose),
				SD_BUS_RESULT("t", number), method_record_dose, OPEN),
	SD_BUS_METHOD_WITH_ARGS("CorrectDose",
				SD_BUS_ARGS("s", patient, "t", number, "a{sv}", dose, "s", reason),
				SD_BUS_RESULT("t", correction), method_correct_dose, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListDoses", SD_BUS_ARGS("s", patient),
				SD_BUS_RESULT("aa{sv}", doses), method_list_doses, OPEN),
	SD_BUS_METHOD_WITH_ARGS("RecordReaction", SD_BUS_ARGS("s", patient, "a{sv}", reaction),
				SD_BUS_RESULT("t", number), method_record_reaction, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListSessions", SD_BUS_ARGS("s", patient),
				SD_BUS_RESULT("aa{sv}", sessions), method_list_sessions, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ListRecovery", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", items),
				method_list_recovery, OPEN),
	SD_BUS_METHOD_WITH_ARGS("CloseLost", SD_BUS_ARGS("s", lease, "s", reason), SD_BUS_NO_RESULT,
				method_close_lost, OPEN),
	SD_BUS_METHOD_WITH_ARGS("LiftQuarantine",
				SD_BUS_ARGS("s", serial, "s", reason, "b", discard),
				SD_BUS_NO_RESULT, method_lift_quarantine, OPEN),
	SD_BUS_METHOD_WITH_ARGS("AttributeShots",
				SD_BUS_ARGS("s", serial, "s", lease, "s", patient, "s", reason),
				SD_BUS_NO_RESULT, method_attribute_shots, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ErasePatient", SD_BUS_ARGS("s", patient, "s", reason),
				SD_BUS_NO_RESULT, method_erase_patient, OPEN),
	SD_BUS_METHOD_WITH_ARGS("EraseOperator", SD_BUS_ARGS("u", uid, "s", reason),
				SD_BUS_NO_RESULT, method_erase_operator, OPEN),
	SD_BUS_PROPERTY("FormularyHash", "s", formulary_get_hash, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_METHOD_WITH_ARGS("Formulary", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("s", hash, "aa{sv}", things), method_formulary, OPEN),
	SD_BUS_METHOD_WITH_ARGS("ReloadFormulary", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("s", hash, "b", changed), method_reload_formulary,
				OPEN),
	SD_BUS_METHOD_WITH_ARGS("Stop", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_stop, OPEN),
	SD_BUS_VTABLE_END,
};
