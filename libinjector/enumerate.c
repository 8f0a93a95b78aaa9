// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which kernel guns there are now: the class directory says, the device node
 * must exist.  Never opens one, never waits for one to come (that is udev's).
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_MAX 1024 /* more guns than a workstation can have */

/* "meso7" is 7; anything else, or a number written otherwise, is -1. */
static int number_of(const char *name)
{
	const char *digits = name + 4;
	int number = 0;

	if (strncmp(name, "meso", 4) != 0 || !*digits || (digits[0] == '0' && digits[1]))
		return -1;
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9' || number >= 100000)
			return -1;
		number = number * 10 + (*digits - '0');
	}
	return number;
}

static int compare(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int read_numbers(const char *class_dir, int *numbers, size_t *ret_count)
{
	struct dirent *entry;
	size_t count = 0;
	int r = 0;
	DIR *dir;

	dir = opendir(class_dir);
	if (!dir) {
		*ret_count = 0;
		return errno == ENOENT ? 0 : -errno; /* no driver, no guns */
	}
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry) {
			r = -errno;
			break;
		}
		if (number_of(entry->d_name) >= 0 && count < NUMBERS_MAX)
			numbers[count++] = number_of(entry->d_name);
	}
	closedir(dir);
	qsort(numbers, count, sizeof(numbers[0]), compare);
	*ret_count = count;
	return r;
}

int inj_enumerate_in(const char *class_dir, const char *dev_dir,
		     int (*found)(const char *uri, void *userdata), void *userdata)
{
	int numbers[NUMBERS_MAX];
	size_t count;
	int r;

	r = read_numbers(class_dir, numbers, &count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		char uri[256];
		int n;

		n = snprintf(uri, sizeof(uri), "kernel:%s/meso%d", dev_dir, numbers[i]);
		if (n < 0 || (size_t)n >= sizeof(uri))
			return -ENAMETOOLONG;
		/* A node that udev has not made yet, or one that is gone by now, is no gun. */
		if (access(uri + strlen("kernel:"), F_OK) == 0)
			r = found(uri, userdata);
	}
	return r;
}

int inj_enumerate(int (*found)(const char *uri, void *userdata), void *userdata)
{
	if (!found)
		return -EINVAL;
	return inj_enumerate_in("/sys/class/meso", "/dev", found, userdata);
}
