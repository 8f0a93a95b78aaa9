/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * What the files of the interlock (those named meso_lease, and meso_journal.c)
 * share with each other and with nobody else.
 */
#ifndef MESO_LEASE_INTERNAL_H
#define MESO_LEASE_INTERNAL_H

#include "meso_lease.h"

#define MESO_NEVER	U64_MAX

/* Faults that let the gun be armed: they inform. */
#define MESO_FAULTS_INFORM	MESO_FAULT_HEARTBEAT_LOST

static inline bool meso_interlock_live(const struct meso_interlock *il)
{
	return il->phase == MESO_LEASE_LIVE || il->phase == MESO_LEASE_ARMING;
}

static inline bool meso_frame_firing(const struct meso_frame *frame)
{
	return frame->state == MESO_GUN_FIRING;
}

/* The gun would fire, or is firing: not the same as an open lease, because a
 * gun may close a spent lease while its last shot is under way.
 */
static inline bool meso_frame_armed(const struct meso_frame *frame)
{
	return frame->status & MESO_STATUS_LEASE_OPEN || frame->state == MESO_GUN_ARMED ||
	       frame->state == MESO_GUN_FIRING;
}

static inline u32 meso_interlock_faults(const struct meso_interlock *il)
{
	return (il->frame_ns ? il->frame.faults : 0) | il->host_faults;
}

/* Numbers and stamps an event, and hands it on. */
void meso_interlock_emit(struct meso_interlock *il, struct meso_event *event, u64 now);
/* The lease, if one is live or being armed, ends here and now. */
void meso_interlock_end(struct meso_interlock *il, u32 reason, u64 now, u32 *act);
/* The gun ended the live lease by itself. */
void meso_interlock_ended_by_gun(struct meso_interlock *il, u32 reason, u64 now, u32 *act);
/* The gun is armed and must not be: stop it, and go on until it confirms. */
void meso_interlock_stop_gun(struct meso_interlock *il, u64 now, u32 *act);
void meso_interlock_confirm(struct meso_interlock *il, u64 now, u32 *act);
/* Latches a fault that the host found; ends the lease with @reason. */
void meso_interlock_fault(struct meso_interlock *il, u32 fault, u32 reason, u64 now, u32 *act);
/* No lease, and the gun agrees. */
void meso_interlock_stand(struct meso_interlock *il);
void meso_interlock_emit_lease(struct meso_interlock *il, u64 now);
/* When the newest frame is too old: while armed (then the gun reports at 1 kHz
 * from the moment it is armed), and while not.
 */
u64 meso_interlock_armed_stale_ns(const struct meso_interlock *il);
u64 meso_interlock_idle_stale_ns(const struct meso_interlock *il);
/* The latched faults that forbid arming. */
u32 meso_interlock_forbidding(const struct meso_interlock *il);
/* Tells what changed: state, faults, deadline. */
void meso_interlock_refresh(struct meso_interlock *il, u64 now, u32 *act);

/* The host's account of what the newest lease has delivered. */
u64 meso_interlock_spent_nl(const struct meso_interlock *il);
u32 meso_interlock_left_nl(const struct meso_interlock *il);
u32 meso_interlock_left_shots(const struct meso_interlock *il);
/* Volume of a plunger travel in a syringe of this bore; 0 for none or back. */
u64 meso_travel_nl(u32 bore_um, s64 travel_nm);

void meso_journal_start(struct meso_interlock *il, const struct meso_frame *frame);
/* A frame came: are there new records to read? */
void meso_journal_frame(struct meso_interlock *il, u32 *act);
/* Free slots, in this journal and in the gun's log, for shots not yet fired. */
u32 meso_journal_free(const struct meso_interlock *il);
bool meso_journal_complete(const struct meso_interlock *il);
u64 meso_journal_first(const struct meso_journal *journal);

#endif /* MESO_LEASE_INTERNAL_H */
