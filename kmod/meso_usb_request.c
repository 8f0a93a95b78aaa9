// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gun on USB: what the core asks of it, as control transfers.
 *
 * It owns time limits and what an answer may be.  It never repeats a request:
 * whether something that got no answer may be asked again is the core's to say.
 */
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "meso_usb.h"

/* A request and the question what became of it; CONFIGURE is followed by INFO,
 * and both together may take 100 ms.
 */
#define REQUEST_NS	(48 * NSEC_PER_MSEC)
#define ARM_NS		(96 * NSEC_PER_MSEC)
/* A heartbeat or a pull of the trigger that is older is worth nothing. */
#define SEND_MS		50
/* A stop overtakes what has been under way for longer than any gun needs. */
#define SLOW_NS		(4 * NSEC_PER_MSEC)
#define DRAIN_MS	100

/* What the core is told when the bus itself failed: no errno by which a gun refuses. */
static int bus_error(int err)
{
	switch (err) {
	case 0:
	case -EPIPE:
	case -ETIMEDOUT:
		return err;
	case -ENOENT:		/* taken back, because it took too long */
	case -ECONNRESET:
		return -ETIMEDOUT;
	case -ENODEV:
	case -ESHUTDOWN:
		return -ENODEV;
	case -ENOMEM:
		return -ENOMEM;
	}
	return -EIO;
}

static void fill_setup(struct meso_usb *usb, struct usb_ctrlrequest *setup, u8 dir, u8 request,
		       u16 value, u16 len)
{
	setup->bRequestType = dir | USB_TYPE_VENDOR | USB_RECIP_INTERFACE;
	setup->bRequest = request;
	setup->wValue = cpu_to_le16(value);
	setup->wIndex = cpu_to_le16(usb->intf->cur_altsetting->desc.bInterfaceNumber);
	setup->wLength = cpu_to_le16(len);
}

/* ---- requests that somebody waits for ------------------------------------------- */

static void answered(struct urb *urb)
{
	struct meso_usb *usb = urb->context;

	complete(&usb->done);
}

/* One control transfer from or to usb->buf.  Caller holds usb->request.
 * Return: how many bytes, or a negative errno.
 */
static int transfer(struct meso_usb *usb, u8 dir, u8 request, u16 value, u16 len, u64 deadline)
{
	unsigned int pipe = dir == USB_DIR_IN ? usb_rcvctrlpipe(usb->udev, 0) :
						usb_sndctrlpipe(usb->udev, 0);
	u64 now = ktime_get_ns();
	int err;

	if (usb->paused)
		return -EHOSTDOWN;
	if (now >= deadline)
		return -ETIMEDOUT;
	fill_setup(usb, usb->setup, dir, request, value, len);
	usb_fill_control_urb(usb->urb, usb->udev, pipe, (u8 *)usb->setup, usb->buf, len, answered,
			     usb);
	reinit_completion(&usb->done);
	WRITE_ONCE(usb->since_ns, now);
	err = usb_submit_urb(usb->urb, GFP_NOIO);
	if (!err) {
		if (!wait_for_completion_timeout(&usb->done, nsecs_to_jiffies(deadline - now) + 1))
			usb_kill_urb(usb->urb);
		err = usb->urb->status;
	}
	WRITE_ONCE(usb->since_ns, 0);
	return err ? bus_error(err) : usb->urb->actual_length;
}

/* What became of the request that carried @tag. */
static int result_of(struct meso_usb *usb, u8 request, u16 tag, u64 deadline)
{
	struct meso_result result;
	int len = transfer(usb, USB_DIR_IN, MESO_REQ_RESULT, request, MESO_RESULT_SIZE, deadline);

	if (len < 0)
		return len == -EPIPE ? -EPROTO : len;
	if (meso_result_decode(&result, usb->buf, len))
		return -EPROTO;
	/* An answer to something else is none. */
	if (result.request != request || result.tag != tag)
		return -EPROTO;
	return result.err;
}

/* Sends what is in usb->buf, and asks what became of it. */
static int command(struct meso_usb *usb, u8 request, u16 len, u64 limit_ns)
{
	u64 deadline = ktime_get_ns() + limit_ns;
	u16 tag = ++usb->tag;
	int sent = transfer(usb, USB_DIR_OUT, request, tag, len, deadline);

	/* A gun may stall what it refuses, or only say so when it is asked. */
	if (sent < 0 && sent != -EPIPE)
		return sent;
	if (sent >= 0 && sent != len)
		return -EIO;
	return result_of(usb, request, tag, deadline);
}

/* Asks for something; it is in usb->buf then.  Return: how many bytes. */
static int question(struct meso_usb *usb, u8 request, u16 value, u16 len)
{
	int got = transfer(usb, USB_DIR_IN, request, value, len, ktime_get_ns() + REQUEST_NS);

	return got == -EPIPE ? -EPROTO : got;
}

/* A gun that calls itself something else than its plug does is not to be trusted. */
static bool same_serial(const struct meso_usb *usb, const struct meso_info *info)
{
	return usb->udev->serial && !strcmp(usb->udev->serial, info->serial);
}

static int usb_get_info(void *priv, struct meso_info *info)
{
	struct meso_usb *usb = priv;
	int err;

	mutex_lock(&usb->request);
	err = question(usb, MESO_REQ_INFO, 0, MESO_INFO_SIZE);
	if (err >= 0 && (meso_info_decode(info, usb->buf, err) || !same_serial(usb, info)))
		err = -EPROTO;
	mutex_unlock(&usb->request);
	return min(err, 0);
}

static int usb_get_registers(void *priv, struct meso_registers *regs)
{
	struct meso_usb *usb = priv;
	int err;

	mutex_lock(&usb->request);
	err = question(usb, MESO_REQ_REGISTERS, 0, MESO_REGISTERS_SIZE);
	if (err >= 0 && meso_registers_decode(regs, usb->buf, err))
		err = -EPROTO;
	mutex_unlock(&usb->request);
	return min(err, 0);
}

static int usb_configure(void *priv, const struct meso_config *config)
{
	struct meso_usb *usb = priv;
	int err;

	mutex_lock(&usb->request);
	meso_configure_encode(config, usb->buf);
	err = command(usb, MESO_REQ_CONFIGURE, MESO_CONFIGURE_SIZE, REQUEST_NS);
	mutex_unlock(&usb->request);
	return err;
}

static int usb_arm(void *priv, const struct meso_lease *lease)
{
	struct meso_usb *usb = priv;
	int err;

	mutex_lock(&usb->request);
	meso_arm_encode(lease, usb->buf);
	err = command(usb, MESO_REQ_ARM, MESO_ARM_SIZE, ARM_NS);
	mutex_unlock(&usb->request);
	return err;
}

static int usb_clear_faults(void *priv, u32 mask, u64 boot_id, u32 counter)
{
	struct meso_clear clear = {
		.mask = mask,
		.boot_id = boot_id,
		.counter = counter,
	};
	struct meso_usb *usb = priv;
	int err;

	mutex_lock(&usb->request);
	meso_clear_encode(&clear, usb->buf);
	err = command(usb, MESO_REQ_CLEAR, MESO_CLEAR_SIZE, REQUEST_NS);
	mutex_unlock(&usb->request);
	return err;
}

static int decode_records(const u8 *buf, int len, struct meso_shot *shots)
{
	int count = len / MESO_RECORD_SIZE;
	int err;
	int i;

	if (len % MESO_RECORD_SIZE)
		return -EPROTO;
	for (i = 0; i < count; i++) {
		err = meso_record_decode(&shots[i], buf + i * MESO_RECORD_SIZE, MESO_RECORD_SIZE);
		if (err)
			return i ? i : -EPROTO;
	}
	return count;
}

static int usb_read_log(void *priv, u64 from, struct meso_shot *shots, u32 max)
{
	struct meso_usb *usb = priv;
	int count;

	max = min_t(u32, max, MESO_SHOTS_MAX);
	mutex_lock(&usb->request);
	count = question(usb, MESO_REQ_LOG, (u16)from, max * MESO_RECORD_SIZE);
	if (count >= 0)
		count = decode_records(usb->buf, count, shots);
	mutex_unlock(&usb->request);
	return count;
}

static int usb_ack_log(void *priv, const struct meso_ack *ack)
{
	struct meso_usb *usb = priv;
	int err;

	mutex_lock(&usb->request);
	meso_ack_encode(ack, usb->buf);
	err = command(usb, MESO_REQ_ACK, MESO_ACK_SIZE, REQUEST_NS);
	mutex_unlock(&usb->request);
	return err;
}

/* ---- requests that nobody waits for ------------------------------------------------ */

static void sent(struct urb *urb)
{
	struct meso_usb_send *send = urb->context;

	clear_bit_unlock(0, &send->busy);
}

static void overdue(struct timer_list *timer)
{
	struct meso_usb_send *send = container_of(timer, struct meso_usb_send, timer);

	if (test_bit(0, &send->busy) && time_after_eq(jiffies, READ_ONCE(send->overdue)))
		usb_unlink_urb(send->urb);
}

/* Any context.  The caller has taken send->busy and filled send->buf. */
static int submit(struct meso_usb_send *send, u8 request, u16 len)
{
	struct meso_usb *usb = send->usb;
	int err;

	fill_setup(usb, send->setup, USB_DIR_OUT, request, 0, len);
	usb_fill_control_urb(send->urb, usb->udev, usb_sndctrlpipe(usb->udev, 0),
			     (u8 *)send->setup, send->buf, len, sent, send);
	WRITE_ONCE(send->since_ns, ktime_get_ns());
	WRITE_ONCE(send->overdue, jiffies + msecs_to_jiffies(SEND_MS));
	usb_anchor_urb(send->urb, &usb->sends);
	err = READ_ONCE(usb->paused) ? -EHOSTDOWN : usb_submit_urb(send->urb, GFP_ATOMIC);
	if (err) {
		usb_unanchor_urb(send->urb);
		clear_bit_unlock(0, &send->busy);
		return bus_error(err);
	}
	mod_timer(&send->timer, send->overdue);
	return 0;
}

static int usb_heartbeat(void *priv, const u8 *lease_id)
{
	struct meso_usb *usb = priv;

	/* One under way is as good as another. */
	if (test_and_set_bit_lock(0, &usb->beat.busy))
		return 0;
	meso_heartbeat_encode(lease_id, usb->beat.buf);
	return submit(&usb->beat, MESO_REQ_HEARTBEAT, MESO_HEARTBEAT_SIZE);
}

static int usb_fire(void *priv, const u8 *lease_id, u64 expect)
{
	struct meso_usb *usb = priv;
	struct meso_fire fire = { .expect = expect };

	if (test_and_set_bit_lock(0, &usb->fire.busy))
		return -EBUSY;
	memcpy(fire.id, lease_id, sizeof(fire.id));
	meso_fire_encode(&fire, usb->fire.buf);
	return submit(&usb->fire, MESO_REQ_FIRE, MESO_FIRE_SIZE);
}

static bool is_slow(u64 since_ns, u64 now)
{
	return since_ns && now > since_ns + SLOW_NS;
}

static void overtake(struct meso_usb_send *send, u64 now)
{
	if (test_bit(0, &send->busy) && is_slow(READ_ONCE(send->since_ns), now))
		usb_unlink_urb(send->urb);
}

/* Endpoint 0 is a queue: what would hold the stop up is taken out of it.  The
 * core treats what gets no answer for that as in doubt, and asks again for the
 * stop until frames show that it worked.
 */
static int usb_abort(void *priv)
{
	struct meso_usb *usb = priv;
	u64 now = ktime_get_ns();

	overtake(&usb->beat, now);
	overtake(&usb->fire, now);
	if (is_slow(READ_ONCE(usb->since_ns), now))
		usb_unlink_urb(usb->urb);
	if (test_and_set_bit_lock(0, &usb->abort.busy))
		return 0;
	return submit(&usb->abort, MESO_REQ_ABORT, 0);
}

/* ---- awake and asleep ------------------------------------------------------------------ */

static int usb_use(void *priv)
{
	struct meso_usb *usb = priv;

	return usb_autopm_get_interface(usb->intf);
}

static void usb_leave(void *priv)
{
	struct meso_usb *usb = priv;

	usb_autopm_put_interface(usb->intf);
}

const struct meso_gun_ops meso_usb_ops = {
	.get_info = usb_get_info,
	.get_registers = usb_get_registers,
	.configure = usb_configure,
	.arm = usb_arm,
	.clear_faults = usb_clear_faults,
	.read_log = usb_read_log,
	.ack_log = usb_ack_log,
	.heartbeat = usb_heartbeat,
	.fire = usb_fire,
	.abort = usb_abort,
	.use = usb_use,
	.leave = usb_leave,
};

void meso_usb_request_pause(struct meso_usb *usb)
{
	mutex_lock(&usb->request);
	WRITE_ONCE(usb->paused, true);
	mutex_unlock(&usb->request);
	usb_kill_anchored_urbs(&usb->sends);
}

void meso_usb_request_resume(struct meso_usb *usb)
{
	mutex_lock(&usb->request);
	WRITE_ONCE(usb->paused, false);
	mutex_unlock(&usb->request);
}

void meso_usb_request_drain(struct meso_usb *usb)
{
	usb_wait_anchor_empty_timeout(&usb->sends, DRAIN_MS);
	usb_kill_anchored_urbs(&usb->sends);
}

/* ---- life --------------------------------------------------------------------------------- */

static int send_init(struct meso_usb *usb, struct meso_usb_send *send)
{
	send->usb = usb;
	timer_setup(&send->timer, overdue, 0);
	send->urb = usb_alloc_urb(0, GFP_KERNEL);
	send->setup = kmalloc(sizeof(*send->setup), GFP_KERNEL);
	send->buf = kmalloc(MESO_FIRE_SIZE, GFP_KERNEL);	/* the largest of them */
	return send->urb && send->setup && send->buf ? 0 : -ENOMEM;
}

static void send_free(struct meso_usb_send *send)
{
	if (!send->usb)
		return;
	usb_kill_urb(send->urb);
	del_timer_sync(&send->timer);
	usb_free_urb(send->urb);
	kfree(send->setup);
	kfree(send->buf);
}

/* On failure meso_usb_request_free() is still the caller's. */
int meso_usb_request_init(struct meso_usb *usb)
{
	int err;

	mutex_init(&usb->request);
	init_completion(&usb->done);
	init_usb_anchor(&usb->sends);
	usb->urb = usb_alloc_urb(0, GFP_KERNEL);
	usb->setup = kmalloc(sizeof(*usb->setup), GFP_KERNEL);
	usb->buf = kmalloc(MESO_USB_BUFFER, GFP_KERNEL);
	if (!usb->urb || !usb->setup || !usb->buf)
		return -ENOMEM;
	err = send_init(usb, &usb->beat);
	if (!err)
		err = send_init(usb, &usb->fire);
	if (!err)
		err = send_init(usb, &usb->abort);
	return err;
}

void meso_usb_request_free(struct meso_usb *usb)
{
	send_free(&usb->beat);
	send_free(&usb->fire);
	send_free(&usb->abort);
	usb_free_urb(usb->urb);
	kfree(usb->setup);
	kfree(usb->buf);
}
