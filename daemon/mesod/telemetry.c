// SPDX-License-Identifier: GPL-2.0-only
/*
 * See telemetry.h.
 */
#include "telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "bus.h"
#include "bus_errors.h"
#include "gun.h"
#include "mesod.h"
#include "peer.h"

#define PERIOD_US           100000 /* 10 Hz */
#define QUEUED_MESSAGES_MAX 256 /* beyond that the bus is slow: telemetry is what can be left out */

struct watcher {
	struct watcher *next;
	struct gun *gun;
	char *client;
	struct peer *peer;
};

struct telemetry {
	struct gun *gun;
	struct watcher *first;
	sd_event_source *timer;
	uint64_t frame_seq; /* of what was sent last */
	uint32_t state;
	uint32_t flags;
};

/* ---- a status as a{sv} ----------------------------------------------------- */

struct field {
	const char *name;
	size_t offset;
	char type;
};

#define FIELD(member, letter)                                         \
	{                                                             \
#member, offsetof(struct meso_status, member), letter \
	}

static const struct field fields[] = {
	FIELD(frame_ns, 't'),
	FIELD(age_ns, 't'),
	FIELD(frame_seq, 't'),
	FIELD(state, 'u'),
	FIELD(flags, 'u'),
	FIELD(faults, 'u'),
	FIELD(fault_counter, 'u'),
	FIELD(boot_id, 't'),
	FIELD(plunger_nm, 'i'),
	FIELD(plunger2_nm, 'i'),
	FIELD(target_nm, 'i'),
	FIELD(depth_um, 'u'),
	FIELD(depth_set_um, 'u'),
	FIELD(pressure_pa, 'i'),
	FIELD(pressure_limit_pa, 'i'),
	FIELD(vacuum_pa, 'i'),
	FIELD(reservoir_nl, 'u'),
	FIELD(battery_percent, 'u'),
	FIELD(battery_mv, 'u'),
	FIELD(temperature_mc, 'i'),
	FIELD(shot_count, 't'),
	FIELD(total_nl, 't'),
	FIELD(cartridge_id, 't'),
	FIELD(lease_sequence, 't'),
	FIELD(lease_left_nl, 'u'),
	FIELD(lease_shots_left, 'u'),
	FIELD(lease_end, 'u'),
	FIELD(lease_left_ms, 'u'),
	FIELD(journal_first, 't'),
	FIELD(journal_count, 'u'),
	FIELD(dose_nl, 'u'),
	FIELD(mode, 'u'),
	FIELD(rate_mhz, 'u'),
	FIELD(bore_um, 'u'),
	FIELD(capacity_nl, 'u'),
};

static int append_field(sd_bus_message *message, const struct meso_status *status,
			const struct field *field)
{
	const char type[2] = { field->type, '\0' };
	const char *at = (const char *)status + field->offset;
	uint64_t wide;
	uint32_t narrow;
	int r;

	r = sd_bus_message_open_container(message, 'e', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(message, 's', field->name);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', type);
	if (r < 0)
		return r;
	if (field->type == 't') {
		memcpy(&wide, at, sizeof(wide));
		r = sd_bus_message_append_basic(message, 't', &wide);
	} else {
		memcpy(&narrow, at, sizeof(narrow));
		r = sd_bus_message_append_basic(message, field->type, &narrow);
	}
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_fault_names(sd_bus_message *message, uint32_t faults)
{
	int r = sd_bus_message_open_container(message, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append_basic(message, 's', "fault_names");
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', "as");
	if (r >= 0)
		r = bus_append_fault_names(message, faults);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

int telemetry_append_status(sd_bus_message *message, const struct meso_status *status)
{
	int r = sd_bus_message_open_container(message, 'a', "{sv}");

	for (size_t i = 0; r >= 0 && i < ARRAY_LENGTH(fields); i++)
		r = append_field(message, status, &fields[i]);
	if (r >= 0)
		r = sd_bus_message_append(message, "{sv}{sv}", "state_name", "s",
					  gun_state_name(status->state), "fresh", "b",
					  (status->flags & MESO_STATUS_FRESH) != 0);
	if (r >= 0)
		r = append_fault_names(message, status->faults);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

/* ---- watchers ----------------------------------------------------------------- */

static void watcher_free(struct watcher *watcher)
{
	struct telemetry *telemetry = watcher->gun->telemetry;

	for (struct watcher **p = &telemetry->first; *p; p = &(*p)->next) {
		if (*p != watcher)
			continue;
		*p = watcher->next;
		watcher->gun->mesod->n_watchers--;
		break;
	}
	peer_free(watcher->peer);
	free(watcher->client);
	free(watcher);
}

struct telemetry *telemetry_free(struct telemetry *telemetry)
{
	if (!telemetry)
		return NULL;
	for (struct watcher *watcher = telemetry->first, *next; watcher; watcher = next) {
		next = watcher->next;
		watcher_free(watcher);
	}
	sd_event_source_disable_unref(telemetry->timer);
	free(telemetry);
	return NULL;
}

/* Without watchers there is no timer either: an idle daemon sleeps. */
static void telemetry_tidy(struct gun *gun)
{
	if (gun->telemetry && !gun->telemetry->first)
		gun->telemetry = telemetry_free(gun->telemetry);
}

static void telemetry_send(struct telemetry *telemetry, const struct meso_status *status)
{
	struct gun *gun = telemetry->gun;

	for (struct watcher *w = telemetry->first; w; w = w->next) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
		uint64_t queued = 0;

		(void)sd_bus_get_n_queued_write(gun->mesod->bus, &queued);
		if (queued > QUEUED_MESSAGES_MAX)
			return;
		if (sd_bus_message_new_signal(gun->mesod->bus, &signal, gun->path, "org.mesod1.Gun",
					      "Telemetry") < 0 ||
		    telemetry_append_status(signal, status) < 0 ||
		    sd_bus_message_set_destination(signal, w->client) < 0)
			return;
		(void)sd_bus_send(gun->mesod->bus, signal, NULL);
	}
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct telemetry *telemetry = userdata;
	struct meso_status status;

	(void)usec;
	if (inj_gun_get_status(telemetry->gun->handle, &status) >= 0 &&
	    (status.frame_seq != telemetry->frame_seq || status.state != telemetry->state ||
	     status.flags != telemetry->flags)) {
		telemetry->frame_seq = status.frame_seq;
		telemetry->state = status.state;
		telemetry->flags = status.flags;
		telemetry_send(telemetry, &status);
	}
	(void)sd_event_source_set_time_relative(source, PERIOD_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int telemetry_new(struct gun *gun, struct telemetry **ret)
{
	struct telemetry *telemetry = calloc(1, sizeof(*telemetry));
	int r;

	if (!telemetry)
		return -ENOMEM;
	telemetry->gun = gun;
	r = sd_event_add_time_relative(gun->mesod->event, &telemetry->timer, CLOCK_MONOTONIC,
				       PERIOD_US, 10000, on_timer, telemetry);
	if (r >= 0)
		r = sd_event_source_set_priority(telemetry->timer, PRIORITY_TELEMETRY);
	if (r < 0) {
		telemetry_free(telemetry);
		return r;
	}
	*ret = telemetry;
	return 0;
}

static void on_client_gone(void *userdata)
{
	struct watcher *watcher = userdata;
	struct gun *gun = watcher->gun;

	watcher_free(watcher);
	telemetry_tidy(gun);
}

static struct watcher *watcher_find(struct gun *gun, const char *client)
{
	for (struct watcher *w = gun->telemetry ? gun->telemetry->first : NULL; w; w = w->next)
		if (strcmp(w->client, client) == 0)
			return w;
	return NULL;
}

static int watcher_add(struct gun *gun, const char *client)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	int r;

	if (!watcher)
		return -ENOMEM;
	watcher->gun = gun;
	watcher->client = strdup(client);
	r = watcher->client ? 0 : -ENOMEM;
	if (r >= 0)
		r = peer_new(gun->mesod->bus, client, on_client_gone, watcher, &watcher->peer);
	watcher->next = gun->telemetry->first;
	gun->telemetry->first = watcher;
	gun->mesod->n_watchers++;
	if (r < 0)
		watcher_free(watcher);
	return r;
}

int telemetry_watch(struct gun *gun, sd_bus_message *call, sd_bus_error *error)
{
	const char *client = sd_bus_message_get_sender(call);
	int r = 0;

	if (!client)
		return bus_fail(error, ERROR_DENIED, "a caller without a name cannot be told");
	if (watcher_find(gun, client))
		return sd_bus_reply_method_return(call, NULL);
	if (gun->mesod->n_watchers >= WATCHERS_MAX)
		return bus_fail(error, ERROR_LIMIT, "watchers=%u limit=%u: too many are watching",
				gun->mesod->n_watchers, WATCHERS_MAX);
	if (!gun->telemetry)
		r = telemetry_new(gun, &gun->telemetry);
	if (r >= 0)
		r = watcher_add(gun, client);
	telemetry_tidy(gun);
	return r < 0 ? bus_fail_internal(error, r) : sd_bus_reply_method_return(call, NULL);
}

int telemetry_unwatch(struct gun *gun, sd_bus_message *call, sd_bus_error *error)
{
	const char *client = sd_bus_message_get_sender(call);
	struct watcher *watcher = client ? watcher_find(gun, client) : NULL;

	(void)error;
	if (watcher)
		watcher_free(watcher);
	telemetry_tidy(gun);
	return sd_bus_reply_method_return(call, NULL);
}
