/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A real disk of a few megabytes that a test can fill: a tmpfs that only this
 * process and its children see.
 */
#ifndef TEST_SMALL_DISK_H
#define TEST_SMALL_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct small_disk {
	char path[64];
};

/* false, after saying so: this user may not mount, and the test has nothing to test. */
bool small_disk_make(struct small_disk *disk, uint64_t bytes);
/* Until not one byte more is taken. */
void small_disk_fill(const struct small_disk *disk);
/* All that filled it goes. */
void small_disk_empty(const struct small_disk *disk);
uint64_t small_disk_free(const struct small_disk *disk);
void small_disk_remove(const struct small_disk *disk);

#endif /* TEST_SMALL_DISK_H */
