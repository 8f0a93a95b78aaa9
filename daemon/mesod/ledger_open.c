// SPDX-License-Identifier: GPL-2.0-only
/*
 * Opening the ledger: is it there, is it ours, is it whole, is it the newest?
 *
 * Owns the order of those questions, and the making of a new ledger, which
 * happens only where neither a database nor a mark is.  Never repairs.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "gcrypt_start.h"
#include "ledger_internal.h"

/* Room for a lease of the most shots and its settlement, several times over. */
#define MIN_FREE_DEFAULT (8u << 20)
/* Of a file that is not small the newest records are checked at opening, of a small one all. */
#define VERIFY_NEWEST    256
#define PAGES_TOGETHER   64

/* Reads what is on the disk before SQLite touches it.  1 a database is there, 0 there is none. */
static int look_at_file(struct ledger *l)
{
	struct stat st;

	if (lstat(l->path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s cannot be reached: %s", l->path,
				 strerror(errno));
		return -EIO;
	}
	if (!S_ISREG(st.st_mode)) {
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s is no regular file", l->path);
		return -EIO;
	}
	/* Patients' names are in it. */
	if ((st.st_mode & 077) && chmod(l->path, st.st_mode & 0700) < 0) {
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s can be read by others", l->path);
		return -EIO;
	}
	return st.st_size > 0;
}

static int make_file(struct ledger *l)
{
	_cleanup_(closep) int fd = -1;
	int r = 0;

	fd = open(l->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fsync(fd) < 0)
		r = -errno;
	if (r >= 0)
		r = mark_sync_directory(l->path);
	if (r < 0 && r != -ENOMEM)
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s cannot be made: %s", l->path,
				 strerror(-r));
	return r;
}

static const char *const pragmas =
	"PRAGMA locking_mode = EXCLUSIVE;"
	"PRAGMA synchronous = FULL;"
	"PRAGMA foreign_keys = ON;"
	"PRAGMA recursive_triggers = ON;" /* so that REPLACE cannot slip past the delete triggers */
	"PRAGMA trusted_schema = OFF;"
	"PRAGMA cell_size_check = ON;"
	"PRAGMA secure_delete = ON;" /* an erased name leaves nothing behind */
	"PRAGMA temp_store = MEMORY;"
	"PRAGMA mmap_size = 0;"
	"PRAGMA journal_mode = WAL;"
	"PRAGMA wal_autocheckpoint = 1000;"; /* LEDGER_LOG_PAGES */

/* A pragma's one number. */
static int get_number(struct ledger *l, const char *sql, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int rc, r = 0;

	rc = sqlite3_prepare_v2(l->db, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	else
		r = rc == SQLITE_DONE ? -EBADMSG : ledger_sqlite_error(l, rc);
	sqlite3_finalize(statement);
	return r;
}

static int open_database(struct ledger *l, const char *vfs)
{
	int rc;

	rc = sqlite3_open_v2(l->path, &l->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
			     vfs);
	if (rc == SQLITE_OK)
		rc = sqlite3_extended_result_codes(l->db, 1);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* journal_mode takes the lock, or finds that somebody has it. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(l->db, pragmas, NULL, NULL, NULL);
	if ((rc & 0xff) == SQLITE_BUSY) {
		ledger_set_state(l, LEDGER_FAILED, "another process has the ledger %s open",
				 l->path);
		return -EIO;
	}
	return rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
}

/* ---------------------------------------------------------- a new ledger */

static int write_genesis(struct ledger *l, int64_t now_s)
{
	int rc, r;

	r = random_bytes(l->id.bytes, sizeof(l->id.bytes));
	if (r >= 0)
		r = ledger_begin(l);
	if (r < 0)
		return r;
	rc = sqlite3_exec(l->db, ledger_schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(l->db, ledger_schema_2, NULL, NULL, NULL);
	l->schema = LEDGER_SCHEMA_VERSION;
	r = rc == SQLITE_OK ? 0 : ledger_sqlite_error(l, rc);
	if (r >= 0)
		r = chain_append(l, now_s, FACT_LEDGER, NULL,
				 BLOB(l->id.bytes, sizeof(l->id.bytes)),
				 INTEGER(LEDGER_SCHEMA_VERSION));
	return ledger_end(l, r);
}

/* ------------------------------------------------------------ an old one */

static int read_id(struct ledger *l)
{
	_cleanup_(sql_resetp) sqlite3_stmt *row = NULL;
	int r;

	r = sql_start0(l, SQL_LEDGER_ID, &row);
	if (r >= 0)
		r = sql_step(l, row);
	if (r > 0)
		return sql_get_blob(l, row, 0, l->id.bytes, sizeof(l->id.bytes));
	if (r == 0)
		ledger_set_state(l, LEDGER_CORRUPT, "the ledger has no first record");
	return r < 0 ? r : -EBADMSG;
}

static int check_content(struct ledger *l)
{
	struct ledger_report report = { 0 };
	int64_t pages = 0, page_size = 0;
	struct head head = { 0 };
	int r;

	r = get_number(l, "PRAGMA page_count", &pages);
	if (r >= 0)
		r = get_number(l, "PRAGMA page_size", &page_size);
	if (r < 0)
		return r;
	/* An older file is believed once more, and then carried on for ever: all of it is looked at. */
	if (page_size > 0 &&
	    (pages <= LEDGER_SMALL_BYTES / page_size || l->schema < LEDGER_SCHEMA_VERSION))
		return ledger_verify(l, &report);
	r = schema_matches(l);
	if (r == 0) {
		ledger_set_state(l, LEDGER_CORRUPT, "the ledger's tables are not ours");
		return 0;
	}
	if (r >= 0)
		r = chain_get_head(l, &head);
	if (r >= 0)
		r = chain_verify(l, head.number > VERIFY_NEWEST ? head.number - VERIFY_NEWEST : 0,
				 &report);
	if (r == -EBADMSG)
		ledger_set_state(l, LEDGER_CORRUPT, "%s", report.problem);
	return r;
}

/* The database may be ahead of the mark (a crash), never behind or beside it. */
static int check_mark(struct ledger *l, int have_mark, const struct mark *mark)
{
	struct head head;
	int r;

	r = chain_get_head(l, &head);
	if (r < 0)
		return r;
	if (!have_mark) {
		/* Of a ledger that was made and not yet used, it may not have been written. */
		if (head.number > 1)
			ledger_set_state(l, LEDGER_ROLLED_BACK,
					 "the mark %s is missing: the ledger may be an old copy",
					 l->mark_path);
		return 0;
	}
	if (memcmp(&mark->id, &l->id, sizeof(l->id)) != 0) {
		ledger_set_state(l, LEDGER_FAILED, "the mark %s is another ledger's", l->mark_path);
		return 0;
	}
	r = chain_contains(l, mark->number, mark->hash, sizeof(mark->hash));
	if (r == 0)
		ledger_set_state(l, LEDGER_ROLLED_BACK,
				 "the ledger is an old copy: it ends at record %" PRIu64
				 ", record %" PRIu64 " was seen or was another one",
				 head.number, mark->number);
	return r < 0 ? r : 0;
}

static int check_old(struct ledger *l, const struct ledger_options *o, int have_mark,
		     const struct mark *mark)
{
	int64_t version = 0;
	int r;

	r = get_number(l, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (version < 1 || version > LEDGER_SCHEMA_VERSION) {
		ledger_set_state(l,
				 version > LEDGER_SCHEMA_VERSION ? LEDGER_FAILED : LEDGER_CORRUPT,
				 "the ledger has schema version %" PRId64 ", this mesod knows %d",
				 version, LEDGER_SCHEMA_VERSION);
		return 0;
	}
	l->schema = (int)version;
	r = read_id(l);
	if (r >= 0)
		r = check_content(l);
	if (r >= 0 && l->mark_path)
		r = check_mark(l, have_mark, mark);
	if (r >= 0 && l->schema < LEDGER_SCHEMA_VERSION && digest_settle(l) >= 0 &&
	    ledger_writable(l) >= 0)
		r = ledger_migrate(l, o->vfs, o->now_s);
	if (r >= 0 && l->schema == LEDGER_SCHEMA_VERSION && ledger_writable(l) >= 0)
		r = restored_load(l);
	return r;
}

/* -------------------------------------------------------------- the order */

/* Is there a ledger in this database?  A crash while it was made leaves an empty one. */
static int is_empty(struct ledger *l, bool *ret)
{
	int64_t tables = 0;
	int r;

	r = get_number(l, "SELECT count(*) FROM sqlite_schema", &tables);
	if (r >= 0)
		*ret = tables == 0;
	return r;
}

int ledger_lock(const struct ledger_io *io, const char *path)
{
	_cleanup_(freep) char *lock = NULL;
	int fd, r;

	if (asprintf(&lock, "%s-lock", path) < 0) {
		lock = NULL;
		return -ENOMEM;
	}
	fd = io->open(lock, O_RDWR | O_CREAT);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	r = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return r;
}

/* SQLite's own lock is on a file that a restore moves away, or on none if it is missing. */
static int lock_it(struct ledger *l)
{
	int fd = ledger_lock(l->io, l->path);

	if (fd == -EBUSY)
		ledger_set_state(l, LEDGER_FAILED, "another process has the ledger %s open",
				 l->path);
	else if (fd < 0 && fd != -ENOMEM)
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s cannot be locked: %s", l->path,
				 strerror(-fd));
	l->lock_fd = fd < 0 ? -1 : fd;
	return fd < 0 ? fd : 0;
}

static int bring_up(struct ledger *l, const struct ledger_options *o)
{
	struct mark mark = { 0 };
	int have_mark = 0, r;
	bool empty = false;

	r = l->restoring ? 0 : lock_it(l);
	if (r < 0)
		return r;

	if (l->mark_path)
		have_mark = mark_read(l->mark_path, &mark);
	if (have_mark == -ENOMEM)
		return have_mark;
	if (have_mark < 0) {
		ledger_set_state(l, have_mark == -EBADMSG ? LEDGER_CORRUPT : LEDGER_FAILED,
				 "the mark %s cannot be read: %s", l->mark_path,
				 strerror(-have_mark));
		have_mark = 0;
	}
	r = look_at_file(l);
	if (r == 0 && have_mark > 0)
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s is missing", l->path);
	if (r == 0 && ledger_get_state(l) != LEDGER_OK)
		return 0; /* there is nothing to read, and nothing may be made */
	if (r < 0)
		return r;
	if (r == 0)
		r = make_file(l);
	if (r >= 0) {
		l->file_fd = open(l->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (l->file_fd < 0)
			return -errno;
	}
	if (r > 0 && mark.clean) {
		l->mark_clean = true;
		r = digest_check(l, &mark);
	}
	if (r >= 0)
		r = open_database(l, o->vfs);
	if (r >= 0)
		r = digest_hold_file(l);
	if (r >= 0)
		r = is_empty(l, &empty);
	if (r < 0)
		return r;
	if (empty && have_mark > 0)
		ledger_set_state(l, LEDGER_FAILED, "the ledger %s is empty", l->path);
	if (empty && l->restoring)
		ledger_set_state(l, LEDGER_CORRUPT, "there is no ledger in it");
	if (empty && ledger_writable(l) < 0)
		return ledger_writable(l);
	return empty ? write_genesis(l, o->now_s) : check_old(l, o, have_mark, &mark);
}

/* Before its first use; later it stays as it is. */
static void configure_sqlite(void)
{
	/* Nobody asks how much memory it has, and counting takes a lock each time. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* Pages that lie together leave no holes between what stays, when ledger_give_memory_back() is done. */
	(void)sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, PAGES_TOGETHER);
}

static int allocate(const struct ledger_options *o, struct ledger **ret)
{
	_cleanup_(ledger_closep) struct ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	configure_sqlite();
	gcrypt_start();
	atomic_init(&l->state, LEDGER_OK);
	l->lock_fd = l->file_fd = -1;
	l->restoring = o->restoring;
	l->io = o->io ? o->io : &ledger_io_system;
	l->min_free = o->min_free ? o->min_free : MIN_FREE_DEFAULT;
	l->path = strdup(o->path);
	if (o->mark_path)
		l->mark_path = strdup(o->mark_path);
	if (!l->path || (o->mark_path && !l->mark_path) ||
	    gcry_md_open(&l->md, GCRY_MD_SHA256, 0) || ballast_init(l, o->ballast) < 0)
		return -ENOMEM;
	*ret = TAKE_PTR(l);
	return 0;
}

int ledger_open(const struct ledger_options *o, struct ledger **ret)
{
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	bool is_marked;
	int r;

	if (!o || !o->path || !o->path[0] || !ret)
		return -EINVAL;
	r = allocate(o, &l);
	if (r < 0)
		return r;
	r = bring_up(l, o);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		ledger_set_state(l, r == -EBADMSG ? LEDGER_CORRUPT : LEDGER_FAILED,
				 "the ledger %s cannot be opened: %s", l->path, strerror(-r));
	/* The mark of a clean close stays as it is until something is written. */
	is_marked = l->mark_clean;
	l->mark_clean = true;
	l->opened = true;
	if (ledger_writable(l) >= 0 && !is_marked) {
		r = ledger_write_mark(l);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			ledger_set_state(l, LEDGER_FAILED, "the mark %s cannot be written: %s",
					 l->mark_path, strerror(-r));
	}
	if (ledger_writable(l) >= 0 && !l->restoring)
		(void)ballast_hold(l); /* if not, the state says so */
	if (l->db && ledger_writable(l) < 0)
		(void)sqlite3_exec(l->db, "PRAGMA query_only = ON", NULL, NULL, NULL);
	*ret = TAKE_PTR(l);
	return 0;
}

int ledger_look_at_head(const struct ledger_options *o, struct head *ret)
{
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	int r;

	r = allocate(o, &l);
	if (r >= 0)
		r = open_database(l, o->vfs);
	if (r >= 0 &&
	    sqlite3_db_config(l->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK)
		r = -EIO;
	return r < 0 ? r : chain_get_head(l, ret);
}

static int strip(struct ledger *l)
{
	int r;

	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = sql_run0(l, SQL_STRIP_PATIENTS);
	if (r >= 0)
		r = sql_run0(l, SQL_STRIP_OPERATORS);
	if (r >= 0 && l->schema >= 2)
		r = sql_run0(l, SQL_STRIP_RENEWALS);
	return ledger_end(l, r);
}

int ledger_strip_names(const char *path)
{
	const struct ledger_options o = { .path = path };
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	int64_t version = 0;
	bool empty = false;
	int r;

	r = allocate(&o, &l);
	if (r >= 0)
		r = open_database(l, NULL);
	if (r >= 0)
		r = is_empty(l, &empty);
	if (r >= 0)
		r = get_number(l, "PRAGMA user_version", &version);
	if (r < 0 || empty)
		return r;
	l->schema = (int)version;
	r = strip(l);
	if (r >= 0 && sqlite3_wal_checkpoint_v2(l->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
						NULL) != SQLITE_OK)
		r = -EIO;
	return r;
}
