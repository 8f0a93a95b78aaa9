/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One reservation that became, or was about to become, a lease in the gun: from
 * the ledger's word to its settlement.  It owns the heartbeat and knows when the
 * lease is over.  It never grants anything by itself and never settles: the gun's
 * status and the ledger's worker say how it stands (collect.h).
 */
#ifndef MESOD_LEASE_H
#define MESOD_LEASE_H

#include <linux/meso.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* The dead man's period that leases are asked for with: a stopped mesod is noticed in that time, and
 * the gun has the rest of 500 ms to obey. */
#define LEASE_HEARTBEAT_MS 250
/* How long a lease that has ended may stay unsettled before a caller who waits is told so. */
#define LEASE_OVERDUE_US   2000000

#define LEASE_TEXT_MAX (2 * MESO_LEASE_ID_LEN + 1)

enum lease_stage {
	LEASE_LIVE,     /* the gun may fire */
	LEASE_CLOSING,  /* over, or in doubt; not all evidence is here */
	LEASE_SETTLING, /* the ledger has the evidence */
};

struct gun;

struct lease {
	struct gun *gun;
	uint8_t id[MESO_LEASE_ID_LEN];
	char text[LEASE_TEXT_MAX];
	uint64_t session; /* number on the bus of the session it was reserved in; 0: of before */
	uint64_t sequence;
	uint32_t kind;
	enum lease_stage stage;
	uint32_t end;     /* MESO_END_* as far as is known */
	bool never_armed; /* proven: ARM was not sent, or was refused for certain */
	bool contact;     /* contact was seen since ARM */
	bool events_lost; /* so contact may have been missed */
	bool overdue;
	uint64_t closed_ns; /* when it began to close, CLOCK_MONOTONIC */
	uint64_t armed_boot_id;
	uint64_t armed_ns;   /* since when the gun may fire, CLOCK_BOOTTIME; 0 before */
	uint64_t shot_count; /* the gun's counters when it was reserved */
	uint64_t total_nl;
	uint64_t counted; /* number of the newest shot that mesod knows to be counted */
	sd_event_source *heartbeat;
	sd_event_source *overdue_timer;
};

/* The gun's reservation, from now on; @stage is LEASE_CLOSING until lease_begin(). -ENOMEM */
int lease_new(struct gun *gun, const uint8_t id[MESO_LEASE_ID_LEN], uint64_t sequence,
	      uint32_t kind, struct lease **ret);
struct lease *lease_free(struct lease *lease);

/* The gun has accepted it: beats its heart from now on.  On failure the lease is closing. */
int lease_begin(struct lease *lease);
/* It shall end, or has ended: no heartbeat any more, evidence is gathered. */
void lease_close(struct lease *lease, uint32_t end);
/* It was told to stop: no heartbeat any more, and who waits for its end waits no longer than that. */
void lease_stopping(struct lease *lease);
/* The gun may fire under it, as far as is known, and nobody has told it to stop. */
bool lease_may_fire(const struct lease *lease);
/* Compares with what the gun says now. */
void lease_check(struct lease *lease, const struct meso_status *status);

void lease_id_format(const uint8_t id[MESO_LEASE_ID_LEN], char buf[static LEASE_TEXT_MAX]);

#endif /* MESOD_LEASE_H */
