// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Quantities as people type and read them, and the names of numbers: nothing is
 * guessed, rounded or lost on the way.
 */
#include <check.h>
#include <errno.h>
#include <injector.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	enum inj_dimension dimension;
	const char *text;
	int64_t value;
} good[] = {
	{ INJ_VOLUME, "10 uL", 10000 },
	{ INJ_VOLUME, "10uL", 10000 },
	{ INJ_VOLUME, "10   uL", 10000 },
	{ INJ_VOLUME, "10 ul", 10000 },
	{ INJ_VOLUME, "10 \xc2\xb5L", 10000 },
	{ INJ_VOLUME, "10 \xce\xbcl", 10000 },
	{ INJ_VOLUME, "0.02 mL", 20000 },
	{ INJ_VOLUME, "0.0200000000000000000000000000 mL", 20000 },
	{ INJ_VOLUME, "12.5 uL", 12500 },
	{ INJ_VOLUME, "0 nL", 0 },
	{ INJ_VOLUME, "0.0 mL", 0 },
	{ INJ_VOLUME, "9223372036854775807 nL", INT64_MAX },
	{ INJ_VOLUME, "9223372036854.775807 mL", INT64_MAX },
	{ INJ_VOLUME, "4294967296 nL", 4294967296 },
	{ INJ_LENGTH, "1.5 mm", 1500 },
	{ INJ_LENGTH, "1.45 cm", 14500 },
	{ INJ_LENGTH, "2 \xc2\xb5m", 2 },
	{ INJ_MASS, "2 mg", 2000000 },
	{ INJ_MASS, "250 mcg", 250000 },
	{ INJ_MASS, "1 g", 1000000000 },
	{ INJ_ACTIVITY, "150 IU", 150000 },
	{ INJ_ACTIVITY, "0.001 IU", 1 },
	{ INJ_BODY_MASS, "70.5 kg", 70500 },
	{ INJ_RATE, "5 /s", 5000 },
	{ INJ_RATE, "2.5/s", 2500 },
	{ INJ_TIME, "1.5 min", 90000 },
	{ INJ_TIME, "0.00005 min", 3 },
	{ INJ_TIME, "1 h", 3600000 },
	{ INJ_PRESSURE, "300 kPa", 300000 },
	{ INJ_AREA, "25 cm2", 2500 },
	{ INJ_VISCOSITY, "1.002 mPa.s", 1002 },
};

START_TEST(what_people_write_correctly_is_read_exactly)
{
	int64_t value = -1;
	char error[INJ_TEXT_MAX] = "";

	ck_assert_msg(inj_parse(good[_i].dimension, good[_i].text, &value, error) == 0, "%s: %s",
		      good[_i].text, error);
	ck_assert_int_eq(value, good[_i].value);
	ck_assert_str_eq(error, "");
}
END_TEST

static const struct {
	enum inj_dimension dimension;
	int result;
	const char *text;
	const char *says; /* part of the sentence */
} bad[] = {
	{ INJ_VOLUME, -EINVAL, "10", "no unit" },
	{ INJ_VOLUME, -EINVAL, "10,5 uL", "comma" },
	{ INJ_VOLUME, -EINVAL, "1,000 uL", "comma" },
	{ INJ_VOLUME, -EINVAL, "10. uL", "after the point" },
	{ INJ_VOLUME, -EINVAL, ".5 mL", "before the point" },
	{ INJ_VOLUME, -EINVAL, "010 uL", "needless zero" },
	{ INJ_VOLUME, -EINVAL, "-10 uL", "sign" },
	{ INJ_VOLUME, -EINVAL, "+10 uL", "sign" },
	{ INJ_VOLUME, -EINVAL, "", "empty" },
	{ INJ_VOLUME, -EINVAL, " ", "number" },
	{ INJ_VOLUME, -EINVAL, " 10 uL", "number" },
	{ INJ_VOLUME, -EINVAL, "uL", "number" },
	{ INJ_VOLUME, -EINVAL, "ten uL", "number" },
	{ INJ_VOLUME, -EINVAL, "NaN mL", "number" },
	{ INJ_VOLUME, -EINVAL, "inf mL", "number" },
	{ INJ_VOLUME, -EINVAL, "0x10 uL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "1e3 uL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "1 000 uL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "1_000 uL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "1.2.3 uL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 uL ", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 uL 5", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 uLL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 u", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 UL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 ML", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 Ml", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 L", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 cc", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 mm", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10 mg", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "10\tuL", "wrong unit" },
	{ INJ_VOLUME, -EINVAL, "\xd9\xa1\xd9\xa0 uL", "number" }, /* other digits */
	{ INJ_VOLUME, -EINVAL, "0.5 nL", "finer" },
	{ INJ_VOLUME, -EINVAL, "1.0000001 mL", "finer" },
	{ INJ_VOLUME, -EINVAL, "0.0000000000000000000000000001 mL", "finer" },
	{ INJ_VOLUME, -ERANGE, "9223372036854775808 nL", "large" },
	{ INJ_VOLUME, -ERANGE, "9223372036854.775808 mL", "large" },
	{ INJ_VOLUME, -ERANGE, "18446744073709551616 nL", "large" },
	{ INJ_VOLUME, -ERANGE, "18446744073709551617 mL", "large" },
	{ INJ_VOLUME, -ERANGE, "99999999999999999999999999999999999999999999 mL", "large" },
	{ INJ_ACTIVITY, -EINVAL, "150 U", "wrong unit" }, /* read as a zero: 1500 */
	{ INJ_ACTIVITY, -EINVAL, "150 iu", "wrong unit" },
	{ INJ_MASS, -EINVAL, "2 MG", "wrong unit" },
	{ INJ_MASS, -EINVAL, "70 kg", "wrong unit" },
	{ INJ_BODY_MASS, -EINVAL, "70 mg", "wrong unit" },
	{ INJ_LENGTH, -EINVAL, "2 MM", "wrong unit" },
	{ INJ_LENGTH, -EINVAL, "2 m", "wrong unit" },
	{ INJ_RATE, -EINVAL, "5 Hz", "wrong unit" },
	{ INJ_RATE, -EINVAL, "0.0001 /s", "finer" },
	{ INJ_TIME, -EINVAL, "0.00001 min", "finer" },
	{ INJ_TIME, -EINVAL, "5 m", "wrong unit" },
	{ INJ_PRESSURE, -EINVAL, "2 bar", "wrong unit" },
};

START_TEST(a_mistake_is_refused_with_a_sentence_and_touches_nothing)
{
	int64_t value = -77;
	char error[INJ_TEXT_MAX] = "";

	ck_assert_msg(inj_parse(bad[_i].dimension, bad[_i].text, &value, error) == bad[_i].result,
		      "'%s'", bad[_i].text);
	ck_assert_int_eq(value, -77);
	ck_assert_msg(strstr(error, bad[_i].says) != NULL, "'%s': %s", bad[_i].text, error);
	ck_assert_msg(strstr(error, "expected ") != NULL, "'%s': %s", bad[_i].text, error);
	ck_assert_int_eq(inj_parse(bad[_i].dimension, bad[_i].text, &value, NULL), bad[_i].result);
}
END_TEST

START_TEST(a_sentence_repeats_no_control_codes_and_stays_in_its_buffer)
{
	char text[4096], error[INJ_TEXT_MAX];
	int64_t value;

	ck_assert_int_eq(inj_parse(INJ_VOLUME, "1\x1b[2J\r\n uL", &value, error), -EINVAL);
	for (const char *p = error; *p; p++)
		ck_assert((unsigned char)*p >= 0x20);
	for (size_t length = 0; length < sizeof(text); length += 37) {
		memset(text, '7', length);
		text[length] = '\0';
		inj_parse(INJ_VOLUME, text, &value, error);
		ck_assert_ptr_nonnull(memchr(error, '\0', sizeof(error)));
	}
	/* a character is not cut in half */
	snprintf(text, sizeof(text), "%039d\xc2\xb5\xc2\xb5", 0);
	ck_assert_int_eq(inj_parse(INJ_VOLUME, text, &value, error), -EINVAL);
	ck_assert_ptr_null(strstr(error, "\xc2."));
}
END_TEST

static const struct {
	enum inj_dimension dimension;
	int64_t value;
	const char *text;
} printed[] = {
	{ INJ_VOLUME, 20000, "20 uL" },
	{ INJ_VOLUME, 12500, "12.5 uL" },
	{ INJ_VOLUME, 10000000, "10 mL" },
	{ INJ_VOLUME, 1500000, "1.5 mL" },
	{ INJ_VOLUME, 1234567, "1234.567 uL" },
	{ INJ_VOLUME, 999, "999 nL" },
	{ INJ_VOLUME, 0, "0 nL" },
	{ INJ_VOLUME, -2500, "-2.5 uL" },
	{ INJ_VOLUME, INT64_MIN, "-9223372036854775.808 uL" },
	{ INJ_VOLUME, INT64_MAX, "9223372036854775.807 uL" },
	{ INJ_LENGTH, 1500, "1.5 mm" },
	{ INJ_LENGTH, 14500, "14.5 mm" },
	{ INJ_LENGTH, 61000, "61 mm" },
	{ INJ_MASS, 2000000, "2 mg" },
	{ INJ_ACTIVITY, 150000, "150 IU" },
	{ INJ_ACTIVITY, 1, "0.001 IU" },
	{ INJ_BODY_MASS, 70500, "70.5 kg" },
	{ INJ_RATE, 9000, "9 /s" },
	{ INJ_RATE, 100, "0.1 /s" },
	{ INJ_TIME, 61000, "61 s" },
	{ INJ_TIME, 90000, "1.5 min" },
	{ INJ_PRESSURE, -90000, "-90 kPa" },
	{ INJ_PRESSURE, -999, "-999 Pa" },
	{ INJ_AREA, 2500, "25 cm2" },
	{ INJ_VISCOSITY, 50000, "50 mPa.s" },
};

START_TEST(quantities_are_printed_in_the_unit_people_use)
{
	char buf[INJ_TEXT_MAX];

	ck_assert_str_eq(inj_format(printed[_i].dimension, printed[_i].value, buf),
			 printed[_i].text);
}
END_TEST

static void assert_round_trip(enum inj_dimension dimension, int64_t value)
{
	char text[INJ_TEXT_MAX], error[INJ_TEXT_MAX];
	int64_t back = -1;

	inj_format(dimension, value, text);
	ck_assert_msg(inj_parse(dimension, text, &back, error) == 0, "%s", error);
	ck_assert_msg(back == value, "%s: %lld", text, (long long)value);
}

START_TEST(what_is_printed_is_read_back_as_the_same_quantity)
{
	enum inj_dimension dimension = (enum inj_dimension)_i;
	uint64_t x = 88172645463325252u;

	for (int64_t value = 0; value < 20000; value++)
		assert_round_trip(dimension, value);
	for (int64_t power = 1; power < INT64_MAX / 10; power *= 10)
		for (int64_t near = -3; near <= 3; near++)
			if (power + near >= 0)
				assert_round_trip(dimension, power + near);
	for (int bit = 0; bit < 63; bit++)
		for (int64_t near = -1; near <= 1; near++)
			assert_round_trip(dimension, (int64_t)(1ull << bit) + near);
	for (int64_t down = 0; down < 1000; down++)
		assert_round_trip(dimension, INT64_MAX - down);
	for (int i = 0; i < 20000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		assert_round_trip(dimension, (int64_t)(x >> (1 + i % 63)));
	}
}
END_TEST

START_TEST(null_and_unknown_dimensions_are_refused)
{
	char buf[INJ_TEXT_MAX] = "x";
	int64_t value;

	ck_assert_int_eq(inj_parse(INJ_DIMENSIONS, "1 uL", &value, NULL), -EINVAL);
	ck_assert_int_eq(inj_parse((enum inj_dimension) - 1, "1 uL", &value, NULL), -EINVAL);
	ck_assert_int_eq(inj_parse(INJ_VOLUME, NULL, &value, NULL), -EINVAL);
	ck_assert_int_eq(inj_parse(INJ_VOLUME, "1 uL", NULL, NULL), -EINVAL);
	ck_assert_str_eq(inj_format(INJ_DIMENSIONS, 1, buf), "");
	ck_assert_ptr_null(inj_format(INJ_VOLUME, 1, NULL));
}
END_TEST

START_TEST(every_number_of_the_contract_has_a_name_and_no_other_has)
{
	for (uint32_t i = 0; i < MESO_REG_COUNT; i++) {
		ck_assert_ptr_nonnull(inj_register_name(i));
		for (uint32_t j = 0; j < i; j++)
			ck_assert_str_ne(inj_register_name(i), inj_register_name(j));
	}
	for (uint32_t i = 0; i < MESO_EVENT_TYPES; i++)
		ck_assert_ptr_nonnull(inj_event_name(i));
	for (uint32_t i = 0; i <= MESO_STATE_ASLEEP; i++)
		ck_assert_ptr_nonnull(inj_state_name(i));
	for (uint32_t i = 0; i <= MESO_END_RESET; i++)
		ck_assert_ptr_nonnull(inj_end_name(i));
	for (uint32_t i = 0; i <= MESO_SHOT_UNKNOWN; i++)
		ck_assert_ptr_nonnull(inj_result_name(i));
	for (int bit = 0; bit < 32; bit++) {
		uint32_t fault = 1u << bit;

		ck_assert_int_eq(inj_fault_name(fault) != NULL, (fault & MESO_FAULT_ALL_MASK) != 0);
	}
	ck_assert_ptr_null(inj_register_name(MESO_REG_COUNT));
	ck_assert_ptr_null(inj_event_name(MESO_EVENT_TYPES));
	ck_assert_ptr_null(inj_state_name(MESO_STATE_ASLEEP + 1));
	ck_assert_ptr_null(inj_end_name(MESO_END_RESET + 1));
	ck_assert_ptr_null(inj_result_name(MESO_SHOT_UNKNOWN + 1));
	ck_assert_ptr_null(inj_fault_name(0));
	ck_assert_ptr_null(inj_fault_name(MESO_FAULT_AIR | MESO_FAULT_EMPTY));
	ck_assert_ptr_null(inj_state_name(UINT32_MAX));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
	Suite *suite = suite_create("injector_units");
	TCase *tcase = tcase_create("units");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 10);
	tcase_add_loop_test(tcase, what_people_write_correctly_is_read_exactly, 0, COUNT(good));
	tcase_add_loop_test(tcase, a_mistake_is_refused_with_a_sentence_and_touches_nothing, 0,
			    COUNT(bad));
	tcase_add_test(tcase, a_sentence_repeats_no_control_codes_and_stays_in_its_buffer);
	tcase_add_loop_test(tcase, quantities_are_printed_in_the_unit_people_use, 0,
			    COUNT(printed));
	tcase_add_loop_test(tcase, what_is_printed_is_read_back_as_the_same_quantity, 0,
			    INJ_DIMENSIONS);
	tcase_add_test(tcase, null_and_unknown_dimensions_are_refused);
	tcase_add_test(tcase, every_number_of_the_contract_has_a_name_and_no_other_has);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
