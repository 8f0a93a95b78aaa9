// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the policy is told: each field of a patient's history, at its edges.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_clinic_fixture.h"

#define TODAY ((int32_t)(T0 / DAY_S))

static struct clinic c;

static void setup(void)
{
	clinic_start(&c);
}

static void teardown(void)
{
	clinic_stop(&c);
}

static const struct policy_history *look(void)
{
	return clinic_look(&c, c.b.session);
}

/* ------------------------------------------------------------ the patient */

START_TEST(the_moment_is_passed_on)
{
	c.b.now_s = T0 + 7;
	look();
	ck_assert_int_eq(c.history.now_s, T0 + 7);
	ck_assert_int_eq(c.history.today, TODAY);
	ck_assert_int_eq(c.history.midnight_s, T0 / DAY_S * DAY_S);
}
END_TEST

START_TEST(the_birth_day_is_read_and_one_that_was_erased_is_not_known)
{
	ck_assert_int_eq(look()->birth_day, 3711); /* 1980-02-29 */
	ck_assert_int_eq(ledger_close_session(c.b.ledger, T0, c.b.session, "done"), 0);
	ck_assert_int_eq(ledger_erase_patient(c.b.ledger, T0, &c.b.patient, 0, "asked to"), 0);
	ck_assert_int_eq(clinic_look(&c, 0)->birth_day, POLICY_NO_DAY);
}
END_TEST

static const struct {
	const char *date;
	int32_t day;
} dates[] = {
	{ "1970-01-01", 0 },     { "1969-12-31", -1 },      { "1970-03-01", 59 },
	{ "2000-02-29", 11016 }, { "2000-03-01", 11017 },   { "1900-03-01", -25508 },
	{ "2027-01-15", 20833 }, { "0001-01-01", -719162 }, { "9999-12-31", 2932896 },
};

START_TEST(a_date_is_a_number_of_days)
{
	int32_t day = 5;

	ck_assert_int_eq(text_date_day(dates[_i].date, &day), 0);
	ck_assert_int_eq(day, dates[_i].day);
	ck_assert_int_eq(text_date_day("1900-02-29", &day), -EINVAL);
	ck_assert_int_eq(day, dates[_i].day);
}
END_TEST

START_TEST(the_newest_mass_that_was_weighed_counts_and_before_that_the_registered_one)
{
	struct ledger_assessment a = bench_assessment(&c.b.patient);
	struct ledger_patient heavy = { .name = "N", .birth_date = "1990-01-01", .mass_g = 90000 };

	a.mass_g = 65000;
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), 0);
	ck_assert_uint_eq(look()->mass_g, 65000);
	a.mass_g = 0;
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), 0);
	ck_assert_uint_eq(look()->mass_g, 65000);
	snprintf(heavy.reference, sizeof(heavy.reference), "P-2");
	ck_assert_int_eq(ledger_add_patient(c.b.ledger, T0, &heavy, &c.b.patient), 0);
	ck_assert_uint_eq(clinic_look(&c, 0)->mass_g, 90000);
	a.patient = c.b.patient;
	a.mass_g = 88000;
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0, &a, NULL, NULL), 0);
	ck_assert_uint_eq(clinic_look(&c, 0)->mass_g, 88000);
}
END_TEST

START_TEST(the_newest_assessment_is_passed_on_whole)
{
	struct ledger_assessment a = bench_assessment(&c.b.patient);

	look();
	ck_assert(c.history.assessed && c.history.consent && c.history.elsewhere_asked);
	a.consent = a.elsewhere_asked = false;
	snprintf(a.allergies, sizeof(a.allergies), "amides");
	snprintf(a.conditions, sizeof(a.conditions), "pregnancy nsaid");
	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0 + 3, &a, NULL, NULL), 0);
	look();
	ck_assert(c.history.assessed && !c.history.consent && !c.history.elsewhere_asked);
	ck_assert_int_eq(c.history.assessed_s, T0 + 3);
	ck_assert_str_eq(c.history.allergies, "amides");
	ck_assert_str_eq(c.history.conditions, "pregnancy nsaid");
	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &c.b.patient), 0);
	clinic_look(&c, 0);
	ck_assert(!c.history.assessed && !c.history.consent && !c.history.elsewhere_asked);
}
END_TEST

START_TEST(an_assessment_by_a_clock_that_was_ahead_is_as_old_as_the_confirmation)
{
	const struct ledger_clock clock = { .wall_s = T0 + 100 };
	struct ledger_assessment a = bench_assessment(&c.b.patient);
	struct ledger_clock_state state;

	ck_assert_int_eq(ledger_add_assessment(c.b.ledger, T0 + 30 * DAY_S, &a, NULL, NULL), 0);
	ck_assert_int_eq(ledger_confirm_clock(c.b.ledger, &clock, 0, "battery", &state), 0);
	c.b.now_s = T0 + 200;
	ck_assert_int_eq(look()->assessed_s, T0 + 100);
}
END_TEST

START_TEST(an_operator_is_valid_to_the_last_day_of_the_licence)
{
	int32_t last;

	ck_assert_int_eq(text_date_day("2031-12-31", &last), 0);
	ck_assert(look()->operator_valid);
	c.b.now_s = ((int64_t)last + 1) * DAY_S - 1;
	ck_assert(look()->operator_valid);
	c.b.now_s++;
	ck_assert(!look()->operator_valid);
	ck_assert(clinic_look(&c, 0)->operator_valid); /* nobody yet */
}
END_TEST

/* ------------------------------------------------------------ the session */

START_TEST(a_session_is_told_with_its_patient_gun_and_start)
{
	struct ledger_id other;
	int64_t second;

	c.b.now_s = T0 + 60;
	look();
	ck_assert(c.history.has_session && !c.history.patient_elsewhere &&
		  !c.history.gun_elsewhere);
	ck_assert_int_eq(c.history.session_opened_s, T0);
	ck_assert_mem_eq(c.history.session_patient, c.b.patient.bytes, LEDGER_ID_LEN);
	ck_assert_str_eq(c.at.serial, SERIAL);
	clinic_look(&c, 0);
	ck_assert(!c.history.has_session && c.history.patient_elsewhere);
	ck_assert_str_eq(c.at.serial, "");
	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &other), 0);
	ck_assert_int_eq(ledger_open_session(c.b.ledger, T0, "2027-01-15", &other, "G-2", OPERATOR,
					     &second),
			 0);
	clinic_look(&c, second);
	ck_assert(c.history.patient_elsewhere);
	ck_assert_mem_eq(c.history.session_patient, other.bytes, LEDGER_ID_LEN);
}
END_TEST

START_TEST(a_session_that_is_closed_is_none)
{
	const struct ledger_moment now = moment(T0);
	struct policy_request q = { 0 };
	int64_t session = c.b.session;

	clinic_next_session(&c);
	ck_assert_int_eq(history_read(c.b.ledger, &now, &c.b.basis, session, &q, &c.history, &c.at),
			 -ENOENT);
}
END_TEST

START_TEST(what_is_loaded_is_the_preparation_as_long_as_the_formulary_says_the_same)
{
	struct formulary_preparation *mix = &c.b.formulary.preparations[MIX];
	struct policy_basis without = { .limits = &c.b.limits };
	struct policy_basis with = c.b.basis;

	look();
	ck_assert_uint_eq(c.at.preparation, LIDO);
	bench_load(&c.b, MIX);
	look();
	ck_assert_uint_eq(c.at.preparation, MIX);
	mix->components[1].concentration++;
	look();
	ck_assert_uint_eq(c.at.preparation, FORMULARY_UNKNOWN);
	mix->components[1].concentration--;
	mix->n_components = 1;
	look();
	ck_assert_uint_eq(c.at.preparation, FORMULARY_UNKNOWN);
	mix->n_components = 2;
	c.b.formulary.substances[HYALURONIDASE].unit = FORMULARY_NG;
	look();
	ck_assert_uint_eq(c.at.preparation, FORMULARY_UNKNOWN);
	c.b.formulary.substances[HYALURONIDASE].unit = FORMULARY_MIU;
	snprintf(mix->id, sizeof(mix->id), "mixed");
	look();
	ck_assert_uint_eq(c.at.preparation, FORMULARY_UNKNOWN);
	snprintf(mix->id, sizeof(mix->id), "mix");
	look();
	ck_assert_uint_eq(c.at.preparation, MIX);
	c.b.basis = without;
	look();
	ck_assert_uint_eq(c.at.preparation, FORMULARY_UNKNOWN);
	c.b.basis = with;
	clinic_next_session(&c);
	look();
	ck_assert_uint_eq(c.at.preparation, FORMULARY_UNKNOWN);
}
END_TEST

START_TEST(the_volume_of_a_session_has_the_hand_doses_in_it_and_no_credited_prime)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 1500);
	struct ledger_reservation v;

	clinic_give(&c, &d); /* in no session */
	clinic_prime(&c, 30000, PRIMED_AIR);
	ck_assert_uint_eq(look()->session_nl, 0);
	d.session = c.b.session;
	clinic_give(&c, &d);
	ck_assert_uint_eq(look()->session_nl, 1500);
	clinic_treat(&c, FACE, 20000, 2);
	ck_assert_uint_eq(look()->session_nl, 1500 + UINT64_C(40040));
	clinic_reserve(&c, SCALP, 20000, 2, &v);
	ck_assert_uint_eq(look()->session_nl, 1500 + UINT64_C(40040) + 41000);
	ck_assert_uint_eq(c.history.outstanding_nl, 41000);
}
END_TEST

START_TEST(an_area_has_what_went_into_it_in_this_session_and_what_may_go_still)
{
	struct ledger_reservation v;

	clinic_treat(&c, SCALP, 30000, 1);
	clinic_prime(&c, 20000, PRIMED_SKIN);
	ck_assert_uint_eq(look()->area_nl, 0);
	clinic_treat(&c, FACE, 20000, 2);
	ck_assert_uint_eq(look()->area_nl, UINT64_C(40040));
	clinic_reserve(&c, FACE, 20000, 1, &v);
	ck_assert_uint_eq(look()->area_nl, UINT64_C(40040) + 21000);
	ck_assert_uint_eq(clinic_look(&c, 0)->area_nl, 0);
	ck_assert_int_eq(ledger_close_lost(c.b.ledger, T0, v.lease_id, 0, "fell", NULL), 0);
	clinic_next_session(&c);
	ck_assert_uint_eq(look()->area_nl, 0);
}
END_TEST

START_TEST(primes_are_those_of_the_syringe_credited_or_not)
{
	clinic_prime(&c, 30000, PRIMED_AIR);
	clinic_prime(&c, 20000, PRIMED_SKIN);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_uint_eq(look()->primed_nl, 50000);
	bench_load(&c.b, LIDO);
	ck_assert_uint_eq(look()->primed_nl, 0);
	clinic_prime(&c, 10000, PRIMED_AIR);
	ck_assert_uint_eq(look()->primed_nl, 10000);
	clinic_next_session(&c);
	ck_assert_uint_eq(look()->primed_nl, 0);
}
END_TEST

/* A lease that ends by a fault, and is settled (again if @twice). */
static void stop_by_fault(bool twice)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shot;

	clinic_reserve(&c, FACE, 20000, 2, &v);
	shot = gun_fires(&c.b.gun, v.lease_id, 20000);
	e = evidence_of(&c.b.gun, v.lease_id);
	e.end = MESO_END_FAULT;
	if (twice) {
		e.faults = MESO_FAULT_MEMORY; /* uncertain: may be settled better */
		ck_assert_int_eq(ledger_record(c.b.ledger, c.b.now_s, SERIAL, &shot, 1, &e, NULL),
				 0);
		e.faults = 0;
	}
	ck_assert_int_eq(ledger_record(c.b.ledger, c.b.now_s, SERIAL, &shot, 1, &e, NULL), 0);
	ck_assert_uint_eq(outstanding_of(&c.b), 0);
}

START_TEST(fault_stops_are_counted_for_ten_minutes_once_for_each_lease_of_this_gun)
{
	struct ledger_id other;
	int64_t second;

	ck_assert_uint_eq(look()->fault_stops, 0);
	stop_by_fault(false);
	ck_assert_uint_eq(look()->fault_stops, 1);
	c.b.now_s = T0 + 60;
	stop_by_fault(true);
	ck_assert_uint_eq(count_records(c.b.ledger, "settlement"), 3);
	ck_assert_uint_eq(look()->fault_stops, 2);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_uint_eq(look()->fault_stops, 2);
	c.b.now_s = T0 + POLICY_FAULT_STOPS_S - 1;
	ck_assert_uint_eq(look()->fault_stops, 2);
	c.b.now_s = T0 + POLICY_FAULT_STOPS_S;
	ck_assert_uint_eq(look()->fault_stops, 1);
	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &other), 0);
	ck_assert_int_eq(ledger_open_session(c.b.ledger, T0, "2027-01-15", &other, "G-2", OPERATOR,
					     &second),
			 0);
	ck_assert_uint_eq(clinic_look(&c, second)->fault_stops, 0);
	ck_assert_uint_eq(clinic_look(&c, 0)->fault_stops, 0);
	c.b.now_s = T0 + 60 + POLICY_FAULT_STOPS_S;
	ck_assert_uint_eq(look()->fault_stops, 0);
}
END_TEST

/* ----------------------------------------------------------------- windows */

START_TEST(a_dose_leaves_the_window_after_24_hours_to_the_second)
{
	struct ledger_hand_dose d;

	clinic_treat(&c, FACE, 20000, 1);
	c.b.now_s = T0 + 10;
	d = clinic_hand_dose(&c, 5000, 700);
	clinic_give(&c, &d);
	c.b.now_s = T0 + DAY_S - 1;
	look();
	ck_assert_uint_eq(c.history.n_doses, 2);
	ck_assert_int_eq(c.history.doses[0].when_s, T0);
	ck_assert_uint_eq(c.history.doses[0].amount, 20020);
	ck_assert_int_eq(c.history.doses[1].when_s, T0 + 10);
	ck_assert_uint_eq(c.history.doses[1].amount, 700);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].n_doses, 2);
	c.b.now_s = T0 + DAY_S;
	look();
	ck_assert_uint_eq(c.history.n_doses, 1);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 5000);
	c.b.now_s = T0 + 10 + DAY_S;
	look();
	ck_assert_uint_eq(c.history.n_doses, 0);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 0);
	/* the session's and the course's stay */
	ck_assert_uint_gt(c.history.substances[LIDOCAINE].session, 0);
	ck_assert_uint_gt(c.history.substances[LIDOCAINE].course,
			  c.history.substances[LIDOCAINE].session);
}
END_TEST

START_TEST(what_is_outstanding_is_in_no_window_and_leaves_none)
{
	struct ledger_reservation v;

	clinic_reserve(&c, FACE, 20000, 1, &v);
	c.b.now_s = T0 + 90 * DAY_S;
	look();
	ck_assert_uint_eq(c.history.outstanding_nl, 21000);
	ck_assert_uint_eq(c.history.n_doses, 0);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].n_doses, 0);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].outstanding,
			  formulary_amount(21000, LIDO_PG_NL));
}
END_TEST

START_TEST(doses_come_in_order_of_time_whatever_order_they_were_entered_in)
{
	struct ledger_hand_dose d;

	c.b.now_s = T0 + 1000;
	for (int i = 0; i < 20; i++) {
		d = clinic_hand_dose(&c, (uint64_t)i + 1, 0);
		d.given_s = T0 + (i * 7) % 20;
		clinic_give(&c, &d);
	}
	look();
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].n_doses, 20);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(c.history.substances[LIDOCAINE].doses[i].when_s, T0 + i);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 210);
}
END_TEST

START_TEST(more_doses_than_anybody_gives_are_all_counted)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 3, 2);
	const struct policy_dose *last;

	for (int i = 0; i < 600; i++) {
		d.given_s = T0 - 600 + i;
		d.n_substances = i % 2 ? 2 : 1;
		d.substances[1] = (struct ledger_substance){ "hyaluronidase", FORMULARY_MIU, 5 };
		clinic_give(&c, &d);
	}
	look();
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 1800);
	ck_assert_uint_eq(clinic_window(&c, HYALURONIDASE), 1500);
	ck_assert_uint_eq(settled_of(&c.b), 1200);
	/* merged into the newest, so that nothing leaves too early */
	last = c.history.substances[LIDOCAINE].doses + c.history.substances[LIDOCAINE].n_doses - 1;
	ck_assert_int_eq(last->when_s, T0 - 1);
	ck_assert_uint_gt(last->amount, 3);
	last = c.history.doses + c.history.n_doses - 1;
	ck_assert_int_eq(last->when_s, T0 - 1);
	ck_assert_uint_gt(last->amount, 2);
}
END_TEST

START_TEST(a_substance_that_the_formulary_knows_no_more_or_measures_otherwise_is_unknown)
{
	struct formulary_substance *s = &c.b.formulary.substances[LIDOCAINE];

	ck_assert(!look()->unknown_substance);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert(!look()->unknown_substance);
	snprintf(s->id, sizeof(s->id), "procaine");
	ck_assert(look()->unknown_substance);
	snprintf(s->id, sizeof(s->id), "lidocaine");
	s->unit = FORMULARY_MIU;
	ck_assert(look()->unknown_substance);
	s->unit = FORMULARY_NG;
	/* in the window, the session or the course, and not before */
	snprintf(s->id, sizeof(s->id), "procaine");
	c.b.now_s = T0 + DAY_S;
	ck_assert(look()->unknown_substance);
	clinic_next_session(&c);
	ck_assert(look()->unknown_substance);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0,
					   &(struct ledger_course){ .patient = c.b.patient,
								    .uid = OPERATOR,
								    .sessions = 1,
								    .indication = "pain" },
					   NULL, NULL),
			 0);
	ck_assert(!look()->unknown_substance);
}
END_TEST

START_TEST(another_patients_doses_are_not_this_ones)
{
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &c.b.patient), 0);
	clinic_next_session(&c);
	look();
	ck_assert_uint_eq(c.history.n_doses, 0);
	ck_assert_uint_eq(clinic_window(&c, LIDOCAINE), 0);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].course, 0);
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, POLICY_NO_DAY);
	ck_assert_int_eq(c.history.last_session_day, POLICY_NO_DAY);
	ck_assert(!c.history.has_course);
}
END_TEST

/* -------------------------------------------------------- days and sessions */

START_TEST(the_last_day_is_of_another_session_or_of_none_but_not_of_this_one)
{
	struct ledger_hand_dose d;

	clinic_treat(&c, FACE, 20000, 1);
	clinic_treat(&c, FACE, 20000, 1);
	look();
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, POLICY_NO_DAY);
	ck_assert_int_eq(c.history.last_session_day, POLICY_NO_DAY);
	/* two sessions a day */
	clinic_next_session(&c);
	look();
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, TODAY);
	ck_assert_int_eq(c.history.substances[HYALURONIDASE].last_day, POLICY_NO_DAY);
	ck_assert_int_eq(c.history.last_session_day, TODAY);
	ck_assert_uint_eq(c.history.course_sessions, 2);
	/* by hand, in no session: that day's substance, and no session */
	c.b.now_s = T0 + 2 * DAY_S;
	d = clinic_hand_dose(&c, 5000, 0);
	clinic_give(&c, &d);
	look();
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, TODAY + 2);
	ck_assert_int_eq(c.history.last_session_day, TODAY);
	ck_assert_uint_eq(c.history.course_sessions, 2);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].sessions, 1);
}
END_TEST

START_TEST(a_dose_after_midnight_is_of_the_new_day)
{
	int64_t midnight_s = moment(T0).midnight_s + DAY_S;

	c.b.now_s = midnight_s - 1;
	clinic_next_session(&c);
	bench_load(&c.b, LIDO);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_int_eq(clinic_look(&c, 0)->last_session_day, TODAY);
	c.b.now_s = midnight_s;
	ck_assert_int_eq(clinic_look(&c, 0)->last_session_day, TODAY);
	clinic_treat(&c, FACE, 20000, 1);
	ck_assert_int_eq(clinic_look(&c, 0)->last_session_day, TODAY + 1);
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, TODAY + 1);
}
END_TEST

START_TEST(a_session_in_which_nothing_was_given_is_none)
{
	struct ledger_reservation v;
	struct ledger_evidence e;

	clinic_prime(&c, 30000, PRIMED_AIR);
	clinic_next_session(&c);
	look();
	ck_assert_int_eq(c.history.last_session_day, POLICY_NO_DAY);
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, POLICY_NO_DAY);
	ck_assert_uint_eq(c.history.course_sessions, 1);
	/* what is outstanding may have been given */
	bench_load(&c.b, LIDO);
	clinic_reserve(&c, FACE, 20000, 1, &v);
	clinic_look(&c, 0);
	ck_assert_int_eq(c.history.last_session_day, TODAY);
	ck_assert_uint_eq(c.history.course_sessions, 2);
	e = evidence_of(&c.b.gun, v.lease_id);
	e.never_armed = true;
	e.gun.last_sequence = v.sequence - 1;
	ck_assert_int_eq(ledger_record(c.b.ledger, T0, SERIAL, NULL, 0, &e, NULL), 0);
	clinic_look(&c, 0);
	ck_assert_int_eq(c.history.last_session_day, POLICY_NO_DAY);
	ck_assert_uint_eq(c.history.course_sessions, 1);
}
END_TEST

START_TEST(a_hand_dose_in_a_session_makes_it_one_and_its_correction_unmakes_it)
{
	struct ledger_hand_dose d = clinic_hand_dose(&c, 5000, 0);
	int64_t number;

	d.session = c.b.session;
	number = clinic_give(&c, &d);
	clinic_next_session(&c);
	look();
	ck_assert_int_eq(c.history.last_session_day, TODAY);
	ck_assert_uint_eq(c.history.course_sessions, 2);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].sessions, 1);
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, TODAY);
	ck_assert_int_eq(ledger_correct_hand_dose(c.b.ledger, T0, number, NULL, OPERATOR,
						  "not given", NULL, NULL),
			 0);
	look();
	ck_assert_int_eq(c.history.last_session_day, POLICY_NO_DAY);
	ck_assert_uint_eq(c.history.course_sessions, 1);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].sessions, 0);
	ck_assert_int_eq(c.history.substances[LIDOCAINE].last_day, POLICY_NO_DAY);
}
END_TEST

/* Treats in @n sessions, a week apart; the next one is open and not loaded. */
static void treat_weekly(unsigned int n, size_t preparation)
{
	for (unsigned int i = 0; i < n; i++) {
		bench_assess(&c.b);
		bench_load(&c.b, preparation);
		clinic_treat(&c, FACE, 20000, 1);
		c.b.now_s += 7 * DAY_S;
		clinic_next_session(&c);
	}
}

START_TEST(a_course_counts_its_sessions_amounts_and_substances)
{
	treat_weekly(2, LIDO);
	treat_weekly(1, MIX);
	look();
	ck_assert(c.history.has_course);
	ck_assert_uint_eq(c.history.course_sessions, 4);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].sessions, 3);
	ck_assert_uint_eq(c.history.substances[HYALURONIDASE].sessions, 1);
	ck_assert_uint_eq(c.history.substances[HYALURONIC_ACID].sessions, 0);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].session, 0);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].course,
			  2 * formulary_amount(20020, LIDO_PG_NL) +
				  formulary_amount(20020, MIX_PG_NL));
	ck_assert_int_eq(c.history.last_session_day, TODAY + 14);
	ck_assert_int_eq(c.history.substances[HYALURONIDASE].last_day, TODAY + 14);
	/* this one is not among the others, but its amounts are in the course's */
	bench_assess(&c.b);
	bench_load(&c.b, MIX);
	clinic_treat(&c, FACE, 20000, 1);
	look();
	ck_assert_uint_eq(c.history.course_sessions, 4);
	ck_assert_uint_eq(c.history.substances[HYALURONIDASE].sessions, 1);
	ck_assert_uint_eq(c.history.substances[HYALURONIDASE].course,
			  2 * formulary_amount(20020, MIX_UIU_NL));
	ck_assert_uint_eq(c.history.substances[HYALURONIDASE].session,
			  formulary_amount(20020, MIX_UIU_NL));
}
END_TEST

START_TEST(the_late_interval_of_the_plan_counts_from_the_seventh_session_on)
{
	struct ledger_course p = bench_course(&c.b.patient, 7);

	look();
	ck_assert_uint_eq(c.history.plan_interval_d, 7);
	ck_assert(!c.history.plan_late);
	clinic_next_session(&c);
	p.late_interval_d = 21;
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), 0);
	treat_weekly(POLICY_LATE_SESSIONS - 1, LIDO);
	look();
	ck_assert_uint_eq(c.history.course_sessions, POLICY_LATE_SESSIONS);
	ck_assert_uint_eq(c.history.plan_interval_d, 7);
	ck_assert(c.history.plan_late);
	treat_weekly(1, LIDO);
	look();
	ck_assert_uint_eq(c.history.course_sessions, POLICY_LATE_SESSIONS + 1);
	ck_assert_uint_eq(c.history.plan_interval_d, 21);
	ck_assert(c.history.plan_late);
}
END_TEST

START_TEST(a_new_course_begins_at_nothing_and_knows_the_last_day_of_the_one_before)
{
	struct ledger_course p = bench_course(&c.b.patient, 10);
	struct ledger_hand_dose d;

	treat_weekly(2, LIDO);
	ck_assert_int_eq(look()->previous_course_day, POLICY_NO_DAY);
	c.b.now_s = T0 + 20 * DAY_S;
	clinic_next_session(&c);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, c.b.now_s, &p, NULL, NULL), 0);
	look();
	ck_assert_int_eq(c.history.previous_course_day, TODAY + 7);
	ck_assert_uint_eq(c.history.course_sessions, 1);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].course, 0);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].sessions, 0);
	ck_assert_uint_eq(c.history.plan_interval_d, 10);
	ck_assert_int_eq(c.history.last_session_day, TODAY + 7);
	/* a plan that was never begun is none; a dose in no session ends no course */
	ck_assert_int_eq(ledger_add_course(c.b.ledger, c.b.now_s, &p, NULL, NULL), 0);
	d = clinic_hand_dose(&c, 5000, 0);
	clinic_give(&c, &d);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, c.b.now_s, &p, NULL, NULL), 0);
	ck_assert_int_eq(look()->previous_course_day, TODAY + 7);
	treat_weekly(1, LIDO);
	ck_assert_int_eq(look()->previous_course_day, TODAY + 7);
	ck_assert_uint_eq(c.history.course_sessions, 2);
}
END_TEST

START_TEST(what_was_given_in_a_session_before_it_had_a_course_counts_for_the_course)
{
	struct ledger_course p;
	struct ledger_hand_dose d;

	ck_assert_int_eq(add_patient(c.b.ledger, "P-2", &c.b.patient), 0);
	clinic_next_session(&c);
	d = clinic_hand_dose(&c, 5000, 0);
	d.session = c.b.session;
	clinic_give(&c, &d);
	look();
	ck_assert(!c.history.has_course);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].course, 5000);
	p = bench_course(&c.b.patient, 7);
	ck_assert_int_eq(ledger_add_course(c.b.ledger, T0, &p, NULL, NULL), 0);
	bench_load(&c.b, LIDO);
	look();
	ck_assert(c.history.has_course);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].course, 5000);
	ck_assert_uint_eq(c.history.substances[LIDOCAINE].session, 5000);
}
END_TEST

/* ------------------------------------------------------------- what it costs */

START_TEST(a_long_history_is_read_without_a_scan)
{
	static const enum sql reads[] = {
		SQL_DOSE_WINDOW,      SQL_DOSE_SESSION,    SQL_DOSE_COURSE,     SQL_DOSE_LAST_DAY,
		SQL_DOSE_SESSION_DAY, SQL_DOSE_COURSE_DAY, SQL_COURSE_SESSIONS, SQL_HAND_WINDOW,
		SQL_HAND_SESSION,     SQL_AREA_SPENT,      SQL_PRIMED,          SQL_ASSESSMENT_LAST,
		SQL_MASS_LAST,        SQL_LOAD_LAST,       SQL_FAULTS,
	};

	treat_weekly(5, MIX);
	bench_assess(&c.b);
	bench_load(&c.b, MIX);
	clinic_treat(&c, FACE, 20000, 1);
	look();
	for (size_t i = 0; i < ARRAY_LENGTH(reads); i++) {
		sqlite3_stmt *s = c.b.ledger->statements[reads[i]];

		ck_assert_ptr_nonnull(s);
		ck_assert_int_eq(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
		ck_assert_int_eq(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_SORT, 0), 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_history");
	TCase *t = tcase_create("history");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, the_moment_is_passed_on);
	tcase_add_test(t, the_birth_day_is_read_and_one_that_was_erased_is_not_known);
	tcase_add_loop_test(t, a_date_is_a_number_of_days, 0, ARRAY_LENGTH(dates));
	tcase_add_test(t,
		       the_newest_mass_that_was_weighed_counts_and_before_that_the_registered_one);
	tcase_add_test(t, the_newest_assessment_is_passed_on_whole);
	tcase_add_test(t, an_assessment_by_a_clock_that_was_ahead_is_as_old_as_the_confirmation);
	tcase_add_test(t, an_operator_is_valid_to_the_last_day_of_the_licence);
	tcase_add_test(t, a_session_is_told_with_its_patient_gun_and_start);
	tcase_add_test(t, a_session_that_is_closed_is_none);
	tcase_add_test(t, what_is_loaded_is_the_preparation_as_long_as_the_formulary_says_the_same);
	tcase_add_test(t, the_volume_of_a_session_has_the_hand_doses_in_it_and_no_credited_prime);
	tcase_add_test(t, an_area_has_what_went_into_it_in_this_session_and_what_may_go_still);
	tcase_add_test(t, primes_are_those_of_the_syringe_credited_or_not);
	tcase_add_test(t, fault_stops_are_counted_for_ten_minutes_once_for_each_lease_of_this_gun);
	tcase_add_test(t, a_dose_leaves_the_window_after_24_hours_to_the_second);
	tcase_add_test(t, what_is_outstanding_is_in_no_window_and_leaves_none);
	tcase_add_test(t, doses_come_in_order_of_time_whatever_order_they_were_entered_in);
	tcase_add_test(t, more_doses_than_anybody_gives_are_all_counted);
	tcase_add_test(
		t, a_substance_that_the_formulary_knows_no_more_or_measures_otherwise_is_unknown);
	tcase_add_test(t, another_patients_doses_are_not_this_ones);
	tcase_add_test(t, the_last_day_is_of_another_session_or_of_none_but_not_of_this_one);
	tcase_add_test(t, a_dose_after_midnight_is_of_the_new_day);
	tcase_add_test(t, a_session_in_which_nothing_was_given_is_none);
	tcase_add_test(t, a_hand_dose_in_a_session_makes_it_one_and_its_correction_unmakes_it);
	tcase_add_test(t, a_course_counts_its_sessions_amounts_and_substances);
	tcase_add_test(t, the_late_interval_of_the_plan_counts_from_the_seventh_session_on);
	tcase_add_test(t, a_new_course_begins_at_nothing_and_knows_the_last_day_of_the_one_before);
	tcase_add_test(t, what_was_given_in_a_session_before_it_had_a_course_counts_for_the_course);
	tcase_add_test(t, a_long_history_is_read_without_a_scan);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
