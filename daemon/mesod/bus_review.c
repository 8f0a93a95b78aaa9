// SPDX-License-Identifier: GPL-2.0-only
/*
 * Manager.ReviewPatient: an administrator has found out what a restored ledger
 * does not know of a patient.  One job for the worker, as in bus_ledger.c.
 */
#include <stdlib.h>

#include "bus_errors.h"
#include "bus_ledger.h"
#include "macros.h"

struct review_question {
	struct question q;
	char patient[LEDGER_NAME_MAX];
	uint32_t uid;
	char reason[LEDGER_REASON_MAX];
};

static int review_run(void *owned, void *userdata)
{
	struct review_question *v = userdata;

	return ledger_review_patient(owned, v->q.now_s, v->patient, v->uid, v->reason);
}

static void review_done(void *userdata, int r)
{
	struct review_question *v = userdata;

	if (r < 0)
		question_failed(&v->q, r);
	else
		(void)sd_bus_reply_method_return(v->q.call, NULL);
	question_free(&v->q);
}

int bus_review_patient(struct mesod *mesod, sd_bus_message *call, const char *patient, uint32_t uid,
		       const char *reason, sd_bus_error *error)
{
	struct review_question *v = calloc(1, sizeof(*v));

	if (v) {
		TEXT_COPY(v->patient, patient);
		v->uid = uid;
		TEXT_COPY(v->reason, reason);
	}
	return question_ask(v ? &v->q : NULL, mesod, call, review_run, review_done, error);
}
