// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The loop: descriptors, the timer, and when the gun's time moves on.  Knows
 * nothing about guns but when the next thing is due.
 */
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A gun without power does nothing by itself, but its fluid still moves. */
#define IDLE_NS 100000000ull

static u64 read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

u64 mg_boottime_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

u64 mg_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int mg_watch(struct mg_server *server, int fd, u32 events, struct mg_source *source)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* ---- sockets ---------------------------------------------------------------------- */

/* A path that nobody answers at was left by a process that was killed. */
static int remove_left_over(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, r;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? errno : 0;
	close(fd);
	if (r != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int mg_listen_on(const char *path, int *ret_fd, char *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	if (!*path || strlen(path) >= sizeof(address.sun_path)) {
		snprintf(error, MG_TEXT_MAX, "%.100s: a socket's path has 1 to %zu characters",
			 path, sizeof(address.sun_path) - 1);
		return -EINVAL;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	r = remove_left_over(&address);
	if (r == -EADDRINUSE || r == -EEXIST) {
		snprintf(error, MG_TEXT_MAX,
			 r == -EEXIST ? "%s: exists and is not a socket"
				      : "%s: another process listens there",
			 path);
		return r;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r < 0 || fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, MG_CLIENTS_MAX) < 0) {
		r = r < 0 ? r : -errno;
		snprintf(error, MG_TEXT_MAX, "%s: cannot listen: %s", path, strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void control_ready(struct mg_server *server, struct mg_source *source, u32 events)
{
	(void)source;
	(void)events;
	mg_console_accept(server);
}

/* ---- the loop ----------------------------------------------------------------------- */

static void timer_ready(struct mg_server *server, struct mg_source *source, u32 events)
{
	u64 expirations;

	(void)source;
	(void)events;
	if (read(server->timer_fd, &expirations, sizeof(expirations)) < 0)
		return; /* it was set anew meanwhile */
}

static void signal_ready(struct mg_server *server, struct mg_source *source, u32 events)
{
	struct signalfd_siginfo info;

	(void)source;
	(void)events;
	if (read(server->signal_fd, &info, sizeof(info)) == sizeof(info))
		server->quit = true;
}

static void set_timer(struct mg_server *server, u64 now)
{
	u64 next = min_t(u64, server->cable->next_ns(server), now + IDLE_NS);
	struct itimerspec when = { 0 };

	next = max_t(u64, next, 1);
	when.it_value.tv_sec = (time_t)(next / 1000000000u);
	when.it_value.tv_nsec = (long)(next % 1000000000u);
	timerfd_settime(server->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void be_ready(struct mg_server *server, const struct epoll_event *ready, int count,
		     bool late)
{
	for (int i = 0; i < count; i++) {
		struct mg_source *source = ready[i].data.ptr;

		if (source->late == late)
			source->ready(server, source, ready[i].events);
	}
}

static void turn(struct mg_server *server)
{
	struct epoll_event ready[32];
	u64 now;
	int n;

	n = epoll_wait(server->epoll_fd, ready, ARRAY_SIZE(ready), -1);
	now = mg_boottime_ns();
	be_ready(server, ready, n, false);
	server->cable->serve(server, now);
	server->cable->run(server, now);
	be_ready(server, ready, n, true);
	server->cable->flush(server, now);
	set_timer(server, now);
}

static int set_up(struct mg_server *server, char *error)
{
	sigset_t signals;
	int r = 0;

	snprintf(error, MG_TEXT_MAX, "cannot set up the loop");
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	server->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server->epoll_fd < 0 || server->timer_fd < 0 || server->signal_fd < 0)
		return -errno;
	r = mg_watch(server, server->timer_fd, EPOLLIN, &server->timer);
	if (r == 0)
		r = mg_watch(server, server->signal_fd, EPOLLIN, &server->signals);
	if (r == 0 && server->options->control_path)
		r = mg_listen_on(server->options->control_path, &server->control_fd, error);
	if (r == 0 && server->options->control_path)
		r = mg_watch(server, server->control_fd, EPOLLIN, &server->control);
	if (r == 0)
		r = server->cable->init(server, error);
	if (r == 0)
		r = server->cable->plug(server, error);
	return r;
}

static void tear_down(struct mg_server *server)
{
	int fds[] = { server->epoll_fd, server->timer_fd, server->signal_fd, server->control_fd };

	server->cable->unplug(server);
	server->cable->done(server);
	for (size_t i = 0; i < MG_CONSOLES_MAX; i++)
		mg_console_close(server, &server->consoles[i]);
	if (server->control_fd >= 0)
		unlink(server->options->control_path);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int mg_server_run(const struct mg_server_options *options, struct mg_machine *machine, char *error)
{
	struct mg_server *server = calloc(1, sizeof(*server));
	u64 now = mg_boottime_ns();
	int r;

	if (!server) {
		snprintf(error, MG_TEXT_MAX, "out of memory");
		return -ENOMEM;
	}
	server->options = options;
	server->cable = options->udc ? &mg_usb_cable : &mg_socket_cable;
	server->machine = machine;
	server->now = now;
	server->epoll_fd = server->timer_fd = server->signal_fd = -1;
	server->listen_fd = server->control_fd = -1;
	server->timer.ready = timer_ready;
	server->signals.ready = signal_ready;
	server->control.ready = control_ready;
	server->control.late = true;
	for (size_t i = 0; i < MG_CONSOLES_MAX; i++)
		server->consoles[i].fd = -1;
	r = set_up(server, error);
	if (r == 0)
		set_timer(server, now);
	while (r == 0 && !server->quit)
		turn(server);
	tear_down(server);
	free(server);
	return r;
}
