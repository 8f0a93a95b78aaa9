/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A D-Bus gun status call beside Peer.Ping to the same daemon, on the bus that
 * $MESO_BUS_ADDRESS names (`mesoctl simulate` sets it).
 *
 *   dbus_bench time            both in alternating batches
 *   dbus_bench status N        N status calls and nothing else, for a tracer to count
 *   dbus_bench ping N          N pings, likewise
 */
#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <linux/meso.h>
#include "bench.h"

struct client {
	sd_bus *bus;
	char gun[512];
};

static int find_gun(struct client *client)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int r;

	r = sd_bus_call_method(client->bus, "org.mesod1", "/org/mesod1",
			       "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL,
			       &reply, "");
	if (r < 0)
		return r;
	r = sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}")) > 0) {
		r = sd_bus_message_read(reply, "o", &path);
		if (r >= 0 && strncmp(path, "/org/mesod1/gun/", 16) == 0) {
			snprintf(client->gun, sizeof(client->gun), "%s", path);
			break;
		}
		if (r >= 0)
			r = sd_bus_message_skip(reply, "a{sa{sv}}");
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	sd_bus_message_unref(reply);
	return r < 0 ? r : client->gun[0] ? 0 : -ENODEV;
}

static int call_status(void *userdata)
{
	struct client *client = userdata;
	sd_bus_message *reply = NULL;
	const void *bytes;
	size_t size = 0;
	int r = sd_bus_call_method(client->bus, "org.mesod1", client->gun, "org.mesod1.Gun",
				   "GetSnapshot", NULL, &reply, "");

	if (r >= 0)
		r = sd_bus_message_read_array(reply, 'y', &bytes, &size);
	if (r >= 0 && size < sizeof(struct meso_status))
		r = -EBADMSG;
	sd_bus_message_unref(reply);
	return r < 0 ? r : 0;
}

static int call_ping(void *userdata)
{
	struct client *client = userdata;
	sd_bus_message *reply = NULL;
	int r = sd_bus_call_method(client->bus, "org.mesod1", client->gun,
				   "org.freedesktop.DBus.Peer", "Ping", NULL, &reply, "");

	sd_bus_message_unref(reply);
	return r < 0 ? r : 0;
}

static int repeat(int (*call)(void *), struct client *client, const char *count)
{
	for (long n = strtol(count, NULL, 10); n > 0; n--) {
		int r = call(client);

		if (r < 0)
			return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct client client = { 0 };
	const char *address = getenv("MESO_BUS_ADDRESS");
	int r = -EINVAL;

	if (!address || argc < 2) {
		fprintf(stderr,
			"usage: MESO_BUS_ADDRESS=... dbus_bench time | status N | ping N\n");
		return 2;
	}
	if (sd_bus_new(&client.bus) >= 0 && sd_bus_set_address(client.bus, address) >= 0 &&
	    sd_bus_set_bus_client(client.bus, 1) >= 0)
		r = sd_bus_start(client.bus);
	if (r >= 0)
		r = find_gun(&client);
	if (r >= 0 && strcmp(argv[1], "time") == 0)
		r = bench_compare_times("dbus-status/ping", "host", 1150, 40, call_status,
					call_ping, &client);
	else if (r >= 0 && strcmp(argv[1], "status") == 0 && argc > 2)
		r = repeat(call_status, &client, argv[2]);
	else if (r >= 0 && strcmp(argv[1], "ping") == 0 && argc > 2)
		r = repeat(call_ping, &client, argv[2]);
	sd_bus_flush_close_unref(client.bus);
	if (r < 0)
		fprintf(stderr, "dbus_bench: %s\n", strerror(-r));
	return r < 0;
}
