// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The interlock: what anybody may know.  Builds the answers to GET_INFO,
 * GET_STATUS and GET_REGISTERS from the newest frame; judges nothing and
 * changes nothing.
 */
#include "meso_lease_internal.h"

void meso_interlock_info(const struct meso_interlock *il, struct meso_info *info)
{
	u64 newest = max_t(u64, il->info.last_sequence, il->lease.sequence);

	*info = il->info;
	info->last_sequence = max_t(u64, newest, il->frame.last_sequence);
}

static u64 register_value(const struct meso_interlock *il, u32 id)
{
	const struct meso_frame *f = &il->frame;

	switch (id) {
	case MESO_REG_MAGIC:			return MESO_MAGIC;
	case MESO_REG_HARDWARE_VERSION:		return il->info.hardware_version;
	case MESO_REG_FIRMWARE_VERSION:		return il->firmware_version;
	case MESO_REG_EPOCH:			return f->epoch;
	case MESO_REG_BOOT_ID:			return f->boot_id;
	case MESO_REG_CAPABILITIES:		return il->info.capabilities;
	case MESO_REG_PLUNGER_NM:		return (u64)(s64)f->plunger_nm;
	case MESO_REG_PLUNGER2_NM:		return (u64)(s64)f->plunger2_nm;
	case MESO_REG_TARGET_NM:		return (u64)(s64)f->target_nm;
	case MESO_REG_BORE_UM:			return f->bore_um;
	case MESO_REG_CAPACITY_NL:		return f->capacity_nl;
	case MESO_REG_CARTRIDGE_ID:		return f->cartridge_id;
	case MESO_REG_RESERVOIR_NL:		return f->reservoir_nl;
	case MESO_REG_DOSE_NL:			return f->dose_nl;
	case MESO_REG_DEPTH_SET_UM:		return f->depth_set_um;
	case MESO_REG_DEPTH_UM:			return f->depth_um;
	case MESO_REG_PRESSURE_PA:		return (u64)(s64)f->pressure_pa;
	case MESO_REG_PRESSURE_LIMIT_PA:	return (u64)(s64)f->pressure_limit_pa;
	case MESO_REG_VACUUM_PA:		return (u64)(s64)f->vacuum_pa;
	case MESO_REG_MODE:			return f->mode;
	case MESO_REG_RATE_MHZ:			return f->rate_mhz;
	case MESO_REG_SHOT_COUNT:		return f->shot_count;
	case MESO_REG_TOTAL_NL:			return f->total_nl;
	case MESO_REG_TEMPERATURE_MC:		return (u64)(s64)f->temperature_mc;
	case MESO_REG_BATTERY_PERCENT:		return f->battery_percent;
	case MESO_REG_BATTERY_MV:		return f->battery_mv;
	case MESO_REG_STATUS:			return f->status;
	case MESO_REG_FAULTS:			return f->faults;
	case MESO_REG_FAULT_COUNTER:		return f->fault_counter;
	case MESO_REG_LEASE_LEFT_NL:		return f->lease_left_nl;
	case MESO_REG_LEASE_SHOTS_LEFT:		return f->lease_shots_left;
	case MESO_REG_LAST_SEQUENCE:		return f->last_sequence;
	case MESO_REG_LOG_ACKED:		return f->log_acked;
	case MESO_REG_MARK_SEQUENCE:		return il->mark.sequence;
	}
	return 0;
}

/* The few that no frame carries are as old as the registration. */
static bool from_registration(u32 id)
{
	return id == MESO_REG_MAGIC || id == MESO_REG_HARDWARE_VERSION ||
	       id == MESO_REG_FIRMWARE_VERSION || id == MESO_REG_CAPABILITIES;
}

void meso_interlock_registers(const struct meso_interlock *il, u64 now, struct meso_registers *regs)
{
	u32 id;

	memset(regs, 0, sizeof(*regs));
	regs->mark = il->mark;
	for (id = 0; id < MESO_REG_COUNT; id++) {
		struct meso_register *reg = &regs->reg[id];
		u64 since = from_registration(id) ? il->registered_ns : il->frame_ns;

		reg->id = id;
		if (!il->frame_ns && !from_registration(id))
			since = il->registered_ns;
		reg->value = register_value(il, id);
		reg->age_ns = now > since ? now - since : 0;
	}
	regs->count = MESO_REG_COUNT;
}

static u32 host_flags(const struct meso_interlock *il)
{
	return (il->frame_ns ? MESO_STATUS_VALID | il->frame.status : 0) |
	       (il->owner ? MESO_STATUS_OWNED : 0) |
	       (il->frame_ns && meso_journal_complete(il) ? MESO_STATUS_RECONCILED : 0);
}

static void from_frame(struct meso_status *status, const struct meso_frame *frame)
{
	status->frame_seq = frame->seq;
	status->plunger_nm = frame->plunger_nm;
	status->plunger2_nm = frame->plunger2_nm;
	status->target_nm = frame->target_nm;
	status->depth_um = frame->depth_um;
	status->depth_set_um = frame->depth_set_um;
	status->pressure_pa = frame->pressure_pa;
	status->pressure_limit_pa = frame->pressure_limit_pa;
	status->vacuum_pa = frame->vacuum_pa;
	status->reservoir_nl = frame->reservoir_nl;
	status->battery_percent = frame->battery_percent;
	status->battery_mv = frame->battery_mv;
	status->temperature_mc = frame->temperature_mc;
	status->shot_count = frame->shot_count;
	status->total_nl = frame->total_nl;
	status->cartridge_id = frame->cartridge_id;
	status->dose_nl = frame->dose_nl;
	status->mode = frame->mode;
	status->rate_mhz = frame->rate_mhz;
	status->bore_um = frame->bore_um;
	status->capacity_nl = frame->capacity_nl;
}

void meso_interlock_snapshot(const struct meso_interlock *il, struct meso_snapshot *snapshot)
{
	struct meso_status *status = &snapshot->status;
	u64 fresh_ns = il->phase == MESO_LEASE_NONE ? MESO_STALE_IDLE_NS : MESO_STALE_ARMED_NS;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->frame_ns = il->frame_ns;
	snapshot->expires_ns = meso_interlock_live(il) ? il->expires_ns : 0;
	snapshot->fresh_until_ns = il->frame_ns ? il->frame_ns + fresh_ns : 0;
	snapshot->stale_from_ns = il->frame_ns ? meso_interlock_idle_stale_ns(il) : 0;
	if (il->asleep)
		snapshot->stale_from_ns = MESO_NEVER;

	from_frame(status, &il->frame);
	status->frame_ns = il->frame_mono_ns;
	status->state = il->state;
	status->flags = host_flags(il);
	status->faults = il->faults;
	status->fault_counter = il->fault_counter;
	status->boot_id = il->info.boot_id;
	memcpy(status->lease_id, il->lease.id, sizeof(status->lease_id));
	status->lease_sequence = il->lease.sequence;
	status->lease_end = il->lease_end;
	if (meso_interlock_live(il)) {
		status->lease_left_nl = meso_interlock_left_nl(il);
		status->lease_shots_left = meso_interlock_left_shots(il);
	}
	status->journal_first = meso_journal_first(&il->journal);
	status->journal_count = il->journal.count;
}

void meso_snapshot_at(const struct meso_snapshot *snapshot, u64 now, struct meso_snapshot_now *ret)
{
	bool fresh = now < snapshot->fresh_until_ns;
	bool seen = snapshot->frame_ns && now > snapshot->frame_ns;

	ret->age_ns = seen ? now - snapshot->frame_ns : 0;
	ret->state = now < snapshot->stale_from_ns ? snapshot->status.state : MESO_STATE_STALE;
	ret->flags = snapshot->status.flags | (fresh ? MESO_STATUS_FRESH : 0);
	ret->lease_left_ms = 0;
	if (now < snapshot->expires_ns)
		ret->lease_left_ms = (u32)div64_u64(snapshot->expires_ns - now, 1000000);
}

void meso_snapshot_status(const struct meso_snapshot *snapshot, u64 now, struct meso_status *status)
{
	struct meso_snapshot_now at;

	meso_snapshot_at(snapshot, now, &at);
	*status = snapshot->status;
	status->age_ns = at.age_ns;
	status->state = at.state;
	status->flags = at.flags;
	status->lease_left_ms = at.lease_left_ms;
}
