// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See frames.h.
 */
#include "frames.h"

#include <libaio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FRAMES_MAX 32
#define OLD_NS     20000000ull

struct waiting {
	struct iocb iocb;
	u8 buf[MESO_FRAME_SIZE];
	u64 since;
	bool busy;
};

struct mg_frames {
	io_context_t context;
	int fd;
	int done_fd;
	struct waiting waiting[FRAMES_MAX];
};

int mg_frames_new(int fd, struct mg_frames **ret_frames)
{
	struct mg_frames *frames = calloc(1, sizeof(*frames));
	int r;

	if (!frames)
		return -ENOMEM;
	frames->fd = fd;
	frames->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = frames->done_fd < 0 ? -errno : io_setup(FRAMES_MAX, &frames->context);
	if (r < 0) {
		frames->context = NULL;
		mg_frames_free(frames);
		return r;
	}
	*ret_frames = frames;
	return 0;
}

struct mg_frames *mg_frames_free(struct mg_frames *frames)
{
	if (!frames)
		return NULL;
	/* Waits for those that still wait: they are taken back first. */
	if (frames->context) {
		mg_frames_cancel(frames);
		io_destroy(frames->context);
	}
	if (frames->done_fd >= 0)
		close(frames->done_fd);
	free(frames);
	return NULL;
}

int mg_frames_fd(const struct mg_frames *frames)
{
	return frames->done_fd;
}

void mg_frames_reap(struct mg_frames *frames)
{
	struct io_event events[FRAMES_MAX];
	struct timespec none = { 0 };
	u64 count;
	int n;

	if (read(frames->done_fd, &count, sizeof(count)) < 0)
		return; /* none since the last time */
	n = io_getevents(frames->context, 0, FRAMES_MAX, events, &none);
	for (int i = 0; i < n; i++) {
		struct waiting *w = events[i].data;

		w->busy = false;
	}
}

void mg_frames_cancel(struct mg_frames *frames)
{
	struct io_event event;

	for (size_t i = 0; i < FRAMES_MAX; i++)
		if (frames->waiting[i].busy)
			io_cancel(frames->context, &frames->waiting[i].iocb, &event);
	mg_frames_reap(frames);
}

static struct waiting *find_room(struct mg_frames *frames, u64 now)
{
	struct waiting *room = NULL;
	bool old = false;

	for (size_t i = 0; i < FRAMES_MAX; i++) {
		struct waiting *w = &frames->waiting[i];

		if (!w->busy)
			room = w;
		else if (now > w->since + OLD_NS)
			old = true;
	}
	if (room && !old)
		return room;
	mg_frames_cancel(frames);
	for (size_t i = 0; i < FRAMES_MAX; i++)
		if (!frames->waiting[i].busy)
			return &frames->waiting[i];
	return NULL;
}

void mg_frames_send(struct mg_frames *frames, const u8 *buf, size_t size, u64 now)
{
	struct waiting *w = find_room(frames, now);
	struct iocb *iocb;

	/* No room is a frame lost: its number tells the host. */
	if (!w || size > sizeof(w->buf))
		return;
	memcpy(w->buf, buf, size);
	io_prep_pwrite(&w->iocb, frames->fd, w->buf, size, 0);
	io_set_eventfd(&w->iocb, frames->done_fd);
	w->iocb.data = w;
	w->since = now;
	iocb = &w->iocb;
	w->busy = io_submit(frames->context, 1, &iocb) == 1;
}
