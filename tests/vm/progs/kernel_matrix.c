// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever uses a gun, in whatever way it goes: sleeping in read, poll or
 * epoll, with an ioctl under way, through a file that was duplicated, passed
 * on or inherited, with a lease, in mid-shot.  Each is told in time, by the
 * documented result, and the gun that comes back is as good as before.
 *
 * kernel_matrix [CYCLES]: so many cells, over and over; every one once if not said
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "ways.h"

#define IN_TIME_MS 3000

static int fd; /* the user's own */
static struct meso_lease lease;
static const struct way *way; /* in which it goes */
static pthread_t thread;
static pid_t child;

/* ---- what somebody who waits is told -------------------------------------------- */

/* Reads until there is no more.  0: told by `removed`, then -ENODEV */
static int read_to_the_end(int user)
{
	uint64_t buf[64];
	bool removed = false;
	ssize_t n;

	while ((n = read(user, buf, sizeof(buf))) > 0) {
		const struct meso_event *event = NULL;

		for (uint64_t *at = buf; at < buf + n / 8; at += event->size / 8)
			event = (const struct meso_event *)at;
		removed = event && event->type == MESO_EVENT_REMOVED;
	}
	return n < 0 && errno == ENODEV && removed ? 0 : 1;
}

static int poll_to_the_end(int user)
{
	struct pollfd p = { .fd = user };

	return poll(&p, 1, 10000) == 1 && (p.revents & (POLLHUP | POLLERR)) == (POLLHUP | POLLERR)
		       ? 0
		       : 1;
}

static int epoll_to_the_end(int user)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLPRI | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int r = 1;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, user, &event))
		return 1;
	while (epoll_wait(epoll, &event, 1, 10000) == 1)
		if (event.events & EPOLLHUP) {
			r = !(event.events & EPOLLERR);
			break;
		}
	close(epoll);
	return r;
}

/* What is under way while a cable is pulled gets no answer. */
static int or_silent(int r)
{
	return r == -ETIMEDOUT || r == -EIO ? 0 : r;
}

static int ask_to_the_end(int user)
{
	struct meso_config config = usual_config();
	struct meso_status status;
	struct meso_shots shots;
	int r = 0;

	while (!r) {
		r = or_silent(ask(user, MESO_IOC_CONFIGURE, &config));
		if (!r)
			r = ask(user, MESO_IOC_GET_STATUS, &status);
		shots.from = 0;
		if (!r)
			r = ask(user, MESO_IOC_GET_SHOTS, &shots);
	}
	return r == -ENODEV ? 0 : r;
}

/* ---- those who wait ----------------------------------------------------------------- */

struct waiter {
	int (*wait)(int user);
	int user;
};

static struct waiter waiter;

static void *wait_in_thread(void *arg)
{
	const struct waiter *w = arg;

	return (void *)(intptr_t)w->wait(w->user);
}

static void start_thread(int (*wait)(int user), int user)
{
	waiter = (struct waiter){ .wait = wait, .user = user };
	require_eq(pthread_create(&thread, NULL, wait_in_thread, &waiter), 0);
}

static void end_thread(void)
{
	struct timespec until = { .tv_sec = time(NULL) + 1 + IN_TIME_MS / 1000 };
	void *result;

	require_eq(pthread_timedjoin_np(thread, &result, &until), 0);
	require_eq((intptr_t)result, 0);
}

static void start_child(int (*wait)(int user), int user)
{
	child = fork();
	require(child >= 0);
	if (child == 0)
		_exit(wait(user));
}

static void end_child(void)
{
	int status = -1;

	wait_until(IN_TIME_MS, waitpid(child, &status, WNOHANG) == child);
	require_eq(status, 0);
}

static void sleeps_in_read(void)
{
	start_thread(read_to_the_end, fd);
}

static void sleeps_in_poll(void)
{
	start_thread(poll_to_the_end, fd);
}

static void sleeps_in_epoll(void)
{
	start_thread(epoll_to_the_end, fd);
}

static void has_an_ioctl_under_way(void)
{
	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
	wait_idle(fd);
	start_thread(ask_to_the_end, fd);
}

static void has_a_duplicate(void)
{
	int copy = dup(fd);

	require(copy >= 0);
	close(fd);
	fd = copy;
	start_thread(read_to_the_end, copy);
}

static void passes_it_on(void)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	char byte = 0;
	struct iovec io = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	int pair[2];

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	require_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	require_eq(sendmsg(pair[0], &message, 0), 1);
	/* Until it is received, only the socket holds it. */
	close(fd);
	child = fork();
	require(child >= 0);
	if (child == 0) {
		if (recvmsg(pair[1], &message, 0) != 1)
			_exit(2);
		c = CMSG_FIRSTHDR(&message);
		if (!c)
			_exit(3);
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
		_exit(read_to_the_end(fd));
	}
	close(pair[0]);
	close(pair[1]);
	fd = -1;
}

static void has_a_child(void)
{
	start_child(poll_to_the_end, fd);
	start_thread(poll_to_the_end, fd);
}

static void end_both(void)
{
	end_child();
	end_thread();
}

/* A prime wants no syringe that is primed: any gun takes it.  One whose heart a slow machine has let miss a beat is
 * armed once more.
 */
static void is_armed(void)
{
	struct meso_config config = usual_config();

	for (int tries = 0; tries == 0 || !truth("armed"); tries++) {
		require(tries < 5);
		wait_idle(fd);
		require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
		require_eq(ask(fd, MESO_IOC_CONFIGURE, &config), 0);
		lease = usual_lease(fd, MESO_KIND_PRIME, 60000, 3);
		arm_gun(fd, &lease);
		beat_for(fd, &lease, 50);
	}
}

static void fires(void)
{
	is_armed();
	hand("trigger", 1);
	wait_until(1000, (beat(fd, &lease), truth("moving")));
}

static void look(void)
{
	require_stopped(way);
}

static void let_go(void)
{
	look();
	if (way->gun_lives)
		hand("trigger", 0);
}

static const struct {
	const char *name;
	void (*begin)(void);
	void (*end)(void);
} users[] = {
	{ "sleeps in read", sleeps_in_read, end_thread },
	{ "sleeps in poll", sleeps_in_poll, end_thread },
	{ "sleeps in epoll", sleeps_in_epoll, end_thread },
	{ "has an ioctl under way", has_an_ioctl_under_way, end_thread },
	{ "reads from a duplicate", has_a_duplicate, end_thread },
	{ "passes it on to a child that reads", passes_it_on, end_child },
	{ "polls, and so does a child", has_a_child, end_both },
	{ "is armed", is_armed, look },
	{ "fires", fires, let_go },
};

#define USERS (sizeof(users) / sizeof(users[0]))

/* ---- the cells ------------------------------------------------------------------------ */

/* Whatever is asked of it: there is none. */
static void everything_says_enodev(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct meso_shots shots = { .from = 0 };
	uint64_t buf[sizeof(struct meso_registers) / 8];

	if (fd < 0)
		return;
	require_eq(ask(fd, MESO_IOC_GET_INFO, buf), -ENODEV);
	require_eq(ask(fd, MESO_IOC_GET_STATUS, buf), -ENODEV);
	require_eq(ask(fd, MESO_IOC_GET_REGISTERS, buf), -ENODEV);
	require_eq(ask(fd, MESO_IOC_GET_SHOTS, &shots), -ENODEV);
	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), -ENODEV);
	require_eq(ask(fd, MESO_IOC_DISARM, NULL), -ENODEV);
	require_eq(poll(&p, 1, 0), 1);
	require_eq(p.revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	require_eq(errno, ENODEV);
}

static void cell(size_t user, bool tell)
{
	uint64_t since;

	if (tell)
		printf("%s while somebody %s\n", way->name, users[user].name);
	fd = open_gun(NODE, O_RDWR);
	users[user].begin();
	sleep_ms(20);
	since = now_ms();
	way->go();
	wait_until(IN_TIME_MS, access(NODE, F_OK) != 0);
	users[user].end();
	require(now_ms() - since <= IN_TIME_MS + 1000);
	everything_says_enodev();
	if (fd >= 0)
		close(fd);
	come_back(way);
}

int main(int argc, char **argv)
{
	const struct way *ways;
	const size_t n_ways = all_ways(&ways);
	const size_t cells = n_ways * USERS;
	size_t cycles = argc > 1 ? strtoul(argv[1], NULL, 10) : cells;

	setlinebuf(stdout);
	if (access(NODE, F_OK))
		make_directory();
	wait_until(5000, access(NODE, R_OK) == 0);
	for (size_t i = 0; i < cycles; i++) {
		way = &ways[i / USERS % n_ways];
		cell(i % USERS, i < cells);
		if (i && i % 500 == 0)
			printf("%zu of %zu\n", i, cycles);
	}
	printf("it went %zu times\n", cycles);
	return 0;
}
