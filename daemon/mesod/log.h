/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mesod tells the administrator: the journal if there is one, else
 * standard error.  It never carries patient data: callers name guns, leases and
 * numbers, never people.
 */
#ifndef MESOD_LOG_H
#define MESOD_LOG_H

#include <stdbool.h>
#include <syslog.h>

#include "macros.h"

struct logger {
	bool journal;     /* standard error is the journal: speak to it properly */
	int max_priority; /* LOG_*: what is less urgent is dropped */
};

/* Finds out where standard error goes. */
void log_open(struct logger *log, int max_priority);
/* gun: its serial, or NULL when the message is about none */
void log_message(const struct logger *log, int priority, const char *gun, const char *format, ...)
	_printf_(4, 5);

#define log_gun(gun, priority, ...) \
	log_message(&(gun)->mesod->log, (priority), (gun)->serial, __VA_ARGS__)
#define log_main(mesod, priority, ...) log_message(&(mesod)->log, (priority), NULL, __VA_ARGS__)

#endif /* MESOD_LOG_H */
