/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the gun's cable leads to: programs on a socket (socket_cable.c), or a
 * host on USB (usb_cable.c).  The loop in server.c knows no more of it.
 */
#ifndef MG_CABLE_H
#define MG_CABLE_H

#include "machine.h"

struct mg_server;

struct mg_cable {
	/* Before the first plug(), and after the last unplug() */
	int (*init)(struct mg_server *server, char *error);
	void (*done)(struct mg_server *server);
	/* -EBUSY it is plugged in already; @error is a sentence */
	int (*plug)(struct mg_server *server, char *error);
	void (*unplug)(struct mg_server *server); /* idempotent */
	bool (*plugged)(const struct mg_server *server);
	/* What came by the descriptors meanwhile is done, as of when it was asked for. */
	void (*serve)(struct mg_server *server, u64 now);
	/* Lets the gun's time pass, event by event. */
	void (*run)(struct mg_server *server, u64 now);
	u64 (*next_ns)(const struct mg_server *server);
	/* At the end of each turn of the loop */
	void (*flush)(struct mg_server *server, u64 now);
	/* A word of the console that is this cable's own.  false: it is not */
	bool (*word)(struct mg_server *server, const char *word, char *rest, char *answer,
		     size_t size);
	const char *help; /* for those words */
};

extern const struct mg_cable mg_socket_cable;
extern const struct mg_cable mg_usb_cable;

#endif /* MG_CABLE_H */
