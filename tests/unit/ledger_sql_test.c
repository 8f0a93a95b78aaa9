// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's statements: they exist, and those between a dose and its record go
 * by index, however long the ledger has become.
 */
#include <check.h>
#include <gcrypt.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_fixture.h"
#include "ledger_internal.h"

static sqlite3 *db;

static void setup(void)
{
	ck_assert_int_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, ledger_schema, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, ledger_schema_2, NULL, NULL, NULL), SQLITE_OK);
}

static void teardown(void)
{
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* What a reservation, a report, a settlement and a gun's arrival run. */
static const enum sql hot[] = {
	SQL_HEAD,
	SQL_CHAIN_HASH,
	SQL_CLOCK_OF_BOOT,
	SQL_OPERATOR_BY_UID,
	SQL_PATIENT_BY_ID,
	SQL_PATIENT_BY_REFERENCE,
	SQL_PATIENT_EXISTS,
	SQL_PATIENT_NAMED,
	SQL_ACCOUNT_OUTSTANDING,
	SQL_LIVE_BY_PATIENT,
	SQL_LIVE_BY_GUN,
	SQL_LIVE_BY_SESSION,
	SQL_LIVE_DELETE,
	SQL_SESSION,
	SQL_SESSION_ACCOUNT,
	SQL_SESSION_INCIDENTS,
	SQL_RESERVATION_BY_LEASE,
	SQL_RESERVATION_LAST,
	SQL_RESERVATION_NEXT,
	SQL_RESERVATION_OUTSTANDING,
	SQL_ACCOUNT_DELIVERED,
	SQL_ACCOUNT_SETTLED,
	SQL_ACCOUNT_WINDOW,
	SQL_ACCOUNT_SESSION_SPENT,
	SQL_SHOT_BY_KEY,
	SQL_SHOT_NEWEST,
	SQL_SHOT_SUMS,
	SQL_SHOTS_OF_LEASE,
	SQL_SETTLEMENT_LAST,
	SQL_LOST,
	SQL_FOREIGN_OF_LEASE,
	SQL_FOREIGN_OF_GUN,
	SQL_ATTRIBUTED_WINDOW,
	SQL_INCIDENT_KNOWN,
	SQL_QUARANTINE_LAST,
	SQL_GUN_LAST,
	SQL_REVIEW_NEEDED,
	SQL_LOST_MARK,
	SQL_ASSESSMENT_LAST,
	SQL_MASS_LAST,
	SQL_COURSE_LAST,
	SQL_COURSE_BY_NUMBER,
	SQL_COURSE_SESSIONS,
	SQL_LOAD_LAST,
	SQL_AREA_LAST,
	SQL_AREA_SPENT,
	SQL_PRIMED,
	SQL_HAND_DOSE_BY_NUMBER,
	SQL_HAND_WINDOW,
	SQL_HAND_SESSION,
	SQL_REACTIONS,
	SQL_BIRTH_DATE,
	SQL_PATIENT_OUTSTANDING,
	SQL_DOSE_DELETE,
	SQL_DOSE_ROW,
	SQL_DOSE_OF_LEASE,
	SQL_DOSE_OF_ATTRIBUTION,
	SQL_DOSE_OF_HAND,
	SQL_DOSE_WINDOW,
	SQL_DOSE_SESSION,
	SQL_DOSE_COURSE,
	SQL_DOSE_LAST_DAY,
	SQL_DOSE_SESSION_DAY,
	SQL_DOSE_COURSE_DAY,
	SQL_FAULTS,
};

START_TEST(what_a_dose_waits_for_goes_by_index_and_sorts_nothing)
{
	const char *sql = sql_text(hot[_i]);
	sqlite3_stmt *plan;
	char explain[2000];

	snprintf(explain, sizeof(explain), "EXPLAIN QUERY PLAN %s", sql);
	ck_assert_int_eq(sqlite3_prepare_v2(db, explain, -1, &plan, NULL), SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(plan, 3);

		/* The head is the end of the table itself, and is read there. */
		ck_assert_msg(hot[_i] == SQL_HEAD || !strstr(step, "SCAN"), "%s: %s", sql, step);
		ck_assert_msg(!strstr(step, "TEMP B-TREE"), "%s: %s", sql, step);
	}
	sqlite3_finalize(plan);
}
END_TEST

START_TEST(every_statement_fits_the_schema)
{
	for (int i = 0; i < SQL_STATEMENTS; i++) {
		sqlite3_stmt *statement;

		ck_assert_ptr_nonnull(sql_text((enum sql)i));
		ck_assert_msg(sqlite3_prepare_v2(db, sql_text((enum sql)i), -1, &statement, NULL) ==
				      SQLITE_OK,
			      "%s: %s", sql_text((enum sql)i), sqlite3_errmsg(db));
		sqlite3_finalize(statement);
	}
}
END_TEST

/* Of the tables in the database, as hexadecimal text. */
static void digest_tables(sqlite3 *tables, char text[static 65])
{
	static char all[65536];
	sqlite3_stmt *row;
	uint8_t hash[32];
	size_t used = 0;

	ck_assert_int_eq(sqlite3_prepare_v2(tables,
					    "SELECT coalesce(sql, '') FROM sqlite_schema"
					    " WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
					    -1, &row, NULL),
			 SQLITE_OK);
	while (sqlite3_step(row) == SQLITE_ROW) {
		const size_t size = strlen((const char *)sqlite3_column_text(row, 0)) + 1;

		ck_assert_uint_le(size, sizeof(all) - used);
		memcpy(all + used, sqlite3_column_text(row, 0), size);
		used += size;
	}
	sqlite3_finalize(row);
	ck_assert_uint_gt(used, 1000);
	gcry_md_hash_buffer(GCRY_MD_SHA256, hash, all, used);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(text + (size_t)2 * i, 3, "%02x", hash[i]);
}

START_TEST(what_the_tables_are_compared_with_is_what_the_scripts_make)
{
	char text[65];
	sqlite3 *first;

	ck_assert_int_eq(sqlite3_open(":memory:", &first), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(first, ledger_schema, NULL, NULL, NULL), SQLITE_OK);
	digest_tables(first, text);
	ck_assert_str_eq(text, ledger_schema_digest[0]);
	ck_assert_int_eq(sqlite3_close(first), SQLITE_OK);
	digest_tables(db, text);
	ck_assert_str_eq(text, ledger_schema_digest[1]);
}
END_TEST

START_TEST(a_statement_of_an_error_is_an_error_and_not_a_silent_nothing)
{
	struct place place;
	struct ledger *l;

	place_make(&place);
	l = place_open(&place);
	ck_assert_int_lt(sql_run(l, SQL_LIVE_DELETE, INTEGER(1), INTEGER(2)), 0);
	ck_assert_int_eq(ledger_get_state(l), LEDGER_FAILED);
	ledger_close(l);
	place_remove(&place);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger_sql");
	TCase *t = tcase_create("statements");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_a_dose_waits_for_goes_by_index_and_sorts_nothing, 0,
			    sizeof(hot) / sizeof(hot[0]));
	tcase_add_test(t, every_statement_fits_the_schema);
	tcase_add_test(t, what_the_tables_are_compared_with_is_what_the_scripts_make);
	tcase_add_test(t, a_statement_of_an_error_is_an_error_and_not_a_silent_nothing);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
