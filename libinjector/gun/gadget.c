// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See gadget.h.
 */
#include "gadget.h"
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <usbg/function/ffs.h>
#include <usbg/usbg.h>

#define CONFIGFS "/sys/kernel/config"
#define RUN_DIR  "/run/meso-gun"

/* pid.codes' test id: docs/gun-protocol.md, "Identity" */
#define VENDOR_ID  0x1209
#define PRODUCT_ID 0x0001

struct mg_gadget {
	const struct mg_gadget_options *options;
	usbg_state *state;
	usbg_gadget *gadget;
	usbg_udc *udc;
	char name[64];
	char dir[128];
	bool mounted;
	bool plugged;
};

static int failed(char *error, const char *what, int r)
{
	snprintf(error, MG_TEXT_MAX, "%s: %s", what, usbg_strerror((usbg_error)r));
	switch (r) {
	case USBG_ERROR_NO_MEM:
		return -ENOMEM;
	case USBG_ERROR_NO_ACCESS:
		return -EACCES;
	case USBG_ERROR_BUSY:
		return -EBUSY;
	case USBG_ERROR_EXIST:
		return -EEXIST;
	case USBG_ERROR_NOT_FOUND:
	case USBG_ERROR_NO_DEV:
		return -ENODEV;
	default:
		return -EIO;
	}
}

int mg_gadget_choose(struct mg_gadget *gadget, const char *name, char *error)
{
	usbg_udc *udc = usbg_get_udc(gadget->state, name);

	if (!udc) {
		snprintf(error, MG_TEXT_MAX,
			 "%.100s: no such USB device controller in /sys/class/udc", name);
		return -ENODEV;
	}
	gadget->udc = udc;
	return 0;
}

static int find_udc(struct mg_gadget *gadget, char *error)
{
	const char *name = gadget->options->udc;
	usbg_udc *udc;

	if (*name)
		return mg_gadget_choose(gadget, name, error);
	for (udc = usbg_get_first_udc(gadget->state); udc; udc = usbg_get_next_udc(udc))
		if (!usbg_get_udc_gadget(udc)) {
			gadget->udc = udc;
			return 0;
		}
	snprintf(error, MG_TEXT_MAX, "no free USB device controller: try  modprobe dummy_hcd");
	return -ENODEV;
}

static int make(struct mg_gadget *gadget, char *error)
{
	char serial[128], maker[] = "meso", product[] = "injector gun";
	const struct usbg_gadget_attrs attrs = {
		.bcdUSB = 0x0200,
		.bMaxPacketSize0 = 64,
		.idVendor = VENDOR_ID,
		.idProduct = PRODUCT_ID,
		.bcdDevice = 0x0100,
	};
	const struct usbg_gadget_strs strings = {
		.manufacturer = maker,
		.product = product,
		.serial = serial,
	};
	const struct usbg_config_attrs powered = { .bmAttributes = 0xc0, .bMaxPower = 1 };
	usbg_function *function;
	usbg_config *config;
	int r;

	snprintf(serial, sizeof(serial), "%s", gadget->options->serial);
	r = usbg_create_gadget(gadget->state, gadget->name, &attrs, &strings, &gadget->gadget);
	if (r == USBG_SUCCESS)
		r = usbg_create_function(gadget->gadget, USBG_F_FFS, gadget->name, NULL, &function);
	if (r == USBG_SUCCESS)
		r = usbg_create_config(gadget->gadget, 1, "gun", &powered, NULL, &config);
	if (r == USBG_SUCCESS)
		r = usbg_add_config_function(config, "gun", function);
	return r == USBG_SUCCESS ? 0 : failed(error, "cannot make a USB gadget in " CONFIGFS, r);
}

static int mount_functions(struct mg_gadget *gadget, char *error)
{
	if ((mkdir(RUN_DIR, 0700) < 0 && errno != EEXIST) || mkdir(gadget->dir, 0700) < 0 ||
	    mount(gadget->name, gadget->dir, "functionfs", 0, "") < 0) {
		int r = -errno;

		snprintf(error, MG_TEXT_MAX, "%s: cannot mount functionfs: %s", gadget->dir,
			 strerror(-r));
		return r;
	}
	gadget->mounted = true;
	return 0;
}

int mg_gadget_new(const struct mg_gadget_options *options, struct mg_gadget **ret_gadget,
		  const char **ret_dir, char *error)
{
	struct mg_gadget *gadget = calloc(1, sizeof(*gadget));
	int r;

	snprintf(error, MG_TEXT_MAX, "out of memory");
	if (!gadget)
		return -ENOMEM;
	gadget->options = options;
	/* Not by its serial: two guns of one serial is something to be tried. */
	snprintf(gadget->name, sizeof(gadget->name), "meso-gun.%ld", (long)getpid());
	snprintf(gadget->dir, sizeof(gadget->dir), RUN_DIR "/%s", gadget->name);
	r = usbg_init(CONFIGFS, &gadget->state);
	if (r != USBG_SUCCESS) {
		gadget->state = NULL;
		r = failed(error, "no USB gadgets in " CONFIGFS " (try  modprobe libcomposite)", r);
	} else {
		r = find_udc(gadget, error);
	}
	if (r == 0)
		r = make(gadget, error);
	if (r == 0)
		r = mount_functions(gadget, error);
	if (r < 0) {
		mg_gadget_free(gadget);
		return r;
	}
	*ret_gadget = gadget;
	*ret_dir = gadget->dir;
	return 0;
}

struct mg_gadget *mg_gadget_free(struct mg_gadget *gadget)
{
	if (!gadget)
		return NULL;
	mg_gadget_unplug(gadget);
	if (gadget->mounted)
		umount2(gadget->dir, MNT_DETACH);
	rmdir(gadget->dir);
	if (gadget->gadget)
		usbg_rm_gadget(gadget->gadget, USBG_RM_RECURSE);
	if (gadget->state)
		usbg_cleanup(gadget->state);
	free(gadget);
	return NULL;
}

int mg_gadget_plug(struct mg_gadget *gadget, char *error)
{
	int r = usbg_enable_gadget(gadget->gadget, gadget->udc);

	if (r != USBG_SUCCESS)
		return failed(error, "cannot plug the gun in", r);
	gadget->plugged = true;
	return 0;
}

void mg_gadget_unplug(struct mg_gadget *gadget)
{
	if (gadget->plugged)
		usbg_disable_gadget(gadget->gadget);
	gadget->plugged = false;
}
