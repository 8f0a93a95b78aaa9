/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel scenarios' programs share: a gun held in two ways, by its
 * device node as a host holds it, and by debugfs as a hand holds it.  Truth is
 * the model's fluid, never what the driver or the firmware reports.
 */
#ifndef TEST_GUN_H
#define TEST_GUN_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/meso.h>

#define SERIAL   "DUMMY-0001"
#define HAND_DIR "/sys/kernel/debug/meso_dummy/"

/* ---- a machine that stands still ---------------------------------------------------
 * On a busy host one of the guest's processors can stand still for longer than
 * the dead man allows; then the gun is disarmed, rightly, and a test about
 * something else fails.  A thread on each processor measures that, and such a
 * failure is told by its own exit status, see steady() in lib.sh.
 */
#define EXIT_STOOD_STILL 75
#define STOOD_STILL_MS   60

static volatile unsigned int stood_still_ms;

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static inline uint64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static inline void *watch_processor(void *arg)
{
	size_t number = (size_t)arg;
	cpu_set_t set;
	uint64_t last;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return NULL;
	for (last = now_ms();; last = now_ms()) {
		unsigned int gap;

		usleep(5000);
		gap = (unsigned int)(now_ms() - last);
		if (gap > stood_still_ms)
			stood_still_ms = gap;
	}
	return NULL;
}

__attribute__((constructor)) static inline void watch_processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	for (size_t i = 0; i < (size_t)count; i++)
		if (!pthread_create(&thread, NULL, watch_processor, (void *)i))
			pthread_detach(thread);
}

static inline __attribute__((format(printf, 3, 4), noreturn)) void
failed(const char *file, int line, const char *what, ...)
{
	va_list args;

	printf("FAILED: %s:%d: ", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line);
	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	printf("\n");
	if (stood_still_ms >= STOOD_STILL_MS)
		printf("(a processor stood still for %u ms meanwhile)\n", stood_still_ms);
	exit(stood_still_ms >= STOOD_STILL_MS ? EXIT_STOOD_STILL : 1);
}

#define require(condition, ...)                                             \
	do {                                                                \
		if (!(condition))                                           \
			failed(__FILE__, __LINE__, #condition __VA_ARGS__); \
	} while (0)

/* A number that must be as said; both are shown when it is not. */
#define require_eq(got, wanted)                                                           \
	do {                                                                              \
		long long got_ = (long long)(got);                                        \
		long long wanted_ = (long long)(wanted);                                  \
                                                                                          \
		if (got_ != wanted_)                                                      \
			failed(__FILE__, __LINE__, "%s is %lld, wanted %lld", #got, got_, \
			       wanted_);                                                  \
	} while (0)

static inline void sleep_ms(unsigned int ms)
{
	usleep(ms * 1000);
}

/* ---- the hand ------------------------------------------------------------------
 * debugfs is the dummy's hand; a gun that is a process (guns.sh) has a console.
 */

/* Says a line to the console of this gun; what it answers goes to @answer, without "ok".  -1 it
 * says no
 */
static inline int ask_console(const char *serial, const char *line, char *answer, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ssize_t n;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s/control", getenv("GUNS"),
		 serial);
	require(fd >= 0);
	require(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	require(send(fd, line, strlen(line), 0) > 0);
	n = recv(fd, answer, size - 1, 0);
	require(n > 0);
	answer[n] = '\0';
	close(fd);
	if (strncmp(answer, "ok\n", 3))
		return -1;
	memmove(answer, answer + 3, strlen(answer + 3) + 1);
	return 0;
}

static inline int hand_by_console(const char *serial, const char *what, long long value)
{
	char line[128], answer[4096];

	if (strcmp(what, "disconnect") == 0)
		snprintf(line, sizeof(line), "%s", value ? "unplug" : "plug");
	else
		snprintf(line, sizeof(line), "hand %s %lld", what, value);
	return ask_console(serial, line, answer, sizeof(answer)) ? -EINVAL : 0;
}

static inline int hand_of(const char *serial, const char *what, long long value)
{
	char path[256];
	char text[32];
	int len = snprintf(text, sizeof(text), "%lld", value);
	int fd, r;

	if (getenv("GUNS"))
		return hand_by_console(serial, what, value);
	snprintf(path, sizeof(path), HAND_DIR "%s/%s", serial, what);
	fd = open(path, O_WRONLY);
	require(fd >= 0);
	r = write(fd, text, (size_t)len) == len ? 0 : -errno;
	close(fd);
	return r;
}

static inline void hand(const char *what, long long value)
{
	require_eq(hand_of(SERIAL, what, value), 0);
}

static inline long long truth_of(const char *serial, const char *key)
{
	char path[256];
	char name[64];
	char answer[4096];
	long long value, found = -1;
	FILE *file;

	if (getenv("GUNS")) {
		require_eq(ask_console(serial, "truth", answer, sizeof(answer)), 0);
		file = fmemopen(answer, strlen(answer), "r");
	} else {
		snprintf(path, sizeof(path), HAND_DIR "%s/truth", serial);
		file = fopen(path, "r");
	}
	require(file);
	while (fscanf(file, "%63s %lld", name, &value) == 2)
		if (!strcmp(name, key))
			found = value;
	fclose(file);
	require(found >= 0);
	return found;
}

static inline long long truth(const char *key)
{
	return truth_of(SERIAL, key);
}

/* ---- the host --------------------------------------------------------------------- */

/* 0, or a negative errno: what the tests compare */
static inline int ask(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static inline int open_gun(const char *node, int flags)
{
	int fd = open(node, flags | O_CLOEXEC);

	if (fd < 0)
		failed(__FILE__, __LINE__, "%s: %s", node, strerror(errno));
	return fd;
}

static inline struct meso_status status_of(int fd)
{
	struct meso_status status;

	require_eq(ask(fd, MESO_IOC_GET_STATUS, &status), 0);
	return status;
}

/* A bus notices a cable only when it looks. */
#define wait_until(ms, condition)                   \
	do {                                        \
		uint64_t until_ = now_ms() + (ms);  \
                                                    \
		while (!(condition)) {              \
			require(now_ms() < until_); \
			sleep_ms(1);                \
		}                                   \
	} while (0)

static inline void wait_gone(int fd)
{
	struct meso_status status;

	wait_until(2000, ask(fd, MESO_IOC_GET_STATUS, &status) == -ENODEV);
}

/* The cable goes in again; returns when the node is there, and not still that of the gun that has gone. */
static inline void plug_in(const char *node)
{
	int fd;

	hand("disconnect", 0);
	wait_until(5000, (fd = open(node, O_RDONLY | O_CLOEXEC)) >= 0);
	close(fd);
}

static inline struct meso_info info_of(int fd)
{
	struct meso_info info;

	require_eq(ask(fd, MESO_IOC_GET_INFO, &info), 0);
	return info;
}

static inline struct meso_config usual_config(void)
{
	return (struct meso_config){
		.bore_um = 12060,
		.capacity_nl = 5000000,
		.dose_nl = 20000,
		.depth_um = 2000,
		.mode = MESO_MODE_SINGLE,
		.rate_mhz = 5000,
		.viscosity_upas = 1000,
		.needle_um = 108,
		.needle_length_um = 4000,
		.needles = 1,
	};
}

/* A lease of @shots shots of @volume_nl in all, that lasts a minute. */
static inline struct meso_lease usual_lease(int fd, uint32_t kind, uint32_t volume_nl,
					    uint32_t shots)
{
	struct meso_info info = info_of(fd);
	struct meso_lease lease = {
		.sequence = info.last_sequence + 1,
		.boot_id = info.boot_id,
		.volume_nl = volume_nl,
		.shots = shots,
		.kind = kind,
		.min_interval_ms = 112,
		.expiry_ms = 60000,
		.heartbeat_ms = 300,
	};

	memcpy(lease.id, "LEDGER--", 8);
	memcpy(lease.id + 8, &lease.sequence, 8);
	return lease;
}

static inline int beat(int fd, const struct meso_lease *lease)
{
	struct meso_lease_ref ref;

	memcpy(ref.id, lease->id, sizeof(ref.id));
	return ask(fd, MESO_IOC_HEARTBEAT, &ref);
}

/* Lets time pass while the heart beats; a lost lease is not this one's matter. */
static inline void beat_for(int fd, const struct meso_lease *lease, unsigned int ms)
{
	uint64_t until = now_ms() + ms;

	do {
		beat(fd, lease);
		sleep_ms(10);
	} while (now_ms() < until);
}

/* Waits, with a beating heart, until the status is as wanted. */
#define wait_status(fd, lease, ms, condition)                                                    \
	do {                                                                                     \
		uint64_t until_ = now_ms() + (ms);                                               \
		struct meso_status s;                                                            \
                                                                                                 \
		for (;;) {                                                                       \
			s = status_of(fd);                                                       \
			if (condition)                                                           \
				break;                                                           \
			if (now_ms() > until_)                                                   \
				failed(__FILE__, __LINE__,                                       \
				       "waited %d ms in vain for %s (state %u faults %x end %u " \
				       "shots %llu)",                                            \
				       (int)(ms), #condition, s.state, s.faults, s.lease_end,    \
				       (unsigned long long)s.shot_count);                        \
			beat(fd, lease);                                                         \
			sleep_ms(5);                                                             \
		}                                                                                \
	} while (0)

/* The gun refuses while pressure from the lease before still drains: then again. */
static inline void arm_gun(int fd, const struct meso_lease *lease)
{
	struct meso_lease copy = *lease;
	uint64_t until = now_ms() + 8000;
	struct meso_status s;
	int r;

	while ((r = ask(fd, MESO_IOC_ARM, &copy)) == -EBUSY && now_ms() < until)
		sleep_ms(5);
	s = status_of(fd);
	if (r)
		failed(__FILE__, __LINE__, "ARM: %s (state %u flags %x faults %x end %u)",
		       strerror(-r), s.state, s.flags, s.faults, s.lease_end);
}

static inline void press(void)
{
	hand("trigger", 1);
	sleep_ms(15);
	hand("trigger", 0);
}

/* One press, one shot; returns when it has been counted. */
static inline void shoot(int fd, const struct meso_lease *lease)
{
	uint64_t count = status_of(fd).shot_count;

	press();
	wait_status(fd, lease, 8000, s.shot_count == count + 1);
	beat_for(fd, lease, 120);
}

/* All records acknowledged, as a daemon does after its commit. */
static inline void acknowledge(int fd)
{
	struct meso_info info = info_of(fd);
	struct meso_ack ack = { .epoch = info.epoch };
	struct meso_lease none = { .sequence = 0 };

	wait_status(fd, &none, 1000, s.flags & MESO_STATUS_RECONCILED);
	ack.upto = status_of(fd).shot_count;
	if (ack.upto)
		require_eq(ask(fd, MESO_IOC_ACK_SHOTS, &ack), 0);
}

static inline void wait_idle(int fd)
{
	struct meso_lease none = { .sequence = 0 };

	wait_status(fd, &none, 8000,
		    s.state == MESO_STATE_IDLE &&
			    !(s.flags & (MESO_STATUS_MOVING | MESO_STATUS_LEASE_OPEN)));
}

/* From a gun on the table to one that may treat: acquired, configured, primed.
 * Returns the fd of the controller. */
static inline int ready_gun(const char *node)
{
	int fd = open_gun(node, O_RDWR);
	struct meso_config config = usual_config();
	struct meso_lease lease;

	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
	wait_idle(fd);
	require_eq(ask(fd, MESO_IOC_CONFIGURE, &config), 0);
	if (status_of(fd).flags & MESO_STATUS_PRIMED)
		return fd;
	hand("contact", 0);
	lease = usual_lease(fd, MESO_KIND_PRIME, 60000, 3);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50); /* the trigger must be seen released first */
	for (int i = 0; i < 3; i++)
		shoot(fd, &lease);
	wait_status(fd, &lease, 8000, s.flags & MESO_STATUS_PRIMED && s.lease_end);
	wait_idle(fd);
	acknowledge(fd);
	return fd;
}

#endif /* TEST_GUN_H */
