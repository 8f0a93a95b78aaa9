// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mesod tells those who look: watchers and streams, bounded, never waited
 * for.
 */
#include <check.h>
#include <fcntl.h>
#include <meso_stream.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mesod_fixture.h"

static struct mesod_fixture f;

static void setup(void)
{
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

START_TEST(telemetry_goes_to_who_watches_ten_times_a_second_at_most)
{
	ck_assert_int_ge(mesod_call(f.bus, f.gun_path, GUN, "Watch", NULL, NULL, ""), 0);
	ck_assert_int_ge(mesod_call(f.bus, f.gun_path, GUN, "Watch", NULL, NULL, ""), 0);
	mesod_fixture_process_for(&f, 1050);
	ck_assert_uint_ge(f.telemetry, 5);
	ck_assert_uint_le(f.telemetry, 11);
	ck_assert_int_ge(mesod_call(f.bus, f.gun_path, GUN, "Unwatch", NULL, NULL, ""), 0);
	mesod_fixture_process(&f);
	f.telemetry = 0;
	mesod_fixture_process_for(&f, 300);
	ck_assert_uint_eq(f.telemetry, 0);
}
END_TEST

START_TEST(watchers_and_streams_are_bounded_and_given_back)
{
	sd_bus *clients[65];
	int streams[4];

	for (int i = 0; i < 64; i++) {
		clients[i] = mesod_fixture_connect(&f);
		ck_assert_int_ge(mesod_call(clients[i], f.gun_path, GUN, "Watch", NULL, NULL, ""),
				 0);
	}
	clients[64] = mesod_fixture_connect(&f);
	ck_assert_refused(clients[64], "Limit", f.gun_path, GUN, "Watch", "");
	for (int i = 0; i < 64; i++)
		sd_bus_close_unref(clients[i]);
	gun_fixture_sleep_ms(50);
	ck_assert_int_ge(mesod_call(clients[64], f.gun_path, GUN, "Watch", NULL, NULL, ""), 0);
	sd_bus_close_unref(clients[64]);

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++) {
			sd_bus_message *reply = NULL;
			int fd;

			ck_assert_int_ge(mesod_call(f.bus, f.gun_path, GUN, "OpenStream", NULL,
						    &reply, ""),
					 0);
			ck_assert_int_ge(sd_bus_message_read_basic(reply, 'h', &fd), 0);
			streams[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
			sd_bus_message_unref(reply);
		}
		ck_assert_refused(f.bus, "Limit", f.gun_path, GUN, "OpenStream", "");
		for (int i = 0; i < 4; i++)
			close(streams[i]);
		gun_fixture_sleep_ms(50);
	}
}
END_TEST

START_TEST(a_stream_has_every_frame_while_armed_and_counts_what_a_slow_reader_lost)
{
	struct meso_stream_frame frame;
	sd_bus_message *reply = NULL;
	uint64_t last = 0, frames = 0, armed = 0;
	int fd, r;

	mesod_fixture_ready_to_arm(&f);
	ck_assert_int_ge(mesod_call(f.bus, f.gun_path, GUN, "OpenStream", NULL, &reply, ""), 0);
	ck_assert_int_ge(sd_bus_message_read_basic(reply, 'h', &r), 0);
	fd = fcntl(r, F_DUPFD_CLOEXEC, 3);
	sd_bus_message_unref(reply);
	mesod_fixture_arm(&f, 20000, 5);
	for (const int64_t until = gun_fixture_now_ms() + 500; gun_fixture_now_ms() < until;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, 20) <= 0)
			continue;
		ck_assert_int_eq((int)recv(fd, &frame, sizeof(frame), 0), (int)sizeof(frame));
		ck_assert_uint_eq(frame.version, MESO_STREAM_VERSION);
		ck_assert_uint_eq(frame.seq - frame.dropped, ++frames);
		ck_assert_uint_gt(frame.seq, last);
		last = frame.seq;
		armed += frame.state == MESO_STATE_ARMED;
	}
	ck_assert_uint_ge(armed, 200); /* a busy machine may lose some of its 500 ticks */
	/* not read for a while: counted, and nobody waited for us */
	gun_fixture_sleep_ms(2500);
	for (const int64_t until = gun_fixture_now_ms() + 2000;
	     !frame.dropped && gun_fixture_now_ms() < until;)
		recv(fd, &frame, sizeof(frame), MSG_DONTWAIT);
	ck_assert_uint_gt(frame.dropped, 0);
	ck_assert_int_ge(mesod_call(f.bus, f.session, SESSION, "Disarm", NULL, NULL, ""), 0);
	close(fd);
}
END_TEST

START_TEST(a_stream_of_a_frozen_gun_is_refused_at_once)
{
	int64_t began_ms;

	mesod_fixture_wait_reconciled(&f);
	gun_fixture_signal(&f.gun, SIGSTOP);
	gun_fixture_sleep_ms(400);
	began_ms = gun_fixture_now_ms();
	ck_assert_refused(f.bus, "Timeout", f.gun_path, GUN, "OpenStream", "");
	ck_assert_int_lt(gun_fixture_now_ms() - began_ms, 200);
	gun_fixture_signal(&f.gun, SIGCONT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod telemetry");
	TCase *tcase = tcase_create("telemetry");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, telemetry_goes_to_who_watches_ten_times_a_second_at_most);
	tcase_add_test(tcase, watchers_and_streams_are_bounded_and_given_back);
	tcase_add_test(tcase,
		       a_stream_has_every_frame_while_armed_and_counts_what_a_slow_reader_lost);
	tcase_add_test(tcase, a_stream_of_a_frozen_gun_is_refused_at_once);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
