/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libinjector: reach a mesotherapy injector gun, real or simulated.
 *
 * Two backends behind one opaque handle: `kernel:` talks to /dev/mesoN, `sim:`
 * to the socket of a meso-gun process.  Everything above this header behaves
 * the same on both.
 *
 * Conventions: functions return 0 or a count, or a negative errno, and leave
 * ret_ parameters untouched when they fail.  No globals, no threads, no signals,
 * no output.  A handle may be used by one thread at a time; different handles
 * are independent.  Nothing blocks but where the text says how long.  Measured
 * values and requests are the structures of <linux/meso.h>; their units are in
 * their names.
 *
 * Errors that any call on a gun may return besides its own: -ENODEV the gun is
 * gone (for good: open a new handle), -EINVAL a NULL argument, -ENOMEM,
 * -ETIMEDOUT the transport did not answer (sim: within 250 ms), -ECHILD the
 * handle was opened in another process (before a fork).
 */
#ifndef INJECTOR_H
#define INJECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <linux/meso.h>

#ifdef __cplusplus
extern "C" {
#endif

#define INJ_PUBLIC __attribute__((visibility("default")))

/* ------------------------------------------------------------------ guns */

typedef struct inj_gun inj_gun;

/* Look only: control calls return -EPERM. */
#define INJ_OPEN_READ_ONLY (1u << 0)

/**
 * inj_gun_open() - open a gun
 * @uri: "kernel:/dev/meso0" or "/dev/meso0"; "sim:/path/of/socket"; NULL for
 *	$INJECTOR_GUN if set, else the first /dev/mesoN there is
 * @flags: INJ_OPEN_*
 * @ret_gun: a new reference, to be given back with inj_gun_unref()
 *
 * Return: 0; -ENOENT or -ENODEV no such gun, -EACCES, -EPERM, -EINVAL unknown
 * scheme or flag, -EPROTO the other side speaks another protocol version,
 * -ETIMEDOUT (sim) nobody answered within 1 s.
 */
INJ_PUBLIC int inj_gun_open(const char *uri, unsigned int flags, inj_gun **ret_gun);
INJ_PUBLIC inj_gun *inj_gun_ref(inj_gun *gun);
/* Drops a reference; the last one closes, which disarms a gun we control.  NULL is allowed.
 * Always returns NULL. */
INJ_PUBLIC inj_gun *inj_gun_unref(inj_gun *gun);
INJ_PUBLIC void inj_gun_unrefp(inj_gun **gun); /* for __attribute__((cleanup)) */

/* The URI it was opened with, resolved; owned by the handle. */
INJ_PUBLIC const char *inj_gun_get_uri(const inj_gun *gun);

/**
 * inj_enumerate() - call back for every kernel gun node that exists now
 * @found: called with a URI for inj_gun_open(); a non-zero return ends the walk
 *	and is returned
 */
INJ_PUBLIC int inj_enumerate(int (*found)(const char *uri, void *userdata), void *userdata);

/* ---------------------------------------------------------------- looking */

/* What the gun is. */
INJ_PUBLIC int inj_gun_get_info(inj_gun *gun, struct meso_info *ret_info);
/* One coherent snapshot of the newest frame; no I/O to the gun, never blocks.  Check
 * MESO_STATUS_FRESH before believing it. */
INJ_PUBLIC int inj_gun_get_status(inj_gun *gun, struct meso_status *ret_status);
/* All registers; no I/O to the gun. */
INJ_PUBLIC int inj_gun_get_registers(inj_gun *gun, struct meso_registers *ret_registers);

/* ----------------------------------------------------------------- events */

/* Called for each record; the record is valid during the call only.  A non-zero return ends the
 * dispatch and is returned; the record counts as read.  Records that were taken over from the gun
 * with it wait for the next dispatch, and the descriptor does not show them: dispatch again before
 * polling.  A handler may do anything with the gun but dispatch (-EBUSY). */
typedef int (*inj_event_handler)(inj_gun *gun, const struct meso_event *event, void *userdata);

/* Wants in, grant out (may be NULL): mask, clock and queue depth of this handle. */
INJ_PUBLIC int inj_gun_set_events(inj_gun *gun, const struct meso_event_config *wanted,
				  struct meso_event_config *ret_granted);
/* A descriptor to poll for inj_gun_get_poll_events(); owned by the handle. */
INJ_PUBLIC int inj_gun_get_fd(const inj_gun *gun);
INJ_PUBLIC int inj_gun_get_poll_events(const inj_gun *gun);
/**
 * inj_gun_dispatch() - deliver what is queued, without waiting
 * Return: how many records were delivered (0: none), -ENODEV after the last
 * one of a gun that is gone.
 */
INJ_PUBLIC int inj_gun_dispatch(inj_gun *gun, inj_event_handler handler, void *userdata);

/* ---------------------------------------------------------------- control */

/* Become the one controller; -EBUSY somebody is, -EPERM opened read-only. */
INJ_PUBLIC int inj_gun_acquire(inj_gun *gun);
/* Stop being it; disarms. */
INJ_PUBLIC int inj_gun_release(inj_gun *gun);
/* -EPERM not the controller, -EBUSY armed, -EINVAL, -ERANGE; bounded by 100 ms */
INJ_PUBLIC int inj_gun_configure(inj_gun *gun, const struct meso_config *config);
/* Grant a lease: see struct meso_lease.  -EPERM not the controller, -EACCES a fault forbids, -EBUSY
 * armed, -ESTALE sequence or boot id, -ERANGE, -ENOSPC journal, -ENODATA not configured or not
 * primed: refused.  -ETIMEDOUT in doubt: the gun is being disarmed and the lease must be settled as
 * if it had been granted; so must any error but the ones named here.  Bounded by 100 ms (sim: 250
 * ms), never repeated. */
INJ_PUBLIC int inj_gun_arm(inj_gun *gun, const struct meso_lease *lease);
/* Never waits for the gun.  -ESTALE not the live lease. */
INJ_PUBLIC int inj_gun_heartbeat(inj_gun *gun, const uint8_t lease_id[MESO_LEASE_ID_LEN]);
/* Pull the trigger once, as shot number @expect.  -ESTALE not that lease or number, -EBUSY a shot is
 * under way, -EAGAIN the least interval has not passed, -EACCES no contact (treat) or contact
 * (prime): no shot.  Never waits for the gun. */
INJ_PUBLIC int inj_gun_fire(inj_gun *gun, const uint8_t lease_id[MESO_LEASE_ID_LEN],
			    uint64_t expect);
/* Stop now.  Any writable handle; idempotent; never waits for the gun.  -ETIMEDOUT (sim): the stop is
 * on its way to a simulator that does not answer, and is done whenever it wakes up. */
INJ_PUBLIC int inj_gun_disarm(inj_gun *gun);
/**
 * inj_gun_get_shots() - read unacknowledged shot records
 * @from: first number wanted, 0 for the oldest
 * @ret_shots: room for @max records
 * @ret_remaining: how many more there are; may be NULL
 * Changes nothing, so any handle may.
 * Return: how many were read, in rising order.
 */
INJ_PUBLIC int inj_gun_get_shots(inj_gun *gun, uint64_t from, struct meso_shot *ret_shots,
				 size_t max, size_t *ret_remaining);
/* Forget records up to @upto; only after they are durable elsewhere.  -EPERM, -ESTALE epoch,
 * -ERANGE above what there is. */
INJ_PUBLIC int inj_gun_ack_shots(inj_gun *gun, uint64_t epoch, uint64_t upto);
/* Clear faults of a generation that was seen; -EPERM, -EBUSY armed or cause still there,
 * -ESTALE a newer fault exists. */
INJ_PUBLIC int inj_gun_clear_faults(inj_gun *gun, uint32_t mask, uint64_t boot_id,
				    uint32_t counter);

/* ------------------------------------------------------------ names, units */

/* Stable lower-case names ("armed", "occlusion", "shot"); NULL for an unknown number. */
INJ_PUBLIC const char *inj_state_name(uint32_t state);
INJ_PUBLIC const char *inj_end_name(uint32_t end);
INJ_PUBLIC const char *inj_result_name(uint32_t result);
INJ_PUBLIC const char *inj_event_name(uint32_t type);
INJ_PUBLIC const char *inj_register_name(uint32_t id);
INJ_PUBLIC const char *inj_fault_name(uint32_t fault_bit); /* exactly one bit */

/* Dimension of a quantity, with its base unit. */
enum inj_dimension {
	INJ_VOLUME,    /* nl:   nL uL mL */
	INJ_LENGTH,    /* um:   um mm cm */
	INJ_MASS,      /* ng:   ng ug mg g */
	INJ_ACTIVITY,  /* mIU:  IU */
	INJ_BODY_MASS, /* g:    g kg */
	INJ_RATE,      /* mHz:  /s */
	INJ_TIME,      /* ms:   ms s min h */
	INJ_PRESSURE,  /* Pa:   Pa kPa */
	INJ_AREA,      /* um2 is too fine; mm2: mm2 cm2 */
	INJ_VISCOSITY, /* uPa.s: mPa.s */
	INJ_DIMENSIONS
};

#define INJ_TEXT_MAX 160

/**
 * inj_parse() - read what a person typed, such as "10 uL", "1.5 mm", "2 mg"
 * @dimension: which units are allowed
 * @text: number, optional spaces, unit; `µ` (U+00B5, U+03BC) is taken for `u`,
 *	`l` for `L`, `mcg` for `ug`; the case of other letters counts.  A digit
 *	is needed on both sides of a point, and no needless leading zero.
 * @ret_value: in the dimension's base unit; exact, never rounded
 * @error: INJ_TEXT_MAX bytes for a sentence that names the text, what is wrong
 *	with it and what was expected; may be NULL
 * Return: 0; -EINVAL no number, no unit, wrong unit, a decimal comma, a sign,
 * trailing text, finer than the base unit; -ERANGE too large.
 */
INJ_PUBLIC int inj_parse(enum inj_dimension dimension, const char *text, int64_t *ret_value,
			 char *error);
/**
 * inj_format() - write a quantity as people read it, exactly
 * @buf: INJ_TEXT_MAX bytes
 * Return: @buf.  Picks the largest unit in which the value is at least one and
 * needs at most three decimals ("20 uL", "1.5 mm"; never cm); negative values
 * allowed.  What it writes of a non-negative value, inj_parse() reads back.
 */
INJ_PUBLIC char *inj_format(enum inj_dimension dimension, int64_t value, char *buf);

/* Library version, "major.minor.patch". */
INJ_PUBLIC const char *inj_version(void);

#ifdef __cplusplus
}
#endif
#endif /* INJECTOR_H */
