// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an administrator settles when no evidence will: recorded with who and why,
 * and never giving anything back.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_vfs.h"
#include "ledger_fixture.h"
#include "ledger_internal.h"

#define DAY INT64_C(86400)

static struct bench b;
static struct ledger_reservation v;

static void setup(void)
{
	bench_start(&b);
	ck_assert_int_eq(bench_reserve(&b, 20000, 2, &v), 0);
	b.gun.last_sequence = v.sequence;
}

static void teardown(void)
{
	bench_stop(&b);
}

/* ------------------------------------------------------------------- lost */

START_TEST(a_lease_of_a_lost_gun_stays_spent_in_full_and_says_who_closed_it)
{
	struct ledger_settlement s;

	ck_assert_int_eq(ledger_close_lost(b.ledger, T0 + 5, v.lease_id, 77, "", &s), -EINVAL);
	ck_assert_int_eq(ledger_close_lost(b.ledger, T0 + 5, v.lease_id, 77, "stolen", &s), 0);
	ck_assert_int_eq(s.outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(s.spent_nl, v.reserved_nl);
	ck_assert_uint_eq(settled_of(&b), v.reserved_nl);
	ck_assert_uint_eq(outstanding_of(&b), 0);
	ck_assert_uint_eq(count_records(b.ledger, "lost"), 1);
	ck_assert_uint_eq(count_records(b.ledger, "settlement"), 1);
	/* once */
	ck_assert_int_eq(ledger_close_lost(b.ledger, T0 + 5, v.lease_id, 77, "again", NULL),
			 -EALREADY);
	v.lease_id[15] ^= 1;
	ck_assert_int_eq(ledger_close_lost(b.ledger, T0 + 5, v.lease_id, 77, "none", NULL),
			 -ENOENT);
	/* it is in the window of the closing, not of the reservation */
	b.now_s = T0 + DAY + 4;
	ck_assert_uint_eq(settled_of(&b), v.reserved_nl);
	b.now_s = T0 + DAY + 6;
	ck_assert_uint_eq(settled_of(&b), 0);
}
END_TEST

START_TEST(a_lease_that_was_settled_is_not_closed_as_lost)
{
	struct ledger_evidence e = evidence_of(&b.gun, v.lease_id);

	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, NULL, 0, &e, NULL), 0);
	ck_assert_int_eq(ledger_close_lost(b.ledger, T0, v.lease_id, 0, "x", NULL), -EALREADY);
	ck_assert_uint_eq(count_records(b.ledger, "lost"), 0);
}
END_TEST

START_TEST(a_lost_gun_that_comes_back_is_recorded_and_frees_nothing)
{
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shots[2];
	unsigned int records;

	ck_assert_int_eq(ledger_close_lost(b.ledger, T0, v.lease_id, 0, "lost", NULL), 0);
	shots[0] = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	/* one of two was fired: honest evidence, that would have released the other */
	ck_assert_int_eq(ledger_record(b.ledger, T0 + 60, SERIAL, shots, 1, &e, &s), 0);
	ck_assert_uint_eq(s.new_shots, 1);
	ck_assert_int_eq(s.outcome, LEDGER_UNCERTAIN);
	ck_assert_uint_eq(s.spent_nl, v.reserved_nl);
	ck_assert_uint_eq(s.incidents, 0);
	ck_assert(!s.quarantined);
	ck_assert_uint_eq(settled_of(&b), v.reserved_nl);
	/* told again, it changes nothing */
	records = (unsigned int)chain_length(b.ledger);
	ck_assert_int_eq(ledger_record(b.ledger, T0 + 90, SERIAL, shots, 1, &e, &s), 0);
	ck_assert_uint_eq(chain_length(b.ledger), records);
	/* and the gun may be armed again */
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
}
END_TEST

START_TEST(a_lost_gun_that_comes_back_with_more_is_an_incident_and_all_of_it_counts)
{
	struct meso_shot shots[3];
	struct ledger_settlement s;

	ck_assert_int_eq(ledger_close_lost(b.ledger, T0, v.lease_id, 0, "lost", NULL), 0);
	for (int i = 0; i < 3; i++)
		shots[i] = gun_fires(&b.gun, v.lease_id, 20000);
	ck_assert_int_eq(ledger_record(b.ledger, T0 + 60, SERIAL, shots, 3, NULL, &s), 0);
	ck_assert(s.quarantined);
	ck_assert_uint_gt(s.incidents, 0);
	ck_assert_uint_eq(settled_of(&b), 3 * UINT64_C(20020));
}
END_TEST

/* ------------------------------------------------------------ attribution */

static const uint8_t foreign[MESO_LEASE_ID_LEN] = "another ledger's";

static void fire_foreign(unsigned int shots)
{
	struct ledger_settlement s;
	struct meso_shot shot;

	for (unsigned int i = 0; i < shots; i++) {
		shot = gun_fires(&b.gun, foreign, 30000);
		ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, &s), 0);
		ck_assert(s.quarantined);
	}
}

static int attribute(int64_t now_s)
{
	return ledger_attribute_shots(b.ledger, now_s, SERIAL, foreign, &b.patient, 77,
				      "the other clinic says so", NULL);
}

START_TEST(shots_of_nobody_count_for_the_patient_they_are_attributed_to)
{
	struct ledger_id nobody = { { 1 } };

	ck_assert_int_eq(attribute(T0), -ENODATA);
	fire_foreign(2);
	ck_assert_uint_eq(settled_of(&b), 0);
	ck_assert_int_eq(ledger_attribute_shots(b.ledger, T0, SERIAL, foreign, &nobody, 77, "x",
						NULL),
			 -ENOENT);
	ck_assert_int_eq(ledger_attribute_shots(b.ledger, T0, "G-2", foreign, &b.patient, 77, "x",
						NULL),
			 -ENODATA);
	ck_assert_int_eq(attribute(T0 + 100), 0);
	ck_assert_uint_eq(settled_of(&b), 2 * UINT64_C(30020));
	ck_assert_int_eq(attribute(T0 + 100), -ENODATA);
	bench_reopen(&b);
	b.now_s = T0 + 100 + DAY - 1;
	ck_assert_uint_eq(settled_of(&b), 2 * UINT64_C(30020));
	b.now_s = T0 + 100 + DAY + 1;
	ck_assert_uint_eq(settled_of(&b), 0);
	/* more of that lease is more to be attributed, and the same again is none */
	fire_foreign(1);
	ck_assert_int_eq(attribute(b.now_s), 0);
	ck_assert_uint_eq(settled_of(&b), 30020);
	ck_assert_uint_eq(count_records(b.ledger, "attribution"), 2);
}
END_TEST

START_TEST(what_is_attributed_is_judged_with_the_next_request)
{
	b.limits.patient_24h_nl = (struct limit){ 100000, 100000 };
	fire_foreign(2);
	ck_assert_int_eq(ledger_close_lost(b.ledger, T0, v.lease_id, 0, "x", NULL), 0);
	ck_assert_int_eq(attribute(T0), 0);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 0, "looked at it", false), 0);
	/* 41 uL lost and 60 uL attributed: nothing of 100 uL is left */
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -EDQUOT);
}
END_TEST

START_TEST(an_attribution_says_whether_a_gun_may_be_armed_for_that_patient)
{
	struct ledger_id other;
	bool live = false;

	/* the reservation of the first patient is not settled */
	ck_assert_int_eq(add_patient(b.ledger, "P-2", &other), 0);
	fire_foreign(1);
	ck_assert_int_eq(ledger_attribute_shots(b.ledger, T0, SERIAL, foreign, &b.patient, 77, "x",
						&live),
			 0);
	ck_assert(live);
	fire_foreign(1);
	ck_assert_int_eq(
		ledger_attribute_shots(b.ledger, T0, SERIAL, foreign, &other, 77, "x", &live), 0);
	ck_assert(!live);
	live = true;
	ck_assert_int_eq(ledger_attribute_shots(b.ledger, T0, SERIAL, foreign, &other, 77, "x",
						&live),
			 -ENODATA);
	ck_assert(live);
}
END_TEST

START_TEST(an_attribution_dated_by_a_fast_clock_counts_from_its_confirmation)
{
	struct ledger_clock c = { .wall_s = T0 + 200, .offset_ns = 1 };
	struct ledger_clock_state state;

	fire_foreign(1);
	ck_assert_int_eq(attribute(T0 + 365 * DAY), 0);
	b.now_s = T0 + 200;
	ck_assert_uint_eq(settled_of(&b), 30020);
	ck_assert_int_eq(ledger_confirm_clock(b.ledger, &c, 0, "x", &state), 0);
	ck_assert_uint_eq(settled_of(&b), 30020);
	b.now_s = T0 + 200 + DAY + 1;
	ck_assert_uint_eq(settled_of(&b), 0);
}
END_TEST

START_TEST(a_quarantine_is_not_lifted_over_shots_of_nobody_unless_they_are_discarded)
{
	fire_foreign(2);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 77, "it is fine", false),
			 -EUNATCH);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 1);
	if (_i == 0)
		ck_assert_int_eq(attribute(T0), 0);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 77, "into a dish", _i == 1),
			 0);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 0);
	ck_assert_uint_eq(count_records(b.ledger, "attribution"), 1);
	ck_assert_uint_eq(settled_of(&b), _i == 0 ? 2 * UINT64_C(30020) : 0);
	/* which is for ever: nobody can attribute them afterwards */
	ck_assert_int_eq(attribute(T0), -ENODATA);
}
END_TEST

START_TEST(a_forged_attribution_or_loss_is_found)
{
	static const char *const forgeries[] = {
		"UPDATE attribution SET volume_nl = 1",
		"UPDATE attribution SET patient = NULL",
		"DELETE FROM attribution",
		"UPDATE lost SET reason = 'other'",
		"DELETE FROM lost",
	};

	fire_foreign(2);
	ck_assert_int_eq(ledger_close_lost(b.ledger, T0, v.lease_id, 0, "x", NULL), 0);
	ck_assert_int_eq(attribute(T0), 0);
	b.ledger = ledger_close(b.ledger);
	forget_digest(b.place.mark);
	tamper(&b.place, forgeries[_i]);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_CORRUPT);
}
END_TEST

/* ----------------------------------------------------------------- the list */

struct seen {
	unsigned int n[3];
};

static int see(const struct ledger_recovery *item, void *userdata)
{
	struct seen *seen = userdata;

	seen->n[item->kind]++;
	ck_assert_str_eq(item->serial, SERIAL);
	ck_assert_int_eq(item->time_s, T0);
	if (item->kind == LEDGER_RECOVER_LEASE) {
		ck_assert_mem_eq(item->lease_id, v.lease_id, sizeof(v.lease_id));
		ck_assert_mem_eq(&item->patient, &b.patient, sizeof(b.patient));
		ck_assert_uint_eq(item->volume_nl, v.reserved_nl);
	} else if (item->kind == LEDGER_RECOVER_SHOTS) {
		ck_assert_mem_eq(item->lease_id, foreign, sizeof(foreign));
		ck_assert_uint_eq(item->volume_nl, 2 * UINT64_C(30020));
		ck_assert_uint_eq(item->shots, 2);
	} else {
		ck_assert_str_eq(item->reason, "foreign-shot");
	}
	return 0;
}

START_TEST(what_may_need_an_administrator_is_listed_until_it_is_done)
{
	struct seen seen = { 0 };

	fire_foreign(2);
	ck_assert_int_eq(ledger_foreach_recovery(b.ledger, see, &seen), 0);
	ck_assert_uint_eq(seen.n[LEDGER_RECOVER_LEASE], 1);
	ck_assert_uint_eq(seen.n[LEDGER_RECOVER_GUN], 1);
	ck_assert_uint_eq(seen.n[LEDGER_RECOVER_SHOTS], 1);
	ck_assert_int_eq(ledger_close_lost(b.ledger, T0, v.lease_id, 0, "x", NULL), 0);
	ck_assert_int_eq(attribute(T0), 0);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 0, "x", false), 0);
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(ledger_foreach_recovery(b.ledger, see, &seen), 0);
	ck_assert_uint_eq(seen.n[0] + seen.n[1] + seen.n[2], 0);
}
END_TEST

START_TEST(a_disk_that_fails_leaves_none_of_an_act_or_all)
{
	unsigned int n, failed = 0;
	bool hit;

	fault_vfs_register();
	fire_foreign(1);
	for (n = 0;; n++) {
		unsigned int lost, settlements;
		int r;

		ledger_close(b.ledger);
		b.ledger = place_open_vfs(&b.place, FAULT_VFS);
		fault_vfs_arm(FAULT_FULL, n, true);
		r = ledger_close_lost(b.ledger, T0, v.lease_id, 0, "x", NULL);
		hit = fault_vfs_hit();
		fault_vfs_arm(FAULT_NONE, 0, false);
		lost = count_records(b.ledger, "lost");
		settlements = count_records(b.ledger, "settlement");
		ck_assert_uint_eq(lost, settlements);
		ck_assert_uint_eq(lost, r == 0);
		if (!hit)
			break;
		failed++;
		ck_assert_uint_eq(outstanding_of(&b), v.reserved_nl);
	}
	ck_assert_uint_gt(failed, 0);
	ledger_close(b.ledger);
	b.ledger = place_open(&b.place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_recover");
	TCase *t = tcase_create("recover");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_lease_of_a_lost_gun_stays_spent_in_full_and_says_who_closed_it);
	tcase_add_test(t, a_lease_that_was_settled_is_not_closed_as_lost);
	tcase_add_test(t, a_lost_gun_that_comes_back_is_recorded_and_frees_nothing);
	tcase_add_test(t, a_lost_gun_that_comes_back_with_more_is_an_incident_and_all_of_it_counts);
	tcase_add_test(t, shots_of_nobody_count_for_the_patient_they_are_attributed_to);
	tcase_add_test(t, what_is_attributed_is_judged_with_the_next_request);
	tcase_add_test(t, an_attribution_says_whether_a_gun_may_be_armed_for_that_patient);
	tcase_add_test(t, an_attribution_dated_by_a_fast_clock_counts_from_its_confirmation);
	tcase_add_loop_test(
		t, a_quarantine_is_not_lifted_over_shots_of_nobody_unless_they_are_discarded, 0, 2);
	tcase_add_loop_test(t, a_forged_attribution_or_loss_is_found, 0, 5);
	tcase_add_test(t, what_may_need_an_administrator_is_listed_until_it_is_done);
	tcase_add_test(t, a_disk_that_fails_leaves_none_of_an_act_or_all);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
