/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * org.mesod1.Manager: what an administrator settles when no evidence will.  It owns
 * the conditions that only the daemon can see (is that gun here, is it quiet); what
 * is recorded and what it costs is the ledger's.
 */
#ifndef MESOD_BUS_RECOVER_H
#define MESOD_BUS_RECOVER_H

#include <systemd/sd-bus.h>

int method_list_recovery(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_close_lost(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_lift_quarantine(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_attribute_shots(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* Names that are to be forgotten: bus_erase.c. */
int method_erase_patient(sd_bus_message *call, void *userdata, sd_bus_error *error);
int method_erase_operator(sd_bus_message *call, void *userdata, sd_bus_error *error);

#endif /* MESOD_BUS_RECOVER_H */
