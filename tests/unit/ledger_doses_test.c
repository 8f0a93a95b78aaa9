// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of each substance was given: by every path, rounded up, corrected by what
 * comes after, and found if somebody changed it.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_clinic_fixture.h"
#include "ledger_v1.h"

static struct clinic c;

static void setup(void)
{
	clinic_start(&c);
}

static void teardown(void)
{
	clinic_stop(&c);
}

/* Rounded up, as one would on paper. */
static uint64_t amount(uint64_t volume_nl, uint64_t concentration)
{
	return (volume_nl * concentration + 999) / 1000;
}

static const struct policy_substance *look_at(size_t substance)
{
	return &clinic_look(&c, c.b.session)->substances[substance];
}

static void expect(size_t substance, uint64_t session, uint64_t outstanding, uint64_t window)
{
	const struct policy_substance *s = look_at(substance);

	ck_assert_uint_eq(s->session, session);
	ck_assert_uint_eq(s->course, session);
	ck_assert_uint_eq(s->outstanding, outstanding);
	ck_assert_uint_eq(clinic_window(&c, substance), window);
}

/* ----------------------------------------------------------------- leases */

START_TEST(a_reservation_counts_in_full_until_it_is_settled_and_then_what_was_delivered)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shots[2];

	bench_load(&c.b, MIX);
	clinic_reserve(&c, FACE, 20100, 3, &v);
	/* the overshoot too */
	ck_assert_uint_eq(v.reserved_nl, 3 * 20100 + 1000);
	expect(LIDOCAINE, amount(61300, MIX_PG_NL), amount(61300, MIX_PG_NL), 0);
	expect(HYALURONIDASE, amount(61300, MIX_UIU_NL), amount(61300, MIX_UIU_NL), 0);
	expect(HYALURONIC_ACID, 0, 0, 0);
	for (size_t i = 0; i < 2; i++)
		shots[i] = gun_fires(&c.b.gun, v.lease_id, 20100);
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, shots, 2, NULL, NULL), 0);
	expect(LIDOCAINE, amount(61300, MIX_PG_NL), amount(61300, MIX_PG_NL), 0);
	e = evidence_of(&c.b.gun, v.lease_id);
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, NULL, 0, &e, NULL), 0);
	/* once for the lease: 2 * 20120 nL, never less than the sum over the shots */
	expect(LIDOCAINE, amount(40240, MIX_PG_NL), 0, amount(40240, MIX_PG_NL));
	expect(HYALURONIDASE, amount(40240, MIX_UIU_NL), 0, amount(40240, MIX_UIU_NL));
	ck_assert_uint_eq(amount(40240, MIX_UIU_NL), 282); /* 281.68 */
}
END_TEST

START_TEST(what_was_loaded_before_is_of_that_load)
{
	clinic_treat(&c, FACE, 20000, 1);
	bench_load(&c.b, FILLER);
	clinic_treat(&c, FACE, 30000, 1);
	expect(LIDOCAINE, amount(20020, LIDO_PG_NL), 0, amount(20020, LIDO_PG_NL));
	expect(HYALURONIC_ACID, amount(30020, 15000), 0, amount(30020, 15000));
}
END_TEST

START_TEST(a_prime_that_is_credited_counts_nothing_and_one_that_is_not_counts_in_full)
{
	clinic_prime(&c, 30000, PRIMED_AIR);
	expect(LIDOCAINE, 0, 0, 0);
	clinic_prime(&c, 30000, PRIMED_NEVER);
	expect(LIDOCAINE, 0, 0, 0);
	clinic_prime(&c, 30000, PRIMED_SKIN);
	expect(LIDOCAINE, amount(30020, LIDO_PG_NL), 0, amount(30020, LIDO_PG_NL));
}
END_TEST

START_TEST(an_overrun_and_a_late_shot_raise_the_amounts)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shot;

	clinic_reserve(&c, FACE, 20000, 1, &v);
	shot = gun_fires(&c.b.gun, v.lease_id, 90000);
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, &shot, 1, NULL, NULL), 0);
	expect(LIDOCAINE, amount(90020, LIDO_PG_NL), amount(90020, LIDO_PG_NL), 0);
	e = evidence_of(&c.b.gun, v.lease_id);
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, NULL, 0, &e, NULL), 0);
	expect(LIDOCAINE, amount(90020, LIDO_PG_NL), 0, amount(90020, LIDO_PG_NL));
	shot = gun_fires(&c.b.gun, v.lease_id, 20000);
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, &shot, 1, NULL, NULL), 0);
	expect(LIDOCAINE, amount(110040, LIDO_PG_NL), 0, amount(110040, LIDO_PG_NL));
}
END_TEST

START_TEST(a_lease_that_is_lost_stays_spent)
{
	struct ledger_reservation v;

	clinic_reserve(&c, FACE, 20000, 2, &v);
	ck_assert_int_eq(ledger_close_lost(c.b.ledger, T0, v.lease_id, 0, "fell", NULL), 0);
	expect(LIDOCAINE, amount(41000, LIDO_PG_NL), 0, amount(41000, LIDO_PG_NL));
}
END_TEST

START_TEST(shots_that_are_attributed_are_of_an_unknown_substance_for_a_day)
{
	static const uint8_t foreign[MESO_LEASE_ID_LEN] = { 0xaa };
	struct meso_shot shot = gun_fires(&c.b.gun, foreign, 25000);

	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, &shot, 1, NULL, NULL), 0);
	ck_assert(!clinic_look(&c, 0)->unknown_substance);
	ck_assert_int_eq(ledger_attribute_shots(c.b.ledger, T0, SERIAL, foreign, &c.b.patient, 0,
						"hers", NULL),
			 0);
	ck_assert(clinic_look(&c, 0)->unknown_substance);
	ck_assert_uint_eq(c.history.n_doses, 1);
	ck_assert_uint_eq(c.history.doses[0].amount, 25020);
	c.b.now_s = T0 + DAY_S;
	ck_assert(!clinic_look(&c, 0)->unknown_substance);
}
END_TEST

START_TEST(a_dose_of_a_version_1_ledger_is_of_an_unknown_substance)
{
	struct ledger_patient patient;

	clinic_stop(&c);
	memset(&c, 0, sizeof(c));
	bench_prepare(&c.b);
	place_make(&c.b.place);
	place_make_v1(&c.b.place);
	c.b.ledger = place_open(&c.b.place);
	ck_assert_int_eq(ledger_get_patient(c.b.ledger, "P-1", &patient), 0);
	c.b.patient = patient.id;
	clinic_look(&c, 0);
	ck_assert(c.history.unknown_substance);
	ck_assert_uint_eq(c.history.outstanding_nl, V1_OUTSTANDING_NL);
	ck_assert_int_eq(c.history.last_session_day, T0 / DAY_S);
	ck_assert(!c.history.has_course && !c.history.assessed);
}
END_TEST

static int find_area(const struct ledger_record *record, void *userdata)
{
	if (strcmp(record->type, "reservation") != 0)
		return 0;
	for (size_t i = 0; i < record->n_fields; i++)
		if (strcmp(record->fields[i].name, "area") == 0)
			snprintf(userdata, FORMULARY_ID_MAX, "%s",
				 record->fields[i].text ? record->fields[i].text : "none");
	return 0;
}

START_TEST(a_reservation_records_the_formularys_area_whatever_else_was_told)
{
	struct ledger_order o = clinic_order(&c, SCALP, 20000, 1);
	const struct ledger_moment now = moment(T0);
	struct ledger_reservation v;
	char area[FORMULARY_ID_MAX];

	o.area = "left cheek";
	ck_assert_int_eq(ledger_reserve(c.b.ledger, &now, &c.b.basis, &o, &v, c.b.verdicts), 0);
	ck_assert_int_eq(ledger_foreach_record(c.b.ledger, 0, UINT32_MAX, find_area, area), 0);
	ck_assert_str_eq(area, "scalp");
}
END_TEST

START_TEST(a_settlement_of_a_hundred_shots_is_one_commit_and_a_reservation_too)
{
	uint64_t before = ledger_get_commits(c.b.ledger);

	bench_load(&c.b, MIX);
	clinic_treat(&c, FACE, 20000, 100);
	ck_assert_uint_eq(ledger_get_commits(c.b.ledger), before + 3);
}
END_TEST

START_TEST(a_sum_beyond_all_numbers_saturates)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, INT64_MAX, 0);

	d.session = c.b.session;
	clinic_give(&c, &d);
	clinic_give(&c, &d);
	ck_assert_uint_eq(look_at(LIDOCAINE)->session, (uint64_t)INT64_MAX * 2);
	clinic_give(&c, &d);
	ck_assert_uint_eq(look_at(LIDOCAINE)->session, UINT64_MAX);
	ck_assert_uint_eq(look_at(LIDOCAINE)->course, UINT64_MAX);
}
END_TEST

/* -------------------------------------------------------- by hand, elsewhere */

static int find_dose(const struct ledger_hand_dose *dose, void *userdata)
{
	struct ledger_hand_dose *ret = userdata;

	*ret = *dose;
	return 0;
}

static int count_dose(const struct ledger_hand_dose *dose, void *userdata)
{
	(void)dose;
	++*(unsigned int *)userdata;
	return 0;
}

static unsigned int doses_that_count(void)
{
	unsigned int n = 0;

	ck_assert_int_eq(ledger_foreach_hand_dose(c.b.ledger, &c.b.patient, count_dose, &n), 0);
	return n;
}

START_TEST(a_dose_by_hand_is_read_as_it_was_entered)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 0, 0), got;
	int64_t number;

	ck_assert_int_eq(ledger_hand_dose_fill(&d, &c.b.formulary, MIX, 1501), 0);
	ck_assert_uint_eq(d.substances[0].amount, amount(1501, MIX_PG_NL));
	ck_assert_uint_eq(d.substances[1].amount, amount(1501, MIX_UIU_NL));
	d.session = c.b.session;
	d.given_s = T0 - 300;
	number = clinic_give(&c, &d);
	ck_assert_int_eq(ledger_foreach_hand_dose(c.b.ledger, &c.b.patient, find_dose, &got), 0);
	ck_assert_int_eq(got.number, number);
	ck_assert_int_eq(got.session, c.b.session);
	ck_assert_int_eq(got.kind, LEDGER_BY_HAND);
	ck_assert_str_eq(got.preparation, "mix");
	ck_assert_uint_eq(got.n_substances, 2);
	ck_assert_str_eq(got.substances[1].id, "hyaluronidase");
	ck_assert_int_eq(got.substances[1].unit, FORMULARY_MIU);
	ck_assert_uint_eq(got.substances[1].amount, amount(1501, MIX_UIU_NL));
	ck_assert_uint_eq(got.volume_nl, 1501);
	ck_assert_int_eq(got.given_s, T0 - 300);
	ck_assert_int_eq(got.day, d.day);
	ck_assert_uint_eq(got.uid, OPERATOR);
	expect(LIDOCAINE, amount(1501, MIX_PG_NL), 0, amount(1501, MIX_PG_NL));
	expect(HYALURONIDASE, amount(1501, MIX_UIU_NL), 0, amount(1501, MIX_UIU_NL));
	ck_assert_int_eq(ledger_hand_dose_fill(&d, &c.b.formulary, FORMULARY_UNKNOWN, 1), -EINVAL);
	ck_assert_int_eq(ledger_hand_dose_fill(&d, &c.b.formulary, MIX, 0), -EINVAL);
}
END_TEST

START_TEST(a_dose_by_hand_that_cannot_be_is_refused)
{
	struct ledger_hand_dose good = clinic_hand_dose(&c, 5000, 1000), d = good;
	uint64_t before = chain_length(c.b.ledger);
	struct ledger_id other;

	d.patient.bytes[0] ^= 1;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -ENOENT);
	d = good;
	d.uid = 7;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EPERM);
	d = good;
	d.session = 999;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -ENOENT);
	d.session = c.b.session;
	d.kind = LEDGER_ELSEWHERE;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	d = good;
	d.given_s = T0 + LEDGER_CLOCK_TOLERANCE_S + 1;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -ERANGE);
	d.given_s = INT64_MAX;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -ERANGE);
	d = good;
	d.n_substances = 0;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	d.n_substances = FORMULARY_COMPONENTS + 1;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	d.n_substances = 2;
	d.substances[1] = d.substances[0];
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	d = good;
	d.substances[0].amount = 0;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	d.substances[0].amount = (uint64_t)INT64_MAX + 1;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	d = good;
	d.volume_nl = 1000000001;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	d = good;
	snprintf(d.substances[0].id, sizeof(d.substances[0].id), "a:b");
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -EINVAL);
	ck_assert_uint_eq(chain_length(c.b.ledger), before);
	/* somebody else's session */
	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &other), 0);
	d = good;
	d.patient = other;
	d.session = c.b.session;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), -ENOENT);
	d = good;
	d.given_s = T0 + LEDGER_CLOCK_TOLERANCE_S;
	ck_assert_int_eq(ledger_add_hand_dose(c.b.ledger, T0, &d, NULL, NULL), 0);
}
END_TEST

START_TEST(a_correction_counts_instead_of_what_it_corrects)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 1000);
	int64_t first = clinic_give(&c, &d), second, third;

	clinic_look(&c, 0);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 5000);
	d.substances[0].amount = 7000;
	d.volume_nl = 1400;
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, first, &d, OPERATOR, "misread",
						  &second, NULL),
			 0);
	clinic_look(&c, 0);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 7000);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].course, 7000);
	ck_assert_uint_eq(c.history.n_doses, 1);
	ck_assert_uint_eq(c.history.doses[0].amount, 1400);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, first, &d, OPERATOR, "again",
						  NULL, NULL),
			 -EALREADY);
	/* another substance: nothing of the old one stays */
	snprintf(d.substances[0].id, sizeof(d.substances[0].id), "hyaluronic-acid");
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, second, &d, OPERATOR, "misread",
						  &third, NULL),
			 0);
	clinic_look(&c, 0);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 0);
	ck_assert_uint_eq(clinic_window(&c, HYALURONIC_ACID), 7000);
	ck_assert_uint_eq(doses_that_count(), 1);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, third, NULL, OPERATOR,
						  "not given", &second, NULL),
			 0);
	clinic_look(&c, 0);
	ck_assert_uint_eq(clinic_window(&c, HYALURONIC_ACID), 0);
	ck_assert_uint_eq(c.history.n_doses, 0);
	ck_assert_uint_eq(doses_that_count(), 0);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, second, &d, OPERATOR, "given",
						  NULL, NULL),
			 -EALREADY);
	ck_assert_uint_eq(count_records(c.b.ledger, "hand-dose"), 4);
}
END_TEST

START_TEST(a_correction_needs_a_reason_an_operator_and_the_same_patient)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 1000);
	int64_t number = clinic_give(&c, &d);
	uint64_t before;

	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &d.patient), 0);
	before = chain_length(c.b.ledger);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, &d, OPERATOR, "hers",
						  NULL, NULL),
			 -EXDEV);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, NULL, OPERATOR, "", NULL,
						  NULL),
			 -EINVAL);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, NULL, 7, "not given",
						  NULL, NULL),
			 -EPERM);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, c.course, NULL, OPERATOR, "no",
						  NULL, NULL),
			 -ENOENT);
	d = clinic_hand_dose(&c, 5000, 1000);
	d.given_s = T0 + 9999;
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, &d, OPERATOR, "later",
						  NULL, NULL),
			 -ERANGE);
	ck_assert_uint_eq(chain_length(c.b.ledger), before);
}
END_TEST

START_TEST(a_dose_is_found_by_its_own_patient_until_it_is_corrected)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 1000);
	int64_t number = clinic_give(&c, &d);
	struct ledger_id other;

	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &other), 0);
	ck_assert_int_eq(ledger_find_hand_dose(c.b.ledger, &c.b.patient, number), 0);
	ck_assert_int_eq(ledger_find_hand_dose(c.b.ledger, &other, number), -EXDEV);
	ck_assert_int_eq(ledger_find_hand_dose(c.b.ledger, &c.b.patient, c.course), -ENOENT);
	ck_assert_int_eq(ledger_find_hand_dose(c.b.ledger, &c.b.patient, INT64_MAX), -ENOENT);
	ck_assert_int_eq(ledger_find_hand_dose(c.b.ledger, NULL, number), -EINVAL);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, NULL, OPERATOR,
						  "not given", NULL, NULL),
			 0);
	ck_assert_int_eq(ledger_find_hand_dose(c.b.ledger, &c.b.patient, number), -EALREADY);
	ck_assert_int_eq(ledger_find_hand_dose(c.b.ledger, &other, number), -EXDEV);
}
END_TEST

START_TEST(a_correction_outside_a_session_stays_in_the_course_of_what_it_corrects)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 1000);
	struct ledger_course p = bench_course(&c.b.patient, 7);
	int64_t number = clinic_give(&c, &d);

	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), 0);
	d.substances[0].amount = 6000;
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, &d, OPERATOR, "misread",
						  NULL, NULL),
			 0);
	/* this session is of the first course, none is of the second */
	ck_assert_uint_eq(clinic_look(&c, c.b.session)->substances[LIDOCAINE].course, 6000);
	ck_assert_uint_eq(clinic_look(&c, 0)->substances[LIDOCAINE].course, 0);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 6000);
}
END_TEST

/* ------------------------------------------------------------------- time */

START_TEST(doses_of_a_clock_that_was_ahead_are_dated_anew_when_it_is_confirmed)
{
	const struct ledger_clock clock = { .wall_s = T0 + 100 };
	struct ledger_hand_dose d;
	struct ledger_clock_state state;

	c.b.now_s = T0 + 30 * DAY_S;
	clinic_next_session(&c);
	bench_assess(&c.b);
	bench_load(&c.b, LIDO);
	clinic_treat(&c, FACE, 20000, 1);
	d = clinic_hand_dose(&c, 5000, 1000);
	clinic_give(&c, &d);
	ck_assert_int_eq(ledger_confirm_clock(c.b.ledger, &clock, 0, "battery", &state), 0);
	c.b.now_s = T0 + 100 + DAY_S - 1;
	clinic_look(&c, c.b.session);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 5000 + amount(20020, LIDO_PG_NL));
	ck_assert_uint_eq(c.history.n_doses, 2);
	c.b.now_s++;
	clinic_look(&c, c.b.session);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].n_doses, 0);
	ck_assert_uint_eq(c.history.n_doses, 0);
}
END_TEST

/* ------------------------------------------------------------- verification */

static const char *const forgeries[] = {
	"UPDATE dose SET substance = 'procaine' WHERE substance = 'lidocaine'",
	"UPDATE dose SET patient = zeroblob(16) WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET session = NULL WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET session = 1 WHERE session IS NULL",
	"UPDATE dose SET course = NULL WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET course = course + 1 WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET day = day - 1 WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET day = day - 1 WHERE session IS NULL AND substance = 'lidocaine'",
	"UPDATE dose SET dose_time = dose_time - 1 WHERE outstanding",
	"UPDATE dose SET dose_time = dose_time - 1 WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET unit = 0 WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET concentration = 1 WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET amount = amount - 1 WHERE substance = 'hyaluronidase'",
	"UPDATE dose SET amount = amount - 1 WHERE session IS NULL AND substance = 'lidocaine'",
	"UPDATE dose SET amount = amount - 1 WHERE substance = ''",
	"UPDATE dose SET outstanding = 0 WHERE outstanding",
	"UPDATE dose SET dated = 1 - dated",
	"DELETE FROM dose WHERE substance = ''",
	"DELETE FROM dose WHERE substance = 'hyaluronidase'",
	"DELETE FROM dose WHERE outstanding",
	("INSERT INTO dose SELECT source, 'procaine', patient, session, course, day, dose_time, unit,"
	 " 0, 5, 0, 0 FROM dose LIMIT 1"),
	/* facts */
	"UPDATE load SET components = 'lidocaine:ng:1'",
	"UPDATE load SET course = NULL",
	"UPDATE load SET dead_nl = 1",
	"UPDATE area SET size_mm2 = size_mm2 + 1",
	"UPDATE area SET day = day - 1",
	"UPDATE hand_dose SET volume_nl = 0",
	"UPDATE hand_dose SET void = 1 WHERE supersedes IS NULL",
	"UPDATE hand_dose SET supersedes = NULL",
	"UPDATE assessment SET mass_g = mass_g + 1",
	"UPDATE course SET interval_d = 0",
	"UPDATE reaction SET severity = 1",
	"DELETE FROM reaction",
};

/* A lease, one that is outstanding, attributed shots, a dose by hand and one that was corrected. */
static void make_one_of_each(void)
{
	static const uint8_t foreign[MESO_LEASE_ID_LEN] = { 0xaa };
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 1000);
	struct ledger_reaction r = {
		.session = c.b.session, .uid = OPERATOR, .kind = "itch", .severity = LEDGER_SEVERE
	};
	struct ledger_reservation v;
	struct meso_shot shot;
	int64_t number = clinic_give(&c, &d);

	clinic_give(&c, &d);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, NULL, OPERATOR, "twice",
						  NULL, NULL),
			 0);
	ck_assert_int_eq(ledger_add_reaction(c.b.ledger, T0, &r, NULL), 0);
	bench_load(&c.b, MIX);
	clinic_treat(&c, FACE, 20000, 2);
	clinic_reserve(&c, FACE, 20000, 2, &v);
	shot = gun_fires(&c.b.gun, foreign, 25000);
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, &shot, 1, NULL, NULL), 0);
	ck_assert_int_eq(ledger_attribute_shots(c.b.ledger, T0, SERIAL, foreign, &c.b.patient, 0,
						"hers", NULL),
			 0);
}

START_TEST(an_amount_or_a_fact_that_somebody_changed_is_found)
{
	struct ledger_report report;

	make_one_of_each();
	ck_assert_int_eq(ledger_verify(c.b.ledger, &report), 0);
	ck_assert_msg(report.ok, "%s", report.problem);
	c.b.ledger = ledger_close(c.b.ledger);
	tamper(&c.b.place, forgeries[_i]);
	forget_digest(c.b.place.mark);
	c.b.ledger = place_open(&c.b.place);
	ck_assert_msg(ledger_get_state(c.b.ledger) == LEDGER_CORRUPT, "%s", forgeries[_i]);
	ck_assert_int_eq(ledger_verify(c.b.ledger, &report), 0);
	ck_assert(!report.ok);
	ck_assert(report.problem[0]);
}
END_TEST

START_TEST(substances_that_nobody_wrote_are_found_and_not_read)
{
	static const char *const texts[] = { "",
					     "lidocaine",
					     "lidocaine:ng",
					     "lidocaine:kg:1",
					     "lidocaine:ng:",
					     "lidocaine:ng:-1",
					     "lidocaine:ng:1x",
					     "lidocaine:ng:99999999999999999999",
					     "Lidocaine:ng:1",
					     "lidocaine:ng:1  lidocaine:ng:1" };
	struct ledger_load load;
	char sql[200];

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		c.b.ledger = ledger_close(c.b.ledger);
		snprintf(sql, sizeof(sql), "UPDATE load SET components = '%s'", texts[i]);
		tamper(&c.b.place, sql);
		forget_digest(c.b.place.mark);
		c.b.ledger = place_open(&c.b.place);
		ck_assert_int_eq(ledger_get_load(c.b.ledger, c.b.session, &load), -EBADMSG);
		ck_assert_int_eq(ledger_get_state(c.b.ledger), LEDGER_CORRUPT);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_doses");
	TCase *t = tcase_create("amounts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(
		t, a_reservation_counts_in_full_until_it_is_settled_and_then_what_was_delivered);
	tcase_add_test(t, what_was_loaded_before_is_of_that_load);
	tcase_add_test(t,
		       a_prime_that_is_credited_counts_nothing_and_one_that_is_not_counts_in_full);
	tcase_add_test(t, an_overrun_and_a_late_shot_raise_the_amounts);
	tcase_add_test(t, a_lease_that_is_lost_stays_spent);
	tcase_add_test(t, shots_that_are_attributed_are_of_an_unknown_substance_for_a_day);
	tcase_add_test(t, a_dose_of_a_version_1_ledger_is_of_an_unknown_substance);
	tcase_add_test(t, a_reservation_records_the_formularys_area_whatever_else_was_told);
	tcase_add_test(t, a_settlement_of_a_hundred_shots_is_one_commit_and_a_reservation_too);
	tcase_add_test(t, a_sum_beyond_all_numbers_saturates);
	tcase_add_test(t, a_dose_by_hand_is_read_as_it_was_entered);
	tcase_add_test(t, a_dose_by_hand_that_cannot_be_is_refused);
	tcase_add_test(t, a_correction_counts_instead_of_what_it_corrects);
	tcase_add_test(t, a_correction_needs_a_reason_an_operator_and_the_same_patient);
	tcase_add_test(t, a_dose_is_found_by_its_own_patient_until_it_is_corrected);
	tcase_add_test(t, a_correction_outside_a_session_stays_in_the_course_of_what_it_corrects);
	tcase_add_test(t, doses_of_a_clock_that_was_ahead_are_dated_anew_when_it_is_confirmed);
	tcase_add_loop_test(t, an_amount_or_a_fact_that_somebody_changed_is_found, 0,
			    ARRAY_LENGTH(forgeries));
	tcase_add_test(t, substances_that_nobody_wrote_are_found_and_not_read);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
