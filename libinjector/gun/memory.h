/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A gun's non-volatile memory, kept in a file: two slots, written in turn, so
 * that a write that power interrupts leaves the other one whole.
 */
#ifndef MG_MEMORY_H
#define MG_MEMORY_H

#include "meso_model.h"

struct mg_memory {
	int fd;
	u64 generation; /* of the newest slot, 0 for none */
};

/* Opens, creates and locks.  -EBUSY another process has it. */
int mg_memory_open(struct mg_memory *memory, const char *path);
/* 1: @ret_nv is what was written last, or what is left of it; 0: never written; -errno */
int mg_memory_load(struct mg_memory *memory, struct meso_nvram *ret_nv);
/* Returns once it is durable. */
int mg_memory_store(struct mg_memory *memory, const struct meso_nvram *nv);
void mg_memory_close(struct mg_memory *memory);

#endif /* MG_MEMORY_H */
