/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ledger behind a random history.
 */
#ifndef TEST_REFERENCE_LEDGER_H
#define TEST_REFERENCE_LEDGER_H

#include "ledger_fixture.h"
#include "reference_world.h"

#define REFERENCE_NUMBERS 256 /* that a world gives, at most */

struct reference_ledger {
	struct place place;
	struct ledger *ledger;
	unsigned int histories; /* played in it */
	/* of the history that is being played */
	struct ledger_id patients[WORLD_PATIENTS];
	struct {
		char serial[32];
		struct ledger_gun gun;
		struct ledger_reservation lease;
		unsigned int fired; /* under it, recorded */
		int64_t fired_s;    /* when the last of them was */
	} guns[WORLD_GUNS];
	int64_t numbers[REFERENCE_NUMBERS]; /* the ledger's for each of the world's */
};

extern const struct world_backend reference_ledger_backend;

void reference_ledger_start(struct reference_ledger *state);
/* Verifies what is in it, and removes it. */
void reference_ledger_stop(struct reference_ledger *state);

#endif /* TEST_REFERENCE_LEDGER_H */
