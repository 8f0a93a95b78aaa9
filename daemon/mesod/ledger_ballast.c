// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ballast: room on the disk that is already the ledger's.
 *
 * Free space that was looked at is gone when somebody else's log takes it.  So a
 * file beside the database holds as much as what is under way must still write;
 * it is given up, and only then, when a shot, a settlement, an incident, the end of
 * a session, a dose given by hand or a reaction meets a full disk.  Without it nothing is reserved: the ledger
 * is LEDGER_FULL until it has been made again.
 *
 * How much that is: the write-ahead log comes to 1000 pages of 4 KiB before it is
 * written into the database and begun anew (the pragmas say so), however many
 * leases are under way; and the database itself grows by about 600 bytes a shot,
 * which for leases of 100 shots on forty guns at once is 2.4 MB.  Together less
 * than BALLAST_DEFAULT; ledger_ballast_test.c measures it on a full disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger_internal.h"

#define BALLAST_DEFAULT (8u << 20)

int ballast_init(struct ledger *l, uint64_t bytes)
{
	l->ballast = bytes ? bytes : BALLAST_DEFAULT;
	if (asprintf(&l->ballast_path, "%s-ballast", l->path) < 0) {
		l->ballast_path = NULL;
		return -ENOMEM;
	}
	return l->ballast > INT64_MAX ? -EINVAL : 0;
}

/* Somebody who makes room by hand may well begin with a file that holds nothing.  It is there if it has its blocks,
 * too (of 512 bytes, whatever the file system's are). */
static bool is_there(const struct ledger *l)
{
	struct stat st;

	return lstat(l->ballast_path, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size >= l->ballast && (uint64_t)st.st_blocks >= l->ballast / 512;
}

static int make(struct ledger *l)
{
	_cleanup_(closep) int fd = -1;
	int r;

	fd = l->io->open(l->ballast_path, O_WRONLY | O_CREAT);
	if (fd < 0)
		return fd;
	r = l->io->allocate(fd, l->ballast);
	if (r >= 0)
		r = l->io->sync(fd);
	/* Half of it helps nobody, and somebody may need the room. */
	if (r < 0)
		(void)l->io->truncate(fd);
	return r;
}

int ballast_hold(struct ledger *l)
{
	int r;

	/* What an earlier daemon has set aside is as good, and nothing need be written. */
	l->ballast_held = is_there(l);
	if (l->ballast_held)
		return 0;
	r = make(l);
	if (r >= 0) {
		l->ballast_held = true;
		return 0;
	}
	ledger_set_state(l, LEDGER_FULL,
			 "%" PRIu64 " bytes cannot be set aside in %s, without which nothing is "
			 "reserved: %s",
			 l->ballast, l->ballast_path, strerror(-r));
	return -ENOSPC;
}

bool ballast_give_up(struct ledger *l)
{
	_cleanup_(closep) int fd = -1;
	struct stat st;

	/* It may be there from a ledger that was closed on a full disk. */
	if (lstat(l->ballast_path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return false;
	l->ballast_held = false;
	fd = l->io->open(l->ballast_path, O_WRONLY);
	if (fd < 0 || l->io->truncate(fd) < 0)
		return false;
	/* Some file systems hand out freed blocks only once it is on the disk that they are free. */
	(void)l->io->sync(fd);
	return true;
}
