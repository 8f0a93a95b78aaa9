// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The interlock: its life, its deadlines, and the one place where a lease ends.
 * See meso_lease.h for what all of it owns.
 *
 * Requests are in meso_lease_request.c, judging what the gun reports in
 * meso_lease_frame.c, the shot journal in meso_journal.c, what is shown to the
 * world in meso_lease_view.c.
 */
#include "meso_lease_internal.h"

/* ---- what all of it rests on ----------------------------------------------- */

void meso_interlock_emit(struct meso_interlock *il, struct meso_event *event, u64 now)
{
	event->gun_seq = ++il->gun_seq;
	event->timestamp_ns = now;
	il->emit(il->ctx, event);
}

void meso_interlock_emit_lease(struct meso_interlock *il, u64 now)
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

u32 meso_interlock_forbidding(const struct meso_interlock *il)
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
		return il->asleep ? MESO_STATE_ASLEEP : MESO_STATE_STALE;
	if (il->asleep || il->dozing)
		return MESO_STATE_ASLEEP;
	if (il->phase == MESO_LEASE_CLOSING)
		return MESO_STATE_DISARMING;
	return meso_interlock_forbidding(il) ? MESO_STATE_FAULT : MESO_STATE_IDLE;
}

u64 meso_interlock_armed_stale_ns(const struct meso_interlock *il)
{
	if (il->grace_ns)
		return il->grace_ns;
	return max_t(u64, il->frame_ns, il->arm_ns) + MESO_STALE_ARMED_NS;
}

u64 meso_interlock_idle_stale_ns(const struct meso_interlock *il)
{
	return max_t(u64, il->frame_ns, il->awake_ns) + MESO_STALE_IDLE_NS;
}

static u64 next_deadline(const struct meso_interlock *il)
{
	u64 next = MESO_NEVER;

	if (il->gone)
		return MESO_NEVER;
	if (il->phase == MESO_LEASE_LIVE)
		next = min_t(u64, next, meso_interlock_armed_stale_ns(il));
	if (meso_interlock_live(il)) {
		next = min_t(u64, next, il->heartbeat_ns);
		next = min_t(u64, next, il->expires_ns);
	}
	if (il->phase == MESO_LEASE_CLOSING) {
		next = min_t(u64, next, il->abort_ns);
		if (!il->unresponsive)
			next = min_t(u64, next, il->closing_ns + MESO_CONFIRM_NS);
	}
	if (!il->stale && !il->asleep)
		next = min_t(u64, next, meso_interlock_idle_stale_ns(il));
	if (il->journal.retry_ns && !il->asleep)
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
 * process that will never close it.
 */
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
	meso_interlock_emit_lease(il, now);
}

void meso_interlock_stand(struct meso_interlock *il)
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
	meso_interlock_stand(il);
	*act |= MESO_ACT_CONFIRMED;
	meso_interlock_emit_lease(il, now);
}

void meso_interlock_confirm(struct meso_interlock *il, u64 now, u32 *act)
{
	meso_interlock_stand(il);
	*act |= MESO_ACT_CONFIRMED;
	/* A gun that was armed without our lease is stopped in silence. */
	if (il->lease_end == MESO_END_NONE || il->confirmed)
		return;
	il->confirmed = 1;
	meso_interlock_emit_lease(il, now);
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
 * from the wire: later checks rest on these limits.
 */
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
	il->awake_ns = now;
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

void meso_interlock_asleep(struct meso_interlock *il, u32 reason, u64 now, u32 *act)
{
	if (il->gone)
		return;
	meso_interlock_end(il, reason, now, act);
	il->asleep = 1;
	meso_interlock_refresh(il, now, act);
}

void meso_interlock_awake(struct meso_interlock *il, u64 now, u32 *act)
{
	if (il->gone || !il->asleep)
		return;
	il->asleep = 0;
	il->dozing = 1;
	il->awake_ns = now;
	meso_interlock_refresh(il, now, act);
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

/* A tick that is late itself cannot tell a silent gun from a host that stood
 * still.  Once, frames that waited behind it get a moment to be taken.
 */
static void no_frame(struct meso_interlock *il, u64 now, u32 *act)
{
	if (!il->grace_ns && now >= meso_interlock_armed_stale_ns(il) + MESO_STALL_NS)
		il->grace_ns = now + MESO_STALL_GRACE_NS;
	else
		meso_interlock_end(il, MESO_END_STALE, now, act);
}

static void tick_live(struct meso_interlock *il, u64 now, u32 *act)
{
	if (now >= il->heartbeat_ns)	/* while arming: the time to answer */
		meso_interlock_end(il, il->phase == MESO_LEASE_ARMING ? MESO_END_STALE :
				   MESO_END_HEARTBEAT, now, act);
	else if (now >= il->expires_ns)
		meso_interlock_end(il, MESO_END_EXPIRED, now, act);
	else if (il->phase == MESO_LEASE_LIVE && now >= meso_interlock_armed_stale_ns(il))
		no_frame(il, now, act);
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
	if (!il->stale && !il->asleep && now >= meso_interlock_idle_stale_ns(il))
		il->stale = 1;
	if (il->journal.retry_ns && !il->asleep && now >= il->journal.retry_ns) {
		il->journal.retry_ns = 0;
		*act |= MESO_ACT_READ_LOG;
	}
	meso_interlock_refresh(il, now, act);
}
