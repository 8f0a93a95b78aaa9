/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose uid is behind a name on the bus: asked of the bus itself, once for each connection, and remembered.
 * While a gun is here everybody who comes to the bus is asked about ahead, so that a stop need not wait
 * for a busy bus twice.  It owns the connection that asks; it decides nothing.
 */
#ifndef MESOD_CALLERS_H
#define MESOD_CALLERS_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

struct callers;

/* The bus has answered about @name: r >= 0 and the uid, or a negative errno.  @name lives as long as the call. */
typedef void (*callers_told_fn)(void *userdata, const char *name, int r, uint32_t uid);

/**
 * callers_new() - nobody is known yet
 * @bus: a connection of its own, so that the answers wait behind nobody's calls; it is taken over, closed at the end
 * @told: for each answer to callers_ask() and, while watching, about anybody else
 * Return: 0; -ENOMEM.
 */
int callers_new(sd_bus *bus, callers_told_fn told, void *userdata, struct callers **ret);
struct callers *callers_free(struct callers *callers);

/* @name's uid, if it is known.  Waits for nothing. */
bool callers_find(const struct callers *callers, const char *name, uint32_t *ret_uid);

/**
 * callers_ask() - have the bus say whose @name is
 *
 * A question about it that is under way already is not asked again.
 * Return: 0, the answer comes to callers_told_fn; -ENOMEM, -ENOTCONN and what else sd-bus cannot do.
 */
int callers_ask(struct callers *callers, const char *name);

/* Asks about everybody who is on the bus and who comes to it from now on, as far as not too many questions are under
 * way; or not any more.  Without it, or if it
 * cannot be, only later answers are had. */
void callers_watch(struct callers *callers, bool watch);

#endif /* MESOD_CALLERS_H */
