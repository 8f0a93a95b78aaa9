/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ledger in a directory of its own, an operator, a small formulary, a patient who
 * was assessed and has a course, a gun that keeps its books honestly, and in it a
 * syringe that is loaded: what every ledger suite starts from.
 *
 * Owns the temporary directory.  Never judges: the suites do.
 */
#ifndef TEST_LEDGER_FIXTURE_H
#define TEST_LEDGER_FIXTURE_H

#include "ledger.h"
#include "ledger_clinic.h"

#define T0       ((int64_t)1800000000) /* wall clock at the start */
#define OPERATOR 1000u
#define EPOCH    UINT64_C(0xfedcba9876543210) /* above INT64_MAX on purpose */
#define BOOT     UINT64_C(0x8000000000000001)
#define SERIAL   "G-1"

#define FIXTURE_BALLAST 65536u /* small, since there are thousands of places */

#define MASS_G 70000u

/* Indices in the formulary. */
enum { LIDOCAINE, HYALURONIDASE, HYALURONIC_ACID };
enum { LIDO, MIX, FILLER };
enum { FACE, SCALP };

#define LIDO_PG_NL 10001u /* so that hardly any volume has a whole amount */
#define MIX_PG_NL  3333u
#define MIX_UIU_NL 7u
#define FACE_MM2   30000u

struct place {
	char directory[64];
	char path[80];
	char mark[80];
};

struct bench {
	struct place place;
	struct ledger *ledger;
	struct limits limits;
	struct formulary formulary;
	struct policy_basis basis; /* these two */
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

/* That second, in a place whose days begin at 00:00 UTC. */
struct ledger_moment moment(int64_t now_s);
/* Limits, formulary and gun, without a ledger; its pointers are to itself. */
void bench_prepare(struct bench *b);
/* Operator, patient with assessment and course, and a session on SERIAL with LIDO, into b->ledger, which is new. */
void bench_begin(struct bench *b);
/* Both, and the new ledger in a place of its own. */
void bench_start(struct bench *b);
void bench_stop(struct bench *b);
void bench_reopen(struct bench *b);

int add_operator(struct ledger *l, uint32_t uid);
int add_patient(struct ledger *l, const char *reference, struct ledger_id *ret);

/* A sound assessment, and a course of @interval_d, by OPERATOR. */
struct ledger_assessment bench_assessment(const struct ledger_id *patient);
struct ledger_course bench_course(const struct ledger_id *patient, uint32_t interval_d);
/* These fail the test unless they work.  The session is of the bench's patient and gun, with LIDO. */
void bench_assess(struct bench *b);
void bench_load(struct bench *b, size_t preparation);
void bench_open_session(struct bench *b);

/* An order of @shots times @dose_nl with 1 uL of overshoot, into the face, from the bench's session and gun,
 * and of what is loaded there. */
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
