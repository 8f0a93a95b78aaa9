/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gun made of software: what the files of meso_dummy.ko share.
 *
 * A dummy lives from its first connection (or from module load) until the
 * module is unloaded or its configfs directory removed.  Like a real gun it has
 * its own power, its own memory and its own time: pulling the cable
 * (meso_dummy_connect(dummy, false)) takes away the host and nothing else.
 */
#ifndef MESO_DUMMY_H
#define MESO_DUMMY_H

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>

#include "meso_model.h"

struct dentry;
struct meso_gun;

struct meso_dummy {
	struct list_head node;		/* of all dummies, by a lock of its own */
	struct mutex connecting;	/* one connects or disconnects at a time */
	spinlock_t lock;		/* @model, @gun, @cable */
	struct meso_model model;
	struct meso_gun *gun;		/* who gets the frames; NULL: nobody */
	bool cable;			/* whether the host's requests get through */
	struct meso_gun *registered;	/* by @connecting */
	struct hrtimer timer;
	struct dentry *debugfs;
};

struct meso_dummy *meso_dummy_create(const struct meso_model_params *params);
void meso_dummy_destroy(struct meso_dummy *dummy);
/* Plugs the cable in or pulls it out; no change is no error. */
int meso_dummy_connect(struct meso_dummy *dummy, bool connect);
bool meso_dummy_connected(struct meso_dummy *dummy);

int meso_dummy_configfs_init(void);
void meso_dummy_configfs_exit(void);

void meso_dummy_debugfs_init(void);
void meso_dummy_debugfs_exit(void);
void meso_dummy_debugfs_add(struct meso_dummy *dummy);
void meso_dummy_debugfs_remove(struct meso_dummy *dummy);

#endif /* MESO_DUMMY_H */
