// SPDX-License-Identifier: GPL-2.0-only
/*
 * See small_disk.h.
 */
#include "small_disk.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool small_disk_make(struct small_disk *disk, uint64_t bytes)
{
	char options[64];

	strcpy(disk->path, "/tmp/small-disk-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(disk->path));
	snprintf(options, sizeof(options), "size=%llu,mode=0700", (unsigned long long)bytes);
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("small-disk", disk->path, "tmpfs", 0, options) == 0)
		return true;
	ck_assert_msg(errno == EPERM || errno == ENOSYS, "no small disk: %s", strerror(errno));
	printf("no small disk without the right to mount: not tested\n");
	rmdir(disk->path);
	return false;
}

static void filler(const struct small_disk *disk, char buf[128])
{
	snprintf(buf, 128, "%s/filler", disk->path);
}

void small_disk_fill(const struct small_disk *disk)
{
	static const char zeros[4096];
	char path[128];
	int fd;

	filler(disk, path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		continue;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
	ck_assert_uint_eq(small_disk_free(disk), 0);
}

void small_disk_empty(const struct small_disk *disk)
{
	char path[128];

	filler(disk, path);
	ck_assert_int_eq(unlink(path), 0);
}

uint64_t small_disk_free(const struct small_disk *disk)
{
	struct statvfs fs;

	ck_assert_int_eq(statvfs(disk->path, &fs), 0);
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

void small_disk_remove(const struct small_disk *disk)
{
	ck_assert_int_eq(umount2(disk->path, MNT_DETACH), 0);
	ck_assert_int_eq(rmdir(disk->path), 0);
}
