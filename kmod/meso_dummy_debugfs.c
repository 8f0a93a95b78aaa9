// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/meso_dummy/<serial>/: the hand that holds the gun, and what
 * can go wrong with it.  One file for each thing a hand can do: write a number.
 * `disconnect` pulls the cable (1) and plugs it in again (0).  `truth` says
 * what really happened; only tests and demonstrations may look.
 *
 * The directory lives as long as the gun, connected or not.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>

#include "meso_dummy.h"

static struct dentry *dummy_debugfs;

static int hand_store(struct meso_dummy *dummy, enum meso_hand what, s64 value)
{
	unsigned long irq;
	int err;

	spin_lock_irqsave(&dummy->lock, irq);
	err = meso_model_hand(&dummy->model, ktime_get_boottime_ns(), what, value);
	spin_unlock_irqrestore(&dummy->lock, irq);
	return err;
}

static ssize_t hand_write(struct file *file, const char __user *buf, size_t count, loff_t *pos)
{
	struct meso_dummy *dummy = file->private_data;
	int what = meso_hand_by_name(file->f_path.dentry->d_name.name);
	s64 value;
	int err;

	if (what < 0)
		return what;
	err = kstrtos64_from_user(buf, count, 0, &value);
	if (err)
		return err;
	err = hand_store(dummy, what, value);
	return err ? err : count;
}

static const struct file_operations hand_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = hand_write,
	.llseek = noop_llseek,
};

static int truth_show(struct seq_file *file, void *unused)
{
	struct meso_dummy *dummy = file->private;
	struct meso_truth truth;
	unsigned long irq;

	spin_lock_irqsave(&dummy->lock, irq);
	meso_model_advance(&dummy->model, ktime_get_boottime_ns());
	meso_model_truth(&dummy->model, &truth);
	spin_unlock_irqrestore(&dummy->lock, irq);
	seq_printf(file, "delivered_fl %llu\n", truth.delivered_fl);
	seq_printf(file, "delivered_contact_fl %llu\n", truth.delivered_contact_fl);
	seq_printf(file, "lease_fl %llu\n", truth.lease_fl);
	seq_printf(file, "stored_fl %llu\n", truth.stored_fl);
	seq_printf(file, "plunger_nm %lld\n", truth.plunger_nm);
	seq_printf(file, "pressure_pa %lld\n", truth.pressure_pa);
	seq_printf(file, "shots %llu\n", truth.shots);
	seq_printf(file, "max_beyond_lease_fl %llu\n", truth.max_beyond_lease_fl);
	seq_printf(file, "armed_ns %llu\n", truth.armed_ns);
	seq_printf(file, "armed %u\n", truth.armed);
	seq_printf(file, "moving %u\n", truth.moving);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

static int disconnect_get(void *data, u64 *value)
{
	*value = !meso_dummy_connected(data);
	return 0;
}

static int disconnect_set(void *data, u64 value)
{
	return meso_dummy_connect(data, !value);
}
DEFINE_DEBUGFS_ATTRIBUTE(disconnect_fops, disconnect_get, disconnect_set, "%llu\n");

void meso_dummy_debugfs_init(void)
{
	dummy_debugfs = debugfs_create_dir("meso_dummy", NULL);
}

void meso_dummy_debugfs_exit(void)
{
	debugfs_remove(dummy_debugfs);
}

void meso_dummy_debugfs_add(struct meso_dummy *dummy)
{
	struct dentry *dir = debugfs_create_dir(dummy->model.params.serial, dummy_debugfs);
	int what;

	dummy->debugfs = dir;
	for (what = 0; what < MESO_HAND_COUNT; what++)
		debugfs_create_file(meso_hand_name(what), 0200, dir, dummy, &hand_fops);
	debugfs_create_file("truth", 0400, dir, dummy, &truth_fops);
	debugfs_create_file_unsafe("disconnect", 0600, dir, dummy, &disconnect_fops);
}

void meso_dummy_debugfs_remove(struct meso_dummy *dummy)
{
	debugfs_remove(dummy->debugfs);
}
