// SPDX-License-Identifier: GPL-2.0-only
/*
 * The [pedal] group of mesod.conf: what is understood, what is refused and how
 * that is said, and which devices it is about.
 */
#include <check.h>
#include <errno.h>
#include <libevdev/libevdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dose_limits.h"
#include "pedal_config.h"

static char path[64];

static void setup(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/meso-pedal-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown(void)
{
	unlink(path);
}

static void put(const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static struct pedal_config load(const char *text)
{
	char error[CONF_TEXT_MAX] = "";
	struct pedal_config config;

	put(text);
	ck_assert_msg(pedal_config_load(path, &config, error) == 0, "%s", error);
	return config;
}

START_TEST(all_that_can_be_said_of_a_pedal_is_understood)
{
	const struct pedal_config config =
		load("[limits]\nshot-volume-soft = 40 uL\n[pedal]\n"
		     "name = PCsensor FootSwitch Keyboard\nuniq = 01:02/x\nvendor = 1A86\n"
		     "product = e026\nkey = KEY_B\ndebounce = 45 ms\ngun = MESO-0001\n");

	ck_assert(config.wanted);
	ck_assert_str_eq(config.name, "PCsensor FootSwitch Keyboard");
	ck_assert_str_eq(config.uniq, "01:02/x");
	ck_assert_str_eq(config.vendor, "1a86");
	ck_assert_str_eq(config.product, "e026");
	ck_assert_uint_eq(config.key, KEY_B);
	ck_assert_str_eq(config.key_name, "KEY_B");
	ck_assert_uint_eq(config.debounce_ms, 45);
	ck_assert_str_eq(config.gun, "MESO-0001");
}
END_TEST

START_TEST(what_is_not_said_has_its_default)
{
	const struct pedal_config config = load("[pedal]\nvendor = 3553\nkey = BTN_TRIGGER\n");

	ck_assert(config.wanted);
	ck_assert_uint_eq(config.key, BTN_TRIGGER);
	ck_assert_uint_eq(config.debounce_ms, 30);
	ck_assert_str_eq(config.name, "");
	ck_assert_str_eq(config.gun, "");
}
END_TEST

START_TEST(without_the_group_or_a_key_in_it_there_is_no_pedal)
{
	char error[CONF_TEXT_MAX] = "";
	struct pedal_config config = { .wanted = true };

	ck_assert(!load("[limits]\nshot-volume-soft = 40 uL\n").wanted);
	ck_assert(!load("[pedal]\n#key = KEY_B\n").wanted);
	ck_assert(!load("").wanted);
	unlink(path);
	ck_assert_int_eq(pedal_config_load(path, &config, error), 0);
	ck_assert(!config.wanted);
	ck_assert(!pedal_config_matches(&config, &(struct pedal_device){ .name = "any" }));
}
END_TEST

START_TEST(the_sample_is_in_order)
{
	struct pedal_config config;
	char error[CONF_TEXT_MAX] = "";

	ck_assert_msg(pedal_config_load("daemon/data/sample/mesod.conf", &config, error) == 0, "%s",
		      error);
	ck_assert(!config.wanted);
}
END_TEST

static const struct {
	const char *text;
	int error;
	const char *words[3];
} refused[] = {
	{ "[pedal]\nname = x\nkey = KEY_FOOT\n", -EINVAL, { ":3: ", "KEY_FOOT", "KEY_B" } },
	{ "[pedal]\nname = x\nkey = 48\n", -EINVAL, { ":3: ", "48", "KEY_B" } },
	{ "[pedal]\nname = x\nkey = REL_X\n", -EINVAL, { ":3: ", "REL_X", "KEY_B" } },
	{ "[pedal]\nname = x\nkey =\n", -EINVAL, { ":3: ", "key", "KEY_B" } },
	{ "[pedal]\nname = x\n", -EINVAL, { path, "no key", "KEY_B" } },
	{ "[pedal]\nkey = KEY_B\n", -EINVAL, { path, "which device", "vendor" } },
	{ "[pedal]\nkey = KEY_B\nproduct = e026\n", -EINVAL, { path, "which device", "vendor" } },
	{ "[pedal]\nkey = KEY_B\nvendor = 0x1a86\n", -EINVAL, { ":3: ", "0x1a86", "hexadecimal" } },
	{ "[pedal]\nkey = KEY_B\nvendor = 1a8\n", -EINVAL, { ":3: ", "1a8", "hexadecimal" } },
	{ "[pedal]\nkey = KEY_B\nvendor = 1a8g\n", -EINVAL, { ":3: ", "1a8g", "hexadecimal" } },
	{ "[pedal]\nkey = KEY_B\nproduct = 12345\n",
	  -EINVAL,
	  { ":3: ", "product", "hexadecimal" } },
	{ "[pedal]\nkey = KEY_B\nname =\n", -EINVAL, { ":3: ", "name", "1 to 79 bytes" } },
	{ "[pedal]\nname = x\nkey = KEY_B\ndebounce = 30\n", -EINVAL, { ":4: ", "30", "ms" } },
	{ "[pedal]\nname = x\nkey = KEY_B\ndebounce = 30 uL\n",
	  -EINVAL,
	  { ":4: ", "30 uL", "ms" } },
	{ "[pedal]\nname = x\nkey = KEY_B\ndebounce = 4 ms\n",
	  -ERANGE,
	  { ":4: ", "4 ms", "5 ms to 500 ms" } },
	{ "[pedal]\nname = x\nkey = KEY_B\ndebounce = 501 ms\n",
	  -ERANGE,
	  { ":4: ", "501 ms", "5 ms to 500 ms" } },
	{ "[pedal]\nname = x\nkey = KEY_B\ngun = 0123456789012345678901234567890123456789\n",
	  -EINVAL,
	  { ":4: ", "gun", "1 to 31 bytes" } },
	{ "[pedal]\nname = x\nkey = KEY_B\nbutton = 1\n",
	  -EINVAL,
	  { ":4: ", "button", "debounce" } },
	{ "[pedal]\nname = x\nkey = KEY_B\nkey = KEY_C\n", -EINVAL, { ":4: ", "key", "twice" } },
	{ "[pedals]\nname = x\nkey = KEY_B\n", -EINVAL, { path, "[pedals]", "no group" } },
	{ "name = x\n[pedal]\nkey = KEY_B\n", -EINVAL, { path, "name", "before any" } },
};

START_TEST(what_is_not_understood_refuses_and_says_where_and_what_was_expected)
{
	char error[CONF_TEXT_MAX] = "";
	struct pedal_config config, untouched;
	int r;

	memset(&config, 0x5a, sizeof(config));
	untouched = config;
	put(refused[_i].text);
	r = pedal_config_load(path, &config, error);
	ck_assert_msg(r == refused[_i].error, "%d: %s", r, error);
	for (int i = 0; i < 3; i++)
		ck_assert_msg(strstr(error, refused[_i].words[i]), "%s", error);
	ck_assert_mem_eq(&config, &untouched, sizeof(config));
	ck_assert_int_eq(pedal_config_load(path, &config, NULL), refused[_i].error);
}
END_TEST

START_TEST(the_bounds_of_the_debounce_time_are_allowed)
{
	ck_assert_uint_eq(load("[pedal]\nname = x\nkey = KEY_B\ndebounce = 5 ms\n").debounce_ms, 5);
	ck_assert_uint_eq(load("[pedal]\nname = x\nkey = KEY_B\ndebounce = 0.5 s\n").debounce_ms,
			  500);
}
END_TEST

START_TEST(limits_and_pedal_stand_in_one_file_and_neither_reads_the_others_keys)
{
	const char *const paths[] = { path };
	char error[LIMITS_TEXT_MAX] = "";
	struct pedal_config config;
	struct limits limits;

	put("[pedal]\nname = x\nkey = KEY_B\n[limits]\nshot-volume-soft = 40 uL\n");
	ck_assert_msg(limits_load(paths, 1, &limits, error) == 0, "%s", error);
	ck_assert_uint_eq(limits.shot_nl.soft, 40000);
	put("[limits]\nkey = KEY_B\n");
	ck_assert_int_eq(limits_load(paths, 1, &limits, error), -EINVAL);
	put("[pedal]\nshot-volume-soft = 40 uL\n");
	ck_assert_int_eq(pedal_config_load(path, &config, error), -EINVAL);
}
END_TEST

START_TEST(a_device_is_the_pedal_if_all_that_was_said_agrees)
{
	const struct pedal_config all = load("[pedal]\nname = Foot\nuniq = 7\nvendor = 3553\n"
					     "product = b001\nkey = KEY_B\n");
	const struct pedal_config vendor = load("[pedal]\nvendor = 3553\nkey = KEY_B\n");
	struct pedal_device device = { "Foot", "7", "3553", "b001" };

	ck_assert(pedal_config_matches(&all, &device));
	device.name = "Foot ";
	ck_assert(!pedal_config_matches(&all, &device));
	ck_assert(pedal_config_matches(&vendor, &device));
	device = (struct pedal_device){ "Foot", NULL, "3553", "b001" };
	ck_assert(!pedal_config_matches(&all, &device));
	ck_assert(pedal_config_matches(&vendor, &device));
	device = (struct pedal_device){ "Foot", "7", "3554", "b001" };
	ck_assert(!pedal_config_matches(&all, &device));
	ck_assert(!pedal_config_matches(&vendor, &device));
	device = (struct pedal_device){ "Foot", "7", "3553", NULL };
	ck_assert(!pedal_config_matches(&all, &device));
	ck_assert(!pedal_config_matches(&vendor, &(struct pedal_device){ 0 }));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pedal_config");
	TCase *t = tcase_create("file");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, all_that_can_be_said_of_a_pedal_is_understood);
	tcase_add_test(t, what_is_not_said_has_its_default);
	tcase_add_test(t, without_the_group_or_a_key_in_it_there_is_no_pedal);
	tcase_add_test(t, the_sample_is_in_order);
	tcase_add_loop_test(t, what_is_not_understood_refuses_and_says_where_and_what_was_expected,
			    0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, the_bounds_of_the_debounce_time_are_allowed);
	tcase_add_test(t, limits_and_pedal_stand_in_one_file_and_neither_reads_the_others_keys);
	tcase_add_test(t, a_device_is_the_pedal_if_all_that_was_said_agrees);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
