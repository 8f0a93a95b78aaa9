// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interlock, with frames and time injected.  The truth here is what the
 * test says the gun does; each test is a sentence about what the host makes of
 * it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "meso_lease.h"

#define MS      1000000ULL
#define OWNER   7ULL
#define BOOT_ID 0xb007ULL
#define EPOCH   0xe70cULL

/* A gun as the test moves it, the host that watches it, and what it was told */
static struct meso_interlock *il;
static struct meso_frame gun;
static u64 now;
static u32 act;
static union {
	struct meso_event head;
	u8 bytes[MESO_EVENT_MAX_SIZE];
} events[4096];
static unsigned int event_count;

/* Padding included: what is meant is byte for byte. */
static bool same_bytes(const void *a, const void *b, size_t size)
{
	return !memcmp(a, b, size);
}

static void remember(void *ctx, const struct meso_event *event)
{
	(void)ctx;
	ck_assert_uint_lt(event_count, ARRAY_SIZE(events));
	ck_assert_uint_eq(event->gun_seq, event_count + 1);
	ck_assert_uint_eq(event->timestamp_ns, now);
	memcpy(&events[event_count++], event, event->size);
}

static unsigned int count_events(u32 type)
{
	unsigned int i, count = 0;

	for (i = 0; i < event_count; i++)
		count += events[i].head.type == type;
	return count;
}

static const struct meso_event *last_event(u32 type)
{
	unsigned int i;

	for (i = event_count; i-- > 0;)
		if (events[i].head.type == type)
			return &events[i].head;
	return NULL;
}

static struct meso_info good_info(void)
{
	struct meso_info info = {
		.serial = "TEST-1",
		.model = "Model",
		.firmware = "1.0.0",
		.epoch = EPOCH,
		.boot_id = BOOT_ID,
		.capabilities = MESO_CAP_ALL_MASK,
		.dose_min_nl = 1000,
		.dose_max_nl = 200000,
		.dose_step_nl = 100,
		.depth_max_um = 13000,
		.capacity_max_nl = 10000000,
		.rate_max_mhz = 9000,
		.lease_max_nl = 10000000,
		.lease_max_shots = 256,
		.gun_log_size = 256,
		.pressure_max_pa = 450000,
	};

	return info;
}

static struct meso_config good_config(void)
{
	struct meso_config config = {
		.bore_um = 12060,
		.capacity_nl = 5000000,
		.dose_nl = 20000,
		.depth_um = 2000,
		.rate_mhz = 5000,
		.viscosity_upas = 1000,
		.needle_um = 108,
		.needle_length_um = 4000,
		.needles = 1,
	};

	return config;
}

static struct meso_lease good_lease(void)
{
	struct meso_lease lease = {
		.id = { 1, 2, 3 },
		.sequence = gun.last_sequence + 1,
		.boot_id = BOOT_ID,
		.volume_nl = 100000,
		.shots = 5,
		.min_interval_ms = 112,
		.expiry_ms = 60000,
		.heartbeat_ms = 300,
	};

	lease.id[15] = (u8)lease.sequence;
	return lease;
}

/* Time passes, and the gun reports. */
static void report(u64 after_ns)
{
	now += after_ns;
	gun.seq++;
	gun.uptime_us += after_ns / 1000;
	act = 0;
	meso_interlock_frame(il, &gun, now, now, &act);
}

static void tick_at(u64 when)
{
	now = when;
	act = 0;
	meso_interlock_tick(il, now, &act);
}

static struct meso_status status(void)
{
	struct meso_snapshot snapshot;
	struct meso_status s;

	meso_interlock_snapshot(il, &snapshot);
	meso_snapshot_status(&snapshot, now, &s);
	return s;
}

static void configure(void)
{
	struct meso_config config = good_config();
	struct meso_info info = good_info();

	ck_assert_int_eq(meso_interlock_configure_begin(il, OWNER, &config), 0);
	meso_interlock_configure_done(il, &config, 0, &info, now, &act);
	gun.bore_um = config.bore_um;
	gun.capacity_nl = config.capacity_nl;
	gun.dose_nl = config.dose_nl;
	gun.depth_set_um = config.depth_um;
	gun.mode = config.mode;
	gun.rate_mhz = config.rate_mhz;
}

/* An idle gun that has just been plugged in, configured by its controller */
static void setup(void)
{
	struct meso_info info = good_info();

	il = malloc(sizeof(*il));
	ck_assert_ptr_nonnull(il);
	now = 1000000 * MS;
	act = 0;
	event_count = 0;
	ck_assert_int_eq(meso_interlock_init(il, &info, NULL, remember, NULL, now), 0);
	memset(&gun, 0, sizeof(gun));
	gun.boot_id = BOOT_ID;
	gun.epoch = EPOCH;
	gun.status = MESO_STATUS_CONTACT;
	gun.reservoir_nl = 5000000;
	gun.pressure_limit_pa = 30000;
	report(MS);
	ck_assert_int_eq(meso_interlock_acquire(il, OWNER, &act), 0);
	configure();
	report(MS);
	event_count = 0;
	il->gun_seq = 0;
}

static void teardown(void)
{
	free(il);
	il = NULL;
}

/* The gun takes the lease that it is given. */
static void take(const struct meso_lease *lease)
{
	gun.state = MESO_GUN_ARMED;
	gun.status |= MESO_STATUS_LEASE_OPEN;
	gun.last_sequence = lease->sequence;
	memcpy(gun.lease_id, lease->id, sizeof(gun.lease_id));
	gun.lease_left_nl = lease->volume_nl;
	gun.lease_shots_left = lease->shots;
	gun.lease_end = MESO_END_NONE;
}

static void shut(u32 why)
{
	gun.state = MESO_GUN_IDLE;
	gun.status &= ~(MESO_STATUS_LEASE_OPEN | MESO_STATUS_MOVING);
	gun.lease_end = why;
}

static struct meso_lease arm_with(struct meso_lease lease)
{
	ck_assert_int_eq(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), 0);
	take(&lease);
	ck_assert_int_eq(meso_interlock_arm_done(il, 0, now, &act), 0);
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_ARMED);
	return lease;
}

static struct meso_lease arm(void)
{
	return arm_with(good_lease());
}

static s32 travel_nm(u32 nl)
{
	return (s32)((u64)nl * 1000000000 / (12060ULL * 12060 * 785398 / 1000000));
}

static struct meso_shot record_of_newest(u32 nl)
{
	struct meso_shot shot = {
		.epoch = gun.epoch,
		.number = gun.shot_count,
		.asked_nl = gun.dose_nl,
		.reported_nl = nl,
		.displaced_nl = nl,
		.displaced2_nl = nl,
		.flags = MESO_STATUS_CONTACT,
		.total_nl = gun.total_nl,
	};

	memcpy(shot.lease_id, gun.lease_id, sizeof(shot.lease_id));
	return shot;
}

static void begin_shot(void)
{
	gun.trigger_edges++;
	gun.state = MESO_GUN_FIRING;
	gun.status |= MESO_STATUS_MOVING;
	report(MS);
}

static void end_shot(u32 nl)
{
	struct meso_shot shot;

	gun.plunger_nm += travel_nm(nl);
	gun.plunger2_nm += travel_nm(nl);
	gun.state = MESO_GUN_ARMED;
	gun.status &= ~MESO_STATUS_MOVING;
	gun.shot_count++;
	gun.total_nl += nl;
	gun.lease_left_nl -= nl < gun.lease_left_nl ? nl : gun.lease_left_nl;
	gun.lease_shots_left -= !!gun.lease_shots_left;
	report(100 * MS);
	ck_assert(act & MESO_ACT_READ_LOG);
	shot = record_of_newest(nl);
	meso_interlock_records(il, &shot, 1, now, &act);
	report(50 * MS);
}

static void beat(const struct meso_lease *lease)
{
	ck_assert_int_eq(meso_interlock_heartbeat(il, OWNER, lease->id, now, &act), 0);
	ck_assert(act & MESO_ACT_HEARTBEAT);
}

/* The lease has ended for this reason, a stop was asked for, nobody can fire. */
static void assert_stopped(u32 why)
{
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().lease_end, why);
	ck_assert_uint_ne(status().state, MESO_STATE_ARMED);
	ck_assert_uint_ne(status().state, MESO_STATE_FIRING);
	ck_assert_uint_eq(status().lease_left_nl, 0);
}

/* A request that is refused leaves everything as it was, byte for byte. */
#define assert_refused(call, error)                                        \
	do {                                                               \
		struct meso_interlock *before_ = malloc(sizeof(*before_)); \
		u32 acts_ = act;                                           \
		int r_;                                                    \
                                                                           \
		ck_assert_ptr_nonnull(before_);                            \
		memcpy(before_, il, sizeof(*il));                          \
		r_ = (call);                                               \
		ck_assert_int_eq(r_, error);                               \
		ck_assert(same_bytes(before_, il, sizeof(*il)));           \
		ck_assert_uint_eq(act, acts_);                             \
		free(before_);                                             \
	} while (0)

/* ---- deadlines ------------------------------------------------------------------ */

/* Nothing happens at @when - 1 ns; at @when the lease ends with @why. */
static void assert_ends_at(u64 when, u32 why)
{
	ck_assert_uint_le(meso_interlock_deadline(il), when);
	tick_at(when - 1);
	ck_assert_uint_eq(status().lease_end, MESO_END_NONE);
	ck_assert_uint_eq(meso_interlock_deadline(il), when);
	tick_at(when);
	assert_stopped(why);
}

START_TEST(a_lost_heartbeat_disarms_and_ends_ownership_to_the_nanosecond)
{
	struct meso_lease lease = good_lease();
	u64 beaten, until;

	lease.heartbeat_ms = 50;
	arm_with(lease);
	now += 20 * MS;
	beat(&lease);
	beaten = now;
	for (until = beaten + 45 * MS; now < until;)
		report(5 * MS);
	assert_ends_at(beaten + 50 * MS, MESO_END_HEARTBEAT);
	ck_assert(!(status().flags & MESO_STATUS_OWNED));
	assert_refused(meso_interlock_heartbeat(il, OWNER, lease.id, now, &act), -EPERM);
	ck_assert_int_eq(meso_interlock_acquire(il, OWNER + 1, &act), 0);
}
END_TEST

START_TEST(a_heartbeat_that_comes_a_nanosecond_late_saves_nothing)
{
	struct meso_lease lease = good_lease();

	lease.heartbeat_ms = 50;
	arm_with(lease);
	report(40 * MS);
	now = il->heartbeat_ns;
	assert_refused(meso_interlock_heartbeat(il, OWNER, lease.id, now, &act), -ESTALE);
	now--;
	ck_assert_int_eq(meso_interlock_heartbeat(il, OWNER, lease.id, now, &act), 0);
}
END_TEST

START_TEST(a_lease_expires_however_the_heart_beats)
{
	struct meso_lease lease = good_lease();
	u64 armed;

	lease.expiry_ms = 500;
	armed = now;
	arm_with(lease);
	while (now < armed + 490 * MS) {
		report(10 * MS);
		beat(&lease);
	}
	assert_ends_at(armed + 500 * MS, MESO_END_EXPIRED);
	ck_assert(status().flags & MESO_STATUS_OWNED);
}
END_TEST

START_TEST(no_frame_for_100_ms_while_armed_disarms)
{
	arm();
	assert_ends_at(now + 100 * MS, MESO_END_STALE);
}
END_TEST

START_TEST(a_host_that_stood_still_gives_waiting_frames_20_ms)
{
	u64 since;

	arm();
	since = now;
	tick_at(since + 110 * MS - 1);
	assert_stopped(MESO_END_STALE);
	shut(MESO_END_DISARM);
	report(MS);

	arm();
	since = now;
	tick_at(since + 150 * MS);
	ck_assert_uint_eq(status().lease_end, MESO_END_NONE);
	ck_assert_uint_eq(meso_interlock_deadline(il), since + 170 * MS);
	tick_at(since + 170 * MS - 1);
	ck_assert_uint_eq(status().lease_end, MESO_END_NONE);
	/* once, however late the next tick is */
	tick_at(since + 200 * MS);
	assert_stopped(MESO_END_STALE);
	shut(MESO_END_DISARM);
	report(MS);

	arm();
	since = now;
	tick_at(since + 150 * MS);
	report(5 * MS);
	ck_assert_uint_eq(status().state, MESO_STATE_ARMED);
	assert_refused(meso_interlock_arm_begin(il, OWNER, &il->lease, now, &act), -EBUSY);
	tick_at(now + 100 * MS);
	assert_stopped(MESO_END_STALE);
}
END_TEST

START_TEST(starts_seen_late_are_not_taken_for_starts_too_near)
{
	struct meso_lease lease = arm();

	/* the start is seen 80 ms late, because the host stood still */
	gun.trigger_edges++;
	gun.state = MESO_GUN_FIRING;
	report(80 * MS);
	meso_interlock_heartbeat(il, OWNER, lease.id, now, &act);
	gun.shot_count++;
	gun.state = MESO_GUN_ARMED;
	report(30 * MS);
	gun.trigger_edges++;
	gun.state = MESO_GUN_FIRING;
	report(MS);
	ck_assert_uint_eq(status().faults, 0);
}
END_TEST

START_TEST(a_shot_whose_end_was_not_seen_is_not_taken_for_one_that_runs_on)
{
	struct meso_lease lease = arm();

	begin_shot();
	gun.plunger_nm += travel_nm(10000);
	gun.plunger2_nm = gun.plunger_nm;
	report(MS);
	/* 90 ms later the next one is well under way */
	gun.trigger_edges++;
	gun.shot_count++;
	gun.total_nl += 20000;
	gun.plunger_nm += travel_nm(25000);
	gun.plunger2_nm = gun.plunger_nm;
	report(90 * MS);
	ck_assert_uint_eq(status().faults, 0);
	ck_assert_uint_eq(status().lease_end, MESO_END_NONE);
	beat(&lease);
}
END_TEST

START_TEST(no_frame_for_a_second_while_idle_is_stale)
{
	u64 since = now;

	tick_at(since + 1000 * MS - 1);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
	ck_assert(status().flags & MESO_STATUS_FRESH);
	tick_at(since + 1000 * MS);
	ck_assert_uint_eq(status().state, MESO_STATE_STALE);
	ck_assert(!(status().flags & MESO_STATUS_FRESH));
	ck_assert(act & MESO_ACT_STATE);
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
}
END_TEST

START_TEST(a_stop_is_repeated_until_the_gun_confirms)
{
	u64 stopped, when;
	unsigned int aborts = 0;

	arm();
	ck_assert_int_eq(meso_interlock_disarm(il, MESO_END_DISARM, now, &act), 0);
	assert_stopped(MESO_END_DISARM);
	stopped = now;
	for (when = now + MS; when < stopped + 200 * MS; when += MS) {
		tick_at(when);
		aborts += !!(act & MESO_ACT_ABORT);
		report(0);
		ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	}
	ck_assert_uint_eq(aborts, 9); /* each 20 ms */
	ck_assert_uint_eq(last_event(MESO_EVENT_LEASE)->value[1], 0);
	shut(MESO_END_DISARM);
	report(MS);
	ck_assert(act & MESO_ACT_CONFIRMED);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
	ck_assert_uint_eq(last_event(MESO_EVENT_LEASE)->value[0], MESO_END_DISARM);
	ck_assert_uint_eq(last_event(MESO_EVENT_LEASE)->value[1], 1);
}
END_TEST

START_TEST(a_stop_not_confirmed_in_250_ms_is_a_latched_fault)
{
	u64 stopped;

	arm();
	meso_interlock_disarm(il, MESO_END_DISARM, now, &act);
	stopped = now;
	while (now < stopped + 240 * MS)
		report(10 * MS);
	tick_at(stopped + 250 * MS - 1);
	ck_assert_uint_eq(status().faults, 0);
	tick_at(stopped + 250 * MS);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_UNRESPONSIVE);
	ck_assert(act & MESO_ACT_FAULTS);
	ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	shut(MESO_END_DISARM);
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_FAULT);
}
END_TEST

START_TEST(an_arm_without_an_answer_is_treated_as_armed)
{
	struct meso_lease lease = good_lease();
	u64 begun = now;

	ck_assert_int_eq(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), 0);
	tick_at(begun + MESO_ARMING_NS - 1);
	ck_assert(!(act & MESO_ACT_ABORT));
	tick_at(begun + MESO_ARMING_NS);
	ck_assert(act & MESO_ACT_ABORT);
	/* A frame that knows nothing of it confirms nothing while it is under way. */
	report(10 * MS);
	ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	act = 0;
	ck_assert_int_eq(meso_interlock_arm_done(il, -ETIMEDOUT, now, &act), -ETIMEDOUT);
	ck_assert(act & MESO_ACT_ABORT);
	/* Nor soon after: it may be from before. */
	report(99 * MS);
	ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	report(2 * MS);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
	ck_assert_uint_eq(status().lease_end, MESO_END_STALE);
	/* That sequence is burnt. */
	assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), -ESTALE);
}
END_TEST

START_TEST(an_arm_that_the_gun_refuses_leaves_no_trace)
{
	static const int refusals[] = { -EBUSY,  -EACCES,  -ESTALE, -ERANGE,
					-ENOSPC, -ENODATA, -EINVAL };
	struct meso_lease lease = good_lease();
	struct meso_status before, after;
	struct meso_account account;
	unsigned int i;

	gun.plunger_nm = 1000;
	report(MS);
	before = status();
	account = il->account;
	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		ck_assert_int_eq(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), 0);
		act = 0;
		ck_assert_int_eq(meso_interlock_arm_done(il, refusals[i], now, &act), refusals[i]);
		ck_assert(!(act & MESO_ACT_ABORT));
		after = status();
		ck_assert(same_bytes(&before, &after, sizeof(before)));
		ck_assert(same_bytes(&account, &il->account, sizeof(account)));
	}
}
END_TEST

START_TEST(an_arm_that_lands_after_the_removal_is_stopped)
{
	struct meso_lease lease = good_lease();

	ck_assert_int_eq(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), 0);
	meso_interlock_removed(il, now, &act);
	act = 0;
	take(&lease);
	ck_assert_int_eq(meso_interlock_arm_done(il, 0, now, &act), -ENODEV);
	ck_assert(act & MESO_ACT_ABORT);
}
END_TEST

START_TEST(a_stop_that_overtakes_the_arm_is_sent_again_after_it)
{
	struct meso_lease lease = good_lease();

	ck_assert_int_eq(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), 0);
	meso_interlock_disarm(il, MESO_END_DISARM, now, &act);
	act = 0;
	take(&lease);
	ck_assert_int_eq(meso_interlock_arm_done(il, 0, now, &act), -ECANCELED);
	ck_assert(act & MESO_ACT_ABORT);
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	shut(MESO_END_DISARM);
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
}
END_TEST

/* ---- what ends a lease at once ------------------------------------------------------ */

START_TEST(release_close_suspend_and_removal_disarm)
{
	struct meso_lease lease;

	arm();

	act = 0;
	ck_assert_int_eq(meso_interlock_release(il, OWNER, now, &act), 0);
	assert_stopped(MESO_END_DISARM);
	shut(MESO_END_DISARM);
	report(MS);

	meso_interlock_acquire(il, OWNER, &act);
	arm();
	act = 0;
	meso_interlock_close(il, OWNER + 1, now, &act);
	ck_assert_uint_eq(status().lease_end, MESO_END_NONE);
	meso_interlock_close(il, OWNER, now, &act);
	assert_stopped(MESO_END_CLOSE);
	shut(MESO_END_DISARM);
	report(MS);

	meso_interlock_acquire(il, OWNER, &act);
	arm();
	act = 0;
	meso_interlock_disarm(il, MESO_END_SUSPEND, now, &act);
	assert_stopped(MESO_END_SUSPEND);
	shut(MESO_END_DISARM);
	report(MS);

	lease = arm();
	act = 0;
	meso_interlock_removed(il, now, &act);
	assert_stopped(MESO_END_REMOVED);
	ck_assert_uint_eq(events[event_count - 1].head.type, MESO_EVENT_REMOVED);
	assert_refused(meso_interlock_acquire(il, OWNER, &act), -ENODEV);
	assert_refused(meso_interlock_heartbeat(il, OWNER, lease.id, now, &act), -ENODEV);
	assert_refused(meso_interlock_disarm(il, MESO_END_DISARM, now, &act), -ENODEV);
	ck_assert_uint_eq(meso_interlock_deadline(il), U64_MAX);
}
END_TEST

START_TEST(a_restarted_gun_has_no_lease)
{
	arm();
	gun.boot_id++;
	gun.seq = 0;
	gun.uptime_us = 0;
	shut(MESO_END_REBOOT);
	report(MS);
	assert_stopped(MESO_END_REBOOT);
	ck_assert_uint_eq(status().boot_id, BOOT_ID + 1);
}
END_TEST

START_TEST(skin_contact_ends_a_prime)
{
	struct meso_lease lease = good_lease();

	gun.status &= ~MESO_STATUS_CONTACT;
	report(MS);
	lease.kind = MESO_KIND_PRIME;
	arm_with(lease);
	gun.status |= MESO_STATUS_CONTACT;
	report(MS);
	assert_stopped(MESO_END_CONTACT);
	ck_assert_uint_eq(status().faults, 0);
}
END_TEST

START_TEST(each_fault_of_the_gun_ends_the_lease_but_one_that_informs)
{
	u32 bit;

	for (bit = 1; bit & MESO_FAULT_GUN_MASK; bit <<= 1) {
		arm();
		gun.faults = bit;
		gun.fault_counter++;
		report(MS);
		if (bit == MESO_FAULT_HEARTBEAT_LOST) {
			ck_assert_uint_eq(status().lease_end, MESO_END_NONE);
			meso_interlock_disarm(il, MESO_END_DISARM, now, &act);
		} else {
			assert_stopped(MESO_END_FAULT);
		}
		shut(MESO_END_FAULT);
		report(MS);
		ck_assert_uint_eq(status().state, bit == MESO_FAULT_HEARTBEAT_LOST
							  ? MESO_STATE_IDLE
							  : MESO_STATE_FAULT);
		gun.faults = 0;
		report(MS);
	}
}
END_TEST

START_TEST(a_lease_that_the_gun_ends_needs_no_stop)
{
	arm();
	shut(MESO_END_EXPIRED);
	report(MS);
	ck_assert(!(act & MESO_ACT_ABORT));
	ck_assert_uint_eq(status().lease_end, MESO_END_EXPIRED);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
	ck_assert_uint_eq(last_event(MESO_EVENT_LEASE)->value[1], 1);
}
END_TEST

/* ---- what the gun reports is judged ----------------------------------------------------- */

static void assert_caught(u32 fault, u32 why)
{
	assert_stopped(why);
	ck_assert_uint_eq(status().faults & MESO_FAULT_HOST_MASK, fault);
	shut(MESO_END_DISARM);
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_FAULT);
	{
		struct meso_lease lease = good_lease();

		assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), -EACCES);
	}
}

START_TEST(five_shots_spend_a_lease_of_five)
{
	struct meso_lease lease = arm();
	int i;

	for (i = 0; i < 4; i++) {
		beat(&lease);
		begin_shot();
		ck_assert_uint_eq(status().state, MESO_STATE_FIRING);
		end_shot(19990);
		ck_assert_uint_eq(status().lease_shots_left, 4 - (u32)i);
		ck_assert_uint_eq(status().lease_left_nl, 100000 - 19990 * ((u32)i + 1));
	}
	beat(&lease);
	begin_shot();
	end_shot(19990);
	/* This gun did not notice: it says it is armed still. */
	ck_assert_uint_eq(status().lease_end, MESO_END_SPENT);
	ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	ck_assert_uint_eq(status().faults, 0);
	ck_assert_uint_eq(status().journal_count, 5);
	/* Where the plunger has come to rest is no movement. */
	shut(MESO_END_DISARM);
	report(MS);
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
	ck_assert_uint_eq(status().faults, 0);
}
END_TEST

START_TEST(a_stop_reaches_a_gun_that_we_believe_disarmed)
{
	act = 0;
	ck_assert_int_eq(meso_interlock_disarm(il, MESO_END_DISARM, now, &act), 0);
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
}
END_TEST

START_TEST(a_shot_that_runs_on_is_an_overrun_even_where_an_earlier_one_fell_short)
{
	arm();
	begin_shot();
	end_shot(5000);
	begin_shot();
	gun.plunger_nm += travel_nm(20000) + MESO_TRAVEL_TOLERANCE_NM;
	gun.plunger2_nm = gun.plunger_nm;
	report(MS);
	ck_assert_uint_eq(status().faults, 0);
	gun.plunger_nm += 1500;
	gun.plunger2_nm = gun.plunger_nm;
	report(MS);
	assert_caught(MESO_FAULT_HOST_OVERRUN, MESO_END_OVERRUN);
}
END_TEST

START_TEST(a_total_that_the_log_does_not_explain_is_implausible)
{
	arm();
	begin_shot();
	end_shot(20000);
	ck_assert_uint_eq(status().faults, 0);
	gun.total_nl++;
	report(MS);
	assert_caught(MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT);
}
END_TEST

START_TEST(nothing_confirms_a_stop_while_the_arm_is_under_way)
{
	struct meso_lease lease = good_lease();
	int i;

	ck_assert_int_eq(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), 0);
	meso_interlock_disarm(il, MESO_END_DISARM, now, &act);
	for (i = 0; i < 20; i++) {
		report(10 * MS);
		ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	}
}
END_TEST

START_TEST(a_sixth_shot_of_five_is_an_overrun)
{
	struct meso_lease lease = arm();
	int i;

	for (i = 0; i < 5; i++) {
		meso_interlock_heartbeat(il, OWNER, lease.id, now, &act);
		begin_shot();
		end_shot(19990);
	}
	begin_shot();
	ck_assert(status().faults & MESO_FAULT_HOST_OVERRUN);
}
END_TEST

START_TEST(two_shots_from_one_press_are_an_overrun)
{
	arm();
	begin_shot();
	end_shot(19990);
	gun.state = MESO_GUN_FIRING;
	report(MS);
	assert_caught(MESO_FAULT_HOST_OVERRUN, MESO_END_OVERRUN);
}
END_TEST

START_TEST(a_plunger_that_runs_on_is_an_overrun)
{
	arm();
	begin_shot();
	gun.plunger_nm += travel_nm(20000) + MESO_TRAVEL_TOLERANCE_NM;
	gun.plunger2_nm = gun.plunger_nm;
	report(MS);
	ck_assert_uint_eq(status().faults, 0);
	gun.plunger2_nm += 1500;
	report(MS);
	assert_caught(MESO_FAULT_HOST_OVERRUN, MESO_END_OVERRUN);
}
END_TEST

START_TEST(shots_nearer_than_the_minimum_interval_are_an_overrun)
{
	arm();
	begin_shot();
	gun.shot_count++;
	gun.state = MESO_GUN_ARMED;
	report(MS);
	gun.trigger_edges++;
	gun.state = MESO_GUN_FIRING;
	report(MS);
	ck_assert(status().faults & MESO_FAULT_HOST_OVERRUN);
}
END_TEST

START_TEST(a_shot_without_a_lease_is_an_overrun)
{
	gun.shot_count++;
	report(MS);
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_OVERRUN);
}
END_TEST

START_TEST(a_plunger_that_moves_while_disarmed_is_implausible)
{
	report(MS);
	gun.plunger_nm += MESO_TRAVEL_TOLERANCE_NM;
	gun.plunger2_nm = gun.plunger_nm;
	report(MS);
	ck_assert_uint_eq(status().faults, 0);
	gun.plunger_nm++;
	report(MS);
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
}
END_TEST

START_TEST(a_plunger_that_was_drawn_back_may_not_come_forward_again)
{
	report(MS);
	gun.plunger_nm -= 79000;
	gun.plunger2_nm -= 79000;
	report(MS);
	gun.plunger_nm += MESO_TRAVEL_TOLERANCE_NM;
	gun.plunger2_nm += MESO_TRAVEL_TOLERANCE_NM;
	report(MS);
	ck_assert_uint_eq(status().faults, 0);
	/* The second encoder alone is witness enough. */
	gun.plunger2_nm++;
	report(MS);
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
}
END_TEST

START_TEST(another_syringe_may_stand_elsewhere)
{
	gun.plunger_nm += 5000000;
	gun.plunger2_nm += 5000000;
	gun.reservoir_nl += 1;
	report(MS);
	gun.cartridge_id = 12;
	gun.plunger_nm += 5000000;
	gun.plunger2_nm += 5000000;
	report(MS);
	ck_assert_uint_eq(status().faults, 0);
}
END_TEST

START_TEST(encoders_that_disagree_are_a_fault)
{
	arm();
	gun.plunger2_nm = gun.plunger_nm + MESO_ENCODER_TOLERANCE_NM;
	report(MS);
	/* far enough to be an overrun as well would hide the point */
	ck_assert_uint_eq(status().faults & MESO_FAULT_HOST_ENCODER, 0);
	gun.plunger2_nm++;
	report(MS);
	ck_assert(status().faults & MESO_FAULT_HOST_ENCODER);
	ck_assert_uint_ne(status().lease_end, MESO_END_NONE);
}
END_TEST

START_TEST(counters_never_go_back)
{
	u64 *counters[] = { &gun.shot_count, &gun.total_nl, &gun.last_sequence };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		gun.shot_count = 0;
		teardown();
		setup();
		/* grown honestly, as far as these frames can say */
		il->frame.shot_count = gun.shot_count = 10;
		il->frame.total_nl = gun.total_nl = 10;
		il->frame.last_sequence = gun.last_sequence = 10;
		report(MS);
		ck_assert_uint_eq(status().faults, 0);
		*counters[i] -= 1;
		report(MS);
		ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
	}
}
END_TEST

START_TEST(old_frames_are_no_news)
{
	u64 since = now;

	gun.seq -= 2;
	report(500 * MS);
	ck_assert_uint_eq(il->stats.frames_rejected, 1);
	tick_at(since + 1000 * MS);
	ck_assert_uint_eq(status().state, MESO_STATE_STALE);
}
END_TEST

START_TEST(a_gun_armed_under_a_lease_we_did_not_grant_is_stopped)
{
	struct meso_lease foreign = good_lease();

	foreign.id[0] ^= 0xff;
	take(&foreign);
	report(MS);
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
	ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
}
END_TEST

START_TEST(a_gun_found_armed_at_registration_is_stopped_without_a_fault)
{
	struct meso_info info = good_info();
	struct meso_lease old = good_lease();

	event_count = 0;
	ck_assert_int_eq(meso_interlock_init(il, &info, NULL, remember, NULL, now), 0);
	take(&old);
	report(MS);
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().state, MESO_STATE_DISARMING);
	shut(MESO_END_DISARM);
	report(200 * MS);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
	ck_assert_uint_eq(status().faults, 0);
}
END_TEST

START_TEST(a_lease_reopened_by_the_gun_is_stopped)
{
	arm();
	shut(MESO_END_HEARTBEAT);
	report(MS);
	gun.state = MESO_GUN_ARMED;
	gun.status |= MESO_STATUS_LEASE_OPEN;
	report(20 * MS);
	ck_assert(act & MESO_ACT_ABORT);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
	ck_assert_uint_eq(status().lease_end, MESO_END_HEARTBEAT);
}
END_TEST

START_TEST(settings_that_change_while_armed_end_the_lease)
{
	arm();
	gun.dose_nl += 100;
	report(MS);
	assert_caught(MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT);
}
END_TEST

/* ---- the journal --------------------------------------------------------------------------- */

START_TEST(a_log_that_says_half_is_caught_by_the_total)
{
	struct meso_lease lease = arm();
	struct meso_shot shot;

	begin_shot();
	end_shot(20000);
	beat(&lease);
	begin_shot();
	gun.shot_count++;
	gun.total_nl += 20000;
	gun.state = MESO_GUN_ARMED;
	report(112 * MS);
	shot = record_of_newest(10000);
	act = 0;
	meso_interlock_records(il, &shot, 1, now, &act);
	assert_stopped(MESO_END_FAULT);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
}
END_TEST

START_TEST(a_log_that_says_half_is_caught_by_the_plunger)
{
	struct meso_shot shot;

	arm();
	begin_shot();
	gun.plunger_nm += travel_nm(20000);
	gun.plunger2_nm = gun.plunger_nm;
	gun.shot_count++;
	gun.total_nl += 10000;
	gun.state = MESO_GUN_ARMED;
	gun.status &= ~MESO_STATUS_MOVING;
	report(90 * MS);
	shot = record_of_newest(10000);
	meso_interlock_records(il, &shot, 1, now, &act);
	ck_assert_uint_eq(status().faults, 0);
	report(MS);
	assert_caught(MESO_FAULT_HOST_IMPLAUSIBLE, MESO_END_FAULT);
}
END_TEST

START_TEST(a_repeated_record_changes_nothing_and_a_different_one_is_a_lie)
{
	struct meso_status before, after;
	struct meso_shot shot;

	arm();
	begin_shot();
	end_shot(20000);
	shot = record_of_newest(20000);
	before = status();
	meso_interlock_records(il, &shot, 1, now, &act);
	after = status();
	ck_assert(same_bytes(&before, &after, sizeof(before)));
	ck_assert_uint_eq(count_events(MESO_EVENT_SHOT), 1);
	shot.displaced_nl++;
	act = 0;
	meso_interlock_records(il, &shot, 1, now, &act);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
	ck_assert(act & MESO_ACT_ABORT);
}
END_TEST

START_TEST(a_record_that_never_comes_is_asked_for_again_and_then_a_fault)
{
	int tries;

	arm();
	begin_shot();
	gun.shot_count++;
	gun.state = MESO_GUN_ARMED;
	report(90 * MS);
	for (tries = 1; tries < MESO_LOG_TRIES; tries++) {
		ck_assert_uint_eq(meso_interlock_log_from(il), 1);
		meso_interlock_records(il, NULL, 0, now, &act);
		ck_assert_uint_eq(meso_interlock_log_from(il), 0);
		ck_assert_uint_eq(status().faults, 0);
		report(MESO_LOG_RETRY_NS - 1);
		tick_at(now);
		ck_assert(!(act & MESO_ACT_READ_LOG));
		meso_interlock_heartbeat(il, OWNER, il->lease.id, now, &act);
		tick_at(now + 1);
		ck_assert(act & MESO_ACT_READ_LOG);
	}
	act = 0;
	meso_interlock_records(il, NULL, 0, now, &act);
	assert_stopped(MESO_END_FAULT);
	ck_assert_uint_eq(status().faults, MESO_FAULT_HOST_IMPLAUSIBLE);
	ck_assert(!(status().flags & MESO_STATUS_RECONCILED));
}
END_TEST

START_TEST(a_full_journal_leaves_records_in_the_gun_and_refuses_a_lease)
{
	struct meso_shot shots[32];
	struct meso_ack ack = { .epoch = EPOCH, .upto = 1 };
	struct meso_lease lease;
	u64 from;
	u32 i;

	/* A log of 300 records, found at registration. */
	il->frame.shot_count = gun.shot_count = 300;
	gun.total_nl = il->frame.total_nl = 300ULL * 20000;
	report(MS);
	while ((from = meso_interlock_log_from(il))) {
		for (i = 0; i < 32 && from + i <= 300; i++) {
			shots[i] = record_of_newest(20000);
			shots[i].number = from + i;
			shots[i].total_nl = (from + i) * 20000;
		}
		meso_interlock_records(il, shots, (int)i, now, &act);
	}
	ck_assert_uint_eq(status().journal_count, 256);
	ck_assert_uint_eq(status().journal_first, 1);
	ck_assert(!(status().flags & MESO_STATUS_RECONCILED));
	ck_assert_uint_eq(status().faults, 0);
	lease = good_lease();
	lease.shots = 1;
	assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), -ENOSPC);

	assert_refused(meso_interlock_ack_begin(il, OWNER + 1, &ack), -EPERM);
	ack.epoch++;
	assert_refused(meso_interlock_ack_begin(il, OWNER, &ack), -ESTALE);
	ack.epoch--;
	ack.upto = 257;
	assert_refused(meso_interlock_ack_begin(il, OWNER, &ack), -ERANGE);
	ack.upto = 256;
	ck_assert_int_eq(meso_interlock_ack_begin(il, OWNER, &ack), 1);
	gun.log_acked = 256;
	act = 0;
	meso_interlock_ack_done(il, &ack, now, &act);
	ck_assert(act & MESO_ACT_READ_LOG);
	ck_assert_uint_eq(meso_interlock_log_from(il), 257);
	ck_assert_uint_eq(status().journal_count, 0);
	assert_refused(meso_interlock_ack_begin(il, OWNER, &ack), 0);
}
END_TEST

/* ---- requests that are refused ------------------------------------------------------------------ */

START_TEST(every_arm_out_of_bounds_is_refused_and_changes_nothing)
{
	static const struct {
		size_t offset;
		u32 value;
		int error;
	} cases[] = {
		{ offsetof(struct meso_lease, volume_nl), 0, -ERANGE },
		{ offsetof(struct meso_lease, volume_nl), 10000001, -ERANGE },
		{ offsetof(struct meso_lease, shots), 0, -ERANGE },
		{ offsetof(struct meso_lease, shots), 257, -ERANGE },
		{ offsetof(struct meso_lease, kind), 2, -EINVAL },
		{ offsetof(struct meso_lease, min_interval_ms), 0, -ERANGE },
		{ offsetof(struct meso_lease, min_interval_ms), 111, -ERANGE },
		{ offsetof(struct meso_lease, min_interval_ms), 600001, -ERANGE },
		{ offsetof(struct meso_lease, expiry_ms), 0, -ERANGE },
		{ offsetof(struct meso_lease, expiry_ms), 600001, -ERANGE },
		{ offsetof(struct meso_lease, heartbeat_ms), 49, -ERANGE },
		{ offsetof(struct meso_lease, heartbeat_ms), 301, -ERANGE },
		{ offsetof(struct meso_lease, boot_id), 1, -ESTALE },
		{ offsetof(struct meso_lease, sequence), 0, -ESTALE },
		{ offsetof(struct meso_lease, reserved), 1, -EINVAL },
		{ offsetof(struct meso_lease, reserved) + 12, 1, -EINVAL },
	};
	struct meso_lease lease;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		lease = good_lease();
		memcpy((u8 *)&lease + cases[i].offset, &cases[i].value, sizeof(u32));
		assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act),
			       cases[i].error);
	}
	lease = good_lease();
	memset(lease.id, 0, sizeof(lease.id));
	assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), -EINVAL);
	lease = good_lease();
	assert_refused(meso_interlock_arm_begin(il, OWNER + 1, &lease, now, &act), -EPERM);
	assert_refused(meso_interlock_arm_begin(il, 0, &lease, now, &act), -EPERM);
	now += 1000 * MS;
	assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), -ETIMEDOUT);
	report(0);
	arm();
	lease = good_lease();
	assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), -EBUSY);
}
END_TEST

START_TEST(every_configuration_out_of_bounds_is_refused_and_changes_nothing)
{
	static const struct {
		size_t offset;
		u32 value;
		int error;
	} cases[] = {
		{ offsetof(struct meso_config, bore_um), 999, -ERANGE },
		{ offsetof(struct meso_config, bore_um), 20001, -ERANGE },
		{ offsetof(struct meso_config, capacity_nl), 99999, -ERANGE },
		{ offsetof(struct meso_config, capacity_nl), 10000001, -ERANGE },
		{ offsetof(struct meso_config, dose_nl), 999, -ERANGE },
		{ offsetof(struct meso_config, dose_nl), 200001, -ERANGE },
		{ offsetof(struct meso_config, dose_nl), 20001, -EINVAL },
		{ offsetof(struct meso_config, depth_um), 13001, -ERANGE },
		{ offsetof(struct meso_config, mode), 2, -EINVAL },
		{ offsetof(struct meso_config, rate_mhz), 99, -ERANGE },
		{ offsetof(struct meso_config, rate_mhz), 9001, -ERANGE },
		{ offsetof(struct meso_config, viscosity_upas), 499, -ERANGE },
		{ offsetof(struct meso_config, viscosity_upas), 50001, -ERANGE },
		{ offsetof(struct meso_config, needle_um), 49, -ERANGE },
		{ offsetof(struct meso_config, needle_um), 501, -ERANGE },
		{ offsetof(struct meso_config, needle_length_um), 999, -ERANGE },
		{ offsetof(struct meso_config, needle_length_um), 20001, -ERANGE },
		{ offsetof(struct meso_config, needles), 0, -ERANGE },
		{ offsetof(struct meso_config, needles), 10, -ERANGE },
		{ offsetof(struct meso_config, reserved), 1, -EINVAL },
	};
	struct meso_config config;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		config = good_config();
		memcpy((u8 *)&config + cases[i].offset, &cases[i].value, sizeof(u32));
		assert_refused(meso_interlock_configure_begin(il, OWNER, &config), cases[i].error);
	}
	config = good_config();
	assert_refused(meso_interlock_configure_begin(il, OWNER + 1, &config), -EPERM);
	arm();
	assert_refused(meso_interlock_configure_begin(il, OWNER, &config), -EBUSY);
}
END_TEST

START_TEST(a_configuration_in_doubt_forbids_arming)
{
	struct meso_config config = good_config();
	struct meso_lease lease = good_lease();

	meso_interlock_configure_done(il, &config, -ETIMEDOUT, NULL, now, &act);
	assert_refused(meso_interlock_arm_begin(il, OWNER, &lease, now, &act), -ENODATA);
	configure();
	report(MS);
	arm();
}
END_TEST

START_TEST(a_second_controller_is_refused)
{
	assert_refused(meso_interlock_acquire(il, OWNER + 1, &act), -EBUSY);
	assert_refused(meso_interlock_acquire(il, OWNER, &act), 0);
	assert_refused(meso_interlock_release(il, OWNER + 1, now, &act), -EPERM);
	ck_assert_int_eq(meso_interlock_release(il, OWNER, now, &act), 0);
	assert_refused(meso_interlock_release(il, OWNER, now, &act), -EPERM);
}
END_TEST

START_TEST(a_fire_is_good_for_one_shot)
{
	struct meso_lease lease = arm();
	struct meso_fire fire = { .expect = gun.shot_count + 1 };

	memcpy(fire.id, lease.id, sizeof(fire.id));
	fire.expect++;
	assert_refused(meso_interlock_fire_begin(il, OWNER, &fire, now), -ESTALE);
	fire.expect--;
	fire.id[0] ^= 1;
	assert_refused(meso_interlock_fire_begin(il, OWNER, &fire, now), -ESTALE);
	fire.id[0] ^= 1;
	assert_refused(meso_interlock_fire_begin(il, OWNER + 1, &fire, now), -EPERM);
	gun.status &= ~MESO_STATUS_CONTACT;
	report(MS);
	assert_refused(meso_interlock_fire_begin(il, OWNER, &fire, now), -EACCES);
	gun.status |= MESO_STATUS_CONTACT;
	report(MS);
	ck_assert_int_eq(meso_interlock_fire_begin(il, OWNER, &fire, now), 0);
	meso_interlock_fire_done(il, 0);
	assert_refused(meso_interlock_fire_begin(il, OWNER, &fire, now), -ESTALE);
	gun.state = MESO_GUN_FIRING;
	gun.status |= MESO_STATUS_MOVING;
	report(MS);
	ck_assert_uint_eq(status().faults, 0);
	assert_refused(meso_interlock_fire_begin(il, OWNER, &fire, now), -ESTALE);
	fire.expect++;
	assert_refused(meso_interlock_fire_begin(il, OWNER, &fire, now), -EBUSY);
	end_shot(20000);
	beat(&lease);
	ck_assert_int_eq(meso_interlock_fire_begin(il, OWNER, &fire, now), 0);
	/* The gun refused: the same number may be asked for again. */
	meso_interlock_fire_done(il, -EACCES);
	ck_assert_int_eq(meso_interlock_fire_begin(il, OWNER, &fire, now), 0);
	meso_interlock_fire_done(il, 0);
	/* So it may when nothing came of it. */
	report(50 * MS);
	assert_refused(meso_interlock_fire_begin(il, OWNER, &fire, now), -ESTALE);
	report(50 * MS);
	ck_assert_int_eq(meso_interlock_fire_begin(il, OWNER, &fire, now), 0);
}
END_TEST

START_TEST(a_fault_nobody_saw_cannot_be_cleared)
{
	struct meso_clear clear = { .mask = MESO_FAULT_HOST_OVERRUN, .boot_id = BOOT_ID };
	struct meso_clear of_gun;

	gun.shot_count++;
	gun.faults = MESO_FAULT_AIR;
	gun.fault_counter = 5;
	report(MS);
	ck_assert_uint_eq(status().fault_counter, 6);
	clear.counter = 5;
	assert_refused(meso_interlock_clear_begin(il, OWNER, &clear, now, &of_gun), -ESTALE);
	clear.counter = 6;
	clear.boot_id++;
	assert_refused(meso_interlock_clear_begin(il, OWNER, &clear, now, &of_gun), -ESTALE);
	clear.boot_id--;
	assert_refused(meso_interlock_clear_begin(il, OWNER + 1, &clear, now, &of_gun), -EPERM);
	clear.mask = 0;
	assert_refused(meso_interlock_clear_begin(il, OWNER, &clear, now, &of_gun), -EINVAL);
	clear.mask = 1u << 30;
	assert_refused(meso_interlock_clear_begin(il, OWNER, &clear, now, &of_gun), -EINVAL);
	clear.mask = MESO_FAULT_AIR | MESO_FAULT_HOST_OVERRUN;
	report(MS);
	ck_assert_int_eq(meso_interlock_clear_begin(il, OWNER, &clear, now, &of_gun), 0);
	ck_assert_uint_eq(of_gun.mask, MESO_FAULT_AIR);
	ck_assert_uint_eq(of_gun.counter, 5);
	ck_assert_int_eq(meso_interlock_clear_done(il, &clear, now, &act), 0);
	ck_assert_uint_eq(status().faults, MESO_FAULT_AIR);
	gun.faults = 0;
	report(MS);
	ck_assert_uint_eq(status().state, MESO_STATE_IDLE);
}
END_TEST

START_TEST(a_gun_that_describes_itself_impossibly_is_not_registered)
{
	struct meso_info info;

#define refuse(change)                                                                      \
	do {                                                                                \
		info = good_info();                                                         \
		change;                                                                     \
		ck_assert_int_eq(meso_interlock_init(il, &info, NULL, remember, NULL, now), \
				 -EPROTO);                                                  \
	} while (0)
	refuse(info.serial[0] = 0);
	refuse(memset(info.serial, 'A', sizeof(info.serial)));
	refuse(strcpy(info.serial, "a/b"));
	refuse(strcpy(info.serial, ".."));
	refuse(strcpy(info.serial, "new\nline"));
	refuse(info.model[0] = 7);
	refuse(memset(info.firmware, '1', sizeof(info.firmware)));
	refuse(info.epoch = 0);
	refuse(info.boot_id = 0);
	refuse(info.capabilities = 0x40);
	refuse(info.dose_step_nl = 0);
	refuse(info.dose_min_nl = info.dose_max_nl + 1);
	refuse(info.rate_max_mhz = MESO_RATE_MAX_MHZ + 1);
	refuse(info.depth_max_um = 13001);
	refuse(info.capacity_max_nl = 10000001);
	refuse(info.lease_max_shots = 0);
	refuse(info.gun_log_size = 0);
	info = good_info();
	ck_assert_int_eq(meso_interlock_init(il, &info, NULL, remember, NULL, now), 0);
}
END_TEST

START_TEST(random_frames_never_leave_a_gun_armed_behind_our_back)
{
	u32 seed = 12345;
	int i;

	for (i = 0; i < 20000; i++) {
		u8 *bytes = (u8 *)&gun;
		u64 seq = gun.seq, uptime = gun.uptime_us;
		struct meso_lease lease;

		seed = seed * 1103515245 + 12345;
		bytes[(seed >> 8) % sizeof(gun)] ^= (u8)(1u << (seed >> 28 & 7));
		gun.seq = seq;
		gun.uptime_us = uptime;
		event_count = 0;
		il->gun_seq = 0;
		report(MS);
		tick_at(now);
		/* armed by the gun's word and not by ours: always being stopped */
		if (gun.boot_id && gun.epoch && gun.status & MESO_STATUS_LEASE_OPEN &&
		    status().state != MESO_STATE_ARMED && status().state != MESO_STATE_FIRING)
			ck_assert_uint_eq(il->phase, MESO_LEASE_CLOSING);
		if (i % 50)
			continue;
		gun = (struct meso_frame){
			.boot_id = BOOT_ID, .epoch = EPOCH, .seq = seq + 1, .uptime_us = uptime
		};
		teardown();
		setup();
		lease = good_lease();
		arm_with(lease);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("lease");
	TCase *c = tcase_create("interlock");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_lost_heartbeat_disarms_and_ends_ownership_to_the_nanosecond);
	tcase_add_test(c, a_heartbeat_that_comes_a_nanosecond_late_saves_nothing);
	tcase_add_test(c, a_lease_expires_however_the_heart_beats);
	tcase_add_test(c, no_frame_for_100_ms_while_armed_disarms);
	tcase_add_test(c, a_host_that_stood_still_gives_waiting_frames_20_ms);
	tcase_add_test(c, starts_seen_late_are_not_taken_for_starts_too_near);
	tcase_add_test(c, a_shot_whose_end_was_not_seen_is_not_taken_for_one_that_runs_on);
	tcase_add_test(c, no_frame_for_a_second_while_idle_is_stale);
	tcase_add_test(c, a_stop_is_repeated_until_the_gun_confirms);
	tcase_add_test(c, a_stop_not_confirmed_in_250_ms_is_a_latched_fault);
	tcase_add_test(c, an_arm_without_an_answer_is_treated_as_armed);
	tcase_add_test(c, an_arm_that_the_gun_refuses_leaves_no_trace);
	tcase_add_test(c, an_arm_that_lands_after_the_removal_is_stopped);
	tcase_add_test(c, a_stop_that_overtakes_the_arm_is_sent_again_after_it);
	tcase_add_test(c, release_close_suspend_and_removal_disarm);
	tcase_add_test(c, a_restarted_gun_has_no_lease);
	tcase_add_test(c, skin_contact_ends_a_prime);
	tcase_add_test(c, each_fault_of_the_gun_ends_the_lease_but_one_that_informs);
	tcase_add_test(c, a_lease_that_the_gun_ends_needs_no_stop);
	tcase_add_test(c, five_shots_spend_a_lease_of_five);
	tcase_add_test(c, a_stop_reaches_a_gun_that_we_believe_disarmed);
	tcase_add_test(c, a_shot_that_runs_on_is_an_overrun_even_where_an_earlier_one_fell_short);
	tcase_add_test(c, a_total_that_the_log_does_not_explain_is_implausible);
	tcase_add_test(c, nothing_confirms_a_stop_while_the_arm_is_under_way);
	tcase_add_test(c, a_sixth_shot_of_five_is_an_overrun);
	tcase_add_test(c, two_shots_from_one_press_are_an_overrun);
	tcase_add_test(c, a_plunger_that_runs_on_is_an_overrun);
	tcase_add_test(c, shots_nearer_than_the_minimum_interval_are_an_overrun);
	tcase_add_test(c, a_shot_without_a_lease_is_an_overrun);
	tcase_add_test(c, a_plunger_that_moves_while_disarmed_is_implausible);
	tcase_add_test(c, a_plunger_that_was_drawn_back_may_not_come_forward_again);
	tcase_add_test(c, another_syringe_may_stand_elsewhere);
	tcase_add_test(c, encoders_that_disagree_are_a_fault);
	tcase_add_test(c, counters_never_go_back);
	tcase_add_test(c, old_frames_are_no_news);
	tcase_add_test(c, a_gun_armed_under_a_lease_we_did_not_grant_is_stopped);
	tcase_add_test(c, a_gun_found_armed_at_registration_is_stopped_without_a_fault);
	tcase_add_test(c, a_lease_reopened_by_the_gun_is_stopped);
	tcase_add_test(c, settings_that_change_while_armed_end_the_lease);
	tcase_add_test(c, a_log_that_says_half_is_caught_by_the_total);
	tcase_add_test(c, a_log_that_says_half_is_caught_by_the_plunger);
	tcase_add_test(c, a_repeated_record_changes_nothing_and_a_different_one_is_a_lie);
	tcase_add_test(c, a_record_that_never_comes_is_asked_for_again_and_then_a_fault);
	tcase_add_test(c, a_full_journal_leaves_records_in_the_gun_and_refuses_a_lease);
	tcase_add_test(c, every_arm_out_of_bounds_is_refused_and_changes_nothing);
	tcase_add_test(c, every_configuration_out_of_bounds_is_refused_and_changes_nothing);
	tcase_add_test(c, a_configuration_in_doubt_forbids_arming);
	tcase_add_test(c, a_second_controller_is_refused);
	tcase_add_test(c, a_fire_is_good_for_one_shot);
	tcase_add_test(c, a_fault_nobody_saw_cannot_be_cleared);
	tcase_add_test(c, a_gun_that_describes_itself_impossibly_is_not_registered);
	tcase_add_test(c, random_frames_never_leave_a_gun_armed_behind_our_back);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failures;

	srunner_run_all(runner, CK_NORMAL);
	failures = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
