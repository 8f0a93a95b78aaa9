// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a gun: registration, removal, reference counts; and its heart:
 * frames, timer, shot log and the way from the interlock's wishes to the
 * transport.
 *
 * It decides nothing about leases (meso_lease.c does) and knows no user's file
 * (meso_chrdev.c does).
 */
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/suspend.h>
#include <linux/timekeeping.h>

#include "meso_compat.h"
#include "meso_gun.h"

#define MESO_MINORS	64
/* A stop is confirmed within this or the machine does not go to sleep. */
#define MESO_SLEEP_CONFIRM_MS	(MESO_CONFIRM_NS / 1000000 + 50)

static dev_t meso_devt;
static DEFINE_IDA(meso_ida);
DEFINE_STATIC_SRCU(meso_srcu);
/* Every gun from before its node appears until nothing of it is left, so that
 * no serial is there twice.
 */
static LIST_HEAD(meso_guns);
static DEFINE_MUTEX(meso_guns_lock);

/* ---- calls into the transport ------------------------------------------------ */

/* Begins a call into the transport, and holds removal off.  call->ops is valid
 * until meso_gun_exit(), and NULL when the gun is gone.
 */
void meso_gun_enter(struct meso_gun *gun, struct meso_call *call)
	__acquires(&meso_srcu)
{
	call->srcu = srcu_read_lock(&meso_srcu);
	call->ops = srcu_dereference(gun->ops, &meso_srcu);
}

void meso_gun_exit(struct meso_call *call)
	__releases(&meso_srcu)
{
	srcu_read_unlock(&meso_srcu, call->srcu);
}

/* ---- visits to the interlock --------------------------------------------------- */

void meso_visit_begin(struct meso_gun *gun, struct meso_visit *visit)
	__acquires(&gun->lock)
{
	spin_lock_irqsave(&gun->lock, visit->irq);
	visit->now = ktime_get_boottime_ns();
	visit->act = 0;
	gun->mono_ns = ktime_get_ns();
}

/* A fault and the status that shows it become visible in one: who has seen the
 * new generation has seen the fault.  Only then are those woken who wait for it.
 */
static void publish(struct meso_gun *gun)
{
	bool fault = gun->fault_seq != gun->new_fault_seq;
	struct meso_client *client;

	write_seqcount_begin(&gun->seq);
	meso_interlock_snapshot(&gun->il, &gun->snapshot);
	gun->fault_seq = gun->new_fault_seq;
	write_seqcount_end(&gun->seq);
	if (!fault)
		return;
	list_for_each_entry(client, &gun->clients, node)
		wake_up_interruptible_poll(&client->wait, EPOLLPRI);
}

/* A deadline that moved away costs nothing: the timer comes too early, finds
 * nothing to do and is set anew.  Frames move it a thousand times a second.
 */
static void set_timer(struct meso_gun *gun)
{
	u64 deadline = meso_interlock_deadline(&gun->il);

	if (gun->gone || deadline >= gun->timer_ns)
		return;
	gun->timer_ns = deadline;
	hrtimer_start(&gun->timer, ns_to_ktime(deadline), HRTIMER_MODE_ABS_SOFT);
}

/* Sends what the interlock asked for; holds no lock. */
static void send(struct meso_gun *gun, u32 act, const u8 *lease_id)
{
	struct meso_call call;

	if (!(act & (MESO_ACT_ABORT | MESO_ACT_HEARTBEAT)))
		return;
	meso_gun_enter(gun, &call);
	/* A refused abort is repeated until frames show that it worked. */
	if (call.ops && act & MESO_ACT_ABORT)
		call.ops->abort(gun->priv);
	else if (call.ops && READ_ONCE(gun->il.phase) == MESO_LEASE_LIVE)
		call.ops->heartbeat(gun->priv, lease_id);
	meso_gun_exit(&call);
}

void meso_visit_end(struct meso_gun *gun, struct meso_visit *visit)
	__releases(&gun->lock)
{
	u8 lease_id[MESO_LEASE_ID_LEN];
	u32 act = visit->act;

	memcpy(lease_id, gun->il.lease.id, sizeof(lease_id));
	publish(gun);
	meso_battery_tell(gun, visit->now);
	set_timer(gun);
	/* Under the lock, so that nothing is started behind removal's back. */
	if (act & MESO_ACT_READ_LOG && !gun->gone)
		schedule_work(&gun->log_work);
	if (act & MESO_ACT_CONFIRMED)
		wake_up(&gun->confirmed);
	meso_sysfs_notify(gun, act);
	spin_unlock_irqrestore(&gun->lock, visit->irq);
	send(gun, act, lease_id);
}

void meso_visit_end_unchanged(struct meso_gun *gun, struct meso_visit *visit)
	__releases(&gun->lock)
{
	spin_unlock_irqrestore(&gun->lock, visit->irq);
}

void meso_gun_status(struct meso_gun *gun, struct meso_status *status, u64 *ret_fault_seq)
{
	struct meso_snapshot snapshot;
	u64 fault_seq;
	unsigned int seq;

	do {
		seq = read_seqcount_begin(&gun->seq);
		snapshot = gun->snapshot;
		fault_seq = gun->fault_seq;
	} while (read_seqcount_retry(&gun->seq, seq));
	meso_snapshot_status(&snapshot, ktime_get_boottime_ns(), status);
	if (ret_fault_seq)
		*ret_fault_seq = fault_seq;
}

/* The interlock's events, to the input device and every client; called with gun->lock held. */
static void deliver(void *ctx, const struct meso_event *event)
{
	struct meso_gun *gun = ctx;
	struct meso_client *client;
	bool news;

	if (event->type == MESO_EVENT_FAULT)
		gun->new_fault_seq = event->gun_seq;
	meso_input_event(gun, event);
	list_for_each_entry(client, &gun->clients, node) {
		spin_lock(&client->lock);
		news = meso_events_push(&client->queue, event, gun->mono_ns);
		spin_unlock(&client->lock);
		if (news)
			wake_up_interruptible_poll(&client->wait, EPOLLIN | EPOLLRDNORM);
	}
}

/* ---- what comes from the gun ------------------------------------------------------ */

/**
 * meso_gun_frame() - a frame has arrived
 * @gun: from which gun
 * @buf: the bytes
 * @len: how many
 *
 * Any context.  The transport calls it for whatever came, in order and one at a
 * time, and never after meso_gun_unregister() has been called.
 */
void meso_gun_frame(struct meso_gun *gun, const u8 *buf, size_t len)
{
	struct meso_visit visit;
	struct meso_frame frame;
	int err = meso_frame_decode(&frame, buf, len);

	meso_visit_begin(gun, &visit);
	if (err) {
		/* Counted in debugfs; a hostile gun does not fill the log. */
		meso_interlock_bad_frame(&gun->il);
		meso_visit_end_unchanged(gun, &visit);
		return;
	}
	meso_interlock_frame(&gun->il, &frame, visit.now, gun->mono_ns, &visit.act);
	meso_visit_end(gun, &visit);
}
EXPORT_SYMBOL_NS_GPL(meso_gun_frame, MESO_SYMBOLS);

/* Reads what is new in the gun's log. */
static void read_log(struct work_struct *work)
{
	struct meso_gun *gun = container_of(work, struct meso_gun, log_work);
	struct meso_visit visit;
	struct meso_call call;
	u64 from;
	int count;

	meso_gun_enter(gun, &call);
	do {
		meso_visit_begin(gun, &visit);
		from = meso_interlock_log_from(&gun->il);
		meso_visit_end_unchanged(gun, &visit);
		if (!from || !call.ops)
			break;

		mutex_lock(&gun->slow);
		count = call.ops->read_log(gun->priv, from, gun->log_buffer, MESO_SHOTS_MAX);
		mutex_unlock(&gun->slow);
		if (count > MESO_SHOTS_MAX)
			count = -EPROTO;

		meso_visit_begin(gun, &visit);
		meso_interlock_records(&gun->il, gun->log_buffer, count, visit.now, &visit.act);
		/* This loop is what reads on. */
		visit.act &= ~MESO_ACT_READ_LOG;
		meso_visit_end(gun, &visit);
	} while (count > 0);
	meso_gun_exit(&call);
}

static enum hrtimer_restart deadline_passed(struct hrtimer *timer)
{
	struct meso_gun *gun = container_of(timer, struct meso_gun, timer);
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	gun->timer_ns = U64_MAX;
	meso_interlock_tick(&gun->il, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return HRTIMER_NORESTART;
}

/* ---- suspend -------------------------------------------------------------------------- */

static bool is_disarmed(struct meso_gun *gun)
{
	return READ_ONCE(gun->il.phase) == MESO_LEASE_NONE || READ_ONCE(gun->gone);
}

/* Ends a lease and waits until the gun says so.  -EBUSY if it does not */
static int disarm_and_wait(struct meso_gun *gun, u32 reason)
{
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	meso_interlock_disarm(&gun->il, reason, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return wait_event_timeout(gun->confirmed, is_disarmed(gun),
				  msecs_to_jiffies(MESO_SLEEP_CONFIRM_MS)) ? 0 : -EBUSY;
}

static int before_sleep(struct meso_gun *gun)
{
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	gun->suspending = true;
	meso_visit_end_unchanged(gun, &visit);
	if (!disarm_and_wait(gun, MESO_END_SUSPEND))
		return NOTIFY_OK;
	dev_err(&gun->dev, "the gun does not confirm that it is disarmed; not going to sleep\n");
	WRITE_ONCE(gun->suspending, false);
	return notifier_from_errno(-EBUSY);
}

static int on_sleep(struct notifier_block *nb, unsigned long event, void *data)
{
	struct meso_gun *gun = container_of(nb, struct meso_gun, sleep);

	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		return before_sleep(gun);
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		WRITE_ONCE(gun->suspending, false);
		break;
	}
	return NOTIFY_DONE;
}

/**
 * meso_gun_sleep() - the bus is about to carry nothing for a while
 * @gun: the gun
 * @reason: MESO_END_* of a lease that is live
 *
 * Called while it still carries: the gun is disarmed first.  Sleeps, 300 ms at
 * most.  No frames until meso_gun_wake().
 * Return: 0; -EBUSY if the gun has not confirmed that it is disarmed: then it is
 * not asleep, and the bus should stay awake if it can.
 */
int meso_gun_sleep(struct meso_gun *gun, u32 reason)
{
	struct meso_visit visit;
	int err = is_disarmed(gun) ? 0 : disarm_and_wait(gun, reason);

	/* A bus that is being reset asks nobody. */
	if (err && reason != MESO_END_RESET)
		return err;
	meso_visit_begin(gun, &visit);
	meso_interlock_asleep(&gun->il, reason, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return err;
}
EXPORT_SYMBOL_NS_GPL(meso_gun_sleep, MESO_SYMBOLS);

/**
 * meso_gun_wake() - the bus carries again
 * @gun: the gun
 *
 * Any context.  Nothing happens if it was not asleep.
 */
void meso_gun_wake(struct meso_gun *gun)
{
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	meso_interlock_awake(&gun->il, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
}
EXPORT_SYMBOL_NS_GPL(meso_gun_wake, MESO_SYMBOLS);

/* ---- who has it open -------------------------------------------------------------------- */

int meso_gun_use(struct meso_gun *gun)
{
	struct meso_call call;
	int err = 0;

	mutex_lock(&gun->using);
	if (!gun->users) {
		meso_gun_enter(gun, &call);
		if (!call.ops)
			err = -ENODEV;
		else if (call.ops->use)
			err = call.ops->use(gun->priv);
		meso_gun_exit(&call);
	}
	gun->users += !err;
	mutex_unlock(&gun->using);
	return err;
}

void meso_gun_leave(struct meso_gun *gun)
{
	struct meso_call call;

	mutex_lock(&gun->using);
	if (!--gun->users) {
		meso_gun_enter(gun, &call);
		if (call.ops && call.ops->leave)
			call.ops->leave(gun->priv);
		meso_gun_exit(&call);
	}
	mutex_unlock(&gun->using);
}

/* Step four: nothing more is asked of the transport.  Files that are still open
 * no longer use it, and will not say so again.
 */
static void drop_ops(struct meso_gun *gun)
{
	struct meso_call call;

	mutex_lock(&gun->using);
	meso_gun_enter(gun, &call);
	if (gun->users && call.ops->leave)
		call.ops->leave(gun->priv);
	rcu_assign_pointer(gun->ops, NULL);
	meso_gun_exit(&call);
	mutex_unlock(&gun->using);
}

/* ---- life ------------------------------------------------------------------------------- */

static char *meso_devnode(MESO_DEVNODE_CONST struct device *dev, umode_t *mode)
{
	/* udev gives it to mesod and the group meso. */
	if (mode)
		*mode = 0640;
	return NULL;
}

static struct class meso_class = {
	.name = "meso",
	.dev_groups = meso_groups,
	.devnode = meso_devnode,
};

static void free_gun(struct meso_gun *gun)
{
	kfree(gun->log_buffer);
	kvfree(gun);
}

static void release_gun(struct device *dev)
{
	struct meso_gun *gun = container_of(dev, struct meso_gun, dev);

	ida_free(&meso_ida, MINOR(dev->devt));
	free_gun(gun);
}

/* Asks the gun who it is, and starts the interlock with that. */
static int start_interlock(struct meso_gun *gun, const struct meso_gun_ops *ops)
{
	struct meso_registers *regs;
	struct meso_info info = {};
	int err;

	err = ops->get_info(gun->priv, &info);
	if (err)
		return err;
	regs = kzalloc(sizeof(*regs), GFP_KERNEL);
	if (!regs)
		return -ENOMEM;
	err = ops->get_registers ? ops->get_registers(gun->priv, regs) : 0;
	if (!err)
		err = meso_interlock_init(&gun->il, &info, regs, deliver, gun,
					  ktime_get_boottime_ns());
	kfree(regs);
	return err;
}

static struct meso_gun *new_gun(const struct meso_gun_ops *ops, void *priv)
{
	struct meso_gun *gun = kvzalloc(sizeof(*gun), GFP_KERNEL);
	int err;

	if (!gun)
		return ERR_PTR(-ENOMEM);
	gun->priv = priv;
	gun->log_buffer = kcalloc(MESO_SHOTS_MAX, sizeof(*gun->log_buffer), GFP_KERNEL);
	err = gun->log_buffer ? start_interlock(gun, ops) : -ENOMEM;
	if (err) {
		free_gun(gun);
		return ERR_PTR(err);
	}
	mutex_init(&gun->using);
	mutex_init(&gun->slow);
	spin_lock_init(&gun->lock);
	seqcount_spinlock_init(&gun->seq, &gun->lock);
	INIT_LIST_HEAD(&gun->clients);
	INIT_WORK(&gun->log_work, read_log);
	init_waitqueue_head(&gun->confirmed);
	hrtimer_init(&gun->timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS_SOFT);
	gun->timer.function = deadline_passed;
	gun->timer_ns = U64_MAX;
	gun->sleep.notifier_call = on_sleep;
	RCU_INIT_POINTER(gun->ops, ops);
	return gun;
}

/* A record, a lease and a daemon's gun are known by the serial: who comes second
 * with it is not believed, whichever of the two is the liar.
 */
static int claim_serial(struct meso_gun *gun)
{
	struct meso_gun *other;
	int err = 0;

	mutex_lock(&meso_guns_lock);
	list_for_each_entry(other, &meso_guns, node)
		if (!strcmp(other->il.info.serial, gun->il.info.serial))
			err = -EEXIST;
	if (!err)
		list_add_tail(&gun->node, &meso_guns);
	mutex_unlock(&meso_guns_lock);
	return err;
}

static void give_up_serial(struct meso_gun *gun)
{
	mutex_lock(&meso_guns_lock);
	list_del(&gun->node);
	mutex_unlock(&meso_guns_lock);
}

/* Gives the gun its number, its node and its attributes.  A failure frees it. */
static int add_gun(struct meso_gun *gun, struct device *parent)
{
	int minor = ida_alloc_max(&meso_ida, MESO_MINORS - 1, GFP_KERNEL);
	int err;

	if (minor < 0) {
		give_up_serial(gun);
		free_gun(gun);
		return minor;
	}
	device_initialize(&gun->dev);
	gun->dev.class = &meso_class;
	gun->dev.parent = parent;
	gun->dev.release = release_gun;
	gun->dev.devt = MKDEV(MAJOR(meso_devt), minor);
	err = dev_set_name(&gun->dev, "meso%d", minor);
	if (!err) {
		cdev_init(&gun->cdev, &meso_fops);
		gun->cdev.owner = THIS_MODULE;
		err = cdev_device_add(&gun->cdev, &gun->dev);
	}
	if (err) {
		give_up_serial(gun);
		put_device(&gun->dev);
	}
	return err;
}

/**
 * meso_gun_register() - a gun has appeared
 * @parent: the transport's device, or NULL
 * @ops: what can be asked of it; must stay until meso_gun_unregister() returns
 * @priv: passed to @ops
 *
 * Reads who the gun is, so @ops must work already.  May sleep.
 * Return: the gun, to pass frames to; an ERR_PTR: what @ops->get_info returned,
 * -EPROTO for a gun that describes itself impossibly, -ENOSPC for too many guns,
 * -EEXIST when there is one of that serial for which meso_gun_unregister() has
 * not returned,
 * or what the input core or the power supply class returned.
 */
struct meso_gun *meso_gun_register(struct device *parent, const struct meso_gun_ops *ops,
				   void *priv)
{
	struct meso_gun *gun = new_gun(ops, priv);
	struct meso_visit visit;
	int err;

	if (IS_ERR(gun))
		return gun;
	/* Readers find a snapshot from the first moment on. */
	meso_visit_begin(gun, &visit);
	publish(gun);
	meso_visit_end_unchanged(gun, &visit);

	err = claim_serial(gun);
	if (err) {
		pr_err_ratelimited("meso: a gun with the serial %s is here already; this one is refused\n",
				   gun->il.info.serial);
		free_gun(gun);
		return ERR_PTR(err);
	}
	err = add_gun(gun, parent);
	if (err)
		return ERR_PTR(err);
	meso_sysfs_add(gun);
	meso_debugfs_add(gun);
	register_pm_notifier(&gun->sleep);
	err = meso_input_add(gun);
	if (!err)
		err = meso_battery_add(gun);
	if (err) {
		/* Somebody may have opened it already: as if it were unplugged. */
		meso_gun_unregister(gun);
		return ERR_PTR(err);
	}

	meso_visit_begin(gun, &visit);
	meso_visit_end(gun, &visit);	/* starts the timer */
	return gun;
}
EXPORT_SYMBOL_NS_GPL(meso_gun_register, MESO_SYMBOLS);

/* Steps one to three of removal: mark gone, disarm, queue `removed`, wake all. */
static void mark_gone(struct meso_gun *gun)
{
	struct meso_client *client;
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	meso_interlock_removed(&gun->il, visit.now, &visit.act);
	/* After `removed` is queued: who sees this has nothing more to wait for. */
	smp_store_release(&gun->gone, true);
	list_for_each_entry(client, &gun->clients, node)
		wake_up_poll(&client->wait, EPOLLIN | EPOLLHUP | EPOLLERR);
	meso_visit_end(gun, &visit);
	wake_up(&gun->confirmed);
}

/**
 * meso_gun_unregister() - a gun has gone
 * @gun: the gun; not to be used afterwards
 *
 * Disarms it if it can still be reached.  When this returns no operation of
 * the transport is running or will be called again.  Sleeps, but never for a
 * user: open files live on and get -ENODEV.
 */
void meso_gun_unregister(struct meso_gun *gun)
{
	mark_gone(gun);
	unregister_pm_notifier(&gun->sleep);
	meso_battery_remove(gun);
	meso_input_remove(gun);
	meso_debugfs_remove(gun);
	meso_sysfs_remove(gun);
	cdev_device_del(&gun->cdev, &gun->dev);
	hrtimer_cancel(&gun->timer);
	cancel_work_sync(&gun->log_work);
	drop_ops(gun);
	synchronize_srcu(&meso_srcu);
	give_up_serial(gun);
	put_device(&gun->dev);
}
EXPORT_SYMBOL_NS_GPL(meso_gun_unregister, MESO_SYMBOLS);

/**
 * meso_gun_name() - the name of its node, for messages
 * @gun: the gun
 * Return: such as "meso0"; valid until meso_gun_unregister().
 */
const char *meso_gun_name(const struct meso_gun *gun)
{
	return dev_name(&gun->dev);
}
EXPORT_SYMBOL_NS_GPL(meso_gun_name, MESO_SYMBOLS);

static int __init meso_init(void)
{
	int err = alloc_chrdev_region(&meso_devt, 0, MESO_MINORS, "meso");

	if (err)
		return err;
	err = class_register(&meso_class);
	if (err) {
		unregister_chrdev_region(meso_devt, MESO_MINORS);
		return err;
	}
	meso_debugfs_init();
	return 0;
}
module_init(meso_init);

static void __exit meso_exit(void)
{
	meso_debugfs_exit();
	class_unregister(&meso_class);
	unregister_chrdev_region(meso_devt, MESO_MINORS);
	ida_destroy(&meso_ida);
}
module_exit(meso_exit);

MODULE_DESCRIPTION("Mesotherapy injector guns");
MODULE_LICENSE("GPL");
