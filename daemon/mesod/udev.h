/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hot-plug by udev, or where no udevd runs by the kernel: tells of every device of
 * one subsystem that comes and goes.  It knows nothing of what a device is.
 */
#ifndef MESOD_UDEV_H
#define MESOD_UDEV_H

#include <libudev.h>
#include <stdbool.h>

struct mesod;
struct udev_watch;

/* It has come or changed (@here), maybe told twice; or it has gone.  @device is the caller's. */
typedef void udev_device_fn(struct udev_device *device, bool here, void *userdata);

/* Starts to listen, then tells of the devices that are there. */
int udev_watch_new(struct mesod *mesod, const char *subsystem, udev_device_fn *tell, void *userdata,
		   struct udev_watch **ret);
/* NULL is allowed; always returns NULL. */
struct udev_watch *udev_watch_free(struct udev_watch *watch);

#endif /* MESOD_UDEV_H */
