/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mesod1.Manager: what may be injected, told and read again.  It owns the form
 * in which clients get it; what is in force and when it changes is basis.h's.
 */
#ifndef MESOD_BUS_FORMULARY_H
#define MESOD_BUS_FORMULARY_H

#include <systemd/sd-bus.h>

int method_formulary(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_reload_formulary(sd_bus_message *call, void *userdata, sd_bus_error *error);
int formulary_get_hash(sd_bus *bus, const char *path, const char *interface, const char *property,
		       sd_bus_message *reply, void *userdata, sd_bus_error *error);

#endif /* MESOD_BUS_FORMULARY_H */
