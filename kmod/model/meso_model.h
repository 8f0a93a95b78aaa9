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
 *	before the gun goes on; may be NULL.  The new image must replace the old
 *	one in one step (write aside, then rename): after a power cut there is
 *	one or the other.  A negative return means the write failed: the gun
 *	then latches MESO_FAULT_MEMORY, does not move, and tries again.
 * @ctx: passed to @commit
 * Return: 0, -EINVAL for parameters out of range.
 */
int meso_model_init(struct meso_model *m, const struct meso_model_params *params,
		    const struct meso_nvram *nv, u64 epoch,
		    int (*commit)(void *ctx, const struct meso_nvram *nv), void *ctx);

void meso_model_params_default(struct meso_model_params *params);

/* Power comes (with a random non-zero boot id) and goes.  Losing power stops
 * the firmware at once; the physics goes on: pressure still drives fluid.
 */
void meso_model_power_on(struct meso_model *m, u64 boot_id, u64 now_ns);
void meso_model_power_off(struct meso_model *m, u64 now_ns);

/* Run physics and firmware up to @now_ns, in steps of MESO_TICK_NS. */
void meso_model_advance(struct meso_model *m, u64 now_ns);

/* When the next frame is due: 1 kHz armed or moving, 10 Hz otherwise. */
u64 meso_model_next_ns(const struct meso_model *m);
/* The newest frame.  Return: 0, -EAGAIN if none is due, -ENODEV without power. */
int meso_model_frame(struct meso_model *m, u64 now_ns, struct meso_frame *frame);

/*
 * What the host may ask of the firmware.  Every one of these says -ENODEV
 * without power and -ETIMEDOUT while the firmware is frozen; a refusal changes
 * nothing.
 */
int meso_model_info(const struct meso_model *m, struct meso_info *info);
int meso_model_registers(const struct meso_model *m, struct meso_registers *regs);

/*
 * -EINVAL	unknown mode, reserved field not zero, dose off the step
 * -ERANGE	outside a limit; a syringe too long for the gun (61 mm); a shot
 *		that this needle and viscosity would draw out beyond 120 s
 * -EBUSY	armed, moving or relieving
 * -EIO		non-volatile memory refused the new syringe
 *
 * Another bore or capacity means another syringe: it is not primed.
 */
int meso_model_configure(struct meso_model *m, u64 now_ns, const struct meso_config *config);

/*
 * Checked in this order:
 * -EINVAL	id all zero, unknown kind, reserved field not zero
 * -ERANGE	volume, shots, interval, expiry or heartbeat outside its limits
 * -ESTALE	another boot id, or a sequence not above the last accepted
 * -EBUSY	a lease is live, the plunger moves, a record is not yet written, or
 *		more than 30 kPa is still to drain (state RELIEVING)
 * -EACCES	a latched fault forbids
 * -ENODATA	not configured since power-up; kind treat and not primed
 * -EACCES	kind prime and skin contact
 * -ENOSPC	fewer free slots in the shot log than shots
 * -EIO		non-volatile memory refused: nothing is armed, the sequence is
 *		used up, MESO_FAULT_MEMORY
 */
int meso_model_arm(struct meso_model *m, u64 now_ns, const struct meso_lease *arm);
/* -ESTALE another lease or none */
int meso_model_heartbeat(struct meso_model *m, u64 now_ns, const u8 *lease_id);
/*
 * -ESTALE	another lease or none, another number, or the lease has too
 *		little left (which ends it)
 * -EBUSY	the shot of that number is under way, or the one before it still
 *		moves, or the motor has not rested for a tick
 * -EAGAIN	the minimum interval has not passed
 * -EACCES	no contact under vacuum (treat), contact (prime), or not enough
 *		in the syringe (MESO_FAULT_EMPTY)
 * -ENOSPC	no free slot in the shot log
 * -EIO		the intent could not be written (MESO_FAULT_MEMORY)
 */
int meso_model_fire(struct meso_model *m, u64 now_ns, const u8 *lease_id, u64 expect);
/* Disarm and stop; idempotent */
int meso_model_abort(struct meso_model *m, u64 now_ns);
/*
 * All of @mask or nothing.
 * -EINVAL	a bit that is no gun fault
 * -ESTALE	another boot id, or a counter other than the present one
 * -EBUSY	armed or moving; a cause still there; memory still failing
 * -EIO		memory refused
 */
int meso_model_clear_faults(struct meso_model *m, u64 now_ns, u32 mask, u64 boot_id, u32 counter);
/* Records from number @from on that are not acknowledged, oldest first;
 * returns how many
 */
int meso_model_log_read(const struct meso_model *m, u64 from, struct meso_shot *shots, u32 max);
/* Free log slots up to @upto, for ever; -ESTALE another epoch, -ERANGE above
 * the shot count, -EIO
 */
int meso_model_log_ack(struct meso_model *m, u64 now_ns, u64 epoch, u64 upto);

/* The hand, the world, and what can go wrong: docs in meso_model_types.h */
int meso_model_hand(struct meso_model *m, u64 now_ns, enum meso_hand what, s64 value);
/* Names as used by debugfs and meso-gun's console: "trigger", "contact", ...
 * Return: the hand, or -ENOENT.
 */
int meso_hand_by_name(const char *name);
const char *meso_hand_name(enum meso_hand what);

/* What truly happened; only tests and demonstrations may look. */
void meso_model_truth(const struct meso_model *m, struct meso_truth *truth);

/* The most that can leave the needle beyond a lease's volume in this
 * configuration: see docs/gun-protocol.md, "Overshoot bound".  Pure.
 */
u32 meso_model_overshoot_nl(const struct meso_config *config);

#endif /* MESO_MODEL_H */
