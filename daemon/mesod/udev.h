/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hot-plug of real guns: tells hotplug.h of every /dev/mesoN that comes and goes.
 */
#ifndef MESOD_UDEV_H
#define MESOD_UDEV_H

struct hotplug;
struct mesod;
struct udev_watch;

/* Starts to listen, then adds the guns that are there. */
int udev_watch_new(struct hotplug *hotplug, struct mesod *mesod, struct udev_watch **ret);
/* NULL is allowed; always returns NULL. */
struct udev_watch *udev_watch_free(struct udev_watch *watch);

#endif /* MESOD_UDEV_H */
