// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ledger that is missing, damaged, old, full or somebody else's: it says so,
 * goes on reading where it can, writes nothing, and is never made anew.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger_fixture.h"
#include "ledger_internal.h"

static struct bench b;

static void setup(void)
{
	bench_start(&b);
	bench_treat(&b, 20000, 2);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, b.session, "done"), 0);
}

static void teardown(void)
{
	bench_stop(&b);
}

static void expect_state(enum ledger_state state)
{
	ck_assert_msg(ledger_get_state(b.ledger) == state, "%s: %s",
		      ledger_state_name(ledger_get_state(b.ledger)), ledger_get_problem(b.ledger));
	ck_assert(state == LEDGER_OK || ledger_get_problem(b.ledger)[0]);
}

/* Every function that writes. */
static void expect_no_writing(int error)
{
	struct ledger_reservation v;
	struct meso_host_mark mark;
	struct meso_shot shot = { .epoch = EPOCH, .number = 1 };
	int64_t session;

	ck_assert_int_eq(add_operator(b.ledger, 7), error);
	ck_assert_int_eq(add_patient(b.ledger, "P-7", NULL), error);
	ck_assert_int_eq(ledger_open_session(b.ledger, T0, "2027-01-15", &b.patient, SERIAL,
					     OPERATOR, &session),
			 error);
	ck_assert_int_eq(ledger_close_session(b.ledger, T0, 1, "x"), error);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), error);
	ck_assert_int_eq(ledger_record(b.ledger, T0, SERIAL, &shot, 1, NULL, NULL), error);
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, NULL), error);
	ck_assert_int_eq(ledger_lift_quarantine(b.ledger, T0, &b.gun, 0, "x", false), error);
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "x", SERIAL, NULL, "x", false), error);
	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &mark), error);
	ck_assert_int_eq(ledger_write_mark(b.ledger), error);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ------------------------------------------------------------------- new */

START_TEST(a_new_ledger_is_the_owners_alone_and_leaves_a_mark)
{
	struct stat st;

	ck_assert_int_eq(stat(b.place.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(b.place.mark, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	expect_state(LEDGER_OK);
}
END_TEST

START_TEST(a_closed_ledger_is_one_file_and_opens_as_it_was)
{
	char wal[100], shm[100];
	uint64_t length = chain_length(b.ledger);
	struct ledger_id before, after;

	snprintf(wal, sizeof(wal), "%s-wal", b.place.path);
	snprintf(shm, sizeof(shm), "%s-shm", b.place.path);
	ck_assert(exists(wal));
	ck_assert(!exists(shm));
	ledger_get_id(b.ledger, &before);
	b.ledger = ledger_close(b.ledger);
	ck_assert(!exists(wal));
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_OK);
	ledger_get_id(b.ledger, &after);
	ck_assert_mem_eq(&before, &after, sizeof(before));
	ck_assert_uint_eq(chain_length(b.ledger), length);
	ck_assert_uint_eq(settled_of(&b), 2 * UINT64_C(20020));
}
END_TEST

START_TEST(two_ledgers_are_two)
{
	struct ledger_id one, two;
	struct place place;
	struct ledger *l;

	place_make(&place);
	l = place_open(&place);
	ledger_get_id(b.ledger, &one);
	ledger_get_id(l, &two);
	ck_assert_mem_ne(&one, &two, sizeof(one));
	ledger_close(l);
	place_remove(&place);
}
END_TEST

START_TEST(no_directory_is_made)
{
	struct ledger_options o = { .path = "/nonexistent/meso/ledger.db", .now_s = T0 };
	struct ledger *l = NULL;

	ck_assert_int_eq(ledger_open(&o, &l), 0);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_FAILED);
	ck_assert(!exists("/nonexistent"));
	ledger_close(l);
	o.path = "";
	ck_assert_int_eq(ledger_open(&o, &l), -EINVAL);
}
END_TEST

/* --------------------------------------------------- missing, empty, alien */

START_TEST(a_missing_ledger_is_not_made_anew)
{
	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(unlink(b.place.path), 0);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_FAILED);
	expect_no_writing(-EIO);
	ck_assert(!exists(b.place.path));
}
END_TEST

START_TEST(an_emptied_ledger_is_not_made_anew)
{
	static const char *const schemas[] = { NULL, "", "PRAGMA user_version = 1" };

	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(truncate(b.place.path, 0), 0);
	if (schemas[_i])
		tamper(&b.place, schemas[_i]);
	b.ledger = place_open(&b.place);
	ck_assert_int_ne(ledger_get_state(b.ledger), LEDGER_OK);
	ck_assert_int_lt(add_operator(b.ledger, 7), 0);
}
END_TEST

START_TEST(what_is_no_ledger_is_left_alone)
{
	static const char text[] = "patient,dose\n";
	char read_back[sizeof(text)] = "";
	int fd;

	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(unlink(b.place.path), 0);
	ck_assert_int_eq(unlink(b.place.mark), 0);
	if (_i == 0) {
		fd = open(b.place.path, O_RDWR | O_CREAT, 0600);
		ck_assert_int_eq(write(fd, text, sizeof(text)), sizeof(text));
		close(fd);
	} else if (_i == 1) {
		tamper(&b.place, "CREATE TABLE other(x)");
	} else if (_i == 2) {
		ck_assert_int_eq(symlink("/dev/null", b.place.path), 0);
	} else {
		ck_assert_int_eq(mkdir(b.place.path, 0700), 0);
	}
	b.ledger = place_open(&b.place);
	ck_assert_int_ne(ledger_get_state(b.ledger), LEDGER_OK);
	ck_assert_int_lt(add_operator(b.ledger, 7), 0);
	b.ledger = ledger_close(b.ledger);
	if (_i == 0) {
		fd = open(b.place.path, O_RDONLY);
		ck_assert_int_eq(read(fd, read_back, sizeof(read_back)), sizeof(read_back));
		ck_assert_str_eq(read_back, text);
		close(fd);
	} else if (_i == 3) {
		ck_assert_int_eq(rmdir(b.place.path), 0);
	}
	if (_i == 3 || _i == 2)
		unlink(b.place.path);
	b.ledger = place_open(&b.place);
}
END_TEST

START_TEST(a_ledger_from_the_future_is_read_only)
{
	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(unlink(b.place.mark), 0);
	tamper(&b.place, "PRAGMA user_version = 3");
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_FAILED);
	expect_no_writing(-EIO);
}
END_TEST

START_TEST(a_ledger_has_one_master)
{
	struct ledger *second = place_open(&b.place);

	ck_assert_int_eq(ledger_get_state(second), LEDGER_FAILED);
	ck_assert_int_eq(add_operator(second, 7), -EIO);
	ledger_close(second);
	expect_state(LEDGER_OK);
	ck_assert_int_eq(add_operator(b.ledger, 7), 0);
}
END_TEST

/* --------------------------------------------------------------- rollback */

START_TEST(yesterdays_file_is_noticed_by_the_mark)
{
	struct place yesterday;

	place_make(&yesterday);
	b.ledger = ledger_close(b.ledger);
	place_copy(&b.place, &yesterday);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(add_operator(b.ledger, 7), 0);
	b.ledger = ledger_close(b.ledger);
	/* the database goes back, the mark on another path does not; with and without its digest */
	ck_assert_int_eq(unlink(yesterday.mark), 0);
	ck_assert_int_eq(rename(b.place.mark, yesterday.mark), 0);
	if (_i == 1)
		forget_digest(yesterday.mark);
	place_copy(&yesterday, &b.place);
	b.ledger = place_open(&b.place);
	if (_i == 1) {
		struct ledger_patient p;

		expect_state(LEDGER_ROLLED_BACK);
		expect_no_writing(-EROFS);
		ck_assert_int_eq(ledger_get_patient(b.ledger, "P-1", &p), 0);
	} else {
		expect_state(LEDGER_CORRUPT);
		expect_no_writing(-EBADMSG);
	}
	place_remove(&yesterday);
}
END_TEST

START_TEST(an_old_copy_that_went_on_is_noticed_by_the_mark)
{
	struct place fork;

	place_make(&fork);
	ck_assert_int_eq(ledger_write_mark(b.ledger), 0);
	b.ledger = ledger_close(b.ledger);
	place_copy(&b.place, &fork);
	b.ledger = place_open(&b.place);
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_int_eq(add_operator(b.ledger, 70 + i), 0);
	b.ledger = ledger_close(b.ledger);
	/* elsewhere the copy goes on, further than the original */
	{
		struct ledger *l = place_open(&fork);

		for (uint32_t i = 0; i < 9; i++)
			ck_assert_int_eq(add_operator(l, 170 + i), 0);
		ledger_close(l);
	}
	ck_assert_int_eq(rename(fork.path, b.place.path), 0);
	forget_digest(b.place.mark);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_ROLLED_BACK);
	place_remove(&fork);
}
END_TEST

START_TEST(a_crash_leaves_the_database_ahead_of_the_mark_and_that_is_fine)
{
	struct place copy;
	uint64_t length;

	place_make(&copy);
	ck_assert_int_eq(ledger_write_mark(b.ledger), 0);
	ck_assert_int_eq(add_operator(b.ledger, 7), 0);
	length = chain_length(b.ledger);
	/* what a dead process leaves: database, log and the older mark */
	place_copy(&b.place, &copy);
	b.ledger = ledger_close(b.ledger);
	place_copy(&copy, &b.place);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_OK);
	ck_assert_uint_eq(chain_length(b.ledger), length);
	place_remove(&copy);
}
END_TEST

/* Of a clean close. */
static bool mark_has_digest(const char *path)
{
	char text[512] = "";
	FILE *file = fopen(path, "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	return strcmp(strrchr(text, ' '), " -\n") != 0;
}

START_TEST(a_ledger_that_is_only_read_keeps_the_mark_of_its_clean_close)
{
	struct ledger_report report;
	struct stat before, after;
	struct place copy;

	place_make(&copy);
	b.ledger = ledger_close(b.ledger);
	ck_assert(mark_has_digest(b.place.mark));
	ck_assert_int_eq(stat(b.place.mark, &before), 0);
	b.ledger = place_open(&b.place);
	ck_assert_uint_gt(settled_of(&b), 0);
	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	/* what a dead process leaves */
	place_copy(&b.place, &copy);
	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(stat(b.place.mark, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	for (int i = 0; i < 2; i++) {
		b.ledger = place_open(&b.place);
		expect_state(LEDGER_OK);
		b.ledger = ledger_close(b.ledger);
		place_copy(&copy, &b.place);
	}
	b.ledger = place_open(&b.place);
	place_remove(&copy);
}
END_TEST

START_TEST(the_first_record_takes_the_digest_out_of_the_mark)
{
	struct place copy;

	place_make(&copy);
	bench_reopen(&b);
	ck_assert(mark_has_digest(b.place.mark));
	ck_assert_int_eq(add_operator(b.ledger, 7), 0);
	ck_assert(!mark_has_digest(b.place.mark));
	place_copy(&b.place, &copy);
	b.ledger = ledger_close(b.ledger);
	ck_assert(mark_has_digest(b.place.mark));
	place_copy(&copy, &b.place);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_OK);
	place_remove(&copy);
}
END_TEST

START_TEST(a_lost_write_ahead_log_is_noticed_by_the_mark)
{
	struct place copy;
	char wal[100];

	place_make(&copy);
	snprintf(wal, sizeof(wal), "%s-wal", copy.path);
	b.ledger = ledger_close(b.ledger);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(add_operator(b.ledger, 7), 0);
	ck_assert_int_eq(ledger_write_mark(b.ledger), 0);
	place_copy(&b.place, &copy);
	ck_assert_int_eq(unlink(wal), 0);
	b.ledger = ledger_close(b.ledger);
	place_copy(&copy, &b.place);
	b.ledger = place_open(&b.place);
	expect_state(LEDGER_ROLLED_BACK);
	place_remove(&copy);
}
END_TEST

START_TEST(a_mark_that_is_gone_malformed_or_anothers_stops_everything)
{
	static const char *const texts[] = {
		"",
		"meso-ledger-mark 1\n",
		"garbage\n",
		("meso-ledger-mark 1 00000000000000000000000000000000 3 "
		 "0000000000000000000000000000000000000000000000000000000000000000 -\n"),
	};
	int fd;

	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(unlink(b.place.mark), 0);
	if (_i < 4) {
		fd = open(b.place.mark, O_WRONLY | O_CREAT, 0600);
		ck_assert_int_eq(write(fd, texts[_i], strlen(texts[_i])),
				 (ssize_t)strlen(texts[_i]));
		close(fd);
	}
	b.ledger = place_open(&b.place);
	ck_assert_int_ne(ledger_get_state(b.ledger), LEDGER_OK);
	ck_assert_int_lt(add_operator(b.ledger, 7), 0);
	ck_assert_uint_gt(chain_length(b.ledger), 5);
}
END_TEST

START_TEST(a_gun_remembers_a_ledger_that_was_rolled_back)
{
	struct meso_host_mark mark;

	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &mark), 0);
	if (_i == 0)
		mark.sequence++;
	else
		mark.head[15] ^= 1;
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, &mark), -EROFS);
	expect_state(LEDGER_ROLLED_BACK);
	expect_no_writing(-EROFS);
}
END_TEST

START_TEST(a_gun_marked_by_another_ledger_or_by_none_proves_nothing)
{
	struct meso_host_mark mark;

	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &mark), 0);
	mark.sequence += 1000;
	mark.ledger[0] ^= 1;
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, &mark), 0);
	memset(&mark, 0, sizeof(mark));
	ck_assert_int_eq(ledger_see_gun(b.ledger, T0, &b.gun, &mark), 0);
	expect_state(LEDGER_OK);
}
END_TEST

/* -------------------------------------------------------------------- full */

START_TEST(a_disk_without_room_refuses_doses_and_still_records_shots)
{
	struct ledger_options o = {
		.path = b.place.path, .mark_path = b.place.mark, .min_free = UINT64_MAX, .now_s = T0
	};
	struct ledger_reservation v;
	struct ledger_settlement s;
	struct ledger_evidence e;
	struct meso_shot shot;

	b.now_s += 7 * POLICY_WINDOW_S;
	bench_assess(&b);
	bench_open_session(&b);
	ck_assert_int_eq(bench_reserve(&b, 20000, 5, &v), 0);
	b.ledger = ledger_close(b.ledger);
	ck_assert_int_eq(ledger_open(&o, &b.ledger), 0);
	expect_state(LEDGER_OK);
	shot = gun_fires(&b.gun, v.lease_id, 20000);
	e = evidence_of(&b.gun, v.lease_id);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), -ENOSPC);
	expect_state(LEDGER_FULL);
	ck_assert_int_eq(ledger_record(b.ledger, b.now_s, SERIAL, &shot, 1, &e, &s), 0);
	ck_assert_int_eq(s.outcome, LEDGER_RELEASED);
	/* that this found room is no promise for the next lease */
	expect_state(LEDGER_FULL);
	ck_assert_int_eq(ledger_look_for_room(b.ledger), -ENOSPC);
	expect_state(LEDGER_FULL);
	b.ledger->min_free = 1;
	ck_assert_int_eq(ledger_look_for_room(b.ledger), 0);
	expect_state(LEDGER_OK);
	ck_assert_int_eq(bench_reserve(&b, 20000, 1, &v), 0);
}
END_TEST

/* ------------------------------------------------------------- the records */

struct walk {
	uint64_t expect;
	unsigned int seen;
	unsigned int stop_after;
};

static int follow(const struct ledger_record *record, void *userdata)
{
	struct walk *walk = userdata;

	ck_assert_uint_eq(record->number, walk->expect++);
	ck_assert_uint_gt(record->n_fields, 0);
	ck_assert_uint_le(record->n_fields, LEDGER_FIELDS_MAX);
	return ++walk->seen == walk->stop_after ? 77 : 0;
}

START_TEST(records_come_in_order_from_anywhere_and_as_many_as_asked)
{
	uint64_t length = chain_length(b.ledger);
	struct walk walk = { .expect = 1 };

	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, UINT32_MAX, follow, &walk), 0);
	ck_assert_uint_eq(walk.seen, length);
	walk = (struct walk){ .expect = 4 };
	ck_assert_int_eq(ledger_foreach_record(b.ledger, 3, 2, follow, &walk), 0);
	ck_assert_uint_eq(walk.seen, 2);
	walk = (struct walk){ .expect = 1, .stop_after = 3 };
	ck_assert_int_eq(ledger_foreach_record(b.ledger, 0, 1000, follow, &walk), 77);
	walk = (struct walk){ .expect = 1 };
	ck_assert_int_eq(ledger_foreach_record(b.ledger, UINT64_MAX, 1000, follow, &walk), 0);
	ck_assert_int_eq(ledger_foreach_record(b.ledger, length, 1000, follow, &walk), 0);
	ck_assert_uint_eq(walk.seen, 0);
}
END_TEST

START_TEST(verification_reports_length_and_head)
{
	struct ledger_report report;
	struct meso_host_mark mark;

	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	ck_assert(report.ok);
	ck_assert_uint_eq(report.records, chain_length(b.ledger));
	ck_assert_int_eq(ledger_get_host_mark(b.ledger, &mark), 0);
	ck_assert_mem_eq(report.head, mark.head, sizeof(mark.head));
	ck_assert_uint_eq(report.records, mark.sequence);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_open");
	TCase *t = tcase_create("states");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 3600);
	tcase_add_test(t, a_new_ledger_is_the_owners_alone_and_leaves_a_mark);
	tcase_add_test(t, a_closed_ledger_is_one_file_and_opens_as_it_was);
	tcase_add_test(t, two_ledgers_are_two);
	tcase_add_test(t, no_directory_is_made);
	tcase_add_test(t, a_missing_ledger_is_not_made_anew);
	tcase_add_loop_test(t, an_emptied_ledger_is_not_made_anew, 0, 3);
	tcase_add_loop_test(t, what_is_no_ledger_is_left_alone, 0, 4);
	tcase_add_test(t, a_ledger_from_the_future_is_read_only);
	tcase_add_test(t, a_ledger_has_one_master);
	tcase_add_loop_test(t, yesterdays_file_is_noticed_by_the_mark, 0, 2);
	tcase_add_test(t, an_old_copy_that_went_on_is_noticed_by_the_mark);
	tcase_add_test(t, a_crash_leaves_the_database_ahead_of_the_mark_and_that_is_fine);
	tcase_add_test(t, a_ledger_that_is_only_read_keeps_the_mark_of_its_clean_close);
	tcase_add_test(t, the_first_record_takes_the_digest_out_of_the_mark);
	tcase_add_test(t, a_lost_write_ahead_log_is_noticed_by_the_mark);
	tcase_add_loop_test(t, a_mark_that_is_gone_malformed_or_anothers_stops_everything, 0, 5);
	tcase_add_loop_test(t, a_gun_remembers_a_ledger_that_was_rolled_back, 0, 2);
	tcase_add_test(t, a_gun_marked_by_another_ledger_or_by_none_proves_nothing);
	tcase_add_test(t, a_disk_without_room_refuses_doses_and_still_records_shots);
	tcase_add_test(t, records_come_in_order_from_anywhere_and_as_many_as_asked);
	tcase_add_test(t, verification_reports_length_and_head);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
