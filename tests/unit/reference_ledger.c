// SPDX-License-Identifier: GPL-2.0-only
/*
 * See reference_ledger.h.  Many histories share a ledger, each with patients and
 * guns of its own, and with its own time: the clock is confirmed before it begins.
 */
#include "reference_ledger.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ledger_clinic.h"

#define DAY_S        ((int64_t)86400)
#define NS_PER_S     1000000000LL
#define HISTORIES    400 /* then another ledger, so that opening stays quick */
#define TOLERANCE_NL 100
#define CONTACT      MESO_STATUS_CONTACT

static struct reference_ledger *of(struct world *w)
{
	return w->state;
}

static bool expect(struct world *w, int r, const char *what)
{
	return r == 0 ||
	       world_disagree(w, "%s: %d (%s)", what, r, ledger_get_problem(of(w)->ledger));
}

static int64_t number_of(struct world *w, uint64_t number)
{
	ck_assert_uint_lt(number, REFERENCE_NUMBERS);
	return number ? of(w)->numbers[number] : 0;
}

static void date_text(int32_t day, char buf[LEDGER_DATE_MAX])
{
	const time_t s = (time_t)day * DAY_S;
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(buf, LEDGER_DATE_MAX, "%Y-%m-%d", &tm);
}

void reference_ledger_start(struct reference_ledger *s)
{
	const struct ledger_operator op = { .uid = OPERATOR,
					    .name = "Dr. Ada Example",
					    .licence = "L-77",
					    .expires = "2999-12-31" };

	memset(s, 0, sizeof(*s));
	place_make(&s->place);
	s->ledger = place_open(&s->place);
	ck_assert_int_eq(ledger_get_state(s->ledger), LEDGER_OK);
	ck_assert_int_eq(ledger_add_operator(s->ledger, T0, &op, NULL), 0);
}

void reference_ledger_stop(struct reference_ledger *s)
{
	struct ledger_report report;

	ck_assert_int_eq(ledger_verify(s->ledger, &report), 0);
	ck_assert_msg(report.ok, "%s", report.problem);
	ledger_close(s->ledger);
	place_remove(&s->place);
}

static bool confirm(struct world *w)
{
	const struct ledger_clock c = { .boot_id = { 1 },
					.wall_s = w->now_s,
					.boottime_ns = NS_PER_S,
					.offset_ns = (w->now_s - 1) * NS_PER_S };
	struct ledger_clock_state state;

	return expect(w, ledger_confirm_clock(of(w)->ledger, &c, 0, "looked at the wall", &state),
		      "the clock is confirmed");
}

static bool begin(struct world *w, const int32_t birth_days[WORLD_PATIENTS])
{
	struct reference_ledger *s = of(w);

	if (s->histories == HISTORIES) {
		reference_ledger_stop(s);
		reference_ledger_start(s);
	}
	s->histories++;
	if (!confirm(w))
		return false;
	for (size_t i = 0; i < WORLD_PATIENTS; i++) {
		struct ledger_patient p = { .name = "Zoë Sample" };

		snprintf(p.reference, sizeof(p.reference), "P-%u-%zu", s->histories, i);
		date_text(birth_days[i], p.birth_date);
		if (!expect(w, ledger_add_patient(s->ledger, w->now_s, &p, &s->patients[i]),
			    "a patient"))
			return false;
	}
	for (size_t i = 0; i < WORLD_GUNS; i++) {
		memset(&s->guns[i], 0, sizeof(s->guns[i]));
		snprintf(s->guns[i].serial, sizeof(s->guns[i].serial), "G-%u-%zu", s->histories, i);
		s->guns[i].gun = (struct ledger_gun){ .serial = s->guns[i].serial,
						      .epoch = EPOCH,
						      .boot_id = BOOT,
						      .shot_count = 40,
						      .total_nl = 800000 };
		if (!expect(w, ledger_see_gun(s->ledger, w->now_s, &s->guns[i].gun, NULL), "a gun"))
			return false;
	}
	return true;
}

static bool assess(struct world *w, size_t patient, const struct ref_event *e, uint32_t mass_g)
{
	struct ledger_assessment a = { .patient = of(w)->patients[patient],
				       .uid = OPERATOR,
				       .consent = e->consent,
				       .elsewhere_asked = e->elsewhere,
				       .mass_g = mass_g };

	snprintf(a.allergies, sizeof(a.allergies), "%s", e->allergies);
	snprintf(a.conditions, sizeof(a.conditions), "%s", e->conditions);
	return expect(w, ledger_add_assessment(of(w)->ledger, w->now_s, &a, NULL, NULL),
		      "an assessment");
}

static bool course(struct world *w, size_t patient, const struct ref_event *e)
{
	const struct ledger_course c = { .patient = of(w)->patients[patient],
					 .uid = OPERATOR,
					 .interval_d = e->interval_d,
					 .late_interval_d = e->late_interval_d,
					 .sessions = 8,
					 .indication = "pain" };

	return expect(
		w, ledger_add_course(of(w)->ledger, w->now_s, &c, &of(w)->numbers[e->course], NULL),
		"a course");
}

static bool open_session(struct world *w, size_t gun, uint64_t session)
{
	char today[LEDGER_DATE_MAX];

	date_text((int32_t)(w->now_s / DAY_S), today);
	return expect(w,
		      ledger_open_session(of(w)->ledger, w->now_s, today,
					  &of(w)->patients[w->guns[gun].patient],
					  of(w)->guns[gun].serial, OPERATOR,
					  &of(w)->numbers[session]),
		      "a session opens");
}

static bool close_session(struct world *w, size_t gun)
{
	return expect(w,
		      ledger_close_session(of(w)->ledger, w->now_s,
					   number_of(w, w->guns[gun].session), "done"),
		      "a session closes");
}

static bool load(struct world *w, size_t gun, uint64_t cartridge)
{
	const struct ledger_moment now = moment(w->now_s);

	return expect(w,
		      ledger_add_load(of(w)->ledger, &now, number_of(w, w->guns[gun].session),
				      w->formulary, w->guns[gun].preparation, cartridge, 60000,
				      NULL),
		      "a load");
}

static bool judge(struct world *w, size_t gun, const struct ref_question *q, bool reserve,
		  bool reason, struct policy_verdict verdicts[POLICY_RULES], bool *ret_granted)
{
	struct reference_ledger *s = of(w);
	const struct ledger_moment now = moment(w->now_s);
	const struct policy_basis basis = { q->limits, q->formulary };
	struct ledger_order o = { .session = number_of(w, q->session),
				  .request = q->request,
				  .gun = s->guns[gun].gun,
				  .tolerance_nl = TOLERANCE_NL,
				  .expiry_ms = 60000,
				  .override = reason ? "scar" : NULL };
	int r;

	memcpy(o.request.patient, s->patients[q->patient - 1].bytes, sizeof(o.request.patient));
	o.request.preparation = FORMULARY_UNKNOWN; /* the load's, whatever is asked for */
	*ret_granted = false;
	if (!reserve) {
		r = ledger_check(s->ledger, &now, &basis, o.session, &o.request, verdicts);
		return r >= 0 || expect(w, r, "a check");
	}
	r = ledger_reserve(s->ledger, &now, &basis, &o, &s->guns[gun].lease, verdicts);
	if (r == -EDQUOT)
		return true;
	if (!expect(w, r, "a reservation"))
		return false;
	*ret_granted = true;
	s->guns[gun].gun.last_sequence = s->guns[gun].lease.sequence;
	s->guns[gun].fired = 0;
	return true;
}

/* ---------------------------------------------------- what becomes of a lease */

/* How a gun's account of its lease turns out. */
enum ending {
	END_HONEST,     /* it is closed, and all agrees */
	END_DISTRUSTED, /* its memory failed: nothing is given back */
	END_LATER,      /* shots are told, but not yet that it is over */
	END_LOST,       /* an administrator closes it */
	END_NEVER,      /* it was never armed */
	END_BETTER,     /* distrusted first, then honest */
};

/* Records shots of the lease, the last @n of what it may fire. */
static int fire(struct world *w, size_t gun, uint32_t n, bool credited)
{
	struct reference_ledger *s = of(w);
	struct meso_shot shots[256];
	size_t fired = 0;

	for (; n > 0 && fired < 256; n--) {
		struct meso_shot *shot = &shots[fired++];

		*shot = gun_fires(&s->guns[gun].gun, s->guns[gun].lease.lease_id,
				  w->guns[gun].dose_nl);
		shot->displaced_nl = shot->displaced2_nl = shot->reported_nl;
		shot->kind = w->guns[gun].prime ? MESO_KIND_PRIME : MESO_KIND_TREAT;
		shot->flags = credited ? 0 : CONTACT;
	}
	if (fired == 0)
		return 0;
	s->guns[gun].fired += (unsigned int)fired;
	s->guns[gun].fired_s = w->now_s;
	return ledger_record(s->ledger, w->now_s, s->guns[gun].serial, shots, fired, NULL, NULL);
}

static uint64_t fired_nl(struct world *w, size_t gun)
{
	return (uint64_t)of(w)->guns[gun].fired * w->guns[gun].dose_nl;
}

/* What is not known to be less is all that was reserved. */
static uint64_t reserved_nl(const struct world *w, size_t gun)
{
	return w->guns[gun].lease_nl + w->guns[gun].overshoot_nl;
}

static int64_t highest_s(const struct world *w)
{
	return w->now_s > w->mark_s ? w->now_s : w->mark_s;
}

static bool tell(struct world *w, size_t gun, struct ledger_evidence *e,
		 enum ledger_outcome outcome, uint64_t spent_nl)
{
	struct ledger_settlement s = { 0 };
	int r;

	r = ledger_record(of(w)->ledger, w->now_s, of(w)->guns[gun].serial, NULL, 0, e, &s);
	if (!expect(w, r, "a settlement"))
		return false;
	if (s.outcome != outcome)
		return world_disagree(w, "the settlement is %d instead of %d: %s", s.outcome,
				      outcome, s.problem);
	if (outcome != LEDGER_NOT_SETTLED && s.spent_nl != spent_nl)
		return world_disagree(w, "the settlement spends %llu instead of %llu nL",
				      (unsigned long long)s.spent_nl, (unsigned long long)spent_nl);
	return true;
}

static bool settle(struct world *w, size_t gun, const uint32_t how[], uint64_t *ret_nl,
		   bool *ret_settled, bool *ret_fault, int64_t *ret_since_s)
{
	static const enum ending endings[] = { END_HONEST, END_HONEST, END_HONEST, END_DISTRUSTED,
					       END_LATER,  END_LOST,   END_NEVER,  END_BETTER };
	struct reference_ledger *s = of(w);
	const enum ending ending = endings[how[1] % 8];
	const uint32_t left = w->guns[gun].shots - s->guns[gun].fired;
	const bool credited = w->guns[gun].prime && how[4] % 2 && s->guns[gun].fired == 0 &&
			      (ending == END_HONEST || ending == END_BETTER);
	const uint32_t n = how[2] % 3 ? how[2] / 3 % (left + 1) : left;
	struct ledger_evidence e;

	if (ending != END_NEVER && !expect(w, fire(w, gun, n, credited), "shots"))
		return false;
	if (w->now_s > w->mark_s && n > 0)
		w->mark_s = w->now_s;
	e = evidence_of(&s->guns[gun].gun, s->guns[gun].lease.lease_id);
	e.end = *ret_fault ? MESO_END_FAULT : MESO_END_SPENT;
	e.no_contact = e.contact_works = credited;
	e.closed = ending != END_LATER;
	*ret_settled = ending != END_LATER;
	*ret_nl = reserved_nl(w, gun);
	*ret_since_s = highest_s(w);
	if (ending == END_LATER)
		return tell(w, gun, &e, LEDGER_NOT_SETTLED, 0);
	if (ending == END_LOST || (ending == END_NEVER && s->guns[gun].fired > 0)) {
		*ret_fault = false;
		return expect(w,
			      ledger_close_lost(s->ledger, w->now_s, s->guns[gun].lease.lease_id, 0,
						"it fell", NULL),
			      "a lease is closed as lost");
	}
	if (ending == END_NEVER) {
		struct ledger_gun never = s->guns[gun].gun;

		never.last_sequence--;
		e.gun = never;
		e.never_armed = true;
		*ret_nl = 0;
		return tell(w, gun, &e, LEDGER_RELEASED, 0);
	}
	if (ending == END_DISTRUSTED || ending == END_BETTER) {
		e.faults = MESO_FAULT_MEMORY;
		if (!tell(w, gun, &e, LEDGER_UNCERTAIN, *ret_nl))
			return false;
		e.faults = 0;
	}
	if (ending == END_DISTRUSTED)
		return true;
	*ret_nl = credited ? 0 : fired_nl(w, gun);
	/* a dose is as old as its last shot, but for a clock that was set back in between */
	if (s->guns[gun].fired > 0 && s->guns[gun].fired_s >= w->guns[gun].lease_s)
		*ret_since_s = s->guns[gun].fired_s;
	return tell(w, gun, &e, LEDGER_RELEASED, *ret_nl);
}

/* ------------------------------------------------------- what is told otherwise */

static bool hand(struct world *w, const struct ref_event *e)
{
	struct reference_ledger *s = of(w);
	struct ledger_hand_dose d = { .patient = s->patients[e->patient - 1],
				      .session = number_of(w, e->session),
				      .kind = e->session || e->dose % 2 ? LEDGER_BY_HAND
									: LEDGER_ELSEWHERE,
				      .n_substances = e->n_substances,
				      .volume_nl = e->nl,
				      .given_s = e->given_s,
				      .day = e->day,
				      .uid = OPERATOR };
	int64_t *number = &s->numbers[e->dose];

	for (size_t i = 0; i < e->n_substances; i++) {
		const struct formulary_substance *substance =
			&w->formulary->substances[e->substances[i]];

		d.substances[i].unit = substance->unit;
		d.substances[i].amount = e->amounts[i];
		snprintf(d.substances[i].id, sizeof(d.substances[i].id), "%s", substance->id);
	}
	if (!e->replaces)
		return expect(w, ledger_add_hand_dose(s->ledger, w->now_s, &d, number, NULL),
			      "a dose by hand");
	return expect(w,
		      ledger_correct_hand_dose(s->ledger, w->now_s, number_of(w, e->replaces),
					       e->n_substances ? &d : NULL, OPERATOR, "a slip",
					       number, NULL),
		      "a correction");
}

/* A gun of its own has a shot under a lease of nobody here. */
static bool attribute(struct world *w, size_t patient, const uint32_t how[], struct ref_event *e)
{
	struct reference_ledger *s = of(w);
	uint8_t lease_id[MESO_LEASE_ID_LEN] = { 0xee };
	struct ledger_gun gun = { .epoch = EPOCH, .boot_id = BOOT, .shot_count = 4 };
	struct meso_shot shot;
	char serial[32];
	int r;

	memcpy(lease_id + 4, &how[2], sizeof(how[2]));
	snprintf(serial, sizeof(serial), "X-%u-%08x", s->histories, how[3]);
	gun.serial = serial;
	r = ledger_see_gun(s->ledger, w->now_s, &gun, NULL);
	if (!expect(w, r, "a strange gun"))
		return false;
	shot = gun_fires(&gun, lease_id, (uint32_t)e->nl);
	shot.displaced_nl = shot.displaced2_nl = shot.reported_nl;
	r = ledger_record(s->ledger, w->now_s, serial, &shot, 1, NULL, NULL);
	e->given_s = highest_s(w);
	return expect(w, r, "a strange shot") &&
	       expect(w,
		      ledger_attribute_shots(s->ledger, w->now_s, serial, lease_id,
					     &s->patients[patient], 0, "asked everybody", NULL),
		      "an attribution");
}

static bool crash(struct world *w)
{
	struct reference_ledger *s = of(w);

	ledger_close(s->ledger);
	forget_digest(s->place.mark);
	s->ledger = place_open(&s->place);
	return ledger_get_state(s->ledger) == LEDGER_OK ||
	       world_disagree(w, "after the crash: %s", ledger_get_problem(s->ledger));
}

static void end(struct world *w)
{
	for (size_t i = 0; i < WORLD_GUNS; i++)
		if (w->guns[i].session)
			close_session(w, i);
}

const struct world_backend reference_ledger_backend = {
	.begin = begin,
	.assess = assess,
	.course = course,
	.open = open_session,
	.close = close_session,
	.load = load,
	.judge = judge,
	.settle = settle,
	.hand = hand,
	.attribute = attribute,
	.confirm = confirm,
	.crash = crash,
	.end = end,
};
