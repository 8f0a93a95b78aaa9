/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One gun that is plugged in, known by its serial, not by its node.  It owns the
 * handle, the gun's events, and its place on the bus.  It never grants a dose:
 * that is lease.h's, after the ledger reserved it.
 */
#ifndef MESOD_GUN_H
#define MESOD_GUN_H

#include <injector.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

struct lease;
struct mesod;
struct session;
struct streams;
struct telemetry;

/* How far the gun's past is known. */
enum gun_stage {
	GUN_TAKING,      /* not yet under our control, or not yet quiet */
	GUN_COMPARING,   /* the ledger compares its numbers */
	GUN_RECONCILING, /* its log is being recorded, an old reservation settled */
	GUN_READY,       /* may be armed, if nothing else forbids */
	GUN_GONE,        /* unplugged; kept only while a job still refers to it */
};

struct gun {
	struct gun *next;
	struct mesod *mesod;
	unsigned int refs;

	char serial[MESO_SERIAL_LEN];
	char *path; /* on the bus */
	char *uri;
	inj_gun *handle;
	struct meso_info info;
	enum gun_stage stage;
	bool controlled;
	bool quarantined;
	bool problem_logged;
	uint64_t ledger_again_ns; /* the ledger could not record: not asked before */
	bool ledger_logged;       /* and that was said */
	uint64_t
		regain_us; /* somebody else controls it: how long until the next attempt; 0: we do */
	uint64_t
		stops; /* how often gun_disarm() was called: what began before a stop must not arm */

	sd_event_source *io;
	sd_event_source *retry; /* reconciliation and settlement, while they cannot go on */
	sd_bus_slot *slot;

	struct session *session; /* open on this gun, or NULL */
	struct lease *lease;     /* reserved and not settled, or NULL */
	bool collecting;         /* a job of collect.c is under way */
	bool collect_again;
	struct telemetry *telemetry;
	struct streams *streams;
};

/**
 * gun_attach() - a gun answered at this address
 * Return: 0; -EEXIST a gun with that serial is here already; -EPROTO it says
 * what no gun may say; what inj_gun_open() returns.
 */
int gun_attach(struct mesod *mesod, const char *uri);
/* It is gone.  Its session ends; what was reserved stays so until it is back. */
void gun_detach(struct gun *gun);
/* Recorded in the ledger already; nothing arms this gun any more. */
void gun_set_quarantined(struct gun *gun, const char *why);
/* An administrator has lifted it, and the ledger has recorded that. */
void gun_lift_quarantine(struct gun *gun);
/* Stop now, and end every attempt to arm that is under way.  Never waits for anything. */
void gun_disarm(struct gun *gun);

struct gun *gun_ref(struct gun *gun);
struct gun *gun_unref(struct gun *gun);

struct gun *gun_find_path(struct mesod *mesod, const char *path);
struct gun *gun_find_uri(struct mesod *mesod, const char *uri);

/* Nothing moves and no lease is open, says a fresh frame of the gun itself. */
bool gun_status_is_quiet(const struct meso_status *status);
/* Opening it once more will not wait: a simulated gun that is frozen would keep the loop from every
 * other gun's heart. */
bool gun_answers(const struct gun *gun);
/* Name of a MESO_STATE_*, never NULL. */
const char *gun_state_name(uint32_t state);

#endif /* MESOD_GUN_H */
