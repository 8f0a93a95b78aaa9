/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ledger with years of history, quickly: what is summed up must not be what takes
 * the time.
 *
 * Owns where the short cut is: the facts and what follows from them are written as a
 * treatment writes them, but nobody judges, and a week is one transaction.
 * ledger_verify() finds them whole.
 */
#ifndef TEST_LEDGER_MAKER_H
#define TEST_LEDGER_MAKER_H

#include "ledger_fixture.h"

#define MAKER_SESSIONS 10u  /* of each patient, in one course, a week apart */
#define MAKER_SHOTS    100u /* of each session, under one lease */

/*
 * Fills b->ledger, which is new and of bench_prepare(), with @patients times MAKER_SESSIONS times
 * MAKER_SHOTS shots, all by one gun.  The last session of each is a week before T0 or
 * more.  The bench's patient is the first of them; b->session is open, assessed and
 * loaded.  Whatever the number of patients, that one's own history is the same.
 */
void maker_start(struct bench *b, unsigned int patients);

/* Statements of the ledger: how many of @counter (SQLITE_STMTSTATUS_*) since the last reset, all together.
 * @worst: the text of one that has the most of them; may be NULL. */
uint64_t maker_count(struct ledger *l, int counter, const char **worst);
void maker_reset(struct ledger *l, int counter);

/* An order that the rules let pass with a reason, after so many sessions. */
int maker_reserve(struct bench *b, uint32_t dose_nl, uint32_t shots,
		  struct ledger_reservation *ret);

#endif /* TEST_LEDGER_MAKER_H */
