// SPDX-License-Identifier: GPL-2.0-only
/*
 * However the controller goes, the gun is disarmed: silence, close, release,
 * DISARM, expiry, a reboot of the gun, a frozen gun.  Measured at the model:
 * `armed` is what the firmware would truly do.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "gun.h"

static struct meso_lease armed(int fd, uint32_t heartbeat_ms, uint32_t expiry_ms)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20);

	lease.heartbeat_ms = heartbeat_ms;
	lease.expiry_ms = expiry_ms;
	arm_gun(fd, &lease);
	require_eq(truth("armed"), 1);
	return lease;
}

/* Until the firmware is truly disarmed; how long that took. */
static uint64_t disarmed_after(uint64_t since_ms, unsigned int limit_ms)
{
	while (truth("armed") || truth("moving"))
		require(now_ms() - since_ms <= limit_ms);
	return now_ms() - since_ms;
}

static void silence_ends_lease_and_ownership(int fd)
{
	struct meso_lease lease = armed(fd, 300, 60000);
	uint64_t since = now_ms();
	uint64_t took = disarmed_after(since, 500);

	require(took >= 250);
	wait_idle(fd);
	require_eq(status_of(fd).lease_end, MESO_END_HEARTBEAT);
	require_eq(status_of(fd).flags & MESO_STATUS_OWNED, 0);
	require_eq(beat(fd, &lease), -EPERM);
	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
	printf("silence: disarmed after %llu ms\n", (unsigned long long)took);
}

static void stop_ends_lease(int fd, unsigned long how, uint32_t reason)
{
	struct meso_lease lease = armed(fd, 300, 60000);
	uint64_t since;

	beat_for(fd, &lease, 50);
	since = now_ms();
	require_eq(ask(fd, how, NULL), 0);
	disarmed_after(since, 100);
	wait_idle(fd);
	require_eq(status_of(fd).lease_end, reason);
	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
}

static void anybody_with_a_writable_file_may_stop(int fd)
{
	int other = open_gun("/dev/meso0", O_RDWR);

	armed(fd, 300, 60000);
	require_eq(ask(other, MESO_IOC_DISARM, NULL), 0);
	disarmed_after(now_ms(), 100);
	wait_idle(fd);
	require_eq(ask(other, MESO_IOC_DISARM, NULL), 0);
	close(other);
}

static void time_ends_lease_however_the_heart_beats(int fd)
{
	struct meso_lease lease = armed(fd, 300, 700);
	uint64_t since = now_ms();

	beat_for(fd, &lease, 600);
	require_eq(truth("armed"), 1);
	beat_for(fd, &lease, 200);
	require_eq(truth("armed"), 0);
	require(now_ms() - since < 1500);
	wait_idle(fd);
	require_eq(status_of(fd).lease_end, MESO_END_EXPIRED);
}

static void last_close_ends_lease(int fd)
{
	int watcher = open_gun("/dev/meso0", O_RDONLY);
	int copy;

	armed(fd, 300, 60000);
	copy = dup(fd);
	close(fd);
	require_eq(truth("armed"), 1); /* the other descriptor keeps the file open */
	close(copy);
	disarmed_after(now_ms(), 100);
	wait_idle(watcher);
	require_eq(status_of(watcher).lease_end, MESO_END_CLOSE);
	require_eq(status_of(watcher).flags & MESO_STATUS_OWNED, 0);
	close(watcher);
}

/* The controller is killed with the plunger moving. */
static void death_mid_shot_stops_the_plunger(void)
{
	int ready[2];
	uint64_t since;
	pid_t child;
	char c;
	int watcher;

	require(!pipe(ready));
	child = fork();
	require(child >= 0);
	if (!child) {
		int fd = ready_gun("/dev/meso0");
		struct meso_lease lease = armed(fd, 300, 60000);

		beat_for(fd, &lease, 50);
		require(write(ready[1], "x", 1) == 1);
		beat_for(fd, &lease, 60000);
		_exit(0);
	}
	require_eq(read(ready[0], &c, 1), 1);
	hand("trigger", 1);
	while (!truth("moving"))
		;
	kill(child, SIGKILL);
	since = now_ms();
	printf("killed mid-shot: still after %llu ms\n",
	       (unsigned long long)disarmed_after(since, 500));
	require(waitpid(child, NULL, 0) == child);
	hand("trigger", 0);
	watcher = open_gun("/dev/meso0", O_RDONLY);
	wait_idle(watcher);
	require_eq(status_of(watcher).lease_end, MESO_END_CLOSE);
	require_eq(truth("max_beyond_lease_fl"), 0);
	close(watcher);
}

static void reboot_of_the_gun_ends_lease(int fd)
{
	struct meso_lease lease = armed(fd, 300, 60000);
	uint64_t old = info_of(fd).boot_id;

	beat_for(fd, &lease, 20);
	hand("power", 0);
	hand("power", 4711);
	wait_status(fd, &lease, 1000, s.lease_end);
	require_eq(status_of(fd).lease_end, MESO_END_REBOOT);
	wait_idle(fd);
	require(info_of(fd).boot_id != old);
	require_eq(info_of(fd).boot_id, 4711);
	lease.sequence++;
	require_eq(ask(fd, MESO_IOC_ARM, &lease), -ESTALE); /* the old boot's */
}

/* A gun that hangs while armed: nobody can stop it, but nobody is told that
 * all is well. */
static void frozen_gun_is_told(int fd)
{
	struct meso_lease lease = armed(fd, 300, 60000);
	uint64_t since;

	beat_for(fd, &lease, 20);
	hand("freeze", 1);
	since = now_ms();
	wait_status(fd, &lease, 400, s.lease_end == MESO_END_STALE);
	require(!(status_of(fd).flags & MESO_STATUS_FRESH));
	wait_status(fd, &lease, 1000, s.faults & MESO_FAULT_HOST_UNRESPONSIVE);
	wait_status(fd, &lease, 1500, s.state == MESO_STATE_STALE);
	printf("frozen: marked stale after %llu ms\n", (unsigned long long)(now_ms() - since));
	lease.sequence++;
	require(ask(fd, MESO_IOC_ARM, &lease) < 0);
	hand("freeze", 0);
	wait_status(fd, &lease, 2000, s.state == MESO_STATE_FAULT);
	require_eq(truth("armed"), 0);
	require_eq(ask(fd, MESO_IOC_ARM, &lease), -EACCES);
}

static void a_seen_fault_can_be_cleared(int fd)
{
	struct meso_status status = status_of(fd);
	struct meso_clear clear = {
		.mask = MESO_FAULT_HOST_UNRESPONSIVE,
		.counter = status.fault_counter - 1,
		.boot_id = status.boot_id,
	};

	require_eq(ask(fd, MESO_IOC_CLEAR_FAULTS, &clear), -ESTALE);
	clear.counter++;
	require_eq(ask(fd, MESO_IOC_CLEAR_FAULTS, &clear), 0);
	require_eq(status_of(fd).faults & MESO_FAULT_HOST_UNRESPONSIVE, 0);
}

int main(void)
{
	int fd = ready_gun("/dev/meso0");

	silence_ends_lease_and_ownership(fd);
	stop_ends_lease(fd, MESO_IOC_DISARM, MESO_END_DISARM);
	stop_ends_lease(fd, MESO_IOC_RELEASE, MESO_END_DISARM);
	anybody_with_a_writable_file_may_stop(fd);
	time_ends_lease_however_the_heart_beats(fd);
	hand("contact", 1);
	last_close_ends_lease(fd);
	death_mid_shot_stops_the_plunger();
	fd = ready_gun("/dev/meso0");
	reboot_of_the_gun_ends_lease(fd);
	hand("contact", 0);
	close(fd);
	fd = ready_gun("/dev/meso0");
	frozen_gun_is_told(fd);
	a_seen_fault_can_be_cleared(fd);
	require(truth("max_beyond_lease_fl") <= info_of(fd).overshoot_nl * 1000000LL);
	return 0;
}
