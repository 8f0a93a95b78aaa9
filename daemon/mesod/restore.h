/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * `mesod --restore`: an administrator's act, done instead of serving and never
 * beside it.  Owns what is said about it and whose files it leaves; what it means
 * is the ledger's.
 */
#ifndef MESOD_RESTORE_H
#define MESOD_RESTORE_H

struct options;

/* Says on standard output what was done, on standard error why not.  Return: 0 or a negative errno. */
int restore_run(const struct options *options);

#endif /* MESOD_RESTORE_H */
