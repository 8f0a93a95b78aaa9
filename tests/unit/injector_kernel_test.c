// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's gun behind the library's handle, with the system calls played by
 * this test: what the kernel says arrives unchanged, and each call may fail.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

/* A device that this test plays */
struct fake {
	int calls;   /* system calls up to now, close not counted */
	int fail_at; /* this one fails, 0: none */
	int fail_with;
	int interrupts; /* so many reads and ioctls are interrupted first */
	mode_t mode;
	int open_fds;
	int open_flags;
	unsigned long last_op;
	int ioctl_error; /* of the last kind of request */
	unsigned char queue[512];
	size_t queued;
	int gone;
	uint32_t journal; /* shot records */
	struct meso_event_config config;
};

static int fails(struct fake *fake)
{
	fake->calls++;
	if (fake->calls != fake->fail_at)
		return 0;
	errno = fake->fail_with;
	return 1;
}

static int fake_open(void *ctx, const char *path, int flags)
{
	struct fake *fake = ctx;

	ck_assert_str_eq(path, "/dev/meso0");
	if (fails(fake))
		return -1;
	fake->open_fds++;
	fake->open_flags = flags;
	return 7;
}

static int fake_fstat(void *ctx, int fd, struct stat *st)
{
	struct fake *fake = ctx;

	ck_assert_int_eq(fd, 7);
	memset(st, 0, sizeof(*st));
	st->st_mode = fake->mode;
	return fails(fake) ? -1 : 0;
}

static void get_shots(struct fake *fake, struct meso_shots *shots)
{
	uint64_t from = shots->from ? shots->from : 1;

	shots->count = 0;
	while (from + shots->count <= fake->journal && shots->count < MESO_SHOTS_MAX) {
		shots->shot[shots->count].number = from + shots->count;
		shots->count++;
	}
	shots->remaining = (uint32_t)(fake->journal - (from + shots->count - 1));
}

static int fake_ioctl(void *ctx, int fd, unsigned long op, void *arg)
{
	struct fake *fake = ctx;

	ck_assert_int_eq(fd, 7);
	if (fake->interrupts > 0) {
		fake->interrupts--;
		errno = EINTR;
		return -1;
	}
	if (fails(fake))
		return -1;
	fake->last_op = op;
	if (fake->ioctl_error && op != MESO_IOC_GET_INFO) {
		errno = fake->ioctl_error;
		return -1;
	}
	switch (op) {
	case MESO_IOC_GET_INFO:
		memset(((struct meso_info *)arg)->serial, 'x', MESO_SERIAL_LEN);
		break;
	case MESO_IOC_GET_STATUS:
		((struct meso_status *)arg)->plunger_nm = 12345;
		break;
	case MESO_IOC_GET_REGISTERS:
		((struct meso_registers *)arg)->count = MESO_REG_COUNT;
		break;
	case MESO_IOC_SET_EVENTS:
		fake->config = *(struct meso_event_config *)arg;
		((struct meso_event_config *)arg)->depth = 128;
		break;
	case MESO_IOC_GET_SHOTS:
		get_shots(fake, arg);
		break;
	default:
		break;
	}
	return 0;
}

static ssize_t fake_read(void *ctx, int fd, void *buf, size_t size)
{
	struct fake *fake = ctx;
	size_t n = fake->queued;

	ck_assert_int_eq(fd, 7);
	ck_assert_uint_ge(size, MESO_EVENT_MAX_SIZE);
	if (fake->interrupts > 0) {
		fake->interrupts--;
		errno = EINTR;
		return -1;
	}
	if (fails(fake))
		return -1;
	if (!n) {
		errno = fake->gone ? ENODEV : EAGAIN;
		return -1;
	}
	memcpy(buf, fake->queue, n);
	fake->queued = 0;
	return (ssize_t)n;
}

static int fake_close(void *ctx, int fd)
{
	struct fake *fake = ctx;

	ck_assert_int_eq(fd, 7);
	fake->open_fds--;
	return 0;
}

static struct fake fake;
static struct inj_sys sys;

static void set_up(void)
{
	fake = (struct fake){ .mode = S_IFCHR, .fail_with = EIO };
	sys = (struct inj_sys){ fake_open, fake_fstat, fake_ioctl, fake_read, fake_close, &fake };
}

static int open_fake(unsigned int flags, inj_gun **ret_gun)
{
	const struct inj_backend *backend;
	void *self;
	int r;

	r = inj_kernel_open(&sys, "/dev/meso0", flags, &backend, &self);
	return r < 0 ? r : inj_gun_new(backend, self, "kernel:/dev/meso0", flags, ret_gun);
}

static void queue_record(uint32_t type, uint32_t size)
{
	struct meso_event event = { .type = type, .size = size };

	memset(fake.queue + fake.queued, 0, size);
	memcpy(fake.queue + fake.queued, &event, sizeof(event));
	fake.queued += size;
}

struct seen {
	int count;
	uint32_t type[16];
	int stop_at;
	int stop_with;
	bool nested;
	bool drop;
};

static int see(inj_gun *gun, const struct meso_event *event, void *userdata)
{
	struct seen *seen = userdata;

	seen->type[seen->count++] = event->type;
	if (seen->nested)
		ck_assert_int_eq(inj_gun_dispatch(gun, see, seen), -EBUSY);
	if (seen->drop)
		inj_gun_unref(gun);
	return seen->count == seen->stop_at ? seen->stop_with : 0;
}

START_TEST(a_gun_is_opened_without_blocking_and_closed_once)
{
	inj_gun *gun = NULL;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	ck_assert_int_eq(fake.open_flags & O_ACCMODE, O_RDWR);
	ck_assert_int_eq(fake.open_flags & (O_NONBLOCK | O_CLOEXEC), O_NONBLOCK | O_CLOEXEC);
	ck_assert_ptr_eq(inj_gun_ref(gun), gun);
	ck_assert_ptr_null(inj_gun_unref(gun));
	ck_assert_int_eq(fake.open_fds, 1);
	ck_assert_int_eq(inj_gun_get_fd(gun), 7);
	ck_assert_str_eq(inj_gun_get_uri(gun), "kernel:/dev/meso0");
	inj_gun_unrefp(&gun);
	ck_assert_ptr_null(gun);
	ck_assert_int_eq(fake.open_fds, 0);
}
END_TEST

START_TEST(looking_only_opens_read_only_and_never_reaches_the_device_with_a_request)
{
	struct meso_config config = { 0 };
	struct meso_lease lease = { 0 };
	uint8_t id[MESO_LEASE_ID_LEN] = { 1 };
	inj_gun *gun;
	int calls;

	ck_assert_int_eq(open_fake(INJ_OPEN_READ_ONLY, &gun), 0);
	ck_assert_int_eq(fake.open_flags & O_ACCMODE, O_RDONLY);
	calls = fake.calls;
	ck_assert_int_eq(inj_gun_acquire(gun), -EPERM);
	ck_assert_int_eq(inj_gun_release(gun), -EPERM);
	ck_assert_int_eq(inj_gun_configure(gun, &config), -EPERM);
	ck_assert_int_eq(inj_gun_arm(gun, &lease), -EPERM);
	ck_assert_int_eq(inj_gun_heartbeat(gun, id), -EPERM);
	ck_assert_int_eq(inj_gun_fire(gun, id, 1), -EPERM);
	ck_assert_int_eq(inj_gun_disarm(gun), -EPERM);
	ck_assert_int_eq(inj_gun_ack_shots(gun, 1, 1), -EPERM);
	ck_assert_int_eq(inj_gun_clear_faults(gun, 1, 1, 1), -EPERM);
	ck_assert_int_eq(fake.calls, calls);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(what_is_not_a_gun_is_refused)
{
	inj_gun *gun = NULL;

	fake.mode = S_IFREG;
	ck_assert_int_eq(open_fake(0, &gun), -ENODEV);
	fake.mode = S_IFCHR;
	fake.calls = 0;
	fake.fail_at = 3;
	fake.fail_with = ENOTTY;
	ck_assert_int_eq(open_fake(0, &gun), -ENODEV);
	ck_assert_int_eq(fake.open_fds, 0);
	ck_assert_ptr_null(gun);
	ck_assert_int_eq(inj_gun_open("/dev/null", 0, &gun), -ENODEV);
	ck_assert_int_eq(inj_gun_open("kernel:/", 0, &gun), -ENODEV);
	ck_assert_int_eq(inj_gun_open("/nonexistent", 0, &gun), -ENOENT);
	ck_assert_int_eq(inj_gun_open("usb:1", 0, &gun), -EINVAL);
	ck_assert_int_eq(inj_gun_open("", 0, &gun), -EINVAL);
	ck_assert_int_eq(inj_gun_open("/dev/null", 2, &gun), -EINVAL);
	ck_assert_int_eq(inj_gun_open("/dev/null", 0, NULL), -EINVAL);
	ck_assert_ptr_null(gun);
}
END_TEST

/* Everything that a program does with a gun, once.  Returns the first failure. */
static int use_everything(void)
{
	struct meso_event_config wanted = { .mask = MESO_EVENT_DEFAULT_MASK };
	struct meso_registers registers;
	struct meso_config config = { 0 };
	struct meso_lease lease = { 0 };
	struct meso_status status;
	struct meso_info info;
	struct meso_shot shots[40];
	struct seen seen = { 0 };
	uint8_t id[MESO_LEASE_ID_LEN] = { 1 };
	inj_gun *gun = NULL;
	int r;

	r = open_fake(0, &gun);
	if (r == 0)
		r = inj_gun_get_info(gun, &info);
	if (r == 0)
		r = inj_gun_get_status(gun, &status);
	if (r == 0)
		r = inj_gun_get_registers(gun, &registers);
	if (r == 0)
		r = inj_gun_set_events(gun, &wanted, NULL);
	if (r == 0)
		r = inj_gun_acquire(gun);
	if (r == 0)
		r = inj_gun_configure(gun, &config);
	if (r == 0)
		r = inj_gun_arm(gun, &lease);
	if (r == 0)
		r = inj_gun_heartbeat(gun, id);
	if (r == 0)
		r = inj_gun_fire(gun, id, 1);
	if (r == 0)
		r = inj_gun_disarm(gun);
	if (r == 0)
		r = inj_gun_get_shots(gun, 0, shots, 40, NULL);
	if (r >= 0)
		r = inj_gun_ack_shots(gun, 1, 1);
	if (r == 0)
		r = inj_gun_clear_faults(gun, 1, 1, 1);
	if (r == 0)
		r = inj_gun_dispatch(gun, see, &seen);
	if (r >= 0)
		r = inj_gun_release(gun);
	inj_gun_unref(gun);
	return r;
}

START_TEST(the_nth_system_call_fails_and_its_error_comes_back_until_none_fails)
{
	int n = 0, r;

	fake.journal = 40;
	do {
		fake.calls = 0;
		fake.fail_at = ++n;
		fake.queued = 0;
		queue_record(MESO_EVENT_STATE, sizeof(struct meso_event));
		r = use_everything();
		ck_assert_int_eq(fake.open_fds, 0);
		if (fake.calls >= n)
			ck_assert_msg(r == -EIO, "call %d failed, %d came back", n, r);
	} while (fake.calls >= n);
	ck_assert_int_eq(r, 0);
	ck_assert_int_ge(n, 18);
}
END_TEST

START_TEST(results_are_untouched_by_a_failure)
{
	struct meso_event_config granted, wanted = { 0 };
	struct meso_registers registers, registers_before;
	struct meso_status status, status_before;
	struct meso_info info, info_before;
	size_t remaining = 99;
	struct meso_shot shot, shot_before;
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	memset(&registers, 0x5a, sizeof(registers));
	memset(&status, 0x5a, sizeof(status));
	memset(&info, 0x5a, sizeof(info));
	memset(&shot, 0x5a, sizeof(shot));
	registers_before = registers;
	status_before = status;
	info_before = info;
	shot_before = shot;
	fake.ioctl_error = EIO;
	ck_assert_int_eq(inj_gun_get_status(gun, &status), -EIO);
	ck_assert_int_eq(inj_gun_get_registers(gun, &registers), -EIO);
	ck_assert_int_eq(inj_gun_get_shots(gun, 0, &shot, 1, &remaining), -EIO);
	granted.depth = 5;
	ck_assert_int_eq(inj_gun_set_events(gun, &wanted, &granted), -EIO);
	ck_assert_uint_eq(granted.depth, 5);
	fake.calls = 0;
	fake.fail_at = 1;
	ck_assert_int_eq(inj_gun_get_info(gun, &info), -EIO);
	ck_assert_mem_eq(&registers, &registers_before, sizeof(registers));
	ck_assert_mem_eq(&status, &status_before, sizeof(status));
	ck_assert_mem_eq(&info, &info_before, sizeof(info));
	ck_assert_mem_eq(&shot, &shot_before, sizeof(shot));
	ck_assert_uint_eq(remaining, 99);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(an_interrupted_look_is_repeated_and_an_interrupted_arm_is_not)
{
	struct meso_lease lease = { 0 };
	struct meso_status status;
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	fake.interrupts = 3;
	ck_assert_int_eq(inj_gun_get_status(gun, &status), 0);
	ck_assert_int_eq(status.plunger_nm, 12345);
	fake.interrupts = 2;
	ck_assert_int_eq(inj_gun_disarm(gun), 0);
	fake.interrupts = 1;
	ck_assert_int_eq(inj_gun_arm(gun, &lease), -EINTR);
	ck_assert_uint_eq(fake.last_op, MESO_IOC_DISARM);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(a_text_without_an_end_is_given_one)
{
	struct meso_info info;
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	ck_assert_int_eq(inj_gun_get_info(gun, &info), 0);
	ck_assert_uint_eq(strnlen(info.serial, sizeof(info.serial)), MESO_SERIAL_LEN - 1);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(shots_are_read_in_pieces_and_counted_whole)
{
	struct meso_shot shots[100];
	size_t remaining;
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	fake.journal = 75;
	ck_assert_int_eq(inj_gun_get_shots(gun, 0, shots, 100, &remaining), 75);
	ck_assert_uint_eq(remaining, 0);
	for (uint64_t i = 0; i < 75; i++)
		ck_assert_uint_eq(shots[i].number, i + 1);
	ck_assert_int_eq(inj_gun_get_shots(gun, 0, shots, 10, &remaining), 10);
	ck_assert_uint_eq(remaining, 65);
	ck_assert_int_eq(inj_gun_get_shots(gun, 33, shots, 40, &remaining), 40);
	ck_assert_uint_eq(shots[0].number, 33);
	ck_assert_uint_eq(remaining, 3);
	ck_assert_int_eq(inj_gun_get_shots(gun, 0, shots, 0, &remaining), -EINVAL);
	ck_assert_int_eq(inj_gun_get_shots(gun, 0, NULL, 1, &remaining), -EINVAL);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(records_are_delivered_in_order_also_of_unknown_types)
{
	struct seen seen = { 0 };
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	queue_record(MESO_EVENT_STATE, sizeof(struct meso_event));
	queue_record(77, sizeof(struct meso_event) + 24);
	queue_record(MESO_EVENT_SHOT, sizeof(struct meso_event_shot));
	ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), 3);
	ck_assert_uint_eq(seen.type[1], 77);
	ck_assert_uint_eq(seen.type[2], MESO_EVENT_SHOT);
	ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), 0);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(a_handler_that_ends_a_dispatch_loses_no_record)
{
	struct seen seen = { .stop_at = 1, .stop_with = 42 };
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	queue_record(MESO_EVENT_STATE, sizeof(struct meso_event));
	queue_record(MESO_EVENT_LEASE, sizeof(struct meso_event_lease));
	ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), 42);
	ck_assert_int_eq(seen.count, 1);
	ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), 1);
	ck_assert_uint_eq(seen.type[1], MESO_EVENT_LEASE);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(a_handler_may_drop_the_last_reference_and_may_not_dispatch_again)
{
	struct seen seen = { .nested = true, .drop = true };
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	queue_record(MESO_EVENT_STATE, sizeof(struct meso_event));
	ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), 1);
	ck_assert_int_eq(fake.open_fds, 0);
}
END_TEST

START_TEST(broken_records_are_refused_and_do_not_run_off_the_buffer)
{
	static const uint32_t sizes[] = { 0, 8, 47, 49, 52, 4096, UINT32_MAX };
	struct seen seen = { 0 };
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		queue_record(MESO_EVENT_STATE, sizeof(struct meso_event));
		memcpy(fake.queue + offsetof(struct meso_event, size), &sizes[i], sizeof(sizes[i]));
		ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), -EPROTO);
		ck_assert_int_eq(seen.count, 0);
		ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), 0);
	}
	inj_gun_unref(gun);
}
END_TEST

START_TEST(a_gun_that_is_gone_gives_its_last_records_then_enodev)
{
	struct seen seen = { 0 };
	inj_gun *gun;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	queue_record(MESO_EVENT_REMOVED, sizeof(struct meso_event));
	fake.gone = 1;
	ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), 1);
	ck_assert_uint_eq(seen.type[0], MESO_EVENT_REMOVED);
	ck_assert_int_eq(inj_gun_dispatch(gun, see, &seen), -ENODEV);
	inj_gun_unref(gun);
}
END_TEST

START_TEST(a_forked_child_is_refused_and_disturbs_nobody)
{
	struct meso_status status;
	inj_gun *gun;
	int wstatus;
	pid_t pid;

	ck_assert_int_eq(open_fake(0, &gun), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct seen seen = { 0 };
		struct meso_info info;
		int bad = 0;

		bad += inj_gun_get_status(gun, &status) != -ECHILD;
		bad += inj_gun_get_info(gun, &info) != -ECHILD;
		bad += inj_gun_disarm(gun) != -ECHILD;
		bad += inj_gun_acquire(gun) != -ECHILD;
		bad += inj_gun_get_fd(gun) != -ECHILD;
		bad += inj_gun_dispatch(gun, see, &seen) != -ECHILD;
		inj_gun_unref(gun);
		_exit(bad);
	}
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert(WIFEXITED(wstatus));
	ck_assert_int_eq(WEXITSTATUS(wstatus), 0);
	ck_assert_int_eq(inj_gun_get_status(gun, &status), 0);
	inj_gun_unref(gun);
}
END_TEST

#define ENUMERATED_MAX 256

static int take_uri(const char *uri, void *userdata)
{
	char *all = userdata;

	size_t used = strlen(all);

	snprintf(all + used, ENUMERATED_MAX - used, "%s ", strrchr(uri, '/') + 1);
	return used > 20 ? 5 : 0;
}

START_TEST(guns_are_enumerated_in_order_and_only_those_with_a_node)
{
	static const char *const in_class[] = { "meso10", "meso2",  "meso0", "meso3",
						"meso",   "meso01", "other", "meso1x" };
	static const char *const in_dev[] = { "meso10", "meso0", "meso2", "meso01" };
	char base[] = "/tmp/meso-enum-XXXXXX", path[128], class_dir[64], dev_dir[64],
	     all[ENUMERATED_MAX] = "";

	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(class_dir, sizeof(class_dir), "%s/class", base);
	snprintf(dev_dir, sizeof(dev_dir), "%s/dev", base);
	ck_assert_int_eq(inj_enumerate_in(class_dir, dev_dir, take_uri, all), 0);
	ck_assert_str_eq(all, "");
	ck_assert_int_eq(mkdir(class_dir, 0700), 0);
	ck_assert_int_eq(mkdir(dev_dir, 0700), 0);
	for (size_t i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "%s/%s", class_dir, in_class[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dev_dir, in_dev[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	ck_assert_int_eq(inj_enumerate_in(class_dir, dev_dir, take_uri, all), 0);
	ck_assert_str_eq(all, "meso0 meso2 meso10 ");
	ck_assert_int_eq(inj_enumerate_in(class_dir, dev_dir, take_uri, all), 5);
	ck_assert_int_eq(inj_enumerate(NULL, NULL), -EINVAL);
	for (size_t i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "%s/%s", class_dir, in_class[i]);
		rmdir(path);
		snprintf(path, sizeof(path), "%s/%s", dev_dir, in_dev[i % 4]);
		rmdir(path);
	}
	rmdir(class_dir);
	rmdir(dev_dir);
	ck_assert_int_eq(rmdir(base), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("injector_kernel");
	TCase *tcase = tcase_create("kernel");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, NULL);
	tcase_add_test(tcase, a_gun_is_opened_without_blocking_and_closed_once);
	tcase_add_test(tcase,
		       looking_only_opens_read_only_and_never_reaches_the_device_with_a_request);
	tcase_add_test(tcase, what_is_not_a_gun_is_refused);
	tcase_add_test(tcase, the_nth_system_call_fails_and_its_error_comes_back_until_none_fails);
	tcase_add_test(tcase, results_are_untouched_by_a_failure);
	tcase_add_test(tcase, an_interrupted_look_is_repeated_and_an_interrupted_arm_is_not);
	tcase_add_test(tcase, a_text_without_an_end_is_given_one);
	tcase_add_test(tcase, shots_are_read_in_pieces_and_counted_whole);
	tcase_add_test(tcase, records_are_delivered_in_order_also_of_unknown_types);
	tcase_add_test(tcase, a_handler_that_ends_a_dispatch_loses_no_record);
	tcase_add_test(tcase, a_handler_may_drop_the_last_reference_and_may_not_dispatch_again);
	tcase_add_test(tcase, broken_records_are_refused_and_do_not_run_off_the_buffer);
	tcase_add_test(tcase, a_gun_that_is_gone_gives_its_last_records_then_enodev);
	tcase_add_test(tcase, a_forked_child_is_refused_and_disturbs_nobody);
	tcase_add_test(tcase, guns_are_enumerated_in_order_and_only_those_with_a_node);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
