/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
/*
 * The memory that survives a power cycle: see meso_nvram.c.
 */
#ifndef MESO_NVRAM_H
#define MESO_NVRAM_H

#include "meso_model_types.h"

/* Factory-new, under @epoch (not zero), a full 5 ml syringe in */
void meso_nv_format(struct meso_nvram *nv, u64 epoch);
/* Is every byte of it as it was written?  0 or -EBADMSG. */
int meso_nv_check(const struct meso_nvram *nv);
/*
 * Replace head and (unless NULL) one record in one commit.  Return: 0, or
 * -EIO and the memory is as it was.
 */
int meso_nv_write(struct meso_model *m, const struct meso_nv_head *head,
		  const struct meso_shot *record);
/* The record of that number, NULL if memory does not have it */
const struct meso_shot *meso_nv_record(const struct meso_nvram *nv, u64 number);

#endif /* MESO_NVRAM_H */
