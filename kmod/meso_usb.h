/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of meso_usb.ko share: one gun on USB.
 *
 * Locks, outermost first:
 *   usb->request	one control transfer that somebody waits for at a time;
 *			the transfer's urb, its buffer, @tag, @paused
 *   usb->stream_lock	which stream urbs wait for another try
 * Requests that nobody waits for (struct meso_usb_send) take no lock: a bit
 * says that one is under way.
 */
#ifndef MESO_USB_H
#define MESO_USB_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/usb.h>
#include <linux/workqueue.h>

#include "meso_core.h"
#include "model/meso_request.h"

/* One is enough for 1 kHz; more ride out a host that is late. */
#define MESO_USB_URBS		4
#define MESO_USB_BUFFER		(MESO_SHOTS_MAX * MESO_RECORD_SIZE)

struct meso_usb;

/* A request that nobody waits for: heartbeat, fire, abort */
struct meso_usb_send {
	struct meso_usb *usb;
	struct urb *urb;
	struct usb_ctrlrequest *setup;
	u8 *buf;
	unsigned long busy;		/* bit 0: under way */
	u64 since_ns;
	unsigned long overdue;		/* jiffies: then it is taken back */
	struct timer_list timer;
};

struct meso_usb {
	struct usb_device *udev;
	struct usb_interface *intf;
	struct meso_gun *gun;		/* NULL until registered */
	struct delayed_work enrol;	/* registers it, once its serial is free */
	bool refused;			/* and that it is not has been said */

	struct mutex request;		/* the next five: one request at a time */
	struct urb *urb;
	struct usb_ctrlrequest *setup;
	u8 *buf;			/* MESO_USB_BUFFER bytes */
	struct completion done;
	u64 since_ns;			/* when it was sent, 0: none under way */
	u16 tag;
	bool paused;			/* nothing is sent: the bus sleeps or is reset */

	struct meso_usb_send beat;
	struct meso_usb_send fire;
	struct meso_usb_send abort;
	struct usb_anchor sends;

	unsigned int pipe;		/* of the stream */
	unsigned int interval;
	spinlock_t stream_lock;		/* @waiting to @backoff_ms */
	struct urb *stream[MESO_USB_URBS];
	unsigned int waiting;		/* bits: these wait for @again */
	bool streaming;			/* the others are not poisoned */
	bool halted;
	unsigned int backoff_ms;
	struct delayed_work again;
};

/* meso_usb_request.c */
extern const struct meso_gun_ops meso_usb_ops;
int meso_usb_request_init(struct meso_usb *usb);
void meso_usb_request_free(struct meso_usb *usb);
/* Ends what is under way and refuses what comes, until resumed; sleeps. */
void meso_usb_request_pause(struct meso_usb *usb);
void meso_usb_request_resume(struct meso_usb *usb);
/* Lets a last stop get through, for 100 ms at most; sleeps. */
void meso_usb_request_drain(struct meso_usb *usb);

/* meso_usb_stream.c */
int meso_usb_stream_init(struct meso_usb *usb, const struct usb_endpoint_descriptor *endpoint);
void meso_usb_stream_free(struct meso_usb *usb);
/* Frames come from now on; never fails: what cannot be sent now is tried again.  Start and stop are
 * not called two at a time, and change nothing when they come twice.
 */
void meso_usb_stream_start(struct meso_usb *usb);
/* When this returns none will come any more; sleeps. */
void meso_usb_stream_stop(struct meso_usb *usb);

#endif /* MESO_USB_H */
