// SPDX-License-Identifier: GPL-2.0-only
/*
 * See peer.h.  The match is sent before the question, so a name that leaves in
 * between is told by one of the two.
 */
#include "peer.h"

#include <stdio.h>

#include "macros.h"

struct peer {
	void (*gone)(void *userdata);
	void *userdata;
	sd_bus_slot *match;
	sd_bus_slot *question;
};

static int on_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct peer *peer = userdata;
	const char *name, *before, *after;

	(void)error;
	if (sd_bus_message_read(message, "sss", &name, &before, &after) >= 0 && !*after)
		peer->gone(peer->userdata);
	return 0;
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct peer *peer = userdata;
	int here;

	(void)error;
	if (sd_bus_message_is_method_error(message, NULL) ||
	    (sd_bus_message_read_basic(message, 'b', &here) >= 0 && !here))
		peer->gone(peer->userdata);
	return 0;
}

int peer_new(sd_bus *bus, const char *name, void (*gone)(void *userdata), void *userdata,
	     struct peer **ret)
{
	_cleanup_(freep) char *rule = NULL;
	struct peer *peer;
	int r;

	if (asprintf(&rule,
		     "type='signal',sender='org.freedesktop.DBus',"
		     "path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',"
		     "member='NameOwnerChanged',arg0='%s'",
		     name) < 0)
		return -ENOMEM;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	peer->gone = gone;
	peer->userdata = userdata;
	r = sd_bus_add_match_async(bus, &peer->match, rule, on_owner_changed, NULL, peer);
	if (r >= 0)
		r = sd_bus_call_method_async(bus, &peer->question, "org.freedesktop.DBus",
					     "/org/freedesktop/DBus", "org.freedesktop.DBus",
					     "NameHasOwner", on_answer, peer, "s", name);
	if (r < 0) {
		peer_free(peer);
		return r;
	}
	*ret = peer;
	return 0;
}

struct peer *peer_free(struct peer *peer)
{
	if (!peer)
		return NULL;
	sd_bus_slot_unref(peer->match);
	sd_bus_slot_unref(peer->question);
	free(peer);
	return NULL;
}
