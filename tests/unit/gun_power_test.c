// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A meso-gun that is killed is a gun that lost its power: whatever instant that
 * was, what is on record afterwards is at least what left the needle.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gun_fixture.h"
#include "memory.h"
#include "truth.h"

static struct gun_fixture gun;

static void set_up(void)
{
	gun_fixture_start(&gun, NULL);
}

static void tear_down(void)
{
	gun_fixture_stop(&gun);
}

static uint64_t worst_nl(const struct meso_shot *shot)
{
	uint32_t nl =
		shot->reported_nl > shot->displaced_nl ? shot->reported_nl : shot->displaced_nl;

	return nl > shot->displaced2_nl ? nl : shot->displaced2_nl;
}

/* Everything on record, read by a fresh controller. */
static uint64_t recorded_nl(inj_gun *handle, struct meso_shot *ret_last)
{
	struct meso_shot shots[256];
	uint64_t sum = 0;
	int count;

	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	count = inj_gun_get_shots(handle, 0, shots, 256, NULL);
	ck_assert_int_ge(count, 0);
	for (int i = 0; i < count; i++) {
		ck_assert_uint_eq(shots[i].number, (uint64_t)i + 1);
		sum += worst_nl(&shots[i]);
	}
	if (count)
		*ret_last = shots[count - 1];
	return sum;
}

START_TEST(power_lost_at_any_instant_of_a_shot_leaves_no_delivery_unrecorded)
{
	struct meso_info before, after;
	struct meso_config config;
	struct meso_lease lease;
	struct meso_shot last = { 0 };
	struct meso_truth truth;
	struct meso_status status;
	inj_gun *handle;
	uint64_t sum_nl;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_get_info(handle, &before), 0);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	gun_fixture_config(&config);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	gun_fixture_lease(handle, MESO_KIND_PRIME, 100000, 5, &lease);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	gun_fixture_beat(handle, &lease, 5);
	gun_fixture_ask(&gun, "hand trigger 1");
	gun_fixture_beat(handle, &lease, 15 * _i);
	gun_fixture_signal(&gun, SIGKILL);
	inj_gun_unref(handle);

	gun_fixture_restart(&gun, NULL);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	gun_fixture_wait_idle(handle);
	ck_assert_int_eq(inj_gun_get_info(handle, &after), 0);
	ck_assert_uint_eq(after.epoch, before.epoch);
	ck_assert_uint_ne(after.boot_id, before.boot_id);
	ck_assert_uint_eq(after.last_sequence, lease.sequence);
	sum_nl = recorded_nl(handle, &last);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.armed, 0);
	ck_assert_msg(truth.delivered_fl + truth.stored_fl <= sum_nl * 1000000,
		      "%llu fl left the needle or will, %llu nl on record",
		      (unsigned long long)(truth.delivered_fl + truth.stored_fl),
		      (unsigned long long)sum_nl);
	/* between the start of the plunger and the record nobody knows */
	if (status.shot_count && last.result != MESO_SHOT_COMPLETE) {
		ck_assert_uint_eq(last.result, MESO_SHOT_UNKNOWN);
		ck_assert_uint_ge(worst_nl(&last), config.dose_nl);
	}
	if (_i == 2) /* 30 ms into 100 ms */
		ck_assert_uint_eq(last.result, MESO_SHOT_UNKNOWN);
	inj_gun_unref(handle);
}
END_TEST

START_TEST(a_lease_does_not_survive_a_power_loss_nor_does_its_replay)
{
	struct meso_config config;
	struct meso_lease lease;
	struct meso_truth truth;
	inj_gun *handle;
	struct meso_info info;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	gun_fixture_config(&config);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	gun_fixture_lease(handle, MESO_KIND_PRIME, 100000, 5, &lease);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	gun_fixture_signal(&gun, SIGKILL);
	inj_gun_unref(handle);
	gun_fixture_restart(&gun, NULL);
	gun_fixture_truth(&gun, &truth); /* at once: nothing has to run out first */
	ck_assert_uint_eq(truth.armed, 0);
	ck_assert_uint_eq(truth.moving, 0);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -ESTALE); /* another boot */
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	lease.boot_id = info.boot_id;
	ck_assert_int_eq(inj_gun_arm(handle, &lease), -ESTALE); /* a used sequence */
	ck_assert_int_eq(inj_gun_heartbeat(handle, lease.id), -ESTALE);
	inj_gun_unref(handle);
}
END_TEST

START_TEST(without_a_power_loss_the_gun_goes_on_where_it_was)
{
	static const char *const keep[] = { "--no-power-loss", NULL };
	struct meso_info before, after;
	struct meso_truth truth_before, truth;
	struct meso_config config;
	inj_gun *handle;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_get_info(handle, &before), 0);
	gun_fixture_config(&config);
	gun_fixture_prime(&gun, handle, &config);
	gun_fixture_truth(&gun, &truth_before);
	gun_fixture_signal(&gun, SIGKILL);
	inj_gun_unref(handle);
	gun_fixture_restart(&gun, keep);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_get_info(handle, &after), 0);
	ck_assert_uint_eq(after.boot_id, before.boot_id);
	ck_assert_uint_eq(after.epoch, before.epoch);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_ge(truth.delivered_fl, truth_before.delivered_fl);
	ck_assert_uint_le(truth.delivered_fl, truth_before.delivered_fl + truth_before.stored_fl);
	ck_assert_int_eq(truth.plunger_nm, truth_before.plunger_nm);
	inj_gun_unref(handle);
}
END_TEST

START_TEST(what_leaves_the_needle_is_never_taken_back_by_a_restart)
{
	struct meso_truth before, after;
	struct meso_config config;
	inj_gun *handle;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	gun_fixture_config(&config);
	gun_fixture_prime(&gun, handle, &config);
	inj_gun_unref(handle);
	for (int i = 0; i < 5; i++) {
		gun_fixture_signal(&gun, SIGKILL);
		gun_fixture_truth(&gun, &before);
		gun_fixture_restart(&gun, NULL);
		gun_fixture_truth(&gun, &after);
		ck_assert_uint_ge(after.delivered_fl, before.delivered_fl);
		ck_assert_uint_le(after.delivered_fl, before.delivered_fl + before.stored_fl);
		ck_assert_uint_ge(after.shots, before.shots);
		ck_assert_uint_ge(after.armed_ns, before.armed_ns);
		ck_assert_uint_ge(after.max_beyond_lease_fl, before.max_beyond_lease_fl);
	}
}
END_TEST

/* ---- the memory's file ------------------------------------------------------------------ */

START_TEST(two_processes_never_share_a_memory)
{
	struct gun_fixture second = gun;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct mg_memory memory;

		_exit(mg_memory_open(&memory, second.memory) == -EBUSY ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_torn_write_leaves_the_memory_as_it_was_before)
{
	char path[128];
	struct meso_nvram nv, back;
	struct mg_memory memory;
	off_t size;
	int fd;

	snprintf(path, sizeof(path), "%s/own-memory", gun.dir);
	memset(&nv, 0, sizeof(nv));
	ck_assert_int_eq(mg_memory_open(&memory, path), 0);
	ck_assert_int_eq(mg_memory_load(&memory, &back), 0);
	for (uint64_t i = 1; i <= 5; i++) {
		nv.head.shot_count = i;
		ck_assert_int_eq(mg_memory_store(&memory, &nv), 0);
	}
	size = lseek(memory.fd, 0, SEEK_END);
	mg_memory_close(&memory);

	/* the fifth write stopped somewhere: the fourth is found, at every place of the tear */
	for (off_t at = 0; at < size / 2; at += 997) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(mg_memory_open(&memory, path), 0);
		ck_assert_int_eq(mg_memory_load(&memory, &back), 1);
		ck_assert_uint_eq(back.head.shot_count, 5);
		/* generation 5 is odd: the second slot */
		char old, torn;

		ck_assert_int_eq(pread(fd, &old, 1, size / 2 + at), 1);
		torn = (char)(old ^ 0x41);
		ck_assert_int_eq(pwrite(fd, &torn, 1, size / 2 + at), 1);
		ck_assert_int_eq(mg_memory_load(&memory, &back), 1);
		ck_assert_msg(back.head.shot_count == 4, "torn at %lld", (long long)at);
		ck_assert_int_eq(pwrite(fd, &old, 1, size / 2 + at), 1);
		mg_memory_close(&memory);
		close(fd);
	}
}
END_TEST

START_TEST(a_memory_that_broke_is_a_fault_and_a_new_epoch_never_a_new_gun)
{
	struct meso_info before, after;
	struct meso_status status;
	inj_gun *handle;
	struct meso_config config;
	char garbage[200] = "this is no memory";
	int fd;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_get_info(handle, &before), 0);
	gun_fixture_config(&config);
	gun_fixture_prime(&gun, handle, &config); /* so that it was written */
	inj_gun_unref(handle);
	gun_fixture_signal(&gun, SIGKILL);
	fd = open(gun.memory, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	close(fd);
	gun_fixture_restart(&gun, NULL);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_get_info(handle, &after), 0);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_ne(after.epoch, before.epoch);
	ck_assert_uint_eq(status.faults & MESO_FAULT_MEMORY, MESO_FAULT_MEMORY);
	ck_assert_uint_eq(status.state, MESO_STATE_FAULT);
	inj_gun_unref(handle);
}
END_TEST

START_TEST(a_memory_that_cannot_be_written_lets_nothing_move)
{
	struct meso_config config;
	struct meso_lease lease;
	struct meso_truth truth;
	inj_gun *handle;

	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	gun_fixture_config(&config);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	gun_fixture_lease(handle, MESO_KIND_PRIME, 100000, 5, &lease);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	gun_fixture_beat(handle, &lease, 5);
	gun_fixture_ask(&gun, "hand fail_commit 1000");
	gun_fixture_ask(&gun, "hand trigger 1");
	gun_fixture_beat(handle, &lease, 200);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.shots, 0);
	ck_assert_uint_eq(truth.delivered_fl, 0);
	ck_assert_uint_eq(truth.armed, 0);
	inj_gun_unref(handle);
}
END_TEST

START_TEST(the_truth_file_of_something_else_is_refused)
{
	struct meso_truth truth;
	struct mg_truth *file;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/other", gun.dir);
	ck_assert_int_eq(mg_truth_read(path, &truth), -ENOENT);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mg_truth_read(path, &truth), -ENODATA);
	ck_assert_int_eq(pwrite(fd, "x", 1, 9999), 1);
	ck_assert_int_eq(mg_truth_read(path, &truth), -EPROTO);
	ck_assert_int_eq(mg_truth_open(path, 100, &file), -EPROTO);
	close(fd);
	ck_assert_int_eq(mg_truth_read("/dev/null", &truth), -ENODATA);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gun_power");
	TCase *tcase = tcase_create("power");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 20);
	tcase_add_loop_test(
		tcase, power_lost_at_any_instant_of_a_shot_leaves_no_delivery_unrecorded, 0, 14);
	tcase_add_test(tcase, a_lease_does_not_survive_a_power_loss_nor_does_its_replay);
	tcase_add_test(tcase, without_a_power_loss_the_gun_goes_on_where_it_was);
	tcase_add_test(tcase, what_leaves_the_needle_is_never_taken_back_by_a_restart);
	tcase_add_test(tcase, two_processes_never_share_a_memory);
	tcase_add_test(tcase, a_torn_write_leaves_the_memory_as_it_was_before);
	tcase_add_test(tcase, a_memory_that_broke_is_a_fault_and_a_new_epoch_never_a_new_gun);
	tcase_add_test(tcase, a_memory_that_cannot_be_written_lets_nothing_move);
	tcase_add_test(tcase, the_truth_file_of_something_else_is_refused);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
