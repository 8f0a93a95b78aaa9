// SPDX-License-Identifier: GPL-2.0-only
/*
 * A way around the daemon: thousands of random requests with no lease, with old
 * ones, made-up ones and somebody else's, by strangers and by the controller
 * itself, while the trigger is pulled.  The gun stands still, and a lease that
 * is alive goes on unharmed.  And settings, which nobody changes under a lease.
 *
 * usage: kernel_authority [SEED]
 */
#include <stdatomic.h>

#include "gun.h"

#define REQUESTS 4000

static uint64_t seed;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016 */
static uint64_t draw(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

static bool one_in(unsigned int n)
{
	return draw() % n == 0;
}

struct still {
	long long shots, plunger_nm;
	uint64_t sequence;
};

static struct still still_now(int fd)
{
	return (struct still){
		.shots = truth("shots"),
		.plunger_nm = truth("plunger_nm"),
		.sequence = info_of(fd).last_sequence,
	};
}

static void require_still(int fd, const struct still *before)
{
	struct still now = still_now(fd);

	require_eq(now.shots, before->shots);
	require_eq(now.plunger_nm, before->plunger_nm);
	require_eq(now.sequence, before->sequence);
}

/* A lease that is right in all but one thing at least, or in nothing. */
static struct meso_lease wrong_lease(int fd, const struct meso_lease *old)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 60000, 3);

	switch (draw() % 4) {
	case 0: /* recorded, and told again */
		lease = *old;
		break;
	case 1: /* of another boot */
		lease.boot_id ^= 1 + draw() % 0xffffffff;
		break;
	case 2: /* not after the last one */
		lease.sequence -= 1 + draw() % lease.sequence;
		break;
	default:
		memset(lease.id, 0, sizeof(lease.id));
	}
	for (size_t i = 0; one_in(2) && i < sizeof(lease); i += 1 + draw() % 16)
		((uint8_t *)&lease)[i] ^= (uint8_t)draw();
	/* Chance mended what was wrong: wrong again. */
	if (lease.boot_id == old->boot_id && lease.sequence > old->sequence)
		lease.boot_id++;
	return lease;
}

/* Whatever is asked here must be refused: nothing of it may be taken by chance. */
static void ask_wrongly(int fd, const struct meso_lease *old, const uint8_t *known_id)
{
	struct meso_lease lease = wrong_lease(fd, old);
	struct meso_fire fire = { .expect = status_of(fd).shot_count + draw() % 3 };
	struct meso_lease_ref ref;
	int r;

	for (size_t i = 0; i < sizeof(ref.id); i++)
		ref.id[i] = (uint8_t)draw();
	if (known_id && one_in(2))
		memcpy(ref.id, known_id, sizeof(ref.id));
	else if (one_in(2))
		memcpy(ref.id, old->id, sizeof(ref.id));
	memcpy(fire.id, ref.id, sizeof(fire.id));
	switch (draw() % 3) {
	case 0:
		r = ask(fd, MESO_IOC_ARM, &lease);
		break;
	case 1:
		r = ask(fd, MESO_IOC_FIRE, &fire);
		break;
	default:
		r = ask(fd, MESO_IOC_HEARTBEAT, &ref);
	}
	require(r < 0);
}

/* Now and then the trigger is pulled, too. */
static void ask_often(int fd, const struct meso_lease *old, const uint8_t *known_id, bool trigger)
{
	for (int i = 0; i < REQUESTS; i++) {
		if (trigger && i % 400 == 0)
			hand("trigger", i % 800 == 0);
		ask_wrongly(fd, old, known_id);
	}
	if (trigger)
		hand("trigger", 0);
}

static void nobody_arms_without_a_lease(int fd, const struct meso_lease *old)
{
	struct still before = still_now(fd);
	int stranger = open_gun("/dev/meso0", O_RDWR);

	ask_often(stranger, old, NULL, true);
	require_eq(truth("armed"), 0);
	require_still(fd, &before);
	close(stranger);

	ask_often(fd, old, NULL, true);
	require_eq(truth("armed"), 0);
	require_still(fd, &before);
}

struct crowd {
	atomic_bool enough;
	atomic_bool asking;
	const struct meso_lease *lease;
	const struct meso_lease *old;
};

/* Knows the id of the lease, and is still nobody. */
static void *stranger_asks(void *data)
{
	struct crowd *crowd = data;
	int fd = open_gun("/dev/meso0", O_RDWR);

	do {
		ask_wrongly(fd, crowd->old, crowd->lease->id);
		require_eq(ask(fd, MESO_IOC_ACQUIRE, NULL), -EBUSY);
		require_eq(ask(fd, MESO_IOC_RELEASE, NULL), -EPERM);
		atomic_store(&crowd->asking, true);
	} while (!atomic_load(&crowd->enough));
	close(fd);
	return NULL;
}

static void strangers_do_no_harm_to_a_lease(int fd, const struct meso_lease *old)
{
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 60000, 3);
	struct crowd crowd = { .lease = &lease, .old = old };
	struct still before;
	pthread_t thread;

	hand("contact", 1);
	sleep_ms(50);
	arm_gun(fd, &lease);
	before = still_now(fd);
	require(!pthread_create(&thread, NULL, stranger_asks, &crowd));
	beat_for(fd, &lease, 1500);
	require(atomic_load(&crowd.asking));
	require_eq(truth("armed"), 1);
	require_still(fd, &before);
	/* It is as good as before. */
	for (int i = 0; i < 3; i++)
		shoot(fd, &lease);
	atomic_store(&crowd.enough, true);
	require(!pthread_join(thread, NULL));
	wait_idle(fd);
	require_eq(status_of(fd).lease_end, MESO_END_SPENT);
	require_eq(truth("shots"), before.shots + 3);
	require_eq(truth("max_beyond_lease_fl"), 0);
	acknowledge(fd);
}

/* ---- settings ---- */

struct settler {
	int fd;
	int wanted;
	atomic_bool enough;
	atomic_ulong refused;
};

static void *configure_on(void *data)
{
	struct settler *settler = data;
	struct meso_config config = usual_config();

	while (!atomic_load(&settler->enough)) {
		/* Ten times the dose, twice the depth. */
		config.dose_nl = 200000;
		config.depth_um = 4000;
		require_eq(ask(settler->fd, MESO_IOC_CONFIGURE, &config), settler->wanted);
		atomic_fetch_add(&settler->refused, 1);
		sleep_ms(1);
	}
	return NULL;
}

static void nobody_changes_settings_under_a_lease(int fd)
{
	struct settler settlers[2] = {
		{ .fd = fd, .wanted = -EBUSY },
		{ .fd = open_gun("/dev/meso0", O_RDWR), .wanted = -EPERM },
	};
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 100000, 5);
	struct meso_shots shots = { .from = status_of(fd).shot_count + 1 };
	pthread_t thread[2];

	arm_gun(fd, &lease);
	for (int i = 0; i < 2; i++)
		require(!pthread_create(&thread[i], NULL, configure_on, &settlers[i]));
	beat_for(fd, &lease, 50);
	for (int i = 0; i < 4; i++)
		shoot(fd, &lease);
	for (int i = 0; i < 2; i++) {
		atomic_store(&settlers[i].enough, true);
		require(!pthread_join(thread[i], NULL));
		require(atomic_load(&settlers[i].refused) > 10);
	}
	shoot(fd, &lease);
	wait_idle(fd);
	require_eq(status_of(fd).lease_end, MESO_END_SPENT);
	require_eq(status_of(fd).depth_set_um, 2000);
	wait_status(fd, &lease, 1000, s.flags & MESO_STATUS_RECONCILED);
	require_eq(ask(fd, MESO_IOC_GET_SHOTS, &shots), 0);
	require_eq(shots.count, 5);
	for (uint32_t i = 0; i < shots.count; i++)
		require(shots.shot[i].displaced_nl >= 19900 && shots.shot[i].displaced_nl <= 20000);
	require_eq(truth("max_beyond_lease_fl"), 0);
	close(settlers[1].fd);
	printf("%lu and %lu changes of settings refused\n", atomic_load(&settlers[0].refused),
	       atomic_load(&settlers[1].refused));
}

int main(int argc, char **argv)
{
	struct meso_lease old;
	int fd;

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	seed += !seed;
	printf("seed %llu\n", (unsigned long long)seed);
	fd = ready_gun("/dev/meso0");
	/* One that was real, and is over. */
	old = usual_lease(fd, MESO_KIND_TREAT, 60000, 3);
	arm_gun(fd, &old);
	require_eq(ask(fd, MESO_IOC_DISARM, NULL), 0);
	wait_idle(fd);

	nobody_arms_without_a_lease(fd, &old);
	strangers_do_no_harm_to_a_lease(fd, &old);
	nobody_changes_settings_under_a_lease(fd);
	printf("%d random requests refused\n", 2 * REQUESTS);
	return 0;
}
