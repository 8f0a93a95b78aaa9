/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories of simulated guns: tells hotplug.h of every socket that comes and
 * goes in them.
 */
#ifndef MESOD_SIMDIR_H
#define MESOD_SIMDIR_H

struct hotplug;
struct mesod;
struct simdir;

/* Adds one to the list; @list may point to NULL. */
int simdir_new(struct hotplug *hotplug, struct mesod *mesod, const char *path,
	       struct simdir **list);
/* NULL is allowed; always returns NULL. */
struct simdir *simdir_free_all(struct simdir *list);

#endif /* MESOD_SIMDIR_H */
