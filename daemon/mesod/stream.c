// SPDX-License-Identifier: GPL-2.0-only
/*
 * See stream.h.  A send that would wait is a dropped frame, counted for the
 * reader; a reader that is gone takes its stream with it.
 */
#include "stream.h"

#include <meso_stream.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bus_errors.h"
#include "gun.h"
#include "mesod.h"

#define STREAM_BUFFER (256 * 1024)

struct stream {
	struct stream *next;
	struct streams *owner;
	char *client;
	int fd;
	uint64_t seq;
	uint64_t dropped;
	sd_event_source *hangup;
};

struct streams {
	struct gun *gun;
	inj_gun *handle;
	sd_event_source *io;
	struct stream *first;
};

static void stream_free(struct stream *stream)
{
	struct streams *owner = stream->owner;

	for (struct stream **p = &owner->first; *p; p = &(*p)->next) {
		if (*p != stream)
			continue;
		*p = stream->next;
		owner->gun->mesod->n_streams--;
		break;
	}
	sd_event_source_disable_unref(stream->hangup);
	closep(&stream->fd);
	free(stream->client);
	free(stream);
}

struct streams *streams_free(struct streams *streams)
{
	if (!streams)
		return NULL;
	for (struct stream *stream = streams->first, *next; stream; stream = next) {
		next = stream->next;
		stream_free(stream);
	}
	sd_event_source_disable_unref(streams->io);
	inj_gun_unref(streams->handle);
	free(streams);
	return NULL;
}

/* Drops everything when the last reader has gone: an unwatched gun sends no samples. */
static void streams_tidy(struct gun *gun)
{
	if (gun->streams && !gun->streams->first)
		gun->streams = streams_free(gun->streams);
}

static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct stream *stream = userdata;
	struct gun *gun = stream->owner->gun;
	char scrap[64];

	(void)source;
	/* What a client writes means nothing; only its end does. */
	if (!(revents & (EPOLLHUP | EPOLLERR)) && recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT) > 0)
		return 0;
	stream_free(stream);
	streams_tidy(gun);
	return 0;
}

static void stream_send(struct stream *stream, const struct meso_stream_frame *frame)
{
	struct meso_stream_frame mine = *frame;

	mine.seq = ++stream->seq;
	mine.dropped = stream->dropped;
	if (send(stream->fd, &mine, sizeof(mine), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		stream->dropped++; /* a closed end is noticed by its hang-up */
}

static int on_event(inj_gun *handle, const struct meso_event *event, void *userdata)
{
	struct streams *streams = userdata;
	const struct meso_event_sample *sample = (const void *)event;

	(void)handle;
	if (event->type == MESO_EVENT_OVERFLOW) {
		for (struct stream *s = streams->first; s; s = s->next) {
			s->seq += event->value[0];
			s->dropped += event->value[0];
		}
		return 0;
	}
	if (event->type != MESO_EVENT_SAMPLE || event->size < sizeof(*sample))
		return 0;

	const struct meso_stream_frame frame = {
		.version = MESO_STREAM_VERSION,
		.size = sizeof(frame),
		.timestamp_ns = event->timestamp_ns,
		.frame_seq = event->value[0],
		.state = sample->state,
		.flags = (uint32_t)event->value[1],
		.plunger_nm = sample->plunger_nm,
		.plunger2_nm = sample->plunger2_nm,
		.pressure_pa = sample->pressure_pa,
		.depth_um = sample->depth_um,
		.vacuum_pa = sample->vacuum_pa,
		.lease_left_nl = sample->lease_left_nl,
		.reservoir_nl = sample->reservoir_nl,
	};
	for (struct stream *s = streams->first; s; s = s->next)
		stream_send(s, &frame);
	return 0;
}

static int on_samples(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct streams *streams = userdata;
	struct gun *gun = streams->gun;

	(void)source;
	(void)fd;
	(void)revents;
	if (inj_gun_dispatch(streams->handle, on_event, streams) < 0)
		gun->streams = streams_free(streams);
	return 0;
}

static int streams_new(struct gun *gun, struct streams **ret)
{
	const struct meso_event_config wanted = {
		.mask = 1u << MESO_EVENT_SAMPLE,
		.clock = MESO_CLOCK_BOOTTIME,
		.depth = 1024,
	};
	struct streams *streams = calloc(1, sizeof(*streams));
	int r;

	if (!streams)
		return -ENOMEM;
	streams->gun = gun;
	r = inj_gun_open(gun->uri, INJ_OPEN_READ_ONLY, &streams->handle);
	if (r >= 0)
		r = inj_gun_set_events(streams->handle, &wanted, NULL);
	if (r >= 0)
		r = sd_event_add_io(gun->mesod->event, &streams->io,
				    inj_gun_get_fd(streams->handle), EPOLLIN, on_samples, streams);
	if (r >= 0)
		r = sd_event_source_set_priority(streams->io, PRIORITY_TELEMETRY);
	if (r < 0) {
		streams_free(streams);
		return r;
	}
	*ret = streams;
	return 0;
}

static unsigned int count_of_client(const struct mesod *mesod, const char *client)
{
	unsigned int n = 0;

	for (const struct gun *gun = mesod->guns; gun; gun = gun->next)
		for (const struct stream *s = gun->streams ? gun->streams->first : NULL; s;
		     s = s->next)
			n += strcmp(s->client, client) == 0;
	return n;
}

/* Adds a reader; its own end is returned. */
static int stream_add(struct streams *streams, const char *client, int *ret_fd)
{
	struct mesod *mesod = streams->gun->mesod;
	const int size = STREAM_BUFFER;
	struct stream *stream;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));

	stream = calloc(1, sizeof(*stream));
	if (!stream) {
		close(pair[0]);
		close(pair[1]);
		return -ENOMEM;
	}
	stream->owner = streams;
	stream->fd = pair[0];
	stream->client = strdup(client);
	r = stream->client ? 0 : -ENOMEM;
	if (r >= 0)
		r = sd_event_add_io(mesod->event, &stream->hangup, stream->fd, EPOLLIN, on_hangup,
				    stream);
	if (r >= 0)
		r = sd_event_source_set_priority(stream->hangup, PRIORITY_TELEMETRY);
	stream->next = streams->first;
	streams->first = stream;
	mesod->n_streams++;
	if (r < 0) {
		close(pair[1]);
		stream_free(stream);
		return r;
	}
	*ret_fd = pair[1];
	return 0;
}

int streams_open(struct gun *gun, sd_bus_message *call, sd_bus_error *error)
{
	const char *client = sd_bus_message_get_sender(call);
	struct mesod *mesod = gun->mesod;
	_cleanup_(closep) int fd = -1;
	int r;

	if (mesod->n_streams >= STREAMS_MAX)
		return bus_fail(error, ERROR_LIMIT,
				"streams=%u limit=%u: too many streams are open", mesod->n_streams,
				STREAMS_MAX);
	if (count_of_client(mesod, client ? client : "") >= STREAMS_CLIENT_MAX)
		return bus_fail(error, ERROR_LIMIT,
				"limit=%u: this client has as many streams as one may have",
				STREAMS_CLIENT_MAX);
	if (!gun->streams) {
		if (!gun_answers(gun))
			return bus_fail(error, ERROR_TIMEOUT,
					"stale: the gun does not report; try again");
		r = streams_new(gun, &gun->streams);
		if (r < 0)
			return bus_fail_gun(error, r, "cannot open a stream");
	}
	r = stream_add(gun->streams, client ? client : "", &fd);
	if (r >= 0)
		r = sd_bus_reply_method_return(call, "h", fd);
	streams_tidy(gun);
	return r < 0 ? bus_fail_internal(error, r) : 1;
}
