// SPDX-License-Identifier: GPL-2.0-only
/*
 * See policy_fixture.h.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/meso.h>

#include "policy_fixture.h"

#define MG  ((uint64_t)1000000) /* ng */
#define IU  ((uint64_t)1000)    /* mIU */
#define TEN ((uint64_t)10)

struct policy_world w;

static void set_limits(void)
{
	w.limits = (struct limits){
		.shot_nl = { 50000, 100000 },
		.depth_um = { 4000, 4000 },
		.rate_mhz = { 5000, 9000 },
		.session_nl = { 6000000, 10000000 },
		.patient_24h_nl = { 6000000, 10000000 },
		.area_nl_per_mm2 = { 1000, 2000 },
		.prime_nl = { 600000, 600000 },
		.session_s = { 2700, 3600 },
		.course_sessions = { 10, 15 },
		.interval_d = { 7, 7 },
		.late_interval_d = { 28, 7 },
		.course_gap_d = { 90, 0 },
		.fault_stops = 3,
	};
}

static struct formulary_substance *add_substance(const char *id, enum formulary_unit unit)
{
	struct formulary *f = &w.formulary;
	struct formulary_substance *s = &f->substances[f->n_substances++];

	snprintf(s->id, sizeof(s->id), "%s", id);
	snprintf(s->name, sizeof(s->name), "%s", id);
	s->unit = unit;
	for (size_t i = 0; i < SCOPES; i++) {
		s->fixed[i].soft = s->fixed[i].hard = FORMULARY_NO_BOUND;
		s->per_kg[i].soft = s->per_kg[i].hard = FORMULARY_NO_BOUND;
	}
	return s;
}

static void bound(struct formulary_bound *b, uint64_t soft, uint64_t hard)
{
	b->soft = soft;
	b->hard = hard;
}

/* As on the label: the lesser counts, from 80 % on with a reason. */
static struct formulary_substance *add_anaesthetic(const char *id, uint64_t ug_per_kg, uint64_t mg)
{
	struct formulary_substance *s = add_substance(id, FORMULARY_NG);

	s->anaesthetic = true;
	bound(&s->fixed[SCOPE_24H], mg * MG / TEN * 8, mg * MG);
	bound(&s->per_kg[SCOPE_24H], ug_per_kg * 800, ug_per_kg * 1000);
	return s;
}

static void set_substances(void)
{
	struct formulary_substance *s;

	s = add_anaesthetic("lidocaine", 4500, 300);
	snprintf(s->allergies, sizeof(s->allergies), "amide-anaesthetics");
	s = add_anaesthetic("lidocaine-epinephrine", 7000, 500);
	snprintf(s->allergies, sizeof(s->allergies), "amide-anaesthetics sulphites");
	snprintf(s->plain, sizeof(s->plain), "lidocaine");
	s->vasoconstrictor = true;
	s = add_anaesthetic("procaine", 7000, 600);
	snprintf(s->allergies, sizeof(s->allergies), "ester-anaesthetics");
	snprintf(s->conditions, sizeof(s->conditions), "myasthenia epilepsy");
	s = add_substance("hyaluronidase", FORMULARY_MIU);
	s->spreading = true;
	bound(&s->fixed[SCOPE_SESSION], 150 * IU, 300 * IU);
	s = add_substance("deoxycholate", FORMULARY_NG);
	s->by_hand_only = s->unmixed = true;
	s->interval_months = 1;
	s->course_sessions = 6;
	bound(&s->fixed[SCOPE_SESSION], FORMULARY_NO_BOUND, 100 * MG);
	s = add_substance("glutathione", FORMULARY_NG);
	s->interval_days = 7;
	s->course_sessions = 10;
	bound(&s->fixed[SCOPE_SHOT], 1 * MG, 2 * MG);
	bound(&s->fixed[SCOPE_SESSION], 100 * MG, 200 * MG);
	bound(&s->fixed[SCOPE_24H], 150 * MG, 300 * MG);
	bound(&s->fixed[SCOPE_COURSE], 1000 * MG, 2000 * MG);
	add_substance("rutin", FORMULARY_NG);
}

static void add_preparation(const char *name, size_t first, size_t second)
{
	struct formulary *f = &w.formulary;
	struct formulary_preparation *p = &f->preparations[f->n_preparations];

	snprintf(p->id, sizeof(p->id), "%s", name);
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->cartridge = 0xca00000000000001 + f->n_preparations++;
	for (size_t i = 0; i < 2; i++) {
		size_t substance = i ? second : first;

		if (substance == FORMULARY_UNKNOWN)
			break;
		p->components[p->n_components++] = (struct formulary_component){
			substance, f->substances[substance].unit == FORMULARY_NG ? 1000 : 15
		};
	}
}

static void add_area(const char *name, uint32_t least_um, uint32_t most_um, uint32_t size_mm2)
{
	struct formulary_area *a = &w.formulary.areas[w.formulary.n_areas++];

	snprintf(a->id, sizeof(a->id), "%s", name);
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->depth_min_um = least_um;
	a->depth_max_um = most_um;
	a->size_mm2 = size_mm2;
}

static void set_formulary(void)
{
	set_substances();
	for (size_t i = 0; i < SUBSTANCES; i++)
		add_preparation(w.formulary.substances[i].id, i, FORMULARY_UNKNOWN);
	add_preparation("mixed-procaine", PROCAINE, GLUTATHIONE);
	add_preparation("mixed-lidocaine", LIDOCAINE, HYALURONIDASE);
	add_preparation("mixed-deoxycholate", DEOXYCHOLATE, GLUTATHIONE);
	add_area("thigh", 2000, 4000, 40000);
	add_area("face", 1000, 2000, 10000);
}

static void set_history(void)
{
	w.history = (struct policy_history){
		.has_session = true,
		.session_opened_s = NOW - 60,
		.birth_day = TODAY - 40 * 365,
		.mass_g = 60000,
		.operator_valid = true,
		.assessed = true,
		.assessed_s = NOW - 3600,
		.consent = true,
		.elsewhere_asked = true,
		.has_course = true,
		.course_sessions = 2,
		.last_session_day = TODAY - 10,
		.previous_course_day = POLICY_NO_DAY,
	};
	for (size_t i = 0; i < FORMULARY_SUBSTANCES; i++)
		w.history.substances[i].last_day = POLICY_NO_DAY;
	move_to(NOW);
	memset(w.request.patient, 7, sizeof(w.request.patient));
	memcpy(w.history.session_patient, w.request.patient, sizeof(w.request.patient));
}

void policy_setup(void)
{
	memset(&w, 0, sizeof(w));
	w.basis = (struct policy_basis){ &w.limits, &w.formulary };
	set_limits();
	set_formulary();
	w.request = (struct policy_request){
		.kind = MESO_KIND_TREAT,
		.mode = MESO_MODE_REPEAT,
		.dose_nl = 20000,
		.shots = 20,
		.depth_um = 2000,
		.rate_mhz = 2000,
		.needles = 1,
		.overshoot_nl = 1000,
		.expiry_s = 60,
		.area = THIGH,
		.has_gun = true,
		.gun = { .dose_min_nl = 1000,
			 .dose_max_nl = 200000,
			 .dose_step_nl = 100,
			 .lease_max_nl = 10000000,
			 .lease_max_shots = 200,
			 .depth_max_um = 13000,
			 .rate_max_mhz = 9000,
			 .reservoir_nl = 10000000 },
	};
	ask_for(GLUTATHIONE);
	set_history();
}

enum policy_severity check_all(void)
{
	enum policy_severity worst = policy_check(&w.basis, &w.history, &w.request, w.verdicts);

	/* An assertion that holds costs a write, and this is called a million times. */
	if (worst != w.verdicts[0].severity)
		ck_abort_msg("the worst is not the first");
	return worst;
}

const struct policy_verdict *verdict(const char *rule)
{
	check_all();
	for (size_t i = 0; i < POLICY_RULES; i++)
		if (strcmp(w.verdicts[i].rule, rule) == 0)
			return &w.verdicts[i];
	ck_abort_msg("no rule %s", rule);
	return NULL;
}

enum policy_severity severity(const char *rule)
{
	return verdict(rule)->severity;
}

void move_to(int64_t now_s)
{
	w.history.now_s = now_s;
	w.history.today = (int32_t)(now_s / DAY_S);
	w.history.midnight_s = now_s - now_s % DAY_S;
}

void ask_for(size_t preparation)
{
	w.request.preparation = preparation;
	w.request.gun.cartridge = w.formulary.preparations[preparation].cartridge;
}

void ask_volume(uint32_t volume_nl)
{
	w.request.dose_nl = volume_nl;
	w.request.shots = 1;
	w.request.overshoot_nl = 0;
}

void gave(size_t substance, int64_t ago_s, uint64_t amount)
{
	static struct policy_dose doses[SUBSTANCES];

	doses[substance] = (struct policy_dose){ w.history.now_s - ago_s, amount };
	w.history.substances[substance].doses = &doses[substance];
	w.history.substances[substance].n_doses = 1;
}

void expect_allowed_is_exact(const char *rule)
{
	const struct policy_request request = w.request;
	const uint64_t allowed = verdict(rule)->allowed;

	ck_assert_uint_lt(allowed, UINT32_MAX);
	ask_volume((uint32_t)allowed);
	ck_assert_uint_eq(verdict(rule)->asked, allowed);
	ck_assert_int_ne(severity(rule), POLICY_HARD);
	ask_volume((uint32_t)allowed + 1);
	ck_assert_int_eq(severity(rule), POLICY_HARD);
	w.request = request;
}

void expect_when_is_exact(const char *rule)
{
	const int64_t now_s = w.history.now_s, when = verdict(rule)->when;
	const enum policy_severity bad = severity(rule);

	ck_assert_int_ne(bad, POLICY_OK);
	ck_assert_int_gt(when, now_s);
	move_to(when);
	ck_assert_int_lt(severity(rule), bad);
	move_to(when - 1);
	ck_assert_int_eq(severity(rule), bad);
	move_to(now_s);
}

void expect_refused(const char *rule, const char *words)
{
	const struct policy_verdict *v = verdict(rule);

	ck_assert_int_eq(v->severity, POLICY_HARD);
	ck_assert_int_eq(v->when, POLICY_NEVER);
	ck_assert_msg(strstr(v->text, words) != NULL, "%s", v->text);
}

int policy_run(const char *name, const TTest *const *tests, size_t n_tests)
{
	Suite *suite = suite_create(name);
	TCase *t = tcase_create("rules");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, policy_setup, NULL);
	for (size_t i = 0; i < n_tests; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
