/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A service made of cardboard, as a process on a test's bus: what all of them
 * need.  What it answers is its own.
 */
#ifndef MOCK_SERVICE_H
#define MOCK_SERVICE_H

#include <systemd/sd-bus.h>
#include <sys/types.h>
#include <unistd.h>

/* Nothing can be asserted in such a process: what fails ends it, and the test sees that. */
static inline void must(int r)
{
	if (r < 0)
		_exit(99);
}

/* In a process of its own, @serve takes @name on the bus at @address; returns when it has. */
pid_t mock_service_start(const char *address, const char *name,
			 void (*serve)(sd_bus *bus, void *userdata), void *userdata);
/* Also of one that has ended by itself, or was never started (0). */
void mock_service_stop(pid_t pid);
/* In the process: what there is to do now, or 5 ms. */
void mock_service_process(sd_bus *bus);

#endif /* MOCK_SERVICE_H */
