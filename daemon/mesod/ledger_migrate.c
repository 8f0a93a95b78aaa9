// SPDX-License-Identifier: GPL-2.0-only
/*
 * From schema version 1 to version 2: a copy first, then one transaction.
 *
 * Owns the copy beside the ledger (<path>.v1-backup) and the order in which a crash
 * at any point leaves either the file of before, which is migrated at the next
 * opening, or the whole new one.  Never changes a table or a fact of version 1, and
 * never replaces a copy whose content is another one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "ledger_internal.h"

static int unlink_if_there(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* An empty file that nobody else can read, for SQLite to fill. */
static int make_private(const char *path)
{
	_cleanup_(closep) int fd = -1;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : 0;
}

/* SQLite syncs what it writes; that it did is not left to its settings. */
static int sync_file(const char *path)
{
	_cleanup_(closep) int fd = -1;

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int copy_database(struct ledger *l, const char *vfs, const char *path)
{
	sqlite3_backup *backup = NULL;
	sqlite3 *copy = NULL;
	int rc, rc2;

	rc = sqlite3_open_v2(path, &copy,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			     vfs);
	/* A copy that is not finished is thrown away: it needs no journal. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(copy, "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL",
				  NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		backup = sqlite3_backup_init(copy, "main", l->db, "main");
		if (backup)
			rc = sqlite3_backup_step(backup, -1);
		if (rc == SQLITE_DONE)
			rc = SQLITE_OK;
		rc2 = backup ? sqlite3_backup_finish(backup) : sqlite3_errcode(copy);
		rc = rc == SQLITE_OK ? rc2 : rc;
	}
	rc2 = sqlite3_close(copy);
	rc = rc == SQLITE_OK ? rc2 : rc;
	/* It is the copy's disk, which is the ledger's as well. */
	return rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
}

/* 1 the same content, 0 not */
static int is_same_file(const char *a, const char *b)
{
	uint8_t digest_a[LEDGER_HASH_LEN], digest_b[LEDGER_HASH_LEN];
	int r;

	r = mark_digest_file(a, digest_a);
	if (r >= 0)
		r = mark_digest_file(b, digest_b);
	return r < 0 ? r : memcmp(digest_a, digest_b, sizeof(digest_a)) == 0;
}

/* Give the finished copy its name; one that is there already must be the same, from a migration that
 * did not come further. */
static int name_copy(struct ledger *l, const char *temporary, const char *path)
{
	int r;

	if (link(temporary, path) == 0)
		return mark_sync_directory(path);
	if (errno != EEXIST)
		return -errno;
	r = is_same_file(temporary, path);
	if (r == 0) {
		ledger_set_state(l, LEDGER_FAILED,
				 "the copy %s of a version 1 ledger is there already and is"
				 " another one's: move it away",
				 path);
		return -EEXIST;
	}
	return r < 0 ? r : mark_sync_directory(path);
}

static int make_copy(struct ledger *l, const char *vfs)
{
	_cleanup_(freep) char *path = NULL, *temporary = NULL;
	int r;

	if (asprintf(&path, "%s.v1-backup", l->path) < 0)
		path = NULL;
	if (asprintf(&temporary, "%s.v1-backup.new", l->path) < 0)
		temporary = NULL;
	if (!path || !temporary)
		return -ENOMEM;
	/* What a crash left here was never the copy. */
	r = unlink_if_there(temporary);
	if (r >= 0)
		r = make_private(temporary);
	if (r < 0)
		return r;
	r = copy_database(l, vfs, temporary);
	if (r >= 0)
		r = sync_file(temporary);
	if (r >= 0)
		r = name_copy(l, temporary, path);
	(void)unlink(temporary);
	return r;
}

static int append_tables(struct ledger *l, int64_t now_s)
{
	struct head head;
	int rc, r;

	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = chain_get_head(l, &head);
	if (r >= 0) {
		rc = sqlite3_exec(l->db, ledger_schema_2, NULL, NULL, NULL);
		r = rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
	}
	if (r >= 0)
		r = chain_append(l, now_s, FACT_MIGRATION, NULL, INTEGER(1), INTEGER(2),
				 INTEGER(head.number), BLOB(head.hash, sizeof(head.hash)));
	return ledger_end(l, r);
}

int ledger_migrate(struct ledger *l, const char *vfs, int64_t now_s)
{
	int r;

	r = make_copy(l, vfs);
	if (r >= 0 && l->mark_path) {
		/* The digest of a clean close is about to be untrue: a crash must not find it. */
		l->mark_clean = true;
		r = ledger_write_mark(l);
	}
	if (r >= 0)
		r = append_tables(l, now_s);
	if (r >= 0) {
		l->schema = LEDGER_SCHEMA_VERSION;
		return 0;
	}
	/* Full, or whatever it was: a file of version 1 is not written by this mesod. */
	if (r != -ENOMEM)
		ledger_set_state(
			l, LEDGER_FAILED,
			"the ledger %s could not be brought from schema version 1 to 2: %s",
			l->path, strerror(-r));
	return r;
}
