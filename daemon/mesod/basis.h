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

#include <stdint.h>
#include <systemd/sd-bus.h>

struct mesod;
struct options;

/* Reads both, or logs the sentence that says why not.  Nothing is in force after a failure. */
int basis_load(struct mesod *mesod);
void basis_free(struct mesod *mesod);

/**
 * basis_reload() - read both again
 * @call: answered later, with the hash and whether anything has changed; NULL none
 * @uid: who asked, for the log
 *
 * What is in order takes effect between two jobs of the worker, so that no request
 * is judged by half of it.  While a session is open only what is tighter does,
 * and anything that changes disarms every gun first, which is recorded.  What is
 * refused leaves the old in force.
 *
 * Return: 1 under way; or as bus_fail() with @error set, which may be NULL.
 */
int basis_reload(struct mesod *mesod, sd_bus_message *call, uint32_t uid, sd_bus_error *error);

/* `mesod --check-formulary`: prints what was read, or what is wrong.  0 or a negative number. */
int basis_check(const struct options *options);

#endif /* MESOD_BASIS_H */
