/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The names of what can go wrong, as clients see them.  It owns the mapping from
 * our reasons to D-Bus errors; it never decides anything.
 */
#ifndef MESOD_BUS_ERRORS_H
#define MESOD_BUS_ERRORS_H

#include <systemd/sd-bus.h>

#include "macros.h"

#define ERROR_PREFIX           "org.mesod1.Error."
#define ERROR_INVALID_ARGUMENT ERROR_PREFIX "InvalidArgument"
#define ERROR_NO_SUCH_GUN      ERROR_PREFIX "NoSuchGun"
#define ERROR_NO_SUCH_PATIENT  ERROR_PREFIX "NoSuchPatient"
#define ERROR_NO_SUCH_SESSION  ERROR_PREFIX "NoSuchSession"
#define ERROR_ALREADY_EXISTS   ERROR_PREFIX "AlreadyExists"
#define ERROR_NO_SUCH_RECORD   ERROR_PREFIX "NoSuchRecord"
#define ERROR_DENIED           ERROR_PREFIX "Denied"
#define ERROR_NOT_OPERATOR     ERROR_PREFIX "NotOperator"
#define ERROR_BUSY             ERROR_PREFIX "Busy"
#define ERROR_INTERLOCK        ERROR_PREFIX "Interlock"
#define ERROR_DOSE_LIMIT       ERROR_PREFIX "DoseLimit"
#define ERROR_LEDGER           ERROR_PREFIX "Ledger"
#define ERROR_GUN_GONE         ERROR_PREFIX "GunGone"
#define ERROR_QUARANTINED      ERROR_PREFIX "Quarantined"
#define ERROR_BLOCKED          ERROR_PREFIX "Blocked"
#define ERROR_TIMEOUT          ERROR_PREFIX "Timeout"
#define ERROR_LIMIT            ERROR_PREFIX "Limit"

/* Sets the error; always returns a negative number, for sd-bus to send it. */
int bus_fail(sd_bus_error *error, const char *name, const char *format, ...) _printf_(3, 4);
/* Answers a call with an error, later than its handler.  The reply is lost if the caller left. */
void bus_reply_error(sd_bus_message *call, const char *name, const char *format, ...)
	_printf_(3, 4);
/* The error for an errno of libinjector's control calls; `what` begins the sentence. */
int bus_fail_gun(sd_bus_error *error, int r, const char *what);
/* The patient is blocked since a restore: the sentence for it. */
void bus_reply_blocked(sd_bus_message *call, int64_t since_s);
/* The worker did not take a job that a client caused. */
int bus_fail_busy_worker(sd_bus_error *error, int r);
/* An sd-bus call failed for our own reasons (out of memory): a typed error even then. */
int bus_fail_internal(sd_bus_error *error, int r);

#endif /* MESOD_BUS_ERRORS_H */
