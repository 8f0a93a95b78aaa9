// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls that write what lies beside the database: the mark and the
 * ballast.
 *
 * Owns the one table of them, so that a test can put a disk that fails in its
 * place, as a SQLite VFS does for the database.  Never decides what a failure
 * means.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ledger_internal.h"

static int system_open(const char *path, int flags)
{
	int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

static ssize_t system_write(int fd, const void *data, size_t len)
{
	ssize_t n = write(fd, data, len);

	return n < 0 ? -errno : n;
}

static int system_sync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

static int system_rename(const char *from, const char *to)
{
	return rename(from, to) < 0 ? -errno : 0;
}

static int system_allocate(int fd, uint64_t len)
{
	return -posix_fallocate(fd, 0, (off_t)len);
}

static int system_truncate(int fd)
{
	return ftruncate(fd, 0) < 0 ? -errno : 0;
}

const struct ledger_io ledger_io_system = {
	.open = system_open,
	.write = system_write,
	.sync = system_sync,
	.rename = system_rename,
	.allocate = system_allocate,
	.truncate = system_truncate,
};

int io_write_all(const struct ledger_io *io, int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = io->write(fd, data, len);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}
