// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Frames of a USB gun, in the guest: arms it, which makes it send one each
 * millisecond, keeps its heart beating for so many seconds, reads a sample event for
 * every frame, and says what is missing in the gun's own numbering of them.
 *
 * A frame that the gun has numbered and that no event tells of is lost, wherever that
 * happened.  The driver's own counters are said beside it: they tell where.
 * `frames_bench SECONDS quiet` only keeps the frames coming, and reads none.
 */
#include "../vm/progs/gun.h"

#define QUEUE_DEPTH  4096 /* four seconds of frames */
#define BEAT_MS      50
#define GUN_KEEPS_MS 20
#define LEASE_SPARE  20 /* seconds that the lease outlasts the measurement */
#define BUFFER_BYTES 65536

struct seen {
	uint64_t first, last; /* the gun's numbers */
	uint64_t frames;
	uint64_t overflown; /* records that the queue had no room for */
	uint64_t first_ns, last_ns;
};

static void want_samples(int fd)
{
	struct meso_event_config config = {
		.mask = 1u << MESO_EVENT_SAMPLE,
		.clock = MESO_CLOCK_MONOTONIC,
		.depth = QUEUE_DEPTH,
	};

	require_eq(ask(fd, MESO_IOC_SET_EVENTS, &config), 0);
	require_eq(config.depth, QUEUE_DEPTH);
}

static void count(struct seen *seen, const struct meso_event *event)
{
	require(event->type != MESO_EVENT_REMOVED);
	if (event->type == MESO_EVENT_OVERFLOW)
		seen->overflown += event->value[0];
	if (event->type != MESO_EVENT_SAMPLE)
		return;
	if (!seen->frames++) {
		seen->first = event->value[0];
		seen->first_ns = event->timestamp_ns;
	}
	require(event->value[0] > seen->last);
	seen->last = event->value[0];
	seen->last_ns = event->timestamp_ns;
}

static void read_all(int fd, struct seen *seen)
{
	static _Alignas(8) char buffer[BUFFER_BYTES];
	ssize_t size;

	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < size;) {
			const struct meso_event *event =
				(const struct meso_event *)(const void *)(buffer + at);

			count(seen, event);
			at += event->size;
		}
	require(size < 0 && errno == EAGAIN);
}

static struct meso_lease arm(int fd, unsigned int seconds)
{
	struct meso_config config = usual_config();
	struct meso_lease lease;

	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
	wait_idle(fd);
	require_eq(ask(fd, MESO_IOC_CONFIGURE, &config), 0);
	hand("contact", 0);
	lease = usual_lease(fd, MESO_KIND_PRIME, 60000, 3);
	lease.expiry_ms = (seconds + LEASE_SPARE) * 1000;
	arm_gun(fd, &lease);
	beat_for(fd, &lease, 200);
	return lease;
}

static unsigned long long driver_count(const char *what)
{
	const size_t len = strlen(what);
	unsigned long long found = 0;
	char line[128];
	FILE *file = fopen("/sys/kernel/debug/meso/meso0/counters", "r");

	require(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, what, len) == 0 && line[len] == ' ')
			found = strtoull(line + len, NULL, 10);
	fclose(file);
	return found;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 60;
	unsigned long long driver_lost, driver_refused, missing;
	struct seen seen = { .frames = 0 };
	struct meso_lease lease;
	const bool quiet = argc > 2;
	uint64_t until;
	int fd = open_gun("/dev/meso0", O_RDWR | O_NONBLOCK);

	lease = arm(fd, seconds);
	driver_lost = driver_count("frames_lost");
	driver_refused = driver_count("frames_rejected");
	if (!quiet)
		want_samples(fd);
	until = now_ms() + (uint64_t)seconds * 1000;
	while (now_ms() < until) {
		require_eq(beat(fd, &lease), 0);
		sleep_ms(BEAT_MS);
		read_all(fd, &seen);
	}
	require_eq(ask(fd, MESO_IOC_DISARM, NULL), 0);
	read_all(fd, &seen);
	driver_lost = driver_count("frames_lost") - driver_lost;
	driver_refused = driver_count("frames_rejected") - driver_refused;
	wait_idle(fd);
	close(fd);
	if (quiet)
		return 0;
	require(seen.frames > 1);
	missing = seen.last - seen.first + 1 - seen.frames;
	/* A gun keeps a frame for 20 ms for a host that stands still, and no longer. */
	if (missing && stood_still_ms >= GUN_KEEPS_MS)
		return EXIT_STOOD_STILL;
	printf("bench name=usb-frames-lost ours=%llu peer=0 ratio=%llu bar=0 where=guest "
	       "frames=%llu seconds=%.1f per_second=%.0f driver_lost=%llu driver_refused=%llu "
	       "overflown=%llu stood_still=%ums\n",
	       missing, missing, (unsigned long long)seen.frames,
	       (double)(seen.last_ns - seen.first_ns) / 1e9,
	       (double)(seen.last - seen.first) * 1e9 / (double)(seen.last_ns - seen.first_ns),
	       driver_lost, driver_refused, (unsigned long long)seen.overflown, stood_still_ms);
	return 0;
}
