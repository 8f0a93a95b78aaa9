// SPDX-License-Identifier: GPL-2.0-only
/*
 * See lease.h.
 */
#include "lease.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "collect.h"
#include "gun.h"
#include "macros.h"
#include "mesod.h"
#include "session.h"

#define BEAT_US (LEASE_HEARTBEAT_MS * 1000 / 3)

void lease_id_format(const uint8_t id[MESO_LEASE_ID_LEN], char buf[static LEASE_TEXT_MAX])
{
	for (size_t i = 0; i < MESO_LEASE_ID_LEN; i++)
		snprintf(buf + 2 * i, 3, "%02x", id[i]);
}

int lease_new(struct gun *gun, const uint8_t id[MESO_LEASE_ID_LEN], uint64_t sequence,
	      uint32_t kind, struct lease **ret)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return -ENOMEM;
	lease->gun = gun;
	memcpy(lease->id, id, MESO_LEASE_ID_LEN);
	lease_id_format(id, lease->text);
	lease->sequence = sequence;
	lease->kind = kind;
	lease->stage = LEASE_CLOSING;
	*ret = lease;
	return 0;
}

struct lease *lease_free(struct lease *lease)
{
	if (!lease)
		return NULL;
	sd_event_source_disable_unref(lease->heartbeat);
	sd_event_source_disable_unref(lease->overdue_timer);
	free(lease);
	return NULL;
}

/* Why the heart may not beat, or NULL.  This is the dead man's condition; nothing else feeds it. */
static const char *silence_reason(struct lease *lease)
{
	struct mesod *mesod = lease->gun->mesod;

	if (mesod->stopping)
		return "mesod is ending";
	if (!mesod_worker_answers(mesod))
		return "the ledger does not answer";
	if (mesod_ledger_state(mesod) != LEDGER_OK && mesod_ledger_state(mesod) != LEDGER_FULL)
		return "the ledger cannot be trusted any more";
	return session_silence_reason(session_of_lease(lease));
}

static int on_beat(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lease *lease = userdata;
	struct gun *gun = lease->gun;
	const char *reason;
	int r;

	(void)usec;
	worker_ping(gun->mesod->worker);
	reason = silence_reason(lease);
	if (reason) {
		log_gun(gun, LOG_WARNING, "lease %s: stopped, %s", lease->text, reason);
		gun_disarm(gun);
		return 0;
	}
	r = inj_gun_heartbeat(gun->handle, lease->id);
	if (r < 0) {
		/* Over already, most likely; if not, it must be. */
		log_gun(gun, LOG_DEBUG, "lease %s: heartbeat: %s", lease->text,
			strerrordesc_np(-r));
		gun_disarm(gun);
		return 0;
	}
	(void)sd_event_source_set_time_relative(source, BEAT_US);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int lease_begin(struct lease *lease)
{
	int r;

	lease->stage = LEASE_LIVE;
	lease->armed_ns = boottime_now_ns();
	lease->counted = lease->shot_count;
	r = sd_event_add_time_relative(lease->gun->mesod->event, &lease->heartbeat, CLOCK_BOOTTIME,
				       0, 1000, on_beat, lease);
	if (r >= 0)
		r = sd_event_source_set_priority(lease->heartbeat, PRIORITY_HEARTBEAT);
	if (r < 0)
		gun_disarm(lease->gun);
	return r < 0 ? r : 0;
}

bool lease_may_fire(const struct lease *lease)
{
	return lease->stage == LEASE_LIVE && lease->heartbeat && !lease->gun->mesod->stopping &&
	       !session_silence_reason(session_of_lease(lease));
}

static int on_overdue(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct lease *lease = userdata;
	struct gun *gun = lease->gun;

	(void)source;
	(void)usec;
	lease->overdue = true;
	log_gun(gun, LOG_WARNING,
		"lease %s: not settled yet; what it reserved stays spent until it is", lease->text);
	if (session_of_lease(lease))
		session_lease_overdue(gun->session);
	return 0;
}

static void watch_settlement(struct lease *lease)
{
	if (!lease->overdue_timer &&
	    sd_event_add_time_relative(lease->gun->mesod->event, &lease->overdue_timer,
				       CLOCK_MONOTONIC, LEASE_OVERDUE_US, 0, on_overdue, lease) < 0)
		log_gun(lease->gun, LOG_WARNING, "lease %s: no timer to watch its settlement",
			lease->text);
}

void lease_stopping(struct lease *lease)
{
	lease->heartbeat = sd_event_source_disable_unref(lease->heartbeat);
	/* A gun that is frozen may say nothing for ever. */
	watch_settlement(lease);
}

void lease_close(struct lease *lease, uint32_t end)
{
	struct gun *gun = lease->gun;

	if (end != MESO_END_NONE)
		lease->end = end;
	lease->heartbeat = sd_event_source_disable_unref(lease->heartbeat);
	if (lease->stage == LEASE_LIVE)
		lease->stage = LEASE_CLOSING;
	if (!lease->closed_ns)
		lease->closed_ns = monotonic_now_ns();
	watch_settlement(lease);
	collect_later(gun, 0);
}

void lease_check(struct lease *lease, const struct meso_status *status)
{
	if (status->flags & MESO_STATUS_CONTACT)
		lease->contact = true;
	lease->counted = status->shot_count;
	if (lease->stage != LEASE_LIVE) {
		if (status->lease_end != MESO_END_NONE &&
		    memcmp(status->lease_id, lease->id, MESO_LEASE_ID_LEN) == 0)
			lease->end = status->lease_end;
		return;
	}
	if (memcmp(status->lease_id, lease->id, MESO_LEASE_ID_LEN) != 0)
		lease_close(lease, status->boot_id == lease->armed_boot_id ? MESO_END_NONE
									   : MESO_END_REBOOT);
	else if (status->lease_end != MESO_END_NONE)
		lease_close(lease, status->lease_end);
}
