// SPDX-License-Identifier: GPL-2.0-only
/*
 * See ledger_treatment.h.
 */
#include "ledger_treatment.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int step_operator(struct treatment *t)
{
	return add_operator(t->b.ledger, OPERATOR);
}

static int step_patient(struct treatment *t)
{
	return add_patient(t->b.ledger, "P-1", &t->b.patient);
}

static int step_assessment(struct treatment *t)
{
	struct ledger_assessment a = bench_assessment(&t->b.patient);

	return ledger_add_assessment(t->b.ledger, T0, &a, NULL, NULL);
}

static int step_course(struct treatment *t)
{
	struct ledger_course course = bench_course(&t->b.patient, 7);

	return ledger_add_course(t->b.ledger, T0, &course, NULL, NULL);
}

static int step_gun(struct treatment *t)
{
	return ledger_see_gun(t->b.ledger, T0, &t->b.gun, NULL);
}

static int step_session(struct treatment *t)
{
	return ledger_open_session(t->b.ledger, T0, "2027-01-15", &t->b.patient, SERIAL, OPERATOR,
				   &t->b.session);
}

static int step_load(struct treatment *t)
{
	const struct ledger_moment now = moment(T0);

	return ledger_add_load(t->b.ledger, &now, t->b.session, &t->b.formulary, LIDO, 100 + LIDO,
			       60000, NULL);
}

static int step_reserve(struct treatment *t)
{
	return bench_reserve(&t->b, 20000, 4, &t->v);
}

static int step_shot(struct treatment *t)
{
	return ledger_record(t->b.ledger, T0, SERIAL, t->shots, 1, NULL, NULL);
}

static int step_settle(struct treatment *t)
{
	struct ledger_evidence e = evidence_of(&t->b.gun, t->v.lease_id);
	struct ledger_settlement s;
	int r;

	r = ledger_record(t->b.ledger, T0, SERIAL, t->shots, 4, &e, &s);
	ck_assert(r < 0 || s.outcome == LEDGER_RELEASED);
	return r;
}

static int step_incident(struct treatment *t)
{
	return ledger_add_incident(t->b.ledger, T0, "test", SERIAL, t->v.lease_id,
				   "nothing happened", true);
}

static int step_close(struct treatment *t)
{
	return ledger_close_session(t->b.ledger, T0, t->b.session, "done");
}

/* Each step is one transaction, and so many records. */
static const struct {
	int (*run)(struct treatment *t);
	unsigned int records;
} steps[] = {
	{ step_operator, 1 }, { step_patient, 1 }, { step_assessment, 1 }, { step_course, 1 },
	{ step_gun, 1 },      { step_session, 1 }, { step_load, 1 },       { step_reserve, 2 },
	{ step_shot, 1 },     { step_settle, 4 },  { step_incident, 2 },   { step_close, 1 },
};

_Static_assert(sizeof(steps) / sizeof(steps[0]) == TREATMENT_STEPS, "the header counts them");

unsigned int treatment_records(size_t n)
{
	unsigned int records = 1; /* the ledger's own */

	for (size_t i = 0; i < n; i++)
		records += steps[i].records;
	return records;
}

void treatment_prepare(struct treatment *t, const struct place *place)
{
	memset(t, 0, sizeof(*t));
	bench_prepare(&t->b);
	t->b.place = *place;
}

/* What the gun does between reservation and report. */
static void fire(struct treatment *t)
{
	for (size_t i = 0; i < 4; i++)
		t->shots[i] = gun_fires(&t->b.gun, t->v.lease_id, 20000);
}

int treatment_step(struct treatment *t, size_t step)
{
	int r = steps[step].run(t);

	if (r >= 0 && steps[step].run == step_reserve)
		fire(t);
	return r;
}

int treatment_repeat(struct treatment *t)
{
	return step_settle(t);
}

size_t treatment_run(struct treatment *t, int *ret_error, void (*acknowledged)(void))
{
	for (size_t i = 0; i < TREATMENT_STEPS; i++) {
		*ret_error = treatment_step(t, i);
		if (*ret_error < 0)
			return i;
		if (acknowledged)
			acknowledged();
		/* What the daemon does every second; nobody waits for it. */
		(void)ledger_write_mark(t->b.ledger);
	}
	*ret_error = 0;
	return TREATMENT_STEPS;
}

/* gcc says it in one way, clang in another. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOW 4
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW 4
#endif
#endif
#ifndef SLOW
#define SLOW 1
#endif

unsigned int treatment_first(unsigned int stride)
{
	return getenv("MESO_TEST_EVERY") ? 0 : (unsigned int)time(NULL) % (SLOW * stride);
}

unsigned int treatment_next(unsigned int n, unsigned int stride)
{
	return n + (getenv("MESO_TEST_EVERY") ? 1 : SLOW * stride);
}

void treatment_judge(const struct place *place, size_t acknowledged, bool exact, const char *what,
		     unsigned int n)
{
	/* Opening verifies all of a ledger as small as this one. */
	struct ledger *l = place_open(place);
	struct meso_host_mark mark;

	ck_assert_msg(ledger_get_state(l) == LEDGER_OK, "%s at %u: %s: %s", what, n,
		      ledger_state_name(ledger_get_state(l)), ledger_get_problem(l));
	ck_assert_int_eq(ledger_get_host_mark(l, &mark), 0);
	ck_assert_msg(mark.sequence == treatment_records(acknowledged) ||
			      (!exact && acknowledged < TREATMENT_STEPS &&
			       mark.sequence == treatment_records(acknowledged + 1)),
		      "%s at %u: %zu steps were acknowledged, the chain has %u records", what, n,
		      acknowledged, (unsigned int)mark.sequence);
	ledger_close(l);
}
