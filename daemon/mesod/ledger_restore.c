// SPDX-License-Identifier: GPL-2.0-only
/*
 * Restoring the ledger from a backup, while no mesod runs.
 *
 * Owns the order.  The backup is copied beside the ledger and everything is
 * verified on the copy; the restore is recorded in it; only then the present file
 * is put aside under a name with the time, and its write-ahead log with it, the
 * copy takes its place, and last the mark is written anew.  Whatever fails or
 * whoever dies in between: either nothing has happened, or the ledger is missing
 * or does not agree with its mark, so that nothing is armed and the restore can
 * be run again.  Deletes nothing but its own copy.
 *
 * What it does not know, it records as unknown; what follows from that is
 * ledger_review.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "ledger_internal.h"

struct restoring {
	const struct ledger_restore_options *o;
	const struct ledger_io *io;
	struct ledger_restore_report *report;
	char *copy, *copy_wal, *wal; /* paths */
	struct mark mark;            /* of before; have_mark 1 if there is one */
	int have_mark;
	struct head lost; /* number 0: unknown */
	struct mark next; /* of afterwards */
};

static int refuse(struct restoring *v, int r, const char *format, ...) _printf_(3, 4);
static int refuse(struct restoring *v, int r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(v->report->problem, sizeof(v->report->problem), format, ap);
	va_end(ap);
	return r;
}

/* -------------------------------------------------------------- the backup */

static int copy_file(struct restoring *v, int from, const char *to)
{
	_cleanup_(closep) int fd = -1;
	char piece[65536];
	off_t offset = 0;
	ssize_t n;
	int r = 0;

	/* What a crash left there was never a ledger. */
	if (unlink(to) < 0 && errno != ENOENT)
		return -errno;
	fd = v->io->open(to, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	while (r >= 0 && (n = pread(from, piece, sizeof(piece), offset)) != 0) {
		if (n < 0)
			return -errno;
		r = io_write_all(v->io, fd, piece, (size_t)n);
		offset += n;
	}
	return r < 0 ? r : v->io->sync(fd);
}

static void drop_copy(const struct restoring *v)
{
	static const char *const suffixes[] = { "", "-wal", "-journal", ".v1-backup",
						".v1-backup.new" };
	char path[4096];

	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++)
		if (snprintf(path, sizeof(path), "%s%s", v->copy, suffixes[i]) < (int)sizeof(path))
			(void)unlink(path);
}

static int copy_backup(struct restoring *v)
{
	struct stat st, present;
	int r;

	if (fstat(v->o->backup_fd, &st) < 0)
		return refuse(v, -errno, "the backup cannot be read: %s", strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return refuse(v, -EBADMSG, "the backup is empty or no regular file");
	if (stat(v->o->path, &present) == 0 && present.st_dev == st.st_dev &&
	    present.st_ino == st.st_ino)
		return refuse(v, -EINVAL, "the backup is the ledger %s itself", v->o->path);
	drop_copy(v);
	r = copy_file(v, v->o->backup_fd, v->copy);
	if (r >= 0 && v->o->backup_wal_fd >= 0)
		r = copy_file(v, v->o->backup_wal_fd, v->copy_wal);
	return r < 0 ? refuse(v, r, "the backup cannot be copied to %s: %s", v->copy, strerror(-r))
		     : 0;
}

/* ------------------------------------------------- what there was, what is next */

static int look_at_present(struct restoring *v)
{
	const struct ledger_options o = { .path = v->o->path, .vfs = v->o->vfs };
	struct stat st;
	int r;

	v->have_mark = mark_read(v->o->mark_path, &v->mark);
	if (v->have_mark == -ENOMEM)
		return v->have_mark;
	/* An empty one is not touched: SQLite would make a database of it. */
	if (lstat(v->o->path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		r = ledger_look_at_head(&o, &v->lost);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			v->lost = (struct head){ 0 };
		/* Looking makes an empty log where there was none. */
		if (lstat(v->wal, &st) == 0 && st.st_size == 0)
			(void)unlink(v->wal);
	}
	return 0;
}

static int append_restore(struct restoring *v, struct ledger *l)
{
	const struct value none = { .type = VALUE_NULL };
	const bool lost = v->lost.number > 0, marked = v->have_mark > 0;
	struct head head;
	int r;

	r = ledger_begin(l);
	if (r < 0)
		return r;
	r = chain_get_head(l, &head);
	if (r >= 0)
		r = chain_append(l, v->o->now_s, FACT_RESTORE, NULL, INTEGER(head.number),
				 BLOB(head.hash, sizeof(head.hash)),
				 lost ? INTEGER(v->lost.number) : none,
				 lost ? BLOB(v->lost.hash, sizeof(v->lost.hash)) : none,
				 marked ? INTEGER(v->mark.number) : none,
				 marked ? BLOB(v->mark.hash, sizeof(v->mark.hash)) : none,
				 INTEGER(v->o->uid), TEXT(v->o->reason));
	r = ledger_end(l, r);
	if (r < 0)
		return r;
	v->report->head = head.number;
	v->report->lost = v->lost.number;
	v->report->mark = marked ? v->mark.number : 0;
	r = restored_load(l);
	v->report->since_s = l->restored.since_s;
	if (r >= 0)
		r = chain_get_head(l, &head);
	if (r >= 0) {
		v->next = (struct mark){ .id = l->id, .number = head.number };
		memcpy(v->next.hash, head.hash, sizeof(v->next.hash));
	}
	return r;
}

/* The copy is a ledger, whole, this one's, and tells of its restore. */
static int prove_copy(struct restoring *v)
{
	const struct ledger_options o = { .path = v->copy,
					  .vfs = v->o->vfs,
					  .io = v->o->io,
					  .restoring = true,
					  .now_s = v->o->now_s };
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	struct ledger_report report;
	char ours[LEDGER_ID_TEXT_MAX], theirs[LEDGER_ID_TEXT_MAX];
	int r;

	r = ledger_open(&o, &l);
	if (r < 0)
		return r;
	if (ledger_get_state(l) == LEDGER_OK) {
		r = ledger_verify(l, &report);
		if (r < 0)
			return refuse(v, r, "the backup cannot be verified: %s", strerror(-r));
	}
	if (ledger_get_state(l) != LEDGER_OK)
		return refuse(v, -EBADMSG, "the backup is no whole ledger: %s",
			      ledger_get_problem(l));
	if (v->have_mark > 0 && memcmp(&v->mark.id, &l->id, sizeof(l->id)) != 0)
		return refuse(v, -EXDEV, "the backup is of ledger %s, the mark %s of ledger %s",
			      ledger_id_format(&l->id, theirs), v->o->mark_path,
			      ledger_id_format(&v->mark.id, ours));
	/* The days after the restore are counted from its time. */
	if (ledger_clock_behind(l, v->o->now_s) > LEDGER_CLOCK_TOLERANCE_S)
		return refuse(v, -ETIME,
			      "the clock is %" PRId64 " s before the backup's newest record "
			      "(limit=%d s): set it first",
			      ledger_clock_behind(l, v->o->now_s), LEDGER_CLOCK_TOLERANCE_S);
	r = append_restore(v, l);
	if (r < 0)
		return refuse(v, r, "the restore cannot be recorded: %s", strerror(-r));
	l = ledger_close(l);
	return access(v->copy_wal, F_OK) == 0
		       ? refuse(v, -EIO, "the copy %s was not written to its end", v->copy)
		       : 0;
}

/* ------------------------------------------------------------- in its place */

/* The time, and a number if that name is taken: what was kept is never replaced. */
static int name_kept(struct restoring *v)
{
	const time_t now = (time_t)v->o->now_s;
	char *kept = v->report->kept, stamp[32];
	struct stat st;
	struct tm tm;

	if (!gmtime_r(&now, &tm) || !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm))
		return -EINVAL;
	for (unsigned int i = 1; i < 1000; i++) {
		if (snprintf(kept, sizeof(v->report->kept), "%s.lost-%s-%u", v->o->path, stamp,
			     i) >= (int)sizeof(v->report->kept) - 8)
			return -ENAMETOOLONG;
		if (lstat(kept, &st) < 0)
			return errno == ENOENT ? 0 : -errno;
	}
	return -EEXIST;
}

static int put_aside(struct restoring *v)
{
	char kept_wal[sizeof(v->report->kept) + 8];
	bool something = false;
	int r;

	r = name_kept(v);
	if (r < 0)
		return r;
	/* The database first: without it, nobody opens what is left; and its log by the same name, or
	 * SQLite would play it into the copy. */
	r = v->io->rename(v->o->path, v->report->kept);
	something = r >= 0;
	if (r < 0 && r != -ENOENT)
		return r;
	(void)snprintf(kept_wal, sizeof(kept_wal), "%s-wal", v->report->kept);
	r = v->io->rename(v->wal, kept_wal);
	something = something || r >= 0;
	if (!something)
		v->report->kept[0] = '\0';
	return r == -ENOENT ? 0 : r;
}

static int put_in_place(struct restoring *v)
{
	int r = 0;

	/* Where no mark is, a ledger that is missing would be made anew. */
	if (v->have_mark <= 0)
		r = mark_write(v->io, v->o->mark_path, &v->next);
	if (r < 0)
		return refuse(v, r, "the mark %s cannot be written: %s", v->o->mark_path,
			      strerror(-r));
	r = put_aside(v);
	if (r >= 0)
		r = v->io->rename(v->copy, v->o->path);
	if (r >= 0)
		r = mark_sync_directory(v->o->path);
	if (r < 0)
		return refuse(v, r,
			      "the ledger %s cannot be replaced: %s; nothing is armed until the "
			      "restore has been run again",
			      v->o->path, strerror(-r));
	r = mark_write(v->io, v->o->mark_path, &v->next);
	return r < 0 ? refuse(v, r,
			      "the mark %s cannot be written: %s; nothing is armed until the "
			      "restore has been run again",
			      v->o->mark_path, strerror(-r))
		     : 0;
}

/* As mesod will. */
static int open_once(struct restoring *v)
{
	const struct ledger_options o = { .path = v->o->path,
					  .mark_path = v->o->mark_path,
					  .vfs = v->o->vfs,
					  .io = v->o->io,
					  .ballast = v->o->ballast,
					  .now_s = v->o->now_s };
	_cleanup_(ledger_closep) struct ledger *l = NULL;
	int r = ledger_open(&o, &l);

	if (r < 0)
		return refuse(v, r, "the restored ledger cannot be opened: %s", strerror(-r));
	if (ledger_writable(l) < 0)
		return refuse(v, -EIO, "the restored ledger is %s: %s",
			      ledger_state_name(ledger_get_state(l)), ledger_get_problem(l));
	return 0;
}

static int restore_locked(struct restoring *v)
{
	int r;

	r = look_at_present(v);
	if (r >= 0)
		r = copy_backup(v);
	if (r >= 0)
		r = prove_copy(v);
	if (r >= 0)
		r = put_in_place(v);
	drop_copy(v);
	return r;
}

static int make_paths(struct restoring *v)
{
	if (asprintf(&v->copy, "%s.restoring", v->o->path) < 0)
		v->copy = NULL;
	if (asprintf(&v->copy_wal, "%s.restoring-wal", v->o->path) < 0)
		v->copy_wal = NULL;
	if (asprintf(&v->wal, "%s-wal", v->o->path) < 0)
		v->wal = NULL;
	return v->copy && v->copy_wal && v->wal ? 0 : -ENOMEM;
}

int ledger_restore(const struct ledger_restore_options *o, struct ledger_restore_report *ret)
{
	struct restoring v = { .o = o, .report = ret };
	int lock = -1, r;

	if (!o || !ret || !o->path || !o->mark_path || o->backup_fd < 0 ||
	    text_check_name(o->reason, LEDGER_REASON_MAX) < 0)
		return -EINVAL;
	*ret = (struct ledger_restore_report){ 0 };
	v.io = o->io ? o->io : &ledger_io_system;
	r = make_paths(&v);
	if (r >= 0) {
		lock = ledger_lock(v.io, o->path);
		r = lock == -EBUSY ? refuse(&v, lock,
					    "another process has the ledger %s open: stop mesod "
					    "first",
					    o->path)
		    : lock < 0     ? refuse(&v, lock, "the ledger %s cannot be locked: %s", o->path,
					    strerror(-lock))
				   : restore_locked(&v);
	}
	closep(&lock);
	if (r >= 0)
		r = open_once(&v);
	if (r < 0 && !ret->problem[0])
		(void)refuse(&v, r, "the ledger was not restored: %s", strerror(-r));
	free(v.copy);
	free(v.copy_wal);
	free(v.wal);
	return r;
}
