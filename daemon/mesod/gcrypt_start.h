/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libgcrypt's beginning, which it wants once and before there are threads.  Nothing secret is kept in it.
 */
#ifndef MESOD_GCRYPT_START_H
#define MESOD_GCRYPT_START_H

/* Does nothing where that was done. */
void gcrypt_start(void);

#endif /* MESOD_GCRYPT_START_H */
