/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many instructions it takes, in program and kernel together, to read an event
 * of /dev/meso0 and to ask for its status, beside hidraw and evdev with the same
 * number of bytes.  Runs where time is counted in instructions (tests/vm/run
 * --clock counted), so that the figures are exact and repeat.
 */
#include <dirent.h>
#include <fcntl.h>
#include <libevdev/libevdev-uinput.h>
#include <linux/hidraw.h>
#include <linux/meso.h>
#include <linux/uhid.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <x86intrin.h>
#include "bench.h"

#define EVENTS     32 /* at once; half as many of evdev's, which are two each */
#define ROUNDS     9
#define TICKS      2 /* of the time stamp, in one instruction */
#define ASKED      200
#define EVENT_SIZE sizeof(struct meso_event)
#define HAND       "/sys/kernel/debug/meso_dummy/DUMMY-0001/contact"
#define NAME       "Bench Instructions"

struct rig {
	int gun, hand;
	int hidraw, uhid;
	struct libevdev_uinput *uinput;
	int evdev;
	struct meso_status status;
	struct hidraw_report_descriptor descriptor;
	uint8_t keys[sizeof(struct meso_status)];
};

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int must(const char *what, int r)
{
	if (r < 0)
		die(what);
	return r;
}

/* ---- the three --------------------------------------------------------------------- */

/* Contact made and lost, until so many events wait. */
static void fill_gun(struct rig *rig)
{
	for (int i = 0; i < EVENTS; i++) {
		must(HAND, (int)pwrite(rig->hand, i % 2 ? "0" : "1", 1, 0));
		/* Idle, it reports ten times a second. */
		usleep(120000);
	}
}

static void fill_hidraw(struct rig *rig)
{
	struct uhid_event event = { .type = UHID_INPUT2, .u.input2.size = EVENT_SIZE };

	for (int i = 0; i < EVENTS; i++)
		must("uhid", (int)write(rig->uhid, &event, sizeof(event)));
}

static void fill_evdev(struct rig *rig)
{
	for (int i = 0; i < EVENTS / 2; i++) {
		libevdev_uinput_write_event(rig->uinput, EV_KEY, KEY_B, !(i % 2));
		libevdev_uinput_write_event(rig->uinput, EV_SYN, SYN_REPORT, 0);
	}
}

static uint64_t read_one(int fd)
{
	uint8_t buf[EVENT_SIZE];
	uint64_t start = __rdtsc(), end;
	ssize_t n = read(fd, buf, sizeof(buf));

	end = __rdtsc();
	if (n != (ssize_t)sizeof(buf)) {
		fprintf(stderr, "instructions_bench: read %zd bytes of %zu\n", n, sizeof(buf));
		exit(1);
	}
	return end - start;
}

/* The median of all that waits, so that no interrupt is in it. */
static uint64_t read_all(struct rig *rig, void (*fill)(struct rig *), int fd, size_t n)
{
	uint64_t took[ROUNDS * EVENTS] = { 0 };
	size_t total = 0;

	for (int round = 0; round < ROUNDS; round++) {
		fill(rig);
		for (size_t i = 0; i < n; i++)
			took[total++] = read_one(fd);
	}
	return bench_median(took, total);
}

static uint64_t ask_all(int fd, unsigned long request, void *answer)
{
	uint64_t took[ASKED];

	for (int i = 0; i < ASKED; i++) {
		uint64_t start = __rdtsc();

		must("ioctl", ioctl(fd, request, answer));
		took[i] = __rdtsc() - start;
	}
	return bench_median(took, ASKED);
}

/* ---- what there is to read ------------------------------------------------------------- */

/* A device of reports as long as an event, and a descriptor as long as a status. */
static void make_hidraw(struct rig *rig)
{
	static const uint8_t head[] = {
		0x06, 0x00, 0xff, 0x09,       0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00,
		0x75, 0x08, 0x95, EVENT_SIZE, 0x09, 0x01, 0x81, 0x02, 0x0a, 0x01, 0x00,
	};
	struct uhid_event create = {
		.type = UHID_CREATE2,
		.u.create2 = { .name = NAME,
			       .bus = 3,
			       .vendor = 0x1209,
			       .product = 1,
			       .rd_size = sizeof(struct meso_status) },
	};
	struct uhid_event event;
	char path[300] = "";

	/* Filled up with items that say nothing: usage 1, first as one of three
	 * bytes, for the end comes at an odd place.
	 */
	memcpy(create.u.create2.rd_data, head, sizeof(head));
	for (size_t i = sizeof(head); i + 1 < sizeof(struct meso_status); i += 2) {
		create.u.create2.rd_data[i] = 0x09;
		create.u.create2.rd_data[i + 1] = 0x01;
	}
	create.u.create2.rd_data[sizeof(struct meso_status) - 1] = 0xc0;
	rig->uhid = must("/dev/uhid", open("/dev/uhid", O_RDWR | O_CLOEXEC));
	must("uhid", (int)write(rig->uhid, &create, sizeof(create)));
	must("uhid", (int)read(rig->uhid, &event, sizeof(event)));
	for (int i = 0; i < 8 && access(path, R_OK); i++)
		snprintf(path, sizeof(path), "/dev/hidraw%d", i);
	rig->hidraw = must(path, open(path, O_RDWR | O_CLOEXEC));
	rig->descriptor.size = sizeof(struct meso_status);
}

static void make_evdev(struct rig *rig)
{
	struct libevdev *device = libevdev_new();

	libevdev_set_name(device, NAME);
	libevdev_enable_event_code(device, EV_KEY, KEY_B, NULL);
	must("uinput", libevdev_uinput_create_from_device(device, LIBEVDEV_UINPUT_OPEN_MANAGED,
							  &rig->uinput));
	libevdev_free(device);
	rig->evdev =
		must("evdev", open(libevdev_uinput_get_devnode(rig->uinput), O_RDONLY | O_CLOEXEC));
}

static void print(const char *name, const char *peer_name, uint64_t ours, uint64_t peer)
{
	printf("bench name=%s/%s ours=%" PRIu64 " peer=%" PRIu64 " ratio=%" PRIu64 ".%03" PRIu64
	       " bar=none where=guest\n",
	       name, peer_name, ours / TICKS, peer / TICKS, ours / peer, ours * 1000 / peer % 1000);
}

int main(void)
{
	static struct rig rig;
	struct meso_event_config contact = { .mask = 1 << MESO_EVENT_CONTACT, .depth = 64 };
	uint64_t ours;

	rig.gun = must("/dev/meso0", open("/dev/meso0", O_RDONLY | O_CLOEXEC));
	rig.hand = must(HAND, open(HAND, O_WRONLY | O_CLOEXEC));
	must("SET_EVENTS", ioctl(rig.gun, MESO_IOC_SET_EVENTS, &contact));
	make_hidraw(&rig);
	make_evdev(&rig);

	ours = read_all(&rig, fill_gun, rig.gun, EVENTS);
	print("read-event-instructions", "hidraw", ours,
	      read_all(&rig, fill_hidraw, rig.hidraw, EVENTS));
	print("read-event-instructions", "evdev", ours,
	      read_all(&rig, fill_evdev, rig.evdev, EVENTS / 2));
	ours = ask_all(rig.gun, MESO_IOC_GET_STATUS, &rig.status);
	print("get-status-instructions", "hidraw", ours,
	      ask_all(rig.hidraw, HIDIOCGRDESC, &rig.descriptor));
	print("get-status-instructions", "evdev", ours,
	      ask_all(rig.evdev, EVIOCGKEY(sizeof(rig.keys)), rig.keys));
	return 0;
}
