// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesod in a world that is not as it should be: no bus, nobody who reads what it says, a
 * second mesod, more guns and clients than a clinic has.  Whatever it is, nothing stays armed on
 * its account, nothing is lost, and a stop is answered.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "mesod_fixture.h"
#include "mesod_trace.h"

#define GUNS    10
#define CLIENTS 100
#define CALLS   50

static struct mesod_fixture f;

static void setup(void)
{
	/* What is freed is not to count as memory that is held, with the sanitizer either. */
	setenv("ASAN_OPTIONS", "quarantine_size_mb=1", 1);
	mesod_fixture_start(&f, NULL);
}

static void teardown(void)
{
	mesod_fixture_stop(&f);
}

static int exit_status(pid_t *pid)
{
	const int64_t until = gun_fixture_now_ms() + 8000;
	int status = 0;

	while (waitpid(*pid, &status, WNOHANG) != *pid) {
		ck_assert_msg(gun_fixture_now_ms() < until, "it does not end");
		gun_fixture_sleep_ms(5);
	}
	*pid = 0;
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- the bus ---------------------------------------------------------------------------------- */

START_TEST(without_its_bus_it_disarms_and_ends_as_failed_so_that_it_is_started_again)
{
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 10);
	mesod_fixture_shoot(&f);
	mesod_fixture_lose_bus(&f);
	gun_fixture_wait_disarmed(&f.gun, 500);
	ck_assert_int_ne(exit_status(&f.mesod_pid), 0);
	close(f.lease_fd);
	f.lease_fd = -1;

	mesod_fixture_renew_bus(&f);
	mesod_fixture_run_daemon(&f);
	mesod_fixture_wait_reconciled(&f);
	mesod_fixture_assert_covered(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

/* ---- two of them ------------------------------------------------------------------------------- */

START_TEST(a_second_one_on_the_same_bus_does_not_start_and_the_first_goes_on)
{
	struct mesod_fixture second = f;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 10);
	mesod_fixture_shoot(&f);
	second.mesod_pid = mesod_fixture_spawn_daemon(&second);
	ck_assert_int_ne(exit_status(&second.mesod_pid), 0);
	ck_assert(mesod_fixture_daemon_lives(&f));
	mesod_fixture_shoot(&f);
	mesod_fixture_close_session(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

/* A mesod that has no name yet: that of its connection which answers calls. */
static bool find_unnamed(char name[static 64])
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char **names = NULL;
	bool found = false;

	ck_assert_int_ge(sd_bus_list_names(f.bus, &names, NULL), 0);
	for (char **n = names; *n; n++) {
		sd_bus_message *reply = NULL;
		uint32_t pid = 0;

		if (!found && **n == ':' &&
		    sd_bus_call_method(f.bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				       "org.freedesktop.DBus", "GetConnectionUnixProcessID", NULL,
				       &reply, "s", *n) >= 0 &&
		    sd_bus_message_read(reply, "u", &pid) >= 0 && (pid_t)pid == f.mesod_pid) {
			(void)sd_bus_call_method(f.bus, *n, ROOT, MANAGER, "ListPatients", &error,
						 NULL, "");
			found = error.name && strcmp(error.name, "org.mesod1.Error.Busy") == 0;
			snprintf(name, 64, "%s", *n);
			sd_bus_error_free(&error);
		}
		sd_bus_message_unref(reply);
		free(*n);
	}
	free(names);
	return found;
}

START_TEST(while_a_slow_disk_opens_the_ledger_callers_are_answered_and_it_can_be_ended)
{
	char name[64];

	mesod_fixture_signal(&f, SIGTERM);
	/* What opens it waits for somebody to write. */
	ck_assert_int_eq(unlink(f.mark), 0);
	ck_assert_int_eq(mkfifo(f.mark, 0600), 0);
	f.mesod_pid = mesod_fixture_spawn_daemon(&f);
	for (int64_t until = gun_fixture_now_ms() + 2000; !find_unnamed(name);)
		ck_assert_msg(gun_fixture_now_ms() < until, "nobody answers");
	/* It hears that it is to end, and does when the disk lets it. */
	kill(f.mesod_pid, SIGTERM);
	gun_fixture_sleep_ms(100);
	close(open(f.mark, O_WRONLY));
	ck_assert_int_eq(exit_status(&f.mesod_pid), 0);
	ck_assert_int_eq(unlink(f.mark), 0);
}
END_TEST

START_TEST(a_second_one_on_another_bus_arms_nothing_with_the_ledger_that_the_first_has)
{
	struct mesod_fixture second;
	char *state;

	mesod_fixture_start_bare(&second, NULL, NULL);
	mesod_fixture_signal(&second, SIGTERM);
	second.state = f.dir;
	mesod_fixture_run_daemon(&second);
	state = mesod_fixture_text(&second, ROOT, MANAGER, "LedgerState");
	ck_assert_str_eq(state, "failed");
	free(state);
	ck_assert_refused(second.bus, "Ledger", ROOT, MANAGER, "RegisterOperator", "usss", 4242u,
			  "Dr. Other", "L-2", "2999-12-31");
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 10);
	mesod_fixture_shoot(&f);
	mesod_fixture_close_session(&f);
	mesod_fixture_assert_equal(&f);
	second.state = NULL;
	mesod_fixture_stop(&second);
}
END_TEST

/* ---- nobody listens to what it says ---------------------------------------------------------- */

/* Until not one byte more is taken. */
static void fill(int fd)
{
	char junk[4096] = "";

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	for (size_t size = sizeof(junk); size; size /= 2)
		while (write(fd, junk, size) > 0)
			;
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
}

static bool hears(int fd, const char *text)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (!buf[i])
				buf[i] = ' ';
		buf[n] = '\0';
		if (strstr(buf, text))
			return true;
	}
	return false;
}

static void run_daemon_with_stderr(int fd)
{
	int saved = dup(STDERR_FILENO);

	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
	mesod_fixture_run_daemon(&f);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
}

START_TEST(who_does_not_read_what_it_says_delays_nothing_and_is_told_what_was_lost)
{
	int ends[2];

	mesod_fixture_signal(&f, SIGTERM);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	fill(ends[1]);
	run_daemon_with_stderr(ends[1]);
	ck_assert_int_ge(sd_bus_set_property(f.bus, "org.mesod1", "/org/freedesktop/LogControl1",
					     "org.freedesktop.LogControl1", "LogLevel", NULL, "s",
					     "debug"),
			 0);
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 10);
	mesod_fixture_shoot(&f);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 50);
	mesod_fixture_wait_lease_ended(&f);

	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert(!hears(ends[0], "lost"));
	mesod_fixture_close_session(&f);
	gun_fixture_sleep_ms(50);
	ck_assert(hears(ends[0], "before this one were lost"));
	close(ends[0]);
	close(ends[1]);
	/* and nobody at all */
	mesod_fixture_next_patient(&f);
	mesod_fixture_open_session(&f);
	mesod_fixture_close_session(&f);
	mesod_fixture_assert_equal(&f);
}
END_TEST

/* The journal's socket, and what reaches it. */
static int bind_journal(struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/journal", f.dir);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

START_TEST(a_journal_that_hangs_or_is_gone_delays_nothing_and_gets_the_fields_when_it_is_back)
{
	struct sockaddr_un address;
	int fd = bind_journal(&address);
	struct logger log;
	unsigned int heard = 0;
	char text[2048];
	ssize_t n;

	log_open(&log, LOG_INFO, address.sun_path);
	log.journal = true;
	log_message(&log, LOG_NOTICE, "MESO-1", MESSAGE_FAULT, "two\nlines");
	n = recv(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt((int)n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, "PRIORITY=5\nSYSLOG_IDENTIFIER=mesod\nMESSAGE=MESO-1: two lines\n"
			       "MESO_GUN=MESO-1\nMESSAGE_ID=" MESSAGE_FAULT "\n");
	/* More than any queue between two sockets holds. */
	for (unsigned int i = 0; i < 2000; i++)
		log_message(&log, LOG_INFO, NULL, NULL, "%u", i);
	ck_assert_uint_gt(log.lost, 0);
	while (recv(fd, text, sizeof(text), 0) > 0)
		heard++;
	ck_assert_uint_eq(heard + log.lost, 2000);
	log_message(&log, LOG_INFO, NULL, NULL, "again");
	n = recv(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt((int)n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "before this one were lost"));
	ck_assert_uint_eq(log.lost, 0);
	close(fd);
	unlink(address.sun_path);
	log_message(&log, LOG_INFO, NULL, NULL, "nobody");
	ck_assert_uint_eq(log.lost, 1);
	log_close(&log);
}
END_TEST

/* ---- more than there are ------------------------------------------------------------------------ */

static unsigned int guns_told(void)
{
	sd_bus_message *reply = NULL;
	unsigned int n = 0;
	const char *path;

	ck_assert_int_ge(mesod_call(f.bus, ROOT, "org.freedesktop.DBus.ObjectManager",
				    "GetManagedObjects", NULL, &reply, ""),
			 0);
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}"), 0);
	while (sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}") > 0) {
		ck_assert_int_ge(sd_bus_message_read_basic(reply, 'o', &path), 0);
		n += strncmp(path, ROOT "/gun/", sizeof(ROOT "/gun/") - 1) == 0;
		ck_assert_int_ge(sd_bus_message_skip(reply, "a{sa{sv}}"), 0);
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	sd_bus_message_unref(reply);
	return n;
}

START_TEST(ten_guns_are_served_and_one_stop_disarms_whichever_is_armed)
{
	static struct gun_fixture more[GUNS - 1];
	const char *places[GUNS] = { NULL };
	int64_t until;

	for (unsigned int i = 0; i < GUNS - 1; i++) {
		char serial[32];
		const char *const extra[] = { serial, NULL };

		snprintf(serial, sizeof(serial), "--serial=MORE-%u", i);
		gun_fixture_start(&more[i], extra);
		places[i] = more[i].socket;
	}
	mesod_fixture_signal(&f, SIGTERM);
	f.more_guns = places;
	mesod_fixture_run_daemon(&f);
	until = gun_fixture_now_ms() + 10000;
	while (guns_told() < GUNS) {
		ck_assert_int_lt(gun_fixture_now_ms(), until);
		gun_fixture_sleep_ms(20);
	}
	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 10);
	mesod_fixture_shoot(&f);
	/* One that hangs is at nobody else's cost. */
	gun_fixture_ask(&more[0], "hand freeze 1");
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 50);
	mesod_fixture_wait_lease_ended(&f);
	mesod_fixture_assert_equal(&f);
	mesod_fixture_signal(&f, SIGTERM);
	for (unsigned int i = 0; i < GUNS - 1; i++)
		gun_fixture_stop(&more[i]);
	f.more_guns = NULL;
	mesod_fixture_run_daemon(&f);
}
END_TEST

static unsigned long resident_kib(pid_t pid)
{
	unsigned long kib = 0;
	char line[256];
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/status", (int)pid);
	file = fopen(line, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtoul(line + 6, NULL, 10);
	fclose(file);
	return kib;
}

/* A call whose answer nobody waits for. */
static void ask(sd_bus *bus, const char *path, const char *interface, const char *member)
{
	sd_bus_message *call = NULL;
	uint64_t cookie;

	ck_assert_int_ge(sd_bus_message_new_method_call(bus, &call, "org.mesod1", path, interface,
							member),
			 0);
	ck_assert_int_ge(sd_bus_send(bus, call, &cookie), 0);
	sd_bus_message_unref(call);
}

static bool is_connect(const struct trace_call *call, void *userdata)
{
	(void)userdata;
	return call->number == SYS_connect;
}

static bool is_not_over(void *userdata)
{
	(void)userdata;
	return false;
}

/* As where systemd's DeviceAllow= does not know a driver that was loaded later than mesod was started. */
START_TEST(a_gun_that_the_sandbox_does_not_know_yet_makes_an_idle_mesod_start_again)
{
	const struct trace_plan forbidden = { .deed = TRACE_FAIL,
					      .n = 1,
					      .error = EPERM,
					      .for_ever = true,
					      .limit_ms = 8000,
					      .counts = is_connect,
					      .over = is_not_over };
	struct sockaddr_un there = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const char *places[] = { NULL, NULL };
	char late[96];

	mesod_fixture_signal(&f, SIGTERM);
	snprintf(late, sizeof(late), "%s/late", f.dir);
	places[0] = late;
	ck_assert_int_lt(snprintf(there.sun_path, sizeof(there.sun_path), "%s/gun", late),
			 (int)sizeof(there.sun_path));
	ck_assert_int_eq(mkdir(late, 0700), 0);
	/* Nothing is plugged in, not even what was there before. */
	gun_fixture_ask(&f.gun, "unplug");
	f.more_guns = places;
	mesod_fixture_run_daemon(&f);
	f.more_guns = NULL;
	mesod_trace_begin(f.mesod_pid);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&there, sizeof(there)), 0);
	ck_assert_int_eq(mesod_trace_run(f.mesod_pid, &forbidden).end, TRACE_ENDED);
	f.mesod_pid = 0;
	/* The next one may. */
	gun_fixture_ask(&f.gun, "plug");
	mesod_fixture_run_daemon(&f);
	mesod_fixture_wait_reconciled(&f);
	close(fd);
	ck_assert_int_eq(unlink(there.sun_path), 0);
	ck_assert_int_eq(rmdir(late), 0);
}
END_TEST

START_TEST(a_hundred_clients_who_ask_and_do_not_read_take_no_memory_and_delay_no_stop)
{
	static sd_bus *clients[CLIENTS];
	unsigned long before;

	mesod_fixture_ready_to_arm(&f);
	mesod_fixture_arm(&f, 20000, 10);
	before = resident_kib(f.mesod_pid);
	for (unsigned int i = 0; i < CLIENTS; i++) {
		clients[i] = mesod_fixture_connect(&f);
		/* It is there, and has its name. */
		ck_assert_int_ge(sd_bus_get_bus_id(clients[i], &(sd_id128_t){ 0 }), 0);
		ask(clients[i], f.gun_path, GUN, "Watch");
	}
	for (unsigned int call = 0; call < CALLS; call++)
		for (unsigned int i = 0; i < CLIENTS; i++)
			ask(clients[i], ROOT, MANAGER, "Formulary");
	for (unsigned int i = 0; i < CLIENTS; i++)
		ck_assert_int_ge(sd_bus_flush(clients[i]), 0);
	ck_assert_int_ge(mesod_call(f.bus, ROOT, MANAGER, "Stop", NULL, NULL, ""), 0);
	gun_fixture_wait_disarmed(&f.gun, 50);
	mesod_fixture_wait_lease_ended(&f);
	ck_assert_uint_le(resident_kib(f.mesod_pid), before + 16384);
	for (unsigned int i = 0; i < CLIENTS; i++)
		sd_bus_unref(clients[i]);
	mesod_fixture_assert_equal(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mesod world");
	TCase *tcase = tcase_create("world");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase,
		       without_its_bus_it_disarms_and_ends_as_failed_so_that_it_is_started_again);
	tcase_add_test(tcase, a_second_one_on_the_same_bus_does_not_start_and_the_first_goes_on);
	tcase_add_test(tcase,
		       while_a_slow_disk_opens_the_ledger_callers_are_answered_and_it_can_be_ended);
	tcase_add_test(tcase,
		       a_second_one_on_another_bus_arms_nothing_with_the_ledger_that_the_first_has);
	tcase_add_test(tcase,
		       who_does_not_read_what_it_says_delays_nothing_and_is_told_what_was_lost);
	tcase_add_test(
		tcase,
		a_journal_that_hangs_or_is_gone_delays_nothing_and_gets_the_fields_when_it_is_back);
	tcase_add_test(tcase,
		       a_gun_that_the_sandbox_does_not_know_yet_makes_an_idle_mesod_start_again);
	tcase_add_test(tcase, ten_guns_are_served_and_one_stop_disarms_whichever_is_armed);
	tcase_add_test(tcase,
		       a_hundred_clients_who_ask_and_do_not_read_take_no_memory_and_delay_no_stop);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
