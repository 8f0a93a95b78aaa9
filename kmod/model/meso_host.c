// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * What a host may ask of the firmware.  Owns the checks: each request is
 * granted whole or refused with a reason, nothing is clamped, and a refusal
 * changes nothing.
 */
#include "meso_firmware.h"
#include "meso_fluid.h"
#include "meso_datasheet.h"

static bool outside(u32 value, u32 low, u32 high)
{
	return value < low || value > high;
}

static bool resting(const struct meso_firmware *fw)
{
	return !fw->lease_open && fw->job.phase == MESO_PHASE_NONE && !fw->relieving &&
	       !fw->motor.enable;
}

static int check_config(const struct meso_config *c)
{
	struct meso_needle needle;
	u64 area, flow;

	if (c->mode > MESO_MODE_REPEAT || c->reserved[0] || c->reserved[1] || c->reserved[2])
		return -EINVAL;
	if (outside(c->bore_um, GUN_BORE_MIN_UM, GUN_BORE_MAX_UM) ||
	    outside(c->capacity_nl, GUN_CAPACITY_MIN_NL, GUN_CAPACITY_MAX_NL) ||
	    outside(c->dose_nl, GUN_DOSE_MIN_NL, GUN_DOSE_MAX_NL) ||
	    c->depth_um > GUN_DEPTH_MAX_UM ||
	    outside(c->rate_mhz, GUN_RATE_MIN_MHZ, MESO_RATE_MAX_MHZ) ||
	    outside(c->viscosity_upas, 500, 50000) || outside(c->needle_um, 50, 500) ||
	    outside(c->needle_length_um, 1000, 20000) || outside(c->needles, 1, 9))
		return -ERANGE;
	if (c->dose_nl % GUN_DOSE_STEP_NL)
		return -EINVAL;

	/* such a syringe does not fit, such a shot would take for ever */
	area = meso_fluid_area(c->bore_um);
	if (c->dose_nl > c->capacity_nl ||
	    meso_fluid_travel(area, (u64)c->capacity_nl * 1000000) > GUN_TRAVEL_MAX_NM)
		return -ERANGE;
	meso_fluid_needle(&needle, c->viscosity_upas, c->needle_um, c->needle_length_um,
			  c->needles);
	flow = meso_fluid_shot_flow(c, &needle);
	if ((u64)c->dose_nl * 1000000 > flow * GUN_SUBSTEPS * GUN_SHOT_MAX_MS)
		return -ERANGE;
	return 0;
}

int meso_fw_configure(struct meso_model *m, const struct meso_config *config)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_nv_head old = fw->head;
	int r;

	r = check_config(config);
	if (r)
		return r;
	if (!resting(fw))
		return -EBUSY;
	if (old.bore_um != config->bore_um || old.capacity_nl != config->capacity_nl) {
		fw->head.bore_um = config->bore_um;
		fw->head.capacity_nl = config->capacity_nl;
		fw->unsaved = 1;
		if (meso_fw_flush(m)) {
			fw->head.bore_um = old.bore_um;
			fw->head.capacity_nl = old.capacity_nl;
			return -EIO;
		}
		fw->primed_nl = 0;
		meso_fw_geometry(m);
	}
	fw->config = *config;
	fw->configured = 1;
	meso_fluid_needle(&fw->needle, config->viscosity_upas, config->needle_um,
			  config->needle_length_um, config->needles);
	return 0;
}

static int check_lease(const struct meso_lease *a)
{
	static const u8 none[MESO_LEASE_ID_LEN];

	if (a->reserved[0] || a->reserved[1] || a->kind > MESO_KIND_PRIME ||
	    !memcmp(a->id, none, sizeof(none)))
		return -EINVAL;
	if (outside(a->volume_nl, 1, GUN_LEASE_MAX_NL) || outside(a->shots, 1, MESO_LOG_SIZE) ||
	    outside(a->min_interval_ms, 1000000 / MESO_RATE_MAX_MHZ, MESO_EXPIRY_MAX_MS) ||
	    outside(a->expiry_ms, 1, MESO_EXPIRY_MAX_MS) ||
	    outside(a->heartbeat_ms, MESO_HEARTBEAT_MIN_MS, MESO_HEARTBEAT_MAX_MS))
		return -ERANGE;
	return 0;
}

int meso_fw_arm(struct meso_model *m, const struct meso_lease *arm)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_nv_head old = fw->head;
	int r;

	r = check_lease(arm);
	if (r)
		return r;
	if (arm->boot_id != fw->boot_id ||
	    (arm->sequence <= old.last_sequence && !(fw->mutants & MESO_MUTANT_REPLAY)))
		return -ESTALE;
	/* what an earlier lease has left in the compliance comes out first */
	if (!resting(fw) || fw->in.pressure_pa > GUN_REST_PA)
		return -EBUSY;
	if (old.faults & FW_FORBIDS)
		return -EACCES;
	if (!fw->configured ||
	    (arm->kind == MESO_KIND_TREAT && fw->primed_nl < MESO_DEAD_VOLUME_NL))
		return -ENODATA;
	if (arm->kind == MESO_KIND_PRIME && fw->in.contact)
		return -EACCES;
	if (arm->shots > MESO_LOG_SIZE - (old.shot_count - old.log_acked))
		return -ENOSPC;

	fw->head.last_sequence = max_t(u64, arm->sequence, old.last_sequence);
	fw->head.mark = arm->mark;
	memcpy(fw->head.lease_id, arm->id, sizeof(fw->head.lease_id));
	fw->head.lease_open = 1;
	fw->head.lease_end = MESO_END_NONE;
	fw->unsaved = 1;
	if (meso_fw_flush(m)) {
		/* the write may or may not have reached the memory: the sequence
		 * counts as used, the lease as never begun
		 */
		fw->head.lease_open = 0;
		fw->head.lease_end = MESO_END_FAULT;
		memcpy(fw->head.lease_id, old.lease_id, sizeof(fw->head.lease_id));
		return -EIO;
	}
	fw->lease = *arm;
	fw->lease_open = 1;
	fw->lease_end = MESO_END_NONE;
	fw->lease_spent_nl = 0;
	fw->lease_shots_left = arm->shots;
	fw->lease_tick = fw->tick;
	fw->beat_tick = fw->tick;
	fw->rearm_tick = 0;
	fw->released = 0;
	fw->holding = 0;
	fw->busy = 1;
	return 0;
}

int meso_fw_heartbeat(struct meso_model *m, const u8 *lease_id)
{
	struct meso_firmware *fw = &m->fw;

	if (!fw->lease_open || memcmp(lease_id, fw->lease.id, sizeof(fw->lease.id)))
		return -ESTALE;
	fw->beat_tick = fw->tick;
	return 0;
}

int meso_fw_fire(struct meso_model *m, const u8 *lease_id, u64 expect)
{
	struct meso_firmware *fw = &m->fw;
	u64 next = fw->head.shot_count + 1;
	int r;

	if (!fw->lease_open || memcmp(lease_id, fw->lease.id, sizeof(fw->lease.id)))
		return -ESTALE;
	/* the shot under way has the number @next; one that only settles is
	 * over as soon as the one after it is asked for
	 */
	if (fw->job.phase != MESO_PHASE_NONE) {
		if (expect == next || fw->job.phase != MESO_PHASE_SETTLING)
			return expect - next <= 1 ? -EBUSY : -ESTALE;
		next++;
	}
	if (expect != next)
		return -ESTALE;
	r = meso_fw_shot_start(m);
	meso_fw_flush(m);
	fw->busy = 1;
	return r;
}

void meso_fw_abort(struct meso_model *m)
{
	if (m->fw.mutants & MESO_MUTANT_NO_ABORT)
		return;
	meso_fw_end_lease(m, MESO_END_DISARM);
	meso_fw_flush(m);
	m->fw.busy = 1;
}

int meso_fw_clear(struct meso_model *m, u32 mask, u64 boot_id, u32 counter)
{
	struct meso_firmware *fw = &m->fw;
	u32 faults = fw->head.faults & mask;

	if (mask & ~MESO_FAULT_GUN_MASK)
		return -EINVAL;
	if (boot_id != fw->boot_id || counter != fw->head.fault_counter)
		return -ESTALE;
	if (!resting(fw) && !(fw->job.phase == MESO_PHASE_RECORDING && faults == MESO_FAULT_MEMORY))
		return -EBUSY;
	if (meso_fw_causes(m, faults))
		return -EBUSY;
	if (!faults)
		return 0;
	fw->head.faults &= ~faults;
	fw->unsaved = 1;
	if (meso_fw_flush(m)) {
		fw->head.faults |= faults;
		return faults & MESO_FAULT_MEMORY ? -EBUSY : -EIO;
	}
	if (faults & MESO_FAULT_OVER_TRAVEL)
		fw->motor.relay_reset = 1;
	return 0;
}

int meso_fw_ack(struct meso_model *m, u64 upto)
{
	struct meso_firmware *fw = &m->fw;
	u64 old = fw->head.log_acked;

	if (upto > fw->head.shot_count)
		return -ERANGE;
	if (upto <= old)
		return 0;
	fw->head.log_acked = upto;
	fw->unsaved = 1;
	if (meso_fw_flush(m)) {
		fw->head.log_acked = old;
		return -EIO;
	}
	return 0;
}
