/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of rules, for policy.c alone.  A new rule is one small function and
 * one row; POLICY_RULES in policy.h counts the rows.
 */
#ifndef MESOD_POLICY_RULES_H
#define MESOD_POLICY_RULES_H

#include "policy.h"

/* What a rule looks at: the arguments of policy_check(). */
struct policy_case {
	const struct policy_basis *basis;
	const struct policy_history *history;
	const struct policy_request *request;
};

struct policy_rule {
	const char *id;
	/* Fills everything but the rule's id in an all-zero verdict, whose unit is "". */
	void (*judge)(const struct policy_case *c, struct policy_verdict *v);
};

extern const struct policy_rule policy_rules[POLICY_RULES];

/* Sums and products that stop at the largest number there is. */
uint64_t policy_add(uint64_t a, uint64_t b);
uint64_t policy_multiply(uint64_t a, uint64_t b);

#endif /* MESOD_POLICY_RULES_H */
