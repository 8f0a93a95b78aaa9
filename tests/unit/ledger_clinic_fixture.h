/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bench whose history is looked at: what the clinical suites start from.
 */
#ifndef TEST_LEDGER_CLINIC_FIXTURE_H
#define TEST_LEDGER_CLINIC_FIXTURE_H

#include "ledger_clinic.h"
#include "ledger_fixture.h"
#include "ledger_internal.h"

#define DAY_S ((int64_t)86400)

struct clinic {
	struct bench b;
	int64_t course;
	struct policy_history history; /* of the newest clinic_look() */
	struct history_session at;
};

void clinic_start(struct clinic *c);
void clinic_stop(struct clinic *c);

/* @amount ng of lidocaine, by hand, now, in no session. */
struct ledger_hand_dose clinic_hand_dose(const struct clinic *c, uint64_t amount_ng,
					 uint64_t volume_nl);

/* These fail the test unless they work. */
int64_t clinic_give(struct clinic *c, const struct ledger_hand_dose *dose);
/* Closes the session and opens the next one, of the same patient. */
void clinic_next_session(struct clinic *c);
/* Into @area; the order as such, reserved, and fired, settled and released. */
struct ledger_order clinic_order(const struct clinic *c, size_t area, uint32_t dose_nl,
				 uint32_t shots);
void clinic_reserve(struct clinic *c, size_t area, uint32_t dose_nl, uint32_t shots,
		    struct ledger_reservation *ret);
void clinic_treat(struct clinic *c, size_t area, uint32_t dose_nl, uint32_t shots);
/* A prime above the scalp: settled as never armed (nothing), into the air (credited), or into skin. */
enum primed { PRIMED_NEVER, PRIMED_AIR, PRIMED_SKIN };
void clinic_prime(struct clinic *c, uint32_t volume_nl, enum primed how);
/* The history now, in the session that is open or (@session 0) in none. */
const struct policy_history *clinic_look(struct clinic *c, int64_t session);
/* What is settled of a substance in the 24 h before now. */
uint64_t clinic_window(const struct clinic *c, size_t substance);

#endif /* TEST_LEDGER_CLINIC_FIXTURE_H */
