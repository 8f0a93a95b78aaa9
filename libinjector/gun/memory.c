// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Owns the format of the memory file and when it is durable.  What the memory
 * means, and whether its content makes sense, is the gun model's to say.
 */
#include "memory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MAGIC 0x316d656d6f73656dull /* "mesomem1" */

struct slot {
	u64 magic;
	u64 generation;
	u32 size;
	u32 crc; /* of nv */
	struct meso_nvram nv;
};

static off_t slot_offset(u64 generation)
{
	return (off_t)(generation & 1) * (off_t)sizeof(struct slot);
}

int mg_memory_open(struct mg_memory *memory, const char *path)
{
	int fd, r;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return r;
	}
	*memory = (struct mg_memory){ .fd = fd };
	return 0;
}

/* 1 whole, 0 not; whatever could be read is in @slot. */
static int load_slot(int fd, off_t offset, struct slot *slot)
{
	size_t done = 0;

	memset(slot, 0, sizeof(*slot));
	while (done < sizeof(*slot)) {
		ssize_t n =
			pread(fd, (char *)slot + done, sizeof(*slot) - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return done == sizeof(*slot) && slot->magic == MEMORY_MAGIC &&
	       slot->size == sizeof(slot->nv) &&
	       slot->crc == meso_wire_crc32((const u8 *)&slot->nv, sizeof(slot->nv));
}

int mg_memory_load(struct mg_memory *memory, struct meso_nvram *ret_nv)
{
	struct slot slot;
	struct stat st;
	int whole = 0;

	if (fstat(memory->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size == 0)
		return 0;
	memory->generation = 0;
	for (u64 i = 0; i < 2; i++) {
		int r = load_slot(memory->fd, slot_offset(i), &slot);

		if (r < 0)
			return r;
		if (r && (!whole || slot.generation > memory->generation)) {
			*ret_nv = slot.nv;
			memory->generation = slot.generation;
			whole = 1;
		}
	}
	/* A file with no whole slot is a memory that broke, not a new one: the gun must find that
	 * out for itself. */
	if (!whole)
		memset(ret_nv, 0xff, sizeof(*ret_nv));
	return 1;
}

int mg_memory_store(struct mg_memory *memory, const struct meso_nvram *nv)
{
	struct slot slot = { .magic = MEMORY_MAGIC, .size = sizeof(*nv) };
	size_t done = 0;

	slot.generation = memory->generation + 1;
	slot.nv = *nv;
	slot.crc = meso_wire_crc32((const u8 *)&slot.nv, sizeof(slot.nv));
	while (done < sizeof(slot)) {
		ssize_t n = pwrite(memory->fd, (const char *)&slot + done, sizeof(slot) - done,
				   slot_offset(slot.generation) + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	if (fdatasync(memory->fd) < 0)
		return -errno;
	memory->generation = slot.generation;
	return 0;
}

void mg_memory_close(struct mg_memory *memory)
{
	if (memory->fd >= 0)
		close(memory->fd);
	memory->fd = -1;
}
