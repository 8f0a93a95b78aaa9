// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gun on USB that speaks badly, through the real bus: spoilt frames beside the
 * true ones, forged frames under a lease, spoilt, refused and late answers, a
 * stream that halts or falls silent.  What is noise changes nothing; what is a
 * lie ends the lease; nothing is armed for longer than the dead man allows, and
 * when it is over the gun is as good as before.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "gun.h"

static const char *const noise[] = { "flip", "short", "empty", "noise", "version" };

#define KINDS  (sizeof(noise) / sizeof(noise[0]))
#define EMPTY  2    /* is one of no bytes, which a controller may not count */
#define BESIDE 1200 /* of each kind */
#define FORGED 250  /* in each of ROUNDS */
#define ROUNDS 18

static unsigned long injected;

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says it to the gun's console, which must agree. */
static void tell(const char *format, ...)
{
	char line[128], answer[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (ask_console(SERIAL, line, answer, sizeof(answer)))
		failed(__FILE__, __LINE__, "'%s': %s", line, answer);
}

static long still_to_come(void)
{
	char answer[4096];

	require(ask_console(SERIAL, "injected", answer, sizeof(answer)) == 0);
	return strtol(answer, NULL, 10);
}

static void inject(const char *kind, unsigned int count)
{
	/* Each time other ones. */
	tell("inject %s %u %lu", kind, count, injected + 1);
	injected += count;
}

static long long rejected(void)
{
	static const char name[] = "frames_rejected ";
	char line[128];
	FILE *file = fopen("/sys/kernel/debug/meso/meso0/counters", "r");

	require(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, sizeof(name) - 1) == 0) {
			fclose(file);
			return strtoll(line + sizeof(name) - 1, NULL, 10);
		}
	failed(__FILE__, __LINE__, "no counter %s", name);
}

static void to_the_last(int fd, const struct meso_lease *lease)
{
	while (still_to_come())
		beat_for(fd, lease, 20);
}

static void require_disarmed(void)
{
	uint64_t since = now_ms();

	while (truth("armed") || truth("moving"))
		require(now_ms() - since <= 500);
}

/* The cable goes out and in again: what was believed of the gun is forgotten. */
static int anew(int fd)
{
	close(fd);
	hand("disconnect", 1);
	wait_until(5000, access("/dev/meso0", F_OK) != 0);
	plug_in("/dev/meso0");
	fd = ready_gun("/dev/meso0");
	hand("contact", 1);
	sleep_ms(50);
	acknowledge(fd);
	return fd;
}

/* A heart that beats also while the gun's console is asked, which takes its time where there is much to spoil. */
struct heart {
	pthread_t thread;
	atomic_bool over;
	int fd;
	const struct meso_lease *lease;
};

static void *keep_beating(void *arg)
{
	struct heart *heart = arg;

	while (!atomic_load(&heart->over)) {
		beat(heart->fd, heart->lease);
		sleep_ms(20);
	}
	return NULL;
}

static void start_heart(struct heart *heart, int fd, const struct meso_lease *lease)
{
	heart->fd = fd;
	heart->lease = lease;
	atomic_store(&heart->over, false);
	require_eq(pthread_create(&heart->thread, NULL, keep_beating, heart), 0);
}

static void stop_heart(struct heart *heart)
{
	atomic_store(&heart->over, true);
	require_eq(pthread_join(heart->thread, NULL), 0);
}

static int noise_changes_nothing(int fd)
{
	struct heart heart;
	int late = 0;

	for (size_t i = 0; i < KINDS; i++) {
		struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 60000, 3);
		long long before = rejected();

		printf("%s\n", noise[i]);
		arm_gun(fd, &lease);
		start_heart(&heart, fd, &lease);
		beat_for(fd, &lease, 50);
		inject(noise[i], BESIDE);
		for (int k = 0; k < 2; k++)
			shoot(fd, &lease);
		to_the_last(fd, &lease);
		/* A host that is late loses frames, and these are made up for. */
		for (int k = 0; i != EMPTY && rejected() < before + BESIDE; k++) {
			require(k < 10);
			inject(noise[i], (unsigned int)(before + BESIDE - rejected()));
			to_the_last(fd, &lease);
		}
		/* On a host that stands still this heart may miss a beat: that lease is no proof of anything. */
		if (status_of(fd).lease_end == MESO_END_HEARTBEAT && late++ < 5) {
			printf("a beat came too late: %s once more\n", noise[i--]);
			stop_heart(&heart);
			fd = anew(fd);
			continue;
		}
		require_eq(status_of(fd).lease_end, MESO_END_NONE);
		shoot(fd, &lease);
		wait_idle(fd);
		require_eq(status_of(fd).lease_end, MESO_END_SPENT);
		stop_heart(&heart);
		/* The dead man's of a beat that came too late only informs. */
		require_eq(status_of(fd).faults & ~(late ? MESO_FAULT_HEARTBEAT_LOST : 0), 0);
		acknowledge(fd);
	}
	require_eq(truth("max_beyond_lease_fl"), 0);
	return fd;
}

static int forgeries_never_keep_a_gun_armed(int fd)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20);
		uint64_t until;

		arm_gun(fd, &lease);
		beat_for(fd, &lease, 50);
		inject("forge", FORGED);
		hand("trigger", i % 2);
		while (still_to_come())
			beat_for(fd, &lease, 10);
		/* Nobody's heart beats for it now, whatever was believed. */
		until = now_ms() + 500;
		while (truth("armed") || truth("moving"))
			require(now_ms() <= until);
		hand("trigger", 0);
		require_eq(truth("max_beyond_lease_fl"), 0);
		fd = anew(fd);
	}
	return fd;
}

/* Of every request that this gun is asked, with everything that can be wrong with an answer. */
static void ask_all(int fd)
{
	struct meso_config config = usual_config();
	struct meso_status status = status_of(fd);
	struct meso_clear clear = { .mask = MESO_FAULT_AIR,
				    .counter = status.fault_counter,
				    .boot_id = status.boot_id };
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 60000, 3);
	struct meso_ack ack = { .epoch = info_of(fd).epoch, .upto = status.shot_count };

	ask(fd, MESO_IOC_CONFIGURE, &config);
	ask(fd, MESO_IOC_CLEAR_FAULTS, &clear);
	if (ask(fd, MESO_IOC_ARM, &lease) == 0) {
		beat_for(fd, &lease, 30);
		press();
	}
	ask(fd, MESO_IOC_DISARM, NULL);
	require_disarmed();
	ask(fd, MESO_IOC_ACK_SHOTS, &ack);
}

static int bad_answers_arm_nothing_for_long(int fd)
{
	for (size_t i = 0; i <= KINDS; i++) {
		const char *kind = i < KINDS ? noise[i] : "forge";

		printf("answers: %s\n", kind);
		tell("spoil %s 12 %zu", kind, i + 1);
		ask_all(fd);
		tell("spoil %s 0", kind);
		fd = anew(fd);
	}
	return fd;
}

static int refusals_and_delays_arm_nothing_for_long(int fd)
{
	for (unsigned int request = 1; request <= 11; request++) {
		printf("refuses 0x%02x\n", request);
		tell("stall %u 3", request);
		ask_all(fd);
		tell("stall %u 0", request);
		fd = anew(fd);
	}
	for (unsigned int ms = 20; ms <= 220; ms += 50) {
		printf("answers %u ms late\n", ms);
		tell("slow %u", ms);
		ask_all(fd);
		tell("slow 0");
		fd = anew(fd);
	}
	return fd;
}

/* Who is not understood when it is plugged in is no gun, and one when it speaks well. */
static int a_bad_beginning_is_no_gun(int fd)
{
	close(fd);
	for (size_t i = 0; i < KINDS; i++) {
		hand("disconnect", 1);
		wait_until(5000, access("/dev/meso0", F_OK) != 0);
		tell("spoil %s 12 %zu", noise[i], i + 1);
		hand("disconnect", 0);
		sleep_ms(700);
		require(access("/dev/meso0", F_OK) != 0);
		tell("spoil %s 0", noise[i]);
	}
	hand("disconnect", 1);
	plug_in("/dev/meso0");
	fd = ready_gun("/dev/meso0");
	hand("contact", 1);
	sleep_ms(50);
	return fd;
}

static void a_stream_that_halts_or_pauses_comes_back(int fd)
{
	struct meso_lease none = { .sequence = 0 };

	for (int i = 0; i < 5; i++) {
		tell("halt");
		sleep_ms(100);
		wait_status(fd, &none, 3000,
			    s.state == MESO_STATE_IDLE && s.flags & MESO_STATUS_FRESH);
	}
	tell("drop 15"); /* ten in a second while it is idle */
	wait_status(fd, &none, 3000, s.state == MESO_STATE_STALE);
	wait_status(fd, &none, 3000, s.state == MESO_STATE_IDLE && s.flags & MESO_STATUS_FRESH);
	require_eq(status_of(fd).faults, 0);
}

int main(void)
{
	int fd = ready_gun("/dev/meso0");

	hand("contact", 1);
	sleep_ms(50);
	fd = noise_changes_nothing(fd);
	fd = forgeries_never_keep_a_gun_armed(fd);
	fd = bad_answers_arm_nothing_for_long(fd);
	fd = refusals_and_delays_arm_nothing_for_long(fd);
	fd = a_bad_beginning_is_no_gun(fd);
	a_stream_that_halts_or_pauses_comes_back(fd);
	printf("%lu spoilt frames\n", injected);
	require(injected >= 10000);
	require_eq(truth("max_beyond_lease_fl"), 0);
	close(fd);
	return 0;
}
