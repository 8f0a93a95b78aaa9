/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways in which a gun can go from under its users, and come back: the cable,
 * its directory in configfs, its driver, its module.  What goes is the gun
 * DUMMY-0001 of guns.sh, the only one: /dev/meso0, unless somebody still has that
 * open from before.
 */
#ifndef TEST_WAYS_H
#define TEST_WAYS_H

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "gun.h"

#define NODE "/dev/meso0"

struct way {
	const char *name;
	void (*go)(void);
	void (*back)(void); /* a moment later there is a node */
	bool gun_lives;     /* and can be looked at while it is away */
};

static inline void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		failed(__FILE__, __LINE__, "'%s' to %s: %s", text, path, strerror(errno));
	close(fd);
}

static inline void load_module(const char *name, const char *arguments)
{
	struct utsname kernel;
	char path[256];
	int fd;

	require_eq(uname(&kernel), 0);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/%s.ko", kernel.release, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	require(fd >= 0);
	require_eq(syscall(SYS_finit_module, fd, arguments, 0) ? -errno : 0, 0);
	close(fd);
}

static inline void unload_module(const char *name)
{
	require_eq(syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0, 0);
}

static inline void pull_cable(void)
{
	hand("disconnect", 1);
}

static inline void plug_cable(void)
{
	hand("disconnect", 0);
}

/* ---- in the kernel ------------------------------------------------------------ */

#define DUMMY_DIR "/sys/kernel/config/meso_dummy/" SERIAL

static inline void remove_directory(void)
{
	require_eq(rmdir(DUMMY_DIR) ? -errno : 0, 0);
}

static inline void make_directory(void)
{
	require_eq(mkdir(DUMMY_DIR, 0755) ? -errno : 0, 0);
	write_text(DUMMY_DIR "/live", "1");
}

static inline void kill_directory(void)
{
	write_text(DUMMY_DIR "/live", "0");
}

static inline void revive_directory(void)
{
	write_text(DUMMY_DIR "/live", "1");
}

static inline void unload_dummy(void)
{
	/* A directory would keep it busy. */
	rmdir(DUMMY_DIR);
	unload_module("meso_dummy");
}

static inline void load_dummy(void)
{
	load_module("meso_dummy", "guns=0");
	make_directory();
}

/* ---- on USB -------------------------------------------------------------------- */

#define USB_DRIVER "/sys/bus/usb/drivers/meso_usb"

static char usb_interface[256];

/* Such as 1-1:1.0, while it is bound. */
static inline void find_interface(void)
{
	DIR *dir = opendir(USB_DRIVER);
	const struct dirent *entry;

	require(dir);
	usb_interface[0] = '\0';
	while ((entry = readdir(dir)))
		if (strstr(entry->d_name, ":1."))
			snprintf(usb_interface, sizeof(usb_interface), "%s", entry->d_name);
	closedir(dir);
	require(usb_interface[0]);
}

static inline void unbind_driver(void)
{
	find_interface();
	write_text(USB_DRIVER "/unbind", usb_interface);
}

static inline void bind_driver(void)
{
	write_text(USB_DRIVER "/bind", usb_interface);
}

static inline void unload_usb(void)
{
	unload_module("meso_usb");
}

static inline void load_usb(void)
{
	load_module("meso_usb", "");
	write_text(USB_DRIVER "/new_id", "1209 0001 ff");
}

static const struct way dummy_ways[] = {
	{ "the cable is pulled", pull_cable, plug_cable, true },
	{ "configfs unplugs it", kill_directory, revive_directory, true },
	{ "its directory is removed", remove_directory, make_directory, false },
	{ "its module is unloaded", unload_dummy, load_dummy, false },
};

static const struct way usb_ways[] = {
	{ "the cable is pulled", pull_cable, plug_cable, true },
	{ "its driver is unbound", unbind_driver, bind_driver, true },
	{ "its module is unloaded", unload_usb, load_usb, true },
};

/* Those of the kind of gun that there is; the dummy's must have a directory. */
static inline size_t all_ways(const struct way **ways)
{
	bool usb = getenv("GUNS");

	*ways = usb ? usb_ways : dummy_ways;
	return usb ? sizeof(usb_ways) / sizeof(usb_ways[0])
		   : sizeof(dummy_ways) / sizeof(dummy_ways[0]);
}

/* The only gun's node, if there is one. */
static inline bool find_node(char path[static 32])
{
	for (int minor = 0; minor < 64; minor++) {
		snprintf(path, 32, "/dev/meso%d", minor);
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* A hub notices a cable only when it looks: what is there before that is the gun of before. */
static inline void go_away(const struct way *way)
{
	char node[32];

	way->go();
	wait_until(5000, !find_node(node));
}

static inline void come_back(const struct way *way)
{
	char node[32];

	way->back();
	wait_until(10000, find_node(node));
}

/* What was armed has stopped, wherever that can be seen. */
static inline void require_stopped(const struct way *way)
{
	if (way->gun_lives)
		wait_until(500, !truth("armed") && !truth("moving"));
}

#endif /* TEST_WAYS_H */
