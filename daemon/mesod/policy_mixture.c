// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rules about what substances do to each other in one patient: local anaesthetics
 * add up, and hyaluronidase spreads them.
 *
 * The sum of dose over limit is exact integers in parts per million, each part
 * rounded up: it never comes out lower than it is.  An anaesthetic whose limit is not
 * known cannot be added up and refuses.
 */
#include "policy_rules.h"

#define WHOLE_PPM 1000000
#define USUAL_PPM 800000 /* 80 %, as of a single anaesthetic */

static const struct formulary_substance *get(const struct policy_case *c, size_t substance)
{
	return &c->basis->formulary->substances[substance];
}

static bool is_anaesthetic(const struct formulary_substance *s)
{
	return s->anaesthetic;
}

static bool is_vasoconstrictor(const struct formulary_substance *s)
{
	return s->vasoconstrictor;
}

static bool is_spreading(const struct formulary_substance *s)
{
	return s->spreading;
}

typedef bool kind_of(const struct formulary_substance *s);

/* The first of that kind in what is asked for, FORMULARY_UNKNOWN none. */
static size_t find_asked(const struct policy_case *c, kind_of *is_kind)
{
	for (size_t i = 0; i < count_substances(c); i++)
		if (is_kind(get(c, i)) && is_asked(c, i))
			return i;
	return FORMULARY_UNKNOWN;
}

/* The same in this session, or in the 24 hours before @at_s. */
static size_t find_given(const struct policy_case *c, kind_of *is_kind, int64_t at_s)
{
	for (size_t i = 0; i < count_substances(c); i++)
		if (is_kind(get(c, i)) &&
		    (c->history->substances[i].session > 0 || given_24h(c, i, at_s) > 0))
			return i;
	return FORMULARY_UNKNOWN;
}

/* ------------------------------------------------- the sum of anaesthetics */

struct sum {
	const struct policy_case *c;
	bool plain; /* spread: what comes with a vasoconstrictor counts as if it did not */
	uint64_t bound_ppm;
};

static uint64_t part_ppm(uint64_t dose, uint64_t limit)
{
	unsigned __int128 part;

	if (dose == 0)
		return 0;
	if (limit == 0 || limit == NO_BOUND)
		return UINT64_MAX;
	part = ((unsigned __int128)dose * WHOLE_PPM + limit - 1) / limit;
	return part < UINT64_MAX ? (uint64_t)part : UINT64_MAX;
}

static uint64_t limit_24h(const struct sum *sum, size_t substance)
{
	const struct formulary_substance *s = get(sum->c, substance);
	uint64_t own = bound_for(sum->c, substance, SCOPE_24H).hard, plain;
	size_t other;

	if (!sum->plain || !s->vasoconstrictor || !*s->plain)
		return own;
	other = formulary_substance(sum->c->basis->formulary, s->plain);
	if (other >= count_substances(sum->c))
		return own;
	plain = bound_for(sum->c, other, SCOPE_24H).hard;
	return plain < own ? plain : own;
}

static uint64_t sum_ppm(const struct sum *sum, int64_t at_s, bool with_asked)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count_substances(sum->c); i++) {
		uint64_t dose;

		if (!get(sum->c, i)->anaesthetic)
			continue;
		dose = given_24h(sum->c, i, at_s);
		if (with_asked)
			dose = policy_add(dose,
					  amount_of(sum->c, i, policy_reserve_nl(sum->c->request)));
		total = policy_add(total, part_ppm(dose, limit_24h(sum, i)));
	}
	return total;
}

static bool sum_fits(const void *context, int64_t at_s)
{
	const struct sum *sum = context;

	return sum_ppm(sum, at_s, true) <= sum->bound_ppm;
}

/* Nothing is left to wait for once every dose of the whole formulary has left. */
static int64_t last_leave(const struct policy_case *c)
{
	int64_t end = c->history->now_s;

	for (size_t i = 0; i < count_substances(c); i++) {
		const struct policy_substance *past = &c->history->substances[i];

		end = window_end(past->doses, past->n_doses, end);
	}
	return end;
}

/* @how: "of their limits" */
static void judge_sum(const struct policy_case *c, struct policy_verdict *v, bool plain,
		      const char *how)
{
	const struct limit whole = { USUAL_PPM, WHOLE_PPM };
	struct sum sum = { .c = c, .plain = plain };
	const int64_t now_s = c->history->now_s;
	uint64_t spent = sum_ppm(&sum, now_s, false), all = sum_ppm(&sum, now_s, true);
	struct text total, before, bound, wait = { "" };

	weigh(v, "ppm", &whole, spent, all == UINT64_MAX ? all : all - spent);
	sum.bound_ppm = bound_of(v);
	say_ppm(all, &total);
	say_ppm(spent, &before);
	say_ppm(sum.bound_ppm, &bound);
	if (v->severity == POLICY_OK) {
		explain(v, "Local anaesthetics together come to %s %s in 24 hours.", total.buf,
			how);
		return;
	}
	v->when = first_fit(now_s, last_leave(c), sum_fits, &sum);
	if (v->when != POLICY_NEVER)
		say_wait(c->history, v->when, &wait);
	explain(v,
		"Local anaesthetics together would come to %s %s in 24 hours, more than %s, %s; they"
		" are at %s.%s%s%s",
		total.buf, how, bound_name(v), bound.buf, before.buf,
		*wait.buf ? " All of it fits " : "", wait.buf, *wait.buf ? "." : "");
}

void judge_anaesthetics(const struct policy_case *c, struct policy_verdict *v)
{
	if (find_asked(c, is_anaesthetic) == FORMULARY_UNKNOWN)
		explain(v, "What is asked for has no local anaesthetic.");
	else
		judge_sum(c, v, false, "of their limits");
}

/* ------------------------------------------------- what spreads */

/* Do a spreading substance and a vasoconstrictor meet because of this request?  Names both. */
static bool meet(const struct policy_case *c, int64_t at_s, size_t *ret_spreading,
		 size_t *ret_constrictor)
{
	const size_t spreading = find_asked(c, is_spreading);
	const size_t constrictor = find_asked(c, is_vasoconstrictor);

	if (spreading == FORMULARY_UNKNOWN && constrictor == FORMULARY_UNKNOWN)
		return false;
	*ret_spreading =
		spreading != FORMULARY_UNKNOWN ? spreading : find_given(c, is_spreading, at_s);
	*ret_constrictor = constrictor != FORMULARY_UNKNOWN
				   ? constrictor
				   : find_given(c, is_vasoconstrictor, at_s);
	return *ret_spreading != FORMULARY_UNKNOWN && *ret_constrictor != FORMULARY_UNKNOWN;
}

static bool do_not_meet(const void *context, int64_t at_s)
{
	size_t spreading, constrictor;

	return !meet(context, at_s, &spreading, &constrictor);
}

/* Is an anaesthetic spread, in the request or by what was given? */
static bool is_spread(const struct policy_case *c)
{
	const int64_t now_s = c->history->now_s;

	if (find_asked(c, is_spreading) != FORMULARY_UNKNOWN)
		return find_asked(c, is_anaesthetic) != FORMULARY_UNKNOWN ||
		       find_given(c, is_anaesthetic, now_s) != FORMULARY_UNKNOWN;
	return find_asked(c, is_anaesthetic) != FORMULARY_UNKNOWN &&
	       find_given(c, is_spreading, now_s) != FORMULARY_UNKNOWN;
}

void judge_hyaluronidase(const struct policy_case *c, struct policy_verdict *v)
{
	size_t spreading, constrictor;
	struct text wait = { "" };

	if (meet(c, c->history->now_s, &spreading, &constrictor)) {
		refuse(v);
		v->what = get(c, is_asked(c, spreading) ? spreading : constrictor)->id;
		v->when = first_fit(c->history->now_s, last_leave(c), do_not_meet, c);
		if (v->when != POLICY_NEVER)
			say_wait(c->history, v->when, &wait);
		explain(v,
			"%s and %s are not given in the same session or 24 hours: what spreads does"
			" not go with a vasoconstrictor.%s%s%s",
			get(c, spreading)->name, get(c, constrictor)->name,
			*wait.buf ? " Possible " : "", wait.buf, *wait.buf ? "." : "");
	} else if (is_spread(c)) {
		judge_sum(c, v, true, "of their plain limits, as hyaluronidase spreads them,");
	} else {
		explain(v, "Nothing that spreads meets a local anaesthetic or a vasoconstrictor.");
	}
}

/* ------------------------------------------------- by what they are limited */

/* Its limits are looked at: it is asked for, or was given and adds up with what is. */
static bool is_weighed(const struct policy_case *c, size_t substance, bool adds_up)
{
	return is_asked(c, substance) || (adds_up && get(c, substance)->anaesthetic &&
					  given_24h(c, substance, c->history->now_s) > 0);
}

void judge_mass_known(const struct policy_case *c, struct policy_verdict *v)
{
	const bool adds_up = find_asked(c, is_anaesthetic) != FORMULARY_UNKNOWN || is_spread(c);
	struct text mass;

	if (c->history->mass_g > 0) {
		explain(v, "The patient's body mass is %s.",
			say(INJ_BODY_MASS, c->history->mass_g, &mass));
		return;
	}
	for (size_t i = 0; i < count_substances(c); i++) {
		if (!has_per_kg(get(c, i)) || !is_weighed(c, i, adds_up))
			continue;
		refuse(v);
		v->what = get(c, i)->id;
		explain(v,
			"The limit of %s goes by body mass, and the patient's is not known: weigh"
			" the patient.",
			get(c, i)->name);
		return;
	}
	explain(v, "No limit of what is asked for goes by body mass.");
}
