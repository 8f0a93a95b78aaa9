// SPDX-License-Identifier: GPL-2.0-only
/*
 * See collect.h.
 *
 * One job at a time for a gun.  What the job needs is copied into it: while it
 * is with the worker the gun may go, the lease may go, the session may go.
 */
#include "collect.h"

#include <string.h>

#include "bus.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"
#include "reconcile.h"
#include "session.h"

#define RETRY_US        20000      /* the gun is not quiet yet, or its records are on their way */
#define RETRY_LEDGER_US 1000000ULL /* the ledger could not */
#define REGAIN_FIRST_US 500000     /* somebody else controls the gun */
#define REGAIN_LAST_US  4000000

/* What a prime pressed together comes out after its lease: 20 nl for each kPa.  As long as that is
 * worth counting, contact still makes the prime a dose. */
#define PRIME_REST_PA 500
#define PRIME_REST_NS 10000000000ULL

struct collection {
	struct gun *gun;
	int64_t now_s;
	char serial[MESO_SERIAL_LEN];
	struct meso_shot shots[MESO_SHOTS_MAX];
	size_t n_shots;
	bool settles;
	struct ledger_evidence evidence;
	struct ledger_settlement settlement;
};

static int collection_run(void *owned, void *userdata)
{
	struct collection *c = userdata;

	return ledger_record(owned, c->now_s, c->serial, c->n_shots ? c->shots : NULL, c->n_shots,
			     c->settles ? &c->evidence : NULL, &c->settlement);
}

/* The lease that this job was about, if it is still the gun's. */
static struct lease *collection_lease(const struct collection *c)
{
	struct lease *lease = c->gun->lease;

	if (!lease || !c->settles ||
	    memcmp(lease->id, c->evidence.lease_id, sizeof(lease->id)) != 0)
		return NULL;
	return lease;
}

/* Control was lost with a heartbeat, or to somebody who took it since. */
static void regain(struct gun *gun)
{
	int r = inj_gun_acquire(gun->handle);

	if (r >= 0) {
		if (gun->regain_us)
			log_gun(gun, LOG_NOTICE, "under control again");
		gun->regain_us = 0;
		collect_later(gun, 0);
		return;
	}
	if (r == -ENODEV)
		return; /* the event of its removal is on its way */
	if (!gun->regain_us)
		log_gun(gun, LOG_WARNING, "cannot take control back: %s; trying again",
			r == -EBUSY ? "somebody else has it" : strerrordesc_np(-r));
	gun->regain_us = gun->regain_us ? 2 * gun->regain_us : REGAIN_FIRST_US;
	if (gun->regain_us > REGAIN_LAST_US)
		gun->regain_us = REGAIN_LAST_US;
	collect_later(gun, gun->regain_us);
}

static void acknowledge(struct collection *c)
{
	struct gun *gun = c->gun;
	const struct meso_shot *last;
	struct session *session;
	int r;

	if (!c->n_shots || !gun->handle)
		return;
	last = &c->shots[c->n_shots - 1];
	r = inj_gun_ack_shots(gun->handle, last->epoch, last->number);
	if (r == -EPERM || r == -EACCES) {
		regain(gun);
		return;
	}
	if (r < 0) {
		/* They stay in the gun and are recorded again, which changes nothing. */
		log_gun(gun, LOG_WARNING, "shots up to %llu were not acknowledged: %s",
			(unsigned long long)last->number, strerrordesc_np(-r));
		collect_later(gun, RETRY_LEDGER_US);
		return;
	}
	session = gun->lease ? session_of_lease(gun->lease) : NULL;
	for (size_t i = 0; session && i < c->n_shots; i++)
		if (memcmp(c->shots[i].lease_id, gun->lease->id, MESO_LEASE_ID_LEN) == 0)
			session_shot(session, &c->shots[i]);
	collect_later(gun, 0);
}

static void settled(struct collection *c)
{
	const bool released = c->settlement.outcome == LEDGER_RELEASED;
	struct lease *lease = collection_lease(c);
	struct gun *gun = c->gun;

	if (!lease)
		return;
	if (c->settlement.outcome == LEDGER_NOT_SETTLED) {
		lease->stage = LEASE_CLOSING;
		collect_later(gun, RETRY_US);
		return;
	}
	log_gun(gun, released ? LOG_INFO : LOG_ERR,
		"lease %s: %s, delivered %llu nl, spent %llu nl%s%s", lease->text,
		released ? "settled" : "uncertain", (unsigned long long)c->settlement.delivered_nl,
		(unsigned long long)c->settlement.spent_nl, *c->settlement.problem ? ": " : "",
		c->settlement.problem);
	if (session_of_lease(lease))
		session_lease_settled(gun->session, lease, released, c->settlement.delivered_nl);
	gun->lease = lease_free(lease);
	if (gun->session)
		session_continue(gun->session);
	collect_later(gun, 0);
}

static void collection_done(void *userdata, int r)
{
	struct collection *c = userdata;
	struct gun *gun = c->gun;
	struct lease *lease = collection_lease(c);

	gun->collecting = false;
	if (r < 0 && r != -ENOENT) {
		if (r != -ECANCELED && !gun->ledger_logged)
			log_gun_id(gun, LOG_ERR, MESSAGE_NOT_RECORDED,
				   "the ledger did not record: %s; nothing is forgotten",
				   strerrordesc_np(-r));
		gun->ledger_logged = true;
		gun->ledger_again_ns = monotonic_now_ns() + RETRY_LEDGER_US * 1000;
		if (lease)
			lease->stage = LEASE_CLOSING;
		gun_disarm(gun);
		collect_later(gun, RETRY_LEDGER_US);
	} else {
		gun->ledger_logged = false;
		gun->ledger_again_ns = 0;
		if (c->settlement.quarantined) {
			gun_disarm(gun);
			gun_set_quarantined(gun, c->settlement.problem);
		}
		acknowledge(c);
		if (r == -ENOENT && lease) {
			/* A reservation of ours that the ledger does not know: nothing may be built on it. */
			log_gun(gun, LOG_ERR, "lease %s is not in the ledger", lease->text);
			gun_set_quarantined(gun, "a lease is not in the ledger");
			c->settlement.outcome = LEDGER_UNCERTAIN;
		}
		settled(c);
		if (gun->collect_again)
			collect_later(gun, 0);
	}
	gun->collect_again = false;
	gun_unref(gun);
	free(c);
}

static void submit(struct collection *c)
{
	struct gun *gun = c->gun;
	struct lease *lease = collection_lease(c);
	int r;

	c->now_s = wall_now_s(gun->mesod);
	memcpy(c->serial, gun->serial, sizeof(c->serial));
	gun_ref(gun);
	r = worker_submit(gun->mesod->worker, collection_run, collection_done, c);
	if (r < 0) {
		collect_later(gun, RETRY_LEDGER_US);
		gun_unref(gun);
		free(c);
		return;
	}
	gun->collecting = true;
	if (lease)
		lease->stage = LEASE_SETTLING;
}

static void fill_evidence(struct collection *c, const struct lease *lease,
			  const struct meso_info *info, const struct meso_status *status)
{
	memcpy(c->evidence.lease_id, lease->id, MESO_LEASE_ID_LEN);
	c->evidence.never_armed = lease->never_armed;
	c->evidence.gun = (struct ledger_gun){
		.serial = c->gun->serial,
		.epoch = info->epoch,
		.boot_id = status ? status->boot_id : info->boot_id,
		.shot_count = status ? status->shot_count : 0,
		.total_nl = status ? status->total_nl : 0,
		.last_sequence = info->last_sequence,
	};
	c->evidence.end = lease->end;
	if (status) {
		c->evidence.faults = status->faults;
		c->evidence.closed = true;
		c->evidence.log_read = true;
		c->evidence.no_contact = !lease->contact && !lease->events_lost;
		c->evidence.contact_works = (status->flags & MESO_STATUS_CONTACT_SEEN) &&
					    status->boot_id == lease->armed_boot_id;
	}
	c->settles = true;
}

void collect_settle_unarmed(struct gun *gun)
{
	struct meso_info info;
	struct collection *c;

	if (gun->collecting || !gun->handle || !gun->lease || !gun->lease->never_armed)
		return;
	/* Read anew: its newest sequence is what could say that it was armed after all. */
	if (inj_gun_get_info(gun->handle, &info) < 0) {
		collect_later(gun, RETRY_US);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		collect_later(gun, RETRY_LEDGER_US);
		return;
	}
	c->gun = gun;
	fill_evidence(c, gun->lease, &info, NULL);
	c->evidence.gun.shot_count = gun->lease->shot_count;
	c->evidence.gun.total_nl = gun->lease->total_nl;
	submit(c);
}

/* Whether the fluid of a prime has come to rest, off the skin.  After a time that no fluid needs, it
 * earns no credit. */
static bool prime_rests(struct lease *lease, const struct meso_status *status)
{
	if (lease->kind != MESO_KIND_PRIME || lease->never_armed || lease->contact ||
	    lease->events_lost)
		return true;
	if (status->pressure_pa <= PRIME_REST_PA)
		return true;
	if (monotonic_now_ns() - lease->closed_ns < PRIME_REST_NS)
		return false;
	lease->contact = true;
	return true;
}

/* The gun's log could not be read: control may have been lost with a heartbeat. */
static void lost_control(struct gun *gun, int r)
{
	if (r == -ENODEV)
		return; /* the event of its removal is on its way */
	if (r == -EACCES || r == -EPERM) {
		regain(gun);
		return;
	}
	if (!gun->problem_logged)
		log_gun(gun, LOG_WARNING, "its shots could not be read: %s; trying again",
			strerrordesc_np(-r));
	gun->problem_logged = true;
	collect_later(gun, RETRY_LEDGER_US);
}

/* Nothing is left to record or settle. */
static void all_done(struct gun *gun)
{
	if (gun->stage != GUN_RECONCILING)
		return;
	gun->stage = GUN_READY;
	bus_gun_changed(gun, "Ready");
	log_gun(gun, LOG_INFO, "ready%s", gun->quarantined ? ", but quarantined" : "");
}

void collect_kick(struct gun *gun)
{
	struct lease *lease = gun->lease;
	struct meso_status status;
	struct meso_info info;
	struct collection *c;
	size_t remaining = 0;
	bool complete;
	int n;

	if (!gun->handle || gun->stage < GUN_RECONCILING || gun->stage == GUN_GONE)
		return;
	if (inj_gun_get_status(gun->handle, &status) < 0)
		return;
	if (lease)
		lease_check(lease, &status);
	/* A heartbeat that was missed ends control with the lease; without it nothing can be
	 * acknowledged, configured or armed. */
	if (gun->controlled && !(status.flags & MESO_STATUS_OWNED)) {
		lost_control(gun, -EPERM);
		return;
	}
	if (gun->collecting) {
		gun->collect_again = true;
		return;
	}
	/* Each frame of the gun comes by here: a disk that fails is not hammered for that. */
	if (monotonic_now_ns() < gun->ledger_again_ns) {
		collect_later(gun, RETRY_LEDGER_US);
		return;
	}

	c = calloc(1, sizeof(*c));
	if (!c) {
		collect_later(gun, RETRY_LEDGER_US);
		return;
	}
	c->gun = gun;
	n = inj_gun_get_shots(gun->handle, 0, c->shots, MESO_SHOTS_MAX, &remaining);
	if (n < 0) {
		free(c);
		lost_control(gun, n);
		return;
	}
	gun->problem_logged = false;
	c->n_shots = (size_t)n;
	/* The status is older than the log that was read, so a quiet gun's log is complete. */
	complete = gun_status_is_quiet(&status) && (status.flags & MESO_STATUS_RECONCILED) &&
		   !remaining;
	if (lease && lease->stage == LEASE_CLOSING && complete && prime_rests(lease, &status) &&
	    inj_gun_get_info(gun->handle, &info) >= 0)
		fill_evidence(c, lease, &info, &status);

	if (c->n_shots || c->settles) {
		submit(c);
		return;
	}
	free(c);
	if (lease ? lease->stage == LEASE_CLOSING : !complete && gun->stage == GUN_RECONCILING)
		collect_later(gun, RETRY_US);
	else if (!lease)
		all_done(gun);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct gun *gun = userdata;

	(void)source;
	(void)usec;
	if (gun->stage == GUN_GONE)
		return 0;
	if (gun->stage < GUN_RECONCILING)
		reconcile_continue(gun);
	else
		collect_kick(gun);
	return 0;
}

void collect_later(struct gun *gun, uint64_t usec)
{
	uint64_t now, planned;
	int enabled;

	if (gun->stage == GUN_GONE)
		return;
	if (!gun->retry) {
		if (sd_event_add_time_relative(gun->mesod->event, &gun->retry, CLOCK_MONOTONIC,
					       usec, 1000, on_retry, gun) >= 0)
			(void)sd_event_source_set_priority(gun->retry, PRIORITY_GUN);
		return;
	}
	/* What is planned already for an earlier time stays. */
	if (sd_event_now(gun->mesod->event, CLOCK_MONOTONIC, &now) >= 0 &&
	    sd_event_source_get_enabled(gun->retry, &enabled) > 0 &&
	    sd_event_source_get_time(gun->retry, &planned) >= 0 && planned <= now + usec)
		return;
	(void)sd_event_source_set_time_relative(gun->retry, usec);
	(void)sd_event_source_set_enabled(gun->retry, SD_EVENT_ONESHOT);
}
