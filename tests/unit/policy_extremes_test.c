// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy where numbers end, and what holds of it whatever they are.
 *
 * Every number of request, history, limits and formulary is set to its least, 1, and its
 * greatest two, in all pairs; sums are compared with a second, wide calculation.
 * Then random worlds: more spent, a bound drawn in, or less asked never makes it
 * worse or better in the wrong direction.
 */
#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <linux/meso.h>

#include "policy_fixture.h"

typedef unsigned __int128 wide;

/* check's own assertions write to a file each time that they hold, which is most of the time here. */
#define EXPECT(condition, ...)                     \
	do {                                       \
		if (!(condition))                  \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

/* How a number moves the verdicts when it grows. */
enum effect {
	ANY,     /* neither, or not always */
	WORSE,   /* never better: spent, or a bound from below */
	BETTER,  /* never worse: a bound */
	RESERVE, /* never better: asked */
};

struct number {
	const char *name;
	void *at;
	size_t size;
	bool is_signed;
	enum effect effect;
};

#define NUMBER(member, how)                                                               \
	{                                                                                 \
#member, &w.member, sizeof(w.member), ((__typeof__(w.member))-1) < 1, how \
	}
#define LIMIT(member) NUMBER(limits.member.soft, BETTER), NUMBER(limits.member.hard, BETTER)
#define LEAST(member) NUMBER(limits.member.soft, WORSE), NUMBER(limits.member.hard, WORSE)
#define SCOPE(s, scope)                                                     \
	NUMBER(formulary.substances[s].fixed[scope].soft, BETTER),          \
		NUMBER(formulary.substances[s].fixed[scope].hard, BETTER),  \
		NUMBER(formulary.substances[s].per_kg[scope].soft, BETTER), \
		NUMBER(formulary.substances[s].per_kg[scope].hard, BETTER)
#define PAST(s)                                                                                    \
	NUMBER(history.substances[s].session, WORSE), NUMBER(history.substances[s].course, WORSE), \
		NUMBER(history.substances[s].outstanding, WORSE),                                  \
		NUMBER(history.substances[s].sessions, WORSE)

/* Of the world when the suite began; the mixture of lidocaine and hyaluronidase is asked for. */
static const struct number numbers[] = {
	NUMBER(request.kind, ANY),
	NUMBER(request.mode, ANY),
	NUMBER(request.dose_nl, RESERVE),
	NUMBER(request.shots, RESERVE),
	NUMBER(request.depth_um, ANY),
	NUMBER(request.rate_mhz, ANY),
	NUMBER(request.needles, ANY),
	NUMBER(request.overshoot_nl, RESERVE),
	NUMBER(request.expiry_s, RESERVE),
	NUMBER(request.preparation, ANY),
	NUMBER(request.area, ANY),
	NUMBER(request.area_mm2, ANY),
	NUMBER(request.gun.dose_min_nl, ANY),
	NUMBER(request.gun.dose_max_nl, BETTER),
	NUMBER(request.gun.dose_step_nl, ANY),
	NUMBER(request.gun.lease_max_nl, BETTER),
	NUMBER(request.gun.lease_max_shots, BETTER),
	NUMBER(request.gun.depth_max_um, BETTER),
	NUMBER(request.gun.rate_max_mhz, BETTER),
	NUMBER(request.gun.reservoir_nl, BETTER),
	NUMBER(request.gun.cartridge, ANY),
	NUMBER(history.now_s, ANY),
	NUMBER(history.today, ANY),
	NUMBER(history.midnight_s, ANY),
	NUMBER(history.session_opened_s, ANY),
	NUMBER(history.session_nl, WORSE),
	NUMBER(history.area_nl, WORSE),
	NUMBER(history.primed_nl, WORSE),
	NUMBER(history.fault_stops, WORSE),
	NUMBER(history.outstanding_nl, WORSE),
	NUMBER(history.birth_day, ANY),
	NUMBER(history.mass_g, ANY),
	NUMBER(history.assessed_s, ANY),
	NUMBER(history.course_sessions, ANY),
	NUMBER(history.plan_interval_d, ANY),
	NUMBER(history.last_session_day, ANY),
	NUMBER(history.previous_course_day, ANY),
	PAST(LIDOCAINE),
	PAST(HYALURONIDASE),
	PAST(LIDOCAINE_EPINEPHRINE),
	NUMBER(history.substances[LIDOCAINE].last_day, ANY),
	NUMBER(doses[0].when_s, ANY),
	NUMBER(doses[0].amount, WORSE),
	NUMBER(doses[1].when_s, ANY),
	NUMBER(doses[1].amount, WORSE),
	LIMIT(shot_nl),
	LIMIT(depth_um),
	LIMIT(rate_mhz),
	LIMIT(session_nl),
	LIMIT(patient_24h_nl),
	LIMIT(area_nl_per_mm2),
	LIMIT(prime_nl),
	LIMIT(session_s),
	LIMIT(course_sessions),
	LEAST(interval_d),
	LEAST(late_interval_d),
	LEAST(course_gap_d),
	NUMBER(limits.fault_stops, BETTER),
	NUMBER(formulary.n_substances, ANY),
	NUMBER(formulary.n_preparations, ANY),
	NUMBER(formulary.n_areas, ANY),
	SCOPE(LIDOCAINE, SCOPE_SHOT),
	SCOPE(LIDOCAINE, SCOPE_SESSION),
	SCOPE(LIDOCAINE, SCOPE_24H),
	SCOPE(LIDOCAINE, SCOPE_COURSE),
	SCOPE(HYALURONIDASE, SCOPE_SESSION),
	NUMBER(formulary.substances[LIDOCAINE].interval_days, WORSE),
	NUMBER(formulary.substances[LIDOCAINE].interval_months, WORSE),
	NUMBER(formulary.substances[LIDOCAINE].course_sessions, ANY),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].cartridge, ANY),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].n_components, ANY),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].components[0].substance, ANY),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].components[0].concentration, RESERVE),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].components[1].substance, ANY),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].components[1].concentration, RESERVE),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].shot_nl.soft, ANY),
	NUMBER(formulary.preparations[MIXED_LIDOCAINE].shot_nl.hard, ANY),
	NUMBER(formulary.areas[THIGH].depth_min_um, ANY),
	NUMBER(formulary.areas[THIGH].depth_max_um, ANY),
	NUMBER(formulary.areas[THIGH].size_mm2, ANY),
};

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))
#define N_VALUES  ((size_t)4) /* of one number */

static void set(const struct number *n, uint64_t value)
{
	memcpy(n->at, &value, n->size); /* little-endian, as every machine this runs on */
}

static uint64_t get(const struct number *n)
{
	uint64_t value = 0;

	memcpy(&value, n->at, n->size);
	return value;
}

static uint64_t greatest(const struct number *n)
{
	return UINT64_MAX >> (64 - 8 * n->size + n->is_signed);
}

static uint64_t extreme(const struct number *n, size_t i)
{
	/* the least of a signed one is one after the greatest, with its bits taken as a plain number's */
	const uint64_t values[N_VALUES] = { n->is_signed ? greatest(n) + 1 : 0, 1, greatest(n) - 1,
					    greatest(n) };

	return values[i];
}

/* As long as a formulary may have them. */
static void set_names(void)
{
	struct formulary *f = &w.formulary;

	for (size_t i = 0; i < f->n_substances; i++)
		memset(f->substances[i].name, 's', FORMULARY_NAME_MAX - 1);
	for (size_t i = 0; i < f->n_preparations; i++)
		memset(f->preparations[i].name, 'p', FORMULARY_NAME_MAX - 1);
	for (size_t i = 0; i < f->n_areas; i++)
		memset(f->areas[i].name, 'a', FORMULARY_NAME_MAX - 1);
}

static void new_world(void)
{
	policy_setup();
	set_names();
	ask_for(MIXED_LIDOCAINE);
	w.doses[0] = (struct policy_dose){ NOW - 80000, 1000000 };
	w.doses[1] = (struct policy_dose){ NOW - 20000, 1000000 };
	w.history.doses = w.history.substances[LIDOCAINE].doses = w.doses;
	w.history.n_doses = w.history.substances[LIDOCAINE].n_doses = 2;
}

static const struct policy_verdict *find(const char *rule)
{
	for (size_t i = 0; i < POLICY_RULES; i++)
		if (strcmp(w.verdicts[i].rule, rule) == 0)
			return &w.verdicts[i];
	ck_abort_msg("no rule %s", rule);
	return NULL;
}

/* ------------------------------------------------- a second, wide calculation */

static wide reserve(void)
{
	return (wide)w.request.dose_nl * w.request.shots + w.request.overshoot_nl;
}

static bool in_window(const struct policy_dose *dose)
{
	const int64_t window_s = POLICY_WINDOW_S;

	return (__int128)dose->when_s + window_s > w.history.now_s;
}

static wide day_sum(const struct policy_dose *doses, size_t n)
{
	wide sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += in_window(&doses[i]) ? doses[i].amount : 0;
	return sum;
}

static void expect_over(const char *rule, wide sum, uint64_t hard)
{
	const struct policy_verdict *v = find(rule);

	if (sum > hard)
		EXPECT(v->severity == POLICY_HARD, "%s: %s", rule, v->text);
	else if (sum < UINT64_MAX)
		EXPECT(v->severity != POLICY_HARD, "%s: %s", rule, v->text);
}

static wide reserve_of(size_t substance, wide volume)
{
	const struct formulary_preparation *p = &w.formulary.preparations[MIXED_LIDOCAINE];
	wide sum = 0;

	for (size_t i = 0; i < p->n_components && i < 2; i++)
		if (p->components[i].substance == substance) {
			wide amount;

			/* more than 128 bits is more than enough */
			if (__builtin_mul_overflow(volume, (wide)p->components[i].concentration,
						   &amount))
				return (wide)UINT64_MAX + 1;
			sum += amount / 1000 + (amount % 1000 > 0);
		}
	return sum;
}

static uint64_t hard_of(size_t substance, enum formulary_scope scope)
{
	const struct formulary_substance *s = &w.formulary.substances[substance];
	wide scaled = (wide)s->per_kg[scope].hard * w.history.mass_g / 1000;

	if (s->per_kg[scope].hard == FORMULARY_NO_BOUND || w.history.mass_g == 0 ||
	    scaled > s->fixed[scope].hard)
		return s->fixed[scope].hard;
	return (uint64_t)scaled;
}

/* Only lidocaine is asked for, so that the verdict must be about it. */
static void expect_substance_sums(void)
{
	const struct formulary_preparation *p = &w.formulary.preparations[MIXED_LIDOCAINE];
	const struct policy_substance *past = &w.history.substances[LIDOCAINE];
	const wide asked = reserve_of(LIDOCAINE, reserve());

	if (w.request.preparation != MIXED_LIDOCAINE || p->n_components != 1 ||
	    p->components[0].substance != LIDOCAINE || w.formulary.n_substances < SUBSTANCES ||
	    w.formulary.n_preparations < PREPARATIONS)
		return;
	expect_over("substance-shot", reserve_of(LIDOCAINE, w.request.dose_nl),
		    hard_of(LIDOCAINE, SCOPE_SHOT));
	expect_over("substance-session", past->session + asked, hard_of(LIDOCAINE, SCOPE_SESSION));
	expect_over("substance-course", past->course + asked, hard_of(LIDOCAINE, SCOPE_COURSE));
	expect_over("substance-24h",
		    past->outstanding + day_sum(past->doses, past->n_doses) + asked,
		    hard_of(LIDOCAINE, SCOPE_24H));
}

static void expect_right(void)
{
	enum policy_severity worst = check_all();

	for (size_t i = 0; i < POLICY_RULES; i++) {
		const struct policy_verdict *v = &w.verdicts[i];

		EXPECT(strnlen(v->text, POLICY_TEXT_MAX) < POLICY_TEXT_MAX, "%s", v->rule);
		EXPECT(strlen(v->text) > 10, "%s", v->rule);
		/* nothing was cut off */
		EXPECT(v->text[strlen(v->text) - 1] == '.', "%s: %s", v->rule, v->text);
		EXPECT(v->severity <= worst, "%s", v->rule);
		EXPECT(v->severity != POLICY_OK || v->when == 0, "%s", v->rule);
		EXPECT(v->severity == POLICY_OK || v->when != 0 || w.history.now_s < 0 ||
			       w.history.midnight_s <= 0,
		       "%s", v->rule);
	}
	expect_over("session-volume", w.history.session_nl + reserve(), w.limits.session_nl.hard);
	expect_over("patient-24h-volume",
		    w.history.outstanding_nl + day_sum(w.doses, 2) + reserve(),
		    w.limits.patient_24h_nl.hard);
	expect_over("depth", w.request.depth_um, w.limits.depth_um.hard);
	expect_over("reservoir", (wide)w.request.dose_nl * w.request.shots,
		    w.request.gun.reservoir_nl);
	expect_substance_sums();
}

START_TEST(every_pair_of_extremes_is_judged_without_overflow)
{
	const struct number *first = &numbers[_i];

	new_world();
	for (size_t second = (size_t)_i; second < N_NUMBERS; second++) {
		const uint64_t before[] = { get(first), get(&numbers[second]) };

		for (size_t i = 0; i < N_VALUES * N_VALUES; i++) {
			set(first, extreme(first, i / N_VALUES));
			set(&numbers[second], extreme(&numbers[second], i % N_VALUES));
			expect_right();
		}
		set(&numbers[second], before[1]);
		set(first, before[0]);
	}
}
END_TEST

START_TEST(a_single_substance_at_every_pair_of_extremes_is_what_a_wide_sum_says)
{
	static const char *const wanted[] = {
		"request.dose_nl",
		"request.shots",
		"request.overshoot_nl",
		"history.now_s",
		"history.mass_g",
		"history.substances[LIDOCAINE].session",
		"history.substances[LIDOCAINE].course",
		"history.substances[LIDOCAINE].outstanding",
		"doses[0].when_s",
		"doses[0].amount",
		"doses[1].amount",
	};
	const size_t n = sizeof(wanted) / sizeof(wanted[0]);

	new_world();
	w.formulary.preparations[MIXED_LIDOCAINE].n_components = 1;
	for (size_t scope = 0; scope < SCOPES; scope++) {
		struct formulary_substance *s = &w.formulary.substances[LIDOCAINE];

		s->fixed[scope].hard = _i ? UINT64_MAX - (uint64_t)_i : 300000000;
		s->per_kg[scope].hard = _i == 2 ? UINT64_MAX - 1 : 4500000;
	}
	for (size_t i = 0; i < n * n * N_VALUES * N_VALUES; i++) {
		const struct number *pair[2] = { NULL, NULL };
		const size_t at[2] = { i / N_VALUES / N_VALUES / n, i / N_VALUES / N_VALUES % n };
		uint64_t before[2];

		for (size_t k = 0; k < 2; k++)
			for (size_t m = 0; m < N_NUMBERS; m++)
				if (strcmp(numbers[m].name, wanted[at[k]]) == 0)
					pair[k] = &numbers[m];
		EXPECT(pair[0] && pair[1], "%s", wanted[at[0]]);
		before[0] = get(pair[0]);
		before[1] = get(pair[1]);
		set(pair[0], extreme(pair[0], i / N_VALUES % N_VALUES));
		set(pair[1], extreme(pair[1], i % N_VALUES));
		expect_right();
		set(pair[1], before[1]);
		set(pair[0], before[0]);
	}
}
END_TEST

/* ------------------------------------------------- what holds of every world */

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

/* Near what it was, far from it, or at an end. */
static uint64_t draw_value(const struct number *n)
{
	const uint64_t now = get(n);

	switch (draw(4)) {
	case 0:
		return extreme(n, draw(N_VALUES));
	case 1:
		return draw(greatest(n));
	case 2:
		return now / (1 + draw(8));
	default:
		return now <= greatest(n) / 2 ? now + draw(now + 2) : now;
	}
}

static void draw_world(void)
{
	new_world();
	w.history.substances[HYALURONIDASE].session = draw(2) * draw(100000);
	w.history.substances[LIDOCAINE].session = draw(300000000);
	w.history.substances[LIDOCAINE].outstanding = draw(300000000);
	w.history.session_nl = draw(11000000);
	ask_for(draw(PREPARATIONS));
	for (size_t i = draw(4); i > 0; i--) {
		const struct number *n = &numbers[draw(N_NUMBERS)];

		set(n, draw_value(n));
	}
}

static enum policy_severity before[POLICY_RULES];

static size_t number_of(const char *rule)
{
	static const char *names[POLICY_RULES];
	size_t i = 0;

	while (i < POLICY_RULES && names[i] && strcmp(names[i], rule) != 0)
		i++;
	EXPECT(i < POLICY_RULES, "%s", rule);
	names[i] = rule;
	return i;
}

/* @better: may it be, or may it be worse? */
static void expect_moved(const struct number *n, uint64_t from, uint64_t to, bool better,
			 const char *except)
{
	check_all();
	for (size_t i = 0; i < POLICY_RULES; i++) {
		const struct policy_verdict *v = &w.verdicts[i];
		const enum policy_severity was = before[number_of(v->rule)];

		if (except && strcmp(v->rule, except) == 0)
			continue;
		EXPECT(better ? v->severity <= was : v->severity >= was,
		       "%s from %llu to %llu makes %s %d, which was %d: %s", n->name,
		       (unsigned long long)from, (unsigned long long)to, v->rule, v->severity, was,
		       v->text);
	}
}

static void note_before(void)
{
	check_all();
	for (size_t i = 0; i < POLICY_RULES; i++)
		before[number_of(w.verdicts[i].rule)] = w.verdicts[i].severity;
}

START_TEST(more_spent_or_a_tighter_bound_never_lets_pass_and_less_asked_is_never_worse)
{
	seed = 0x9e3779b97f4a7c15 + (uint64_t)_i;
	for (size_t round = 0; round < 4000; round++) {
		const struct number *n;
		uint64_t from, to;

		draw_world();
		do
			n = &numbers[draw(N_NUMBERS)];
		while (n->effect == ANY);
		from = get(n);
		to = draw_value(n);
		/* no concentration is not a small one, and no limit of an anaesthetic not a wide one: unknown */
		if ((to == 0 && strstr(n->name, "concentration")) ||
		    ((from == FORMULARY_NO_BOUND || to == FORMULARY_NO_BOUND) &&
		     strstr(n->name, "SCOPE_24H].hard")))
			continue;
		note_before();
		set(n, to);
		/* Of what is asked, nothing is no lease, and a gun has steps. */
		expect_moved(n, from, to, n->effect == BETTER ? to > from : to < from,
			     n->effect == RESERVE ? "lease-shape" : NULL);
	}
}
END_TEST

START_TEST(time_alone_never_makes_an_amount_worse)
{
	static const char *const rules[] = { "patient-24h-volume", "substance-24h",
					     "anaesthetics-sum", "hyaluronidase" };

	seed = 0xdeadbeefcafe + (uint64_t)_i;
	for (size_t round = 0; round < 500; round++) {
		const int64_t later = (int64_t)draw(2 * (uint64_t)POLICY_WINDOW_S);

		draw_world();
		if (w.history.now_s > INT64_MAX - later)
			continue;
		note_before();
		w.history.now_s += later;
		check_all();
		for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
			EXPECT(find(rules[i])->severity <= before[number_of(rules[i])], "%s",
			       rules[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy_extremes");
	TCase *t = tcase_create("extremes");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_pair_of_extremes_is_judged_without_overflow, 0, N_NUMBERS);
	tcase_add_loop_test(t, a_single_substance_at_every_pair_of_extremes_is_what_a_wide_sum_says,
			    0, 3);
	tcase_add_loop_test(
		t, more_spent_or_a_tighter_bound_never_lets_pass_and_less_asked_is_never_worse, 0,
		10);
	tcase_add_loop_test(t, time_alone_never_makes_an_amount_worse, 0, 4);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
