// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the key's event to FIRE, with a simulated gun: a press is one shot, and
 * what mesod knows to be no gun, two guns or a lease that ends is none.  Judged by
 * the gun's fluid truth, and by what the log says to whoever wonders.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gun.h"
#include "gun_fixture.h"
#include "lease.h"
#include "mesod.h"
#include "pedal.h"
#include "session.h"

static struct gun_fixture fixture;
static struct meso_lease granted;
static struct mesod mesod;
static struct session session;
static struct gun gun, other_gun;
static struct lease *lease, *other_lease;
static struct pedal_judge judge;
static uint64_t shots_before;
static int log_fd;

static void attach(struct gun *to, const char *serial, inj_gun *handle, struct lease **ret)
{
	*to = (struct gun){ .mesod = &mesod, .handle = handle, .session = &session };
	snprintf(to->serial, sizeof(to->serial), "%s", serial);
	ck_assert_int_eq(lease_new(to, granted.id, granted.sequence, MESO_KIND_TREAT, ret), 0);
	ck_assert_int_eq(lease_begin(*ret), 0);
	to->lease = *ret;
	to->next = mesod.guns;
	mesod.guns = to;
}

/* What mesod does when the gun has an event. */
static void look(void)
{
	struct meso_status status;

	ck_assert_int_eq(inj_gun_get_status(gun.handle, &status), 0);
	lease_check(lease, &status);
}

/* A gun that is armed and on the skin, and a pedal that was let go long ago. */
static void set_up(void)
{
	struct meso_config config;
	struct meso_truth truth;
	inj_gun *handle;

	gun_fixture_start(&fixture, NULL);
	gun_fixture_ask(&fixture, "hand syringe 5000000");
	ck_assert_int_eq(inj_gun_open(fixture.uri, 0, &handle), 0);
	gun_fixture_config(&config);
	gun_fixture_prime(&fixture, handle, &config);
	gun_fixture_ask(&fixture, "hand contact 1");
	gun_fixture_lease(handle, MESO_KIND_TREAT, 100000, 5, &granted);
	ck_assert_int_eq(inj_gun_arm(handle, &granted), 0);
	gun_fixture_beat(handle, &granted, 100);

	log_fd = memfd_create("log", MFD_CLOEXEC);
	ck_assert_int_ge(log_fd, 0);
	ck_assert_int_ge(dup2(log_fd, STDERR_FILENO), 0);
	mesod = (struct mesod){ .log = { .max_priority = LOG_NOTICE } };
	ck_assert_int_ge(sd_event_new(&mesod.event), 0);
	session = (struct session){ .mesod = &mesod, .gun = &gun };
	attach(&gun, "SIM-1", handle, &lease);
	look();
	pedal_judge_init(&judge, 30000000);
	pedal_judge_seen(&judge, false, boottime_now_ns() - 1000000000);
	gun_fixture_truth(&fixture, &truth);
	shots_before = truth.shots;
	/* The event's time has microseconds. */
	lease->armed_ns -= 10000;
}

static void tear_down(void)
{
	sd_event_source_disable_unref(gun.retry);
	lease_free(lease);
	lease_free(other_lease);
	sd_event_unref(mesod.event);
	inj_gun_unref(gun.handle);
	gun_fixture_stop(&fixture);
	close(log_fd);
}

static void key(int value)
{
	const uint64_t us = boottime_now_ns() / 1000;

	pedal_fire_by(&mesod, "/dev/input/event7", &judge,
		      &(struct input_event){ .input_event_sec = (time_t)(us / 1000000),
					     .input_event_usec = (suseconds_t)(us % 1000000),
					     .type = EV_KEY,
					     .code = KEY_B,
					     .value = value });
}

/* Held and let go, and a pause that no debounce minds. */
static void tap(void)
{
	key(1);
	gun_fixture_beat(gun.handle, &granted, 20);
	key(0);
	gun_fixture_beat(gun.handle, &granted, 40);
}

static void assert_shots(uint64_t wanted)
{
	struct meso_truth truth;

	gun_fixture_beat(gun.handle, &granted, 400);
	look();
	gun_fixture_truth(&fixture, &truth);
	ck_assert_uint_eq(truth.shots - shots_before, wanted);
}

static void assert_said(const char *words)
{
	char text[4096];
	ssize_t n = pread(log_fd, text, sizeof(text) - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	if (words)
		ck_assert_msg(strstr(text, words) != NULL, "the log says: %s", text);
	else
		ck_assert_str_eq(text, "");
}

START_TEST(a_press_is_one_shot_however_long_it_is_held)
{
	key(1);
	for (int i = 0; i < 5; i++) {
		gun_fixture_beat(gun.handle, &granted, 200);
		key(2);
	}
	assert_shots(1);
	key(0);
	assert_shots(1);
	tap();
	assert_shots(2);
	assert_said(NULL);
}
END_TEST

START_TEST(a_press_while_a_shot_is_under_way_is_none_and_is_not_kept)
{
	tap();
	tap();
	assert_shots(1);
	assert_said(NULL);
}
END_TEST

START_TEST(a_press_off_the_skin_is_none_and_is_not_kept)
{
	gun_fixture_ask(&fixture, "hand contact 0");
	gun_fixture_beat(gun.handle, &granted, 50);
	tap();
	gun_fixture_ask(&fixture, "hand contact 1");
	assert_shots(0);
}
END_TEST

START_TEST(with_two_guns_armed_a_press_fires_neither_and_that_is_said)
{
	attach(&other_gun, "SIM-2", gun.handle, &other_lease);
	tap();
	assert_shots(0);
	assert_said("2 guns are armed");
}
END_TEST

static void set_gun(const char *serial)
{
	snprintf(mesod.pedal.gun, sizeof(mesod.pedal.gun), "%s", serial);
}

START_TEST(a_pedal_that_has_its_gun_fires_that_one_and_no_other)
{
	attach(&other_gun, "SIM-2", gun.handle, &other_lease);
	/* Of a gun that is not reached. */
	memset(other_lease->id, 0x77, sizeof(other_lease->id));
	set_gun("SIM-2");
	tap();
	assert_shots(0);
	set_gun("SIM-3");
	tap();
	assert_shots(0);
	set_gun("SIM-1");
	tap();
	assert_shots(1);
}
END_TEST

enum ending {
	TOLD_TO_STOP,
	LEASE_OVER,
	SESSION_CLOSING,
	OPENER_GONE,
	NO_SESSION,
	DAEMON_ENDS,
	NO_HANDLE,
	ENDINGS
};

START_TEST(a_lease_that_ends_in_any_way_is_no_longer_fired_under)
{
	inj_gun *handle = gun.handle;

	switch ((enum ending)_i) {
	case TOLD_TO_STOP:
		lease->heartbeat = sd_event_source_disable_unref(lease->heartbeat);
		break;
	case LEASE_OVER:
		lease->stage = LEASE_CLOSING;
		break;
	case SESSION_CLOSING:
		session.closing = true;
		break;
	case OPENER_GONE:
		session.lease_fd = -1;
		break;
	case NO_SESSION:
		gun.session = NULL;
		break;
	case DAEMON_ENDS:
		mesod.stopping = true;
		break;
	case NO_HANDLE:
		gun.handle = NULL;
		break;
	case ENDINGS:
		break;
	}
	key(1);
	gun.handle = handle;
	assert_shots(0);
}
END_TEST

START_TEST(a_lease_that_the_gun_ended_is_not_fired_under)
{
	ck_assert_int_eq(inj_gun_disarm(gun.handle), 0);
	key(1);
	gun_fixture_sleep_ms(400);
	assert_shots(0);
}
END_TEST

START_TEST(a_shot_that_mesod_has_not_seen_counted_is_not_fired_after)
{
	tap();
	gun_fixture_beat(gun.handle, &granted, 400);
	tap();
	assert_shots(1);
	tap();
	assert_shots(2);
}
END_TEST

START_TEST(another_lease_in_the_gun_is_not_fired_under)
{
	lease->id[0] ^= 1;
	tap();
	assert_shots(0);
}
END_TEST

START_TEST(an_answer_that_does_not_come_is_told_and_not_asked_for_again)
{
	struct meso_truth truth;

	gun_fixture_signal(&fixture, SIGSTOP);
	key(1);
	key(2);
	key(0);
	assert_said("it is not asked for again");
	gun_fixture_signal(&fixture, SIGCONT);
	gun_fixture_beat(gun.handle, &granted, 300);
	/* Late, or too late for the lease: but never two. */
	gun_fixture_sleep_ms(500);
	gun_fixture_truth(&fixture, &truth);
	ck_assert_uint_le(truth.shots - shots_before, 1);
}
END_TEST

START_TEST(a_press_that_is_read_late_is_said)
{
	const uint64_t us = boottime_now_ns() / 1000;

	gun_fixture_beat(gun.handle, &granted, 60);
	pedal_fire_by(&mesod, "/dev/input/event7", &judge,
		      &(struct input_event){ .input_event_sec = (time_t)(us / 1000000),
					     .input_event_usec = (suseconds_t)(us % 1000000),
					     .value = 1 });
	assert_shots(0);
	assert_said("/dev/input/event7: a press is dropped: it was read too late");
}
END_TEST

START_TEST(a_press_from_before_arm_fires_nothing)
{
	lease->armed_ns = boottime_now_ns() + 20000000;
	key(1);
	gun_fixture_beat(gun.handle, &granted, 50);
	key(2);
	assert_shots(0);
	key(0);
	gun_fixture_beat(gun.handle, &granted, 40);
	tap();
	assert_shots(1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pedal_fire");
	TCase *t = tcase_create("fire");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_press_is_one_shot_however_long_it_is_held);
	tcase_add_test(t, a_press_while_a_shot_is_under_way_is_none_and_is_not_kept);
	tcase_add_test(t, a_press_off_the_skin_is_none_and_is_not_kept);
	tcase_add_test(t, with_two_guns_armed_a_press_fires_neither_and_that_is_said);
	tcase_add_test(t, a_pedal_that_has_its_gun_fires_that_one_and_no_other);
	tcase_add_loop_test(t, a_lease_that_ends_in_any_way_is_no_longer_fired_under, 0, ENDINGS);
	tcase_add_test(t, a_lease_that_the_gun_ended_is_not_fired_under);
	tcase_add_test(t, a_shot_that_mesod_has_not_seen_counted_is_not_fired_after);
	tcase_add_test(t, another_lease_in_the_gun_is_not_fired_under);
	tcase_add_test(t, an_answer_that_does_not_come_is_told_and_not_asked_for_again);
	tcase_add_test(t, a_press_that_is_read_late_is_said);
	tcase_add_test(t, a_press_from_before_arm_fires_nothing);
	suite_add_tcase(suite, t);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
