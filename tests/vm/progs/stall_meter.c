// SPDX-License-Identifier: GPL-2.0-only
/*
 * stall_meter FILE: how long a processor of this machine has stood still.
 *
 * One thread on each processor, of the highest priority, wants to run every 5 ms;
 * when it was kept from it for longer than ever before, by the host of this
 * virtual machine and nobody else, the milliseconds go to FILE.  Runs until
 * killed.  Whoever's deadline passed meanwhile did right; a test that failed on it
 * has shown nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS 5000000L
#define MS_NS     1000000L

struct meter {
	pthread_mutex_t lock; /* @longest_ms and the file */
	long longest_ms;
	int fd;
	atomic_int next; /* processor to be watched */
};

static long elapsed_ns(const struct timespec *since)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - since->tv_sec) * 1000 * MS_NS + now.tv_nsec - since->tv_nsec;
}

static void note(struct meter *meter, long ms)
{
	char text[32];

	pthread_mutex_lock(&meter->lock);
	if (ms > meter->longest_ms) {
		/* Longer numbers only: the old one is overwritten whole. */
		int len = snprintf(text, sizeof(text), "%ld\n", ms);

		meter->longest_ms = ms;
		if (pwrite(meter->fd, text, (size_t)len, 0) != len)
			perror("stall_meter");
	}
	pthread_mutex_unlock(&meter->lock);
}

static void *watch(void *userdata)
{
	static const struct timespec period = { .tv_nsec = PERIOD_NS };
	const struct sched_param priority = { .sched_priority = 99 };
	struct meter *meter = userdata;
	struct timespec before;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET((unsigned int)atomic_fetch_add(&meter->next, 1), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu) < 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &priority) < 0) {
		perror("stall_meter: no processor of its own");
		exit(1);
	}
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &before);
		nanosleep(&period, NULL);
		note(meter, (elapsed_ns(&before) - PERIOD_NS) / MS_NS);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct meter meter = { .lock = PTHREAD_MUTEX_INITIALIZER };
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	if (argc != 2) {
		fputs("usage: stall_meter FILE\n", stderr);
		return 2;
	}
	meter.fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (meter.fd < 0 || pwrite(meter.fd, "0\n", 2, 0) != 2 || mlockall(MCL_CURRENT) < 0) {
		fprintf(stderr, "stall_meter: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (long i = 0; i < processors; i++)
		if (pthread_create(&thread, NULL, watch, &meter) != 0) {
			fputs("stall_meter: no thread\n", stderr);
			return 1;
		}
	for (;;)
		pause();
}
