// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gun on USB: its life.  Plugged in, asleep, reset, pulled out; what crosses
 * the wire is in meso_usb_request.c and meso_usb_stream.c, and specified in
 * docs/gun-protocol.md.
 *
 * It binds to nothing by itself: a maker's id is given by new_id, and probe
 * believes nothing before the gun has answered as a gun does.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "meso_compat.h"
#include "meso_usb.h"

/* How long until a gun whose serial another one has is tried again */
#define ENROL_MS	1000
/* 2^(n - 1) microframes: once a millisecond, or more often */
#define INTERVAL_MAX	4

/* ---- becoming a gun of the core ------------------------------------------------------ */

static int enrol(struct meso_usb *usb)
{
	struct meso_gun *gun = meso_gun_register(&usb->intf->dev, &meso_usb_ops, usb);

	if (IS_ERR(gun))
		return PTR_ERR(gun);
	usb->gun = gun;
	meso_usb_stream_start(usb);
	dev_info(&usb->intf->dev, "gun %s is %s\n", usb->udev->serial, meso_gun_name(gun));
	return 0;
}

/* Two guns of one serial number: the first one has it.  When that is gone, or
 * was this very one at another port, the number is free.
 */
static int wait_for_serial(struct meso_usb *usb, int err)
{
	if (err != -EEXIST)
		return err;
	if (!usb->refused)
		dev_err(&usb->intf->dev,
			"refused: another gun with its serial number is plugged in\n");
	usb->refused = true;
	/* Freezable: nobody appears while the machine goes to sleep. */
	queue_delayed_work(system_freezable_wq, &usb->enrol, msecs_to_jiffies(ENROL_MS));
	return 0;
}

static void try_to_enrol(struct work_struct *work)
{
	struct meso_usb *usb = container_of(to_delayed_work(work), struct meso_usb, enrol);
	int err = usb_autopm_get_interface(usb->intf);

	if (!err) {
		err = enrol(usb);
		usb_autopm_put_interface(usb->intf);
	}
	if (wait_for_serial(usb, err))
		dev_err(&usb->intf->dev, "does not answer as a gun does: %d\n", err);
}

/* ---- plugged in and pulled out --------------------------------------------------------- */

static const struct usb_endpoint_descriptor *find_stream(struct usb_interface *intf)
{
	struct usb_endpoint_descriptor *endpoint;

	if (intf->cur_altsetting->desc.bInterfaceClass != USB_CLASS_VENDOR_SPEC ||
	    usb_find_int_in_endpoint(intf->cur_altsetting, &endpoint))
		return NULL;
	/* A frame is one packet, once a millisecond. */
	if (interface_to_usbdev(intf)->speed < USB_SPEED_HIGH ||
	    usb_endpoint_maxp(endpoint) != MESO_FRAME_SIZE || endpoint->bInterval > INTERVAL_MAX)
		return NULL;
	return endpoint;
}

static void free_usb(struct meso_usb *usb)
{
	meso_usb_stream_free(usb);
	meso_usb_request_free(usb);
	usb_put_dev(usb->udev);
	kfree(usb);
}

static struct meso_usb *new_usb(struct usb_interface *intf,
				const struct usb_endpoint_descriptor *stream)
{
	struct meso_usb *usb = kzalloc(sizeof(*usb), GFP_KERNEL);
	int err;

	if (!usb)
		return NULL;
	usb->intf = intf;
	usb->udev = usb_get_dev(interface_to_usbdev(intf));
	INIT_DELAYED_WORK(&usb->enrol, try_to_enrol);
	err = meso_usb_request_init(usb);
	if (!err)
		err = meso_usb_stream_init(usb, stream);
	if (err) {
		free_usb(usb);
		return NULL;
	}
	return usb;
}

static int meso_usb_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	const struct usb_endpoint_descriptor *stream = find_stream(intf);
	struct meso_usb *usb;
	int err;

	if (!stream) {
		dev_err(&intf->dev, "not a gun at high speed: no stream of frames\n");
		return -ENODEV;
	}
	usb = new_usb(intf, stream);
	if (!usb)
		return -ENOMEM;
	usb_set_intfdata(intf, usb);
	err = wait_for_serial(usb, enrol(usb));
	if (!err)
		return 0;
	dev_err(&intf->dev, "does not answer as a gun does: %d\n", err);
	usb_set_intfdata(intf, NULL);
	free_usb(usb);
	return err == -ENOMEM || err == -ENOSPC ? err : -ENODEV;
}

static void meso_usb_disconnect(struct usb_interface *intf)
{
	struct meso_usb *usb = usb_get_intfdata(intf);

	cancel_delayed_work_sync(&usb->enrol);
	if (usb->gun) {
		/* No frame comes from now on; a stop still gets through. */
		meso_usb_stream_stop(usb);
		meso_gun_unregister(usb->gun);
	}
	meso_usb_request_drain(usb);
	usb_set_intfdata(intf, NULL);
	free_usb(usb);
}

/* ---- asleep and reset --------------------------------------------------------------------- */

static int fall_asleep(struct meso_usb *usb, u32 reason)
{
	int err;

	if (!usb->gun)
		return 0;
	err = meso_gun_sleep(usb->gun, reason);
	if (err && reason != MESO_END_RESET)
		return err;
	meso_usb_stream_stop(usb);
	meso_usb_request_pause(usb);
	return 0;
}

static void wake_up_gun(struct meso_usb *usb)
{
	if (!usb->gun)
		return;
	meso_usb_request_resume(usb);
	meso_gun_wake(usb->gun);
	meso_usb_stream_start(usb);
}

static int meso_usb_suspend(struct usb_interface *intf, pm_message_t message)
{
	return fall_asleep(usb_get_intfdata(intf), MESO_END_SUSPEND);
}

/* Also after a reset: a gun that has restarted meanwhile says so by its boot id. */
static int meso_usb_resume(struct usb_interface *intf)
{
	wake_up_gun(usb_get_intfdata(intf));
	return 0;
}

static int meso_usb_pre_reset(struct usb_interface *intf)
{
	struct meso_usb *usb = usb_get_intfdata(intf);

	cancel_delayed_work_sync(&usb->enrol);
	return fall_asleep(usb, MESO_END_RESET);
}

static int meso_usb_post_reset(struct usb_interface *intf)
{
	struct meso_usb *usb = usb_get_intfdata(intf);

	wake_up_gun(usb);
	if (!usb->gun)
		queue_delayed_work(system_freezable_wq, &usb->enrol, 0);
	return 0;
}

/* No alias for strangers' boards: see docs/gun-protocol.md, "Identity". */
static const struct usb_device_id meso_usb_ids[] = {
	{ }
};

static struct usb_driver meso_usb_driver = {
	.name = "meso_usb",
	.id_table = meso_usb_ids,
	.probe = meso_usb_probe,
	.disconnect = meso_usb_disconnect,
	.suspend = meso_usb_suspend,
	.resume = meso_usb_resume,
	.reset_resume = meso_usb_resume,
	.pre_reset = meso_usb_pre_reset,
	.post_reset = meso_usb_post_reset,
	.supports_autosuspend = 1,
};
module_usb_driver(meso_usb_driver);

MODULE_DESCRIPTION("Mesotherapy injector guns on USB");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(MESO_SYMBOLS);
