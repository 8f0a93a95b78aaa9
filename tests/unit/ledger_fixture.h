/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ledger in a directory of its own, an operator, a patient, a gun that keeps
 * its books honestly: what every ledger suite starts from.
 *
 * Owns the temporary directory.  Never judges: the suites do.
 */
#ifndef TEST_LEDGER_FIXTURE_H
#define TEST_LEDGER_FIXTURE_H

#include "ledger.h"

#define T0       ((int64_t)1800000000) /* wall clock at the start */
#define OPERATOR 1000u
#define EPOCH    UINT64_C(0xfedcba9876543210) /* above INT64_MAX on purpose */
#define BOOT     UINT64_C(0x8000000000000001)
#define SERIAL   "G-1"

#define FIXTURE_BALLAST 65536u /* small, since there are thousands of places */

struct place {
	char directory[64];
	char path[80];
	char mark[80];
};

struct bench {
	struct place place;
	struct ledger *ledger;
	struct limits limits;
	struct policy_basis basis; /* the limits above */
	struct ledger_id patient;
	int64_t session;
	int64_t now_s;
	struct ledger_gun gun; /* an honest gun's counters */
	struct policy_verdict verdicts[POLICY_RULES];
};

void place_make(struct place *place);
void place_remove(struct place *place);
/* Copies all files of the one into the other, which becomes equal. */
void place_copy(const struct place *from, const struct place *to);

/* Opens, and fails the test if that returns an error; the state may be any. */
struct ledger *place_open(const struct place *place);
struct ledger *place_open_vfs(const struct place *place, const char *vfs);

/* A new ledger with operator, patient, session on SERIAL. */
/* That second, in a place whose days begin at 00:00 UTC. */
struct ledger_moment moment(int64_t now_s);
void bench_start(struct bench *b);
void bench_stop(struct bench *b);
void bench_reopen(struct bench *b);

int add_operator(struct ledger *l, uint32_t uid);
int add_patient(struct ledger *l, const char *reference, struct ledger_id *ret);

/* An order of @shots times @dose_nl with 1 uL of overshoot, from the bench's session and gun. */
struct ledger_order bench_order(const struct bench *b, uint32_t dose_nl, uint32_t shots);
int bench_reserve(struct bench *b, uint32_t dose_nl, uint32_t shots,
		  struct ledger_reservation *ret);
/* The gun's next shot under a lease; its counters move on. */
struct meso_shot gun_fires(struct ledger_gun *gun, const uint8_t *lease_id, uint32_t dose_nl);
/* What an honest gun shows when the lease is over. */
struct ledger_evidence evidence_of(const struct ledger_gun *gun, const uint8_t *lease_id);
/* Reserve, fire them all, settle; fails the test unless it is released. */
void bench_treat(struct bench *b, uint32_t dose_nl, uint32_t shots);

uint64_t outstanding_of(struct bench *b);
uint64_t settled_of(struct bench *b);
uint64_t chain_length(struct ledger *l);
/* How many records of a type there are. */
unsigned int count_records(struct ledger *l, const char *type);
/* Runs SQL on the closed file by force: no trigger hinders it, and none is missing afterwards. */
void tamper(const struct place *place, const char *sql);

/* Makes the mark of a clean close the mark of a crash. */
void forget_digest(const char *mark);

#endif /* TEST_LEDGER_FIXTURE_H */
