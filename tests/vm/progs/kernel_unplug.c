// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gun is unplugged while readers sleep, pollers wait and others ask: all of
 * them are told, none is left hanging, and the gun that comes back is the same.
 */
#include <pthread.h>

#include "gun.h"

struct waiter {
	pthread_t thread;
	int fd;
	ssize_t result;
	int error;
	bool removed_last;
	short revents;
};

/* Reads until it is told that there is no more. */
static void *reader(void *arg)
{
	struct waiter *w = arg;
	uint64_t buf[64];

	while ((w->result = read(w->fd, buf, sizeof(buf))) > 0) {
		struct meso_event *event = NULL;

		for (uint64_t *at = buf; at < buf + w->result / 8; at += event->size / 8)
			event = (struct meso_event *)at;
		w->removed_last = event && event->type == MESO_EVENT_REMOVED;
	}
	w->error = errno;
	return NULL;
}

static void *poller(void *arg)
{
	struct waiter *w = arg;
	struct pollfd p = { .fd = w->fd }; /* HUP and ERR only */

	w->result = poll(&p, 1, 10000);
	w->revents = p.revents;
	return NULL;
}

static void *asker(void *arg)
{
	struct waiter *w = arg;
	struct meso_status status;
	struct meso_registers regs;
	struct meso_config config = usual_config();

	do {
		w->error = ask(w->fd, MESO_IOC_GET_STATUS, &status);
		ask(w->fd, MESO_IOC_GET_REGISTERS, &regs);
		ask(w->fd, MESO_IOC_CONFIGURE, &config);
		ask(w->fd, MESO_IOC_DISARM, NULL);
	} while (!w->error);
	return NULL;
}

static void start(struct waiter *w, void *(*body)(void *))
{
	w->fd = open_gun("/dev/meso0", O_RDWR);
	require(!pthread_create(&w->thread, NULL, body, w));
}

static void end(struct waiter *w)
{
	struct timespec until = { .tv_sec = time(NULL) + 5 };

	require(!pthread_timedjoin_np(w->thread, NULL, &until), "a caller was left hanging");
}

static void everything_says_enodev(int fd)
{
	uint64_t buf[64];
	struct pollfd p = { .fd = fd, .events = POLLIN };

	require_eq(ask(fd, MESO_IOC_GET_STATUS, buf), -ENODEV);
	require_eq(ask(fd, MESO_IOC_DISARM, NULL), -ENODEV);
	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), -ENODEV);
	require_eq(poll(&p, 1, 0), 1);
	require_eq(p.revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	require_eq(errno, ENODEV);
}

static void unplugged_with_everybody_in_place(void)
{
	struct waiter readers[4] = {}, pollers[4] = {}, askers[2] = {};
	int fd = open_gun("/dev/meso0", O_RDWR | O_NONBLOCK);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		start(&readers[i], reader);
		start(&pollers[i], poller);
	}
	start(&askers[0], asker);
	start(&askers[1], asker);
	sleep_ms(100);
	hand("disconnect", 1);
	for (i = 0; i < 4; i++) {
		end(&readers[i]);
		end(&pollers[i]);
		require_eq(readers[i].result, -1);
		require_eq(readers[i].error, ENODEV);
		require(readers[i].removed_last);
		require_eq(pollers[i].result, 1);
		require_eq(pollers[i].revents & (POLLHUP | POLLERR), POLLHUP | POLLERR);
	}
	end(&askers[0]);
	end(&askers[1]);
	require_eq(askers[0].error, -ENODEV);
	wait_until(2000, access("/dev/meso0", F_OK));
	everything_says_enodev(fd);
	for (i = 0; i < 4; i++) {
		close(readers[i].fd);
		close(pollers[i].fd);
	}
	close(askers[0].fd);
	close(askers[1].fd);
	close(fd);
	plug_in("/dev/meso0");
}

/* Mid-shot: the cable is gone, the gun is on its own.  Its dead man stops it,
 * and its log says later what it did. */
static void unplugged_mid_shot_the_gun_stops_and_remembers(void)
{
	int fd = ready_gun("/dev/meso0");
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20);
	uint64_t epoch = info_of(fd).epoch;
	struct meso_shots shots = { .from = 0 };
	uint64_t count, since;

	hand("contact", 1);
	sleep_ms(50);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	shoot(fd, &lease);
	count = status_of(fd).shot_count;
	hand("trigger", 1);
	while (!truth("moving"))
		;
	hand("disconnect", 1);
	since = now_ms();
	hand("trigger", 0);
	while (truth("armed") || truth("moving"))
		require(now_ms() - since <= 500);
	everything_says_enodev(fd);
	close(fd);

	plug_in("/dev/meso0");
	hand("contact", 0);
	fd = open_gun("/dev/meso0", O_RDWR);
	wait_idle(fd);
	wait_status(fd, &lease, 1000, s.flags & MESO_STATUS_RECONCILED);
	require_eq(info_of(fd).epoch, epoch);
	require_eq(status_of(fd).shot_count, count + 1);
	require_eq(ask(fd, MESO_IOC_GET_SHOTS, &shots), 0);
	require_eq(shots.count, 2);
	require_eq(shots.shot[1].number, count + 1);
	require(!memcmp(shots.shot[1].lease_id, lease.id, sizeof(lease.id)));
	require(truth("lease_fl") <=
		(long long)(shots.shot[0].displaced_nl + shots.shot[1].displaced_nl) * 1000000 +
			1000000);
	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
	acknowledge(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 10;

	for (long i = 0; i < rounds; i++)
		unplugged_with_everybody_in_place();
	unplugged_mid_shot_the_gun_stops_and_remembers();
	printf("unplugged %ld times\n", rounds + 1);
	return 0;
}
