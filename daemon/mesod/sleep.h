/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine goes to sleep: systemd-logind waits, for a few seconds, until every
 * gun is disarmed and what it gave is settled.  It owns logind's inhibitor and
 * whether anything may be armed meanwhile.  (The kernel disarms by itself before
 * it sleeps, whoever asks for that: this is so that nothing is left to settle.)
 */
#ifndef MESOD_SLEEP_H
#define MESOD_SLEEP_H

#include <stdbool.h>

struct mesod;
struct sleep;

/* Listens to logind, and asks it to wait; without one, nothing happens.  -ENOMEM, or what the bus says. */
int sleep_new(struct mesod *mesod, struct sleep **ret);
/* NULL is allowed; always returns NULL. */
struct sleep *sleep_free(struct sleep *sleep);

/* The machine is about to sleep: nothing arms.  NULL is allowed. */
bool sleep_is_near(const struct sleep *sleep);

#endif /* MESOD_SLEEP_H */
