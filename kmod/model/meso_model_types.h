/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The gun model's public types: parameters, the hand, the truth, the image of
 * non-volatile memory.  struct meso_model itself is defined here only so that
 * a caller can embed it; its members belong to kmod/model/.
 */
#ifndef MESO_MODEL_TYPES_H
#define MESO_MODEL_TYPES_H

#include "meso_port.h"
#include "meso_wire.h"

#define MESO_TICK_NS		1000000ULL	/* firmware tick, 1 kHz */
#define MESO_LOG_SIZE		256		/* shot records in the gun */
/* Fluid path from syringe to needle tip: so much must be primed, in one lease
 * or several, before the gun is PRIMED and a treat lease is accepted
 */
#define MESO_DEAD_VOLUME_NL	50000

struct meso_model_params {
	char serial[MESO_SERIAL_LEN];
	u32 temperature_mc;
	u32 battery_mv;
	s32 backlash_nm;		/* of the lead screw */
	u32 compliance_nl_per_mpa;	/* 20,000 = 0.02 uL/kPa */
	u32 mutants;			/* MESO_MUTANT_*: firmware that misbehaves */
};

/*
 * What a hand can do to the gun, and what can break.  Values: 0/1 unless said;
 * out of range is -ERANGE.  The firmware notices at its next tick, by its
 * sensors and not otherwise.
 */
enum meso_hand {
	MESO_HAND_TRIGGER,	/* 1 hold, 0 let go */
	MESO_HAND_PEDAL,	/* the gun's own pedal jack; pulls like the trigger */
	MESO_HAND_CONTACT,	/* press to skin: the switch closes, the vacuum holds */
	/*
	 * put in a syringe of the configured bore and capacity, filled with so
	 * many nl; 0 takes it out. While armed that is MESO_FAULT_EMPTY; it is
	 * never primed.
	 */
	MESO_HAND_SYRINGE,
	MESO_HAND_CARTRIDGE,	/* its id, 0: none that can be read */
	MESO_HAND_OCCLUDE,	/* block the needle */
	/*
	 * let in so many nl of air, to 1 ml; a prime drives it out, 0 takes it
	 * out
	 */
	MESO_HAND_AIR,
	MESO_HAND_STICK_TRIGGER,/* trigger contact stuck closed */
	/*
	 * plunger mechanically stuck: the coupling slips, the first encoder
	 * runs on, the second stands. Only a syringe put in anew brings them
	 * together again.
	 */
	MESO_HAND_STICK_PLUNGER,
	MESO_HAND_ENCODER_BIAS,	/* nm added to the second encoder */
	MESO_HAND_DEPTH_BIAS,	/* um added to the actual depth */
	MESO_HAND_PRESSURE_BIAS,/* Pa added to the pressure sensor */
	/*
	 * true viscosity, uPa s, to 200,000, whatever was configured; 0: as
	 * configured
	 */
	MESO_HAND_VISCOSITY,
	MESO_HAND_TEMPERATURE,	/* mC */
	MESO_HAND_BATTERY,	/* percent; the voltage follows */
	/*
	 * Pa that the pump holds while there is contact; above -5,000 the
	 * firmware does not believe the contact
	 */
	MESO_HAND_VACUUM,
	MESO_HAND_LIE_COUNT,	/* added to the reported shot count */
	MESO_HAND_LIE_TOTAL,	/* nl added to the reported total */
	/*
	 * log records, as read, report this percentage of what was delivered;
	 * 100: the truth
	 */
	MESO_HAND_LIE_LOG,
	/*
	 * firmware hangs: no frames, no answers; the motor goes on to the
	 * target that it was given. 0 wakes it.
	 */
	MESO_HAND_FREEZE,
	/*
	 * flip bit number value (modulo the size) of non-volatile memory; seen
	 * at power-up, if no write mends it first
	 */
	MESO_HAND_CORRUPT_MEMORY,
	/*
	 * non-volatile memory made anew: new epoch = value; what was under way
	 * is forgotten
	 */
	MESO_HAND_RESET_MEMORY,
	MESO_HAND_FAIL_COMMIT,	/* the next so many memory writes fail */
	MESO_HAND_POWER,	/* 0 off; any other value on, with that boot id */
	MESO_HAND_MUTANTS,	/* set MESO_MUTANT_*, at once and at each power-up */
	MESO_HAND_COUNT
};

/* Firmware that is wrong, for tests that the layers above catch it */
#define MESO_MUTANT_NO_BUDGET		BIT(0)	/* goes on past the lease */
#define MESO_MUTANT_NO_HEARTBEAT	BIT(1)	/* ignores its dead man */
#define MESO_MUTANT_LYING_LOG		BIT(2)	/* log says half of what was delivered */
#define MESO_MUTANT_RUNAWAY		BIT(3)	/* plunger ignores the end of a shot, and stop */
#define MESO_MUTANT_NO_ABORT		BIT(4)	/* ignores abort, stays armed */
#define MESO_MUTANT_DOUBLE_SHOT		BIT(5)	/* one press, two shots */
#define MESO_MUTANT_NO_EXPIRY		BIT(6)	/* lease never expires */
#define MESO_MUTANT_REPLAY		BIT(7)	/* accepts an old sequence */
#define MESO_MUTANT_SKIP_LOG		BIT(8)	/* counts a shot but does not log it */
#define MESO_MUTANT_AUTO_REARM		BIT(9)	/* reopens the lease after a heartbeat loss */

/* What truly happened, in femtolitres (1 nl = 1,000,000 fl) */
struct meso_truth {
	u64 delivered_fl;	/* through the needle since the gun was made, all of it */
	u64 delivered_contact_fl;/* of that, while in contact with skin */
	u64 lease_fl;		/* since the newest accepted arm */
	u64 stored_fl;		/* held by compliance, may still come out */
	s64 plunger_nm;		/* where the plunger truly is */
	s64 pressure_pa;
	u64 shots;		/* times the plunger truly started to move forward */
	u64 max_beyond_lease_fl;/* worst delivery beyond a lease's volume so far */
	u64 armed_ns;		/* total time the firmware was truly armed */
	u32 armed;		/* the firmware would fire now */
	u32 moving;
};

#include "meso_model_state.h"	/* struct meso_nvram, struct meso_model */

#endif /* MESO_MODEL_TYPES_H */
