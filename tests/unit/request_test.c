// SPDX-License-Identifier: GPL-2.0-only
/*
 * The codec of requests and answers, held to the tables of docs/gun-protocol.md:
 * bytes are read here by hand, at the offsets that the page names.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "meso_request.h"

static u32 at32(const u8 *buf, size_t offset)
{
	return (u32)buf[offset] | (u32)buf[offset + 1] << 8 | (u32)buf[offset + 2] << 16 |
	       (u32)buf[offset + 3] << 24;
}

static u64 at64(const u8 *buf, size_t offset)
{
	return at32(buf, offset) | (u64)at32(buf, offset + 4) << 32;
}

static void put_at32(u8 *buf, size_t offset, u32 value)
{
	for (size_t i = 0; i < 4; i++)
		buf[offset + i] = (u8)(value >> (8 * i));
}

static void sign(u8 *buf, size_t size)
{
	put_at32(buf, size - 4, meso_wire_crc32(buf, size - 4));
}

static struct meso_info some_info(void)
{
	return (struct meso_info){
		.serial = "GUN-1",
		.model = "model",
		.firmware = "1.2.3",
		.epoch = 0x1122334455667788,
		.boot_id = 0x99,
		.capabilities = 0x3f,
		.hardware_version = 7,
		.dose_min_nl = 1000,
		.dose_max_nl = 200000,
		.dose_step_nl = 100,
		.depth_max_um = 13000,
		.capacity_max_nl = 10000000,
		.rate_max_mhz = 9000,
		.lease_max_nl = 10000001,
		.lease_max_shots = 256,
		.gun_log_size = 255,
		.pressure_max_pa = -5,
		.overshoot_nl = 12345,
		.last_sequence = 77,
	};
}

static struct meso_registers some_registers(void)
{
	struct meso_registers regs = { .count = MESO_REG_COUNT };

	for (u32 i = 0; i < MESO_REG_COUNT; i++)
		regs.reg[i].id = i;
	regs.reg[MESO_REG_MAGIC].value = MESO_MAGIC;
	regs.reg[MESO_REG_EPOCH].value = U64_MAX;
	regs.reg[MESO_REG_PRESSURE_PA].value = (u64)-100000;
	regs.reg[MESO_REG_MARK_SEQUENCE].value = 9;
	memset(regs.mark.ledger, 0xab, sizeof(regs.mark.ledger));
	regs.mark.sequence = 9;
	memset(regs.mark.head, 0xcd, sizeof(regs.mark.head));
	return regs;
}

START_TEST(an_info_travels_as_the_page_says)
{
	struct meso_info info = some_info(), back = { 0 };
	u8 buf[MESO_INFO_SIZE];

	info.journal_size = 4711; /* the host's own */
	meso_info_encode(&info, buf);
	ck_assert_mem_eq(buf, "MESI", 4);
	ck_assert_uint_eq(at32(buf, 4), 1 | MESO_INFO_SIZE << 16);
	ck_assert_str_eq((char *)buf + 8, "GUN-1");
	ck_assert_str_eq((char *)buf + 40, "model");
	ck_assert_str_eq((char *)buf + 72, "1.2.3");
	ck_assert_uint_eq(at64(buf, 88), info.epoch);
	ck_assert_uint_eq(at64(buf, 96), info.boot_id);
	ck_assert_uint_eq(at32(buf, 104), 0x3f);
	ck_assert_uint_eq(at32(buf, 104 + 4 * 12), 12345);
	ck_assert_uint_eq(at64(buf, 156), 77);
	ck_assert_int_eq(meso_info_decode(&back, buf, sizeof(buf)), 0);
	info.journal_size = 0;
	ck_assert_mem_eq(&back, &info, sizeof(info));
}
END_TEST

START_TEST(an_info_whose_texts_do_not_end_is_refused)
{
	const size_t texts[][2] = { { 8, 32 }, { 40, 32 }, { 72, 16 } };
	struct meso_info info = some_info(), back, untouched;
	u8 buf[MESO_INFO_SIZE];

	memset(&untouched, 0x5a, sizeof(untouched));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		back = untouched;
		meso_info_encode(&info, buf);
		memset(buf + texts[i][0], 'A', texts[i][1]);
		sign(buf, sizeof(buf));
		ck_assert_int_eq(meso_info_decode(&back, buf, sizeof(buf)), -EINVAL);
		/* nor may anything stand behind the end */
		meso_info_encode(&info, buf);
		buf[texts[i][0] + texts[i][1] - 1] = 'A';
		sign(buf, sizeof(buf));
		ck_assert_int_eq(meso_info_decode(&back, buf, sizeof(buf)), -EINVAL);
		ck_assert_mem_eq(&back, &untouched, sizeof(back));
	}
}
END_TEST

START_TEST(registers_travel_as_the_page_says)
{
	struct meso_registers regs = some_registers(), back;
	u8 buf[MESO_REGISTERS_SIZE];

	meso_registers_encode(&regs, buf);
	ck_assert_mem_eq(buf, "MESV", 4);
	ck_assert_uint_eq(at32(buf, 8), 34);
	ck_assert_uint_eq(buf[16], 0xab);
	ck_assert_uint_eq(at64(buf, 32), 9);
	ck_assert_uint_eq(buf[40], 0xcd);
	ck_assert_uint_eq(at64(buf, 56), MESO_MAGIC);
	ck_assert_uint_eq(at64(buf, 56 + 8 * 0x10), (u64)-100000);
	ck_assert_int_eq(meso_registers_decode(&back, buf, sizeof(buf)), 0);
	ck_assert_mem_eq(&back, &regs, sizeof(regs));
}
END_TEST

START_TEST(registers_of_something_that_is_no_gun_are_refused)
{
	struct meso_registers regs = some_registers(), back = { .count = 5 };
	u8 buf[MESO_REGISTERS_SIZE];

	regs.reg[MESO_REG_MAGIC].value++;
	meso_registers_encode(&regs, buf);
	ck_assert_int_eq(meso_registers_decode(&back, buf, sizeof(buf)), -EPROTO);
	ck_assert_uint_eq(back.count, 5);
}
END_TEST

START_TEST(a_register_outside_its_range_is_refused)
{
	static const struct {
		u32 id;
		s64 low, high;
	} ranges[] = {
		{ MESO_REG_PLUNGER_NM, 0, 61000000 },
		{ MESO_REG_PRESSURE_PA, -100000, 1000000 },
		{ MESO_REG_VACUUM_PA, -90000, 0 },
		{ MESO_REG_DEPTH_UM, 0, 13000 },
		{ MESO_REG_DOSE_NL, 0, 200000 },
		{ MESO_REG_RATE_MHZ, 0, 9000 },
		{ MESO_REG_BATTERY_PERCENT, 0, 100 },
		{ MESO_REG_MODE, 0, 1 },
		{ MESO_REG_TEMPERATURE_MC, -40000, 125000 },
		{ MESO_REG_FAULTS, 0, 0xfff },
	};
	struct meso_registers back;
	u8 buf[MESO_REGISTERS_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		for (int step = 0; step < 4; step++) {
			struct meso_registers regs = some_registers();
			s64 value = step < 2 ? ranges[i].low - step : ranges[i].high + step - 2;

			regs.reg[ranges[i].id].value = (u64)value;
			meso_registers_encode(&regs, buf);
			ck_assert_int_eq(meso_registers_decode(&back, buf, sizeof(buf)),
					 step == 1 || step == 3 ? -ERANGE : 0);
		}
}
END_TEST

START_TEST(what_a_host_wants_travels_there_and_back)
{
	struct meso_config config = {
		.bore_um = 12060, .capacity_nl = 5000000, .dose_nl = 20000, .depth_um = 2000,
		.mode = 1, .rate_mhz = 5000, .viscosity_upas = 1000, .needle_um = 108,
		.needle_length_um = 4000, .needles = 5,
	}, config_back;
	struct meso_fire fire = { .id = "0123456789abcde", .expect = 1ull << 40 }, fire_back;
	struct meso_ack ack = { .epoch = 3, .upto = 1ull << 50 }, ack_back;
	struct meso_clear clear = { .mask = 5, .counter = 6, .boot_id = 7 }, clear_back;
	u8 buf[MESO_CONFIGURE_SIZE], id[MESO_LEASE_ID_LEN];

	meso_configure_encode(&config, buf);
	ck_assert_uint_eq(at32(buf, 8), 12060);
	ck_assert_uint_eq(at32(buf, 44), 5);
	ck_assert_int_eq(meso_configure_decode(&config_back, buf, MESO_CONFIGURE_SIZE), 0);
	ck_assert_mem_eq(&config_back, &config, sizeof(config));

	meso_fire_encode(&fire, buf);
	ck_assert_uint_eq(at64(buf, 24), 1ull << 40);
	ck_assert_int_eq(meso_fire_decode(&fire_back, buf, MESO_FIRE_SIZE), 0);
	ck_assert_mem_eq(&fire_back, &fire, sizeof(fire));

	meso_ack_encode(&ack, buf);
	ck_assert_uint_eq(at64(buf, 16), 1ull << 50);
	ck_assert_int_eq(meso_ack_decode(&ack_back, buf, MESO_ACK_SIZE), 0);
	ck_assert_mem_eq(&ack_back, &ack, sizeof(ack));

	meso_clear_encode(&clear, buf);
	ck_assert_uint_eq(at32(buf, 12), 6);
	ck_assert_int_eq(meso_clear_decode(&clear_back, buf, MESO_CLEAR_SIZE), 0);
	ck_assert_mem_eq(&clear_back, &clear, sizeof(clear));

	meso_heartbeat_encode(fire.id, buf);
	ck_assert_int_eq(meso_heartbeat_decode(id, buf, MESO_HEARTBEAT_SIZE), 0);
	ck_assert_mem_eq(id, fire.id, sizeof(id));
	/* and one message is not another */
	ck_assert_int_eq(meso_clear_decode(&clear_back, buf, MESO_CLEAR_SIZE), -EINVAL);
}
END_TEST

START_TEST(a_result_says_of_which_request_it_is_and_why)
{
	static const int errors[] = { 0,        -EINVAL, -ERANGE, -ESTALE, -EBUSY,  -EACCES,
				      -ENODATA, -ENOSPC, -EIO,    -EAGAIN, -EBADMSG };
	u8 buf[MESO_RESULT_SIZE];
	struct meso_result back;

	for (u32 i = 0; i < ARRAY_SIZE(errors); i++) {
		struct meso_result result = { MESO_REQ_ARM, 0xffff, errors[i] };

		meso_result_encode(&result, buf);
		ck_assert_uint_eq(at32(buf, 8), 4);
		ck_assert_uint_eq(at32(buf, 12), 0xffff);
		ck_assert_uint_eq(at32(buf, 16), i);
		ck_assert_int_eq(meso_result_decode(&back, buf, sizeof(buf)), 0);
		ck_assert_uint_eq(back.request, MESO_REQ_ARM);
		ck_assert_uint_eq(back.tag, 0xffff);
		ck_assert_int_eq(back.err, errors[i]);
	}
	put_at32(buf, 16, MESO_RESULT_COUNT);
	sign(buf, sizeof(buf));
	ck_assert_int_eq(meso_result_decode(&back, buf, sizeof(buf)), -EINVAL);
	put_at32(buf, 16, 0);
	put_at32(buf, 8, MESO_REQ_END);
	sign(buf, sizeof(buf));
	ck_assert_int_eq(meso_result_decode(&back, buf, sizeof(buf)), -EINVAL);
}
END_TEST

START_TEST(a_log_is_read_from_the_one_number_that_sixteen_bits_can_mean)
{
	ck_assert_uint_eq(meso_log_first(1, 0, 5), 1);
	ck_assert_uint_eq(meso_log_first(5, 0, 5), 5);
	ck_assert_uint_eq(meso_log_first(6, 0, 5), 0);
	ck_assert_uint_eq(meso_log_first(3, 3, 5), 0); /* acknowledged */
	ck_assert_uint_eq(meso_log_first(0, 65535, 65540), 65536);
	ck_assert_uint_eq(meso_log_first(4, 65535, 65540), 65540);
	ck_assert_uint_eq(meso_log_first(0xffff, 0x7fffe, 0x80001), 0x7ffff);
	ck_assert_uint_eq(meso_log_first(0, 0, 0), 0);
	ck_assert_uint_eq(meso_log_first(1, U64_MAX, U64_MAX), 0);
}
END_TEST

START_TEST(only_what_goes_to_the_gun_has_a_size_out)
{
	ck_assert_int_eq(meso_request_out_size(MESO_REQ_ARM), 128);
	ck_assert_int_eq(meso_request_out_size(MESO_REQ_ABORT), 0);
	ck_assert_int_eq(meso_request_out_size(MESO_REQ_INFO), -EINVAL);
	ck_assert_int_eq(meso_request_out_size(MESO_REQ_RESULT), -EINVAL);
	ck_assert_int_eq(meso_request_out_size(0), -EINVAL);
	ck_assert_int_eq(meso_request_out_size(MESO_REQ_END), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("request");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, an_info_travels_as_the_page_says);
	tcase_add_test(tc, an_info_whose_texts_do_not_end_is_refused);
	tcase_add_test(tc, registers_travel_as_the_page_says);
	tcase_add_test(tc, registers_of_something_that_is_no_gun_are_refused);
	tcase_add_test(tc, a_register_outside_its_range_is_refused);
	tcase_add_test(tc, what_a_host_wants_travels_there_and_back);
	tcase_add_test(tc, a_result_says_of_which_request_it_is_and_why);
	tcase_add_test(tc, a_log_is_read_from_the_one_number_that_sixteen_bits_can_mean);
	tcase_add_test(tc, only_what_goes_to_the_gun_has_a_size_out);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
