// SPDX-License-Identifier: GPL-2.0-only
/*
 * See gun.h.  Events only wake: what is believed of a lease is the gun's status,
 * read when something happened.
 */
#include "gun.h"

#include <string.h>
#include <sys/epoll.h>

#include "authority.h"
#include "bus.h"
#include "callers.h"
#include "collect.h"
#include "hotplug.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "reconcile.h"
#include "session.h"
#include "stream.h"
#include "telemetry.h"

#define EVENT_DEPTH   1024
#define ANSWER_AGE_NS 300000000ULL /* an idle gun reports each 100 ms */
#define CHECK_STOP_US 10000        /* after a stop, look what became of it even if no event tells */

const char *gun_state_name(uint32_t state)
{
	const char *name = inj_state_name(state);

	return name ? name : "unknown";
}

bool gun_status_is_quiet(const struct meso_status *status)
{
	const uint32_t busy = MESO_STATUS_LEASE_OPEN | MESO_STATUS_MOVING;

	return (status->flags & MESO_STATUS_VALID) && (status->flags & MESO_STATUS_FRESH) &&
	       !(status->flags & busy) &&
	       (status->state == MESO_STATE_IDLE || status->state == MESO_STATE_FAULT);
}

bool gun_answers(const struct gun *gun)
{
	struct meso_status status;

	if (!gun->handle)
		return false;
	if (!gun->mesod->options.n_sim)
		return true;
	return inj_gun_get_status(gun->handle, &status) >= 0 &&
	       (status.flags & MESO_STATUS_FRESH) && status.age_ns < ANSWER_AGE_NS;
}

struct gun *gun_ref(struct gun *gun)
{
	gun->refs++;
	return gun;
}

struct gun *gun_unref(struct gun *gun)
{
	if (!gun || --gun->refs)
		return NULL;
	lease_free(gun->lease); /* and its timers, which know the gun */
	sd_event_source_disable_unref(gun->io);
	sd_event_source_disable_unref(gun->retry);
	sd_bus_slot_unref(gun->slot);
	inj_gun_unref(gun->handle);
	free(gun->path);
	free(gun->uri);
	free(gun);
	return NULL;
}

struct gun *gun_find_path(struct mesod *mesod, const char *path)
{
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		if (strcmp(gun->path, path) == 0)
			return gun;
	return NULL;
}

struct gun *gun_find_uri(struct mesod *mesod, const char *uri)
{
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		if (strcmp(gun->uri, uri) == 0)
			return gun;
	return NULL;
}

static struct gun *gun_find_serial(struct mesod *mesod, const char *serial)
{
	for (struct gun *gun = mesod->guns; gun; gun = gun->next)
		if (strcmp(gun->serial, serial) == 0)
			return gun;
	return NULL;
}

void gun_set_quarantined(struct gun *gun, const char *why)
{
	if (gun->quarantined)
		return;
	gun->quarantined = true;
	log_gun_id(gun, LOG_ERR, MESSAGE_QUARANTINED, "quarantined: %s", why);
	bus_gun_changed(gun, "Quarantined");
}

void gun_lift_quarantine(struct gun *gun)
{
	if (!gun->quarantined)
		return;
	gun->quarantined = false;
	if (gun->stage != GUN_GONE)
		bus_gun_changed(gun, "Quarantined");
}

void gun_disarm(struct gun *gun)
{
	int r;

	gun->stops++;
	if (!gun->handle)
		return;
	r = inj_gun_disarm(gun->handle);
	if (r < 0 && r != -ENODEV)
		log_gun(gun, LOG_ERR, "stop: %s; its heartbeat ends instead", strerrordesc_np(-r));
	if (gun->lease) {
		lease_stopping(gun->lease);
		collect_later(gun, CHECK_STOP_US);
	}
	/* What was asked before a stop is not done after it. */
	if (gun->session)
		authority_withdraw(gun->mesod->authority, ACTION_OVERRIDE, gun->session->path,
				   "not armed: stopped meanwhile");
}

static void log_faults(struct gun *gun, const struct meso_event *event)
{
	const uint64_t fresh = event->value[0] & ~event->value[1];

	for (unsigned int bit = 0; bit < 32; bit++) {
		const char *name = inj_fault_name(1u << bit);

		if (fresh & (1u << bit))
			log_gun_id(gun, LOG_WARNING, MESSAGE_FAULT, "fault: %s",
				   name ? name : "unknown");
	}
}

static int on_event(inj_gun *handle, const struct meso_event *event, void *userdata)
{
	struct gun *gun = userdata;

	(void)handle;
	switch (event->type) {
	case MESO_EVENT_STATE:
		bus_gun_changed(gun, "State");
		break;
	case MESO_EVENT_FAULT:
		log_faults(gun, event);
		bus_gun_changed(gun, "Faults");
		break;
	case MESO_EVENT_CONTACT:
		if (gun->lease && event->value[0])
			gun->lease->contact = true;
		break;
	case MESO_EVENT_OVERFLOW:
		if (gun->lease)
			gun->lease->events_lost = true;
		break;
	default:
		break;
	}
	return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct gun *gun = userdata;
	int r;

	(void)source;
	(void)fd;
	r = inj_gun_dispatch(gun->handle, on_event, gun);
	/* Poll says that something is there; when nothing is, it can only be the end. */
	if (r == -ENODEV || (r == 0 && (revents & (EPOLLHUP | EPOLLERR)) && !(revents & EPOLLIN)) ||
	    (r < 0 && r != -EAGAIN && r != -EINTR)) {
		gun_detach(gun);
		return 0;
	}
	if (gun->stage < GUN_RECONCILING)
		reconcile_continue(gun);
	else
		collect_kick(gun);
	return 0;
}

static bool serial_is_valid(const char serial[MESO_SERIAL_LEN])
{
	const size_t length = strnlen(serial, MESO_SERIAL_LEN);

	return length > 0 && length < MESO_SERIAL_LEN &&
	       strspn(serial,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       length;
}

static int listen_to_gun(struct gun *gun)
{
	const struct meso_event_config wanted = {
		.mask = MESO_EVENT_DEFAULT_MASK,
		.clock = MESO_CLOCK_BOOTTIME,
		.depth = EVENT_DEPTH,
	};
	int r;

	r = inj_gun_set_events(gun->handle, &wanted, NULL);
	if (r < 0)
		return r;
	r = sd_event_add_io(gun->mesod->event, &gun->io, inj_gun_get_fd(gun->handle),
			    (uint32_t)inj_gun_get_poll_events(gun->handle), on_io, gun);
	return r < 0 ? r : sd_event_source_set_priority(gun->io, PRIORITY_GUN);
}

static int gun_new(struct mesod *mesod, const char *uri, struct gun **ret)
{
	struct gun *gun = calloc(1, sizeof(*gun));
	int r;

	if (!gun)
		return -ENOMEM;
	gun->mesod = mesod;
	gun->refs = 1;
	gun->uri = strdup(uri);
	r = gun->uri ? inj_gun_open(uri, 0, &gun->handle) : -ENOMEM;
	if (r >= 0)
		r = inj_gun_get_info(gun->handle, &gun->info);
	if (r >= 0 && !serial_is_valid(gun->info.serial))
		r = -EPROTO;
	if (r >= 0) {
		memcpy(gun->serial, gun->info.serial, sizeof(gun->serial));
		if (gun_find_serial(mesod, gun->serial))
			r = -EEXIST;
	}
	if (r >= 0)
		r = sd_bus_path_encode("/org/mesod1/gun", gun->serial, &gun->path);
	if (r >= 0)
		r = listen_to_gun(gun);
	if (r < 0) {
		gun_unref(gun);
		return r;
	}
	*ret = gun;
	return 0;
}

int gun_attach(struct mesod *mesod, const char *uri)
{
	struct gun *gun = NULL;
	int r;

	mesod_lock_memory(mesod);
	r = gun_new(mesod, uri, &gun);
	if (r < 0)
		return r;
	gun->next = mesod->guns;
	mesod->guns = gun;
	mesod_keep_up(mesod);
	callers_watch(mesod->callers, true);
	log_gun(gun, LOG_INFO, "plugged in at %s", uri);
	bus_gun_added(gun);
	reconcile_continue(gun);
	return 0;
}

void gun_detach(struct gun *gun)
{
	struct mesod *mesod = gun->mesod;

	for (struct gun **p = &mesod->guns; *p; p = &(*p)->next) {
		if (*p != gun)
			continue;
		*p = gun->next;
		break;
	}
	callers_watch(mesod->callers, mesod->guns);
	/* Without hot-plug mesod is ending, and the gun stays where it is. */
	if (mesod->hotplug)
		log_gun_id(gun, LOG_WARNING, MESSAGE_UNPLUGGED, "unplugged");
	gun->stage = GUN_GONE;
	gun->io = sd_event_source_disable_unref(gun->io);
	gun->retry = sd_event_source_disable_unref(gun->retry);
	gun->telemetry = telemetry_free(gun->telemetry);
	gun->streams = streams_free(gun->streams);
	if (gun->session)
		session_gun_gone(gun->session);
	gun->lease = lease_free(gun->lease);
	gun->handle = inj_gun_unref(gun->handle);
	bus_gun_removed(gun);
	hotplug_lost(mesod->hotplug, gun->uri);
	gun_unref(gun);
}
