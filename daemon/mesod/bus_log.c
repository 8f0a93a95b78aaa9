// SPDX-License-Identifier: GPL-2.0-only
/*
 * org.freedesktop.LogControl1: how much mesod logs, and where, changed while it runs by
 * `systemctl service-log-level` and `service-log-target`.  Root's (and mesod's own user's) to set,
 * which is sd-bus's own rule for a property that is not for everybody; anyone may look.
 */
#include "bus_log.h"

#include <string.h>

#include "log.h"
#include "macros.h"
#include "mesod.h"

#define LOG_PATH      "/org/freedesktop/LogControl1"
#define LOG_INTERFACE "org.freedesktop.LogControl1"

/* By LOG_*, as syslog(3) calls them. */
static const char *const levels[] = { "emerg",   "alert",  "crit", "err",
				      "warning", "notice", "info", "debug" };

static int get_level(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct mesod *mesod = userdata;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append(reply, "s", levels[mesod->log.max_priority]);
}

static int set_level(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *value, void *userdata, sd_bus_error *error)
{
	struct mesod *mesod = userdata;
	const char *name;
	int r;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	r = sd_bus_message_read(value, "s", &name);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(name, levels[i]) == 0) {
			mesod->log.max_priority = (int)i;
			return 0;
		}
	}
	return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
				 "no log level \"%.32s\": expected emerg, alert, crit, err, "
				 "warning, notice, info or debug",
				 name);
}

static int get_target(sd_bus *bus, const char *path, const char *interface, const char *property,
		      sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	const struct mesod *mesod = userdata;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	return sd_bus_message_append(reply, "s", mesod->log.journal ? "journal" : "console");
}

static int set_target(sd_bus *bus, const char *path, const char *interface, const char *property,
		      sd_bus_message *value, void *userdata, sd_bus_error *error)
{
	struct mesod *mesod = userdata;
	const char *name;
	int r;

	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	r = sd_bus_message_read(value, "s", &name);
	if (r < 0)
		return r;
	if (strcmp(name, "auto") == 0) {
		log_close(&mesod->log);
		log_open(&mesod->log, mesod->log.max_priority, LOG_JOURNAL);
	} else if (strcmp(name, "journal") == 0) {
		mesod->log.journal = true;
	} else if (strcmp(name, "console") == 0) {
		mesod->log.journal = false;
	} else {
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "no log target \"%.32s\": expected auto, journal or "
					 "console",
					 name);
	}
	return 0;
}

static int get_identifier(sd_bus *bus, const char *path, const char *interface,
			  const char *property, sd_bus_message *reply, void *userdata,
			  sd_bus_error *error)
{
	(void)bus;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;
	return sd_bus_message_append(reply, "s", "mesod");
}

static const sd_bus_vtable log_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_WRITABLE_PROPERTY("LogLevel", "s", get_level, set_level, 0, 0),
	SD_BUS_WRITABLE_PROPERTY("LogTarget", "s", get_target, set_target, 0, 0),
	SD_BUS_PROPERTY("SyslogIdentifier", "s", get_identifier, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_VTABLE_END,
};

int bus_log_add(struct mesod *mesod)
{
	return sd_bus_add_object_vtable(mesod->bus, NULL, LOG_PATH, LOG_INTERFACE, log_vtable,
					mesod);
}
