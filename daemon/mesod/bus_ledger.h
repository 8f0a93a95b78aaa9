/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls that the ledger answers: each is one job for the worker and one reply
 * when it is done.  Arguments are checked and callers authorised before.  All
 * return as method handlers do.  What is about people is in bus_people.c.
 */
#ifndef MESOD_BUS_LEDGER_H
#define MESOD_BUS_LEDGER_H

#include <systemd/sd-bus.h>

#include "ledger.h"
#include "worker.h"

#define LIST_LEDGER_MAX 1000u

struct arm_request;
struct mesod;

/* What every such call has; the first member of each. */
struct question {
	struct mesod *mesod;
	sd_bus_message *call;
	int64_t now_s;
	void (*forget)(struct question *q); /* frees what was gathered, may be NULL */
};

/* Has the worker run it; @done answers and calls question_free().  Takes over @q, which may be NULL (out
 * of memory).  Returns as method handlers do. */
int question_ask(struct question *q, struct mesod *mesod, sd_bus_message *call, worker_run_fn run,
		 worker_done_fn done, sd_bus_error *error);
/* Answers with what an errno of the ledger means to most. */
void question_failed(const struct question *q, int r);
void question_free(struct question *q);

int bus_register_operator(struct mesod *mesod, sd_bus_message *call,
			  const struct ledger_operator *op, sd_bus_error *error);
int bus_renew_operator(struct mesod *mesod, sd_bus_message *call,
		       const struct ledger_renewal *renewal, sd_bus_error *error);
int bus_register_patient(struct mesod *mesod, sd_bus_message *call,
			 const struct ledger_patient *patient, sd_bus_error *error);
int bus_tell_patient(struct mesod *mesod, sd_bus_message *call, const char *patient,
		     sd_bus_error *error);
int bus_review_patient(struct mesod *mesod, sd_bus_message *call, const char *patient, uint32_t uid,
		       const char *reason, sd_bus_error *error);
int bus_list_patients(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error);
int bus_list_operators(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error);
int bus_answer_check(struct mesod *mesod, sd_bus_message *call, const char *patient,
		     const struct arm_request *request, sd_bus_error *error);
int bus_list_records(struct mesod *mesod, sd_bus_message *call, uint64_t after, uint32_t max,
		     sd_bus_error *error);
int bus_answer_verify(struct mesod *mesod, sd_bus_message *call, sd_bus_error *error);

#endif /* MESOD_BUS_LEDGER_H */
