// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settlement: what a lease's end releases, and what it must not.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_fixture.h"

static struct bench b;
static const struct ledger_moment now = { T0, T0 / 86400, T0 / 86400 * 86400 };

static void setup(void)
{
	bench_start(&b);
}

static void teardown(void)
{
	bench_stop(&b);
}

static struct ledger_settlement record(const struct meso_shot *shots, size_t n,
				       const struct ledger_evidence *e)
{
	struct ledger_settlement s;

	ck_assert_int_eq(ledger_record(b.ledger, b.now_s, SERIAL, shots, n, e, &s), 0);
	return s;
}

/* ------------------------------------------------------------- settlement */

START_TEST(agreeing_evidence_releases_what_was_not_delivered)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shots[2];

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	shots[0] = gun_fires(&b.gun, v.lease_id, 20000);
	shots[1] = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	s = record(shots, 2, &e);
	ck_assert_int_eq(s.outcome, LEDGER_RELEASED);
	ck_assert_uint_eq(s.delivered_nl, 40040);
	ck_assert_uint_eq(s.spent_nl, 40040);
	ck_assert_uint_eq(outstanding_of(&b), 0);
	ck_assert_uint_eq(settled_of(&b), 40040);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 0);
}
END_TEST

START_TEST(nothing_is_released_before_the_gun_says_closed_and_its_log_is_read)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	e.closed = false;
	ck_assert_int_eq(record(&shot, 1, &e).outcome, LEDGER_NOT_SETTLED);
	e.closed = true;
	e.log_read = false;
	ck_assert_int_eq(record(&shot, 1, &e).outcome, LEDGER_NOT_SETTLED);
	ck_assert_int_eq(record(&shot, 1, NULL).outcome, LEDGER_NOT_SETTLED);
	ck_assert_uint_eq(outstanding_of(&b), 401000);
	ck_assert_uint_eq(count_records(b.ledger, "settlement"), 0);
}
END_TEST

/* Each case is one lie or gap; all of the reservation must stay spent. */
static const struct {
	const char *incident;
	bool quarantine;
} doubts[] = {
	{ "log-incomplete", true },     /* 0: a counted shot that is not in the log */
	{ "sum-mismatch", true },       /* 1: the log says half */
	{ "sum-mismatch", true },       /* 2: the total says more than the log */
	{ "counters-backwards", true }, /* 3 */
	{ "counters-backwards", true }, /* 4: the total only */
	{ "epoch-changed", true },      /* 5 */
	{ "outcome-unknown", false },   /* 6 */
	{ "encoder-mismatch", false },  /* 7: first encoder */
	{ "encoder-mismatch", false },  /* 8: second encoder */
	{ "log-incomplete", true },     /* 9: a logged shot that is not counted */
};

static int find_kind(const struct ledger_record *record, void *userdata)
{
	char *kind = userdata;

	if (strcmp(record->type, "incident") == 0 && strcmp(record->fields[0].name, "kind") == 0)
		snprintf(kind, LEDGER_NAME_MAX, "%s", record->fields[0].text);
	return 0;
}

static void expect_incident(const char *expected)
{
	char kind[LEDGER_NAME_MAX] = "";

	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, UINT32_MAX, find_kind, kind), 0);
	ck_assert_str_eq(kind, expected);
}

START_TEST(evidence_that_contradicts_itself_releases_nothing)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shots[3];
	size_t n = 3;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	for (size_t i = 0; i < 3; i++)
		shots[i] = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	switch (_i) {
	case 0:
		shots[1] = shots[2];
		n = 2;
		break;
	case 1:
		for (size_t i = 0; i < 3; i++)
			shots[i].reported_nl = shots[i].displaced_nl = shots[i].displaced2_nl =
				10000;
		break;
	case 2:
		e.gun.total_nl += 1;
		break;
	case 3:
		e.gun.shot_count = 39;
		break;
	case 4:
		e.gun.total_nl = 799999;
		break;
	case 5:
		e.gun.epoch++;
		break;
	case 6:
		shots[2].result = MESO_SHOT_UNKNOWN;
		break;
	case 7:
		shots[2].displaced_nl = 20071;
		break;
	case 8:
		shots[2].displaced2_nl = 20102;
		shots[2].displaced_nl = 20001;
		break;
	case 9:
		e.gun.shot_count--;
		break;
	}
	s = record(shots, n, &e);
	ck_assert_int_eq(s.outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(s.spent_nl, 401000);
	ck_assert_uint_eq(s.incidents, 1);
	ck_assert_int_eq(s.quarantined, doubts[_i].quarantine);
	expect_incident(doubts[_i].incident);
	ck_assert_uint_ge(settled_of(&b), 401000);
	/* told again, it is no news */
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(record(shots, n, &e).incidents, 0);
	ck_assert_uint_eq(count_records(b.ledger, "settlement"), 1);
	ck_assert_uint_eq(count_records(b.ledger, "incident"), 1);
}
END_TEST

START_TEST(a_gun_with_another_memory_proves_nothing_about_a_lease_without_shots)
{
	struct ledger_reservation v;
	struct ledger_evidence e;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	e = evidence_of(&b.gun, v.lease_id);
	e.gun.epoch++;
	ck_assert_int_eq(record(NULL, 0, &e).outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(settled_of(&b), 401000);
	expect_incident("epoch-changed");
}
END_TEST

START_TEST(the_largest_of_the_three_readings_is_what_was_delivered)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	shot.displaced_nl = _i == 1 ? 20040 : 20000;
	shot.displaced2_nl = _i == 2 ? 20040 : 20000;
	if (_i == 0) {
		shot.reported_nl = 20040;
		b.gun.total_nl += 40;
		shot.total_nl = b.gun.total_nl;
	}
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_uint_eq(record(&shot, 1, &e).delivered_nl, 20040);
	ck_assert_uint_eq(settled_of(&b), 20040);
}
END_TEST

START_TEST(the_counters_word_counts_if_it_is_the_largest)
{
	struct ledger_reservation v;
	struct ledger_evidence e;

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	b.gun.shot_count++;
	b.gun.total_nl += 500000;
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_uint_eq(record(NULL, 0, &e).spent_nl, 500000);
	ck_assert_uint_eq(settled_of(&b), 500000);
}
END_TEST

START_TEST(better_evidence_settles_an_uncertain_lease_by_a_new_fact)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shots[2];

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	shots[0] = gun_fires(&b.gun, v.lease_id, 20000);
	shots[1] = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(record(shots, 1, &e).outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(settled_of(&b), 401000);
	ck_assert_int_eq(record(shots, 2, &e).outcome, LEDGER_RELEASED);
	ck_assert_uint_eq(settled_of(&b), 40040);
	ck_assert_uint_eq(count_records(b.ledger, "settlement"), 2);
}
END_TEST

/* Whatever the faults were, the numbers below agree: it is the witness that cannot be believed. */
START_TEST(a_gun_whose_memory_or_reports_failed_releases_nothing)
{
	static const uint32_t distrusted[] = {
		MESO_FAULT_MEMORY,           MESO_FAULT_OVERRUN,      MESO_FAULT_ENCODER_MISMATCH,
		MESO_FAULT_HOST_IMPLAUSIBLE, MESO_FAULT_HOST_OVERRUN, MESO_FAULT_HOST_ENCODER
	};
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	e.faults = distrusted[_i] | MESO_FAULT_OCCLUSION;
	s = record(&shot, 1, &e);
	ck_assert_int_eq(s.outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(s.incidents, 1);
	ck_assert_uint_eq(settled_of(&b), 401000);
}
END_TEST

START_TEST(a_fault_that_casts_no_doubt_on_numbers_keeps_nothing_back)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	e.faults = MESO_FAULT_OCCLUSION | MESO_FAULT_HEARTBEAT_LOST | MESO_FAULT_LOW_BATTERY;
	ck_assert_int_eq(record(&shot, 1, &e).outcome, LEDGER_RELEASED);
}
END_TEST

START_TEST(a_shot_that_turns_up_after_the_release_revokes_it)
{
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct ledger_settlement s;
	struct meso_shot hidden;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(record(NULL, 0, &e).outcome, LEDGER_RELEASED);
	ck_assert_uint_eq(settled_of(&b), 0);
	hidden = gun_fires(&b.gun, v.lease_id, 20000);
	s = record(&hidden, 1, NULL);
	ck_assert_uint_eq(s.incidents, 1);
	ck_assert(s.quarantined);
	ck_assert_int_eq(s.outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(settled_of(&b), 401000);
	ck_assert_uint_eq(record(&hidden, 1, NULL).incidents, 0);
}
END_TEST

START_TEST(an_overrun_counts_in_full_at_once)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shots[3];

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	for (size_t i = 0; i < 3; i++)
		shots[i] = gun_fires(&b.gun, v.lease_id, 20000);
	s = record(shots, 3, NULL);
	ck_assert(s.quarantined);
	ck_assert_uint_eq(outstanding_of(&b), 60060);
	e = evidence_of(&b.gun, v.lease_id);
	s = record(shots, 3, &e);
	ck_assert_int_eq(s.outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(s.spent_nl, 60060);
	ck_assert_uint_eq(settled_of(&b), 60060);
	ck_assert_uint_eq(outstanding_of(&b), 0);
}
END_TEST

START_TEST(an_unknown_shot_counts_as_asked_even_if_the_gun_says_nothing_came)
{
	struct ledger_reservation v;
	struct ledger_session session;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	shot.result = MESO_SHOT_UNKNOWN;
	shot.reported_nl = shot.displaced_nl = shot.displaced2_nl = 0;
	record(&shot, 1, NULL);
	ck_assert_int_eq(ledger_get_session(b.ledger, b.session, &session), 0);
	ck_assert_uint_eq(session.delivered_nl, 20000);
}
END_TEST

START_TEST(a_lease_that_was_never_sent_costs_nothing_unless_the_gun_knows_it)
{
	struct ledger_evidence e = { .never_armed = true };
	struct ledger_reservation v;
	struct ledger_settlement s;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	memcpy(e.lease_id, v.lease_id, sizeof(e.lease_id));
	e.gun = b.gun;
	ck_assert_int_eq(record(NULL, 0, &e).outcome, LEDGER_RELEASED);
	ck_assert_uint_eq(outstanding_of(&b) + settled_of(&b), 0);

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	memcpy(e.lease_id, v.lease_id, sizeof(e.lease_id));
	e.gun.last_sequence = v.sequence;
	s = record(NULL, 0, &e);
	ck_assert_int_eq(s.outcome, LEDGER_UNCERTAIN);
	ck_assert(s.quarantined);
	ck_assert_uint_eq(settled_of(&b), 401000);
}
END_TEST

START_TEST(an_old_uncertain_lease_is_judged_by_the_counters_of_its_own_time)
{
	struct ledger_reservation v, later;
	struct ledger_evidence e;
	struct meso_shot shots[2], next;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	b.gun.last_sequence = v.sequence;
	shots[0] = gun_fires(&b.gun, v.lease_id, 20000);
	shots[0].result = MESO_SHOT_UNKNOWN; /* uncertain, but no quarantine */
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(record(shots, 1, &e).outcome, LEDGER_UNCERTAIN);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &later), 0);
	next = gun_fires(&b.gun, later.lease_id, 20000);
	record(&next, 1, NULL);
	/* the first one again, with the gun's present counters: still the unknown shot, not a gap */
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_str_eq(record(NULL, 0, &e).problem, "the gun lost power on the way of 1 shots");
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 0);
}
END_TEST

/* ----------------------------------------------------------------- primes */

static struct ledger_settlement prime(bool no_contact, bool works, uint32_t flags, uint64_t boot,
				      uint32_t end)
{
	struct ledger_order o = bench_order(&b, 20000, 2);
	struct ledger_reservation v;
	struct ledger_evidence e;
	struct meso_shot shot;

	o.request.kind = MESO_KIND_PRIME;
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), 0);
	ck_assert_uint_eq(outstanding_of(&b), 41000);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	shot.kind = MESO_KIND_PRIME;
	shot.flags = flags;
	e = evidence_of(&b.gun, v.lease_id);
	e.no_contact = no_contact;
	e.contact_works = works;
	e.gun.boot_id = boot;
	e.end = end;
	return record(&shot, 1, &e);
}

START_TEST(a_prime_is_dose_until_the_air_is_proven)
{
	static const struct {
		bool no_contact, works;
		uint32_t flags;
		uint64_t boot;
		uint32_t end;
	} cases[] = {
		{ true, true, 0, BOOT, MESO_END_SPENT },
		{ false, true, 0, BOOT, MESO_END_SPENT },
		{ true, false, 0, BOOT, MESO_END_SPENT },
		{ true, true, MESO_STATUS_CONTACT, BOOT, MESO_END_SPENT },
		{ true, true, 0, BOOT + 1, MESO_END_SPENT },
		/* the gun itself ended it for contact, which no frame need have shown */
		{ true, true, 0, BOOT, MESO_END_CONTACT },
	};
	struct ledger_settlement s;
	struct ledger_session session;

	s = prime(cases[_i].no_contact, cases[_i].works, cases[_i].flags, cases[_i].boot,
		  cases[_i].end);
	ck_assert_int_eq(s.outcome, LEDGER_RELEASED);
	ck_assert_int_eq(s.credited, _i == 0);
	ck_assert_uint_eq(settled_of(&b), _i == 0 ? 0 : 20020);
	ck_assert_int_eq(ledger_get_session(b.ledger, b.session, &session), 0);
	ck_assert_uint_eq(session.primed_nl, _i == 0 ? 20020 : 0);
	ck_assert_uint_eq(session.delivered_nl, _i == 0 ? 0 : 20020);
	ck_assert_uint_eq(session.shots, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_settle");
	TCase *t = tcase_create("settlement");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, agreeing_evidence_releases_what_was_not_delivered);
	tcase_add_test(t, nothing_is_released_before_the_gun_says_closed_and_its_log_is_read);
	tcase_add_loop_test(t, evidence_that_contradicts_itself_releases_nothing, 0,
			    sizeof(doubts) / sizeof(doubts[0]));
	tcase_add_test(t, a_gun_with_another_memory_proves_nothing_about_a_lease_without_shots);
	tcase_add_loop_test(t, the_largest_of_the_three_readings_is_what_was_delivered, 0, 3);
	tcase_add_test(t, the_counters_word_counts_if_it_is_the_largest);
	tcase_add_test(t, better_evidence_settles_an_uncertain_lease_by_a_new_fact);
	tcase_add_loop_test(t, a_gun_whose_memory_or_reports_failed_releases_nothing, 0, 6);
	tcase_add_test(t, a_fault_that_casts_no_doubt_on_numbers_keeps_nothing_back);
	tcase_add_test(t, a_shot_that_turns_up_after_the_release_revokes_it);
	tcase_add_test(t, an_overrun_counts_in_full_at_once);
	tcase_add_test(t, an_unknown_shot_counts_as_asked_even_if_the_gun_says_nothing_came);
	tcase_add_test(t, a_lease_that_was_never_sent_costs_nothing_unless_the_gun_knows_it);
	tcase_add_test(t, an_old_uncertain_lease_is_judged_by_the_counters_of_its_own_time);
	tcase_add_loop_test(t, a_prime_is_dose_until_the_air_is_proven, 0, 6);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
