// SPDX-License-Identifier: GPL-2.0-only
/*
 * See bus_errors.h.
 */
#include "bus_errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int bus_fail(sd_bus_error *error, const char *name, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sd_bus_error_setfv(error, name, format, args);
	va_end(args);
	return -EINVAL; /* never sent: the error that is set goes first */
}

void bus_reply_error(sd_bus_message *call, const char *name, const char *format, ...)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list args;

	va_start(args, format);
	sd_bus_error_setfv(&error, name, format, args);
	va_end(args);
	(void)sd_bus_reply_method_error(call, &error);
}

int bus_fail_gun(sd_bus_error *error, int r, const char *what)
{
	static const struct {
		int number;
		const char *name;
		const char *why;
	} reasons[] = {
		{ EACCES, ERROR_INTERLOCK,
		  "the gun refuses: a fault, contact, or control was lost" },
		{ EPERM, ERROR_INTERLOCK, "mesod does not control the gun" },
		{ EBUSY, ERROR_BUSY, "the gun is armed, moving, or the cause is still there" },
		{ ESTALE, ERROR_INTERLOCK, "stale: another lease, number, generation or boot" },
		{ EAGAIN, ERROR_INTERLOCK, "too soon after the last shot" },
		{ ERANGE, ERROR_INVALID_ARGUMENT, "beyond a limit of the gun" },
		{ EINVAL, ERROR_INVALID_ARGUMENT, "the gun does not take that value" },
		{ ENOSPC, ERROR_INTERLOCK, "too few free slots for its shots in the gun's log" },
		{ ENODATA, ERROR_INTERLOCK, "the gun is not configured or not primed" },
		{ ECANCELED, ERROR_INTERLOCK, "the lease ended before the gun answered" },
		{ ETIMEDOUT, ERROR_TIMEOUT, "the gun did not answer in time" },
		{ ENODEV, ERROR_GUN_GONE, "the gun was unplugged" },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
		if (reasons[i].number == -r)
			return bus_fail(error, reasons[i].name, "%s: %s (%s)", what, reasons[i].why,
					strerrorname_np(-r));
	return bus_fail(error, ERROR_INTERLOCK, "%s: %s", what, strerrordesc_np(-r));
}

void bus_reply_blocked(sd_bus_message *call, int64_t since_s)
{
	const time_t since = (time_t)since_s;
	char when[32] = "?";
	struct tm tm;

	if (gmtime_r(&since, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	bus_reply_error(call, ERROR_BLOCKED,
			"restored ledger: what was given since %s is unknown, until root has "
			"reviewed this patient",
			when);
}

int bus_fail_internal(sd_bus_error *error, int r)
{
	return bus_fail(error, ERROR_LIMIT, "mesod could not do it: %s", strerrordesc_np(-r));
}

int bus_fail_busy_worker(sd_bus_error *error, int r)
{
	if (r == -ENOBUFS)
		return bus_fail(error, ERROR_LIMIT,
				"too many requests wait for the ledger; try again");
	if (r == -EBUSY)
		return bus_fail(error, ERROR_BUSY,
				"formulary and limits are being read again; try again");
	return bus_fail(error, ERROR_LEDGER, "the ledger takes no requests: %s",
			strerrordesc_np(-r));
}
