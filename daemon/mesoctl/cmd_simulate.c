// SPDX-License-Identifier: GPL-2.0-only
/*
 * mesoctl simulate: a bus, a simulated gun and mesod of one's own, for as long as
 * one command runs.
 *
 * Everything lives in one directory and is ended and removed afterwards, but for
 * a --state that was asked for.  Never touches the system bus or a real gun.
 */
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "mesoctl.h"
#include "socket_answers.h"
#include "spawn.h"

#define READY_STEPS 2000 /* of 10 ms */

struct simulation {
	struct ctl *ctl;
	char *directory;   /* sockets and logs; removed at the end */
	const char *state; /* memory of the gun, ledger; @directory if none was asked for */
	char *address;
	pid_t bus, gun, mesod;
};

struct simulate_options {
	const char *state;
	const char *serial;
	const char *config;
	const char *formulary;
	const char *mutant;
};

/* A path in a directory; the caller frees it. */
static char *in(const char *directory, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int write_bus_config(struct simulation *s, const char *path)
{
	FILE *f = fopen(path, "we");
	int r;

	if (!f)
		return -errno;
	r = fprintf(
		f,
		"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
		" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
		"<busconfig>\n"
		"  <type>session</type>\n"
		"  <listen>%s</listen>\n"
		"  <auth>EXTERNAL</auth>\n"
		"  <policy context=\"default\">\n"
		"    <allow send_destination=\"*\"/><allow receive_sender=\"*\"/>\n"
		"    <allow own=\"*\"/>\n"
		"    <allow user=\"*\"/>\n"
		"  </policy>\n"
		"</busconfig>\n",
		s->address);
	if (fclose(f) != 0 || r < 0)
		return -EIO;
	return 0;
}

static void print_log(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "  %s", line);
	if (f)
		fclose(f);
}

/* Waits for @ready; a child that ended meanwhile will never be. */
static int wait_ready(struct simulation *s, const char *what, pid_t *pid, bool (*ready)(void *),
		      void *arg, const char *log)
{
	int code;

	for (int i = 0; i < READY_STEPS; i++) {
		if (ready(arg))
			return CTL_OK;
		if (spawn_is_dead(pid))
			break;
		usleep(10000);
	}
	code = ctl_fail(s->ctl, CTL_FAILED, "%s %s; it said:", what,
			*pid ? "does not come up" : "ended at once");
	print_log(log);
	return code;
}

static bool socket_is_there(void *path)
{
	return socket_answers(path);
}

static bool mesod_is_there(void *ctl)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct ctl *c = ctl;
	int owned = 0;

	if (ctl_open_bus(c) < 0)
		return false;
	if (sd_bus_call_method(c->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
			       "org.freedesktop.DBus", "NameHasOwner", NULL, &reply, "s",
			       MESOD_NAME) < 0 ||
	    sd_bus_message_read(reply, "b", &owned) < 0)
		return false;
	return owned;
}

static int start(struct simulation *s, const char *what, char *const argv[], pid_t *pid,
		 bool (*ready)(void *), void *arg)
{
	_cleanup_(ctl_freep) char *log = in(s->directory, what);
	pid_t child;

	if (!log)
		return ctl_fail(s->ctl, CTL_FAILED, "out of memory");
	child = spawn_service(argv, log);
	if (child < 0)
		return ctl_fail(s->ctl, CTL_FAILED, "cannot start %s: %s", argv[0],
				strerrordesc_np(-child));
	*pid = child;
	return wait_ready(s, argv[0], pid, ready, arg, log);
}

static int start_bus(struct simulation *s)
{
	_cleanup_(ctl_freep) char *socket = in(s->directory, "bus"),
				  *config = in(s->directory, "bus.conf");
	_cleanup_(ctl_freep) char *argument = NULL;
	int r;

	if (!socket || !config || asprintf(&argument, "--config-file=%s", config) < 0 ||
	    asprintf(&s->address, "unix:path=%s", socket) < 0)
		return ctl_fail(s->ctl, CTL_FAILED, "out of memory");
	r = write_bus_config(s, config);
	if (r < 0)
		return ctl_fail(s->ctl, CTL_FAILED, "cannot write %s: %s", config,
				strerrordesc_np(-r));
	s->ctl->address = s->address;
	return start(s, "bus.log",
		     (char *[]){ (char *)"dbus-daemon", argument, (char *)"--nofork",
				 (char *)"--nopidfile", (char *)"--nosyslog", NULL },
		     &s->bus, socket_is_there, socket);
}

static int start_gun(struct simulation *s, const struct simulate_options *o)
{
	_cleanup_(ctl_freep) char *program = spawn_find("meso-gun"),
				  *socket = in(s->directory, "gun");
	_cleanup_(ctl_freep) char *control = in(s->directory, "gun.control");
	_cleanup_(ctl_freep) char *memory = in(s->state, "gun.memory"),
				  *truth = in(s->state, "gun.truth");
	char *argv[16];
	size_t n = 0;

	if (!program || !socket || !control || !memory || !truth)
		return ctl_fail(s->ctl, CTL_FAILED, "out of memory");
	argv[n++] = program;
	argv[n++] = (char *)"--socket";
	argv[n++] = socket;
	argv[n++] = (char *)"--memory";
	argv[n++] = memory;
	argv[n++] = (char *)"--truth";
	argv[n++] = truth;
	argv[n++] = (char *)"--control";
	argv[n++] = control;
	if (o->serial) {
		argv[n++] = (char *)"--serial";
		argv[n++] = (char *)o->serial;
	}
	if (o->mutant) {
		argv[n++] = (char *)"--mutant";
		argv[n++] = (char *)o->mutant;
	}
	argv[n] = NULL;
	return start(s, "gun.log", argv, &s->gun, socket_is_there, control);
}

/* That of the source tree that this was built in; or NULL: what mesod finds itself. */
static char *find_formulary(void)
{
	static const char *const trees[] = { "../daemon/data/formulary/formulary.conf",
					     "../../daemon/data/formulary/formulary.conf" };
	char *path = NULL;

	for (size_t i = 0; !path && i < ARRAY_LENGTH(trees); i++)
		path = spawn_beside(trees[i]);
	return path;
}

static int start_mesod(struct simulation *s, const struct simulate_options *o)
{
	_cleanup_(ctl_freep) char *program = spawn_find("mesod"), *socket = in(s->directory, "gun");
	_cleanup_(ctl_freep) char *ledger = in(s->state, "ledger"),
				  *mark = in(s->state, "ledger.mark");
	_cleanup_(ctl_freep) char *ours = find_formulary();
	char *argv[16];
	size_t n = 0;

	if (!program || !socket || !ledger || !mark)
		return ctl_fail(s->ctl, CTL_FAILED, "out of memory");
	if (mkdir(ledger, 0700) < 0 && errno != EEXIST)
		return ctl_fail(s->ctl, CTL_FAILED, "cannot make %s: %s", ledger,
				strerrordesc_np(errno));
	argv[n++] = program;
	argv[n++] = (char *)"--sim";
	argv[n++] = socket;
	argv[n++] = (char *)"--address";
	argv[n++] = s->address;
	argv[n++] = (char *)"--state";
	argv[n++] = ledger;
	argv[n++] = (char *)"--mark";
	argv[n++] = mark;
	if (o->config) {
		argv[n++] = (char *)"--config";
		argv[n++] = (char *)o->config;
	}
	if (o->formulary || ours) {
		argv[n++] = (char *)"--formulary";
		argv[n++] = o->formulary ? (char *)o->formulary : ours;
	}
	argv[n] = NULL;
	return start(s, "mesod.log", argv, &s->mesod, mesod_is_there, s->ctl);
}

static void export(const char *name, const char *prefix, const char *directory, const char *file)
{
	_cleanup_(ctl_freep) char *value = NULL;

	if (asprintf(&value, "%s%s/%s", prefix, directory, file) < 0) {
		value = NULL;
		return;
	}
	setenv(name, value, 1);
	fprintf(stderr, "%s=%s\n", name, value);
}

static int run_command(struct simulation *s, char **command)
{
	const char *shell = getenv("SHELL");
	char *interactive[] = { (char *)(shell && *shell ? shell : "/bin/sh"), NULL };

	export("MESO_BUS_ADDRESS", "unix:path=", s->directory, "bus");
	export("MESO_GUN_CONTROL", "", s->directory, "gun.control");
	export("MESO_GUN_TRUTH", "", s->state, "gun.truth");
	export("INJECTOR_GUN", "sim:", s->directory, "gun");
	if (!command)
		fprintf(stderr,
			"A simulated gun is ready. In this shell, try:\n"
			"  mesoctl operator add --name You --licence TEST --expires 2099-12-31\n"
			"  mesoctl status\n"
			"  meso-gun --ask \"$MESO_GUN_CONTROL\" help\n"
			"`exit` ends it.\n");
	fflush(NULL);
	return spawn_run(command ? command : interactive);
}

static int simulate(struct ctl *ctl, const struct simulate_options *o, char **command)
{
	const char *tmp = getenv("TMPDIR");
	_cleanup_(ctl_freep) char *state = NULL;
	struct simulation s = { .ctl = ctl };
	int code;

	s.directory = in(tmp && *tmp ? tmp : "/tmp", "meso-XXXXXX");
	if (!s.directory || !mkdtemp(s.directory)) {
		code = ctl_fail(ctl, CTL_FAILED, "cannot make a directory in %s: %s",
				tmp && *tmp ? tmp : "/tmp", strerrordesc_np(errno));
		free(s.directory);
		return code;
	}
	s.state = s.directory;
	code = CTL_OK;
	if (o->state) {
		if (mkdir(o->state, 0700) < 0 && errno != EEXIST)
			code = ctl_fail(ctl, CTL_FAILED, "cannot make %s: %s", o->state,
					strerrordesc_np(errno));
		s.state = state = realpath(o->state, NULL);
		if (code == CTL_OK && !state)
			code = ctl_fail(ctl, CTL_FAILED, "cannot use %s: %s", o->state,
					strerrordesc_np(errno));
	}
	if (code == CTL_OK)
		code = start_bus(&s);
	if (code == CTL_OK)
		code = start_gun(&s, o);
	if (code == CTL_OK)
		code = start_mesod(&s, o);
	if (code == CTL_OK)
		code = run_command(&s, command);
	ctl->bus = sd_bus_flush_close_unref(ctl->bus);
	ctl->address = NULL;
	spawn_end(&s.mesod);
	spawn_end(&s.gun);
	spawn_end(&s.bus);
	nftw(s.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s.directory);
	free(s.address);
	return code;
}

int cmd_simulate(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = {
		{ "state", CTL_TEXT, 0, false, offsetof(struct simulate_options, state), "DIR",
		  "keep the gun's memory and the ledger there" },
		{ "serial", CTL_TEXT, 0, false, offsetof(struct simulate_options, serial), "TEXT",
		  "the gun's serial number" },
		{ "config", CTL_TEXT, 0, false, offsetof(struct simulate_options, config), "FILE",
		  "mesod's limits" },
		{ "formulary", CTL_TEXT, 0, false, offsetof(struct simulate_options, formulary),
		  "FILE", "what may be injected" },
		{ "mutant", CTL_TEXT, 0, false, offsetof(struct simulate_options, mutant), "NAME",
		  "a gun whose firmware misbehaves" },
	};
	struct simulate_options o = { 0 };
	char **command;
	int count, code;

	code = ctl_options(ctl, argc, argv, "simulate [OPTION...] [-- COMMAND [ARGUMENT...]]",
			   options, ARRAY_LENGTH(options), &o, &command, &count);
	return code == CTL_OK ? simulate(ctl, &o, count ? command : NULL) : code;
}
