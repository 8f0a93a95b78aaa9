// SPDX-License-Identifier: GPL-2.0-only
/*
 * See udev.h.  It listens before it enumerates: what comes in between is told
 * twice, which is harmless, and never not at all.
 */
#include "udev.h"

#include <string.h>
#include <sys/epoll.h>

#include "macros.h"
#include "mesod.h"

struct udev_watch {
	struct mesod *mesod;
	const char *subsystem;
	udev_device_fn *tell;
	void *userdata;
	struct udev *udev;
	struct udev_monitor *monitor;
	sd_event_source *io;
};

static int on_monitor(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct udev_watch *watch = userdata;
	struct udev_device *device;

	(void)source;
	(void)fd;
	(void)revents;
	while ((device = udev_monitor_receive_device(watch->monitor))) {
		const char *action = udev_device_get_action(device);

		if (action)
			watch->tell(device, strcmp(action, "remove") != 0, watch->userdata);
		udev_device_unref(device);
	}
	return 0;
}

static int enumerate(struct udev_watch *watch)
{
	struct udev_enumerate *walk = udev_enumerate_new(watch->udev);
	struct udev_list_entry *entry;
	int r;

	if (!walk)
		return -ENOMEM;
	r = udev_enumerate_add_match_subsystem(walk, watch->subsystem);
	if (r >= 0)
		r = udev_enumerate_scan_devices(walk);
	udev_list_entry_foreach(entry, r >= 0 ? udev_enumerate_get_list_entry(walk) : NULL)
	{
		struct udev_device *device =
			udev_device_new_from_syspath(watch->udev, udev_list_entry_get_name(entry));

		if (device)
			watch->tell(device, true, watch->userdata);
		udev_device_unref(device);
	}
	udev_enumerate_unref(walk);
	return r < 0 ? r : 0;
}

static int listen_to_udev(struct udev_watch *watch)
{
	/* Where no udevd runs, the kernel's own word is all there is. */
	const char *source = access("/run/udev/control", F_OK) == 0 ? "udev" : "kernel";
	int r;

	watch->monitor = udev_monitor_new_from_netlink(watch->udev, source);
	if (!watch->monitor)
		return -ENOMEM;
	r = udev_monitor_filter_add_match_subsystem_devtype(watch->monitor, watch->subsystem, NULL);
	if (r >= 0)
		r = udev_monitor_enable_receiving(watch->monitor);
	if (r >= 0)
		r = sd_event_add_io(watch->mesod->event, &watch->io,
				    udev_monitor_get_fd(watch->monitor), EPOLLIN, on_monitor,
				    watch);
	return r < 0 ? r : 0;
}

int udev_watch_new(struct mesod *mesod, const char *subsystem, udev_device_fn *tell, void *userdata,
		   struct udev_watch **ret)
{
	struct udev_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->mesod = mesod;
	watch->subsystem = subsystem;
	watch->tell = tell;
	watch->userdata = userdata;
	watch->udev = udev_new();
	r = watch->udev ? listen_to_udev(watch) : -ENOMEM;
	if (r >= 0)
		r = enumerate(watch);
	if (r < 0) {
		udev_watch_free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

struct udev_watch *udev_watch_free(struct udev_watch *watch)
{
	if (!watch)
		return NULL;
	sd_event_source_disable_unref(watch->io);
	udev_monitor_unref(watch->monitor);
	udev_unref(watch->udev);
	free(watch);
	return NULL;
}
