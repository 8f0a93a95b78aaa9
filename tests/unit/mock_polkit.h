/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A polkit made of cardboard: a process with polkit's name on a test's bus that
 * answers as it was told, and keeps what it was asked.
 */
#ifndef MOCK_POLKIT_H
#define MOCK_POLKIT_H

#include <stdint.h>
#include <sys/types.h>

enum polkit_mode {
	POLKIT_YES,
	POLKIT_NO,
	POLKIT_CHALLENGE,  /* yes to whom it may ask for a password, otherwise it wants one */
	POLKIT_HANGS,      /* keeps questions until told POLKIT_YES or POLKIT_NO */
	POLKIT_YES_TO_ONE, /* that it keeps, the newest; then hangs on */
	POLKIT_BABBLES,    /* answers with something else */
	POLKIT_DIES,       /* when it is asked */
};

/* Shared with the process; to be read after what it tells has happened. */
struct mock_polkit_facts {
	volatile enum polkit_mode mode;
	volatile unsigned int asked;
	volatile unsigned int taken_back;
	volatile unsigned int kept; /* that it has not answered */
	volatile uint32_t flags;    /* of the newest question, as all of these */
	char action[64];
	char subject[64];
};

struct mock_polkit {
	pid_t pid;
	struct mock_polkit_facts *facts;
};

/* Returns when it has the name. */
void mock_polkit_start(struct mock_polkit *mock, const char *address, enum polkit_mode mode);
/* Also when it has ended by itself. */
void mock_polkit_stop(struct mock_polkit *mock);

#endif /* MOCK_POLKIT_H */
