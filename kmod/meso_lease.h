/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The interlock: what the host side knows of one gun, and whether that gun may
 * fire.  It owns the device state, the lease and the host's own account of it,
 * who controls the gun, every deadline, the faults that the host finds, the
 * shot journal, and what GET_INFO, GET_STATUS and GET_REGISTERS say.
 *
 * It never does I/O, never allocates, never locks, never reads a clock.  The
 * caller serialises, passes the time, does what the returned MESO_ACT_* ask
 * for, and delivers the events.  The kernel and meso-gun (which plays the
 * kernel's part on its `sim:` socket) run this very code.
 *
 * Time: @now is CLOCK_BOOTTIME in ns and never goes backwards.  A deadline has
 * passed when now >= deadline.
 *
 * A request that returns an error has changed nothing.
 */
#ifndef MESO_LEASE_H
#define MESO_LEASE_H

#include "model/meso_port.h"
#include "model/meso_wire.h"
#include <linux/meso.h>

#define MESO_JOURNAL_SIZE	256	/* shot records the host keeps */

/* Deadlines that no lease chooses */
#define MESO_STALE_ARMED_NS	100000000ULL	/* armed and no frame: disarm */
#define MESO_STALL_NS		10000000ULL	/* a tick so late: the host stood still, */
#define MESO_STALL_GRACE_NS	20000000ULL	/* and frames that waited get that long */
#define MESO_STALE_IDLE_NS	1000000000ULL	/* no frame: the gun is stale */
#define MESO_CONFIRM_NS		250000000ULL	/* to obey a stop, or unresponsive */
#define MESO_ARMING_NS		150000000ULL	/* to answer an ARM */
#define MESO_ABORT_FAST_NS	20000000ULL	/* a stop is repeated that often, */
#define MESO_ABORT_SLOW_NS	100000000ULL	/* and that often after MESO_CONFIRM_NS */
#define MESO_LOG_RETRY_NS	20000000ULL	/* a missing shot record is asked for again */
#define MESO_LOG_TRIES		10		/* so many times */
#define MESO_FIRE_DOUBT_NS	100000000ULL	/* a FIRE that started nothing may be repeated */

/* What the two encoders may differ by, and what plunger travel may exceed the
 * doses it is for: beyond that somebody is wrong.  The gun's own tolerances are
 * 5 um and 2 um; its travel limiter trips at 10 um.
 */
#define MESO_ENCODER_TOLERANCE_NM	20000
#define MESO_TRAVEL_TOLERANCE_NM	5000
/* Each shot may end so much late: a motor step of the widest syringe. */
#define MESO_SHOT_SLACK_NL		110

/* What the caller must do; OR-ed into *act, nothing is ever removed from it */
#define MESO_ACT_ABORT		BIT(0)	/* send abort to the gun; never wait for it */
#define MESO_ACT_HEARTBEAT	BIT(1)	/* relay a heartbeat for the live lease */
#define MESO_ACT_READ_LOG	BIT(2)	/* read the gun's log, see meso_interlock_log_from() */
#define MESO_ACT_STATE		BIT(3)	/* the state changed */
#define MESO_ACT_FAULTS		BIT(4)	/* the set of faults or its generation changed */
#define MESO_ACT_TIMER		BIT(5)	/* meso_interlock_deadline() changed */
#define MESO_ACT_CONFIRMED	BIT(6)	/* the gun confirmed that it is disarmed */

/* Delivers one event.  @event->timestamp_ns is CLOCK_BOOTTIME, seq is zero.
 * Called while the caller's lock is held; must not sleep, must not call back.
 */
typedef void (*meso_emit_fn)(void *ctx, const struct meso_event *event);

enum meso_lease_phase {
	MESO_LEASE_NONE,	/* no lease, or it is closed and the gun agrees */
	MESO_LEASE_ARMING,	/* ARM is on its way */
	MESO_LEASE_LIVE,
	MESO_LEASE_CLOSING,	/* ended here; the gun has not confirmed */
};

/* Unacknowledged shot records, rising in number without gaps unless @gap */
struct meso_journal {
	u64 epoch;		/* of the records; 0 until the gun is known */
	u64 next;		/* number of the next record wanted, 0 if unknown */
	u64 total_nl;		/* the gun's total after record @next - 1, if known */
	u64 retry_ns;		/* when to ask again, 0: not waiting */
	u32 head;		/* index of the oldest */
	u32 count;
	u32 tries;
	u32 gap;		/* 1: the gun could not produce a record it counted */
	u32 total_known;
	u32 pad;
	struct meso_shot shot[MESO_JOURNAL_SIZE];
};

/* The host's own account of the newest lease */
struct meso_account {
	u64 shots_at_arm;	/* the gun's counters when the lease was asked for */
	u64 total_at_arm;
	u64 recorded_nl;	/* sum over its records of max(reported, both displaced) */
	u64 reported_nl;	/* sum of what its records report */
	u64 recorded;		/* number of its records */
	u64 starts;		/* shots begun: counted by the gun, or under way */
	u64 presses;		/* reasons to begin one: trigger, gun's pedal, FIRE */
	s32 start_nm;		/* both encoders when the lease was asked for */
	s32 start2_nm;
	s32 far_nm;		/* furthest since */
	s32 far2_nm;
	s32 shot_nm;		/* furthest when the shot under way began */
	s32 shot2_nm;
	u64 shot_doses;		/* that may have gone since: more if we did not see */
	u64 start_us;		/* gun's uptime when it began; 0: not known exactly */
	u64 start_ns;		/* when we saw that; 0: none yet */
};

/* Counters for debugfs; they judge nothing */
struct meso_interlock_stats {
	u64 frames;
	u64 frames_lost;	/* gaps in the frame number */
	u64 frames_rejected;	/* undecodable, or old */
	u64 aborts;
	u64 heartbeats;
	u64 log_reads;
};

/*
 * struct meso_interlock - all of it; embed, do not touch
 * The members are shown only so that callers can embed it and tests can
 * compare it byte by byte.
 */
struct meso_interlock {
	meso_emit_fn emit;
	void *ctx;
	struct meso_info info;
	struct meso_host_mark mark;
	u64 firmware_version;

	struct meso_frame frame;	/* newest accepted */
	u64 frame_ns;			/* when it came, boottime; 0: none */
	u64 frame_mono_ns;
	u64 registered_ns;
	u32 gone;
	u32 stale;			/* no fresh frame while idle */
	u64 awake_ns;			/* since when it can be heard */
	u32 asleep;			/* its bus is */
	u32 dozing;			/* and since it is not, no frame has come */

	u64 owner;			/* 0: nobody */
	u32 phase;			/* enum meso_lease_phase */
	u32 lease_end;
	struct meso_lease lease;
	struct meso_account account;
	u64 arm_ns;			/* ARM begun, then: ARM answered */
	u64 heartbeat_ns;		/* deadlines, U64_MAX: none */
	u64 expires_ns;
	u64 grace_ns;			/* the host stood still: stale then, 0: as ever */
	u64 closing_ns;			/* when the stop was first sent */
	u64 abort_ns;			/* when to repeat it */
	u32 arm_in_flight;
	u32 confirmed;			/* the gun has confirmed the newest lease closed */
	u32 unresponsive;		/* this stop has been called ignored */
	struct {			/* as before the ARM under way, if the gun refuses it */
		struct meso_lease lease;
		struct meso_account account;
		u32 lease_end;
		u32 confirmed;
	} before;

	struct meso_config config;	/* what the gun must report */
	u32 config_known;
	u32 config_doubt;		/* a CONFIGURE failed half way */
	u64 fired;			/* shot number that a FIRE asked for, 0: none */
	u64 fired_ns;
	s32 rest_nm;			/* furthest back since it last had a reason to move, */
	s32 rest2_nm;			/* by both encoders */
	u32 rest_known;
	u32 pad;

	u32 host_faults;
	u32 host_fault_counter;
	u32 state;			/* as last told */
	u32 faults;
	u32 fault_counter;
	u64 gun_seq;			/* number of the newest event */
	u64 deadline_ns;
	u32 samples;			/* somebody wants sample events */
	struct meso_interlock_stats stats;
	struct meso_journal journal;
};

/**
 * struct meso_snapshot - a status and what is needed to bring it up to date
 * @status: as of the newest frame or state change
 * @frame_ns: when the newest frame came, boottime
 * @expires_ns: when the lease does
 * @fresh_until_ns: when the frame stops being fresh
 * @stale_from_ns: when the state becomes MESO_STATE_STALE
 */
struct meso_snapshot {
	struct meso_status status;
	u64 frame_ns;
	u64 expires_ns;
	u64 fresh_until_ns;
	u64 stale_from_ns;
};

/* ---- life ---------------------------------------------------------------- */

/*
 * meso_interlock_init() - a gun has appeared
 * @il: storage
 * @info: from the gun; untrusted
 * @regs: from the gun, for the host mark and the firmware version; or NULL
 * @emit: where events go
 * @ctx: passed to @emit
 * @now: time
 * Return: 0, -EPROTO if @info is not what a gun may say.
 */
int meso_interlock_init(struct meso_interlock *il, const struct meso_info *info,
			const struct meso_registers *regs, meso_emit_fn emit, void *ctx, u64 now);

/* The gun is gone: its lease ends, `removed` is emitted, and everything but
 * the readers below returns -ENODEV from now on.
 */
void meso_interlock_removed(struct meso_interlock *il, u64 now, u32 *act);

/* Its bus falls asleep, and a lease that is live ends with @reason.  A gun that
 * is asleep says nothing and is not stale for that.
 */
void meso_interlock_asleep(struct meso_interlock *il, u32 reason, u64 now, u32 *act);
/* The bus is awake; the gun is, as far as anybody knows, with its next frame. */
void meso_interlock_awake(struct meso_interlock *il, u64 now, u32 *act);

/* Whether sample events are wanted (by default not). */
void meso_interlock_want_samples(struct meso_interlock *il, bool want);

/* ---- what the gun says --------------------------------------------------- */

/* A decoded frame; @mono is the same instant in CLOCK_MONOTONIC. */
void meso_interlock_frame(struct meso_interlock *il, const struct meso_frame *frame,
			  u64 now, u64 mono, u32 *act);
/* Bytes that meso_frame_decode() refused: counted, else as if nothing came. */
void meso_interlock_bad_frame(struct meso_interlock *il);

/*
 * meso_interlock_log_from() - which shot record is wanted from the gun's log
 * Return: its number, 0 for none.
 */
u64 meso_interlock_log_from(const struct meso_interlock *il);
/*
 * meso_interlock_records() - what the gun's log gave
 * @shots: records, as read from meso_interlock_log_from() on
 * @count: how many, or a negative errno when the log could not be read
 * Read on while meso_interlock_log_from() is non-zero and @count was positive;
 * after that wait for MESO_ACT_READ_LOG.
 */
void meso_interlock_records(struct meso_interlock *il, const struct meso_shot *shots, int count,
			    u64 now, u32 *act);

/* ---- time ---------------------------------------------------------------- */

/* Do what is due.  Call at or after the deadline; too early does nothing. */
void meso_interlock_tick(struct meso_interlock *il, u64 now, u32 *act);
/* When to call it next, U64_MAX for never.  MESO_ACT_TIMER says that it changed. */
u64 meso_interlock_deadline(const struct meso_interlock *il);

/* ---- requests ------------------------------------------------------------
 * @owner: the caller's token, never 0.  -ENODEV after removal, for all.
 */

/* -EBUSY somebody else has it; 0 if the caller already has */
int meso_interlock_acquire(struct meso_interlock *il, u64 owner, u32 *act);
/* -EPERM not the controller; a live lease ends with MESO_END_DISARM */
int meso_interlock_release(struct meso_interlock *il, u64 owner, u64 now, u32 *act);
/* last close of an open file: nothing happens if it was not the controller */
void meso_interlock_close(struct meso_interlock *il, u64 owner, u64 now, u32 *act);

/*
 * meso_interlock_configure_begin() - may the gun be configured like this?
 * If 0: send it, then call meso_interlock_configure_done() with the result.
 * Return: 0, -EINVAL (reserved field, unknown mode, dose off the step), -EPERM
 * not the controller, -ERANGE beyond a limit, -EBUSY armed or not yet
 * confirmed disarmed.
 */
int meso_interlock_configure_begin(struct meso_interlock *il, u64 owner,
				   const struct meso_config *config);
/* @info: read again from the gun (its overshoot follows the configuration), or
 * NULL if @err
 */
void meso_interlock_configure_done(struct meso_interlock *il, const struct meso_config *config,
				   int err, const struct meso_info *info, u64 now, u32 *act);

/*
 * meso_interlock_arm_begin() - may this lease be given to the gun?
 * If 0: send it, then call meso_interlock_arm_done() with the result, even if
 * the lease has ended meanwhile.
 * Return: 0, -EINVAL (zero id, unknown kind, reserved field), -EPERM not the
 * controller, -ERANGE beyond a limit, -EBUSY armed or not yet confirmed
 * disarmed, -ETIMEDOUT the gun does not report or is asleep, -EACCES a fault forbids,
 * -ESTALE boot id or sequence, -ENOSPC too few free slots for its shots,
 * -ENODATA not configured.
 */
int meso_interlock_arm_begin(struct meso_interlock *il, u64 owner, const struct meso_lease *lease,
			     u64 now, u32 *act);
/*
 * meso_interlock_arm_done() - what became of the ARM
 * @err: 0; -EBUSY, -EACCES, -ESTALE, -ERANGE, -ENOSPC, -ENODATA, -EINVAL: the
 *	gun refused and is not armed; anything else is in doubt and treated as
 *	armed: it is stopped until it confirms
 * Return: what the caller of ARM is told: @err, or -ECANCELED when the lease
 * ended before the gun answered.
 */
int meso_interlock_arm_done(struct meso_interlock *il, int err, u64 now, u32 *act);

/* -EPERM not the controller, -ESTALE not the live lease, or too late */
int meso_interlock_heartbeat(struct meso_interlock *il, u64 owner, const u8 *lease_id, u64 now,
			     u32 *act);

/*
 * meso_interlock_fire_begin() - may this shot be asked for?
 * If 0: send it, then call meso_interlock_fire_done() with the result.
 * Return: 0, -EPERM not the controller, -ESTALE not the live lease, or not the
 * next shot's number, -EBUSY a shot is under way, -EAGAIN the minimum interval
 * has not passed, -EACCES no contact (treat) or contact (prime).
 */
int meso_interlock_fire_begin(struct meso_interlock *il, u64 owner, const struct meso_fire *fire,
			      u64 now);
void meso_interlock_fire_done(struct meso_interlock *il, int err);

/* Stop, for any reason (MESO_END_*); the abort is always asked for. */
int meso_interlock_disarm(struct meso_interlock *il, u32 reason, u64 now, u32 *act);

/* Copies records numbered shots->from and above; fills count and remaining. */
int meso_interlock_get_shots(const struct meso_interlock *il, struct meso_shots *shots);
/*
 * meso_interlock_ack_begin() - may these records be forgotten?
 * Return: 1: tell the gun, then call meso_interlock_ack_done() if it agreed;
 * 0: nothing to do; -EPERM not the controller, -ESTALE epoch, -ERANGE above
 * the journal.
 */
int meso_interlock_ack_begin(const struct meso_interlock *il, u64 owner,
			     const struct meso_ack *ack);
void meso_interlock_ack_done(struct meso_interlock *il, const struct meso_ack *ack, u64 now,
			     u32 *act);

/*
 * meso_interlock_clear_begin() - may these faults be cleared?
 * @ret_gun: set to what to ask of the gun (mask 0: nothing; its own counter)
 * Return: 0: ask the gun, then call meso_interlock_clear_done() if it agreed;
 * -EINVAL unknown or empty mask, -EPERM not the controller, -ESTALE there is a
 * newer fault, -EBUSY armed, or the cause is still there.
 */
int meso_interlock_clear_begin(const struct meso_interlock *il, u64 owner,
			       const struct meso_clear *clear, u64 now,
			       struct meso_clear *ret_gun);
/* Return: 0, -ESTALE a fault appeared meanwhile: the host's faults stay, -ENODEV */
int meso_interlock_clear_done(struct meso_interlock *il, const struct meso_clear *clear, u64 now,
			      u32 *act);

/* ---- what anybody may know ------------------------------------------------ */

void meso_interlock_info(const struct meso_interlock *il, struct meso_info *info);
void meso_interlock_registers(const struct meso_interlock *il, u64 now,
			      struct meso_registers *regs);
/* For a snapshot that readers bring up to date on their own. */
void meso_interlock_snapshot(const struct meso_interlock *il, struct meso_snapshot *snapshot);
/* What time alone changes of a status */
struct meso_snapshot_now {
	u64 age_ns;
	u32 state;
	u32 flags;
	u32 lease_left_ms;
};

/* Those fields as they are at @now; touches nothing but its arguments. */
void meso_snapshot_at(const struct meso_snapshot *snapshot, u64 now,
		      struct meso_snapshot_now *ret);
/* The whole status as it is at @now; touches nothing but its arguments. */
void meso_snapshot_status(const struct meso_snapshot *snapshot, u64 now,
			  struct meso_status *status);

#endif /* MESO_LEASE_H */
