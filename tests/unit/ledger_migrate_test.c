// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ledger of schema version 1 becomes one of version 2: whole or not at all,
 * whatever fails, and never without a copy of what it was.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault_vfs.h"
#include "ledger_internal.h"
#include "ledger_treatment.h"
#include "ledger_v1.h"

static struct place place;
static char backup[120], temporary[120];

static void setup(void)
{
	place_make(&place);
	snprintf(backup, sizeof(backup), "%s.v1-backup", place.path);
	snprintf(temporary, sizeof(temporary), "%s.v1-backup.new", place.path);
	place_make_v1(&place);
}

static void teardown(void)
{
	place_remove(&place);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* What a file says of itself, read by nobody's code but SQLite's. */
static int64_t ask_file(const char *path, const char *sql)
{
	sqlite3_stmt *row;
	int64_t value;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	/* Closing it must leave the file as it is found. */
	ck_assert_int_eq(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
	value = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	sqlite3_close(db);
	return value;
}

/* The file is of one version, and has all of that version's tables and facts and nothing of another's. */
static void expect_whole(const char *path, const char *what, unsigned int n)
{
	int64_t version = ask_file(path, "PRAGMA user_version");
	int64_t added = ask_file(path, "SELECT count(*) FROM sqlite_schema WHERE name IN"
				       " ('migration', 'clock', 'lost', 'attribution', 'erasure')");
	int64_t records = ask_file(path, "SELECT count(*) FROM chain");

	ck_assert_msg((version == 1 && added == 0 && records == V1_RECORDS) ||
			      (version == 2 && added == 5 && records == V1_RECORDS + 1),
		      "%s at %u: version %d, %d new tables, %d records", what, n, (int)version,
		      (int)added, (int)records);
}

static void expect_backup_is_version_1(void)
{
	struct stat st;

	ck_assert_int_eq(stat(backup, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(ask_file(backup, "PRAGMA user_version"), 1);
	ck_assert_int_eq(ask_file(backup, "SELECT count(*) FROM chain"), V1_RECORDS);
	ck_assert_int_eq(ask_file(backup, "SELECT count(*) FROM pragma_integrity_check"
					  " WHERE integrity_check = 'ok'"),
			 1);
}

/* Open it with a disk that works: it is version 2, with everything that was in it. */
static void expect_migrated(const char *what, unsigned int n)
{
	struct ledger *l = place_open(&place);
	struct ledger_report report;
	struct ledger_patient patient;
	struct ledger_spent spent;

	ck_assert_msg(ledger_get_state(l) == LEDGER_OK, "%s at %u: %s: %s", what, n,
		      ledger_state_name(ledger_get_state(l)), ledger_get_problem(l));
	ck_assert_int_eq(ledger_verify(l, &report), 0);
	ck_assert_msg(report.ok, "%s at %u: %s", what, n, report.problem);
	ck_assert_uint_eq(report.records, V1_RECORDS + 1);
	ck_assert_uint_eq(count_records(l, "migration"), 1);
	ck_assert_int_eq(ledger_get_patient(l, "P-1", &patient), 0);
	ck_assert_str_eq(patient.name, "Zoë Sample");
	ck_assert_int_eq(ledger_get_spent(l, T0, &patient.id, &spent), 0);
	ck_assert_uint_eq(spent.settled_24h_nl, V1_SETTLED_NL);
	ck_assert_uint_eq(spent.outstanding_nl, V1_OUTSTANDING_NL);
	ck_assert_int_eq(ledger_is_quarantined(l, "G-9"), 1);
	ck_assert_int_eq(add_operator(l, 7), 0);
	ledger_close(l);
	expect_backup_is_version_1();
	ck_assert(!exists(temporary));
}

/* ------------------------------------------------------------- what it does */

START_TEST(the_tables_of_version_1_are_as_they_were_released)
{
	/* SHA-256 of the script: files exist that have these tables, so it never changes again. */
	static const char released[] =
		"9a8e0902ad482e89a413bd6d91216f891066adf116b8366a74f17c6df99491a5";
	uint8_t hash[32];
	char text[65];

	gcry_md_hash_buffer(GCRY_MD_SHA256, hash, ledger_schema, strlen(ledger_schema));
	for (size_t i = 0; i < 32; i++)
		snprintf(text + (size_t)2 * i, 3, "%02x", hash[i]);
	ck_assert_str_eq(text, released);
}
END_TEST

static int find_migration(const struct ledger_record *record, void *userdata)
{
	(void)userdata;
	if (strcmp(record->type, "migration") != 0)
		return 0;
	ck_assert_uint_eq(record->number, V1_RECORDS + 1);
	ck_assert_int_eq(record->time_s, T0);
	ck_assert_uint_eq(record->n_fields, 4);
	ck_assert_int_eq(record->fields[0].integer, 1);
	ck_assert_int_eq(record->fields[1].integer, 2);
	ck_assert_int_eq(record->fields[2].integer, V1_RECORDS);
	ck_assert_str_eq(record->fields[3].text,
			 "62dde6e107e7e227a396e89c625e6b312ce49a9e2e5fa814632b35a3008673d8");
	return 1;
}

START_TEST(a_version_1_ledger_is_copied_and_becomes_version_2)
{
	struct ledger *l;

	expect_migrated("the first opening", 0);
	ck_assert_int_eq(ask_file(place.path, "PRAGMA user_version"), 2);
	l = place_open(&place);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_OK);
	ck_assert_int_eq(ledger_foreach_record(l, 0, UINT32_MAX, find_migration, NULL), 1);
	ck_assert_uint_eq(chain_length(l), V1_RECORDS + 2);
	ledger_close(l);
}
END_TEST

START_TEST(a_new_ledger_is_version_2_and_was_never_migrated)
{
	struct place fresh;
	struct ledger *l;
	char path[120];

	place_make(&fresh);
	l = place_open(&fresh);
	ck_assert_uint_eq(chain_length(l), 1);
	ledger_close(l);
	ck_assert_int_eq(ask_file(fresh.path, "PRAGMA user_version"), 2);
	snprintf(path, sizeof(path), "%s.v1-backup", fresh.path);
	ck_assert(!exists(path));
	place_remove(&fresh);
}
END_TEST

START_TEST(what_is_wrong_with_a_version_1_ledger_is_found_before_it_is_migrated)
{
	static const char *const forgeries[] = {
		"UPDATE shot SET delivered_nl = 1, reported_nl = 1 WHERE number = 41",
		"UPDATE account SET spent_nl = 0",
		"CREATE TABLE x(y)",
		"DROP INDEX account_outstanding",
		"CREATE TABLE migration(n INTEGER PRIMARY KEY)",
		"UPDATE chain SET type = 12 WHERE n = 9",
	};
	struct ledger *l;

	tamper(&place, forgeries[_i]);
	forget_digest(place.mark);
	l = place_open(&place);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_CORRUPT);
	ck_assert_int_eq(add_operator(l, 7), -EBADMSG);
	ledger_close(l);
	ck_assert_int_eq(ask_file(place.path, "PRAGMA user_version"), 1);
	ck_assert(!exists(backup));
}
END_TEST

START_TEST(an_old_copy_of_version_1_is_noticed_by_the_mark_and_not_migrated)
{
	struct ledger *l;

	ck_assert_int_eq(unlink(place.mark), 0);
	l = place_open(&place);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_ROLLED_BACK);
	ledger_close(l);
	ck_assert_int_eq(ask_file(place.path, "PRAGMA user_version"), 1);
	ck_assert(!exists(backup));
}
END_TEST

START_TEST(a_copy_of_another_ledger_is_never_overwritten)
{
	char read_back[8] = "";
	struct ledger *l;
	int fd;

	fd = open(backup, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "mine\n", 5), 5);
	close(fd);
	l = place_open(&place);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_FAILED);
	ck_assert_ptr_nonnull(strstr(ledger_get_problem(l), backup));
	ck_assert_int_eq(add_operator(l, 7), -EIO);
	ledger_close(l);
	expect_whole(place.path, "refused", 0);
	fd = open(backup, O_RDONLY);
	ck_assert_int_eq(read(fd, read_back, sizeof(read_back)), 5);
	close(fd);
	ck_assert_str_eq(read_back, "mine\n");
	ck_assert_int_eq(unlink(backup), 0);
	expect_migrated("after it was moved away", 0);
}
END_TEST

START_TEST(a_copy_that_cannot_be_made_leaves_version_1_read_only)
{
	struct ledger *l;

	ck_assert_int_eq(mkdir(temporary, 0700), 0);
	l = place_open(&place);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_FAILED);
	ck_assert_ptr_nonnull(strstr(ledger_get_problem(l), "version"));
	ck_assert_int_eq(add_operator(l, 7), -EIO);
	ck_assert_uint_eq(chain_length(l), V1_RECORDS);
	ledger_close(l);
	ck_assert_int_eq(rmdir(temporary), 0);
	expect_migrated("afterwards", 0);
}
END_TEST

/* ------------------------------------------------------------ what can fail */

static const struct {
	enum fault fault;
	bool for_ever;
	const char *name;
} faults[] = {
	{ FAULT_IO, false, "EIO once" },
	{ FAULT_IO, true, "EIO for ever" },
	{ FAULT_FULL, false, "ENOSPC once" },
	{ FAULT_FULL, true, "ENOSPC for ever" },
	{ FAULT_SHORT, false, "a short write" },
	{ FAULT_TORN, false, "a torn write" },
	{ FAULT_DIES, false, "killed" },
	{ FAULT_POWER, false, "power cut" },
	{ FAULT_POWER_SOME, false, "power cut, half of the cache written" },
	{ FAULT_POWER_TORN, false, "power cut in the middle of a write" },
};

/* A child opens the ledger, of which operation @n fails.  Returns whether any did. */
static bool open_and_fail(enum fault fault, bool for_ever, unsigned int n)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct ledger *l;
		bool good;

		fault_vfs_arm(fault, n, for_ever);
		l = place_open_vfs(&place, FAULT_VFS);
		/* What is not version 2 by now is not written. */
		good = ledger_get_state(l) == LEDGER_OK || ledger_get_state(l) == LEDGER_FULL
			       ? l->schema == 2
			       : add_operator(l, 7) < 0;
		/* The disk stays as it is; what a clean close would leave is not asked for. */
		_exit(!good ? 1 : fault_vfs_hit() ? 2 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) != 1, "a ledger was used that is not migrated, at %u", n);
	return WEXITSTATUS(status) != 0;
}

START_TEST(whatever_fails_at_any_operation_leaves_version_1_or_version_2)
{
	unsigned int n, stayed = 0;
	struct place original;
	bool hit;

	fault_vfs_register();
	place_make(&original);
	place_copy(&place, &original);
	for (n = treatment_first(9);; n = treatment_next(n, 9)) {
		place_copy(&original, &place);
		hit = open_and_fail(faults[_i].fault, faults[_i].for_ever, n);
		expect_whole(place.path, faults[_i].name, n);
		stayed += ask_file(place.path, "PRAGMA user_version") == 1;
		if (exists(backup))
			expect_backup_is_version_1();
		expect_migrated(faults[_i].name, n);
		if (!hit)
			break;
		ck_assert_uint_lt(n, 2000);
	}
	ck_assert_uint_gt(n, 20);
	ck_assert_uint_gt(stayed, 0);
	ck_assert_uint_lt(stayed, n);
	place_remove(&original);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_migrate");
	TCase *t = tcase_create("migration");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 600);
	tcase_add_test(t, the_tables_of_version_1_are_as_they_were_released);
	tcase_add_test(t, a_version_1_ledger_is_copied_and_becomes_version_2);
	tcase_add_test(t, a_new_ledger_is_version_2_and_was_never_migrated);
	tcase_add_loop_test(t, what_is_wrong_with_a_version_1_ledger_is_found_before_it_is_migrated,
			    0, 6);
	tcase_add_test(t, an_old_copy_of_version_1_is_noticed_by_the_mark_and_not_migrated);
	tcase_add_test(t, a_copy_of_another_ledger_is_never_overwritten);
	tcase_add_test(t, a_copy_that_cannot_be_made_leaves_version_1_read_only);
	tcase_add_loop_test(t, whatever_fails_at_any_operation_leaves_version_1_or_version_2, 0,
			    sizeof(faults) / sizeof(faults[0]));
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
