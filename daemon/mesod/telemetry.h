/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who watches which gun, and telling them: at most ten times a second, the
 * newest only, to each watcher alone.  It never queues for a slow bus and never
 * tells anybody who did not ask.
 */
#ifndef MESOD_TELEMETRY_H
#define MESOD_TELEMETRY_H

#include <linux/meso.h>
#include <systemd/sd-bus.h>

#define WATCHERS_MAX 64

struct gun;
struct telemetry; /* of one gun */

int telemetry_watch(struct gun *gun, sd_bus_message *call, sd_bus_error *error);
int telemetry_unwatch(struct gun *gun, sd_bus_message *call, sd_bus_error *error);
/* NULL is allowed; always returns NULL. */
struct telemetry *telemetry_free(struct telemetry *telemetry);

/* Appends an a{sv} of every field of struct meso_status. */
int telemetry_append_status(sd_bus_message *message, const struct meso_status *status);

#endif /* MESOD_TELEMETRY_H */
