/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Notices that a client left the bus.  Unlike sd_bus_track it never waits for
 * the bus to answer.
 */
#ifndef MESOD_PEER_H
#define MESOD_PEER_H

#include <systemd/sd-bus.h>

struct peer;

/* @gone is called once, from the loop, when @name (unique) is not on the bus any more.  It may free
 * the peer. */
int peer_new(sd_bus *bus, const char *name, void (*gone)(void *userdata), void *userdata,
	     struct peer **ret);
/* NULL is allowed; always returns NULL. */
struct peer *peer_free(struct peer *peer);

#endif /* MESOD_PEER_H */
