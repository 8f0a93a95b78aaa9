/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mesod's verdicts against the reference's answers.
 */
#ifndef TEST_REFERENCE_COMPARE_H
#define TEST_REFERENCE_COMPARE_H

#include "reference_world.h"

/* Every verdict's severity, spent, asked and limits, and that `allowed` and `when` fit to them.  False: w->text
 * says what does not. */
bool reference_compare(struct world *w, const struct ref_question *question,
		       const struct policy_verdict verdicts[POLICY_RULES]);

#endif /* TEST_REFERENCE_COMPARE_H */
