// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is behind a name on the bus: asked on a real bus, once, and ahead while that is wanted.
 */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "callers.h"
#include "mesod_fixture.h"

#define LIMIT_MS 2000

static struct mesod_fixture f;
static struct callers *callers;
static sd_bus *bus;

static struct {
	unsigned int n;
	char name[64];
	int r;
	uint32_t uid;
} told;

static void on_told(void *userdata, const char *name, int r, uint32_t uid)
{
	ck_assert_ptr_eq(userdata, &f);
	told.n++;
	snprintf(told.name, sizeof(told.name), "%s", name);
	told.r = r;
	told.uid = uid;
}

static void setup(void)
{
	mesod_fixture_start_bare(&f, NULL, NULL);
	memset(&told, 0, sizeof(told));
	bus = mesod_fixture_connect(&f);
	ck_assert_int_eq(callers_new(bus, on_told, &f, &callers), 0);
}

static void teardown(void)
{
	callers = callers_free(callers);
	mesod_fixture_stop(&f);
}

static const char *name_of(sd_bus *client)
{
	const char *name;

	ck_assert_int_ge(sd_bus_get_unique_name(client, &name), 0);
	return name;
}

static bool is_known(const char *name)
{
	uint32_t uid = UINT32_MAX;
	const bool known = callers_find(callers, name, &uid);

	ck_assert_uint_eq(uid, known ? getuid() : UINT32_MAX);
	return known;
}

/* All that the bus has to say by now. */
static void hear(void)
{
	ck_assert_int_ge(sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
					    "org.freedesktop.DBus", "GetId", NULL, NULL, ""),
			 0);
	while (sd_bus_process(bus, NULL) > 0)
		;
}

static void hear_until_known(const char *name)
{
	for (int64_t until = gun_fixture_now_ms() + LIMIT_MS; !is_known(name);) {
		hear();
		ck_assert_msg(gun_fixture_now_ms() < until, "%s is not known", name);
	}
}

START_TEST(a_name_that_is_asked_about_twice_at_once_is_asked_about_once_and_remembered)
{
	sd_bus *client = mesod_fixture_connect(&f);
	const char *name = name_of(client);

	ck_assert(!is_known(name));
	ck_assert_int_eq(callers_ask(callers, name), 0);
	ck_assert_int_eq(callers_ask(callers, name), 0);
	hear_until_known(name);
	hear();
	ck_assert_uint_eq(told.n, 1);
	ck_assert_str_eq(told.name, name);
	ck_assert_int_ge(told.r, 0);
	ck_assert_uint_eq(told.uid, getuid());
	sd_bus_close_unref(client);
}
END_TEST

START_TEST(of_a_name_that_nobody_has_an_error_is_told_and_nothing_remembered)
{
	uint32_t uid;

	ck_assert_int_eq(callers_ask(callers, ":1.4242"), 0);
	for (int64_t until = gun_fixture_now_ms() + LIMIT_MS;
	     !told.n && gun_fixture_now_ms() < until;)
		hear();
	ck_assert_uint_eq(told.n, 1);
	ck_assert_str_eq(told.name, ":1.4242");
	ck_assert_int_lt(told.r, 0);
	ck_assert(!callers_find(callers, ":1.4242", &uid));
}
END_TEST

START_TEST(who_is_there_and_who_comes_is_known_before_it_calls_while_that_is_watched)
{
	sd_bus *before = mesod_fixture_connect(&f), *after;

	callers_watch(callers, true);
	hear_until_known(name_of(before));
	after = mesod_fixture_connect(&f);
	hear_until_known(name_of(after));
	sd_bus_close_unref(before);
	sd_bus_close_unref(after);
}
END_TEST

START_TEST(nobody_is_asked_about_ahead_where_nothing_is_watched)
{
	sd_bus *first = mesod_fixture_connect(&f), *second;

	for (int i = 0; i < 10; i++)
		hear();
	ck_assert(!is_known(name_of(first)));
	callers_watch(callers, true);
	hear_until_known(name_of(first));
	callers_watch(callers, false);
	hear();
	told.n = 0;
	second = mesod_fixture_connect(&f);
	for (int i = 0; i < 10; i++)
		hear();
	ck_assert(!is_known(name_of(second)));
	ck_assert_uint_eq(told.n, 0);
	/* What is known stays so. */
	ck_assert(is_known(name_of(first)));
	sd_bus_close_unref(first);
	sd_bus_close_unref(second);
}
END_TEST

START_TEST(the_oldest_is_forgotten_for_the_newest_and_can_be_asked_about_again)
{
	sd_bus *first = mesod_fixture_connect(&f);

	ck_assert_int_eq(callers_ask(callers, name_of(first)), 0);
	hear_until_known(name_of(first));
	for (int i = 0; i < 256; i++) {
		sd_bus *client = mesod_fixture_connect(&f);

		ck_assert(is_known(name_of(first)));
		ck_assert_int_eq(callers_ask(callers, name_of(client)), 0);
		hear_until_known(name_of(client));
		sd_bus_close_unref(client);
	}
	ck_assert(!is_known(name_of(first)));
	ck_assert_int_eq(callers_ask(callers, name_of(first)), 0);
	hear_until_known(name_of(first));
	sd_bus_close_unref(first);
}
END_TEST

START_TEST(a_lost_connection_is_an_error_of_asking)
{
	sd_bus_close(bus);
	ck_assert_int_lt(callers_ask(callers, ":1.1"), 0);
	callers_watch(callers, true);
	ck_assert_uint_eq(told.n, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("callers");
	TCase *tcase = tcase_create("callers");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
		       a_name_that_is_asked_about_twice_at_once_is_asked_about_once_and_remembered);
	tcase_add_test(tcase, of_a_name_that_nobody_has_an_error_is_told_and_nothing_remembered);
	tcase_add_test(tcase,
		       who_is_there_and_who_comes_is_known_before_it_calls_while_that_is_watched);
	tcase_add_test(tcase, nobody_is_asked_about_ahead_where_nothing_is_watched);
	tcase_add_test(tcase, the_oldest_is_forgotten_for_the_newest_and_can_be_asked_about_again);
	tcase_add_test(tcase, a_lost_connection_is_an_error_of_asking);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
