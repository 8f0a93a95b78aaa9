/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's part of the play: the interlock between clients and the gun,
 * and what each ioctl of /dev/mesoN does.
 *
 * All times are CLOCK_BOOTTIME in ns.  The host's time moves on only by
 * mg_host_run(): event by event, so that what a late process finds due is done
 * in the order in which it was.
 */
#ifndef MG_HOST_H
#define MG_HOST_H

#include "machine.h"
#include "meso_events.h"
#include "sim_protocol.h"

struct mg_host {
	struct mg_machine *machine;
	struct meso_interlock il;
	u64 now;
	bool present; /* plugged in */
	struct inj_sim_page *page;
	int page_fd;
	/* Every event, for all clients; @mono_ns is the same instant in CLOCK_MONOTONIC. */
	void (*emit)(void *ctx, const struct meso_event *event, u64 mono_ns);
	void *ctx;
	u64 mono_behind; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC: time spent in suspend */
};

/* One open file description */
struct mg_file {
	u64 owner; /* its token, never 0 */
	bool writable;
	struct meso_events events;
};

void mg_host_init(struct mg_host *host, struct mg_machine *machine, u64 now);
void mg_host_done(struct mg_host *host);

/* The gun appears to the host: what was known of it before is forgotten.  -errno */
int mg_host_plug(struct mg_host *host);
/* It disappears: every file gets `removed` as its last event. */
void mg_host_unplug(struct mg_host *host);
/* The host's memory is lost with no word to anybody; the gun lives on. */
int mg_host_crash(struct mg_host *host);

/* Lets time pass. */
void mg_host_run(struct mg_host *host, u64 now);
/* When to run again at the latest */
u64 mg_host_next_ns(const struct mg_host *host);

int mg_file_open(struct mg_file *file, u64 owner, bool writable);
void mg_file_close(struct mg_host *host, struct mg_file *file);
/* What @file's ioctl does; @payload is the argument, in and out.  0 or -errno. */
int mg_file_ioctl(struct mg_host *host, struct mg_file *file, u32 op, void *payload);
/* Whether @file is the one controller, whose requests go first. */
bool mg_file_controls(const struct mg_host *host, const struct mg_file *file);
/* Tells the interlock whether anybody wants samples; after any change to a file's mask. */
void mg_host_samples(struct mg_host *host, bool wanted);

#endif /* MG_HOST_H */
