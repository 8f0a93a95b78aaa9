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
	/* the shot, the lease, the session */
	{ "shot-volume", judge_shot_volume },
	{ "depth", judge_depth },
	{ "rate", judge_rate },
	{ "session-volume", judge_session_volume },
	{ "area-volume", judge_area_volume },
	{ "area-known", judge_area_known },
	{ "reservoir", judge_reservoir },
	{ "one-patient", judge_one_patient },
	{ "patient-24h-volume", judge_patient_24h },
	{ "lease-shape", judge_lease_shape },
	{ "prime-volume", judge_prime_volume },
	{ "session-length", judge_session_length },
	{ "fault-stops", judge_fault_stops },
	/* the course */
	{ "session-interval", judge_session_interval },
	{ "late-interval", judge_late_interval },
	{ "course-sessions", judge_course_sessions },
	{ "course-gap", judge_course_gap },
	/* what is given */
	{ "substance-shot", judge_substance_shot },
	{ "substance-session", judge_substance_session },
	{ "substance-24h", judge_substance_24h },
	{ "substance-course", judge_substance_course },
	{ "substance-interval", judge_substance_interval },
	{ "substance-sessions", judge_substance_sessions },
	{ "anaesthetics-sum", judge_anaesthetics },
	{ "hyaluronidase", judge_hyaluronidase },
	{ "mass-known", judge_mass_known },
	{ "by-gun", judge_by_gun },
	{ "unmixed", judge_unmixed },
	{ "preparation-known", judge_preparation_known },
	{ "cartridge", judge_cartridge },
	/* to whom, and by whom */
	{ "assessment", judge_assessment },
	{ "consent", judge_consent },
	{ "elsewhere", judge_elsewhere },
	{ "operator", judge_operator },
	{ "adult", judge_adult },
	{ "pregnancy", judge_pregnancy },
	{ "breastfeeding", judge_breastfeeding },
	{ "infection", judge_infection },
	{ "allergy", judge_allergy },
	{ "condition", judge_condition },
	{ "nsaid", judge_nsaid },
};

_Static_assert(ARRAY_LENGTH(rules) == POLICY_RULES, "POLICY_RULES counts the rows");

const struct policy_rule *const policy_rules = rules;
