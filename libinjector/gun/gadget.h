/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The gun's USB plug as Linux knows it: a gadget in configfs with one
 * FunctionFS function, made by libusbgx.  Owns what must be undone again: the
 * gadget, the mount, its directory.  It speaks no protocol.
 */
#ifndef MG_GADGET_H
#define MG_GADGET_H

struct mg_gadget;

struct mg_gadget_options {
	const char *serial; /* of the plug */
	const char *udc;    /* the device controller, "" for the first that is free */
};

/* Makes it, not yet plugged in.  Needs root, and configfs mounted.  *@ret_dir: the mounted
 * FunctionFS, the gadget's; -errno with a sentence in @error (MG_TEXT_MAX bytes). */
int mg_gadget_new(const struct mg_gadget_options *options, struct mg_gadget **ret_gadget,
		  const char **ret_dir, char *error);
/* NULL is allowed; always returns NULL.  All files below its directory must be closed. */
struct mg_gadget *mg_gadget_free(struct mg_gadget *gadget);
/* Which controller it is plugged into the next time: another port of the host.  -ENODEV */
int mg_gadget_choose(struct mg_gadget *gadget, const char *udc, char *error);
/* Into the host, and out of it.  Descriptors must have been written before. */
int mg_gadget_plug(struct mg_gadget *gadget, char *error);
void mg_gadget_unplug(struct mg_gadget *gadget);

#endif /* MG_GADGET_H */
