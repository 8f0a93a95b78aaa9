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

static void destroy(void)
{
	libevdev_uinput_destroy(pedal);
	pedal = NULL;
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

static void stop_and(pid_t pid, bool flood, long late_ms)
{
	if (kill(pid, SIGSTOP) < 0)
		die("SIGSTOP: %s", strerror(errno));
	key(KEY_B, 1);
	for (int i = 0; flood && i < FLOOD_EVENTS; i++)
		key(KEY_A, i % 2 == 0);
	sleep_ms(late_ms);
	if (kill(pid, SIGCONT) < 0)
		die("SIGCONT: %s", strerror(errno));
}

static void obey(const char *line)
{
	long number = 0;
	char word[16] = "";

	sscanf(line, "%15s %ld", word, &number);
	if (strcmp(word, "down") == 0)
		key(KEY_B, 1);
	else if (strcmp(word, "up") == 0)
		key(KEY_B, 0);
	else if (strcmp(word, "repeat") == 0)
		key(KEY_B, 2);
	else if (strcmp(word, "other") == 0)
		key(KEY_A, 1), sleep_ms(50), key(KEY_A, 0);
	else if (strcmp(word, "tap") == 0)
		key(KEY_B, 1), sleep_ms(50), key(KEY_B, 0);
	else if (strcmp(word, "bounce") == 0)
		bounce(1), sleep_ms(150), bounce(0);
	else if (strcmp(word, "lose") == 0)
		stop_and((pid_t)number, true, 0);
	else if (strcmp(word, "late") == 0)
		stop_and((pid_t)number, false, 80);
	else if (strcmp(word, "create") == 0)
		create();
	else if (strcmp(word, "destroy") == 0)
		destroy();
	else
		die("what is \"%s\"?", word);
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
		return listen_to(argv[2], atoi(argv[3]));
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
