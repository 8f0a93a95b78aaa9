/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What doses are judged by while mesod runs: limits and formulary, read at the
 * start and again when somebody says so.
 *
 * Owns both of them and the moment at which they may change.  Never says what a
 * file may contain: that is dose_limits.h's and formulary.h's.
 */
#ifndef MESOD_BASIS_H
#define MESOD_BASIS_H

#include <systemd/sd-bus.h>

struct mesod;
struct options;

/* Reads both, or logs the sentence that says why not.  Nothing is in force after a failure. */
int basis_load(struct mesod *mesod);
void basis_free(struct mesod *mesod);

/* `mesod --check-formulary`: prints what was read, or what is wrong.  0 or a negative number. */
int basis_check(const struct options *options);

#endif /* MESOD_BASIS_H */
