/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the policy's suites start from: a grown-up patient, assessed an hour ago,
 * in a session of a course on a known area, with a formulary made by hand, asks for
 * something that every rule lets pass.  Each test then changes what it is about.
 *
 * Never uses the formulary's parser nor the ledger: numbers here are the tests' own.
 */
#ifndef POLICY_FIXTURE_H
#define POLICY_FIXTURE_H

#include <check.h>

#include "policy.h"

#define NOW   ((int64_t)1800000000) /* 2027-01-15 08:00:00 UTC */
#define TODAY 20833
#define DAY_S ((int64_t)24 * 60 * 60)

/* Indices in the fixture's formulary. */
enum {
	LIDOCAINE,
	LIDOCAINE_EPINEPHRINE,
	PROCAINE,
	HYALURONIDASE,
	DEOXYCHOLATE,
	GLUTATHIONE, /* has a bound of each kind, all in mg */
	RUTIN,       /* has none */
	SUBSTANCES
};

/* Preparations: of a single one under its substance's index, at 1 mg/mL (15 IU/mL), so that a
 * nanolitre has a nanogram; then mixtures. */
enum {
	MIXED_PROCAINE = SUBSTANCES, /* with glutathione */
	MIXED_LIDOCAINE,             /* with hyaluronidase */
	MIXED_DEOXYCHOLATE,          /* with glutathione */
	PREPARATIONS
};

enum {
	THIGH, /* 2 to 4 mm, 400 cm2 */
	FACE,  /* 1 to 2 mm, 100 cm2 */
	AREAS
};

struct policy_world {
	struct limits limits;
	struct formulary formulary;
	struct policy_basis basis; /* both of these */
	struct policy_history history;
	struct policy_request request; /* 20 shots of 20 uL, 401 uL with what may overshoot */
	struct policy_dose doses[3];   /* for a test's own use */
	struct policy_verdict verdicts[POLICY_RULES];
};

extern struct policy_world w;

/* A checked fixture: all of the above, as new. */
void policy_setup(void);

enum policy_severity check_all(void);
/* Runs all rules. */
const struct policy_verdict *verdict(const char *rule);
enum policy_severity severity(const char *rule);

/* Moves the clock and the calendar, which in these tests is UTC's. */
void move_to(int64_t now_s);
/* Asks for the preparation, and puts its cartridge in. */
void ask_for(size_t preparation);
/* One shot of this and nothing that may overshoot. */
void ask_volume(uint32_t volume_nl);
/* @amount of a substance was given @ago_s seconds ago: the only dose of it. */
void gave(size_t substance, int64_t ago_s, uint64_t amount);

/* One shot of what the rule says is allowed is not refused, one nanolitre more is.  The world is as before. */
void expect_allowed_is_exact(const char *rule);
/* At the rule's `when` it is less bad, a second before it is as bad as now.  The world is as before. */
void expect_when_is_exact(const char *rule);
/* Nothing helps but what is said in @words, which the sentence has. */
void expect_refused(const char *rule, const char *words);

/* Runs the tests of a suite, each in the world as new: the end of main(). */
#define RUN_TESTS(name, ...)                                    \
	policy_run(name, (const TTest *const[]){ __VA_ARGS__ }, \
		   sizeof((const TTest *const[]){ __VA_ARGS__ }) / sizeof(const TTest *))
int policy_run(const char *name, const TTest *const *tests, size_t n_tests);

#endif /* POLICY_FIXTURE_H */
