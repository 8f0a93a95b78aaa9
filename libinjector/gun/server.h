/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process: one loop, one gun, its clients and its console.
 */
#ifndef MG_SERVER_H
#define MG_SERVER_H

#include "cable.h"
#include "host.h"

#include <stdio.h>
#include <sys/types.h>

#define MG_CLIENTS_MAX     64
/* Connections that have not said hello yet, or that only drain their events */
#define MG_CONNECTIONS_MAX (MG_CLIENTS_MAX + 16)
#define MG_CONSOLES_MAX    8
#define MG_LINE_MAX        1024

struct mg_server;

/* A descriptor in the loop */
struct mg_source {
	void (*ready)(struct mg_server *server, struct mg_source *source, u32 events);
	bool late; /* what it does is done now, after what clients asked for earlier */
};

struct mg_connection {
	struct mg_source requests;
	struct mg_source drained;
	struct mg_file file;
	int fd;           /* -1 once the gun is gone for it */
	int events_fd;    /* our end, -1 before the hello */
	u64 since_ns;     /* when it connected */
	u64 last_request; /* number */
	bool used;
	bool greeted;
	bool readable;              /* a request may be waiting */
	bool leaving;               /* only its queued events are still delivered */
	u8 out[INJ_SIM_EVENTS_MAX]; /* events taken from the queue, not sent yet */
	size_t out_size;
};

struct mg_console {
	struct mg_source source;
	int fd;
};

struct mg_usb;

struct mg_server_options {
	const char *socket_path;  /* one of these two */
	const char *udc;          /* a USB device controller, "" for the first free one */
	const char *control_path; /* or NULL */
	const char *serial;       /* as the USB plug says it, or NULL: the gun's own */
};

struct mg_server {
	const struct mg_server_options *options;
	const struct mg_cable *cable;
	struct mg_machine *machine;
	u64 now; /* up to which the gun's time has passed */
	int epoll_fd;
	int timer_fd;
	int signal_fd;
	int listen_fd;
	int control_fd;
	struct mg_source timer, signals, listener, control;
	struct mg_console consoles[MG_CONSOLES_MAX];
	bool quit;

	/* socket_cable.c's */
	struct mg_host host;
	struct mg_connection connections[MG_CONNECTIONS_MAX];
	u64 last_owner; /* newest token given out */
	bool accepting; /* the listener is in the loop */

	struct mg_usb *usb; /* usb_cable.c's */
};

/* server.c: returns when told to stop; 0 or -errno with a sentence in @error */
int mg_server_run(const struct mg_server_options *options, struct mg_machine *machine, char *error);
u64 mg_boottime_ns(void);
u64 mg_monotonic_ns(void);
int mg_watch(struct mg_server *server, int fd, u32 events, struct mg_source *source);
int mg_listen_on(const char *path, int *ret_fd, char *error);
/* An answer for the console: "ok", or what went wrong with @what */
void mg_say(char *answer, size_t size, int r, const char *what);

/* connection.c */
void mg_connection_accept(struct mg_server *server);
void mg_connection_close(struct mg_server *server, struct mg_connection *c);
/* Answers what is waiting; the controller first. */
void mg_connections_serve(struct mg_server *server, u64 now);
/* Sends what is queued, as far as it is taken. */
void mg_connections_flush(struct mg_server *server);
/* The gun is gone for all of them. */
void mg_connections_leave(struct mg_server *server);
void mg_connections_drop_all(struct mg_server *server);
void mg_connections_expire(struct mg_server *server, u64 now);
void mg_connections_emit(void *ctx, const struct meso_event *event, u64 mono_ns);

/* console.c */
void mg_console_accept(struct mg_server *server);
void mg_console_close(struct mg_server *server, struct mg_console *console);
/* Does one line; the answer goes to @answer. */
void mg_console_line(struct mg_server *server, char *line, char *answer, size_t size);
/* The other end: sends a line to the console at @path, prints the answer.  Exit status. */
int mg_console_ask(const char *path, const char *line);
/* The same for each line of @input, until it ends. */
int mg_console_talk(const char *path, FILE *input);

#endif /* MG_SERVER_H */
