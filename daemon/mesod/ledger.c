// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's handle: its state, its transactions, its mark, its verification.
 *
 * Owns what an error means for everything that follows.  A disk that failed once
 * is not asked to write again before the ledger has been opened and read anew:
 * the system may have forgotten what it could not write.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "ledger_internal.h"

void ledger_set_state(struct ledger *l, enum ledger_state state, const char *format, ...)
{
	enum ledger_state now = ledger_get_state(l);
	va_list ap;

	if (now != LEDGER_OK && now != LEDGER_FULL)
		return;
	if (state == LEDGER_OK) {
		l->problem[0] = '\0';
	} else {
		va_start(ap, format);
		vsnprintf(l->problem, sizeof(l->problem), format, ap);
		va_end(ap);
	}
	atomic_store(&l->state, (int)state);
}

enum ledger_state ledger_get_state(const struct ledger *l)
{
	return (enum ledger_state)atomic_load(&l->state);
}

const char *ledger_state_name(enum ledger_state state)
{
	switch (state) {
	case LEDGER_OK:
		return "ok";
	case LEDGER_FULL:
		return "full";
	case LEDGER_CORRUPT:
		return "corrupt";
	case LEDGER_ROLLED_BACK:
		return "rolled-back";
	case LEDGER_FAILED:
		break;
	}
	return "failed";
}

const char *ledger_get_problem(const struct ledger *l)
{
	return l->problem;
}

void ledger_get_id(const struct ledger *l, struct ledger_id *ret)
{
	*ret = l->id;
}

uint64_t ledger_get_commits(const struct ledger *l)
{
	return l->commits;
}

int ledger_sqlite_error(struct ledger *l, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -EINVAL;
	case SQLITE_CONSTRAINT:
		/* The database's own last word on what was already looked for. */
		return -EEXIST;
	case SQLITE_FULL:
		ledger_set_state(l, LEDGER_FULL, "the disk is full");
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		ledger_set_state(l, LEDGER_CORRUPT, "the ledger's file is damaged (%s)",
				 sqlite3_errstr(rc));
		return -EBADMSG;
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return -ENOMEM;
		/* fall through */
	default:
		ledger_set_state(l, LEDGER_FAILED,
				 "the ledger's disk or database failed (%s, code %d)",
				 sqlite3_errstr(rc), rc);
		return -EIO;
	}
}

int ledger_readable(const struct ledger *l)
{
	if (l->db)
		return 0;
	return ledger_get_state(l) == LEDGER_CORRUPT ? -EBADMSG : -EIO;
}

int ledger_writable(const struct ledger *l)
{
	switch (ledger_get_state(l)) {
	case LEDGER_OK:
	case LEDGER_FULL:
		return ledger_readable(l);
	case LEDGER_CORRUPT:
		return -EBADMSG;
	case LEDGER_ROLLED_BACK:
		return -EROFS;
	case LEDGER_FAILED:
		break;
	}
	return -EIO;
}

/* ----------------------------------------------------------- transactions */

int ledger_begin(struct ledger *l)
{
	int r;

	digest_look(l);
	r = ledger_writable(l);
	if (r >= 0)
		r = sql_run0(l, SQL_BEGIN);
	if (r >= 0)
		l->changes = sqlite3_total_changes(l->db);
	return r;
}

int ledger_end(struct ledger *l, int r)
{
	bool changed = sqlite3_total_changes(l->db) != l->changes;

	/* Whatever was read or written in a ledger that just turned out to be bad does not count. */
	if (r >= 0)
		r = ledger_writable(l) < 0 ? ledger_writable(l) : r;
	if (r >= 0) {
		int commit = sql_run0(l, SQL_COMMIT);

		if (commit >= 0) {
			l->commits += changed;
			return r;
		}
		r = commit;
	}
	/* Some errors have rolled back already. */
	if (!sqlite3_get_autocommit(l->db) && sql_run0(l, SQL_ROLLBACK) < 0)
		ledger_set_state(l, LEDGER_FAILED, "a transaction could not be undone");
	return r;
}

bool ledger_make_room(struct ledger *l, int r)
{
	return r == -ENOSPC && ballast_give_up(l);
}

/* ------------------------------------------------------------------- mark */

int ledger_get_host_mark(struct ledger *l, struct meso_host_mark *ret)
{
	struct meso_host_mark mark = { 0 };
	struct head head;
	int r;

	r = ledger_writable(l);
	if (r >= 0)
		r = chain_get_head(l, &head);
	if (r < 0)
		return r;
	memcpy(mark.ledger, l->id.bytes, sizeof(mark.ledger));
	mark.sequence = head.number;
	memcpy(mark.head, head.hash, sizeof(mark.head));
	*ret = mark;
	return 0;
}

int ledger_write_mark(struct ledger *l)
{
	struct mark mark = { .id = l->id };
	struct head head;
	int r;

	r = ledger_writable(l);
	if (r < 0 || !l->mark_path)
		return r;
	r = chain_get_head(l, &head);
	if (r < 0)
		return r;
	if (head.number == l->marked && !l->mark_clean && !l->mark_failed)
		return 0;
	mark.number = head.number;
	memcpy(mark.hash, head.hash, sizeof(mark.hash));
	r = mark_write(l->io, l->mark_path, &mark);
	/* At first it may hold a digest that the first record makes untrue: it is worth the ballast. */
	if (l->mark_clean && ledger_make_room(l, r))
		r = mark_write(l->io, l->mark_path, &mark);
	if (r == -ENOMEM)
		return r;
	l->mark_failed = r < 0;
	if (r < 0) {
		ledger_set_state(l, LEDGER_FULL,
				 "the mark %s cannot be written, without which nothing is "
				 "reserved: %s",
				 l->mark_path, strerror(-r));
		return r;
	}
	l->marked = head.number;
	l->mark_clean = false;
	return 0;
}

/* The last mark holds the digest of the whole file, once nothing writes to it any more. */
static void write_clean_mark(struct ledger *l, const struct head *head)
{
	struct mark mark = { .id = l->id, .number = head->number, .clean = true };
	_cleanup_(freep) char *wal = NULL;

	if (asprintf(&wal, "%s-wal", l->path) < 0) {
		wal = NULL;
		return;
	}
	/* A log that is still there holds what the file does not. */
	if (access(wal, F_OK) == 0 || mark_digest_file(l->path, mark.digest) < 0)
		return;
	memcpy(mark.hash, head->hash, sizeof(mark.hash));
	/* If this fails the mark without a digest stays, which is true as well. */
	(void)mark_write(l->io, l->mark_path, &mark);
}

struct ledger *ledger_close(struct ledger *l)
{
	struct head head = { 0 };
	bool clean = false;

	if (!l)
		return NULL;
	/* The file is written now. */
	(void)digest_settle(l);
	if (l->db) {
		clean = l->opened && ledger_write_mark(l) >= 0 && l->mark_path &&
			chain_get_head(l, &head) >= 0;
		/* A ledger that must not be written is left as it was found. */
		if (ledger_writable(l) < 0)
			sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sql_finalize_all(l);
		if (sqlite3_close(l->db) != SQLITE_OK)
			clean = false;
	}
	if (clean && ledger_get_state(l) == LEDGER_OK)
		write_clean_mark(l, &head);
	if (l->md)
		gcry_md_close(l->md);
	closep(&l->file_fd);
	closep(&l->lock_fd);
	free(l->doses);
	free(l->amounts);
	free(l->path);
	free(l->ballast_path);
	free(l->mark_path);
	free(l);
	return NULL;
}

void ledger_closep(struct ledger **l)
{
	ledger_close(*l);
}

/* ----------------------------------------------------------- verification */

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

static int verify_all(struct ledger *l, struct ledger_report *report)
{
	int r;

	r = sql_schema_matches(l);
	if (r == 0) {
		snprintf(report->problem, sizeof(report->problem), "the tables are not ours");
		return -EBADMSG;
	}
	if (r >= 0)
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
	if (r >= 0)
		r = check_file(l, report);
	return r;
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
