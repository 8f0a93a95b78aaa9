// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Owns the format of the truth file.  It is mapped, so that every reader and
 * every later process sees each save at once; it is not made durable, because a
 * computer that crashes takes the simulated gun with it.
 */
#include "truth.h"
#include "latch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRUTH_VERSION 1

struct layout {
	char magic[8];
	u32 version;
	u32 truth_size;
	u64 body_size;
	struct inj_latch latch;
	struct meso_truth truth[2];
	struct inj_latch body_latch;
	u8 bodies[]; /* two */
};

struct mg_truth {
	struct layout *map;
	size_t size;
	size_t body_size;
	int fd; /* holds the lock */
};

static const char truth_magic[8] = { 'm', 'e', 's', 'o', 't', 'r', 'u', 'e' };

static bool is_truth(const struct layout *l, size_t size)
{
	return size >= sizeof(*l) && memcmp(l->magic, truth_magic, sizeof(l->magic)) == 0 &&
	       l->version == TRUTH_VERSION && l->truth_size == sizeof(struct meso_truth);
}

int mg_truth_open(const char *path, size_t body_size, struct mg_truth **ret_file)
{
	size_t size = sizeof(struct layout) + 2 * body_size;
	struct mg_truth *file;
	struct stat st;
	int fd, r;

	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
	    (st.st_size == 0 && ftruncate(fd, (off_t)size) < 0)) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		goto fail;
	}
	r = -EPROTO;
	if (st.st_size != 0 && st.st_size != (off_t)size)
		goto fail;
	file->size = size;
	file->body_size = body_size;
	file->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file->map == MAP_FAILED) {
		r = -errno;
		goto fail;
	}
	/* The magic is written last, so that a file without it is one that nobody has begun. */
	if (st.st_size == 0) {
		file->map->version = TRUTH_VERSION;
		file->map->truth_size = sizeof(struct meso_truth);
		file->map->body_size = body_size;
		memcpy(file->map->magic, truth_magic, sizeof(truth_magic));
	} else if (!is_truth(file->map, size) || file->map->body_size != body_size) {
		munmap(file->map, size);
		goto fail;
	}
	file->fd = fd;
	*ret_file = file;
	return 0;
fail:
	if (fd >= 0)
		close(fd);
	free(file);
	return r;
}

struct mg_truth *mg_truth_close(struct mg_truth *file)
{
	if (file) {
		munmap(file->map, file->size);
		close(file->fd);
		free(file);
	}
	return NULL;
}

void mg_truth_save(struct mg_truth *file, const struct meso_truth *truth, const void *body)
{
	/* The body first: a later run starts from it, and its truth must not go back behind what
	 * somebody has read. */
	inj_latch_write(&file->map->body_latch, file->map->bodies, body, file->body_size);
	inj_latch_write(&file->map->latch, file->map->truth, truth, sizeof(*truth));
}

bool mg_truth_load_body(const struct mg_truth *file, void *ret_body)
{
	return inj_latch_read(&file->map->body_latch, file->map->bodies, ret_body, file->body_size);
}

int mg_truth_read(const char *path, struct meso_truth *ret_truth)
{
	const struct layout *map;
	struct stat st;
	int fd, r = 0;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(*map)) {
		close(fd);
		return st.st_size == 0 ? -ENODATA : -EPROTO;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return -errno;
	if (!is_truth(map, (size_t)st.st_size))
		r = -EPROTO;
	else if (!inj_latch_read(&map->latch, map->truth, ret_truth, sizeof(*ret_truth)))
		r = -ENODATA;
	munmap((void *)(uintptr_t)map, (size_t)st.st_size);
	return r;
}

char *mg_truth_print(const struct meso_truth *t, char *buf, size_t size)
{
	snprintf(buf, size,
		 "delivered_fl %llu\ndelivered_contact_fl %llu\nlease_fl %llu\nstored_fl %llu\n"
		 "plunger_nm %lld\npressure_pa %lld\nshots %llu\nmax_beyond_lease_fl %llu\n"
		 "armed_ns %llu\narmed %u\nmoving %u\n",
		 (unsigned long long)t->delivered_fl, (unsigned long long)t->delivered_contact_fl,
		 (unsigned long long)t->lease_fl, (unsigned long long)t->stored_fl,
		 (long long)t->plunger_nm, (long long)t->pressure_pa, (unsigned long long)t->shots,
		 (unsigned long long)t->max_beyond_lease_fl, (unsigned long long)t->armed_ns,
		 t->armed, t->moving);
	return buf;
}
