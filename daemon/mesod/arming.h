/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One attempt to arm, from the reservation on: the ledger judges and reserves in
 * one commit, all is looked at again, and only then the gun gets its lease.  It
 * owns the attempt while the worker has it.  It never decides what to ask for:
 * that is session_arm.c's.
 */
#ifndef MESOD_ARMING_H
#define MESOD_ARMING_H

#include <stdint.h>
#include <systemd/sd-bus.h>

#include "session.h"

struct arming {
	struct mesod *mesod;
	uint64_t session; /* on the bus: looked up anew */
	struct gun *gun;
	sd_bus_message *call;
	struct ledger_moment now;
	struct ledger_order order;
	char serial[MESO_SERIAL_LEN];
	char area[FORMULARY_ID_MAX];
	uint32_t area_mm2; /* 0: the formulary's */
	char override[LEDGER_REASON_MAX];
	uint32_t interval_ms;
	struct meso_config config; /* what the gun was given */
	uint64_t configured_ns;    /* when, CLOCK_MONOTONIC */
	uint64_t stops;            /* the gun's when the attempt began */
	struct ledger_reservation reservation;
	int64_t behind_s; /* the clock, if the ledger refused because of it */
	struct policy_verdict verdicts[POLICY_RULES];
};

/* Whether a gun that says this may be armed.  0, or a negative number with the error set. */
int arming_check_status(const struct meso_status *status, uint32_t kind, sd_bus_error *error);
/* Pure: what of that configuration the gun reports otherwise, or NULL. */
const char *arming_config_difference(const struct meso_config *given,
				     const struct meso_status *status);
/* Asks the ledger and arms; answers @call later.  Returns as a method handler does. */
int arming_submit(struct session *session, sd_bus_message *call, const struct arming *draft,
		  sd_bus_error *error);
/* What waited for the end of an attempt goes on. */
void arming_over(struct session *session);

#endif /* MESOD_ARMING_H */
