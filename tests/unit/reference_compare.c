// SPDX-License-Identifier: GPL-2.0-only
/*
 * See reference_compare.h.
 */
#include "reference_compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Which row of mesod's table is which of the reference's rules. */
static const struct {
	const char *id;
	enum ref_rule rule;
} rows[] = {
	{ "shot-volume", REF_SHOT_VOLUME },
	{ "depth", REF_DEPTH },
	{ "rate", REF_RATE },
	{ "session-volume", REF_SESSION_VOLUME },
	{ "area-volume", REF_AREA_VOLUME },
	{ "area-known", REF_UNKNOWN_AREA },
	{ "reservoir", REF_RESERVOIR },
	{ "one-patient", REF_ONE_PATIENT },
	{ "patient-24h-volume", REF_PATIENT_24H },
	{ "lease-shape", REF_GUN_SHAPE },
	{ "prime-volume", REF_PRIME_VOLUME },
	{ "session-length", REF_SESSION_LENGTH },
	{ "fault-stops", REF_FAULT_STOPS },
	{ "session-interval", REF_INTERVAL },
	{ "late-interval", REF_LATE_INTERVAL },
	{ "course-sessions", REF_COURSE_SESSIONS },
	{ "course-gap", REF_COURSE_GAP },
	{ "substance-shot", REF_SUBSTANCE_SHOT },
	{ "substance-session", REF_SUBSTANCE_SESSION },
	{ "substance-24h", REF_SUBSTANCE_24H },
	{ "substance-course", REF_SUBSTANCE_COURSE },
	{ "substance-interval", REF_SUBSTANCE_INTERVAL },
	{ "substance-sessions", REF_SUBSTANCE_SESSIONS },
	{ "anaesthetics-sum", REF_ANAESTHETICS },
	{ "hyaluronidase", REF_SPREADING },
	{ "mass-known", REF_WEIGHT },
	{ "by-gun", REF_BY_HAND_ONLY },
	{ "unmixed", REF_UNMIXED },
	{ "preparation-known", REF_UNKNOWN_PREPARATION },
	{ "cartridge", REF_CARTRIDGE },
	{ "assessment", REF_ASSESSED },
	{ "consent", REF_CONSENT },
	{ "elsewhere", REF_ELSEWHERE },
	{ "operator", REF_OPERATOR },
	{ "adult", REF_AGE },
	{ "pregnancy", REF_PREGNANCY },
	{ "breastfeeding", REF_BREASTFEEDING },
	{ "infection", REF_INFECTION },
	{ "allergy", REF_ALLERGY },
	{ "condition", REF_CONDITIONS },
	{ "nsaid", REF_NSAID },
};

#define ROWS   (sizeof(rows) / sizeof(rows[0]))
#define DAY_S  ((int64_t)86400)
#define LONG_S (DAY_S * 366 * 100)

static const struct policy_verdict *find(const struct policy_verdict verdicts[POLICY_RULES],
					 const char *id)
{
	for (size_t i = 0; i < POLICY_RULES; i++)
		if (strcmp(verdicts[i].rule, id) == 0)
			return &verdicts[i];
	return NULL;
}

static bool differs(struct world *w, const struct policy_verdict *v, const char *what,
		    uint64_t mesod, uint64_t reference)
{
	return world_disagree(w,
			      "%s %s: %s is %" PRIu64 " for mesod, %" PRIu64
			      " for the reference\n  mesod: %s %s",
			      v->rule, v->what, what, mesod, reference,
			      policy_severity_name(v->severity), v->text);
}

/* The figure that the verdict is about: its substance's, or the only one. */
static const struct ref_figure *figure_of(const struct world *w, const struct ref_answer *a,
					  const struct policy_verdict *v)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->figures[i].substance == REF_NOTHING ||
		    strcmp(w->formulary->substances[a->figures[i].substance].id, v->what) == 0)
			return &a->figures[i];
	return NULL;
}

static bool compare_numbers(struct world *w, const struct ref_answer *a, enum ref_rule rule,
			    const struct policy_verdict *v)
{
	const struct ref_figure *f = figure_of(w, a, v);
	const bool from_below =
		rule == REF_INTERVAL || rule == REF_LATE_INTERVAL || rule == REF_COURSE_GAP;
	uint64_t left;

	if (a->n == 0)
		return true;
	if (!f)
		return world_disagree(w, "%s is about '%s', of which nothing was asked", v->rule,
				      v->what);
	if (rule != REF_DEPTH && (int)v->severity != f->severity)
		return differs(w, v, "the severity of its substance", v->severity,
			       (uint64_t)f->severity);
	if (v->spent != f->spent)
		return differs(w, v, "spent", v->spent, f->spent);
	if (v->asked != f->asked)
		return differs(w, v, "asked", v->asked, f->asked);
	if (v->limit != f->hard)
		return differs(w, v, "limit", v->limit, f->hard);
	/* the softer bound of a depth is a range */
	if (rule != REF_DEPTH && v->soft_limit != f->soft)
		return differs(w, v, "soft limit", v->soft_limit, f->soft);
	if (from_below)
		left = f->hard;
	else
		left = f->hard > f->spent ? f->hard - f->spent : 0;
	if (f->hard != UINT64_MAX && v->allowed != left)
		return differs(w, v, "allowed", v->allowed, left);
	return true;
}

static int severity_at(const struct world *w, const struct ref_question *q, enum ref_rule rule,
		       int64_t at_s)
{
	struct ref_question later = *q;

	later.now_s = at_s;
	later.today = (int32_t)(at_s / DAY_S);
	return ref_ask(&w->ref, &later, rule).severity;
}

/* At `when`, and not a second before it, the bound that is passed now is passed no more. */
static bool compare_when(struct world *w, const struct ref_question *q, enum ref_rule rule,
			 const struct policy_verdict *v)
{
	const int severity = (int)v->severity;

	/* Who is to be weighed need not be told when an anaesthetic has worn off, nor who has a session of a clock
	 * that was set back; and when what spreads and what it spreads have left, mesod tells of one of them; nor does it of
	 * what nobody knows the substance of. */
	if (severity > 0 && (rule == REF_WEIGHT || rule == REF_SESSION_LENGTH ||
			     rule == REF_SPREADING || rule == REF_UNKNOWN_PREPARATION))
		return true;
	if (severity == 0)
		return v->when == 0 || differs(w, v, "when", (uint64_t)v->when, 0);
	if (v->when == POLICY_NEVER) {
		for (int64_t wait = 1; wait < LONG_S; wait *= (int64_t)3)
			if (severity_at(w, q, rule, q->now_s + wait) < severity)
				return world_disagree(w, "%s %s: never, but %lld s help: %s",
						      v->rule, v->what, (long long)wait, v->text);
		return true;
	}
	if (v->when <= q->now_s)
		return world_disagree(w, "%s %s: %lld is no time to come: %s", v->rule, v->what,
				      (long long)v->when, v->text);
	/* by policy.h the latest moment; the faults of a clock that was set back since are later still */
	if (rule == REF_FAULT_STOPS)
		return v->when == q->now_s + 600 ||
		       differs(w, v, "when", (uint64_t)v->when, (uint64_t)q->now_s + 600);
	if (severity_at(w, q, rule, v->when) >= severity)
		return world_disagree(w, "%s %s: waiting for %lld s does not help: %s", v->rule,
				      v->what, (long long)(v->when - q->now_s), v->text);
	if (severity_at(w, q, rule, v->when - 1) < severity)
		return world_disagree(w, "%s %s: less than %lld s would do: %s", v->rule, v->what,
				      (long long)(v->when - q->now_s), v->text);
	return true;
}

bool reference_compare(struct world *w, const struct ref_question *q,
		       const struct policy_verdict verdicts[POLICY_RULES])
{
	_Static_assert(ROWS == POLICY_RULES && ROWS == REF_RULES, "each rule is compared");

	for (size_t i = 0; i < ROWS; i++) {
		const struct policy_verdict *v = find(verdicts, rows[i].id);
		const struct ref_answer a = ref_ask(&w->ref, q, rows[i].rule);

		if (!v)
			return world_disagree(w, "mesod has no rule %s", rows[i].id);
		if ((int)v->severity != a.severity)
			return differs(w, v, "severity", v->severity, (uint64_t)a.severity);
		if (!compare_numbers(w, &a, rows[i].rule, v) ||
		    !compare_when(w, q, rows[i].rule, v))
			return false;
	}
	for (size_t i = 1; i < POLICY_RULES; i++)
		if (verdicts[i].severity > verdicts[i - 1].severity)
			return world_disagree(w, "%s comes after %s, which is milder",
					      verdicts[i].rule, verdicts[i - 1].rule);
	return true;
}
