// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Clients that lie, flood, stall and vanish: meso-gun goes on for the others,
 * and no memory or descriptor is theirs to use up.  And its command line, for
 * people who mistype.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gun_fixture.h"
#include "sim_protocol.h"

static struct gun_fixture gun;
static inj_gun *handle;

static void set_up(void)
{
	gun_fixture_start(&gun, NULL);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
}

/* Whatever was done to it: it still serves others, and never armed itself. */
static void tear_down(void)
{
	struct meso_truth truth;
	struct meso_info info;
	inj_gun *other;

	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	handle = inj_gun_unref(handle);
	for (int i = 0; inj_gun_open(gun.uri, 0, &other) != 0; i++) {
		ck_assert_int_lt(i, 3000);
		gun_fixture_sleep_ms(1);
	}
	ck_assert_int_eq(inj_gun_get_info(other, &info), 0);
	inj_gun_unref(other);
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.delivered_fl, 0);
	gun_fixture_stop(&gun);
}

static int raw_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", gun.socket);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int say_hello(int fd, uint32_t flags, struct inj_sim_welcome *welcome, int fds[2])
{
	struct inj_sim_hello hello = { INJ_SIM_MAGIC, INJ_SIM_VERSION, flags, 0 };
	struct iovec iov = { .iov_base = welcome, .iov_len = sizeof(*welcome) };
	char control[CMSG_SPACE(2 * sizeof(int))];
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header;
	ssize_t n;

	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
		return -errno;
	n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (n != sizeof(*welcome))
		return n < 0 ? -errno : -EPIPE;
	header = CMSG_FIRSTHDR(&message);
	if (header)
		memcpy(fds, CMSG_DATA(header), 2 * sizeof(int));
	return welcome->result;
}

static int raw_client(uint32_t flags)
{
	struct inj_sim_welcome welcome;
	int fd = raw_connect(), fds[2] = { -1, -1 };

	ck_assert_int_eq(say_hello(fd, flags, &welcome, fds), 0);
	close(fds[0]);
	close(fds[1]);
	return fd;
}

/* The other end closed the connection instead of answering. */
static void assert_closed(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[8192];
	ssize_t n;

	do {
		ck_assert_int_eq(poll(&pfd, 1, 3000), 1);
		n = recv(fd, buf, sizeof(buf), 0);
	} while (n > 0);
	ck_assert(n == 0 || errno == ECONNRESET);
	close(fd);
}

START_TEST(a_wrong_first_word_ends_the_connection)
{
	static const struct {
		struct inj_sim_hello hello;
		size_t size;
		int result; /* 0: no answer at all */
	} cases[] = {
		{ { INJ_SIM_MAGIC, INJ_SIM_VERSION, 0, 0 }, sizeof(struct inj_sim_hello) - 1, 0 },
		{ { INJ_SIM_MAGIC, INJ_SIM_VERSION, 0, 0 }, 1, 0 },
		{ { INJ_SIM_MAGIC + 1, INJ_SIM_VERSION, 0, 0 }, sizeof(struct inj_sim_hello), 0 },
		{ { INJ_SIM_MAGIC, 2, 0, 0 }, sizeof(struct inj_sim_hello), -EPROTO },
		{ { INJ_SIM_MAGIC, INJ_SIM_VERSION, 2, 0 }, sizeof(struct inj_sim_hello), -EINVAL },
		{ { INJ_SIM_MAGIC, INJ_SIM_VERSION, 0, 7 }, sizeof(struct inj_sim_hello), -EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct inj_sim_welcome welcome;
		int fd = raw_connect();

		ck_assert_int_ge(send(fd, &cases[i].hello, cases[i].size, 0), 0);
		if (cases[i].result) {
			ck_assert_int_eq(recv(fd, &welcome, sizeof(welcome), 0), sizeof(welcome));
			ck_assert_int_eq(welcome.result, cases[i].result);
		}
		assert_closed(fd);
	}
}
END_TEST

START_TEST(who_says_nothing_is_put_out)
{
	assert_closed(raw_connect());
}
END_TEST

START_TEST(malformed_requests_end_the_connection_and_nothing_else)
{
	struct inj_sim_request good = { .number = 1,
					.deadline_ns = UINT64_MAX,
					.op = MESO_IOC_GET_INFO };
	struct inj_sim_request r;
	unsigned char huge[16384] = { 0 };
	int fd;

	for (size_t size = 0; size < INJ_SIM_REQUEST_HEAD; size += 5) {
		fd = raw_client(0);
		ck_assert_int_ge(send(fd, &good, size, 0), 0);
		assert_closed(fd);
	}
	fd = raw_client(0);
	ck_assert_int_ge(send(fd, huge, sizeof(huge), 0), 0);
	assert_closed(fd);

	r = good;
	r.size = 8; /* says more than it brings */
	fd = raw_client(0);
	ck_assert_int_ge(send(fd, &r, INJ_SIM_REQUEST_HEAD, 0), 0);
	assert_closed(fd);
	fd = raw_client(0); /* brings more than it says */
	ck_assert_int_ge(send(fd, &good, INJ_SIM_REQUEST_HEAD + 8, 0), 0);
	assert_closed(fd);

	r = good;
	r.op = MESO_IOC_ARM; /* no argument */
	fd = raw_client(0);
	ck_assert_int_ge(send(fd, &r, INJ_SIM_REQUEST_HEAD, 0), 0);
	assert_closed(fd);
	r.op = _IOC(_IOC_READ | _IOC_WRITE, MESO_IOC_MAGIC, 0, 16383); /* larger than any */
	fd = raw_client(0);
	ck_assert_int_ge(send(fd, &r, INJ_SIM_REQUEST_HEAD, 0), 0);
	assert_closed(fd);

	r = good;
	r.number = 0; /* numbers rise */
	fd = raw_client(0);
	ck_assert_int_ge(send(fd, &r, INJ_SIM_REQUEST_HEAD, 0), 0);
	assert_closed(fd);
}
END_TEST

START_TEST(unknown_requests_and_wrong_sizes_are_enotty)
{
	static const uint32_t ops[] = {
		0,
		0xffffffff & ~((uint32_t)_IOC_SIZEMASK << _IOC_SIZESHIFT),
		_IO(MESO_IOC_MAGIC, 0x1f),
		_IO('x', 4),
		_IOR(MESO_IOC_MAGIC, 0x00, uint64_t), /* GET_INFO of another size */
	};
	int fd = raw_client(0);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct inj_sim_request request = { .number = i + 1,
						   .deadline_ns = UINT64_MAX,
						   .op = ops[i] };
		struct inj_sim_reply reply;

		ck_assert_int_ge(send(fd, &request, INJ_SIM_REQUEST_HEAD, 0), 0);
		ck_assert_int_ge(recv(fd, &reply, sizeof(reply), 0), (int)INJ_SIM_REPLY_HEAD);
		ck_assert_uint_eq(reply.number, i + 1);
		ck_assert_msg(reply.result == -ENOTTY, "op %x: %d", ops[i], reply.result);
	}
	close(fd);
}
END_TEST

START_TEST(a_client_that_came_to_look_cannot_control_by_going_round_the_library)
{
	static const uint32_t ops[] = { MESO_IOC_ACQUIRE, MESO_IOC_DISARM, MESO_IOC_RELEASE };
	int fd = raw_client(INJ_SIM_HELLO_READ_ONLY);
	struct meso_status status;

	for (size_t i = 0; i < 3; i++) {
		struct inj_sim_request request = { .number = i + 1,
						   .deadline_ns = UINT64_MAX,
						   .op = ops[i] };
		struct inj_sim_reply reply;

		ck_assert_int_ge(send(fd, &request, INJ_SIM_REQUEST_HEAD, 0), 0);
		ck_assert_int_ge(recv(fd, &reply, sizeof(reply), 0), (int)INJ_SIM_REPLY_HEAD);
		ck_assert_int_eq(reply.result, -EPERM);
	}
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	ck_assert_uint_eq(status.flags & MESO_STATUS_OWNED, 0);
	close(fd);
}
END_TEST

START_TEST(nobody_but_the_gun_can_write_what_others_read)
{
	struct inj_sim_welcome welcome;
	int fd = raw_connect(), fds[2] = { -1, -1 };
	void *map;

	ck_assert_int_eq(say_hello(fd, 0, &welcome, fds), 0);
	map = mmap(NULL, sizeof(struct inj_sim_page), PROT_READ | PROT_WRITE, MAP_SHARED, fds[1],
		   0);
	ck_assert_ptr_eq(map, MAP_FAILED);
	ck_assert_int_lt(ftruncate(fds[1], 0), 0);
	ck_assert_int_lt(pwrite(fds[1], "x", 1, 0), 0);
	close(fds[0]);
	close(fds[1]);
	close(fd);
}
END_TEST

/* Requests as fast as they go in, none of the answers read. */
static void flood(int fd, int count)
{
	struct inj_sim_request request = { .deadline_ns = UINT64_MAX,
					   .op = MESO_IOC_GET_REGISTERS };

	for (int i = 0; i < count; i++) {
		request.number++;
		if (send(fd, &request, INJ_SIM_REQUEST_HEAD, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			return;
	}
}

START_TEST(a_flood_neither_stops_a_heart_nor_grows)
{
	struct meso_config config;
	struct meso_lease lease;
	struct meso_truth truth;
	int64_t until;
	pid_t pids[4];

	gun_fixture_config(&config);
	ck_assert_int_eq(inj_gun_acquire(handle), 0);
	ck_assert_int_eq(inj_gun_configure(handle, &config), 0);
	gun_fixture_lease(handle, MESO_KIND_PRIME, 20000, 1, &lease);
	ck_assert_int_eq(inj_gun_arm(handle, &lease), 0);
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0) {
			for (;;) {
				int fd = raw_client(0);

				flood(fd, 1000);
				close(fd);
			}
		}
	}
	until = gun_fixture_now_ms() + 1000;
	while (gun_fixture_now_ms() < until) {
		ck_assert_int_eq(inj_gun_heartbeat(handle, lease.id), 0);
		gun_fixture_sleep_ms(20);
	}
	for (int i = 0; i < 4; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	gun_fixture_truth(&gun, &truth);
	ck_assert_uint_eq(truth.armed, 1);
	ck_assert_int_eq(inj_gun_disarm(handle), 0);
}
END_TEST

START_TEST(the_sixty_fifth_client_is_refused_and_finds_room_when_one_leaves)
{
	inj_gun *guns[64];
	int count = 0, r = 0;

	while (count < 64 && (r = inj_gun_open(gun.uri, 0, &guns[count])) == 0)
		count++;
	ck_assert_int_eq(count, 63); /* and ours */
	ck_assert_int_eq(r, -EMFILE);
	inj_gun_unref(guns[--count]);
	for (int i = 0; (r = inj_gun_open(gun.uri, 0, &guns[count])) == -EMFILE; i++) {
		ck_assert_int_lt(i, 1000);
		gun_fixture_sleep_ms(1);
	}
	ck_assert_int_eq(r, 0);
	count++;
	while (count)
		inj_gun_unref(guns[--count]);
}
END_TEST

START_TEST(silent_connections_do_not_lock_others_out_for_long)
{
	struct meso_info info;
	int fds[100];

	for (int i = 0; i < 100; i++) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		fds[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", gun.socket);
		if (connect(fds[i], (struct sockaddr *)&address, sizeof(address)) < 0)
			ck_assert_int_eq(errno, EAGAIN);
	}
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	gun_fixture_sleep_ms(1200);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
}
END_TEST

/* ---- the console and the command line ------------------------------------------------ */

static const char *program(void)
{
	static char path[256];
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", gun.pid);
	n = readlink(link, path, sizeof(path) - 1);
	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	return path;
}

/* Runs meso-gun with these arguments; its exit status, and what it said. */
static int run(char *said, size_t size, const char *arguments)
{
	char command[1024];
	FILE *pipe;
	size_t n;
	int status;

	ck_assert_int_lt(snprintf(command, sizeof(command), "%s %s 2>&1", program(), arguments),
			 (int)sizeof(command));
	/* NOLINTNEXTLINE(cert-env33-c): a command line is what is tested */
	pipe = popen(command, "re");
	ck_assert_ptr_nonnull(pipe);
	n = fread(said, 1, size - 1, pipe);
	said[n] = '\0';
	status = pclose(pipe);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(a_wrong_command_line_is_told_what_is_wrong)
{
	char said[4096], arguments[600];

	ck_assert_int_eq(run(said, sizeof(said), "--help"), 0);
	ck_assert_ptr_nonnull(strstr(said, "--memory=FILE"));
	ck_assert_int_eq(run(said, sizeof(said), "--version"), 0);
	ck_assert_int_eq(run(said, sizeof(said), ""), 2);
	ck_assert_ptr_nonnull(strstr(said, "--memory and one of --socket and --usb are needed"));
	ck_assert_int_eq(run(said, sizeof(said), "--frobnicate"), 2);
	ck_assert_int_eq(run(said, sizeof(said), "--socket=/tmp/x --memory=/tmp/y --mutant=kind"),
			 2);
	ck_assert_ptr_nonnull(strstr(said, "no such mutant"));
	ck_assert_int_eq(run(said, sizeof(said), "--socket=/tmp/x --memory=/tmp/y extra"), 2);
	ck_assert_int_eq(run(said, sizeof(said), "--no-power-loss --socket=/tmp/x --memory=/tmp/y"),
			 2);
	snprintf(arguments, sizeof(arguments), "--socket=%s/s --memory=%s", gun.dir, gun.memory);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
	ck_assert_ptr_nonnull(strstr(said, "another meso-gun uses this memory"));
	snprintf(arguments, sizeof(arguments), "--socket=%s --memory=%s/m2", gun.socket, gun.dir);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
	ck_assert_ptr_nonnull(strstr(said, "another process listens there"));
	snprintf(arguments, sizeof(arguments), "--socket=%s --memory=%s/m2", gun.memory, gun.dir);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
	ck_assert_ptr_nonnull(strstr(said, "not a socket"));
	snprintf(arguments, sizeof(arguments), "--socket=%s/s --memory=/nonexistent/m", gun.dir);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
	ck_assert_ptr_nonnull(strstr(said, "No such file"));
	snprintf(arguments, sizeof(arguments), "--socket=%s/s --memory=%s/m2 --serial='a b'",
		 gun.dir, gun.dir);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
	ck_assert_ptr_nonnull(strstr(said, "a b: a serial number has"));
	snprintf(arguments, sizeof(arguments), "--socket=%s/s --memory=%s/m2 --truth=%s", gun.dir,
		 gun.dir, gun.truth);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
	ck_assert_ptr_nonnull(strstr(said, "another meso-gun uses this truth file"));
}
END_TEST

START_TEST(the_console_answers_every_line_with_ok_or_an_error_that_helps)
{
	static const struct {
		const char *line;
		const char *answer;
	} lines[] = {
		{ "help", "ok\n" },
		{ "hands", "ok\ntrigger" },
		{ "truth", "ok\ndelivered_fl 0\n" },
		{ "hand", "error: say: hand NAME VALUE" },
		{ "hand trigger", "error: say" },
		{ "hand trigger 1 2", "error: say" },
		{ "hand trigger yes", "error: yes is not a whole number" },
		{ "hand trigger 99999999999999999999", "error: " },
		{ "hand trigger 2", "error: " },
		{ "hand wave 1", "error: no hand does wave; these do: trigger" },
		{ "mutant kind", "error: no mutant kind; there are: no-budget" },
		{ "mutant none", "ok\n" },
		{ "power up", "error: say: power on" },
		{ "plug", "error: it is plugged in already" },
		{ "dance", "error: unknown word dance" },
	};
	char answer[4096], said[4096], arguments[300], line[1200];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		gun_fixture_ask_answer(&gun, lines[i].line, answer, sizeof(answer));
		ck_assert_msg(strncmp(answer, lines[i].answer, strlen(lines[i].answer)) == 0,
			      "%s: %s", lines[i].line, answer);
	}
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	gun_fixture_ask_answer(&gun, line, answer, sizeof(answer));
	ck_assert_int_eq(strncmp(answer, "error: a line", 13), 0);

	snprintf(arguments, sizeof(arguments), "--ask=%s truth", gun.control);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 0);
	ck_assert_int_eq(strncmp(said, "delivered_fl 0\n", 15), 0);
	snprintf(arguments, sizeof(arguments), "--ask=%s hand wave 1", gun.control);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
	ck_assert_int_eq(run(said, sizeof(said), "--ask=/nonexistent truth"), 1);
	snprintf(arguments, sizeof(arguments), "--print-truth=%s", gun.truth);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 0);
	ck_assert_int_eq(strncmp(said, "delivered_fl 0\n", 15), 0);
	snprintf(arguments, sizeof(arguments), "--print-truth=%s", gun.memory);
	ck_assert_int_eq(run(said, sizeof(said), arguments), 1);
}
END_TEST

START_TEST(a_gun_that_is_switched_off_is_gone_and_comes_back_as_another_boot)
{
	struct meso_info before, after;
	inj_gun *own;

	ck_assert_int_eq(inj_gun_get_info(handle, &before), 0);
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &own), 0);
	gun_fixture_ask(&gun, "power off");
	ck_assert_int_eq(inj_gun_get_info(own, &after), -ENODEV);
	inj_gun_unref(own);
	inj_gun_unref(handle);
	gun_fixture_ask(&gun, "power on");
	ck_assert_int_eq(inj_gun_open(gun.uri, 0, &handle), 0);
	ck_assert_int_eq(inj_gun_get_info(handle, &after), 0);
	ck_assert_uint_ne(after.boot_id, before.boot_id);
	ck_assert_uint_eq(after.epoch, before.epoch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gun_hostile");
	TCase *tcase = tcase_create("hostile");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 20);
	tcase_add_test(tcase, a_wrong_first_word_ends_the_connection);
	tcase_add_test(tcase, who_says_nothing_is_put_out);
	tcase_add_test(tcase, malformed_requests_end_the_connection_and_nothing_else);
	tcase_add_test(tcase, unknown_requests_and_wrong_sizes_are_enotty);
	tcase_add_test(tcase, a_client_that_came_to_look_cannot_control_by_going_round_the_library);
	tcase_add_test(tcase, nobody_but_the_gun_can_write_what_others_read);
	tcase_add_test(tcase, a_flood_neither_stops_a_heart_nor_grows);
	tcase_add_test(tcase, the_sixty_fifth_client_is_refused_and_finds_room_when_one_leaves);
	tcase_add_test(tcase, silent_connections_do_not_lock_others_out_for_long);
	tcase_add_test(tcase, a_wrong_command_line_is_told_what_is_wrong);
	tcase_add_test(tcase, the_console_answers_every_line_with_ok_or_an_error_that_helps);
	tcase_add_test(tcase, a_gun_that_is_switched_off_is_gone_and_comes_back_as_another_boot);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
