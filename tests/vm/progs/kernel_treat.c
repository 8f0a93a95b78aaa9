// SPDX-License-Identifier: GPL-2.0-only
/*
 * One treatment on the real module, by the dummy's hand: prime, arm, 20 shots,
 * the limit.  What left the needle is compared with what was leased and with
 * what the records say.
 */
#include "gun.h"

static uint64_t events[MESO_EVENT_TYPES];

/* Counts what came, and checks that the numbering has no gap. */
static void drain(int fd)
{
	static uint64_t seq;
	uint64_t buf[512];
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		/* Records are multiples of eight bytes. */
		uint64_t *at = buf;

		while (at < buf + len / 8) {
			struct meso_event *event = (struct meso_event *)at;

			require(event->type < MESO_EVENT_TYPES);
			/* A gap is as large as the overflow record says. */
			if (event->type == MESO_EVENT_OVERFLOW)
				seq += event->value[0];
			require_eq(event->seq, seq + 1);
			seq = event->seq;
			events[event->type]++;
			at += event->size / 8;
		}
	}
	require_eq(errno, EAGAIN);
}

static void fire_is_exactly_once(int fd, const struct meso_lease *lease)
{
	struct meso_fire fire = { .expect = status_of(fd).shot_count + 1 };

	memcpy(fire.id, lease->id, sizeof(fire.id));
	require_eq(ask(fd, MESO_IOC_FIRE, &fire), 0);
	require_eq(ask(fd, MESO_IOC_FIRE, &fire), -ESTALE);
	wait_status(fd, lease, 8000, s.shot_count == fire.expect);
	beat_for(fd, lease, 150);
	require_eq(ask(fd, MESO_IOC_FIRE, &fire), -ESTALE);
	require_eq(status_of(fd).shot_count, fire.expect);
}

static void shots_agree_with_the_fluid(int fd, const struct meso_lease *lease, uint64_t first)
{
	struct meso_shots shots = { .from = first };
	struct meso_lease none = { .sequence = 0 };
	uint64_t sum = 0;

	wait_status(fd, &none, 1000, s.flags & MESO_STATUS_RECONCILED);
	require_eq(ask(fd, MESO_IOC_GET_SHOTS, &shots), 0);
	require_eq(shots.count, 20);
	require_eq(shots.remaining, 0);
	for (uint32_t i = 0; i < shots.count; i++) {
		const struct meso_shot *shot = &shots.shot[i];

		require_eq(shot->number, first + i);
		require(!memcmp(shot->lease_id, lease->id, sizeof(lease->id)));
		require_eq(shot->result, MESO_SHOT_COMPLETE);
		require(shot->flags & MESO_STATUS_CONTACT);
		sum += shot->displaced_nl;
	}
	require(sum <= 400000 && sum >= 398000);
	require_eq(truth("lease_fl") / 1000000 / 1000, (long long)sum / 1000);
	require_eq(truth("max_beyond_lease_fl"), 0);
}

int main(void)
{
	int watcher = open_gun("/dev/meso0", O_RDONLY | O_NONBLOCK);
	int fd = ready_gun("/dev/meso0");
	struct meso_lease lease = usual_lease(fd, MESO_KIND_TREAT, 400000, 20);
	struct meso_registers regs;
	struct meso_lease again;
	uint64_t first = status_of(fd).shot_count + 1;
	uint64_t primed = status_of(fd).total_nl;
	int other;

	lease.mark.sequence = 77;
	arm_gun(fd, &lease);
	require_eq(ask(fd, MESO_IOC_ARM, &lease), -EBUSY);
	other = open_gun("/dev/meso0", O_RDWR);
	require_eq(ask(other, MESO_IOC_ACQUIRE, NULL), -EBUSY);
	beat_for(fd, &lease, 50);
	hand("contact", 1);
	beat_for(fd, &lease, 50);
	require_eq(status_of(fd).state, MESO_STATE_ARMED);

	fire_is_exactly_once(fd, &lease);
	for (int i = 1; i < 20; i++)
		shoot(fd, &lease);
	wait_status(fd, &lease, 8000, s.lease_end == MESO_END_SPENT);
	press();
	sleep_ms(200);
	require_eq(status_of(fd).shot_count, first + 19);
	require_eq(status_of(fd).total_nl - primed <= 400000, 1);
	wait_idle(fd);
	shots_agree_with_the_fluid(fd, &lease, first);

	require_eq(ask(fd, MESO_IOC_GET_REGISTERS, &regs), 0);
	require_eq(regs.count, MESO_REG_COUNT);
	require_eq(regs.mark.sequence, 77);
	require_eq(regs.reg[MESO_REG_MAGIC].value, MESO_MAGIC);
	require_eq(regs.reg[MESO_REG_SHOT_COUNT].value, first + 19);

	/* The same lease again, and an older one: never. */
	require_eq(ask(fd, MESO_IOC_ARM, &lease), -ESTALE);
	again = lease;
	again.sequence--;
	require_eq(ask(fd, MESO_IOC_ARM, &again), -ESTALE);
	acknowledge(fd);
	require_eq(status_of(fd).journal_count, 0);

	drain(watcher);
	require_eq(events[MESO_EVENT_OVERFLOW], 1); /* 64 records and nobody read */
	require_eq(status_of(fd).faults, 0);
	hand("contact", 0);
	printf("treated: %llu shots\n", (unsigned long long)status_of(fd).shot_count);
	return 0;
}
