// SPDX-License-Identifier: GPL-2.0-only
/*
 * The daemon is killed at every step from the reservation to the settlement, and
 * at odd moments in between.
 */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mesod_fixture.h"

#define DEAD_MAN_MS 500

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static void forget_session(void)
{
	if (f.lease_fd >= 0)
		close(f.lease_fd);
	f.lease_fd = -1;
}

/* After a restart: reconciled, nothing outstanding, the ledger is the gun's account. */
static void assert_accounted(void)
{
	struct fixture_patient patient;

	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_patient(&f, &patient);
	ck_assert_uint_eq(patient.outstanding_nl, 0);
}

/* Dies @ms after Arm was called, with the trigger held in repeat mode all the while. */
static void die_at(int ms)
{
	sd_bus_message *call = NULL;

	mesod_fixture_open_session(&f);
	mesod_fixture_load(&f);
	mesod_fixture_prime(&f, 60000);
	gun_fixture_ask(&f.gun, "hand contact 1");
	ck_assert_int_ge(sd_bus_message_new_method_call(f.bus, &call, "org.mesod1", f.session, SESSION,
							"Arm"), 0);
	ck_assert_int_ge(sd_bus_message_append(call, "a{sv}", 5, "dose_nl", "u", 10000u, "shots", "u", 6u,
					       "depth_um", "u", 2000u, "mode", "s", "repeat", "rate_mhz",
					       "u", 5000u), 0);
	ck_assert_int_ge(sd_bus_message_set_expect_reply(call, 0), 0);
	ck_assert_int_ge(sd_bus_send(f.bus, call, NULL), 0);
	sd_bus_message_unref(call);
	sd_bus_flush(f.bus);
	gun_fixture_sleep_ms(ms / 2);
	gun_fixture_ask(&f.gun, "hand trigger 1");
	gun_fixture_sleep_ms(ms - ms / 2);
	mesod_fixture_signal(&f, SIGKILL);
	gun_fixture_wait_disarmed(&f.gun, DEAD_MAN_MS);
	gun_fixture_ask(&f.gun, "hand trigger 0");
	forget_session();
	mesod_fixture_run_daemon(&f);
	assert_accounted();
}

START_TEST(whenever_the_daemon_dies_every_shot_is_recorded_once)
{
	/* from before the reservation to after the settlement: denser where more happens */
	static const int moments[] = { 0, 1, 2, 3, 4, 6, 8, 12, 20, 60, 130, 260, 480, 1200 };

	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		die_at(moments[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod dies");
	TCase *tcase = tcase_create("crash");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 40);
	tcase_add_test(tcase, whenever_the_daemon_dies_every_shot_is_recorded_once);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
