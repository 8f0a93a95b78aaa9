// SPDX-License-Identifier: GPL-2.0-only
/*
 * The battery as a power supply: it shows what the gun says and nothing that it
 * does not say now, tells of changes once, and goes while it is being read.
 */
#include <glob.h>
#include <linux/netlink.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "gun.h"

#define DIR_NAME "/sys/class/power_supply/meso0-battery/"

/* One attribute without its newline, or a negative errno. */
static int attribute(const char *name, char *text, size_t size)
{
	char path[256];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), DIR_NAME "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	if (len < 0)
		len = -errno;
	close(fd);
	if (len < 0)
		return (int)len;
	text[len] = 0;
	text[strcspn(text, "\n")] = 0;
	return 0;
}

static void require_text(const char *name, const char *wanted)
{
	char text[256];

	require_eq(attribute(name, text, sizeof(text)), 0);
	if (strcmp(text, wanted) != 0)
		failed(__FILE__, __LINE__, "%s is '%s', wanted '%s'", name, text, wanted);
}

static long number(const char *name)
{
	char text[256];
	int r = attribute(name, text, sizeof(text));

	return r ? r : strtol(text, NULL, 10);
}

static void wait_number(const char *name, long wanted)
{
	uint64_t until = now_ms() + 3000;

	while (number(name) != wanted && now_ms() < until)
		sleep_ms(5);
	require_eq(number(name), wanted);
}

/* As sensors(1) finds it. */
static long hwmon_millidegrees(void)
{
	glob_t found;
	long value;

	require_eq(glob(DIR_NAME "hwmon*/temp1_input", 0, NULL, &found), 0);
	require_eq(found.gl_pathc, 1);
	value = number(found.gl_pathv[0] + strlen(DIR_NAME));
	globfree(&found);
	return value;
}

static int listen_to_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	require(fd >= 0);
	require_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static long value_in(const char *message, ssize_t len, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = message; at < message + len; at += strlen(at) + 1)
		if (!strncmp(at, key, n) && at[n] == '=')
			return strtol(at + n + 1, NULL, 10);
	return -1;
}

/* How often the battery said within @ms that it changed, and its charge then;
 * returns early once it has said @enough times.
 */
static unsigned int changes(int fd, unsigned int ms, unsigned int enough, long *ret_percent)
{
	static const char change[] = "change@";
	uint64_t until = now_ms() + ms;
	unsigned int count = 0;
	char message[4096];

	while (now_ms() < until && count < enough) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t len;

		if (poll(&p, 1, (int)(until - now_ms())) <= 0)
			break;
		len = recv(fd, message, sizeof(message) - 1, 0);
		require(len > 0);
		message[len] = 0;
		if (strncmp(message, change, strlen(change)) != 0 ||
		    strcmp(strrchr(message, '/'), "/meso0-battery") != 0)
			continue;
		count++;
		*ret_percent = value_in(message, len, "POWER_SUPPLY_CAPACITY");
	}
	return count;
}

static void it_shows_what_the_gun_says(int gun)
{
	struct meso_info info = info_of(gun);
	struct meso_status status = status_of(gun);

	require_text("type", "Battery");
	require_text("scope", "Device");
	require_text("present", "1");
	require_text("online", "1");
	require_text("status", "Unknown");
	require_text("capacity_level", "Normal");
	require_text("serial_number", SERIAL);
	require_text("model_name", info.model);
	require_eq(number("capacity"), status.battery_percent);
	require_eq(number("voltage_now"), (long)status.battery_mv * 1000);

	hand("temperature", 31250);
	wait_number("temp", 313);
	require_eq(hwmon_millidegrees(), 31300);
	hand("temperature", -4960);
	wait_number("temp", -50);
	hand("temperature", 25000);
	wait_number("temp", 250);
}

static void it_tells_of_changes_of_charge_alone(int gun)
{
	int fd = listen_to_uevents();
	struct meso_status status;
	struct meso_clear clear;
	long percent = -1;

	changes(fd, 1500, 100, &percent); /* what came before */
	require_eq(changes(fd, 1500, 1, &percent), 0);
	hand("battery", 57);
	require_eq(changes(fd, 3000, 1, &percent), 1);
	require_eq(percent, 57);
	require_eq(number("capacity"), 57);
	require_eq(number("voltage_now"), 3813000);
	hand("temperature", 30000);
	wait_number("temp", 300);
	hand("temperature", 25000);
	require_eq(changes(fd, 1500, 1, &percent), 0);

	/* Low is what the gun calls low, and as long as it does. */
	hand("battery", 5);
	require_eq(changes(fd, 3000, 1, &percent), 1);
	require_eq(percent, 5);
	require_text("capacity_level", "Low");
	hand("battery", 80);
	require_eq(changes(fd, 3000, 1, &percent), 1);
	require_text("capacity_level", "Low");
	require_eq(changes(fd, 1500, 1, &percent), 0);
	require_eq(ask(gun, MESO_IOC_ACQUIRE, NULL), 0);
	status = status_of(gun);
	clear = (struct meso_clear){
		.mask = status.faults,
		.counter = status.fault_counter,
		.boot_id = status.boot_id,
	};
	require_eq(ask(gun, MESO_IOC_CLEAR_FAULTS, &clear), 0);
	require_eq(changes(fd, 3000, 1, &percent), 1);
	require_eq(percent, 80);
	require_text("capacity_level", "Normal");
	require_eq(ask(gun, MESO_IOC_RELEASE, NULL), 0);

	/* A hundred changes in two seconds are not a hundred uevents. */
	changes(fd, 1100, 100, &percent);
	for (int i = 0; i < 100; i++) {
		hand("battery", 50 + i % 2);
		sleep_ms(20);
	}
	hand("battery", 42);
	require(changes(fd, 3000, 100, &percent) <= 6);
	require_eq(percent, 42);
	close(fd);
}

static void a_silent_gun_has_no_charge(int gun)
{
	struct meso_lease none = { .sequence = 0 };

	hand("freeze", 1);
	wait_status(gun, &none, 3000, s.state == MESO_STATE_STALE);
	require_eq(number("capacity"), -ENODATA);
	require_eq(number("voltage_now"), -ENODATA);
	require_eq(number("temp"), -ENODATA);
	require_eq(number("capacity_level"), -ENODATA);
	require_text("online", "0");
	require_text("present", "1");
	require_text("serial_number", SERIAL);
	hand("freeze", 0);
	wait_number("capacity", 42);
	require_text("online", "1");
}

static atomic_bool enough;

/* Reads everything that there is, as long as it may, keeping one file open. */
static void *read_on(void *unused)
{
	static const char *const names[] = {
		"capacity", "voltage_now", "temp", "uevent", "serial_number", "online",
	};
	char text[4096];
	(void)unused;

	while (!atomic_load(&enough)) {
		int fd = open(DIR_NAME "capacity", O_RDONLY | O_CLOEXEC);

		for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			int r = attribute(names[i], text, sizeof(text));

			require(!r || r == -ENODATA || r == -ENODEV || r == -ENOENT ||
				r == -EAGAIN);
		}
		if (fd < 0)
			continue;
		if (pread(fd, text, sizeof(text), 0) < 0)
			require(errno == ENODATA || errno == ENODEV || errno == EAGAIN);
		close(fd);
	}
	return NULL;
}

static void it_goes_while_it_is_read(void)
{
	pthread_t thread[4];
	struct timespec until;

	for (int i = 0; i < 4; i++)
		require(!pthread_create(&thread[i], NULL, read_on, NULL));
	for (int i = 0; i < 20; i++) {
		/* Also in the midst of an uevent. */
		hand("battery", 30 + i);
		sleep_ms((unsigned int)i * 3);
		hand("disconnect", 1);
		/* A bus may take its time to notice. */
		wait_number("capacity", -ENOENT);
		hand("disconnect", 0);
		wait_until(3000, number("capacity") != -ENOENT);
	}
	atomic_store(&enough, true);
	until = (struct timespec){ .tv_sec = time(NULL) + 5 };
	for (int i = 0; i < 4; i++)
		require(!pthread_timedjoin_np(thread[i], NULL, &until),
			": a reader was left hanging");
}

int main(void)
{
	int gun = open_gun("/dev/meso0", O_RDWR);
	struct meso_lease none = { .sequence = 0 };

	wait_status(gun, &none, 3000, s.flags & MESO_STATUS_FRESH);
	it_shows_what_the_gun_says(gun);
	it_tells_of_changes_of_charge_alone(gun);
	a_silent_gun_has_no_charge(gun);
	close(gun);
	it_goes_while_it_is_read();
	wait_number("capacity", 49);
	return 0;
}
