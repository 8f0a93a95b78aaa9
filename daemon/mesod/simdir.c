// SPDX-License-Identifier: GPL-2.0-only
/*
 * See simdir.h.
 */
#include "simdir.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "hotplug.h"
#include "macros.h"
#include "mesod.h"

#define URI_MAX 128

struct simdir {
	struct simdir *next;
	struct hotplug *hotplug;
	struct mesod *mesod;
	char *path;
	sd_event_source *inotify;
};

static bool uri_of(const struct simdir *dir, const char *name, char uri[static URI_MAX])
{
	return snprintf(uri, URI_MAX, "sim:%s/%s", dir->path, name) < URI_MAX;
}

static void look_at(struct simdir *dir, const char *name)
{
	char uri[URI_MAX];
	struct stat st;
	int r;

	if (!uri_of(dir, name, uri) || stat(uri + strlen("sim:"), &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	r = hotplug_place_add(dir->hotplug, uri);
	if (r < 0)
		log_main(dir->mesod, LOG_ERR, "%s is not looked at: %s", uri, strerrordesc_np(-r));
}

static void scan(struct simdir *dir)
{
	DIR *stream = opendir(dir->path);
	const struct dirent *entry;

	if (!stream)
		return;
	while ((entry = readdir(stream)))
		look_at(dir, entry->d_name);
	closedir(stream);
}

static int on_inotify(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
	struct simdir *dir = userdata;
	char uri[URI_MAX];

	(void)source;
	if (event->mask & IN_Q_OVERFLOW)
		scan(dir);
	else if (!event->len)
		return 0;
	else if (event->mask & (IN_CREATE | IN_MOVED_TO))
		look_at(dir, event->name);
	else if ((event->mask & (IN_DELETE | IN_MOVED_FROM)) && uri_of(dir, event->name, uri))
		hotplug_place_remove(dir->hotplug, uri);
	return 0;
}

int simdir_new(struct hotplug *hotplug, struct mesod *mesod, const char *path, struct simdir **list)
{
	struct simdir *dir = calloc(1, sizeof(*dir));
	int r;

	if (!dir)
		return -ENOMEM;
	dir->hotplug = hotplug;
	dir->mesod = mesod;
	dir->path = strdup(path);
	r = dir->path ? sd_event_add_inotify(mesod->event, &dir->inotify, path,
					     IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM,
					     on_inotify, dir)
		      : -ENOMEM;
	if (r < 0) {
		simdir_free_all(dir);
		return r;
	}
	scan(dir);
	dir->next = *list;
	*list = dir;
	return 0;
}

struct simdir *simdir_free_all(struct simdir *list)
{
	while (list) {
		struct simdir *dir = list;

		list = dir->next;
		sd_event_source_disable_unref(dir->inotify);
		free(dir->path);
		free(dir);
	}
	return NULL;
}
