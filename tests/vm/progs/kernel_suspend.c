// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine goes to sleep under a live lease, and in a shot: the gun is
 * disarmed first, and a gun that does not obey keeps the machine awake.  The
 * scenario has set pm_test, so that the kernel goes through all of it and comes
 * back.
 */
#include "gun.h"

static int go_to_sleep(void)
{
	int fd = open("/sys/power/state", O_WRONLY);
	int r;

	require(fd >= 0);
	r = write(fd, "freeze", 6) == 6 ? 0 : -errno;
	close(fd);
	return r;
}

/* In the midst of a shot: it stops, is recorded as what it was, and sleeps. */
static void asleep_in_a_shot(int fd)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20), none = {};
	struct meso_shots shots = { .from = status_of(fd).shot_count + 1 };
	struct meso_config thick = usual_config();
	long long plunger;

	hand("contact", 1);
	/* It takes its time, and the gun knows it: else it would suspect an occlusion. */
	thick.viscosity_upas = 20000;
	require_eq(ask(fd, MESO_IOC_CONFIGURE, &thick), 0);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	hand("trigger", 1);
	while (!truth("moving"))
		;
	require_eq(go_to_sleep(), 0);
	require_eq(status_of(fd).lease_end, MESO_END_SUSPEND);
	require_eq(truth("armed"), 0);
	require_eq(truth("moving"), 0);
	plunger = truth("plunger_nm");
	hand("trigger", 0);
	sleep_ms(50);
	hand("trigger", 1);
	sleep_ms(200);
	hand("trigger", 0);
	require(truth("plunger_nm") <= plunger);
	wait_status(fd, &none, 2000, s.flags & MESO_STATUS_RECONCILED);
	require_eq(ask(fd, MESO_IOC_GET_SHOTS, &shots), 0);
	require_eq(shots.count, 1);
	printf("a shot of %u nl of 20000\n", shots.shot[0].displaced_nl);
	require_eq(truth("max_beyond_lease_fl"), 0);
	wait_idle(fd);
	acknowledge(fd);
}

int main(void)
{
	int fd = ready_gun("/dev/meso0");
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20);

	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	require_eq(go_to_sleep(), 0);
	require_eq(status_of(fd).lease_end, MESO_END_SUSPEND);
	require_eq(truth("armed"), 0);
	wait_idle(fd);
	asleep_in_a_shot(fd);

	/* Awake again: armed only by a new lease. */
	lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	require_eq(truth("armed"), 1);
	hand("freeze", 1);
	require_eq(go_to_sleep(), -EBUSY);
	require_eq(status_of(fd).lease_end, MESO_END_SUSPEND);
	hand("freeze", 0);
	wait_status(fd, &lease, 2000, s.state == MESO_STATE_FAULT);
	require_eq(truth("armed"), 0);
	printf("slept twice, refused once\n");
	return 0;
}
