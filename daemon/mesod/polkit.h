/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks polkit whether the sender of a call may do something.  It owns the
 * questions under way: bounded in time, taken back when the sender leaves the
 * bus.  Who is asked about what, and what follows, is authority.c's.
 */
#ifndef MESOD_POLKIT_H
#define MESOD_POLKIT_H

#include <systemd/sd-bus.h>

struct polkit_question;

/* @r: 0 yes; negative with @error set: no, or nobody knows; -ECANCELED, with no error: the sender has left
 * the bus, or the connection to the bus ended.  Called once; the question is freed after it. */
typedef void (*polkit_answered_fn)(void *userdata, int r, const sd_bus_error *error);

/**
 * polkit_ask() - ask, and return at once
 * @call: its sender, as a name on @bus, is asked about; somebody may be asked for a
 *        password only if the call allows that
 * @action: polkit's id of it, a constant
 * @ret: for polkit_forget()
 * Return: 0 @answered will be called, later; -ENOMEM or another errno, it will not.
 */
int polkit_ask(sd_bus *bus, sd_bus_message *call, const char *action, polkit_answered_fn answered,
	       void *userdata, struct polkit_question **ret);

/* Takes the question back without an answer.  NULL is allowed; always returns NULL. */
struct polkit_question *polkit_forget(struct polkit_question *question);

#endif /* MESOD_POLKIT_H */
