// SPDX-License-Identifier: GPL-2.0-only
/*
 * A foot on a pedal: an input device made by uinput, moved by lines on standard
 * input, each answered by a line.  What must happen within a few milliseconds is
 * one command, for the scenario's shell is slower than that.
 *
 *   uinput_pedal NAME            the pedal: KEY_B, and KEY_A beside it
 *   uinput_pedal --listen NODE MS  how many events of keys another program can read there
 */
#include <errno.h>
#include <fcntl.h>
#include <libevdev/libevdev-uinput.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* More than the kernel keeps for a reader. */
#define FLOOD_EVENTS 200

static const char *name;
static struct libevdev_uinput *pedal;

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value <= 0)
		die("\"%s\" is no number", text);
	return value;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static void create(void)
{
	struct libevdev *device = libevdev_new();
	int r;

	if (!device)
		die("no memory");
	libevdev_set_name(device, name);
	libevdev_set_id_vendor(device, 0x3553);
	libevdev_set_id_product(device, 0xb001);
	if (libevdev_enable_event_code(device, EV_KEY, KEY_A, NULL) < 0 ||
	    libevdev_enable_event_code(device, EV_KEY, KEY_B, NULL) < 0)
		die("no memory");
	r = libevdev_uinput_create_from_device(device, LIBEVDEV_UINPUT_OPEN_MANAGED, &pedal);
	if (r < 0)
		die("uinput: %s", strerror(-r));
	libevdev_free(device);
}

static void key(unsigned int code, int value)
{
	int r;

	if (!pedal)
		die("the pedal is not plugged in");
	r = libevdev_uinput_write_event(pedal, EV_KEY, code, value);
	if (r >= 0)
		r = libevdev_uinput_write_event(pedal, EV_SYN, SYN_REPORT, 0);
	if (r < 0)
		die("uinput: %s", strerror(-r));
}

/* A contact that bounces, and ends as @value. */
static void bounce(int value)
{
	for (int i = 0; i < 3; i++) {
		key(KEY_B, value);
		sleep_ms(1);
		key(KEY_B, !value);
		sleep_ms(1);
	}
	key(KEY_B, value);
}

static void stop_and(const char *who, bool flood, long late_ms)
{
	const pid_t pid = (pid_t)number(who);

	if (kill(pid, SIGSTOP) < 0)
		die("SIGSTOP: %s", strerror(errno));
	key(KEY_B, 1);
	for (int i = 0; flood && i < FLOOD_EVENTS; i++)
		key(KEY_A, i % 2 == 0);
	sleep_ms(late_ms);
	if (kill(pid, SIGCONT) < 0)
		die("SIGCONT: %s", strerror(errno));
}

/* ---- the commands, each with what follows the word ---------------------------------- */

static void down(const char *nothing)
{
	(void)nothing;
	key(KEY_B, 1);
}

static void up(const char *nothing)
{
	(void)nothing;
	key(KEY_B, 0);
}

static void repeat(const char *nothing)
{
	(void)nothing;
	key(KEY_B, 2);
}

static void tap(const char *nothing)
{
	(void)nothing;
	key(KEY_B, 1);
	sleep_ms(50);
	key(KEY_B, 0);
}

static void other(const char *nothing)
{
	(void)nothing;
	key(KEY_A, 1);
	sleep_ms(50);
	key(KEY_A, 0);
}

/* A press and its release, of a contact that bounces. */
static void bouncing(const char *nothing)
{
	(void)nothing;
	bounce(1);
	sleep_ms(150);
	bounce(0);
}

/* A press that this process reads 80 ms later. */
static void late(const char *who)
{
	stop_and(who, false, 80);
}

/* A press that this process does not read, for the kernel had no room for it. */
static void lose(const char *who)
{
	stop_and(who, true, 0);
}

static void plug(const char *nothing)
{
	(void)nothing;
	create();
}

static void unplug(const char *nothing)
{
	(void)nothing;
	libevdev_uinput_destroy(pedal);
	pedal = NULL;
}

static const struct {
	const char *word;
	void (*act)(const char *rest);
} commands[] = {
	{ "down", down },   { "up", up },          { "repeat", repeat }, { "tap", tap },
	{ "other", other }, { "late", late },      { "lose", lose },     { "bounce", bouncing },
	{ "create", plug }, { "destroy", unplug },
};

static void obey(char *line)
{
	char *rest;

	line[strcspn(line, "\n")] = '\0';
	rest = line + strcspn(line, " ");
	if (*rest)
		*rest++ = '\0';
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(line, commands[i].word) == 0) {
			commands[i].act(rest);
			return;
		}
	die("what is \"%s\"?", line);
}

static int listen_to(const char *node, int ms)
{
	struct pollfd poll_fd = { .fd = open(node, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
				  .events = POLLIN };
	struct input_event event;
	unsigned int n = 0;

	if (poll_fd.fd < 0)
		die("%s: %s", node, strerror(errno));
	puts("listening");
	fflush(stdout);
	while (poll(&poll_fd, 1, ms) > 0)
		while (read(poll_fd.fd, &event, sizeof(event)) == sizeof(event))
			n += event.type == EV_KEY;
	close(poll_fd.fd);
	printf("%u\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	char line[64];

	if (argc == 4 && strcmp(argv[1], "--listen") == 0)
		return listen_to(argv[2], (int)number(argv[3]));
	if (argc != 2)
		die("usage: uinput_pedal NAME | --listen NODE MS");
	name = argv[1];
	create();
	printf("%s\n", libevdev_uinput_get_devnode(pedal));
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		obey(line);
		printf("%s\n", pedal ? libevdev_uinput_get_devnode(pedal) : "gone");
		fflush(stdout);
	}
	return 0;
}
