// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a USB bus does to a gun, under a live lease: a reset, a driver unbound.
 * Truth is the model's, and the gun is truly disarmed within the dead man's time.
 */
#include "gun.h"

#include <linux/usbdevice_fs.h>

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	require(fd >= 0);
	require(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void reset(const char *device)
{
	int fd = open(device, O_RDWR | O_CLOEXEC);

	require(fd >= 0);
	require(ioctl(fd, USBDEVFS_RESET, 0) == 0);
	close(fd);
}

static struct meso_lease begin(int fd)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20);

	hand("contact", 1);
	sleep_ms(50);
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 50);
	shoot(fd, &lease);
	return lease;
}

static void end(uint64_t since)
{
	while (truth("armed") || truth("moving"))
		require(now_ms() - since <= 500);
	hand("trigger", 0);
}

/* The node stays, its lease does not. */
static void a_reset_ends_the_lease_and_the_gun_goes_on(int fd, const char *device)
{
	struct meso_lease lease = begin(fd), none = { .sequence = 0 };
	uint64_t since, count;

	hand("trigger", 1);
	while (!truth("moving"))
		;
	since = now_ms();
	reset(device);
	end(since);
	require_eq(beat(fd, &lease), -ESTALE);
	wait_status(fd, &none, 3000,
		    s.state == MESO_STATE_IDLE && s.flags & MESO_STATUS_FRESH &&
			    s.flags & MESO_STATUS_RECONCILED);
	require_eq(status_of(fd).lease_end, MESO_END_RESET);
	require_eq(status_of(fd).faults, 0);
	acknowledge(fd);

	count = status_of(fd).shot_count;
	lease = begin(fd);
	require_eq(status_of(fd).shot_count, count + 1);
	require_eq(ask(fd, MESO_IOC_DISARM, NULL), 0);
	wait_idle(fd);
	acknowledge(fd);
}

static void idle_resets_change_nothing(int fd, const char *device)
{
	struct meso_lease none = { .sequence = 0 };
	uint64_t boot_id = info_of(fd).boot_id;

	for (int i = 0; i < 5; i++) {
		reset(device);
		wait_status(fd, &none, 3000,
			    s.state == MESO_STATE_IDLE && s.flags & MESO_STATUS_FRESH);
	}
	require_eq(info_of(fd).boot_id, boot_id);
}

static void an_unbound_driver_stops_the_gun(int fd, const char *interface)
{
	struct meso_lease lease = begin(fd);
	uint64_t since;

	hand("trigger", 1);
	while (!truth("moving"))
		;
	since = now_ms();
	write_to("/sys/bus/usb/drivers/meso_usb/unbind", interface);
	end(since);
	/* The stop got through: it did not wait for the dead man. */
	require_eq(truth("armed"), 0);
	require_eq(beat(fd, &lease), -ENODEV);
	close(fd);
	write_to("/sys/bus/usb/drivers/meso_usb/bind", interface);
	wait_until(3000, access("/dev/meso0", R_OK) == 0);
	fd = open_gun("/dev/meso0", O_RDWR);
	wait_idle(fd);
	require_eq(status_of(fd).lease_end, 0);
	wait_status(fd, &lease, 3000, s.flags & MESO_STATUS_RECONCILED && s.journal_count == 2);
	close(fd);
}

int main(int argc, char **argv)
{
	int fd;

	require(argc == 3);
	fd = ready_gun("/dev/meso0");
	idle_resets_change_nothing(fd, argv[1]);
	a_reset_ends_the_lease_and_the_gun_goes_on(fd, argv[1]);
	an_unbound_driver_stops_the_gun(fd, argv[2]);
	return 0;
}
