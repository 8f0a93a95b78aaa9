/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a dose may be, said a second time: SAFETY's table of rules written down
 * as naively as it can be, to be compared with mesod's policy and ledger.
 *
 * Owns a plain list of everything that ever happened, in the order in which it
 * became known, and answers by walking all of it, for each rule anew.  Shares no
 * code with mesod, only its types of input: two programs that make the same
 * mistake must have made it twice.  Never deletes, sums up in advance or rounds
 * but where the rule says so.
 */
#ifndef TEST_REFERENCE_LIMITER_H
#define TEST_REFERENCE_LIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dose_limits.h"
#include "formulary.h"
#include "policy.h"

enum ref_what {
	REF_PATIENT, /* birth_day (REF_UNBORN: erased) */
	REF_MASS,    /* mass_g */
	REF_COURSE, /* of a patient from now on: course, interval_d, late_interval_d (0 not said) */
	REF_SESSION, /* session of patient on gun */
	REF_SESSION_END,
	REF_LOAD, /* preparation, in a new syringe, in session: its first makes it one of the course */
	REF_LEASE, /* reserved in a session: lease, patient, gun, prime, preparation, area, nl, overshoot_nl */
	REF_SETTLED, /* lease: nl counts from when_s on, and no more; a later one replaces it */
	REF_FAULT,   /* a lease of gun was ended by a fault */
	REF_HAND, /* dose of patient: substances, nl, given_s, day; in session, or 0 and then in course.  It
		   * stands for the dose it replaces; without substances that one was never given */
	REF_ASSESSMENT,  /* of patient: consent, elsewhere, allergies, conditions */
	REF_ATTRIBUTION, /* somebody's shots are patient's: nl of who knows what, since given_s */
	REF_CONFIRMED, /* the clock is right: what was recorded before and dated later is of now */
};

#define REF_UNBORN  INT32_MIN
#define REF_NOTHING SIZE_MAX /* no preparation, area, substance */

struct ref_event {
	enum ref_what what;
	int64_t when_s;
	int32_t day;
	/* whatever the driver calls them; 0 none */
	uint64_t patient, session, course, gun, lease, dose, replaces;
	size_t preparation, area; /* indices in the formulary */
	uint64_t nl, overshoot_nl;
	size_t n_substances;
	size_t substances[FORMULARY_COMPONENTS];
	uint64_t amounts[FORMULARY_COMPONENTS];
	int64_t given_s;
	int32_t birth_day;
	uint32_t mass_g, interval_d, late_interval_d;
	bool prime, consent, elsewhere;
	const char *allergies, *conditions; /* words; static */
};

struct ref {
	struct ref_event *events;
	size_t n, room;
};

void ref_add(struct ref *ref, struct ref_event event);
void ref_clear(struct ref *ref);

struct ref_question {
	int64_t now_s;
	int32_t today;
	uint64_t patient, session, gun; /* session 0: in none */
	uint64_t session_patient;       /* whose session that is */
	bool operator_valid;
	const struct limits *limits;
	const struct formulary *formulary;
	struct policy_request request;
};

enum ref_rule {
	REF_SHOT_VOLUME,
	REF_DEPTH,
	REF_RATE,
	REF_SESSION_VOLUME,
	REF_PATIENT_24H,
	REF_AREA_VOLUME,
	REF_PRIME_VOLUME,
	REF_SESSION_LENGTH,
	REF_INTERVAL,
	REF_LATE_INTERVAL,
	REF_COURSE_SESSIONS,
	REF_COURSE_GAP,
	REF_SUBSTANCE_SHOT,
	REF_SUBSTANCE_SESSION,
	REF_SUBSTANCE_24H,
	REF_SUBSTANCE_COURSE,
	REF_SUBSTANCE_INTERVAL,
	REF_SUBSTANCE_SESSIONS,
	REF_ANAESTHETICS,
	REF_SPREADING, /* hyaluronidase and epinephrine */
	REF_BY_HAND_ONLY,
	REF_UNMIXED,
	REF_PREGNANCY,
	REF_BREASTFEEDING,
	REF_INFECTION,
	REF_CONDITIONS, /* that the formulary has for a substance */
	REF_NSAID,
	REF_ALLERGY,
	REF_AGE,
	REF_ASSESSED,
	REF_CONSENT,
	REF_ELSEWHERE,
	REF_OPERATOR,
	REF_UNKNOWN_PREPARATION,
	REF_UNKNOWN_AREA,
	REF_WEIGHT,
	REF_CARTRIDGE,
	REF_FAULT_STOPS,
	REF_ONE_PATIENT,
	REF_GUN_SHAPE,
	REF_RESERVOIR,
	REF_RULES
};

/* What was found, in the rule's unit.  severity: 0 nothing against it, 1 a reason is needed, 2 refused. */
struct ref_figure {
	int severity;
	size_t substance; /* that it is about, REF_NOTHING */
	uint64_t spent, asked, soft,
		hard; /* hard UINT64_MAX: no bound; too large counts as UINT64_MAX */
};

struct ref_answer {
	int severity; /* the worst of the figures */
	size_t n;
	struct ref_figure figures[FORMULARY_COMPONENTS];
};

/* The rule's answer: a figure for each substance of the preparation, or one alone, or none if there are no
 * numbers in it. */
struct ref_answer ref_ask(const struct ref *ref, const struct ref_question *question,
			  enum ref_rule rule);
const char *ref_rule_name(enum ref_rule rule);

#endif /* TEST_REFERENCE_LIMITER_H */
