// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/meso/mesoN/counters: what went over the wire, counted.
 * Nothing judges by these numbers and no program may depend on them.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "meso_gun.h"

static struct dentry *meso_debugfs;

static int counters_show(struct seq_file *file, void *unused)
{
	struct meso_gun *gun = file->private;
	struct meso_interlock_stats stats;
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	stats = gun->il.stats;
	meso_visit_end_unchanged(gun, &visit);
	seq_printf(file, "frames %llu\n", stats.frames);
	seq_printf(file, "frames_lost %llu\n", stats.frames_lost);
	seq_printf(file, "frames_rejected %llu\n", stats.frames_rejected);
	seq_printf(file, "aborts %llu\n", stats.aborts);
	seq_printf(file, "heartbeats %llu\n", stats.heartbeats);
	seq_printf(file, "log_reads %llu\n", stats.log_reads);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counters);

void meso_debugfs_init(void)
{
	meso_debugfs = debugfs_create_dir("meso", NULL);
}

void meso_debugfs_exit(void)
{
	debugfs_remove(meso_debugfs);
}

void meso_debugfs_add(struct meso_gun *gun)
{
	gun->debugfs = debugfs_create_dir(dev_name(&gun->dev), meso_debugfs);
	debugfs_create_file("counters", 0400, gun->debugfs, gun, &counters_fops);
}

void meso_debugfs_remove(struct meso_gun *gun)
{
	debugfs_remove(gun->debugfs);
}
