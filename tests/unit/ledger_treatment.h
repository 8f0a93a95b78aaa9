/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A treatment as the ledger sees it, step by step, for tests that break off in
 * the middle; and the judge of what is left.
 */
#ifndef TEST_LEDGER_TREATMENT_H
#define TEST_LEDGER_TREATMENT_H

#include "ledger_fixture.h"

struct treatment {
	struct bench b;
	struct ledger_reservation v;
	struct meso_shot shots[4];
};

/* Operator, patient, assessment, course, gun, session, load, reservation, shot, settlement, incident,
 * close: each one transaction. */
#define TREATMENT_STEPS   12
#define TREATMENT_RESERVE 7 /* the reservation's */

void treatment_prepare(struct treatment *t, const struct place *place);
int treatment_step(struct treatment *t, size_t step);
/* Does steps until one fails; returns how many were acknowledged. */
size_t treatment_run(struct treatment *t, int *ret_error, void (*acknowledged)(void));
/* How long the chain is after so many steps. */
unsigned int treatment_records(size_t steps);
/* Tells the settlement's shots and evidence again. */
int treatment_repeat(struct treatment *t);

/*
 * The next operation to break off at: @stride further, and four times that under the sanitizers,
 * which take their time; MESO_TEST_EVERY=1 leaves none out.
 */
unsigned int treatment_next(unsigned int n, unsigned int stride);
/* The first one: another each time that it is asked for on another second. */
unsigned int treatment_first(unsigned int stride);

/* Opens what is left and fails the test unless it is whole and holds what was acknowledged.
 * @exact: the step that failed must not be there; otherwise it is there whole or not. */
void treatment_judge(const struct place *place, size_t acknowledged, bool exact, const char *what,
		     unsigned int n);

#endif /* TEST_LEDGER_TREATMENT_H */
