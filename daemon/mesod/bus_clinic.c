// SPDX-License-Identifier: GPL-2.0-only
/*
 * What calls about one patient have in common; see bus_clinic.h.
 */
#include "bus_clinic.h"

#include <string.h>

#include "bus_errors.h"
#include "dict.h"
#include "gun.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"

int clinic_read_patient(sd_bus_message *call, struct clinic_question *c, sd_bus_error *error)
{
	const char *patient;
	int r;

	if (sd_bus_message_read_basic(call, 's', &patient) < 0)
		return bus_fail(error, ERROR_INVALID_ARGUMENT, "patient cannot be read");
	r = text_check("patient", patient, sizeof(c->asked), false, error);
	if (r >= 0)
		TEXT_COPY(c->asked, patient);
	return r;
}

int clinic_find(void *owned, struct clinic_question *c)
{
	int r = ledger_get_patient(owned, c->asked, &c->patient);

	c->found = r >= 0;
	return r < 0 ? r : 0;
}

void clinic_failed(struct clinic_question *c, int r)
{
	sd_bus_message *call = c->q.call;

	switch (-r) {
	case ENOENT:
	case EXDEV:
		if (!c->found)
			break;
		bus_reply_error(call, ERROR_NO_SUCH_RECORD,
				"this patient has no record with that number");
		return;
	case ENODATA:
		bus_reply_error(call, ERROR_NO_SUCH_RECORD, "this patient has had no session yet");
		return;
	case EPERM:
		bus_reply_error(call, ERROR_NOT_OPERATOR, "uid=%u is no registered operator",
				c->uid);
		return;
	case EALREADY:
		bus_reply_error(call, ERROR_ALREADY_EXISTS,
				"that record was corrected already: correct the correction");
		return;
	case ERANGE:
		bus_reply_error(call, ERROR_INVALID_ARGUMENT,
				"given: nothing is given in the future, limit=%d s after now",
				LEDGER_CLOCK_TOLERANCE_S);
		return;
	case EINVAL:
		bus_reply_error(call, ERROR_INVALID_ARGUMENT, "the ledger does not take that");
		return;
	default:
		break;
	}
	question_failed(&c->q, r);
}

void clinic_recorded(struct clinic_question *c, int r)
{
	if (r < 0) {
		clinic_failed(c, r);
		question_free(&c->q);
		return;
	}
	/* What the patient is being given was allowed without knowing this: it is asked for anew. */
	for (struct session *s = c->q.mesod->sessions; s && c->live; s = s->next)
		if (memcmp(&s->patient, &c->patient.id, sizeof(s->patient)) == 0)
			gun_disarm(s->gun);
	(void)sd_bus_reply_method_return(c->q.call, "t", (uint64_t)c->number);
	question_free(&c->q);
}
