/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Brings what a gun recorded into the ledger, settles what it owes, and only
 * then lets the gun forget.  The same path at a gun's arrival, at each shot and
 * at the end of a lease, so that there is one way in which a shot is counted.
 */
#ifndef MESOD_COLLECT_H
#define MESOD_COLLECT_H

#include <stdint.h>

struct gun;

/* Something may have changed: read, record, settle, acknowledge as far as it goes. */
void collect_kick(struct gun *gun);
/* The same from the loop, after so many microseconds. */
void collect_later(struct gun *gun, uint64_t usec);

/* A reservation whose lease the gun never had is settled without the gun's help. */
void collect_settle_unarmed(struct gun *gun);

#endif /* MESOD_COLLECT_H */
