/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ledger as the mesod wrote it that knew schema version 1 only: its rows, byte
 * for byte.  Never made by the code under test.
 */
#ifndef TEST_LEDGER_V1_H
#define TEST_LEDGER_V1_H

#include "ledger_fixture.h"

/* An operator, a patient, a session that is closed, a lease that is settled and one with one of two
 * shots that is not, a gun G-9 in quarantine. */
#define V1_RECORDS        14
#define V1_SETTLED_NL     40040
#define V1_OUTSTANDING_NL 41000

/* In an empty place: the file of a clean close and its mark. */
void place_make_v1(const struct place *place);

#endif /* TEST_LEDGER_V1_H */
