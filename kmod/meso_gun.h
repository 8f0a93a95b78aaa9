/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct meso_gun and struct meso_client: what the files of meso.ko share with
 * each other and with no transport.
 *
 * Locks, outermost first:
 *   client->reading	one reader of this open file; may be held over a page
 *			fault, never over a wait for events
 *   gun->using		who has it open, as the transport is told
 *   gun->slow		one sleeping transport operation at a time
 *   gun->lock		the interlock, the snapshot, the list of clients
 *   client->lock	one client's queue
 * Under gun->lock events also go to the input core and the power supply class:
 * their locks (input_dev's event_lock with what evdev takes below it, the power
 * supply's changed_lock) are inner ones, and neither calls back into the gun
 * with them held.  Reading the battery takes no lock of the gun's at all.
 * Transport operations that sleep are called with gun->slow held, the others
 * with no lock at all; both inside meso_gun_enter() and meso_gun_exit().
 * GET_STATUS takes none of these.
 */
#ifndef MESO_GUN_H
#define MESO_GUN_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/power_supply.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "meso_core.h"
#include "meso_events.h"
#include "meso_lease.h"

struct dentry;
struct input_dev;
struct kernfs_node;

struct meso_battery {
	struct power_supply *psy;	/* by gun->lock, as all below but @desc, @name */
	u32 percent;			/* as last told */
	bool low;
	u64 quiet_until_ns;		/* boottime */
	struct power_supply_desc desc;
	char name[24];
};

struct meso_gun {
	struct list_head node;		/* of all guns, see meso_core.c */
	struct device dev;
	struct cdev cdev;
	const struct meso_gun_ops __rcu *ops;	/* by SRCU; NULL once it is gone */
	void *priv;

	struct mutex using;		/* @users, and the transport's @use and @leave */
	unsigned int users;		/* open files */
	struct mutex slow;		/* one sleeping operation at a time */
	spinlock_t lock;		/* all down to @suspending, and @snapshot */
	struct meso_interlock il;
	struct list_head clients;
	u64 owners;			/* newest owner token */
	unsigned int readers;		/* files open for reading only */
	u64 new_fault_seq;		/* gun_seq of the newest fault event, to be published */
	u64 mono_ns;			/* CLOCK_MONOTONIC as of the lock */
	u64 timer_ns;			/* what the timer is set to */
	bool suspending;		/* the machine is about to sleep */

	bool gone;			/* set under the lock, read without */
	seqcount_spinlock_t seq;
	struct meso_snapshot snapshot;
	u64 fault_seq;			/* of the newest fault event in @snapshot; with @seq */

	struct hrtimer timer;
	struct work_struct log_work;
	struct meso_shot *log_buffer;	/* log_work's */
	wait_queue_head_t confirmed;
	struct notifier_block sleep;
	struct kernfs_node *state_attr;
	struct kernfs_node *faults_attr;
	struct dentry *debugfs;
	struct input_dev *trigger;	/* by @lock */
	char trigger_phys[24];
	struct meso_battery battery;
};

struct meso_client {
	struct list_head node;		/* by gun->lock */
	struct meso_gun *gun;
	u64 token;			/* as owner */
	u64 fault_seq;			/* newest fault event this file has read */
	struct mutex reading;		/* one reader of this file at a time */
	spinlock_t lock;		/* @queue */
	struct meso_events queue;
	wait_queue_head_t wait;
};

/* One call into the transport: holds removal off. */
struct meso_call {
	const struct meso_gun_ops *ops;	/* NULL: it is gone */
	int srcu;
};

/* An open file more or less; sleeps.  -errno of the transport, -ENODEV */
int meso_gun_use(struct meso_gun *gun);
void meso_gun_leave(struct meso_gun *gun);

void meso_gun_enter(struct meso_gun *gun, struct meso_call *call);
void meso_gun_exit(struct meso_call *call);

/* One visit to the interlock: the lock, the time, and what to do afterwards.
 * Between meso_visit_begin() and meso_visit_end() nothing may sleep.
 */
struct meso_visit {
	u64 now;
	unsigned long irq;
	u32 act;
};

void meso_visit_begin(struct meso_gun *gun, struct meso_visit *visit);
/* Publishes the snapshot, unlocks, and does what the interlock asked for. */
void meso_visit_end(struct meso_gun *gun, struct meso_visit *visit);
/* The same where nothing was changed. */
void meso_visit_end_unchanged(struct meso_gun *gun, struct meso_visit *visit);

/* The status as of now, without any lock. */
void meso_gun_status(struct meso_gun *gun, struct meso_status *status, u64 *ret_fault_seq);

extern const struct file_operations meso_fops;
long meso_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
union meso_event_any *meso_alloc_slots(u32 depth);
/* Whether any client wants samples; caller holds gun->lock. */
void meso_want_samples(struct meso_gun *gun);

extern const struct attribute_group *meso_groups[];

void meso_sysfs_add(struct meso_gun *gun);
void meso_sysfs_remove(struct meso_gun *gun);
void meso_sysfs_notify(struct meso_gun *gun, u32 act);

/* These two are told of everything with gun->lock held; after _remove (which may
 * follow a failed _add, or none) they tell nobody anything.
 */
int meso_input_add(struct meso_gun *gun);
void meso_input_remove(struct meso_gun *gun);
void meso_input_event(struct meso_gun *gun, const struct meso_event *event);

int meso_battery_add(struct meso_gun *gun);
void meso_battery_remove(struct meso_gun *gun);
void meso_battery_tell(struct meso_gun *gun, u64 now);

void meso_debugfs_init(void);
void meso_debugfs_exit(void);
void meso_debugfs_add(struct meso_gun *gun);
void meso_debugfs_remove(struct meso_gun *gun);

#endif /* MESO_GUN_H */
