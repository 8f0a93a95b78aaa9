// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mock_mesod.h.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include <linux/meso.h>

#include "mock_mesod.h"
#include "socket_answers.h"

#define GUN_PATH     "/org/mesod1/gun/MOCK_2d1"
#define SESSION_PATH "/org/mesod1/session/1"

struct service {
	enum mock_mode mode;
	sd_event *event;
	sd_bus *bus;
	int calls;
	int lease_fd;
	bool primed;
	uint32_t shots;
	uint32_t arms;
	unsigned int looks; /* at whether the gun is ready */
	uint64_t session_nl;
	char client[64];
};

/* In the service nothing can be asserted: what fails ends it, and the test sees that. */
static void must(int r)
{
	if (r < 0)
		_exit(99);
}

static void note(struct service *s, const char *what)
{
	char line[64];

	snprintf(line, sizeof(line), "%s\n", what);
	if (write(s->calls, line, strlen(line)) < 0)
		_exit(98);
}

static sd_bus_message *new_signal(struct service *s, const char *path, const char *interface,
				  const char *member)
{
	sd_bus_message *m = NULL;

	must(sd_bus_message_new_signal(s->bus, &m, path, interface, member));
	must(sd_bus_message_set_destination(m, s->client));
	return m;
}

static void send_and_drop(struct service *s, sd_bus_message *m)
{
	must(sd_bus_send(s->bus, m, NULL));
	must(sd_bus_flush(s->bus));
	sd_bus_message_unref(m);
}

static void append_status(struct service *s, sd_bus_message *m)
{
	uint32_t flags =
		MESO_STATUS_VALID | MESO_STATUS_FRESH | (s->primed ? MESO_STATUS_PRIMED : 0);

	must(sd_bus_message_append(m, "a{sv}", 12, "state", "u", 0, "state_name", "s", "idle",
				   "fresh", "b", 1, "fault_names", "as", 0, "flags", "u", flags,
				   "plunger_nm", "i", 12345678, "depth_um", "u", 2000,
				   "pressure_pa", "i", -1500, "bore_um", "u", 12060, "capacity_nl",
				   "u", 5000000, "boot_id", "t", UINT64_C(0xfedcba9876543210),
				   "reservoir_nl", "u", 4200000));
}

static void telemetry(struct service *s)
{
	sd_bus_message *m = new_signal(s, GUN_PATH, "org.mesod1.Gun", "Telemetry");

	append_status(s, m);
	send_and_drop(s, m);
}

static void shot(struct service *s)
{
	sd_bus_message *m = new_signal(s, SESSION_PATH, "org.mesod1.Session", "Shot");

	s->shots++;
	s->session_nl += 20000;
	must(sd_bus_message_append(m, "a{sv}", 9, "number", "t", (uint64_t)s->shots, "asked_nl",
				   "u", 20000, "delivered_nl", "u", 20000, "depth_um", "u", 2000,
				   "peak_pa", "i", 212000, "result", "s", "complete", "session_nl",
				   "t", s->session_nl, "left_nl", "u", 60000 - 20000 * s->shots,
				   "shots_left", "u", 3 - s->shots));
	send_and_drop(s, m);
}

static void lease_ended(struct service *s, const char *lease, const char *reason, bool settled)
{
	sd_bus_message *m = new_signal(s, SESSION_PATH, "org.mesod1.Session", "LeaseEnded");

	must(sd_bus_message_append(m, "ssbt", lease, reason, (int)settled, (uint64_t)60000));
	send_and_drop(s, m);
}

/* What happens once the gun is armed; each mode's own misfortune comes after two shots. */
static void lease_goes_on(struct service *s)
{
	sd_bus_message *m;

	s->shots = 0;
	if (s->mode == MOCK_WAITS)
		return;
	shot(s);
	shot(s);
	switch (s->mode) {
	case MOCK_FAULT:
		lease_ended(s, "lease-2", "fault", true);
		return;
	case MOCK_UNSETTLED:
		lease_ended(s, "lease-2", "spent", false);
		return;
	case MOCK_CRASH:
		_exit(0);
	case MOCK_HANG:
		raise(SIGSTOP);
		return;
	case MOCK_ENDS_UNTOLD:
		telemetry(s); /* it says "idle" */
		return;
	case MOCK_GUN_GONE:
		m = new_signal(s, "/org/mesod1", "org.freedesktop.DBus.ObjectManager",
			       "InterfacesRemoved");
		must(sd_bus_message_append(m, "oas", GUN_PATH, 1, "org.mesod1.Gun"));
		send_and_drop(s, m);
		return;
	case MOCK_CLOSES:
		m = new_signal(s, SESSION_PATH, "org.mesod1.Session", "Closed");
		must(sd_bus_message_append(m, "s", "a later fact forbids it"));
		send_and_drop(s, m);
		return;
	default:
		shot(s);
		lease_ended(s, "lease-2", "spent", true);
	}
}

static void append_gun(sd_bus_message *m, const char *path, const char *serial, const char *uri,
		       bool ready)
{
	must(sd_bus_message_append(m, "{oa{sa{sv}}}", path, 1, "org.mesod1.Gun", 9, "Serial", "s",
				   serial, "Model", "s", "mock", "Firmware", "s", "1.0", "Uri", "s",
				   uri, "State", "s", "idle", "Faults", "as", 0, "Quarantined", "b",
				   0, "Ready", "b", ready, "InSession", "b", 0));
}

static void append_objects(struct service *s, sd_bus_message *reply)
{
	must(sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}"));
	must(sd_bus_message_append(reply, "{oa{sa{sv}}}", "/org/mesod1", 1, "org.mesod1.Manager", 1,
				   "State", "s", "ok"));
	if (s->mode != MOCK_NO_GUN)
		append_gun(reply, GUN_PATH, "MOCK-1", "sim:/tmp/gun", s->mode != MOCK_COMPARES);
	if (s->mode == MOCK_TWO_GUNS)
		append_gun(reply, "/org/mesod1/gun/MOCK_2d2", "MOCK-2", "kernel:/dev/meso1", true);
	must(sd_bus_message_close_container(reply));
}

static void append_verdicts(struct service *s, sd_bus_message *reply)
{
	bool refuse = s->mode == MOCK_CHECK_REFUSES;

	must(sd_bus_message_append(
		reply, "aa{sv}", 1, 10, "rule", "s", "session-volume", "severity", "s",
		refuse ? "hard" : "ok", "unit", "s", "nL", "limit", "t", (uint64_t)10000000,
		"soft_limit", "t", (uint64_t)6000000, "spent", "t", (uint64_t)400000, "asked", "t",
		(uint64_t)60000, "allowed", "t", (uint64_t)9600000, "when", "x", (int64_t)0, "text",
		"s", "the session would come to more than its limit"));
}

static void append_check(struct service *s, sd_bus_message *reply)
{
	must(sd_bus_message_append(reply, "b", s->mode != MOCK_CHECK_REFUSES));
	append_verdicts(s, reply);
}

static void append_summary(struct service *s, sd_bus_message *reply)
{
	must(sd_bus_message_append(reply, "a{sv}", 7, "patient", "s", "0123", "operator", "s",
				   "4567", "shots", "u", s->shots, "delivered_nl", "t",
				   s->session_nl, "outstanding_nl", "t", (uint64_t)0, "primed_nl",
				   "t", (uint64_t)50000, "incidents", "u",
				   s->mode == MOCK_INCIDENT ? 1 : 0));
}

static int on_lease_fd(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	(void)fd;
	(void)events;
	note(userdata, "lease-closed");
	return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

static void open_session(struct service *s, sd_bus_message *call, sd_bus_message *reply)
{
	int fds[2];

	snprintf(s->client, sizeof(s->client), "%s", sd_bus_message_get_sender(call));
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(sd_bus_message_append(reply, "oh", SESSION_PATH, fds[1]));
	close(fds[1]);
	s->lease_fd = fds[0];
	must(sd_event_add_io(s->event, NULL, fds[0], EPOLLHUP, on_lease_fd, s));
}

static void append_properties(struct service *s, sd_bus_message *reply)
{
	must(sd_bus_message_append(reply, "a{sv}", 5, "Version", "s", MESO_VERSION, "State", "s",
				   "ok", "LedgerState", "s",
				   s->mode == MOCK_BAD_LEDGER ? "corrupt" : "ok", "LedgerId", "s",
				   "89ab", "Simulated", "b", 1));
}

static const char *refusal(struct service *s, const char *method)
{
	if (s->mode == MOCK_DENIES &&
	    (strcmp(method, "OpenSession") == 0 || strcmp(method, "Stop") == 0 ||
	     strcmp(method, "RegisterOperator") == 0))
		return "org.mesod1.Error.Denied";
	if (strcmp(method, "Arm") == 0 &&
	    (s->mode == MOCK_ARM_REFUSES || (s->mode == MOCK_SECOND_ARM_REFUSES && s->arms > 0)))
		return "org.mesod1.Error.DoseLimit";
	return NULL;
}

/* Methods whose answer is nothing. */
static bool answers_nothing(const char *method)
{
	static const char *const methods[] = { "Stop", "Watch", "Load", "KeepAlive", "Disarm" };

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i], method) == 0)
			return true;
	return false;
}

static void append_record(sd_bus_message *reply, uint64_t number)
{
	const int64_t time_s = 1800000000 + (int64_t)number;

	if (number % 2)
		must(sd_bus_message_append(reply, "a{sv}", 6, "number", "t", number, "time", "x",
					   time_s, "type", "s", "incident", "hash", "s", "abcd",
					   "kind", "s", "overrun", "detail", "s",
					   number == 5 ? "=SUM(A1), \"or\" worse" : "plain"));
	else
		must(sd_bus_message_append(reply, "a{sv}", 7, "number", "t", number, "time", "x",
					   time_s, "type", "s", "shot", "hash", "s", "ef01",
					   "epoch", "x", (int64_t)-2, "delivered_nl", "x",
					   (int64_t)20000, "peak_pa", "x", (int64_t)-5));
}

static void append_records(struct service *s, sd_bus_message *call, sd_bus_message *reply)
{
	uint64_t after;
	uint32_t max;

	must(sd_bus_message_read(call, "tu", &after, &max));
	if (s->mode == MOCK_LEDGER_VANISHES && after >= 500)
		_exit(0);
	must(sd_bus_message_open_container(reply, 'a', "a{sv}"));
	for (uint64_t n = after + 1; n <= MOCK_RECORDS && n - after <= max; n++)
		if (s->mode != MOCK_LEDGER_GAP || n != 700)
			append_record(reply, n);
	must(sd_bus_message_close_container(reply));
}

static bool answer(struct service *s, sd_bus_message *call, const char *method,
		   sd_bus_message *reply)
{
	if (strcmp(method, "GetManagedObjects") == 0)
		append_objects(s, reply);
	else if (strcmp(method, "GetAll") == 0)
		append_properties(s, reply);
	else if (strcmp(method, "Get") == 0)
		must(sd_bus_message_append(reply, "v", "b",
					   s->mode != MOCK_COMPARES || s->looks++ >= 3));
	else if (strcmp(method, "GetStatus") == 0)
		append_status(s, reply);
	else if (strcmp(method, "GetRegisters") == 0)
		must(sd_bus_message_append(reply, "a(stt)", 2, "pressure-pa", (uint64_t)-1500,
					   (uint64_t)1000, "epoch", UINT64_C(0xfedcba9876543210),
					   (uint64_t)1000));
	else if (strcmp(method, "RegisterOperator") == 0 || strcmp(method, "AddPatient") == 0)
		must(sd_bus_message_append(reply, "s", "0123"));
	else if (strcmp(method, "ListPatients") == 0)
		must(sd_bus_message_append(reply, "a(sss)", 1, "0123", "REF-7", "Ada Lovelace"));
	else if (strcmp(method, "GetPatient") == 0)
		must(sd_bus_message_append(reply, "a{sv}", 5, "id", "s", "0123", "reference", "s",
					   "REF-7", "name", "s", "Ada Lovelace", "delivered_24h_nl",
					   "t", (uint64_t)400000, "session", "o", "/"));
	else if (strcmp(method, "Check") == 0)
		append_check(s, reply);
	else if (strcmp(method, "Formulary") == 0 && s->mode == MOCK_NO_GUN)
		must(sd_bus_message_append(reply, "saa{sv}", "ffff", 0));
	else if (strcmp(method, "Formulary") == 0)
		must(sd_bus_message_append(reply, "saa{sv}", "0123", 2, 1, "group", "s",
					   "preparation", 1, "group", "s", "area"));
	else if (strcmp(method, "ListSessions") == 0 && s->mode == MOCK_TENTH)
		must(sd_bus_message_append(reply, "aa{sv}", 2, 2, "shots", "u", 10, "delivered_nl",
					   "t", (uint64_t)19991, 2, "shots", "u", 0, "delivered_nl",
					   "t", (uint64_t)0));
	else if (strcmp(method, "ListSessions") == 0)
		must(sd_bus_message_append(reply, "aa{sv}", 0));
	else if (strcmp(method, "VerifyLedger") == 0)
		must(sd_bus_message_append(
			reply, "btss", s->mode != MOCK_BAD_LEDGER, (uint64_t)12, "abcd",
			s->mode == MOCK_BAD_LEDGER ? "record 7 was changed" : ""));
	else if (strcmp(method, "ListLedger") == 0)
		append_records(s, call, reply);
	else if (strcmp(method, "OpenSession") == 0)
		open_session(s, call, reply);
	else if (strcmp(method, "Prime") == 0)
		must(sd_bus_message_append(reply, "st", "lease-1", (uint64_t)51000));
	else if (strcmp(method, "Arm") == 0)
		must(sd_bus_message_append(reply, "st", "lease-2", (uint64_t)61000));
	else if (strcmp(method, "Close") == 0 || strcmp(method, "GetDetails") == 0)
		append_summary(s, reply);
	else
		return answers_nothing(method);
	return true;
}

static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	const char *method = sd_bus_message_get_member(call), *name;
	struct service *s = userdata;
	sd_bus_message *reply = NULL;

	note(s, method);
	name = refusal(s, method);
	if (name)
		return sd_bus_error_set(
			error, name,
			"rule=session-volume limit=500 uL spent=400 uL asked=440 uL "
			"allowed=60 uL when=never: the session has had enough");
	must(sd_bus_message_new_method_return(call, &reply));
	if (!answer(s, call, method, reply)) {
		sd_bus_message_unref(reply);
		return 0;
	}
	must(sd_bus_send(s->bus, reply, NULL));
	sd_bus_message_unref(reply);
	if (strcmp(method, "Watch") == 0 && s->client[0]) {
		s->primed = s->mode == MOCK_PRIMED;
		telemetry(s);
	} else if (strcmp(method, "Watch") == 0) {
		snprintf(s->client, sizeof(s->client), "%s", sd_bus_message_get_sender(call));
		for (int i = 0; i < 3; i++)
			telemetry(s);
	} else if (strcmp(method, "Prime") == 0 && s->mode != MOCK_NEVER_PRIMED) {
		lease_ended(s, "lease-1", "spent", true);
		s->primed = true;
		telemetry(s);
	} else if (strcmp(method, "Arm") == 0) {
		s->arms++;
		lease_goes_on(s);
	}
	return 1;
}

static int connect_to(const char *address, sd_bus **ret)
{
	int r = sd_bus_new(ret);

	if (r >= 0)
		r = sd_bus_set_address(*ret, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(*ret, 1);
	return r < 0 ? r : sd_bus_start(*ret);
}

static void serve(const struct mock *mock, enum mock_mode mode)
{
	struct service s = { .mode = mode, .lease_fd = -1 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s.calls = open(mock->calls, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	must(s.calls);
	must(sd_event_new(&s.event));
	must(connect_to(mock->address, &s.bus));
	must(sd_bus_attach_event(s.bus, s.event, 0));
	must(sd_bus_add_fallback(s.bus, NULL, "/org/mesod1", on_call, &s));
	must(sd_bus_request_name(s.bus, "org.mesod1", 0));
	note(&s, "ready");
	sd_event_loop(s.event);
	_exit(0);
}

static void start_bus(struct mock *mock)
{
	char config[96], argument[128];
	FILE *f;

	snprintf(config, sizeof(config), "%s/bus.conf", mock->directory);
	f = fopen(config, "we");
	ck_assert_ptr_nonnull(f);
	fprintf(f,
		"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
		" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
		"<busconfig><type>session</type><listen>%s</listen><auth>EXTERNAL</auth>\n"
		"<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>\n"
		"<allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>\n",
		mock->address);
	fclose(f);
	snprintf(argument, sizeof(argument), "--config-file=%s", config);
	mock->bus = fork();
	ck_assert_int_ge(mock->bus, 0);
	if (mock->bus == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* It complains of limits that it cannot raise. */
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		execlp("dbus-daemon", "dbus-daemon", argument, "--nofork", "--nopidfile",
		       "--nosyslog", NULL);
		_exit(127);
	}
	for (int i = 0; !socket_answers(mock->address + strlen("unix:path=")); i++) {
		ck_assert_msg(i < 1000, "dbus-daemon does not come up");
		usleep(10000);
	}
}

void mock_start(struct mock *mock, enum mock_mode mode)
{
	memset(mock, 0, sizeof(*mock));
	strcpy(mock->directory, "/tmp/mock-mesod-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(mock->directory));
	snprintf(mock->address, sizeof(mock->address), "unix:path=%s/bus", mock->directory);
	snprintf(mock->calls, sizeof(mock->calls), "%s/calls", mock->directory);
	start_bus(mock);
	if (mode == MOCK_NO_MESOD)
		return;
	mock->service = fork();
	ck_assert_int_ge(mock->service, 0);
	if (mock->service == 0)
		serve(mock, mode);
	ck_assert(mock_wait_call(mock, "ready"));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void mock_stop(struct mock *mock)
{
	if (mock->service > 0) {
		kill(mock->service, SIGKILL);
		waitpid(mock->service, NULL, 0);
	}
	kill(mock->bus, SIGKILL);
	waitpid(mock->bus, NULL, 0);
	nftw(mock->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int mock_calls(const struct mock *mock, const char *method)
{
	FILE *f = fopen(mock->calls, "re");
	char line[64];
	int count = 0;

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		count += strcmp(line, method) == 0;
	}
	if (f)
		fclose(f);
	return count;
}

bool mock_wait_call(const struct mock *mock, const char *method)
{
	for (int i = 0; i < 500; i++) {
		if (mock_calls(mock, method) > 0)
			return true;
		usleep(10000);
	}
	return false;
}

/* ------------------------------------------------------------- mesoctl itself */

static void split(char *text, char **argv, size_t max)
{
	size_t n = 0;

	while (*text) {
		char end = ' ';

		while (*text == ' ')
			text++;
		if (!*text)
			break;
		if (*text == '\'') {
			end = '\'';
			text++;
		}
		ck_assert_uint_lt(n, max - 1);
		argv[n++] = text;
		while (*text && *text != end)
			text++;
		if (*text)
			*text++ = '\0';
	}
	argv[n] = NULL;
}

static void read_file(const char *directory, const char *name, char *buf, size_t size)
{
	char path[128];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	f = fopen(path, "re");
	if (f) {
		n = fread(buf, 1, size - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
}

static int open_in(const char *directory, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
}

pid_t mesoctl_begin(const struct mock *mock, const char *arguments, const char *directory,
		    int *ret_input)
{
	const char *build = getenv("BUILD");
	char program[256], text[1024], *argv[64];
	int fds[2];
	pid_t pid;

	ck_assert_int_ge(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid > 0) {
		close(fds[0]);
		if (ret_input)
			*ret_input = fds[1];
		else
			close(fds[1]);
		return pid;
	}
	snprintf(program, sizeof(program), "%s/mesoctl", build ? build : "build");
	snprintf(text, sizeof(text), "mesoctl %s", arguments);
	split(text, argv, sizeof(argv) / sizeof(argv[0]));
	if (mock)
		setenv("MESO_BUS_ADDRESS", mock->address, 1);
	dup2(fds[0], STDIN_FILENO);
	dup2(open_in(directory, "out"), STDOUT_FILENO);
	dup2(open_in(directory, "err"), STDERR_FILENO);
	alarm(30);
	execv(program, argv);
	_exit(127);
}

void mesoctl_end(pid_t pid, const char *directory, struct run *run)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	read_file(directory, "out", run->out, sizeof(run->out));
	read_file(directory, "err", run->err, sizeof(run->err));
}

void mesoctl_run(const struct mock *mock, struct run *run, const char *arguments)
{
	char directory[] = "/tmp/run-mesoctl-XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(directory));
	mesoctl_end(mesoctl_begin(mock, arguments, directory, NULL), directory, run);
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
