// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger's handle: its state, its transactions, its mark.
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

/* A crash must not find the digest of a clean close beside a file that was written since. */
static int make_mark_true(struct ledger *l)
{
	int r = l->mark_clean ? ledger_write_mark(l) : 0;

	return r < 0 && r != -ENOMEM ? -ENOSPC : r;
}

int ledger_begin(struct ledger *l)
{
	int r;

	digest_look(l);
	r = ledger_writable(l);
	if (r >= 0)
		r = make_mark_true(l);
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

void ledger_give_memory_back(struct ledger *l)
{
	if (!l->db)
		return;
	sql_finalize_all(l);
	(void)sqlite3_db_release_memory(l->db);
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
		/* Where nothing was written the mark is still that of the last clean close. */
		clean = l->opened && !(l->mark_clean && !l->mark_failed) &&
			ledger_write_mark(l) >= 0 && l->mark_path && chain_get_head(l, &head) >= 0;
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
