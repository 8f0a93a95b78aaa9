/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The object by which an administrator changes how much mesod logs while it runs.
 */
#ifndef MESOD_BUS_LOG_H
#define MESOD_BUS_LOG_H

struct mesod;

/* Offers it on mesod's connection. */
int bus_log_add(struct mesod *mesod);

#endif /* MESOD_BUS_LOG_H */
