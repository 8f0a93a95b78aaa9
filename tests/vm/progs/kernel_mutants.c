// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware that is wrong, one way at a time, on a gun of its own each: the
 * kernel catches it, ends the lease, and what left the needle stays within the
 * lease and the overshoot that the gun states.
 *
 * usage: kernel_mutants NODE SERIAL MUTANT (the gun is made by the scenario)
 */
#include "gun.h"

static const char *serial;
static const char *node;

static void do_hand(const char *what, long long value)
{
	require_eq(hand_of(serial, what, value), 0);
}

static void pull(void)
{
	do_hand("trigger", 1);
	sleep_ms(15);
	do_hand("trigger", 0);
}

static int primed_gun(void)
{
	int fd = open_gun(node, O_RDWR);
	struct meso_config config = usual_config();
	struct meso_lease lease;

	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
	wait_idle(fd);
	require_eq(ask(fd, MESO_IOC_CONFIGURE, &config), 0);
	lease = usual_lease(fd, MESO_KIND_PRIME, 60000, 3);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50); /* the trigger must be seen released first */
	for (uint64_t i = 1; i <= 3; i++) {
		uint64_t count = status_of(fd).shot_count;

		pull();
		wait_status(fd, &lease, 5000, s.shot_count == count + 1);
		beat_for(fd, &lease, 120);
	}
	wait_idle(fd);
	acknowledge(fd);
	do_hand("contact", 1);
	sleep_ms(50);
	return fd;
}

static struct meso_lease arm(int fd, uint32_t volume_nl, uint32_t shots, uint32_t expiry_ms)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, volume_nl, shots);

	lease.expiry_ms = expiry_ms;
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	return lease;
}

/* Presses for as long as the lease lives. */
static void press_until_ended(int fd, const struct meso_lease *lease, unsigned int most)
{
	for (unsigned int i = 0; i < most && !status_of(fd).lease_end; i++) {
		pull();
		beat_for(fd, lease, 250);
	}
}

static void within_lease_and_overshoot(int fd)
{
	long long beyond = truth_of(serial, "max_beyond_lease_fl");

	printf("beyond the lease: %lld nl, stated overshoot %u nl\n", beyond / 1000000,
	       info_of(fd).overshoot_nl);
	require(beyond <= info_of(fd).overshoot_nl * 1000000LL);
}

static void caught(int fd, const struct meso_lease *lease, uint32_t fault)
{
	wait_status(fd, lease, 5000, s.lease_end && s.faults & fault);
	printf("ended: %u, faults 0x%x\n", status_of(fd).lease_end, status_of(fd).faults);
}

static void truly_disarmed(void)
{
	require_eq(truth_of(serial, "armed"), 0);
	require_eq(truth_of(serial, "moving"), 0);
}

/* Goes on past the lease: the kernel stops it when the lease is spent. */
static void no_budget(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 60000);

	struct meso_status s;

	press_until_ended(fd, &lease, 8);
	/* Spent, or, if a press came while the last shot settled, overrun. */
	s = status_of(fd);
	require(s.lease_end == MESO_END_SPENT || s.lease_end == MESO_END_OVERRUN);
	pull();
	sleep_ms(300);
	truly_disarmed();
	s = status_of(fd);
	require(s.shot_count == 3 + 3 ||
		(s.faults & MESO_FAULT_HOST_OVERRUN && s.shot_count == 3 + 4));
}

static void no_heartbeat(int fd)
{
	uint64_t since;

	arm(fd, 60000, 3, 60000);
	since = now_ms();
	while (truth_of(serial, "armed"))
		require(now_ms() - since <= 500);
	require_eq(status_of(fd).lease_end, MESO_END_HEARTBEAT);
}

static void no_expiry(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 400);

	beat_for(fd, &lease, 500);
	truly_disarmed();
	require_eq(status_of(fd).lease_end, MESO_END_EXPIRED);
}

static void lying_log(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 60000);

	press_until_ended(fd, &lease, 3);
	caught(fd, &lease, MESO_FAULT_HOST_IMPLAUSIBLE);
	truly_disarmed();
}

static void skip_log(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 60000);

	pull();
	caught(fd, &lease, MESO_FAULT_HOST_IMPLAUSIBLE);
	require(!(status_of(fd).flags & MESO_STATUS_RECONCILED));
	truly_disarmed();
}

static void runaway(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 60000);

	pull();
	caught(fd, &lease, MESO_FAULT_HOST_OVERRUN);
	sleep_ms(300);
	require_eq(truth_of(serial, "moving"), 0); /* the travel limiter's doing */
}

static void no_abort(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 60000);

	require_eq(ask(fd, MESO_IOC_DISARM, NULL), 0);
	caught(fd, &lease, MESO_FAULT_HOST_UNRESPONSIVE);
	/* No heartbeat is relayed any more: the gun's own dead man acts. */
	sleep_ms(500);
	truly_disarmed();
}

static void double_shot(int fd)
{
	struct meso_lease lease = arm(fd, 100000, 5, 60000);

	pull();
	caught(fd, &lease, MESO_FAULT_HOST_OVERRUN);
	sleep_ms(100);
	truly_disarmed();
}

static void replay(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 60000);

	require_eq(ask(fd, MESO_IOC_DISARM, NULL), 0);
	wait_idle(fd);
	require_eq(ask(fd, MESO_IOC_ARM, &lease), -ESTALE);
	lease.sequence = 1;
	require_eq(ask(fd, MESO_IOC_ARM, &lease), -ESTALE);
	truly_disarmed();
}

static void auto_rearm(int fd)
{
	struct meso_lease none = { .sequence = 0 };
	struct meso_lease lease = arm(fd, 60000, 3, 60000);
	uint64_t since = now_ms();

	/* Faster than the kernel's own dead man: the gun must notice by itself.
	 * Its clock and ours differ by a tick, so either may be first. */
	while (truth_of(serial, "armed"))
		require(now_ms() - since <= 500);
	sleep_ms(200);
	truly_disarmed();
	(void)lease;
	wait_status(fd, &none, 1000, s.lease_end == MESO_END_HEARTBEAT);
}

static const struct {
	const char *name;
	unsigned int bit;
	void (*run)(int fd);
} mutants[] = {
	{ "none", 0, NULL },
	{ "no-budget", 1 << 0, no_budget },
	{ "no-heartbeat", 1 << 1, no_heartbeat },
	{ "lying-log", 1 << 2, lying_log },
	{ "runaway", 1 << 3, runaway },
	{ "no-abort", 1 << 4, no_abort },
	{ "double-shot", 1 << 5, double_shot },
	{ "no-expiry", 1 << 6, no_expiry },
	{ "replay", 1 << 7, replay },
	{ "skip-log", 1 << 8, skip_log },
	{ "auto-rearm", 1 << 9, auto_rearm },
};

/* The same treatment with sound firmware raises no alarm. */
static void sound(int fd)
{
	struct meso_lease lease = arm(fd, 60000, 3, 60000);

	press_until_ended(fd, &lease, 10); /* a busy gun may miss one */
	require_eq(status_of(fd).lease_end, MESO_END_SPENT);
	wait_idle(fd);
	require_eq(status_of(fd).faults, 0);
	acknowledge(fd);
}

int main(int argc, char **argv)
{
	require(argc == 4);
	node = argv[1];
	serial = argv[2];
	for (size_t i = 0; i < sizeof(mutants) / sizeof(mutants[0]); i++) {
		int fd;

		if (strcmp(mutants[i].name, argv[3]) != 0)
			continue;
		fd = primed_gun();
		do_hand("mutants", mutants[i].bit);
		if (mutants[i].run)
			mutants[i].run(fd);
		else
			sound(fd);
		within_lease_and_overshoot(fd);
		printf("%s: caught\n", mutants[i].name);
		return 0;
	}
	printf("no such mutant: %s\n", argv[3]);
	return 2;
}
