// SPDX-License-Identifier: GPL-2.0-only
/*
 * A gun that says anything: mutated messages through the codec, and the frames
 * that it lets pass through the interlock.  A million of them by default, half
 * of them signed anew so that more than the CRC is tried; each in a buffer of
 * just its size, so that the sanitizer sees one byte too many.
 *
 * MESO_TEST_SEED repeats a run, MESO_TEST_MUTANTS makes it longer.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meso_lease_internal.h"
#include "meso_request.h"

#define MS        1000000ULL
#define OWNER     7ULL
#define BOOT_ID   0xb007ULL
#define EPOCH     0xe70cULL
#define MUTANTS   1000000ULL
#define SIZE_MOST 4096

static uint64_t seed;

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016 */
static uint64_t draw(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dULL;
}

static uint64_t below(uint64_t n)
{
	return draw() % n;
}

/* ---- what there is to say ------------------------------------------------------------ */

static const struct meso_frame good_frame = {
	.seq = 41,
	.boot_id = BOOT_ID,
	.epoch = EPOCH,
	.uptime_us = 1000000,
	.state = MESO_GUN_ARMED,
	.status = MESO_STATUS_CONTACT | MESO_STATUS_LEASE_OPEN,
	.plunger_nm = 5000,
	.plunger2_nm = 5000,
	.depth_um = 2000,
	.depth_set_um = 2000,
	.pressure_limit_pa = 300000,
	.reservoir_nl = 5000000,
	.battery_percent = 80,
	.battery_mv = 3900,
	.temperature_mc = 25000,
	.dose_nl = 20000,
	.rate_mhz = 5000,
	.bore_um = 12060,
	.capacity_nl = 5000000,
	.last_sequence = 1,
};

static void make_frame(u8 *buf)
{
	meso_frame_encode(&good_frame, buf);
}

static int redo_frame(const u8 *in, size_t len, u8 *out)
{
	struct meso_frame frame;
	int r = meso_frame_decode(&frame, in, len);

	if (r == 0)
		meso_frame_encode(&frame, out);
	return r;
}

static void make_record(u8 *buf)
{
	const struct meso_shot shot = {
		.epoch = EPOCH,
		.number = 12,
		.lease_id = { 1, 2, 3 },
		.asked_nl = 20000,
		.reported_nl = 20000,
		.displaced_nl = 19990,
		.displaced2_nl = 19991,
		.depth_um = 2000,
		.peak_pa = 250000,
		.flags = MESO_STATUS_CONTACT,
		.duration_us = 90000,
		.total_nl = 240000,
	};

	meso_record_encode(&shot, buf);
}

static int redo_record(const u8 *in, size_t len, u8 *out)
{
	struct meso_shot shot = { 0 };
	int r = meso_record_decode(&shot, in, len);

	if (r == 0)
		meso_record_encode(&shot, out);
	return r;
}

static struct meso_info good_info(void)
{
	return (struct meso_info){
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
}

static void make_info(u8 *buf)
{
	const struct meso_info info = good_info();

	meso_info_encode(&info, buf);
}

static int redo_info(const u8 *in, size_t len, u8 *out)
{
	struct meso_info info = { 0 };
	int r = meso_info_decode(&info, in, len);

	if (r == 0)
		meso_info_encode(&info, out);
	return r;
}

static void make_registers(u8 *buf)
{
	struct meso_registers regs = { .count = MESO_REG_COUNT };

	for (u32 i = 0; i < MESO_REG_COUNT; i++)
		regs.reg[i].id = i;
	regs.reg[MESO_REG_MAGIC].value = MESO_MAGIC;
	regs.reg[MESO_REG_MARK_SEQUENCE].value = regs.mark.sequence = 9;
	meso_registers_encode(&regs, buf);
}

static int redo_registers(const u8 *in, size_t len, u8 *out)
{
	struct meso_registers regs = { 0 };
	int r = meso_registers_decode(&regs, in, len);

	if (r == 0)
		meso_registers_encode(&regs, out);
	return r;
}

static void make_result(u8 *buf)
{
	const struct meso_result result = { MESO_REQ_ARM, 4711, -EBUSY };

	meso_result_encode(&result, buf);
}

static int redo_result(const u8 *in, size_t len, u8 *out)
{
	struct meso_result result = { 0 };
	int r = meso_result_decode(&result, in, len);

	if (r == 0)
		meso_result_encode(&result, out);
	return r;
}

/* What a gun hears, too: a host may be as broken as a gun. */
static void make_arm(u8 *buf)
{
	const struct meso_lease lease = {
		.id = { 1 },
		.sequence = 2,
		.boot_id = BOOT_ID,
		.volume_nl = 60000,
		.shots = 3,
		.min_interval_ms = 112,
		.expiry_ms = 60000,
		.heartbeat_ms = 300,
	};

	meso_arm_encode(&lease, buf);
}

static int redo_arm(const u8 *in, size_t len, u8 *out)
{
	struct meso_lease lease = { 0 };
	int r = meso_arm_decode(&lease, in, len);

	if (r == 0)
		meso_arm_encode(&lease, out);
	return r;
}

static const struct message {
	const char *name;
	size_t size;
	void (*make)(u8 *buf);
	int (*redo)(const u8 *in, size_t len, u8 *out); /* what was understood, said again */
} messages[] = {
	{ "frame", MESO_FRAME_SIZE, make_frame, redo_frame },
	{ "record", MESO_RECORD_SIZE, make_record, redo_record },
	{ "info", MESO_INFO_SIZE, make_info, redo_info },
	{ "registers", MESO_REGISTERS_SIZE, make_registers, redo_registers },
	{ "result", MESO_RESULT_SIZE, make_result, redo_result },
	{ "arm", MESO_ARM_SIZE, make_arm, redo_arm },
};

/* ---- mutation ---------------------------------------------------------------------------- */

static void sign(u8 *buf, size_t size)
{
	const u32 crc = meso_wire_crc32(buf, size - 4);

	for (size_t i = 0; i < 4; i++)
		buf[size - 4 + i] = (u8)(crc >> (8 * i));
}

static u8 interesting(void)
{
	static const u8 bytes[] = { 0, 1, 0x7f, 0x80, 0xff };

	return below(3) ? bytes[below(sizeof(bytes))] : (u8)draw();
}

/* Of @size bytes, in place. */
static void mutate(u8 *buf, size_t size)
{
	for (uint64_t n = 1 + below(4); n; n--) {
		const size_t at = below(size);
		size_t from;

		switch (below(5)) {
		case 0:
			buf[at] ^= (u8)(1u << below(8));
			break;
		case 1:
			buf[at] = interesting();
			break;
		case 2: /* a whole number */
			memset(buf + (at & ~(size_t)3), interesting(),
			       below(2) && (at & ~(size_t)3) + 8 <= size ? 8 : 4);
			break;
		case 3: /* one part over another */
			from = below(size);
			memmove(buf + at, buf + from, below(17) % (size - (at > from ? at : from)));
			break;
		default:
			buf[at] = (u8)(buf[at] + (below(2) ? 1 : -1));
		}
	}
}

/* In a buffer of just its size. */
static u8 *copy_of(const u8 *buf, size_t len)
{
	u8 *copy = malloc(len ? len : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, buf, len);
	return copy;
}

/* ---- the codec ------------------------------------------------------------------------------ */

START_TEST(whatever_is_understood_says_the_same_when_it_is_said_again)
{
	const uint64_t wanted = from_environment("MESO_TEST_MUTANTS", MUTANTS);
	uint64_t understood = 0;
	u8 buf[SIZE_MOST], again[SIZE_MOST];

	for (uint64_t i = 0; i < wanted; i++) {
		const uint64_t from = seed;
		const struct message *m = &messages[i % ARRAY_SIZE(messages)];
		size_t len = m->size;
		u8 *in;
		int r;

		ck_assert_uint_le(m->size, sizeof(buf));
		m->make(buf);
		mutate(buf, m->size);
		if (below(2))
			sign(buf, m->size);
		if (!below(16))
			len = below(m->size);
		in = copy_of(buf, len);
		r = m->redo(in, len, again);
		if (r == 0) {
			understood++;
			ck_assert_msg(len == m->size && memcmp(in, again, len) == 0,
				      "%s, MESO_TEST_SEED=%#llx: something else was understood",
				      m->name, (unsigned long long)from);
		} else {
			ck_assert_msg(r == -EINVAL || r == -EBADMSG || r == -ERANGE || r == -EPROTO,
				      "%s, MESO_TEST_SEED=%#llx: %d", m->name,
				      (unsigned long long)from, r);
		}
		free(in);
	}
	printf("%llu mutants, %llu understood\n", (unsigned long long)wanted,
	       (unsigned long long)understood);
	/* Otherwise nothing but the CRC has been tried. */
	ck_assert_uint_gt(understood, wanted / 50);
	ck_assert_uint_lt(understood, wanted / 2);
}
END_TEST

START_TEST(a_bit_that_flipped_on_the_way_is_always_noticed)
{
	u8 buf[SIZE_MOST], again[SIZE_MOST];

	for (size_t k = 0; k < ARRAY_SIZE(messages); k++) {
		const struct message *m = &messages[k];
		u8 *in;

		m->make(buf);
		in = copy_of(buf, m->size);
		ck_assert_int_eq(m->redo(in, m->size, again), 0);
		for (size_t bit = 0; bit < m->size * 8; bit++) {
			in[bit / 8] ^= (u8)(1u << (bit % 8));
			ck_assert_int_lt(m->redo(in, m->size, again), 0);
			in[bit / 8] ^= (u8)(1u << (bit % 8));
		}
		free(in);
	}
}
END_TEST

START_TEST(no_other_length_is_understood)
{
	u8 buf[SIZE_MOST] = { 0 }, again[SIZE_MOST];

	for (size_t k = 0; k < ARRAY_SIZE(messages); k++) {
		const struct message *m = &messages[k];

		m->make(buf);
		for (size_t len = 0; len <= m->size + 64; len++) {
			u8 *in = copy_of(buf, len);

			ck_assert_int_eq(m->redo(in, len, again) == 0, len == m->size);
			free(in);
		}
	}
}
END_TEST

/* ---- the interlock ----------------------------------------------------------------------------- */

static unsigned int told;

static void hear(void *ctx, const struct meso_event *event)
{
	(void)ctx;
	(void)event;
	told++;
}

static void configure(struct meso_interlock *il, u64 now)
{
	const struct meso_info info = good_info();
	const struct meso_config config = {
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
	u32 act = 0;

	ck_assert_int_eq(meso_interlock_acquire(il, OWNER, &act), 0);
	ck_assert_int_eq(meso_interlock_configure_begin(il, OWNER, &config), 0);
	meso_interlock_configure_done(il, &config, 0, &info, now, &act);
}

/* A host with a live lease of three shots, on a gun that has said all that is right so far. */
static struct meso_lease begin(struct meso_interlock *il, struct meso_frame *gun, u64 *now)
{
	const struct meso_info info = good_info();
	struct meso_lease lease = {
		.id = { 1, 2, 3 },
		.sequence = 1,
		.boot_id = BOOT_ID,
		.volume_nl = 60000,
		.shots = 3,
		.min_interval_ms = 112,
		.expiry_ms = 60000,
		.heartbeat_ms = 300,
	};
	u32 act = 0;

	*gun = good_frame;
	gun->state = MESO_GUN_IDLE;
	gun->status &= ~MESO_STATUS_LEASE_OPEN;
	gun->last_sequence = 0;
	ck_assert_int_eq(meso_interlock_init(il, &info, NULL, hear, NULL, *now), 0);
	for (int i = 0; i < 2; i++) {
		*now += MS;
		gun->seq++;
		gun->uptime_us += 1000;
		meso_interlock_frame(il, gun, *now, *now, &act);
		if (i == 0)
			configure(il, *now);
	}
	ck_assert_int_eq(meso_interlock_arm_begin(il, OWNER, &lease, *now, &act), 0);
	ck_assert_int_eq(meso_interlock_arm_done(il, 0, *now, &act), 0);
	gun->state = MESO_GUN_ARMED;
	gun->status |= MESO_STATUS_LEASE_OPEN;
	gun->last_sequence = lease.sequence;
	memcpy(gun->lease_id, lease.id, sizeof(lease.id));
	gun->lease_left_nl = lease.volume_nl;
	gun->lease_shots_left = lease.shots;
	*now += MS;
	gun->seq++;
	gun->uptime_us += 1000;
	meso_interlock_frame(il, gun, *now, *now, &act);
	ck_assert(meso_interlock_live(il));
	return lease;
}

/* Of a lease that goes on after this frame, which the interlock took for the newest. */
static void assert_within_lease(const struct meso_interlock *il, const struct meso_lease *lease,
				uint64_t from)
{
	const struct meso_frame *frame = &il->frame;
	const struct meso_account *account = &il->account;

	ck_assert_msg(
		frame->boot_id == lease->boot_id && frame->epoch == EPOCH &&
			frame->last_sequence == lease->sequence &&
			!(frame->faults & ~MESO_FAULT_HEARTBEAT_LOST) &&
			frame->shot_count >= account->shots_at_arm &&
			frame->shot_count - account->shots_at_arm <= lease->shots &&
			frame->total_nl >= account->total_at_arm &&
			frame->total_nl - account->total_at_arm <= lease->volume_nl &&
			frame->dose_nl == 20000 && frame->depth_set_um == 2000,
		"MESO_TEST_SEED=%#llx: a lease goes on with a gun that is not as it was leased to",
		(unsigned long long)from);
}

START_TEST(a_lease_goes_on_only_with_a_gun_that_says_what_is_right)
{
	const uint64_t wanted = from_environment("MESO_TEST_MUTANTS", MUTANTS) / 5;
	struct meso_interlock *il = malloc(sizeof(*il));
	uint64_t passed = 0, ended = 0;
	struct meso_frame gun, said;
	struct meso_lease lease;
	u8 buf[MESO_FRAME_SIZE];

	ck_assert_ptr_nonnull(il);
	for (uint64_t i = 0; i < wanted; i++) {
		const uint64_t from = seed;
		u64 now = 1000000 * MS;

		lease = begin(il, &gun, &now);
		/* A few in a row, each upon what the last one left. */
		for (uint64_t n = 1 + below(4); n; n--) {
			u32 act = 0;

			now += 1 + below(20 * MS);
			gun.seq++;
			gun.uptime_us += 1000;
			meso_frame_encode(&gun, buf);
			mutate(buf + 40, MESO_FRAME_SIZE - 44);
			sign(buf, sizeof(buf));
			if (meso_frame_decode(&said, buf, sizeof(buf))) {
				meso_interlock_bad_frame(il);
				continue;
			}
			passed++;
			told = 0;
			meso_interlock_frame(il, &said, now, now, &act);
			/* One frame is a bounded number of things to tell. */
			ck_assert_uint_le(told, 32);
			ck_assert_uint_le(il->journal.count, MESO_JOURNAL_SIZE);
			if (meso_interlock_live(il)) {
				assert_within_lease(il, &lease, from);
			} else {
				ended++;
				ck_assert_uint_ne(il->lease_end, MESO_END_NONE);
				break;
			}
		}
		/* However it was left, silence ends it, and it is said. */
		for (int n = 0; n < 400 && meso_interlock_live(il); n++) {
			u32 act = 0;

			now = meso_interlock_deadline(il);
			ck_assert_uint_ne(now, UINT64_MAX);
			meso_interlock_tick(il, now, &act);
		}
		ck_assert(!meso_interlock_live(il));
	}
	printf("%llu frames passed, %llu leases ended by one\n", (unsigned long long)passed,
	       (unsigned long long)ended);
	ck_assert_uint_gt(passed, wanted / 4);
	ck_assert_uint_gt(ended, wanted / 20);
	free(il);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire_fuzz");
	TCase *tests = tcase_create("fuzz");
	SRunner *runner = srunner_create(suite);
	int failed;

	seed = from_environment("MESO_TEST_SEED", 0x6d65736f);
	seed += !seed;
	tcase_set_timeout(tests, 600);
	suite_add_tcase(suite, tests);
	tcase_add_test(tests, whatever_is_understood_says_the_same_when_it_is_said_again);
	tcase_add_test(tests, a_bit_that_flipped_on_the_way_is_always_noticed);
	tcase_add_test(tests, no_other_length_is_understood);
	tcase_add_test(tests, a_lease_goes_on_only_with_a_gun_that_says_what_is_right);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
