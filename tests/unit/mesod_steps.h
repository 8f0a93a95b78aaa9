/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The four steps of a lease, each of which may be begun and looked at while
 * somebody traces the daemon: arm, fire, settle, close.
 *
 * Owns how a step begins and when it is over; never kills or judges.
 */
#ifndef MESOD_STEPS_H
#define MESOD_STEPS_H

#include <stdbool.h>

#include "mesod_fixture.h"

enum step {
	STEP_ARM,    /* from the call to its answer */
	STEP_FIRE,   /* from the pull of the trigger until the shot is told */
	STEP_SETTLE, /* from the call that disarms until the lease's end is told */
	STEP_CLOSE,  /* from the call to its answer */
	STEPS,
};

struct steps {
	struct mesod_fixture *f;
	enum step step;
	sd_bus_slot *slot;  /* the answer that is waited for */
	bool answered;      /* the call of this step */
	bool granted;       /* by no error */
	char refused[64];   /* the error's name */
	char message[192];  /* and its sentence */
	unsigned int shots; /* told when the step began */
	int64_t pulled_ms;
	unsigned int runs; /* on this ledger, and with this syringe */
};

/* "arm", "fire", "settle", "close" */
const char *steps_name(enum step step);
/* @f and a gun that is primed; to be started already. */
void steps_start(struct steps *steps, struct mesod_fixture *f);
/* A session and whatever comes before this step. */
void steps_prepare(struct steps *steps, enum step step);
/* Begins it, and waits for nothing. */
void steps_begin(struct steps *steps);
/* Reads what the bus has for us, and pulls the trigger anew if the gun did not see it.  For struct trace_plan. */
bool steps_over(void *steps);
/* The session is gone with its daemon: forgets it, and lets go of the trigger. */
void steps_forget(struct steps *steps);

/* Between one moment of a loop over all of them and the next: all with MESO_TEST_EVERY=1, else about @few. */
unsigned int steps_stride(unsigned int count, unsigned int few);
/* Where such a loop begins, another place each time: 1 to @stride. */
unsigned int steps_first(unsigned int stride);
/* Whether it is the long tier that leaves none out. */
bool steps_every(void);
/* A new ledger and a full syringe are due after so many runs: @f is stopped and started anew. */
void steps_refresh(struct steps *steps);
/* The seconds that a test may take. */
int steps_timeout(int short_s);

#endif /* MESOD_STEPS_H */
