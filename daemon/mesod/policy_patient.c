// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules about who is treated and by whom: the assessment before treatment, and
 * what it says.
 *
 * Owns what contraindicates.  What a substance goes with is the formulary's.
 */
#include <string.h>

#include "policy_rules.h"

/* ------------------------------------------------- what has to be there */

void judge_assessment(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	int64_t expires;

	if (!h->assessed) {
		refuse(v);
		explain(v, "The patient has not been assessed: assess before treatment.");
		return;
	}
	v->unit = "s";
	v->limit = v->soft_limit = v->allowed = (uint64_t)POLICY_ASSESSMENT_S;
	if (h->assessed_s > h->now_s) {
		refuse(v);
		v->when = h->assessed_s;
		explain(v, "The assessment bears a time that is still to come: assess again.");
		return;
	}
	v->asked = (uint64_t)h->now_s - (uint64_t)h->assessed_s;
	/* One whose end is beyond all clocks is young. */
	if (__builtin_add_overflow(h->assessed_s, POLICY_ASSESSMENT_S, &expires) ||
	    expires >= h->now_s) {
		explain(v, "The patient was assessed within the last 24 hours.");
		return;
	}
	refuse(v);
	explain(v, "The assessment is older than 24 hours: assess again.");
}

void judge_consent(const struct policy_case *c, struct policy_verdict *v)
{
	if (c->history->assessed && c->history->consent) {
		explain(v, "The patient has consented.");
		return;
	}
	refuse(v);
	explain(v, "The newest assessment records no consent of the patient.");
}

void judge_elsewhere(const struct policy_case *c, struct policy_verdict *v)
{
	if (c->history->assessed && c->history->elsewhere_asked) {
		explain(v, "The patient was asked about treatment elsewhere.");
		return;
	}
	refuse(v);
	explain(v, "The patient was not asked about treatment elsewhere: ask, and enter it.");
}

void judge_operator(const struct policy_case *c, struct policy_verdict *v)
{
	if (c->history->operator_valid) {
		explain(v, "The operator is registered and the licence valid.");
		return;
	}
	refuse(v);
	explain(v, "The operator is not registered, or the licence has expired.");
}

/* Born on 29 February, a person comes of age on 1 March, which is what that day is in other years: the
 * later of the days that countries choose. */
static int64_t birthday(const struct date *born, int64_t years)
{
	const struct date day = { born->year + years, born->month, born->day };

	return day_of(&day);
}

void judge_adult(const struct policy_case *c, struct policy_verdict *v)
{
	const struct policy_history *h = c->history;
	struct date born;
	struct text text;
	int64_t adult, years;

	v->unit = "years";
	v->limit = v->soft_limit = v->allowed = POLICY_ADULT_YEARS;
	if (h->birth_day == POLICY_NO_DAY) {
		refuse(v);
		explain(v, "The patient's date of birth is not known: adults only are treated.");
		return;
	}
	born = date_of(h->birth_day);
	years = date_of(h->today).year - born.year;
	if (h->today < birthday(&born, years))
		years--;
	v->asked = years > 0 ? (uint64_t)years : 0;
	adult = birthday(&born, POLICY_ADULT_YEARS);
	if (h->today >= adult) {
		explain(v, "The patient is of age.");
		return;
	}
	v->severity = POLICY_HARD;
	v->when = day_begins(h, adult);
	explain(v, "The patient is under %d years old, until %s: adults only are treated.",
		POLICY_ADULT_YEARS, say_day(adult, &text));
}

/* ------------------------------------------------- what the assessment says */

/* @sentence: why not */
static void judge_token(const struct policy_case *c, struct policy_verdict *v, const char *token,
			enum policy_severity severity, const char *sentence)
{
	if (!formulary_has_token(c->history->conditions, token)) {
		explain(v, "The assessment does not say \"%s\".", token);
		return;
	}
	v->severity = severity;
	v->when = POLICY_NEVER;
	explain(v, "%s", sentence);
}

void judge_pregnancy(const struct policy_case *c, struct policy_verdict *v)
{
	judge_token(c, v, POLICY_PREGNANCY, POLICY_HARD,
		    "The patient is or may be pregnant: no treatment.");
}

void judge_breastfeeding(const struct policy_case *c, struct policy_verdict *v)
{
	judge_token(c, v, POLICY_BREASTFEEDING, POLICY_HARD,
		    "The patient is breastfeeding: no treatment.");
}

void judge_infection(const struct policy_case *c, struct policy_verdict *v)
{
	judge_token(c, v, POLICY_INFECTION, POLICY_HARD,
		    "The skin at the site is infected: no treatment before it has healed.");
}

void judge_nsaid(const struct policy_case *c, struct policy_verdict *v)
{
	judge_token(
		c, v, POLICY_NSAID, POLICY_SOFT,
		"The patient has taken aspirin or an NSAID within 7 days: bruises are likelier.");
}

/* ------------------------------------------------- and what the substances make of it */

/* The first token of @some that is among @others, too. */
static bool share_token(const char *some, const char *others, char buf[static FORMULARY_TOKENS_MAX])
{
	while (*(some += strspn(some, " ")) != '\0') {
		const size_t length = strcspn(some, " ");

		if (length < FORMULARY_TOKENS_MAX) {
			memcpy(buf, some, length);
			buf[length] = '\0';
			if (formulary_has_token(others, buf))
				return true;
		}
		some += length;
	}
	return false;
}

void judge_allergy(const struct policy_case *c, struct policy_verdict *v)
{
	const char *allergies = c->history->allergies;
	char token[FORMULARY_TOKENS_MAX];

	for (size_t i = 0; i < count_substances(c); i++) {
		const struct formulary_substance *s = &c->basis->formulary->substances[i];

		if (!is_asked(c, i))
			continue;
		if (formulary_has_token(allergies, s->id))
			TEXT_COPY(token, s->id);
		else if (!share_token(s->allergies, allergies, token))
			continue;
		refuse(v);
		v->what = s->id;
		explain(v, "The patient is allergic to %s, and %s is in what is asked for.", token,
			s->name);
		return;
	}
	explain(v, "No allergy to what is asked for is recorded.");
}

void judge_condition(const struct policy_case *c, struct policy_verdict *v)
{
	char token[FORMULARY_TOKENS_MAX];

	for (size_t i = 0; i < count_substances(c); i++) {
		const struct formulary_substance *s = &c->basis->formulary->substances[i];

		if (!is_asked(c, i) || !share_token(s->conditions, c->history->conditions, token))
			continue;
		refuse(v);
		v->what = s->id;
		explain(v, "The patient has \"%s\", and %s is not given then.", token, s->name);
		return;
	}
	explain(v, "No condition is recorded that forbids what is asked for.");
}
