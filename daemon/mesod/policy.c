// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy's engine: runs the table and puts the worst first.
 *
 * Owns saturating arithmetic and order.  Knows no rule.
 */
#include "policy.h"
#include "policy_rules.h"

uint64_t policy_add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

uint64_t policy_multiply(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

uint64_t policy_volume_nl(const struct policy_request *request)
{
	return policy_multiply(request->dose_nl, request->shots);
}

uint64_t policy_reserve_nl(const struct policy_request *request)
{
	return policy_add(policy_volume_nl(request), request->overshoot_nl);
}

enum policy_severity policy_check(const struct policy_basis *basis,
				  const struct policy_history *history,
				  const struct policy_request *request,
				  struct policy_verdict ret_verdicts[POLICY_RULES])
{
	const struct policy_case c = { basis, history, request };

	/* Each verdict goes behind those that are as bad or worse: the table's order among equals. */
	for (size_t i = 0; i < POLICY_RULES; i++) {
		struct policy_verdict verdict = { .rule = policy_rules[i].id,
						  .unit = "",
						  .what = "" };
		size_t place = i;

		policy_rules[i].judge(&c, &verdict);
		while (place > 0 && ret_verdicts[place - 1].severity < verdict.severity) {
			ret_verdicts[place] = ret_verdicts[place - 1];
			place--;
		}
		ret_verdicts[place] = verdict;
	}
	return ret_verdicts[0].severity;
}

const char *policy_severity_name(enum policy_severity severity)
{
	switch (severity) {
	case POLICY_OK:
		return "ok";
	case POLICY_SOFT:
		return "soft";
	case POLICY_HARD:
		break;
	}
	return "hard";
}
