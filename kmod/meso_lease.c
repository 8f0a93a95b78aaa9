// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The interlock: who may do what, when a lease begins and how it ends.  See
 * meso_lease.h for what all of it owns; here are the requests, the deadlines
 * and the one place where a lease ends.
 *
 * Judging what the gun reports is in meso_lease_frame.c, the shot journal in
 * meso_journal.c, what is shown to the world in meso_lease_view.c.
 */
#include "meso_lease_internal.h"

/* ---- what all of it rests on ----------------------------------------------- */

void meso_interlock_emit(struct meso_interlock *il, struct meso_event *event, u64 now)
{
	event->gun_seq = ++il->gun_seq;
	event->timestamp_ns = now;
	il->emit(il->ctx, event);
}

static void emit_lease(struct meso_interlock *il, u64 now)
{
	struct meso_event_lease event = {
		.head = {
			.type = MESO_EVENT_LEASE,
			.size = sizeof(event),
			.value = { il->lease_end, il->confirmed },
		},
		.sequence = il->lease.sequence,
		.left_nl = meso_interlock_left_nl(il),
		.shots_left = meso_interlock_left_shots(il),
	};

	memcpy(event.lease_id, il->lease.id, sizeof(event.lease_id));
	meso_interlock_emit(il, &event.head, now);
}

static u32 forbidding(const struct meso_interlock *il)
{
	return meso_interlock_faults(il) & ~MESO_FAULTS_INFORM;
}

static u32 present_state(const struct meso_interlock *il)
{
	bool open = il->frame_ns && meso_frame_armed(&il->frame);

	/* While ARM is on its way the gun may have taken it already. */
	if (il->phase == MESO_LEASE_LIVE || (il->phase == MESO_LEASE_ARMING && open))
		return open && meso_frame_firing(&il->frame) ? MESO_STATE_FIRING :
							       MESO_STATE_ARMED;
	if (il->stale || !il->frame_ns)
		return MESO_STATE_STALE;
	if (il->phase == MESO_LEASE_CLOSING)
		return MESO_STATE_DISARMING;
	return forbidding(il) ? MESO_STATE_FAULT : MESO_STATE_IDLE;
}

/* An armed gun reports at 1 kHz from the moment it is armed. */
static u64 armed_stale_ns(const struct meso_interlock *il)
{
	return max_t(u64, il->frame_ns, il->arm_ns) + MESO_STALE_ARMED_NS;
}

static u64 idle_stale_ns(const struct meso_interlock *il)
{
	return max_t(u64, il->frame_ns, il->registered_ns) + MESO_STALE_IDLE_NS;
}

static u64 next_deadline(const struct meso_interlock *il)
{
	u64 next = MESO_NEVER;

	if (il->gone)
		return MESO_NEVER;
	if (il->phase == MESO_LEASE_LIVE)
		next = min_t(u64, next, armed_stale_ns(il));
	if (meso_interlock_live(il)) {
		next = min_t(u64, next, il->heartbeat_ns);
		next = min_t(u64, next, il->expires_ns);
	}
	if (il->phase == MESO_LEASE_CLOSING) {
		next = min_t(u64, next, il->abort_ns);
		if (!il->unresponsive)
			next = min_t(u64, next, il->closing_ns + MESO_CONFIRM_NS);
	}
	if (!il->stale)
		next = min_t(u64, next, idle_stale_ns(il));
	if (il->journal.retry_ns)
		next = min_t(u64, next, il->journal.retry_ns);
	return next;
}

void meso_interlock_refresh(struct meso_interlock *il, u64 now, u32 *act)
{
	u32 state = present_state(il);
	u32 faults = meso_interlock_faults(il);
	u32 counter = (il->frame_ns ? il->frame.fault_counter : 0) + il->host_fault_counter;
	u64 deadline = next_deadline(il);

	if (faults != il->faults || counter != il->fault_counter) {
		struct meso_event_fault event = {
			.head = {
				.type = MESO_EVENT_FAULT,
				.size = sizeof(event),
				.value = { faults, il->faults },
			},
			.boot_id = il->info.boot_id,
			.counter = counter,
		};

		il->faults = faults;
		il->fault_counter = counter;
		*act |= MESO_ACT_FAULTS;
		meso_interlock_emit(il, &event.head, now);
	}
	if (state != il->state) {
		struct meso_event event = {
			.type = MESO_EVENT_STATE,
			.size = sizeof(event),
			.value = { state, il->state },
		};

		il->state = state;
		*act |= MESO_ACT_STATE;
		meso_interlock_emit(il, &event, now);
	}
	if (deadline != il->deadline_ns) {
		il->deadline_ns = deadline;
		*act |= MESO_ACT_TIMER;
	}
}

/* ---- how a lease ends -------------------------------------------------------- */

void meso_interlock_stop_gun(struct meso_interlock *il, u64 now, u32 *act)
{
	il->phase = MESO_LEASE_CLOSING;
	il->closing_ns = now;
	il->abort_ns = now + MESO_ABORT_FAST_NS;
	il->unresponsive = 0;
	il->heartbeat_ns = MESO_NEVER;
	il->expires_ns = MESO_NEVER;
	il->stats.aborts++;
	*act |= MESO_ACT_ABORT;
}

/* A controller that went silent has lost the gun: its fd may have leaked to a
 * process that will never close it. */
static void end_ownership(struct meso_interlock *il, u32 reason)
{
	if (reason == MESO_END_HEARTBEAT)
		il->owner = 0;
}

void meso_interlock_end(struct meso_interlock *il, u32 reason, u64 now, u32 *act)
{
	if (!meso_interlock_live(il))
		return;
	il->lease_end = reason;
	il->confirmed = 0;
	end_ownership(il, reason);
	meso_interlock_stop_gun(il, now, act);
	emit_lease(il, now);
}

static void stand(struct meso_interlock *il)
{
	il->phase = MESO_LEASE_NONE;
	il->heartbeat_ns = MESO_NEVER;
	il->expires_ns = MESO_NEVER;
	il->fired = 0;
	il->rest_known = 0;	/* the next frame says where the plunger stands */
}

void meso_interlock_ended_by_gun(struct meso_interlock *il, u32 reason, u64 now, u32 *act)
{
	il->lease_end = reason;
	il->confirmed = 1;
	end_ownership(il, reason);
	stand(il);
	*act |= MESO_ACT_CONFIRMED;
	emit_lease(il, now);
}

void meso_interlock_confirm(struct meso_interlock *il, u64 now, u32 *act)
{
	stand(il);
	*act |= MESO_ACT_CONFIRMED;
	/* A gun that was armed without our lease is stopped in silence. */
	if (il->lease_end == MESO_END_NONE || il->confirmed)
		return;
	il->confirmed = 1;
	emit_lease(il, now);
}

void meso_interlock_fault(struct meso_interlock *il, u32 fault, u32 reason, u64 now, u32 *act)
{
	if (fault & ~il->host_faults) {
		il->host_faults |= fault;
		il->host_fault_counter++;
	}
	meso_interlock_end(il, reason, now, act);
}

/* ---- life ---------------------------------------------------------------------- */

static bool text_ok(const char *text, size_t size, bool serial)
{
	size_t i;

	for (i = 0; i < size && text[i]; i++) {
		char c = text[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '_' || c == '-' || (c == '.' && i);

		if (serial ? !plain : c < ' ' || c > '~')
			return false;
	}
	return i < size && (i || !serial);
}

/* A gun's description of itself is as little to be believed as anything else
 * from the wire: later checks rest on these limits. */
static bool info_ok(const struct meso_info *info)
{
	return text_ok(info->serial, sizeof(info->serial), true) &&
	       text_ok(info->model, sizeof(info->model), false) &&
	       text_ok(info->firmware, sizeof(info->firmware), false) &&
	       info->epoch && info->boot_id && !(info->capabilities & ~MESO_CAP_ALL_MASK) &&
	       info->dose_step_nl && info->dose_min_nl && info->dose_min_nl <= info->dose_max_nl &&
	       info->dose_max_nl <= 1000000 && info->depth_max_um <= 13000 &&
	       info->capacity_max_nl >= 100000 && info->capacity_max_nl <= 10000000 &&
	       info->rate_max_mhz >= 100 && info->rate_max_mhz <= MESO_RATE_MAX_MHZ &&
	       info->lease_max_nl && info->lease_max_nl <= 100000000 && info->lease_max_shots &&
	       info->gun_log_size && info->gun_log_size <= 65536;
}

/* Keeps what the text says and nothing that stood behind it. */
static void copy_text(char *to, const char *from, size_t size)
{
	size_t i;

	memset(to, 0, size);
	for (i = 0; i + 1 < size && from[i]; i++)
		to[i] = from[i];
}

static void take_info(struct meso_interlock *il, const struct meso_info *info)
{
	il->info = *info;
	copy_text(il->info.serial, info->serial, sizeof(info->serial));
	copy_text(il->info.model, info->model, sizeof(info->model));
	copy_text(il->info.firmware, info->firmware, sizeof(info->firmware));
	il->info.journal_size = MESO_JOURNAL_SIZE;
	memset(il->info.reserved, 0, sizeof(il->info.reserved));
}

int meso_interlock_init(struct meso_interlock *il, const struct meso_info *info,
			const struct meso_registers *regs, meso_emit_fn emit, void *ctx, u64 now)
{
	u32 i;

	if (!info_ok(info))
		return -EPROTO;
	memset(il, 0, sizeof(*il));
	take_info(il, info);
	il->emit = emit;
	il->ctx = ctx;
	il->registered_ns = now;
	il->heartbeat_ns = MESO_NEVER;
	il->expires_ns = MESO_NEVER;
	il->state = MESO_STATE_STALE;
	il->journal.epoch = info->epoch;
	if (regs) {
		il->mark = regs->mark;
		for (i = 0; i < regs->count && i < MESO_REGISTERS_MAX; i++)
			if (regs->reg[i].id == MESO_REG_FIRMWARE_VERSION)
				il->firmware_version = regs->reg[i].value;
	}
	il->deadline_ns = next_deadline(il);
	return 0;
}

void meso_interlock_removed(struct meso_interlock *il, u64 now, u32 *act)
{
	struct meso_event event = {
		.type = MESO_EVENT_REMOVED,
		.size = sizeof(event),
	};

	if (il->gone)
		return;
	*act |= MESO_ACT_ABORT;
	meso_interlock_end(il, MESO_END_REMOVED, now, act);
	meso_interlock_refresh(il, now, act);
	il->owner = 0;
	il->gone = 1;
	il->deadline_ns = MESO_NEVER;
	*act |= MESO_ACT_TIMER;
	meso_interlock_emit(il, &event, now);
}

void meso_interlock_want_samples(struct meso_interlock *il, bool want)
{
	il->samples = want;
}

/* ---- time ------------------------------------------------------------------------ */

u64 meso_interlock_deadline(const struct meso_interlock *il)
{
	return il->deadline_ns;
}

static void tick_live(struct meso_interlock *il, u64 now, u32 *act)
{
	if (now >= il->heartbeat_ns)	/* while arming: the time to answer */
		meso_interlock_end(il, il->phase == MESO_LEASE_ARMING ? MESO_END_STALE :
				   MESO_END_HEARTBEAT, now, act);
	else if (now >= il->expires_ns)
		meso_interlock_end(il, MESO_END_EXPIRED, now, act);
	else if (il->phase == MESO_LEASE_LIVE && now >= armed_stale_ns(il))
		meso_interlock_end(il, MESO_END_STALE, now, act);
}

static void tick_closing(struct meso_interlock *il, u64 now, u32 *act)
{
	if (!il->unresponsive && now >= il->closing_ns + MESO_CONFIRM_NS) {
		il->unresponsive = 1;
		meso_interlock_fault(il, MESO_FAULT_HOST_UNRESPONSIVE, MESO_END_FAULT, now, act);
	}
	if (now < il->abort_ns)
		return;
	il->abort_ns = now + (il->unresponsive ? MESO_ABORT_SLOW_NS : MESO_ABORT_FAST_NS);
	il->stats.aborts++;
	*act |= MESO_ACT_ABORT;
}

void meso_interlock_tick(struct meso_interlock *il, u64 now, u32 *act)
{
	if (il->gone || now < il->deadline_ns)
		return;
	if (meso_interlock_live(il))
		tick_live(il, now, act);
	else if (il->phase == MESO_LEASE_CLOSING)
		tick_closing(il, now, act);
	if (!il->stale && now >= idle_stale_ns(il))
		il->stale = 1;
	if (il->journal.retry_ns && now >= il->journal.retry_ns) {
		il->journal.retry_ns = 0;
		*act |= MESO_ACT_READ_LOG;
	}
	meso_interlock_refresh(il, now, act);
}

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
	if (!il->frame_ns || now >= idle_stale_ns(il))
		return -ETIMEDOUT;
	if (forbidding(il) || il->frame.epoch != il->info.epoch)
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
	if (il->gone)
		return -ENODEV;
	if (il->phase == MESO_LEASE_ARMING && arm_refused(err)) {
		il->lease = il->before.lease;
		il->account = il->before.account;
		il->lease_end = il->before.lease_end;
		il->confirmed = il->before.confirmed;
		stand(il);
	} else if (il->phase == MESO_LEASE_ARMING && err) {
		meso_interlock_end(il, MESO_END_STALE, now, act);
	} else if (il->phase == MESO_LEASE_ARMING) {
		il->phase = MESO_LEASE_LIVE;
		il->arm_ns = now;
		il->heartbeat_ns = now + il->lease.heartbeat_ms * 1000000ULL;
		emit_lease(il, now);
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
	       now < il->heartbeat_ns && now < il->expires_ns && now < armed_stale_ns(il);
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
	if (il->info.capabilities & MESO_CAP_CONTACT &&
	    contact != (il->lease.kind == MESO_KIND_TREAT))
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

	if (!il->frame_ns || now >= idle_stale_ns(il))
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

void meso_interlock_clear_done(struct meso_interlock *il, const struct meso_clear *clear, u64 now,
			       u32 *act)
{
	/* Nothing that appeared while the gun was asked. */
	if (il->gone || clear->counter != il->fault_counter)
		return;
	il->host_faults &= ~clear->mask;
	meso_interlock_refresh(il, now, act);
}
