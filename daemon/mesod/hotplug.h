/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where guns may be, and noticing when one comes: /dev/mesoN by udev, or the
 * sockets of meso-gun.  It owns the places and the retries; it knows nothing of
 * what a gun is.
 */
#ifndef MESOD_HOTPLUG_H
#define MESOD_HOTPLUG_H

struct hotplug;
struct mesod;

/* Starts to watch and tries every place once: what is there now is attached when this returns. */
int hotplug_new(struct mesod *mesod, struct hotplug **ret);
/* NULL is allowed; always returns NULL. */
struct hotplug *hotplug_free(struct hotplug *hotplug);
/* The gun at this address is gone; it may come back. */
void hotplug_lost(struct hotplug *hotplug, const char *uri);

/* For the watchers, udev.h's and simdir.c: a place where a gun may be, to be tried now; and no more. */
int hotplug_place_add(struct hotplug *hotplug, const char *uri);
void hotplug_place_remove(struct hotplug *hotplug, const char *uri);

#endif /* MESOD_HOTPLUG_H */
