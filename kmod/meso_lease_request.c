// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The interlock: what a caller may ask for, and what is refused.  Each request
 * checks everything before it changes anything.
 *
 * Deciding when a lease ends is not here but in meso_lease.c.
 */
#include "meso_lease_internal.h"

/* ---- control ----------------------------------------------------------------------- */

/* The first question of every request that only the controller may make. */
static int check_owner(const struct meso_interlock *il, u64 owner)
{
	if (il->gone)
		return -ENODEV;
	return owner && il->owner == owner ? 0 : -EPERM;
}

int meso_interlock_acquire(struct meso_interlock *il, u64 owner, u32 *act)
{
	(void)act;
	if (il->gone)
		return -ENODEV;
	if (il->owner && il->owner != owner)
		return -EBUSY;
	il->owner = owner;
	return 0;
}

int meso_interlock_release(struct meso_interlock *il, u64 owner, u64 now, u32 *act)
{
	int err = check_owner(il, owner);

	if (err)
		return err;
	meso_interlock_end(il, MESO_END_DISARM, now, act);
	il->owner = 0;
	meso_interlock_refresh(il, now, act);
	return 0;
}

void meso_interlock_close(struct meso_interlock *il, u64 owner, u64 now, u32 *act)
{
	if (check_owner(il, owner))
		return;
	meso_interlock_end(il, MESO_END_CLOSE, now, act);
	il->owner = 0;
	meso_interlock_refresh(il, now, act);
}

static bool within(u32 value, u32 least, u32 most)
{
	return value >= least && value <= most;
}

int meso_interlock_configure_begin(struct meso_interlock *il, u64 owner,
				   const struct meso_config *config)
{
	int err = check_owner(il, owner);

	if (err)
		return err;
	if (config->reserved[0] || config->reserved[1] || config->reserved[2] ||
	    config->mode > MESO_MODE_REPEAT)
		return -EINVAL;
	if (!within(config->bore_um, 1000, 20000) ||
	    !within(config->capacity_nl, 100000, il->info.capacity_max_nl) ||
	    !within(config->dose_nl, il->info.dose_min_nl, il->info.dose_max_nl) ||
	    config->depth_um > il->info.depth_max_um ||
	    !within(config->rate_mhz, 100, il->info.rate_max_mhz) ||
	    !within(config->viscosity_upas, 500, 50000) || !within(config->needle_um, 50, 500) ||
	    !within(config->needle_length_um, 1000, 20000) || !within(config->needles, 1, 9))
		return -ERANGE;
	if (config->dose_nl % il->info.dose_step_nl)
		return -EINVAL;
	if (il->phase != MESO_LEASE_NONE)
		return -EBUSY;
	return 0;
}

void meso_interlock_configure_done(struct meso_interlock *il, const struct meso_config *config,
				   int err, const struct meso_info *info, u64 now, u32 *act)
{
	bool refused = err == -EBUSY || err == -EINVAL || err == -ERANGE;

	if (il->gone || refused)
		return;
	/* Half way: nobody knows what a shot would be now. */
	il->config_doubt = err || !info;
	il->config_known = !il->config_doubt;
	il->config = *config;
	if (info)
		il->info.overshoot_nl = info->overshoot_nl;
	meso_interlock_refresh(il, now, act);
}

/* ---- arming --------------------------------------------------------------------------- */

static bool zero(const u8 *bytes, size_t size)
{
	u8 any = 0;
	size_t i;

	for (i = 0; i < size; i++)
		any |= bytes[i];
	return !any;
}

static int check_lease(const struct meso_interlock *il, const struct meso_lease *lease)
{
	if (zero(lease->id, sizeof(lease->id)) || lease->kind > MESO_KIND_PRIME ||
	    lease->reserved[0] || lease->reserved[1])
		return -EINVAL;
	if (!within(lease->volume_nl, 1, il->info.lease_max_nl) ||
	    !within(lease->shots, 1, il->info.lease_max_shots) ||
	    lease->min_interval_ms > MESO_EXPIRY_MAX_MS ||
	    (u64)lease->min_interval_ms * il->info.rate_max_mhz < 1000000 ||
	    !within(lease->expiry_ms, 1, MESO_EXPIRY_MAX_MS) ||
	    !within(lease->heartbeat_ms, MESO_HEARTBEAT_MIN_MS, MESO_HEARTBEAT_MAX_MS))
		return -ERANGE;
	return 0;
}

static u64 newest_sequence(const struct meso_interlock *il)
{
	u64 newest = max_t(u64, il->info.last_sequence, il->lease.sequence);

	return max_t(u64, newest, il->frame.last_sequence);
}

static int check_gun(const struct meso_interlock *il, const struct meso_lease *lease, u64 now)
{
	if (il->phase != MESO_LEASE_NONE)
		return -EBUSY;
	if (!il->frame_ns || il->asleep || il->dozing || now >= meso_interlock_idle_stale_ns(il))
		return -ETIMEDOUT;
	if (meso_interlock_forbidding(il) || il->frame.epoch != il->info.epoch)
		return -EACCES;
	if (lease->boot_id != il->info.boot_id || lease->sequence <= newest_sequence(il))
		return -ESTALE;
	if (lease->shots > meso_journal_free(il))
		return -ENOSPC;
	if (il->config_doubt || (!il->config_known && !il->frame.dose_nl))
		return -ENODATA;
	return 0;
}

/* Where the account starts, and what the gun must go on reporting. */
static void open_account(struct meso_interlock *il)
{
	const struct meso_frame *frame = &il->frame;
	struct meso_account *account = &il->account;

	memset(account, 0, sizeof(*account));
	account->shots_at_arm = frame->shot_count;
	account->total_at_arm = frame->total_nl;
	account->start_nm = frame->plunger_nm;
	account->start2_nm = frame->plunger2_nm;
	account->far_nm = frame->plunger_nm;
	account->far2_nm = frame->plunger2_nm;
	account->shot_nm = frame->plunger_nm;
	account->shot2_nm = frame->plunger2_nm;
	if (il->config_known)
		return;
	/* Configured before this host knew the gun. */
	memset(&il->config, 0, sizeof(il->config));
	il->config.bore_um = frame->bore_um;
	il->config.capacity_nl = frame->capacity_nl;
	il->config.dose_nl = frame->dose_nl;
	il->config.depth_um = frame->depth_set_um;
	il->config.mode = frame->mode;
	il->config.rate_mhz = frame->rate_mhz;
}

int meso_interlock_arm_begin(struct meso_interlock *il, u64 owner, const struct meso_lease *lease,
			     u64 now, u32 *act)
{
	int err = check_owner(il, owner);

	if (!err)
		err = check_lease(il, lease);
	if (!err)
		err = check_gun(il, lease, now);
	if (err)
		return err;

	il->before.lease = il->lease;
	il->before.account = il->account;
	il->before.lease_end = il->lease_end;
	il->before.confirmed = il->confirmed;
	il->lease = *lease;
	il->lease_end = MESO_END_NONE;
	il->confirmed = 0;
	open_account(il);
	il->phase = MESO_LEASE_ARMING;
	il->arm_in_flight = 1;
	il->arm_ns = now;
	il->grace_ns = 0;
	il->fired = 0;
	/* The earliest the gun may have begun to count. */
	il->expires_ns = now + lease->expiry_ms * 1000000ULL;
	il->heartbeat_ns = now + MESO_ARMING_NS;
	meso_interlock_refresh(il, now, act);
	return 0;
}

static bool arm_refused(int err)
{
	return err == -EBUSY || err == -EACCES || err == -ESTALE || err == -ERANGE ||
	       err == -ENOSPC || err == -ENODATA || err == -EINVAL;
}

int meso_interlock_arm_done(struct meso_interlock *il, int err, u64 now, u32 *act)
{
	il->arm_in_flight = 0;
	if (il->gone) {
		/* The ARM may have landed behind the stop that removal sent. */
		if (!arm_refused(err))
			*act |= MESO_ACT_ABORT;
		return -ENODEV;
	}
	if (il->phase == MESO_LEASE_ARMING && arm_refused(err)) {
		il->lease = il->before.lease;
		il->account = il->before.account;
		il->lease_end = il->before.lease_end;
		il->confirmed = il->before.confirmed;
		meso_interlock_stand(il);
	} else if (il->phase == MESO_LEASE_ARMING && err) {
		meso_interlock_end(il, MESO_END_STALE, now, act);
	} else if (il->phase == MESO_LEASE_ARMING) {
		il->phase = MESO_LEASE_LIVE;
		il->arm_ns = now;
		il->heartbeat_ns = now + il->lease.heartbeat_ms * 1000000ULL;
		meso_interlock_emit_lease(il, now);
	} else if (arm_refused(err)) {
		meso_interlock_confirm(il, now, act);
	} else {
		/* It ended meanwhile; the stop may have overtaken the ARM. */
		meso_interlock_stop_gun(il, now, act);
		err = err ? err : -ECANCELED;
	}
	meso_interlock_refresh(il, now, act);
	return err;
}

/* ---- while armed ------------------------------------------------------------------------- */

/* A lease whose deadline has passed is dead, whether or not tick() came yet. */
static bool names_live_lease(const struct meso_interlock *il, const u8 *lease_id, u64 now)
{
	return il->phase == MESO_LEASE_LIVE && !memcmp(lease_id, il->lease.id, MESO_LEASE_ID_LEN) &&
	       now < il->heartbeat_ns && now < il->expires_ns &&
	       now < meso_interlock_armed_stale_ns(il);
}

int meso_interlock_heartbeat(struct meso_interlock *il, u64 owner, const u8 *lease_id, u64 now,
			     u32 *act)
{
	int err = check_owner(il, owner);

	if (err)
		return err;
	if (!names_live_lease(il, lease_id, now))
		return -ESTALE;
	il->heartbeat_ns = now + il->lease.heartbeat_ms * 1000000ULL;
	il->stats.heartbeats++;
	*act |= MESO_ACT_HEARTBEAT;
	meso_interlock_refresh(il, now, act);
	return 0;
}

int meso_interlock_fire_begin(struct meso_interlock *il, u64 owner, const struct meso_fire *fire,
			      u64 now)
{
	bool contact = il->frame.status & MESO_STATUS_CONTACT;
	bool treat = il->lease.kind == MESO_KIND_TREAT;
	/* A shot under way has the next number already. */
	u64 newest = il->frame.shot_count + meso_frame_firing(&il->frame);
	u64 interval_ns = il->lease.min_interval_ms * 1000000ULL;
	int err = check_owner(il, owner);

	if (err)
		return err;
	if (!names_live_lease(il, fire->id, now) || fire->expect != newest + 1 ||
	    fire->expect == il->fired)
		return -ESTALE;
	/* One that only settles is over as soon as the next one is asked for. */
	if (meso_frame_firing(&il->frame) && il->frame.status & MESO_STATUS_MOVING)
		return -EBUSY;
	if (il->account.start_ns && now < il->account.start_ns + interval_ns)
		return -EAGAIN;
	if (il->info.capabilities & MESO_CAP_CONTACT && contact != treat)
		return -EACCES;
	il->fired = fire->expect;
	il->fired_ns = now;
	il->account.presses++;
	return 0;
}

void meso_interlock_fire_done(struct meso_interlock *il, int err)
{
	/* Refused: the same number may be asked for again.  In doubt: not. */
	if (err != -ESTALE && err != -EBUSY && err != -EAGAIN && err != -EACCES)
		return;
	il->fired = 0;
	if (il->account.presses)
		il->account.presses--;
}

int meso_interlock_disarm(struct meso_interlock *il, u32 reason, u64 now, u32 *act)
{
	if (il->gone)
		return -ENODEV;
	if (meso_interlock_live(il))
		meso_interlock_end(il, reason, now, act);
	else if (!(*act & MESO_ACT_ABORT))
		il->stats.aborts++;
	*act |= MESO_ACT_ABORT;	/* whatever we believe: a stop reaches the gun */
	meso_interlock_refresh(il, now, act);
	return 0;
}

/* ---- faults --------------------------------------------------------------------------------- */

/* A cause that can still be seen keeps its fault. */
static u32 causes_present(const struct meso_interlock *il, u64 now)
{
	s64 apart = (s64)il->frame.plunger_nm - il->frame.plunger2_nm;
	u32 causes = 0;

	if (!il->frame_ns || now >= meso_interlock_idle_stale_ns(il))
		return MESO_FAULT_HOST_MASK;
	if (il->info.capabilities & MESO_CAP_SECOND_ENCODER &&
	    (apart > MESO_ENCODER_TOLERANCE_NM || apart < -MESO_ENCODER_TOLERANCE_NM))
		causes |= MESO_FAULT_HOST_ENCODER;
	if (il->frame.epoch != il->info.epoch)
		causes |= MESO_FAULT_HOST_IMPLAUSIBLE;
	return causes;
}

int meso_interlock_clear_begin(const struct meso_interlock *il, u64 owner,
			       const struct meso_clear *clear, u64 now, struct meso_clear *ret_gun)
{
	int err = check_owner(il, owner);

	if (err)
		return err;
	if (!clear->mask || clear->mask & ~MESO_FAULT_ALL_MASK)
		return -EINVAL;
	if (clear->boot_id != il->info.boot_id || clear->counter != il->fault_counter)
		return -ESTALE;
	if (il->phase != MESO_LEASE_NONE || clear->mask & causes_present(il, now))
		return -EBUSY;
	ret_gun->mask = clear->mask & MESO_FAULT_GUN_MASK;
	ret_gun->boot_id = clear->boot_id;
	ret_gun->counter = clear->counter - il->host_fault_counter;
	return 0;
}

int meso_interlock_clear_done(struct meso_interlock *il, const struct meso_clear *clear, u64 now,
			      u32 *act)
{
	if (il->gone)
		return -ENODEV;
	/* Nothing that appeared while the gun was asked. */
	if (clear->counter != il->fault_counter)
		return -ESTALE;
	il->host_faults &= ~clear->mask;
	meso_interlock_refresh(il, now, act);
	return 0;
}
