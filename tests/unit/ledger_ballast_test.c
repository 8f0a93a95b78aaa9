// SPDX-License-Identifier: GPL-2.0-only
/*
 * The room that is set aside: enough for what is under way, on a disk that is
 * really full; and nothing is reserved without it.
 */
#include <check.h>
#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "ledger_treatment.h"
#include "mesod_fixture.h"
#include "small_disk.h"

#define DISK  (48u << 20)
#define SHOTS 100u

static uint64_t size_of(const char *directory)
{
	struct stat st;
	char path[128];

	snprintf(path, sizeof(path), "%s/ledger.db-ballast", directory);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* With all that a mesod has by default. */
static struct ledger *open_default(const struct small_disk *disk)
{
	struct ledger_options options = { .now_s = T0 };
	char path[128], mark[128];
	struct ledger *l;

	snprintf(path, sizeof(path), "%s/ledger.db", disk->path);
	snprintf(mark, sizeof(mark), "%s/mark", disk->path);
	options.path = path;
	options.mark_path = mark;
	ck_assert_int_eq(ledger_open(&options, &l), 0);
	return l;
}

static void prepare(struct bench *b, const struct small_disk *disk)
{
	bench_prepare(b);
	b->ledger = open_default(disk);
	bench_begin(b);
}

START_TEST(a_lease_of_a_hundred_shots_is_recorded_and_settled_on_a_full_disk)
{
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct small_disk disk;
	struct bench b;
	uint64_t ballast;

	if (!small_disk_make(&disk, DISK))
		return;
	prepare(&b, &disk);
	/* As after a start: the log is empty, so that all of it must still find room. */
	ledger_close(b.ledger);
	b.ledger = open_default(&disk);
	ballast = size_of(disk.path);
	ck_assert_int_eq(bench_reserve(&b, 20000, SHOTS, &v), 0);
	small_disk_fill(&disk);
	/* One by one, which writes the most. */
	for (unsigned int i = 0; i < SHOTS; i++) {
		struct meso_shot shot = gun_fires(&b.gun, v.lease_id, 20000);

		ck_assert_msg(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, NULL) == 0,
			      "shot %u: %s", i, ledger_get_problem(b.ledger));
	}
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, NULL, 0, &e, &s), 0);
	ck_assert_msg(s.outcome == LEDGER_RELEASED, "%s", s.problem);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
	/* Half of it would have done: the rest is for other guns. */
	ck_assert_uint_eq(size_of(disk.path), 0);
	ck_assert_uint_gt(small_disk_free(&disk), ballast / 2);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_FULL);
	small_disk_fill(&disk);
	ck_assert_int_eq(ledger_look_for_room(b.ledger), -ENOSPC);
	ck_assert_uint_eq(size_of(disk.path), 0);
	small_disk_empty(&disk);
	ck_assert_int_eq(ledger_look_for_room(b.ledger), 0);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_OK);
	ck_assert_uint_eq(size_of(disk.path), ballast);
	ck_assert_uint_eq(count_records(b.ledger, "shot"), SHOTS);
	ck_assert_uint_eq(settled_of(&b), SHOTS * UINT64_C(20020));
	ledger_close(b.ledger);
	small_disk_remove(&disk);
}
END_TEST

static bool takes_records(const struct ledger *l)
{
	return ledger_get_state(l) == LEDGER_OK || ledger_get_state(l) == LEDGER_FULL;
}

/* The disk's files but for what fills it. */
static void copy_out(const struct small_disk *disk, const struct place *to)
{
	struct place from = { 0 };

	small_disk_empty(disk);
	snprintf(from.directory, sizeof(from.directory), "%s", disk->path);
	place_copy(&from, to);
}

START_TEST(a_ledger_that_is_opened_on_a_full_disk_records_and_reserves_nothing)
{
	struct ledger_reservation v;
	struct small_disk disk;
	struct meso_shot shot;
	struct place place;
	struct bench b;

	if (!small_disk_make(&disk, DISK))
		return;
	place_make(&place);
	prepare(&b, &disk);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ledger_close(b.ledger);
	small_disk_fill(&disk);
	b.ledger = open_default(&disk);
	/* The mark took the ballast's room, left its own, and the ballast was made again. */
	ck_assert_msg(takes_records(b.ledger), "%s", ledger_get_problem(b.ledger));
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, NULL), 0);
	b.gun.last_sequence = v.sequence;
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ENOSPC);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_FULL);
	/* Killed now, as it were: its mark must not speak of a file that has changed since. */
	copy_out(&disk, &place);
	ledger_close(b.ledger);
	b.ledger = place_open(&place);
	ck_assert_msg(ledger_get_state(b.ledger) == LEDGER_OK, "%s", ledger_get_problem(b.ledger));
	ck_assert_uint_eq(count_records(b.ledger, "shot"), 1);
	ledger_close(b.ledger);
	place_remove(&place);
	small_disk_remove(&disk);
}
END_TEST

START_TEST(a_reservation_never_takes_what_was_set_aside)
{
	struct ledger_reservation v;
	struct small_disk disk;
	struct bench b;
	uint64_t ballast;

	if (!small_disk_make(&disk, DISK))
		return;
	prepare(&b, &disk);
	ballast = size_of(disk.path);
	ck_assert_uint_gt(ballast, 0);
	small_disk_fill(&disk);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ENOSPC);
	ck_assert_int_eq(add_operator(b.ledger, 7), -ENOSPC);
	ck_assert_uint_eq(size_of(disk.path), ballast);
	/* What happened is recorded all the same. */
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "test", SERIAL, NULL, "text", true), 0);
	ck_assert_uint_eq(size_of(disk.path), 0);
	ledger_close(b.ledger);
	small_disk_remove(&disk);
}
END_TEST

/* Until nothing fits into its log any more either. */
static void fill_up(struct bench *b, const struct small_disk *disk)
{
	struct ledger_course course = bench_course(&b->patient, 7);
	int r = 0;

	small_disk_fill(disk);
	for (int i = 0; i < 1000 && r >= 0; i++)
		r = ledger_add_course(b->ledger, T0, &course, NULL, NULL);
	ck_assert_int_eq(r, -ENOSPC);
}

static struct ledger_hand_dose numbing(const struct bench *b)
{
	return (struct ledger_hand_dose){ .patient = b->patient,
					  .n_substances = 1,
					  .substances = { { "lidocaine", FORMULARY_NG, 5000 } },
					  .given_s = T0,
					  .day = moment(T0).day,
					  .uid = OPERATOR };
}

START_TEST(what_was_given_by_hand_is_recorded_on_a_full_disk_and_so_is_what_came_of_it)
{
	struct ledger_reaction reaction = { .uid = OPERATOR,
					    .kind = "bruising",
					    .severity = LEDGER_MILD };
	struct small_disk disk;
	struct bench b;
	int64_t number = 1;
	bool live = true;
	int r;

	if (!small_disk_make(&disk, DISK))
		return;
	prepare(&b, &disk);
	if (_i == 1) {
		struct ledger_hand_dose dose = numbing(&b);

		ck_assert_int_eq(ledger_add_hand_dose(b.ledger, T0, &dose, &number, NULL), 0);
	}
	fill_up(&b, &disk);
	ck_assert_uint_gt(size_of(disk.path), 0);
	if (_i == 0) {
		struct ledger_hand_dose dose = numbing(&b);

		r = ledger_add_hand_dose(b.ledger, T0, &dose, NULL, &live);
		ck_assert(!live);
	} else if (_i == 1) {
		r = ledger_correct_hand_dose(b.ledger, T0, number, NULL, OPERATOR, "not at all",
					     NULL, &live);
		ck_assert(!live);
	} else {
		reaction.session = b.session;
		r = ledger_add_reaction(b.ledger, T0, &reaction, NULL);
	}
	ck_assert_int_eq(r, 0);
	/* by the room that was set aside, so that nothing is reserved until it is there again */
	ck_assert_uint_eq(size_of(disk.path), 0);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_FULL);
	ck_assert_uint_eq(count_records(b.ledger, _i == 2 ? "reaction" : "hand-dose"),
			  _i == 1 ? 2 : 1);
	ledger_close(b.ledger);
	small_disk_remove(&disk);
}
END_TEST

START_TEST(an_assessment_takes_what_was_set_aside_only_if_it_may_stop_a_lease)
{
	struct ledger_assessment sick;
	struct ledger_reservation v;
	struct small_disk disk;
	struct bench b;
	bool live = false;

	if (!small_disk_make(&disk, DISK))
		return;
	prepare(&b, &disk);
	sick = bench_assessment(&b.patient);
	snprintf(sick.conditions, sizeof(sick.conditions), "%s", POLICY_PREGNANCY);
	if (_i == 1)
		ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	fill_up(&b, &disk);
	if (_i == 0) {
		ck_assert_int_eq(ledger_add_assessment(b.ledger, T0, &sick, NULL, &live), -ENOSPC);
		ck_assert_uint_gt(size_of(disk.path), 0);
	} else {
		ck_assert_int_eq(ledger_add_assessment(b.ledger, T0, &sick, NULL, &live), 0);
		ck_assert(live);
		ck_assert_uint_eq(size_of(disk.path), 0);
	}
	ledger_close(b.ledger);
	small_disk_remove(&disk);
}
END_TEST

START_TEST(without_room_set_aside_nothing_is_reserved)
{
	struct ledger_reservation v;
	char path[128], target[128];
	struct bench b;

	bench_start(&b);
	snprintf(path, sizeof(path), "%s/ledger.db-ballast", b.place.directory);
	snprintf(target, sizeof(target), "%s/elsewhere", b.place.directory);
	ck_assert_uint_eq(size_of(b.place.directory), FIXTURE_BALLAST);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ENOSPC);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_FULL);
	ck_assert_ptr_nonnull(strstr(ledger_get_problem(b.ledger), "ledger.db-ballast"));
	ck_assert_int_lt(access(target, F_OK), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_OK);
	ck_assert_uint_eq(size_of(b.place.directory), FIXTURE_BALLAST);
	bench_stop(&b);
}
END_TEST

START_TEST(a_mark_that_cannot_be_written_reserves_nothing_until_it_can)
{
	static const enum fault faults[] = { FAULT_IO, FAULT_FULL, FAULT_SHORT, FAULT_TORN,
					     FAULT_READ_ONLY };
	struct ledger_reservation v;
	struct treatment t;
	struct place place;

	fault_vfs_register();
	place_make(&place);
	treatment_prepare(&t, &place);
	fault_vfs_arm(FAULT_NONE, 0, false);
	t.b.ledger = place_open_vfs(&place, FAULT_VFS);
	for (size_t step = 0; step < TREATMENT_RESERVE; step++)
		ck_assert_int_eq(treatment_step(&t, step), 0);
	fault_vfs_arm(faults[_i], 0, true);
	ck_assert_int_lt(ledger_write_mark(t.b.ledger), 0);
	ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_FULL);
	ck_assert_ptr_nonnull(strstr(ledger_get_problem(t.b.ledger), "the mark"));
	ck_assert_int_eq(ledger_look_for_room(t.b.ledger), -ENOSPC);
	ck_assert_int_eq(bench_reserve(&t.b, 20000, 1, &v), -ENOSPC);
	fault_vfs_arm(FAULT_NONE, 0, false);
	ck_assert_int_eq(ledger_look_for_room(t.b.ledger), 0);
	ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_OK);
	ck_assert_int_eq(bench_reserve(&t.b, 20000, 1, &v), 0);
	ledger_close(t.b.ledger);
	place_remove(&place);
}
END_TEST

START_TEST(while_the_mark_has_a_digest_that_would_be_untrue_nothing_is_recorded)
{
	static const enum fault faults[] = { FAULT_IO, FAULT_FULL, FAULT_SHORT, FAULT_TORN,
					     FAULT_READ_ONLY };
	struct ledger_report before, after;
	struct treatment t;
	struct place place;

	fault_vfs_register();
	place_make(&place);
	treatment_prepare(&t, &place);
	fault_vfs_arm(FAULT_NONE, 0, false);
	for (size_t step = 0; step < TREATMENT_RESERVE; step++) {
		if (step == 0)
			t.b.ledger = place_open_vfs(&place, FAULT_VFS);
		ck_assert_int_eq(treatment_step(&t, step), 0);
	}
	ledger_close(t.b.ledger);
	t.b.ledger = place_open_vfs(&place, FAULT_VFS);
	ck_assert_int_eq(ledger_verify(t.b.ledger, &before), 0);
	fault_vfs_arm(faults[_i], 0, true);
	ck_assert_int_eq(add_operator(t.b.ledger, 77), -ENOSPC);
	ck_assert_int_eq(ledger_get_state(t.b.ledger), LEDGER_FULL);
	fault_vfs_arm(FAULT_NONE, 0, false);
	ck_assert_int_eq(ledger_verify(t.b.ledger, &after), 0);
	ck_assert_uint_eq(before.records, after.records);
	ck_assert_int_eq(ledger_look_for_room(t.b.ledger), 0);
	ck_assert_int_eq(add_operator(t.b.ledger, 77), 0);
	ledger_close(t.b.ledger);
	place_remove(&place);
}
END_TEST

START_TEST(a_ballast_that_has_only_its_size_is_set_aside_anew)
{
	struct bench b;
	struct stat st;
	char path[128];
	int fd;

	bench_start(&b);
	snprintf(path, sizeof(path), "%s/ledger.db-ballast", b.place.directory);
	b.ledger = ledger_close(b.ledger);
	fd = open(path, O_WRONLY | O_TRUNC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, FIXTURE_BALLAST), 0);
	close(fd);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_lt(st.st_blocks, FIXTURE_BALLAST / 512);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_ge(st.st_blocks, FIXTURE_BALLAST / 512);
	bench_stop(&b);
}
END_TEST

START_TEST(a_daemon_on_a_full_disk_settles_answers_and_arms_when_there_is_room)
{
	struct mesod_fixture f;
	struct small_disk disk;
	char *state;
	int r = -1;

	if (!small_disk_make(&disk, DISK))
		return;
	mesod_fixture_start(&f, NULL);
	mesod_fixture_signal(&f, SIGTERM);
	f.state = disk.path;
	snprintf(f.mark, sizeof(f.mark), "%s/mark", disk.path);
	mesod_fixture_run_daemon(&f);
	mesod_fixture_register(&f);
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 2);
	small_disk_fill(&disk);
	mesod_fixture_shoot(&f);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert(f.last_settled);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	small_disk_fill(&disk);
	ck_assert_int_lt(mesod_fixture_try_arm(&f, 20000, 1, 2000, NULL), 0);
	mesod_fixture_assert_answers(&f);
	state = mesod_fixture_text(&f, ROOT, MANAGER, "State");
	ck_assert_str_eq(state, "degraded");
	free(state);
	small_disk_empty(&disk);
	for (int i = 0; i < 50 && r < 0; i++) {
		gun_fixture_sleep_ms(100);
		r = mesod_fixture_try_arm(&f, 20000, 1, 2000, NULL);
	}
	ck_assert_int_ge(r, 0);
	mesod_fixture_shoot(&f);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_close_session(&f);
	mesod_fixture_stop(&f);
	small_disk_remove(&disk);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_ballast");
	TCase *t = tcase_create("ballast");
	SRunner *runner;
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_lease_of_a_hundred_shots_is_recorded_and_settled_on_a_full_disk);
	tcase_add_test(t, a_ledger_that_is_opened_on_a_full_disk_records_and_reserves_nothing);
	tcase_add_test(t, a_reservation_never_takes_what_was_set_aside);
	tcase_add_loop_test(
		t, what_was_given_by_hand_is_recorded_on_a_full_disk_and_so_is_what_came_of_it, 0,
		3);
	tcase_add_loop_test(t, an_assessment_takes_what_was_set_aside_only_if_it_may_stop_a_lease,
			    0, 2);
	tcase_add_test(t, without_room_set_aside_nothing_is_reserved);
	tcase_add_loop_test(t, a_mark_that_cannot_be_written_reserves_nothing_until_it_can, 0, 5);
	tcase_add_loop_test(t, while_the_mark_has_a_digest_that_would_be_untrue_nothing_is_recorded,
			    0, 5);
	tcase_add_test(t, a_ballast_that_has_only_its_size_is_set_aside_anew);
	tcase_add_test(t, a_daemon_on_a_full_disk_settles_answers_and_arms_when_there_is_room);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
