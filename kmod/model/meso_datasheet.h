/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * This gun's data sheet: what its makers fixed once for all.  Shared by
 * physics, firmware and the overshoot bound; stated in docs/gun-protocol.md.
 * Nothing here changes at run time.
 */
#ifndef MESO_DATASHEET_H
#define MESO_DATASHEET_H

/* Limits, struct meso_info */
#define GUN_DOSE_MIN_NL		1000
#define GUN_DOSE_MAX_NL		200000
#define GUN_DOSE_STEP_NL	100
#define GUN_DEPTH_MAX_UM	13000
#define GUN_CAPACITY_MIN_NL	100000
#define GUN_CAPACITY_MAX_NL	10000000
#define GUN_BORE_MIN_UM		1000
#define GUN_BORE_MAX_UM		20000
#define GUN_RATE_MIN_MHZ	100
#define GUN_LEASE_MAX_NL	10000000
#define GUN_TRAVEL_MAX_NM	61000000
#define GUN_SHOT_MAX_MS		120000	/* a slower configuration is refused */

/* Mechanics: 1 mm lead screw, 3,200 steps */
#define GUN_SPEED_MAX		3200000	/* micro-steps per sub-step: 10 mm/s */
#define GUN_STEPS_TO_NM(steps)	(((steps) * 625) >> 1)
#define GUN_TRIP_NM		10000	/* travel limiter: so far beyond a dose */
#define GUN_RELAY_SUBSTEPS	20	/* and its relay takes so long to open */
#define GUN_STALL_MPA		1000000000LL /* the motor has no more force, mPa */

/* Time */
#define GUN_SUBSTEPS		10	/* of 100 us in a firmware tick of 1 ms */

/* Fluid */
#define GUN_AMBIENT_PA		101325
#define GUN_COMPLIANCE		20000	/* fl per Pa, nominal and greatest */

/* Firmware */
#define GUN_PRESSURE_CAP_PA	450000	/* absolute occlusion limit */
#define GUN_PRESSURE_TARGET_PA	300000	/* speed is chosen to stay below */
#define GUN_PRESSURE_MARGIN_PA	GUN_REST_PA /* above 3/2 of what flow explains */
#define GUN_PRIME_OVER_MS	3000	/* air in a prime may hold pressure that long */
#define GUN_FLOW_MAX		25000000 /* fl per sub-step: 250 uL/s */
#define GUN_RELIEF_FLOW		10000000 /* backing off: 100 uL/s */
#define GUN_MOVE_MS		100	/* a shot takes that long if pressure allows */
#define GUN_SETTLE_MS		20000	/* compliance drains that long at most */
#define GUN_REST_PA		30000	/* armed only below; no flow explains more at rest */
#define GUN_ENCODER_TOLERANCE_NM 5000
#define GUN_TRAVEL_TOLERANCE_NM	2000
#define GUN_DEPTH_TOLERANCE_UM	200
#define GUN_TRIGGER_MS		10000
#define GUN_INTERVAL_MIN_MS	112	/* 9 shots a second */
#define GUN_VACUUM_SEAL_PA	(-5000)	/* contact with less vacuum is no contact */
#define GUN_HOT_MC		45000
#define GUN_COOL_MC		43000
#define GUN_BATTERY_LOW		10
#define GUN_BATTERY_OK		15
#define GUN_DEFAULT_BORE_UM	12060
#define GUN_DEFAULT_CAPACITY_NL	5000000
#define GUN_DEFAULT_CARTRIDGE	1

#endif /* MESO_DATASHEET_H */
