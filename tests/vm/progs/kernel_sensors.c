// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sensors that are wrong, one at a time, under a live lease: each is found by
 * another, the lease ends, nothing fires and nothing arms while it lasts, and
 * once it is gone and the fault is cleared the gun is as good as before.
 */
#include "gun.h"

static const struct sensor {
	const char *hand;
	long long wrong, right;
	uint32_t fault;
	bool moving; /* found only while fluid moves */
} sensors[] = {
	{ "encoder_bias", -6000, 0, MESO_FAULT_ENCODER_MISMATCH, false },
	{ "encoder_bias", 6000, 0, MESO_FAULT_ENCODER_MISMATCH, false },
	{ "depth_bias", 300, 0, MESO_FAULT_DEPTH_MISMATCH, false },
	{ "depth_bias", -300, 0, MESO_FAULT_DEPTH_MISMATCH, false },
	{ "pressure_bias", 60000, 0, MESO_FAULT_OCCLUSION, false },
	{ "pressure_bias", -300000, 0, MESO_FAULT_AIR, true },
	{ "temperature", 50000, 25000, MESO_FAULT_OVER_TEMPERATURE, false },
	{ "battery", 5, 80, MESO_FAULT_LOW_BATTERY, false },
};

/* A biased encoder that is mended moves, to the kernel: also that is a fault. */
static void clear_all(int fd)
{
	uint64_t until = now_ms() + 8000;

	for (;;) {
		struct meso_status status = status_of(fd);
		struct meso_clear clear = {
			.mask = status.faults,
			.counter = status.fault_counter,
			.boot_id = status.boot_id,
		};

		if (status.state == MESO_STATE_IDLE && !status.faults)
			return;
		require(now_ms() < until);
		if (status.faults)
			ask(fd, MESO_IOC_CLEAR_FAULTS, &clear);
		sleep_ms(20);
	}
}

static void prime(int fd)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_PRIME, 60000, 3);

	hand("contact", 0);
	sleep_ms(50);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	for (int i = 0; i < 3; i++)
		shoot(fd, &lease);
	wait_idle(fd);
	acknowledge(fd);
}

static void wrong(int fd, const struct sensor *sensor)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 60000, 3), next;
	long long shots, plunger;
	uint64_t since;

	printf("%s %lld\n", sensor->hand, sensor->wrong);
	hand("contact", 1);
	sleep_ms(50);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	hand(sensor->hand, sensor->wrong);
	if (sensor->moving)
		press();
	wait_status(fd, &lease, 3000, s.lease_end && s.faults & sensor->fault);
	since = now_ms();
	while (truth("armed") || truth("moving"))
		require(now_ms() - since <= 500);

	shots = truth("shots");
	plunger = truth("plunger_nm");
	press();
	sleep_ms(200);
	next = usual_lease(fd, MESO_KIND_TREAT, 60000, 3);
	require(ask(fd, MESO_IOC_ARM, &next) < 0);
	press();
	sleep_ms(200);
	require_eq(truth("armed"), 0);
	require_eq(truth("shots"), shots);
	/* What relieves pressure draws back; nothing goes forth. */
	require(truth("plunger_nm") <= plunger);

	hand(sensor->hand, sensor->right);
	sleep_ms(50);
	clear_all(fd);
	wait_idle(fd);
	acknowledge(fd);
	if (!(status_of(fd).flags & MESO_STATUS_PRIMED))
		prime(fd);
	hand("contact", 1);
	sleep_ms(50);
	lease = usual_lease(fd, MESO_KIND_TREAT, 20000, 1);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	shoot(fd, &lease);
	wait_idle(fd);
	acknowledge(fd);
	require_eq(truth("max_beyond_lease_fl"), 0);
}

int main(void)
{
	int fd = ready_gun("/dev/meso0");

	for (size_t i = 0; i < sizeof(sensors) / sizeof(sensors[0]); i++)
		wrong(fd, &sensors[i]);
	return 0;
}
