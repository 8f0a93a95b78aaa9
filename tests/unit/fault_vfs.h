/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk that fails, or whose machine dies, at the n-th thing asked of it: a
 * SQLite VFS over the usual one, and the ledger's own files beside the database.
 *
 * Owns the counting and the un-doing of what was written and never synced.  Used
 * by one thread of a test; it keeps its state in one static struct.
 */
#ifndef TEST_FAULT_VFS_H
#define TEST_FAULT_VFS_H

#include <stdbool.h>

#include "ledger.h"

#define FAULT_VFS "fault"

enum fault {
	FAULT_NONE,       /* only count */
	FAULT_IO,         /* EIO */
	FAULT_FULL,       /* ENOSPC; syncs, truncates and deletes pass */
	FAULT_SHORT,      /* half of it is written, then ENOSPC */
	FAULT_TORN,       /* half of it is written, then EIO */
	FAULT_READ_ONLY,  /* EROFS: the file system was mounted read-only under us */
	FAULT_DIES,       /* the process is killed: what was written stays */
	FAULT_POWER,      /* power is cut: what was not synced is gone */
	FAULT_POWER_SOME, /* power is cut: every other write that was not synced is gone */
	FAULT_POWER_TORN, /* power is cut: the write under way is on the disk by half, the rest is gone */
};

/* Registers the VFS; call once a process. */
void fault_vfs_register(void);
/* For ledger_options.io: the same disk, counted together. */
extern const struct ledger_io fault_io;
/* From now on: let @after operations pass, then fail; if @for_ever, fail all that come then. */
void fault_vfs_arm(enum fault fault, unsigned int after, bool for_ever);
/* Operations since it was armed: write, sync, truncate, delete, allocate, rename, and the opening of a
 * file. */
unsigned int fault_vfs_count(void);
/* Of those, the syncs. */
unsigned int fault_vfs_syncs(void);
/* Did the fault happen? */
bool fault_vfs_hit(void);

/* Exit status of a process that the disk killed. */
#define FAULT_EXIT 86

#endif /* TEST_FAULT_VFS_H */
