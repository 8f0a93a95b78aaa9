// SPDX-License-Identifier: GPL-2.0-only
/*
 * See pedal.h: the devices.
 *
 * A device is opened only if what sysfs says of it matches: no keyboard is
 * touched.  What has not the key, or cannot be grabbed, is not used.
 */
#include "pedal.h"

#include <fcntl.h>
#include <libevdev/libevdev.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "macros.h"
#include "mesod.h"
#include "udev.h"

#define NODES      "/dev/input/event"
#define PEDALS_MAX 16
/* A device that sends so much while it is read is no pedal, and must not hold up the loop. */
#define EVENTS_MAX 1024

struct pedal {
	struct pedal *next;
	struct pedals *pedals;
	char *node;
	int fd;
	struct libevdev *device;
	sd_event_source *io;
	struct pedal_judge judge;
};

struct pedals {
	struct mesod *mesod;
	struct udev_watch *watch;
	struct pedal *list;
	unsigned int n;
};

static struct pedal *pedal_free(struct pedal *pedal)
{
	if (!pedal)
		return NULL;
	sd_event_source_disable_unref(pedal->io);
	libevdev_free(pedal->device);
	/* Which lets go of it. */
	closep(&pedal->fd);
	free(pedal->node);
	free(pedal);
	return NULL;
}

static void pedal_remove(struct pedal *pedal, const char *why)
{
	struct pedals *pedals = pedal->pedals;

	for (struct pedal **p = &pedals->list; *p; p = &(*p)->next) {
		if (*p != pedal)
			continue;
		*p = pedal->next;
		pedals->n--;
		break;
	}
	log_main(pedals->mesod, LOG_NOTICE, "pedal %s: %s", pedal->node, why);
	pedal_free(pedal);
}

static struct pedal *pedal_find(const struct pedals *pedals, const char *node)
{
	for (struct pedal *pedal = pedals->list; pedal; pedal = pedal->next)
		if (strcmp(pedal->node, node) == 0)
			return pedal;
	return NULL;
}

/* ---- its events ----------------------------------------------------------------------- */

static void look(struct pedal *pedal)
{
	const struct mesod *mesod = pedal->pedals->mesod;

	pedal_judge_seen(&pedal->judge,
			 libevdev_get_event_value(pedal->device, EV_KEY, mesod->pedal.key) != 0,
			 boottime_now_ns());
}

/* The kernel had no room for what happened: only how the key stands now is known. */
static int catch_up(struct pedal *pedal)
{
	struct input_event event;
	int r;

	do
		r = libevdev_next_event(pedal->device, LIBEVDEV_READ_FLAG_SYNC, &event);
	while (r == LIBEVDEV_READ_STATUS_SYNC);
	log_main(pedal->pedals->mesod, LOG_NOTICE,
		 "pedal %s: events were lost, it counts as released", pedal->node);
	pedal_judge_lost(&pedal->judge);
	if (r != -EAGAIN)
		return r < 0 ? r : -EIO;
	look(pedal);
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct pedal *pedal = userdata;
	struct mesod *mesod = pedal->pedals->mesod;
	struct input_event event;
	unsigned int n = 0;
	int r;

	(void)source;
	(void)fd;
	(void)revents;
	do {
		r = libevdev_next_event(pedal->device, LIBEVDEV_READ_FLAG_NORMAL, &event);
		if (r == LIBEVDEV_READ_STATUS_SYNC)
			r = catch_up(pedal);
		else if (r == LIBEVDEV_READ_STATUS_SUCCESS && event.type == EV_KEY &&
			 event.code == mesod->pedal.key)
			pedal_fire_by(mesod, pedal->node, &pedal->judge, &event);
	} while (r >= 0 && ++n < EVENTS_MAX);
	if (r >= 0)
		pedal_remove(pedal, "it sends without end, and is not used any more");
	else if (r == -ENODEV)
		pedal_remove(pedal, "unplugged");
	else if (r != -EAGAIN && r != -EINTR)
		pedal_remove(pedal, strerrordesc_np(-r));
	return 0;
}

void pedals_check(struct pedals *pedals)
{
	if (!pedals)
		return;
	for (struct pedal *pedal = pedals->list; pedal; pedal = pedal->next)
		if (pedal_judge_stuck(&pedal->judge, boottime_now_ns()))
			log_main(pedals->mesod, LOG_NOTICE,
				 "pedal %s: held for 10 s: stuck, nothing fires until it is let go",
				 pedal->node);
}

/* ---- coming and going ------------------------------------------------------------------ */

/* Opens and grabs it; @ret_why says what was in the way. */
static int take(struct pedal *pedal, const char **ret_why)
{
	const struct pedal_config *config = &pedal->pedals->mesod->pedal;
	int r;

	*ret_why = "cannot be opened";
	pedal->fd = open(pedal->node, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (pedal->fd < 0)
		return -errno;
	*ret_why = "is no input device that can be read";
	r = libevdev_new_from_fd(pedal->fd, &pedal->device);
	if (r < 0)
		return r;
	*ret_why = "has not the key";
	if (!libevdev_has_event_code(pedal->device, EV_KEY, config->key))
		return -ENOTSUP;
	*ret_why = "cannot be grabbed";
	r = libevdev_grab(pedal->device, LIBEVDEV_GRAB);
	if (r < 0)
		return r;
	*ret_why = "cannot stamp its events";
	r = libevdev_set_clock_id(pedal->device, CLOCK_BOOTTIME);
	if (r < 0)
		return r;
	*ret_why = "cannot be listened to";
	r = sd_event_add_io(pedal->pedals->mesod->event, &pedal->io, pedal->fd, EPOLLIN, on_io,
			    pedal);
	return r < 0 ? r : sd_event_source_set_priority(pedal->io, PRIORITY_PEDAL);
}

static void pedal_add(struct pedals *pedals, const char *node)
{
	struct mesod *mesod = pedals->mesod;
	struct pedal *pedal;
	const char *why = "is one too many";
	int r = -ENOSPC;

	pedal = calloc(1, sizeof(*pedal));
	if (pedal) {
		pedal->pedals = pedals;
		pedal->fd = -1;
		pedal->node = strdup(node);
	}
	if (!pedal || !pedal->node) {
		log_main(mesod, LOG_ERR, "pedal %s is not used: no memory", node);
		pedal_free(pedal);
		return;
	}
	if (pedals->n < PEDALS_MAX)
		r = take(pedal, &why);
	if (r < 0) {
		/* Of one plug there may be several devices, a mouse beside the keyboard. */
		log_main(mesod, r == -ENOTSUP ? LOG_DEBUG : LOG_ERR,
			 "pedal %s is not used: it %s: %s", node, why, strerrordesc_np(-r));
		pedal_free(pedal);
		return;
	}
	pedal_judge_init(&pedal->judge, mesod->pedal.debounce_ms * 1000000ULL);
	look(pedal);
	pedal->next = pedals->list;
	pedals->list = pedal;
	pedals->n++;
	log_main(mesod, LOG_INFO, "pedal %s: grabbed, its %s fires", node, mesod->pedal.key_name);
}

static void on_device(struct udev_device *device, bool here, void *userdata)
{
	struct pedals *pedals = userdata;
	const char *node = udev_device_get_devnode(device);
	struct udev_device *input;
	struct pedal *pedal;

	if (!node || strncmp(node, NODES, strlen(NODES)) != 0)
		return;
	pedal = pedal_find(pedals, node);
	if (!here) {
		if (pedal)
			pedal_remove(pedal, "unplugged");
		return;
	}
	/* A gun's own trigger fires by itself: mesod never fires from it, whatever mesod.conf says. */
	if (udev_device_get_parent_with_subsystem_devtype(device, "meso", NULL))
		return;
	/* The parent stays the child's. */
	input = udev_device_get_parent_with_subsystem_devtype(device, "input", NULL);
	if (pedal || !input)
		return;
	if (pedal_config_matches(
		    &pedals->mesod->pedal,
		    &(struct pedal_device){
			    .name = udev_device_get_sysattr_value(input, "name"),
			    .uniq = udev_device_get_sysattr_value(input, "uniq"),
			    .vendor = udev_device_get_sysattr_value(input, "id/vendor"),
			    .product = udev_device_get_sysattr_value(input, "id/product"),
		    }))
		pedal_add(pedals, node);
}

int pedals_new(struct mesod *mesod, struct pedals **ret)
{
	struct pedals *pedals = calloc(1, sizeof(*pedals));
	int r;

	if (!pedals)
		return -ENOMEM;
	pedals->mesod = mesod;
	r = udev_watch_new(mesod, "input", on_device, pedals, &pedals->watch);
	if (r < 0) {
		pedals_free(pedals);
		return r;
	}
	if (!pedals->list)
		log_main(mesod, LOG_NOTICE, "no pedal is plugged in");
	*ret = pedals;
	return 0;
}

struct pedals *pedals_free(struct pedals *pedals)
{
	if (!pedals)
		return NULL;
	udev_watch_free(pedals->watch);
	while (pedals->list) {
		struct pedal *pedal = pedals->list;

		pedals->list = pedal->next;
		pedal_free(pedal);
	}
	free(pedals);
	return NULL;
}
