// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/mesoN: ioctl.  Turns what users ask into questions to the interlock, and
 * what it allows into requests to the transport.
 *
 * It decides nothing about doses, prints nothing whatever it is given, and
 * never waits for the gun where the contract says that it does not.
 */
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "meso_gun.h"

/* ---- looking --------------------------------------------------------------------------- */

static long get_info(struct meso_client *client, void *arg)
{
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	meso_interlock_info(&gun->il, arg);
	meso_visit_end_unchanged(gun, &visit);
	return 0;
}

static long get_registers(struct meso_client *client, void *arg)
{
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;

	meso_visit_begin(gun, &visit);
	meso_interlock_registers(&gun->il, visit.now, arg);
	meso_visit_end_unchanged(gun, &visit);
	return 0;
}

static long get_shots(struct meso_client *client, void *arg)
{
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_get_shots(&gun->il, arg);
	meso_visit_end_unchanged(gun, &visit);
	return err;
}

static long set_events(struct meso_client *client, void *arg)
{
	struct meso_event_config *config = arg;
	union meso_event_any *slots = NULL;
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;
	int err = meso_event_config_check(config);

	if (err)
		return err;
	if (config->depth) {
		slots = meso_alloc_slots(config->depth);
		if (!slots)
			return -ENOMEM;
	}
	/* A reader may be between looking at a record and dropping it. */
	if (mutex_lock_interruptible(&client->reading)) {
		kvfree(slots);
		return -ERESTARTSYS;
	}
	meso_visit_begin(gun, &visit);
	spin_lock(&client->lock);
	slots = meso_events_configure(&client->queue, config, slots);
	spin_unlock(&client->lock);
	meso_want_samples(gun);
	meso_visit_end_unchanged(gun, &visit);
	mutex_unlock(&client->reading);
	kvfree(slots);
	return 0;
}

/* ---- control that never sleeps on the transport -------------------------------------------- */

static long acquire(struct meso_client *client, void *arg)
{
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_acquire(&gun->il, client->token, &visit.act);
	meso_visit_end(gun, &visit);
	return err;
}

static long release(struct meso_client *client, void *arg)
{
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_release(&gun->il, client->token, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return err;
}

static long heartbeat(struct meso_client *client, void *arg)
{
	const struct meso_lease_ref *ref = arg;
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_heartbeat(&gun->il, client->token, ref->id, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return err;
}

static long fire(struct meso_client *client, void *arg)
{
	struct meso_gun *gun = client->gun;
	const struct meso_fire *fire = arg;
	struct meso_visit visit;
	struct meso_call call;
	int err;

	meso_gun_enter(gun, &call);
	meso_visit_begin(gun, &visit);
	err = call.ops ? meso_interlock_fire_begin(&gun->il, client->token, fire, visit.now) :
			 -ENODEV;
	meso_visit_end_unchanged(gun, &visit);
	if (!err) {
		err = call.ops->fire(gun->priv, fire->id, fire->expect);
		meso_visit_begin(gun, &visit);
		meso_interlock_fire_done(&gun->il, err);
		meso_visit_end_unchanged(gun, &visit);
	}
	meso_gun_exit(&call);
	return err;
}

static long disarm(struct meso_client *client, void *arg)
{
	struct meso_gun *gun = client->gun;
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_disarm(&gun->il, MESO_END_DISARM, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return err;
}

/* ---- control that talks to the gun -----------------------------------------------------------
 * Each: ask the interlock, ask the gun, tell the interlock what came of it.
 * Called with gun->slow held.
 */

static long configure(struct meso_gun *gun, const struct meso_call *call, u64 token, void *arg)
{
	const struct meso_config *config = arg;
	struct meso_visit visit;
	struct meso_info info = {};
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_configure_begin(&gun->il, token, config);
	meso_visit_end_unchanged(gun, &visit);
	if (err)
		return err;

	err = call->ops->configure(gun->priv, config);
	/* The overshoot that a reservation needs follows the configuration. */
	if (!err && call->ops->get_info(gun->priv, &info))
		err = -ETIMEDOUT;

	meso_visit_begin(gun, &visit);
	meso_interlock_configure_done(&gun->il, config, err, err ? NULL : &info, visit.now,
				      &visit.act);
	meso_visit_end(gun, &visit);
	return err;
}

static long arm(struct meso_gun *gun, const struct meso_call *call, u64 token, void *arg)
{
	const struct meso_lease *lease = arg;
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = gun->suspending ? -EBUSY :
	      meso_interlock_arm_begin(&gun->il, token, lease, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	if (err)
		return err;

	err = call->ops->arm(gun->priv, lease);

	meso_visit_begin(gun, &visit);
	err = meso_interlock_arm_done(&gun->il, err, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	/* Removal takes the operations away from everybody but who is in a call already. */
	if (err == -ENODEV)
		call->ops->abort(gun->priv);
	return err;
}

static long ack_shots(struct meso_gun *gun, const struct meso_call *call, u64 token, void *arg)
{
	const struct meso_ack *ack = arg;
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_ack_begin(&gun->il, token, ack);
	meso_visit_end_unchanged(gun, &visit);
	if (err <= 0)
		return err;

	/* The gun first: a record is never only in the gun's past. */
	err = call->ops->ack_log(gun->priv, ack);
	if (err)
		return err;

	meso_visit_begin(gun, &visit);
	meso_interlock_ack_done(&gun->il, ack, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return 0;
}

static long clear_faults(struct meso_gun *gun, const struct meso_call *call, u64 token, void *arg)
{
	const struct meso_clear *clear = arg;
	struct meso_clear of_gun = {};
	struct meso_visit visit;
	int err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_clear_begin(&gun->il, token, clear, visit.now, &of_gun);
	meso_visit_end_unchanged(gun, &visit);
	if (err)
		return err;

	if (of_gun.mask)
		err = call->ops->clear_faults(gun->priv, of_gun.mask, of_gun.boot_id,
					      of_gun.counter);
	if (err)
		return err;

	meso_visit_begin(gun, &visit);
	err = meso_interlock_clear_done(&gun->il, clear, visit.now, &visit.act);
	meso_visit_end(gun, &visit);
	return err;
}

/* ---- ioctl ------------------------------------------------------------------------------- */

struct command {
	unsigned int cmd;
	bool control;		/* needs a file open for writing */
	long (*quick)(struct meso_client *client, void *arg);
	long (*slow)(struct meso_gun *gun, const struct meso_call *call, u64 token,
		     void *arg);
};

/* By number; GET_STATUS has a way of its own. */
static const struct command commands[] = {
	[_IOC_NR(MESO_IOC_GET_INFO)] = { MESO_IOC_GET_INFO, false, .quick = get_info },
	[_IOC_NR(MESO_IOC_GET_REGISTERS)] = { MESO_IOC_GET_REGISTERS, false,
					      .quick = get_registers },
	[_IOC_NR(MESO_IOC_SET_EVENTS)] = { MESO_IOC_SET_EVENTS, false, .quick = set_events },
	[_IOC_NR(MESO_IOC_ACQUIRE)] = { MESO_IOC_ACQUIRE, true, .quick = acquire },
	[_IOC_NR(MESO_IOC_RELEASE)] = { MESO_IOC_RELEASE, true, .quick = release },
	[_IOC_NR(MESO_IOC_CONFIGURE)] = { MESO_IOC_CONFIGURE, true, .slow = configure },
	[_IOC_NR(MESO_IOC_ARM)] = { MESO_IOC_ARM, true, .slow = arm },
	[_IOC_NR(MESO_IOC_HEARTBEAT)] = { MESO_IOC_HEARTBEAT, true, .quick = heartbeat },
	[_IOC_NR(MESO_IOC_FIRE)] = { MESO_IOC_FIRE, true, .quick = fire },
	[_IOC_NR(MESO_IOC_DISARM)] = { MESO_IOC_DISARM, true, .quick = disarm },
	[_IOC_NR(MESO_IOC_GET_SHOTS)] = { MESO_IOC_GET_SHOTS, false, .quick = get_shots },
	[_IOC_NR(MESO_IOC_ACK_SHOTS)] = { MESO_IOC_ACK_SHOTS, true, .slow = ack_shots },
	[_IOC_NR(MESO_IOC_CLEAR_FAULTS)] = { MESO_IOC_CLEAR_FAULTS, true, .slow = clear_faults },
};

/* The largest argument that fits on the stack beside the rest */
#define SMALL_ARGUMENT	256

/* A structure of the kernel's size goes out to a caller of any size: a smaller
 * one gets what it knows, a larger one finds zeros behind.
 */
static long give(void __user *to, size_t user_size, const void *from, size_t size)
{
	size_t common = min(user_size, size);

	if (copy_to_user(to, from, common))
		return -EFAULT;
	if (clear_user(to + common, user_size - common))
		return -EFAULT;
	return 0;
}

/* The most frequent question, asked without a lock, an allocation or a copy in
 * between.  A frame may arrive while the answer is written: then once more.
 */
static long get_status(struct meso_client *client, struct meso_status __user *to)
{
	struct meso_gun *gun = client->gun;
	u64 now = ktime_get_boottime_ns();
	struct meso_snapshot_now at;
	unsigned int seq;
	u64 fault_seq;

	do {
		seq = read_seqcount_begin(&gun->seq);
		meso_snapshot_at(&gun->snapshot, now, &at);
		fault_seq = gun->fault_seq;
		if (!user_access_begin(to, sizeof(*to)))
			return -EFAULT;
		unsafe_copy_to_user((char __user *)to, (const char *)&gun->snapshot.status,
				    sizeof(*to), fault);
		unsafe_put_user(at.age_ns, &to->age_ns, fault);
		unsafe_put_user(at.state, &to->state, fault);
		unsafe_put_user(at.flags, &to->flags, fault);
		unsafe_put_user(at.lease_left_ms, &to->lease_left_ms, fault);
		user_access_end();
	} while (read_seqcount_retry(&gun->seq, seq));
	WRITE_ONCE(client->fault_seq, fault_seq);
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

/* The same for callers that know a smaller or a larger structure. */
static long get_status_resized(struct meso_client *client, void __user *to, size_t user_size)
{
	struct meso_status status;
	u64 fault_seq;

	meso_gun_status(client->gun, &status, &fault_seq);
	if (give(to, user_size, &status, sizeof(status)))
		return -EFAULT;
	WRITE_ONCE(client->fault_seq, fault_seq);
	return 0;
}

static long run_slow(struct meso_client *client, const struct command *command, void *arg)
{
	struct meso_gun *gun = client->gun;
	struct meso_call call;
	long err = -ENODEV;

	meso_gun_enter(gun, &call);
	if (call.ops && mutex_lock_interruptible(&gun->slow)) {
		err = -ERESTARTSYS;
	} else if (call.ops) {
		err = command->slow(gun, &call, client->token, arg);
		mutex_unlock(&gun->slow);
	}
	meso_gun_exit(&call);
	return err;
}

static long run(struct meso_client *client, const struct command *command, unsigned int cmd,
		void __user *user, void *arg)
{
	size_t size = _IOC_SIZE(command->cmd);
	size_t user_size = _IOC_SIZE(cmd);
	unsigned int dir = _IOC_DIR(cmd);
	long err;

	if (dir & _IOC_WRITE) {
		err = copy_struct_from_user(arg, size, user, user_size);
		if (err)
			return err;
		/* An answer that nobody can receive changes nothing. */
		if (dir & _IOC_READ && give(user, user_size, arg, size))
			return -EFAULT;
	}
	err = command->slow ? run_slow(client, command, arg) : command->quick(client, arg);
	if (!err && dir & _IOC_READ)
		err = give(user, user_size, arg, size);
	return err;
}

static const struct command *find_command(unsigned int cmd)
{
	const struct command *command;

	if (_IOC_TYPE(cmd) != MESO_IOC_MAGIC || _IOC_NR(cmd) >= ARRAY_SIZE(commands))
		return NULL;
	command = &commands[_IOC_NR(cmd)];
	if (!command->cmd || _IOC_DIR(cmd) != _IOC_DIR(command->cmd) ||
	    !_IOC_SIZE(cmd) != !_IOC_SIZE(command->cmd))
		return NULL;
	return command;
}

static long run_any(struct meso_client *client, const struct command *command, unsigned int cmd,
		    void __user *user)
{
	u64 small[SMALL_ARGUMENT / sizeof(u64)] = {};
	void *large;
	long err;

	if (_IOC_SIZE(command->cmd) <= sizeof(small))
		return run(client, command, cmd, user, small);
	large = kzalloc(_IOC_SIZE(command->cmd), GFP_KERNEL);
	if (!large)
		return -ENOMEM;
	err = run(client, command, cmd, user, large);
	kfree(large);
	return err;
}

static bool is_get_status(unsigned int cmd)
{
	return _IOC_TYPE(cmd) == MESO_IOC_MAGIC && _IOC_DIR(cmd) == _IOC_READ &&
	       _IOC_NR(cmd) == _IOC_NR(MESO_IOC_GET_STATUS) && _IOC_SIZE(cmd);
}

long meso_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct meso_client *client = file->private_data;
	bool gone = READ_ONCE(client->gun->gone);
	void __user *user = (void __user *)arg;
	const struct command *command;

	if (likely(cmd == MESO_IOC_GET_STATUS))
		return gone ? -ENODEV : get_status(client, user);

	command = find_command(cmd);
	if (!command && !is_get_status(cmd))
		return -ENOTTY;
	if (_IOC_SIZE(cmd) % sizeof(u64))
		return -EINVAL;
	if (gone)
		return -ENODEV;
	if (!command)
		return get_status_resized(client, user, _IOC_SIZE(cmd));
	if (command->control && !(file->f_mode & FMODE_WRITE))
		return -EPERM;
	return run_any(client, command, cmd, user);
}
