// SPDX-License-Identifier: GPL-2.0-only
/*
 * See ledger_clinic_fixture.h.
 */
#include "ledger_clinic_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOSES_NL(v) \
	((v) + 20u) /* what the larger of the two encoders makes of it: see gun_fires() */

struct ledger_hand_dose clinic_hand_dose(const struct clinic *c, uint64_t amount_ng,
					 uint64_t volume_nl)
{
	struct ledger_hand_dose d = { .patient = c->b.patient,
				      .kind = LEDGER_BY_HAND,
				      .n_substances = 1,
				      .volume_nl = volume_nl,
				      .given_s = c->b.now_s,
				      .day = moment(c->b.now_s).day,
				      .uid = OPERATOR };

	d.substances[0] = (struct ledger_substance){ "lidocaine", FORMULARY_NG, amount_ng };
	return d;
}

void clinic_start(struct clinic *c)
{
	struct ledger_course course;

	memset(c, 0, sizeof(*c));
	bench_start(&c->b);
	ck_assert_int_eq(ledger_get_course(c->b.ledger, &c->b.patient, &course), 0);
	c->course = course.number;
}

void clinic_stop(struct clinic *c)
{
	bench_stop(&c->b);
}

int64_t clinic_give(struct clinic *c, const struct ledger_hand_dose *dose)
{
	int64_t number;

	ck_assert_int_eq(ledger_add_hand_dose(c->b.ledger, c->b.now_s, dose, &number, NULL), 0);
	return number;
}

void clinic_next_session(struct clinic *c)
{
	ck_assert_int_eq(ledger_close_session(c->b.ledger, c->b.now_s, c->b.session, "done"), 0);
	ck_assert_int_eq(ledger_open_session(c->b.ledger, c->b.now_s, "2027-01-15", &c->b.patient,
					     SERIAL, OPERATOR, &c->b.session),
			 0);
}

struct ledger_order clinic_order(const struct clinic *c, size_t area, uint32_t dose_nl,
				 uint32_t shots)
{
	struct ledger_order o = bench_order(&c->b, dose_nl, shots);

	o.request.area = area;
	o.override = "asked for"; /* softer limits are not what these suites are about */
	return o;
}

void clinic_reserve(struct clinic *c, size_t area, uint32_t dose_nl, uint32_t shots,
		    struct ledger_reservation *ret)
{
	struct ledger_order o = clinic_order(c, area, dose_nl, shots);
	const struct ledger_moment now = moment(c->b.now_s);
	int r;

	r = ledger_reserve(c->b.ledger, &now, &c->b.basis, &o, ret, c->b.verdicts);
	ck_assert_msg(r == 0, "%d: %s", r, c->b.verdicts[0].text);
	c->b.gun.last_sequence = ret->sequence;
}

void clinic_treat(struct clinic *c, size_t area, uint32_t dose_nl, uint32_t shots)
{
	struct meso_shot *fired = calloc(shots, sizeof(*fired));
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;

	ck_assert_ptr_nonnull(fired);
	clinic_reserve(c, area, dose_nl, shots, &v);
	for (uint32_t i = 0; i < shots; i++)
		fired[i] = gun_fires(&c->b.gun, v.lease_id, dose_nl);
	e = evidence_of(&c->b.gun, v.lease_id);
	ck_assert_int_eq(ledger_record(c->b.ledger, c->b.now_s, SERIAL, fired, shots, &e, &s), 0);
	ck_assert_msg(s.outcome == LEDGER_RELEASED, "%s", s.problem);
	ck_assert_uint_eq(s.spent_nl, (uint64_t)shots * DOSES_NL(dose_nl));
	free(fired);
}

void clinic_prime(struct clinic *c, uint32_t volume_nl, enum primed how)
{
	struct ledger_order o = clinic_order(c, SCALP, volume_nl, 1);
	const struct ledger_moment now = moment(c->b.now_s);
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shot;
	int r;

	o.request.kind = MESO_KIND_PRIME;
	r = ledger_reserve(c->b.ledger, &now, &c->b.basis, &o, &v, c->b.verdicts);
	ck_assert_msg(r == 0, "%d: %s", r, c->b.verdicts[0].text);
	e = evidence_of(&c->b.gun, v.lease_id);
	e.never_armed = how == PRIMED_NEVER;
	if (how != PRIMED_NEVER) {
		c->b.gun.last_sequence = v.sequence;
		shot = gun_fires(&c->b.gun, v.lease_id, volume_nl);
		shot.kind = MESO_KIND_PRIME;
		shot.flags = 0;
		e = evidence_of(&c->b.gun, v.lease_id);
		e.no_contact = e.contact_works = how == PRIMED_AIR;
	}
	ck_assert_int_eq(ledger_record(c->b.ledger, c->b.now_s, SERIAL, &shot, how != PRIMED_NEVER,
				       &e, &s),
			 0);
	ck_assert_msg(s.outcome == LEDGER_RELEASED, "%s", s.problem);
	ck_assert(s.credited == (how == PRIMED_AIR));
}

const struct policy_history *clinic_look(struct clinic *c, int64_t session)
{
	const struct ledger_moment now = moment(c->b.now_s);
	struct policy_request q = { .preparation = FORMULARY_UNKNOWN, .area = FACE };

	memcpy(q.patient, c->b.patient.bytes, sizeof(q.patient));
	ck_assert_int_eq(
		history_read(c->b.ledger, &now, &c->b.basis, session, &q, &c->history, &c->at), 0);
	return &c->history;
}

uint64_t clinic_window(const struct clinic *c, size_t substance)
{
	const struct policy_substance *s = &c->history.substances[substance];
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n_doses; i++) {
		ck_assert(i == 0 || s->doses[i - 1].when_s <= s->doses[i].when_s);
		if (s->doses[i].when_s > c->history.now_s - POLICY_WINDOW_S)
			sum += s->doses[i].amount;
	}
	return sum;
}
