// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A cable that leads to programs on a socket: the kernel's part is played by
 * host.c, that of open files by connection.c.  Owns the listening socket, which
 * comes and goes with the gun.
 */
#include "server.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

static void listener_ready(struct mg_server *server, struct mg_source *source, u32 events)
{
	(void)source;
	(void)events;
	mg_connection_accept(server);
}

static void stop_listening(struct mg_server *server)
{
	if (server->listen_fd < 0)
		return;
	unlink(server->options->socket_path);
	close(server->listen_fd);
	server->listen_fd = -1;
	server->accepting = false;
}

/* What they take is the table's to say. NOLINTBEGIN(readability-non-const-parameter) */
static int init(struct mg_server *server, char *error)
{
	(void)error;
	server->listener.ready = listener_ready;
	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++)
		server->connections[i].fd = server->connections[i].events_fd = -1;
	mg_host_init(&server->host, server->machine, server->now);
	server->host.emit = mg_connections_emit;
	server->host.ctx = server;
	return 0;
}

static void done(struct mg_server *server)
{
	mg_connections_drop_all(server);
	mg_host_done(&server->host);
}

static int plug(struct mg_server *server, char *error)
{
	int r;

	r = mg_host_plug(&server->host);
	if (r < 0) {
		snprintf(error, MG_TEXT_MAX,
			 r == -EBUSY ? "it is plugged in already" : "the gun does not answer: %s",
			 strerror(-r));
		return r;
	}
	r = mg_listen_on(server->options->socket_path, &server->listen_fd, error);
	if (r == 0) {
		r = mg_watch(server, server->listen_fd, EPOLLIN, &server->listener);
		server->accepting = r == 0;
	}
	if (r < 0) {
		stop_listening(server);
		mg_host_unplug(&server->host);
	}
	return r;
}

static void unplug(struct mg_server *server)
{
	stop_listening(server);
	mg_host_unplug(&server->host);
	mg_connections_leave(server);
}

static bool plugged(const struct mg_server *server)
{
	return server->host.present;
}

/* Requests carry the time at which they were made, and are done as of then: a heartbeat does not
 * come late because this process was. */
static void serve(struct mg_server *server, u64 now)
{
	u64 mono = mg_monotonic_ns();

	server->host.mono_behind = now > mono ? now - mono : 0;
	mg_connections_serve(server, now);
	server->now = server->host.now;
}

static void run(struct mg_server *server, u64 now)
{
	mg_host_run(&server->host, now);
	server->now = server->host.now;
}

static u64 next_ns(const struct mg_server *server)
{
	return mg_host_next_ns(&server->host);
}

static void flush(struct mg_server *server, u64 now)
{
	mg_connections_expire(server, now);
	mg_connections_flush(server);
}

/* Files vanish with the memory of who held them: no last close, nothing is sent. */
static int crash(struct mg_server *server)
{
	server->host.present = false;
	mg_connections_drop_all(server);
	server->host.present = true;
	return mg_host_crash(&server->host);
}

static bool word(struct mg_server *server, const char *what, char *rest, char *answer, size_t size)
{
	(void)rest;
	if (strcmp(what, "kernel-crash") != 0)
		return false;
	mg_say(answer, size, crash(server), what);
	return true;
}

/* NOLINTEND(readability-non-const-parameter) */

const struct mg_cable mg_socket_cable = {
	.init = init,
	.done = done,
	.plug = plug,
	.unplug = unplug,
	.plugged = plugged,
	.serve = serve,
	.run = run,
	.next_ns = next_ns,
	.flush = flush,
	.word = word,
	.help = "kernel-crash      the host forgets everything, the gun lives on\n",
};
