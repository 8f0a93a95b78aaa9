// SPDX-License-Identifier: GPL-2.0-only
/*
 * See reconcile.h.
 */
#include "reconcile.h"

#include <string.h>

#include "collect.h"
#include "gun.h"
#include "lease.h"
#include "macros.h"
#include "mesod.h"

#define RETRY_US        20000
#define RETRY_OWNER_US  500000
#define RETRY_LEDGER_US 2000000

struct comparison {
	struct gun *gun;
	int64_t now_s;
	char serial[MESO_SERIAL_LEN];
	struct ledger_gun numbers;
	struct meso_host_mark mark;
	bool quarantined;
	bool owes;
	struct ledger_outstanding outstanding;
};

static int comparison_run(void *owned, void *userdata)
{
	struct comparison *c = userdata;
	int r;

	r = ledger_see_gun(owned, c->now_s, &c->numbers, &c->mark);
	if (r < 0 && r != -EUCLEAN)
		return r;
	c->quarantined = r == -EUCLEAN;
	r = ledger_get_outstanding(owned, c->serial, &c->outstanding);
	c->owes = r >= 0;
	return r == -ENOENT ? 0 : r;
}

static void problem(struct gun *gun, const char *what, int r)
{
	if (!gun->problem_logged)
		log_gun(gun, LOG_WARNING, "%s: %s; trying again", what, strerrordesc_np(-r));
	gun->problem_logged = true;
}

static int take_over_debt(struct gun *gun, const struct ledger_outstanding *o)
{
	int r;

	r = lease_new(gun, o->lease_id, o->sequence, o->kind, &gun->lease);
	if (r < 0)
		return r;
	gun->lease->armed_boot_id = o->boot_id;
	gun->lease->shot_count = o->shot_count;
	gun->lease->total_nl = o->total_nl;
	/* Nobody watched: a prime earns no credit by this evidence. */
	gun->lease->events_lost = true;
	log_gun_id(gun, LOG_NOTICE, MESSAGE_UNSETTLED,
		   "lease %s was not settled: reading what became of it", gun->lease->text);
	lease_close(gun->lease, MESO_END_NONE);
	return 0;
}

static void comparison_done(void *userdata, int r)
{
	struct comparison *c = userdata;
	struct gun *gun = c->gun;

	if (gun->stage != GUN_COMPARING)
		goto out;
	if (r >= 0 && c->quarantined)
		gun_set_quarantined(gun, "its numbers disagree with the ledger, now or before");
	if (r >= 0 && c->owes)
		r = take_over_debt(gun, &c->outstanding);
	if (r < 0) {
		if (r != -ECANCELED)
			problem(gun, "the ledger could not compare its numbers", r);
		gun->stage = GUN_TAKING;
		collect_later(gun, RETRY_LEDGER_US);
		goto out;
	}
	gun->problem_logged = false;
	gun->stage = GUN_RECONCILING;
	collect_kick(gun);
out:
	gun_unref(gun);
	free(c);
}

static int compare(struct gun *gun, const struct meso_status *status)
{
	struct meso_registers registers = { 0 };
	struct comparison *c;
	int r;

	r = inj_gun_get_info(gun->handle, &gun->info);
	if (r >= 0)
		r = inj_gun_get_registers(gun->handle, &registers);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->gun = gun;
	c->now_s = wall_now_s(gun->mesod);
	memcpy(c->serial, gun->serial, sizeof(c->serial));
	c->numbers = (struct ledger_gun){
		.serial = c->serial,
		.epoch = gun->info.epoch,
		.boot_id = status->boot_id,
		.shot_count = status->shot_count,
		.total_nl = status->total_nl,
		.last_sequence = gun->info.last_sequence,
	};
	c->mark = registers.mark;
	r = worker_submit(gun->mesod->worker, comparison_run, comparison_done, c);
	if (r < 0) {
		free(c);
		return r;
	}
	gun_ref(gun);
	gun->stage = GUN_COMPARING;
	return 0;
}

/* Under our control, disarmed, and its log complete on this side. */
static int take(struct gun *gun, struct meso_status *ret_status)
{
	int r;

	if (!gun->controlled) {
		r = inj_gun_acquire(gun->handle);
		if (r < 0)
			return r;
		gun->controlled = true;
		gun_disarm(gun);
	}
	r = inj_gun_get_status(gun->handle, ret_status);
	if (r < 0)
		return r;
	return gun_status_is_quiet(ret_status) && (ret_status->flags & MESO_STATUS_RECONCILED)
		       ? 0
		       : -EAGAIN;
}

void reconcile_continue(struct gun *gun)
{
	struct meso_status status;
	int r;

	if (gun->stage != GUN_TAKING || !gun->handle)
		return;
	r = take(gun, &status);
	if (r >= 0) {
		r = compare(gun, &status);
		if (r < 0) {
			problem(gun, "its numbers could not be compared", r);
			collect_later(gun, RETRY_LEDGER_US);
		}
		return;
	}
	if (r == -ENODEV)
		return; /* its removal is told by its events */
	if (r != -EAGAIN)
		problem(gun, "cannot take control of it", r);
	collect_later(gun, r == -EAGAIN ? RETRY_US : RETRY_OWNER_US);
}
