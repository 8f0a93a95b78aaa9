// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guns behind the socket of a meso-gun process.  Owns the connection, the time
 * limits, and the mapping of the gun's snapshot; believes no length that the
 * other side says.  See sim_protocol.h.
 */
#include "internal.h"
#include "sim_protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

struct sim_gun {
	int fd;
	int events_fd;
	const struct inj_sim_page *page;
	uint64_t number; /* of the newest request */
	bool unanswered; /* that one timed out and its reply has not come since */
	struct inj_sim_request request;
	struct inj_sim_reply reply;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Waits for a message until @deadline_ns.  0, -ETIMEDOUT, -errno. */
static int wait_readable(int fd, uint64_t deadline_ns)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	for (;;) {
		uint64_t now = now_ns(CLOCK_MONOTONIC);
		uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
		struct timespec ts = { .tv_sec = (time_t)(left / 1000000000u),
				       .tv_nsec = (long)(left % 1000000000u) };
		int r = ppoll(&pfd, 1, &ts, NULL);

		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* The other side went away; for the caller that is the gun. */
static int gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN ? -ENODEV : -error;
}

/* Takes one reply.  Its size, -EAGAIN none there, -ENODEV, -EPROTO not a reply. */
static int take_reply(struct sim_gun *gun)
{
	ssize_t n;

	do
		n = recv(gun->fd, &gun->reply, sizeof(gun->reply), MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return gone(errno);
	if (n == 0)
		return -ENODEV;
	if ((size_t)n < INJ_SIM_REPLY_HEAD || (size_t)n > sizeof(gun->reply) ||
	    gun->reply.size != (size_t)n - INJ_SIM_REPLY_HEAD)
		return -EPROTO;
	if (gun->reply.number == gun->number)
		gun->unanswered = false;
	return (int)n;
}

/* Waits for the reply to the newest request; replies to earlier ones are late and are dropped. */
static int wait_reply(struct sim_gun *gun, uint64_t deadline_ns)
{
	for (;;) {
		int r = take_reply(gun);

		if (r >= 0) {
			if (gun->reply.number == gun->number)
				return 0;
			if (gun->reply.number > gun->number)
				return -EPROTO;
			continue;
		}
		if (r != -EAGAIN)
			return r;
		r = wait_readable(gun->fd, deadline_ns);
		if (r < 0)
			return r;
	}
}

static int send_request(struct sim_gun *gun, unsigned int op, const void *arg, uint64_t deadline_ns)
{
	struct inj_sim_request *request = &gun->request;
	size_t size = _IOC_DIR(op) & _IOC_WRITE ? _IOC_SIZE(op) : 0;
	ssize_t n;

	request->number = ++gun->number;
	request->deadline_ns = deadline_ns;
	request->op = op;
	request->size = (uint32_t)size;
	if (size)
		memcpy(request->payload, arg, size);
	do
		n = send(gun->fd, request, INJ_SIM_REQUEST_HEAD + size,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : gone(errno);
	return 0;
}

/* A simulator that let a request time out is frozen until it answers that one: nobody waits for
 * it a second time, and nothing but a stop is queued for when it wakes up. */
static int check_answering(struct sim_gun *gun, unsigned int op)
{
	while (gun->unanswered) {
		int r = take_reply(gun);

		if (r >= 0)
			continue;
		if (r != -EAGAIN)
			return r;
		if (op == MESO_IOC_DISARM || op == MESO_IOC_RELEASE)
			send_request(gun, op, NULL, 0);
		return -ETIMEDOUT;
	}
	return 0;
}

static int sim_request(void *self, unsigned int op, void *arg)
{
	struct sim_gun *gun = self;
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + INJ_SIM_TIMEOUT_MS * 1000000ull;
	size_t size = _IOC_DIR(op) & _IOC_READ ? _IOC_SIZE(op) : 0;
	int r;

	r = check_answering(gun, op);
	if (r < 0)
		return r;
	r = send_request(gun, op, arg, deadline);
	if (r < 0)
		return r;
	r = wait_reply(gun, deadline);
	if (r == -ETIMEDOUT)
		gun->unanswered = true;
	if (r < 0)
		return r;
	if (gun->reply.result < 0)
		return gun->reply.result < -4095 ? -EPROTO : gun->reply.result;
	if (gun->reply.size != size)
		return -EPROTO;
	if (size)
		memcpy(arg, gun->reply.payload, size);
	return gun->reply.result;
}

/* The snapshot is as old as its frame; what follows from its age is the reader's to say.  The same
 * as meso_snapshot_status() of the interlock, which this library does not carry; a test compares
 * them. */
void inj_sim_status_at(const struct meso_snapshot *snapshot, uint64_t now,
		       struct meso_status *ret_status)
{
	struct meso_status *s = ret_status;

	*s = snapshot->status;
	if (snapshot->frame_ns && now > snapshot->frame_ns)
		s->age_ns = now - snapshot->frame_ns;
	if (now < snapshot->fresh_until_ns)
		s->flags |= MESO_STATUS_FRESH;
	if (now >= snapshot->stale_from_ns)
		s->state = MESO_STATE_STALE;
	if (now < snapshot->expires_ns)
		s->lease_left_ms = (uint32_t)((snapshot->expires_ns - now) / 1000000u);
}

static int sim_status(void *self, struct meso_status *ret_status)
{
	struct sim_gun *gun = self;
	struct meso_snapshot snapshot;
	struct pollfd pfd = { .fd = gun->fd };

	/* Not a question to the gun: has the other end been closed? */
	if (poll(&pfd, 1, 0) > 0 && pfd.revents & (POLLHUP | POLLERR))
		return -ENODEV;
	if (!inj_latch_read(&gun->page->latch, gun->page->copies, &snapshot, sizeof(snapshot)))
		return -EPROTO;
	inj_sim_status_at(&snapshot, now_ns(CLOCK_BOOTTIME), ret_status);
	return 0;
}

static ssize_t sim_events(void *self, void *buf, size_t size)
{
	struct sim_gun *gun = self;
	ssize_t n;

	do
		n = recv(gun->events_fd, buf, size, MSG_DONTWAIT | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return gone(errno);
	if (n == 0)
		return -ENODEV;
	return (size_t)n > size ? -EPROTO : n;
}

static int sim_get_fd(const void *self)
{
	return ((const struct sim_gun *)self)->events_fd;
}

static void sim_close(void *self)
{
	struct sim_gun *gun = self;

	if (gun->page)
		munmap((void *)(uintptr_t)gun->page, sizeof(*gun->page));
	if (gun->events_fd >= 0)
		close(gun->events_fd);
	if (gun->fd >= 0)
		close(gun->fd);
	free(gun);
}

static const struct inj_backend sim_backend = {
	.request = sim_request,
	.status = sim_status,
	.events = sim_events,
	.get_fd = sim_get_fd,
	.close = sim_close,
};

static int connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (!*path || strlen(path) >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	do
		r = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		/* Nobody listens any more: that gun is unplugged.  A full queue of a frozen
		 * simulator is as good as no answer. */
		r = errno == ECONNREFUSED || errno == EPROTOTYPE ? -ENODEV
		    : errno == EAGAIN                            ? -ETIMEDOUT
								 : -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* The two descriptors of a welcome, whatever else came with it closed. */
static void take_fds(struct msghdr *message, int *events_fd, int *page_fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (*events_fd < 0)
				*events_fd = fd;
			else if (*page_fd < 0)
				*page_fd = fd;
			else
				close(fd);
		}
	}
}

/* Only a file that can never shrink may be mapped: reading past its end would kill us. */
static int map_page(int fd, const struct inj_sim_page **ret_page)
{
	const struct inj_sim_page *page;
	struct stat st;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return -EPROTO;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(*page))
		return -EPROTO;
	page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	if (page->magic != INJ_SIM_MAGIC || page->version != INJ_SIM_VERSION) {
		munmap((void *)(uintptr_t)page, sizeof(*page));
		return -EPROTO;
	}
	*ret_page = page;
	return 0;
}

static int read_welcome(struct sim_gun *gun, struct inj_sim_welcome *welcome, int *ret_page_fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = welcome, .iov_len = sizeof(*welcome) };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n;

	do
		n = recvmsg(gun->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return gone(errno);
	take_fds(&message, &gun->events_fd, ret_page_fd);
	if (n == 0)
		return -ENODEV;
	if (n != sizeof(*welcome) || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    welcome->magic != INJ_SIM_MAGIC)
		return -EPROTO;
	return 0;
}

static int shake_hands(struct sim_gun *gun, unsigned int flags)
{
	struct inj_sim_hello hello = {
		.magic = INJ_SIM_MAGIC,
		.version = INJ_SIM_VERSION,
		.flags = flags & INJ_OPEN_READ_ONLY ? INJ_SIM_HELLO_READ_ONLY : 0,
	};
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + INJ_SIM_OPEN_TIMEOUT_MS * 1000000ull;
	struct inj_sim_welcome welcome;
	int page_fd = -1, r;

	if (send(gun->fd, &hello, sizeof(hello), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : gone(errno);
	r = wait_readable(gun->fd, deadline);
	if (r < 0)
		return r;
	r = read_welcome(gun, &welcome, &page_fd);
	if (r == 0 && welcome.result < 0)
		r = welcome.result < -4095 ? -EPROTO : welcome.result;
	if (r == 0 && (welcome.version != INJ_SIM_VERSION ||
		       welcome.page_size != sizeof(struct inj_sim_page) || page_fd < 0))
		r = -EPROTO;
	if (r == 0)
		r = map_page(page_fd, &gun->page);
	if (page_fd >= 0)
		close(page_fd);
	return r;
}

int inj_sim_open(const char *path, unsigned int flags, const struct inj_backend **ret_backend,
		 void **ret_self)
{
	struct sim_gun *gun = calloc(1, sizeof(*gun));
	int r;

	if (!gun)
		return -ENOMEM;
	gun->fd = -1;
	gun->events_fd = -1;
	r = connect_to(path, &gun->fd);
	if (r == 0)
		r = shake_hands(gun, flags);
	if (r < 0) {
		sim_close(gun);
		return r;
	}
	*ret_backend = &sim_backend;
	*ret_self = gun;
	return 0;
}
