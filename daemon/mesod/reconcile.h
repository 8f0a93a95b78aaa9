/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gun arrives, at start or plugged in again: takes control, makes sure that it
 * is disarmed, lets the ledger compare its numbers with what is known, and finds
 * the reservation that it may still owe.  The rest is collect.h's.
 */
#ifndef MESOD_RECONCILE_H
#define MESOD_RECONCILE_H

struct gun;

/* Goes on with it, if there is anything to do; called whenever the gun may have changed. */
void reconcile_continue(struct gun *gun);

#endif /* MESOD_RECONCILE_H */
