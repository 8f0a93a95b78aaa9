/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mesod1.Manager: what a clinician enters about a patient, and reads of one:
 * assessment and course (bus_assess.c), doses by hand (bus_dose.c), sessions and
 * reactions (bus_reaction.c).
 *
 * Owns which words and numbers such a call may have, by the formulary that is in force.
 * Never judges a dose: a record that takes a patient over a limit is recorded, the gun
 * that the patient is being treated with is disarmed, and the policy says no to what
 * is asked next.
 */
#ifndef MESOD_BUS_CLINIC_H
#define MESOD_BUS_CLINIC_H

#include "bus_ledger.h"
#include "ledger_clinic.h"

int method_assess(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_start_course(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_record_dose(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_correct_dose(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_list_doses(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_record_reaction(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_list_sessions(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* ---- what these have in common ------------------------------------------------------- */

/* A call about one patient; the first member of each. */
struct clinic_question {
	struct question q;
	char asked[LEDGER_NAME_MAX]; /* id or reference */
	struct ledger_patient patient;
	bool found; /* the patient was: an -ENOENT after it is about a record */
	uint32_t uid;
	int64_t number; /* of what was recorded */
	bool live;      /* the patient has a reservation that is not settled */
};

/* Reads the leading s; -EINVAL with the error set. */
int clinic_read_patient(sd_bus_message *call, struct clinic_question *c, sd_bus_error *error);
/* In the worker: looks the patient up. */
int clinic_find(void *owned, struct clinic_question *c);
/* The worker is done with something that was to be recorded: disarms, answers, frees. */
void clinic_recorded(struct clinic_question *c, int r);
/* Answers a failed call; does not free. */
void clinic_failed(struct clinic_question *c, int r);

#endif /* MESOD_BUS_CLINIC_H */
