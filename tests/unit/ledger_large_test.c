// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ledger that is not small any more: what is checked by threads beside its own is
 * found as surely as before, and nobody doses before that.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger_internal.h"
#include "ledger_maker.h"

#define PATIENTS 26u /* more than LEDGER_SMALL_BYTES of them */

static struct bench b, original;

/* Closed cleanly; once for all tests. */
static void make(void)
{
	struct stat st;

	bench_prepare(&original);
	place_make(&original.place);
	original.ledger = place_open(&original.place);
	maker_start(&original, PATIENTS);
	original.ledger = ledger_close(original.ledger);
	ck_assert_int_eq(stat(original.place.path, &st), 0);
	ck_assert_int_gt(st.st_size, LEDGER_SMALL_BYTES);
}

static void unmake(void)
{
	place_remove(&original.place);
}

static void setup(void)
{
	b = original;
	b.basis = (struct policy_basis){ .limits = &b.limits, .formulary = &b.formulary };
	place_make(&b.place);
	place_copy(&original.place, &b.place);
}

static void teardown(void)
{
	ledger_close(b.ledger);
	place_remove(&b.place);
}

static void expect_whole(void)
{
	struct ledger_report report;

	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	ck_assert_msg(report.ok, "%s", report.problem);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_OK);
}

static void expect_damage(const char *problem)
{
	struct ledger_report report;

	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	ck_assert(!report.ok);
	ck_assert_msg(strstr(report.problem, problem), "%s", report.problem);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_CORRUPT);
}

START_TEST(a_file_that_changed_while_it_was_closed_opens_and_doses_nothing)
{
	struct ledger_order o;
	const struct ledger_moment now = moment(T0);
	struct ledger_reservation v;
	struct ledger_spent spent;

	/* an old shot, which opening does not look at */
	tamper(&b.place,
	       "UPDATE shot SET depth_um = depth_um + 1 WHERE n = (SELECT min(n) FROM shot)");
	b.ledger = place_open(&b.place);
	o = bench_order(&b, 20000, 1);
	if (_i == 0)
		ck_assert_int_eq(ledger_check(b.ledger, &now, &b.basis, b.session, &o.request,
					      b.verdicts),
				 -EBADMSG);
	else if (_i == 1)
		ck_assert_int_eq(maker_reserve(&b, 20000, 1, &v), -EBADMSG);
	else
		ck_assert_int_eq(ledger_erase_patient(b.ledger, T0, &b.patient, 0, "asked to"),
				 -EBADMSG);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_CORRUPT);
	ck_assert_ptr_nonnull(strstr(ledger_get_problem(b.ledger), "after it was closed"));
	ck_assert_int_eq(ledger_get_spent(b.ledger, T0, &b.patient, &spent), 0);
}
END_TEST

START_TEST(a_file_that_is_as_it_was_left_doses_and_its_log_goes_into_it_again)
{
	struct ledger_reservation v;
	struct stat st;
	char wal[120];

	for (int i = 0; i < 2; i++) {
		b.ledger = place_open(&b.place);
		ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_OK);
		/* before anybody has waited for the answer */
		ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "test", NULL, NULL, "x", false),
				 0);
		ck_assert_int_eq(maker_reserve(&b, 20000, 1, &v), i == 0 ? 0 : -EBUSY);
		ck_assert_ptr_null(b.ledger->digest);
		for (int k = 0; k < 400; k++)
			bench_assess(&b);
		snprintf(wal, sizeof(wal), "%s-wal", b.place.path);
		ck_assert_int_eq(stat(wal, &st), 0);
		ck_assert_int_lt(st.st_size, (LEDGER_LOG_PAGES + 100) * INT64_C(4096));
		expect_whole();
		b.ledger = ledger_close(b.ledger);
	}
}
END_TEST

START_TEST(what_nobody_waited_for_is_waited_for_before_the_file_is_closed)
{
	b.ledger = place_open(&b.place);
	ck_assert_ptr_nonnull(b.ledger->digest);
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "test", NULL, NULL, "x", false), 0);
	b.ledger = ledger_close(b.ledger);
	b.ledger = place_open(&b.place);
	expect_whole();
}
END_TEST

/* Flips a bit of the last entry on a leaf of an index, or of a table. */
static void damage(const char *name)
{
	sqlite3_stmt *row;
	sqlite3 *db;
	long page;
	uint8_t byte;
	int fd;

	ck_assert_int_eq(sqlite3_open(b.place.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db,
					    "SELECT pageno FROM dbstat WHERE name = ?"
					    " AND pagetype = 'leaf' ORDER BY pageno LIMIT 1",
					    -1, &row, NULL),
			 SQLITE_OK);
	sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
	ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
	page = sqlite3_column_int(row, 0);
	sqlite3_finalize(row);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	fd = open(b.place.path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, page * 4096 - 1), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, page * 4096 - 1), 1);
	close(fd);
	/* as after a crash: no digest says what it was */
	forget_digest(b.place.mark);
}

START_TEST(damage_is_found_by_the_second_look_and_by_the_first)
{
	static const struct {
		const char *name, *problem;
	} places[] = {
		{ "shot_lease", "damaged" },
		{ "sqlite_autoindex_shot_1", "damaged" },
		{ "dose_course", "damaged" },
		{ "shot", "is not what was recorded" },
		{ "chain", "is not what was recorded" },
	};

	damage(places[_i].name);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_OK);
	expect_damage(places[_i].problem);
}
END_TEST

START_TEST(a_reference_to_nothing_is_found)
{
	tamper(&b.place,
	       "INSERT INTO dose SELECT 99999999, substance, patient, session, course, day,"
	       " dose_time, unit, concentration, amount, outstanding, dated FROM dose"
	       " LIMIT 1");
	forget_digest(b.place.mark);
	b.ledger = place_open(&b.place);
	ck_assert_int_eq(ledger_get_state(b.ledger), LEDGER_OK);
	expect_damage("refers to one that does not exist");
}
END_TEST

START_TEST(what_is_in_the_log_is_looked_at_too)
{
	struct ledger_reservation v;

	b.ledger = place_open(&b.place);
	ck_assert_int_eq(maker_reserve(&b, 20000, 1, &v), 0);
	expect_whole();
	ck_assert_int_eq(ledger_add_incident(b.ledger, T0, "test", NULL, NULL, "x", false), 0);
	expect_whole();
}
END_TEST

/* What another process gets if it wants to write. */
static int try_to_write(void)
{
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		sqlite3 *db;
		int rc = sqlite3_open(b.place.path, &db);

		_exit(rc == SQLITE_OK ? sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) : 99);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(whoever_looks_the_lock_stays)
{
	struct ledger_report report;

	b.ledger = place_open(&b.place);
	ck_assert_int_eq(try_to_write(), SQLITE_BUSY);
	ck_assert_int_eq(ledger_verify(b.ledger, &report), 0);
	ck_assert_ptr_null(b.ledger->digest);
	ck_assert_int_eq(try_to_write(), SQLITE_BUSY);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_large");
	TCase *t = tcase_create("large");
	SRunner *runner;
	int failed;

	tcase_add_unchecked_fixture(t, make, unmake);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, a_file_that_changed_while_it_was_closed_opens_and_doses_nothing, 0,
			    3);
	tcase_add_test(t, a_file_that_is_as_it_was_left_doses_and_its_log_goes_into_it_again);
	tcase_add_test(t, what_nobody_waited_for_is_waited_for_before_the_file_is_closed);
	tcase_add_loop_test(t, damage_is_found_by_the_second_look_and_by_the_first, 0, 5);
	tcase_add_test(t, a_reference_to_nothing_is_found);
	tcase_add_test(t, what_is_in_the_log_is_looked_at_too);
	tcase_add_test(t, whoever_looks_the_lock_stays);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
