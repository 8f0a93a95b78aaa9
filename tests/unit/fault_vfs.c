// SPDX-License-Identifier: GPL-2.0-only
/*
 * See fault_vfs.h.
 */
#include "fault_vfs.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a write or truncate has done to a file since its last sync, so that it can be undone. */
struct undo {
	struct undo *older;
	int fd; /* of the test's own, for raw access */
	sqlite3_int64 offset;
	sqlite3_int64 size_before;
	size_t length; /* of what was there before */
	unsigned char before[];
};

struct fault_file {
	sqlite3_file base;
	sqlite3_file *real;
	int fd; /* raw access to the same file, -1 for files without a name */
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	sqlite3_io_methods methods;
	enum fault fault;
	unsigned int count, syncs, after;
	bool for_ever, hit;
	struct undo *undo; /* newest first */
} state;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct fault_file *)(void *)file)->real;
}

/* ------------------------------------------------------- what is not synced */

static void remember(struct fault_file *f, sqlite3_int64 offset, sqlite3_int64 length)
{
	struct undo *u;
	off_t size;

	if (f->fd < 0)
		return;
	size = lseek(f->fd, 0, SEEK_END);
	if (offset + length > size)
		length = size > offset ? size - offset : 0;
	u = malloc(sizeof(*u) + (size_t)length);
	ck_assert_ptr_nonnull(u);
	*u = (struct undo){ .older = state.undo,
			    .fd = f->fd,
			    .offset = offset,
			    .size_before = size,
			    .length = (size_t)length };
	if (length > 0)
		ck_assert_int_eq(pread(f->fd, u->before, (size_t)length, offset), length);
	state.undo = u;
}

static void forget(int fd)
{
	for (struct undo **p = &state.undo; *p;) {
		struct undo *u = *p;

		if (u->fd == fd) {
			*p = u->older;
			free(u);
		} else {
			p = &u->older;
		}
	}
}

static void die(void)
{
	unsigned int n = 0;

	if (state.fault != FAULT_DIES) {
		for (struct undo *u = state.undo; u; u = u->older, n++) {
			if (state.fault == FAULT_POWER_SOME && n % 2 == 0)
				continue;
			if (u->length > 0 &&
			    pwrite(u->fd, u->before, u->length, u->offset) != (ssize_t)u->length)
				_exit(1);
			if (state.fault != FAULT_POWER_SOME && ftruncate(u->fd, u->size_before) < 0)
				_exit(1);
		}
	}
	_exit(FAULT_EXIT);
}

/* ---------------------------------------------------------------- counting */

static bool is_death(void)
{
	return state.fault >= FAULT_DIES;
}

/* Is it this one's turn? */
static bool due(void)
{
	unsigned int n = state.count++;

	if (state.fault == FAULT_NONE || n < state.after || (n > state.after && !state.for_ever))
		return false;
	state.hit = true;
	return true;
}

/* For what takes no room on the disk. */
static int fail_other(int rc)
{
	if (!due())
		return SQLITE_OK;
	if (is_death())
		die();
	return state.fault == FAULT_FULL || state.fault == FAULT_SHORT ? SQLITE_OK : rc;
}

/* ---------------------------------------------------------------- methods */

static int do_write(sqlite3_file *file, const void *data, int length, sqlite3_int64 offset)
{
	struct fault_file *f = (struct fault_file *)(void *)file;

	if (due()) {
		/* The half is undone by a power cut, unless the cut comes in the middle of it. */
		if (state.fault == FAULT_POWER_TORN)
			ck_assert_int_eq(pwrite(f->fd, data, (size_t)length / 2, offset),
					 length / 2);
		if (is_death())
			die();
		if (state.fault == FAULT_SHORT || state.fault == FAULT_TORN)
			f->real->pMethods->xWrite(f->real, data, length / 2, offset);
		return state.fault == FAULT_FULL || state.fault == FAULT_SHORT ? SQLITE_FULL
									       : SQLITE_IOERR_WRITE;
	}
	remember(f, offset, length);
	return f->real->pMethods->xWrite(f->real, data, length, offset);
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct fault_file *f = (struct fault_file *)(void *)file;
	int rc = fail_other(SQLITE_IOERR_TRUNCATE);

	if (rc != SQLITE_OK)
		return rc;
	if (f->fd >= 0)
		remember(f, size, lseek(f->fd, 0, SEEK_END) - size);
	return f->real->pMethods->xTruncate(f->real, size);
}

/* The real sync is spared: a power cut is what this file says it is. */
static int do_sync(sqlite3_file *file, int flags)
{
	struct fault_file *f = (struct fault_file *)(void *)file;
	int rc = fail_other(SQLITE_IOERR_FSYNC);

	(void)flags;
	state.syncs++;
	if (rc == SQLITE_OK)
		forget(f->fd);
	return rc;
}

static int do_close(sqlite3_file *file)
{
	struct fault_file *f = (struct fault_file *)(void *)file;

	forget(f->fd);
	if (f->fd >= 0)
		close(f->fd);
	return f->real->pMethods->xClose(f->real);
}

static int do_read(sqlite3_file *f, void *data, int length, sqlite3_int64 offset)
{
	return real_of(f)->pMethods->xRead(real_of(f), data, length, offset);
}

static int do_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int do_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int do_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int do_reserved(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int do_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int do_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int do_device(sqlite3_file *f)
{
	(void)f;
	return 0; /* promises nothing: the hardest case */
}

static int do_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
		   int *out_flags)
{
	struct fault_file *f = (struct fault_file *)(void *)file;
	int rc;

	(void)vfs;
	memset(f, 0, sizeof(*f));
	f->fd = -1;
	rc = fail_other(state.fault == FAULT_READ_ONLY ? SQLITE_READONLY_DIRECTORY
						       : SQLITE_CANTOPEN);
	if (rc != SQLITE_OK)
		return rc;
	f->real = (sqlite3_file *)(void *)(f + 1);
	rc = state.real->xOpen(state.real, name, f->real, flags, out_flags);
	if (rc != SQLITE_OK)
		return rc;
	if (name)
		f->fd = open(name, O_RDWR | O_CLOEXEC);
	f->base.pMethods = &state.methods;
	return SQLITE_OK;
}

static int do_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
	int rc = fail_other(SQLITE_IOERR_DELETE);

	(void)vfs;
	return rc == SQLITE_OK ? state.real->xDelete(state.real, name, sync_directory) : rc;
}

/* --------------------------------------- the ledger's files beside the database */

/* The errno of a failure; 0 it does not fail now. */
static int fail_io(bool needs_room)
{
	if (!due())
		return 0;
	if (is_death())
		die();
	if (state.fault == FAULT_FULL || state.fault == FAULT_SHORT)
		return needs_room ? -ENOSPC : 0;
	return state.fault == FAULT_READ_ONLY ? -EROFS : -EIO;
}

static int io_open(const char *path, int flags)
{
	int fd, r = fail_io(flags & O_CREAT);

	if (r < 0)
		return r;
	fd = open(path, flags | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static ssize_t io_write(int fd, const void *data, size_t len)
{
	int r = fail_io(true);
	ssize_t n;

	/* A short write says how much it took; why it took no more, the next one says. */
	if (r < 0 && (state.fault == FAULT_SHORT || state.fault == FAULT_TORN) && len > 1) {
		n = write(fd, data, len / 2);
		return state.fault == FAULT_SHORT ? n : r;
	}
	if (r < 0)
		return r;
	n = write(fd, data, len);
	return n < 0 ? -errno : n;
}

static int io_sync(int fd)
{
	(void)fd;
	return fail_io(false);
}

static int io_rename(const char *from, const char *to)
{
	int r = fail_io(false);

	if (r < 0)
		return r;
	return rename(from, to) < 0 ? -errno : 0;
}

static int io_allocate(int fd, uint64_t len)
{
	int r = fail_io(true);

	return r < 0 ? r : -posix_fallocate(fd, 0, (off_t)len);
}

static int io_truncate(int fd)
{
	int r = fail_io(false);

	if (r < 0)
		return r;
	return ftruncate(fd, 0) < 0 ? -errno : 0;
}

const struct ledger_io fault_io = {
	.open = io_open,
	.write = io_write,
	.sync = io_sync,
	.rename = io_rename,
	.allocate = io_allocate,
	.truncate = io_truncate,
};

void fault_vfs_register(void)
{
	state.real = sqlite3_vfs_find(NULL);
	ck_assert_ptr_nonnull(state.real);
	state.vfs = *state.real;
	state.vfs.pNext = NULL;
	state.vfs.zName = FAULT_VFS;
	state.vfs.szOsFile = (int)sizeof(struct fault_file) + state.real->szOsFile;
	state.vfs.xOpen = do_open;
	state.vfs.xDelete = do_delete;
	/* Version 1 has no shared memory: the ledger must not need any. */
	state.methods = (sqlite3_io_methods){
		.iVersion = 1,
		.xClose = do_close,
		.xRead = do_read,
		.xWrite = do_write,
		.xTruncate = do_truncate,
		.xSync = do_sync,
		.xFileSize = do_size,
		.xLock = do_lock,
		.xUnlock = do_unlock,
		.xCheckReservedLock = do_reserved,
		.xFileControl = do_control,
		.xSectorSize = do_sector,
		.xDeviceCharacteristics = do_device,
	};
	ck_assert_int_eq(sqlite3_vfs_register(&state.vfs, 0), SQLITE_OK);
}

void fault_vfs_arm(enum fault fault, unsigned int after, bool for_ever)
{
	state.fault = fault;
	state.after = after;
	state.for_ever = for_ever;
	state.count = 0;
	state.syncs = 0;
	state.hit = false;
}

unsigned int fault_vfs_count(void)
{
	return state.count;
}

unsigned int fault_vfs_syncs(void)
{
	return state.syncs;
}

bool fault_vfs_hit(void)
{
	return state.hit;
}
