// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The interlock: judging what the gun reports.  Each frame is compared with the
 * one before, with the lease and with the host's own account; what cannot be is
 * a fault, and ends the lease.
 *
 * A frame is believed as a measurement and never as an excuse: where it and our
 * account differ, the worse of both counts.
 */
#include "meso_lease_internal.h"

/* What one frame is judged with */
struct judged {
	const struct meso_frame *frame;
	struct meso_frame before;	/* the frame before it */
	bool first;			/* there was none */
	bool rebooted;			/* the gun has restarted between the two */
	bool adjacent;			/* and no more than a tick or two between them */
};

/* Forward travel, in the volume that it would displace. */
u64 meso_travel_nl(u32 bore_um, s64 travel_nm)
{
	u64 area_um2 = div64_u64((u64)bore_um * bore_um * 785398, 1000000);

	return travel_nm <= 0 ? 0 : div64_u64((u64)travel_nm * area_um2, 1000000000);
}

u64 meso_interlock_spent_nl(const struct meso_interlock *il)
{
	const struct meso_account *account = &il->account;
	u64 unrecorded = account->starts - min_t(u64, account->starts, account->recorded);
	u64 by_shots = account->recorded_nl + unrecorded * il->config.dose_nl;
	u64 total = il->frame.total_nl;
	u64 by_total = total - min_t(u64, total, account->total_at_arm);

	return max_t(u64, by_shots, by_total);
}

static bool shows_lease(const struct meso_interlock *il, const struct meso_frame *frame)
{
	return il->lease.sequence && frame->last_sequence == il->lease.sequence &&
	       !memcmp(frame->lease_id, il->lease.id, MESO_LEASE_ID_LEN);
}

u32 meso_interlock_left_nl(const struct meso_interlock *il)
{
	u64 spent = meso_interlock_spent_nl(il);
	u32 left = spent < il->lease.volume_nl ? (u32)(il->lease.volume_nl - spent) : 0;

	if (meso_interlock_live(il) && shows_lease(il, &il->frame))
		left = min_t(u32, left, il->frame.lease_left_nl);
	return left;
}

u32 meso_interlock_left_shots(const struct meso_interlock *il)
{
	u64 starts = max_t(u64, il->account.starts, il->account.recorded);
	u32 left = starts < il->lease.shots ? (u32)(il->lease.shots - starts) : 0;

	if (meso_interlock_live(il) && shows_lease(il, &il->frame))
		left = min_t(u32, left, il->frame.lease_shots_left);
	return left;
}

static void implausible(struct meso_interlock *il, u64 now, u32 *act)
{
	meso_interlock_fault(il, MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT, now, act);
}

static void overrun(struct meso_interlock *il, u64 now, u32 *act)
{
	meso_interlock_fault(il, MESO_FAULT_HOST_OVERRUN, MESO_END_OVERRUN, now, act);
}

/* ---- against the frame before ---------------------------------------------- */

static void check_identity(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	const struct meso_frame *frame = j->frame;

	if (frame->boot_id != il->info.boot_id) {
		il->info.boot_id = frame->boot_id;
		il->config_known = 0;	/* a configuration does not survive */
		il->config_doubt = 0;
		il->rest_known = 0;
		meso_interlock_end(il, MESO_END_REBOOT, now, act);
	}
	if (frame->epoch == il->info.epoch)
		return;
	/* Its memory was made anew: counters start again.  Records of the old
	 * epoch stay until the gun is registered anew; without any there is
	 * nothing to keep.
	 */
	meso_interlock_end(il, MESO_END_REBOOT, now, act);
	if (j->first || j->before.epoch != frame->epoch)
		implausible(il, now, act);
	if (il->journal.count)
		return;
	il->info.epoch = frame->epoch;
	meso_journal_start(il, frame);
}

static void check_counters(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	const struct meso_frame *frame = j->frame;
	const struct meso_frame *before = &j->before;
	bool back;

	back = frame->log_acked > frame->shot_count;
	if (!j->first && before->epoch == frame->epoch)
		back |= frame->shot_count < before->shot_count ||
			frame->total_nl < before->total_nl ||
			frame->log_acked < before->log_acked ||
			frame->last_sequence < before->last_sequence;
	if (!j->first && !j->rebooted && before->epoch == frame->epoch)
		back |= frame->fault_counter < before->fault_counter ||
			frame->trigger_edges < before->trigger_edges;
	/* Only we acknowledge, and only what we have. */
	if (il->journal.next && frame->epoch == il->journal.epoch)
		back |= frame->log_acked >= il->journal.next;
	if (back)
		implausible(il, now, act);
}

static void check_encoders(struct meso_interlock *il, const struct meso_frame *frame, u64 now,
			   u32 *act)
{
	s64 apart = (s64)frame->plunger_nm - frame->plunger2_nm;

	if (!(il->info.capabilities & MESO_CAP_SECOND_ENCODER))
		return;
	if (apart > MESO_ENCODER_TOLERANCE_NM || apart < -MESO_ENCODER_TOLERANCE_NM)
		meso_interlock_fault(il, MESO_FAULT_HOST_ENCODER, MESO_END_FAULT, now, act);
}

/* ---- disarmed: nothing may come out ------------------------------------------- */

static bool syringe_changed(const struct meso_frame *a, const struct meso_frame *b)
{
	return a->reservoir_nl > b->reservoir_nl || a->cartridge_id != b->cartridge_id ||
	       (!a->reservoir_nl && b->reservoir_nl) || a->bore_um != b->bore_um ||
	       a->capacity_nl != b->capacity_nl;
}

static void rest_at(struct meso_interlock *il, const struct meso_frame *frame)
{
	il->rest_nm = frame->plunger_nm;
	il->rest2_nm = frame->plunger2_nm;
	il->rest_known = 1;
}

static void check_disarmed(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	const struct meso_frame *frame = j->frame;
	/* A shot that we saw begin may be counted late. */
	u64 known = il->account.shots_at_arm + il->account.starts;
	bool moved;

	if (il->phase != MESO_LEASE_NONE)
		return;
	if (j->first || j->rebooted || !il->rest_known || syringe_changed(frame, &j->before)) {
		rest_at(il, frame);
		return;
	}
	moved = frame->plunger_nm > il->rest_nm + MESO_TRAVEL_TOLERANCE_NM ||
		(il->info.capabilities & MESO_CAP_SECOND_ENCODER &&
		 frame->plunger2_nm > il->rest2_nm + MESO_TRAVEL_TOLERANCE_NM);
	/* Relief draws the plunger back; coming forward again would be a dose. */
	il->rest_nm = min_t(s32, il->rest_nm, frame->plunger_nm);
	il->rest2_nm = min_t(s32, il->rest2_nm, frame->plunger2_nm);
	if (moved)
		rest_at(il, frame);
	if (frame->epoch == j->before.epoch && frame->shot_count > j->before.shot_count &&
	    frame->shot_count > known) {
		overrun(il, now, act);
		meso_interlock_stop_gun(il, now, act);
	} else if (moved) {
		implausible(il, now, act);
		meso_interlock_stop_gun(il, now, act);
	}
}

/* ---- armed: the host's own account ----------------------------------------------- */

static void count_presses(struct meso_interlock *il, const struct judged *j)
{
	if (!j->first && !j->rebooted)
		il->account.presses += j->frame->trigger_edges - j->before.trigger_edges;
}

/* How much further than the doses asked for the plunger may have gone. */
static bool beyond(const struct meso_interlock *il, s64 travel_nm, u64 shots, u64 asked_nl)
{
	u32 bore_um = il->config.bore_um;
	u64 allowed_nl = asked_nl + shots * MESO_SHOT_SLACK_NL +
			 meso_travel_nl(bore_um, MESO_TRAVEL_TOLERANCE_NM);

	return meso_travel_nl(bore_um, travel_nm) > allowed_nl;
}

static void count_starts(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	const struct meso_frame *frame = j->frame;
	struct meso_account *account = &il->account;
	u64 count = frame->shot_count;
	u64 ended = count - min_t(u64, count, account->shots_at_arm);
	u64 starts = ended + meso_frame_firing(frame);	/* one under way has no number yet */
	u64 interval_us = il->lease.min_interval_ms * 1000ULL;

	if (starts <= account->starts)
		return;
	/* Frames are 1 or 2 ms apart: two starts may seem that much nearer than they are. */
	if (starts - account->starts > 1 && j->adjacent)
		overrun(il, now, act);
	else if (account->start_us && j->adjacent &&
		 frame->uptime_us + 2000 < account->start_us + interval_us)
		overrun(il, now, act);
	/* The end of the shot before may have gone unseen too. */
	account->shot_doses = j->adjacent ? 1 : starts - account->starts + 1;
	account->starts = starts;
	account->start_us = j->adjacent ? frame->uptime_us : 0;
	account->start_ns = now;
	account->shot_nm = account->far_nm;
	account->shot2_nm = account->far2_nm;
	if (starts > il->lease.shots ||
	    (il->config.mode == MESO_MODE_SINGLE && starts > account->presses))
		overrun(il, now, act);
}

static void keep_account(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	const struct meso_frame *frame = j->frame;
	struct meso_account *account = &il->account;
	u64 dose_nl = il->config.dose_nl;
	u64 volume_nl = il->lease.volume_nl;
	u64 total = frame->total_nl;
	s64 far;
	s64 shot;

	count_presses(il, j);
	count_starts(il, j, now, act);
	account->far_nm = max_t(s32, account->far_nm, frame->plunger_nm);
	account->far2_nm = max_t(s32, account->far2_nm, frame->plunger2_nm);
	far = max_t(s64, (s64)account->far_nm - account->start_nm,
		    (s64)account->far2_nm - account->start2_nm);
	shot = max_t(s64, (s64)account->far_nm - account->shot_nm,
		     (s64)account->far2_nm - account->shot2_nm);
	if (beyond(il, far, account->starts, min_t(u64, account->starts * dose_nl, volume_nl)) ||
	    beyond(il, shot, account->shot_doses, account->shot_doses * dose_nl) ||
	    total > account->total_at_arm + volume_nl + account->starts * MESO_SHOT_SLACK_NL)
		overrun(il, now, act);
}

/* The log, the total counter and the plunger tell of the same fluid. */
static void check_log(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	const struct meso_frame *frame = j->frame;
	const struct meso_journal *journal = &il->journal;
	const struct meso_account *account = &il->account;
	s64 far = max_t(s64, (s64)account->far_nm - account->start_nm,
			(s64)account->far2_nm - account->start2_nm);

	if (j->first || !journal->total_known || journal->next != frame->shot_count + 1 ||
	    frame->epoch != journal->epoch || meso_frame_firing(frame) ||
	    frame->status & MESO_STATUS_MOVING)
		return;
	if (frame->total_nl != journal->total_nl)
		implausible(il, now, act);
	if (il->phase == MESO_LEASE_LIVE &&
	    beyond(il, far, account->starts, account->recorded_nl))
		implausible(il, now, act);
}

static bool config_kept(const struct meso_config *config, const struct meso_frame *frame)
{
	return config->bore_um == frame->bore_um && config->capacity_nl == frame->capacity_nl &&
	       config->dose_nl == frame->dose_nl && config->depth_um == frame->depth_set_um &&
	       config->mode == frame->mode && config->rate_mhz == frame->rate_mhz;
}

/* Nothing more can be delivered: the gun should have ended the lease itself. */
static bool spent(const struct meso_interlock *il)
{
	u64 slack = il->account.starts * MESO_SHOT_SLACK_NL;

	return il->account.starts >= il->lease.shots ||
	       meso_interlock_spent_nl(il) + il->config.dose_nl > il->lease.volume_nl + slack;
}

static void check_live(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	const struct meso_frame *frame = j->frame;
	bool armed = meso_frame_armed(frame);

	if (!shows_lease(il, frame)) {
		/* Frames from before the ARM may still be on their way. */
		if (armed || frame->last_sequence >= il->lease.sequence ||
		    (il->phase == MESO_LEASE_LIVE && now >= il->arm_ns + MESO_STALE_ARMED_NS))
			implausible(il, now, act);
		return;
	}
	il->mark = il->lease.mark;
	if (!config_kept(&il->config, frame))
		implausible(il, now, act);
	if (il->lease.kind == MESO_KIND_PRIME && frame->status & MESO_STATUS_CONTACT)
		meso_interlock_end(il, MESO_END_CONTACT, now, act);
	if (frame->faults & ~MESO_FAULTS_INFORM)
		meso_interlock_end(il, MESO_END_FAULT, now, act);
	if (il->phase != MESO_LEASE_LIVE)
		return;
	if (!armed)
		meso_interlock_ended_by_gun(il, frame->lease_end ? frame->lease_end :
					    MESO_END_FAULT, now, act);
	else if (!meso_frame_firing(frame) && spent(il))
		meso_interlock_end(il, MESO_END_SPENT, now, act);
}

/* ---- disarmed, or to be -------------------------------------------------------------- */

static void check_none(struct meso_interlock *il, const struct judged *j, u64 now, u32 *act)
{
	if (!meso_frame_armed(j->frame))
		return;
	/* A gun may still be armed from before this host knew it.  Later nobody
	 * but us can have armed it.
	 */
	if (!j->first)
		implausible(il, now, act);
	meso_interlock_stop_gun(il, now, act);
}

static void check_closing(struct meso_interlock *il, const struct meso_frame *frame, u64 now,
			  u32 *act)
{
	if (il->arm_in_flight || meso_frame_armed(frame))
		return;
	/* A frame that does not know the lease may be from before it. */
	if (frame->last_sequence < il->lease.sequence &&
	    now < il->closing_ns + MESO_STALE_ARMED_NS)
		return;
	if (shows_lease(il, frame))
		il->mark = il->lease.mark;
	meso_interlock_confirm(il, now, act);
}

/* ---- what is told -------------------------------------------------------------------- */

static void emit_switch(struct meso_interlock *il, u32 type, u64 value, u64 now)
{
	struct meso_event event = {
		.type = type,
		.size = sizeof(event),
		.value = { value },
	};

	meso_interlock_emit(il, &event, now);
}

static void tell_switches(struct meso_interlock *il, const struct judged *j, u64 now)
{
	u32 status = j->frame->status;
	u32 changed = j->first ? status : status ^ j->before.status;
	u64 trigger = !!(status & MESO_STATUS_TRIGGER);

	if (changed & MESO_STATUS_TRIGGER) {
		emit_switch(il, MESO_EVENT_TRIGGER, trigger, now);
	} else if (!j->first && !j->rebooted &&
		   j->frame->trigger_edges != j->before.trigger_edges) {
		/* there and back between two frames */
		emit_switch(il, MESO_EVENT_TRIGGER, !trigger, now);
		emit_switch(il, MESO_EVENT_TRIGGER, trigger, now);
	}
	if (changed & MESO_STATUS_CONTACT)
		emit_switch(il, MESO_EVENT_CONTACT, !!(status & MESO_STATUS_CONTACT), now);
}

static void tell_sample(struct meso_interlock *il, const struct meso_frame *frame, u64 now)
{
	struct meso_event_sample event = {
		.head = {
			.type = MESO_EVENT_SAMPLE,
			.size = sizeof(event),
			.value = { frame->seq, frame->status },
		},
		.plunger_nm = frame->plunger_nm,
		.plunger2_nm = frame->plunger2_nm,
		.pressure_pa = frame->pressure_pa,
		.depth_um = frame->depth_um,
		.vacuum_pa = frame->vacuum_pa,
		.lease_left_nl = meso_interlock_live(il) ? meso_interlock_left_nl(il) : 0,
		.reservoir_nl = frame->reservoir_nl,
		.state = il->state,
	};

	meso_interlock_emit(il, &event.head, now);
}

/* ---- the door -------------------------------------------------------------------------- */

/* Old news is no news: a gun that repeats itself goes stale. */
static bool newer(struct meso_interlock *il, const struct meso_frame *frame)
{
	if (!frame->boot_id || !frame->epoch)
		return false;
	if (!il->frame_ns || frame->boot_id != il->frame.boot_id)
		return true;
	return frame->seq > il->frame.seq && frame->uptime_us >= il->frame.uptime_us;
}

void meso_interlock_bad_frame(struct meso_interlock *il)
{
	il->stats.frames_rejected++;
}

void meso_interlock_frame(struct meso_interlock *il, const struct meso_frame *frame,
			  u64 now, u64 mono, u32 *act)
{
	struct judged j = {
		.frame = frame,
		.first = !il->frame_ns,
	};

	if (il->gone)
		return;
	if (!newer(il, frame)) {
		il->stats.frames_rejected++;
		return;
	}
	j.before = il->frame;
	j.rebooted = !j.first && frame->boot_id != j.before.boot_id;
	/* What lies between two frames that are far apart has not been seen. */
	j.adjacent = !j.first && !j.rebooted && frame->uptime_us <= j.before.uptime_us + 2000;
	il->stats.frames++;
	if (!j.first && !j.rebooted)
		il->stats.frames_lost += frame->seq - j.before.seq - 1;

	il->frame = *frame;
	il->frame_ns = now ? now : 1;
	il->frame_mono_ns = mono;
	il->stale = 0;
	il->dozing = 0;
	il->grace_ns = 0;
	if (j.first)
		meso_journal_start(il, frame);
	/* A FIRE that started nothing may be repeated. */
	if (il->fired && now >= il->fired_ns + MESO_FIRE_DOUBT_NS &&
	    frame->shot_count + meso_frame_firing(frame) < il->fired)
		il->fired = 0;

	check_identity(il, &j, now, act);
	check_counters(il, &j, now, act);
	check_encoders(il, frame, now, act);
	if (il->phase != MESO_LEASE_NONE && shows_lease(il, frame))
		keep_account(il, &j, now, act);
	check_log(il, &j, now, act);
	check_disarmed(il, &j, now, act);
	if (meso_interlock_live(il))
		check_live(il, &j, now, act);
	else if (il->phase == MESO_LEASE_CLOSING)
		check_closing(il, frame, now, act);
	else
		check_none(il, &j, now, act);

	tell_switches(il, &j, now);
	meso_journal_frame(il, act);
	meso_interlock_refresh(il, now, act);
	if (il->samples)
		tell_sample(il, frame, now);
}
