/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The insides of struct meso_model: what the world is (physics), what the
 * firmware can see (sensors) and move (motor), what it remembers while it has
 * power (firmware) and for ever (nvram).  Owned by kmod/model/; a caller may
 * take the size of these structures and copy struct meso_nvram as a whole, and
 * nothing else.
 */
#ifndef MESO_MODEL_STATE_H
#define MESO_MODEL_STATE_H

#define MESO_NV_VERSION		1

/* What the firmware was about to do, written before it does it */
struct meso_intent {
	__u64 number;			/* 0: none */
	__u8 lease_id[MESO_LEASE_ID_LEN];
	__u32 asked_nl;
	__u32 kind;
	__s32 start_nm;			/* first encoder */
	__s32 start2_nm;		/* second encoder */
	__u32 depth_um;
	__u32 flags;
};

/* All of non-volatile memory but the log; the log slots that a head speaks of
 * and the head itself are written in one commit
 */
struct meso_nv_head {
	__u32 magic;
	__u32 version;
	__u64 epoch;
	__u64 shot_count;
	__u64 total_nl;
	__u64 log_acked;
	__u64 last_sequence;
	struct meso_host_mark mark;
	struct meso_intent intent;
	__u8 lease_id[MESO_LEASE_ID_LEN];
	__u32 lease_open;
	__u32 lease_end;
	__u32 faults;
	__u32 fault_counter;
	/* the syringe, so that a gun that starts anew knows what is in it */
	__u32 bore_um;
	__u32 capacity_nl;
	__s32 plunger_nm;
	__u32 syringe_in;
	__u64 cartridge_id;
	__u64 commits;			/* how often this memory was written */
	__u32 reserved;
	__u32 crc;			/* of everything above */
};

struct meso_nv_slot {
	struct meso_shot shot;		/* number n is in slot n % MESO_LOG_SIZE */
	__u32 reserved;
	__u32 crc;			/* of everything above */
};

struct meso_nvram {
	struct meso_nv_head head;
	struct meso_nv_slot log[MESO_LOG_SIZE];
};

/* What the needle and the fluid make of pressure; see meso_fluid.h */
struct meso_needle {
	u64 linear;			/* R, 1e-8 Pa per (fl per sub-step) */
	u64 square;			/* 4 * k, 1e-16 Pa per (fl per sub-step) squared */
};

/* The motor and what drives it.  The step generator runs to @target and stops
 * there by itself.
 */
struct meso_motor {
	u32 enable;
	s64 target;			/* steps */
	u32 speed;			/* micro-steps per sub-step of 100 us */
	/* one-time requests to the travel limiter */
	u32 limit_load;			/* a shot of @limit_travel_nm starts */
	u32 relay_reset;
	s64 limit_travel_nm;
};

/* What the firmware can see */
struct meso_sensors {
	s64 motor_steps;		/* first encoder, on the motor: absolute */
	s64 plunger_nm;			/* second encoder, on the plunger: absolute */
	s32 pressure_pa;
	s32 vacuum_pa;
	u32 depth_um;
	s32 temperature_mc;
	u32 battery_percent;
	u32 battery_mv;
	u32 trigger;
	u32 pedal;
	u32 contact;
	u32 syringe_in;
	u32 syringe_changes;		/* the holder's lock counts its openings */
	u32 relay_open;			/* the travel limiter has cut the motor's supply */
	u64 cartridge_id;
};

struct meso_physics {
	/* the syringe and the needle that are in the gun */
	u32 bore_um;
	u32 capacity_nl;
	u64 area_um2;
	s64 stroke_nm;
	u32 syringe_in;
	u32 syringe_changes;
	u64 cartridge_id;
	u32 needle_um;
	u32 needle_length_um;
	u32 needles;
	u32 viscosity_upas;
	struct meso_needle needle;
	/* mechanics */
	s32 backlash_nm;
	s64 motor_steps;
	s64 slip_steps;			/* turned without moving the nut */
	u64 step_acc;			/* micro-steps */
	s64 plunger_nm;
	u32 running;			/* this run of the motor has moved the plunger */
	u32 was_enabled;
	/* the travel limiter: hardware of its own */
	s64 limit_nm;
	u32 limit_delay;		/* sub-steps until the relay has opened */
	u32 relay_open;
	/* fluid */
	u64 compliance;			/* fl per Pa */
	s64 stored_fl;
	s64 pressure_mpa;		/* millipascal */
	u64 air_fl;
	u64 last_flow;			/* fl of the newest sub-step, either way */
	/* the world */
	u32 trigger;
	u32 pedal;
	u32 contact;
	u32 occluded;
	u32 trigger_stuck;
	u32 plunger_stuck;
	s32 encoder_bias_nm;
	s32 depth_bias_um;
	s32 pressure_bias_pa;
	s32 vacuum_pump_pa;
	u32 viscosity_true;		/* 0: as configured */
	u32 depth_um;
	s32 temperature_mc;
	u32 battery_percent;
	u32 battery_mv;
	/* truth */
	u64 delivered_fl;
	u64 delivered_contact_fl;
	u64 shots;
	u64 lease_start_fl;
	u64 lease_volume_fl;
	u64 max_beyond_fl;
};

enum meso_phase {
	MESO_PHASE_NONE,
	MESO_PHASE_MOVING,		/* the motor runs */
	MESO_PHASE_SETTLING,		/* it has stopped, compliance still drains */
	MESO_PHASE_RECORDING,		/* all known, but memory has not taken it yet */
};

/* The shot under way */
struct meso_job {
	enum meso_phase phase;
	struct meso_shot shot;		/* the record as it grows */
	s64 start_nm;
	s64 start2_nm;
	s64 dose_nm;
	s64 stored_start_fl;
	u64 start_tick;
	u64 stop_tick;
	u64 deadline_tick;
	u32 furthest_nl;		/* first encoder */
	u32 furthest2_nl;
	u32 again;			/* mutant: another one follows */
};

struct meso_firmware {
	u64 boot_id;
	u64 boot_tick;
	u64 tick;			/* now */
	u32 frozen;
	u32 mutants;
	struct meso_nv_head head;	/* as in memory, or newer if @unsaved */
	u32 unsaved;
	struct meso_sensors in;
	struct meso_motor motor;
	struct meso_config config;
	u32 configured;
	struct meso_needle needle;	/* as configured */
	u64 area_um2;
	s64 stroke_nm;
	s64 plunger_nm;			/* from the first encoder, backlash taken off */
	s64 model_stored_fl;		/* what pressure should be, as stored fluid */
	s32 model_pa;
	s32 limit_pa;
	struct meso_lease lease;
	u32 lease_open;
	u32 lease_end;
	u32 lease_spent_nl;
	u32 lease_shots_left;
	u64 lease_tick;
	u64 beat_tick;
	u64 rearm_tick;			/* mutant */
	struct meso_job job;
	u64 last_start_tick;
	u32 fired;			/* since power-up; makes last_start_tick valid */
	u32 relieving;
	u32 was_pulled;			/* trigger or pedal, a tick ago */
	u32 released;			/* seen released since arm */
	u32 holding;			/* pulled by an edge that counts */
	u64 pressed_tick;
	u32 trigger_edges;
	u32 contact_made;
	u32 contact_broken;
	u32 syringe_changes;
	u64 primed_nl;
	u32 mismatch_ticks;
	u32 air_ticks;
	u32 over_ticks;
	u32 busy;			/* something changes with time alone */
};

struct meso_frame_mark {
	u64 shot_count;
	u64 log_acked;
	u32 state;
	u32 status;
	u32 faults;
	u32 lease_end;
	u32 fault_counter;
	u32 trigger_edges;
};

struct meso_model {
	struct meso_model_params params;
	struct meso_physics physics;
	struct meso_firmware fw;
	struct meso_nvram nv;
	int (*commit)(void *ctx, const struct meso_nvram *nv);
	void *ctx;
	u64 spare_epoch;
	u32 fail_commits;
	u32 powered;
	u32 started;			/* @origin_ns is set */
	u64 origin_ns;
	u64 tick;			/* MESO_TICK_NS since @origin_ns */
	u32 touched;			/* inputs the firmware has not looked at yet */
	u64 armed_ticks;
	u64 frame_seq;
	u64 frame_tick;			/* of the newest frame */
	struct meso_frame_mark mark;
	s64 lie_count;
	s64 lie_total_nl;
	u32 lie_log_percent;		/* 100: no lie */
};

#endif /* MESO_MODEL_STATE_H */
