/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of rules, for policy.c alone, and what the files of rules share.  A
 * new rule is one small function and one row; POLICY_RULES in policy.h counts the
 * rows.
 *
 * The words and numbers of a verdict are filled by policy_words.c, calendar and
 * windows are policy_time.c's, what the formulary makes of a request is
 * policy_amounts.c's.  Nothing here keeps state.
 */
#ifndef MESOD_POLICY_RULES_H
#define MESOD_POLICY_RULES_H

#include <injector.h>

#include "macros.h"
#include "policy.h"

/* What a rule looks at: the arguments of policy_check(). */
struct policy_case {
	const struct policy_basis *basis;
	const struct policy_history *history;
	const struct policy_request *request;
};

/* Fills everything but the rule's id in an all-zero verdict, whose unit and `what` are "". */
typedef void policy_judge(const struct policy_case *c, struct policy_verdict *v);

struct policy_rule {
	const char *id;
	policy_judge *judge;
};

extern const struct policy_rule *const policy_rules; /* POLICY_RULES rows */

/* policy_volume.c */
policy_judge judge_shot_volume, judge_depth, judge_rate, judge_session_volume, judge_area_volume,
	judge_area_known, judge_reservoir, judge_patient_24h, judge_prime_volume;
/* policy_lease.c */
policy_judge judge_lease_shape, judge_one_patient, judge_session_length, judge_fault_stops;
/* policy_course.c */
policy_judge judge_session_interval, judge_late_interval, judge_course_sessions, judge_course_gap;
/* policy_substances.c */
policy_judge judge_substance_shot, judge_substance_session, judge_substance_24h,
	judge_substance_course, judge_substance_interval, judge_substance_sessions;
/* policy_mixture.c */
policy_judge judge_anaesthetics, judge_hyaluronidase, judge_mass_known;
/* policy_preparation.c */
policy_judge judge_preparation_known, judge_cartridge, judge_by_gun, judge_unmixed;
/* policy_patient.c */
policy_judge judge_assessment, judge_consent, judge_elsewhere, judge_operator, judge_adult,
	judge_pregnancy, judge_breastfeeding, judge_infection, judge_allergy, judge_condition,
	judge_nsaid;

/* ------------------------------------------------ sums: policy.c */

/* Sums and products that stop at the largest number there is. */
uint64_t policy_add(uint64_t a, uint64_t b);
uint64_t policy_multiply(uint64_t a, uint64_t b);

/* ------------------------------------------------ words: policy_words.c */

#define NO_BOUND UINT64_MAX /* of a limit: there is none */

/* One quantity in a sentence. */
struct text {
	char buf[INJ_TEXT_MAX];
};

const char *say(enum inj_dimension dimension, uint64_t value, struct text *text);
const char *say_ppm(uint64_t ppm, struct text *text); /* "104.2 %" */
const char *say_day(int64_t day, struct text *text);  /* "2027-01-15" */
const char *say_wait(const struct policy_history *history, int64_t when,
		     struct text *text); /* "in 5 h 13 min", rounded up */

void explain(struct policy_verdict *v, const char *format, ...) _printf_(2, 3);
/* Refused, and no passing of time helps. */
void refuse(struct policy_verdict *v);

/* Fill the numbers of a rule that adds @asked to @spent and compares with a bound. */
void weigh(struct policy_verdict *v, const char *unit, const struct limit *limit, uint64_t spent,
	   uint64_t asked);
/* The bound that matters: the one passed, or the first one ahead. */
uint64_t bound_of(const struct policy_verdict *v);
const char *bound_name(const struct policy_verdict *v);

/* "60 uL a shot and needle is more than what is usual, 50 uL."  @what: "a shot and needle" */
void explain_single(struct policy_verdict *v, enum inj_dimension dimension, const char *what);
/*
 * "401 uL (with what the gun may overshoot) on top of 9.8 mL this session would
 * pass the limit, 10 mL; 200 uL can be reserved before the hard limit."
 * @of: " of Lidocaine", or ""; @where: "this session"
 */
void explain_sum(const struct policy_history *history, struct policy_verdict *v,
		 enum inj_dimension dimension, const char *of, const char *where);

/* ------------------------------------------------ time: policy_time.c */

struct date {
	int64_t year;
	unsigned int month; /* 1 to 12 */
	unsigned int day;   /* 1 to 31 */
};

/* The proleptic Gregorian calendar; a day is counted from 1970-01-01. */
struct date date_of(int64_t day);
int64_t day_of(const struct date *date);
/* The same day of the month @months later, or that month's last. */
int64_t add_months(int64_t day, uint32_t months);
/*
 * When that day begins, POLICY_NEVER if the clock does not reach so far.  Days of
 * 24 hours from today's midnight: a change to or from summer time in between
 * moves it by that hour.
 */
int64_t day_begins(const struct policy_history *history, int64_t day);

/* What of @doses is in the window at @at_s; saturates. */
uint64_t window_sum(const struct policy_dose *doses, size_t n_doses, int64_t at_s);
/* When the last of them leaves that ever does, @at_s if there is none to wait for. */
int64_t window_end(const struct policy_dose *doses, size_t n_doses, int64_t at_s);

typedef bool fits_at(const void *context, int64_t at_s);

/*
 * first_fit() - the first second after @now_s at which something fits
 * @end_s: from then on nothing changes any more
 * @fits: once true, true for ever; false at @now_s
 * Return: that second, POLICY_NEVER if there is none.
 */
int64_t first_fit(int64_t now_s, int64_t end_s, fits_at *fits, const void *context);

/* ------------------------------------------------ amounts: policy_amounts.c */

/* What the request names, NULL if the formulary has no such thing. */
const struct formulary_preparation *preparation_of(const struct policy_case *c);
const struct formulary_area *area_of(const struct policy_case *c);

/* Substances of the formulary, 0 without one: the indices that may be used. */
size_t count_substances(const struct policy_case *c);
/* Is the substance in the preparation asked for? */
bool is_asked(const struct policy_case *c, size_t substance);
/* What @volume_nl of the preparation asked for has of it, in base units, rounded up; saturates. */
uint64_t amount_of(const struct policy_case *c, size_t substance, uint64_t volume_nl);
/* The lesser of fixed and per kg; NO_BOUND if there is none.  Without a body mass per kg is left out:
 * judge_mass_known() refuses. */
struct limit bound_for(const struct policy_case *c, size_t substance, enum formulary_scope scope);
bool has_per_kg(const struct formulary_substance *substance);
/* Settled and outstanding of it in the 24 h before @at_s. */
uint64_t given_24h(const struct policy_case *c, size_t substance, int64_t at_s);
enum inj_dimension dimension_of(const struct formulary_substance *substance);
const char *unit_of(const struct formulary_substance *substance);

#endif /* MESOD_POLICY_RULES_H */
