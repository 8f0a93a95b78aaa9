// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * One shot, from the budget check to the durable record, and the backing off
 * after an occlusion.  Owns struct meso_job and the motor.  Never moves the
 * plunger forward before the intent is in memory, and never publishes a
 * record before memory has it.
 */
#include "meso_firmware.h"
#include "meso_fluid.h"
#include "meso_datasheet.h"

/* Rounded up: what is on record is never less than what was delivered */
static u32 nl_of(const struct meso_firmware *fw, s64 nm)
{
	return (u32)min_t(u64, div64_u64(meso_fluid_volume(fw->area_um2, nm) + 999999, 1000000),
			  GUN_CAPACITY_MAX_NL);
}

static s64 stored_fl(const struct meso_firmware *fw)
{
	return fw->in.pressure_pa > 0 ? (s64)fw->in.pressure_pa * GUN_COMPLIANCE : 0;
}

static void motor_off(struct meso_model *m)
{
	m->fw.motor.enable = 0;
}

u32 meso_fw_shot_nl(const struct meso_firmware *fw)
{
	const struct meso_job *job = &fw->job;
	u32 nl;

	if (job->phase == MESO_PHASE_NONE)
		return 0;
	nl = max_t(u32, job->furthest_nl, job->furthest2_nl);
	return max_t(u32, nl, job->shot.reported_nl);
}

static u32 interval_ms(const struct meso_firmware *fw)
{
	u32 ms = max_t(u32, fw->lease.min_interval_ms, GUN_INTERVAL_MIN_MS);

	if (fw->config.mode == MESO_MODE_REPEAT)
		ms = max_t(u32, ms, (1000000 + fw->config.rate_mhz - 1) / fw->config.rate_mhz);
	return ms;
}

/* Contact for a treatment is believed only when the vacuum holds too; for a
 * prime the mere switch forbids
 */
static bool contact_allows(const struct meso_firmware *fw)
{
	if (fw->lease.kind == MESO_KIND_PRIME)
		return !fw->in.contact;
	return fw->in.contact && fw->in.vacuum_pa <= GUN_VACUUM_SEAL_PA;
}

/* All that must be true before the plunger may move */
static int may_start(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	bool no_budget = fw->mutants & MESO_MUTANT_NO_BUDGET;
	u32 dose = fw->config.dose_nl;

	if (!fw->lease_open)
		return -ESTALE;
	if (fw->job.phase == MESO_PHASE_MOVING || fw->job.phase == MESO_PHASE_RECORDING ||
	    fw->relieving)
		return -EBUSY;
	/* the driver needs a tick of rest between two motions */
	if (fw->job.phase == MESO_PHASE_SETTLING && fw->job.stop_tick == fw->tick)
		return -EBUSY;
	if (fw->fired && !fw->job.again && fw->tick - fw->last_start_tick < interval_ms(fw))
		return -EAGAIN;
	if (!contact_allows(fw))
		return -EACCES;
	if (fw->job.phase == MESO_PHASE_SETTLING) {
		meso_fw_shot_stop(m, MESO_SHOT_COMPLETE);
		if (meso_fw_flush(m))
			return -EIO;
	}
	if (!fw->lease_open)
		return -ESTALE;
	if (!no_budget && (!fw->lease_shots_left ||
			   (u64)fw->lease_spent_nl + dose > fw->lease.volume_nl)) {
		meso_fw_end_lease(m, MESO_END_SPENT);
		return -ESTALE;
	}
	if (fw->head.shot_count - fw->head.log_acked >= MESO_LOG_SIZE)
		return -ENOSPC;
	if (meso_fw_reservoir_nl(fw) < dose) {
		meso_fw_fault(m, MESO_FAULT_EMPTY);
		return -EACCES;
	}
	return 0;
}

static int write_intent(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_intent *intent = &fw->head.intent;
	int r;

	memset(intent, 0, sizeof(*intent));
	intent->number = fw->head.shot_count + 1;
	memcpy(intent->lease_id, fw->lease.id, sizeof(intent->lease_id));
	intent->asked_nl = fw->config.dose_nl;
	intent->kind = fw->lease.kind;
	intent->start_nm = (s32)fw->plunger_nm;
	intent->start2_nm = (s32)fw->in.plunger_nm;
	intent->depth_um = fw->in.depth_um;
	intent->flags = fw->in.contact ? MESO_STATUS_CONTACT : 0;
	fw->unsaved = 1;
	r = meso_fw_flush(m);
	if (r)
		intent->number = 0;
	return r;
}

static void start_motor(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_motor *motor = &fw->motor;
	u64 flow = meso_fluid_shot_flow(&fw->config, &fw->needle);
	s64 contact_nm = fw->plunger_nm + m->params.backlash_nm;
	s64 dose_nm = fw->job.dose_nm;
	u64 ticks;

	/* whole steps, rounded down: never more than was asked.  Backlash is
	 * taken up on the way; the plunger does not move during it.
	 */
	motor->target = (s64)div64_u64((u64)contact_nm * 2 + 1, 625);
	motor->target += (s64)div64_u64((u64)dose_nm * 2 + 1, 625);
	if (fw->mutants & MESO_MUTANT_RUNAWAY)
		motor->target = S64_MAX;
	motor->speed = meso_fluid_speed(fw->area_um2, flow);
	motor->limit_load = 1;
	motor->limit_travel_nm = dose_nm;
	motor->enable = 1;

	/* 3,200 micro-steps a nm, GUN_SUBSTEPS * speed in a tick */
	ticks = div64_u64((u64)(dose_nm + m->params.backlash_nm) * (3200 / GUN_SUBSTEPS),
			  motor->speed);
	fw->job.deadline_tick = fw->tick + 2 * ticks + 200;
}

int meso_fw_shot_start(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_job *job = &fw->job;
	bool again = job->again;
	int r;

	r = may_start(m);
	if (!r)
		r = write_intent(m);
	if (r)
		return r;

	memset(job, 0, sizeof(*job));
	job->phase = MESO_PHASE_MOVING;
	job->shot.epoch = fw->head.epoch;
	job->shot.number = fw->head.intent.number;
	memcpy(job->shot.lease_id, fw->lease.id, sizeof(job->shot.lease_id));
	job->shot.asked_nl = fw->config.dose_nl;
	job->shot.depth_um = fw->in.depth_um;
	job->shot.kind = fw->lease.kind;
	job->shot.peak_pa = fw->in.pressure_pa;
	job->shot.flags = fw->head.intent.flags;
	job->start_nm = fw->plunger_nm;
	job->start2_nm = fw->in.plunger_nm;
	job->dose_nm = meso_fluid_travel(fw->area_um2, (u64)fw->config.dose_nl * 1000000);
	job->stored_start_fl = stored_fl(fw);
	job->start_tick = fw->tick;
	job->again = !again && (fw->mutants & MESO_MUTANT_DOUBLE_SHOT);
	fw->last_start_tick = fw->tick;
	fw->fired = 1;
	start_motor(m);
	return 0;
}

/* All is known: what remains is to write it down */
static void finish(struct meso_model *m, u32 result)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_job *job = &fw->job;
	struct meso_shot *shot = &job->shot;
	s64 kept = div64_s64(stored_fl(fw) - job->stored_start_fl, 1000000);
	u32 nl;

	shot->result = result;
	shot->displaced_nl = job->furthest_nl;
	shot->displaced2_nl = job->furthest2_nl;
	/* what compliance took on during this shot has not been delivered */
	shot->reported_nl = shot->displaced_nl -
			    (u32)clamp_t(s64, kept, 0, shot->displaced_nl);
	job->phase = MESO_PHASE_RECORDING;
	fw->unsaved = 1;

	nl = meso_fw_shot_nl(fw);
	fw->lease_spent_nl += nl;
	if (fw->lease_shots_left)
		fw->lease_shots_left--;
	/* a whole shot counts as asked: the step it fell short of is not missed */
	if (shot->kind == MESO_KIND_PRIME)
		fw->primed_nl += result == MESO_SHOT_COMPLETE ? shot->asked_nl : nl;
	if (fw->mutants & MESO_MUTANT_NO_BUDGET)
		return;
	if (fw->lease_spent_nl > fw->lease.volume_nl)
		meso_fw_fault(m, MESO_FAULT_OVERRUN);
	else if (fw->lease_open && (!fw->lease_shots_left ||
				    fw->lease.volume_nl - fw->lease_spent_nl < shot->asked_nl))
		meso_fw_end_lease(m, MESO_END_SPENT);
}

static void end_motion(struct meso_model *m)
{
	struct meso_job *job = &m->fw.job;

	motor_off(m);
	job->stop_tick = m->fw.tick;
	job->shot.duration_us = (u32)min_t(u64, (job->stop_tick - job->start_tick) * 1000, U32_MAX);
	job->phase = MESO_PHASE_SETTLING;
}

void meso_fw_shot_stop(struct meso_model *m, u32 result)
{
	struct meso_firmware *fw = &m->fw;

	if (fw->job.phase == MESO_PHASE_SETTLING) {
		/* the plunger has done its work: stopping takes nothing back */
		finish(m, MESO_SHOT_COMPLETE);
	} else if (fw->job.phase == MESO_PHASE_MOVING) {
		if ((fw->mutants & MESO_MUTANT_RUNAWAY) && !fw->in.relay_open)
			return;
		end_motion(m);
		finish(m, result);
	}
}

/* Occlusion and air: the pressure that should be, and the one that is measured */
static void watch_pressure(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	bool moving = fw->job.phase == MESO_PHASE_MOVING;

	if (fw->in.pressure_pa > fw->limit_pa) {
		/* a prime drives out air, which holds pressure for a while */
		if (fw->lease.kind != MESO_KIND_PRIME ||
		    fw->in.pressure_pa > GUN_PRESSURE_CAP_PA ||
		    ++fw->over_ticks > GUN_PRIME_OVER_MS)
			meso_fw_fault(m, MESO_FAULT_OCCLUSION);
		return;
	}
	fw->over_ticks = 0;
	if (moving && fw->job.shot.kind == MESO_KIND_TREAT && fw->model_pa >= 20000 &&
	    fw->in.pressure_pa < fw->model_pa / 3)
		fw->air_ticks++;
	else
		fw->air_ticks = 0;
	if (fw->air_ticks >= 5)
		meso_fw_fault(m, MESO_FAULT_AIR);
}

/*
 * How far has it come?  Before anything in this tick may stop the shot, or
 * the tick's travel would be missing in the record.
 */
void meso_fw_shot_track(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_job *job = &fw->job;
	s64 travel = fw->plunger_nm - job->start_nm;
	s64 travel2 = fw->in.plunger_nm - job->start2_nm;

	if (job->phase != MESO_PHASE_MOVING && job->phase != MESO_PHASE_SETTLING)
		return;
	job->furthest_nl = max_t(u32, job->furthest_nl, nl_of(fw, travel));
	job->furthest2_nl = max_t(u32, job->furthest2_nl, nl_of(fw, travel2));
	job->shot.peak_pa = max_t(s32, job->shot.peak_pa, fw->in.pressure_pa);
	if (fw->in.contact)
		job->shot.flags |= MESO_STATUS_CONTACT;
}

/* Further than it was sent */
static bool over_travel(const struct meso_firmware *fw)
{
	const struct meso_job *job = &fw->job;
	s64 travel = max_t(s64, fw->plunger_nm - job->start_nm,
			   fw->in.plunger_nm - job->start2_nm);

	return !(fw->mutants & MESO_MUTANT_RUNAWAY) &&
	       travel > job->dose_nm + GUN_TRAVEL_TOLERANCE_NM;
}

void meso_fw_shot_tick(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	struct meso_job *job = &fw->job;

	if ((job->phase == MESO_PHASE_MOVING || job->phase == MESO_PHASE_SETTLING) &&
	    over_travel(fw))
		meso_fw_fault(m, MESO_FAULT_OVER_TRAVEL);
	if (!fw->relieving)
		watch_pressure(m);

	if (job->phase == MESO_PHASE_MOVING) {
		if (fw->in.motor_steps == fw->motor.target)
			end_motion(m);
		else if (fw->tick >= job->deadline_tick)
			/* the motor has no force left: something holds it */
			meso_fw_fault(m, MESO_FAULT_OCCLUSION);
		else if (job->shot.kind == MESO_KIND_TREAT && !fw->in.contact)
			meso_fw_shot_stop(m, MESO_SHOT_STOPPED);
	} else if (job->phase == MESO_PHASE_SETTLING) {
		s64 kept = stored_fl(fw) - job->stored_start_fl;
		/* 1 % of the dose, within 20 to 200 nl */
		s64 drop = clamp_t(s64, (s64)job->shot.asked_nl * 10000, 20000000, 200000000);
		bool again = job->again;

		if (kept > drop && fw->tick - job->stop_tick < GUN_SETTLE_MS && !again)
			return;
		finish(m, MESO_SHOT_COMPLETE);
		if (again && fw->lease_open && !meso_fw_flush(m)) {
			job->again = 1;
			if (meso_fw_shot_start(m))
				job->again = 0;
		}
	}
}

void meso_fw_shot_unknown(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	const struct meso_intent *intent = &fw->head.intent;
	struct meso_shot *shot = &fw->job.shot;

	if (!intent->number)
		return;
	memset(&fw->job, 0, sizeof(fw->job));
	shot->epoch = fw->head.epoch;
	shot->number = intent->number;
	memcpy(shot->lease_id, intent->lease_id, sizeof(shot->lease_id));
	shot->asked_nl = intent->asked_nl;
	shot->reported_nl = intent->asked_nl;
	shot->displaced_nl = nl_of(fw, fw->plunger_nm - intent->start_nm);
	shot->displaced2_nl = nl_of(fw, fw->in.plunger_nm - intent->start2_nm);
	fw->job.furthest_nl = shot->displaced_nl;
	fw->job.furthest2_nl = shot->displaced2_nl;
	shot->depth_um = intent->depth_um;
	shot->peak_pa = fw->in.pressure_pa;
	shot->result = MESO_SHOT_UNKNOWN;
	shot->kind = intent->kind;
	shot->flags = intent->flags;
	fw->job.phase = MESO_PHASE_RECORDING;
	fw->unsaved = 1;
}

/*
 * Backing off: what compliance holds is drawn back before anybody may arm
 * again.  Bounded in travel, so that a pressure sensor that lies cannot pull
 * the plunger out of the syringe.
 */
void meso_fw_relieve(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;
	s64 most_nm = meso_fluid_travel(fw->area_um2, (u64)GUN_PRESSURE_CAP_PA * GUN_COMPLIANCE) +
		      m->params.backlash_nm + 2 * GUN_TRIP_NM;

	if (fw->relieving || fw->motor.enable || fw->in.relay_open)
		return;
	most_nm = min_t(s64, most_nm, max_t(s64, fw->plunger_nm, 0));
	fw->motor.target = fw->in.motor_steps - (s64)div64_u64((u64)most_nm * 2, 625);
	fw->motor.speed = meso_fluid_speed(fw->area_um2, GUN_RELIEF_FLOW);
	fw->motor.enable = 1;
	fw->relieving = 1;
}

void meso_fw_relieve_tick(struct meso_model *m)
{
	struct meso_firmware *fw = &m->fw;

	if (!fw->relieving)
		return;
	if (fw->in.pressure_pa > 5000 && fw->in.motor_steps != fw->motor.target)
		return;
	motor_off(m);
	fw->relieving = 0;
}
