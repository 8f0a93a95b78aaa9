// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The hand: what people do to the gun and what breaks in it, by name or by
 * number.  Changes the world and its lies, never the firmware's decisions.
 */
#include "meso_firmware.h"
#include "meso_datasheet.h"
#include "meso_model.h"
#include "meso_nvram.h"
#include "meso_physics.h"

static const struct {
	const char *name;
	s64 low;
	s64 high;
} hands[MESO_HAND_COUNT] = {
	[MESO_HAND_TRIGGER]	= { "trigger", 0, 1 },
	[MESO_HAND_PEDAL]	= { "pedal", 0, 1 },
	[MESO_HAND_CONTACT]	= { "contact", 0, 1 },
	[MESO_HAND_SYRINGE]	= { "syringe", 0, GUN_CAPACITY_MAX_NL },
	[MESO_HAND_CARTRIDGE]	= { "cartridge", 0, S64_MAX },
	[MESO_HAND_OCCLUDE]	= { "occlude", 0, 1 },
	[MESO_HAND_AIR]		= { "air", 0, 1000000 },
	[MESO_HAND_STICK_TRIGGER] = { "stick_trigger", 0, 1 },
	[MESO_HAND_STICK_PLUNGER] = { "stick_plunger", 0, 1 },
	[MESO_HAND_ENCODER_BIAS] = { "encoder_bias", -GUN_TRAVEL_MAX_NM, GUN_TRAVEL_MAX_NM },
	[MESO_HAND_DEPTH_BIAS]	= { "depth_bias", -GUN_DEPTH_MAX_UM, GUN_DEPTH_MAX_UM },
	[MESO_HAND_PRESSURE_BIAS] = { "pressure_bias", -1000000, 1000000 },
	[MESO_HAND_VISCOSITY]	= { "viscosity", 0, 200000 },
	[MESO_HAND_TEMPERATURE]	= { "temperature", -40000, 125000 },
	[MESO_HAND_BATTERY]	= { "battery", 0, 100 },
	[MESO_HAND_VACUUM]	= { "vacuum", -90000, 0 },
	[MESO_HAND_LIE_COUNT]	= { "lie_count", S32_MIN, S32_MAX },
	[MESO_HAND_LIE_TOTAL]	= { "lie_total", S32_MIN, S32_MAX },
	[MESO_HAND_LIE_LOG]	= { "lie_log", 0, 1000 },
	[MESO_HAND_FREEZE]	= { "freeze", 0, 1 },
	[MESO_HAND_CORRUPT_MEMORY] = { "corrupt_memory", 0, S64_MAX },
	[MESO_HAND_RESET_MEMORY] = { "reset_memory", 1, S64_MAX },
	[MESO_HAND_FAIL_COMMIT]	= { "fail_commit", 0, S32_MAX },
	[MESO_HAND_POWER]	= { "power", 0, S64_MAX },
	[MESO_HAND_MUTANTS]	= { "mutants", 0, (1 << 10) - 1 },
};

const char *meso_hand_name(enum meso_hand what)
{
	return (u32)what < MESO_HAND_COUNT ? hands[what].name : NULL;
}

int meso_hand_by_name(const char *name)
{
	int i;

	for (i = 0; i < MESO_HAND_COUNT; i++)
		if (!strcmp(hands[i].name, name))
			return i;
	return -ENOENT;
}

/* A bit flips; the image is handed on, so that what is kept of it flips too */
static void corrupt_memory(struct meso_model *m, s64 value)
{
	u32 bit = (u32)value & 7;
	u64 byte = (u64)value >> 3;
	u64 size = sizeof(m->nv);

	byte -= div64_u64(byte, size) * size;
	((u8 *)&m->nv)[byte] ^= (u8)(1U << bit);
	if (m->commit)
		m->commit(m->ctx, &m->nv);
}

/* The memory chip is exchanged: the firmware sees an empty one of a new epoch */
static void reset_memory(struct meso_model *m, u64 epoch)
{
	struct meso_firmware *fw = &m->fw;
	const struct meso_physics *ph = &m->physics;

	meso_nv_format(&m->nv, epoch);
	if (!m->powered) {
		if (m->commit)
			m->commit(m->ctx, &m->nv);
		return;
	}
	fw->motor.enable = 0;
	fw->relieving = 0;
	fw->lease_open = 0;
	fw->lease_end = MESO_END_REBOOT;
	memset(&fw->job, 0, sizeof(fw->job));
	fw->head = m->nv.head;
	fw->head.bore_um = ph->bore_um;
	fw->head.capacity_nl = ph->capacity_nl;
	fw->head.lease_end = MESO_END_REBOOT;
	fw->unsaved = 1;
	meso_fw_flush(m);
}

static int put_syringe(struct meso_model *m, s64 nl)
{
	struct meso_physics *ph = &m->physics;

	if (nl > ph->capacity_nl)
		return -ERANGE;
	meso_physics_syringe(ph, ph->bore_um, ph->capacity_nl, (u32)nl);
	if (nl)
		ph->cartridge_id = GUN_DEFAULT_CARTRIDGE;
	return 0;
}

int meso_model_hand(struct meso_model *m, u64 now_ns, enum meso_hand what, s64 value)
{
	struct meso_physics *ph = &m->physics;

	if ((u32)what >= MESO_HAND_COUNT)
		return -EINVAL;
	if (value < hands[what].low || value > hands[what].high)
		return -ERANGE;
	meso_model_advance(m, now_ns);
	m->touched = 1;

	switch (what) {
	case MESO_HAND_TRIGGER:
		ph->trigger = (u32)value;
		break;
	case MESO_HAND_PEDAL:
		ph->pedal = (u32)value;
		break;
	case MESO_HAND_CONTACT:
		ph->contact = (u32)value;
		break;
	case MESO_HAND_SYRINGE:
		return put_syringe(m, value);
	case MESO_HAND_CARTRIDGE:
		ph->cartridge_id = (u64)value;
		break;
	case MESO_HAND_OCCLUDE:
		ph->occluded = (u32)value;
		break;
	case MESO_HAND_AIR:
		ph->air_fl = (u64)value * 1000000;
		break;
	case MESO_HAND_STICK_TRIGGER:
		ph->trigger_stuck = (u32)value;
		break;
	case MESO_HAND_STICK_PLUNGER:
		ph->plunger_stuck = (u32)value;
		break;
	case MESO_HAND_ENCODER_BIAS:
		ph->encoder_bias_nm = (s32)value;
		break;
	case MESO_HAND_DEPTH_BIAS:
		ph->depth_bias_um = (s32)value;
		break;
	case MESO_HAND_PRESSURE_BIAS:
		ph->pressure_bias_pa = (s32)value;
		break;
	case MESO_HAND_VISCOSITY:
		meso_physics_viscosity(ph, (u32)value);
		break;
	case MESO_HAND_TEMPERATURE:
		ph->temperature_mc = (s32)value;
		break;
	case MESO_HAND_BATTERY:
		ph->battery_percent = (u32)value;
		ph->battery_mv = 3300 + 9 * (u32)value;
		break;
	case MESO_HAND_VACUUM:
		ph->vacuum_pump_pa = (s32)value;
		break;
	case MESO_HAND_LIE_COUNT:
		m->lie_count = value;
		break;
	case MESO_HAND_LIE_TOTAL:
		m->lie_total_nl = value;
		break;
	case MESO_HAND_LIE_LOG:
		m->lie_log_percent = (u32)value;
		break;
	case MESO_HAND_FREEZE:
		m->fw.frozen = (u32)value;
		break;
	case MESO_HAND_CORRUPT_MEMORY:
		corrupt_memory(m, value);
		break;
	case MESO_HAND_RESET_MEMORY:
		reset_memory(m, (u64)value);
		break;
	case MESO_HAND_FAIL_COMMIT:
		m->fail_commits = (u32)value;
		break;
	case MESO_HAND_POWER:
		if (value)
			meso_model_power_on(m, (u64)value, now_ns);
		else
			meso_model_power_off(m, now_ns);
		break;
	case MESO_HAND_MUTANTS:
		m->params.mutants = (u32)value;
		m->fw.mutants = (u32)value;
		break;
	case MESO_HAND_COUNT:
		break;
	}
	return 0;
}
