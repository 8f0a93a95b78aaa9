/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The gun itself, made of software: registers, firmware and physics.
 *
 * Three parts that know as little of each other as in a real gun:
 *   meso_physics.c   fluid, plunger, needle, skin: what truly happens
 *   meso_firmware.c  what the gun's processor does, from its sensors only
 *   meso_nvram.c     the memory that survives a power cycle
 * and meso_model.c, which holds them together and is the only door.
 *
 * Integers only.  No allocation, no locking, no clock, no I/O: the caller
 * serialises, passes the time (any monotonic clock that does not stop in
 * suspend, in ns, never backwards) and persists the non-volatile memory when
 * told.  Every entry first advances the gun to @now_ns.
 */
#ifndef MESO_MODEL_H
#define MESO_MODEL_H

#include "meso_port.h"
#include "meso_wire.h"
#include "meso_model_types.h"

/**
 * meso_model_init() - make a gun, not yet powered
 * @m: storage, owned by the caller
 * @params: copied; see meso_model_params_default()
 * @nv: its non-volatile memory as it was, or NULL for a factory-new gun; an
 *	image whose checks fail gives a gun with MESO_FAULT_MEMORY and a new
 *	epoch
 * @epoch: random non-zero value for a memory that must be made anew
 * @commit: called whenever non-volatile memory changed and must be durable
 *	before the gun goes on; may be NULL.  A negative return means the write
 *	failed: the gun then latches MESO_FAULT_MEMORY and does not move.
 * @ctx: passed to @commit
 * Return: 0, -EINVAL for parameters out of range.
 */
int meso_model_init(struct meso_model *m, const struct meso_model_params *params,
		    const struct meso_nvram *nv, u64 epoch,
		    int (*commit)(void *ctx, const struct meso_nvram *nv), void *ctx);

void meso_model_params_default(struct meso_model_params *params);

/* Power comes (with a random non-zero boot id) and goes.  Losing power stops
 * the firmware at once; the physics goes on: pressure still drives fluid. */
void meso_model_power_on(struct meso_model *m, u64 boot_id, u64 now_ns);
void meso_model_power_off(struct meso_model *m, u64 now_ns);

/* Run physics and firmware up to @now_ns, in steps of MESO_TICK_NS. */
void meso_model_advance(struct meso_model *m, u64 now_ns);

/* When the next frame is due: 1 kHz armed or moving, 10 Hz otherwise. */
u64 meso_model_next_ns(const struct meso_model *m);
/* The newest frame.  Return: 0, -EAGAIN if none is due, -ENODEV without power. */
int meso_model_frame(struct meso_model *m, u64 now_ns, struct meso_frame *frame);

/* What the host may ask of the firmware.  All: -ENODEV without power,
 * -ETIMEDOUT while the firmware is frozen. */
int meso_model_info(const struct meso_model *m, struct meso_info *info);
int meso_model_registers(const struct meso_model *m, struct meso_registers *regs);
/* -EBUSY armed or moving, -EINVAL, -ERANGE */
int meso_model_configure(struct meso_model *m, u64 now_ns, const struct meso_config *config);
/* -EBUSY armed or moving, -EACCES a fault forbids, -ESTALE sequence or boot
 * id, -ERANGE above a limit, -ENOSPC shot log full, -ENODATA not configured,
 * -EINVAL, -EIO memory write failed */
int meso_model_arm(struct meso_model *m, u64 now_ns, const struct meso_lease *arm);
/* -ESTALE another lease or none */
int meso_model_heartbeat(struct meso_model *m, u64 now_ns, const u8 *lease_id);
/* -ESTALE another lease or number; -EBUSY a shot is under way; -EAGAIN the
 * minimum interval has not passed; -EACCES no contact (treat), contact (prime) */
int meso_model_fire(struct meso_model *m, u64 now_ns, const u8 *lease_id, u64 expect);
/* Disarm and stop; idempotent */
int meso_model_abort(struct meso_model *m, u64 now_ns);
/* -ESTALE generation; -EBUSY cause still there or armed */
int meso_model_clear_faults(struct meso_model *m, u64 now_ns, u32 mask, u64 boot_id, u32 counter);
/* Records from number @from on, oldest first; returns how many */
int meso_model_log_read(const struct meso_model *m, u64 from, struct meso_shot *shots, u32 max);
/* Free log slots up to @upto; -ERANGE above the shot count */
int meso_model_log_ack(struct meso_model *m, u64 now_ns, u64 upto);

/* The hand, the world, and what can go wrong: docs in meso_model_types.h */
int meso_model_hand(struct meso_model *m, u64 now_ns, enum meso_hand what, s64 value);
/* Names as used by debugfs and meso-gun's console: "trigger", "contact", ...
 * Return: the hand, or -ENOENT. */
int meso_hand_by_name(const char *name);
const char *meso_hand_name(enum meso_hand what);

/* What truly happened; only tests and demonstrations may look. */
void meso_model_truth(const struct meso_model *m, struct meso_truth *truth);

/* The most that can leave the needle beyond a lease's volume in this
 * configuration: see docs/gun-protocol.md, "Overshoot bound".  Pure. */
u32 meso_model_overshoot_nl(const struct meso_config *config);

#endif /* MESO_MODEL_H */
