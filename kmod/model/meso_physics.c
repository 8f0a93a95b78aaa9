// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * What truly happens.  Owns plunger, fluid and world; sees of the firmware
 * only what the motor's driver is told, and the firmware sees of it only the
 * sensors.  Never reads a lease, a dose or a counter: the fluid truth that
 * tests judge by is integrated here and nowhere else.
 *
 * Fluid: V stored by compliance C at pressure p is C.p; each sub-step adds
 * what the plunger displaced and takes what the needle lets through,
 * backwards Euler, which is stable for needles of any size.
 */
#include "meso_fluid.h"
#include "meso_datasheet.h"
#include "meso_physics.h"

#define SNAP_MPA	100000	/* below 100 Pa at rest the last drop just falls */
#define SLOW		100000000000ULL /* R.C of 100 ms: one step a tick will do */

void meso_physics_init(struct meso_physics *ph, const struct meso_model_params *params)
{
	memset(ph, 0, sizeof(*ph));
	ph->backlash_nm = params->backlash_nm;
	/* nl per MPa and fl per Pa are the same number */
	ph->compliance = params->compliance_nl_per_mpa;
	ph->temperature_mc = (s32)params->temperature_mc;
	ph->battery_mv = params->battery_mv;
	ph->battery_percent = params->battery_mv <= 3300 ? 0 :
			      min_t(u32, (params->battery_mv - 3300) / 9, 100);
	ph->vacuum_pump_pa = -20000;
	meso_physics_needle(ph, 1000, 108, 4000, 1);
}

void meso_physics_needle(struct meso_physics *ph, u32 viscosity_upas, u32 diameter_um,
			 u32 length_um, u32 needles)
{
	u32 viscosity = ph->viscosity_true ? ph->viscosity_true : viscosity_upas;

	ph->viscosity_upas = viscosity_upas;
	ph->needle_um = diameter_um;
	ph->needle_length_um = length_um;
	ph->needles = needles;
	meso_fluid_needle(&ph->needle, viscosity, diameter_um, length_um, needles);
}

void meso_physics_viscosity(struct meso_physics *ph, u32 true_upas)
{
	ph->viscosity_true = true_upas;
	meso_physics_needle(ph, ph->viscosity_upas, ph->needle_um, ph->needle_length_um,
			    ph->needles);
}

void meso_physics_syringe(struct meso_physics *ph, u32 bore_um, u32 capacity_nl, u32 fill_nl)
{
	s64 rest;

	ph->bore_um = bore_um;
	ph->capacity_nl = capacity_nl;
	ph->area_um2 = meso_fluid_area(bore_um);
	ph->stroke_nm = meso_fluid_travel(ph->area_um2, (u64)capacity_nl * 1000000);
	ph->syringe_in = fill_nl > 0;
	ph->syringe_changes++;
	if (!ph->syringe_in)
		ph->cartridge_id = 0;
	ph->stored_fl = 0;
	ph->pressure_mpa = 0;
	ph->last_flow = 0;
	ph->air_fl = 0;
	/* the screw stops on a whole step that just touches the plunger */
	rest = meso_fluid_travel(ph->area_um2, (u64)min_t(u32, fill_nl, capacity_nl) * 1000000);
	rest = ph->stroke_nm - rest + ph->backlash_nm;
	ph->motor_steps = (s64)div64_u64((u64)rest * 2 + 624, 625);
	ph->slip_steps = 0;
	ph->step_acc = 0;
	ph->plunger_nm = GUN_STEPS_TO_NM(ph->motor_steps) - ph->backlash_nm;
	ph->limit_nm = ph->plunger_nm;
	ph->running = 0;
}

u32 meso_physics_fill_nl(const struct meso_physics *ph)
{
	u64 fl;

	if (!ph->syringe_in)
		return 0;
	fl = meso_fluid_volume(ph->area_um2, ph->stroke_nm - ph->plunger_nm);
	return (u32)min_t(u64, div64_u64(fl, 1000000), ph->capacity_nl);
}

void meso_physics_lease(struct meso_physics *ph, u32 volume_nl)
{
	ph->lease_start_fl = ph->delivered_fl;
	ph->lease_volume_fl = (u64)volume_nl * 1000000;
}

static bool moving(const struct meso_physics *ph, const struct meso_motor *motor)
{
	return motor->enable && !ph->relay_open && motor->target != ph->motor_steps;
}

/* Turn the screw; returns the volume that the plunger displaced */
static s64 turn(struct meso_physics *ph, const struct meso_motor *motor)
{
	bool forward = motor->target > ph->motor_steps;
	s64 left = forward ? motor->target - ph->motor_steps : ph->motor_steps - motor->target;
	s64 from = ph->plunger_nm, to = from;
	s64 nut, steps;

	ph->step_acc += motor->speed;
	steps = (s64)div64_u64(ph->step_acc, 1000000);
	ph->step_acc -= (u64)steps * 1000000;
	steps = min_t(s64, steps, left);
	if (!steps || (forward && ph->pressure_mpa >= GUN_STALL_MPA))
		return 0;
	if (!forward)
		steps = -steps;
	ph->motor_steps += steps;

	nut = GUN_STEPS_TO_NM(ph->motor_steps - ph->slip_steps);
	if (to < nut - ph->backlash_nm)
		to = nut - ph->backlash_nm;
	else if (to > nut)
		to = nut;
	if (to == from)
		return 0;
	if (ph->plunger_stuck || to > ph->stroke_nm || to < 0) {
		/* the plunger holds the nut, the coupling slips */
		ph->slip_steps += steps;
		return 0;
	}
	if (to > from && !ph->running) {
		ph->running = 1;
		ph->shots++;
	}
	ph->plunger_nm = to;
	if (!ph->syringe_in)
		return 0;
	return (s64)meso_fluid_volume(ph->area_um2, to) -
	       (s64)meso_fluid_volume(ph->area_um2, from);
}

/*
 * The limiter: a comparator on its own track of the plunger's scale and a
 * latching relay in the motor's supply.  It is loaded by the start pulse of a
 * shot, only while the motor is off, and no software can keep it from acting.
 */
static void limiter(struct meso_physics *ph)
{
	if (ph->limit_delay) {
		if (!--ph->limit_delay)
			ph->relay_open = 1;
	} else if (!ph->relay_open && ph->plunger_nm > ph->limit_nm + GUN_TRIP_NM) {
		ph->limit_delay = GUN_RELAY_SUBSTEPS;
	}
}

/* Stored volume to pressure; with air in it, by bisection of
 * C.p + V0.p / (P0 + p) = stored; 1e12 fl * 1.5e6 Pa = 1.5e18
 */
static u64 pressure_of(const struct meso_physics *ph, u64 stored_fl, bool suction)
{
	u64 low = 0, high = 1500000;

	if (!ph->air_fl || suction)
		return min_t(u64, div64_u64(stored_fl * 1000, ph->compliance), 1500000000);
	while (low < high) {
		u64 p = (low + high + 1) >> 1;

		if (ph->compliance * p + div64_u64(ph->air_fl * p, GUN_AMBIENT_PA + p) > stored_fl)
			high = p - 1;
		else
			low = p;
	}
	return low * 1000;
}

/* dV/dp at a pressure */
static u64 compliance_at(const struct meso_physics *ph, u64 pressure_mpa)
{
	u64 absolute = GUN_AMBIENT_PA + div64_u64(pressure_mpa, 1000);
	u64 per_pa;

	if (!ph->air_fl)
		return ph->compliance;
	per_pa = div64_u64(ph->air_fl, absolute);
	return ph->compliance + div64_u64(per_pa * GUN_AMBIENT_PA, absolute);
}

static void deliver(struct meso_physics *ph, u64 fl)
{
	u64 beyond;

	if (ph->air_fl && !ph->contact) {
		/* needle up: air comes first */
		u64 air = min_t(u64, ph->air_fl, fl);

		ph->air_fl -= air;
		fl -= air;
	}
	ph->delivered_fl += fl;
	if (ph->contact)
		ph->delivered_contact_fl += fl;
	beyond = ph->delivered_fl - ph->lease_start_fl;
	if (beyond > ph->lease_volume_fl && beyond - ph->lease_volume_fl > ph->max_beyond_fl)
		ph->max_beyond_fl = beyond - ph->lease_volume_fl;
}

/* Let the needle pass what it passes in @steps sub-steps */
static void drain(struct meso_physics *ph, u32 steps)
{
	bool suction = ph->stored_fl < 0;
	u64 stored = suction ? (u64)-ph->stored_fl : (u64)ph->stored_fl;
	u64 p = pressure_of(ph, stored, suction);
	u64 flow = 0;

	if (stored && !ph->occluded) {
		u64 implicit = div64_u64(MESO_FLUID_SCALE * steps, compliance_at(ph, p));

		flow = meso_fluid_flow(&ph->needle, p, implicit) * steps;
		flow = min_t(u64, flow, stored);
	}
	ph->last_flow = flow;
	ph->pressure_mpa = suction ? -(s64)p : (s64)p;
	if (suction) {
		ph->stored_fl += (s64)flow;
	} else {
		ph->stored_fl -= (s64)flow;
		deliver(ph, flow);
	}
}

static void rest(struct meso_physics *ph)
{
	bool suction = ph->stored_fl < 0;
	u64 stored = suction ? (u64)-ph->stored_fl : (u64)ph->stored_fl;
	u64 p = pressure_of(ph, stored, suction);

	if (p < SNAP_MPA && !ph->occluded) {
		if (!suction)
			deliver(ph, stored);
		ph->stored_fl = 0;
		p = 0;
	}
	ph->pressure_mpa = suction ? -(s64)p : (s64)p;
}

void meso_physics_tick(struct meso_physics *ph, struct meso_motor *motor)
{
	unsigned int i;

	if (motor->relay_reset && !motor->enable) {
		ph->relay_open = 0;
		ph->limit_nm = ph->plunger_nm;
	}
	if (motor->limit_load && !ph->was_enabled && !ph->relay_open)
		ph->limit_nm = ph->plunger_nm + motor->limit_travel_nm;
	motor->relay_reset = 0;
	motor->limit_load = 0;
	ph->was_enabled = motor->enable;
	if (!motor->enable) {
		ph->running = 0;
		ph->step_acc = 0;
	}

	if (!moving(ph, motor) && !ph->limit_delay) {
		if (!ph->stored_fl) {
			ph->last_flow = 0;
			ph->pressure_mpa = 0;
			return;
		}
		if (ph->needle.linear >= div64_u64(SLOW, ph->compliance)) {
			drain(ph, GUN_SUBSTEPS);
			rest(ph);
			return;
		}
	}
	for (i = 0; i < GUN_SUBSTEPS; i++) {
		if (moving(ph, motor))
			ph->stored_fl += turn(ph, motor);
		limiter(ph);
		drain(ph, 1);
	}
	rest(ph);
}

bool meso_physics_quiet(const struct meso_physics *ph, const struct meso_motor *motor)
{
	return !moving(ph, motor) && !ph->limit_delay && !motor->relay_reset &&
	       !motor->limit_load && ph->was_enabled == motor->enable &&
	       (!ph->stored_fl || !ph->last_flow);
}

void meso_physics_sense(const struct meso_physics *ph, struct meso_sensors *in)
{
	/* rounds towards zero in both directions */
	s64 pa = div64_s64(ph->pressure_mpa, 1000) + ph->pressure_bias_pa;

	in->motor_steps = ph->motor_steps;
	in->plunger_nm = ph->plunger_nm + ph->encoder_bias_nm;
	in->pressure_pa = (s32)clamp_t(s64, pa, -100000, 1000000);
	in->vacuum_pa = ph->contact ? ph->vacuum_pump_pa : 0;
	in->depth_um = (u32)clamp_t(s64, (s64)ph->depth_um + ph->depth_bias_um, 0,
				    GUN_DEPTH_MAX_UM);
	in->temperature_mc = ph->temperature_mc;
	in->battery_percent = ph->battery_percent;
	in->battery_mv = ph->battery_mv;
	in->trigger = ph->trigger || ph->trigger_stuck;
	in->pedal = ph->pedal;
	in->contact = ph->contact;
	in->syringe_in = ph->syringe_in;
	in->syringe_changes = ph->syringe_changes;
	in->relay_open = ph->relay_open;
	in->cartridge_id = ph->cartridge_id;
}
