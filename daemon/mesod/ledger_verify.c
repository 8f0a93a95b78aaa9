// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verification: every hash, every derived figure, the file's structure.
 *
 * Owns what is compared with what, and the sentence that says what is wrong.  Never
 * repairs.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_internal.h"

/* The first row of a check is its complaint; -EBADMSG if there is one. */
static int expect_no_row(struct ledger *l, enum sql sql, struct ledger_report *report,
			 const char *problem)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start0(l, sql, &row);
	if (r >= 0)
		r = sql_step(l, row);
	if (r <= 0)
		return r;
	snprintf(report->problem, sizeof(report->problem), "%s (%" PRId64 ")", problem,
		 (int64_t)sqlite3_column_int64(row, 0));
	return -EBADMSG;
}

static int check_counts(struct ledger *l, struct ledger_report *report)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start0(l, l->schema >= 2 ? SQL_FACTS_COUNT : SQL_FACTS_COUNT_1, &row);
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	if (sql_get_u64(row, 0) == sql_get_u64(row, 1) &&
	    sql_get_u64(row, 2) == sql_get_u64(row, 3) && sql_get_u64(row, 0) == report->records)
		return 0;
	snprintf(report->problem, sizeof(report->problem),
		 "there are facts that the chain does not know");
	return -EBADMSG;
}

static int check_file(struct ledger *l, struct ledger_report *report)
{
	static const char code[] = "error code=";
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	const char *text, *failed;
	int r;

	r = sql_start0(l, SQL_CHECK_FILE, &row);
	if (r >= 0)
		r = sql_step(l, row);
	if (r < 0)
		return r;
	text = r > 0 ? (const char *)sqlite3_column_text(row, 0) : "no answer";
	if (!text)
		return -ENOMEM;
	if (strcmp(text, "ok") == 0)
		return 0;
	/* That a page could not be read, for want of memory perhaps, does not say what is on it. */
	failed = strstr(text, code);
	if (failed)
		return ledger_sqlite_error(l, (int)strtol(failed + strlen(code), NULL, 10));
	snprintf(report->problem, sizeof(report->problem), "the file is damaged: %.200s", text);
	return -EBADMSG;
}

/* A name that is there must be the one whose digest was recorded; an erased one is gone. */
static int check_names(struct ledger *l, enum sql sql, struct ledger_report *report)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	uint8_t stored[LEDGER_HASH_LEN], computed[LEDGER_HASH_LEN];
	struct value pieces[4];
	size_t n;
	int r;

	r = sql_start0(l, sql, &row);
	while (r >= 0 && (r = sql_step(l, row)) > 0) {
		r = sql_get_blob(l, row, 0, stored, sizeof(stored));
		if (r < 0)
			break;
		pieces[0] = BLOB(sqlite3_column_blob(row, 1), sqlite3_column_bytes(row, 1));
		for (n = 1; (int)n + 1 < sqlite3_column_count(row); n++)
			pieces[n] = TEXT((const char *)sqlite3_column_text(row, (int)n + 1));
		r = chain_digest(l, pieces, n, computed);
		if (r < 0)
			return -ENOMEM;
		if (memcmp(stored, computed, sizeof(stored)) == 0)
			continue;
		snprintf(report->problem, sizeof(report->problem),
			 "a name is not the one that was entered");
		return -EBADMSG;
	}
	return r;
}

static int check_content(struct ledger *l, struct ledger_report *report)
{
	int r;

	r = chain_verify(l, 0, report);
	if (r >= 0)
		r = check_counts(l, report);
	if (r >= 0)
		r = expect_no_row(l, SQL_CHECK_ACCOUNT, report,
				  "what a lease spent is not what its facts say");
	if (r >= 0)
		r = expect_no_row(l, SQL_CHECK_LIVE, report,
				  "the open sessions are not what the facts say");
	if (r >= 0)
		r = expect_no_row(l, SQL_CHECK_FOREIGN, report,
				  "a record refers to one that does not exist");
	if (r >= 0 && l->schema >= 2)
		r = expect_no_row(l, SQL_CHECK_LOST, report,
				  "a lease that was closed as lost is not settled so");
	if (r >= 0 && l->schema >= 2)
		r = expect_no_row(l, SQL_CHECK_ATTRIBUTION, report,
				  "what was attributed to a patient is not what the shots say");
	if (r >= 0 && l->schema >= 2)
		r = expect_no_row(l, SQL_CHECK_ERASED, report,
				  "a name is gone that nobody erased, or is back");
	if (r >= 0 && l->schema >= 2)
		r = doses_verify(l, report);
	if (r >= 0)
		r = check_names(l, SQL_CHECK_OPERATORS, report);
	if (r >= 0 && l->schema >= 2)
		r = check_names(l, SQL_CHECK_RENEWALS, report);
	if (r >= 0)
		r = check_names(l, SQL_CHECK_PATIENTS, report);
	return r;
}

static int verify_all(struct ledger *l, struct ledger_report *report)
{
	struct aside *aside;
	int r, file;

	r = schema_matches(l);
	if (r == 0) {
		snprintf(report->problem, sizeof(report->problem), "the tables are not ours");
		return -EBADMSG;
	}
	if (r < 0)
		return r;
	aside = aside_start(l, check_file);
	r = check_content(l, report);
	if (!aside)
		return r < 0 ? r : check_file(l, report);
	file = aside_end(aside, l, r < 0 ? NULL : report);
	return r < 0 ? r : file;
}

int ledger_verify(struct ledger *l, struct ledger_report *ret)
{
	struct ledger_report report = { 0 };
	int r;

	r = ledger_readable(l);
	if (r < 0)
		return r;
	(void)digest_settle(l);
	r = verify_all(l, &report);
	report.ok = r >= 0;
	if (r == -EBADMSG) {
		if (!report.problem[0])
			snprintf(report.problem, sizeof(report.problem), "%s", l->problem);
		ledger_set_state(l, LEDGER_CORRUPT, "%s", report.problem);
		r = 0;
	}
	if (r < 0)
		return r;
	*ret = report;
	return 0;
}
