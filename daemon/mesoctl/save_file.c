// SPDX-License-Identifier: GPL-2.0-only
/*
 * See save_file.h.
 */
#include "save_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int save_file_begin(struct save_file *file, const char *path)
{
	struct stat st;
	int fd, r;

	*file = (struct save_file){ .path = path };
	/* A rename would put a file in the place of /dev/stdout. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return -ENOTTY;
	if (snprintf(file->temporary, sizeof(file->temporary), "%s.XXXXXX", path) >=
	    (int)sizeof(file->temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(file->temporary, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return -errno;
	file->out = fdopen(fd, "w");
	if (!file->out) {
		r = -errno;
		close(fd);
		unlink(file->temporary);
		return r;
	}
	return 0;
}

static int sync_directory(char *path)
{
	char *slash = strrchr(path, '/');
	int fd, r = 0;

	if (slash)
		slash[slash == path ? 1 : 0] = '\0';
	fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

int save_file_end(struct save_file *file)
{
	int r = 0;

	if (ferror(file->out) || fflush(file->out) != 0 || fsync(fileno(file->out)) < 0)
		r = errno ? -errno : -EIO;
	if (fclose(file->out) != 0 && r == 0)
		r = -errno;
	file->out = NULL;
	if (r == 0 && rename(file->temporary, file->path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(file->temporary);
		return r;
	}
	return sync_directory(file->temporary);
}

void save_file_drop(struct save_file *file)
{
	if (!file->out)
		return;
	fclose(file->out);
	unlink(file->temporary);
	file->out = NULL;
}
