// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mesoctl makes of words and messages, without a bus: typed values, fields,
 * refusals, exit codes, answers as JSON.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "mesoctl.h"

START_TEST(a_syringe_is_known_by_its_capacity)
{
	static const struct {
		const char *text;
		uint32_t capacity_nl, bore_um;
	} known[] = {
		{ "1 mL", 1000000, 4780 },    { "3 mL", 3000000, 8660 },
		{ "5 mL", 5000000, 12060 },   { "5000 uL", 5000000, 12060 },
		{ "10 mL", 10000000, 14500 },
	};
	char error[INJ_TEXT_MAX];
	struct ctl_syringe syringe;

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		ck_assert(ctl_parse_syringe(known[i].text, &syringe, error));
		ck_assert_uint_eq(syringe.capacity_nl, known[i].capacity_nl);
		ck_assert_uint_eq(syringe.bore_um, known[i].bore_um);
	}
}
END_TEST

START_TEST(an_unknown_syringe_is_refused_with_the_known_ones)
{
	static const char *const wrong[] = { "2 mL", "5", "5 mm", "5,0 mL", "", "-5 mL" };
	struct ctl_syringe syringe = { 1, 2 };
	char error[INJ_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		ck_assert(!ctl_parse_syringe(wrong[i], &syringe, error));
		ck_assert_ptr_nonnull(strstr(error, "expected"));
	}
	ck_assert_uint_eq(syringe.capacity_nl, 1);
}
END_TEST

START_TEST(a_number_is_digits_and_nothing_else)
{
	static const char *const wrong[] = { "",    "-1",  "+1",         " 1",
					     "1 ",  "1.0", "1e3",        "0x",
					     "007", "ten", "4294967296", "99999999999999999999" };
	uint32_t value = 77;

	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		ck_assert_msg(!ctl_parse_number(wrong[i], &value), "\"%s\" was taken", wrong[i]);
	ck_assert_uint_eq(value, 77);
	ck_assert(ctl_parse_number("0", &value));
	ck_assert_uint_eq(value, 0);
	ck_assert(ctl_parse_number("4294967295", &value));
	ck_assert_uint_eq(value, UINT32_MAX);
}
END_TEST

START_TEST(a_date_is_one_of_the_calendar)
{
	static const char *const right[] = { "1980-12-31", "2024-02-29", "2000-02-29",
					     "2025-04-30" };
	static const char *const wrong[] = { "1980-13-01", "1980-00-10",  "2023-02-29",
					     "1900-02-29", "2025-04-31",  "2025-01-00",
					     "80-12-31",   "1980/12/31",  "1980-1-1",
					     "31.12.1980", "1980-12-31 ", "" };

	for (size_t i = 0; i < ARRAY_LENGTH(right); i++)
		ck_assert_msg(ctl_parse_date(right[i]), "%s was refused", right[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		ck_assert_msg(!ctl_parse_date(wrong[i]), "%s was taken", wrong[i]);
}
END_TEST

START_TEST(a_field_is_printed_in_the_unit_of_its_name)
{
	static const struct {
		const char *name;
		int64_t value;
		const char *text;
	} fields[] = {
		{ "dose_nl", 20000, "20 uL" },        { "depth_um", 1500, "1.5 mm" },
		{ "pressure_pa", -1500, "-1.5 kPa" }, { "plunger_nm", 12345678, "12.345678 mm" },
		{ "plunger_nm", 1000000, "1 mm" },    { "plunger-nm", -87500, "-0.0875 mm" },
		{ "age_ns", 1500000, "1.5 ms" },      { "battery_percent", 87, "87 %" },
		{ "battery_mv", 3700, "3.7 V" },      { "temperature_mc", -250, "-0.25 Cel" },
		{ "mass_g", 70000, "70 kg" },         { "shot_count", 12, "12" },
		{ "rate_mhz", 3000, "3 /s" },         { "lease_left_ms", 1500, "1.5 s" },
	};
	char text[INJ_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		ck_assert_str_eq(ctl_format_field(fields[i].name, fields[i].value, text),
				 fields[i].text);
}
END_TEST

START_TEST(a_bound_that_does_not_exist_is_none)
{
	_cleanup_(ctl_json_decrefp) json_t *endless = json_string("0xffffffffffffffff");
	_cleanup_(ctl_json_decrefp) json_t *volume = json_integer(6000000),
					   *shots = json_integer(20);
	_cleanup_(ctl_json_decrefp) json_t *most = json_integer(UINT32_MAX);
	char text[INJ_TEXT_MAX];

	ck_assert_str_eq(ctl_format_unit("nL", endless, text), "none");
	ck_assert_str_eq(ctl_format_unit("nL", volume, text), "6 mL");
	ck_assert_str_eq(ctl_format_unit("shots", shots, text), "20 shots");
	ck_assert_str_eq(ctl_format_unit("shots", most, text), "none");
	ck_assert_str_eq(ctl_format_unit("", shots, text), "-");
}
END_TEST

START_TEST(a_refusal_gives_its_numbers_and_its_sentence)
{
	const char *message =
		"rule=session-volume limit=500 uL spent=400 uL asked=440 uL allowed=60 uL "
		"when=2026-11-21T08:00:00+01:00: the session: has had enough";
	char text[INJ_TEXT_MAX];

	ck_assert(ctl_refusal_field(message, "rule", text, sizeof(text)));
	ck_assert_str_eq(text, "session-volume");
	ck_assert(ctl_refusal_field(message, "limit", text, sizeof(text)));
	ck_assert_str_eq(text, "500 uL");
	ck_assert(ctl_refusal_field(message, "allowed", text, sizeof(text)));
	ck_assert_str_eq(text, "60 uL");
	ck_assert(ctl_refusal_field(message, "when", text, sizeof(text)));
	ck_assert_str_eq(text, "2026-11-21T08:00:00+01:00");
	ck_assert_str_eq(ctl_refusal_sentence(message), "the session: has had enough");
	ck_assert(!ctl_refusal_field(message, "what", text, sizeof(text)));
	message = "rule=substance-24h what=lidocaine limit=300 mg spent=290 mg asked=20 mg "
		  "allowed=10 mg when=never: Too much.";
	ck_assert(ctl_refusal_field(message, "rule", text, sizeof(text)));
	ck_assert_str_eq(text, "substance-24h");
	ck_assert(ctl_refusal_field(message, "what", text, sizeof(text)));
	ck_assert_str_eq(text, "lidocaine");
	ck_assert(ctl_refusal_field(message, "when", text, sizeof(text)));
	ck_assert_str_eq(text, "never");
	ck_assert_str_eq(ctl_refusal_sentence(message), "Too much.");
}
END_TEST

START_TEST(an_ordinary_message_has_no_numbers)
{
	static const char *const messages[] = { "the gun is armed: wait", "", "rule=x",
						"limit=5: rule=x" };
	char text[INJ_TEXT_MAX] = "untouched";

	for (size_t i = 0; i < ARRAY_LENGTH(messages); i++) {
		ck_assert(!ctl_refusal_field(messages[i], "limit", text, sizeof(text)));
		ck_assert_str_eq(ctl_refusal_sentence(messages[i]), messages[i]);
	}
	ck_assert_str_eq(text, "untouched");
}
END_TEST

START_TEST(a_field_longer_than_its_room_is_not_cut)
{
	char text[4] = "abc";

	ck_assert(!ctl_refusal_field("rule=session-volume limit=1 uL: x", "rule", text,
				     sizeof(text)));
	ck_assert_str_eq(text, "abc");
}
END_TEST

START_TEST(each_error_has_its_exit_code)
{
	static const struct {
		const char *name;
		int code;
	} errors[] = {
		{ "org.mesod1.Error.InvalidArgument", 2 },
		{ "org.mesod1.Error.NoSuchPatient", 2 },
		{ "org.mesod1.Error.AlreadyExists", 2 },
		{ "org.mesod1.Error.NoSuchGun", 4 },
		{ "org.mesod1.Error.GunGone", 4 },
		{ "org.mesod1.Error.Denied", 5 },
		{ "org.mesod1.Error.NotOperator", 5 },
		{ "org.mesod1.Error.DoseLimit", 6 },
		{ "org.mesod1.Error.Busy", 7 },
		{ "org.mesod1.Error.Interlock", 7 },
		{ "org.mesod1.Error.Quarantined", 7 },
		{ "org.mesod1.Error.Timeout", 7 },
		{ "org.mesod1.Error.NoSuchSession", 7 },
		{ "org.mesod1.Error.Ledger", 8 },
		{ "org.mesod1.Error.Limit", 1 },
		{ "org.mesod1.Error.NeverHeardOf", 1 },
		{ "org.freedesktop.DBus.Error.ServiceUnknown", 3 },
		{ "org.freedesktop.DBus.Error.NoReply", 3 },
		{ "org.freedesktop.DBus.Error.AccessDenied", 5 },
		{ "org.freedesktop.DBus.Error.UnknownObject", 4 },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		ck_assert_msg((int)ctl_exit_of_error(errors[i].name, -EIO) == errors[i].code, "%s",
			      errors[i].name);
	ck_assert_int_eq(ctl_exit_of_error(NULL, -ECONNREFUSED), 3);
	ck_assert_int_eq(ctl_exit_of_error(NULL, -ETIMEDOUT), 3);
	ck_assert_int_eq(ctl_exit_of_error(NULL, -EACCES), 5);
	ck_assert_int_eq(ctl_exit_of_error(NULL, -ENOMEM), 1);
}
END_TEST

START_TEST(names_are_hidden_unless_asked_for)
{
	_cleanup_(ctl_json_decrefp) json_t *people =
		json_pack("[{s:s,s:s,s:s,s:s,s:s}]", "id", "12", "name", "Ada", "reference", "R-7",
			  "birth_date", "1815-12-10", "licence", "L-1");
	_cleanup_(ctl_json_decrefp) json_t *copy = json_deep_copy(people);
	struct ctl ctl = { 0 };
	char *text;

	ctl_redact(&ctl, people);
	text = json_dumps(people, 0);
	ck_assert_ptr_null(strstr(text, "Ada"));
	ck_assert_ptr_null(strstr(text, "R-7"));
	ck_assert_ptr_null(strstr(text, "1815"));
	ck_assert_ptr_null(strstr(text, "L-1"));
	ck_assert_ptr_nonnull(strstr(text, "12"));
	free(text);
	ctl.show_identifiers = true;
	ctl_redact(&ctl, copy);
	ck_assert_str_eq(ctl_text(json_array_get(copy, 0), "name"), "Ada");
}
END_TEST

START_TEST(a_list_is_joined_and_never_overruns_its_room)
{
	_cleanup_(ctl_json_decrefp) json_t *list =
		json_pack("[s,s,s]", "air", "empty", "occlusion");
	_cleanup_(ctl_json_decrefp) json_t *none = json_array();
	char text[32], small[8];

	ck_assert_str_eq(ctl_join(list, "none", text, sizeof(text)), "air, empty, occlusion");
	ck_assert_str_eq(ctl_join(none, "none", text, sizeof(text)), "none");
	ck_assert_str_eq(ctl_join(NULL, "none", text, sizeof(text)), "none");
	ck_assert_uint_lt(strlen(ctl_join(list, "none", small, sizeof(small))), sizeof(small));
}
END_TEST

/* A message that can be read without a bus: sealed, then rewound. */
static sd_bus_message *message(sd_bus **bus)
{
	sd_bus_message *m = NULL;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_ge(sd_bus_new(bus), 0);
	/* A message wants a bus that has been started, if only towards nowhere. */
	ck_assert_int_ge(sd_bus_set_fd(*bus, fds[0], fds[0]), 0);
	ck_assert_int_ge(sd_bus_start(*bus), 0);
	ck_assert_int_ge(sd_bus_message_new_signal(*bus, &m, "/x", "x.y", "Z"), 0);
	return m;
}

START_TEST(an_answer_becomes_json_whole)
{
	_cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = message(&bus);
	_cleanup_(ctl_json_decrefp) json_t *value = NULL;
	const uint8_t bytes[] = { 0xde, 0xad };

	ck_assert_int_ge(sd_bus_message_open_container(m, 'a', "{sv}"), 0);
	ck_assert_int_ge(sd_bus_message_append(m, "{sv}", "number", "i", -5), 0);
	ck_assert_int_ge(sd_bus_message_append(m, "{sv}", "yes", "b", 1), 0);
	ck_assert_int_ge(
		sd_bus_message_append(m, "{sv}", "boot_id", "t", UINT64_C(0xfedcba9876543210)), 0);
	ck_assert_int_ge(sd_bus_message_append(m, "{sv}", "epoch", "x", INT64_C(-1)), 0);
	ck_assert_int_ge(sd_bus_message_append(m, "{sv}", "endless", "t", UINT64_MAX), 0);
	ck_assert_int_ge(sd_bus_message_append(m, "{sv}", "list", "as", 2, "a", "b"), 0);
	ck_assert_int_ge(sd_bus_message_append(m, "{sv}", "rows", "a(su)", 1, "a", 7), 0);
	ck_assert_int_ge(sd_bus_message_open_container(m, 'e', "sv"), 0);
	ck_assert_int_ge(sd_bus_message_append(m, "s", "lease_id"), 0);
	ck_assert_int_ge(sd_bus_message_open_container(m, 'v', "ay"), 0);
	ck_assert_int_ge(sd_bus_message_append_array(m, 'y', bytes, sizeof(bytes)), 0);
	ck_assert_int_ge(sd_bus_message_close_container(m), 0);
	ck_assert_int_ge(sd_bus_message_close_container(m), 0);
	ck_assert_int_ge(sd_bus_message_close_container(m), 0);
	ck_assert_int_ge(sd_bus_message_seal(m, 1, 0), 0);

	value = ctl_read_json(m);
	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(ctl_number(value, "number"), -5);
	ck_assert(ctl_true(value, "yes"));
	ck_assert_str_eq(ctl_text(value, "boot_id"), "0xfedcba9876543210");
	ck_assert_str_eq(ctl_text(value, "epoch"), "0xffffffffffffffff");
	ck_assert_str_eq(ctl_text(value, "endless"), "0xffffffffffffffff");
	ck_assert_str_eq(ctl_text(value, "lease_id"), "dead");
	ck_assert_uint_eq(json_array_size(json_object_get(value, "list")), 2);
	ck_assert_int_eq(json_integer_value(json_array_get(
				 json_array_get(json_object_get(value, "rows"), 0), 1)),
			 7);
	ck_assert_ptr_null(ctl_read_json(m));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesoctl words");
	TCase *tcase = tcase_create("words");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, a_syringe_is_known_by_its_capacity);
	tcase_add_test(tcase, an_unknown_syringe_is_refused_with_the_known_ones);
	tcase_add_test(tcase, a_number_is_digits_and_nothing_else);
	tcase_add_test(tcase, a_date_is_one_of_the_calendar);
	tcase_add_test(tcase, a_field_is_printed_in_the_unit_of_its_name);
	tcase_add_test(tcase, a_bound_that_does_not_exist_is_none);
	tcase_add_test(tcase, a_refusal_gives_its_numbers_and_its_sentence);
	tcase_add_test(tcase, an_ordinary_message_has_no_numbers);
	tcase_add_test(tcase, a_field_longer_than_its_room_is_not_cut);
	tcase_add_test(tcase, each_error_has_its_exit_code);
	tcase_add_test(tcase, names_are_hidden_unless_asked_for);
	tcase_add_test(tcase, a_list_is_joined_and_never_overruns_its_room);
	tcase_add_test(tcase, an_answer_becomes_json_whole);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
