// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Owns a meso-gun process and its directory for one test; see gun_fixture.h.
 * Judges nothing but that the process does what it is told.
 */
#include "gun_fixture.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "truth.h"

#define START_MS    5000
#define ARGS_MAX    24
#define PROGRAM_MAX 4096

int64_t gun_fixture_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void gun_fixture_sleep_ms(int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* $MESO_GUN, or the one that was built beside this test */
static void find_program(char *path, size_t size)
{
	const char *named = getenv("MESO_GUN");
	char self[PROGRAM_MAX];
	ssize_t n;

	if (named) {
		snprintf(path, size, "%s", named);
		return;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	ck_assert_int_gt(n, 0);
	self[n] = '\0';
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(self, '/');

		ck_assert_ptr_nonnull(slash);
		*slash = '\0';
	}
	ck_assert_int_lt(snprintf(path, size, "%s/meso-gun", self), (int)size);
	if (access(path, X_OK) < 0)
		snprintf(path, size, "build/meso-gun");
}

static int connect_console(const struct gun_fixture *gun)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", gun->control);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Until it reports: a frame has come and the gun can be looked at. */
static void wait_started(struct gun_fixture *gun)
{
	int64_t until = gun_fixture_now_ms() + START_MS;
	int status;

	for (;;) {
		struct meso_status gun_status;
		inj_gun *handle = NULL;
		int r;

		ck_assert_msg(waitpid(gun->pid, &status, WNOHANG) == 0,
			      "meso-gun ended at once: is it built? status %d", status);
		r = inj_gun_open(gun->uri, INJ_OPEN_READ_ONLY, &handle);
		if (r == 0) {
			r = inj_gun_get_status(handle, &gun_status);
			inj_gun_unref(handle);
			if (r == 0 && gun_status.flags & MESO_STATUS_VALID)
				return;
		}
		ck_assert_msg(gun_fixture_now_ms() < until, "meso-gun did not start: %s",
			      strerror(-r));
		gun_fixture_sleep_ms(1);
	}
}

void gun_fixture_restart(struct gun_fixture *gun, const char *const *extra)
{
	char program[PROGRAM_MAX], *args[ARGS_MAX];
	const char *fixed[] = { program,   "--socket", gun->socket, "--memory",  gun->memory,
				"--truth", gun->truth, "--control", gun->control };
	size_t count = 0;
	pid_t parent = getpid();

	ck_assert_int_eq(gun->pid, 0);
	find_program(program, sizeof(program));
	for (; count < sizeof(fixed) / sizeof(fixed[0]); count++)
		args[count] = (char *)(uintptr_t)fixed[count];
	for (; extra && *extra; extra++) {
		ck_assert_uint_lt(count, ARGS_MAX - 1);
		args[count++] = (char *)(uintptr_t)*extra;
	}
	args[count] = NULL;

	gun->pid = fork();
	ck_assert_int_ge(gun->pid, 0);
	if (gun->pid == 0) {
		/* A test that dies takes its gun with it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			execv(program, args);
		_exit(127);
	}
	wait_started(gun);
}

void gun_fixture_start(struct gun_fixture *gun, const char *const *extra)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	memset(gun, 0, sizeof(*gun));
	snprintf(gun->dir, sizeof(gun->dir), "%s/meso-test-XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(gun->dir));
	snprintf(gun->socket, sizeof(gun->socket), "%s/gun", gun->dir);
	snprintf(gun->control, sizeof(gun->control), "%s/control", gun->dir);
	snprintf(gun->memory, sizeof(gun->memory), "%s/memory", gun->dir);
	snprintf(gun->truth, sizeof(gun->truth), "%s/truth", gun->dir);
	snprintf(gun->uri, sizeof(gun->uri), "sim:%s", gun->socket);
	gun_fixture_restart(gun, extra);
}

void gun_fixture_signal(struct gun_fixture *gun, int sig)
{
	ck_assert_int_gt(gun->pid, 0);
	ck_assert_int_eq(kill(gun->pid, sig), 0);
	if (sig == SIGSTOP) {
		int status;

		ck_assert_int_eq(waitpid(gun->pid, &status, WUNTRACED), gun->pid);
		ck_assert(WIFSTOPPED(status));
	} else if (sig == SIGKILL || sig == SIGTERM) {
		while (waitpid(gun->pid, NULL, 0) < 0)
			ck_assert_int_eq(errno, EINTR);
		gun->pid = 0;
	}
}

void gun_fixture_stop(struct gun_fixture *gun)
{
	struct dirent *entry;
	DIR *dir;

	if (gun->pid > 0)
		gun_fixture_signal(gun, SIGKILL);
	dir = opendir(gun->dir);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(gun->dir);
}

void gun_fixture_ask_answer(const struct gun_fixture *gun, const char *line, char *answer,
			    size_t size)
{
	struct pollfd pfd = { .events = POLLIN };
	ssize_t n;

	pfd.fd = connect_console(gun);
	ck_assert_msg(pfd.fd >= 0, "no console for: %s", line);
	ck_assert_int_eq(send(pfd.fd, line, strlen(line), MSG_NOSIGNAL), (int)strlen(line));
	ck_assert_msg(poll(&pfd, 1, START_MS) == 1, "no answer to: %s", line);
	n = recv(pfd.fd, answer, size - 1, 0);
	ck_assert_msg(n > 0, "no answer to: %s", line);
	answer[n] = '\0';
	close(pfd.fd);
}

void gun_fixture_ask(const struct gun_fixture *gun, const char *format, ...)
{
	char line[512], answer[4096];
	va_list args;

	va_start(args, format);
	/* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is, one line above */
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	gun_fixture_ask_answer(gun, line, answer, sizeof(answer));
	ck_assert_msg(strncmp(answer, "ok\n", 3) == 0, "%s: %s", line, answer);
	/* The firmware looks at its sensors once a millisecond; who asks it for something sooner
	 * asks a gun that has not seen what the hand did. */
	if (strncmp(line, "hand ", 5) == 0)
		gun_fixture_sleep_ms(2);
}

void gun_fixture_truth(const struct gun_fixture *gun, struct meso_truth *truth)
{
	int r = mg_truth_read(gun->truth, truth);

	ck_assert_msg(r == 0, "%s: %s", gun->truth, strerror(-r));
}

int gun_fixture_wait_disarmed(const struct gun_fixture *gun, int limit_ms)
{
	int64_t start = gun_fixture_now_ms();

	for (;;) {
		struct meso_truth truth;
		int64_t elapsed;

		gun_fixture_truth(gun, &truth);
		elapsed = gun_fixture_now_ms() - start;
		if (!truth.armed && !truth.moving)
			return (int)elapsed;
		ck_assert_msg(elapsed < limit_ms, "still armed after %d ms", (int)elapsed);
		gun_fixture_sleep_ms(1);
	}
}

/* ---- a controller's side --------------------------------------------------------- */

void gun_fixture_config(struct meso_config *config)
{
	*config = (struct meso_config){
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

void gun_fixture_lease(inj_gun *handle, uint32_t kind, uint32_t volume_nl, uint32_t shots,
		       struct meso_lease *lease)
{
	struct meso_info info;

	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	*lease = (struct meso_lease){
		.sequence = info.last_sequence + 1,
		.boot_id = info.boot_id,
		.volume_nl = volume_nl,
		.shots = shots,
		.kind = kind,
		.min_interval_ms = 1000000 / info.rate_max_mhz + 1,
		.expiry_ms = 60000,
		.heartbeat_ms = MESO_HEARTBEAT_MAX_MS,
		.mark = { .sequence = info.last_sequence + 1 },
	};
	ck_assert_int_eq(getrandom(lease->id, sizeof(lease->id), 0), sizeof(lease->id));
}

void gun_fixture_beat(inj_gun *handle, const struct meso_lease *lease, int ms)
{
	int64_t until = gun_fixture_now_ms() + ms;

	do {
		/* A lease that has ended may be what the test wants. */
		inj_gun_heartbeat(handle, lease->id);
		gun_fixture_sleep_ms(ms < 10 ? ms : 10);
	} while (gun_fixture_now_ms() < until);
}

void gun_fixture_shoot(struct gun_fixture *gun, inj_gun *handle, const struct meso_lease *lease)
{
	int64_t until = gun_fixture_now_ms() + START_MS;
	struct meso_status before, status;

	/* A press that comes too early, or before the firmware has seen the trigger at rest under
	 * this lease, is no shot and is not remembered as one. */
	gun_fixture_beat(handle, lease, 3);
	while (gun_fixture_now_ms() < gun->pulled_ms + lease->min_interval_ms + 10)
		gun_fixture_beat(handle, lease, 5);
	ck_assert_int_eq(inj_gun_get_status(handle, &before), 0);
	gun->pulled_ms = gun_fixture_now_ms();
	gun_fixture_ask(gun, "hand trigger 1");
	do {
		gun_fixture_beat(handle, lease, 2);
		ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
		ck_assert_msg(gun_fixture_now_ms() < until,
			      "no shot: state %s, faults 0x%x, lease %s",
			      inj_state_name(status.state), status.faults,
			      inj_end_name(status.lease_end));
	} while (status.shot_count == before.shot_count || status.state == MESO_STATE_FIRING ||
		 !(status.flags & MESO_STATUS_RECONCILED));
	gun_fixture_ask(gun, "hand trigger 0");
	gun_fixture_beat(handle, lease, 2);
}

void gun_fixture_wait_idle(inj_gun *handle)
{
	int64_t until = gun_fixture_now_ms() + START_MS;
	struct meso_status status;

	for (;;) {
		ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
		if (status.state == MESO_STATE_IDLE && status.flags & MESO_STATUS_RECONCILED &&
		    !(status.flags & MESO_STATUS_MOVING))
			return;
		ck_assert_msg(gun_fixture_now_ms() < until, "not idle: state %s, faults 0x%x",
			      inj_state_name(status.state), status.faults);
		gun_fixture_sleep_ms(1);
	}
}

void gun_fixture_prime(struct gun_fixture *gun, inj_gun *handle, const struct meso_config *config)
{
	uint32_t shots = MESO_DEAD_VOLUME_NL / config->dose_nl + 1;
	struct meso_lease lease;

	gun_fixture_ask(gun, "hand contact 0");
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	ck_assert_int_eq(inj_gun_configure(handle, config), 0);
	gun_fixture_lease(handle, MESO_KIND_PRIME, shots * config->dose_nl, shots, &lease);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	for (uint32_t i = 0; i < shots; i++)
		gun_fixture_shoot(gun, handle, &lease);
	ck_assert_int_eq(inj_gun_disarm(handle), 0);
	gun_fixture_wait_idle(handle);
}
