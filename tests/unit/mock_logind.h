/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A systemd-logind made of cardboard: a process with its name on a test's bus
 * that says when the machine is about to sleep, and knows who wants it to wait.
 */
#ifndef MOCK_LOGIND_H
#define MOCK_LOGIND_H

#include <stdbool.h>
#include <sys/types.h>

/* Shared with the process. */
struct mock_logind_facts {
	volatile unsigned int inhibited; /* how often somebody asked it to wait */
	volatile bool waits;             /* the newest of them wants that still */
	volatile unsigned int to_tell;   /* 1: it is about to sleep, 2: it is awake; 0 when told */
	char said[128];                  /* what, who, and how, in the newest question */
};

struct mock_logind {
	pid_t pid;
	struct mock_logind_facts *facts;
};

/* Returns when it has the name. */
void mock_logind_start(struct mock_logind *mock, const char *address);
void mock_logind_stop(struct mock_logind *mock);
/* The machine is about to sleep, or is awake; returns when that has been told. */
void mock_logind_tell(struct mock_logind *mock, bool near);

#endif /* MOCK_LOGIND_H */
