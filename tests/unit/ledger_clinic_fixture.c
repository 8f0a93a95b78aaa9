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

static void no_bounds(struct formulary_substance *s)
{
	for (size_t i = 0; i < SCOPES; i++) {
		s->fixed[i].soft = s->fixed[i].hard = FORMULARY_NO_BOUND;
		s->per_kg[i] = s->fixed[i];
	}
}

struct formulary *clinic_formulary(void)
{
	static const struct {
		const char *id;
		enum formulary_unit unit;
	} substances[] = {
		[LIDOCAINE] = { "lidocaine", FORMULARY_NG },
		[HYALURONIDASE] = { "hyaluronidase", FORMULARY_MIU },
		[HYALURONIC_ACID] = { "hyaluronic-acid", FORMULARY_NG },
	};
	static const struct {
		const char *id;
		size_t n;
		struct formulary_component components[2];
	} preparations[] = {
		[LIDO] = { "lido", 1, { { LIDOCAINE, LIDO_PG_NL } } },
		[MIX] = { "mix", 2, { { LIDOCAINE, MIX_PG_NL }, { HYALURONIDASE, MIX_UIU_NL } } },
		[FILLER] = { "filler", 1, { { HYALURONIC_ACID, 15000 } } },
	};
	static const char *const areas[] = { [FACE] = "face", [SCALP] = "scalp" };
	struct formulary *f = calloc(1, sizeof(*f));

	ck_assert_ptr_nonnull(f);
	for (; f->n_substances < ARRAY_LENGTH(substances); f->n_substances++) {
		struct formulary_substance *s = &f->substances[f->n_substances];

		snprintf(s->id, sizeof(s->id), "%s", substances[f->n_substances].id);
		snprintf(s->name, sizeof(s->name), "%s", substances[f->n_substances].id);
		s->unit = substances[f->n_substances].unit;
		no_bounds(s);
	}
	for (; f->n_preparations < ARRAY_LENGTH(preparations); f->n_preparations++) {
		struct formulary_preparation *p = &f->preparations[f->n_preparations];

		snprintf(p->id, sizeof(p->id), "%s", preparations[f->n_preparations].id);
		p->cartridge = 100 + f->n_preparations;
		p->n_components = preparations[f->n_preparations].n;
		memcpy(p->components, preparations[f->n_preparations].components,
		       sizeof(preparations[0].components));
	}
	for (; f->n_areas < ARRAY_LENGTH(areas); f->n_areas++) {
		struct formulary_area *a = &f->areas[f->n_areas];

		*a = (struct formulary_area){ .depth_min_um = 1000,
					      .depth_max_um = 4000,
					      .size_mm2 = FACE_MM2 };
		snprintf(a->id, sizeof(a->id), "%s", areas[f->n_areas]);
	}
	memset(f->hash, 0xf0, sizeof(f->hash));
	return f;
}

struct ledger_assessment clinic_assessment(const struct ledger_id *patient)
{
	return (struct ledger_assessment){ .patient = *patient,
					   .uid = OPERATOR,
					   .consent = true,
					   .elsewhere_asked = true,
					   .mass_g = MASS_G };
}

struct ledger_course clinic_course(const struct ledger_id *patient, uint32_t interval_d)
{
	return (struct ledger_course){ .patient = *patient,
				       .uid = OPERATOR,
				       .interval_d = interval_d,
				       .sessions = 8,
				       .indication = "hair-loss" };
}

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
	struct ledger_assessment assessment;
	struct ledger_course course;

	memset(c, 0, sizeof(*c));
	bench_start(&c->b);
	c->formulary = clinic_formulary();
	c->b.basis.formulary = c->formulary;
	assessment = clinic_assessment(&c->b.patient);
	course = clinic_course(&c->b.patient, 7);
	ck_assert_int_eq(ledger_add_assessment(c->b.ledger, T0, &assessment, NULL, NULL), 0);
	ck_assert_int_eq(ledger_add_course(c->b.ledger, T0, &course, &c->course, NULL), 0);
	clinic_load(c, LIDO);
}

void clinic_stop(struct clinic *c)
{
	bench_stop(&c->b);
	free(c->formulary);
}

void clinic_load(struct clinic *c, size_t preparation)
{
	const struct ledger_moment now = moment(c->b.now_s);

	ck_assert_int_eq(ledger_add_load(c->b.ledger, &now, c->b.session, c->formulary, preparation,
					 100 + preparation, 60000, NULL),
			 0);
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
	struct ledger_load load;

	o.request.area = area;
	o.request.area_mm2 = FACE_MM2;
	o.request.preparation = FORMULARY_UNKNOWN; /* the ledger's to say */
	if (ledger_get_load(c->b.ledger, c->b.session, &load) == 0)
		o.request.gun.cartridge = load.cartridge;
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
	struct ledger_order o = clinic_order(c, FORMULARY_UNKNOWN, volume_nl, 1);
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
