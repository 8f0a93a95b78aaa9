// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The examples of docs/examples, built as their reader would build them, in C
 * and in C++, against the shared library, and run on a gun.
 */
#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gun_fixture.h"

static struct gun_fixture gun;
static char build[2048]; /* where libinjector.so is */

static void set_up(void)
{
	ssize_t n = readlink("/proc/self/exe", build, sizeof(build) - 1);

	ck_assert_int_gt(n, 0);
	build[n] = '\0';
	for (int up = 0; up < 2; up++)
		*strrchr(build, '/') = '\0';
	gun_fixture_start(&gun, NULL);
}

static void tear_down(void)
{
	gun_fixture_stop(&gun);
}

/* Runs a command that must succeed; what it says. */
static void shell(const char *command, char *said, size_t size)
{
	/* NOLINTNEXTLINE(cert-env33-c): a command line is what is tested */
	FILE *pipe = popen(command, "re");
	size_t n;

	ck_assert_ptr_nonnull(pipe);
	n = fread(said, 1, size - 1, pipe);
	said[n] = '\0';
	ck_assert_msg(pclose(pipe) == 0, "%s: %s", command, said);
}

/* Where the C library is not of the compiler's sanitizers, it cannot be linked plainly. */
static bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
	return __has_feature(address_sanitizer);
#else
	return false;
#endif
}

static bool waiting(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static void build_example(const char *compiler, const char *source)
{
	char command[4096], said[4096];

	ck_assert_int_lt(
		snprintf(command, sizeof(command),
			 "%s -Wall -Wextra -Werror -Ikmod/uapi -Ilibinjector "
			 "docs/examples/%s -L%s -linjector -Wl,-rpath,%s -o %s/example 2>&1",
			 compiler, source, build, build, gun.dir),
		(int)sizeof(command));
	shell(command, said, sizeof(said));
}

START_TEST(the_c_example_has_twenty_lines_and_prints_plunger_depth_and_pressure)
{
	char said[4096], command[512], expected[256];
	struct meso_status status;
	inj_gun *handle;

	shell("grep -cv '^//\\|^/\\*' docs/examples/read_gun.c", said, sizeof(said));
	ck_assert_int_le(strtol(said, NULL, 10), 20);
	if (sanitized())
		return;
	build_example("cc", "read_gun.c");
	snprintf(command, sizeof(command), "%s/example %s", gun.dir, gun.uri);
	shell(command, said, sizeof(said));
	ck_assert_int_eq(inj_gun_open(gun.uri, INJ_OPEN_READ_ONLY, &handle), 0);
	ck_assert_int_eq(inj_gun_get_status(handle, &status), 0);
	inj_gun_unref(handle);
	snprintf(expected, sizeof(expected), "plunger %d nm, depth %u um, pressure %d Pa\n",
		 status.plunger_nm, status.depth_um, status.pressure_pa);
	ck_assert_str_eq(said, expected);
}
END_TEST

START_TEST(the_cpp_example_sees_the_gun_being_unplugged)
{
	char said[4096], command[512];
	FILE *pipe;
	size_t n;

	if (sanitized())
		return;
	build_example("c++ -std=c++17", "watch_gun.cpp");
	snprintf(command, sizeof(command), "exec %s/example %s 2>&1", gun.dir, gun.uri);
	/* NOLINTNEXTLINE(cert-env33-c): a command line is what is tested */
	pipe = popen(command, "re");
	ck_assert_ptr_nonnull(pipe);
	/* The first word it says shows that it is watching. */
	while (gun_fixture_ask(&gun, "hand trigger 1"), gun_fixture_ask(&gun, "hand trigger 0"),
	       !waiting(fileno(pipe)))
		gun_fixture_sleep_ms(5);
	gun_fixture_ask(&gun, "unplug");
	n = fread(said, 1, sizeof(said) - 1, pipe);
	said[n] = '\0';
	ck_assert_int_eq(WEXITSTATUS(pclose(pipe)), 1);
	ck_assert_ptr_nonnull(strstr(said, " trigger\n"));
	ck_assert_ptr_nonnull(strstr(said, " removed\nNo such device\n"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("injector_examples");
	TCase *tcase = tcase_create("examples");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, the_c_example_has_twenty_lines_and_prints_plunger_depth_and_pressure);
	tcase_add_test(tcase, the_cpp_example_sees_the_gun_being_unplugged);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
