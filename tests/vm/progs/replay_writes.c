// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay_writes LOG IMAGE OFFSET: what a disk held when the power was cut.
 *
 * LOG is what the kernel's dm-log-writes has written (Documentation/admin-guide/
 * device-mapper/log-writes.rst): every write in the order in which a flush found it
 * done.  From OFFSET on, 0 at the beginning, entries are applied to IMAGE up to and
 * with the next one after which something is durable: a flush, a write that forces
 * unit access, or a mark.  Prints "NEXT-OFFSET flush", "NEXT-OFFSET mark NAME" or
 * "end".
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC   UINT64_C(0x6a736677736872)
#define VERSION 1

#define ENTRY_FLUSH   (1u << 0)
#define ENTRY_FUA     (1u << 1)
#define ENTRY_DISCARD (1u << 2)
#define ENTRY_MARK    (1u << 3)

#define MARK_MAX 256

struct super {
	uint64_t magic;
	uint64_t version;
	uint64_t nr_entries;
	uint32_t sectorsize;
};

struct entry {
	uint64_t sector;
	uint64_t nr_sectors;
	uint64_t flags;
	uint64_t data_len;
};

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "replay_writes: %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void read_all(int fd, void *buf, size_t size, off_t at)
{
	ssize_t n = pread(fd, buf, size, at);

	if (n < 0 || (size_t)n != size)
		fail("log", n < 0 ? strerror(errno) : "it ends too early");
}

static void copy(int log, off_t from, int image, off_t to, uint64_t size)
{
	static char piece[65536];

	while (size > 0) {
		size_t part = size < sizeof(piece) ? (size_t)size : sizeof(piece);

		read_all(log, piece, part, from);
		if (pwrite(image, piece, part, to) != (ssize_t)part)
			fail("image", strerror(errno));
		from += (off_t)part;
		to += (off_t)part;
		size -= part;
	}
}

/* Applies the entry at @at; returns where the next one is, and whether something is durable now. */
static off_t apply(int log, int image, off_t at, uint32_t sectorsize, bool *ret_durable)
{
	struct entry e;
	uint64_t size;
	off_t data;

	read_all(log, &e, sizeof(e), at);
	e = (struct entry){ le64toh(e.sector), le64toh(e.nr_sectors), le64toh(e.flags),
			    le64toh(e.data_len) };
	data = at + (off_t)sectorsize;
	size = e.nr_sectors * sectorsize;
	*ret_durable = (e.flags & (ENTRY_FLUSH | ENTRY_FUA | ENTRY_MARK)) != 0;
	if (e.flags & ENTRY_MARK) {
		char name[MARK_MAX] = "";

		/* It stands behind the entry, in the same sector. */
		if (e.data_len >= sizeof(name) || e.data_len + sizeof(e) > sectorsize)
			fail("mark", "it is too long");
		read_all(log, name, (size_t)e.data_len, at + (off_t)sizeof(e));
		printf("%jd mark %s\n", (intmax_t)data, name);
		return data;
	}
	/* Nothing was written: what is discarded may hold anything, so also what it held. */
	if (e.flags & ENTRY_DISCARD)
		return data;
	copy(log, data, image, (off_t)(e.sector * sectorsize), size);
	if (*ret_durable)
		printf("%jd flush\n", (intmax_t)(data + (off_t)size));
	return data + (off_t)size;
}

int main(int argc, char **argv)
{
	struct super super;
	uint64_t left;
	off_t at, end;
	char *rest;
	int log, image;

	if (argc != 4)
		fail("usage", "LOG IMAGE OFFSET");
	log = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (log < 0)
		fail(argv[1], strerror(errno));
	image = open(argv[2], O_WRONLY | O_CLOEXEC);
	if (image < 0)
		fail(argv[2], strerror(errno));
	read_all(log, &super, sizeof(super), 0);
	super.sectorsize = le32toh(super.sectorsize);
	if (le64toh(super.magic) != MAGIC || le64toh(super.version) != VERSION ||
	    super.sectorsize < 512 || super.sectorsize > 65536)
		fail(argv[1], "not the log of dm-log-writes that this program knows");
	end = strtoimax(argv[3], &rest, 10);
	if (*rest || end < 0)
		fail(argv[3], "no offset");

	/* The entries are counted, so that what an older log left behind is not taken for one. */
	at = (off_t)super.sectorsize;
	left = le64toh(super.nr_entries);
	for (bool durable = false; left > 0 && !durable; left--) {
		struct entry e;

		if (at < end) {
			read_all(log, &e, sizeof(e), at);
			at += (off_t)super.sectorsize;
			if (!(le64toh(e.flags) & (ENTRY_MARK | ENTRY_DISCARD)))
				at += (off_t)(le64toh(e.nr_sectors) * super.sectorsize);
			continue;
		}
		at = apply(log, image, at, super.sectorsize, &durable);
		if (durable)
			return 0;
	}
	printf("end\n");
	return 0;
}
