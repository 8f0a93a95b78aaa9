// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Stable names for the numbers of <linux/meso.h>: programs print and store
 * them, so a name once given never changes.  Owns the words, nothing else.
 */
#include "injector.h"

#define NAME(table, index) ((index) < sizeof(table) / sizeof((table)[0]) ? (table)[index] : NULL)

const char *inj_state_name(uint32_t state)
{
	static const char *const names[] = {
		[MESO_STATE_IDLE] = "idle",     [MESO_STATE_ARMED] = "armed",
		[MESO_STATE_FIRING] = "firing", [MESO_STATE_DISARMING] = "disarming",
		[MESO_STATE_FAULT] = "fault",   [MESO_STATE_STALE] = "stale",
		[MESO_STATE_ASLEEP] = "asleep",
	};

	return NAME(names, state);
}

const char *inj_end_name(uint32_t end)
{
	static const char *const names[] = {
		[MESO_END_NONE] = "none",           [MESO_END_DISARM] = "disarm",
		[MESO_END_SPENT] = "spent",         [MESO_END_EXPIRED] = "expired",
		[MESO_END_HEARTBEAT] = "heartbeat", [MESO_END_CLOSE] = "close",
		[MESO_END_SUSPEND] = "suspend",     [MESO_END_FAULT] = "fault",
		[MESO_END_REMOVED] = "removed",     [MESO_END_OVERRUN] = "overrun",
		[MESO_END_STALE] = "stale",         [MESO_END_REBOOT] = "reboot",
		[MESO_END_CONTACT] = "contact",     [MESO_END_RESET] = "reset",
	};

	return NAME(names, end);
}

const char *inj_result_name(uint32_t result)
{
	static const char *const names[] = {
		[MESO_SHOT_COMPLETE] = "complete",
		[MESO_SHOT_STOPPED] = "stopped",
		[MESO_SHOT_FAULT] = "fault",
		[MESO_SHOT_UNKNOWN] = "unknown",
	};

	return NAME(names, result);
}

const char *inj_event_name(uint32_t type)
{
	static const char *const names[MESO_EVENT_TYPES] = {
		[MESO_EVENT_STATE] = "state",     [MESO_EVENT_TRIGGER] = "trigger",
		[MESO_EVENT_CONTACT] = "contact", [MESO_EVENT_SHOT] = "shot",
		[MESO_EVENT_FAULT] = "fault",     [MESO_EVENT_LEASE] = "lease",
		[MESO_EVENT_SAMPLE] = "sample",   [MESO_EVENT_OVERFLOW] = "overflow",
		[MESO_EVENT_REMOVED] = "removed",
	};

	return NAME(names, type);
}

const char *inj_register_name(uint32_t id)
{
	static const char *const names[MESO_REG_COUNT] = {
		[MESO_REG_MAGIC] = "magic",
		[MESO_REG_HARDWARE_VERSION] = "hardware-version",
		[MESO_REG_FIRMWARE_VERSION] = "firmware-version",
		[MESO_REG_EPOCH] = "epoch",
		[MESO_REG_BOOT_ID] = "boot-id",
		[MESO_REG_CAPABILITIES] = "capabilities",
		[MESO_REG_PLUNGER_NM] = "plunger-nm",
		[MESO_REG_PLUNGER2_NM] = "plunger2-nm",
		[MESO_REG_TARGET_NM] = "target-nm",
		[MESO_REG_BORE_UM] = "bore-um",
		[MESO_REG_CAPACITY_NL] = "capacity-nl",
		[MESO_REG_CARTRIDGE_ID] = "cartridge-id",
		[MESO_REG_RESERVOIR_NL] = "reservoir-nl",
		[MESO_REG_DOSE_NL] = "dose-nl",
		[MESO_REG_DEPTH_SET_UM] = "depth-set-um",
		[MESO_REG_DEPTH_UM] = "depth-um",
		[MESO_REG_PRESSURE_PA] = "pressure-pa",
		[MESO_REG_PRESSURE_LIMIT_PA] = "pressure-limit-pa",
		[MESO_REG_VACUUM_PA] = "vacuum-pa",
		[MESO_REG_MODE] = "mode",
		[MESO_REG_RATE_MHZ] = "rate-mhz",
		[MESO_REG_SHOT_COUNT] = "shot-count",
		[MESO_REG_TOTAL_NL] = "total-nl",
		[MESO_REG_TEMPERATURE_MC] = "temperature-mc",
		[MESO_REG_BATTERY_PERCENT] = "battery-percent",
		[MESO_REG_BATTERY_MV] = "battery-mv",
		[MESO_REG_STATUS] = "status",
		[MESO_REG_FAULTS] = "faults",
		[MESO_REG_FAULT_COUNTER] = "fault-counter",
		[MESO_REG_LEASE_LEFT_NL] = "lease-left-nl",
		[MESO_REG_LEASE_SHOTS_LEFT] = "lease-shots-left",
		[MESO_REG_LAST_SEQUENCE] = "last-sequence",
		[MESO_REG_LOG_ACKED] = "log-acked",
		[MESO_REG_MARK_SEQUENCE] = "mark-sequence",
	};

	return NAME(names, id);
}

const char *inj_fault_name(uint32_t fault_bit)
{
	switch (fault_bit) {
	case MESO_FAULT_OCCLUSION:
		return "occlusion";
	case MESO_FAULT_AIR:
		return "air";
	case MESO_FAULT_EMPTY:
		return "empty";
	case MESO_FAULT_OVER_TRAVEL:
		return "over-travel";
	case MESO_FAULT_ENCODER_MISMATCH:
		return "encoder-mismatch";
	case MESO_FAULT_DEPTH_MISMATCH:
		return "depth-mismatch";
	case MESO_FAULT_STUCK_TRIGGER:
		return "stuck-trigger";
	case MESO_FAULT_OVER_TEMPERATURE:
		return "over-temperature";
	case MESO_FAULT_LOW_BATTERY:
		return "low-battery";
	case MESO_FAULT_HEARTBEAT_LOST:
		return "heartbeat-lost";
	case MESO_FAULT_OVERRUN:
		return "overrun";
	case MESO_FAULT_MEMORY:
		return "memory";
	case MESO_FAULT_HOST_OVERRUN:
		return "host-overrun";
	case MESO_FAULT_HOST_IMPLAUSIBLE:
		return "host-implausible";
	case MESO_FAULT_HOST_UNRESPONSIVE:
		return "host-unresponsive";
	case MESO_FAULT_HOST_ENCODER:
		return "host-encoder";
	default:
		return NULL;
	}
}

const char *inj_version(void)
{
	return MESO_VERSION;
}
