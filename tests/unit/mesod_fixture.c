// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mesod_fixture.h.
 */
#include "mesod_fixture.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "socket_answers.h"

#define PATIENCE_MS 10000

/* ---- processes ----------------------------------------------------------------------- */

static const char *program(const char *name, char path[static 256])
{
	const char *build = getenv("BUILD");
	char self[200];
	ssize_t n;

	if (build) {
		snprintf(path, 256, "%s/%s", build, name);
		return path;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	ck_assert_int_gt((int)n, 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, 256, "%s/../%s", self, name);
	return path;
}

static pid_t spawn(const char *file, char *const *argv)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(file, argv);
	_exit(127);
}

static void end_process(pid_t *pid, int sig)
{
	int status;

	if (*pid <= 0)
		return;
	kill(*pid, sig);
	ck_assert_int_eq(waitpid(*pid, &status, 0), *pid);
	*pid = 0;
	if (sig == SIGTERM)
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended with %d",
			      status);
}

static void start_bus(struct mesod_fixture *f)
{
	char config[96], option[128];
	char *argv[] = { (char *)"dbus-daemon", option, (char *)"--nofork", (char *)"--nopidfile",
			 NULL };
	const int64_t until = gun_fixture_now_ms() + PATIENCE_MS;
	char socket[96];
	FILE *file;

	snprintf(socket, sizeof(socket), "%s/bus", f->dir);
	snprintf(f->address, sizeof(f->address), "unix:path=%s", socket);
	snprintf(config, sizeof(config), "%s/bus.conf", f->dir);
	file = fopen(config, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file,
		"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
		" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
		"<busconfig><type>custom</type><listen>%s</listen><auth>EXTERNAL</auth>"
		"<policy context='default'><allow user='*'/><allow own='*'/>"
		"<allow send_destination='*'/><allow receive_sender='*'/></policy></busconfig>\n",
		f->address);
	fclose(file);
	snprintf(option, sizeof(option), "--config-file=%s", config);
	f->bus_pid = spawn("dbus-daemon", argv);
	while (!socket_answers(socket)) {
		ck_assert_msg(gun_fixture_now_ms() < until, "no bus");
		gun_fixture_sleep_ms(5);
	}
	chmod(f->dir, 0755);
	chmod(socket, 0777);
}

sd_bus *mesod_fixture_connect(const struct mesod_fixture *f)
{
	sd_bus *bus = NULL;

	ck_assert_int_ge(sd_bus_new(&bus), 0);
	ck_assert_int_ge(sd_bus_set_address(bus, f->address), 0);
	ck_assert_int_ge(sd_bus_set_bus_client(bus, 1), 0);
	ck_assert_int_ge(sd_bus_start(bus), 0);
	ck_assert_int_ge(sd_bus_set_method_call_timeout(bus, 8000000), 0);
	return bus;
}

static bool has_owner(struct mesod_fixture *f)
{
	sd_bus_message *reply = NULL;
	int here = 0;

	ck_assert_int_ge(sd_bus_call_method(f->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
					    "org.freedesktop.DBus", "NameHasOwner", NULL, &reply,
					    "s", "org.mesod1"),
			 0);
	ck_assert_int_ge(sd_bus_message_read_basic(reply, 'b', &here), 0);
	sd_bus_message_unref(reply);
	return here;
}

static void write_file(const struct mesod_fixture *f, const char *name, const char *text,
		       char path[static 96])
{
	FILE *file;

	snprintf(path, 96, "%s/%s", f->dir, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

/* Nothing in it is near a bound: what a suite is about must be asked for. */
static const char plain_formulary[] = "[substance test-fluid]\n"
				      "name = Test fluid\n"
				      "measured-in = mass\n"
				      "no-limit = yes; tests\n"
				      "[preparation " FIXTURE_PREPARATION "]\n"
				      "name = Test fluid, 10 mg in a mL\n"
				      "components = test-fluid 10 mg/mL; tests\n"
				      "cartridge = 1\n"
				      "viscosity = 1 mPa.s; tests\n"
				      "[area " FIXTURE_AREA "]\n"
				      "name = A field\n"
				      "depth = 1 mm to 4 mm; tests\n"
				      "size = 1000 cm2; tests\n";

pid_t mesod_fixture_spawn_daemon(struct mesod_fixture *f)
{
	char config[96] = "/nonexistent";
	char formulary[96];
	char path[256];
	char *argv[24] = { path,
			   (char *)"--sim",
			   f->gun.socket,
			   (char *)"--address",
			   f->address,
			   (char *)"--state",
			   (char *)(f->state ? f->state : f->dir),
			   (char *)"--mark",
			   f->mark,
			   (char *)"--config",
			   config,
			   (char *)"--formulary",
			   formulary };
	size_t n = 13;

	if (f->owner) {
		argv[n++] = (char *)"--owner";
		argv[n++] = (char *)f->owner;
	}
	if (f->polkit)
		argv[n++] = (char *)"--polkit";
	if (*f->clock) {
		argv[n++] = (char *)"--clock";
		argv[n++] = f->clock;
	}
	for (const char *const *more = f->more_guns; more && *more; more++) {
		ck_assert_uint_lt(n, 23);
		argv[n++] = (char *)(uintptr_t)*more;
	}

	program("mesod", path);
	if (f->config)
		write_file(f, "mesod.conf", f->config, config);
	if (f->formulary && !strchr(f->formulary, '\n'))
		snprintf(formulary, sizeof(formulary), "%s", f->formulary);
	else
		write_file(f, "formulary.conf", f->formulary ? f->formulary : plain_formulary,
			   formulary);
	return spawn(path, argv);
}

void mesod_fixture_run_daemon(struct mesod_fixture *f)
{
	const int64_t until = gun_fixture_now_ms() + PATIENCE_MS;

	f->mesod_pid = mesod_fixture_spawn_daemon(f);
	while (!has_owner(f)) {
		ck_assert_msg(mesod_fixture_daemon_lives(f), "mesod did not start");
		ck_assert_msg(gun_fixture_now_ms() < until, "mesod does not take its name");
		gun_fixture_sleep_ms(5);
	}
}

void mesod_fixture_set_clock(struct mesod_fixture *f, unsigned int boot, int64_t shift_s)
{
	char other[110];
	FILE *file;

	snprintf(f->clock, sizeof(f->clock), "%s/clock", f->dir);
	snprintf(other, sizeof(other), "%s.new", f->clock);
	file = fopen(other, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%08x-0000-4000-8000-000000000000 %lld\n", boot, (long long)shift_s);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(rename(other, f->clock), 0);
}

void mesod_fixture_signal(struct mesod_fixture *f, int sig)
{
	if (sig == SIGKILL || sig == SIGTERM)
		end_process(&f->mesod_pid, sig);
	else
		kill(f->mesod_pid, sig);
}

bool mesod_fixture_daemon_lives(struct mesod_fixture *f)
{
	return waitpid(f->mesod_pid, NULL, WNOHANG) == 0;
}

/* ---- signals from mesod ------------------------------------------------------------------ */

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct mesod_fixture *f = userdata;
	const char *lease, *reason;
	int settled;

	(void)error;
	if (sd_bus_message_is_signal(message, SESSION, "Shot")) {
		f->shots_told++;
	} else if (sd_bus_message_is_signal(message, SESSION, "Closed")) {
		f->closed++;
	} else if (sd_bus_message_is_signal(message, GUN, "Telemetry")) {
		f->telemetry++;
	} else if (sd_bus_message_is_signal(message, SESSION, "LeaseEnded")) {
		ck_assert_int_ge(sd_bus_message_read(message, "ssb", &lease, &reason, &settled), 0);
		f->leases_ended++;
		f->last_settled = settled;
		snprintf(f->ended, sizeof(f->ended), "%s", lease);
	}
	return 0;
}

void mesod_fixture_process(struct mesod_fixture *f)
{
	while (sd_bus_process(f->bus, NULL) > 0)
		;
}

void mesod_fixture_process_for(struct mesod_fixture *f, int ms)
{
	const int64_t until = gun_fixture_now_ms() + ms;

	do {
		mesod_fixture_process(f);
		gun_fixture_sleep_ms(5);
	} while (gun_fixture_now_ms() < until);
}

/* ---- start and stop ------------------------------------------------------------------------ */

static void find_gun_path(struct mesod_fixture *f)
{
	struct meso_info info;
	inj_gun *handle = NULL;
	char *path;

	ck_assert_int_eq(inj_gun_open(f->gun.uri, INJ_OPEN_READ_ONLY, &handle), 0);
	ck_assert_int_eq(inj_gun_get_info(handle, &info), 0);
	inj_gun_unref(handle);
	ck_assert_int_ge(sd_bus_path_encode(ROOT "/gun", info.serial, &path), 0);
	snprintf(f->gun_path, sizeof(f->gun_path), "%s", path);
	free(path);
}

void mesod_fixture_client(const struct mesod_fixture *f, const struct gun_fixture *gun,
			  struct mesod_fixture *ret)
{
	*ret = *f;
	ret->gun = *gun;
	ret->lease_fd = -1;
	*ret->session = *ret->lease = *ret->ended = '\0';
	ret->shots_told = ret->leases_ended = ret->closed = ret->telemetry = 0;
	find_gun_path(ret);
	ret->bus = mesod_fixture_connect(ret);
	ck_assert_int_ge(sd_bus_add_filter(ret->bus, NULL, on_message, ret), 0);
}

void mesod_fixture_client_leave(struct mesod_fixture *client)
{
	if (client->lease_fd >= 0)
		close(client->lease_fd);
	client->lease_fd = -1;
	client->bus = sd_bus_close_unref(client->bus);
}

void mesod_fixture_lose_bus(struct mesod_fixture *f)
{
	f->bus = sd_bus_close_unref(f->bus);
	end_process(&f->bus_pid, SIGKILL);
}

void mesod_fixture_renew_bus(struct mesod_fixture *f)
{
	start_bus(f);
	f->bus = mesod_fixture_connect(f);
	ck_assert_int_ge(sd_bus_add_filter(f->bus, NULL, on_message, f), 0);
}

static void start(struct mesod_fixture *f, const char *const *gun_extra, const char *owner,
		  bool polkit)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	memset(f, 0, sizeof(*f));
	f->lease_fd = -1;
	f->owner = owner;
	f->polkit = polkit;
	snprintf(f->dir, sizeof(f->dir), "%s/mesod-test-XXXXXX", base);
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	snprintf(f->mark, sizeof(f->mark), "%s/mark", f->dir);
	gun_fixture_start(&f->gun, gun_extra);
	find_gun_path(f);
	mesod_fixture_renew_bus(f);
	mesod_fixture_run_daemon(f);
}

void mesod_fixture_start_bare(struct mesod_fixture *f, const char *const *gun_extra,
			      const char *owner)
{
	start(f, gun_extra, owner, false);
}

void mesod_fixture_start_judged(struct mesod_fixture *f)
{
	/* A uid that nobody has. */
	start(f, NULL, "4000000000", true);
}

/* The date that mesod goes by, which its clock may have shifted. */
static void read_today(struct mesod_fixture *f, const char *patient, char today[static 16])
{
	sd_bus_message *reply = NULL;
	const char *key, *text;

	ck_assert_int_ge(
		mesod_call(f->bus, ROOT, MANAGER, "GetPatient", NULL, &reply, "s", patient), 0);
	ck_assert_int_ge(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		ck_assert_int_ge(sd_bus_message_read_basic(reply, 's', &key), 0);
		if (strcmp(key, "today") == 0) {
			ck_assert_int_ge(sd_bus_message_read(reply, "v", "s", &text), 0);
			snprintf(today, 16, "%s", text);
		} else {
			ck_assert_int_ge(sd_bus_message_skip(reply, "v"), 0);
		}
		ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
	}
	sd_bus_message_unref(reply);
}

void mesod_fixture_assess(struct mesod_fixture *f, const char *patient)
{
	char today[16] = "";

	read_today(f, patient, today);
	ck_assert_int_ge(mesod_call(f->bus, ROOT, MANAGER, "Assess", NULL, NULL, "sa{sv}", patient,
				    3, "today", "s", today, "consent", "b", 1, "elsewhere_asked",
				    "b", 1),
			 0);
}

void mesod_fixture_next_patient(struct mesod_fixture *f)
{
	snprintf(f->who, sizeof(f->who), "P-%u", ++f->patients);
	ck_assert_int_ge(mesod_call(f->bus, ROOT, MANAGER, "AddPatient", NULL, NULL, "sssu", f->who,
				    "Jane Doe", "1940-02-29", 70000u),
			 0);
	mesod_fixture_assess(f, f->who);
}

void mesod_fixture_register(struct mesod_fixture *f)
{
	ck_assert_int_ge(mesod_call(f->bus, ROOT, MANAGER, "RegisterOperator", NULL, NULL, "usss",
				    (uint32_t)getuid(), "Dr. Test", "L-1", "2999-12-31"),
			 0);
	f->patients = 0;
	mesod_fixture_next_patient(f);
}

void mesod_fixture_start(struct mesod_fixture *f, const char *const *gun_extra)
{
	mesod_fixture_start_bare(f, gun_extra, NULL);
	mesod_fixture_register(f);
}

void mesod_fixture_remove_directory(const char *path)
{
	struct dirent *entry;
	DIR *dir;

	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(path);
}

void mesod_fixture_stop(struct mesod_fixture *f)
{
	if (f->lease_fd >= 0)
		close(f->lease_fd);
	end_process(&f->mesod_pid, SIGTERM);
	f->bus = sd_bus_close_unref(f->bus);
	end_process(&f->bus_pid, SIGKILL);
	gun_fixture_stop(&f->gun);
	mesod_fixture_remove_directory(f->dir);
}

/* ---- calls ------------------------------------------------------------------------------------ */

int mesod_call(sd_bus *bus, const char *path, const char *interface, const char *member,
	       sd_bus_error *error, sd_bus_message **reply, const char *types, ...)
{
	sd_bus_error mine = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;
	va_list args;
	int r;

	ck_assert_int_ge(sd_bus_message_new_method_call(bus, &call, "org.mesod1", path, interface,
							member),
			 0);
	if (types && *types) {
		va_start(args, types);
		ck_assert_int_ge(sd_bus_message_appendv(call, types, args), 0);
		va_end(args);
	}
	r = sd_bus_call(bus, call, 0, error ? error : &mine, reply);
	sd_bus_message_unref(call);
	if (r < 0 && !error)
		fprintf(stderr, "%s: %s: %s\n", member, mine.name, mine.message);
	sd_bus_error_free(&mine);
	return r;
}

void mesod_fixture_wait_reconciled(struct mesod_fixture *f)
{
	const int64_t until = gun_fixture_now_ms() + PATIENCE_MS;
	sd_bus_error error = SD_BUS_ERROR_NULL;

	/* The refusals come in a fixed order: a patient that does not exist is asked for last. */
	for (;;) {
		bool ready;

		mesod_call(f->bus, ROOT, MANAGER, "OpenSession", &error, NULL, "osa{sv}",
			   f->gun_path, "nobody", 0);
		ready = sd_bus_error_has_name(&error, "org.mesod1.Error.NoSuchPatient") ||
			sd_bus_error_has_name(&error, "org.mesod1.Error.Quarantined") ||
			sd_bus_error_has_name(&error, "org.mesod1.Error.Busy");
		if (ready)
			break;
		ck_assert_msg(gun_fixture_now_ms() < until, "not reconciled: %s", error.message);
		sd_bus_error_free(&error);
		gun_fixture_sleep_ms(10);
	}
	sd_bus_error_free(&error);
}

int mesod_fixture_try_open_session(struct mesod_fixture *f, sd_bus_error *error)
{
	sd_bus_message *reply = NULL;
	const char *path;
	int fd, r;

	r = mesod_call(f->bus, ROOT, MANAGER, "OpenSession", error, &reply, "osa{sv}", f->gun_path,
		       *f->who ? f->who : FIXTURE_PATIENT, 0);
	if (r < 0)
		return r;
	ck_assert_int_ge(sd_bus_message_read(reply, "oh", &path, &fd), 0);
	snprintf(f->session, sizeof(f->session), "%s", path);
	f->lease_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	ck_assert_int_ge(f->lease_fd, 0);
	sd_bus_message_unref(reply);
	return 0;
}

void mesod_fixture_open_session(struct mesod_fixture *f)
{
	mesod_fixture_wait_reconciled(f);
	ck_assert_int_ge(mesod_fixture_try_open_session(f, NULL), 0);
}

void mesod_fixture_load_again(struct mesod_fixture *f)
{
	ck_assert_int_ge(mesod_call(f->bus, f->session, SESSION, "Load", NULL, NULL, "a{sv}", 1,
				    "preparation", "s", FIXTURE_PREPARATION),
			 0);
}

void mesod_fixture_load(struct mesod_fixture *f)
{
	gun_fixture_ask(&f->gun, "hand contact 0");
	gun_fixture_ask(&f->gun, "hand syringe 5000000");
	mesod_fixture_load_again(f);
}

void mesod_fixture_wait_lease_ended(struct mesod_fixture *f)
{
	const int64_t until = gun_fixture_now_ms() + PATIENCE_MS;

	for (;;) {
		mesod_fixture_process(f);
		if (strcmp(f->ended, f->lease) == 0)
			return;
		ck_assert_msg(gun_fixture_now_ms() < until, "the lease does not end");
		gun_fixture_sleep_ms(2);
	}
}

static void take_lease(struct mesod_fixture *f, sd_bus_message *reply)
{
	const char *lease;

	ck_assert_int_ge(sd_bus_message_read(reply, "st", &lease, &f->reserved_nl), 0);
	snprintf(f->lease, sizeof(f->lease), "%s", lease);
}

void mesod_fixture_prime(struct mesod_fixture *f, uint32_t volume_nl)
{
	sd_bus_message *reply = NULL;

	/* The contact switch is tried once: only one that works earns a prime its credit. */
	gun_fixture_ask(&f->gun, "hand contact 1");
	gun_fixture_sleep_ms(5);
	gun_fixture_ask(&f->gun, "hand contact 0");
	gun_fixture_sleep_ms(5);
	ck_assert_int_ge(mesod_call(f->bus, f->session, SESSION, "Prime", NULL, &reply, "ua{sv}",
				    volume_nl, 1, "area", "s", FIXTURE_AREA),
			 0);
	take_lease(f, reply);
	sd_bus_message_unref(reply);
	gun_fixture_sleep_ms(5);
	gun_fixture_ask(&f->gun, "hand trigger 1");
	mesod_fixture_wait_lease_ended(f);
	gun_fixture_ask(&f->gun, "hand trigger 0");
	ck_assert(f->last_settled);
}

sd_bus_message *mesod_fixture_new_arm(struct mesod_fixture *f, uint32_t dose_nl, uint32_t shots,
				      uint32_t depth_um)
{
	sd_bus_message *call = NULL;

	ck_assert_int_ge(sd_bus_message_new_method_call(f->bus, &call, "org.mesod1", f->session,
							SESSION, "Arm"),
			 0);
	ck_assert_int_ge(sd_bus_message_append(call, "a{sv}", 4, "dose_nl", "u", dose_nl, "shots",
					       "u", shots, "depth_um", "u", depth_um, "area", "s",
					       FIXTURE_AREA),
			 0);
	return call;
}

int mesod_fixture_try_arm(struct mesod_fixture *f, uint32_t dose_nl, uint32_t shots,
			  uint32_t depth_um, sd_bus_error *error)
{
	sd_bus_message *call, *reply = NULL;
	int r;

	gun_fixture_ask(&f->gun, "hand contact 1");
	call = mesod_fixture_new_arm(f, dose_nl, shots, depth_um);
	r = sd_bus_call(f->bus, call, 0, error, &reply);
	sd_bus_message_unref(call);
	if (r >= 0)
		take_lease(f, reply);
	sd_bus_message_unref(reply);
	return r;
}

void mesod_fixture_arm(struct mesod_fixture *f, uint32_t dose_nl, uint32_t shots)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	ck_assert_msg(mesod_fixture_try_arm(f, dose_nl, shots, 2000, &error) >= 0, "Arm: %s: %s",
		      error.name, error.message);
	gun_fixture_sleep_ms(5);
}

/* One press; true if the gun has counted a shot. */
static bool press(struct mesod_fixture *f, uint64_t before)
{
	const int64_t until = gun_fixture_now_ms() + 1000;
	struct meso_status status;

	while (gun_fixture_now_ms() < f->gun.pulled_ms + 125)
		gun_fixture_sleep_ms(5);
	f->gun.pulled_ms = gun_fixture_now_ms();
	gun_fixture_ask(&f->gun, "hand trigger 1");
	do {
		gun_fixture_sleep_ms(3);
		mesod_fixture_status(f, &status);
	} while (status.shot_count == before && gun_fixture_now_ms() < until);
	gun_fixture_ask(&f->gun, "hand trigger 0");
	return status.shot_count != before;
}

void mesod_fixture_shoot(struct mesod_fixture *f)
{
	struct meso_status status;

	mesod_fixture_status(f, &status);
	/* On a busy machine a press may come before the firmware has seen the trigger at rest: a hand
	 * would press again, too. */
	for (int tries = 0; tries < 3; tries++) {
		if (press(f, status.shot_count)) {
			mesod_fixture_process(f);
			return;
		}
		gun_fixture_sleep_ms(20);
	}
	mesod_fixture_status(f, &status);
	ck_abort_msg("no shot: state %s, faults 0x%x, lease %s", inj_state_name(status.state),
		     status.faults, inj_end_name(status.lease_end));
}

void mesod_fixture_ready_to_arm(struct mesod_fixture *f)
{
	mesod_fixture_open_session(f);
	mesod_fixture_load(f);
	mesod_fixture_prime(f, 60000);
}

void mesod_fixture_close_session(struct mesod_fixture *f)
{
	ck_assert_int_ge(mesod_call(f->bus, f->session, SESSION, "Close", NULL, NULL, ""), 0);
	close(f->lease_fd);
	f->lease_fd = -1;
}
