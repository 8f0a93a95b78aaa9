// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peer of meso_usb's completion handler, for `make bench` and nothing else:
 * what drivers/usb/usb-skeleton.c would be with an interrupt endpoint.  It takes
 * each frame from a gun and sends the transfer back, and looks into none.
 *
 * It binds to nothing by itself, and asks the gun for nothing: that sends its
 * frames unasked.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/usb.h>

struct bare {
	struct urb *urb;
	u8 *buf;
};

static void bare_arrived(struct urb *urb)
{
	if (!urb->status)
		usb_submit_urb(urb, GFP_ATOMIC);
}

static void free_bare(struct bare *bare)
{
	usb_free_urb(bare->urb);
	kfree(bare->buf);
	kfree(bare);
}

static int bare_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	struct usb_device *udev = interface_to_usbdev(intf);
	struct usb_endpoint_descriptor *endpoint;
	struct bare *bare;
	int err;

	err = usb_find_int_in_endpoint(intf->cur_altsetting, &endpoint);
	if (err)
		return err;
	bare = kzalloc(sizeof(*bare), GFP_KERNEL);
	if (!bare)
		return -ENOMEM;
	bare->urb = usb_alloc_urb(0, GFP_KERNEL);
	bare->buf = kmalloc(usb_endpoint_maxp(endpoint), GFP_KERNEL);
	if (!bare->urb || !bare->buf) {
		free_bare(bare);
		return -ENOMEM;
	}
	usb_fill_int_urb(bare->urb, udev, usb_rcvintpipe(udev, endpoint->bEndpointAddress),
			 bare->buf, usb_endpoint_maxp(endpoint), bare_arrived, bare,
			 endpoint->bInterval);
	usb_set_intfdata(intf, bare);
	err = usb_submit_urb(bare->urb, GFP_KERNEL);
	if (err)
		free_bare(bare);
	return err;
}

static void bare_disconnect(struct usb_interface *intf)
{
	struct bare *bare = usb_get_intfdata(intf);

	usb_kill_urb(bare->urb);
	free_bare(bare);
}

static const struct usb_device_id bare_ids[] = {
	{ }
};

static struct usb_driver bare_driver = {
	.name = "meso_bare",
	.id_table = bare_ids,
	.probe = bare_probe,
	.disconnect = bare_disconnect,
};
module_usb_driver(bare_driver);

MODULE_DESCRIPTION("The barest driver of a gun's stream, to measure by");
MODULE_LICENSE("GPL");
