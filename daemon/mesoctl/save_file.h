/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file that is there whole or not at all.
 *
 * Owns the temporary file beside it and its end: what is saved is on the disk
 * before it has its name, what is dropped leaves nothing.  Knows nothing of what
 * is written.  A mesoctl that is killed may leave <path>.XXXXXX behind, never a
 * half <path>.
 */
#ifndef MESOCTL_SAVE_FILE_H
#define MESOCTL_SAVE_FILE_H

#include <limits.h>
#include <stdio.h>

struct save_file {
	FILE *out; /* write here; NULL once it is saved or dropped */
	const char *path;
	char temporary[PATH_MAX];
};

/**
 * save_file_begin() - a new file that only its owner may read
 * @path: borrowed; what is there already must be a regular file, and stays until save_file_end()
 * Return: 0, -ENOTTY it is a device, pipe or directory, or why it cannot be made.
 */
int save_file_begin(struct save_file *file, const char *path);
/* Everything to the disk, then the name.  Return: 0, or why not: then @path is as it was. */
int save_file_end(struct save_file *file);
/* Unless it has ended: removes what was written.  For _cleanup_(). */
void save_file_drop(struct save_file *file);

#endif /* MESOCTL_SAVE_FILE_H */
