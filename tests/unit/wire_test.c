// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * The wire format, byte by byte, against docs/gun-protocol.md: whoever builds
 * the hardware from that page must meet this codec.  Run from the top of the
 * tree, where the page is.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "meso_model.h"

struct field {
	const char *name;
	size_t offset;
	size_t size;
	u64 value;
};

/* Distinct values, each within its register's range */
static const struct field frame_fields[] = {
	{ "seq", 8, 8, 0x1112131415161718 },
	{ "boot_id", 16, 8, 0x2122232425262728 },
	{ "epoch", 24, 8, 0x3132333435363738 },
	{ "uptime_us", 32, 8, 0x4142434445464748 },
	{ "state", 40, 4, 3 },
	{ "status", 44, 4, 0x154 },
	{ "faults", 48, 4, 0xabc },
	{ "fault_counter", 52, 4, 0x51525354 },
	{ "trigger_edges", 56, 4, 0x61626364 },
	{ "plunger_nm", 60, 4, 12345678 },
	{ "plunger2_nm", 64, 4, 12345679 },
	{ "target_nm", 68, 4, 22345680 },
	{ "depth_um", 72, 4, 4001 },
	{ "depth_set_um", 76, 4, 4002 },
	{ "pressure_pa", 80, 4, (u32)-99999 },
	{ "pressure_limit_pa", 84, 4, 450001 },
	{ "vacuum_pa", 88, 4, (u32)-20001 },
	{ "reservoir_nl", 92, 4, 4999983 },
	{ "battery_percent", 96, 4, 87 },
	{ "battery_mv", 100, 4, 4101 },
	{ "temperature_mc", 104, 4, (u32)-25001 },
	{ "dose_nl", 108, 4, 20100 },
	{ "mode", 112, 4, 1 },
	{ "rate_mhz", 116, 4, 8765 },
	{ "bore_um", 120, 4, 12061 },
	{ "capacity_nl", 124, 4, 5000001 },
	{ "shot_count", 128, 8, 0x7172737475767778 },
	{ "total_nl", 136, 8, 0x8182838485868788 },
	{ "log_acked", 144, 8, 0x9192939495969798 },
	{ "cartridge_id", 152, 8, 0xa1a2a3a4a5a6a7a8 },
	{ "lease_id", 160, 16, 0 },
	{ "last_sequence", 176, 8, 0xb1b2b3b4b5b6b7b8 },
	{ "lease_left_nl", 184, 4, 0xc1c2c3c4 },
	{ "lease_shots_left", 188, 4, 0xd1d2d3d4 },
	{ "lease_end", 192, 4, 11 },
};

static const struct field arm_fields[] = {
	{ "id", 8, 16, 0 },
	{ "sequence", 24, 8, 0x1112131415161718 },
	{ "boot_id", 32, 8, 0x2122232425262728 },
	{ "volume_nl", 40, 4, 0x31323334 },
	{ "shots", 44, 4, 0x41424344 },
	{ "kind", 48, 4, 1 },
	{ "min_interval_ms", 52, 4, 0x51525354 },
	{ "expiry_ms", 56, 4, 0x61626364 },
	{ "heartbeat_ms", 60, 4, 0x71727374 },
	{ "mark.ledger", 64, 16, 1 },
	{ "mark.sequence", 80, 8, 0x8182838485868788 },
	{ "mark.head", 88, 16, 2 },
};

static const struct field record_fields[] = {
	{ "epoch", 8, 8, 0x1112131415161718 },
	{ "number", 16, 8, 0x2122232425262728 },
	{ "lease_id", 24, 16, 0 },
	{ "asked_nl", 40, 4, 20000 },
	{ "reported_nl", 44, 4, 19801 },
	{ "displaced_nl", 48, 4, 19990 },
	{ "displaced2_nl", 52, 4, 19991 },
	{ "depth_um", 56, 4, 2003 },
	{ "peak_pa", 60, 4, (u32)-4 },
	{ "result", 64, 4, 2 },
	{ "kind", 68, 4, 1 },
	{ "flags", 72, 4, 0x10 },
	{ "duration_us", 76, 4, 0x51525354 },
	{ "total_nl", 80, 8, 0x6162636465666768 },
};

/* 16-byte fields: the value numbers the pattern */
static u8 pattern(const struct field *f, size_t i)
{
	return (u8)(0xe0 - 0x20 * f->value + i);
}

static void put(u8 *buf, const struct field *f)
{
	for (size_t i = 0; i < f->size; i++)
		buf[f->offset + i] = (u8)(f->size == 16 ? pattern(f, i) : f->value >> (8 * i));
}

/* The checksum of the page, bit by bit, not the codec's */
static u32 crc_of_the_page(const u8 *p, size_t len)
{
	u32 crc = 0xffffffff;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static void seal(u8 *buf, size_t size)
{
	u32 crc = crc_of_the_page(buf, size - 4);

	for (int i = 0; i < 4; i++)
		buf[size - 4 + (size_t)i] = (u8)(crc >> (8 * i));
}

/* A message as the page says it is built */
static void build(u8 *buf, size_t size, const char *kind, const struct field *f, size_t n)
{
	memset(buf, 0, size);
	memcpy(buf, kind, 4);
	buf[4] = 1;
	buf[6] = (u8)size;
	buf[7] = (u8)(size >> 8);
	for (size_t i = 0; i < n; i++)
		put(buf, &f[i]);
	seal(buf, size);
}

START_TEST(the_checksum_is_crc_32_of_ieee_802_3)
{
	ck_assert_uint_eq(meso_wire_crc32((const u8 *)"123456789", 9), 0xcbf43926);
	ck_assert_uint_eq(meso_wire_crc32((const u8 *)"", 0), 0);
}
END_TEST

START_TEST(a_frame_has_each_value_at_its_documented_offset)
{
	u8 page[MESO_FRAME_SIZE], buf[MESO_FRAME_SIZE];
	struct meso_frame f;

	build(page, sizeof(page), "MESF", frame_fields, ARRAY_SIZE(frame_fields));
	ck_assert_int_eq(meso_frame_decode(&f, page, sizeof(page)), 0);
	ck_assert_uint_eq(f.seq, 0x1112131415161718);
	ck_assert_uint_eq(f.state, MESO_GUN_RELIEVING);
	ck_assert_uint_eq(f.trigger_edges, 0x61626364);
	ck_assert_int_eq(f.plunger_nm, 12345678);
	ck_assert_int_eq(f.plunger2_nm, 12345679);
	ck_assert_int_eq(f.target_nm, 22345680);
	ck_assert_int_eq(f.pressure_pa, -99999);
	ck_assert_int_eq(f.vacuum_pa, -20001);
	ck_assert_int_eq(f.temperature_mc, -25001);
	ck_assert_uint_eq(f.depth_um, 4001);
	ck_assert_uint_eq(f.depth_set_um, 4002);
	ck_assert_uint_eq(f.reservoir_nl, 4999983);
	ck_assert_uint_eq(f.shot_count, 0x7172737475767778);
	ck_assert_uint_eq(f.lease_id[0], 0xe0);
	ck_assert_uint_eq(f.lease_id[15], 0xef);
	ck_assert_uint_eq(f.lease_end, MESO_END_REBOOT);
	meso_frame_encode(&f, buf);
	ck_assert_mem_eq(buf, page, sizeof(buf));
}
END_TEST

START_TEST(an_arm_block_has_each_value_at_its_documented_offset)
{
	u8 page[MESO_ARM_SIZE], buf[MESO_ARM_SIZE];
	struct meso_lease a;

	build(page, sizeof(page), "MESA", arm_fields, ARRAY_SIZE(arm_fields));
	ck_assert_int_eq(meso_arm_decode(&a, page, sizeof(page)), 0);
	ck_assert_uint_eq(a.sequence, 0x1112131415161718);
	ck_assert_uint_eq(a.heartbeat_ms, 0x71727374);
	ck_assert_uint_eq(a.mark.sequence, 0x8182838485868788);
	ck_assert_uint_eq(a.mark.head[0], 0xa0);
	meso_arm_encode(&a, buf);
	ck_assert_mem_eq(buf, page, sizeof(buf));
}
END_TEST

START_TEST(a_record_has_each_value_at_its_documented_offset)
{
	u8 page[MESO_RECORD_SIZE], buf[MESO_RECORD_SIZE];
	struct meso_shot s;

	build(page, sizeof(page), "MESR", record_fields, ARRAY_SIZE(record_fields));
	ck_assert_int_eq(meso_record_decode(&s, page, sizeof(page)), 0);
	ck_assert_uint_eq(s.number, 0x2122232425262728);
	ck_assert_uint_eq(s.displaced2_nl, 19991);
	ck_assert_int_eq(s.peak_pa, -4);
	ck_assert_uint_eq(s.received_ns, 0);
	/* when the host learnt of it is the host's */
	s.received_ns = 5;
	meso_record_encode(&s, buf);
	ck_assert_mem_eq(buf, page, sizeof(buf));
}
END_TEST

#ifndef __KERNEL__ /* which reads no files */
static void assert_documented(const char *page, const char *title, const struct field *f, size_t n)
{
	const char *table = strstr(page, title);
	char row[128];

	ck_assert_msg(table, "no heading \"%s\"", title);
	for (size_t i = 0; i < n; i++) {
		snprintf(row, sizeof(row), "\n| %zu | %zu | `%s` |", f[i].offset, f[i].size,
			 f[i].name);
		ck_assert_msg(strstr(table, row), "%s: no row %s", title, row + 1);
	}
}

START_TEST(the_page_shows_the_layout_that_the_codec_has)
{
	static char page[65536];
	FILE *file = fopen("docs/gun-protocol.md", "r");

	ck_assert_msg(file, "docs/gun-protocol.md: run this from the top of the tree");
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	assert_documented(page, "### Frame", frame_fields, ARRAY_SIZE(frame_fields));
	assert_documented(page, "### Arm block", arm_fields, ARRAY_SIZE(arm_fields));
	assert_documented(page, "### Record", record_fields, ARRAY_SIZE(record_fields));
}
END_TEST
#endif

START_TEST(any_flipped_bit_is_refused_and_leaves_the_target_alone)
{
	u8 buf[MESO_FRAME_SIZE];
	struct meso_frame f, untouched;

	memset(&untouched, 0x5a, sizeof(untouched));
	f = untouched;
	build(buf, sizeof(buf), "MESF", frame_fields, ARRAY_SIZE(frame_fields));
	for (unsigned bit = 0; bit < 8 * sizeof(buf); bit++) {
		buf[bit / 8] ^= (u8)(1 << bit % 8);
		ck_assert_int_eq(meso_frame_decode(&f, buf, sizeof(buf)), -EBADMSG);
		buf[bit / 8] ^= (u8)(1 << bit % 8);
	}
	ck_assert_mem_eq(&f, &untouched, sizeof(f));
}
END_TEST

START_TEST(a_frame_of_another_length_kind_version_or_with_a_tail_is_refused)
{
	u8 buf[MESO_FRAME_SIZE + 1] = { 0 };
	struct meso_frame f;
	static const size_t bytes[] = { 0, 3, 4, 5, 6, 7, 196, 251 };

	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
		build(buf, MESO_FRAME_SIZE, "MESF", frame_fields, ARRAY_SIZE(frame_fields));
		buf[bytes[i]] ^= 1;
		seal(buf, MESO_FRAME_SIZE);
		ck_assert_int_eq(meso_frame_decode(&f, buf, MESO_FRAME_SIZE), -EINVAL);
	}
	build(buf, MESO_FRAME_SIZE, "MESF", frame_fields, ARRAY_SIZE(frame_fields));
	ck_assert_int_eq(meso_frame_decode(&f, buf, MESO_FRAME_SIZE - 1), -EINVAL);
	ck_assert_int_eq(meso_frame_decode(&f, buf, MESO_FRAME_SIZE + 1), -EINVAL);
	ck_assert_int_eq(meso_frame_decode(&f, buf, 0), -EINVAL);
	ck_assert_int_eq(meso_frame_decode(&f, buf, MESO_FRAME_SIZE), 0);
}
END_TEST

START_TEST(a_measurement_out_of_its_range_is_refused_as_such)
{
	static const struct {
		const char *name;
		u64 value;
		int error;
	} bad[] = {
		{ "state", 5, -EINVAL },
		{ "status", 1U << 0, -EINVAL },
		{ "status", 1U << 9, -EINVAL },
		{ "faults", 1U << 12, -EINVAL },
		{ "mode", 2, -EINVAL },
		{ "lease_end", 13, -EINVAL },
		{ "plunger_nm", 61000001, -ERANGE },
		{ "plunger_nm", (u32)-1, -ERANGE },
		{ "plunger2_nm", 61000001, -ERANGE },
		{ "target_nm", (u32)-1, -ERANGE },
		{ "depth_um", 13001, -ERANGE },
		{ "depth_set_um", 13001, -ERANGE },
		{ "pressure_pa", 1000001, -ERANGE },
		{ "pressure_pa", (u32)-100001, -ERANGE },
		{ "pressure_limit_pa", 1000001, -ERANGE },
		{ "vacuum_pa", 1, -ERANGE },
		{ "vacuum_pa", (u32)-90001, -ERANGE },
		{ "reservoir_nl", 10000001, -ERANGE },
		{ "battery_percent", 101, -ERANGE },
		{ "battery_mv", 20001, -ERANGE },
		{ "temperature_mc", 125001, -ERANGE },
		{ "temperature_mc", (u32)-40001, -ERANGE },
		{ "dose_nl", 200001, -ERANGE },
		{ "rate_mhz", 9001, -ERANGE },
		{ "bore_um", 20001, -ERANGE },
		{ "capacity_nl", 10000001, -ERANGE },
	};
	u8 buf[MESO_FRAME_SIZE];
	struct meso_frame f;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct field wrong = { 0 };

		build(buf, sizeof(buf), "MESF", frame_fields, ARRAY_SIZE(frame_fields));
		for (unsigned k = 0; k < ARRAY_SIZE(frame_fields); k++)
			if (!strcmp(frame_fields[k].name, bad[i].name))
				wrong = frame_fields[k];
		wrong.value = bad[i].value;
		put(buf, &wrong);
		seal(buf, sizeof(buf));
		ck_assert_msg(meso_frame_decode(&f, buf, sizeof(buf)) == bad[i].error, "%s %llu",
			      bad[i].name, (unsigned long long)bad[i].value);
	}
}
END_TEST

START_TEST(impossible_records_and_arm_blocks_are_refused)
{
	u8 buf[MESO_RECORD_SIZE];
	struct meso_shot good, s, out;
	struct meso_lease a = { .kind = 2 };

	build(buf, sizeof(buf), "MESR", record_fields, ARRAY_SIZE(record_fields));
	ck_assert_int_eq(meso_record_decode(&good, buf, sizeof(buf)), 0);
#define BAD(error, field, bad)                                                       \
	do {                                                                         \
		s = good;                                                            \
		s.field = bad;                                                       \
		meso_record_encode(&s, buf);                                         \
		ck_assert_int_eq(meso_record_decode(&out, buf, sizeof(buf)), error); \
	} while (0)
	BAD(-EINVAL, epoch, 0);
	BAD(-EINVAL, number, 0);
	BAD(-EINVAL, result, 4);
	BAD(-EINVAL, kind, 2);
	BAD(-EINVAL, flags, 0x11);
	BAD(-ERANGE, asked_nl, 200001);
	BAD(-ERANGE, reported_nl, 10000001);
	BAD(-ERANGE, displaced_nl, 10000001);
	BAD(-ERANGE, displaced2_nl, 10000001);
	BAD(-ERANGE, depth_um, 13001);
	BAD(-ERANGE, peak_pa, 1000001);
	meso_arm_encode(&a, buf);
	ck_assert_int_eq(meso_arm_decode(&a, buf, sizeof(buf)), -EINVAL);
	/* one kind of message is not another */
	build(buf, sizeof(buf), "MESR", record_fields, ARRAY_SIZE(record_fields));
	ck_assert_int_eq(meso_arm_decode(&a, buf, sizeof(buf)), -EINVAL);
}
END_TEST

START_TEST(what_the_model_sends_the_codec_carries_unchanged)
{
	static struct meso_model m;
	struct meso_model_params params;
	struct meso_frame sent, received;
	u8 buf[MESO_FRAME_SIZE];

	meso_model_params_default(&params);
	ck_assert_int_eq(meso_model_init(&m, &params, NULL, 1, NULL, NULL), 0);
	meso_model_power_on(&m, 2, 0);
	meso_model_hand(&m, 0, MESO_HAND_ENCODER_BIAS, -61000000);
	meso_model_hand(&m, 0, MESO_HAND_PRESSURE_BIAS, 1000000);
	ck_assert_int_eq(meso_model_frame(&m, 5000000, &sent), 0);
	meso_frame_encode(&sent, buf);
	ck_assert_int_eq(meso_frame_decode(&received, buf, sizeof(buf)), 0);
	ck_assert_mem_eq(&received, &sent, sizeof(sent));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *t = tcase_create("codec");
	SRunner *sr;
	int failed;

	tcase_add_test(t, the_checksum_is_crc_32_of_ieee_802_3);
	tcase_add_test(t, a_frame_has_each_value_at_its_documented_offset);
	tcase_add_test(t, an_arm_block_has_each_value_at_its_documented_offset);
	tcase_add_test(t, a_record_has_each_value_at_its_documented_offset);
#ifndef __KERNEL__
	tcase_add_test(t, the_page_shows_the_layout_that_the_codec_has);
#endif
	tcase_add_test(t, any_flipped_bit_is_refused_and_leaves_the_target_alone);
	tcase_add_test(t, a_frame_of_another_length_kind_version_or_with_a_tail_is_refused);
	tcase_add_test(t, a_measurement_out_of_its_range_is_refused_as_such);
	tcase_add_test(t, impossible_records_and_arm_blocks_are_refused);
	tcase_add_test(t, what_the_model_sends_the_codec_carries_unchanged);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
