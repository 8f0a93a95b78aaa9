/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The gun's processor.  It sees struct meso_sensors, moves struct meso_motor
 * and writes non-volatile memory; it has no access to the physics.
 *
 *   meso_firmware.c  the tick: sensors, faults, lease timers, trigger
 *   meso_shot.c      one shot: intent, motion, settling, record
 *   meso_host.c      what the host may ask
 */
#ifndef MESO_FIRMWARE_H
#define MESO_FIRMWARE_H

#include "meso_model_types.h"

/* Faults that forbid arming: all but the dead man's, which only informs */
#define FW_FORBIDS (MESO_FAULT_GUN_MASK & ~MESO_FAULT_HEARTBEAT_LOST)

/* meso_firmware.c */
void meso_fw_boot(struct meso_model *m, u64 boot_id);
void meso_fw_tick(struct meso_model *m);
/* Latch faults; one that forbids stops everything and ends the lease */
void meso_fw_fault(struct meso_model *m, u32 faults);
/* End the lease, stop a shot under way; does nothing when none is live */
void meso_fw_end_lease(struct meso_model *m, u32 why);
/* Make durable what has changed.  Return: 0 or -EIO (MESO_FAULT_MEMORY). */
int meso_fw_flush(struct meso_model *m);
u32 meso_fw_state(const struct meso_model *m);
u32 meso_fw_status(const struct meso_model *m);
u32 meso_fw_reservoir_nl(const struct meso_firmware *fw);
/* Which of @faults have a cause that is still there? */
u32 meso_fw_causes(const struct meso_model *m, u32 faults);
void meso_fw_geometry(struct meso_model *m);

/* meso_shot.c */
/* Return: 0 the plunger moves; see meso_model_fire() */
int meso_fw_shot_start(struct meso_model *m);
void meso_fw_shot_track(struct meso_model *m);
void meso_fw_shot_tick(struct meso_model *m);
void meso_fw_shot_stop(struct meso_model *m, u32 result);
/* An intent that was found at power-up becomes a record */
void meso_fw_shot_unknown(struct meso_model *m);
/* Volume of the shot under way so far, as the lease counts it */
u32 meso_fw_shot_nl(const struct meso_firmware *fw);
void meso_fw_relieve(struct meso_model *m);
void meso_fw_relieve_tick(struct meso_model *m);

/* meso_host.c: as the meso_model_*() of the same name */
int meso_fw_configure(struct meso_model *m, const struct meso_config *config);
int meso_fw_arm(struct meso_model *m, const struct meso_lease *arm);
int meso_fw_heartbeat(struct meso_model *m, const u8 *lease_id);
int meso_fw_fire(struct meso_model *m, const u8 *lease_id, u64 expect);
void meso_fw_abort(struct meso_model *m);
int meso_fw_clear(struct meso_model *m, u32 mask, u64 boot_id, u32 counter);
int meso_fw_ack(struct meso_model *m, u64 upto);

#endif /* MESO_FIRMWARE_H */
