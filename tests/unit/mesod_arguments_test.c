// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every method that the daemon says it has, called wrongly: other types, nothing,
 * too much, unknown keys.  Each is refused with an error of ours and a sentence,
 * nothing arms, and the daemon lives.  The methods are found by introspection, so
 * that a new one is tested when it is there.
 */
#include <check.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "mesod_fixture.h"

#define OURS "org.mesod1.Error."

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
	mesod_fixture_open_session(&f);
	mesod_fixture_load(&f);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

/* ---- the methods there are ------------------------------------------------------------- */

struct method {
	char path[96];
	char interface[40];
	char member[40];
	char signature[32];
};

/* Text of attribute @name in the tag that begins at @tag, or "". */
static void attribute(const char *tag, const char *name, char *buf, size_t size)
{
	const char *end = strchr(tag, '>'), *at = strstr(tag, name);

	*buf = '\0';
	if (!at || !end || at > end)
		return;
	at += strlen(name) + 2;
	snprintf(buf, size, "%.*s", (int)strcspn(at, "\""), at);
}

/* The input arguments of the method whose tag ends before @at. */
static void read_signature(const char *at, char *signature, size_t size)
{
	*signature = '\0';
	for (const char *tag = strstr(at, "<"); tag && strncmp(tag, "<arg", 4) == 0;
	     tag = strstr(tag + 1, "<")) {
		char type[32], direction[8];

		attribute(tag, " type", type, sizeof(type));
		attribute(tag, " direction", direction, sizeof(direction));
		if (strcmp(direction, "in") == 0)
			snprintf(signature + strlen(signature), size - strlen(signature), "%s",
				 type);
	}
}

static size_t introspect(const char *path, struct method *methods, size_t n, size_t max)
{
	sd_bus_message *reply = NULL;
	char interface[40] = "";
	const char *xml;

	ck_assert_int_ge(sd_bus_call_method(f.bus, "org.mesod1", path,
					    "org.freedesktop.DBus.Introspectable", "Introspect",
					    NULL, &reply, ""),
			 0);
	ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &xml), 0);
	for (const char *tag = strchr(xml, '<'); tag; tag = strchr(tag + 1, '<')) {
		if (strncmp(tag, "<interface", 10) == 0)
			attribute(tag, " name", interface, sizeof(interface));
		if (strncmp(tag, "<method", 7) != 0 || strncmp(interface, "org.mesod1.", 11) != 0)
			continue;
		ck_assert_uint_lt(n, max);
		snprintf(methods[n].path, sizeof(methods[n].path), "%s", path);
		snprintf(methods[n].interface, sizeof(methods[n].interface), "%s", interface);
		attribute(tag, " name", methods[n].member, sizeof(methods[n].member));
		read_signature(strchr(tag, '>'), methods[n].signature,
			       sizeof(methods[n].signature));
		n++;
	}
	sd_bus_message_unref(reply);
	return n;
}

static size_t all_methods(struct method *methods, size_t max)
{
	size_t n = introspect(ROOT, methods, 0, max);

	n = introspect(f.gun_path, methods, n, max);
	return introspect(f.session, methods, n, max);
}

/* ---- calling them --------------------------------------------------------------------------- */

static sd_bus_message *new_call(const struct method *method)
{
	sd_bus_message *call = NULL;

	ck_assert_int_ge(sd_bus_message_new_method_call(f.bus, &call, "org.mesod1", method->path,
							method->interface, method->member),
			 0);
	return call;
}

/* Sends it; true if it was refused by an error of ours with a sentence. */
static bool refused(sd_bus_message *call, const char *member)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(f.bus, call, 0, &error, NULL);
	bool ours =
		r < 0 && strncmp(error.name, OURS, strlen(OURS)) == 0 && strlen(error.message) > 8;

	if (r < 0 && !ours)
		fprintf(stderr, "%s: %s: %s\n", member, error.name, error.message);
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
	return ours;
}

static void assert_unharmed(void)
{
	struct meso_truth truth;

	ck_assert(mesod_fixture_daemon_lives(&f));
	gun_fixture_truth(&f.gun, &truth);
	ck_assert_uint_eq(truth.armed_ns, 0);
}

START_TEST(every_method_refuses_another_signature)
{
	static const char *const wrong[] = { "y",    "b",      "as",      "v", "a{sv}",
					     "(ss)", "ayayay", "sssssss", "ut" };
	struct method methods[64];
	const size_t n = all_methods(methods, 64);

	ck_assert_uint_ge(n, 26);
	for (size_t i = 0; i < n; i++) {
		for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++) {
			sd_bus_message *call = new_call(&methods[i]);
			int r = 0;

			if (strcmp(wrong[w], methods[i].signature) == 0) {
				sd_bus_message_unref(call);
				continue;
			}
			switch (w) {
			case 0:
				r = sd_bus_message_append(call, "y", 1);
				break;
			case 1:
				r = sd_bus_message_append(call, "b", 1);
				break;
			case 2:
				r = sd_bus_message_append(call, "as", 1, "x");
				break;
			case 3:
				r = sd_bus_message_append(call, "v", "s", "x");
				break;
			case 4:
				r = sd_bus_message_append(call, "a{sv}", 0);
				break;
			case 5:
				r = sd_bus_message_append(call, "(ss)", "x", "y");
				break;
			case 6:
				r = sd_bus_message_append(call, "ayayay", 0, 0, 0);
				break;
			case 7:
				r = sd_bus_message_append(call, "sssssss", "", "", "", "", "", "",
							  "");
				break;
			case 8:
				r = sd_bus_message_append(call, "ut", 1u, (uint64_t)1);
				break;
			default:
				break;
			}
			ck_assert_int_ge(r, 0);
			ck_assert_msg(refused(call, methods[i].member), "%s took '%s'",
				      methods[i].member, wrong[w]);
		}
		if (*methods[i].signature)
			ck_assert_msg(refused(new_call(&methods[i]), methods[i].member),
				      "%s took nothing", methods[i].member);
	}
	assert_unharmed();
}
END_TEST

/* One argument of each type: 0 empty, 1 huge, 2 odd. */
static void append_value(sd_bus_message *call, char type, int variant, const char *huge)
{
	static const char *const texts[] = { "", NULL, "\001\n\t; DROP TABLE patient" };
	static const uint64_t numbers[] = { 0, UINT64_MAX, 4242424242u };
	const char *text = variant == 1 ? huge : texts[variant];
	uint64_t wide = numbers[variant];
	uint32_t narrow = (uint32_t)wide;

	switch (type) {
	case 's':
		ck_assert_int_ge(sd_bus_message_append_basic(call, 's', text), 0);
		break;
	case 'o':
		ck_assert_int_ge(sd_bus_message_append_basic(
					 call, 'o', variant ? "/org/mesod1/gun/none" : "/"),
				 0);
		break;
	case 'x':
		ck_assert_int_ge(sd_bus_message_append_basic(call, 'x', &wide), 0);
		break;
	case 'b':
		ck_assert_int_ge(sd_bus_message_append_basic(call, 'b', &(int){ variant == 1 }), 0);
		break;
	case 'u':
		ck_assert_int_ge(sd_bus_message_append_basic(call, 'u', &narrow), 0);
		break;
	case 't':
		ck_assert_int_ge(sd_bus_message_append_basic(call, 't', &wide), 0);
		break;
	default:
		ck_abort_msg("a type that this test does not know: %c", type);
	}
}

static void append_arguments(sd_bus_message *call, const char *signature, int variant,
			     const char *huge)
{
	for (const char *s = signature; *s; s++) {
		if (strncmp(s, "a{sv}", 5) == 0) {
			if (variant == 0)
				ck_assert_int_ge(sd_bus_message_append(call, "a{sv}", 0), 0);
			else
				ck_assert_int_ge(sd_bus_message_append(call, "a{sv}", 1,
								       variant == 1 ? huge
										    : "unheard-of",
								       "t", UINT64_MAX),
						 0);
			s += 4;
		} else if (strncmp(s, "as", 2) == 0) {
			if (variant == 0)
				ck_assert_int_ge(sd_bus_message_append(call, "as", 0), 0);
			else
				ck_assert_int_ge(
					sd_bus_message_append(call, "as", 2, huge, "nothing"), 0);
			s += 1;
		} else {
			append_value(call, *s, variant, huge);
		}
	}
}

START_TEST(every_method_refuses_empty_huge_and_odd_arguments)
{
	struct method methods[64];
	const size_t n = all_methods(methods, 64);
	char *huge = malloc(1000001);

	memset(huge, 'x', 1000000);
	huge[1000000] = '\0';
	for (size_t i = 0; i < n; i++)
		for (int variant = 0; *methods[i].signature && variant < 3; variant++) {
			sd_bus_message *call = new_call(&methods[i]);

			append_arguments(call, methods[i].signature, variant, huge);
			ck_assert_msg(refused(call, methods[i].member), "%s took variant %d",
				      methods[i].member, variant);
		}
	free(huge);
	assert_unharmed();
}
END_TEST

static const struct {
	const char *key;
	const char *type;
	uint32_t number;
	const char *text;
} bad_requests[] = {
	{ "dose_nl", "u", 0, NULL },
	{ "dose_nl", "u", 999, NULL },
	{ "dose_nl", "u", 20050, NULL },
	{ "dose_nl", "u", 200100, NULL },
	{ "dose_nl", "u", UINT32_MAX, NULL },
	{ "dose_nl", "s", 0, "20000" },
	{ "shots", "u", 0, NULL },
	{ "shots", "u", 257, NULL },
	{ "shots", "u", UINT32_MAX, NULL },
	{ "depth_um", "u", 13001, NULL },
	{ "depth_um", "u", UINT32_MAX, NULL },
	{ "mode", "s", 0, "continuous" },
	{ "mode", "s", 0, "" },
	{ "mode", "u", 1, NULL },
	{ "rate_mhz", "u", 99, NULL },
	{ "rate_mhz", "u", 9001, NULL },
	{ "expiry_ms", "u", 0, NULL },
	{ "expiry_ms", "u", 600001, NULL },
	{ "override", "s", 0, "" },
	{ "area", "s", 0, "\a" },
	{ "area", "s", 0, "" },
	{ "area", "u", 1, NULL },
	{ "area_mm2", "u", 0, NULL },
	{ "area_mm2", "u", 2000001, NULL },
	{ "preparation", "s", 0, FIXTURE_PREPARATION },
	{ "volume", "u", 1, NULL },
};

START_TEST(arm_refuses_each_value_beyond_its_bounds_by_name)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const struct method arm = { .interface = SESSION, .member = "Arm" };
	struct method here = arm;
	sd_bus_message *call;

	snprintf(here.path, sizeof(here.path), "%s", f.session);
	call = new_call(&here);
	ck_assert_int_ge(sd_bus_message_open_container(call, 'a', "{sv}"), 0);
	/* the good ones, but for the bad one, which replaces its like */
	static const char *const keys[] = { "dose_nl", "shots", "depth_um" };
	static const uint32_t values[] = { 20000, 2, 2000 };

	for (int i = 0; i < 3; i++)
		if (strcmp(bad_requests[_i].key, keys[i]) != 0)
			ck_assert_int_ge(
				sd_bus_message_append(call, "{sv}", keys[i], "u", values[i]), 0);
	if (strcmp(bad_requests[_i].key, "area") != 0)
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", "area", "s", FIXTURE_AREA), 0);
	if (bad_requests[_i].text)
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", bad_requests[_i].key, "s",
						       bad_requests[_i].text),
				 0);
	else
		ck_assert_int_ge(sd_bus_message_append(call, "{sv}", bad_requests[_i].key, "u",
						       bad_requests[_i].number),
				 0);
	ck_assert_int_ge(sd_bus_message_close_container(call), 0);
	ck_assert_int_lt(sd_bus_call(f.bus, call, 0, &error, NULL), 0);
	ck_assert_str_eq(error.name, OURS "InvalidArgument");
	/* a product of two bounds is named by what it is */
	ck_assert_msg(strstr(error.message, bad_requests[_i].key) ||
			      strstr(error.message, "volume"),
		      "%s", error.message);
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
	assert_unharmed();
}
END_TEST

START_TEST(a_key_that_is_there_twice_is_refused)
{
	ck_assert_refused(f.bus, "InvalidArgument", f.session, SESSION, "Arm", "a{sv}", 4,
			  "dose_nl", "u", 20000u, "shots", "u", 2u, "depth_um", "u", 2000u, "shots",
			  "u", 3u);
	ck_assert_refused(f.bus, "InvalidArgument", f.session, SESSION, "Load", "a{sv}", 2,
			  "needles", "u", 10u, "preparation", "s", FIXTURE_PREPARATION);
	ck_assert_refused(f.bus, "InvalidArgument", f.session, SESSION, "Load", "a{sv}", 2,
			  "bore_um", "u", 0u, "preparation", "s", FIXTURE_PREPARATION);
	ck_assert_refused(f.bus, "InvalidArgument", f.session, SESSION, "Load", "a{sv}", 1,
			  "preparation", "s", "unheard-of");
	assert_unharmed();
}
END_TEST

START_TEST(arming_before_its_time_is_refused_with_the_reason)
{
	/* loaded, but not primed */
	sd_bus_error error = SD_BUS_ERROR_NULL;

	ck_assert_int_lt(mesod_fixture_try_arm(&f, 20000, 2, 2000, &error), 0);
	ck_assert_str_eq(error.name, OURS "Interlock");
	ck_assert_ptr_nonnull(strstr(error.message, "not primed"));
	sd_bus_error_free(&error);
	/* and a prime against the skin */
	gun_fixture_ask(&f.gun, "hand contact 1");
	gun_fixture_sleep_ms(200);
	ck_assert_refused(f.bus, "Interlock", f.session, SESSION, "Prime", "ua{sv}", 60000u, 1,
			  "area", "s", FIXTURE_AREA);
	gun_fixture_ask(&f.gun, "hand contact 0");
	assert_unharmed();
	ck_assert_refused(f.bus, "NoSuchGun", ROOT "/gun/none", GUN, "GetStatus", "");
	ck_assert_refused(f.bus, "NoSuchSession", ROOT "/session/99", SESSION, "Disarm", "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod arguments");
	TCase *tcase = tcase_create("arguments");
	SRunner *runner;
	int failed;

	/* one daemon for the whole table of values */
	tcase_add_unchecked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, every_method_refuses_another_signature);
	tcase_add_test(tcase, every_method_refuses_empty_huge_and_odd_arguments);
	tcase_add_loop_test(tcase, arm_refuses_each_value_beyond_its_bounds_by_name, 0,
			    (int)(sizeof(bad_requests) / sizeof(bad_requests[0])));
	tcase_add_test(tcase, a_key_that_is_there_twice_is_refused);
	tcase_add_test(tcase, arming_before_its_time_is_refused_with_the_reason);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
