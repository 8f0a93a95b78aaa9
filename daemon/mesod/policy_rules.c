// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of the rules that a dose has to pass.
 *
 * Owns their ids, which clients and the ledger's overrides know, and their order among
 * verdicts that are as bad.  What each compares is in the files that policy_rules.h
 * lists.
 */
#include "policy_rules.h"

static const struct policy_rule rules[] = {
	{ "shot-volume", judge_shot_volume },
	{ "depth", judge_depth },
	{ "rate", judge_rate },
	{ "session-volume", judge_session_volume },
	{ "reservoir", judge_reservoir },
	{ "one-patient", judge_one_patient },
	{ "patient-24h-volume", judge_patient_24h },
	{ "lease-shape", judge_lease_shape },
};

_Static_assert(ARRAY_LENGTH(rules) == POLICY_RULES, "POLICY_RULES counts the rows");

const struct policy_rule *const policy_rules = rules;
