// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machine goes to sleep under a live lease: the gun is disarmed first, and
 * a gun that does not obey keeps the machine awake.  The scenario has set
 * pm_test, so that the kernel goes through all of it and comes back.
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
	printf("slept once, refused once\n");
	return 0;
}
