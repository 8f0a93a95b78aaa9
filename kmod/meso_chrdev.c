// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/mesoN: open, read, poll, close.  It owns the files that users have open
 * and their queues of events; what they ask by ioctl is in meso_ioctl.c.
 *
 * It never waits for events under a lock that removal needs, and prints nothing
 * whatever it is given.
 */
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "meso_gun.h"

/* Every event goes to every file with interrupts off, so that who only looks must
 * not be many.  Who may control is never turned away for them.
 */
#define MESO_READERS_MAX	64

/* ---- open files ------------------------------------------------------------------ */

union meso_event_any *meso_alloc_slots(u32 depth)
{
	return kvcalloc(MESO_EVENTS_SLOTS(depth), sizeof(union meso_event_any),
			GFP_KERNEL_ACCOUNT);
}

static int meso_open(struct inode *inode, struct file *file)
{
	struct meso_gun *gun = container_of(inode->i_cdev, struct meso_gun, cdev);
	struct meso_client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	union meso_event_any *slots = meso_alloc_slots(MESO_QUEUE_DEFAULT);
	struct meso_visit visit;
	bool looks = !(file->f_mode & FMODE_WRITE);
	int err;

	if (!client || !slots) {
		kfree(client);
		kvfree(slots);
		return -ENOMEM;
	}
	client->gun = gun;
	mutex_init(&client->reading);
	spin_lock_init(&client->lock);
	init_waitqueue_head(&client->wait);
	meso_events_init(&client->queue, slots, MESO_QUEUE_DEFAULT);

	err = meso_gun_use(gun);
	if (err)
		goto fail;
	meso_visit_begin(gun, &visit);
	if (gun->gone)
		err = -ENODEV;
	else if (looks && gun->readers >= MESO_READERS_MAX)
		err = -EMFILE;
	if (!err) {
		gun->readers += looks;
		client->token = ++gun->owners;
		list_add_tail(&client->node, &gun->clients);
		get_device(&gun->dev);
	}
	meso_visit_end_unchanged(gun, &visit);
	if (err)
		goto leave;
	file->private_data = client;
	return stream_open(inode, file);

leave:
	meso_gun_leave(gun);
fail:
	kfree(client);
	kvfree(slots);
	return err;
}

/* Caller holds gun->lock. */
void meso_want_samples(struct meso_gun *gun)
{
	struct meso_client *client;
	bool want = false;

	list_for_each_entry(client, &gun->clients, node)
		want |= client->queue.mask & BIT(MESO_EVENT_SAMPLE);
	meso_interlock_want_samples(&gun->il, want);
}

/* The last close of this open file description. */
static int meso_release(struct inode *inode, struct file *file)
{
	struct meso_client *client = file->private_data;
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	list_del(&client->node);
	gun->readers -= !(file->f_mode & FMODE_WRITE);
	meso_want_samples(gun);
	meso_interlock_close(&gun->il, client->token, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	meso_gun_leave(gun);

	kvfree(client->queue.slot);
	kfree(client);
	put_device(&gun->dev);
	return 0;
}

/* ---- events ------------------------------------------------------------------------- */

static bool has_event(struct meso_client *client)
{
	bool has;

	spin_lock_irq(&client->lock);
	has = !meso_events_empty(&client->queue);
	spin_unlock_irq(&client->lock);
	return has;
}

/* Copies one record out, and only then takes it off the queue.
 * Return: its size, 0 if there is none, a negative errno.
 */
static ssize_t read_record(struct meso_client *client, char __user *buf, size_t room)
{
	union meso_event_any record;
	u32 size;

	spin_lock_irq(&client->lock);
	size = meso_events_peek(&client->queue, &record);
	spin_unlock_irq(&client->lock);
	if (!size)
		return 0;
	if (size > room)
		return -EINVAL;
	if (copy_to_user(buf, &record, size))
		return -EFAULT;
	spin_lock_irq(&client->lock);
	meso_events_drop(&client->queue);
	spin_unlock_irq(&client->lock);
	if (record.head.type == MESO_EVENT_FAULT)
		WRITE_ONCE(client->fault_seq, record.head.gun_seq);
	return size;
}

static ssize_t read_records(struct meso_client *client, char __user *buf, size_t count)
{
	size_t done = 0;
	ssize_t size;

	if (mutex_lock_interruptible(&client->reading))
		return -ERESTARTSYS;
	do {
		size = read_record(client, buf + done, count - done);
		if (size > 0)
			done += size;
	} while (size > 0 && done < count);
	mutex_unlock(&client->reading);
	return done ? done : size;
}

static ssize_t meso_read(struct file *file, char __user *buf, size_t count, loff_t *pos)
{
	struct meso_client *client = file->private_data;
	struct meso_gun *gun = client->gun;
	ssize_t done;
	bool gone;
	int err;

	if (count < sizeof(struct meso_event))
		return -EINVAL;
	for (;;) {
		/* First: who sees it gone finds `removed` queued, see mark_gone(). */
		gone = smp_load_acquire(&gun->gone);
		done = read_records(client, buf, count);
		if (done)
			return done;
		if (gone)
			return -ENODEV;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(client->wait,
					       has_event(client) || READ_ONCE(gun->gone));
		if (err)
			return err;
	}
}

static __poll_t meso_poll(struct file *file, poll_table *wait)
{
	struct meso_client *client = file->private_data;
	struct meso_gun *gun = client->gun;
	__poll_t ready = 0;

	poll_wait(file, &client->wait, wait);
	if (has_event(client))
		ready |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(client->fault_seq) < READ_ONCE(gun->fault_seq))
		ready |= EPOLLPRI;
	if (READ_ONCE(gun->gone))
		ready |= EPOLLHUP | EPOLLERR;
	return ready;
}

/* ---- what the device is -------------------------------------------------------------- */

const struct file_operations meso_fops = {
	.owner = THIS_MODULE,
	.open = meso_open,
	.release = meso_release,
	.read = meso_read,
	.poll = meso_poll,
	.unlocked_ioctl = meso_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
