// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gun on USB: the stream of frames.  It owns the interrupt transfers, sends
 * each back to the gun as soon as it was read, and backs off from a bus that
 * fails.  What is in a frame it does not know.
 */
#include <linux/slab.h>

#include "meso_usb.h"

#define BACKOFF_FIRST_MS	1
#define BACKOFF_LAST_MS		1000

static int number_of(const struct meso_usb *usb, const struct urb *urb)
{
	int i = 0;

	while (i < MESO_USB_URBS - 1 && usb->stream[i] != urb)
		i++;
	return i;
}

/* This one rests; another try comes, later after each failure. */
static void back_off(struct meso_usb *usb, struct urb *urb, bool halted)
{
	unsigned long irq;

	spin_lock_irqsave(&usb->stream_lock, irq);
	usb->waiting |= BIT(number_of(usb, urb));
	usb->halted |= halted;
	if (usb->streaming)
		schedule_delayed_work(&usb->again, msecs_to_jiffies(usb->backoff_ms));
	spin_unlock_irqrestore(&usb->stream_lock, irq);
}

static void send_back(struct meso_usb *usb, struct urb *urb, gfp_t gfp)
{
	int err = usb_submit_urb(urb, gfp);

	/* -EPERM: it is being stopped.  A device that is gone needs no other try. */
	if (err && err != -EPERM && err != -ENODEV && err != -ESHUTDOWN)
		back_off(usb, urb, false);
}

/* Any context; one at a time, in the order of the frames. */
static void frame_arrived(struct urb *urb)
{
	struct meso_usb *usb = urb->context;

	switch (urb->status) {
	case 0:
		WRITE_ONCE(usb->backoff_ms, BACKOFF_FIRST_MS);
		meso_gun_frame(usb->gun, urb->transfer_buffer, urb->actual_length);
		send_back(usb, urb, GFP_ATOMIC);
		break;
	case -ENOENT:
	case -ECONNRESET:
	case -ESHUTDOWN:
	case -ENODEV:
		break;
	default:
		back_off(usb, urb, urb->status == -EPIPE);
		break;
	}
}

static void try_again(struct work_struct *work)
{
	struct meso_usb *usb = container_of(to_delayed_work(work), struct meso_usb, again);
	unsigned int waiting;
	bool halted;
	int i;

	spin_lock_irq(&usb->stream_lock);
	waiting = usb->waiting;
	halted = usb->halted;
	usb->waiting = 0;
	usb->halted = false;
	usb->backoff_ms = min(2 * usb->backoff_ms, BACKOFF_LAST_MS + 0U);
	spin_unlock_irq(&usb->stream_lock);

	if (halted && usb_clear_halt(usb->udev, usb->pipe))
		dev_dbg(&usb->intf->dev, "the stream's endpoint stays halted\n");
	for (i = 0; i < MESO_USB_URBS; i++)
		if (waiting & BIT(i))
			send_back(usb, usb->stream[i], GFP_KERNEL);
}

void meso_usb_stream_start(struct meso_usb *usb)
{
	int i;

	if (usb->streaming)
		return;
	spin_lock_irq(&usb->stream_lock);
	usb->streaming = true;
	usb->waiting = 0;
	usb->halted = false;
	usb->backoff_ms = BACKOFF_FIRST_MS;
	spin_unlock_irq(&usb->stream_lock);
	for (i = 0; i < MESO_USB_URBS; i++) {
		usb_unpoison_urb(usb->stream[i]);
		send_back(usb, usb->stream[i], GFP_NOIO);
	}
}

void meso_usb_stream_stop(struct meso_usb *usb)
{
	int i;

	if (!usb->streaming)
		return;
	spin_lock_irq(&usb->stream_lock);
	usb->streaming = false;
	spin_unlock_irq(&usb->stream_lock);
	/* Poisoned: a try that is under way sends none back. */
	for (i = 0; i < MESO_USB_URBS; i++)
		usb_poison_urb(usb->stream[i]);
	cancel_delayed_work_sync(&usb->again);
}

/* On failure meso_usb_stream_free() is still the caller's. */
int meso_usb_stream_init(struct meso_usb *usb, const struct usb_endpoint_descriptor *endpoint)
{
	u8 *buf;
	int i;

	spin_lock_init(&usb->stream_lock);
	INIT_DELAYED_WORK(&usb->again, try_again);
	usb->pipe = usb_rcvintpipe(usb->udev, endpoint->bEndpointAddress);
	usb->interval = endpoint->bInterval;
	for (i = 0; i < MESO_USB_URBS; i++) {
		usb->stream[i] = usb_alloc_urb(0, GFP_KERNEL);
		buf = kmalloc(MESO_FRAME_SIZE, GFP_KERNEL);
		if (!usb->stream[i] || !buf) {
			kfree(buf);
			return -ENOMEM;
		}
		usb_fill_int_urb(usb->stream[i], usb->udev, usb->pipe, buf, MESO_FRAME_SIZE,
				 frame_arrived, usb, usb->interval);
		usb_poison_urb(usb->stream[i]);
	}
	return 0;
}

void meso_usb_stream_free(struct meso_usb *usb)
{
	int i;

	for (i = 0; i < MESO_USB_URBS; i++) {
		if (usb->stream[i])
			kfree(usb->stream[i]->transfer_buffer);
		usb_free_urb(usb->stream[i]);
	}
}
