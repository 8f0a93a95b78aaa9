// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The gun as a whole: power, time, the door to physics and firmware, and what
 * is told to the host.  Owns the tick grid: whatever the caller's slices, the
 * same inputs at the same ticks give the same gun.  Decides nothing by itself.
 */
#include "meso_firmware.h"
#include "meso_fluid.h"
#include "meso_datasheet.h"
#include "meso_model.h"
#include "meso_nvram.h"
#include "meso_physics.h"

#define FRAME_TICKS_IDLE	100

void meso_model_params_default(struct meso_model_params *params)
{
	memset(params, 0, sizeof(*params));
	memcpy(params->serial, "MESO-0001", sizeof("MESO-0001"));
	params->temperature_mc = 25000;
	params->battery_mv = 4100;
	params->backlash_nm = 20000;
	params->compliance_nl_per_mpa = GUN_COMPLIANCE;
}

static bool serial_is_valid(const char *serial)
{
	unsigned int i, len = 0;

	while (len < MESO_SERIAL_LEN && serial[len])
		len++;
	if (!len || len == MESO_SERIAL_LEN)
		return false;
	for (i = 0; i < len; i++) {
		char c = serial[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

int meso_model_init(struct meso_model *m, const struct meso_model_params *params,
		    const struct meso_nvram *nv, u64 epoch,
		    int (*commit)(void *ctx, const struct meso_nvram *nv), void *ctx)
{
	if (!serial_is_valid(params->serial) || !epoch || params->temperature_mc > 125000 ||
	    params->battery_mv > 20000 || params->backlash_nm < 0 ||
	    params->backlash_nm > 100000 || params->compliance_nl_per_mpa < 1000 ||
	    params->compliance_nl_per_mpa > GUN_COMPLIANCE)
		return -EINVAL;
	memset(m, 0, sizeof(*m));
	m->params = *params;
	m->commit = commit;
	m->ctx = ctx;
	m->spare_epoch = epoch;
	m->lie_log_percent = 100;
	if (nv)
		m->nv = *nv;
	else
		meso_nv_format(&m->nv, epoch);

	meso_physics_init(&m->physics, params);
	if (!meso_nv_check(&m->nv)) {
		const struct meso_nv_head *head = &m->nv.head;
		u64 area = meso_fluid_area(head->bore_um);
		s64 stroke = meso_fluid_travel(area, (u64)head->capacity_nl * 1000000);
		u64 fill = meso_fluid_volume(area, stroke - head->plunger_nm);

		meso_physics_syringe(&m->physics, head->bore_um, head->capacity_nl,
				     head->syringe_in ? (u32)div64_u64(fill, 1000000) : 0);
		m->physics.cartridge_id = head->cartridge_id;
	} else {
		meso_physics_syringe(&m->physics, GUN_DEFAULT_BORE_UM, GUN_DEFAULT_CAPACITY_NL,
				     GUN_DEFAULT_CAPACITY_NL);
		m->physics.cartridge_id = GUN_DEFAULT_CARTRIDGE;
	}
	return 0;
}

/* --- time ------------------------------------------------------------------------ */

static void tick(struct meso_model *m)
{
	m->tick++;
	meso_physics_tick(&m->physics, &m->fw.motor);
	if (!m->powered)
		return;
	if (m->fw.lease_open)
		m->armed_ticks++;
	if (m->fw.frozen)
		return;
	meso_physics_sense(&m->physics, &m->fw.in);
	meso_fw_tick(m);
}

/* Would a tick change nothing but the time? */
static bool quiet(const struct meso_model *m)
{
	if (m->touched || !meso_physics_quiet(&m->physics, &m->fw.motor))
		return false;
	return !m->powered || (!m->fw.busy && !m->fw.frozen);
}

void meso_model_advance(struct meso_model *m, u64 now_ns)
{
	u64 to;

	if (!m->started) {
		m->started = 1;
		m->origin_ns = now_ns;
	}
	if (now_ns < m->origin_ns)
		return;
	to = div64_u64(now_ns - m->origin_ns, MESO_TICK_NS);
	while (m->tick < to) {
		if (quiet(m)) {
			/* nothing moves, nothing drains, nothing is timed */
			m->tick = to;
			m->fw.tick = to;
			break;
		}
		m->touched = 0;
		tick(m);
	}
}

void meso_model_power_on(struct meso_model *m, u64 boot_id, u64 now_ns)
{
	meso_model_advance(m, now_ns);
	if (m->powered)
		return;
	m->powered = 1;
	m->touched = 1;
	m->frame_seq = 0;
	m->frame_tick = m->tick;
	meso_physics_sense(&m->physics, &m->fw.in);
	meso_fw_boot(m, boot_id);
}

void meso_model_power_off(struct meso_model *m, u64 now_ns)
{
	meso_model_advance(m, now_ns);
	m->powered = 0;
	m->fw.lease_open = 0;
	m->fw.motor.enable = 0;
	m->touched = 1;
}

/* --- what the host is told ------------------------------------------------------- */

static u64 told_count(const struct meso_model *m)
{
	return m->fw.head.shot_count + (u64)m->lie_count;
}

static u64 told_total(const struct meso_model *m)
{
	return m->fw.head.total_nl + (u64)m->lie_total_nl;
}

static void mark_of(const struct meso_model *m, struct meso_frame_mark *mark)
{
	mark->shot_count = told_count(m);
	mark->log_acked = m->fw.head.log_acked;
	mark->state = meso_fw_state(m);
	mark->status = meso_fw_status(m);
	mark->faults = m->fw.head.faults;
	mark->lease_end = m->fw.lease_end;
	mark->fault_counter = m->fw.head.fault_counter;
	mark->trigger_edges = m->fw.trigger_edges;
}

/* 1 kHz while it matters, and at once when anything has changed */
static u64 frame_due(const struct meso_model *m)
{
	struct meso_frame_mark mark;

	if (m->fw.frozen)
		return m->tick + FRAME_TICKS_IDLE;
	memset(&mark, 0, sizeof(mark));
	mark_of(m, &mark);
	if ((mark.state != MESO_GUN_IDLE && mark.state != MESO_GUN_FAULT) || m->touched ||
	    !m->frame_seq || memcmp(&mark, &m->mark, sizeof(mark)))
		return m->frame_tick + 1;
	return m->frame_tick + FRAME_TICKS_IDLE;
}

u64 meso_model_next_ns(const struct meso_model *m)
{
	if (!m->powered)
		return U64_MAX;
	return m->origin_ns + frame_due(m) * MESO_TICK_NS;
}

static s32 plunger_range(s64 nm)
{
	return (s32)clamp_t(s64, nm, 0, GUN_TRAVEL_MAX_NM);
}

static void lease_left(const struct meso_firmware *fw, u32 *nl, u32 *shots)
{
	bool under_way = fw->job.phase == MESO_PHASE_MOVING ||
			 fw->job.phase == MESO_PHASE_SETTLING;
	u64 spent = (u64)fw->lease_spent_nl + (under_way ? meso_fw_shot_nl(fw) : 0);

	*nl = spent < fw->lease.volume_nl ? (u32)(fw->lease.volume_nl - spent) : 0;
	*shots = fw->lease_shots_left - (under_way && fw->lease_shots_left ? 1 : 0);
}

static s32 target_nm(const struct meso_firmware *fw)
{
	if (fw->job.phase == MESO_PHASE_MOVING)
		return plunger_range(fw->job.start_nm + fw->job.dose_nm);
	return plunger_range(fw->plunger_nm);
}

static void fill_frame(const struct meso_model *m, struct meso_frame *f)
{
	const struct meso_firmware *fw = &m->fw;

	memset(f, 0, sizeof(*f));
	f->seq = m->frame_seq;
	f->boot_id = fw->boot_id;
	f->epoch = fw->head.epoch;
	f->uptime_us = (fw->tick - fw->boot_tick) * (MESO_TICK_NS / 1000);
	f->state = meso_fw_state(m);
	f->status = meso_fw_status(m);
	f->faults = fw->head.faults;
	f->fault_counter = fw->head.fault_counter;
	f->trigger_edges = fw->trigger_edges;
	f->plunger_nm = plunger_range(fw->plunger_nm);
	f->plunger2_nm = plunger_range(fw->in.plunger_nm);
	f->target_nm = target_nm(fw);
	f->depth_um = fw->in.depth_um;
	f->depth_set_um = fw->config.depth_um;
	f->pressure_pa = fw->in.pressure_pa;
	f->pressure_limit_pa = fw->limit_pa;
	f->vacuum_pa = fw->in.vacuum_pa;
	f->reservoir_nl = meso_fw_reservoir_nl(fw);
	f->battery_percent = fw->in.battery_percent;
	f->battery_mv = fw->in.battery_mv;
	f->temperature_mc = fw->in.temperature_mc;
	f->dose_nl = fw->config.dose_nl;
	f->mode = fw->config.mode;
	f->rate_mhz = fw->config.rate_mhz;
	f->bore_um = fw->head.bore_um;
	f->capacity_nl = fw->head.capacity_nl;
	f->shot_count = told_count(m);
	f->total_nl = told_total(m);
	f->log_acked = fw->head.log_acked;
	f->cartridge_id = fw->in.cartridge_id;
	memcpy(f->lease_id, fw->lease.id, sizeof(f->lease_id));
	f->last_sequence = fw->head.last_sequence;
	lease_left(fw, &f->lease_left_nl, &f->lease_shots_left);
	f->lease_end = fw->lease_end;
}

int meso_model_frame(struct meso_model *m, u64 now_ns, struct meso_frame *frame)
{
	meso_model_advance(m, now_ns);
	if (!m->powered)
		return -ENODEV;
	if (m->fw.frozen || m->tick < frame_due(m))
		return -EAGAIN;
	m->frame_seq++;
	m->frame_tick = m->tick;
	mark_of(m, &m->mark);
	fill_frame(m, frame);
	return 0;
}

/* --- requests ---------------------------------------------------------------------- */

static int answers(const struct meso_model *m)
{
	if (!m->powered)
		return -ENODEV;
	return m->fw.frozen ? -ETIMEDOUT : 0;
}

static int ask(struct meso_model *m, u64 now_ns)
{
	meso_model_advance(m, now_ns);
	return answers(m);
}

int meso_model_info(const struct meso_model *m, struct meso_info *info)
{
	static const char model[] = "meso model gun";
	static const char firmware[] = "1.0.0";
	int r = answers(m);

	if (r)
		return r;
	memset(info, 0, sizeof(*info));
	memcpy(info->serial, m->params.serial, sizeof(info->serial));
	memcpy(info->model, model, sizeof(model));
	memcpy(info->firmware, firmware, sizeof(firmware));
	info->epoch = m->fw.head.epoch;
	info->boot_id = m->fw.boot_id;
	info->capabilities = MESO_CAP_ALL_MASK;
	info->hardware_version = 1;
	info->dose_min_nl = GUN_DOSE_MIN_NL;
	info->dose_max_nl = GUN_DOSE_MAX_NL;
	info->dose_step_nl = GUN_DOSE_STEP_NL;
	info->depth_max_um = GUN_DEPTH_MAX_UM;
	info->capacity_max_nl = GUN_CAPACITY_MAX_NL;
	info->rate_max_mhz = MESO_RATE_MAX_MHZ;
	info->lease_max_nl = GUN_LEASE_MAX_NL;
	info->lease_max_shots = MESO_LOG_SIZE;
	info->journal_size = MESO_LOG_SIZE;
	info->gun_log_size = MESO_LOG_SIZE;
	info->pressure_max_pa = GUN_PRESSURE_CAP_PA;
	info->overshoot_nl = meso_model_overshoot_nl(&m->fw.config);
	info->last_sequence = m->fw.head.last_sequence;
	return 0;
}

static u64 register_value(const struct meso_model *m, const struct meso_frame *f, u32 id)
{
	switch (id) {
	case MESO_REG_MAGIC: return MESO_MAGIC;
	case MESO_REG_HARDWARE_VERSION: return 1;
	case MESO_REG_FIRMWARE_VERSION: return 1 << 16;
	case MESO_REG_EPOCH: return f->epoch;
	case MESO_REG_BOOT_ID: return f->boot_id;
	case MESO_REG_CAPABILITIES: return MESO_CAP_ALL_MASK;
	case MESO_REG_PLUNGER_NM: return (u64)(s64)f->plunger_nm;
	case MESO_REG_PLUNGER2_NM: return (u64)(s64)f->plunger2_nm;
	case MESO_REG_TARGET_NM: return (u64)(s64)f->target_nm;
	case MESO_REG_BORE_UM: return f->bore_um;
	case MESO_REG_CAPACITY_NL: return f->capacity_nl;
	case MESO_REG_CARTRIDGE_ID: return f->cartridge_id;
	case MESO_REG_RESERVOIR_NL: return f->reservoir_nl;
	case MESO_REG_DOSE_NL: return f->dose_nl;
	case MESO_REG_DEPTH_SET_UM: return f->depth_set_um;
	case MESO_REG_DEPTH_UM: return f->depth_um;
	case MESO_REG_PRESSURE_PA: return (u64)(s64)f->pressure_pa;
	case MESO_REG_PRESSURE_LIMIT_PA: return (u64)(s64)f->pressure_limit_pa;
	case MESO_REG_VACUUM_PA: return (u64)(s64)f->vacuum_pa;
	case MESO_REG_MODE: return f->mode;
	case MESO_REG_RATE_MHZ: return f->rate_mhz;
	case MESO_REG_SHOT_COUNT: return f->shot_count;
	case MESO_REG_TOTAL_NL: return f->total_nl;
	case MESO_REG_TEMPERATURE_MC: return (u64)(s64)f->temperature_mc;
	case MESO_REG_BATTERY_PERCENT: return f->battery_percent;
	case MESO_REG_BATTERY_MV: return f->battery_mv;
	case MESO_REG_STATUS: return f->status;
	case MESO_REG_FAULTS: return f->faults;
	case MESO_REG_FAULT_COUNTER: return f->fault_counter;
	case MESO_REG_LEASE_LEFT_NL: return f->lease_left_nl;
	case MESO_REG_LEASE_SHOTS_LEFT: return f->lease_shots_left;
	case MESO_REG_LAST_SEQUENCE: return f->last_sequence;
	case MESO_REG_LOG_ACKED: return f->log_acked;
	default: return m->fw.head.mark.sequence;
	}
}

int meso_model_registers(const struct meso_model *m, struct meso_registers *regs)
{
	struct meso_frame f;
	int r = answers(m);
	u32 id;

	if (r)
		return r;
	fill_frame(m, &f);
	memset(regs, 0, sizeof(*regs));
	regs->count = MESO_REG_COUNT;
	regs->mark = m->fw.head.mark;
	for (id = 0; id < MESO_REG_COUNT; id++) {
		regs->reg[id].id = id;
		regs->reg[id].value = register_value(m, &f, id);
	}
	return 0;
}

int meso_model_configure(struct meso_model *m, u64 now_ns, const struct meso_config *config)
{
	struct meso_physics *ph = &m->physics;
	int r;

	r = ask(m, now_ns);
	if (!r)
		r = meso_fw_configure(m, config);
	if (r)
		return r;
	m->touched = 1;
	/* In this world the host is right about what was put into the gun: a
	 * wrong syringe is told by its cartridge id, not by its bore.
	 */
	if (ph->bore_um != config->bore_um || ph->capacity_nl != config->capacity_nl) {
		u64 cartridge = ph->cartridge_id;

		meso_physics_syringe(ph, config->bore_um, config->capacity_nl,
				     meso_physics_fill_nl(ph));
		ph->cartridge_id = ph->syringe_in ? cartridge : 0;
	}
	meso_physics_needle(ph, config->viscosity_upas, config->needle_um,
			    config->needle_length_um, config->needles);
	ph->depth_um = config->depth_um;
	meso_physics_sense(ph, &m->fw.in);
	return 0;
}

int meso_model_arm(struct meso_model *m, u64 now_ns, const struct meso_lease *arm)
{
	int r;

	r = ask(m, now_ns);
	if (!r)
		r = meso_fw_arm(m, arm);
	if (!r)
		meso_physics_lease(&m->physics, arm->volume_nl);
	m->touched = 1;
	return r;
}

int meso_model_heartbeat(struct meso_model *m, u64 now_ns, const u8 *lease_id)
{
	int r = ask(m, now_ns);

	return r ? r : meso_fw_heartbeat(m, lease_id);
}

int meso_model_fire(struct meso_model *m, u64 now_ns, const u8 *lease_id, u64 expect)
{
	int r = ask(m, now_ns);

	m->touched = 1;
	return r ? r : meso_fw_fire(m, lease_id, expect);
}

int meso_model_abort(struct meso_model *m, u64 now_ns)
{
	int r = ask(m, now_ns);

	if (r)
		return r;
	m->touched = 1;
	meso_fw_abort(m);
	return 0;
}

int meso_model_clear_faults(struct meso_model *m, u64 now_ns, u32 mask, u64 boot_id, u32 counter)
{
	int r = ask(m, now_ns);

	m->touched = 1;
	return r ? r : meso_fw_clear(m, mask, boot_id, counter);
}

int meso_model_log_read(const struct meso_model *m, u64 from, struct meso_shot *shots, u32 max)
{
	u64 number = max_t(u64, from, m->fw.head.log_acked + 1);
	u32 n = 0;
	int r = answers(m);

	if (r)
		return r;
	for (; number <= m->fw.head.shot_count && n < max; number++) {
		const struct meso_shot *shot = meso_nv_record(&m->nv, number);

		if (!shot)
			continue;
		shots[n] = *shot;
		if (m->lie_log_percent != 100) {
			u64 lie = m->lie_log_percent;

			shots[n].reported_nl = (u32)div64_u64(shot->reported_nl * lie, 100);
			shots[n].displaced_nl = (u32)div64_u64(shot->displaced_nl * lie, 100);
			shots[n].displaced2_nl = (u32)div64_u64(shot->displaced2_nl * lie, 100);
		}
		n++;
	}
	return (int)n;
}

int meso_model_log_ack(struct meso_model *m, u64 now_ns, u64 epoch, u64 upto)
{
	int r = ask(m, now_ns);

	if (!r && epoch != m->fw.head.epoch)
		r = -ESTALE;
	return r ? r : meso_fw_ack(m, upto);
}

void meso_model_truth(const struct meso_model *m, struct meso_truth *truth)
{
	const struct meso_physics *ph = &m->physics;

	memset(truth, 0, sizeof(*truth));
	truth->delivered_fl = ph->delivered_fl;
	truth->delivered_contact_fl = ph->delivered_contact_fl;
	truth->lease_fl = ph->delivered_fl - ph->lease_start_fl;
	truth->stored_fl = ph->stored_fl > 0 ? (u64)ph->stored_fl : 0;
	truth->plunger_nm = ph->plunger_nm;
	truth->pressure_pa = div64_s64(ph->pressure_mpa, 1000);
	truth->shots = ph->shots;
	truth->max_beyond_lease_fl = ph->max_beyond_fl;
	truth->armed_ns = m->armed_ticks * MESO_TICK_NS;
	truth->armed = m->powered && m->fw.lease_open && !m->fw.frozen;
	truth->moving = m->fw.motor.enable && !ph->relay_open &&
			m->fw.motor.target != ph->motor_steps;
}

/*
 * docs/gun-protocol.md, "Overshoot bound", term by term.  A single failure
 * meets at most one of the last two, but the bound adds them: it must hold
 * whatever comes together, and be simple enough to be believed.
 */
u32 meso_model_overshoot_nl(const struct meso_config *config)
{
	struct meso_needle needle;
	u64 area = meso_fluid_area(config->bore_um ? config->bore_um : GUN_BORE_MAX_UM);
	u64 dose = config->dose_nl ? config->dose_nl : GUN_DOSE_MAX_NL;
	u64 flow = GUN_FLOW_MAX;
	u64 stored, tick_fl, trip, steps;

	if (config->bore_um && config->dose_nl && config->rate_mhz && config->needle_um &&
	    config->needles) {
		meso_fluid_needle(&needle, config->viscosity_upas, config->needle_um,
				  config->needle_length_um, config->needles);
		flow = meso_fluid_shot_flow(config, &needle);
	}
	tick_fl = flow * GUN_SUBSTEPS;
	/* held by compliance when a lease begins: above that nothing arms */
	stored = (u64)GUN_REST_PA * GUN_COMPLIANCE + tick_fl;
	/* the travel limiter: its distance, its relay, and a tick */
	trip = meso_fluid_volume(area, GUN_TRIP_NM) + flow * GUN_RELAY_SUBSTEPS + tick_fl;
	/* and two whole steps of the screw */
	steps = meso_fluid_volume(area, GUN_STEPS_TO_NM(2));
	return (u32)(dose + div64_u64(stored + trip + steps + 999999, 1000000));
}
