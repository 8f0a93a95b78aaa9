// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gun made of software: the transport.  It runs the model in real time,
 * carries requests to it and frames from it, and shows how little a transport
 * has to do.  Comments say what real hardware would need at that point.
 *
 * It judges nothing and keeps no state of leases: the model is the gun, the
 * core is the host.
 */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "meso_compat.h"
#include "meso_core.h"
#include "meso_dummy.h"

#define STEP_ARMED_NS	1000000ULL
#define STEP_IDLE_NS	10000000ULL
#define SYRINGE_NL	5000000		/* what a new dummy has in it */

static unsigned int guns = 1;
module_param(guns, uint, 0444);
MODULE_PARM_DESC(guns, "how many guns to make at once, 0 to 16 (default 1)");

static LIST_HEAD(dummies);
static DEFINE_MUTEX(dummies_lock);

/* ---- requests: on hardware each is one control transfer --------------------------- */

/* Runs a request against the model, if the cable is in. */
#define ON_GUN(dummy, call)						\
({									\
	struct meso_dummy *on_dummy = (dummy);				\
	unsigned long on_irq;						\
	int on_result;							\
									\
	spin_lock_irqsave(&on_dummy->lock, on_irq);			\
	on_result = on_dummy->cable ? (call) : -ENODEV;			\
	spin_unlock_irqrestore(&on_dummy->lock, on_irq);		\
	on_result;							\
})

static u64 now_ns(void)
{
	return ktime_get_boottime_ns();
}

static int dummy_get_info(void *priv, struct meso_info *info)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_info(&dummy->model, info));
}

static int dummy_get_registers(void *priv, struct meso_registers *regs)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_registers(&dummy->model, regs));
}

static int dummy_configure(void *priv, const struct meso_config *config)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_configure(&dummy->model, now_ns(), config));
}

static int dummy_arm(void *priv, const struct meso_lease *lease)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_arm(&dummy->model, now_ns(), lease));
}

static int dummy_clear_faults(void *priv, u32 mask, u64 boot_id, u32 counter)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_clear_faults(&dummy->model, now_ns(), mask, boot_id,
						     counter));
}

static int dummy_read_log(void *priv, u64 from, struct meso_shot *shots, u32 max)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_log_read(&dummy->model, from, shots, max));
}

static int dummy_ack_log(void *priv, const struct meso_ack *ack)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_log_ack(&dummy->model, now_ns(), ack->epoch, ack->upto));
}

static int dummy_heartbeat(void *priv, const u8 *lease_id)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_heartbeat(&dummy->model, now_ns(), lease_id));
}

static int dummy_fire(void *priv, const u8 *lease_id, u64 expect)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_fire(&dummy->model, now_ns(), lease_id, expect));
}

static int dummy_abort(void *priv)
{
	struct meso_dummy *dummy = priv;

	return ON_GUN(dummy, meso_model_abort(&dummy->model, now_ns()));
}

static const struct meso_gun_ops dummy_ops = {
	.get_info = dummy_get_info,
	.get_registers = dummy_get_registers,
	.configure = dummy_configure,
	.arm = dummy_arm,
	.clear_faults = dummy_clear_faults,
	.read_log = dummy_read_log,
	.ack_log = dummy_ack_log,
	.heartbeat = dummy_heartbeat,
	.fire = dummy_fire,
	.abort = dummy_abort,
};

/* ---- frames: on hardware an interrupt transfer that completes --------------------- */

/* The gun's own time.  It runs on without a cable, as a battery would let it. */
static enum hrtimer_restart step(struct hrtimer *timer)
{
	struct meso_dummy *dummy = container_of(timer, struct meso_dummy, timer);
	u8 bytes[MESO_FRAME_SIZE];
	struct meso_frame frame;
	struct meso_gun *gun;
	unsigned long irq;
	u64 now, next;
	int err;

	spin_lock_irqsave(&dummy->lock, irq);
	now = now_ns();
	meso_model_advance(&dummy->model, now);
	err = meso_model_frame(&dummy->model, now, &frame);
	next = meso_model_next_ns(&dummy->model);
	gun = dummy->gun;
	spin_unlock_irqrestore(&dummy->lock, irq);

	if (!err && gun) {
		meso_frame_encode(&frame, bytes);
		meso_gun_frame(gun, bytes, sizeof(bytes));
	}
	/* Not before the next tick, and not later than a press can wait. */
	next = clamp_t(u64, next, now + STEP_ARMED_NS, now + STEP_IDLE_NS);
	hrtimer_set_expires(timer, ns_to_ktime(next));
	return HRTIMER_RESTART;
}

/* ---- the cable ----------------------------------------------------------------------- */

static void set_cable(struct meso_dummy *dummy, bool cable, struct meso_gun *gun)
{
	unsigned long irq;

	spin_lock_irqsave(&dummy->lock, irq);
	dummy->cable = cable;
	dummy->gun = gun;
	spin_unlock_irqrestore(&dummy->lock, irq);
}

static int plug_in(struct meso_dummy *dummy)
{
	struct meso_gun *gun;

	set_cable(dummy, true, NULL);
	gun = meso_gun_register(NULL, &dummy_ops, dummy);
	if (IS_ERR(gun)) {
		set_cable(dummy, false, NULL);
		return PTR_ERR(gun);
	}
	dummy->registered = gun;
	set_cable(dummy, true, gun);
	return 0;
}

static void pull_out(struct meso_dummy *dummy)
{
	set_cable(dummy, false, NULL);
	/* A frame may be on its way to the core; on hardware: usb_kill_urb(). */
	hrtimer_cancel(&dummy->timer);
	meso_gun_unregister(dummy->registered);
	dummy->registered = NULL;
	hrtimer_start(&dummy->timer, ns_to_ktime(now_ns()), HRTIMER_MODE_ABS_SOFT);
}

int meso_dummy_connect(struct meso_dummy *dummy, bool connect)
{
	int err = 0;

	mutex_lock(&dummy->connecting);
	if (connect && !dummy->registered)
		err = plug_in(dummy);
	else if (!connect && dummy->registered)
		pull_out(dummy);
	mutex_unlock(&dummy->connecting);
	return err;
}

bool meso_dummy_connected(struct meso_dummy *dummy)
{
	bool connected;

	mutex_lock(&dummy->connecting);
	connected = dummy->registered;
	mutex_unlock(&dummy->connecting);
	return connected;
}

/* ---- life ------------------------------------------------------------------------------- */

static u64 random_id(void)
{
	return get_random_u64() | 1;	/* never 0 */
}

static bool serial_taken(const char *serial)
{
	struct meso_dummy *dummy;

	list_for_each_entry(dummy, &dummies, node)
		if (!strcmp(dummy->model.params.serial, serial))
			return true;
	return false;
}

/* A charged gun with a full syringe, waiting on the table. */
static int make_ready(struct meso_dummy *dummy, const struct meso_model_params *params)
{
	int err = meso_model_init(&dummy->model, params, NULL, random_id(), NULL, NULL);

	if (err)
		return err;
	meso_model_power_on(&dummy->model, random_id(), now_ns());
	meso_model_hand(&dummy->model, now_ns(), MESO_HAND_CARTRIDGE, 1);
	return meso_model_hand(&dummy->model, now_ns(), MESO_HAND_SYRINGE, SYRINGE_NL);
}

/**
 * meso_dummy_create() - a new gun, not yet connected
 * @params: what it is
 * Return: the gun; an ERR_PTR: -EEXIST when there is one of that serial
 */
struct meso_dummy *meso_dummy_create(const struct meso_model_params *params)
{
	struct meso_dummy *dummy = kvzalloc(sizeof(*dummy), GFP_KERNEL);
	int err;

	if (!dummy)
		return ERR_PTR(-ENOMEM);
	mutex_init(&dummy->connecting);
	spin_lock_init(&dummy->lock);
	hrtimer_init(&dummy->timer, CLOCK_BOOTTIME, HRTIMER_MODE_ABS_SOFT);
	dummy->timer.function = step;

	err = make_ready(dummy, params);
	if (err) {
		kvfree(dummy);
		return ERR_PTR(err);
	}
	mutex_lock(&dummies_lock);
	if (serial_taken(params->serial)) {
		mutex_unlock(&dummies_lock);
		kvfree(dummy);
		return ERR_PTR(-EEXIST);
	}
	list_add_tail(&dummy->node, &dummies);
	meso_dummy_debugfs_add(dummy);
	mutex_unlock(&dummies_lock);
	hrtimer_start(&dummy->timer, ns_to_ktime(now_ns()), HRTIMER_MODE_ABS_SOFT);
	return dummy;
}

void meso_dummy_destroy(struct meso_dummy *dummy)
{
	/* No hand first: one could plug the cable in again. */
	meso_dummy_debugfs_remove(dummy);
	meso_dummy_connect(dummy, false);
	hrtimer_cancel(&dummy->timer);
	mutex_lock(&dummies_lock);
	list_del(&dummy->node);
	mutex_unlock(&dummies_lock);
	kvfree(dummy);
}

static void destroy_all(void)
{
	struct meso_dummy *dummy, *next;

	/* By now nobody else adds or removes any. */
	list_for_each_entry_safe(dummy, next, &dummies, node)
		meso_dummy_destroy(dummy);
}

static int make_guns(void)
{
	struct meso_model_params params;
	struct meso_dummy *dummy;
	unsigned int i;
	int err;

	for (i = 1; i <= guns; i++) {
		meso_model_params_default(&params);
		snprintf(params.serial, sizeof(params.serial), "DUMMY-%04u", i);
		dummy = meso_dummy_create(&params);
		if (IS_ERR(dummy))
			return PTR_ERR(dummy);
		err = meso_dummy_connect(dummy, true);
		if (err)
			return err;
	}
	return 0;
}

static int __init meso_dummy_init(void)
{
	int err;

	if (guns > 16)
		return -EINVAL;
	meso_dummy_debugfs_init();
	err = make_guns();
	if (!err)
		err = meso_dummy_configfs_init();
	if (err) {
		destroy_all();
		meso_dummy_debugfs_exit();
	}
	return err;
}
module_init(meso_dummy_init);

static void __exit meso_dummy_exit(void)
{
	/* First: no directory makes a new one; none is left while we are used. */
	meso_dummy_configfs_exit();
	destroy_all();
	meso_dummy_debugfs_exit();
}
module_exit(meso_dummy_exit);

MODULE_DESCRIPTION("A mesotherapy injector gun made of software");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(MESO_SYMBOLS);
