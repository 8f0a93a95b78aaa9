// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interlock as this kernel compiles it, with frames and time injected: that
 * a lease begins, ends at its deadlines to the nanosecond, and that what is
 * refused changes nothing.  tests/unit/lease_test.c has every transition; this
 * suite shows that the kernel's build behaves the same.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "meso_lease.h"

#define MS	1000000ULL
#define OWNER	1

struct bench {
	struct meso_interlock il;
	struct meso_interlock before;
	struct meso_frame gun;
	u64 now;
	u32 act;
	u32 events;
};

static void count_event(void *ctx, const struct meso_event *event)
{
	struct bench *b = ctx;

	b->events++;
}

static void report(struct bench *b, u64 after_ns)
{
	b->now += after_ns;
	b->gun.seq++;
	b->gun.uptime_us += after_ns / 1000;
	b->act = 0;
	meso_interlock_frame(&b->il, &b->gun, b->now, b->now, &b->act);
}

static void tick_at(struct bench *b, u64 when)
{
	b->now = when;
	b->act = 0;
	meso_interlock_tick(&b->il, b->now, &b->act);
}

static struct meso_status status(struct bench *b)
{
	struct meso_snapshot snapshot;
	struct meso_status status;

	meso_interlock_snapshot(&b->il, &snapshot);
	meso_snapshot_status(&snapshot, b->now, &status);
	return status;
}

static const struct meso_info an_info = {
	.serial = "KUNIT-1",
	.epoch = 1,
	.boot_id = 2,
	.dose_min_nl = 1000,
	.dose_max_nl = 200000,
	.dose_step_nl = 100,
	.capacity_max_nl = 10000000,
	.rate_max_mhz = 9000,
	.lease_max_nl = 10000000,
	.lease_max_shots = 256,
	.gun_log_size = 256,
};

static struct meso_lease a_lease(struct bench *b)
{
	return (struct meso_lease){
		.id = { 1 },
		.sequence = b->gun.last_sequence + 1,
		.boot_id = 2,
		.volume_nl = 100000,
		.shots = 5,
		.min_interval_ms = 112,
		.expiry_ms = 1000,
		.heartbeat_ms = 50,
	};
}

static int bench_init(struct kunit *test)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b);
	test->priv = b;
	b->now = 1000 * MS;
	KUNIT_ASSERT_EQ(test, 0, meso_interlock_init(&b->il, &an_info, NULL, count_event, b,
						     b->now));
	b->gun.boot_id = 2;
	b->gun.epoch = 1;
	b->gun.dose_nl = 20000;
	b->gun.bore_um = 12060;
	report(b, MS);
	KUNIT_ASSERT_EQ(test, 0, meso_interlock_acquire(&b->il, OWNER, &b->act));
	return 0;
}

static void arm(struct kunit *test, const struct meso_lease *lease)
{
	struct bench *b = test->priv;

	KUNIT_ASSERT_EQ(test, 0, meso_interlock_arm_begin(&b->il, OWNER, lease, b->now, &b->act));
	b->gun.state = MESO_GUN_ARMED;
	b->gun.status |= MESO_STATUS_LEASE_OPEN;
	b->gun.last_sequence = lease->sequence;
	memcpy(b->gun.lease_id, lease->id, sizeof(lease->id));
	KUNIT_ASSERT_EQ(test, 0, meso_interlock_arm_done(&b->il, 0, b->now, &b->act));
	report(b, MS);
	KUNIT_ASSERT_EQ(test, MESO_STATE_ARMED, status(b).state);
}

static void a_lost_heartbeat_disarms(struct kunit *test)
{
	struct bench *b = test->priv;
	struct meso_lease lease = a_lease(b);
	u64 armed = b->now;

	arm(test, &lease);
	tick_at(b, armed + 50 * MS - 1);
	KUNIT_EXPECT_EQ(test, MESO_END_NONE, status(b).lease_end);
	tick_at(b, armed + 50 * MS);
	KUNIT_EXPECT_EQ(test, MESO_END_HEARTBEAT, status(b).lease_end);
	KUNIT_EXPECT_TRUE(test, b->act & MESO_ACT_ABORT);
	KUNIT_EXPECT_FALSE(test, status(b).flags & MESO_STATUS_OWNED);
}

static void no_frame_disarms(struct kunit *test)
{
	struct bench *b = test->priv;
	struct meso_lease lease = a_lease(b);

	lease.heartbeat_ms = 300;
	arm(test, &lease);
	tick_at(b, b->now + 100 * MS - 1);
	KUNIT_EXPECT_EQ(test, MESO_END_NONE, status(b).lease_end);
	tick_at(b, b->now + 1);
	KUNIT_EXPECT_EQ(test, MESO_END_STALE, status(b).lease_end);
}

static void a_plunger_that_runs_on_is_an_overrun(struct kunit *test)
{
	struct bench *b = test->priv;
	struct meso_lease lease = a_lease(b);

	arm(test, &lease);
	b->gun.trigger_edges++;
	b->gun.state = MESO_GUN_FIRING;
	report(b, MS);
	b->gun.plunger_nm += 175000;	/* 20 uL */
	b->gun.plunger2_nm = b->gun.plunger_nm;
	report(b, MS);
	KUNIT_EXPECT_EQ(test, 0, status(b).faults);
	b->gun.plunger_nm += 8000;
	b->gun.plunger2_nm = b->gun.plunger_nm;
	report(b, MS);
	KUNIT_EXPECT_EQ(test, MESO_FAULT_HOST_OVERRUN, status(b).faults);
	KUNIT_EXPECT_TRUE(test, b->act & MESO_ACT_ABORT);
}

static void what_is_refused_changes_nothing(struct kunit *test)
{
	struct bench *b = test->priv;
	struct meso_lease lease = a_lease(b);
	int i;

	b->act = 0;
	b->before = b->il;
	for (i = 0; i < 4; i++) {
		lease = a_lease(b);
		lease.volume_nl += i == 0 ? 10000000 : 0;
		lease.shots += i == 1 ? 252 : 0;
		lease.heartbeat_ms += i == 2 ? 251 : 0;
		lease.sequence -= i == 3;
		KUNIT_EXPECT_EQ(test, i == 3 ? -ESTALE : -ERANGE,
				meso_interlock_arm_begin(&b->il, OWNER, &lease, b->now, &b->act));
	}
	KUNIT_EXPECT_EQ(test, -EPERM, meso_interlock_arm_begin(&b->il, OWNER + 1, &lease, b->now,
							       &b->act));
	KUNIT_EXPECT_EQ(test, 0, memcmp(&b->before, &b->il, sizeof(b->il)));
	KUNIT_EXPECT_EQ(test, 0, b->act);
}

static struct kunit_case lease_cases[] = {
	KUNIT_CASE(a_lost_heartbeat_disarms),
	KUNIT_CASE(no_frame_disarms),
	KUNIT_CASE(a_plunger_that_runs_on_is_an_overrun),
	KUNIT_CASE(what_is_refused_changes_nothing),
	{}
};

static struct kunit_suite lease_suite = {
	.name = "meso_lease",
	.init = bench_init,
	.test_cases = lease_cases,
};

kunit_test_suite(lease_suite);
