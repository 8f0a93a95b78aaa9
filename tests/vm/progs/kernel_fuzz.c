// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many threads do at once whatever can be done to /dev/meso0, right and wrong,
 * while the gun comes and goes in every way and a hand plays with it.  Nobody
 * may hang, the kernel may have nothing to say (the scenario looks), no gun may
 * deliver more than a lease allows, and afterwards the gun is as good as ever.
 *
 * kernel_fuzz SEED SECONDS THREADS: each thread does the same with the same
 * seed; how they mix is the scheduler's, so that one thread repeats exactly.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "ways.h"

#define FILES       24
#define THREADS_MAX 16

struct player {
	pthread_t thread;
	uint64_t random;
	unsigned long done;
	bool moves_the_gun;
};

static atomic_int files[FILES];
static atomic_bool over;
static const struct way *ways;
static size_t n_ways;

/* xorshift64*: repeatable, and good enough to wander about */
static uint64_t draw(struct player *p)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return p->random * 0x2545f4914f6cdd1du;
}

static uint32_t below(struct player *p, uint32_t n)
{
	return (uint32_t)(draw(p) >> 32) % n;
}

static bool one_in(struct player *p, uint32_t n)
{
	return below(p, n) == 0;
}

/* Some file; often one that is closed, sometimes one that never was. */
static int some_file(struct player *p)
{
	return one_in(p, 50) ? (int)draw(p) : atomic_load(&files[below(p, FILES)]);
}

/* ---- what is done ----------------------------------------------------------------- */

static void open_some(struct player *p)
{
	static const int modes[] = { O_RDONLY, O_RDWR, O_WRONLY };
	int mode = modes[below(p, 3)] | O_CLOEXEC | (one_in(p, 4) ? 0 : O_NONBLOCK);
	char node[32];
	int old = atomic_exchange(&files[below(p, FILES)], find_node(node) ? open(node, mode) : -1);

	if (old >= 0)
		close(old);
}

static void close_some(struct player *p)
{
	int fd = atomic_exchange(&files[below(p, FILES)], -1);

	if (fd >= 0)
		close(fd);
}

static void dup_some(struct player *p)
{
	int fd = dup(some_file(p));
	int old = atomic_exchange(&files[below(p, FILES)], fd);

	if (old >= 0)
		close(old);
}

static void read_some(struct player *p)
{
	char buf[4096];
	void *where = one_in(p, 8) ? (void *)(uintptr_t)draw(p) : buf;
	ssize_t n;

	n = read(some_file(p), where, one_in(p, 8) ? (size_t)draw(p) : below(p, sizeof(buf)));
	(void)n;
}

static void write_some(struct player *p)
{
	ssize_t n = write(some_file(p), "disarm", below(p, 7));

	(void)n;
}

static void poll_some(struct player *p)
{
	struct pollfd polled[3];

	for (int i = 0; i < 3; i++)
		polled[i] = (struct pollfd){ .fd = some_file(p), .events = (short)draw(p) };
	poll(polled, 3, (int)below(p, 10));
}

static void epoll_some(struct player *p)
{
	struct epoll_event event = { .events = (uint32_t)draw(p) };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	for (int i = 0; i < 3; i++)
		epoll_ctl(epoll, EPOLL_CTL_ADD, some_file(p), &event);
	epoll_wait(epoll, &event, 1, (int)below(p, 10));
	close(epoll);
}

static void map_some(struct player *p)
{
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, some_file(p), 0);

	if (map != MAP_FAILED)
		munmap(map, 4096);
	lseek(some_file(p), (off_t)draw(p), SEEK_SET);
	fcntl(some_file(p), F_SETFL, one_in(p, 4) ? 0 : O_NONBLOCK);
}

/* What the gun would take, from one who has looked. */
static size_t good_argument(struct player *p, int fd, unsigned long *cmd, char *buf)
{
	static const unsigned long plain[] = { MESO_IOC_ACQUIRE, MESO_IOC_RELEASE,
					       MESO_IOC_DISARM };
	struct meso_info info = { .epoch = 0 };
	struct meso_status status = { .state = 0 };

	ask(fd, MESO_IOC_GET_INFO, &info);
	ask(fd, MESO_IOC_GET_STATUS, &status);
	switch (below(p, 11)) {
	case 0:
	case 1: {
		struct meso_config config = usual_config();

		*cmd = MESO_IOC_CONFIGURE;
		memcpy(buf, &config, sizeof(config));
		return sizeof(config);
	}
	case 2:
	case 3: {
		struct meso_lease lease = {
			.sequence = info.last_sequence + 1,
			.boot_id = info.boot_id,
			.volume_nl = 20000 * (1 + below(p, 5)),
			.shots = 1 + below(p, 5),
			.kind = below(p, 2),
			.min_interval_ms = 112,
			.expiry_ms = 1 + below(p, 2000),
			.heartbeat_ms = 50 + below(p, 250),
			.id = { 'f', 'u', 'z', 'z' },
		};

		*cmd = MESO_IOC_ARM;
		memcpy(buf, &lease, sizeof(lease));
		return sizeof(lease);
	}
	case 4: {
		struct meso_lease_ref ref = { .id = { 'f', 'u', 'z', 'z' } };

		*cmd = MESO_IOC_HEARTBEAT;
		memcpy(buf, &ref, sizeof(ref));
		return sizeof(ref);
	}
	case 5: {
		struct meso_fire fire = { .id = { 'f', 'u', 'z', 'z' },
					  .expect = status.shot_count + 1 };

		*cmd = MESO_IOC_FIRE;
		memcpy(buf, &fire, sizeof(fire));
		return sizeof(fire);
	}
	case 6: {
		struct meso_event_config config = { .mask = (uint32_t)draw(p) & 0x1ff,
						    .clock = below(p, 2),
						    .depth = 8 + below(p, 300) };

		*cmd = MESO_IOC_SET_EVENTS;
		memcpy(buf, &config, sizeof(config));
		return sizeof(config);
	}
	case 7: {
		struct meso_ack ack = { .epoch = info.epoch, .upto = status.shot_count };

		*cmd = MESO_IOC_ACK_SHOTS;
		memcpy(buf, &ack, sizeof(ack));
		return sizeof(ack);
	}
	case 8: {
		struct meso_clear clear = { .mask = status.faults,
					    .counter = status.fault_counter,
					    .boot_id = status.boot_id };

		*cmd = MESO_IOC_CLEAR_FAULTS;
		memcpy(buf, &clear, sizeof(clear));
		return sizeof(clear);
	}
	case 9: {
		struct meso_shots shots = { .from = below(p, 2) ? 0 : status.shot_count };

		*cmd = MESO_IOC_GET_SHOTS;
		memcpy(buf, &shots, sizeof(shots));
		return sizeof(shots);
	}
	default:
		*cmd = plain[below(p, 3)];
		return 0;
	}
}

static void ask_some(struct player *p)
{
	static _Thread_local char buf[16384];
	int fd = some_file(p);
	void *argument = buf;
	unsigned long cmd;
	size_t size = good_argument(p, fd, &cmd, buf);

	/* Half of them as they should be. */
	switch (below(p, 12)) {
	case 0:
		for (uint32_t i = 1 + below(p, 4); i && size; i--)
			buf[below(p, (uint32_t)size)] ^= (char)(1 << below(p, 8));
		break;
	case 1:
		for (size_t i = 0; i < size; i++)
			buf[i] = (char)draw(p);
		break;
	case 2:
		argument = (void *)(uintptr_t)(one_in(p, 2) ? draw(p) : below(p, 4096));
		break;
	case 3:
		cmd ^= 1UL << below(p, 32);
		break;
	case 4: /* another size */
		cmd = (cmd & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT)) |
		      (unsigned long)(below(p, 64) * 8) << _IOC_SIZESHIFT;
		break;
	case 5: /* anything of ours */
		cmd = _IOC(below(p, 4), MESO_IOC_MAGIC, below(p, 32), below(p, 4096));
		break;
	default:
		break;
	}
	ioctl(fd, cmd, argument);
}

/* A child inherits them all, and dies of it. */
static void fork_some(struct player *p)
{
	pid_t child = fork();

	if (child == 0) {
		ask_some(p);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void play(struct player *p)
{
	static const char *const what[] = { "trigger", "contact", "pedal", "occlude" };
	char node[32];

	if (find_node(node))
		hand_of(SERIAL, what[below(p, 3 + !getenv("GUNS"))], below(p, 2));
}

static void move_the_gun(struct player *p)
{
	const struct way *way = &ways[below(p, (uint32_t)n_ways)];

	if (!one_in(p, 40))
		return;
	go_away(way);
	sleep_ms(below(p, 30));
	come_back(way);
}

static void *player(void *arg)
{
	static void (*const what[])(struct player *) = {
		open_some,  open_some, close_some, dup_some, read_some,  read_some,
		write_some, poll_some, ask_some,   ask_some, ask_some,   ask_some,
		ask_some,   ask_some,  ask_some,   ask_some, epoll_some, map_some,
	};
	struct player *p = arg;

	while (!atomic_load(&over)) {
		if (p->moves_the_gun) {
			move_the_gun(p);
			play(p);
			sleep_ms(below(p, 20));
		} else if (one_in(p, 500)) {
			fork_some(p);
		} else {
			what[below(p, sizeof(what) / sizeof(what[0]))](p);
		}
		p->done++;
	}
	return NULL;
}

/* Nobody sleeps for ever: when the gun goes, whoever waits for it is told. */
static void end_all(struct player *players, unsigned int n)
{
	struct timespec until = { .tv_sec = time(NULL) + 20 };

	atomic_store(&over, true);
	require_eq(pthread_join(players[0].thread, NULL), 0);
	go_away(&ways[0]);
	for (unsigned int i = 1; i < n; i++)
		require_eq(pthread_timedjoin_np(players[i].thread, NULL, &until), 0);
	for (int i = 0; i < FILES; i++)
		if (files[i] >= 0)
			close(files[i]);
	come_back(&ways[0]);
}

/* What a hand has spoilt, and the faults of it. */
static void mend(void)
{
	int fd = open_gun(NODE, O_RDWR);
	struct meso_status status;

	hand("trigger", 0);
	hand("contact", 0);
	hand("pedal", 0);
	hand("syringe", 5000000);
	sleep_ms(5); /* a syringe that a gun notices only after ARM ends the lease */
	require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), 0);
	wait_until(8000, (status = status_of(fd), status.flags & MESO_STATUS_FRESH &&
							  !(status.flags & MESO_STATUS_MOVING)));
	if (status.faults) {
		struct meso_clear clear = { .mask = status.faults,
					    .counter = status.fault_counter,
					    .boot_id = status.boot_id };

		require_eq(ask(fd, MESO_IOC_CLEAR_FAULTS, &clear), 0);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct player players[THREADS_MAX] = { 0 };
	unsigned long seed, seconds, n, done = 0;
	const struct way *last;
	char node[32];

	require(argc == 4);
	seed = strtoul(argv[1], NULL, 0);
	seconds = strtoul(argv[2], NULL, 10);
	n = strtoul(argv[3], NULL, 10);
	require(n >= 2 && n <= THREADS_MAX);
	setlinebuf(stdout);
	printf("seed %lu, %lu s, %lu threads\n", seed, seconds, n);
	n_ways = all_ways(&ways);
	if (!find_node(node))
		make_directory();
	wait_until(5000, find_node(node));
	for (int i = 0; i < FILES; i++)
		files[i] = -1;
	for (unsigned long i = 0; i < n; i++) {
		players[i].random = seed * 0x9e3779b97f4a7c15u + i + 1;
		players[i].moves_the_gun = i == 0;
		require_eq(pthread_create(&players[i].thread, NULL, player, &players[i]), 0);
	}
	sleep_ms((unsigned int)seconds * 1000);
	end_all(players, (unsigned int)n);
	for (unsigned long i = 0; i < n; i++)
		done += players[i].done;
	require_eq(truth("max_beyond_lease_fl"), 0);

	/* A gun that nobody has played with is the same as ever. */
	last = &ways[n_ways - 1];
	go_away(last);
	come_back(last);
	mend();
	close(ready_gun(NODE));
	printf("%lu times\n", done);
	return 0;
}
