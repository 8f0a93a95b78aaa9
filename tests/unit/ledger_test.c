// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's books: reservations, and each shot exactly once.
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

static const struct policy_verdict *verdict(const char *rule)
{
	for (size_t i = 0; i < POLICY_RULES; i++)
		if (strcmp(b.verdicts[i].rule, rule) == 0)
			return &b.verdicts[i];
	ck_abort_msg("no verdict of rule %s", rule);
	return NULL;
}

static struct ledger_settlement record(const struct meso_shot *shots, size_t n,
				       const struct ledger_evidence *e)
{
	struct ledger_settlement s;

	ck_assert_int_eq(ledger_record(b.ledger, b.now_s, SERIAL, shots, n, e, &s), 0);
	return s;
}

/* ------------------------------------------------------------ reservation */

START_TEST(a_reservation_is_durable_before_it_is_answered)
{
	struct ledger_outstanding o;
	struct ledger_reservation v;

	ck_assert_int_eq(bench_reserve(&b, 20000, 20, &v), 0);
	ck_assert_uint_eq(v.volume_nl, 400000);
	ck_assert_uint_eq(v.reserved_nl, 401000);
	bench_reopen(&b);
	ck_assert_int_eq(ledger_get_outstanding(b.ledger, SERIAL, &o), 0);
	ck_assert_mem_eq(o.lease_id, v.lease_id, sizeof(v.lease_id));
	ck_assert_uint_eq(o.reserved_nl, 401000);
	ck_assert_uint_eq(o.epoch, EPOCH);
	ck_assert_uint_eq(o.boot_id, BOOT);
	ck_assert_uint_eq(outstanding_of(&b), 401000);
}
END_TEST

START_TEST(a_reservation_is_one_commit_and_so_is_the_settlement_of_a_hundred_shots)
{
	struct ledger_reservation v;
	struct meso_shot shots[100];
	struct ledger_evidence e;
	uint64_t commits;

	commits = ledger_get_commits(b.ledger);
	ck_assert_int_eq(bench_reserve(&b, 2000, 100, &v), 0);
	ck_assert_uint_eq(ledger_get_commits(b.ledger), commits + 1);
	for (size_t i = 0; i < 100; i++)
		shots[i] = gun_fires(&b.gun, v.lease_id, 2000);
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(record(shots, 100, &e).outcome, LEDGER_RELEASED);
	ck_assert_uint_eq(ledger_get_commits(b.ledger), commits + 2);
}
END_TEST

START_TEST(a_lease_id_carries_the_ledger_and_is_never_the_same)
{
	struct ledger_reservation v[2];
	struct ledger_evidence e;
	struct ledger_id id;

	ledger_get_id(b.ledger, &id);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v[0]), 0);
	e = (struct ledger_evidence){ .never_armed = true };
	memcpy(e.lease_id, v[0].lease_id, sizeof(e.lease_id));
	ck_assert_int_eq(record(NULL, 0, &e).outcome, LEDGER_RELEASED);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v[1]), 0);
	ck_assert_mem_eq(v[0].lease_id, id.bytes, 8);
	ck_assert_mem_eq(v[1].lease_id, id.bytes, 8);
	ck_assert_mem_ne(v[0].lease_id + 8, v[1].lease_id + 8, 8);
}
END_TEST

START_TEST(the_sequence_rises_above_what_gun_and_ledger_have_seen)
{
	struct ledger_reservation v;
	struct ledger_evidence e = { .never_armed = true };
	uint64_t before;

	b.gun.last_sequence = 70;
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ck_assert_uint_eq(v.sequence, 71);
	memcpy(e.lease_id, v.lease_id, sizeof(e.lease_id));
	record(NULL, 0, &e);
	before = v.sequence;
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ck_assert_uint_gt(v.sequence, before);
}
END_TEST

START_TEST(the_host_mark_names_the_reservation_it_goes_with)
{
	struct meso_host_mark mark;
	struct ledger_reservation v;
	struct ledger_id id;

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ledger_get_id(b.ledger, &id);
	ck_assert_mem_eq(v.mark.ledger, id.bytes, sizeof(id.bytes));
	ck_assert_uint_eq(v.mark.sequence, chain_length(b.ledger));
	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &mark), 0);
	ck_assert_mem_eq(&mark, &v.mark, sizeof(mark));
	ck_assert_int_eq(ledger_see_gun(b.ledger, b.now_s, &b.gun, &mark), 0);
}
END_TEST

START_TEST(a_refused_dose_writes_nothing_and_tells_every_verdict)
{
	struct ledger_reservation v = { .sequence = 99 };
	uint64_t commits = ledger_get_commits(b.ledger), length = chain_length(b.ledger);

	ck_assert_int_eq(bench_reserve(&b, 150000, 2, &v), -EDQUOT);
	ck_assert_uint_eq(v.sequence, 99);
	ck_assert_uint_eq(ledger_get_commits(b.ledger), commits);
	ck_assert_uint_eq(chain_length(b.ledger), length);
	ck_assert_uint_eq(outstanding_of(&b), 0);
	ck_assert_str_eq(b.verdicts[0].rule, "shot-volume");
	ck_assert_int_eq(b.verdicts[0].severity, POLICY_HARD);
	ck_assert_int_eq(verdict("depth")->severity, POLICY_OK);
}
END_TEST

START_TEST(a_soft_limit_is_passed_with_a_reason_which_is_recorded_and_a_hard_one_never)
{
	struct ledger_order o = bench_order(&b, 60000, 1);
	struct ledger_reservation v;

	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), -EDQUOT);
	ck_assert_int_eq(b.verdicts[0].severity, POLICY_SOFT);
	o.override = "";
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), -EDQUOT);
	o.override = "thick scar tissue";
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), 0);
	o.request.dose_nl = 110000;
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), -EBUSY);
}
END_TEST

static int find_override(const struct ledger_record *record, void *userdata)
{
	bool *found = userdata;

	for (size_t i = 0; i < record->n_fields; i++)
		if (strcmp(record->fields[i].name, "override_rules") == 0 &&
		    record->fields[i].type == LEDGER_TEXT)
			*found = strcmp(record->fields[i].text, "shot-volume") == 0;
	return 0;
}

START_TEST(an_override_names_the_rules_it_passed)
{
	struct ledger_order o = bench_order(&b, 60000, 1);
	struct ledger_reservation v;
	bool found = false;

	o.override = "thick scar tissue";
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), 0);
	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, 1000, find_override, &found), 0);
	ck_assert(found);
}
END_TEST

START_TEST(what_is_outstanding_counts_until_the_last_nanolitre)
{
	struct ledger_reservation v;
	struct ledger_order o;

	b.limits.session_nl = (struct limit){ 100000, 100000 };
	/* 99 uL and 1 uL of overshoot just fit, a step more does not. */
	o = bench_order(&b, 9900, 10);
	o.request.overshoot_nl = 1001;
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), -EDQUOT);
	ck_assert_uint_eq(verdict("session-volume")->asked, 100001);
	o.request.overshoot_nl = 1000;
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), 0);
	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, b.session, &o.request, b.verdicts),
			 POLICY_HARD);
	ck_assert_uint_eq(verdict("session-volume")->spent, 100000);
	ck_assert_uint_eq(verdict("session-volume")->allowed, 0);
}
END_TEST

START_TEST(check_says_what_reserve_would_and_leaves_no_trace)
{
	struct ledger_order o = bench_order(&b, 20000, 20);
	uint64_t commits = ledger_get_commits(b.ledger);

	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, b.session, &o.request, b.verdicts),
			 POLICY_OK);
	/* in no session there is no syringe, which is all that there is to find fault with */
	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, 0, &o.request, b.verdicts),
			 POLICY_HARD);
	ck_assert_str_eq(b.verdicts[0].rule, "preparation-known");
	ck_assert_str_eq(b.verdicts[1].rule, "cartridge");
	ck_assert_int_lt(b.verdicts[2].severity, POLICY_HARD);
	o.request.depth_um = 4001;
	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, 0, &o.request, b.verdicts),
			 POLICY_HARD);
	memset(o.request.patient, 9, sizeof(o.request.patient));
	ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, 0, &o.request, b.verdicts),
			 -ENOENT);
	ck_assert_uint_eq(ledger_get_commits(b.ledger), commits);
	ck_assert_uint_eq(outstanding_of(&b), 0);
}
END_TEST

START_TEST(the_last_ten_microlitres_go_to_one_of_many)
{
	unsigned int granted = 0;

	/* The patient has 10 uL left; 64 guns ask for them, each from its own session in turn. */
	b.limits.patient_24h_nl = (struct limit){ 10000, 10000 };
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "test"), 0);
	for (int i = 0; i < 64; i++) {
		struct ledger_reservation v;
		struct ledger_order o;
		char serial[16];

		snprintf(serial, sizeof(serial), "R-%d", i);
		b.gun.serial = serial;
		bench_open_session(&b);
		o = bench_order(&b, 9000, 1);
		if (ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts) == 0)
			granted++;
		ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "test"), 0);
	}
	ck_assert_uint_eq(granted, 1);
	ck_assert_uint_eq(outstanding_of(&b), 10000);
}
END_TEST

START_TEST(a_gun_has_one_lease_at_a_time)
{
	struct ledger_reservation v;

	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -EBUSY);
	ck_assert_uint_eq(outstanding_of(&b), 21000);
}
END_TEST

START_TEST(a_reservation_needs_an_open_session_on_that_gun_for_that_patient)
{
	struct ledger_order o = bench_order(&b, 20000, 1);
	struct ledger_reservation v;
	struct ledger_id other;

	ck_assert_int_eq(add_patient(b.ledger, "P-2", &other), 0);
	memcpy(o.request.patient, other.bytes, sizeof(o.request.patient));
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), -EDQUOT);
	ck_assert_str_eq(b.verdicts[0].rule, "one-patient");

	o = bench_order(&b, 20000, 1);
	o.gun.serial = "G-2";
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), -EXDEV);
	o = bench_order(&b, 20000, 1);
	o.session += 1000;
	ck_assert_int_eq(ledger_reserve(b.ledger, &now, &b.basis, &o, &v, b.verdicts), -ENOENT);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ENOENT);
}
END_TEST

/* ----------------------------------------------------------- exactly once */

START_TEST(every_shot_counts_once_however_often_and_in_whatever_order_it_is_told)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct meso_shot shots[5];
	struct ledger_shots sum;
	uint64_t commits;

	ck_assert_int_eq(bench_reserve(&b, 20000, 5, &v), 0);
	for (size_t i = 0; i < 5; i++)
		shots[i] = gun_fires(&b.gun, v.lease_id, 20000);
	/* out of order, and the same one twice in one report */
	ck_assert_uint_eq(record(&shots[3], 1, NULL).new_shots, 1);
	ck_assert_uint_eq(
		record((struct meso_shot[]){ shots[1], shots[0], shots[1] }, 3, NULL).new_shots, 2);
	ck_assert_uint_eq(record(shots, 5, NULL).new_shots, 2);
	commits = ledger_get_commits(b.ledger);
	for (int i = 0; i < 3; i++) {
		/* the kernel hears of it again after a reload: that is not part of the shot */
		shots[i].received_ns += 1000;
		s = record(shots, 5, NULL);
		ck_assert_uint_eq(s.new_shots, 0);
		ck_assert_uint_eq(s.incidents, 0);
	}
	ck_assert_uint_eq(ledger_get_commits(b.ledger), commits);
	ck_assert_int_eq(ledger_get_shots(b.ledger, SERIAL, EPOCH, &sum), 0);
	ck_assert_uint_eq(sum.count, 5);
	ck_assert_uint_eq(sum.newest, b.gun.shot_count);
	ck_assert_uint_eq(sum.sum_reported_nl, 100000);
	ck_assert_uint_eq(sum.sum_nl, 5 * UINT64_C(20020));
}
END_TEST

START_TEST(reports_replayed_after_the_settlement_change_nothing)
{
	struct ledger_reservation v;
	struct meso_shot shots[3];
	struct ledger_evidence e;
	uint64_t commits;

	ck_assert_int_eq(bench_reserve(&b, 20000, 3, &v), 0);
	for (size_t i = 0; i < 3; i++)
		shots[i] = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(record(shots, 3, &e).outcome, LEDGER_RELEASED);
	commits = ledger_get_commits(b.ledger);
	for (int i = 0; i < 3; i++) {
		struct ledger_settlement s = record(shots, 3, &e);

		ck_assert_int_eq(s.outcome, LEDGER_RELEASED);
		ck_assert_uint_eq(s.spent_nl, 3 * UINT64_C(20020));
	}
	bench_reopen(&b);
	record(shots, 3, &e);
	ck_assert_uint_eq(ledger_get_commits(b.ledger), 0);
	ck_assert_uint_gt(commits, 0);
	ck_assert_uint_eq(settled_of(&b), 3 * UINT64_C(20020));
}
END_TEST

START_TEST(the_same_shot_with_other_content_is_an_incident_once_and_quarantines_the_gun)
{
	static const size_t places[] = {
		offsetof(struct meso_shot, asked_nl),     offsetof(struct meso_shot, reported_nl),
		offsetof(struct meso_shot, displaced_nl), offsetof(struct meso_shot, displaced2_nl),
		offsetof(struct meso_shot, depth_um),     offsetof(struct meso_shot, peak_pa),
		offsetof(struct meso_shot, result),       offsetof(struct meso_shot, kind),
		offsetof(struct meso_shot, flags),        offsetof(struct meso_shot, duration_us),
		offsetof(struct meso_shot, total_nl),     offsetof(struct meso_shot, lease_id),
	};
	size_t place = places[_i];
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct meso_shot shot, other;

	ck_assert_int_eq(bench_reserve(&b, 20000, 5, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	record(&shot, 1, NULL);
	other = shot;
	((uint8_t *)&other)[place] ^= 1;
	s = record(&other, 1, NULL);
	ck_assert_uint_eq(s.new_shots, 0);
	ck_assert_uint_eq(s.incidents, 1);
	ck_assert(s.quarantined);
	for (int i = 0; i < 3; i++)
		ck_assert_uint_eq(record(&other, 1, NULL).incidents, 0);
	ck_assert_uint_eq(count_records(b.ledger, "incident"), 1);
	ck_assert_uint_eq(count_records(b.ledger, "shot"), 1);
}
END_TEST

START_TEST(the_same_number_in_another_epoch_is_another_shot)
{
	struct ledger_reservation v;
	struct ledger_shots sum;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 5, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	record(&shot, 1, NULL);
	shot.epoch++;
	/* The lease was given to a gun with the other memory: nobody's shot. */
	ck_assert(record(&shot, 1, NULL).quarantined);
	ck_assert_int_eq(ledger_get_shots(b.ledger, SERIAL, shot.epoch, &sum), 0);
	ck_assert_uint_eq(sum.count, 1);
}
END_TEST

START_TEST(shots_under_a_foreign_lease_are_kept_and_never_settle)
{
	uint8_t foreign[MESO_LEASE_ID_LEN] = { 1, 2, 3 };
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shots[2];

	shots[0] = gun_fires(&b.gun, foreign, 20000);
	shots[1] = gun_fires(&b.gun, foreign, 20000);
	s = record(shots, 2, NULL);
	ck_assert_uint_eq(s.new_shots, 2);
	ck_assert_uint_eq(s.incidents, 1);
	ck_assert(s.quarantined);
	e = evidence_of(&b.gun, foreign);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, shots, 2, &e, &s), -ENOENT);
	ck_assert_uint_eq(count_records(b.ledger, "shot"), 2);
	ck_assert_uint_eq(count_records(b.ledger, "settlement"), 0);
}
END_TEST

START_TEST(a_shot_under_another_guns_lease_is_nobodys)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 5, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	ck_assert_int_eq(ledger_record(b.ledger, T0, "G-2", &shot, 1, NULL, &s), 0);
	ck_assert(s.quarantined);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, "G-2"), 1);
	ck_assert_int_eq(ledger_is_quarantined(b.ledger, SERIAL), 0);
}
END_TEST

START_TEST(shots_that_cannot_be_are_incidents)
{
	struct ledger_reservation v;
	struct meso_shot shot;

	ck_assert_int_eq(bench_reserve(&b, 20000, 5, &v), 0);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	if (_i == 0)
		shot.number = 0;
	else if (_i == 1)
		shot.number = UINT64_MAX;
	else if (_i == 2)
		shot.total_nl = UINT64_MAX;
	else if (_i == 3)
		shot.number = 40; /* older than its lease */
	else
		shot.kind = MESO_KIND_PRIME;
	ck_assert(record(&shot, 1, NULL).quarantined);
	ck_assert_uint_eq(count_records(b.ledger, "incident"), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *t = tcase_create("books");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_reservation_is_durable_before_it_is_answered);
	tcase_add_test(t, a_reservation_is_one_commit_and_so_is_the_settlement_of_a_hundred_shots);
	tcase_add_test(t, a_lease_id_carries_the_ledger_and_is_never_the_same);
	tcase_add_test(t, the_sequence_rises_above_what_gun_and_ledger_have_seen);
	tcase_add_test(t, the_host_mark_names_the_reservation_it_goes_with);
	tcase_add_test(t, a_refused_dose_writes_nothing_and_tells_every_verdict);
	tcase_add_test(t,
		       a_soft_limit_is_passed_with_a_reason_which_is_recorded_and_a_hard_one_never);
	tcase_add_test(t, an_override_names_the_rules_it_passed);
	tcase_add_test(t, what_is_outstanding_counts_until_the_last_nanolitre);
	tcase_add_test(t, check_says_what_reserve_would_and_leaves_no_trace);
	tcase_add_test(t, the_last_ten_microlitres_go_to_one_of_many);
	tcase_add_test(t, a_gun_has_one_lease_at_a_time);
	tcase_add_test(t, a_reservation_needs_an_open_session_on_that_gun_for_that_patient);
	tcase_add_test(t, every_shot_counts_once_however_often_and_in_whatever_order_it_is_told);
	tcase_add_test(t, reports_replayed_after_the_settlement_change_nothing);
	tcase_add_loop_test(
		t, the_same_shot_with_other_content_is_an_incident_once_and_quarantines_the_gun, 0,
		12);
	tcase_add_test(t, the_same_number_in_another_epoch_is_another_shot);
	tcase_add_test(t, shots_under_a_foreign_lease_are_kept_and_never_settle);
	tcase_add_test(t, a_shot_under_another_guns_lease_is_nobodys);
	tcase_add_loop_test(t, shots_that_cannot_be_are_incidents, 0, 5);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
