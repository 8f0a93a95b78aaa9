// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From a pedal's event to FIRE on /dev/meso0, in the guest: mesod's own code (its
 * loop, its pedal, its gun) beside the barest loop that could do it, epoll_wait,
 * libevdev and the ioctl.  Each has a pedal of its own, made by uinput; both fire
 * under a lease that the gun does not have, so that the kernel refuses at once and
 * what is measured is the way there.
 *
 * `pedal_bench ours` and `pedal_bench peer` make a fixed number of presses by one of
 * them and nothing else, for strace to count what they ask of the kernel.
 */
#include <fcntl.h>
#include <libevdev/libevdev-uinput.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "gun.h"
#include "lease.h"
#include "mesod.h"
#include "pedal.h"
#include "session.h"

#define PER_BATCH    20
#define TRACED_CALLS 100
#define OURS_NAME    "Bench Pedal"
#define PEER_NAME    "Bench Peer"

struct rig {
	struct libevdev_uinput *ours;
	struct libevdev_uinput *peer;
	/* ours */
	struct mesod mesod;
	struct session session;
	struct gun gun;
	/* the peer */
	struct libevdev *device;
	int epoll;
	int gun_fd;
	struct meso_fire fire;
	uint64_t fired;
};

static void die(const char *what, int r)
{
	fprintf(stderr, "pedal_bench: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void check(const char *what, int r)
{
	if (r < 0)
		die(what, r);
}

static struct libevdev_uinput *make_pedal(const char *name)
{
	struct libevdev *device = libevdev_new();
	struct libevdev_uinput *pedal;

	if (!device)
		die("libevdev", -ENOMEM);
	libevdev_set_name(device, name);
	check("libevdev", libevdev_enable_event_code(device, EV_KEY, KEY_B, NULL));
	check("uinput",
	      libevdev_uinput_create_from_device(device, LIBEVDEV_UINPUT_OPEN_MANAGED, &pedal));
	libevdev_free(device);
	return pedal;
}

static void key(struct libevdev_uinput *pedal, int value)
{
	check("uinput", libevdev_uinput_write_event(pedal, EV_KEY, KEY_B, value));
	check("uinput", libevdev_uinput_write_event(pedal, EV_SYN, SYN_REPORT, 0));
}

/* ---- mesod's way ------------------------------------------------------------------------ */

static void set_up_ours(struct rig *rig)
{
	struct mesod *mesod = &rig->mesod;
	const uint8_t id[MESO_LEASE_ID_LEN] = { 0 }; /* what a gun without a lease says */

	mesod->log.max_priority = LOG_WARNING;
	mesod->pedal = (struct pedal_config){ .wanted = true, .name = OURS_NAME, .key = KEY_B };
	check("the loop", sd_event_new(&mesod->event));
	rig->session = (struct session){ .mesod = mesod, .gun = &rig->gun };
	rig->gun = (struct gun){ .mesod = mesod, .session = &rig->session };
	check("the gun", inj_gun_open("/dev/meso0", 0, &rig->gun.handle));
	check("the gun's control", inj_gun_acquire(rig->gun.handle));
	check("a lease", lease_new(&rig->gun, id, 1, MESO_KIND_TREAT, &rig->gun.lease));
	check("a lease", lease_begin(rig->gun.lease));
	/* Its heart does not beat here: there is no worker to ask. */
	check("the loop", sd_event_source_set_enabled(rig->gun.lease->heartbeat, SD_EVENT_OFF));
	mesod->guns = &rig->gun;
	check("the pedal", pedals_new(mesod, &mesod->pedals));
}

static void handle_ours(struct rig *rig)
{
	check("the loop", sd_event_run(rig->mesod.event, UINT64_MAX));
}

/* ---- the barest way --------------------------------------------------------------------- */

static void set_up_peer(struct rig *rig)
{
	int fd = open(libevdev_uinput_get_devnode(rig->peer), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };

	if (fd < 0)
		die("the peer's pedal", -errno);
	check("libevdev", libevdev_new_from_fd(fd, &rig->device));
	check("libevdev", libevdev_grab(rig->device, LIBEVDEV_GRAB));
	rig->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (rig->epoll < 0 || epoll_ctl(rig->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll", -errno);
	rig->gun_fd = inj_gun_get_fd(rig->gun.handle);
	rig->fire.expect = 1;
}

static void handle_peer(struct rig *rig)
{
	struct epoll_event ready;
	struct input_event event;
	int r;

	if (epoll_wait(rig->epoll, &ready, 1, -1) < 0)
		die("epoll", -errno);
	while ((r = libevdev_next_event(rig->device, LIBEVDEV_READ_FLAG_NORMAL, &event)) >= 0)
		if (event.type == EV_KEY && event.code == KEY_B && event.value == 1) {
			if (ioctl(rig->gun_fd, MESO_IOC_FIRE, &rig->fire) >= 0 || errno != ESTALE)
				die("FIRE was to be refused", -errno);
			rig->fired++;
		}
	if (r != -EAGAIN)
		die("libevdev", r);
}

/* ---- both --------------------------------------------------------------------------------- */

/* One press and its release; what the press cost from when it can be read until all is done with. */
static uint64_t press(struct rig *rig, struct libevdev_uinput *pedal, void (*handle)(struct rig *))
{
	uint64_t start, end;

	key(pedal, 1);
	start = bench_now_ns();
	handle(rig);
	end = bench_now_ns();
	key(pedal, 0);
	handle(rig);
	return end - start;
}

static uint64_t batch(struct rig *rig, struct libevdev_uinput *pedal, void (*handle)(struct rig *))
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < PER_BATCH; i++)
		sum += press(rig, pedal, handle);
	return sum / PER_BATCH;
}

int main(int argc, char **argv)
{
	uint64_t ours[BENCH_ROUNDS], peer[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
	static struct rig rig;

	rig.ours = make_pedal(OURS_NAME);
	rig.peer = make_pedal(PEER_NAME);
	set_up_ours(&rig);
	set_up_peer(&rig);
	if (argc > 1) {
		const bool is_ours = strcmp(argv[1], "ours") == 0;

		for (unsigned int i = 0; i < TRACED_CALLS; i++)
			press(&rig, is_ours ? rig.ours : rig.peer,
			      is_ours ? handle_ours : handle_peer);
		return 0;
	}
	for (size_t i = 0; i < BENCH_ROUNDS; i++) {
		ours[i] = batch(&rig, rig.ours, handle_ours);
		peer[i] = batch(&rig, rig.peer, handle_peer);
		ratio[i] = peer[i] ? ours[i] * 1000 / peer[i] : 0;
	}
	bench_print("pedal-to-fire", "guest", 1500, ours, peer, ratio, BENCH_ROUNDS);
	return 0;
}
