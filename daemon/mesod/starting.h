/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a process to a service.  The ledger's worker opens the ledger and closes what a daemon that died left open,
 * while the rest of mesod comes up; then the guns are looked for, and last the name is asked for.
 */
#ifndef MESOD_STARTING_H
#define MESOD_STARTING_H

struct mesod;

/**
 * starting_begin() - give the worker its first job
 *
 * The jobs after it have the ledger.  mesod->ledger is NULL until it is open; a ledger that cannot be opened ends
 * the loop, one that was opened and is bad is served as such.
 * Return: 0; -ENOMEM.
 */
int starting_begin(struct mesod *mesod);

#endif /* MESOD_STARTING_H */
