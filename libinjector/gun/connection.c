// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Clients: the handshake, requests in, replies and events out.  Owns what a
 * client may cost: a connection that breaks a rule of the protocol is closed,
 * one that does not read loses events and never memory.
 */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELLO_NS      1000000000ull /* to say hello */
#define TURN_REQUESTS 16            /* of one client in one turn of the loop */
#define SEND_BUFFER   1             /* the kernel makes that its least: a few messages */

#define from_requests(s) ((struct mg_connection *)(void *)(s))
#define from_drained(s) \
	((struct mg_connection *)(void *)((char *)(s)-offsetof(struct mg_connection, drained)))

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void update_samples(struct mg_server *server)
{
	bool wanted = false;

	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++) {
		const struct mg_connection *c = &server->connections[i];

		if (c->used && c->greeted && !c->leaving &&
		    c->file.events.mask & BIT(MESO_EVENT_SAMPLE))
			wanted = true;
	}
	mg_host_samples(&server->host, wanted);
}

/* Takes the listener out of the loop while there is no room, instead of spinning on it. */
static void update_accepting(struct mg_server *server)
{
	struct epoll_event event = { .data.ptr = &server->listener };
	bool room = false;

	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++)
		room |= !server->connections[i].used;
	if (server->listen_fd < 0 || room == server->accepting)
		return;
	event.events = room ? EPOLLIN : 0;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listen_fd, &event) == 0)
		server->accepting = room;
}

void mg_connection_close(struct mg_server *server, struct mg_connection *c)
{
	if (!c->used)
		return;
	close_fd(&c->fd);
	close_fd(&c->events_fd);
	if (c->greeted)
		mg_file_close(&server->host, &c->file);
	*c = (struct mg_connection){ .fd = -1, .events_fd = -1 };
	update_samples(server);
	update_accepting(server);
}

static void requests_ready(struct mg_server *server, struct mg_source *source, u32 events)
{
	(void)server;
	(void)events;
	from_requests(source)->readable = true;
}

static void drained_ready(struct mg_server *server, struct mg_source *source, u32 events)
{
	struct mg_connection *c = from_drained(source);

	/* Room to send is used by the next flush; a reader that went away is not. */
	if (c->used && c->leaving && events & (u32)(EPOLLHUP | EPOLLERR))
		mg_connection_close(server, c);
}

void mg_connection_accept(struct mg_server *server)
{
	struct mg_connection *c = NULL;
	int fd;

	for (size_t i = 0; i < MG_CONNECTIONS_MAX && !c; i++)
		if (!server->connections[i].used)
			c = &server->connections[i];
	if (!c) {
		update_accepting(server);
		return;
	}
	fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return; /* it gave up, or we are out of descriptors: the next turn tries again */
	*c = (struct mg_connection){
		.requests.ready = requests_ready,
		.drained.ready = drained_ready,
		.fd = fd,
		.events_fd = -1,
		.since_ns = mg_boottime_ns(),
		.used = true,
	};
	if (mg_watch(server, fd, EPOLLIN, &c->requests) < 0)
		mg_connection_close(server, c);
}

/* ---- the handshake ------------------------------------------------------------------ */

static int send_welcome(struct mg_connection *c, int result, int events_fd, int page_fd)
{
	struct inj_sim_welcome welcome = {
		.magic = INJ_SIM_MAGIC,
		.version = INJ_SIM_VERSION,
		.result = result,
		.page_size = sizeof(struct inj_sim_page),
	};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = &welcome, .iov_len = sizeof(welcome) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[2] = { events_fd, page_fd };

	if (result == 0) {
		struct cmsghdr *header;

		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fds));
		memcpy(CMSG_DATA(header), fds, sizeof(fds));
	}
	return sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int make_events(struct mg_server *server, struct mg_connection *c, int *ret_other)
{
	int pair[2], size = SEND_BUFFER, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	c->events_fd = pair[0];
	/* What is in the socket is beyond the queue and its account of losses: keep it short. */
	setsockopt(c->events_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	r = mg_watch(server, c->events_fd, EPOLLOUT | EPOLLET, &c->drained);
	if (r < 0)
		close(pair[1]);
	else
		*ret_other = pair[1];
	return r;
}

static int greet(struct mg_server *server, struct mg_connection *c,
		 const struct inj_sim_hello *hello, size_t size)
{
	size_t clients = 0;
	int other = -1, r;

	if (size != sizeof(*hello) || hello->magic != INJ_SIM_MAGIC)
		return -EPROTO;
	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++)
		clients += server->connections[i].used && server->connections[i].greeted;
	r = hello->version != INJ_SIM_VERSION                            ? -EPROTO
	    : hello->flags & ~INJ_SIM_HELLO_READ_ONLY || hello->reserved ? -EINVAL
	    : clients >= MG_CLIENTS_MAX                                  ? -EMFILE
									 : 0;
	if (r == 0)
		r = make_events(server, c, &other);
	if (r == 0)
		r = mg_file_open(&c->file, server->last_owner + 1,
				 !(hello->flags & INJ_SIM_HELLO_READ_ONLY));
	if (r < 0) {
		close_fd(&other);
		send_welcome(c, r, -1, -1);
		return r;
	}
	server->last_owner++;
	c->greeted = true;
	r = send_welcome(c, 0, other, server->host.page_fd);
	close(other);
	return r;
}

/* ---- requests ----------------------------------------------------------------------- */

/* What was asked when: a client that lies about it gains nothing, time only moves on, and never
 * past now. */
static u64 asked_at(const struct mg_server *server, const struct inj_sim_request *request, u64 now)
{
	u64 mono = request->deadline_ns -
		   min_t(u64, request->deadline_ns, INJ_SIM_TIMEOUT_MS * 1000000ull);
	u64 at;

	if (__builtin_add_overflow(mono, server->host.mono_behind, &at) || at > now)
		at = now;
	return max_t(u64, at, server->host.now);
}

static bool always_done(u32 op)
{
	return op == MESO_IOC_DISARM || op == MESO_IOC_RELEASE;
}

/* One request; negative: the connection is to be closed. */
static int answer(struct mg_server *server, struct mg_connection *c,
		  const struct inj_sim_request *request, size_t size, u64 now)
{
	union {
		struct meso_info info;
		struct meso_registers registers;
		struct meso_shots shots;
		u8 bytes[INJ_SIM_PAYLOAD_MAX];
	} payload = { 0 };
	struct inj_sim_reply reply = { 0 };
	size_t in, out;

	if (size < INJ_SIM_REQUEST_HEAD || size - INJ_SIM_REQUEST_HEAD != request->size ||
	    request->number <= c->last_request)
		return -EPROTO;
	c->last_request = request->number;
	in = _IOC_DIR(request->op) & _IOC_WRITE ? _IOC_SIZE(request->op) : 0;
	out = _IOC_DIR(request->op) & _IOC_READ ? _IOC_SIZE(request->op) : 0;
	if (in > sizeof(payload) || out > sizeof(payload) || in != request->size)
		return -EPROTO;
	memcpy(payload.bytes, request->payload, in);

	reply.number = request->number;
	if (!always_done(request->op) && request->deadline_ns <= mg_monotonic_ns()) {
		reply.result = -ETIMEDOUT;
	} else {
		mg_host_run(&server->host, asked_at(server, request, now));
		reply.result = mg_file_ioctl(&server->host, &c->file, request->op, &payload);
	}
	if (reply.result == 0) {
		reply.size = (u32)out;
		memcpy(reply.payload, payload.bytes, out);
	}
	if (request->op == MESO_IOC_SET_EVENTS)
		update_samples(server);
	/* Who does not take its replies is not waited for. */
	return send(c->fd, &reply, INJ_SIM_REPLY_HEAD + reply.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0
		       ? -errno
		       : 0;
}

static void serve(struct mg_server *server, struct mg_connection *c, u64 now)
{
	struct inj_sim_request request;

	for (int i = 0; i < TURN_REQUESTS; i++) {
		ssize_t n = recv(c->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
		struct inj_sim_hello hello;
		int r;

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			c->readable = false;
			return;
		}
		if (n <= 0 || (size_t)n > sizeof(request)) {
			mg_connection_close(server, c);
			return;
		}
		memcpy(&hello, &request, sizeof(hello));
		r = c->greeted ? answer(server, c, &request, (size_t)n, now)
			       : greet(server, c, &hello, (size_t)n);
		if (r < 0) {
			mg_connection_close(server, c);
			return;
		}
	}
}

void mg_connections_serve(struct mg_server *server, u64 now)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++) {
			struct mg_connection *c = &server->connections[i];

			if (c->used && c->readable && c->fd >= 0 &&
			    (pass || (c->greeted && mg_file_controls(&server->host, &c->file))))
				serve(server, c, now);
		}
}

/* ---- events ------------------------------------------------------------------------- */

void mg_connections_emit(void *ctx, const struct meso_event *event, u64 mono_ns)
{
	struct mg_server *server = ctx;

	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++) {
		struct mg_connection *c = &server->connections[i];

		if (c->used && c->greeted && !c->leaving)
			meso_events_push(&c->file.events, event, mono_ns);
	}
}

/* Takes whole records from the queue into one message. */
static void fill(struct mg_connection *c)
{
	union meso_event_any record;
	u32 size;

	while ((size = meso_events_peek(&c->file.events, &record)) &&
	       c->out_size + size <= sizeof(c->out)) {
		memcpy(c->out + c->out_size, &record, size);
		c->out_size += size;
		meso_events_drop(&c->file.events);
	}
}

static void flush(struct mg_server *server, struct mg_connection *c)
{
	while (c->out_size || !meso_events_empty(&c->file.events)) {
		fill(c);
		if (send(c->events_fd, c->out, c->out_size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			if (errno != EAGAIN && errno != EINTR)
				mg_connection_close(server, c);
			return;
		}
		c->out_size = 0;
	}
	if (c->leaving)
		mg_connection_close(server, c);
}

void mg_connections_flush(struct mg_server *server)
{
	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++) {
		struct mg_connection *c = &server->connections[i];

		if (c->used && c->greeted)
			flush(server, c);
	}
}

/* ---- the end ------------------------------------------------------------------------ */

/* The gun is gone: no more requests, but what is queued may still be read. */
void mg_connections_leave(struct mg_server *server)
{
	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++) {
		struct mg_connection *c = &server->connections[i];

		if (!c->used || c->leaving)
			continue;
		if (!c->greeted) {
			mg_connection_close(server, c);
			continue;
		}
		c->leaving = true;
		c->readable = false;
		close_fd(&c->fd);
		flush(server, c);
	}
}

void mg_connections_drop_all(struct mg_server *server)
{
	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++)
		mg_connection_close(server, &server->connections[i]);
}

void mg_connections_expire(struct mg_server *server, u64 now)
{
	for (size_t i = 0; i < MG_CONNECTIONS_MAX; i++) {
		struct mg_connection *c = &server->connections[i];

		if (c->used && !c->greeted && now > c->since_ns && now - c->since_ns > HELLO_NS)
			mg_connection_close(server, c);
	}
}
