// SPDX-License-Identifier: GPL-2.0-only
/*
 * See reference_world.h.  Here: how a history is played.
 */
#include "reference_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/meso.h>

#include "reference_compare.h"

#define DAY_S ((int64_t)86400)
#define BEGIN ((int64_t)1800000000)

bool world_disagree(struct world *w, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(w->text, sizeof(w->text), format, ap);
	va_end(ap);
	return false;
}

static void note(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct world *w, const char *format, ...)
{
	size_t used = w->log ? strlen(w->log) : 0;
	va_list ap;

	if (!w->log)
		return;
	used += (size_t)snprintf(w->log + used, WORLD_LOG - used,
				 "  day %lld %02lld:%02lld:%02lld ", (long long)(w->now_s / DAY_S),
				 (long long)(w->now_s / 3600 % 24), (long long)(w->now_s / 60 % 60),
				 (long long)(w->now_s % 60));
	if (used >= WORLD_LOG)
		return;
	va_start(ap, format);
	vsnprintf(w->log + used, WORLD_LOG - used, format, ap);
	va_end(ap);
}

/* ---------------------------------------------------------------- playing */

static bool one_in(uint32_t v, uint32_t n)
{
	return v % n == 0;
}

static int32_t today(const struct world *w)
{
	return (int32_t)(w->now_s / DAY_S);
}

static struct ref_event event(const struct world *w, enum ref_what what)
{
	return (struct ref_event){ .what = what,
				   .when_s = w->now_s,
				   .given_s = w->now_s,
				   .day = today(w),
				   .preparation = REF_NOTHING,
				   .area = REF_NOTHING,
				   .allergies = "",
				   .conditions = "" };
}

/* The moment at which something of the past leaves its window, or a second beside it. */
static int64_t aim(const struct world *w, uint32_t which, uint32_t beside)
{
	static const int64_t windows[] = { DAY_S, DAY_S, DAY_S, 600, 2700, 3600, 7 * DAY_S };
	const struct ref_event *e = &w->ref.events[which % w->ref.n];

	return e->given_s + windows[which / 64 % 7] + (int64_t)(beside % 3) - 1;
}

static bool step_wait(struct world *w, const uint32_t v[])
{
	static const int64_t spans[] = { 30,    300,       1800,      7200,
					 43200, 2 * DAY_S, 9 * DAY_S, 40 * DAY_S };
	int64_t to = w->now_s + 1 + v[1] % spans[v[0] % 8];

	if (w->ref.n > 0 && one_in(v[2], 3))
		to = aim(w, v[3], v[4]);
	if (to > w->now_s)
		w->now_s = to;
	return true;
}

static const char *pick_words(uint32_t v, const char *const words[], size_t n)
{
	return v % 12 ? "" : words[v / 12 % n];
}

static bool step_assess(struct world *w, const uint32_t v[])
{
	static const char *const conditions[] = { "pregnancy",        "breastfeeding",
						  "infection",        "nsaid",
						  "asthma",           "asthma nsaid",
						  "nsaids infections" };
	static const char *const allergies[] = { "amide", "ester", "vitamin-c", "bee procaine",
						 "amides lido" };
	const uint32_t mass_g = v[4] % 8 ? 40000 + v[4] % 60001 : 0;
	struct ref_event e = event(w, REF_ASSESSMENT);
	size_t patient = v[0] % WORLD_PATIENTS;

	e.patient = patient + 1;
	e.consent = !one_in(v[1], 20);
	e.elsewhere = !one_in(v[2], 20);
	e.conditions = pick_words(v[3], conditions, 7);
	e.allergies = pick_words(v[5], allergies, 5);
	ref_add(&w->ref, e);
	if (mass_g) {
		struct ref_event m = event(w, REF_MASS);

		m.patient = patient + 1;
		m.mass_g = mass_g;
		ref_add(&w->ref, m);
	}
	note(w, "patient %zu is assessed: %s%sconditions '%s', allergies '%s', %u g\n", patient,
	     e.consent ? "" : "no consent, ", e.elsewhere ? "" : "elsewhere not asked, ",
	     e.conditions, e.allergies, mass_g);
	return !w->backend || w->backend->assess(w, patient, &e, mass_g);
}

static bool step_course(struct world *w, const uint32_t v[])
{
	struct ref_event e = event(w, REF_COURSE);
	size_t patient = v[0] % WORLD_PATIENTS;

	e.patient = patient + 1;
	e.course = ++w->last;
	e.interval_d = v[1] % 3 ? 0 : v[1] / 3 % 16;
	e.late_interval_d = v[2] % 3 ? 0 : 1 + v[2] / 3 % 40;
	ref_add(&w->ref, e);
	note(w, "patient %zu begins course %llu, every %u d, late %u d\n", patient,
	     (unsigned long long)e.course, e.interval_d, e.late_interval_d);
	return !w->backend || w->backend->course(w, patient, &e);
}

/* In either of these is an open session. */
static bool has_session(const struct world *w, size_t patient)
{
	for (size_t i = 0; i < WORLD_GUNS; i++)
		if (w->guns[i].session && w->guns[i].patient == patient)
			return true;
	return false;
}

static bool step_open(struct world *w, const uint32_t v[])
{
	size_t gun = v[0] % WORLD_GUNS, patient = v[1] % WORLD_PATIENTS;
	struct ref_event e = event(w, REF_SESSION);

	if (w->guns[gun].session || (w->backend && has_session(w, patient)))
		return true;
	e.patient = patient + 1;
	e.gun = gun + 1;
	e.session = ++w->last;
	ref_add(&w->ref, e);
	w->guns[gun].session = e.session;
	w->guns[gun].patient = patient;
	w->guns[gun].preparation = REF_NOTHING;
	note(w, "session %llu: patient %zu on gun %zu\n", (unsigned long long)e.session, patient,
	     gun);
	return !w->backend || w->backend->open(w, gun, e.session);
}

static bool step_close(struct world *w, const uint32_t v[])
{
	size_t gun = v[0] % WORLD_GUNS;
	struct ref_event e = event(w, REF_SESSION_END);

	if (!w->guns[gun].session)
		return true;
	if (w->backend && !w->backend->close(w, gun))
		return false;
	e.session = w->guns[gun].session;
	ref_add(&w->ref, e);
	w->guns[gun].session = 0;
	note(w, "session %llu is closed\n", (unsigned long long)e.session);
	return true;
}

static bool step_load(struct world *w, const uint32_t v[])
{
	static const size_t good[] = { 0, 1, 2, 3, 4, 6, 7 };
	size_t gun = v[0] % WORLD_GUNS;
	struct ref_event e = event(w, REF_LOAD);

	if (!w->guns[gun].session || w->guns[gun].lease)
		return true;
	e.session = w->guns[gun].session;
	e.preparation = v[1] % 2 ? good[v[1] / 2 % 7] : v[1] / 2 % w->formulary->n_preparations;
	ref_add(&w->ref, e);
	w->guns[gun].preparation = e.preparation;
	note(w, "gun %zu is loaded with %s\n", gun, w->formulary->preparations[e.preparation].id);
	return !w->backend ||
	       w->backend->load(w, gun, w->formulary->preparations[e.preparation].cartridge);
}

/* -------------------------------------------------------------- requests */

static uint32_t pick_value(uint32_t v, const uint32_t *values, size_t n, uint32_t usual)
{
	return v % 12 ? usual : values[v / 12 % n];
}

static struct policy_request draw_request(const struct world *w, const struct world_gun *gun,
					  const uint32_t v[])
{
	static const uint32_t doses[] = { 1000,   5000,   50000,  50001,  99900, 100000,
					  100100, 200000, 200100, 250000, 12550, 0 };
	static const uint32_t depths[] = { 0,    999,  1000, 1001, 1999, 2000,
					   2001, 3999, 4000, 4001, 13000 };
	static const uint32_t rates[] = { 5000, 5001, 9000, 9001, 100 };
	static const uint32_t needles[] = { 5, 9, 2, 0 };
	static const uint32_t areas[] = { 0, 2000, 100 };
	static const uint32_t expiries[] = { 300, 2700, 2701, 3600, 3601 };
	const uint32_t dose_nl = pick_value(v[1], doses, 12, 1000 + v[1] / 12 % 250 * 100);
	const bool prime = one_in(v[2], 7);
	struct policy_request r = {
		.kind = prime ? MESO_KIND_PRIME : MESO_KIND_TREAT,
		.mode = v[2] / 8 % 2 ? MESO_MODE_REPEAT : MESO_MODE_SINGLE,
		.dose_nl = dose_nl,
		.shots = v[3] % 5 ? 1 + v[3] / 5 % 12 : v[3] / 5 % 130,
		.depth_um = pick_value(v[4], depths, 11, 1500),
		.rate_mhz = pick_value(v[4] / 64, rates, 5, 2000),
		.needles = pick_value(v[5], needles, 4, 1),
		.overshoot_nl = v[5] / 64 % 3000,
		.expiry_s = pick_value(v[6], expiries, 5, 60),
		.preparation = gun->preparation,
		.area = v[6] / 64 % 4 ? v[6] / 64 % w->formulary->n_areas : FORMULARY_UNKNOWN,
		.area_mm2 = pick_value(v[7], areas, 3, 0),
		.has_gun = true,
		.gun = { .dose_min_nl = 1000,
			 .dose_max_nl = 200000,
			 .dose_step_nl = 100,
			 .lease_max_nl = 10000000,
			 .lease_max_shots = 100,
			 .depth_max_um = 13000,
			 .rate_max_mhz = 9000,
			 .reservoir_nl = v[7] / 16 % 8 ? 10000000 : v[7] / 128 % 1000000 },
	};

	if (v[6] / 64 % 4 && one_in(v[6] / 256, 24))
		r.area = FORMULARY_UNKNOWN;
	else if (r.area == FORMULARY_UNKNOWN)
		r.area = 0;
	if (r.preparation < w->formulary->n_preparations)
		r.gun.cartridge =
			w->formulary->preparations[r.preparation].cartridge + one_in(v[8], 20);
	return r;
}

/* So that some rule's sum is just at a bound: what is missing to it becomes overshoot. */
static void aim_request(const struct world *w, struct ref_question *q, const uint32_t v[])
{
	const enum ref_rule rules[] = { REF_SESSION_VOLUME, REF_PATIENT_24H, REF_AREA_VOLUME };
	struct ref_answer a = ref_ask(&w->ref, q, rules[v[0] % 3]);
	uint64_t bound, gap;

	if (a.n == 0)
		return;
	bound = v[1] % 2 ? a.figures[0].soft : a.figures[0].hard;
	gap = bound + v[2] % 3 - 1 - a.figures[0].spent - a.figures[0].asked;
	if (bound != UINT64_MAX && gap < 4000000)
		q->request.overshoot_nl += (uint32_t)gap;
}

static void aim_amount(const struct world *w, struct ref_question *q, const uint32_t v[])
{
	const enum ref_rule rules[] = { REF_SUBSTANCE_SESSION, REF_SUBSTANCE_24H,
					REF_SUBSTANCE_COURSE };
	struct ref_answer a = ref_ask(&w->ref, q, rules[v[0] % 3]);
	const struct formulary_preparation *p;
	const struct ref_figure *f;
	uint64_t bound, gap;

	if (a.n == 0)
		return;
	p = &w->formulary->preparations[q->request.preparation];
	f = &a.figures[v[1] % a.n];
	bound = v[2] % 2 ? f->soft : f->hard;
	if (bound == UINT64_MAX || bound < f->spent + f->asked)
		return;
	for (size_t i = 0; i < p->n_components; i++)
		if (p->components[i].substance == f->substance) {
			gap = (bound - f->spent - f->asked) * 1000 / p->components[i].concentration;
			gap += v[3] % 3;
			if (gap > 0 && gap < 4000000)
				q->request.overshoot_nl += (uint32_t)gap - 1;
		}
}

static void grant(struct world *w, size_t gun, const struct policy_request *r)
{
	struct ref_event e = event(w, REF_LEASE);
	struct world_gun *g = &w->guns[gun];

	e.lease = ++w->last;
	e.session = g->session;
	e.patient = g->patient + 1;
	e.gun = gun + 1;
	e.prime = r->kind == MESO_KIND_PRIME;
	e.preparation = r->preparation;
	e.area = r->area;
	e.nl = (uint64_t)r->dose_nl * r->shots;
	e.overshoot_nl = r->overshoot_nl;
	ref_add(&w->ref, e);
	g->lease = e.lease;
	g->lease_nl = e.nl;
	g->overshoot_nl = e.overshoot_nl;
	g->dose_nl = r->dose_nl;
	g->shots = r->shots;
	g->prime = e.prime;
	g->lease_s = w->now_s;
}

static bool step_request(struct world *w, const uint32_t v[])
{
	size_t gun = v[0] % WORLD_GUNS;
	struct world_gun *g = &w->guns[gun];
	const bool reason = v[9] % 2;
	struct policy_verdict verdicts[POLICY_RULES];
	struct ref_question q = { .now_s = w->now_s,
				  .today = today(w),
				  .session = g->session,
				  .gun = gun + 1,
				  .operator_valid = true,
				  .limits = &w->limits,
				  .formulary = w->formulary };
	int worst = 0;
	bool granted;

	if (!g->session || (w->backend && g->preparation == REF_NOTHING))
		return true;
	q.patient = q.session_patient = g->patient + 1;
	if (!w->backend && one_in(v[8] / 32, 40))
		q.patient = (g->patient + 1) % WORLD_PATIENTS + 1;
	q.operator_valid = w->backend || !one_in(v[8] / 2048, 40);
	q.request = draw_request(w, g, v);
	memset(q.request.patient, (int)q.patient, sizeof(q.request.patient));
	if (v[9] / 2 % 3 == 0)
		aim_request(w, &q, &v[3]);
	else if (v[9] / 2 % 3 == 1)
		aim_amount(w, &q, &v[3]);
	note(w, "gun %zu is asked for %u x %u nL (+ %u) of %s at %u um, area %zd, %u mm2, %s%s\n",
	     gun, q.request.shots, q.request.dose_nl, q.request.overshoot_nl,
	     g->preparation == REF_NOTHING ? "nothing"
					   : w->formulary->preparations[g->preparation].id,
	     q.request.depth_um, (ssize_t)q.request.area, q.request.area_mm2,
	     q.request.kind == MESO_KIND_PRIME ? "a prime" : "a treatment",
	     reason ? ", with a reason" : "");
	for (enum ref_rule rule = 0; rule < REF_RULES; rule++) {
		int severity = ref_ask(&w->ref, &q, rule).severity;

		worst = severity > worst ? severity : worst;
	}
	granted = !g->lease && (worst == 0 || (worst == 1 && reason));
	if (!w->backend) {
		const struct policy_basis basis = { q.limits, q.formulary };
		struct ref_history h;

		ref_fill_history(&w->ref, &q, &h);
		policy_check(&basis, &h.history, &q.request, verdicts);
		ref_free_history(&h);
	} else {
		bool did;

		if (!w->backend->judge(w, gun, &q, !g->lease, reason, verdicts, &did))
			return false;
		if (did != granted)
			return world_disagree(w, "%s, but the worst is %d",
					      did ? "granted" : "refused", worst);
	}
	w->judged++;
	w->counts[worst]++;
	if (!reference_compare(w, &q, verdicts))
		return false;
	if (granted)
		grant(w, gun, &q.request);
	return true;
}

/* ------------------------------------------------------- what comes after */

static bool step_settle(struct world *w, const uint32_t v[])
{
	size_t gun = v[0] % WORLD_GUNS;
	struct world_gun *g = &w->guns[gun];
	struct ref_event e = event(w, REF_SETTLED);
	bool settled = true, fault = one_in(v[3], 4);

	if (!g->lease)
		return true;
	/* some of it, all of it, or what the gun overshot, too */
	e.nl = v[1] % 4 == 0 ? g->lease_nl + g->overshoot_nl
			     : (v[1] % 4 == 1 ? g->lease_nl : v[2] % (g->lease_nl + 1));
	if (g->prime && v[4] % 2)
		e.nl = 0;
	if (w->backend && !w->backend->settle(w, gun, v, &e.nl, &settled, &fault, &e.when_s))
		return false;
	if (!settled)
		return true;
	e.lease = g->lease;
	ref_add(&w->ref, e);
	if (fault) {
		struct ref_event f = event(w, REF_FAULT);

		f.gun = gun + 1;
		ref_add(&w->ref, f);
	}
	note(w, "gun %zu: %llu nL of its lease are spent%s\n", gun, (unsigned long long)e.nl,
	     fault ? "; a fault ended it" : "");
	g->lease = 0;
	return true;
}

static void draw_hand(const struct world *w, struct ref_event *e, const uint32_t v[])
{
	const size_t first = v[1] % w->formulary->n_substances;

	e->n_substances = 1 + one_in(v[2], 3);
	for (size_t i = 0; i < e->n_substances; i++) {
		e->substances[i] = (first + i) % w->formulary->n_substances;
		e->amounts[i] = 1 + v[3 + i] % 60000000;
	}
	e->nl = v[5] % 4 ? v[5] % 900000 : 0;
	/* late: entered up to three days after */
	e->given_s = w->now_s - (v[6] % 3 ? 0 : v[6] / 3 % (3 * DAY_S));
	e->day = (int32_t)(e->given_s / DAY_S);
}

static bool step_hand(struct world *w, const uint32_t v[])
{
	struct ref_event e = event(w, REF_HAND);
	size_t patient = v[0] % WORLD_PATIENTS;

	e.patient = patient + 1;
	e.dose = ++w->last;
	draw_hand(w, &e, v);
	for (size_t i = 0; i < WORLD_GUNS; i++)
		if (v[7] % 2 && w->guns[i].session && w->guns[i].patient == patient)
			e.session = w->guns[i].session;
	for (size_t i = 0; e.session == 0 && i < w->ref.n; i++)
		if (w->ref.events[i].what == REF_COURSE && w->ref.events[i].patient == e.patient)
			e.course = w->ref.events[i].course;
	ref_add(&w->ref, e);
	note(w, "dose %llu by hand: patient %zu, %s %llu%s, %llu nL, %lld s ago, session %llu\n",
	     (unsigned long long)e.dose, patient, w->formulary->substances[e.substances[0]].id,
	     (unsigned long long)e.amounts[0], e.n_substances > 1 ? " and another" : "",
	     (unsigned long long)e.nl, (long long)(w->now_s - e.given_s),
	     (unsigned long long)e.session);
	return !w->backend || w->backend->hand(w, &e);
}

static bool is_replaced(const struct world *w, uint64_t dose)
{
	for (size_t i = 0; i < w->ref.n; i++)
		if (w->ref.events[i].what == REF_HAND && w->ref.events[i].replaces == dose)
			return true;
	return false;
}

static bool step_correct(struct world *w, const uint32_t v[])
{
	for (size_t i = 0; i < w->ref.n; i++) {
		const size_t at = (i + v[0]) % w->ref.n;
		struct ref_event e = w->ref.events[at];

		if (e.what != REF_HAND || is_replaced(w, e.dose) || e.n_substances == 0)
			continue;
		e.when_s = w->now_s;
		e.replaces = e.dose;
		e.dose = ++w->last;
		draw_hand(w, &e, v);
		if (one_in(v[7], 3))
			e.n_substances = e.nl = 0;
		ref_add(&w->ref, e);
		note(w, "dose %llu stands for %llu: %s %llu, %llu nL, %lld s ago\n",
		     (unsigned long long)e.dose, (unsigned long long)e.replaces,
		     e.n_substances ? w->formulary->substances[e.substances[0]].id : "nothing",
		     (unsigned long long)e.amounts[0], (unsigned long long)e.nl,
		     (long long)(w->now_s - e.given_s));
		return !w->backend || w->backend->hand(w, &e);
	}
	return true;
}

static bool step_attribute(struct world *w, const uint32_t v[])
{
	struct ref_event e = event(w, REF_ATTRIBUTION);
	size_t patient = v[0] % WORLD_PATIENTS;

	e.patient = patient + 1;
	e.nl = 1 + v[1] % 500000;
	if (w->backend && !w->backend->attribute(w, patient, v, &e))
		return false;
	ref_add(&w->ref, e);
	note(w, "%llu nL of nobody's are patient %zu's\n", (unsigned long long)e.nl, patient);
	return true;
}

/* The clock is set back: so little that it is nobody's business, or somebody confirms it. */
static bool step_clock(struct world *w, const uint32_t v[])
{
	static const int64_t spans[] = { 120, 120, 3600, 2 * DAY_S, 50 * DAY_S, 400 * DAY_S };
	const int64_t to = w->now_s - 1 - v[0] % spans[v[1] % 6];
	struct ref_event e;

	if (to <= BEGIN - 400 * DAY_S)
		return true;
	w->now_s = to;
	note(w, "the clock was set back%s\n", w->mark_s - to > 120 ? ", which is confirmed" : "");
	if (w->mark_s - to <= 120)
		return true;
	w->mark_s = to;
	e = event(w, REF_CONFIRMED);
	ref_add(&w->ref, e);
	return !w->backend || w->backend->confirm(w);
}

static bool step_crash(struct world *w, const uint32_t v[])
{
	(void)v;
	note(w, "mesod is killed\n");
	return !w->backend || w->backend->crash(w);
}

static bool (*const players[STEPS])(struct world *w, const uint32_t v[]) = {
	[STEP_WAIT] = step_wait,           [STEP_ASSESS] = step_assess,
	[STEP_COURSE] = step_course,       [STEP_OPEN] = step_open,
	[STEP_CLOSE] = step_close,         [STEP_LOAD] = step_load,
	[STEP_REQUEST] = step_request,     [STEP_SETTLE] = step_settle,
	[STEP_HAND] = step_hand,           [STEP_CORRECT] = step_correct,
	[STEP_ATTRIBUTE] = step_attribute, [STEP_CLOCK] = step_clock,
	[STEP_CRASH] = step_crash,
};

bool history_play(const struct history *history, const struct world_backend *backend, void *state,
		  struct world *w)
{
	static const int32_t ages_d[] = { 6573, 6574, 6575, 12000, 20000, 30000, -1, 0 };
	int32_t birth_days[WORLD_PATIENTS];
	bool agrees = true;

	*w = (struct world){ .history = history,
			     .backend = backend,
			     .state = state,
			     .formulary = world_formulary(),
			     .now_s = BEGIN + (int64_t)(history->seed % 1000) * DAY_S +
				      (int64_t)(history->seed / 1000 % DAY_S),
			     .log = w->log };
	if (w->log)
		w->log[0] = '\0';
	world_limits(&w->limits, history->seed);
	for (size_t i = 0; i < WORLD_PATIENTS; i++) {
		struct ref_event e = event(w, REF_PATIENT);
		const int32_t age = ages_d[(history->seed >> (8 * i)) % (i ? 8 : 32) % 8];

		e.patient = i + 1;
		e.birth_day = today(w) - ((history->seed >> (8 * i)) % 8 ? 15000 : age);
		birth_days[i] = e.birth_day;
		ref_add(&w->ref, e);
	}
	if (backend)
		agrees = backend->begin(w, birth_days);
	w->mark_s = w->now_s;
	for (size_t i = 0; agrees && i < history->n; i++) {
		const size_t before = w->ref.n;

		agrees = players[history->steps[i].kind](w, history->steps[i].v);
		if (w->ref.n > before && w->now_s > w->mark_s)
			w->mark_s = w->now_s;
	}
	if (backend)
		backend->end(w);
	return agrees;
}

void world_free(struct world *w)
{
	ref_clear(&w->ref);
}
