// SPDX-License-Identifier: GPL-2.0-only
/*
 * Erasing who somebody is, without touching what happened.
 *
 * Owns that names go with their salt, so that the digest which stays in the chain
 * says nothing any more, and that they leave the log, the copies beside the ledger
 * and what restores have put aside too.  Never removes a fact: ids, doses and dates stay.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger_internal.h"

/* 1 a row, 0 none */
static int exists(struct ledger *l, enum sql sql, struct value key)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start(l, sql, &row, key);
	return r < 0 ? r : sql_step(l, row);
}

int erase_check_patient(struct ledger *l, struct value id)
{
	int r;

	r = exists(l, SQL_PATIENT_EXISTS, id);
	if (r > 0)
		r = exists(l, SQL_PATIENT_NAMED, id);
	else if (r == 0)
		return -ENOENT;
	return r == 0 ? -EIDRM : r < 0 ? r : 0;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* A database, or what a database that is gone has left in its log. */
static int strip_one(const char *path)
{
	static const char log[] = "-wal";
	const size_t len = strlen(path), cut = len - (sizeof(log) - 1);
	char database[4096];
	struct stat st;
	int r;

	if (len > sizeof(log) && len < sizeof(database) && strcmp(path + cut, log) == 0) {
		memcpy(database, path, cut);
		database[cut] = '\0';
		if (access(database, F_OK) == 0 || (lstat(path, &st) == 0 && st.st_size == 0))
			return 0;
		return -ENOTEMPTY;
	}
	r = ledger_strip_names(path);
	return r < 0 && r != -ENOMEM ? -ENOTEMPTY : r;
}

/* All names in what restores have put aside.  Whom such a file calls by which id nobody knows: who was
 * registered in what was lost has another id here. */
static int strip_kept(struct ledger *l)
{
	_cleanup_(freep) char *directory = NULL, *prefix = NULL;
	_cleanup_(closedirp) DIR *dir = NULL;
	const char *slash = strrchr(l->path, '/');
	int length = slash ? (int)(slash - l->path) + 1 : 0;
	struct dirent *entry;
	int r = 0;

	if (asprintf(&directory, "%.*s", length ? length : 2, length ? l->path : "./") < 0) {
		directory = NULL;
		return -ENOMEM;
	}
	if (asprintf(&prefix, "%s.lost-", l->path + length) < 0) {
		prefix = NULL;
		return -ENOMEM;
	}
	dir = opendir(directory);
	if (!dir)
		return -errno;
	while (r >= 0 && (entry = readdir(dir))) {
		_cleanup_(freep) char *path = NULL;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (asprintf(&path, "%s%s", directory, entry->d_name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = strip_one(path);
	}
	return r;
}

/* The name is not in the database any more; now not in its log either, nor in the copy of a version 1
 * ledger, which is of no use to who has used version 2 since. */
static int leave_nothing(struct ledger *l)
{
	_cleanup_(freep) char *copy = NULL;
	int rc;

	rc = sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc != SQLITE_OK)
		return ledger_sqlite_error(l, rc);
	if (asprintf(&copy, "%s.v1-backup", l->path) < 0) {
		copy = NULL;
		return -ENOMEM;
	}
	if (unlink(copy) < 0)
		return errno == ENOENT ? 0 : -errno;
	return mark_sync_directory(l->path);
}

static int erase_patient(struct ledger *l, int64_t now_s, struct value id, uint32_t uid,
			 const char *reason)
{
	int r;

	r = erase_check_patient(l, id);
	if (r == -EIDRM)
		r = -EALREADY;
	if (r < 0)
		return r;
	/* What is under way is told to people by name. */
	r = sessions_make_way(l, now_s, SQL_LIVE_BY_PATIENT, id);
	if (r >= 0)
		r = exists(l, SQL_ACCOUNT_OUTSTANDING, id);
	if (r > 0)
		r = -EBUSY;
	if (r >= 0)
		r = sql_run(l, SQL_PATIENT_NAME_DELETE, id);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_ERASURE, NULL, id,
				 (struct value){ .type = VALUE_NULL }, INTEGER(uid), TEXT(reason));
	return r < 0 ? r : strip_kept(l);
}

int ledger_erase_patient(struct ledger *l, int64_t now_s, const struct ledger_id *patient,
			 uint32_t uid, const char *reason)
{
	int r;

	if (!patient || text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = digest_settle(l);
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l,
		       erase_patient(l, now_s, BLOB(patient->bytes, LEDGER_ID_LEN), uid, reason));
	return r < 0 ? r : leave_nothing(l);
}

static int erase_operator(struct ledger *l, int64_t now_s, uint32_t operator_uid, uint32_t uid,
			  const char *reason)
{
	struct ledger_operator op;
	struct value id;
	int r;

	r = ledger_get_operator(l, operator_uid, &op);
	if (r >= 0 && op.erased)
		r = -EALREADY;
	if (r >= 0)
		r = exists(l, SQL_LIVE_BY_OPERATOR, INTEGER(operator_uid));
	if (r > 0)
		r = -EBUSY;
	if (r < 0)
		return r;
	id = BLOB(op.id.bytes, LEDGER_ID_LEN);
	r = sql_run(l, SQL_OPERATOR_NAME_DELETE, id);
	if (r >= 0)
		r = sql_run(l, SQL_RENEWAL_NAME_DELETE, id);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_ERASURE, NULL, (struct value){ .type = VALUE_NULL },
				 id, INTEGER(uid), TEXT(reason));
	return r < 0 ? r : strip_kept(l);
}

int ledger_erase_operator(struct ledger *l, int64_t now_s, uint32_t operator_uid, uint32_t uid,
			  const char *reason)
{
	int r;

	if (text_check_name(reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	r = digest_settle(l);
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	r = ledger_end(l, erase_operator(l, now_s, operator_uid, uid, reason));
	return r < 0 ? r : leave_nothing(l);
}
