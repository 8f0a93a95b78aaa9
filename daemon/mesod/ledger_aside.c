// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second look at the database while the first is under way: a thread that checks
 * the file's structure, while the ledger's own thread follows the chain.
 *
 * Owns the connection that it looks through, which reads the file as it is, by the
 * descriptor that the ledger holds, and locks, writes and believes in nothing.  That is
 * sound only as long as nobody writes and the log is empty: ledger_verify() is the
 * ledger's thread, and has emptied it.  Never used for a dose.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger_internal.h"

#define STACK (512u << 10) /* mesod's memory is locked, its threads' stacks too */

struct aside {
	sqlite3_vfs vfs;
	char name[32];
	int fd;
	struct ledger *l; /* of its own: statements, state */
	pthread_t thread;
	int (*look)(struct ledger *l, struct ledger_report *report);
	struct ledger_report report;
	int result;
};

/* ----------------------------------------- a file that can only be read, by its descriptor */

struct file {
	sqlite3_file base;
	int fd;
};

static int do_close(sqlite3_file *file)
{
	(void)file;
	return SQLITE_OK;
}

static int do_read(sqlite3_file *file, void *buf, int len, sqlite3_int64 offset)
{
	const struct file *f = (const struct file *)file;
	uint8_t *to = buf;

	while (len > 0) {
		ssize_t n = pread(f->fd, to, (size_t)len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SQLITE_IOERR_READ;
		if (n == 0) {
			memset(to, 0, (size_t)len);
			return SQLITE_IOERR_SHORT_READ;
		}
		to += n;
		offset += n;
		len -= (int)n;
	}
	return SQLITE_OK;
}

static int do_write(sqlite3_file *file, const void *buf, int len, sqlite3_int64 offset)
{
	(void)file;
	(void)buf;
	(void)len;
	(void)offset;
	return SQLITE_READONLY;
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	(void)file;
	(void)size;
	return SQLITE_READONLY;
}

static int do_nothing(sqlite3_file *file, int how)
{
	(void)file;
	(void)how;
	return SQLITE_OK;
}

static int do_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	struct stat st;

	if (fstat(((const struct file *)file)->fd, &st) < 0)
		return SQLITE_IOERR_FSTAT;
	*ret = st.st_size;
	return SQLITE_OK;
}

static int do_check_lock(sqlite3_file *file, int *ret)
{
	(void)file;
	*ret = 0;
	return SQLITE_OK;
}

static int do_control(sqlite3_file *file, int op, void *argument)
{
	(void)file;
	(void)op;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int get_sector_size(sqlite3_file *file)
{
	(void)file;
	return 4096;
}

static int get_characteristics(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = do_close,
	.xRead = do_read,
	.xWrite = do_write,
	.xTruncate = do_truncate,
	.xSync = do_nothing,
	.xFileSize = do_size,
	.xLock = do_nothing,
	.xUnlock = do_nothing,
	.xCheckReservedLock = do_check_lock,
	.xFileControl = do_control,
	.xSectorSize = get_sector_size,
	.xDeviceCharacteristics = get_characteristics,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
		   int *ret_flags)
{
	const struct aside *a = vfs->pAppData;
	struct file *f = (struct file *)file;

	(void)name;
	f->base.pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	f->base.pMethods = &methods;
	f->fd = a->fd;
	if (ret_flags)
		*ret_flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB;
	return SQLITE_OK;
}

static int do_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)name;
	(void)sync;
	return SQLITE_READONLY;
}

static int do_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void)vfs;
	(void)name;
	(void)flags;
	*ret = 0;
	return SQLITE_OK;
}

static int do_full_path(sqlite3_vfs *vfs, const char *name, int size, char *buf)
{
	(void)vfs;
	return snprintf(buf, (size_t)size, "%s", name) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int open_it(struct aside *a)
{
	const sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
	int rc;

	if (!usual)
		return -EIO;
	/* Time, sleep and randomness are the usual one's; its files are not. */
	a->vfs = *usual;
	a->vfs.pNext = NULL;
	a->vfs.szOsFile = sizeof(struct file);
	a->vfs.zName = a->name;
	a->vfs.pAppData = a;
	a->vfs.xOpen = do_open;
	a->vfs.xDelete = do_delete;
	a->vfs.xAccess = do_access;
	a->vfs.xFullPathname = do_full_path;
	snprintf(a->name, sizeof(a->name), "aside-%p", (void *)a);
	rc = sqlite3_vfs_register(&a->vfs, 0);
	if (rc != SQLITE_OK)
		return rc == SQLITE_NOMEM ? -ENOMEM : -EIO;
	rc = sqlite3_open_v2("ledger", &a->l->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
			     a->name);
	if (rc == SQLITE_OK)
		rc = sqlite3_extended_result_codes(a->l->db, 1);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(a->l->db, ledger_pragmas_aside, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : ledger_sqlite_error(a->l, rc);
}

/* ------------------------------------------------------------------------ the thread */

static void *run(void *userdata)
{
	struct aside *a = userdata;

	a->result = a->look(a->l, &a->report);
	return NULL;
}

static int start(struct aside *a)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	int r;

	r = pthread_attr_init(&attributes);
	if (r != 0)
		return -r;
	r = pthread_attr_setstacksize(&attributes, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r == 0)
		r = pthread_create(&a->thread, &attributes, run, a);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

static void dispose(struct aside *a)
{
	if (a->l) {
		sql_finalize_all(a->l);
		sqlite3_close(a->l->db);
		if (sqlite3_vfs_find(a->name) == &a->vfs)
			sqlite3_vfs_unregister(&a->vfs);
		if (a->l->md)
			gcry_md_close(a->l->md);
	}
	free(a->l);
	free(a);
}

struct aside *aside_start(struct ledger *l, int (*look)(struct ledger *l, struct ledger_report *))
{
	struct aside *a;
	struct stat st;

	/* What is small is done before a thread has begun; what is in the log is not in the file. */
	if (!sqlite3_threadsafe() || l->file_fd < 0 || fstat(l->file_fd, &st) < 0 ||
	    st.st_size <= LEDGER_SMALL_BYTES || ledger_writable(l) < 0 ||
	    sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
		    SQLITE_OK)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->fd = l->file_fd;
	a->look = look;
	a->l = calloc(1, sizeof(*a->l));
	if (a->l) {
		atomic_init(&a->l->state, LEDGER_OK);
		a->l->lock_fd = a->l->file_fd = -1;
		a->l->schema = l->schema;
		if (open_it(a) >= 0 && start(a) >= 0)
			return a;
	}
	dispose(a);
	return NULL;
}

int aside_end(struct aside *a, struct ledger *l, struct ledger_report *report)
{
	int r;

	pthread_join(a->thread, NULL);
	r = a->result;
	if (report && a->report.problem[0])
		memcpy(report->problem, a->report.problem, sizeof(report->problem));
	/* What the disk did to it, it has done to the ledger. */
	if (ledger_get_state(a->l) != LEDGER_OK)
		ledger_set_state(l, ledger_get_state(a->l), "%s", a->l->problem);
	dispose(a);
	return r;
}
