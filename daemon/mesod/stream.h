/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Telemetry streams of one gun: every frame to a socket pair for each client
 * that asked.  It owns a look-only handle of its own, so that a flood of samples
 * never stands before a shot or the end of a lease.  It never waits for a
 * client, and nothing depends on it.
 */
#ifndef MESOD_STREAM_H
#define MESOD_STREAM_H

#include <systemd/sd-bus.h>

#define STREAMS_MAX        16
#define STREAMS_CLIENT_MAX 4

struct gun;
struct streams; /* of one gun */

/* Answers OpenStream with one end of a new stream, or fails with a typed error. */
int streams_open(struct gun *gun, sd_bus_message *call, sd_bus_error *error);
/* The gun is gone, or nobody needs them: readers see end of file.  NULL is allowed. */
struct streams *streams_free(struct streams *streams);

#endif /* MESOD_STREAM_H */
