// SPDX-License-Identifier: GPL-2.0-only
/*
 * org.mesod1.Manager: names that are to be forgotten.  What goes and what stays is
 * the ledger's (ledger_erase.c).
 */
#include <string.h>

#include "authority.h"
#include "bus.h"
#include "bus_errors.h"
#include "bus_ledger.h"
#include "bus_recover.h"
#include "dict.h"
#include "macros.h"
#include "mesod.h"

struct erasure {
	struct question q;
	uint32_t uid;
	char reason[LEDGER_REASON_MAX];
	char asked[LEDGER_NAME_MAX]; /* a patient */
	uint32_t operator_uid;
};

static int erase_patient_run(void *owned, void *userdata)
{
	struct erasure *e = userdata;
	struct ledger_patient patient;
	int r;

	r = ledger_get_patient(owned, e->asked, &patient);
	return r < 0 ? r : ledger_erase_patient(owned, e->q.now_s, &patient.id, e->uid, e->reason);
}

static int erase_operator_run(void *owned, void *userdata)
{
	struct erasure *e = userdata;

	return ledger_erase_operator(owned, e->q.now_s, e->operator_uid, e->uid, e->reason);
}

static void answer(const struct erasure *e, int r)
{
	switch (-r) {
	case 0:
		(void)sd_bus_reply_method_return(e->q.call, NULL);
		return;
	case EALREADY:
		bus_reply_error(e->q.call, ERROR_INVALID_ARGUMENT, "that was erased already");
		return;
	case EBUSY:
		bus_reply_error(e->q.call, ERROR_BUSY,
				"not erased: a session is open, or a reservation is not settled");
		return;
	case ENOTEMPTY:
		bus_reply_error(
			e->q.call, ERROR_LEDGER,
			"not erased: a file that a restore has put aside beside the ledger "
			"(ledger.db.lost-*) cannot be read, and may hold the name: remove it");
		return;
	default:
		question_failed(&e->q, r);
	}
}

static void erase_patient_done(void *userdata, int r)
{
	struct erasure *e = userdata;

	if (r >= 0)
		log_main(e->q.mesod, LOG_NOTICE, "a patient was erased by uid %u", e->uid);
	answer(e, r);
	question_free(&e->q);
}

static void erase_operator_done(void *userdata, int r)
{
	struct erasure *e = userdata;

	if (r >= 0) {
		authority_forget_operator(e->q.mesod->authority, e->operator_uid);
		log_main(e->q.mesod, LOG_NOTICE, "operator uid %u was erased by uid %u",
			 e->operator_uid, e->uid);
	}
	if (r == -ENOENT)
		bus_reply_error(e->q.call, ERROR_INVALID_ARGUMENT,
				"uid=%u is no registered operator", e->operator_uid);
	else
		answer(e, r);
	question_free(&e->q);
}

static int erase_patient_authorized(struct mesod *mesod, sd_bus_message *call,
				    const struct caller *caller, sd_bus_error *error)
{
	const char *patient, *reason;
	struct erasure *e;
	int r;

	r = sd_bus_message_read(call, "ss", &patient, &reason);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = text_check("patient", patient, LEDGER_NAME_MAX, false, error);
	if (r >= 0)
		r = text_check("reason", reason, LEDGER_REASON_MAX, false, error);
	if (r < 0)
		return r;
	e = calloc(1, sizeof(*e));
	if (e) {
		e->uid = caller->uid;
		TEXT_COPY(e->asked, patient);
		TEXT_COPY(e->reason, reason);
	}
	return question_ask(e ? &e->q : NULL, mesod, call, erase_patient_run, erase_patient_done,
			    error);
}

int method_erase_patient(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, erase_patient_authorized, error);
}

static int erase_operator_authorized(struct mesod *mesod, sd_bus_message *call,
				     const struct caller *caller, sd_bus_error *error)
{
	const char *reason;
	struct erasure *e;
	uint32_t uid;
	int r;

	r = sd_bus_message_read(call, "us", &uid, &reason);
	if (r < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "malformed arguments");
	r = text_check("reason", reason, LEDGER_REASON_MAX, false, error);
	if (r < 0)
		return r;
	e = calloc(1, sizeof(*e));
	if (e) {
		e->uid = caller->uid;
		e->operator_uid = uid;
		TEXT_COPY(e->reason, reason);
	}
	return question_ask(e ? &e->q : NULL, mesod, call, erase_operator_run, erase_operator_done,
			    error);
}

int method_erase_operator(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	return authority_ask(userdata, call, ACTION_ADMINISTER, erase_operator_authorized, error);
}
