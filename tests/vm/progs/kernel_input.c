// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trigger as an input device: what a reader of its event node sees is what
 * a reader of the gun sees, to the microsecond; nothing that is written into
 * that node moves the gun; a gun that falls silent or goes lets go of the key.
 */
#include <dirent.h>
#include <linux/input.h>

#include "gun.h"

struct edge {
	uint64_t ns; /* of an input event: whole microseconds */
	bool pressed;
};

static bool uniq_is(const char *event, const char *serial)
{
	char path[512];
	char text[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/input/%s/device/uniq", event);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (!fgets(text, sizeof(text), file))
		text[0] = 0;
	fclose(file);
	text[strcspn(text, "\n")] = 0;
	return !strcmp(text, serial);
}

/* The event node of the gun's trigger, which is known by the gun's serial. */
static int open_trigger(int flags)
{
	uint64_t until = now_ms() + 5000;
	int clock = CLOCK_MONOTONIC;
	char path[512];

	do {
		DIR *dir = opendir("/sys/class/input");
		int fd = -1;

		require(dir);
		for (struct dirent *entry; fd < 0 && (entry = readdir(dir));) {
			if (strncmp(entry->d_name, "event", 5) != 0 ||
			    !uniq_is(entry->d_name, SERIAL))
				continue;
			snprintf(path, sizeof(path), "/dev/input/%s", entry->d_name);
			fd = open(path, flags | O_CLOEXEC);
		}
		closedir(dir);
		if (fd >= 0) {
			require_eq(ioctl(fd, EVIOCSCLOCKID, &clock), 0);
			return fd;
		}
		sleep_ms(20);
	} while (now_ms() < until);
	require(false, ": no event node with the gun's serial");
	return -1;
}

/* The edges that are there to be read; both descriptors do not block. */
static unsigned int input_edges(int fd, struct edge *edges, unsigned int max)
{
	struct input_event event;
	unsigned int count = 0;

	while (read(fd, &event, sizeof(event)) == sizeof(event)) {
		if (event.type == EV_SYN) {
			require_eq(event.code, SYN_REPORT);
			continue;
		}
		require_eq(event.type, EV_KEY);
		require_eq(event.code, BTN_TRIGGER);
		require(event.value == 0 || event.value == 1);
		require(count < max);
		edges[count++] = (struct edge){
			.ns = ((uint64_t)event.input_event_sec * 1000000 +
			       (uint64_t)event.input_event_usec) *
			      1000,
			.pressed = event.value,
		};
	}
	return count;
}

/* Of the gun's own records those of @type, with their first value. */
static unsigned int gun_edges(int fd, uint32_t type, struct edge *edges, unsigned int max)
{
	uint64_t buf[64];
	unsigned int count = 0;
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		struct meso_event *event;

		for (uint64_t *at = buf; at < buf + len / 8; at += event->size / 8) {
			event = (struct meso_event *)at;
			require(event->type != MESO_EVENT_OVERFLOW);
			if (event->type != type)
				continue;
			require(count < max);
			edges[count++] = (struct edge){
				.ns = event->timestamp_ns,
				.pressed = event->value[0],
			};
		}
	}
	return count;
}

static void require_same(const struct edge *seen, unsigned int n, int gun)
{
	struct edge told[256] = {};

	require_eq(gun_edges(gun, MESO_EVENT_TRIGGER, told, 256), n);
	for (unsigned int i = 0; i < n; i++) {
		require_eq(seen[i].pressed, told[i].pressed);
		require_eq(seen[i].ns, told[i].ns / 1000 * 1000);
		require_eq(seen[i].pressed, !(i % 2));
	}
}

static void everything(int gun)
{
	struct meso_event_config config = {
		.mask = MESO_EVENT_DEFAULT_MASK,
		.clock = MESO_CLOCK_MONOTONIC,
		.depth = 1024,
	};

	require_eq(ask(gun, MESO_IOC_SET_EVENTS, &config), 0);
}

static void edges_and_their_instants_are_the_same(void)
{
	int trigger = open_trigger(O_RDONLY | O_NONBLOCK);
	int gun = open_gun("/dev/meso0", O_RDONLY | O_NONBLOCK);
	char name[64] = "", phys[64] = "";
	struct edge seen[256] = {};
	unsigned int n = 0;

	require(ioctl(trigger, EVIOCGNAME(sizeof(name)), name) > 0);
	require(!strcmp(name, "Mesotherapy gun trigger"));
	require(ioctl(trigger, EVIOCGPHYS(sizeof(phys)), phys) > 0);
	require(!strcmp(phys, "meso0/trigger"));
	everything(gun);
	for (unsigned int i = 0; i < 50; i++) {
		hand("trigger", 1);
		/* From shorter than a frame to longer than several. */
		usleep(i * 700);
		hand("trigger", 0);
		usleep(i % 7 * 5000);
		/* evdev keeps no more than 64 events for its reader. */
		n += input_edges(trigger, seen + n, 256 - n);
	}
	sleep_ms(100);
	n += input_edges(trigger, seen + n, 256 - n);
	require(n >= 20);
	require_same(seen, n, gun);
	close(gun);
	close(trigger);
}

static void inject(int trigger, int value)
{
	struct input_event events[2] = {
		{ .type = EV_KEY, .code = BTN_TRIGGER, .value = value },
		{ .type = EV_SYN, .code = SYN_REPORT },
	};

	require_eq(write(trigger, events, sizeof(events)), (ssize_t)sizeof(events));
}

/* A lease is live and the gun on skin: the one moment in which it would matter. */
static void what_is_written_into_the_node_fires_nothing(void)
{
	int gun = ready_gun("/dev/meso0");
	struct meso_lease lease = usual_lease(gun, MESO_KIND_TREAT, 400000, 20);
	int trigger = open_trigger(O_RDWR | O_NONBLOCK);
	struct edge edges[16] = {};
	long long shots;

	hand("contact", 1);
	sleep_ms(50);
	arm_gun(gun, &lease);
	beat_for(gun, &lease, 50);
	shots = truth("shots");
	for (int i = 0; i < 3; i++) {
		inject(trigger, 1);
		beat_for(gun, &lease, 100);
		require(!(status_of(gun).flags & MESO_STATUS_TRIGGER));
		require_eq(status_of(gun).state, MESO_STATE_ARMED);
		inject(trigger, 0);
		beat_for(gun, &lease, 50);
	}
	require_eq(truth("shots"), shots);
	require_eq(input_edges(trigger, edges, 16), 6);

	/* And the gun is as able to fire as before. */
	shoot(gun, &lease);
	require_eq(truth("shots"), shots + 1);
	require_eq(ask(gun, MESO_IOC_DISARM, NULL), 0);
	hand("contact", 0);
	wait_idle(gun);
	acknowledge(gun);
	close(trigger);
	close(gun);
}

static void a_silent_gun_lets_go_of_the_key(void)
{
	int trigger = open_trigger(O_RDONLY | O_NONBLOCK);
	int gun = open_gun("/dev/meso0", O_RDONLY | O_NONBLOCK);
	struct meso_lease none = { .sequence = 0 };
	struct edge seen[16] = {}, told[16] = {};
	unsigned int n;

	everything(gun);
	hand("trigger", 1);
	sleep_ms(50);
	n = input_edges(trigger, seen, 16);
	require_eq(n, 1);
	require_same(seen, n, gun);
	hand("freeze", 1);
	wait_status(gun, &none, 3000, s.state == MESO_STATE_STALE);
	sleep_ms(50);
	require_eq(input_edges(trigger, seen, 16), 1);
	require(!seen[0].pressed);
	n = gun_edges(gun, MESO_EVENT_STATE, told, 16);
	require(n >= 1 && n <= 16);
	require_eq(seen[0].ns, told[n - 1].ns / 1000 * 1000);

	/* Still held when it is back: that is no press.  The next one is. */
	hand("freeze", 0);
	wait_status(gun, &none, 3000, s.state != MESO_STATE_STALE);
	require(status_of(gun).flags & MESO_STATUS_TRIGGER);
	sleep_ms(50);
	require_eq(input_edges(trigger, seen, 16), 0);
	hand("trigger", 0);
	sleep_ms(50);
	require_eq(input_edges(trigger, seen, 16), 0);
	hand("trigger", 1);
	sleep_ms(50);
	require_eq(input_edges(trigger, seen, 16), 1);
	require(seen[0].pressed);
	hand("trigger", 0);
	sleep_ms(50);
	require_eq(input_edges(trigger, seen, 16), 1);
	close(gun);
	close(trigger);
}

struct last {
	int fd;
	int error;
	bool held;
};

/* Reads until the node is gone; what it knows last is what a program would act upon. */
static void *read_to_the_end(void *arg)
{
	struct last *last = arg;
	struct input_event event;

	while (read(last->fd, &event, sizeof(event)) == sizeof(event))
		if (event.type == EV_KEY)
			last->held = event.value;
	last->error = errno;
	return NULL;
}

/* evdev throws away what was not read before the end: a slow reader learns it
 * from ENODEV alone.  One that is waiting sees the release.
 */
static bool unplugged_while_held(void)
{
	struct last last = { .fd = open_trigger(O_RDONLY) };
	struct timespec until;
	pthread_t thread;

	require(!pthread_create(&thread, NULL, read_to_the_end, &last));
	hand("trigger", 1);
	sleep_ms(50);
	require(last.held);
	hand("disconnect", 1);
	until = (struct timespec){ .tv_sec = time(NULL) + 5 };
	require(!pthread_timedjoin_np(thread, NULL, &until), ": a reader was left hanging");
	require_eq(last.error, ENODEV);
	hand("trigger", 0);
	close(last.fd);
	hand("disconnect", 0);
	return !last.held;
}

int main(void)
{
	unsigned int released = 0;

	edges_and_their_instants_are_the_same();
	what_is_written_into_the_node_fires_nothing();
	edges_and_their_instants_are_the_same();
	a_silent_gun_lets_go_of_the_key();
	for (int i = 0; i < 10; i++)
		released += unplugged_while_held();
	/* On one processor the node is gone before the waiting reader runs. */
	require(released || sysconf(_SC_NPROCESSORS_ONLN) == 1,
		": an unplugged gun never let go of the key");
	edges_and_their_instants_are_the_same();
	printf("unplugged 10 times while held: %u readers saw the release\n", released);
	return 0;
}
