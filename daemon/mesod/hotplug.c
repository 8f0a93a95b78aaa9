// SPDX-License-Identifier: GPL-2.0-only
/*
 * See hotplug.h.
 */
#include "hotplug.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "simdir.h"
#include "udev.h"

#define RETRY_FIRST_US 200000
#define RETRY_LAST_US  3200000
#define PLACES_MAX     256
#define NODE_MAX       128

struct place {
	struct place *next;
	char *uri;
	uint64_t delay_us; /* before the next attempt */
	uint64_t due_us;
	int failure; /* what was logged last */
	bool late;   /* was not there yet when mesod began */
};

struct hotplug {
	struct mesod *mesod;
	struct place *places;
	unsigned int n_places;
	sd_event_source *timer;
	struct udev_watch *udev;
	struct simdir *simdirs;
	bool begun; /* what was there at the beginning has been seen */
};

static struct place *place_find(struct hotplug *hotplug, const char *uri)
{
	for (struct place *p = hotplug->places; p; p = p->next)
		if (strcmp(p->uri, uri) == 0)
			return p;
	return NULL;
}

/* Asking a simulated gun may wait for it, and a heart must beat meanwhile: then it is put off. */
static bool may_try(const struct hotplug *hotplug)
{
	if (!hotplug->mesod->options.n_sim)
		return true;
	for (const struct gun *gun = hotplug->mesod->guns; gun; gun = gun->next)
		if (gun->lease && gun->lease->stage == LEASE_LIVE)
			return false;
	return true;
}

static void place_try(struct hotplug *hotplug, struct place *place)
{
	struct mesod *mesod = hotplug->mesod;
	int r;

	r = gun_attach(mesod, place->uri);
	if (r >= 0) {
		place->delay_us = RETRY_FIRST_US;
		place->failure = 0;
		return;
	}
	if (r != place->failure && r != -ENOENT && r != -ECONNREFUSED)
		log_main_id(mesod, LOG_WARNING, r == -EEXIST ? MESSAGE_SAME_SERIAL : NULL, "%s: %s",
			    place->uri,
			    r == -EEXIST ? "another gun with its serial is here; left alone"
					 : strerrordesc_np(-r));
	place->failure = r;
	/* systemd's DeviceAllow= knows drivers that were loaded when mesod was started.  It will know this one. */
	if (r == -EPERM && place->late && !mesod->guns)
		mesod_stop(mesod, r, "the driver is newer than this process's sandbox");
	place->due_us = monotonic_now_ns() / 1000 + place->delay_us;
	/* A gun that is not there costs nothing to ask for; one that does not answer does. */
	if (r != -ENOENT && r != -ECONNREFUSED && place->delay_us < RETRY_LAST_US)
		place->delay_us *= 2;
}

static void plan(struct hotplug *hotplug)
{
	uint64_t due = UINT64_MAX;

	for (struct place *p = hotplug->places; p; p = p->next)
		if (!gun_find_uri(hotplug->mesod, p->uri) && p->due_us < due)
			due = p->due_us;
	if (due == UINT64_MAX) {
		(void)sd_event_source_set_enabled(hotplug->timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(hotplug->timer, due);
	(void)sd_event_source_set_enabled(hotplug->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct hotplug *hotplug = userdata;
	const uint64_t now = monotonic_now_ns() / 1000;

	(void)source;
	(void)usec;
	for (struct place *p = hotplug->places; p; p = p->next) {
		if (p->due_us > now || gun_find_uri(hotplug->mesod, p->uri))
			continue;
		if (may_try(hotplug))
			place_try(hotplug, p);
		else
			p->due_us = now + RETRY_FIRST_US;
	}
	plan(hotplug);
	return 0;
}

int hotplug_place_add(struct hotplug *hotplug, const char *uri)
{
	struct place *place = place_find(hotplug, uri);

	if (!place) {
		if (hotplug->n_places >= PLACES_MAX)
			return -ENOSPC;
		place = calloc(1, sizeof(*place));
		if (!place)
			return -ENOMEM;
		place->uri = strdup(uri);
		if (!place->uri) {
			free(place);
			return -ENOMEM;
		}
		place->late = hotplug->begun;
		place->next = hotplug->places;
		hotplug->places = place;
		hotplug->n_places++;
	}
	place->delay_us = RETRY_FIRST_US;
	place->due_us = 0;
	plan(hotplug);
	return 0;
}

void hotplug_place_remove(struct hotplug *hotplug, const char *uri)
{
	for (struct place **p = &hotplug->places; *p; p = &(*p)->next) {
		struct place *place = *p;

		if (strcmp(place->uri, uri) != 0)
			continue;
		*p = place->next;
		hotplug->n_places--;
		free(place->uri);
		free(place);
		break;
	}
	plan(hotplug);
}

void hotplug_lost(struct hotplug *hotplug, const char *uri)
{
	struct place *place = hotplug ? place_find(hotplug, uri) : NULL;

	if (!place)
		return;
	place->due_us = monotonic_now_ns() / 1000 + RETRY_FIRST_US;
	plan(hotplug);
}

static void on_node(struct udev_device *device, bool here, void *userdata)
{
	const char *node = udev_device_get_devnode(device);
	struct hotplug *hotplug = userdata;
	char uri[NODE_MAX];
	int r;

	if (!node || snprintf(uri, sizeof(uri), "kernel:%s", node) >= (int)sizeof(uri))
		return;
	if (!here) {
		hotplug_place_remove(hotplug, uri);
		return;
	}
	r = hotplug_place_add(hotplug, uri);
	if (r < 0)
		log_main(hotplug->mesod, LOG_ERR, "%s is not looked at: %s", node,
			 strerrordesc_np(-r));
}

static int watch_sim(struct hotplug *hotplug, const char *path)
{
	char uri[128];
	struct stat st;

	if (stat(path, &st) >= 0 && S_ISDIR(st.st_mode))
		return simdir_new(hotplug, hotplug->mesod, path, &hotplug->simdirs);
	snprintf(uri, sizeof(uri), "sim:%s", path);
	return hotplug_place_add(hotplug, uri);
}

int hotplug_new(struct mesod *mesod, struct hotplug **ret)
{
	struct hotplug *hotplug = calloc(1, sizeof(*hotplug));
	int r;

	if (!hotplug)
		return -ENOMEM;
	hotplug->mesod = mesod;
	mesod->hotplug = hotplug;
	r = sd_event_add_time(mesod->event, &hotplug->timer, CLOCK_MONOTONIC, 0, 10000, on_timer,
			      hotplug);
	for (size_t i = 0; r >= 0 && i < mesod->options.n_sim; i++)
		r = watch_sim(hotplug, mesod->options.sim[i]);
	if (r >= 0 && !mesod->options.n_sim)
		r = udev_watch_new(mesod, "meso", on_node, hotplug, &hotplug->udev);
	if (r < 0) {
		mesod->hotplug = hotplug_free(hotplug);
		return r;
	}
	on_timer(hotplug->timer, 0, hotplug);
	hotplug->begun = true;
	*ret = hotplug;
	return 0;
}

struct hotplug *hotplug_free(struct hotplug *hotplug)
{
	if (!hotplug)
		return NULL;
	hotplug->udev = udev_watch_free(hotplug->udev);
	hotplug->simdirs = simdir_free_all(hotplug->simdirs);
	while (hotplug->places) {
		struct place *place = hotplug->places;

		hotplug->places = place->next;
		free(place->uri);
		free(place);
	}
	sd_event_source_disable_unref(hotplug->timer);
	free(hotplug);
	return NULL;
}
