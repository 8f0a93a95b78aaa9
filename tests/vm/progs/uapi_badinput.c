// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bad input to /dev/mesoN: every ioctl with null, unmapped, read-only, short,
 * unaligned and oversized arguments, unknown flags, values one past each limit,
 * wrong state, wrong owner, a read-only file, after unplug.  Each has one errno,
 * changes nothing, and prints nothing; all of it as a 64-bit and as a 32-bit
 * caller.
 */
#include <stddef.h>
#include <sys/mman.h>

#include "gun.h"

#define DIR_OF(cmd)  (((cmd) >> _IOC_DIRSHIFT) & _IOC_DIRMASK)
#define SIZE_OF(cmd) (((cmd) >> _IOC_SIZESHIFT) & _IOC_SIZEMASK)
#define RESIZED(cmd, size)                                             \
	(((cmd) & ~((unsigned long)_IOC_SIZEMASK << _IOC_SIZESHIFT)) | \
	 ((unsigned long)(size) << _IOC_SIZESHIFT))

static const struct {
	const char *name;
	unsigned long cmd;
	bool control;
} ioctls[] = {
	{ "GET_INFO", MESO_IOC_GET_INFO, false },
	{ "GET_STATUS", MESO_IOC_GET_STATUS, false },
	{ "GET_REGISTERS", MESO_IOC_GET_REGISTERS, false },
	{ "SET_EVENTS", MESO_IOC_SET_EVENTS, false },
	{ "ACQUIRE", MESO_IOC_ACQUIRE, true },
	{ "RELEASE", MESO_IOC_RELEASE, true },
	{ "CONFIGURE", MESO_IOC_CONFIGURE, true },
	{ "ARM", MESO_IOC_ARM, true },
	{ "HEARTBEAT", MESO_IOC_HEARTBEAT, true },
	{ "FIRE", MESO_IOC_FIRE, true },
	{ "DISARM", MESO_IOC_DISARM, true },
	{ "GET_SHOTS", MESO_IOC_GET_SHOTS, false },
	{ "ACK_SHOTS", MESO_IOC_ACK_SHOTS, true },
	{ "CLEAR_FAULTS", MESO_IOC_CLEAR_FAULTS, true },
};

#define IOCTLS (sizeof(ioctls) / sizeof(ioctls[0]))

#define MESO_READERS 64 /* files open for reading only, as <linux/meso.h> says */

static int watcher; /* open for reading only */
static int owner;   /* the controller */
static int other;   /* open for writing, not the controller */
static unsigned long tried;
static char *page; /* a page with nothing to touch behind it */
static size_t page_size;

/* ---- a 32-bit caller -------------------------------------------------------------- */

#define BOUNCE_SIZE 65536
#define GUARD       0xa5

static bool as_32_bit;
static char *bounce; /* below 4 GiB */

/* int 0x80 is how a 32-bit program calls, and enters the kernel's compat layer from here too. */
static int call_32(unsigned int number, unsigned int a, unsigned int b, uintptr_t c)
{
	unsigned long result = number;

	__asm__ volatile("int $0x80"
			 : "+a"(result)
			 : "b"((unsigned long)a), "c"((unsigned long)b),
			   "d"((unsigned long)(uint32_t)c)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* What such a caller has is below 4 GiB; what was meant to be a bad pointer stays one. */
static int ask_32(int fd, unsigned long cmd, void *arg)
{
	const uintptr_t at = (uintptr_t)arg, offset = at & 7;
	const size_t size = SIZE_OF(cmd);
	int r;

	if (at >> 32 == 0 || at >> 47)
		return call_32(54, (unsigned int)fd, (unsigned int)cmd, at);
	memset(bounce, GUARD, BOUNCE_SIZE);
	memcpy(bounce + offset, arg, size);
	r = call_32(54, (unsigned int)fd, (unsigned int)cmd, (uintptr_t)bounce + offset);
	memcpy(arg, bounce + offset, size);
	for (size_t i = 0; i < BOUNCE_SIZE; i++)
		if ((i < offset || i >= offset + size) && (unsigned char)bounce[i] != GUARD)
			failed(__FILE__, __LINE__, "ioctl %lx wrote beside its argument", cmd);
	return r;
}

static int call(int fd, unsigned long cmd, void *arg)
{
	return as_32_bit ? ask_32(fd, cmd, arg) : ask(fd, cmd, arg);
}

/* Both are told the same. */
static void both_are_told_the_same(void)
{
	static const unsigned long constant[] = { MESO_IOC_GET_INFO, MESO_IOC_GET_SHOTS };
	static char native[16384], compat[16384];

	for (size_t i = 0; i < sizeof(constant) / sizeof(constant[0]); i++) {
		memset(native, 0, sizeof(native));
		memset(compat, 0, sizeof(compat));
		require_eq(ask(watcher, constant[i], native), 0);
		require_eq(ask_32(watcher, constant[i], compat), 0);
		require(memcmp(native, compat, sizeof(native)) == 0);
	}
}

/* What must not change.  Time does, and the frame. */
static struct meso_status state_now(void)
{
	struct meso_status s = status_of(watcher);

	s.frame_ns = 0;
	s.age_ns = 0;
	s.frame_seq = 0;
	s.lease_left_ms = 0;
	return s;
}

/* One attempt: that errno, and nothing has changed. */
static void expect(const char *what, const char *detail, int fd, unsigned long cmd, void *arg,
		   int wanted)
{
	struct meso_status before = state_now();
	struct meso_status after;
	int got = call(fd, cmd, arg);

	after = state_now();
	tried++;
	if (got != wanted)
		failed(__FILE__, __LINE__, "%s, %s: %s, wanted %s", what, detail,
		       got ? strerror(-got) : "success", wanted ? strerror(-wanted) : "success");
	if (memcmp(&before, &after, sizeof(before)) != 0)
		failed(__FILE__, __LINE__, "%s, %s: the state changed", what, detail);
}

static void pointers(void)
{
	char *unmapped = page + page_size;
	char *readonly =
		mmap(NULL, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	require(readonly != MAP_FAILED);
	for (size_t i = 0; i < IOCTLS; i++) {
		const char *name = ioctls[i].name;
		unsigned long cmd = ioctls[i].cmd;
		size_t size = SIZE_OF(cmd);

		if (!size)
			continue;
		expect(name, "null", owner, cmd, NULL, -EFAULT);
		expect(name, "unmapped", owner, cmd, unmapped, -EFAULT);
		expect(name, "kernel address", owner, cmd, (void *)0xffffffff81000000UL, -EFAULT);
		if (size < page_size)
			expect(name, "half unmapped", owner, cmd, unmapped - size / 2, -EFAULT);
		if (DIR_OF(cmd) & _IOC_READ)
			expect(name, "read-only memory", owner, cmd, readonly, -EFAULT);
	}
	munmap(readonly, page_size);
}

static void numbers(void)
{
	char buf[8192];

	for (size_t i = 0; i < IOCTLS; i++) {
		const char *name = ioctls[i].name;
		unsigned long cmd = ioctls[i].cmd;
		size_t size = SIZE_OF(cmd);
		unsigned long dir;

		memset(buf, 0, sizeof(buf));
		expect(name, "another magic", owner, cmd ^ (1 << _IOC_TYPESHIFT), buf, -ENOTTY);
		for (dir = 0; dir < 4; dir++)
			if (dir != DIR_OF(cmd))
				expect(name, "another direction", owner,
				       (cmd & ~((unsigned long)_IOC_DIRMASK << _IOC_DIRSHIFT)) |
					       dir << _IOC_DIRSHIFT,
				       buf, -ENOTTY);
		if (!size) {
			expect(name, "a size", owner, RESIZED(cmd, 8), buf, -ENOTTY);
			continue;
		}
		expect(name, "no size", owner, RESIZED(cmd, 0), buf, -ENOTTY);
		expect(name, "a crooked size", owner, RESIZED(cmd, size - 1), buf, -EINVAL);
		expect(name, "a crooked size", owner, RESIZED(cmd, size + 4), buf, -EINVAL);
		if (DIR_OF(cmd) & _IOC_WRITE) {
			buf[size + 8] = 1;
			expect(name, "a tail", owner, RESIZED(cmd, size + 16), buf, -E2BIG);
			buf[size + 8] = 0;
		} else {
			/* A larger caller finds zeros where this kernel knows nothing. */
			memset(buf, 0xff, sizeof(buf));
			expect(name, "a larger caller", owner, RESIZED(cmd, size + 16), buf, 0);
			for (size_t b = size; b < size + 16; b++)
				require_eq(buf[b], 0);
			require_eq(buf[size + 16], -1);
			/* A smaller one gets no more than it has room for. */
			memset(buf, 0xff, sizeof(buf));
			expect(name, "a smaller caller", owner, RESIZED(cmd, 16), buf, 0);
			require_eq(buf[16], -1);
			/* Alignment is not asked for. */
			expect(name, "unaligned", owner, cmd, buf + 1, 0);
		}
	}
	for (unsigned long nr = 0x0e; nr < 0x20; nr++) {
		expect("unknown", "number", owner, _IO(MESO_IOC_MAGIC, nr), buf, -ENOTTY);
		expect("unknown", "number", owner,
		       _IOC(_IOC_READ | _IOC_WRITE, MESO_IOC_MAGIC, nr, 64), buf, -ENOTTY);
	}
}

/* Whatever was in memory before: what has no meaning is zero. */
static void what_is_not_said_is_zero(void)
{
	static const struct meso_register none;
	struct meso_registers regs;
	struct meso_info info;
	struct meso_shots shots;
	static const struct meso_shot no_shot;

	for (int i = 0; i < 20; i++) {
		memset(&regs, 0x5a, sizeof(regs));
		require_eq(call(watcher, MESO_IOC_GET_REGISTERS, &regs), 0);
		require_eq(regs.reserved, 0);
		for (size_t r = 0; r < MESO_REGISTERS_MAX; r++)
			require_eq(r < regs.count
					   ? regs.reg[r].flags
					   : (uint32_t)memcmp(&regs.reg[r], &none, sizeof(none)),
				   0);
		memset(&info, 0x5a, sizeof(info));
		require_eq(call(watcher, MESO_IOC_GET_INFO, &info), 0);
		for (size_t r = 0; r < sizeof(info.reserved) / 8; r++)
			require_eq(info.reserved[r], 0);
		memset(&shots, 0x5a, sizeof(shots));
		shots.from = 0;
		require_eq(call(watcher, MESO_IOC_GET_SHOTS, &shots), 0);
		for (size_t r = shots.count; r < MESO_SHOTS_MAX; r++)
			require_eq(memcmp(&shots.shot[r], &no_shot, sizeof(no_shot)), 0);
	}
}

static void permissions(void)
{
	char buf[8192] = {};
	struct meso_lease lease = usual_lease(watcher, MESO_KIND_PRIME, 60000, 3);
	struct meso_config config = usual_config();

	for (size_t i = 0; i < IOCTLS; i++)
		if (ioctls[i].control)
			expect(ioctls[i].name, "read-only file", watcher, ioctls[i].cmd, buf,
			       -EPERM);
	expect("ACQUIRE", "owned", other, MESO_IOC_ACQUIRE, NULL, -EBUSY);
	expect("RELEASE", "not the owner", other, MESO_IOC_RELEASE, NULL, -EPERM);
	expect("CONFIGURE", "not the owner", other, MESO_IOC_CONFIGURE, &config, -EPERM);
	expect("ARM", "not the owner", other, MESO_IOC_ARM, &lease, -EPERM);
	expect("HEARTBEAT", "not the owner", other, MESO_IOC_HEARTBEAT, buf, -EPERM);
	expect("FIRE", "not the owner", other, MESO_IOC_FIRE, buf, -EPERM);
	expect("ACK_SHOTS", "not the owner", other, MESO_IOC_ACK_SHOTS, buf, -EPERM);
	expect("CLEAR_FAULTS", "not the owner", other, MESO_IOC_CLEAR_FAULTS, buf, -EPERM);
}

struct limit {
	const char *name;
	size_t offset;
	uint32_t value;
	int wanted;
};

static void limits(const char *what, unsigned long cmd, const void *good, size_t size,
		   const struct limit *limit, size_t count)
{
	char buf[256];

	for (size_t i = 0; i < count; i++) {
		memcpy(buf, good, size);
		memcpy(buf + limit[i].offset, &limit[i].value, sizeof(uint32_t));
		expect(what, limit[i].name, owner, cmd, buf, limit[i].wanted);
	}
}

#define FIELD(type, field, value, wanted)                                      \
	{                                                                      \
#field " " #value, offsetof(struct type, field), value, wanted \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void values(void)
{
	static const struct limit config_limits[] = {
		FIELD(meso_config, bore_um, 999, -ERANGE),
		FIELD(meso_config, bore_um, 20001, -ERANGE),
		FIELD(meso_config, capacity_nl, 99999, -ERANGE),
		FIELD(meso_config, capacity_nl, 10000001, -ERANGE),
		FIELD(meso_config, dose_nl, 0, -ERANGE),
		FIELD(meso_config, dose_nl, 999, -ERANGE),
		FIELD(meso_config, dose_nl, 20001, -EINVAL),
		FIELD(meso_config, dose_nl, 200001, -ERANGE),
		FIELD(meso_config, dose_nl, 0xffffffff, -ERANGE),
		FIELD(meso_config, depth_um, 13001, -ERANGE),
		FIELD(meso_config, mode, 2, -EINVAL),
		FIELD(meso_config, rate_mhz, 99, -ERANGE),
		FIELD(meso_config, rate_mhz, 9001, -ERANGE),
		FIELD(meso_config, viscosity_upas, 499, -ERANGE),
		FIELD(meso_config, viscosity_upas, 50001, -ERANGE),
		FIELD(meso_config, needle_um, 49, -ERANGE),
		FIELD(meso_config, needle_um, 501, -ERANGE),
		FIELD(meso_config, needle_length_um, 999, -ERANGE),
		FIELD(meso_config, needle_length_um, 20001, -ERANGE),
		FIELD(meso_config, needles, 0, -ERANGE),
		FIELD(meso_config, needles, 10, -ERANGE),
		FIELD(meso_config, reserved[0], 1, -EINVAL),
		FIELD(meso_config, reserved[2], 1, -EINVAL),
	};
	static const struct limit lease_limits[] = {
		FIELD(meso_lease, volume_nl, 0, -ERANGE),
		FIELD(meso_lease, volume_nl, 10000001, -ERANGE),
		FIELD(meso_lease, shots, 0, -ERANGE),
		FIELD(meso_lease, shots, 257, -ERANGE),
		FIELD(meso_lease, kind, 2, -EINVAL),
		FIELD(meso_lease, min_interval_ms, 0, -ERANGE),
		FIELD(meso_lease, min_interval_ms, 111, -ERANGE),
		FIELD(meso_lease, expiry_ms, 0, -ERANGE),
		FIELD(meso_lease, expiry_ms, 600001, -ERANGE),
		FIELD(meso_lease, heartbeat_ms, 49, -ERANGE),
		FIELD(meso_lease, heartbeat_ms, 301, -ERANGE),
		FIELD(meso_lease, reserved[0], 1, -EINVAL),
		FIELD(meso_lease, reserved[1], 1, -EINVAL),
		FIELD(meso_lease, boot_id, 1, -ESTALE),
		FIELD(meso_lease, sequence, 0, -ESTALE),
	};
	static const struct limit event_limits[] = {
		FIELD(meso_event_config, mask, 0x200, -EINVAL),
		FIELD(meso_event_config, clock, 2, -EINVAL),
		FIELD(meso_event_config, depth, 7, -EINVAL),
		FIELD(meso_event_config, depth, 4097, -EINVAL),
		FIELD(meso_event_config, reserved, 1, -EINVAL),
	};
	struct meso_event_config events = { .mask = MESO_EVENT_DEFAULT_MASK };
	struct meso_config config = usual_config();
	struct meso_lease lease = usual_lease(owner, MESO_KIND_PRIME, 60000, 3);
	struct meso_info info = info_of(owner);
	struct meso_status status = status_of(owner);
	struct meso_ack ack = { .epoch = info.epoch };
	struct meso_clear clear = {
		.mask = MESO_FAULT_AIR,
		.counter = status.fault_counter,
		.boot_id = status.boot_id,
	};

	limits("CONFIGURE", MESO_IOC_CONFIGURE, &config, sizeof(config), config_limits,
	       COUNT(config_limits));
	limits("ARM", MESO_IOC_ARM, &lease, sizeof(lease), lease_limits, COUNT(lease_limits));
	limits("SET_EVENTS", MESO_IOC_SET_EVENTS, &events, sizeof(events), event_limits,
	       COUNT(event_limits));
	memset(lease.id, 0, sizeof(lease.id));
	expect("ARM", "no id", owner, MESO_IOC_ARM, &lease, -EINVAL);
	ack.upto = status.shot_count + 1;
	expect("ACK_SHOTS", "one too many", owner, MESO_IOC_ACK_SHOTS, &ack, -ERANGE);
	ack.epoch++;
	expect("ACK_SHOTS", "another epoch", owner, MESO_IOC_ACK_SHOTS, &ack, -ESTALE);
	clear.mask = 0;
	expect("CLEAR_FAULTS", "none", owner, MESO_IOC_CLEAR_FAULTS, &clear, -EINVAL);
	clear.mask = 1u << 12;
	expect("CLEAR_FAULTS", "unknown", owner, MESO_IOC_CLEAR_FAULTS, &clear, -EINVAL);
	clear.mask = MESO_FAULT_AIR;
	clear.counter++;
	expect("CLEAR_FAULTS", "unseen", owner, MESO_IOC_CLEAR_FAULTS, &clear, -ESTALE);
	clear.counter--;
	clear.boot_id++;
	expect("CLEAR_FAULTS", "another boot", owner, MESO_IOC_CLEAR_FAULTS, &clear, -ESTALE);
}

static void states(void)
{
	struct meso_config config = usual_config();
	struct meso_lease lease = usual_lease(owner, MESO_KIND_PRIME, 60000, 3);
	struct meso_lease next = lease;
	struct meso_lease_ref ref = {};
	struct meso_fire fire = {};
	struct meso_status status = status_of(owner);
	struct meso_clear clear = {
		.mask = MESO_FAULT_AIR,
		.counter = status.fault_counter,
		.boot_id = status.boot_id,
	};

	memcpy(ref.id, lease.id, sizeof(ref.id));
	memcpy(fire.id, lease.id, sizeof(fire.id));
	fire.expect = status.shot_count + 1;
	expect("HEARTBEAT", "no lease", owner, MESO_IOC_HEARTBEAT, &ref, -ESTALE);
	expect("FIRE", "no lease", owner, MESO_IOC_FIRE, &fire, -ESTALE);
	lease.kind = MESO_KIND_TREAT;
	expect("ARM", "treat before prime", owner, MESO_IOC_ARM, &lease, -ENODATA);
	lease.kind = MESO_KIND_PRIME;

	lease.sequence = next.sequence = info_of(owner).last_sequence + 1;
	next.sequence++;
	arm_gun(owner, &lease);
	beat_for(owner, &lease, 50);
	expect("ARM", "armed", owner, MESO_IOC_ARM, &next, -EBUSY);
	beat(owner, &lease);
	expect("CONFIGURE", "armed", owner, MESO_IOC_CONFIGURE, &config, -EBUSY);
	beat(owner, &lease);
	expect("CLEAR_FAULTS", "armed", owner, MESO_IOC_CLEAR_FAULTS, &clear, -EBUSY);
	beat(owner, &lease);
	ref.id[0] ^= 1;
	expect("HEARTBEAT", "another lease", owner, MESO_IOC_HEARTBEAT, &ref, -ESTALE);
	beat(owner, &lease);
	fire.expect++;
	expect("FIRE", "another number", owner, MESO_IOC_FIRE, &fire, -ESTALE);
	beat(owner, &lease);
	fire.expect--;
	fire.id[0] ^= 1;
	expect("FIRE", "another lease", owner, MESO_IOC_FIRE, &fire, -ESTALE);
	require_eq(ask(owner, MESO_IOC_DISARM, NULL), 0);
	wait_idle(owner);
	expect("DISARM", "disarmed", owner, MESO_IOC_DISARM, NULL, 0);
}

static void reads(void)
{
	char *volatile null = NULL;
	char buf[256];
	int fd = open_gun("/dev/meso0", O_RDWR | O_NONBLOCK);
	struct meso_event *event = (struct meso_event *)buf;
	struct meso_event_config config = { .mask = 1 << MESO_EVENT_STATE };

	require_eq(ask(fd, MESO_IOC_SET_EVENTS, &config), 0);
	require_eq(config.mask,
		   1 << MESO_EVENT_STATE | 1 << MESO_EVENT_OVERFLOW | 1 << MESO_EVENT_REMOVED);
	require_eq(config.depth, MESO_QUEUE_DEFAULT);
	require_eq(read(fd, buf, sizeof(buf)) < 0 ? errno : 0, EAGAIN);
	require_eq(read(fd, buf, 8) < 0 ? errno : 0, EINVAL);
	/* Two events, told of by a lease that comes and goes. */
	{
		struct meso_lease lease = usual_lease(owner, MESO_KIND_PRIME, 60000, 3);

		arm_gun(owner, &lease);
		require_eq(ask(owner, MESO_IOC_DISARM, NULL), 0);
		wait_idle(owner);
	}
	require_eq(read(fd, buf, sizeof(*event) - 1) < 0 ? errno : 0, EINVAL);
	require_eq(read(fd, null, sizeof(buf)) < 0 ? errno : 0, EFAULT);
	require_eq(read(fd, page + page_size, sizeof(buf)) < 0 ? errno : 0, EFAULT);
	require_eq(read(fd, page + page_size - 8, sizeof(buf)) < 0 ? errno : 0, EFAULT);
	/* Nothing of that was lost. */
	require_eq(read(fd, buf, sizeof(*event)), sizeof(*event));
	require_eq(event->seq, 1);
	require_eq(event->type, MESO_EVENT_STATE);
	require_eq(event->value[0], MESO_STATE_ARMED);
	require(read(fd, buf, sizeof(buf)) > 0);
	require_eq(event->seq, 2);
	require(write(fd, buf, 8) < 0);
	require(lseek(fd, 0, SEEK_SET) < 0);
	close(fd);
}

/* Who only looks is bounded, and never in the way of who controls. */
static void crowds(void)
{
	int looking[MESO_READERS];
	int fd, n = 0;

	/* One is open already. */
	for (; n < MESO_READERS - 1; n++) {
		looking[n] = open("/dev/meso0", O_RDONLY | O_CLOEXEC);
		require(looking[n] >= 0);
	}
	require(open("/dev/meso0", O_RDONLY | O_CLOEXEC) < 0 && errno == EMFILE);
	tried++;
	fd = open("/dev/meso0", O_RDWR | O_CLOEXEC);
	require(fd >= 0);
	close(fd);
	close(looking[--n]);
	looking[n] = open("/dev/meso0", O_RDONLY | O_CLOEXEC);
	require(looking[n] >= 0);
	for (; n >= 0; n--)
		close(looking[n]);
}

static void unplugged(void)
{
	char buf[8192] = {};

	hand("disconnect", 1);
	wait_gone(owner);
	for (size_t i = 0; i < IOCTLS; i++) {
		require_eq(call(owner, ioctls[i].cmd, buf), -ENODEV);
		require_eq(call(owner, ioctls[i].cmd, NULL), -ENODEV);
		tried += 2;
	}
}

static void everything(void)
{
	struct meso_config config = usual_config();
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	char line[1024];
	ssize_t len;

	require(kmsg >= 0);
	watcher = open_gun("/dev/meso0", O_RDONLY);
	owner = open_gun("/dev/meso0", O_RDWR);
	other = open_gun("/dev/meso0", O_RDWR);
	require_eq(ask(owner, MESO_IOC_ACQUIRE, NULL), 0);
	wait_idle(owner);
	require_eq(ask(owner, MESO_IOC_CONFIGURE, &config), 0);
	sleep_ms(150);
	/* What is said when a gun comes has been said. */
	require(lseek(kmsg, 0, SEEK_END) >= 0);

	both_are_told_the_same();
	what_is_not_said_is_zero();
	pointers();
	numbers();
	permissions();
	values();
	states();
	reads();
	crowds();
	/* What follows is told by the bus, and rightly. */
	len = read(kmsg, line, sizeof(line) - 1);
	if (len > 0) {
		line[len] = 0;
		failed(__FILE__, __LINE__, "the kernel's log grew: %s", line);
	}
	unplugged();
	close(kmsg);
	close(watcher);
	close(owner);
	close(other);
	plug_in("/dev/meso0");
}

static char *map_low(size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	require(map != MAP_FAILED);
	return map;
}

int main(void)
{
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	page = map_low(2 * page_size);
	/* A guard and no hole: a hole would be filled by the next mapping. */
	require(!mprotect(page + page_size, page_size, PROT_NONE));
	bounce = map_low(BOUNCE_SIZE);

	everything();
	as_32_bit = true;
	everything();
	printf("%lu bad requests refused\n", tried);
	return 0;
}
