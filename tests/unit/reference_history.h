/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What policy is told of a patient, made of the reference's list.
 */
#ifndef TEST_REFERENCE_HISTORY_H
#define TEST_REFERENCE_HISTORY_H

#include "reference_limiter.h"

struct ref_history {
	struct policy_history history; /* session_patient: all bytes are the question's */
	struct policy_dose *doses;
};

/* ref_free_history() frees it. */
void ref_fill_history(const struct ref *ref, const struct ref_question *question,
		      struct ref_history *ret);
void ref_free_history(struct ref_history *history);

#endif /* TEST_REFERENCE_HISTORY_H */
