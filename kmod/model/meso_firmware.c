// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The firmware's tick, at 1 kHz: look at the sensors, compare them with each
 * other and with what they should be, run the lease's timers, watch the
 * trigger.  Owns the faults and the life of a lease.  Never sees the physics;
 * never extends, reopens or enlarges a lease.
 */
#include "meso_firmware.h"
#include "meso_fluid.h"
#include "meso_datasheet.h"
#include "meso_nvram.h"

#define RETRY_MASK	7	/* a failing memory is tried again every 8 ms */

u32 meso_fw_reservoir_nl(const struct meso_firmware *fw)
{
	s64 nm = fw->stroke_nm - fw->plunger_nm;
	u64 nl = div64_u64(meso_fluid_volume(fw->area_um2, nm), 1000000);

	return fw->in.syringe_in ? (u32)min_t(u64, nl, fw->head.capacity_nl) : 0;
}

u32 meso_fw_state(const struct meso_model *m)
{
	const struct meso_firmware *fw = &m->fw;

	if (fw->relieving || (!fw->lease_open && fw->job.phase == MESO_PHASE_NONE &&
			      fw->in.pressure_pa > GUN_REST_PA))
		return MESO_GUN_RELIEVING;
	if (fw->job.phase == MESO_PHASE_MOVING || fw->job.phase == MESO_PHASE_SETTLING)
		return MESO_GUN_FIRING;
	if (fw->lease_open)
		return MESO_GUN_ARMED;
	return fw->head.faults & FW_FORBIDS ? MESO_GUN_FAULT : MESO_GUN_IDLE;
}

u32 meso_fw_status(const struct meso_model *m)
{
	const struct meso_firmware *fw = &m->fw;
	u32 status = 0;

	if (fw->in.trigger)
		status |= MESO_STATUS_TRIGGER;
	if (fw->in.pedal)
		status |= MESO_STATUS_PEDAL;
	if (fw->in.contact)
		status |= MESO_STATUS_CONTACT;
	if (fw->contact_made && fw->contact_broken)
		status |= MESO_STATUS_CONTACT_SEEN;
	if (fw->primed_nl >= MESO_DEAD_VOLUME_NL)
		status |= MESO_STATUS_PRIMED;
	if (fw->motor.enable)
		status |= MESO_STATUS_MOVING;
	if (fw->lease_open)
		status |= MESO_STATUS_LEASE_OPEN;
	return status;
}

/* The syringe in the holder, as the host has described it */
void meso_fw_geometry(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;

	fw->area_um2 = meso_fluid_area(fw->head.bore_um);
	fw->stroke_nm = meso_fluid_travel(fw->area_um2, (u64)fw->head.capacity_nl * 1000000);
}

/* Where the plunger is, by the first encoder: the nut pushes it from behind
 * or pulls it from before, and in between it stays
 */
static void follow_screw(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	s64 nut = GUN_STEPS_TO_NM(fw->in.motor_steps);

	fw->plunger_nm = clamp_t(s64, fw->plunger_nm, nut - m->params.backlash_nm, nut);
}

/* --- memory ------------------------------------------------------------- */

static void take_record(struct meso_model *m, struct meso_nv_head *head, struct meso_shot *shot)
{
	struct meso_firmware *fw = &m->fw;

	head->shot_count = shot->number;
	head->total_nl += meso_fw_shot_nl(fw);
	head->intent.number = 0;
	shot->total_nl = head->total_nl;
	if (fw->mutants & MESO_MUTANT_LYING_LOG) {
		shot->reported_nl /= 2;
		shot->displaced_nl /= 2;
		shot->displaced2_nl /= 2;
	}
}

int meso_fw_flush(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	bool record = fw->job.phase == MESO_PHASE_RECORDING;
	bool logged = record && !(fw->mutants & MESO_MUTANT_SKIP_LOG);
	struct meso_nv_head head;
	struct meso_shot shot;

	if (!fw->unsaved)
		return 0;
	head = fw->head;
	shot = fw->job.shot;
	head.plunger_nm = (s32)clamp_t(s64, fw->plunger_nm, 0, GUN_TRAVEL_MAX_NM);
	head.syringe_in = fw->in.syringe_in;
	head.cartridge_id = fw->in.cartridge_id;
	if (record)
		take_record(m, &head, &shot);
	if (meso_nv_write(m, &head, logged ? &shot : NULL)) {
		meso_fw_fault(m, MESO_FAULT_MEMORY);
		return -EIO;
	}
	fw->head = head;
	fw->unsaved = 0;
	if (record)
		fw->job.phase = MESO_PHASE_NONE;
	return 0;
}

/* --- faults and the end of a lease ----------------------------------------- */

void meso_fw_end_lease(struct meso_model *m, u32 why)
{
	struct meso_firmware *fw = &m->fw;

	if (!fw->lease_open)
		return;
	fw->lease_open = 0;
	fw->lease_end = why;
	fw->head.lease_open = 0;
	fw->head.lease_end = why;
	fw->unsaved = 1;
	meso_fw_shot_stop(m, why == MESO_END_FAULT || why == MESO_END_OVERRUN ?
			  MESO_SHOT_FAULT : MESO_SHOT_STOPPED);
}

void meso_fw_fault(struct meso_model *m, u32 faults)
{
	struct meso_firmware *fw = &m->fw;
	u32 fresh = faults & ~fw->head.faults;

	if (!fresh)
		return;
	fw->head.faults |= fresh;
	fw->head.fault_counter++;
	fw->unsaved = 1;
	if (!(fresh & FW_FORBIDS))
		return;
	if (fresh & MESO_FAULT_AIR)
		fw->primed_nl = 0;
	meso_fw_end_lease(m, fresh & MESO_FAULT_OVERRUN ? MESO_END_OVERRUN : MESO_END_FAULT);
	meso_fw_shot_stop(m, MESO_SHOT_FAULT);
	if (fresh & (MESO_FAULT_OCCLUSION | MESO_FAULT_AIR))
		meso_fw_relieve(m);
}

u32 meso_fw_causes(const struct meso_model *m, u32 faults)
{
	const struct meso_firmware *fw = &m->fw;
	const struct meso_sensors *in = &fw->in;
	s64 apart = fw->plunger_nm - in->plunger_nm;
	s64 shallow = (s64)in->depth_um - fw->config.depth_um;
	u32 causes = 0;

	if (fw->relieving || in->pressure_pa > 10000)
		causes |= MESO_FAULT_OCCLUSION;
	if (fw->relieving)
		causes |= MESO_FAULT_AIR;
	if (meso_fw_reservoir_nl(fw) < max_t(u32, fw->config.dose_nl, GUN_DOSE_MIN_NL))
		causes |= MESO_FAULT_EMPTY;
	if (fw->motor.enable)
		causes |= MESO_FAULT_OVER_TRAVEL;
	if (apart > GUN_ENCODER_TOLERANCE_NM || apart < -GUN_ENCODER_TOLERANCE_NM)
		causes |= MESO_FAULT_ENCODER_MISMATCH;
	if (fw->configured &&
	    (shallow > GUN_DEPTH_TOLERANCE_UM || shallow < -GUN_DEPTH_TOLERANCE_UM))
		causes |= MESO_FAULT_DEPTH_MISMATCH;
	if (in->trigger || in->pedal)
		causes |= MESO_FAULT_STUCK_TRIGGER;
	if (in->temperature_mc > GUN_COOL_MC)
		causes |= MESO_FAULT_OVER_TEMPERATURE;
	if (in->battery_percent < GUN_BATTERY_OK)
		causes |= MESO_FAULT_LOW_BATTERY;
	return causes & faults;
}

/* What must hold at all times, armed or not */
static void watch_sensors(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;

	/* two ticks: an encoder may be read while it counts */
	if (meso_fw_causes(m, MESO_FAULT_ENCODER_MISMATCH))
		fw->mismatch_ticks++;
	else
		fw->mismatch_ticks = 0;
	if (fw->mismatch_ticks >= 2)
		meso_fw_fault(m, MESO_FAULT_ENCODER_MISMATCH);
	meso_fw_fault(m, meso_fw_causes(m, MESO_FAULT_DEPTH_MISMATCH));
	if (fw->in.temperature_mc > GUN_HOT_MC)
		meso_fw_fault(m, MESO_FAULT_OVER_TEMPERATURE);
	if (fw->in.battery_percent < GUN_BATTERY_LOW)
		meso_fw_fault(m, MESO_FAULT_LOW_BATTERY);
	if (fw->in.relay_open)
		meso_fw_fault(m, MESO_FAULT_OVER_TRAVEL);

	if (fw->in.contact)
		fw->contact_made = 1;
	else
		fw->contact_broken = 1;
}

/* Another syringe, or none: what was known about the fluid path is void */
static void watch_syringe(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;

	if (fw->in.syringe_changes == fw->syringe_changes)
		return;
	fw->syringe_changes = fw->in.syringe_changes;
	fw->primed_nl = 0;
	fw->plunger_nm = GUN_STEPS_TO_NM(fw->in.motor_steps) - m->params.backlash_nm;
	fw->model_stored_fl = 0;
	fw->unsaved = 1;
	if (fw->lease_open)
		meso_fw_fault(m, MESO_FAULT_EMPTY);
}

/* --- pressure ------------------------------------------------------------------ */

/* What pressure should be: the plunger's motion through the configured needle */
static void model_pressure(struct meso_model *m, s64 from_nm)
{
	struct meso_firmware *fw = &m->fw;
	s64 in_fl = (s64)meso_fluid_volume(fw->area_um2, fw->plunger_nm) -
		    (s64)meso_fluid_volume(fw->area_um2, from_nm);
	u64 stored, p = 0;
	unsigned int i;

	if (in_fl < 0) {
		fw->model_stored_fl = max_t(s64, fw->model_stored_fl + in_fl, 0);
		in_fl = 0;
	}
	stored = (u64)fw->model_stored_fl;
	in_fl = (s64)div64_u64((u64)in_fl, GUN_SUBSTEPS);
	for (i = 0; i < GUN_SUBSTEPS && (stored || in_fl); i++) {
		u64 flow;

		stored += (u64)in_fl;
		p = div64_u64(stored * 1000, GUN_COMPLIANCE);
		flow = meso_fluid_flow(&fw->needle, p, MESO_FLUID_SCALE / GUN_COMPLIANCE);
		stored -= min_t(u64, flow, stored);
	}
	if (stored < GUN_COMPLIANCE * 100)
		stored = 0;
	fw->model_stored_fl = (s64)stored;
	fw->model_pa = (s32)min_t(u64, div64_u64(stored, GUN_COMPLIANCE), S32_MAX / 2);
	fw->limit_pa = min_t(s32, fw->model_pa + fw->model_pa / 2 + GUN_PRESSURE_MARGIN_PA,
			     GUN_PRESSURE_CAP_PA);
}

/* --- the lease's timers, and the trigger ------------------------------------- */

static void watch_lease(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;

	if ((fw->mutants & MESO_MUTANT_AUTO_REARM) && fw->rearm_tick &&
	    fw->tick >= fw->rearm_tick && !fw->lease_open) {
		fw->lease_open = 1;
		fw->lease_end = MESO_END_NONE;
		fw->beat_tick = fw->tick;
		fw->rearm_tick = 0;
	}
	if (!fw->lease_open)
		return;
	if (!(fw->mutants & MESO_MUTANT_NO_HEARTBEAT) &&
	    fw->tick - fw->beat_tick > fw->lease.heartbeat_ms) {
		meso_fw_end_lease(m, MESO_END_HEARTBEAT);
		meso_fw_fault(m, MESO_FAULT_HEARTBEAT_LOST);
		if (fw->mutants & MESO_MUTANT_AUTO_REARM)
			fw->rearm_tick = fw->tick + 20;
	} else if (!(fw->mutants & MESO_MUTANT_NO_EXPIRY) &&
		   fw->tick - fw->lease_tick >= fw->lease.expiry_ms) {
		meso_fw_end_lease(m, MESO_END_EXPIRED);
	} else if (fw->lease.kind == MESO_KIND_PRIME && fw->in.contact) {
		meso_fw_end_lease(m, MESO_END_CONTACT);
	}
}

/* Edges only: a trigger that is high when power comes or when a lease begins
 * does nothing until it has been let go and is pulled again.
 */
static void watch_trigger(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	bool pulled = fw->in.trigger || fw->in.pedal;
	bool pressed = pulled && !fw->was_pulled;

	fw->was_pulled = pulled;
	if (pressed) {
		fw->trigger_edges++;
		fw->pressed_tick = fw->tick;
	}
	if (!fw->lease_open) {
		fw->holding = 0;
		return;
	}
	if (!pulled) {
		fw->released = 1;
		fw->holding = 0;
		return;
	}
	if (fw->tick - max_t(u64, fw->pressed_tick, fw->lease_tick) >= GUN_TRIGGER_MS) {
		meso_fw_fault(m, MESO_FAULT_STUCK_TRIGGER);
		return;
	}
	if (pressed && fw->released)
		fw->holding = 1;
	if (!fw->holding)
		return;
	/* what cannot be fired now is not kept for later */
	if (pressed || fw->config.mode == MESO_MODE_REPEAT)
		meso_fw_shot_start(m);
}

void meso_fw_tick(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	s64 from_nm;

	fw->tick = m->tick;
	watch_syringe(m);
	from_nm = fw->plunger_nm;
	follow_screw(m);
	model_pressure(m, from_nm);
	meso_fw_shot_track(m);

	watch_sensors(m);
	meso_fw_shot_tick(m);
	watch_lease(m);
	meso_fw_relieve_tick(m);
	watch_trigger(m);

	if (fw->unsaved &&
	    (!(fw->head.faults & MESO_FAULT_MEMORY) || !(fw->tick & RETRY_MASK)))
		meso_fw_flush(m);
	fw->busy = fw->lease_open || fw->job.phase != MESO_PHASE_NONE || fw->relieving ||
		   fw->unsaved || fw->model_stored_fl || fw->mismatch_ticks == 1 ||
		   fw->over_ticks || fw->rearm_tick;
}

/* --- power-up ------------------------------------------------------------------- */

/* A memory that cannot be trusted is begun anew, under an epoch of its own:
 * to the layers above this is another gun, and all that was out counts.
 */
static void load_memory(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	u64 epoch = m->spare_epoch ^ (fw->boot_id * 0x9e3779b97f4a7c15ULL);

	if (!meso_nv_check(&m->nv)) {
		fw->head = m->nv.head;
		return;
	}
	meso_nv_format(&m->nv, epoch ? epoch : m->spare_epoch);
	fw->head = m->nv.head;
	fw->head.bore_um = m->physics.bore_um;
	fw->head.capacity_nl = m->physics.capacity_nl;
	fw->head.faults = MESO_FAULT_MEMORY;
	fw->head.fault_counter = 1;
	fw->unsaved = 1;
}

void meso_fw_boot(struct meso_model *m, u64 boot_id)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_sensors in = fw->in;
	s64 nut = GUN_STEPS_TO_NM(in.motor_steps);

	memset(fw, 0, sizeof(*fw));
	fw->in = in;
	fw->mutants = m->params.mutants;
	fw->boot_id = boot_id;
	fw->tick = m->tick;
	fw->boot_tick = m->tick;
	fw->was_pulled = 1;
	load_memory(m);
	meso_fw_geometry(m);
	meso_fluid_needle(&fw->needle, 1000, 108, 4000, 1);
	/* both encoders are absolute: what slack the screw has is seen */
	fw->plunger_nm = clamp_t(s64, in.plunger_nm, nut - m->params.backlash_nm, nut);
	fw->syringe_changes = in.syringe_changes;
	fw->model_stored_fl = max_t(s64, in.pressure_pa, 0) * GUN_COMPLIANCE;
	fw->lease_end = fw->head.lease_end;
	if (fw->head.lease_open) {
		fw->head.lease_open = 0;
		fw->head.lease_end = MESO_END_REBOOT;
		fw->lease_end = MESO_END_REBOOT;
		fw->unsaved = 1;
	}
	memcpy(fw->lease.id, fw->head.lease_id, sizeof(fw->lease.id));
	meso_fw_shot_unknown(m);
	if ((fw->head.faults & MESO_FAULT_OCCLUSION) && in.pressure_pa > GUN_PRESSURE_MARGIN_PA)
		meso_fw_relieve(m);
	meso_fw_flush(m);
	fw->busy = 1;
}
